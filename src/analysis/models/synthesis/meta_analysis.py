"""``meta_analysis``: equal and random effects, meta-regression, partial pooling."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, stats

from analysis.models.estimates import CONFIDENCE_LEVEL, Estimates, Facts, tabulate
from analysis.models.least_squares import solve_ols
from analysis.models.specification import ModelError
from analysis.models.synthesis.effect_sizes import Effects, collect_effects
from analysis.models.synthesis.heterogeneity import (
    METHODS,
    between_variance,
    between_variance_error,
    fisher_scoring,
    generalised_q,
    log_likelihood,
    profile_interval,
    projection,
    q_profile_interval,
)

Floats = NDArray[np.float64]
Columns = str | Sequence[str]
TESTS = ("z", "t", "knapp_hartung", "knapp_hartung_adhoc")
PREDICTIONS = ("test", "t")
CONVERGENCES = ("exact", "metafor")
#: Where the defaults of metafor stop: Fisher scoring of tau^2, and the Q-profile interval.
METAFOR_THRESHOLD = 1e-5
METAFOR_INTERVAL = float(np.finfo(float).eps) ** 0.25


@dataclass(frozen=True, slots=True)
class _Fit:
    """Weighted least squares given tau^2: coefficients (p,), covariance (p, p)."""

    tau2: float
    coefficients: Floats
    covariance: Floats
    df_t: float


def meta_analysis(
    frame: pd.DataFrame,
    *,
    outcome: str | None = None,
    sampling_variance: str | None = None,
    standard_error: str | None = None,
    measure: str | None = None,
    cells: Columns = (),
    continuity: float = 0.5,
    continuity_to: str = "zero_cells",
    regressors: Columns = (),
    intercept: bool = True,
    method: str = "reml",
    tau2: float | None = None,
    test: str = "z",
    prediction: str = "test",
    convergence: str = "exact",
    study: str | None = None,
    sample: str = "all",
) -> Estimates:
    """Combine estimates ``y_i = x_i b + u_i + e_i``, ``var(u) = tau^2``, ``var(e_i) = v_i`` known.

    Conventions are those of the R package metafor (Viechtbauer 2010).

    Parameters
    ----------
    frame
        One row per estimate.
    outcome, sampling_variance, standard_error
        Columns of the estimates and of their variance or standard error; or else
    measure, cells
        ``"log_risk_ratio"``, ``"log_odds_ratio"`` or ``"risk_difference"`` of the four columns
        treated with and without the event, control with and without it;
        ``"mean_difference"`` or ``"standardised_mean_difference"`` (Hedges' g) of six: number,
        mean and standard deviation of the treated, the same of the controls; ``"correlation_z"``
        (Fisher's z) of two: correlation and number.
    continuity, continuity_to
        ``continuity`` is added to the four cells of a study with an empty one
        (``continuity_to="zero_cells"``), of every study (``"all"``) or of none.
    regressors
        Moderators; with them it is a meta-regression.
    method
        tau^2 by ``"reml"``, ``"ml"``, ``"dl"`` (DerSimonian-Laird), ``"he"`` (Hedges), ``"sj"``
        (Sidik-Jonkman), ``"hs"`` (Hunter-Schmidt), ``"pm"`` (Paule-Mandel), ``"eb"`` (empirical
        Bayes, the same value), in capitals too; ``"equal"`` is no heterogeneity. ``tau2`` gives it
        instead.
    test
        ``"z"``; ``"t"`` with ``k - p`` degrees of freedom; ``"knapp_hartung"``: besides, variances
        times the generalised Q over ``k - p`` (Knapp and Hartung 2003), ``_adhoc`` not below 1.
    prediction
        Interval for the effect of a new study (intercept only), ``b +- q sqrt(var(b) + tau^2)``:
        q of the ``"test"``, or of ``"t"`` with ``k - p - 1`` degrees of freedom (Higgins et al.
        2009).
    convergence
        ``"exact"`` to rounding; ``"metafor"`` stops ml and reml, and the Q-profile interval, as
        early as that package does by default, for prints whose last digits show it.
    study
        Column that labels the rows of ``details``; the index otherwise.

    Returns
    -------
    Estimates
        Statistics: ``tau2, tau, tau2_std_error``; ``tau2_ci_low, tau2_ci_high`` (Q-profile),
        ``tau2_profile_ci_low, tau2_profile_ci_high`` (likelihood; ml and reml); ``q, q_df, q_p``
        (residual heterogeneity); ``i2`` (in percent), ``h2``; ``qm, qm_df, qm_p`` (all moderators
        zero: chi-squared, or F for tests other than z); with an intercept and moderators ``r2``
        (percent of tau^2 explained); intercept only ``prediction_low, prediction_high``;
        ``log_likelihood_ml``, ``log_likelihood_reml``; ``aic, bic`` of the method's likelihood (ml
        unless reml). Table ``effects`` of ``details``, sorted by label: ``term, effect, std_error,
        ci_low, ci_high, weight`` (percent), ``fitted, pooled, pooled_std_error, pooled_low,
        pooled_high`` (estimate shrunk towards the fitted one by ``v / (v + tau^2)``: partial
        pooling), ``funnel_low, funnel_high`` (fitted plus and minus 1.96 standard errors).

    Raises
    ------
    ModelError
        For an option not allowed, a variance that is not positive, fewer estimates than parameters,
        or collinear moderators.
    """
    method = method.lower()
    _check("method", method, tuple(METHODS))
    _check("test", test, TESTS)
    _check("prediction", prediction, PREDICTIONS)
    _check("convergence", convergence, CONVERGENCES)
    effects = collect_effects(
        frame,
        outcome=outcome,
        sampling_variance=sampling_variance,
        standard_error=standard_error,
        measure=measure,
        cells=_tuple(cells),
        continuity=continuity,
        continuity_to=continuity_to,
        regressors=_tuple(regressors),
        intercept=intercept,
        study=study,
        sample=sample,
    )
    _check_size(effects)
    if tau2 is not None and not 0 <= tau2 < math.inf:
        raise ModelError(f"tau2: expected zero or more, got {tau2}")
    early = convergence == "metafor"
    value = _tau2(effects.y, effects.v, effects.x, method, early) if tau2 is None else tau2
    fitted = _fit(effects, value, test)
    statistics = _statistics(effects, fitted, method, test) | _prediction(
        effects, fitted, prediction
    )
    if method != "equal" and tau2 is None:
        statistics |= _uncertainty(effects, fitted, method, early)
    facts = _facts(effects, fitted, method, test)
    result = tabulate(list(effects.terms), fitted.coefficients, fitted.covariance, facts)
    return replace(result, statistics=statistics, details={"effects": _table(effects, fitted)})


def _tau2(y: Floats, v: Floats, x: Floats, method: str, early: bool) -> float:
    if early and method in ("ml", "reml"):
        return fisher_scoring(y, v, x, method == "reml", METAFOR_THRESHOLD)
    return between_variance(y, v, x, method)


def _fit(effects: Effects, tau2: float, test: str) -> _Fit:
    y, v, x = effects.y, effects.v, effects.x
    df = len(y) - x.shape[1]
    solution = solve_ols(y, x, effects.design.effects, 1 / (v + tau2), effects.terms)
    covariance = solution.bread
    if test.startswith("knapp_hartung"):
        factor = generalised_q(y, v, x, tau2) / df
        covariance = covariance * (max(1.0, factor) if test.endswith("adhoc") else factor)
    df_t = math.inf if test == "z" else float(df)
    return _Fit(tau2, solution.coefficients, covariance, df_t)


def _check_size(effects: Effects) -> None:
    k, p = effects.x.shape
    if k <= p:
        raise ModelError(f"{k} estimates cannot be combined with {p} coefficients")
    # Collinear moderators are named by the solver before any formula inverts their cross-product.
    solve_ols(effects.y, effects.x, effects.design.effects, 1 / effects.v, effects.terms)


def _statistics(effects: Effects, fitted: _Fit, method: str, test: str) -> dict[str, float]:
    y, v, x = effects.y, effects.v, effects.x
    df = len(y) - x.shape[1]
    q = generalised_q(y, v, x, 0.0)
    return {
        "tau2": fitted.tau2,
        "tau": math.sqrt(fitted.tau2),
        "q": q,
        "q_df": float(df),
        "q_p": float(stats.chi2.sf(q, df)),
        **_relative_heterogeneity(effects, fitted, method, q, df),
        **_likelihoods(effects, fitted, method),
        **_moderators(effects, fitted, test),
    }


def _relative_heterogeneity(
    effects: Effects, fitted: _Fit, method: str, q: float, df: int
) -> dict[str, float]:
    """I^2 and H^2 (Higgins and Thompson 2002), with the typical sampling variance."""
    if method == "equal":
        return {"i2": max(0.0, 100 * (q - df) / q) if q > 0 else 0.0, "h2": q / df}
    typical = df / float(np.trace(projection(effects.x, 1 / effects.v)))
    tau2 = fitted.tau2
    return {"i2": 100 * tau2 / (typical + tau2), "h2": tau2 / typical + 1}


def _likelihoods(effects: Effects, fitted: _Fit, method: str) -> dict[str, float]:
    y, v, x = effects.y, effects.v, effects.x
    k, p = x.shape
    values = {
        "log_likelihood_ml": log_likelihood(y, v, x, fitted.tau2, restricted=False),
        "log_likelihood_reml": log_likelihood(y, v, x, fitted.tau2, restricted=True),
    }
    restricted = method == "reml"
    value = values["log_likelihood_reml" if restricted else "log_likelihood_ml"]
    count, n = p + (method != "equal"), k - p if restricted else k
    values["aic"] = 2 * count - 2 * value
    values["bic"] = math.log(n) * count - 2 * value
    return values


def _moderators(effects: Effects, fitted: _Fit, test: str) -> dict[str, float]:
    chosen = [i for i, term in enumerate(effects.terms) if term != "Intercept"]
    if not chosen:
        return {}
    values, block = fitted.coefficients[chosen], fitted.covariance[np.ix_(chosen, chosen)]
    wald, count = float(values @ linalg.solve(block, values, assume_a="pos")), len(chosen)
    if test == "z":
        return {"qm": wald, "qm_df": float(count), "qm_p": float(stats.chi2.sf(wald, count))}
    p_value = float(stats.f.sf(wald / count, count, fitted.df_t))
    return {"qm": wald / count, "qm_df": float(count), "qm_p": p_value}


def _uncertainty(effects: Effects, fitted: _Fit, method: str, early: bool) -> dict[str, float]:
    """What is known of an estimated tau^2, and how much of it moderators explain."""
    y, v, x = effects.y, effects.v, effects.x
    tolerance = METAFOR_INTERVAL if early else 0.0
    low, high = q_profile_interval(y, v, x, CONFIDENCE_LEVEL, tolerance)
    result = {
        "tau2_std_error": between_variance_error(y, v, x, fitted.tau2, method),
        "tau2_ci_low": low,
        "tau2_ci_high": high,
    }
    if method in ("ml", "reml"):
        low, high = profile_interval(y, v, x, fitted.tau2, method == "reml", CONFIDENCE_LEVEL)
        result |= {"tau2_profile_ci_low": low, "tau2_profile_ci_high": high}
    if effects.terms[0] == "Intercept" and len(effects.terms) > 1:
        total = _tau2(y, v, x[:, :1], method, early)
        explained = max(0.0, 100 * (total - fitted.tau2) / total) if total > 0 else math.nan
        result["r2"] = explained
    return result


def _prediction(effects: Effects, fitted: _Fit, prediction: str) -> dict[str, float]:
    if effects.terms != ("Intercept",):
        return {}
    names = ("prediction_low", "prediction_high")
    df_t = fitted.df_t if prediction == "test" else float(len(effects.y) - 2)
    if df_t < 1:
        return dict.fromkeys(names, math.nan)
    quantile = float(stats.t.ppf((1 + CONFIDENCE_LEVEL) / 2, df_t))
    half = quantile * math.sqrt(float(fitted.covariance[0, 0]) + fitted.tau2)
    centre = float(fitted.coefficients[0])
    return dict(zip(names, (centre - half, centre + half), strict=True))


def _table(effects: Effects, fitted: _Fit) -> pd.DataFrame:
    """One row per study; Raudenbush and Bryk (1985) for the partly pooled estimates."""
    y, v, x = effects.y, effects.v, effects.x
    normal = float(stats.norm.ppf((1 + CONFIDENCE_LEVEL) / 2))
    weights = 1 / (v + fitted.tau2)
    centre = x @ fitted.coefficients
    own = fitted.tau2 * weights
    pooled = own * y + (1 - own) * centre
    of_centre = np.einsum("ij,jk,ik->i", x, fitted.covariance, x)
    pooled_error = np.sqrt(own * v + (1 - own) ** 2 * of_centre)
    quantile = float(stats.t.ppf((1 + CONFIDENCE_LEVEL) / 2, fitted.df_t))
    error = np.sqrt(v)
    table = pd.DataFrame(
        {
            "term": effects.labels,
            "effect": y,
            "std_error": error,
            "ci_low": y - normal * error,
            "ci_high": y + normal * error,
            "weight": 100 * weights / weights.sum(),
            "fitted": centre,
            "pooled": pooled,
            "pooled_std_error": pooled_error,
            "pooled_low": pooled - quantile * pooled_error,
            "pooled_high": pooled + quantile * pooled_error,
            "funnel_low": centre - normal * error,
            "funnel_high": centre + normal * error,
        }
    )
    return table.sort_values(["term", "effect", "std_error"], ignore_index=True)


def _facts(effects: Effects, fitted: _Fit, method: str, test: str) -> Facts:
    spec, design = effects.specification, effects.design
    restricted = method == "reml"
    return Facts(
        outcome=spec.outcome,
        estimator=f"meta_analysis ({method})",
        vcov=test,
        formula=spec.formula,
        weights="1 / (v + tau2)",
        sample=spec.sample,
        small_sample="none" if test == "z" else "t with k - p degrees of freedom",
        n_obs=len(effects.y),
        n_dropped=design.n_dropped,
        n_parameters=len(effects.terms),
        n_units=len(set(effects.labels)),
        df_t=fitted.df_t,
        outcome_mean=float(effects.y.mean()),
        log_likelihood=log_likelihood(effects.y, effects.v, effects.x, fitted.tau2, restricted),
    )


def _check(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ModelError(f"{option}: {value!r} is not one of {', '.join(allowed)}")


def _tuple(columns: Columns) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else tuple(columns)
