"""Sensitivity to unobserved confounding: published values, and the definitions by brute force."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from analysis.models import ModelError
from analysis.robustness.moments import moments_of
from analysis.robustness.sensitivity import (
    SelectionFacts,
    confounder_bounds,
    confounder_contours,
    oster,
    oster_bound,
    robustness_value,
    sensitivity,
    sensitivity_of,
)


def data(seed: int = 1, n: int = 400) -> pd.DataFrame:
    """A confounder u that the analyst does not see, two controls that he does."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(n, 3)), columns=["a", "b", "u"])
    frame["x"] = 0.6 * frame["a"] - 0.3 * frame["b"] + 0.5 * frame["u"] + random.normal(size=n)
    frame["y"] = 0.4 * frame["x"] + 0.5 * frame["a"] + 0.7 * frame["u"] + random.normal(size=n)
    frame["id"] = np.arange(n) // 4
    return frame


# --- Cinelli and Hazlett -------------------------------------------------------------------------


def test_darfur_as_published():
    """Cinelli and Hazlett (2020), table 1: effect of direct harm on attitudes towards peace."""
    result = sensitivity_of(0.097, 0.0232, 783)
    assert round(result.robustness_value, 3) == 0.139
    assert round(result.robustness_value_alpha, 3) == 0.076
    assert round(result.partial_r_squared, 3) == 0.022


def test_partial_r_squared_is_that_of_the_regressions():
    frame = data()
    moments = moments_of(frame, ["y", "x", "a", "b"], cluster="id")
    result = sensitivity(moments, "y", "x", ["a", "b"])
    without = sm.OLS(frame["y"], sm.add_constant(frame[["a", "b"]])).fit()
    whole = sm.OLS(frame["y"], sm.add_constant(frame[["x", "a", "b"]])).fit()
    assert result.partial_r_squared == pytest.approx(1 - whole.ssr / without.ssr, rel=1e-9)
    assert result.statistic == pytest.approx(whole.tvalues["x"], rel=1e-9)
    assert result.df == whole.df_resid


def least_statistic(statistic: float, df: float, limit: float) -> float:
    """Smallest t statistic over confounders with both partial R² up to ``limit``, on a grid."""
    r2 = np.linspace(0, limit, 801)
    focus, outcome = np.meshgrid(r2, r2)
    left = abs(statistic) - np.sqrt(df * outcome * focus / (1 - focus))
    error = np.sqrt((1 - outcome) / (1 - focus) * df / (df - 1))
    return float((left / error).min())


@pytest.mark.parametrize(("statistic", "df"), [(4.2, 783), (2.3, 60), (30.0, 100), (60.0, 40)])
def test_robustness_value_at_alpha_is_the_least_confounder_that_matters(statistic, df):
    critical = sensitivity_of(1, 1, 10).alpha and abs(_t_quantile(df - 1))
    value = robustness_value(statistic, df, alpha=0.05)
    assert least_statistic(statistic, df, value) == pytest.approx(critical, rel=2e-3)
    assert least_statistic(statistic, df, 0.98 * value) > critical


def _t_quantile(df: float) -> float:
    from scipy import stats

    return float(stats.t.isf(0.025, df))


@given(
    st.floats(0.1, 50), st.integers(5, 5000), st.floats(0.1, 2), st.sampled_from([None, 0.05, 0.2])
)
def test_robustness_values_are_shares_that_grow_with_the_statistic(statistic, df, q, alpha):
    value = robustness_value(statistic, df, q=q, alpha=alpha)
    assert 0 <= value < 1
    assert robustness_value(1.1 * statistic, df, q=q, alpha=alpha) >= value
    assert robustness_value(-statistic, df, q=q, alpha=alpha) == value
    assert robustness_value(statistic, df, q=q) >= value


def test_a_confounder_of_this_strength_moves_the_estimate_as_said():
    """Observed strength of u in, the estimate with u out: the formula of omitted variable bias."""
    frame = data()
    short = sm.OLS(frame["y"], sm.add_constant(frame[["x", "a", "b"]])).fit()
    long = sm.OLS(frame["y"], sm.add_constant(frame[["x", "a", "b", "u"]])).fit()
    first = sm.OLS(frame["x"], sm.add_constant(frame[["a", "b", "u"]])).fit()
    r2_focus = first.tvalues["u"] ** 2 / (first.tvalues["u"] ** 2 + first.df_resid)
    r2_outcome = long.tvalues["u"] ** 2 / (long.tvalues["u"] ** 2 + long.df_resid)
    moments = moments_of(frame, ["y", "x", "a", "b", "u"], cluster="id")
    grid = confounder_contours(moments, "y", "x", ["a", "b"], limit=0.9, points=2)
    assert grid["r2_focus"].tolist() == [0, 0, 0.9, 0.9]
    bias = short.bse["x"] * math.sqrt(short.df_resid * r2_outcome * r2_focus / (1 - r2_focus))
    assert short.params["x"] - bias == pytest.approx(long.params["x"], rel=1e-9)
    corner = short.bse["x"] * math.sqrt(short.df_resid * 0.9 * 0.9 / 0.1)
    assert grid["estimate"].iloc[3] == pytest.approx(short.params["x"] - corner, rel=1e-9)
    ratio = math.sqrt((1 - r2_outcome) / (1 - r2_focus) * short.df_resid / (short.df_resid - 1))
    assert short.bse["x"] * ratio == pytest.approx(long.bse["x"], rel=1e-9)


def test_benchmark_bounds_hold_for_a_confounder_like_the_benchmark():
    """A hidden copy of the benchmark, independent of it and with the same coefficients."""
    random = np.random.default_rng(3)
    n = 200_000
    frame = pd.DataFrame(random.normal(size=(n, 2)), columns=["a", "u"])
    frame["x"] = 0.5 * frame["a"] + 0.5 * frame["u"] + random.normal(size=n)
    frame["y"] = 0.3 * frame["x"] + 0.6 * frame["a"] + 0.6 * frame["u"] + random.normal(size=n)
    frame["id"] = np.arange(n) // 100
    moments = moments_of(frame, ["y", "x", "a"], cluster="id", keep_rows=False)
    bound = confounder_bounds(moments, "y", "x", ["a"], ["a"], multiples=[1])
    assert bound["estimate"][0] == pytest.approx(0.3, abs=0.01)
    assert bound["statistic"][0] == pytest.approx(bound["estimate"][0] / bound["std_error"][0])


def test_bounds_of_groups_and_impossible_confounders():
    moments = moments_of(data(), ["y", "x", "a", "b"], cluster="id")
    table = confounder_bounds(moments, "y", "x", ["a", "b"], ["a", ("a", "b")], multiples=[1, 1000])
    assert table["benchmark"].tolist() == ["a", "a", "a + b", "a + b"]
    assert table["r2_focus"][2] > table["r2_focus"][0]
    assert table.loc[[1, 3], ["r2_focus", "estimate"]].isna().all(axis=None)


# --- Oster ---------------------------------------------------------------------------------------


@given(
    effect=st.floats(-2, 2),
    delta=st.floats(0.2, 2.0),
    s1=st.floats(0.2, 1.5),
    observed=st.floats(0.3, 2.0),
    hidden=st.floats(0.2, 1.0),
    noise=st.floats(0.0, 2.0),
)
def test_oster_recovers_the_effect_from_population_moments(
    effect, delta, s1, observed, hidden, noise
):
    """Her model in population: W1 observed, W2 hidden, proportional selection, var(x) from both."""
    s2 = delta * s1 * hidden / observed
    var_x = s1**2 / observed + s2**2 / hidden + 1.0
    variance = effect**2 * var_x + observed + hidden + 2 * effect * (s1 + s2) + noise
    left = var_x - s1**2 / observed
    short = effect + (s1 + s2) / var_x
    long = effect + s2 / left
    unexplained = hidden - s2**2 / left + noise
    facts = SelectionFacts(
        short=short,
        short_r_squared=short**2 * var_x / variance,
        long=long,
        long_r_squared=1 - unexplained / variance,
        outcome_variance=variance,
        focus_variance=var_x,
        focus_residual_variance=left,
    )
    bound = oster_bound(facts, r_max=1 - noise / variance, target=effect, delta=delta)
    assert bound.delta_for_target == pytest.approx(delta, rel=1e-6)
    assert min(abs(root - effect) for root in bound.roots) < 1e-5 * (1 + abs(effect))
    assert bound.beta_star in bound.roots


def test_oster_from_moments_is_oster_from_regressions():
    frame = data()
    moments = moments_of(frame, ["y", "x", "a", "b"], cluster="id")
    bound = oster(moments, "y", "x", ["a", "b"])
    short = sm.OLS(frame["y"], sm.add_constant(frame[["x"]])).fit()
    long = sm.OLS(frame["y"], sm.add_constant(frame[["x", "a", "b"]])).fit()
    first = sm.OLS(frame["x"], sm.add_constant(frame[["a", "b"]])).fit()
    assert bound.facts.short == pytest.approx(short.params["x"])
    assert bound.facts.long_r_squared == pytest.approx(long.rsquared)
    assert bound.r_max == pytest.approx(1.3 * long.rsquared)
    assert bound.facts.focus_residual_variance == pytest.approx(first.ssr / len(frame))
    at_target = oster_bound(bound.facts, r_max=bound.r_max, delta=bound.delta_for_target)
    assert min(abs(root) for root in at_target.roots) < 1e-8
    assert oster_bound(bound.facts, r_max=bound.r_max, delta=0).beta_star == bound.facts.long


def test_columns_that_are_always_there_are_partialled_out():
    frame = data()
    for column in ("y", "x", "b"):
        frame[f"{column}_left"] = sm.OLS(frame[column], sm.add_constant(frame[["a"]])).fit().resid
    names = ["y", "x", "a", "b", "y_left", "x_left", "b_left"]
    moments = moments_of(frame, names, cluster="id")
    always = oster(moments, "y", "x", ["b"], always=["a"], r_max=0.9)
    partialled = oster(moments, "y_left", "x_left", ["b_left"], r_max=0.9)
    assert always.delta_for_target == pytest.approx(partialled.delta_for_target, rel=1e-8)
    assert always.beta_star == pytest.approx(partialled.beta_star, rel=1e-8)


def test_messages():
    moments = moments_of(data(), ["y", "x", "a", "b"], cluster="id")
    with pytest.raises(ModelError, match="oster needs controls"):
        oster(moments, "y", "x", [])
    with pytest.raises(ModelError, match="r_max: expected between the controlled R²"):
        oster(moments, "y", "x", ["a"], r_max=0.01)
    with pytest.raises(ModelError, match="benchmarks must be among the controls"):
        confounder_bounds(moments, "y", "x", ["a"], ["b"])
    with pytest.raises(ModelError, match="expected std_error > 0"):
        sensitivity_of(1, 0, 10)
    with pytest.raises(ModelError, match="expected 0 < limit < 1"):
        confounder_contours(moments, "y", "x", ["a"], limit=1)
