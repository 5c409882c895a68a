"""Linear algebra of one fit: weighted least squares, two-stage least squares and Poisson.

Each solver returns the same :class:`Solution`, from which every covariance follows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from analysis.models.absorption import absorb
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

COLLINEARITY_TOLERANCE = 1e-9
MAX_ITERATIONS = 100
VANISHING = 1e-6


@dataclass(frozen=True, slots=True)
class Solution:
    """Coefficients (k,) and what their covariance is made of.

    ``regressors`` (n, k) have the effects absorbed (and are projected on the instruments in 2SLS),
    so that the score of row i is ``weights[i] * residuals[i] * regressors[i]``; ``bread`` (k, k) is
    the inverse of ``regressors' diag(weights) regressors``. For Poisson, weights and residuals are
    the working ones at the optimum. ``fitted`` (n,) is the fitted mean of a Poisson model.
    """

    coefficients: Floats
    regressors: Floats
    residuals: Floats
    weights: Floats
    bread: Floats
    fitted: Floats | None = None


def solve_ols(
    outcome: Floats, regressors: Floats, effects: Codes, weights: Floats, terms: tuple[str, ...]
) -> Solution:
    """Weighted least squares of ``outcome`` (n,) on ``regressors`` (n, k) and absorbed effects."""
    within = absorb(np.column_stack([outcome, regressors]), effects, weights)
    coefficients, bread = _solve(within[:, 0], within[:, 1:], regressors, weights, terms)
    residuals = within[:, 0] - within[:, 1:] @ coefficients
    return Solution(coefficients, within[:, 1:], residuals, weights, bread)


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
    within = absorb(np.column_stack([outcome, regressors, instruments]), effects, weights)
    k = regressors.shape[1]
    root = np.sqrt(weights)[:, None]
    basis = linalg.qr(within[:, k + 1 :] * root, mode="economic")[0]
    projected = basis @ (basis.T @ (within[:, 1 : k + 1] * root)) / root
    coefficients, bread = _solve(within[:, 0], projected, regressors, weights, terms)
    residuals = within[:, 0] - within[:, 1 : k + 1] @ coefficients
    return Solution(coefficients, projected, residuals, weights, bread)


def solve_poisson(
    outcome: Floats, regressors: Floats, effects: Codes, weights: Floats, terms: tuple[str, ...]
) -> Solution:
    """Poisson pseudo-maximum likelihood, ``E[y] = exp(x'b + effects)``.

    Iteratively reweighted least squares with the effects absorbed at each step (Correia, Guimarães
    and Zylkin 2020). Newton steps converge quadratically: when the linear predictor last moved by
    less than 1e-8 the error left is of the order of 1e-16.
    """
    mean = (outcome + np.average(outcome, weights=weights)) / 2
    predictor = np.log(mean)
    for _ in range(MAX_ITERATIONS):
        working = predictor + (outcome - mean) / mean
        step = solve_ols(working, regressors, effects, weights * mean, terms)
        moved = float(np.abs(working - step.residuals - predictor).max())
        predictor = working - step.residuals
        mean = np.exp(np.clip(predictor, -700, 700))
        if moved < 1e-8:
            return _at_optimum(step, outcome, mean, weights)
    vanishing = int((mean < VANISHING * outcome.mean()).sum())
    raise ModelError(
        f"the Poisson model did not converge in {MAX_ITERATIONS} steps; {vanishing} rows with "
        "outcome zero are perfectly predicted, so some coefficient has no finite value. Remove the "
        "regressor that separates them"
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


def _solve(
    outcome: Floats, within: Floats, original: Floats, weights: Floats, terms: tuple[str, ...]
) -> tuple[Floats, Floats]:
    """Coefficients and inverse cross-product by QR; collinear columns are an error, by name."""
    root = np.sqrt(weights)
    norms = np.linalg.norm(original * root[:, None], axis=0)
    scale = np.where(norms > 0, norms, 1.0)
    basis, triangle = linalg.qr(within * root[:, None] / scale, mode="economic")
    diagonal = np.zeros(len(terms))
    diagonal[: len(triangle)] = np.abs(np.diag(triangle))
    collinear = [
        term for term, size in zip(terms, diagonal, strict=True) if size < COLLINEARITY_TOLERANCE
    ]
    if collinear:
        raise ModelError(
            f"{', '.join(collinear)} cannot be estimated: in the {len(outcome)} rows used it does "
            "not vary, or is a combination of the regressors before it, the absorbed effects or "
            "the instruments. Leave it out or widen the sample"
        )
    coefficients = linalg.solve_triangular(triangle, basis.T @ (outcome * root)) / scale
    inverse = linalg.solve_triangular(triangle, np.eye(len(terms))) / scale[:, None]
    return coefficients, inverse @ inverse.T
