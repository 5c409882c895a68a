"""Linear algebra of one fit: weighted least squares, two-stage least squares and Poisson.

Each solver returns the same :class:`Solution`, from which every covariance follows.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import linalg

from analysis.models.absorption import AbsorptionError, absorb
from analysis.models.poisson_two_way import concentrated_optimum
from analysis.models.specification import CollinearError, ModelError
from analysis.models.two_way import group_rows

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

COLLINEARITY_TOLERANCE = 1e-9
MAX_ITERATIONS = 100
VANISHING = 1e-6
#: Rows of a block of cross products or of QR.
BLOCK = 8192
#: Pivot (of columns of length one) down to which cross products lose no more than three digits.
SMALLEST_PIVOT = 0.03


@dataclass(frozen=True, slots=True)
class Solution:
    """Coefficients (k,) and what their covariance is made of.

    ``regressors`` (n, k) have the effects absorbed (and are projected on the instruments in 2SLS),
    so that the score of row i is ``weights[i] * residuals[i] * regressors[i]``; ``bread`` (k, k) is
    the inverse of ``regressors' diag(weights) regressors``. For Poisson, weights and residuals are
    the working ones at the optimum. ``outcome_squares`` is the weighted sum of squares of the
    outcome with the effects absorbed. ``fitted`` (n,) is the fitted mean of a Poisson model and
    ``start`` what a similar one may start from.
    """

    coefficients: Floats
    regressors: Floats
    residuals: Floats
    weights: Floats
    bread: Floats
    fitted: Floats | None = None
    outcome_squares: float = math.nan
    start: "Start | None" = None


@dataclass(frozen=True, slots=True)
class Start:
    """Where a Poisson model was at its optimum: coefficients by term, effects (T,) of periods."""

    coefficients: Mapping[str, float]
    second: Floats


def solve_ols(
    outcome: Floats, regressors: Floats, effects: Codes, weights: Floats, terms: tuple[str, ...]
) -> Solution:
    """Weighted least squares of ``outcome`` (n,) on ``regressors`` (n, k) and absorbed effects."""
    within = absorb(np.column_stack([regressors, outcome]), effects, weights, overwrite=True)
    coefficients, bread, squares = _solve(within, regressors, weights, terms)
    residuals = _residuals(within, coefficients)
    return Solution(
        coefficients, within[:, :-1], residuals, weights, bread, outcome_squares=squares
    )


def solve_iv(
    outcome: Floats,
    regressors: Floats,
    instruments: Floats,
    effects: Codes,
    weights: Floats,
    terms: tuple[str, ...],
) -> Solution:
    """Two-stage least squares.

    ``regressors`` (n, k) are exogenous and endogenous together; ``instruments`` (n, l >= k) are all
    exogenous variables, included and excluded, and already checked for collinearity.
    """
    columns = np.column_stack([outcome, regressors, instruments])
    within = absorb(columns, effects, weights, overwrite=True)
    k = regressors.shape[1]
    root = np.sqrt(weights)[:, None]
    basis = linalg.qr(within[:, k + 1 :] * root, mode="economic")[0]
    projected = basis @ (basis.T @ (within[:, 1 : k + 1] * root)) / root
    joint = np.column_stack([projected, within[:, 0]])
    coefficients, bread, _ = _solve(joint, regressors, weights, terms)
    residuals = within[:, 0] - within[:, 1 : k + 1] @ coefficients
    return Solution(coefficients, projected, residuals, weights, bread)


def solve_poisson(
    outcome: Floats,
    regressors: Floats,
    effects: Codes,
    weights: Floats,
    terms: tuple[str, ...],
    start: Start | None = None,
) -> Solution:
    """Poisson pseudo-maximum likelihood, ``E[y] = exp(x'b + effects)``.

    Iteratively reweighted least squares with the effects absorbed at each step (Correia, Guimarães
    and Zylkin 2020). Newton steps converge quadratically: when the linear predictor last moved by
    less than 1e-8 the error left is of the order of 1e-16. With effects the steps start at the
    optimum of :mod:`analysis.models.poisson_two_way` where there is one, sought from ``start``: a
    solution on the same rows with other regressors.
    """
    groups = group_rows(effects) if effects.shape[1] else None
    optimum = None
    if groups is not None:
        parameters = _parameters(start, terms, groups.n_second)
        optimum = concentrated_optimum(outcome, regressors, groups, weights, parameters)
    if optimum is None:
        predictor = np.log((outcome + np.average(outcome, weights=weights)) / 2)
        return _iterate(predictor, outcome, regressors, effects, weights, terms)
    following = Start(dict(zip(terms, optimum.coefficients, strict=True)), optimum.second)
    solution = _iterate(optimum.predictor, outcome, regressors, effects, weights, terms)
    return replace(solution, start=following)


def _parameters(start: Start | None, terms: tuple[str, ...], n_second: int) -> Floats | None:
    """``start`` in the order of ``terms``, a new regressor at zero; None where it does not fit."""
    if start is None or len(start.second) != n_second:
        return None
    return np.append([start.coefficients.get(term, 0.0) for term in terms], start.second)


def _iterate(
    predictor: Floats,
    outcome: Floats,
    regressors: Floats,
    effects: Codes,
    weights: Floats,
    terms: tuple[str, ...],
) -> Solution:
    mean = np.exp(predictor)
    for _ in range(MAX_ITERATIONS):
        working = predictor + (outcome - mean) / mean
        try:
            step = solve_ols(working, regressors, effects, weights * mean, terms)
        except AbsorptionError:  # means that vanish are weights that vanish
            break
        moved = float(np.abs(working - step.residuals - predictor).max())
        predictor = working - step.residuals
        mean = np.exp(np.clip(predictor, -700, 700))
        if moved < 1e-8:
            return _at_optimum(step, outcome, mean, weights)
    vanishing = int((mean < VANISHING * outcome.mean()).sum())
    raise ModelError(
        f"the Poisson model did not converge; {vanishing} rows with outcome zero are perfectly "
        "predicted, so some coefficient has no finite value. Remove the regressor that separates "
        "them"
    )


def _at_optimum(step: Solution, outcome: Floats, mean: Floats, weights: Floats) -> Solution:
    return Solution(
        step.coefficients,
        step.regressors,
        (outcome - mean) / mean,
        weights * mean,
        step.bread,
        fitted=mean,
    )


@njit(cache=True, nogil=True)
def _residuals(columns: Floats, coefficients: Floats) -> Floats:
    """The last of ``columns`` (n, k + 1) less the others times ``coefficients`` (k,)."""
    n, k = len(columns), len(coefficients)
    residuals = np.empty(n)
    for row in range(n):
        fitted = 0.0
        for j in range(k):
            fitted += columns[row, j] * coefficients[j]
        residuals[row] = columns[row, k] - fitted
    return residuals


def _solve(
    within: Floats, original: Floats, weights: Floats, terms: tuple[str, ...]
) -> tuple[Floats, Floats, float]:
    """Coefficients, inverse cross-product, and the outcome's sum of squares, by QR.

    ``within`` (n, k + 1) are the regressors and then the outcome, effects absorbed; ``original``
    (n, k) the regressors as they were. Collinear columns are an error, by name.
    """
    k = len(terms)
    norms = np.array([np.sqrt(np.einsum("i,i,i->", weights, x, x)) for x in original.T])
    scale = np.where(norms > 0, norms, 1.0)
    joint = _triangle(within, weights, np.append(scale, 1.0))
    diagonal = np.zeros(k)
    diagonal[: len(joint)] = np.abs(np.diag(joint))[:k]
    collinear = [
        term for term, size in zip(terms, diagonal, strict=True) if size < COLLINEARITY_TOLERANCE
    ]
    if collinear:
        raise CollinearError(
            f"{', '.join(collinear)} cannot be estimated: in the {len(within)} rows used it does "
            "not vary, or is a combination of the regressors before it, the absorbed effects or "
            "the instruments. Leave it out or widen the sample",
            collinear,
        )
    coefficients = linalg.solve_triangular(joint[:k, :k], joint[:k, k]) / scale
    inverse = linalg.solve_triangular(joint[:k, :k], np.eye(k)) / scale[:, None]
    return coefficients, inverse @ inverse.T, float(joint[:, k] @ joint[:, k])


def _triangle(columns: Floats, weights: Floats, scale: Floats) -> Floats:
    """Triangular factor (min(n, k), k) of ``columns`` (n, k) over ``scale`` (k,), weighted.

    By Householder's QR; for tables of many rows by Cholesky's decomposition of the cross products,
    six times as fast, as long as its pivots show that it gives the same digits. QR goes by
    blocks of rows that fit the cache (Demmel, Grigori, Hoemmen and Langou 2012).
    """
    blocks = [slice(first, first + BLOCK) for first in range(0, len(columns), BLOCK)]
    root = np.sqrt(weights)[:, None]
    unweighted = bool((weights == 1).all())

    def block(rows: slice) -> Floats:
        return columns[rows] if unweighted else columns[rows] * root[rows]

    if len(blocks) > 1:
        products = sum(part.T @ part for part in map(block, blocks))
        norms = np.sqrt(np.diag(products))
        if norms.all():
            factor, failed = linalg.lapack.dpotrf(products / norms / norms[:, None])
            if not failed and np.diag(factor).min() > SMALLEST_PIVOT:
                return np.triu(factor) * (norms / scale)
    triangles = [np.linalg.qr(block(rows) / scale, mode="r") for rows in blocks]
    return np.asarray(np.linalg.qr(np.vstack(triangles), mode="r"))
