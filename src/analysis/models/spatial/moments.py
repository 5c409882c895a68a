"""Instrumental variables for the spatial lag and moments for the spatial error.

Kelejian and Prucha (1998) instrument ``W y`` with the spatial lags of the regressors; Kelejian and
Prucha (1999) find ``lambda`` from three moments of the residuals.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, stats

from analysis.models.covariance import covariance
from analysis.models.least_squares import Solution, solve_iv, solve_ols
from analysis.models.spatial.sample import SpatialSample
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

COLLINEAR = 1e-9


@dataclass(frozen=True, slots=True)
class Moments:
    """Estimates by instruments or moments: ``values`` (k + 1,) end with the spatial parameter.

    Of a spatial error parameter the variance is not estimated: its row of ``covariance`` is
    missing.
    """

    values: Floats
    covariance: Floats
    sigma2: float
    residuals: Floats
    statistics: dict[str, float]


def instrument_lag(
    sample: SpatialSample, instrument_lags: int, vcov: str, small_sample: str
) -> Moments:
    """Spatial two-stage least squares (Kelejian and Prucha 1998, section 3.1)."""
    panel, terms = sample.panel, (*sample.terms, "rho")
    instruments = _instruments(sample, instrument_lags)
    lagged = sample.lag(sample.outcome)
    solution = solve_iv(
        sample.outcome,
        np.column_stack([sample.regressors, lagged]),
        np.column_stack([sample.regressors, instruments]),
        sample.effects,
        panel.weights,
        terms,
    )
    over = instruments.shape[1] - 1
    within = sample.within(np.column_stack([sample.regressors, instruments]))
    basis = linalg.qr(within, mode="economic")[0]
    explained = float(((basis.T @ solution.residuals) ** 2).sum())
    n = len(solution.residuals)
    statistics = {"sargan_df": float(over), "n_instruments": float(instruments.shape[1])}
    if over:
        sargan = n * explained / float(solution.residuals @ solution.residuals)
        statistics |= {"sargan": sargan, "sargan_p": float(stats.chi2.sf(sargan, over))}
    return _moments(sample, solution, vcov, small_sample, statistics)


def moments_error(sample: SpatialSample, small_sample: str) -> Moments:
    """Generalised moments, then least squares on filtered data (Kelejian and Prucha 1999)."""
    columns = np.column_stack([sample.outcome, sample.regressors])
    within, lagged = sample.within(columns), sample.within(sample.lag(columns))
    empty = sample.panel.effects[:, :0]
    weights = sample.panel.weights
    residuals = solve_ols(within[:, 0], within[:, 1:], empty, weights, sample.terms).residuals
    parameter = _moment_parameter(sample, residuals)
    filtered = within - parameter * lagged
    solution = solve_ols(filtered[:, 0], filtered[:, 1:], empty, weights, sample.terms)
    moments = _moments(sample, solution, "classical", small_sample, {})
    k = len(sample.terms)
    matrix = np.full((k + 1, k + 1), np.nan)
    matrix[:k, :k] = moments.covariance
    values = np.append(moments.values, parameter)
    return Moments(values, matrix, moments.sigma2, moments.residuals, moments.statistics)


def _moments(
    sample: SpatialSample,
    solution: Solution,
    vcov: str,
    small_sample: str,
    statistics: dict[str, float],
) -> Moments:
    panel, n = sample.panel, len(solution.residuals)
    k = len(solution.coefficients) + sample.n_effects
    if n <= k:
        raise ModelError(f"{n} rows cannot estimate {k} parameters")
    matrix = covariance(solution, vcov, k, panel.clusters, panel.effects)
    squares = float(solution.residuals @ solution.residuals)
    divisor = n if small_sample == "none" else n - k
    if vcov == "classical":
        matrix = matrix * (n - k) / divisor
    return Moments(solution.coefficients, matrix, squares / divisor, solution.residuals, statistics)


def _instruments(sample: SpatialSample, instrument_lags: int) -> Floats:
    """Spatial lags (n, l) of the regressors beyond those in the model, without redundant ones."""
    if not isinstance(instrument_lags, int) or instrument_lags < 1:
        raise ModelError(f"instrument_lags: expected 1 or more, got {instrument_lags!r}")
    varying = [place for place, term in enumerate(sample.panel.terms) if term != "Intercept"]
    lag, candidates = sample.regressors[:, varying], []
    for _ in range(instrument_lags + (1 if sample.lagged else 0)):
        lag = sample.lag(lag)
        candidates.append(lag)
    offered = np.column_stack([np.empty((len(lag), 0)), *candidates])
    within = sample.within(np.column_stack([sample.regressors, offered]))
    norms = np.linalg.norm(np.column_stack([sample.regressors, offered]), axis=0)
    triangle = linalg.qr(within / np.where(norms > 0, norms, 1.0), mode="r")[0]
    diagonal = np.zeros(within.shape[1])
    diagonal[: min(triangle.shape)] = np.abs(np.diag(triangle))
    new = diagonal[len(sample.terms) :] > COLLINEAR
    if not new.any():
        raise ModelError(
            "method='gmm': no spatial lag of a regressor is left as an instrument for W y; add "
            "regressors, or raise instrument_lags"
        )
    return offered[:, new]


def _moment_parameter(sample: SpatialSample, residuals: Floats) -> float:
    """``lambda`` that brings three moments of the innovations closest to their expectation.

    With u the residuals, ``u - lambda W u`` has variance s2, its spatial lag ``s2 tr(W'W)/n``, and
    their covariance is zero (Kelejian and Prucha 1999, eqs. 7 to 10). The distance is quartic in
    lambda once s2 is solved for, so its minimum is among the roots of a cubic. It may have another,
    even a lower one, where the spatial process is not defined: only those where it is count.
    """
    n = len(residuals)
    once = sample.within(sample.lag(residuals)[:, None])[:, 0]
    twice = sample.within(sample.lag(once)[:, None])[:, 0]
    trace = float((sample.matrix**2).sum())
    linear = np.array([2 * residuals @ once, 2 * twice @ once, residuals @ twice + once @ once]) / n
    square = -np.array([once @ once, twice @ twice, once @ twice]) / n
    constant = -np.array([residuals @ residuals, once @ once, residuals @ once]) / n
    variance = np.array([1.0, trace / n, 0.0])

    def remaining(moments: Floats) -> Floats:
        return moments - variance * (variance @ moments) / (variance @ variance)

    a, b, c = (remaining(one) for one in (square, linear, constant))
    distance = np.polynomial.Polynomial([c @ c, 2 * b @ c, b @ b + 2 * a @ c, 2 * a @ b, a @ a])
    roots = distance.deriv().roots()
    real = roots[np.abs(roots.imag) < 1e-9].real
    minima = real[distance.deriv(2)(real) > 0]
    bound = 1 / min(float(sample.matrix.sum(axis=axis).max()) for axis in (0, 1))
    inside = minima[np.abs(minima) < bound]
    if not len(inside):
        raise ModelError(
            f"method='gmm': no lambda inside ±{bound:.4g}, where the spatial error process is "
            "defined, fits the moments best; use method='ml', or check the weights"
        )
    return float(inside[np.argmin(distance(inside))])
