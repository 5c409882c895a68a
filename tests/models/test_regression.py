"""Regressions under other conventions than our own, against the packages that follow them."""

import numpy as np
import pandas as pd
import pyfixest
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from analysis.models import Specification, fit, registry
from analysis.models.linear import ols
from analysis.models.regression import iv, poisson
from analysis.models.specification import ModelError


def panel(seed: int = 3, firms: int = 24, years: int = 7) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "firm": np.repeat(np.arange(firms), years),
            "year": np.tile(np.arange(years), firms),
            "x": random.normal(size=firms * years),
            "z": random.normal(size=firms * years),
            "w": random.uniform(0.5, 2, size=firms * years),
        }
    )
    frame["region"] = frame["firm"] % 6
    noise = random.normal(size=firms)[frame["firm"]] + random.normal(size=len(frame))
    frame["d"] = frame["x"] + 0.5 * frame["z"] + noise
    frame["y"] = 1 + 2 * frame["d"] + 0.3 * frame["x"] + noise
    frame["n"] = random.poisson(np.exp(0.4 * frame["x"]))
    return frame.sample(frac=0.9, random_state=seed).reset_index(drop=True)


FRAME = panel()
X = sm.add_constant(FRAME[["x", "z"]])


def errors(estimates):
    return estimates.coefficients.set_index("term")["std_error"]


def test_the_default_is_our_own_convention():
    arguments = {"outcome": "y", "regressors": ("x", "z"), "absorb": ("firm",), "vcov": "hc1"}
    ours = ols(FRAME, **arguments)
    plain = fit(Specification(**arguments), FRAME)
    pd.testing.assert_frame_equal(ours.coefficients, plain.coefficients)
    assert ours.facts == plain.facts


@pytest.mark.parametrize("parameters", ["all", "nonnested", "terms"])
@pytest.mark.parametrize("absorb", [("firm",), ("firm", "year"), ("year",)])
@pytest.mark.parametrize("cluster", ["firm", "region", "year"])
def test_the_count_of_parameters_is_that_of_pyfixest(parameters, absorb, cluster):
    formula = f"y ~ x + z | {' + '.join(absorb)}"
    convention = {"all": "full", "nonnested": "nonnested", "terms": "none"}[parameters]
    ssc = pyfixest.ssc(k_fixef=convention, G_df="conventional")
    other = pyfixest.feols(formula, FRAME, vcov={"CRV1": cluster}, ssc=ssc, fixef_rm="none")
    ours = ols(
        FRAME,
        outcome="y",
        regressors=["x", "z"],
        absorb=absorb,
        vcov="cluster",
        cluster=cluster,
        parameters=parameters,
    )
    np.testing.assert_allclose(errors(ours), other.se(), rtol=1e-9)


def test_no_small_sample_factor_is_that_of_the_formula():
    groups = FRAME["firm"].to_numpy()
    model = sm.OLS(FRAME["y"], X)
    classical = ols(FRAME, outcome="y", regressors=["x", "z"], small_sample="none")
    plain = model.fit()
    expected = plain.bse * np.sqrt(plain.df_resid / len(FRAME))
    np.testing.assert_allclose(errors(classical), expected, rtol=1e-10)
    robust = ols(FRAME, outcome="y", regressors=["x", "z"], vcov="hc1", small_sample="none")
    np.testing.assert_allclose(errors(robust), model.fit(cov_type="HC0").bse, rtol=1e-10)
    keywords = {"groups": groups, "use_correction": False}
    uncorrected = model.fit(cov_type="cluster", cov_kwds=keywords)
    arguments = {"outcome": "y", "regressors": ["x", "z"], "vcov": "cluster", "cluster": "firm"}
    ours = ols(FRAME, **arguments, small_sample="none")
    np.testing.assert_allclose(errors(ours), uncorrected.bse, rtol=1e-10)
    count = len(np.unique(groups))
    clusters = ols(FRAME, **arguments, small_sample="clusters")
    factor = np.sqrt(count / (count - 1))
    np.testing.assert_allclose(errors(clusters), uncorrected.bse * factor, rtol=1e-10)


def test_instrumental_variables_without_a_factor_are_those_of_linearmodels():
    linearmodels = pytest.importorskip("linearmodels")
    constant = np.ones(len(FRAME))
    exogenous = pd.DataFrame({"const": constant, "x": FRAME["x"]})
    model = linearmodels.IV2SLS(FRAME["y"], exogenous, FRAME[["d"]], FRAME[["z"]])
    arguments = {"outcome": "y", "regressors": "x", "endogenous": "d", "instruments": "z"}
    for ours, theirs in [
        (iv(FRAME, **arguments, small_sample="none"), model.fit(cov_type="unadjusted")),
        (iv(FRAME, **arguments, vcov="hc0"), model.fit(cov_type="robust")),
    ]:
        np.testing.assert_allclose(errors(ours), theirs.std_errors, rtol=1e-10)
        assert ours.statistics["r_squared_structural"] == pytest.approx(theirs.rsquared)


def test_statistics_are_those_of_statsmodels():
    ours = ols(FRAME, outcome="y", regressors=["x", "z"], weights="w")
    other = sm.WLS(FRAME["y"], X, weights=FRAME["w"]).fit()
    expected = {
        "rss": other.ssr,
        "rmse": np.sqrt(other.scale),
        "adj_r_squared": other.rsquared_adj,
        "f_statistic": other.fvalue,
        "f_p_value": other.f_pvalue,
        "aic": other.aic,
        "bic": other.bic,
    }
    expected |= {"df_residual": other.df_resid, "f_df1": other.df_model, "f_df2": other.df_resid}
    chi2 = other.wald_test(np.eye(3)[1:], use_f=False, scalar=True)
    expected |= {"wald_chi2": chi2.statistic, "wald_chi2_p": chi2.pvalue}
    assert dict(ours.statistics) == pytest.approx(expected, rel=1e-9)


def test_two_cluster_columns_without_a_factor_are_the_three_terms():
    arguments = {"outcome": "y", "regressors": ["x", "z"], "vcov": "cluster"}
    frame = FRAME.assign(pair=FRAME["firm"] * 100 + FRAME["year"])
    both = ols(frame, **arguments, cluster=["firm", "year"], small_sample="none")
    one, two, pair = (
        ols(frame, **arguments, cluster=name, small_sample="none").covariance
        for name in ("firm", "year", "pair")
    )
    np.testing.assert_allclose(both.covariance, one + two - pair, rtol=1e-9)


def test_p_values_follow_the_degrees_of_freedom_asked_for():
    arguments = {"outcome": "y", "regressors": ["x", "z"], "vcov": "cluster", "cluster": "firm"}
    n, groups = len(FRAME), FRAME["firm"].nunique()
    expected = {"t": groups - 1, "residual": n - 3, "normal": np.inf, 7: 7}
    for inference, df in expected.items():
        ours = ols(FRAME, **arguments, inference=inference)
        assert ours.facts.df_t == df
        t = ours.coefficients["statistic"].abs()
        np.testing.assert_allclose(ours.coefficients["p_value"], 2 * scipy.stats.t.sf(t, df))


def test_a_regression_through_the_origin():
    ours = ols(FRAME, outcome="y", regressors=["x", "z"], intercept=False)
    other = sm.OLS(FRAME["y"], FRAME[["x", "z"]]).fit()
    np.testing.assert_allclose(ours.coefficients["estimate"], other.params, rtol=1e-10)
    np.testing.assert_allclose(errors(ours), other.bse, rtol=1e-10)
    assert ours.facts.r_squared == pytest.approx(other.rsquared)
    assert ours.statistics["adj_r_squared"] == pytest.approx(other.rsquared_adj)
    assert ours.facts.formula == "y ~ x + z - 1"
    with pytest.raises(ModelError, match="intercept=False needs a regressor"):
        ols(FRAME, outcome="y", intercept=False)


def test_poisson_criteria_and_conditional_likelihood():
    ours = poisson(FRAME, outcome="n", regressors="x")
    other = sm.Poisson(FRAME["n"], sm.add_constant(FRAME[["x"]])).fit(disp=0)
    assert ours.statistics["aic"] == pytest.approx(other.aic)
    np.testing.assert_allclose(ours.coefficients["p_value"], other.pvalues, rtol=1e-5)
    effects = poisson(FRAME, outcome="n", regressors="x", absorb="firm")
    conditional = sm.ConditionalPoisson(FRAME["n"], FRAME[["x"]], groups=FRAME["firm"])
    slope = effects.coefficients["estimate"].to_numpy()
    # statsmodels leaves out what does not depend on the slope: the factorials.
    used = FRAME.groupby("firm")["n"].transform("sum") > 0
    from scipy.special import gammaln

    totals = FRAME[used].groupby("firm")["n"].sum()
    constant = gammaln(totals + 1).sum() - gammaln(FRAME.loc[used, "n"] + 1).sum()
    assert effects.statistics["conditional_log_likelihood"] == pytest.approx(
        conditional.loglike(slope) + constant
    )


def test_normal_inference():
    ours = ols(FRAME, outcome="y", regressors="x", inference="normal")
    other = sm.OLS(FRAME["y"], sm.add_constant(FRAME[["x"]])).fit(use_t=False)
    np.testing.assert_allclose(ours.coefficients["p_value"], other.pvalues, rtol=1e-8)
    np.testing.assert_allclose(ours.coefficients["ci_low"], other.conf_int()[0], rtol=1e-8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"small_sample": "stata"}, "small_sample .*'stata' is not one of full, none"),
        ({"parameters": "some"}, "parameters: 'some' is not one of all, nonnested, terms"),
        ({"parameters": 10**6}, "parameters: expected a number below"),
        ({"inference": "z"}, "inference: 'z' is not one of t, residual, normal"),
        ({"inference": 0}, "expected degrees of freedom above 0, got 0"),
        ({"cluster": "firm"}, "cluster has no effect with vcov='classical'"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(ModelError, match=message):
        ols(FRAME, outcome="y", regressors="x", **options)


@given(st.integers(3, 40))
def test_a_stated_number_of_parameters_is_what_the_factor_has(count):
    ours = ols(FRAME, outcome="y", regressors="x", parameters=count)
    ratio = ours.statistics["rss"] / (len(FRAME) - count)
    plain = ols(FRAME, outcome="y", regressors="x")
    expected = errors(plain) * np.sqrt(ratio) / plain.statistics["rmse"]
    np.testing.assert_allclose(errors(ours), expected, rtol=1e-10)


@pytest.mark.parametrize("name", registry.ESTIMATORS)
def test_every_registered_estimator_can_be_called_from_a_study(name):
    reserved = {"id", "estimator", "data", "formula", "foreach", "also", "note", "table", "column"}
    reserved |= {"only", "rows", "statistics"}
    arguments = registry.arguments_of(name)
    assert not reserved & set(arguments), "a study could not pass these"
    assert all(one.kind is one.KEYWORD_ONLY for one in arguments.values())
    assert registry.load(name).__doc__


def test_the_registry_names_what_is_wrong():
    with pytest.raises(
        ModelError, match=r"no estimator 'olss'; did you mean ols\? There are .*ols"
    ):
        registry.load("olss")
    with pytest.raises(
        ModelError, match=r"'vcv' \(did you mean vcov\?\); allowed: absorb, cluster"
    ):
        registry.call("ols", FRAME, {"outcome": "y", "vcv": "hc1"})
    with pytest.raises(ModelError, match=r"'fixed_effects' \(did you mean absorb\?\)"):
        registry.call("ols", FRAME, {"outcome": "y", "fixed_effects": "firm"})


@pytest.mark.parametrize(("guess", "meant"), registry.ESTIMATOR_GUESSES.items())
def test_the_usual_names_of_methods_lead_to_the_registry(guess, meant):
    assert guess not in registry.ESTIMATORS
    with pytest.raises(ModelError, match=f"did you mean {meant}"):
        registry.load(guess)
    for one in meant.split(" or "):
        name, _, option = one.partition(" with ")
        assert name in registry.ESTIMATORS
        assert not option or option.partition(":")[0] in registry.arguments_of(name)


def test_the_usual_names_of_arguments_are_arguments_of_some_estimator():
    known = {argument for name in registry.ESTIMATORS for argument in registry.arguments_of(name)}
    assert set(registry.ARGUMENT_GUESSES.values()) <= known


def test_the_registry_names_what_is_missing():
    with pytest.raises(ModelError, match="estimator 'iv' needs endogenous, instruments"):
        registry.call("iv", FRAME, {"outcome": "y"})


def test_the_deviance_is_that_of_statsmodels():
    ours = poisson(FRAME, outcome="n", regressors=("x", "z"), weights="w")
    other = sm.GLM(FRAME["n"], X, sm.families.Poisson(), freq_weights=FRAME["w"]).fit(tol=1e-14)
    assert ours.statistics["deviance"] == pytest.approx(other.deviance, rel=1e-10)


@pytest.mark.parametrize("estimator", ["iv", "iv_gmm"])
def test_the_adjusted_structural_r_squared_counts_parameters(estimator):
    options = {"outcome": "y", "regressors": ("x",), "endogenous": "d", "instruments": "z"}
    found = registry.call(estimator, FRAME, options).statistics
    n = len(FRAME)
    expected = 1 - (1 - found["r_squared_structural"]) * (n - 1) / (n - 3)
    assert found["adj_r_squared_structural"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("usual", "here"),
    [
        *[("probit", "binary_regression"), ("logit", "binary_regression")],
        *[("negbin", "count_regression"), ("zeroinfl", "zero_inflated"), ("rma", "meta_analysis")],
        *[("pgmm", "dynamic_panel_gmm"), ("fe2sls", "iv with absorb"), ("ppml", "poisson")],
        *[("feols", "ols with absorb"), ("xtreg", "within"), ("twoways", "two_way_random_effects")],
    ],
)
def test_usual_names_of_methods_are_understood(usual, here):
    with pytest.raises(ModelError, match=f"did you mean {here}"):
        registry.load(usual)


def test_degrees_of_freedom_among_the_options_of_a_covariance_are_sent_to_inference():
    with pytest.raises(ModelError, match="vcov_options has no 'df'; write inference: 12"):
        ols(FRAME, outcome="y", regressors="x", vcov="hc1", vcov_options={"df": 12})
