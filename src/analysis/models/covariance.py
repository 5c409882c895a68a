"""Covariance of coefficients under the convention of :mod:`analysis.models`."""

import numpy as np
from numpy.typing import NDArray

from analysis.models.absorption import effects_leverage
from analysis.models.least_squares import Solution
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def covariance(
    solution: Solution, vcov: str, n_parameters: int, clusters: Codes, effects: Codes
) -> Floats:
    """Covariance (k, k) of ``solution.coefficients``.

    ``clusters`` (n, 0..2) and ``effects`` (n, 0..2) are consecutive codes; ``n_parameters`` is K,
    absorbed effects included.
    """
    bread, n = solution.bread, len(solution.residuals)
    if vcov == "classical":
        return bread * _residual_variance(solution, n_parameters)
    scores = (solution.weights * solution.residuals)[:, None] * solution.regressors
    if vcov == "cluster":
        meat = cluster_meat(scores, clusters) * (n - 1) / (n - n_parameters)
    elif vcov in ("hc2", "hc3"):
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


def cluster_meat(scores: Floats, clusters: Codes) -> Floats:
    """Sum over clusters of outer products of summed scores, each term times G / (G - 1).

    With two columns: first plus second minus intersection (Cameron, Gelbach and Miller 2011).
    """
    terms = [(1, clusters[:, 0])]
    if clusters.shape[1] == 2:
        pair = clusters[:, 0] * (clusters[:, 1].max() + 1) + clusters[:, 1]
        intersection = np.unique(pair, return_inverse=True)[1]
        terms += [(1, clusters[:, 1]), (-1, intersection)]
    meat = np.zeros((scores.shape[1], scores.shape[1]))
    for sign, codes in terms:
        count = int(codes.max()) + 1
        sums = np.column_stack([np.bincount(codes, column, count) for column in scores.T])
        meat += sign * count / (count - 1) * (sums.T @ sums)
    return meat


def _residual_variance(solution: Solution, n_parameters: int) -> float:
    if solution.fitted is not None:  # Poisson: the scale is one
        return 1.0
    squares = float(solution.weights @ solution.residuals**2)
    return squares / (len(solution.residuals) - n_parameters)


def _leverage(solution: Solution, effects: Codes) -> Floats:
    own = np.einsum("ij,jk,ik->i", solution.regressors, solution.bread, solution.regressors)
    return solution.weights * own + effects_leverage(effects, solution.weights)
