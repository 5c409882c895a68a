"""The optimum of a Poisson model with one or two effects: Newton's method, units concentrated out.

``E[y] = exp(x'b + a_unit + g_year)``. Given ``b`` and ``g``, the effect of a unit that makes the
likelihood largest has a closed form: the fitted means of a unit add up to its total. What is left
is the likelihood of how the total of each unit is shared out among its rows,

    sum of w y log p,    p_i = w_i exp(x_i'b + g_i) / sum of the same over the unit,

a concave function of ``b`` and one effect per year, however many units there are (Hausman, Hall and
Griliches 1984). Each Newton step is one pass over the rows, unit by unit; it is halved until the
likelihood does not fall.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import linalg

from analysis.models.two_way import Groups, add_pairs, free_nodes, over_chunks

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

MAX_STEPS = 50
MAX_HALVINGS = 30
#: Mean square, over the expected counts, of a last step that leaves only rounding.
LAST_STEP = 1e-14
#: Smallest pivot of the information matrix, scaled to a diagonal of ones, that is trusted.
SMALLEST_PIVOT = 1e-10


class _Point(NamedTuple):
    """Parameters (k + T,), log-likelihood there, gradient (k + T,), information (k + T, k + T)."""

    parameters: Floats
    likelihood: float
    gradient: Floats
    information: Floats


class Optimum(NamedTuple):
    """Where Newton's method stopped, to about seven digits.

    ``predictor`` (n,) is the linear predictor, effects included; ``coefficients`` (k,) those of the
    regressors and ``second`` (T,) the effects of the smaller group, up to a constant.
    """

    predictor: Floats
    coefficients: Floats
    second: Floats


def concentrated_optimum(
    outcome: Floats,
    regressors: Floats,
    groups: Groups,
    weights: Floats,
    start: Floats | None = None,
) -> Optimum | None:
    """The optimum, from ``start`` (k + T,): coefficients, then effects; zero by default.

    ``outcome`` (n,) adds up to more than zero in every group. None when Newton's method finds no
    optimum: a regressor is (nearly) collinear, or separates outcomes of zero from the others.
    """
    outcome, regressors, weights = map(groups.grouped, (outcome, regressors, weights))
    rows = outcome, regressors, groups, weights

    def point(parameters: Floats) -> _Point:
        return _evaluate(*rows, parameters)

    k = regressors.shape[1]
    here = point(np.zeros(k + groups.n_second) if start is None else start)
    free = np.append(np.ones(k, dtype=bool), free_nodes(here.information[k:, k:]))
    for _ in range(MAX_STEPS):
        step = _newton_step(here, free)
        if step is None:
            return None
        if step @ here.gradient <= LAST_STEP * (weights @ outcome):
            last = here.parameters + step
            predictor = groups.as_before(_predict(*rows, last))
            return Optimum(predictor, last[:k], last[k:])
        ahead = _advance(point, here, step)
        if ahead is None:
            return None
        here = ahead
    return None


def _advance(point: Callable[[Floats], _Point], here: _Point, step: Floats) -> _Point | None:
    """The first of the full step, half of it, … at which the likelihood is not lower."""
    for halvings in range(MAX_HALVINGS):
        ahead = point(here.parameters + step / 2**halvings)
        if ahead.likelihood >= here.likelihood:
            return ahead
    return None


def _newton_step(here: _Point, free: NDArray[np.bool_]) -> Floats | None:
    """Newton step (k + T,) of the ``free`` parameters: all but one year of each component.

    None if the system is singular.
    """
    diagonal = np.diag(here.information)[free]
    if not diagonal.min(initial=np.inf) > 0:
        return None
    scale = 1 / np.sqrt(diagonal)
    system = here.information[np.ix_(free, free)] * scale * scale[:, None]
    try:
        factor = linalg.cholesky(system, lower=True)
    except linalg.LinAlgError:
        return None
    if np.diag(factor).min(initial=1) ** 2 < SMALLEST_PIVOT:
        return None
    step = np.zeros(len(free))
    step[free] = scale * linalg.cho_solve((factor, True), scale * here.gradient[free])
    return step


def _evaluate(
    outcome: Floats, regressors: Floats, groups: Groups, weights: Floats, parameters: Floats
) -> _Point:
    k = regressors.shape[1]
    start, second, n_second = groups.start, groups.second, groups.n_second
    rows = outcome, regressors, start, second, n_second, weights, parameters
    parts = over_chunks(_sums, start, *rows)
    likelihood, gradient, own, cross, joint = (sum(column) for column in zip(*parts, strict=True))
    joint = joint + joint.T
    information = np.empty((len(parameters), len(parameters)))
    information[:k, :k] = own
    information[k:, :k] = cross
    information[:k, k:] = cross.T
    information[k:, k:] = np.diag(joint.sum(axis=1)) - joint
    return _Point(parameters, likelihood, gradient, information)


def _predict(
    outcome: Floats, regressors: Floats, groups: Groups, weights: Floats, parameters: Floats
) -> Floats:
    """Linear predictor (n,), with the effect of each unit that fits its total."""
    result = np.empty(len(outcome))
    rows = outcome, regressors, groups.start, groups.second, weights, parameters
    over_chunks(_predictors, groups.start, *rows, result)
    return result


@njit(cache=True, nogil=True, error_model="numpy")
def _shares(
    regressors: Floats,
    second: Codes,
    weights: Floats,
    parameters: Floats,
    predictor: Floats,
    share: Floats,
) -> float:
    """Put each row's predictor and share of the total of its unit; returns the log of the sum.

    Arguments but ``parameters`` are over the m rows of one unit, or longer.
    """
    k, m = regressors.shape[1], len(regressors)
    largest = -np.inf
    for row in range(m):
        predictor[row] = parameters[k + second[row]]
        for j in range(k):
            predictor[row] += regressors[row, j] * parameters[j]
        largest = max(largest, predictor[row])
    total = 0.0
    for row in range(m):
        # The largest is taken out so that no exponential overflows.
        share[row] = weights[row] * np.exp(predictor[row] - largest)
        total += share[row]
    for row in range(m):
        share[row] /= total
    return largest + np.log(total)


@njit(cache=True, nogil=True, error_model="numpy")
def _sums(
    first: int,
    last: int,
    outcome: Floats,
    regressors: Floats,
    start: Codes,
    second: Codes,
    n_second: int,
    weights: Floats,
    parameters: Floats,
) -> tuple[float, Floats, Floats, Floats, Floats]:
    """Log-likelihood, gradient, and the blocks of the information, summed over units.

    The blocks are regressors (k, k), years by regressors (T, k), and below the diagonal of (T, T)
    the products of the shares of two years times the total of their unit.
    """
    k = regressors.shape[1]
    likelihood, gradient = 0.0, np.zeros(len(parameters))
    own, cross = np.zeros((k, k)), np.zeros((n_second, k))
    joint, buffer = np.zeros((n_second, n_second)), np.zeros(n_second)
    longest = np.diff(start[first : last + 1]).max()
    predictor, share = np.empty(longest), np.empty(longest)
    mean, centred = np.empty(k), np.empty(k)
    for unit in range(first, last):
        rows = slice(start[unit], start[unit + 1])
        x, years, w, y = regressors[rows], second[rows], weights[rows], outcome[rows]
        log_sum = _shares(x, years, w, parameters, predictor, share)
        total = 0.0
        mean[:] = 0.0
        for row in range(len(y)):
            total += w[row] * y[row]
            for j in range(k):
                mean[j] += share[row] * x[row, j]
        for row in range(len(y)):
            fitted, observed = total * share[row], w[row] * y[row]
            likelihood += observed * (predictor[row] - log_sum)
            gradient[k + years[row]] += observed - fitted
            for j in range(k):
                centred[j] = x[row, j] - mean[j]
                gradient[j] += (observed - fitted) * centred[j]
                cross[years[row], j] += fitted * centred[j]
                for i in range(j + 1):
                    own[j, i] += fitted * centred[j] * centred[i]
        add_pairs(joint, years, share, total, buffer)
    return likelihood, gradient, own + np.tril(own, -1).T, cross, joint


@njit(cache=True, nogil=True, error_model="numpy")
def _predictors(
    first: int,
    last: int,
    outcome: Floats,
    regressors: Floats,
    start: Codes,
    second: Codes,
    weights: Floats,
    parameters: Floats,
    result: Floats,
) -> None:
    """Put the predictor of each row, with the effect of its unit, in its place of ``result``."""
    share = np.empty(np.diff(start[first : last + 1]).max())
    for unit in range(first, last):
        rows = slice(start[unit], start[unit + 1])
        log_sum = _shares(
            regressors[rows], second[rows], weights[rows], parameters, result[rows], share
        )
        total = 0.0
        for row in range(start[unit], start[unit + 1]):
            total += weights[row] * outcome[row]
        result[rows] += np.log(total) - log_sum
