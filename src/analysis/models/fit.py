"""``fit``: a specification and a frame give estimates."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg
from scipy.special import gammaln

from analysis.models.absorption import count_effects, count_singletons
from analysis.models.covariance import covariance
from analysis.models.design import Design, build_design, select_rows
from analysis.models.estimates import Estimates, Facts, tabulate, wald_test
from analysis.models.fit_statistics import (
    Squares,
    fit_statistics,
    sums_of_squares,
    weighted_squares,
)
from analysis.models.least_squares import Solution, Start, solve_iv, solve_ols, solve_poisson
from analysis.models.specification import ModelError, Specification

Floats = NDArray[np.float64]

SMALL_SAMPLE = {
    "classical": "n - K degrees of freedom",
    "hc0": "none",
    "hc1": "n/(n - K)",
    "hc2": "residuals / sqrt(1 - leverage)",
    "hc3": "residuals / (1 - leverage)",
    "cluster": "G/(G - 1) x (n - 1)/(n - K)",
}


def fit(spec: Specification, frame: pd.DataFrame) -> Estimates:
    """Estimate ``spec`` on the complete rows of ``frame``.

    Returns
    -------
    Estimates
        Terms in the order intercept, regressors, endogenous regressors. Inference follows the
        small-sample convention stated in :mod:`analysis.models`.

    Raises
    ------
    ModelError
        If a column is absent or unusable, no row is complete, a regressor is collinear, there are
        no degrees of freedom left, or a Poisson model has no finite optimum.
    """
    return estimates_of(solve(spec, frame))


def estimates_of(found: "Solved") -> Estimates:
    """Estimates with the covariance that the specification names."""
    design, solution, n_parameters = found.design, found.solution, found.facts.n_parameters
    assert n_parameters is not None
    vcov = design.specification.vcov
    matrix = covariance(solution, vcov, n_parameters, design.clusters, design.effects)
    estimates = tabulate(list(design.terms), solution.coefficients, matrix, found.facts)
    sample = pd.DataFrame(design.labels, copy=False) if design.labels else None
    return replace(estimates, statistics=found.statistics, sample=sample)


@dataclass(frozen=True, slots=True)
class Solved:
    """A specification solved on its sample, all but the covariance of its coefficients."""

    design: Design
    solution: Solution
    facts: Facts
    statistics: dict[str, float]


def solve(spec: Specification, frame: pd.DataFrame, start: Start | None = None) -> Solved:
    """Coefficients, facts and statistics of ``spec``; raises as :func:`fit`.

    ``start``: for a Poisson model, the ``solution.start`` of a similar one.
    """
    design = build_design(spec, frame)
    if spec.estimator == "poisson":
        design = drop_separated(design)
    n_parameters = len(design.terms) + count_effects(design.effects)
    facts = _facts(spec, design, n_parameters)
    if spec.estimator == "iv":
        facts = replace(facts, **instrument_strength(spec, design))
    solution = _solve(spec, design, start)
    squares = sums_of_squares(spec, design, solution)
    facts = replace(facts, **goodness_of_fit(spec, design, solution, squares))
    statistics = fit_statistics(spec, design, squares, n_parameters, facts.log_likelihood)
    return Solved(design, solution, facts, statistics)


def drop_separated(design: Design) -> Design:
    """Leave out groups of an absorbed effect whose outcomes are all zero.

    Their fixed effect is minus infinity and they carry no information on the coefficients
    (Correia, Guimarães and Zylkin 2019). What leaves adds up to zero in every other group too, so
    that no further group becomes one of these.
    """
    keep = np.ones(len(design.outcome), dtype=bool)
    for codes in design.effects.T:
        keep &= (np.bincount(codes, design.outcome) > 0)[codes]
    if not keep.any() or not design.outcome[keep].any():
        raise ModelError("poisson: every outcome is zero")
    return select_rows(design, keep, n_separated=int((~keep).sum()))


def instrument_strength(spec: Specification, design: Design) -> dict[str, Any]:
    """First-stage facts of a 2SLS model; see :class:`analysis.models.estimates.Facts`."""
    instruments = np.column_stack([design.exogenous, design.instruments])
    terms = (*design.exogenous_terms, *spec.instruments)
    n_parameters = instruments.shape[1] + count_effects(design.effects)
    df_t = _degrees_of_freedom(spec, design, n_parameters)
    excluded = slice(design.exogenous.shape[1], None)
    f_statistics, stages, effective = [], [], math.nan
    for endogenous in design.endogenous.T:
        stage = solve_ols(endogenous, instruments, design.effects, design.weights, terms)
        matrix = covariance(stage, spec.vcov, n_parameters, design.clusters, design.effects)
        block, values = matrix[excluded, excluded], stage.coefficients[excluded]
        f_statistics.append(wald_test(values, block, df_t).statistic)
        cross_product = linalg.inv(stage.bread[excluded, excluded])
        effective = float(values @ cross_product @ values / np.trace(block @ cross_product))
        stages.append(stage)
    return {
        "first_stage_f": min(f_statistics),
        "effective_f": effective if len(stages) == 1 else math.nan,
        "cragg_donald_f": _cragg_donald(stages, excluded, n_parameters),
    }


def _cragg_donald(stages: list[Solution], excluded: slice, n_parameters: int) -> float:
    """Smallest eigenvalue of the matrix of first-stage F (Cragg and Donald 1993)."""
    values = np.column_stack([stage.coefficients[excluded] for stage in stages])
    cross_product = linalg.inv(stages[0].bread[excluded, excluded])
    residuals = np.column_stack([stage.residuals for stage in stages])
    weighted = residuals * stages[0].weights[:, None]
    variance = weighted.T @ residuals / (len(residuals) - n_parameters)
    concentration = values.T @ cross_product @ values
    return float(linalg.eigh(concentration, variance, eigvals_only=True)[0] / len(values))


def _solve(spec: Specification, design: Design, start: Start | None) -> Solution:
    terms = (*design.exogenous_terms, *design.endogenous_terms)
    effects, weights = design.effects, design.weights
    if spec.estimator == "iv":
        regressors = np.column_stack([design.exogenous, design.endogenous])
        instruments = np.column_stack([design.exogenous, design.instruments])
        return solve_iv(design.outcome, regressors, instruments, effects, weights, terms)
    rows = design.outcome, design.exogenous, effects, weights, terms
    return solve_poisson(*rows, start) if spec.estimator == "poisson" else solve_ols(*rows)


def _degrees_of_freedom(spec: Specification, design: Design, n_parameters: int) -> float:
    n = len(design.outcome)
    if n <= n_parameters:
        raise ModelError(
            f"{n} complete rows cannot estimate {n_parameters} parameters (absorbed effects "
            f"included): {spec.formula}"
        )
    if spec.vcov != "cluster":
        return float(n - n_parameters)
    smallest = min(_cluster_counts(design))
    if smallest < 2:
        raise ModelError(f"only one cluster in {' + '.join(spec.cluster)}; at least 2 are needed")
    return float(smallest - 1)


def _cluster_counts(design: Design) -> list[int]:
    return [int(codes.max()) + 1 for codes in design.clusters.T]


def _count_distinct(codes: NDArray[np.int64] | None) -> int | None:
    return None if codes is None else int(np.count_nonzero(np.bincount(codes)))


def _facts(spec: Specification, design: Design, n_parameters: int) -> Facts:
    factor = "none" if (spec.estimator, spec.vcov) == ("poisson", "classical") else ""
    return Facts(
        outcome=spec.outcome,
        estimator=spec.estimator,
        vcov=spec.vcov,
        formula=spec.formula,
        absorb=" + ".join(spec.absorb),
        cluster=" + ".join(spec.cluster),
        weights=spec.weights or "",
        sample=spec.sample,
        small_sample=factor or SMALL_SAMPLE[spec.vcov],
        n_obs=len(design.outcome),
        n_dropped=design.n_dropped,
        n_separated=design.n_separated,
        n_singletons=count_singletons(design.effects),
        n_parameters=n_parameters,
        n_units=_count_distinct(design.units),
        n_periods=_count_distinct(design.periods),
        n_clusters=min(_cluster_counts(design), default=None),
        df_t=_degrees_of_freedom(spec, design, n_parameters),
        outcome_mean=float(design.outcome.mean()),
    )


def goodness_of_fit(
    spec: Specification, design: Design, solution: Solution, squares: Squares
) -> dict[str, Any]:
    """The facts ``r_squared``, ``within_r_squared``, ``log_likelihood``, as the estimator has them.

    Raises
    ------
    ModelError
        If the outcome does not vary.
    """
    if spec.estimator == "iv":
        return {}
    if spec.estimator == "poisson":
        return _poisson_statistics(design, solution)
    outcome, weights, n = design.outcome, design.weights, len(design.outcome)
    residual, total = squares
    within = solution.outcome_squares
    if min(within, total) <= 1e-18 * weighted_squares(outcome, weights):
        raise ModelError(
            f"the outcome {spec.outcome!r} does not vary (within the absorbed effects)"
        )
    with np.errstate(divide="ignore"):  # a perfect fit has an infinite likelihood
        log_weights = np.log(weights).sum() if spec.weights else 0.0
        density = log_weights - n * (np.log(2 * np.pi * residual / n) + 1)
    return {
        "r_squared": 1 - residual / total,
        "within_r_squared": 1 - residual / within if spec.absorb else math.nan,
        "log_likelihood": float(density / 2),
    }


def _poisson_statistics(design: Design, solution: Solution) -> dict[str, Any]:
    outcome, weights = design.outcome, design.weights

    constant = _sum_of_log_factorials(outcome, weights)
    assert solution.fitted is not None
    logs = np.log(solution.fitted)  # an exponential, so never zero
    explained = float(np.einsum("i,i,i->", weights, outcome, logs))
    fitted = explained - float(weights @ solution.fitted) - constant
    total = float(weights @ outcome)
    null = total * math.log(total / weights.sum()) - total - constant
    return {"log_likelihood": fitted, "pseudo_r_squared": 1 - fitted / null}


def _sum_of_log_factorials(outcome: Floats, weights: Floats) -> float:
    """Weighted sum of log y!; of whole numbers that are small, each value is looked up once."""
    whole = outcome.astype(np.int64)
    if outcome.max() < len(outcome) and (whole == outcome).all():
        by_value = np.bincount(whole, weights)
        return float(by_value @ gammaln(np.arange(len(by_value)) + 1.0))
    return float(weights @ gammaln(outcome + 1))
