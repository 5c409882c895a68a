"""Further numbers of a fit that tables print: sums of squares, information criteria."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from analysis.models.design import Design
from analysis.models.least_squares import Solution
from analysis.models.specification import Specification

Floats = NDArray[np.float64]


class Squares(NamedTuple):
    """Weighted sums of squares: of the residuals, and of the outcome as in total_squares."""

    residual: float
    total: float


def sums_of_squares(spec: Specification, design: Design, solution: Solution) -> Squares:
    """Sums of squares of a linear model; missing for a Poisson model."""
    if spec.estimator == "poisson":
        return Squares(math.nan, math.nan)
    residual = weighted_squares(solution.residuals, design.weights)
    return Squares(residual, total_squares(spec, design))


def fit_statistics(
    spec: Specification,
    design: Design,
    squares: Squares,
    n_parameters: int,
    log_likelihood: float,
) -> dict[str, float]:
    """Statistics of :func:`analysis.models.fit` by name; which ones depends on the estimator.

    ``rss`` is weighted when the model is. Information criteria count ``n_parameters``.
    """
    n = len(design.outcome)
    if spec.estimator == "poisson":
        result = _criteria(log_likelihood, n, n_parameters)
        if design.effects.shape[1] == 1 and not spec.weights:
            result["conditional_log_likelihood"] = log_likelihood + _given_totals(design)
        return result
    rss, total = squares
    result = {"rss": rss, "rmse": math.sqrt(rss / (n - n_parameters))}
    if spec.estimator == "iv":
        return {**result, "r_squared_structural": 1 - rss / total}
    adjusted = 1 - rss / total * (n - int(spec.intercept)) / (n - n_parameters)
    return {**result, "adj_r_squared": adjusted, **_criteria(log_likelihood, n, n_parameters)}


def total_squares(spec: Specification, design: Design) -> float:
    """Weighted sum of squares of the outcome about its mean, or about zero without an intercept."""
    mean = (design.weights @ design.outcome) / design.weights.sum()
    return float(_squares_about(mean if spec.intercept else 0.0, design.outcome, design.weights))


@njit(cache=True, nogil=True)
def _squares_about(centre: float, values: Floats, weights: Floats) -> float:
    """Weighted sum of squares about ``centre``, Kahan's way, without a copy of ``values``."""
    total = lost = 0.0
    for row in range(len(values)):
        term = weights[row] * (values[row] - centre) ** 2 - lost
        following = total + term
        lost = (following - total) - term
        total = following
    return total


def weighted_squares(values: Floats, weights: Floats) -> float:
    """Sum of ``weights * values**2`` without a copy of either."""
    return float(np.einsum("i,i,i->", weights, values, values))


def _criteria(log_likelihood: float, n: int, n_parameters: int) -> dict[str, float]:
    return {
        "aic": 2 * n_parameters - 2 * log_likelihood,
        "bic": math.log(n) * n_parameters - 2 * log_likelihood,
    }


def _given_totals(design: Design) -> float:
    """Log likelihood of a Poisson model given its groups' totals, minus the one not given them.

    At the optimum the fitted means of a group add up to its total, so that what separates the two
    is the Poisson likelihood of the totals at their own values.
    """
    totals = np.bincount(design.effects[:, 0], design.outcome)
    return float(np.sum(gammaln(totals + 1) + totals - xlogy(totals, totals)))
