"""Three other engines, on real panels their authors ship, agree with ``fit`` to 1e-10."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest
import statsmodels.api as sm
from linearmodels.datasets import card, munnell, wage_panel
from linearmodels.iv import IV2SLS
from linearmodels.panel import PanelOLS
from statsmodels.datasets import grunfeld

from analysis.models import Estimates, Specification, fit

pytestmark = [
    pytest.mark.filterwarnings("ignore:The inplace keyword"),  # pandas, from within pyfixest
    pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.SingularMatrixWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered in sqrt"),
]

TOLERANCE = 1e-10
REGRESSORS = ("union", "married", "expersq")
# What each covariance is called: ours, pyfixest's, linearmodels' and statsmodels'.
COVARIANCES = {
    "classical": ((), "iid", {"cov_type": "unadjusted"}),
    "hc1": ((), "HC1", {"cov_type": "robust"}),
    "one-way": (("nr",), {"CRV1": "nr"}, {"cov_type": "clustered", "group_debias": True}),
    "two-way": (
        ("nr", "year"),
        {"CRV1": "nr+year"},
        {"cov_type": "clustered", "group_debias": True},
    ),
}
EFFECTS = {"one effect": ("nr",), "two effects": ("nr", "year")}


def kind(name: str) -> str:
    return "cluster" if name.endswith("way") else name


def assert_same(
    estimates: Estimates, values: np.ndarray, errors: np.ndarray, tolerance: float = TOLERANCE
) -> None:
    ours = estimates.coefficients
    np.testing.assert_allclose(ours["estimate"], values, rtol=tolerance)
    np.testing.assert_allclose(ours["std_error"], errors, rtol=tolerance)


@pytest.fixture(scope="module")
def wages() -> pd.DataFrame:
    """Part of the wage panel made unbalanced, with singletons, and with weights."""
    frame = wage_panel.load().reset_index(drop=True)
    frame = frame[frame["nr"] < 3000].reset_index(drop=True)
    random = np.random.default_rng(20240501)
    frame["precision"] = random.uniform(0.5, 2, len(frame))
    kept = frame[random.uniform(size=len(frame)) > 0.6].reset_index(drop=True)
    assert (kept.groupby("nr").size() == 1).any()
    return kept


def dummies(frame: pd.DataFrame, columns: tuple[str, ...]) -> np.ndarray:
    """All levels of the first column, all but one of the second."""
    blocks = [
        pd.get_dummies(frame[name], drop_first=position > 0, dtype=float)
        for position, name in enumerate(columns)
    ]
    return np.column_stack(blocks)


@pytest.mark.parametrize("weights", [None, "precision"])
@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize("name", COVARIANCES)
class TestAbsorbedLeastSquares:
    def specification(self, name: str, effects: str, weights: str | None) -> Specification:
        return Specification(
            outcome="lwage",
            regressors=REGRESSORS,
            absorb=EFFECTS[effects],
            vcov=kind(name),
            cluster=COVARIANCES[name][0],
            weights=weights,
        )

    def test_equals_pyfixest(self, wages, name, effects, weights):
        estimates = fit(self.specification(name, effects, weights), wages)
        other = pf.feols(
            f"lwage ~ {' + '.join(REGRESSORS)} | {' + '.join(EFFECTS[effects])}",
            wages,
            vcov=COVARIANCES[name][1],
            weights=weights,
            ssc=pf.ssc(k_fixef="full", G_df="conventional"),
            fixef_rm="none",
            demeaner=pf.LsmrDemeaner(fixef_atol=1e-13, fixef_btol=1e-13),
        )
        assert_same(estimates, other.coef().to_numpy(), other.se().to_numpy())
        np.testing.assert_allclose(estimates.coefficients["ci_low"], other.confint().iloc[:, 0])

    def test_equals_linearmodels(self, wages, name, effects, weights):
        estimates = fit(self.specification(name, effects, weights), wages)
        indexed = wages.set_index(["nr", "year"], drop=False)
        options = dict(COVARIANCES[name][2])
        if COVARIANCES[name][0]:
            options["clusters"] = indexed[list(COVARIANCES[name][0])]
        model = PanelOLS(
            indexed["lwage"],
            indexed[list(REGRESSORS)],
            entity_effects=True,
            time_effects=effects == "two effects",
            weights=indexed[weights] if weights else None,
            singletons=True,
        )
        other = model.fit(debiased=True, auto_df=False, count_effects=True, **options)
        assert_same(estimates, other.params.to_numpy(), other.std_errors.to_numpy())
        facts = estimates.facts
        assert facts.log_likelihood == pytest.approx(other.loglik, rel=TOLERANCE)
        assert facts.within_r_squared == pytest.approx(other.rsquared, rel=1e-9)
        assert facts.r_squared == pytest.approx(other.rsquared_inclusive, rel=1e-9)
        assert facts.n_parameters == other.df_model

    def test_equals_statsmodels(self, wages, name, effects, weights):
        estimates = fit(self.specification(name, effects, weights), wages)
        design = np.column_stack([wages[list(REGRESSORS)], dummies(wages, EFFECTS[effects])])
        precision = wages[weights] if weights else 1.0
        model = sm.WLS(wages["lwage"].to_numpy(), design, weights=precision)
        cluster = COVARIANCES[name][0]
        if cluster:
            groups = wages[list(cluster)].to_numpy().squeeze()
            other = model.fit(cov_type="cluster", cov_kwds={"groups": groups})
        else:
            other = model.fit(cov_type="nonrobust" if name == "classical" else "HC1")
        k = len(REGRESSORS)
        assert_same(estimates, other.params[:k], other.bse[:k])


@pytest.mark.parametrize("vcov", ["hc0", "hc2", "hc3"])
@pytest.mark.parametrize("effects", [(), ("firm",), ("firm", "year")])
def test_leverage_corrections_equal_statsmodels_with_dummies(vcov, effects):
    frame = grunfeld.load_pandas().data.iloc[3:]
    spec = Specification(
        outcome="invest",
        regressors=("value", "capital"),
        absorb=effects,
        vcov=vcov,
        weights="value",
    )
    estimates = fit(spec, frame)
    intercept = [] if effects else [np.ones(len(frame))]
    right = [*intercept, frame[["value", "capital"]]]
    design = np.column_stack([*right, dummies(frame, effects)] if effects else right)
    other = sm.WLS(frame["invest"].to_numpy(), design, weights=frame["value"]).fit(
        cov_type=vcov.upper()
    )
    k = len(estimates.coefficients)
    assert_same(estimates, other.params[:k], other.bse[:k])


@pytest.mark.parametrize("seed", ["0", "1"])
def test_engines_agree_under_either_hash_seed(seed):
    """The clustered two-effects comparisons above, again, in an interpreter of that hash seed."""
    tests = [
        f"{__file__}::TestAbsorbedLeastSquares::{engine}[{cluster}-two effects-precision]"
        for engine in (
            "test_equals_pyfixest",
            "test_equals_linearmodels",
            "test_equals_statsmodels",
        )
        for cluster in ("one-way", "two-way")
    ]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "6 passed" in run.stdout, run.stdout


def test_redundant_dummies_are_counted_per_component():
    """Two groups of units that share no period: one more dummy is redundant."""
    frame = wage_panel.load().reset_index(drop=True)
    frame = frame[frame["nr"] < 3000]
    early = frame["nr"] % 2 == 0
    frame = frame[early == (frame["year"] < 1984)]
    spec = Specification(outcome="lwage", regressors=REGRESSORS, absorb=("nr", "year"))
    estimates = fit(spec, frame)
    design = np.column_stack([frame[list(REGRESSORS)], dummies(frame, ("nr", "year"))])
    rank = np.linalg.matrix_rank(design)
    assert estimates.facts.n_parameters == rank == design.shape[1] - 1
    other = sm.OLS(frame["lwage"].to_numpy(), design).fit(cov_type="HC1")
    assert_same(estimates, other.params[:3], other.bse[:3], tolerance=1e-8)


@pytest.mark.parametrize("effects", [(), ("year",)])
@pytest.mark.parametrize("name", ["classical", "hc1", "one-way"])
@pytest.mark.parametrize("endogenous", [("union",), ("union", "expersq")])
def test_two_stage_least_squares_equals_linearmodels(wages, effects, name, endogenous):
    instruments = ("black", "hisp", "educ")
    spec = Specification(
        outcome="lwage",
        regressors=("married",),
        estimator="iv",
        endogenous=endogenous,
        instruments=instruments,
        absorb=effects,
        vcov=kind(name),
        cluster=COVARIANCES[name][0],
        weights="precision",
    )
    estimates = fit(spec, wages)
    constant = dummies(wages, effects) if effects else np.ones((len(wages), 1))
    exogenous = np.column_stack([constant, wages["married"]])
    model = IV2SLS(
        wages["lwage"].to_numpy(),
        exogenous,
        wages[list(endogenous)].to_numpy(),
        wages[list(instruments)].to_numpy(),
        weights=wages["precision"].to_numpy(),
    )
    options = {"cov_type": COVARIANCES[name][2]["cov_type"]}
    if kind(name) == "cluster":
        options["clusters"] = wages["nr"].to_numpy()
    other = model.fit(debiased=True, **options)
    skip = exogenous.shape[1] - 1
    keep = slice(skip, None)
    ours = estimates.coefficients[estimates.coefficients["term"] != "Intercept"]
    np.testing.assert_allclose(ours["estimate"], other.params.to_numpy()[keep], rtol=1e-9)
    np.testing.assert_allclose(ours["std_error"], other.std_errors.to_numpy()[keep], rtol=1e-9)


def test_first_stage_statistics():
    """One instrument: the F is the squared t; Cragg-Donald is the classical F."""
    frame = card.load()
    controls = ("exper", "expersq", "black", "smsa", "south")
    iv = Specification(
        outcome="lwage",
        regressors=controls,
        estimator="iv",
        endogenous=("educ",),
        instruments=("nearc4",),
        vcov="hc1",
    )
    facts = fit(iv, frame).facts
    first = Specification(outcome="educ", regressors=(*controls, "nearc4"), vcov="hc1")
    robust = fit(first, frame).row("nearc4")["statistic"] ** 2
    classical = fit(replace(first, vcov="classical"), frame).row("nearc4")["statistic"] ** 2
    assert facts.first_stage_f == pytest.approx(robust, rel=TOLERANCE)
    assert facts.effective_f == pytest.approx(robust, rel=TOLERANCE)
    assert facts.cragg_donald_f == pytest.approx(classical, rel=TOLERANCE)
    assert np.isnan(facts.r_squared)


def test_cragg_donald_and_effective_f_with_two_instruments():
    """With classical errors all three statistics are the one classical F."""
    frame = card.load()
    spec = Specification(
        outcome="lwage",
        regressors=("exper", "black"),
        estimator="iv",
        endogenous=("educ",),
        instruments=("nearc4", "nearc2"),
        vcov="classical",
    )
    facts = fit(spec, frame).facts
    first = sm.OLS(frame["educ"], sm.add_constant(frame[["exper", "black", "nearc4", "nearc2"]]))
    expected = float(first.fit().f_test("nearc4 = 0, nearc2 = 0").fvalue)
    assert facts.first_stage_f == pytest.approx(expected, rel=TOLERANCE)
    assert facts.effective_f == pytest.approx(expected, rel=TOLERANCE)
    assert facts.cragg_donald_f == pytest.approx(expected, rel=TOLERANCE)


class TestPoisson:
    """Counts made of the Grunfeld firms' capital, which vary over three orders of magnitude."""

    @pytest.fixture()
    def counts(self) -> pd.DataFrame:
        frame = grunfeld.load_pandas().data.iloc[5:].copy()
        frame["count"] = (frame["capital"] // 10).astype(int)
        frame["log_value"] = np.log(frame["value"])
        return frame

    @pytest.mark.parametrize("weights", [None, "invest"])
    @pytest.mark.parametrize("effects", [(), ("firm",), ("firm", "year")])
    @pytest.mark.parametrize("vcov", ["classical", "hc0", "hc1", "cluster"])
    def test_equals_statsmodels_with_dummies(self, counts, effects, vcov, weights):
        cluster = ("firm",) if vcov == "cluster" else ()
        spec = Specification(
            outcome="count",
            regressors=("log_value", "invest"),
            estimator="poisson",
            absorb=effects,
            vcov=vcov,
            cluster=cluster,
            weights=weights,
        )
        estimates = fit(spec, counts)
        constant = dummies(counts, effects) if effects else np.ones((len(counts), 1))
        design = np.column_stack([constant, counts[["log_value", "invest"]]])
        other = sm.GLM(
            counts["count"].to_numpy(float),
            design,
            family=sm.families.Poisson(),
            var_weights=counts[weights].to_numpy() if weights else None,
        ).fit(tol=1e-14, maxiter=200)
        n, k = design.shape
        hessian = design.T @ (design * self._information(other, counts, weights)[:, None])
        bread = np.linalg.inv(hessian)
        scores = design * self._score(other, counts, weights)[:, None]
        if vcov == "cluster":
            sums = pd.DataFrame(scores).groupby(counts["firm"].to_numpy()).sum().to_numpy()
            groups = len(sums)
            meat = groups / (groups - 1) * (n - 1) / (n - k) * sums.T @ sums
        else:
            meat = scores.T @ scores * (n / (n - k) if vcov == "hc1" else 1)
        matrix = bread if vcov == "classical" else bread @ meat @ bread
        ours = estimates.coefficients[estimates.coefficients["term"] != "Intercept"]
        np.testing.assert_allclose(ours["estimate"], other.params[-2:], rtol=1e-9)
        np.testing.assert_allclose(ours["std_error"], np.sqrt(np.diag(matrix))[-2:], rtol=1e-9)
        assert estimates.facts.df_t == (10 if cluster else n - k)

    @staticmethod
    def _information(other, counts, weights) -> np.ndarray:
        return other.fittedvalues * (counts[weights].to_numpy() if weights else 1)

    @staticmethod
    def _score(other, counts, weights) -> np.ndarray:
        residuals = counts["count"].to_numpy() - other.fittedvalues
        return residuals * (counts[weights].to_numpy() if weights else 1)

    def test_statsmodels_own_errors_without_effects(self, counts):
        spec = Specification(
            outcome="count", regressors=("log_value",), estimator="poisson", vcov="classical"
        )
        design = sm.add_constant(counts[["log_value"]])
        family = sm.families.Poisson()
        other = sm.GLM(counts["count"], design, family=family).fit(tol=1e-14, maxiter=200)
        estimates = fit(spec, counts)
        assert_same(estimates, other.params.to_numpy(), other.bse.to_numpy())
        assert estimates.facts.log_likelihood == pytest.approx(other.llf, rel=TOLERANCE)
        expected = other.pseudo_rsquared("mcf")
        assert estimates.facts.pseudo_r_squared == pytest.approx(expected, rel=TOLERANCE)
        robust = sm.GLM(counts["count"], design, family=family).fit(
            tol=1e-14, maxiter=200, cov_type="cluster", cov_kwds={"groups": counts["firm"]}
        )
        clustered = fit(replace(spec, vcov="cluster", cluster=("firm",)), counts)
        assert_same(clustered, robust.params.to_numpy(), robust.bse.to_numpy(), tolerance=1e-9)

    def test_equals_pyfixest(self, counts):
        spec = Specification(
            outcome="count",
            regressors=("log_value",),
            estimator="poisson",
            absorb=("firm", "year"),
            vcov="cluster",
            cluster=("firm",),
        )
        other = pf.fepois(
            "count ~ log_value | firm + year",
            counts,
            vcov={"CRV1": "firm"},
            ssc=pf.ssc(k_fixef="full"),
            fixef_rm="none",
            iwls_tol=1e-13,
            iwls_maxiter=100,
            demeaner=pf.LsmrDemeaner(fixef_atol=1e-13, fixef_btol=1e-13),
        )
        assert_same(fit(spec, counts), other.coef().to_numpy(), other.se().to_numpy(), 1e-8)

    def test_groups_of_zeros_are_left_out_and_counted(self, counts):
        counts["count"] = counts["count"].where(counts["firm"] != "IBM", 0)
        spec = Specification(
            outcome="count",
            regressors=("log_value",),
            estimator="poisson",
            absorb=("firm", "year"),
            vcov="cluster",
            cluster=("firm",),
        )
        estimates = fit(spec, counts)
        without = fit(spec, counts[counts["firm"] != "IBM"])
        pd.testing.assert_frame_equal(estimates.coefficients, without.coefficients)
        assert estimates.facts.n_separated == (counts["firm"] == "IBM").sum()
        assert estimates.facts.n_clusters == estimates.facts.n_units == without.facts.n_units


class TestPublishedNumbers:
    def test_grunfeld_within_and_pooled(self):
        """Baltagi, Econometric Analysis of Panel Data, Table 2.1: ten firms, 1935-1954."""
        frame = grunfeld.load_pandas().data
        frame = frame[frame["firm"] != "American Steel"]
        spec = Specification(
            outcome="invest",
            regressors=("value", "capital"),
            absorb=("firm",),
            vcov="classical",
        )
        within = fit(spec, frame).coefficients
        assert within["estimate"].round(3).tolist() == [0.110, 0.310]
        assert within["std_error"].round(3).tolist() == [0.012, 0.017]
        pooled = fit(replace(spec, absorb=()), frame).coefficients
        assert pooled["estimate"].round(3).tolist() == [-42.714, 0.116, 0.231]
        assert pooled["std_error"].round(3).tolist() == [9.512, 0.006, 0.025]

    def test_munnell_public_capital_within(self):
        """Baltagi, Table 3.1: public capital productivity, 48 states, 1970-1986."""
        frame = munnell.load()
        names = ["P_CAP", "PC", "EMP", "GSP"]
        frame[names] = np.log(frame[names].astype(float))
        spec = Specification(
            outcome="GSP",
            regressors=("P_CAP", "PC", "EMP", "UNEMP"),
            absorb=("ST_ABB",),
            vcov="classical",
        )
        within = fit(spec, frame).coefficients
        assert within["estimate"].round(3).tolist() == [-0.026, 0.292, 0.768, -0.005]
        assert within["std_error"].round(3).tolist() == [0.029, 0.025, 0.030, 0.001]

    def test_card_return_to_schooling(self):
        """Wooldridge, Introductory Econometrics, Table 15.1: nearness to college as instrument."""
        regions = tuple(f"reg{number}" for number in range(662, 670))
        spec = Specification(
            outcome="lwage",
            regressors=("exper", "expersq", "black", "smsa", "south", "smsa66", *regions),
            estimator="iv",
            endogenous=("educ",),
            instruments=("nearc4",),
            vcov="classical",
        )
        estimates = fit(spec, card.load())
        educ = estimates.row("educ")
        assert (round(educ["estimate"], 3), round(educ["std_error"], 3)) == (0.132, 0.055)
        exper = estimates.row("exper")
        assert (round(exper["estimate"], 3), round(exper["std_error"], 3)) == (0.108, 0.024)
