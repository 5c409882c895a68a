"""2SLS, GMM and LIML with their tests: another package, identities, properties, errors."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linearmodels.datasets import mroz
from linearmodels.iv import IV2SLS, IVGMM, IVLIML
from scipy import stats

from analysis.models import Specification, fit
from analysis.models.estimates import Estimates
from analysis.models.iv import iv_gmm
from analysis.models.specification import ModelError

MODEL: dict[str, Any] = {
    "outcome": "lwage",
    "regressors": ["exper", "expersq"],
    "endogenous": "educ",
    "instruments": ["motheduc", "fatheduc", "huseduc"],
}
#: What linearmodels does by default: no factor, normal distribution.
PLAIN = {"small_sample": "none", "inference": "normal"}


@pytest.fixture(scope="module")
def women() -> pd.DataFrame:
    return mroz.load().dropna(subset=["lwage"]).reset_index(drop=True)


def linear(frame: pd.DataFrame, estimator: Any, **options: Any) -> Any:
    exogenous = frame[["exper", "expersq"]].assign(const=1.0)
    return estimator(
        frame["lwage"], exogenous, frame["educ"], frame[MODEL["instruments"]], **options
    )


def simulated(strength: float, seed: int = 0, n: int = 200, n_instruments: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, n_instruments))
    shock = rng.normal(size=n)
    x = strength * z.sum(axis=1) + 0.8 * shock + 0.6 * rng.normal(size=n)
    y = 1.0 + 0.5 * x + shock
    frame = pd.DataFrame(z, columns=[f"z{i + 1}" for i in range(n_instruments)])
    frame = frame.assign(x=x, y=y, g=np.arange(n) // 4, w=1 + rng.random(n))
    return frame.assign(x2=0.3 * z[:, 0] - strength * z[:, 1] + rng.normal(size=n))


def estimate(frame: pd.DataFrame, **options: Any) -> Estimates:
    base: dict[str, Any] = {"outcome": "y", "endogenous": "x", "instruments": ["z1", "z2", "z3"]}
    return iv_gmm(frame, **(base | options))


def assert_same(ours: Estimates, theirs: Any) -> None:
    terms = ["Intercept", "exper", "expersq", "educ"]
    names = ["const", "exper", "expersq", "educ"]
    table = ours.coefficients.set_index("term").loc[terms]
    np.testing.assert_allclose(table["estimate"], theirs.params[names], rtol=1e-9)
    np.testing.assert_allclose(table["std_error"], theirs.std_errors[names], rtol=1e-9)


@pytest.mark.parametrize("steps", [2, 3, 5])
def test_gmm_agrees_with_linearmodels(women: pd.DataFrame, steps: int) -> None:
    theirs = linear(women, IVGMM, weight_type="robust").fit(
        iter_limit=steps, cov_type="robust", tol=0
    )
    ours = iv_gmm(women, **MODEL, **PLAIN, vcov="hc0", steps=steps)
    assert_same(ours, theirs)
    assert ours.statistics["hansen"] == pytest.approx(theirs.j_stat.stat, rel=1e-9)
    assert ours.statistics["hansen_p"] == pytest.approx(theirs.j_stat.pval, rel=1e-9)
    assert ours.statistics["hansen_df"] == 2


def test_centred_moments(women: pd.DataFrame) -> None:
    """linearmodels, and the R package gmm 1.7 (twoStep, vcov MDS, centeredVcov)."""
    theirs = linear(women, IVGMM, weight_type="robust", center=True).fit(iter_limit=2, tol=0)
    ours = iv_gmm(women, **MODEL, **PLAIN, vcov="hc0", centre=True)
    assert ours.row("educ")["estimate"] == pytest.approx(theirs.params["educ"], rel=1e-9)
    assert ours.row("educ")["estimate"] == pytest.approx(0.0804238619952, rel=1e-6)
    assert ours.statistics["hansen"] == pytest.approx(1.044676639, rel=1e-6)


def test_clustered_gmm_agrees_with_linearmodels(women: pd.DataFrame) -> None:
    clusters = women["age"]
    theirs = linear(women, IVGMM, weight_type="clustered", clusters=clusters).fit(
        cov_type="clustered", clusters=clusters
    )
    ours = iv_gmm(women, **MODEL, **PLAIN, vcov="cluster", cluster="age")
    assert_same(ours, theirs)
    assert ours.statistics["hansen"] == pytest.approx(theirs.j_stat.stat, rel=1e-9)


def test_2sls_and_its_tests_agree_with_linearmodels(women: pd.DataFrame) -> None:
    theirs = linear(women, IV2SLS).fit(cov_type="unadjusted")
    ours = iv_gmm(women, **MODEL, **PLAIN, method="2sls", vcov="classical")
    assert_same(ours, theirs)
    for name, test in {
        "sargan": theirs.sargan,
        "basmann": theirs.basmann,
        "durbin": theirs.durbin(),
        "wu_hausman": theirs.wu_hausman(),
    }.items():
        assert ours.statistics[name] == pytest.approx(test.stat, rel=1e-8), name
        assert ours.statistics[f"{name}_p"] == pytest.approx(test.pval, rel=1e-8), name
    assert ours.statistics["hansen"] == pytest.approx(ours.statistics["sargan"])


@pytest.mark.parametrize("fuller", [0.0, 1.0, 4.0])
@pytest.mark.parametrize(("vcov", "theirs_cov"), [("classical", "unadjusted"), ("hc0", "robust")])
def test_liml_agrees_with_linearmodels(
    women: pd.DataFrame, fuller: float, vcov: str, theirs_cov: str
) -> None:
    theirs = linear(women, IVLIML, fuller=fuller).fit(cov_type=theirs_cov)
    ours = iv_gmm(women, **MODEL, **PLAIN, method="liml", fuller=fuller, vcov=vcov)
    assert_same(ours, theirs)
    assert ours.statistics["kappa"] == pytest.approx(theirs.kappa, rel=1e-10)


def test_weighted_gmm_agrees_with_linearmodels() -> None:
    frame = simulated(0.4)
    theirs = IVGMM(
        frame["y"],
        pd.Series(1.0, frame.index, name="const").to_frame(),
        frame["x"],
        frame[["z1", "z2", "z3"]],
        weights=frame["w"],
    ).fit(cov_type="robust")
    ours = estimate(frame, **PLAIN, vcov="hc0", weights="w")
    assert ours.row("x")["estimate"] == pytest.approx(theirs.params["x"], rel=1e-9)
    assert ours.row("x")["std_error"] == pytest.approx(theirs.std_errors["x"], rel=1e-9)


@pytest.mark.parametrize(
    "options",
    [
        {"vcov": "classical"},
        {"vcov": "hc1"},
        {"vcov": "cluster", "cluster": ("g",)},
        {"vcov": "hc1", "absorb": ("g",), "weights": "w"},
    ],
)
def test_2sls_equals_fit_and_one_first_stage_is_kleibergen_paap(options: dict[str, Any]) -> None:
    frame = simulated(0.4)
    ours = estimate(frame, method="2sls", **options)
    plain = fit(
        Specification(
            outcome="y",
            estimator="iv",
            endogenous=("x",),
            instruments=("z1", "z2", "z3"),
            **options,
        ),
        frame,
    )
    pd.testing.assert_frame_equal(ours.coefficients, plain.coefficients, rtol=1e-9)
    assert ours.statistics["kleibergen_paap_f"] == pytest.approx(plain.facts.first_stage_f)


def test_kleibergen_paap_is_cragg_donald_under_homoskedasticity() -> None:
    result = estimate(simulated(0.4), endogenous=["x", "x2"], vcov="classical")
    assert result.statistics["kleibergen_paap_f"] == pytest.approx(result.facts.cragg_donald_f)


def test_gmm_is_2sls_when_just_identified_or_classical() -> None:
    frame = simulated(0.4)
    for options in ({"instruments": ["z1"]}, {"vcov": "classical"}):
        gmm, two_stage = (estimate(frame, method=method, **options) for method in ("gmm", "2sls"))
        pd.testing.assert_frame_equal(gmm.coefficients, two_stage.coefficients, rtol=1e-9)
    just = estimate(frame, instruments=["z1"]).statistics
    assert np.isnan([just["sargan"], just["hansen"], just["hansen_p"]]).all()


# Anderson-Rubin ----------------------------------------------------------------------------------


def brute_force_ar(frame: pd.DataFrame, value: float, vcov: str) -> float:
    """p-value that the instruments do not explain ``y - value x``, by least squares."""
    cluster = ("g",) if vcov == "cluster" else ()
    spec = Specification(outcome="rest", regressors=("z1", "z2", "z3"), vcov=vcov, cluster=cluster)
    result = fit(spec, frame.assign(rest=frame["y"] - value * frame["x"]))
    return result.wald(["z1", "z2", "z3"]).p_value


@settings(max_examples=15)
@given(
    st.sampled_from([0.0, 0.03, 0.06, 0.1, 0.3]),
    st.integers(0, 10_000),
    st.sampled_from(["classical", "hc1", "cluster"]),
)
def test_the_set_holds_exactly_what_is_not_rejected(strength: float, seed: int, vcov: str) -> None:
    frame = simulated(strength, seed, n=80)
    options = {"vcov": vcov} | ({"cluster": "g"} if vcov == "cluster" else {})
    intervals = estimate(frame, method="2sls", **options).details["anderson_rubin_set"]
    bounds = intervals[["lower", "upper"]].to_numpy()
    for edge in bounds[np.isfinite(bounds)]:
        assert brute_force_ar(frame, float(edge), vcov) == pytest.approx(0.05, abs=1e-6)
    for value in [*np.linspace(-8, 8, 9), -1e4, 1e4]:
        inside = bool(((bounds[:, 0] <= value) & (value <= bounds[:, 1])).any())
        p_value = brute_force_ar(frame, float(value), vcov)
        if abs(p_value - 0.05) > 1e-6:
            assert inside == (p_value > 0.05)


def test_shapes_of_the_set() -> None:
    strong = estimate(simulated(1.0), vcov="classical").statistics
    assert strong["ar_intervals"] == 1
    assert strong["ar_low"] < 0.5 < strong["ar_high"] < 1
    seen = set()
    for seed in range(60):
        frame = simulated(0.05, seed, n=60, n_instruments=3)
        result = estimate(frame, vcov="classical", method="2sls")
        intervals = result.details["anderson_rubin_set"]
        finite = np.isfinite(intervals[["lower", "upper"]].to_numpy()).all()
        seen.add((len(intervals), bool(finite)))
    # Bounded, unbounded in one piece, and two half-lines.
    assert {(1, True), (1, False), (2, False)} <= seen


def test_empty_set_has_missing_ends() -> None:
    frame = simulated(0.5)
    invalid = frame.assign(y=frame["y"] + 3 * frame["z1"] - 3 * frame["z2"])
    result = estimate(invalid, method="2sls", vcov="classical")
    assert result.details["anderson_rubin_set"].empty
    assert np.isnan(result.statistics["ar_low"])
    assert result.statistics["sargan_p"] < 1e-6


def test_null_is_tested() -> None:
    frame = simulated(0.4)
    for value in (0.0, 0.5):
        result = estimate(frame, vcov="hc1", null=value)
        expected = brute_force_ar(frame, value, "hc1")
        assert result.statistics["anderson_rubin_p"] == pytest.approx(expected, rel=1e-9)


def test_normal_inference_uses_chi_squared() -> None:
    result = estimate(simulated(0.4), vcov="hc0", inference="normal").statistics
    expected = stats.chi2.sf(3 * result["anderson_rubin"], 3)
    assert result["anderson_rubin_p"] == pytest.approx(expected)


def test_anderson_rubin_size_with_weak_instruments() -> None:
    """The test keeps its size where the t test does not."""
    rejected = {"ar": 0, "t": 0}
    for seed in range(150):
        result = estimate(simulated(0.02, seed, n=100), method="2sls", vcov="classical", null=0.5)
        row = result.row("x")
        rejected["ar"] += result.statistics["anderson_rubin_p"] < 0.05
        rejected["t"] += abs(row["estimate"] - 0.5) > 1.98 * row["std_error"]
    assert 0.01 < rejected["ar"] / 150 < 0.1
    assert rejected["t"] / 150 > 0.2


# Properties --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["gmm", "2sls", "liml"])
@pytest.mark.parametrize("options", [{"vcov": "hc1"}, {"vcov": "cluster", "cluster": "g"}])
def test_row_order_units_and_weight_scale(method: str, options: dict[str, Any]) -> None:
    frame = simulated(0.3)
    base = estimate(frame, method=method, weights="w", **options)
    shuffled = estimate(frame.sample(frac=1, random_state=1), method=method, weights="w", **options)
    pd.testing.assert_frame_equal(shuffled.coefficients, base.coefficients, check_exact=True)
    assert dict(shuffled.statistics) == dict(base.statistics)
    scaled = frame.assign(
        y=frame["y"] * 1e3, x=frame["x"] * 1e-2, z2=frame["z2"] * 1e4, w=frame["w"] * 7
    )
    other = estimate(scaled, method=method, weights="w", **options)
    factor = {"Intercept": 1e3, "x": 1e5}
    for term, by in factor.items():
        for column in ("estimate", "std_error"):
            assert other.row(term)[column] == pytest.approx(base.row(term)[column] * by, rel=1e-7)
    for name in ("hansen", "sargan", "kleibergen_paap_f", "anderson_rubin", "wu_hausman"):
        assert other.statistics[name] == pytest.approx(base.statistics[name], rel=1e-6), name
    assert other.statistics["ar_high"] == pytest.approx(base.statistics["ar_high"] * 1e5, rel=1e-6)


def test_few_clusters_leave_the_tests_undefined() -> None:
    frame = simulated(0.4)
    frame = frame.assign(h=np.arange(len(frame)) % 5)
    result = estimate(frame, method="2sls", vcov="cluster", cluster="h")
    assert result.row("x")["std_error"] > 0
    assert np.isnan(result.statistics["anderson_rubin"])
    assert "ar_low" not in result.statistics


@pytest.mark.parametrize("method", ["gmm", "2sls", "liml"])
def test_an_equation_without_exogenous_regressors(method: str) -> None:
    frame = simulated(0.4)
    absorbed = estimate(frame, method=method, absorb="g", vcov="hc0")
    within = frame - frame.groupby("g").transform("mean")
    demeaned = estimate(within, method=method, intercept=False, vcov="hc0")
    for column in ("estimate", "std_error"):
        assert absorbed.row("x")[column] == pytest.approx(demeaned.row("x")[column], rel=1e-7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "cue"}, "method: 'cue' is not one of gmm, 2sls, liml"),
        ({"vcov": "hc3"}, "vcov: 'hc3' is not one of"),
        ({"steps": 1}, "one step is method='2sls'"),
        ({"fuller": 1.0}, "needs method='liml'"),
        ({"instruments": []}, "at least as many"),
        ({"cluster": ("h",), "vcov": "cluster"}, "moments is singular with 3 clusters"),
        ({"cluster": ("g", "h"), "vcov": "cluster"}, "need one cluster column"),
        ({"instruments": ["z1", "same"]}, "same cannot be estimated"),
    ],
)
def test_errors_name_what_is_wrong(options: dict[str, Any], message: str) -> None:
    frame = simulated(0.4)
    frame = frame.assign(h=np.arange(len(frame)) % 3, same=frame["z1"])
    with pytest.raises(ModelError, match=message):
        estimate(frame, **options)
