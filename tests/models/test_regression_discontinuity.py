"""Regression discontinuity against printed numbers, other engines, and a known truth."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from linearmodels.iv import IV2SLS

from analysis.models import ModelError, mse_bandwidths, regression_discontinuity

JUMP = 2.0


def simulated(seed: int = 5, n: int = 900) -> pd.DataFrame:
    """A curved mean with a jump of two at 75; half of the rows take the treatment they may take."""
    random = np.random.default_rng(seed)
    share = random.uniform(40, 120, n)
    eligible = share >= 75
    complier = random.uniform(size=n) < 0.6
    frame = pd.DataFrame({"share": share, "taken": (eligible & complier).astype(float)})
    frame["covariate"] = random.normal(size=n)
    frame["country"] = random.integers(0, 25, n)
    base = np.sin(share / 25) * 3 + 1.5 * frame["covariate"] + random.normal(scale=0.7, size=n)
    frame["y"] = base + JUMP * eligible
    frame["fuzzy"] = base + JUMP * frame["taken"]
    return frame


def test_printed_numbers_of_the_senate_elections(shared_data):
    """Default output of the authors' package for the Senate data (Cattaneo et al. 2015)."""
    folder = shared_data / "studies" / "cct2014_senate"
    printed = pd.read_csv(folder / "published.csv")
    printed = printed.set_index(["row_label", "statistic"])["printed_value"]
    estimates = regression_discontinuity(
        pd.read_csv(folder / "data.csv"), outcome="vote", running="margin"
    )
    columns = {"coef": "estimate", "se": "std_error", "z": "statistic"}
    columns |= {"ci_lower": "ci_low", "ci_upper": "ci_high"}
    for label, term in (("Conventional", "conventional"), ("Robust", "robust")):
        for statistic, column in columns.items():
            ours = estimates.row(term)[column]
            assert round(ours, 3) == printed[label, statistic], (label, statistic)
    facts = estimates.facts
    assert round(facts.bandwidth, 3) == printed["Bandwidth h", "bw"]
    assert round(facts.bias_bandwidth, 3) == printed["Bandwidth b", "bw"]
    assert facts.n_obs == printed["Number of observations", "n"]
    assert facts.n_left == printed["Effective obs left", "n"]
    assert facts.n_right == printed["Effective obs right", "n"]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("kernel", ["triangular", "uniform"])
def test_conventional_estimate_is_the_weighted_local_regression(kernel, order):
    frame = simulated()
    estimates = regression_discontinuity(
        frame,
        outcome="y",
        running="share",
        cutoff=75,
        bandwidth=15,
        kernel=kernel,
        order=order,
        vcov="hc1",
        covariates=("covariate",),
    )
    local, weights = local_design(frame, kernel, order)
    other = sm.WLS(local["y"], local.drop(columns="y"), weights=weights).fit(cov_type="HC1")
    assert estimates.row("conventional")["estimate"] == pytest.approx(
        other.params["jump"], rel=1e-9
    )
    assert (estimates.facts.n_left + estimates.facts.n_right) == len(local)


def test_errors_without_covariates_are_those_of_the_local_regression():
    frame = simulated()
    local, weights = local_design(frame, "triangular", 1)
    local = local.drop(columns="covariate")
    model = sm.WLS(local["y"], local.drop(columns="y"), weights=weights)
    robust = model.fit(cov_type="HC1")
    groups = frame.loc[local.index, "country"]
    clustered = model.fit(cov_type="cluster", cov_kwds={"groups": groups})
    options = {"outcome": "y", "running": "share", "cutoff": 75, "bandwidth": 15}
    ours = regression_discontinuity(frame, **options, vcov="hc1")
    assert ours.row("conventional")["std_error"] == pytest.approx(robust.bse["jump"], rel=1e-9)
    ours = regression_discontinuity(frame, **options, vcov="cluster", cluster="country")
    assert ours.row("conventional")["std_error"] == pytest.approx(clustered.bse["jump"], rel=1e-9)
    assert ours.facts.df_t == ours.facts.n_clusters - 1 == 24


def test_bias_correction_with_equal_bandwidths_is_the_next_order():
    """With h = b the corrected estimate is the local quadratic one (CCT 2014, remark 7)."""
    frame = simulated()
    options = {"outcome": "y", "running": "share", "cutoff": 75, "bandwidth": 15}
    linear = regression_discontinuity(frame, **options, order=1)
    quadratic = regression_discontinuity(frame, **options, order=2)
    np.testing.assert_allclose(
        linear.row("robust")[["estimate", "std_error"]].astype(float),
        quadratic.row("conventional")[["estimate", "std_error"]].astype(float),
        rtol=1e-9,
    )


def test_fuzzy_is_local_two_stage_least_squares():
    frame = simulated()
    options = {"running": "share", "cutoff": 75, "bandwidth": 15, "vcov": "hc1"}
    ours = regression_discontinuity(frame, outcome="fuzzy", treatment="taken", **options)
    local, weights = local_design(frame, "triangular", 1)
    rows = frame.loc[local.index]
    exogenous = local.drop(columns=["y", "jump", "covariate"])
    other = IV2SLS(rows["fuzzy"], exogenous, rows[["taken"]], local[["jump"]], weights=weights).fit(
        cov_type="robust", debiased=True
    )
    row = ours.row("conventional")
    assert row["estimate"] == pytest.approx(other.params["taken"], rel=1e-9)
    assert row["std_error"] == pytest.approx(other.std_errors["taken"], rel=1e-9)
    first = regression_discontinuity(frame, outcome="taken", **options).row("conventional")
    assert ours.facts.first_stage_f == pytest.approx(first["statistic"] ** 2, rel=1e-9)


def test_fuzzy_with_full_compliance_is_sharp():
    frame = simulated().assign(taken=lambda rows: (rows["share"] >= 75).astype(float))
    options = {"outcome": "y", "running": "share", "cutoff": 75}
    sharp = regression_discontinuity(frame, **options)
    fuzzy = regression_discontinuity(frame, **options, treatment="taken")
    np.testing.assert_allclose(
        fuzzy.coefficients.drop(columns="term"), sharp.coefficients.drop(columns="term"), rtol=1e-9
    )


def test_the_truth_is_covered_as_often_as_stated():
    covered = []
    for seed in range(120):
        row = regression_discontinuity(
            simulated(seed, n=500), outcome="y", running="share", cutoff=75
        ).row("robust")
        covered.append(row["ci_low"] <= JUMP <= row["ci_high"])
    assert 0.89 <= np.mean(covered) <= 1.0


def test_no_jump_at_a_placebo_cutoff():
    frame = simulated()
    at_true = regression_discontinuity(frame, outcome="y", running="share", cutoff=75)
    below = frame[frame["share"] < 75]
    placebo = regression_discontinuity(below, outcome="y", running="share", cutoff=60)
    assert at_true.row("robust")["p_value"] < 1e-3
    assert placebo.row("robust")["p_value"] > 0.05


def test_covariates_narrow_the_interval():
    frame = simulated()
    options = {"outcome": "y", "running": "share", "cutoff": 75, "bandwidth": 15}
    without = regression_discontinuity(frame, **options).row("robust")
    adjusted = regression_discontinuity(frame, **options, covariates=("covariate",)).row("robust")
    assert adjusted["std_error"] < 0.7 * without["std_error"]


@given(scale=st.sampled_from([1e-3, 0.5, 250.0]), unit=st.sampled_from([1e-3, 7.0, 1e4]))
@settings(max_examples=9)
def test_bandwidth_and_jump_follow_the_units(scale, unit):
    frame = simulated(n=300)
    distance = frame["share"].to_numpy() - 75
    h, b = mse_bandwidths(distance, frame["y"].to_numpy())
    other = mse_bandwidths(distance * scale, frame["y"].to_numpy() * unit + 3)
    np.testing.assert_allclose(other, (h * scale, b * scale), rtol=1e-6)


def test_row_order_changes_no_byte():
    frame = simulated()
    options = {"outcome": "y", "running": "share", "cutoff": 75}
    first = regression_discontinuity(frame, **options)
    second = regression_discontinuity(frame.sample(frac=1, random_state=0), **options)
    pd.testing.assert_frame_equal(first.frame(), second.frame(), check_exact=True)


def test_mirrored_running_variable_reverses_the_sign():
    frame = simulated().assign(negative=lambda rows: -rows["share"])
    plain = regression_discontinuity(frame, outcome="y", running="share", cutoff=75)
    mirrored = regression_discontinuity(frame, outcome="y", running="negative", cutoff=-75)
    np.testing.assert_allclose(
        mirrored.coefficients["estimate"], -plain.coefficients["estimate"], rtol=1e-7
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": "gauss"}, "'gauss' is not one of triangular, epanechnikov, uniform"),
        ({"vcov": "hc3"}, "'hc3' is not one of nn, hc1, cluster"),
        ({"vcov": "cluster"}, "vcov='cluster' and cluster go together"),
        ({"order": 7}, "order: expected 0, 1, 2 or 3, got 7"),
        ({"bandwidth": -1}, "bandwidth: expected a positive number, got -1"),
        ({"cutoff": 500}, "only 0 distinct values of 'share' at or above the cutoff 500"),
        ({"bandwidth": 0.01}, "distinct values of 'share'"),
        ({"running": "gdp"}, "no column 'gdp'"),
        ({"outcome": "flat"}, "'flat' is constant on each side"),
        ({"treatment": "flat", "bandwidth": 10}, "the treatment does not jump"),
    ],
)
def test_bad_requests_are_refused(options, message):
    frame = simulated().assign(flat=0.0)
    with pytest.raises(ModelError, match=message):
        regression_discontinuity(
            frame, **({"outcome": "y", "running": "share", "cutoff": 75} | options)
        )


def local_design(frame: pd.DataFrame, kernel: str, order: int) -> tuple[pd.DataFrame, pd.Series]:
    """Columns of the local regression around 75 with bandwidth 15, and kernel weights."""
    rows = frame[(frame["share"] - 75).abs() < 15]
    distance = rows["share"] - 75
    right = (distance >= 0).astype(float)
    columns = {"y": rows["y"], "constant": 1.0, "jump": right}
    for power in range(1, order + 1):
        columns |= {f"left{power}": distance**power, f"right{power}": right * distance**power}
    columns |= {"covariate": rows["covariate"]}
    weights = 1 - distance.abs() / 15 if kernel == "triangular" else distance * 0 + 1
    return pd.DataFrame(columns, index=rows.index), weights
