"""Poisson, negative binomial, binary and hurdle models: other packages, derivatives, properties."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.datasets import randhie
from statsmodels.discrete.tests.results.results_truncated import hurdle_poisson
from statsmodels.discrete.tests.results.results_truncated_st import (
    results_trunc_negbin,
    results_trunc_poisson,
)
from statsmodels.discrete.truncated_model import (
    HurdleCountModel,
    TruncatedLFNegativeBinomialP,
    TruncatedLFPoisson,
)

from analysis.models import ModelError
from analysis.models.counts import binary_regression, count_regression, hurdle
from analysis.models.counts.distributions import (
    BINARY_DENSITIES,
    COUNT_DENSITIES,
    Density,
    zero_truncated,
)
from analysis.models.registry import call

X = ["lncoins", "lpi", "hlthp"]
DENSITIES: dict[str, Density] = {
    **{name: density for name, (density, _) in COUNT_DENSITIES.items()},
    **{f"{name} > 0": zero_truncated(density) for name, (density, _) in COUNT_DENSITIES.items()},
    **BINARY_DENSITIES,
}


@pytest.fixture(scope="module")
def visits() -> pd.DataFrame:
    frame = randhie.load_pandas().data.iloc[::10].reset_index(drop=True)
    return frame.assign(g=np.arange(len(frame)) // 7, seen=(frame["mdvis"] > 0).astype(float))


@pytest.fixture(scope="module")
def doctor() -> pd.DataFrame:
    """Visits to a doctor, as read by the tests of statsmodels."""
    tests = Path(statsmodels.__file__).parent / "sandbox" / "regression" / "tests"
    frame = pd.read_csv(tests / "racd10data_with_transformed.csv")
    both = (frame["private"] == 1) & (frame["medicaid"] == 1)
    return frame[~both & (frame["docvis"] <= 70)]


def simulated(seed: int = 0, n: int = 300, alpha: float = 0.8) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, n))
    mean = np.exp(0.4 + 0.5 * x) * rng.gamma(1 / alpha, alpha, size=n)
    return pd.DataFrame({"y": rng.poisson(mean), "x": x, "z": z, "g": np.arange(n) // 6})


def values(estimates: Any, column: str = "estimate") -> np.ndarray:
    return estimates.coefficients[column].to_numpy()


@pytest.mark.parametrize("name", sorted(DENSITIES))
def test_derivatives_are_those_of_the_density(name: str) -> None:
    rng = np.random.default_rng(1)
    density, n, step = DENSITIES[name], 40, 1e-5
    binary = name in BINARY_DENSITIES
    y = (rng.integers(0, 2, n) if binary else rng.integers(1, 30, n)).astype(float)
    eta, a = rng.normal(0.3, 1, n), -0.4
    at = density(y, eta, a)
    up, down = density(y, eta + step, a), density(y, eta - step, a)
    np.testing.assert_allclose(at.eta, (up.value - down.value) / 2 / step, atol=1e-6)
    np.testing.assert_allclose(at.eta_eta, (up.eta - down.eta) / 2 / step, atol=1e-6)
    up, down = density(y, eta, a + step), density(y, eta, a - step)
    np.testing.assert_allclose(at.a, (up.value - down.value) / 2 / step, atol=1e-6)
    np.testing.assert_allclose(at.eta_a, (up.eta - down.eta) / 2 / step, atol=1e-6)
    np.testing.assert_allclose(at.a_a, (up.a - down.a) / 2 / step, atol=1e-6)


@pytest.mark.parametrize("name", sorted(COUNT_DENSITIES))
def test_densities_sum_to_one_with_the_stated_moments(name: str) -> None:
    mean, dispersion, y = 2.5, 0.7, np.arange(400.0)
    eta = np.full_like(y, np.log(mean))
    density = COUNT_DENSITIES[name][0]
    p = np.exp(density(y, eta, np.log(dispersion)).value)
    variances = {"nb1": 1.7 * mean, "nb2": mean + 0.7 * mean**2, "geometric": mean + mean**2}
    variance = variances.get(name, mean)
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert p @ y == pytest.approx(mean)
    assert p @ y**2 - mean**2 == pytest.approx(variance)
    truncated = np.exp(zero_truncated(density)(y[1:], eta[1:], np.log(dispersion)).value)
    np.testing.assert_allclose(truncated, p[1:] / (1 - p[0]), rtol=1e-10, atol=1e-300)


@pytest.mark.parametrize(("distribution", "kind"), [("nb1", "nb1"), ("nb2", "nb2")])
def test_negative_binomial_agrees_with_statsmodels(
    visits: pd.DataFrame, distribution: str, kind: str
) -> None:
    model = sm.NegativeBinomial(visits["mdvis"], sm.add_constant(visits[X]), loglike_method=kind)
    theirs = model.fit(disp=0, maxiter=500, method="bfgs", gtol=1e-8)
    theirs = model.fit(theirs.params, disp=0, method="newton", tol=1e-12)
    ours = count_regression(visits, outcome="mdvis", regressors=X, distribution=distribution)
    np.testing.assert_allclose(values(ours), theirs.params, rtol=1e-6)
    np.testing.assert_allclose(values(ours, "std_error"), theirs.bse, rtol=1e-5)
    assert ours.facts.log_likelihood == pytest.approx(theirs.llf, rel=1e-10)
    assert ours.statistics["lr_chi2"] == pytest.approx(theirs.llr, rel=1e-6)
    assert ours.facts.pseudo_r_squared == pytest.approx(theirs.prsquared, rel=1e-6)
    assert ours.statistics["aic"] == pytest.approx(theirs.aic)
    assert ours.statistics["overdispersion_lr_p"] < 1e-10


@pytest.mark.parametrize(
    ("options", "theirs"),
    [
        ({}, {}),
        ({"vcov": "hc0"}, {"cov_type": "HC0"}),
        (
            {"vcov": "cluster", "cluster": "g", "small_sample": "full"},
            {"cov_type": "cluster"},
        ),
        ({"vcov": "quasi"}, {"scale": "X2"}),
    ],
)
def test_poisson_agrees_with_statsmodels(
    visits: pd.DataFrame, options: dict[str, Any], theirs: dict[str, Any]
) -> None:
    if "cluster" in options:
        theirs = {**theirs, "cov_kwds": {"groups": visits["g"]}}
    model = sm.GLM(visits["mdvis"], sm.add_constant(visits[X]), family=sm.families.Poisson())
    fitted = model.fit(tol=1e-14, **theirs)
    ours = count_regression(visits, outcome="mdvis", regressors=X, **options)
    np.testing.assert_allclose(values(ours), fitted.params, rtol=1e-8)
    np.testing.assert_allclose(values(ours, "std_error"), fitted.bse, rtol=1e-7)
    assert ours.statistics["deviance"] == pytest.approx(fitted.deviance)
    assert ours.statistics["pearson_chi2"] == pytest.approx(fitted.pearson_chi2)


def test_expected_information_is_that_of_a_glm_with_alpha_known(visits: pd.DataFrame) -> None:
    ours = count_regression(
        visits, outcome="mdvis", regressors=X, distribution="nb2", vcov="expected"
    )
    alpha = values(ours)[-1]
    family = sm.families.NegativeBinomial(alpha=alpha)
    theirs = sm.GLM(visits["mdvis"], sm.add_constant(visits[X]), family=family).fit(tol=1e-14)
    np.testing.assert_allclose(values(ours)[:-1], theirs.params, rtol=1e-7)
    np.testing.assert_allclose(values(ours, "std_error")[:-1], theirs.bse, rtol=1e-6)
    assert ours.statistics["deviance"] == pytest.approx(theirs.deviance)
    assert ours.statistics["theta"] == pytest.approx(1 / alpha)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_binary_agrees_with_statsmodels(visits: pd.DataFrame, link: str) -> None:
    model = {"logit": sm.Logit, "probit": sm.Probit}[link]
    theirs = model(visits["seen"], sm.add_constant(visits[X])).fit(disp=0, tol=1e-12)
    ours = call("binary_regression", visits, {"outcome": "seen", "regressors": X, "link": link})
    np.testing.assert_allclose(values(ours), theirs.params, rtol=1e-7)
    np.testing.assert_allclose(values(ours, "std_error"), theirs.bse, rtol=1e-7)
    assert ours.statistics["lr_chi2"] == pytest.approx(theirs.llr)


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
def test_expected_information_is_that_of_a_glm(visits: pd.DataFrame, link: str) -> None:
    links = {"logit": "Logit", "probit": "Probit", "cloglog": "CLogLog"}
    family = sm.families.Binomial(getattr(sm.families.links, links[link])())
    theirs = sm.GLM(visits["seen"], sm.add_constant(visits[X]), family=family).fit(tol=1e-14)
    options = {"outcome": "seen", "regressors": X, "link": link, "vcov": "expected"}
    ours = call("binary_regression", visits, options)
    np.testing.assert_allclose(values(ours, "std_error"), theirs.bse, rtol=1e-6)


def test_the_geometric_is_a_glm(visits: pd.DataFrame) -> None:
    family = sm.families.NegativeBinomial(alpha=1.0)
    theirs = sm.GLM(visits["mdvis"], sm.add_constant(visits[X]), family=family).fit(tol=1e-14)
    ours = count_regression(visits, outcome="mdvis", regressors=X, distribution="geometric")
    np.testing.assert_allclose(values(ours), theirs.params, rtol=1e-6)
    assert ours.facts.log_likelihood == pytest.approx(theirs.llf, rel=1e-10)
    assert ours.statistics["deviance"] == pytest.approx(theirs.deviance, rel=1e-9)
    assert ours.statistics["pearson_chi2"] == pytest.approx(theirs.pearson_chi2, rel=1e-6)


def test_truncated_models_agree_with_statsmodels(visits: pd.DataFrame) -> None:
    positive = visits[visits["mdvis"] > 0]
    x = sm.add_constant(positive[X])
    poisson = TruncatedLFPoisson(positive["mdvis"], x).fit(disp=0, maxiter=500, gtol=1e-9)
    ours = count_regression(positive, outcome="mdvis", regressors=X, truncated=True)
    np.testing.assert_allclose(values(ours), poisson.params, rtol=1e-4)
    # The negative binomial of statsmodels does not find its optimum here; ours is one of its
    # likelihood, as its value and slope say.
    negbin = TruncatedLFNegativeBinomialP(positive["mdvis"], x)
    ours = count_regression(
        positive, outcome="mdvis", regressors=X, truncated=True, distribution="nb2"
    )
    assert negbin.loglike(values(ours)) == pytest.approx(ours.facts.log_likelihood, rel=1e-10)
    scores = negbin.score(values(ours))
    assert np.abs(scores * values(ours, "std_error")).max() < 1e-3  # its slopes are numerical


def test_a_hurdle_of_pscl(doctor: pd.DataFrame) -> None:
    """Output of the R package stored with statsmodels (visits to a doctor)."""
    ours = hurdle(doctor, outcome="docvis", regressors=["aget", "totchr"], zero="cloglog")
    theirs = np.concatenate([hurdle_poisson.count, hurdle_poisson.zero])
    # Its search stops at a relative gain of 1e-8: near the optimum, counted in standard errors.
    assert np.abs((values(ours) - theirs[:, 0]) / theirs[:, 1]).max() < 1e-3
    assert ours.facts.log_likelihood >= hurdle_poisson.loglik
    np.testing.assert_allclose(values(ours, "std_error"), theirs[:, 1], rtol=1e-3)
    assert ours.facts.log_likelihood == pytest.approx(hurdle_poisson.loglik, rel=1e-10)
    assert ours.statistics["aic"] == pytest.approx(hurdle_poisson.aic)


@pytest.mark.parametrize(
    ("distribution", "stata"), [("poisson", results_trunc_poisson), ("nb2", results_trunc_negbin)]
)
def test_truncated_models_of_stata(doctor: pd.DataFrame, distribution: str, stata: Any) -> None:
    """Output of tpoisson and tnbreg stored with statsmodels."""
    positive = doctor[doctor["docvis"] > 0]
    ours = count_regression(
        positive,
        outcome="docvis",
        regressors=["aget", "totchr"],
        distribution=distribution,
        truncated=True,
    ).coefficients.set_index("term")
    order = ["aget", "totchr", "Intercept"]
    theirs = np.asarray(stata.params_table)[:3]
    np.testing.assert_allclose(ours.loc[order, "estimate"], theirs[:, 0], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ours.loc[order, "std_error"], theirs[:, 1], rtol=1e-5)


def test_hurdle_is_its_two_parts_and_agrees_with_statsmodels(visits: pd.DataFrame) -> None:
    ours = hurdle(visits, outcome="mdvis", regressors=X, zero_regressors="lpi", zero="cloglog")
    positive = visits[visits["mdvis"] > 0]
    count = count_regression(positive, outcome="mdvis", regressors=X, truncated=True)
    zero = binary_regression(visits, outcome="seen", regressors="lpi", link="cloglog")
    table = pd.concat([count.coefficients, zero.coefficients], ignore_index=True)
    np.testing.assert_allclose(values(ours), table["estimate"], rtol=1e-9)
    np.testing.assert_allclose(values(ours, "std_error"), table["std_error"], rtol=1e-9)
    both = count.facts.log_likelihood + zero.facts.log_likelihood
    assert ours.facts.log_likelihood == pytest.approx(both)
    assert ours.coefficients["term"].tolist()[-2:] == ["zero: Intercept", "zero: lpi"]
    # A Poisson hurdle is the complementary log-log of the same predictor.
    x = sm.add_constant(visits[X])
    theirs = HurdleCountModel(visits["mdvis"], x, dist="poisson", zerodist="poisson").fit(
        disp=0, maxiter=500
    )
    same = hurdle(visits, outcome="mdvis", regressors=X, zero="cloglog")
    assert same.facts.log_likelihood == pytest.approx(theirs.llf, rel=1e-7)


def test_a_hurdle_with_nb2_and_clusters_has_joint_scores(visits: pd.DataFrame) -> None:
    ours = hurdle(
        visits, outcome="mdvis", regressors=X, distribution="nb2", vcov="cluster", cluster="g"
    )
    assert np.linalg.eigvalsh(ours.covariance).min() > 0
    assert abs(ours.covariance.loc["count: lpi", "zero: lpi"]) > 0
    assert ours.statistics["theta"] == pytest.approx(1 / ours.row("count: alpha")["estimate"])


def test_dispersion_tests_regress_the_excess_variance() -> None:
    frame = simulated()
    ours = count_regression(frame, outcome="y", regressors="x")
    theirs = sm.GLM(frame["y"], sm.add_constant(frame["x"]), family=sm.families.Poisson()).fit()
    mu = theirs.fittedvalues
    excess = ((frame["y"] - mu) ** 2 - frame["y"]) / mu
    assert ours.statistics["overdispersion_nb2_t"] == pytest.approx(
        sm.OLS(excess, mu).fit().tvalues.iloc[0], rel=1e-6
    )
    t = excess.mean() / excess.sem()
    assert ours.statistics["overdispersion_nb1_t"] == pytest.approx(t, rel=1e-6)
    assert ours.statistics["overdispersion_nb1_p"] == pytest.approx(stats.norm.sf(t), rel=1e-4)


def test_an_offset_is_an_exposure() -> None:
    frame = simulated().assign(exposure=lambda f: 1 + np.arange(len(f)) % 5)
    frame = frame.assign(log_exposure=np.log(frame["exposure"]))
    options: dict[str, Any] = {"outcome": "y", "regressors": "x", "distribution": "nb2"}
    once = count_regression(frame, offset="log_exposure", **options)
    tenfold = frame.assign(log_exposure=frame["log_exposure"] + np.log(10))
    other = count_regression(tenfold, offset="log_exposure", **options)
    assert values(once)[0] - values(other)[0] == pytest.approx(np.log(10))
    np.testing.assert_allclose(values(once)[1:], values(other)[1:], rtol=1e-8)
    assert once.coefficients["term"].tolist() == ["Intercept", "x", "alpha"]


@settings(max_examples=15)
@given(
    seed=st.integers(0, 50),
    scale=st.floats(1e-4, 1e4),
    distribution=st.sampled_from(sorted(COUNT_DENSITIES)),
)
def test_row_order_units_and_duplicates(seed: int, scale: float, distribution: str) -> None:
    frame = simulated(seed)
    options: dict[str, Any] = {
        "outcome": "y",
        "regressors": ["x", "z"],
        "distribution": distribution,
    }
    base = count_regression(frame, **options)
    shuffled = count_regression(frame.sample(frac=1, random_state=seed), **options)
    assert np.array_equal(values(base), values(shuffled))
    rescaled = count_regression(frame.assign(x=frame["x"] * scale), **options)
    assert rescaled.row("x")["estimate"] * scale == pytest.approx(base.row("x")["estimate"])
    assert rescaled.row("x")["statistic"] == pytest.approx(base.row("x")["statistic"])
    assert rescaled.facts.log_likelihood == pytest.approx(base.facts.log_likelihood)
    doubled = count_regression(pd.concat([frame, frame]), **options)
    weighted = count_regression(frame.assign(w=2.0), weights="w", **options)
    for other in (doubled, weighted):
        np.testing.assert_allclose(values(other), values(base), rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(
            values(other, "std_error") * np.sqrt(2), values(base, "std_error"), rtol=1e-6
        )


def test_duplicated_clusters_leave_clustered_errors_alone() -> None:
    frame = simulated()
    options: dict[str, Any] = {
        "outcome": "y",
        "regressors": "x",
        "distribution": "nb2",
        "vcov": "cluster",
        "cluster": "g",
        "small_sample": "none",
    }
    base = count_regression(frame, **options)
    doubled = count_regression(pd.concat([frame, frame]), **options)
    np.testing.assert_allclose(values(doubled, "std_error"), values(base, "std_error"), rtol=1e-6)
    none = count_regression(frame, **(options | {"small_sample": "clusters"}))
    groups = frame["g"].nunique()
    ratio = values(none, "std_error") / values(base, "std_error")
    np.testing.assert_allclose(ratio, np.sqrt(groups / (groups - 1)))


def test_missing_rows_are_counted() -> None:
    frame = simulated().assign(x=lambda f: f["x"].where(f.index > 4))
    assert count_regression(frame, outcome="y", regressors="x").facts.n_dropped == 5


def test_errors_say_what_is_wrong() -> None:
    frame = simulated()
    with pytest.raises(ModelError, match="distribution: 'nb3' is not one of poisson, nb1, nb2"):
        count_regression(frame, outcome="y", distribution="nb3")
    with pytest.raises(ModelError, match="vcov: 'quasi' is not one of"):
        count_regression(frame, outcome="y", distribution="nb1", vcov="quasi")
    with pytest.raises(ModelError, match="vcov='cluster' and cluster go together"):
        count_regression(frame, outcome="y", cluster="g")
    with pytest.raises(ModelError, match="300 values are no whole numbers"):
        count_regression(frame.assign(y=frame["y"] + 0.5), outcome="y", distribution="nb2")
    with pytest.raises(ModelError, match="needs positive outcomes; 'y' has"):
        count_regression(frame, outcome="y", truncated=True)
    with pytest.raises(ModelError, match="x2 cannot be estimated"):
        count_regression(frame.assign(x2=2 * frame["x"]), outcome="y", regressors=["x", "x2"])
    with pytest.raises(ModelError, match="every outcome 'y' is zero"):
        count_regression(frame.assign(y=0), outcome="y")
    with pytest.raises(ModelError, match="never zero, so there is no hurdle"):
        hurdle(frame.assign(y=frame["y"] + 1), outcome="y", regressors="x")
    with pytest.raises(ModelError, match="must hold zeros and ones"):
        binary_regression(frame, outcome="y", regressors="x")
    with pytest.raises(ModelError, match="called 'alpha' like the dispersion"):
        count_regression(
            frame.rename(columns={"x": "alpha"}),
            outcome="y",
            regressors="alpha",
            distribution="nb2",
        )


def test_separation_and_underdispersion_are_errors() -> None:
    frame = simulated()
    separated = frame.assign(d=(frame["y"] == 0) & (frame["x"] > 0.5))
    with pytest.raises(ModelError, match=r"separates"):
        count_regression(separated, outcome="y", regressors=["x", "d"])
    perfect = frame.assign(one=(frame["x"] > 0).astype(float))
    with pytest.raises(ModelError, match=r"separates"):
        binary_regression(perfect, outcome="one", regressors="x")
    even = pd.DataFrame({"y": [2, 3] * 40, "x": np.linspace(0, 1, 80)})
    for distribution in ("nb1", "nb2"):
        with pytest.raises(ModelError, match="not overdispersed"):
            count_regression(even, outcome="y", regressors="x", distribution=distribution)


def test_a_dispersion_without_bound_is_an_error() -> None:
    rng = np.random.default_rng(32)
    x = rng.normal(size=60) * 3
    y = rng.negative_binomial(0.3, 0.3 / (0.3 + np.exp(1 + x * 0.8)))
    with pytest.raises(ModelError, match="alpha grows without bound"):
        hurdle(pd.DataFrame({"x": x, "y": y}), outcome="y", regressors="x", distribution="nb2")
