"""Meta-analysis: published values, another package, identities, properties, errors."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.meta_analysis import combine_effects, effectsize_2proportions
from statsmodels.stats.tests.results.results_meta import exk1_dl, exk1_fe, exk1_metafor

from analysis.models import ModelError
from analysis.models.registry import call
from analysis.models.synthesis import meta_analysis, small_study_effects
from analysis.models.synthesis.heterogeneity import METHODS, generalised_q, log_likelihood

CELLS = ["tpos", "tneg", "cpos", "cneg"]


@pytest.fixture(scope="module")
def bcg(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "studies" / "colditz1994_bcg" / "data.csv")


def simulated(seed: int = 0, k: int = 20, tau: float = 0.5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    error = rng.uniform(0.1, 0.6, k)
    x = rng.normal(size=k)
    y = 0.3 + 0.4 * x + tau * rng.normal(size=k) + error * rng.normal(size=k)
    labels = [f"study {i:02d}" for i in range(k)]
    return pd.DataFrame({"y": y, "se": error, "v": error**2, "x": x, "label": labels})


def combine(frame: pd.DataFrame, **options: Any) -> Any:
    return meta_analysis(frame, outcome="y", standard_error="se", **options)


@pytest.mark.parametrize(
    ("method", "printed"),
    [("dl", 0.3088), ("reml", 0.3132), ("ml", 0.2800), ("he", 0.3286), ("sj", 0.3455)],
)
def test_tau2_of_the_bcg_trials(bcg: pd.DataFrame, method: str, printed: float) -> None:
    ours = meta_analysis(bcg, measure="log_risk_ratio", cells=CELLS, method=method)
    assert round(ours.statistics["tau2"], 4) == printed


def test_metafor_stops_early_and_exact_goes_on(bcg: pd.DataFrame) -> None:
    model: dict[str, Any] = {
        "measure": "log_risk_ratio",
        "cells": CELLS,
        "regressors": ["ablat", "year"],
    }
    exact = meta_analysis(bcg, **model)
    early = meta_analysis(bcg, **model, convergence="metafor")
    assert round(early.row("Intercept")["estimate"], 4) == -3.5455
    assert round(exact.row("Intercept")["estimate"], 4) == -3.5454
    assert early.statistics["log_likelihood_reml"] < exact.statistics["log_likelihood_reml"]
    assert round(early.statistics["r2"], 2) == 64.63


@pytest.mark.parametrize(("method", "theirs"), [("dl", "dl"), ("pm", "iterated"), ("eb", "pm")])
def test_random_effects_agree_with_statsmodels(method: str, theirs: str) -> None:
    frame = simulated()
    other = combine_effects(frame["y"], frame["v"], method_re=theirs, atol=1e-14)
    ours, adjusted = (combine(frame, method=method, test=t) for t in ("z", "knapp_hartung"))
    table = other.summary_frame()
    assert ours.statistics["tau2"] == pytest.approx(other.tau2, rel=1e-7)
    assert ours.row("Intercept")["estimate"] == pytest.approx(
        table.loc["random effect", "eff"], rel=1e-8
    )
    assert ours.row("Intercept")["std_error"] == pytest.approx(
        table.loc["random effect", "sd_eff"], rel=1e-7
    )
    assert adjusted.row("Intercept")["std_error"] == pytest.approx(
        np.sqrt(other.var_hksj_re), rel=1e-6
    )
    assert ours.statistics["q"] == pytest.approx(other.q)


@pytest.mark.parametrize(
    ("method", "metafor"), [("pm", exk1_metafor), ("dl", exk1_dl), ("equal", exk1_fe)]
)
def test_metafor_itself(method: str, metafor: Any) -> None:
    """Output of the R package stored with statsmodels (data of Kacker 2004)."""
    frame = pd.DataFrame({"y": exk1_metafor.yi, "v": exk1_metafor.vi})
    ours = meta_analysis(frame, outcome="y", sampling_variance="v", method=method)
    row = ours.row("Intercept")
    expected = [metafor.b, metafor.se, metafor.zval, metafor.ci_lb, metafor.ci_ub]
    columns = ["estimate", "std_error", "statistic", "ci_low", "ci_high"]
    np.testing.assert_allclose(row[columns].to_numpy(dtype=float), expected, rtol=1e-9)
    names = {"tau2": "tau2", "i2": "I2", "h2": "H2", "q": "QE", "q_p": "QEp"}
    for name, theirs in names.items():
        assert ours.statistics[name] == pytest.approx(getattr(metafor, theirs), rel=1e-8)
    if method != "equal":
        assert ours.statistics["tau2_std_error"] == pytest.approx(metafor.se_tau2, rel=1e-8)


TRIALS = pd.DataFrame(
    {
        "n1": [20, 35, 12, 60, 18],
        "m1": [10.2, 11.5, 9.8, 12.1, 10.0],
        "s1": [2.1, 3.0, 1.5, 2.8, 2.2],
        "n2": [22, 30, 15, 55, 20],
        "m2": [9.1, 10.9, 9.9, 10.2, 8.7],
        "s2": [2.0, 2.9, 1.8, 2.5, 2.4],
    }
)


@pytest.mark.parametrize(
    ("measure", "method", "expected"),
    [
        ("standardised_mean_difference", "HS", (0, 0.04099685074, 0.46905246960, 0.12039342002)),
        (
            *("standardised_mean_difference", "SJ"),
            (0.04305710028, 0.04296757772, 0.43642349160, 0.15662008216),
        ),
        ("mean_difference", "HS", (0.1352648978, 0.2975866416, 1.0381676969, 0.3282294610)),
        ("mean_difference", "SJ", (0.3216749191, 0.2724633489, 1.0127841753, 0.3826612052)),
    ],
)
def test_differences_of_means_agree_with_metafor(
    measure: str, method: str, expected: tuple[float, ...]
) -> None:
    """``rma(escalc("SMD" or "MD", ...))`` of the R package metafor 3.8-1."""
    ours = meta_analysis(TRIALS, measure=measure, cells=list(TRIALS.columns), method=method)
    row = ours.row("Intercept")
    computed = [ours.statistics["tau2"], ours.statistics["tau2_std_error"]]
    computed += [row["estimate"], row["std_error"]]
    np.testing.assert_allclose(computed, expected, rtol=1e-8)


def test_effect_sizes_of_metafor() -> None:
    """``escalc`` of the R package metafor 3.8-1."""
    options: dict[str, Any] = {"measure": "standardised_mean_difference", "method": "equal"}
    table = meta_analysis(TRIALS, cells=list(TRIALS.columns), **options).details["effects"]
    hedges = [0.52693654249, 0.20065873622, -0.05790193037, 0.70930323226, 0.55149551196]
    variances = [0.09876004688, 0.06221448443, 0.15006208581, 0.03703592431, 0.10955749371]
    np.testing.assert_allclose(table["effect"], hedges, rtol=1e-9)
    np.testing.assert_allclose(table["std_error"] ** 2, variances, rtol=1e-9)
    pairs = pd.DataFrame({"r": [0.3, -0.1, 0.55], "n": [20, 40, 33]})
    fisher = meta_analysis(pairs, measure="correlation_z", cells=["r", "n"]).details["effects"]
    np.testing.assert_allclose(
        fisher["effect"], [0.3095196042, -0.1003353477, 0.6183813136], rtol=1e-9
    )
    np.testing.assert_allclose(fisher["std_error"] ** 2, [1 / 17, 1 / 37, 1 / 30])


def test_impossible_cells_are_refused() -> None:
    pairs = pd.DataFrame({"r": [0.3, -0.1, 0.55], "n": [20, 3, 33]})
    with pytest.raises(ModelError, match=r"correlation_z .* in 1 rows; look for impossible"):
        meta_analysis(pairs, measure="correlation_z", cells=["r", "n"])
    with pytest.raises(ModelError, match=r"correlation_z expects 2 columns \(correlation, number"):
        meta_analysis(pairs, measure="correlation_z", cells=["r"])


def test_equal_effects_agree_with_statsmodels() -> None:
    frame = simulated(tau=0.1)
    other = combine_effects(frame["y"], frame["v"])
    ours = combine(frame, method="equal")
    assert ours.row("Intercept")["estimate"] == pytest.approx(other.mean_effect_fe)
    assert ours.row("Intercept")["std_error"] == pytest.approx(other.sd_eff_w_fe)
    assert ours.statistics["i2"] == pytest.approx(100 * max(0, other.i2))
    assert ours.statistics["h2"] == pytest.approx(other.h2)
    assert "tau2_ci_low" not in ours.statistics


@pytest.mark.parametrize(
    ("measure", "statistic"),
    [("log_risk_ratio", "rr"), ("log_odds_ratio", "or"), ("risk_difference", "diff")],
)
def test_effect_sizes_agree_with_statsmodels(measure: str, statistic: str) -> None:
    rng = np.random.default_rng(3)
    cells = pd.DataFrame(rng.integers(3, 40, (12, 4)), columns=["a", "b", "c", "d"])
    ours = meta_analysis(cells, measure=measure, cells=["a", "b", "c", "d"])
    effect, variance = effectsize_2proportions(
        cells["a"].to_numpy(),
        cells[["a", "b"]].sum(axis=1).to_numpy(),
        cells["c"].to_numpy(),
        cells[["c", "d"]].sum(axis=1).to_numpy(),
        statistic=statistic,
    )
    table = ours.details["effects"].assign(row=lambda t: t["term"].astype(int)).sort_values("row")
    np.testing.assert_allclose(table["effect"], effect, rtol=1e-12)
    np.testing.assert_allclose(table["std_error"] ** 2, variance, rtol=1e-12)


def test_empty_cells_get_a_continuity_correction_or_are_refused() -> None:
    cells = pd.DataFrame({"a": [0, 5, 7], "b": [9, 8, 9], "c": [3, 2, 4], "d": [6, 7, 9]})
    options: dict[str, Any] = {"measure": "log_odds_ratio", "cells": list("abcd")}
    table = meta_analysis(cells, **options).details["effects"]
    expected = np.log(0.5 * 6.5 / (9.5 * 3.5))
    assert table.set_index("term").loc["0", "effect"] == pytest.approx(expected)
    assert table.set_index("term").loc["1", "effect"] == pytest.approx(np.log(5 * 7 / (8 * 2)))
    everywhere = meta_analysis(cells, **options, continuity_to="all").details["effects"]
    assert everywhere.set_index("term").loc["1", "effect"] == pytest.approx(
        np.log(5.5 * 7.5 / (8.5 * 2.5))
    )
    with pytest.raises(ModelError, match="not defined in 1 rows with empty cells"):
        meta_analysis(cells, **options, continuity_to="none")


@pytest.mark.parametrize("restricted", [False, True])
def test_likelihood_methods_find_the_maximum_and_its_interval(restricted: bool) -> None:
    frame = simulated()
    method = "reml" if restricted else "ml"
    ours = combine(frame, regressors="x", method=method)
    y, v = frame["y"].to_numpy(), frame["v"].to_numpy()
    x = np.column_stack([np.ones(len(y)), frame["x"]])
    best = optimize.minimize_scalar(
        lambda tau2: -log_likelihood(y, v, x, tau2, restricted), bounds=(0, 3), method="bounded"
    )
    assert ours.statistics["tau2"] == pytest.approx(best.x, rel=1e-4)
    assert ours.statistics[f"log_likelihood_{method}"] >= -best.fun - 1e-12
    for end in ("tau2_profile_ci_low", "tau2_profile_ci_high"):
        fall = log_likelihood(y, v, x, ours.statistics["tau2"], restricted) - log_likelihood(
            y, v, x, ours.statistics[end], restricted
        )
        assert fall == pytest.approx(stats.chi2.ppf(0.95, 1) / 2)
    high = generalised_q(y, v, x, ours.statistics["tau2_ci_high"])
    assert high == pytest.approx(stats.chi2.ppf(0.025, len(y) - 2))
    # The likelihood itself, from the multivariate normal density.
    if not restricted:
        value = stats.multivariate_normal(
            x @ ours.coefficients["estimate"], np.diag(v + ours.statistics["tau2"])
        ).logpdf(y)
        assert ours.facts.log_likelihood == pytest.approx(value)


def test_meta_regression_is_weighted_least_squares() -> None:
    frame = simulated()
    ours = combine(frame, regressors=["x"], test="knapp_hartung")
    weights = 1 / (frame["v"] + ours.statistics["tau2"])
    theirs = sm.WLS(frame["y"], sm.add_constant(frame["x"]), weights=weights).fit()
    np.testing.assert_allclose(ours.coefficients["estimate"], theirs.params, rtol=1e-9)
    np.testing.assert_allclose(ours.coefficients["std_error"], theirs.bse, rtol=1e-9)
    np.testing.assert_allclose(ours.coefficients["p_value"], theirs.pvalues, rtol=1e-7)
    assert ours.statistics["qm"] == pytest.approx(theirs.fvalue)
    assert ours.statistics["qm_p"] == pytest.approx(theirs.f_pvalue)


def test_partial_pooling_shrinks_by_the_share_of_noise() -> None:
    frame = simulated()
    ours = combine(frame, study="label")
    table, tau2 = ours.details["effects"], ours.statistics["tau2"]
    mean = ours.row("Intercept")["estimate"]
    share = tau2 / (tau2 + frame["v"])
    np.testing.assert_allclose(table["pooled"], share * frame["y"] + (1 - share) * mean)
    assert table["term"].tolist() == frame["label"].tolist()
    assert (table["pooled_std_error"] < table["std_error"]).all()
    assert table["weight"].sum() == pytest.approx(100)


def test_prediction_interval() -> None:
    frame = simulated()
    ours = combine(frame, prediction="t")
    row, k = ours.row("Intercept"), len(frame)
    half = stats.t.ppf(0.975, k - 2) * np.sqrt(row["std_error"] ** 2 + ours.statistics["tau2"])
    assert ours.statistics["prediction_high"] == pytest.approx(row["estimate"] + half)
    assert "prediction_low" not in combine(frame, regressors="x").statistics


def test_homogeneous_effects_have_no_tau2() -> None:
    frame = simulated().assign(y=0.2)
    for method in sorted(set(METHODS) - {"sj"}):
        ours = combine(frame, method=method)
        assert ours.statistics["tau2"] == 0
        assert ours.row("Intercept")["estimate"] == pytest.approx(0.2)


def test_pet_peese_egger_and_begg() -> None:
    frame = simulated(k=40)
    weights = 1 / frame["v"]
    pet = sm.WLS(frame["y"], sm.add_constant(frame["se"]), weights=weights).fit()
    peese = sm.WLS(frame["y"], sm.add_constant(frame["v"]), weights=weights).fit()
    options = {"outcome": "y", "standard_error": "se"}
    ours = small_study_effects(frame, **options, method="pet")
    np.testing.assert_allclose(ours.coefficients["estimate"], pet.params, rtol=1e-9)
    np.testing.assert_allclose(ours.coefficients["p_value"], pet.pvalues, rtol=1e-7)
    assert ours.statistics["peese_estimate"] == pytest.approx(peese.params.iloc[0])
    assert ours.statistics["egger_p"] == pytest.approx(pet.pvalues.iloc[1])
    # Egger's own form: standardised effect on precision, whose constant is PET's slope.
    egger = sm.OLS(frame["y"] / frame["se"], sm.add_constant(1 / frame["se"])).fit()
    assert ours.statistics["egger_t"] == pytest.approx(egger.tvalues.iloc[0])
    for threshold in (0.001, 0.999):
        both = call("small_study_effects", frame, {**options, "threshold": threshold})
        assert both.statistics["peese_chosen"] == float(pet.pvalues.iloc[0] < threshold)
    standardised = (frame["y"] - np.average(frame["y"], weights=weights)) / np.sqrt(
        frame["v"] - 1 / weights.sum()
    )
    tau = stats.kendalltau(standardised, frame["v"]).statistic
    assert ours.statistics["begg_tau"] == pytest.approx(tau)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 100),
    scale=st.floats(1e-3, 1e3),
    shift=st.floats(-5, 5),
    method=st.sampled_from(sorted(METHODS)),
)
def test_order_units_and_origin(seed: int, scale: float, shift: float, method: str) -> None:
    frame = simulated(seed)
    base = combine(frame, method=method, study="label")
    shuffled = combine(frame.sample(frac=1, random_state=1), method=method, study="label")
    pd.testing.assert_frame_equal(base.coefficients, shuffled.coefficients)
    pd.testing.assert_frame_equal(base.details["effects"], shuffled.details["effects"])
    moved = frame.assign(y=scale * frame["y"] + shift, se=scale * frame["se"])
    other = combine(moved, method=method)
    estimate, origin = (one.row("Intercept")["estimate"] for one in (other, base))
    assert estimate == pytest.approx(scale * origin + shift, rel=1e-6, abs=1e-9 * scale)
    assert other.statistics["tau2"] == pytest.approx(
        scale**2 * base.statistics["tau2"], rel=1e-6, abs=1e-12 * scale**2
    )
    assert other.statistics["i2"] == pytest.approx(base.statistics["i2"], rel=1e-5, abs=1e-8)


def test_errors_say_what_is_wrong() -> None:
    frame = simulated()
    with pytest.raises(ModelError, match="method: 'fe' is not one of equal, dl"):
        combine(frame, method="fe")
    with pytest.raises(ModelError, match="give outcome with one of"):
        meta_analysis(frame, outcome="y", standard_error="se", sampling_variance="v")
    with pytest.raises(ModelError, match="'se': 1 values are not positive"):
        combine(frame.assign(se=frame["se"].where(frame.index > 0, 0.0)))
    with pytest.raises(ModelError, match="no column 'sigma'"):
        meta_analysis(frame, outcome="y", standard_error="sigma")
    with pytest.raises(ModelError, match="x2 cannot be estimated"):
        combine(frame.assign(x2=frame["x"] * 3), regressors=["x", "x2"])
    with pytest.raises(ModelError, match="1 estimates cannot be combined"):
        combine(frame.head(1))
    with pytest.raises(ModelError, match="log_odds_ratio expects 4 columns"):
        meta_analysis(frame, measure="log_odds_ratio", cells=["y", "v"])
    with pytest.raises(ModelError, match="tau2: expected zero or more"):
        combine(frame, tau2=-1.0)
    with pytest.raises(ModelError, match="all estimates are the same"):
        combine(frame.assign(y=1.0), method="sj")
    with pytest.raises(ModelError, match="threshold"):
        small_study_effects(frame, outcome="y", standard_error="se", threshold=2)
