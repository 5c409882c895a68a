"""A wrong specification or a wrong frame is refused with a message that says what is right."""

import numpy as np
import pandas as pd
import pytest

from analysis import CompendiumError
from analysis.models import Estimates, ModelError, Specification, fit, round_significant
from analysis.models.estimates import COEFFICIENT_COLUMNS, tabulate


@pytest.fixture()
def frame() -> pd.DataFrame:
    random = np.random.default_rng(3)
    index = pd.MultiIndex.from_product([["A", "B", "C", "D"], range(2000, 2010)])
    result = index.to_frame(index=False, name=["geo", "year"])
    result["x"] = random.normal(size=40)
    result["z"] = random.normal(size=40)
    result["y"] = result["x"] + random.normal(size=40)
    return result


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"estimator": "probit"}, "estimator: 'probit' is not one of ols, poisson, iv"),
        ({"vcov": "robust"}, "vcov: 'robust' is not one of classical, hc0, hc1, hc2, hc3, cluster"),
        ({"vcov": "cluster"}, "needs 1 or 2 cluster columns"),
        ({"cluster": ("geo",)}, "has no effect with vcov='hc1'"),
        ({"absorb": ("a", "b", "c")}, "at most 2 columns, got 3"),
        ({"regressors": "x"}, "regressors: expected a tuple of column names, got 'x'"),
        ({"regressors": ("x", "x")}, r"more than once on the right-hand side: \['x'\]"),
        ({"regressors": ("y",)}, "outcome 'y' is also on the right-hand side"),
        ({"regressors": (), "absorb": ("geo",)}, "no regressor to estimate"),
        ({"instruments": ("z",)}, "need estimator='iv'"),
        ({"estimator": "iv", "endogenous": ("e", "f"), "instruments": ("z",)}, "at least as many"),
        ({"estimator": "poisson", "vcov": "hc3"}, "defined here for estimator='ols' only"),
        ({"lags": 1}, "needs the columns unit and time"),
        ({"lags": -1}, "expected 0 or more"),
    ],
)
def test_contradictions_are_refused(fields, message):
    with pytest.raises(ModelError, match=message):
        Specification(**({"outcome": "y", "regressors": ("x",)} | fields))


def test_model_errors_are_compendium_errors():
    assert issubclass(ModelError, CompendiumError)


@pytest.mark.parametrize(
    ("change", "fields", "message"),
    [
        ({}, {"regressors": ("xx",)}, "no column 'xx'; did you mean x"),
        ({"x": "text"}, {}, "column 'x' is str, expected numbers"),
        ({"x": np.nan}, {}, "no row of the 40 has every value .* x: 0"),
        ({"x": np.inf}, {}, r"column 'x' has 40 infinite values"),
        ({"x": 5.0}, {}, "^x cannot be estimated"),
        ({"y": 1.0}, {}, "outcome 'y' does not vary"),
        ({"w": 0.0}, {"weights": "w"}, "weights 'w': 40 values are zero or negative"),
        ({"y": -1.0}, {"estimator": "poisson"}, "outcome of zero or more; 'y' has 40 below"),
        ({"y": 0.0}, {"estimator": "poisson"}, "every outcome is zero"),
        ({"one": 1}, {"vcov": "cluster", "cluster": ("one",)}, "only one cluster in one"),
        ({}, {"absorb": ("row",)}, "cannot estimate 41 parameters"),
        (
            {"constant": 2.0},
            {"estimator": "iv", "endogenous": ("z",), "instruments": ("constant",)},
            "^constant cannot be estimated",
        ),
    ],
)
def test_unusable_data_is_refused(frame, change, fields, message):
    changed = frame.assign(row=np.arange(40), **change)
    spec = Specification(**({"outcome": "y", "regressors": ("x",)} | fields))
    with pytest.raises(ModelError, match=message):
        fit(spec, changed)


def test_regressor_collinear_with_effects_is_named(frame):
    constant_within = frame.assign(share=frame["geo"].map({"A": 1.0, "B": 2.5, "C": 3.1, "D": 0.2}))
    spec = Specification(outcome="y", regressors=("x", "share"), absorb=("geo", "year"))
    with pytest.raises(ModelError, match=r"^share cannot be estimated"):
        fit(spec, constant_within)


def test_leverage_one_has_no_hc3(frame):
    single = frame.drop(index=range(1, 10))
    spec = Specification(outcome="y", regressors=("x",), absorb=("geo",), vcov="hc3")
    with pytest.raises(ModelError, match="hc3 is not defined: 1 rows are fitted exactly"):
        fit(spec, single)


def test_separated_by_a_regressor_is_explained(frame):
    zero = frame.assign(y=np.where(np.arange(40) < 5, 0.0, 3.0 + frame["x"] ** 2))
    zero["flag"] = (np.arange(40) < 5).astype(float)
    spec = Specification(outcome="y", regressors=("flag",), estimator="poisson")
    with pytest.raises(ModelError, match="5 rows with outcome zero are perfectly predicted"):
        fit(spec, zero)


def test_singletons_are_kept_and_counted(frame):
    single = frame.drop(index=range(1, 10))
    spec = Specification(outcome="y", regressors=("x",), absorb=("geo",), vcov="classical")
    kept, dropped = fit(spec, single), fit(spec, single[single["geo"] != "A"])
    assert kept.facts.n_singletons == 1
    assert kept.facts.n_obs == dropped.facts.n_obs + 1
    np.testing.assert_allclose(kept.covariance, dropped.covariance, rtol=1e-12)


class TestLags:
    def test_lag_is_the_value_of_the_earlier_year(self, frame):
        spec = Specification(
            outcome="y", regressors=("x",), unit="geo", time="year", lags=2, absorb=("geo",)
        )
        by_hand = frame.assign(past=frame.groupby("geo")["x"].shift(2))
        plain = Specification(outcome="y", regressors=("past",), absorb=("geo",))
        lagged = fit(spec, frame.sample(frac=1, random_state=1))
        assert lagged.coefficients["term"].tolist() == ["L2.x"]
        np.testing.assert_allclose(
            lagged.coefficients["estimate"], fit(plain, by_hand).coefficients["estimate"]
        )
        assert lagged.facts.n_obs == 32
        assert lagged.facts.formula == "y ~ L2.x | geo"

    def test_a_gap_is_not_bridged(self, frame):
        gap = frame[frame["year"] != 2005]
        spec = Specification(outcome="y", regressors=("x",), unit="geo", time="year", lags=1)
        assert fit(spec, gap).facts.n_obs == 4 * 7

    def test_lagged_outcome_may_be_a_regressor(self, frame):
        spec = Specification(outcome="y", regressors=("y",), unit="geo", time="year", lags=1)
        assert fit(spec, frame).row("L1.y")["estimate"] < 1

    def test_a_repeated_year_is_refused(self, frame):
        twice = pd.concat([frame, frame.iloc[:1]])
        spec = Specification(outcome="y", regressors=("x",), unit="geo", time="year", lags=1)
        with pytest.raises(ModelError, match=r"'geo': 'A', 'year': 2000.* more than once"):
            fit(spec, twice)


class TestEstimates:
    @pytest.fixture()
    def estimates(self, frame) -> Estimates:
        spec = Specification(
            outcome="y", regressors=("x", "z"), vcov="cluster", cluster=("geo",), sample="all four"
        )
        return fit(spec, frame)

    def test_frame_has_one_schema(self, frame, estimates):
        other = fit(Specification(outcome="y", regressors=("x",), absorb=("geo",)), frame)
        assert estimates.frame().dtypes.equals(other.frame().dtypes)
        both = pd.concat([estimates.frame(), other.frame()], ignore_index=True)
        assert both.dtypes.equals(other.frame().dtypes)
        assert tuple(both.columns[:7]) == COEFFICIENT_COLUMNS
        assert both["n_clusters"].isna().tolist() == [False, False, False, True]
        assert both["n_obs"].tolist() == [40] * 4

    def test_facts(self, estimates):
        facts = estimates.facts
        assert (facts.n_clusters, facts.df_t, facts.sample) == (4, 3.0, "all four")
        assert facts.cluster == "geo"
        assert np.isnan(facts.within_r_squared)

    def test_row_and_unknown_term(self, estimates):
        assert estimates.row("x")["estimate"] == estimates.coefficients["estimate"].iloc[1]
        with pytest.raises(ModelError, match=r"no such term: .*; the terms are Intercept, x, z"):
            estimates.row("w")

    def test_wald_of_one_term_is_its_squared_t(self, estimates):
        test = estimates.wald(["x"])
        assert test.statistic == pytest.approx(estimates.row("x")["statistic"] ** 2)
        assert test.p_value == pytest.approx(estimates.row("x")["p_value"])

    def test_wald_equals_statsmodels(self, frame):
        import statsmodels.api as sm

        spec = Specification(outcome="y", regressors=("x", "z"), vcov="hc1")
        test = fit(spec, frame).wald(["x", "z"])
        other = sm.OLS(frame["y"], sm.add_constant(frame[["x", "z"]])).fit(
            cov_type="HC1", use_t=True
        )
        expected = other.f_test("x = 0, z = 0")
        assert test.statistic == pytest.approx(float(expected.fvalue), rel=1e-10)
        assert test.p_value == pytest.approx(float(expected.pvalue), rel=1e-10)

    def test_wald_of_more_terms_than_clusters_is_missing(self, frame):
        wide = frame.assign(**{f"v{i}": np.cos(frame.index * (i + 1)) for i in range(4)})
        terms = [f"v{i}" for i in range(4)]
        spec = Specification(outcome="y", regressors=tuple(terms), vcov="cluster", cluster=("geo",))
        assert np.isnan(fit(spec, wide).wald(terms).statistic)

    def test_a_negative_variance_is_a_missing_error_not_zero(self, estimates):
        """As two-way clustering can give with few clusters."""
        covariance = np.diag([-1.0, 4.0])
        rows = tabulate(["a", "b"], np.array([1.0, 1.0]), covariance, estimates.facts)
        assert rows.row("a").drop(["estimate"]).isna().all()
        assert rows.row("b")["std_error"] == 2
        assert np.isnan(rows.wald(["a", "b"]).p_value)

    def test_round_significant(self):
        noisy = pd.DataFrame({"a": [1 / 3, 1e-300 / 3, np.nan, np.inf, 0.0], "n": range(5)})
        rounded = round_significant(noisy)
        assert rounded["a"].iloc[0] == 0.333333333333
        assert rounded["a"].iloc[1] == 3.33333333333e-301
        assert np.isnan(rounded["a"].iloc[2]) and np.isinf(rounded["a"].iloc[3])
        assert rounded["n"].tolist() == [0, 1, 2, 3, 4]
        assert noisy["a"].iloc[0] == 1 / 3
