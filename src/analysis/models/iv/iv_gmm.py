"""``iv_gmm``: one equation with endogenous regressors by 2SLS, GMM or LIML, with its tests."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, stats

from analysis.models.absorption import absorb, count_effects
from analysis.models.covariance import covariance
from analysis.models.design import Design, build_design
from analysis.models.estimates import CONFIDENCE_LEVEL, Estimates, tabulate
from analysis.models.iv.confidence_sets import hull
from analysis.models.iv.identification import (
    anderson_rubin,
    anderson_rubin_set,
    is_positive_definite,
    kleibergen_paap,
)
from analysis.models.iv.reduced_form import net_of, reduced_form
from analysis.models.least_squares import Solution
from analysis.models.regression import iv
from analysis.models.specification import ModelError, Specification

Floats = NDArray[np.float64]
Columns = str | Sequence[str]

METHODS = ("gmm", "2sls", "liml")
VCOVS = ("classical", "hc0", "hc1", "cluster")


@dataclass(frozen=True, slots=True)
class Equation:
    """Columns of one equation, effects absorbed and multiplied by the root of the weights.

    ``outcome`` (n,), ``regressors`` (n, k) exogenous first, ``instruments`` (n, l) likewise, all
    exogenous variables included; ``n_exogenous`` of them are in both.
    """

    outcome: Floats
    regressors: Floats
    instruments: Floats
    n_exogenous: int

    @property
    def overidentification(self) -> int:
        """Instruments beyond those needed."""
        return self.instruments.shape[1] - self.regressors.shape[1]


@dataclass(frozen=True, slots=True)
class Moments:
    """An equation and how the covariance of its moments ``Z'e`` is estimated."""

    equation: Equation
    design: Design
    vcov: str
    centre: bool


def iv_gmm(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns = (),
    endogenous: Columns,
    instruments: Columns,
    method: str = "gmm",
    steps: int = 2,
    fuller: float = 0.0,
    centre: bool = False,
    null: float = 0.0,
    absorb: Columns = (),
    intercept: bool = True,
    weights: str | None = None,
    vcov: str = "hc1",
    cluster: Columns = (),
    unit: str | None = None,
    time: str | None = None,
    small_sample: str = "full",
    parameters: str | int = "all",
    inference: str = "t",
    sample: str = "all",
) -> Estimates:
    """Estimate ``y = a + X b + Y c + effects + e`` with instruments for Y.

    ``"gmm"`` minimises ``g' W g``, ``g = Z'e``: W is the inverse of ``Z'Z`` in the first step and
    of ``sum z_i z_i' e_i^2`` (summed within clusters first when ``vcov="cluster"``, ``s^2 Z'Z``
    when it is ``"classical"``) in the ``steps - 1`` that follow (Hansen 1982). Its covariance is
    the sandwich with the last residuals. ``"2sls"`` stops after the first step. ``"liml"`` is the
    k-class estimator with the smallest root kappa, less ``fuller / (n - l)`` (Fuller 1977); its
    robust errors use the regressors projected on the instruments, as ivregress and linearmodels do.

    Parameters
    ----------
    instruments
        The excluded ones, at least as many as ``endogenous``.
    centre
        Take their mean from the moments before their covariance is formed (Hall 2005, section
        4.3), as R's package gmm always does and Stata's and linearmodels' option ``center``.
    null
        Value of every endogenous coefficient that the Anderson-Rubin test tests.
    absorb ... sample
        As in :func:`analysis.models.regression.iv`, whose coefficients and standard errors
        ``method="2sls"`` equals.

    Returns
    -------
    Estimates
        Facts as for 2SLS, first-stage strength included. Statistics:

        - ``sargan`` (nR^2 of the 2SLS residuals), ``basmann`` (its F variant, chi-squared scale)
          and ``hansen`` (the two-step criterion under the weight above; equal to ``sargan`` when
          classical), each with ``_df`` and ``_p``; missing when just identified. With GMM of more
          steps ``hansen`` is that of the last. ``liml_overid`` is ``n log kappa``.
        - ``durbin`` (chi-squared) and ``wu_hausman`` (F), tests that Y is exogenous, classical.
        - ``kleibergen_paap_f``, the rk Wald statistic over the number of instruments, to be
          compared with ``facts.cragg_donald_f``, and ``kleibergen_paap_p`` of under-identification.
        - ``anderson_rubin`` (F form) with ``_p``; for one endogenous regressor ``ar_low`` and
          ``ar_high``, the ends of its 95 % set. **The set can be unbounded, in two pieces, or
          empty**: ``ar_intervals`` counts its pieces and ``details["anderson_rubin_set"]`` lists
          them (``term, lower, upper``); an end at infinity is written as infinite, and an empty
          set has missing ends. With no more clusters than reduced-form coefficients these tests do
          not exist and are missing.

    Raises
    ------
    ModelError
        As :func:`analysis.models.fit`; for an unknown option; for a moment covariance that is
        singular, as it is with fewer clusters than instruments.
    """
    _check(method, steps, fuller, vcov)
    spec = Specification(
        outcome=outcome,
        regressors=_tuple(regressors),
        estimator="iv",
        endogenous=_tuple(endogenous),
        instruments=_tuple(instruments),
        absorb=_tuple(absorb),
        intercept=intercept,
        weights=weights,
        vcov=vcov,
        cluster=_tuple(cluster),
        unit=unit,
        time=time,
        sample=sample,
    )
    two_stage = iv(
        frame,
        outcome=outcome,
        regressors=spec.regressors,
        endogenous=spec.endogenous,
        instruments=spec.instruments,
        absorb=spec.absorb,
        intercept=intercept,
        weights=weights,
        vcov=vcov,
        cluster=spec.cluster,
        unit=unit,
        time=time,
        small_sample=small_sample,
        parameters=parameters,
        inference=inference,
        sample=sample,
    )
    design = build_design(spec, frame)
    equation = _equation(design)
    moments = Moments(equation, design, vcov, bool(centre))
    solution, own = _solve(moments, method, steps, fuller)
    matrix = _covariance(equation, design, two_stage, solution)
    facts = replace(two_stage.facts, estimator=_label(method, steps, fuller))
    terms = two_stage.coefficients["term"].tolist()
    estimates = tabulate(terms, solution.coefficients, matrix, facts)
    statistics = _fit_of(two_stage, estimates, solution)
    tests, details = _weak_instrument_tests(design, spec, null, facts.df_t)
    statistics |= tests | _exogeneity(equation) | _overidentification(moments)
    return replace(estimates, statistics=statistics | own, details=details)


def _covariance(
    equation: Equation, design: Design, two_stage: Estimates, solution: Solution
) -> Floats:
    """Covariance of ``solution`` under the small-sample convention of ``two_stage``.

    Every such convention is one factor, here read off the 2SLS covariance.
    """
    facts = two_stage.facts
    n_parameters = facts.n_parameters
    assert n_parameters is not None

    def under_full(one: Solution) -> Floats:
        return covariance(one, facts.vcov, n_parameters, design.clusters, design.effects)

    plain = under_full(_gmm_step(equation, design, np.eye(equation.instruments.shape[1])))
    factor = np.trace(two_stage.covariance.to_numpy()) / np.trace(plain)
    return np.asarray(under_full(solution) * factor)


def _fit_of(two_stage: Estimates, estimates: Estimates, solution: Solution) -> dict[str, float]:
    """The statistics of :func:`analysis.models.regression.iv`, for this estimator's residuals."""
    before = two_stage.statistics
    total = before["rss"] / (1 - before["r_squared_structural"])
    rss = float(_errors(solution) @ _errors(solution))
    result = {
        "rss": rss,
        "rmse": before["rmse"] * math.sqrt(rss / before["rss"]),
        "r_squared_structural": 1 - rss / total,
        "adj_r_squared_structural": 1
        - (1 - before["adj_r_squared_structural"]) * rss / before["rss"],
    }
    slopes = [term for term in estimates.coefficients["term"] if term != "Intercept"]
    test = estimates.wald(slopes)
    return result | {"f_statistic": test.statistic, "f_p_value": test.p_value}


def _check(method: str, steps: int, fuller: float, vcov: str) -> None:
    if method not in METHODS:
        raise ModelError(f"method: {method!r} is not one of {', '.join(METHODS)}")
    if vcov not in VCOVS:
        raise ModelError(f"vcov: {vcov!r} is not one of {', '.join(VCOVS)}")
    if not isinstance(steps, int) or steps < 2:
        raise ModelError(f"steps: {steps!r} should be 2 or more; one step is method='2sls'")
    if fuller < 0 or (fuller and method != "liml"):
        raise ModelError(f"fuller: {fuller!r} should be zero or more, and needs method='liml'")


def _label(method: str, steps: int, fuller: float) -> str:
    if method == "gmm":
        return f"iv, gmm {steps} steps"
    return f"iv, {method}" + (f", fuller {fuller:g}" if fuller else "")


def _tuple(columns: Columns) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else tuple(columns)


def _equation(design: Design) -> Equation:
    blocks = [design.outcome, design.exogenous, design.endogenous, design.instruments]
    columns = absorb(np.column_stack(blocks), design.effects, design.weights)
    columns = columns * np.sqrt(design.weights)[:, None]
    n_exogenous = design.exogenous.shape[1]
    k = n_exogenous + design.endogenous.shape[1]
    exogenous, regressors = columns[:, 1 : 1 + n_exogenous], columns[:, 1 : 1 + k]
    instruments = np.column_stack([exogenous, columns[:, 1 + k :]])
    # GMM does not change under a change of basis; an orthonormal one is well conditioned.
    basis = linalg.qr(instruments, mode="economic")[0]
    return Equation(columns[:, 0], regressors, basis, n_exogenous)


def _solve(
    moments: Moments, method: str, steps: int, fuller: float
) -> tuple[Solution, dict[str, float]]:
    equation, design = moments.equation, moments.design
    if method == "liml":
        return _liml(equation, design, fuller)
    solution = _gmm_step(equation, design, np.eye(equation.instruments.shape[1]))
    criterion: dict[str, float] = {}
    for _ in range(steps - 1 if method == "gmm" else 0):
        weight = _moment_weight(moments, solution)
        if moments.vcov != "classical":  # where every step is 2SLS
            solution = _gmm_step(equation, design, weight)
        criterion = _chi_squared(
            "hansen", _criterion(equation, solution, weight), equation.overidentification
        )
    return solution, criterion


def _gmm_step(equation: Equation, design: Design, weight: Floats) -> Solution:
    """GMM with ``weight`` (l, l), as a :class:`Solution` whose scores give the sandwich."""
    cross = equation.instruments.T @ equation.regressors
    bread = linalg.inv(cross.T @ weight @ cross)
    projected = equation.instruments @ (weight @ cross)
    coefficients = bread @ (projected.T @ equation.outcome)
    return _solution(equation, design, coefficients, projected, bread)


def _liml(equation: Equation, design: Design, fuller: float) -> tuple[Solution, dict[str, float]]:
    endogenous = np.column_stack([equation.outcome, equation.regressors[:, equation.n_exogenous :]])
    net = net_of(endogenous, equation.regressors[:, : equation.n_exogenous])
    rest = endogenous - equation.instruments @ (equation.instruments.T @ endogenous)
    roots = linalg.eigh(net.T @ net, rest.T @ rest, eigvals_only=True)
    n = len(endogenous)
    n_parameters = equation.instruments.shape[1] + count_effects(design.effects)
    smallest = float(roots[0])
    kappa = smallest - fuller / (n - n_parameters)
    regressors, basis = equation.regressors, equation.instruments
    projected = basis @ (basis.T @ regressors)
    k_class = kappa * projected + (1 - kappa) * regressors
    bread = linalg.inv(k_class.T @ regressors)
    coefficients = bread @ (k_class.T @ equation.outcome)
    statistics = {"kappa": kappa}
    statistics |= _chi_squared("liml_overid", n * math.log(smallest), equation.overidentification)
    return _solution(equation, design, coefficients, projected, bread), statistics


def _solution(
    equation: Equation, design: Design, coefficients: Floats, projected: Floats, bread: Floats
) -> Solution:
    root = np.sqrt(design.weights)
    residuals = (equation.outcome - equation.regressors @ coefficients) / root
    return Solution(coefficients, projected / root[:, None], residuals, design.weights, bread)


def _errors(solution: Solution) -> Floats:
    return np.asarray(solution.residuals * np.sqrt(solution.weights))


def _moment_weight(moments: Moments, solution: Solution) -> Floats:
    """Inverse of the covariance of the moments ``Z'e``, without small-sample factors."""
    equation, vcov = moments.equation, moments.vcov
    errors = _errors(solution)
    n_moments = equation.instruments.shape[1]
    if vcov == "classical":
        return np.eye(n_moments) * len(errors) / (errors @ errors)
    scores = equation.instruments * errors[:, None]
    if vcov == "cluster":
        scores = _cluster_sums(scores, moments.design)
    if moments.centre:
        scores = scores - scores.mean(axis=0)
    values, vectors = linalg.eigh(scores.T @ scores)
    if values[0] <= 1e-12 * values[-1]:
        raise ModelError(
            f"the covariance of the {n_moments} moments is singular with {len(scores)} "
            f"{'clusters' if vcov == 'cluster' else 'rows'}; use fewer instruments or regressors, "
            "another vcov, or method='2sls'"
        )
    return np.asarray(vectors / values @ vectors.T)


def _cluster_sums(scores: Floats, design: Design) -> Floats:
    if design.clusters.shape[1] != 1:
        raise ModelError("GMM weights need one cluster column; use method='2sls' or 'liml' with 2")
    codes = design.clusters[:, 0]
    return np.column_stack([np.bincount(codes, column) for column in scores.T])


def _criterion(equation: Equation, solution: Solution, weight: Floats) -> float:
    moments = equation.instruments.T @ _errors(solution)
    return float(moments @ weight @ moments)


def _overidentification(moments: Moments) -> dict[str, float]:
    equation, design, vcov = moments.equation, moments.design, moments.vcov
    df = equation.overidentification
    first = _gmm_step(equation, design, np.eye(equation.instruments.shape[1]))
    errors = _errors(first)
    explained = float(((equation.instruments.T @ errors) ** 2).sum())
    total, n = float(errors @ errors), len(errors)
    remaining = n - equation.instruments.shape[1] - count_effects(design.effects)
    result = _chi_squared("sargan", n * explained / total, df)
    result |= _chi_squared("basmann", remaining * explained / (total - explained), df)
    if df == 0 or (vcov == "cluster" and design.clusters.shape[1] != 1):
        return result | {"hansen": math.nan, "hansen_df": df, "hansen_p": math.nan}
    try:
        weight = _moment_weight(moments, first)
    except ModelError:  # as many moments as clusters: the statistic does not exist
        return result | {"hansen": math.nan, "hansen_df": df, "hansen_p": math.nan}
    second = _gmm_step(equation, design, weight)
    return result | _chi_squared("hansen", _criterion(equation, second, weight), df)


def _exogeneity(equation: Equation) -> dict[str, float]:
    """Durbin (1954) and Wu (1973): does 2SLS differ from least squares?"""
    outcome, regressors = equation.outcome, equation.regressors
    count = regressors.shape[1] - equation.n_exogenous
    basis = linalg.qr(regressors, mode="economic")[0]
    ols_errors = outcome - basis @ (basis.T @ outcome)
    endogenous = regressors[:, equation.n_exogenous :]
    first_stage = endogenous - equation.instruments @ (equation.instruments.T @ endogenous)
    rest = first_stage - basis @ (basis.T @ first_stage)
    control = linalg.qr(rest, mode="economic")[0]
    gain, total = float(((control.T @ ols_errors) ** 2).sum()), float(ols_errors @ ols_errors)
    df = len(outcome) - regressors.shape[1] - count
    wu = gain / count / ((total - gain) / df)
    return _chi_squared("durbin", len(outcome) * gain / total, count) | {
        "wu_hausman": wu,
        "wu_hausman_df": float(df),
        "wu_hausman_p": float(stats.f.sf(wu, count, df)),
    }


def _weak_instrument_tests(
    design: Design, spec: Specification, null: float, df_t: float
) -> tuple[dict[str, float], dict[str, pd.DataFrame]]:
    count, excluded = design.endogenous.shape[1], design.instruments.shape[1]
    n_parameters = design.exogenous.shape[1] + excluded + count_effects(design.effects)
    first = reduced_form(design, design.endogenous, spec.vcov, n_parameters)
    both = np.column_stack([design.outcome, design.endogenous])
    reduced = reduced_form(design, both, spec.vcov, n_parameters)
    if not is_positive_definite(reduced.covariance):
        names = ("kleibergen_paap_f", "kleibergen_paap_p", "anderson_rubin", "anderson_rubin_p")
        return dict.fromkeys(names, math.nan), {}
    if math.isinf(df_t) or spec.vcov == "cluster":
        df_denominator = df_t
    else:
        df_denominator = float(len(design.outcome) - n_parameters)
    rank = kleibergen_paap(first)
    test = anderson_rubin(reduced, np.full(count, null))
    critical, p_value = _wald_law(test, excluded, df_denominator)
    statistics = {
        "kleibergen_paap_f": rank / excluded,
        "kleibergen_paap_p": float(stats.chi2.sf(rank, excluded - count + 1)),
        "anderson_rubin": test / excluded,
        "anderson_rubin_p": p_value,
    }
    if count > 1:
        return statistics, {}
    intervals = anderson_rubin_set(reduced, critical)
    low, high = hull(intervals)
    statistics |= {"ar_low": low, "ar_high": high, "ar_intervals": len(intervals)}
    intervals.insert(0, "term", design.endogenous_terms[0])
    return statistics, {"anderson_rubin_set": intervals}


def _wald_law(statistic: float, df: int, df_denominator: float) -> tuple[float, float]:
    """Critical value of a Wald statistic with ``df`` restrictions, and the p-value of this one."""
    if math.isinf(df_denominator):
        law = stats.chi2(df)
        return float(law.ppf(CONFIDENCE_LEVEL)), float(law.sf(statistic))
    law = stats.f(df, df_denominator)
    return float(df * law.ppf(CONFIDENCE_LEVEL)), float(law.sf(statistic / df))


def _chi_squared(name: str, value: float, df: int) -> dict[str, float]:
    if df == 0:
        return {name: math.nan, f"{name}_df": 0, f"{name}_p": math.nan}
    return {name: value, f"{name}_df": df, f"{name}_p": float(stats.chi2.sf(value, df))}
