"""The wild cluster bootstrap against a loop over refitted rows, and against another package."""

import importlib.util
import json
import math
from pathlib import Path
from types import ModuleType

import numba
import numpy as np
import pandas as pd
import pytest

from analysis.models import ModelError, Specification, fit
from analysis.robustness.moments import Moments, moments_of, without_dummies
from analysis.robustness.one_regression import regression_on
from analysis.robustness.solve import Batch
from analysis.robustness.wild_bootstrap import (
    Comparison,
    bootstrap_profile,
    bootstrap_statistics,
    wild_bootstrap,
    wild_bootstrap_curve,
    wild_weights,
)

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "wildboottest"
CONTROLS = ("a", "b")


def load_reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wildboottest_reference", FOLDER / "reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REFERENCE = load_reference()
CASES = {case.name: case for case in REFERENCE.cases()}
RESULTS = {one["name"]: one for one in json.loads((FOLDER / "reference.json").read_text())}


def moments_for(case) -> Moments:
    absorb = [*(["unit"] if case.units else []), *(["year"] if case.years else [])]
    return moments_of(
        REFERENCE.frame_of(case),
        ["y", "x", *CONTROLS],
        cluster="region",
        absorb=absorb,
        weights="w" if case.weighted else None,
    )


def test_the_reference_has_every_case():
    assert RESULTS.keys() == CASES.keys()
    assert sum(name.startswith("random") for name in CASES) == 20


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_wildboottest(name):
    case, theirs = CASES[name], RESULTS[name]
    for tails, key in (("symmetric", "p_value"), ("equal-tailed", "equal_tailed")):
        ours = wild_bootstrap(
            moments_for(case),
            *("y", "x", CONTROLS),
            weights=case.weights,
            impose_null=case.impose_null,
            tails=tails,
            level=None,
            draws=REFERENCE.DRAWS,
            seed=1,
        )
        assert ours.statistic == pytest.approx(theirs["statistic"], rel=1e-6)
        assert ours.n_draws == theirs["n_draws"]
        assert ours.enumerated == name.startswith("small")
        expected = theirs[key] - (theirs["ties_counted"] if tails == "symmetric" else 0)
        if ours.enumerated and (tails == "symmetric" or not theirs["ties_counted"]):
            assert ours.p_value_strict == pytest.approx(expected, abs=1e-12)
        else:
            # Four standard errors of the difference between two runs.
            one_run = expected * ((1 if tails == "symmetric" else 2) - expected)
            spread = 4 * math.sqrt(2 * max(one_run, 1e-3) / REFERENCE.DRAWS)
            assert ours.p_value_strict == pytest.approx(expected, abs=spread)
        assert ours.p_value_strict <= ours.p_value


# --- Against the definition ----------------------------------------------------------------------


def refitted(case, frame, weights, null, impose_null):
    """t statistics of the draws by regressing drawn outcomes on all dummies, row by row."""
    outcome, regressors = REFERENCE.design(case, frame)
    keep = np.linalg.svd(regressors, compute_uv=False)
    rank = int((keep > 1e-9 * keep[0]).sum())
    codes = pd.factorize(frame["region"], sort=True)[0]
    n, g = len(outcome), len(weights)
    inverse = np.linalg.pinv(regressors.T @ regressors)
    imposed = null
    if not impose_null:
        imposed = (inverse @ regressors.T @ outcome)[0]
    rest = regressors[:, 1:]
    target = outcome - imposed * regressors[:, 0]
    residual = target - rest @ np.linalg.lstsq(rest, target)[0]
    statistics = []
    for draw in weights.T:
        drawn = imposed * regressors[:, 0] + residual * draw[codes]
        beta = inverse @ regressors.T @ drawn
        scores = regressors * (drawn - regressors @ beta)[:, None]
        sums = np.array([scores[codes == one].sum(axis=0) for one in range(g)])
        variance = g / (g - 1) * (n - 1) / (n - rank) * inverse @ sums.T @ sums @ inverse
        statistics.append((beta[0] - imposed) / math.sqrt(variance[0, 0]))
    return np.array(statistics)


@pytest.mark.parametrize("impose_null", [True, False])
@pytest.mark.parametrize("name", ["small 7 True True", "small 7 True False", "random 3"])
@pytest.mark.parametrize("kind", ["rademacher", "webb", "mammen"])
def test_statistics_of_draws_are_those_of_refitted_rows(name, kind, impose_null):
    case, null = CASES[name], 0.4
    frame, moments = REFERENCE.frame_of(case), moments_for(case)
    weights = wild_weights(len(moments.clusters), kind, 70, 5, "test")
    regression = regression_on(moments, "y", "x", CONTROLS)
    imposed = null if impose_null else regression.estimate
    expected = refitted(case, frame, weights, null, impose_null)
    ours = bootstrap_statistics(moments, regression, weights, imposed)
    np.testing.assert_allclose(ours, expected, rtol=1e-8, atol=1e-10)
    everywhere = bootstrap_profile(moments, regression, weights)
    np.testing.assert_allclose(everywhere.statistics(imposed), expected, rtol=1e-8, atol=1e-9)


def test_estimate_and_error_are_those_of_fit():
    case = CASES["random 3"]
    ours = wild_bootstrap(moments_for(case), "y", "x", CONTROLS, draws=9, seed=1, level=None)
    specification = Specification(
        outcome="y",
        regressors=("x", *CONTROLS),
        absorb=(*(("unit",) if case.units else ()), *(("year",) if case.years else ())),
        weights="w" if case.weighted else None,
        vcov="cluster",
        cluster=("region",),
    )
    row = fit(specification, REFERENCE.frame_of(case)).coefficients.set_index("term").loc["x"]
    assert ours.estimate == pytest.approx(row["estimate"], rel=1e-9)
    assert ours.std_error == pytest.approx(row["std_error"], rel=1e-8)


# --- Intervals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("impose_null", [True, False])
@pytest.mark.parametrize("tails", ["symmetric", "equal-tailed"])
def test_the_interval_holds_what_the_test_does_not_reject(tails, impose_null):
    moments = moments_for(CASES["random 6"])
    options = {"impose_null": impose_null, "tails": tails, "draws": 499, "seed": 3}

    def tested(null):
        return wild_bootstrap(moments, "y", "x", CONTROLS, null=null, level=None, **options).p_value

    test = wild_bootstrap(moments, "y", "x", CONTROLS, level=0.9, **options)
    step = 1e-6 * test.std_error
    assert test.ci_low < test.estimate < test.ci_high
    for end, inwards in ((test.ci_low, 1), (test.ci_high, -1)):
        assert tested(end + inwards * step) > 0.1
        assert tested(end - inwards * step) <= 0.1


@pytest.mark.parametrize("tails", ["symmetric", "equal-tailed"])
def test_few_clusters_reject_nothing_at_a_small_level(tails):
    """Of 32 assignments of signs, the sample and its mirror image always are as extreme."""
    moments = moments_for(CASES["small 5 True True"])
    options = {"tails": tails, "draws": 99, "seed": 1, "null": 50.0}
    test = wild_bootstrap(moments, "y", "x", CONTROLS, **options)
    assert test.enumerated and test.n_draws == 32
    assert test.p_value == pytest.approx(2 / 32) and test.p_value_strict == 0
    assert (test.ci_low, test.ci_high) == (-math.inf, math.inf)
    looser = wild_bootstrap(moments, "y", "x", CONTROLS, level=0.9, **options)
    assert -math.inf < looser.ci_low < looser.estimate < looser.ci_high < math.inf


def test_too_few_draws_give_no_interval_either():
    for impose_null in (True, False):
        test = wild_bootstrap(
            moments_for(CASES["random 1"]),
            *("y", "x", CONTROLS),
            draws=18,
            seed=1,
            impose_null=impose_null,
        )
        assert (test.ci_low, test.ci_high) == (-math.inf, math.inf)


def test_no_interval_unless_asked():
    test = wild_bootstrap(
        moments_for(CASES["random 1"]), "y", "x", CONTROLS, level=None, draws=99, seed=1
    )
    assert math.isnan(test.ci_low) and math.isnan(test.ci_high)


# --- Weights and p-values ------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "third"), [("rademacher", 0), ("webb", 0), ("mammen", 1)])
def test_weights_have_mean_zero_and_variance_one(kind, third):
    weights = wild_weights(50, kind, 20_000, 1, "test")
    for power, expected in ((1, 0), (2, 1), (3, third)):
        assert (weights**power).mean() == pytest.approx(expected, abs=0.01)
    assert len(np.unique(weights)) == {"rademacher": 2, "webb": 6, "mammen": 2}[kind]


def test_enumeration_has_every_assignment_once():
    weights = wild_weights(6, "rademacher", 64, 1, "test")
    assert weights.shape == (6, 64) and len(np.unique(weights, axis=1).T) == 64
    assert wild_weights(6, "rademacher", 63, 1, "test").shape == (6, 63)


def test_draws_depend_on_seed_and_name_only():
    one = wild_weights(30, "webb", 10, 1, "a")
    assert (one == wild_weights(30, "webb", 10, 1, "a")).all()
    assert not (one == wild_weights(30, "webb", 10, 2, "a")).all()
    assert not (one == wild_weights(30, "webb", 10, 1, "b")).all()


def test_p_values_count_ties_and_the_sample():
    null = np.array([-2.0, 2.0 * (1 + 1e-13), 1.0, 3.0])
    symmetric = Comparison(tails="symmetric", contains_sample=False)
    assert symmetric.p_value_strict(2.0, null) == 1 / 4
    assert symmetric.p_value(2.0, null) == (1 + 3) / (1 + 4)
    enumerated = Comparison(tails="symmetric", contains_sample=True)
    assert enumerated.p_value(2.0, null) == 3 / 4
    apart = Comparison(tails="equal-tailed", contains_sample=True)
    assert apart.p_value_strict(2.0, null) == 2 * 1 / 4
    assert apart.p_value(2.0, null) == 2 * 2 / 4
    assert apart.p_value(1.5, np.array([1.0, 2.0])) == 1.0


def test_results_do_not_depend_on_rows_order_threads_or_scale():
    case = CASES["random 2"]
    frame = REFERENCE.frame_of(case)
    shuffled = frame.sample(frac=1, random_state=1).assign(y=lambda rows: rows["y"] * 1e6)
    results = []
    for rows, threads in ((frame, 1), (frame, numba.config.NUMBA_NUM_THREADS), (shuffled, 1)):
        numba.set_num_threads(threads)
        moments = moments_of(rows, ["y", "x", *CONTROLS], cluster="region", absorb=["unit", "year"])
        results.append(wild_bootstrap(moments, "y", "x", CONTROLS, draws=999, seed=1))
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    assert results[0] == results[1]
    assert results[2].p_value == results[0].p_value
    assert results[2].ci_high == pytest.approx(1e6 * results[0].ci_high, rel=1e-6)


def test_size_is_nominal_where_the_normal_test_rejects_too_often():
    """Ten clusters of very different size, 600 outcomes without effect."""
    random = np.random.default_rng(7)
    sizes = np.array([4, 4, 6, 6, 8, 8, 10, 30, 40, 60])
    region, outcomes = np.repeat(np.arange(len(sizes)), sizes), [f"y{i}" for i in range(600)]
    shape = (len(sizes), len(outcomes) + 1)
    values = random.normal(size=shape)[region] + random.normal(size=(len(region), shape[1]))
    frame = pd.DataFrame(values, columns=["x", *outcomes]).assign(region=region)
    moments = moments_of(frame, ["x", *outcomes], cluster="region", keep_rows=False)
    batch = Batch.named(moments, [(outcome, "x", ()) for outcome in outcomes])
    curve = wild_bootstrap_curve(moments, batch, draws=199, seed=1)
    size = (curve["p_value"] <= 0.1).mean()
    assert size == pytest.approx(0.1, abs=0.037)  # three standard errors
    assert (curve["statistic"].abs() > 1.645).mean() > size + 0.05


# --- Curves --------------------------------------------------------------------------------------


def test_a_curve_gives_the_p_values_of_its_specifications():
    moments = moments_for(CASES["random 2"])
    specifications = [("y", "x", ()), ("y", "x", ("a",)), ("y", "a", ("x", "b")), ("b", "x", ())]
    curve = wild_bootstrap_curve(moments, Batch.named(moments, specifications), draws=199, seed=4)
    for (outcome, focus, controls), row in zip(
        specifications, curve.itertuples(index=False), strict=True
    ):
        one = wild_bootstrap(moments, outcome, focus, controls, level=None, draws=199, seed=4)
        assert (row.p_value, row.flag) == (one.p_value, "")
        assert row.estimate == one.estimate and row.std_error == one.std_error


def test_a_specification_that_cannot_be_estimated_is_flagged():
    frame = REFERENCE.frame_of(CASES["random 2"])
    frame["twice"] = 2 * frame["a"]
    moments = moments_of(frame, ["y", "x", "a", "twice"], cluster="region")
    batch = Batch.named(moments, [("y", "x", ("a",)), ("y", "x", ("a", "twice"))])
    curve = wild_bootstrap_curve(moments, batch, draws=99, seed=1)
    assert curve["flag"][0] == "" and "twice cannot be a control" in curve["flag"][1]
    assert curve.loc[1, ["estimate", "std_error", "statistic", "p_value"]].isna().all()


# --- Messages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": "normal"}, "'normal' is not one of rademacher, webb, mammen"),
        ({"tails": "left"}, "'left' is not 'symmetric' or 'equal-tailed'"),
        ({"level": 95}, "level: expected between 0 and 1"),
        ({"draws": 0}, "draws: expected 1 or more, got 0"),
        ({"controls": ("c",)}, "no column 'c'"),
        ({"controls": ("a", "x")}, "used more than once in a specification: x"),
    ],
)
def test_messages(arguments, message):
    options = {"controls": CONTROLS, "seed": 1, "draws": 9} | arguments
    with pytest.raises(ModelError, match=message):
        wild_bootstrap(moments_for(CASES["random 1"]), "y", "x", **options)


def test_moments_without_dummies_are_refused():
    moments = without_dummies(moments_for(CASES["random 2"]))
    with pytest.raises(
        ModelError, match="wild cluster bootstrap needs moments by cluster that keep"
    ):
        wild_bootstrap(moments, "y", "x", CONTROLS, draws=9, seed=1)


def test_a_focus_without_variation_is_refused():
    frame = REFERENCE.frame_of(CASES["random 2"]).assign(fixed=lambda rows: rows["unit"] * 1.0)
    moments = moments_of(frame, ["y", "fixed"], cluster="region", absorb=["unit"])
    with pytest.raises(ModelError, match="fixed cannot be the focus"):
        wild_bootstrap(moments, "y", "fixed", draws=9, seed=1)


def test_one_cluster_is_refused():
    frame = REFERENCE.frame_of(CASES["random 2"]).assign(region=1)
    moments = moments_of(frame, ["y", "x"], cluster="region")
    with pytest.raises(ModelError, match="at least two clusters"):
        wild_bootstrap(moments, "y", "x", draws=9, seed=1)


def test_a_coefficient_without_a_clustered_error_is_refused():
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"region": np.repeat(np.arange(12), 8), "y": random.normal(size=96)})
    frame["x"] = np.where(frame["region"] == 4, random.normal(size=96), 0.0)
    moments = moments_of(frame, ["y", "x"], cluster="region", absorb=["region"])
    assert math.isnan(regression_on(moments, "y", "x").std_error)
    with pytest.raises(ModelError, match="no clustered error: the scores add up to zero in every"):
        wild_bootstrap(moments, "y", "x", draws=99, seed=1)
    result = wild_bootstrap_curve(moments, Batch.named(moments, [("y", "x", ())]), seed=1)
    assert result["flag"].iloc[0].startswith("there is no clustered error")
    assert result.drop(columns="flag").isna().all(axis=None)
