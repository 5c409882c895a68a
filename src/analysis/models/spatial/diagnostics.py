"""Tests of least-squares residuals for spatial dependence: Moran's I and Lagrange multipliers."""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse, stats

from analysis.models.least_squares import Solution
from analysis.models.spatial.determinants import multiplier
from analysis.models.spatial.sample import SpatialSample

Floats = NDArray[np.float64]


def lagrange_multiplier_tests(sample: SpatialSample, solution: Solution) -> dict[str, float]:
    """LM tests against a spatial lag and a spatial error, each with ``_p``.

    ``lm_lag``, ``lm_error`` (Anselin 1988, section 6.3), ``robust_lm_lag``, ``robust_lm_error``
    (Anselin, Bera, Florax and Yoon 1996), chi-squared(1), and ``lm_sarma``, chi-squared(2).
    In a panel they are those of Anselin, Le Gallo and Jayet (2008) and Elhorst (2014, section
    3.2): the same with the matrix of all rows, and regressors and residuals without the effects.
    The variance is the sum of squares over n.
    """
    residuals, n = solution.residuals, len(solution.residuals)
    variance = float(residuals @ residuals) / n
    score_error = float(residuals @ sample.lag(residuals)) / variance
    score_lag = float(residuals @ sample.lag(sample.outcome)) / variance
    trace = trace_of_squares(sample.matrix)
    lagged_mean = sample.within(sample.lag(sample.outcome - residuals)[:, None])[:, 0]
    basis = linalg.qr(solution.regressors, mode="economic")[0]
    unexplained = lagged_mean - basis @ (basis.T @ lagged_mean)
    fit = float(unexplained @ unexplained) / variance
    information = fit + trace
    statistics = {
        "lm_lag": score_lag**2 / information,
        "lm_error": score_error**2 / trace,
        "robust_lm_error": (score_error - trace / information * score_lag) ** 2
        / (trace * (1 - trace / information))
        if fit > 1e-10 * trace
        else np.nan,
        "robust_lm_lag": (score_lag - score_error) ** 2 / fit if fit > 1e-10 * trace else np.nan,
    }
    result: dict[str, float] = {}
    for name, value in statistics.items():
        result |= {name: float(value), f"{name}_p": float(stats.chi2.sf(value, 1))}
    sarma = result["lm_error"] + result["robust_lm_lag"]
    return result | {"lm_sarma": sarma, "lm_sarma_p": float(stats.chi2.sf(sarma, 2))}


def residual_moran(sample: SpatialSample, solution: Solution) -> dict[str, float]:
    """Moran's I of least-squares residuals without absorbed effects.

    ``moran_i`` with ``moran_expectation`` and ``moran_variance`` under normal errors, given the
    regressors (Cliff and Ord 1981, section 8.3), ``moran_z`` and the one-sided ``moran_p`` against
    positive dependence.
    """
    residuals, matrix = solution.residuals, sample.matrix
    n, k = solution.regressors.shape
    scale = n / float(matrix.sum())
    index = scale * float(residuals @ sample.lag(residuals)) / float(residuals @ residuals)
    basis = linalg.qr(solution.regressors, mode="economic")[0]
    forward, backward = matrix @ basis, matrix.T @ basis
    inner = basis.T @ forward
    trace = -float(np.trace(inner))
    squares = (
        trace_of_squares(matrix)
        - 2 * float((backward * forward).sum())
        - float((forward**2).sum() + (backward**2).sum())
        + float((inner * (inner + inner.T)).sum())
    )
    expectation = scale * trace / (n - k)
    second_moment = scale**2 * (squares + trace**2) / ((n - k) * (n - k + 2))
    variance = second_moment - expectation**2
    z = (index - expectation) / np.sqrt(variance)
    return {
        "moran_i": index,
        "moran_expectation": expectation,
        "moran_variance": variance,
        "moran_z": float(z),
        "moran_p": float(stats.norm.sf(z)),
    }


def remaining_error_test(
    sample: SpatialSample, residuals: Floats, rho: float, rho_variance: float
) -> dict[str, float]:
    """LM test of the residuals (n,) of a spatial lag model by ML against a spatial error.

    ``lm_remaining_error`` and its ``_p``, chi-squared(1) (Anselin 1988, section 8.2).
    """
    variance = float(residuals @ residuals) / len(residuals)
    score = float(residuals @ sample.lag(residuals)) / variance
    cross = multiplier(sample, rho).cross_trace()
    value = score**2 / (trace_of_squares(sample.matrix) - cross**2 * rho_variance)
    return {"lm_remaining_error": value, "lm_remaining_error_p": float(stats.chi2.sf(value, 1))}


def trace_of_squares(matrix: sparse.csr_array) -> float:
    """``tr(W W + W' W)``."""
    return float((matrix * matrix.T).sum() + (matrix**2).sum())
