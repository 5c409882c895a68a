"""What must not change a result, what must change it how, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.models import ModelError
from analysis.models.linear import (
    between,
    breusch_pagan_lm,
    effects_f_test,
    fama_macbeth,
    first_differences,
    hausman_taylor,
    hausman_test,
    ols,
    random_effects,
    random_effects_iv,
    within,
)

SLOPES = {"outcome": "y", "regressors": ["x", "w"]}
UNIT = {**SLOPES, "unit": "id"}
BOTH = {**UNIT, "time": "t"}
IV = {**BOTH, "endogenous": "v", "instruments": "z"}
HT = {"outcome": "y", "regressors": ["x", "w"], "endogenous": ["v"], "unit": "id", "time": "t"}
ESTIMATORS = [
    pytest.param(ols, {**BOTH, "vcov": kind, **more}, id=f"ols-{kind}")
    for kind, more in [
        ("hc3", {}),
        ("cluster", {"cluster": ["id", "t"]}),
        ("cr2", {"cluster": "id"}),
        ("newey_west", {}),
        ("driscoll_kraay", {}),
        ("pcse", {"vcov_options": {"unbalanced": "pairwise"}}),
    ]
] + [
    pytest.param(within, BOTH, id="within"),
    pytest.param(between, UNIT, id="between"),
    pytest.param(first_differences, BOTH, id="first_differences"),
    pytest.param(random_effects, BOTH, id="random_effects"),
    pytest.param(random_effects_iv, IV, id="random_effects_iv"),
    pytest.param(hausman_taylor, HT, id="hausman_taylor"),
    pytest.param(fama_macbeth, {**SLOPES, "time": "t"}, id="fama_macbeth"),
    pytest.param(hausman_test, {**UNIT, "method": "regression"}, id="hausman_test"),
    pytest.param(breusch_pagan_lm, BOTH, id="breusch_pagan_lm"),
    pytest.param(effects_f_test, {**SLOPES, "absorb": ["id", "t"]}, id="effects_f_test"),
]


def simulated(seed: int = 1) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame([(f"u{i}", t) for i in range(15) for t in range(6)], columns=["id", "t"])
    n = len(frame)
    for name in ("x", "w", "z"):
        frame[name] = draw.normal(size=n)
    effect = np.repeat(draw.normal(size=15), 6)
    noise = draw.normal(size=n)
    frame["v"] = frame["z"] + 0.5 * noise + draw.normal(size=n)
    frame["y"] = frame["x"] + 0.5 * frame["v"] + effect + noise
    return frame[draw.uniform(size=n) > 0.1].reset_index(drop=True)


@pytest.mark.parametrize(("estimator", "arguments"), ESTIMATORS)
@settings(max_examples=3)
@given(seed=st.integers(0, 10**6))
def test_row_order_and_labels_change_nothing(estimator, arguments, seed):
    frame = simulated()
    before = estimator(frame, **arguments)
    order = np.random.default_rng(seed).permutation(len(frame))
    shuffled = estimator(frame.iloc[order], **arguments)
    pd.testing.assert_frame_equal(before.frame(), shuffled.frame(), check_exact=True)
    assert dict(before.statistics) == dict(shuffled.statistics)
    relabelled = frame.assign(id=frame["id"].map(lambda name: f"{name[::-1]}"))
    after = estimator(relabelled, **arguments)
    columns = ["estimate", "std_error"]
    np.testing.assert_allclose(
        before.coefficients[columns], after.coefficients[columns], rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize(("estimator", "arguments"), ESTIMATORS)
def test_units_of_measurement_rescale_coefficients(estimator, arguments):
    frame = simulated()
    before = estimator(frame, **arguments)
    after = estimator(frame.assign(y=frame["y"] * 1e6, x=frame["x"] * 1e-3), **arguments)
    for column in ("estimate", "std_error"):
        assert after.row("x")[column] == pytest.approx(before.row("x")[column] * 1e9, rel=1e-7)
    assert after.row("x")["statistic"] == pytest.approx(before.row("x")["statistic"], rel=1e-7)
    for name in ("f_statistic", "hausman_chi2", "effects_f", "lm", "theta", "rho"):
        if name in before.statistics:
            assert after.statistics[name] == pytest.approx(before.statistics[name], rel=1e-6)


@pytest.mark.parametrize(("estimator", "arguments"), ESTIMATORS)
def test_incomplete_rows_are_left_out_and_counted(estimator, arguments):
    frame = simulated()
    # The row takes the place of another, or it would be refused as a repetition.
    clean = frame[~((frame["id"] == "u0") & (frame["t"] == 5))]
    row = frame.iloc[[0]].assign(x=np.nan, t=5, id="u0")
    estimates = estimator(pd.concat([clean, row]), **arguments)
    assert estimates.facts.n_dropped == 1
    expected = estimator(clean, **arguments)
    np.testing.assert_array_equal(
        estimates.coefficients["estimate"], expected.coefficients["estimate"]
    )


def test_duplicated_clusters_scale_the_clustered_covariance():
    """Every cluster twice, under other names, halves the covariance without factors."""
    frame = simulated()
    twice = pd.concat([frame, frame.assign(id=frame["id"] + "b")])
    options = {"vcov": "cluster", "cluster": "id", "small_sample": "none"}
    once, doubled = ols(frame, **SLOPES, **options), ols(twice, **SLOPES, **options)
    np.testing.assert_allclose(doubled.covariance, once.covariance / 2, rtol=1e-9)


def test_weights_scale_is_irrelevant():
    frame = simulated().assign(weight=lambda d: 1 + d["z"] ** 2)
    scaled = frame.assign(weight=frame["weight"] * 1000)
    for kind in ("classical", "hc1", "newey_west"):
        options = {**BOTH, "weights": "weight", "vcov": kind}
        once, again = ols(frame, **options), ols(scaled, **options)
        np.testing.assert_allclose(once.covariance, again.covariance, rtol=1e-8)


def test_small_sample_factors_are_what_they_say():
    frame = simulated()
    n, groups, k = len(frame), 15, 3
    options = {**SLOPES, "vcov": "cluster", "cluster": "id"}
    base = ols(frame, **options, small_sample="none").covariance.to_numpy()
    factors = {
        "residual": (n - 1) / (n - k),
        "clusters": groups / (groups - 1),
        "full": groups / (groups - 1) * (n - 1) / (n - k),
    }
    for name, factor in factors.items():
        matrix = ols(frame, **options, small_sample=name).covariance.to_numpy()
        np.testing.assert_allclose(matrix, base * factor, rtol=1e-12)


REFUSED = [
    (ols, {**SLOPES, "vcov": "hc9"}, "'hc9' is not one of classical, hc0"),
    (ols, {**SLOPES, "vcov": "cluster"}, "name them in cluster"),
    (ols, {**SLOPES, "vcov": "pcse"}, "needs the time column"),
    (ols, {**SLOPES, "vcov": "hc1", "small_sample": "clusters"}, "not one of full, none"),
    (ols, {**BOTH, "vcov": "newey_west", "vcov_options": {"lag": 1}}, "'lag' is not one of"),
    (
        ols,
        {**BOTH, "vcov": "newey_west", "vcov_options": {"lags": 99}},
        "more than 6 periods",
    ),
    (random_effects, {**UNIT, "variance_components": "swar"}, "swamy_arora, wallace_hussain"),
    (random_effects, {**UNIT, "variance_components": "nerlove"}, "balanced panels only"),
    (hausman_taylor, {**HT, "regressors": ["fixed"], "endogenous": ["fixed2"]}, "at least 1 exog"),
    (
        hausman_taylor,
        {**HT, "regressors": [], "endogenous": ["x", "fixed"]},
        "at least 1 exogenous",
    ),
    (hausman_taylor, {**HT, "method": "amemiya_macurdy"}, "balanced panels only"),
    (effects_f_test, {**SLOPES, "absorb": "id", "given": "id"}, "must be more than"),
    (first_differences, {**BOTH, "regressors": ["x", "fixed"]}, "fixed cannot be estimated"),
    (random_effects, {**UNIT, "regressors": ["x", "nope"]}, "no column 'nope'"),
]


@pytest.mark.parametrize(("estimator", "arguments", "message"), REFUSED)
def test_refusals_name_the_remedy(estimator, arguments, message):
    frame = simulated()
    codes = frame["id"].str[1:].astype(float)
    frame = frame.assign(fixed=codes, fixed2=codes**2)
    with pytest.raises(ModelError, match=message):
        estimator(frame, **arguments)


def test_a_repeated_unit_and_period_is_refused():
    frame = simulated()
    frame = pd.concat([frame, frame.head(2)])
    with pytest.raises(ModelError, match="2 rows repeat a pair"):
        first_differences(frame, **BOTH)
