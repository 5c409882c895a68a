"""What must not change an estimate does not; what must, does so exactly."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.models import Specification, fit

SPECIFICATIONS = {
    "two effects": Specification(
        outcome="y",
        regressors=("x", "z"),
        absorb=("unit", "year"),
        vcov="cluster",
        cluster=("unit",),
        weights="w",
    ),
    "two-way": Specification(
        outcome="y", regressors=("x", "z"), vcov="cluster", cluster=("unit", "year")
    ),
    "hc3": Specification(outcome="y", regressors=("x", "z"), absorb=("unit",), vcov="hc3"),
    "poisson": Specification(
        outcome="count",
        regressors=("x", "z"),
        estimator="poisson",
        absorb=("unit",),
        vcov="cluster",
        cluster=("unit",),
    ),
    "iv": Specification(
        outcome="y",
        regressors=("z",),
        estimator="iv",
        endogenous=("x",),
        instruments=("q",),
        absorb=("unit",),
        vcov="hc1",
    ),
}
every_specification = pytest.mark.parametrize("name", SPECIFICATIONS)
some = settings(max_examples=8)
seeds = st.integers(0, 2**32 - 1)


def panel(seed: int, units: int = 12, years: int = 7) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        [(f"R{unit:02d}", 2000 + year) for unit in range(units) for year in range(years)],
        columns=["unit", "year"],
    )
    for name in ("x", "z", "q", "noise"):
        frame[name] = random.normal(size=len(frame))
    frame["x"] += frame["q"]
    level = frame["unit"].str[1:].astype(int) / 10
    frame["y"] = 0.5 * frame["x"] - frame["z"] + level + frame["noise"]
    frame["count"] = 1 + random.poisson(np.exp(0.3 * frame["x"] + level))
    frame["w"] = random.uniform(0.5, 2, len(frame))
    return frame[random.uniform(size=len(frame)) < 0.9].reset_index(drop=True)


def assert_close(left: pd.DataFrame, right: pd.DataFrame, rtol: float = 1e-8) -> None:
    pd.testing.assert_frame_equal(left, right, rtol=rtol, atol=1e-12, check_exact=False)


@every_specification
@given(seed=seeds)
@some
def test_row_order_and_index_change_no_byte(name, seed):
    frame = panel(seed)
    shuffled = frame.sample(frac=1, random_state=seed).set_index(np.zeros(len(frame), dtype=int))
    first, second = fit(SPECIFICATIONS[name], frame), fit(SPECIFICATIONS[name], shuffled)
    pd.testing.assert_frame_equal(first.frame(), second.frame(), check_exact=True)
    pd.testing.assert_frame_equal(first.covariance, second.covariance, check_exact=True)


@every_specification
@given(seed=seeds, factor=st.sampled_from([1e-9, 0.01, 3.7, 1e6]))
@some
def test_units_of_a_regressor(name, seed, factor):
    frame = panel(seed)
    plain = fit(SPECIFICATIONS[name], frame)
    scaled = fit(SPECIFICATIONS[name], frame.assign(x=frame["x"] * factor))
    for term, by in (("x", factor), ("z", 1)):
        np.testing.assert_allclose(
            scaled.row(term)[["estimate", "std_error"]].astype(float) * by,
            plain.row(term)[["estimate", "std_error"]].astype(float),
            rtol=1e-7,
        )


@pytest.mark.parametrize("name", ["two effects", "two-way", "hc3", "iv"])
@given(seed=seeds, factor=st.sampled_from([1e-6, 12.5, 1e9]), constant=st.floats(-50, 50))
@some
def test_units_and_origin_of_the_outcome(name, seed, factor, constant):
    frame = panel(seed)
    plain = fit(SPECIFICATIONS[name], frame).coefficients.set_index("term")
    moved = frame.assign(y=(frame["y"] + constant) * factor)
    other = fit(SPECIFICATIONS[name], moved).coefficients.set_index("term")
    for term in ("x", "z"):
        ours = other.loc[term, ["estimate", "std_error"]].astype(float) / factor
        np.testing.assert_allclose(
            ours, plain.loc[term, ["estimate", "std_error"]].astype(float), rtol=1e-6
        )


@given(seed=seeds, factor=st.sampled_from([0.001, 7.0, 1e5]))
@some
def test_poisson_outcome_scale_moves_only_the_intercept(seed, factor):
    frame = panel(seed)
    spec = replace(SPECIFICATIONS["poisson"], vcov="hc1", cluster=())
    plain = fit(spec, frame).coefficients
    scaled = fit(spec, frame.assign(count=frame["count"] * factor)).coefficients
    assert_close(plain[["estimate"]], scaled[["estimate"]])
    assert_close(plain[["std_error"]], scaled[["std_error"]])


@every_specification
@given(seed=seeds)
@some
def test_names_of_groups(name, seed):
    frame = panel(seed)
    renamed = frame.assign(unit=frame["unit"].map(lambda code: f"{99 - int(code[1:])}x"))
    assert_close(
        fit(SPECIFICATIONS[name], frame).coefficients,
        fit(SPECIFICATIONS[name], renamed).coefficients,
    )


@given(seed=seeds, factor=st.sampled_from([1e-4, 5.0, 1e6]))
@some
def test_scale_of_weights(seed, factor):
    frame = panel(seed)
    scaled = frame.assign(w=frame["w"] * factor)
    for vcov, cluster in (("classical", ()), ("hc1", ()), ("hc3", ()), ("cluster", ("unit",))):
        spec = replace(SPECIFICATIONS["two effects"], vcov=vcov, cluster=cluster)
        first, second = fit(spec, frame), fit(spec, scaled)
        assert_close(first.coefficients, second.coefficients)
        assert first.facts.r_squared == pytest.approx(second.facts.r_squared)


@every_specification
@given(seed=seeds)
@some
def test_missing_rows_are_the_rows_left_out(name, seed):
    frame = panel(seed)
    holes = frame.copy()
    gone = np.random.default_rng(seed).choice(len(frame), 4, replace=False)
    holes.loc[gone[:2], "z"] = np.nan
    holes.loc[gone[2:], "unit"] = None
    if "unit" not in (*SPECIFICATIONS[name].absorb, *SPECIFICATIONS[name].cluster):
        gone = gone[:2]
    with_holes = fit(SPECIFICATIONS[name], holes)
    without = fit(SPECIFICATIONS[name], frame.drop(index=gone))
    pd.testing.assert_frame_equal(with_holes.coefficients, without.coefficients, check_exact=True)
    assert with_holes.facts == replace(without.facts, n_dropped=len(gone))


@given(seed=seeds)
@some
def test_weights_of_two_are_rows_twice_for_the_coefficients(seed):
    frame = panel(seed)
    doubled = pd.concat([frame, frame.iloc[:20]], ignore_index=True)
    spec = replace(SPECIFICATIONS["two effects"], weights=None)
    weighted = frame.assign(w=np.where(np.arange(len(frame)) < 20, 2.0, 1.0))
    assert_close(
        fit(spec, doubled).coefficients[["estimate"]],
        fit(replace(spec, weights="w"), weighted).coefficients[["estimate"]],
    )


@given(seed=seeds)
@some
def test_the_true_coefficients_are_in_reach(seed):
    frame = panel(seed, units=60)
    for name in ("two effects", "hc3"):
        estimates = fit(SPECIFICATIONS[name], frame)
        for term, truth in (("x", 0.5), ("z", -1.0)):
            row = estimates.row(term)
            assert abs(row["estimate"] - truth) < 6 * row["std_error"]


DETERMINISM = """
import sys
sys.path.insert(0, {folder!r})
from test_fit_properties import SPECIFICATIONS, panel
from analysis.models import fit, round_significant
frame = panel(7, units=150, years=20)
for name, spec in SPECIFICATIONS.items():
    print(round_significant(fit(spec, frame).frame()).to_json(double_precision=15))
"""


def test_same_bytes_whatever_the_hash_seed_and_the_threads():
    script = DETERMINISM.format(folder=str(Path(__file__).parent))
    outputs = set()
    for seed, threads in (("0", "1"), ("1", "2"), ("2", "1")):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "OPENBLAS_NUM_THREADS": threads,
            "OMP_NUM_THREADS": threads,
            "RAYON_NUM_THREADS": threads,
        }
        run = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, check=True
        )
        outputs.add(run.stdout)
    assert len(outputs) == 1
    assert len(outputs.pop()) > 1000
