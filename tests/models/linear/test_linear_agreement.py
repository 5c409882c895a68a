"""Agreement with linearmodels, statsmodels and matrices written out."""

import linearmodels.panel as lm
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import linalg

from analysis.models.linear import (
    fama_macbeth,
    first_differences,
    ols,
    random_effects,
    random_effects_iv,
    within,
)

MODEL = {"outcome": "y", "regressors": ["x1", "x2"], "unit": "id", "time": "t"}


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    """40 units, up to 8 periods, a sixth of the rows missing, a regressor constant in units."""
    draw = np.random.default_rng(20240607)
    frame = pd.DataFrame([(i, t) for i in range(40) for t in range(8)], columns=["id", "t"])
    n = len(frame)
    effect = draw.normal(size=40)[frame["id"]]
    frame["x1"] = draw.normal(size=n) + 0.5 * effect
    frame["x2"] = draw.normal(size=40)[frame["id"]]
    frame["z1"], frame["z2"] = draw.normal(size=n), draw.normal(size=n)
    noise = draw.normal(size=n)
    frame["w"] = frame["z1"] + 0.5 * frame["z2"] + 0.6 * noise + draw.normal(size=n)
    frame["y"] = 1 + frame["x1"] - 0.5 * frame["x2"] + 0.3 * frame["w"] + effect + noise
    return frame[draw.uniform(size=n) > 1 / 6].reset_index(drop=True)


def regressors(frame: pd.DataFrame) -> pd.DataFrame:
    return sm.add_constant(frame[["x1", "x2"]])


def test_newey_west_of_a_time_series_equals_statsmodels(panel):
    series = panel[panel["id"] == 3].assign(id=0)
    frame = pd.concat([panel[panel["t"] == 0].assign(t=lambda d: d["id"]), series.head(0)])
    ours = ols(
        frame,
        outcome="y",
        regressors=["x1", "x2"],
        time="t",
        vcov="newey_west",
        vcov_options={"lags": 3},
    )
    # statsmodels counts neighbouring rows, which in a series without gaps are periods.
    theirs = sm.OLS(frame["y"], regressors(frame)).fit(cov_type="HAC", cov_kwds={"maxlags": 3})
    np.testing.assert_allclose(ours.coefficients["std_error"], theirs.bse, rtol=1e-10)


@pytest.mark.parametrize("lags", [0, 2])
def test_driscoll_kraay_equals_statsmodels_and_linearmodels(panel, lags):
    options = {"vcov": "driscoll_kraay", "vcov_options": {"lags": lags}}
    ours = ols(panel, **MODEL, **options, small_sample="none")
    theirs = sm.OLS(panel["y"], regressors(panel)).fit(
        cov_type="hac-groupsum",
        cov_kwds={"time": panel["t"].to_numpy(), "maxlags": lags, "use_correction": False},
    )
    np.testing.assert_allclose(ours.coefficients["std_error"], theirs.bse, rtol=1e-10)
    indexed = panel.set_index(["id", "t"])
    other = lm.PooledOLS(indexed["y"], regressors(indexed)).fit(
        cov_type="kernel", kernel="bartlett", bandwidth=lags, debiased=False
    )
    np.testing.assert_allclose(ours.coefficients["std_error"], other.std_errors, rtol=1e-10)


def test_driscoll_kraay_has_both_factors_and_the_degrees_of_freedom_of_the_periods(panel):
    """The factors of Stata's xtscc, and T - 1 as few periods are few sums."""
    plain = ols(panel, **MODEL, vcov="driscoll_kraay", small_sample="none")
    ours = ols(panel, **MODEL, vcov="driscoll_kraay")
    n, periods = len(panel), panel["t"].nunique()
    factor = periods / (periods - 1) * (n - 1) / (n - 3)
    np.testing.assert_allclose(ours.covariance, plain.covariance * factor, rtol=1e-12)
    assert ours.facts.df_t == plain.facts.df_t == periods - 1
    assert ours.facts.small_sample == "T/(T - 1) x (n - 1)/(n - K)"
    residual = ols(panel, **MODEL, vcov="driscoll_kraay", inference="residual")
    assert residual.facts.df_t == n - 3


def test_newey_west_within_units_by_matrices(panel):
    ours = ols(panel, **MODEL, vcov="newey_west", vcov_options={"lags": 2})
    design = regressors(panel).to_numpy()
    bread = linalg.inv(design.T @ design)
    residuals = panel["y"].to_numpy() - design @ bread @ design.T @ panel["y"].to_numpy()
    distance = np.abs(np.subtract.outer(panel["t"].to_numpy(), panel["t"].to_numpy()))
    same = np.equal.outer(panel["id"].to_numpy(), panel["id"].to_numpy())
    omega = np.outer(residuals, residuals) * same * np.clip(1 - distance / 3, 0, None)
    expected = bread @ design.T @ omega @ design @ bread
    np.testing.assert_allclose(ours.covariance, expected, rtol=1e-9)


@pytest.mark.parametrize(("kind", "power"), [("cr2", -0.5), ("cr3", -1.0)])
def test_leverage_corrected_clusters_by_matrices(panel, kind, power):
    ours = ols(panel, **MODEL, vcov=kind, cluster="id")
    design = regressors(panel).to_numpy()
    bread = linalg.inv(design.T @ design)
    residuals = panel["y"].to_numpy() - design @ bread @ design.T @ panel["y"].to_numpy()
    meat = np.zeros((3, 3))
    for rows in panel.groupby("id").indices.values():
        values, vectors = linalg.eigh(np.eye(len(rows)) - design[rows] @ bread @ design[rows].T)
        score = design[rows].T @ (vectors * values**power) @ vectors.T @ residuals[rows]
        meat += np.outer(score, score)
    np.testing.assert_allclose(ours.covariance, bread @ meat @ bread, rtol=1e-8)


def test_jackknife_is_cr3(panel):
    """CR3 with (G - 1)/G is the delete-one-cluster jackknife around the full estimate."""
    ours = ols(panel, **MODEL, vcov="cr3", cluster="id", small_sample="jackknife")
    full = ours.coefficients["estimate"].to_numpy()
    left_out = []
    for unit in panel["id"].unique():
        kept = ols(panel[panel["id"] != unit], outcome="y", regressors=["x1", "x2"])
        left_out.append(kept.coefficients["estimate"].to_numpy() - full)
    gap, groups = np.array(left_out), panel["id"].nunique()
    np.testing.assert_allclose(ours.covariance, gap.T @ gap * (groups - 1) / groups, rtol=1e-8)


@pytest.mark.parametrize("small", [False, True])
def test_random_effects_equal_linearmodels(panel, small):
    ours = random_effects(panel, **MODEL, unbalanced="baltagi_chang" if small else "harmonic_mean")
    indexed = panel.set_index(["id", "t"])
    theirs = lm.RandomEffects(indexed["y"], regressors(indexed)).fit(
        small_sample=small, debiased=True
    )
    components = theirs.variance_decomposition
    assert ours.statistics["sigma_e"] ** 2 == pytest.approx(components["Residual"], rel=1e-9)
    assert ours.statistics["sigma_u"] ** 2 == pytest.approx(components["Effects"], rel=1e-9)
    np.testing.assert_allclose(ours.coefficients["estimate"], theirs.params, rtol=1e-9)
    np.testing.assert_allclose(ours.coefficients["std_error"], theirs.std_errors, rtol=1e-9)


def gls_by_matrices(
    panel: pd.DataFrame, sigma_e: float, sigma_u: float
) -> tuple[np.ndarray, np.ndarray]:
    same = np.equal.outer(panel["id"].to_numpy(), panel["id"].to_numpy())
    inverse = linalg.inv(sigma_e**2 * np.eye(len(panel)) + sigma_u**2 * same)
    design = regressors(panel).to_numpy()
    bread = linalg.inv(design.T @ inverse @ design)
    return bread @ design.T @ inverse @ panel["y"].to_numpy(), bread


@pytest.mark.parametrize("method", ["swamy_arora", "wallace_hussain"])
def test_random_effects_are_generalised_least_squares(panel, method):
    ours = random_effects(panel, **MODEL, variance_components=method, scale="idiosyncratic")
    statistics = ours.statistics
    expected, bread = gls_by_matrices(panel, statistics["sigma_e"], statistics["sigma_u"])
    np.testing.assert_allclose(ours.coefficients["estimate"], expected, rtol=1e-9)
    np.testing.assert_allclose(ours.covariance, bread, rtol=1e-9)
    assert statistics["wald_chi2"] == pytest.approx(
        expected[1:] @ linalg.solve(bread[1:, 1:], expected[1:])
    )


@pytest.mark.parametrize("method", ["swamy_arora", "wallace_hussain", "amemiya"])
def test_exact_variance_components_are_unbiased(method):
    """Mean over draws of components of a very unbalanced panel."""
    draw = np.random.default_rng(7)
    units = np.repeat(np.arange(12), np.arange(1, 13))
    frame = pd.DataFrame({"id": units, "x1": draw.normal(size=len(units))})
    found = []
    for _ in range(200):
        noise = 2 * draw.normal(size=12)[units] + draw.normal(size=len(units))
        statistics = random_effects(
            frame.assign(y=frame["x1"] + noise),
            outcome="y",
            regressors="x1",
            unit="id",
            variance_components=method,
            degrees_of_freedom="exact",
        ).statistics
        found.append((statistics["sigma_e"] ** 2, statistics["sigma2_u_unrestricted"]))
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(len(found))
    assert np.all(np.abs(mean - [1, 4]) < 3.5 * error)


@pytest.mark.parametrize("transformation", ["balestra_krishnakumar", "baltagi"])
def test_random_effects_iv_by_matrices(panel, transformation):
    model = {**MODEL, "endogenous": "w", "instruments": ["z1", "z2"]}
    ours = random_effects_iv(panel, **model, transformation=transformation)
    sigma_e, sigma_u = ours.statistics["sigma_e"], ours.statistics["sigma_u"]
    dummies = pd.get_dummies(panel["id"]).to_numpy(dtype=float)
    sizes = dummies.sum(axis=0)
    projection = dummies / sizes @ dummies.T
    theta = 1 - np.sqrt(sigma_e**2 / (sigma_e**2 + sizes * sigma_u**2))
    root = np.eye(len(panel)) - (dummies * theta / sizes) @ dummies.T
    exogenous = regressors(panel).to_numpy()
    every = np.column_stack([exogenous, panel[["z1", "z2"]]])
    instruments = root @ every
    if transformation == "baltagi":
        instruments = np.column_stack([every - projection @ every, projection @ every])
    design = root @ np.column_stack([exogenous, panel["w"]])
    projected = instruments @ linalg.pinv(instruments) @ design
    expected = linalg.solve(projected.T @ design, projected.T @ root @ panel["y"].to_numpy())
    np.testing.assert_allclose(ours.coefficients["estimate"], expected, rtol=1e-8)


def test_first_differences_equal_linearmodels(panel):
    balanced = panel[panel.groupby("id")["t"].transform("size") == 8]
    indexed = balanced.set_index(["id", "t"])
    theirs = lm.FirstDifferenceOLS(indexed["y"], indexed[["x1", "w"]]).fit(
        cov_type="clustered", cluster_entity=True, debiased=True, group_debias=True
    )
    ours = first_differences(
        balanced,
        outcome="y",
        regressors=["x1", "w"],
        unit="id",
        time="t",
        intercept=False,
        vcov="cluster",
        cluster="id",
    )
    np.testing.assert_allclose(ours.coefficients["estimate"], theirs.params, rtol=1e-9)


def test_a_gap_is_bridged_only_when_asked():
    frame = pd.DataFrame({"id": [1, 1, 1, 2, 2, 2], "t": [1, 2, 4, 1, 2, 3]})
    frame["x"] = [1.0, 2.5, 3.0, 0.0, 2.0, 1.0]
    frame["y"] = [1.0, 2.0, 9.0, 0.5, 2.0, 1.5]
    model = {"outcome": "y", "regressors": "x", "unit": "id", "time": "t", "intercept": False}
    assert first_differences(frame, **model).facts.n_obs == 3
    assert first_differences(frame, **model, gaps="bridge").facts.n_obs == 4


def test_within_equals_linearmodels_with_its_counts(panel):
    indexed = panel.set_index(["id", "t"])
    fitted = lm.PanelOLS(indexed["y"], indexed[["x1", "w"]], entity_effects=True)
    model = {"outcome": "y", "regressors": ["x1", "w"], "unit": "id"}
    plain = fitted.fit(debiased=True)
    np.testing.assert_allclose(
        within(panel, **model).coefficients["std_error"], plain.std_errors, rtol=1e-9
    )
    # linearmodels counts no effect that is nested in the clusters, reghdfe then one constant.
    clustered = fitted.fit(
        cov_type="clustered", cluster_entity=True, debiased=True, group_debias=True
    )
    ours = within(
        panel,
        **model,
        vcov="cluster",
        cluster="id",
        parameters="terms",
    )
    np.testing.assert_allclose(ours.coefficients["std_error"], clustered.std_errors, rtol=1e-9)
    options = {"vcov": "cluster", "cluster": "id"}
    ours = within(panel, **model, **options, parameters="nonnested")
    n, inside = len(panel), ours.covariance.to_numpy()
    np.testing.assert_allclose(inside, clustered.cov.to_numpy() * (n - 2) / (n - 3), rtol=1e-9)


def test_fama_macbeth_equals_linearmodels(panel):
    indexed = panel.set_index(["id", "t"])
    theirs = lm.FamaMacBeth(indexed["y"], regressors(indexed)).fit(debiased=True)
    ours = fama_macbeth(panel, outcome="y", regressors=["x1", "x2"], time="t")
    np.testing.assert_allclose(ours.coefficients["estimate"], theirs.params, rtol=1e-9)
    np.testing.assert_allclose(ours.coefficients["std_error"], theirs.std_errors, rtol=1e-9)


def test_a_regressor_without_variation_between_units_leaves_the_components_alone(panel):
    """Means that are rounding must not be taken for a between regressor."""
    balanced = panel[panel.groupby("id")["t"].transform("size") == 8].copy()
    balanced["inner"] = balanced["z1"] - balanced.groupby("id")["z1"].transform("mean")
    model = {"outcome": "y", "unit": "id"}
    without = random_effects(balanced, **model, regressors="x1")
    added = random_effects(balanced, **model, regressors=["x1", "inner"])
    groups = balanced["id"].nunique()
    between_rss = [
        8 * r.statistics["sigma2_u_unrestricted"] + r.statistics["sigma_e"] ** 2
        for r in (without, added)
    ]
    assert groups > 2
    assert between_rss[1] == pytest.approx(between_rss[0], rel=1e-9)
