"""The concentrated Newton method finds the optimum that reweighted least squares converge to."""

import numpy as np
import pandas as pd
import pyfixest
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.models import ModelError, Specification, fit, least_squares, two_way
from analysis.models.poisson_two_way import concentrated_optimum
from analysis.models.two_way import group_rows

some = settings(max_examples=15)
seeds = st.integers(0, 2**32 - 1)


def panel(seed, units=25, years=8, level=0.5):
    random = np.random.default_rng(seed)
    unit, year = np.divmod(np.arange(units * years), years)
    frame = pd.DataFrame({"unit": unit, "year": 2000 + year})
    frame["x"] = random.normal(size=len(frame)) + 3
    frame["z"] = random.normal(size=len(frame)) * 1e4
    log_mean = 0.4 * frame["x"] - 2e-5 * frame["z"] + random.normal(size=units)[unit] + level - 1
    frame["count"] = random.poisson(np.exp(log_mean + 0.1 * year)).astype(float)
    frame["w"] = random.uniform(0.5, 2, len(frame))
    return frame[random.uniform(size=len(frame)) < 0.85].reset_index(drop=True)


def specification(absorb, weights=None):
    return Specification(
        outcome="count",
        regressors=("x", "z"),
        estimator="poisson",
        absorb=absorb,
        weights=weights,
        vcov="cluster",
        cluster=("unit",),
    )


def without_newton(monkeypatch):
    monkeypatch.setattr(least_squares, "concentrated_optimum", lambda *_: None)


def message(spec, frame):
    with pytest.raises(ModelError) as error:
        fit(spec, frame)
    return str(error.value)


@pytest.mark.parametrize("absorb", [("unit",), ("unit", "year"), ("year", "unit")])
@pytest.mark.parametrize("weights", [None, "w"])
@given(seed=seeds)
@some
def test_agrees_with_reweighted_least_squares(absorb, weights, seed):
    frame, spec = panel(seed), specification(absorb, weights)
    ours = fit(spec, frame)
    with pytest.MonkeyPatch.context() as monkeypatch:
        without_newton(monkeypatch)
        plain = fit(spec, frame)
    columns = ["estimate", "std_error"]
    pd.testing.assert_frame_equal(
        ours.coefficients[columns], plain.coefficients[columns], rtol=1e-9, atol=1e-12
    )
    assert ours.facts.n_separated == plain.facts.n_separated
    assert ours.facts.log_likelihood == pytest.approx(plain.facts.log_likelihood, rel=1e-12)


@pytest.mark.filterwarnings("ignore:.*removed because of separation", "ignore::DeprecationWarning")
@given(seed=seeds)
@some
def test_agrees_with_pyfixest(seed):
    frame = panel(seed, level=-1.0)
    ours = fit(specification(("unit", "year")), frame)
    theirs = pyfixest.fepois(
        "count ~ x + z | unit + year",
        frame,
        vcov={"CRV1": "unit"},
        ssc=pyfixest.ssc(k_fixef="full", G_df="conventional"),
        fixef_tol=1e-10,
        iwls_tol=1e-12,
    )
    np.testing.assert_allclose(ours.coefficients["estimate"], theirs.coef(), rtol=1e-9, atol=1e-13)
    assert ours.facts.n_obs == theirs._N


def test_newton_alone_reaches_the_optimum():
    """The score of every regressor and year is zero, and fitted totals of units are the totals."""
    frame = panel(11).query("unit > 2").reset_index(drop=True)
    frame = frame[frame.groupby("unit")["count"].transform("sum") > 0]
    unit, year = (np.unique(frame[name], return_inverse=True)[1] for name in ("unit", "year"))
    count, weights = frame["count"].to_numpy(), frame["w"].to_numpy()
    regressors = frame[["x", "z"]].to_numpy()
    groups = group_rows(np.column_stack([unit, year]))
    optimum = concentrated_optimum(count, regressors, groups, weights)
    mean = np.exp(optimum.predictor)
    error = weights * (count - mean)
    for sums in (np.bincount(unit, error), np.bincount(year, error), error @ regressors[:, :1]):
        assert np.abs(sums).max() < 1e-6


def test_a_regressor_that_separates_gives_the_same_message(monkeypatch):
    frame = panel(4)
    frame["count"] = frame["count"].where(frame["x"] < 3.5, 0) + (frame["x"] < 3.5)
    frame["z"] = (frame["x"] >= 3.5).astype(float)
    spec = specification(("unit", "year"))
    ours = message(spec, frame)
    assert "rows with outcome zero are perfectly predicted" in ours
    without_newton(monkeypatch)
    assert message(spec, frame) == ours


@pytest.mark.parametrize("absorb", [("unit",), ("unit", "year")])
def test_a_collinear_regressor_is_named(monkeypatch, absorb):
    frame = panel(5).assign(z=lambda rows: rows["unit"] * 2.0)
    spec = specification(absorb)
    ours = message(spec, frame)
    assert ours.startswith("z cannot be estimated")
    without_newton(monkeypatch)
    assert message(spec, frame) == ours


def test_large_and_small_counts_and_regressors():
    frame = panel(6)
    plain = fit(specification(("unit", "year")), frame)
    moved = frame.assign(count=frame["count"] * 1e9, x=frame["x"] * 1e-3 + 1e3, z=frame["z"] + 1e7)
    other = fit(specification(("unit", "year")), moved)
    ratio = other.coefficients["estimate"] / plain.coefficients["estimate"]
    np.testing.assert_allclose(ratio, [1e3, 1.0], rtol=1e-8)


def test_no_byte_depends_on_the_number_of_threads(monkeypatch):
    frame = panel(7, units=600, years=20)
    monkeypatch.setattr(two_way, "LARGE", 1000)
    results = set()
    for threads in (1, 3):
        monkeypatch.setattr(two_way.config, "NUMBA_NUM_THREADS", threads)
        results.add(fit(specification(("unit", "year")), frame).frame().to_json())
    assert len(results) == 1


def test_separation_that_leaves_no_weight_is_named():
    """The means of separated rows vanish until the effects cannot be absorbed any more."""
    random = np.random.default_rng(49)
    frame = pd.DataFrame({"unit": random.integers(0, 9, 27), "year": random.integers(0, 7, 27)})
    frame["x"] = random.normal(size=27)
    frame["z"] = random.normal(size=27)
    frame["count"] = random.poisson(0.35, 27).astype(float)
    assert "rows with outcome zero are perfectly" in message(specification(("unit", "year")), frame)
