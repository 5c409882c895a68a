"""Maximum likelihood of the spatial lag and the spatial error model, one parameter concentrated.

Absorbed effects are the dummies written out: the likelihood is that of Elhorst (2014, section
3.3) and, with ``lee_yu``, its bias is corrected as in Lee and Yu (2010).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from analysis.models.least_squares import solve_ols
from analysis.models.spatial.determinants import LogDeterminant, log_determinant, multiplier
from analysis.models.spatial.results import gaussian_log_likelihood
from analysis.models.spatial.sample import SpatialSample
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

GRID_POINTS = 61
BOUNDARY = 1e-5


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Maximum of a likelihood: ``values`` (k + 1,) end with the spatial parameter.

    ``covariance`` (k + 1, k + 1) is the block of the inverse information, variance included;
    ``residuals`` (n,) are the innovations without effects.
    """

    values: Floats
    covariance: Floats
    sigma2: float
    residuals: Floats
    log_likelihood: float


def maximise_lag(sample: SpatialSample, method: str, bias_correction: str) -> Likelihood:
    """Spatial lag model ``y = rho W y + X b + effects + e`` (Ord 1975; Anselin 1988, ch. 6)."""
    determinant = log_determinant(sample, method)
    lagged = sample.lag(sample.outcome)
    within = sample.within(np.column_stack([sample.outcome, lagged, sample.regressors]))
    regressors = within[:, 2:]
    own, neighbours = (_regressed(sample, column) for column in within[:, :2].T)

    def log_likelihood(rho: float) -> float:
        residuals = own[1] - rho * neighbours[1]
        return gaussian_log_likelihood(residuals) + determinant(rho)

    def score(rho: float) -> float:
        residuals = own[1] - rho * neighbours[1]
        return _score(residuals, neighbours[1]) + determinant.slope(rho)

    rho = _maximiser(log_likelihood, score, determinant, "rho")
    coefficients = own[0] - rho * neighbours[0]
    residuals = own[1] - rho * neighbours[1]
    sigma2 = float(residuals @ residuals) / len(residuals)
    values = np.append(coefficients, rho)
    information = _lag_information(sample, regressors, values, sigma2)
    if bias_correction == "lee_yu":
        values, sigma2 = _lee_yu(sample, values, sigma2, information)
        residuals = within[:, 0] - values[-1] * within[:, 1] - regressors @ values[:-1]
        information = _lag_information(sample, regressors, values, sigma2)
    covariance = linalg.inv(information)[:-1, :-1]
    return Likelihood(values, covariance, sigma2, residuals, log_likelihood(rho))


def maximise_error(sample: SpatialSample, method: str, bias_correction: str) -> Likelihood:
    """Spatial error model ``y = X b + effects + u, u = lambda W u + e`` (Anselin 1988, ch. 6)."""
    determinant = log_determinant(sample, method)
    columns = np.column_stack([sample.outcome, sample.regressors])
    within, lagged = sample.within(columns), sample.within(sample.lag(columns))

    def filtered(parameter: float) -> tuple[Floats, Floats, Floats]:
        """Coefficients, residuals and filtered regressors."""
        both = within - parameter * lagged
        basis, triangle = linalg.qr(both[:, 1:], mode="economic")
        projection = basis.T @ both[:, 0]
        residuals = both[:, 0] - basis @ projection
        return linalg.solve_triangular(triangle, projection), residuals, both[:, 1:]

    def log_likelihood(parameter: float) -> float:
        return gaussian_log_likelihood(filtered(parameter)[1]) + determinant(parameter)

    def score(parameter: float) -> float:
        coefficients, residuals, _ = filtered(parameter)
        return _score(residuals, lagged[:, 0] - lagged[:, 1:] @ coefficients) + determinant.slope(
            parameter
        )

    _regressed(sample, sample.outcome)  # refuses collinear regressors by name
    parameter = _maximiser(log_likelihood, score, determinant, "lambda")
    maximum = log_likelihood(parameter)
    coefficients, residuals, regressors = filtered(parameter)
    sigma2 = float(residuals @ residuals) / len(residuals)
    values = np.append(coefficients, parameter)
    if bias_correction == "lee_yu":
        information = _error_information(sample, regressors, parameter, sigma2)
        values, sigma2 = _lee_yu(sample, values, sigma2, information)
        _, residuals, regressors = filtered(float(values[-1]))
    information = _error_information(sample, regressors, float(values[-1]), sigma2)
    covariance = linalg.inv(information)[:-1, :-1]
    return Likelihood(values, covariance, sigma2, residuals, maximum)


def _regressed(sample: SpatialSample, column: Floats) -> tuple[Floats, Floats]:
    panel = sample.panel
    solution = solve_ols(column, sample.regressors, sample.effects, panel.weights, sample.terms)
    return solution.coefficients, solution.residuals


def _score(residuals: Floats, lagged: Floats) -> float:
    """Derivative of the sum-of-squares part, ``-n/2 log(e'e)``, where e falls by ``lagged``."""
    return len(residuals) * float(residuals @ lagged) / float(residuals @ residuals)


def _maximiser(
    log_likelihood: Callable[[float], float],
    score: Callable[[float], float],
    determinant: LogDeterminant,
    name: str,
) -> float:
    """Where the likelihood is highest: a grid, Brent around its best point, the root of the score.

    Values of the likelihood fix its maximum to eight digits only, its derivative to all of them.

    Raises
    ------
    ModelError
        If the likelihood rises towards an end of the interval.
    """
    lowest, highest = max(determinant.lowest, -1e3), min(determinant.highest, 1e3)
    margin = BOUNDARY * (highest - lowest)
    grid = np.linspace(lowest + margin, highest - margin, GRID_POINTS)
    best = int(np.argmax([log_likelihood(float(point)) for point in grid]))
    around = grid[max(best - 1, 0)], grid[min(best + 1, GRID_POINTS - 1)]
    found = optimize.minimize_scalar(
        lambda point: -log_likelihood(float(point)),
        bounds=around,
        method="bounded",
        options={"xatol": 1e-9, "maxiter": 500},
    )
    parameter = float(found.x)
    if min(parameter - lowest, highest - parameter) < 2 * margin:
        raise ModelError(
            f"{name} has no maximum inside its interval ({lowest:.4g}, {highest:.4g}): the "
            f"likelihood rises towards {parameter:.4g}. Check the weights, or effects left out"
        )
    low, high = parameter - margin, parameter + margin
    return float(optimize.brentq(score, low, high, xtol=1e-14, rtol=1e-14))


def _lag_information(
    sample: SpatialSample, regressors: Floats, values: Floats, sigma2: float
) -> Floats:
    """Expected information (k + 2, k + 2) of coefficients, rho and variance, effects absorbed.

    Anselin (1988, section 6.2), Elhorst (2014, section 3.3.1).
    """
    operator = multiplier(sample, float(values[-1]))
    trace, squares = operator.traces()
    # The mean of y given the effects: V (X b + effects), and effects are what is left of A y.
    filtered = sample.outcome - values[-1] * sample.lag(sample.outcome)
    within = sample.within(filtered[:, None])[:, 0]
    signal = filtered - within + regressors @ values[:-1]
    lagged_mean = sample.within(sample.lag(operator(signal))[:, None])[:, 0]
    k, n = regressors.shape[1], len(within)
    information = np.zeros((k + 2, k + 2))
    information[:k, :k] = regressors.T @ regressors / sigma2
    information[:k, k] = information[k, :k] = regressors.T @ lagged_mean / sigma2
    information[k, k] = squares + float(lagged_mean @ lagged_mean) / sigma2
    information[k, k + 1] = information[k + 1, k] = trace / sigma2
    information[k + 1, k + 1] = n / (2 * sigma2**2)
    return information


def _error_information(
    sample: SpatialSample, regressors: Floats, parameter: float, sigma2: float
) -> Floats:
    """Expected information (k + 2, k + 2), ``regressors`` filtered (Elhorst 2014, sec. 3.3.2)."""
    trace, squares = multiplier(sample, parameter).traces()
    k, n = regressors.shape[1], len(regressors)
    information = np.zeros((k + 2, k + 2))
    information[:k, :k] = regressors.T @ regressors / sigma2
    information[k, k] = squares
    information[k, k + 1] = information[k + 1, k] = trace / sigma2
    information[k + 1, k + 1] = n / (2 * sigma2**2)
    return information


def _lee_yu(
    sample: SpatialSample, values: Floats, sigma2: float, information: Floats
) -> tuple[Floats, float]:
    """Coefficients and variance corrected for the effects (Lee and Yu 2010).

    Unit effects bring the variance down by ``(T - 1)/T`` and leave the rest alone. Time effects,
    for row-standardised weights, give the score a mean of ``-T (1/(1 - rho), 1/(2 sigma2))``,
    whose effect on the parameters, ``I^-1`` times it, is taken off (Elhorst 2014, section 3.3.3).
    """
    panel = sample.panel
    specification = panel.specification
    assert panel.periods is not None
    n_periods = int(panel.periods.max()) + 1
    corrected = np.append(values, sigma2)
    if specification.time in specification.absorb:
        score = np.zeros(len(corrected))
        score[-2:] = 1 / (1 - values[-1]), 1 / (2 * sigma2)
        corrected = corrected + n_periods * linalg.solve(information, score, assume_a="sym")
    if specification.unit in specification.absorb:
        corrected[-1] *= n_periods / (n_periods - 1)
    return corrected[:-1], float(corrected[-1])
