"""Covariance of coefficients under the convention of :mod:`analysis.models`."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from analysis.models.absorption import effects_leverage
from analysis.models.least_squares import Solution
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: A variance of so small a share of ``(x'x)^-1 e'e`` is rounding: its scores add up to zero in
#: every cluster (or are zero in every row), as when a regressor varies within one cluster only.
ROUNDING = 1e-18


def covariance(
    solution: Solution, vcov: str, n_parameters: int, clusters: Codes, effects: Codes
) -> Floats:
    """Covariance (k, k) of ``solution.coefficients``; variances that are rounding are zero.

    ``clusters`` (n, 0..2) and ``effects`` (n, 0..2) are consecutive codes; ``n_parameters`` is K,
    absorbed effects included.
    """
    matrix = _sandwich(solution, vcov, n_parameters, clusters, effects)
    squares = np.einsum("i,i,i->", solution.weights, solution.residuals, solution.residuals)
    rounding = np.abs(np.diag(matrix)) <= ROUNDING * squares * np.diag(solution.bread)
    matrix[rounding, rounding] = 0.0
    return matrix


def _sandwich(
    solution: Solution, vcov: str, n_parameters: int, clusters: Codes, effects: Codes
) -> Floats:
    bread, n = solution.bread, len(solution.residuals)
    if vcov == "classical":
        return bread * _residual_variance(solution, n_parameters)
    if vcov == "cluster":
        meat = cluster_meat(solution.regressors, clusters, solution.residuals, solution.weights)
        return bread @ meat @ bread * ((n - 1) / (n - n_parameters))
    scores = (solution.weights * solution.residuals)[:, None] * solution.regressors
    if vcov in ("hc2", "hc3"):
        remaining = 1 - _leverage(solution, effects)
        if remaining.min() < 1e-9:
            count = int((remaining < 1e-9).sum())
            raise ModelError(
                f"{vcov} is not defined: {count} rows are fitted exactly (leverage one), such as "
                "the only row of an absorbed effect; use 'hc1' or leave these rows out"
            )
        scores = scores / (np.sqrt(remaining) if vcov == "hc2" else remaining)[:, None]
        meat = scores.T @ scores
    else:
        meat = scores.T @ scores * (n / (n - n_parameters) if vcov == "hc1" else 1.0)
    return bread @ meat @ bread


def cluster_meat(
    columns: Floats,
    clusters: Codes,
    residuals: Floats | None = None,
    weights: Floats | None = None,
) -> Floats:
    """Sum over clusters of outer products of summed scores, each term times G / (G - 1).

    Scores are the rows of ``columns`` (n, k), times ``residuals`` (n,) and ``weights`` (n,) where
    they are given. With two columns of clusters: first plus second minus intersection (Cameron,
    Gelbach and Miller 2011).
    """
    terms = [(1, clusters[:, 0])]
    if clusters.shape[1] == 2:
        pair = clusters[:, 0] * (clusters[:, 1].max() + 1) + clusters[:, 1]
        intersection = np.unique(pair, return_inverse=True)[1]
        terms += [(1, clusters[:, 1]), (-1, intersection)]
    meat = np.zeros((columns.shape[1], columns.shape[1]))
    residuals = np.ones(len(columns)) if residuals is None else residuals
    weights = np.ones(len(columns)) if weights is None else weights
    for sign, codes in terms:
        count = int(codes.max()) + 1
        sums = _sums_by_code(columns, residuals, weights, codes, count)
        meat += sign * count / (count - 1) * (sums.T @ sums)
    return meat


@njit(cache=True, nogil=True)
def _sums_by_code(
    columns: Floats, residuals: Floats, weights: Floats, codes: Codes, n_codes: int
) -> Floats:
    """Sums (n_codes, k) of the scores of the rows of ``columns`` (n, k) that have the same code."""
    sums = np.zeros((n_codes, columns.shape[1]))
    for row in range(len(codes)):
        multiplier = weights[row] * residuals[row]
        for j in range(columns.shape[1]):
            sums[codes[row], j] += multiplier * columns[row, j]
    return sums


def _residual_variance(solution: Solution, n_parameters: int) -> float:
    if solution.fitted is not None:  # Poisson: the scale is one
        return 1.0
    squares = float(solution.weights @ solution.residuals**2)
    return squares / (len(solution.residuals) - n_parameters)


def _leverage(solution: Solution, effects: Codes) -> Floats:
    own = np.einsum("ij,jk,ik->i", solution.regressors, solution.bread, solution.regressors)
    return solution.weights * own + effects_leverage(effects, solution.weights)
