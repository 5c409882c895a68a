"""The variance tau^2 of true effects between studies: estimators and intervals.

Throughout, ``y = X b + u + e`` with ``var(u) = tau^2`` and known ``var(e_i) = v_i``; ``y``, ``v``
(k,), ``X`` (k, p). Formulas in Viechtbauer (2005, 2010) unless said otherwise.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize, stats

from analysis.models.specification import ModelError

Floats = NDArray[np.float64]


def projection(x: Floats, weights: Floats) -> Floats:
    """``P = W - W X (X'W X)^-1 X'W`` (k, k)."""
    weighted = x * weights[:, None]
    return np.diag(weights) - weighted @ linalg.solve(x.T @ weighted, weighted.T, assume_a="pos")


def generalised_q(y: Floats, v: Floats, x: Floats, tau2: float) -> float:
    """Sum of squared residuals with weights ``1 / (v + tau2)`` (DerSimonian and Kacker 2007)."""
    weights = 1 / (v + tau2)
    root = np.sqrt(weights)
    coefficients = linalg.lstsq(x * root[:, None], y * root)[0]
    return float(weights @ (y - x @ coefficients) ** 2)


def log_likelihood(y: Floats, v: Floats, x: Floats, tau2: float, restricted: bool) -> float:
    """Log (restricted) likelihood at ``tau2``, coefficients concentrated out."""
    k, p = x.shape
    total = v + tau2
    value = -np.log(total).sum() - generalised_q(y, v, x, tau2)
    if not restricted:
        return float(value - k * math.log(2 * math.pi)) / 2
    value += np.linalg.slogdet(x.T @ x)[1] - np.linalg.slogdet(x.T @ (x / total[:, None]))[1]
    return float(value - (k - p) * math.log(2 * math.pi)) / 2


def _score(y: Floats, v: Floats, x: Floats, tau2: float, restricted: bool) -> float:
    """Twice the derivative of the log likelihood by tau^2."""
    weights = 1 / (v + tau2)
    p = projection(x, weights)
    trace = float(np.trace(p)) if restricted else float(weights.sum())
    return float(y @ p @ p @ y) - trace


def _dersimonian_laird(y: Floats, v: Floats, x: Floats) -> float:
    df = len(y) - x.shape[1]
    return (generalised_q(y, v, x, 0.0) - df) / float(np.trace(projection(x, 1 / v)))


def _hedges(y: Floats, v: Floats, x: Floats) -> float:
    p = projection(x, np.ones_like(y))
    return (float(y @ p @ y) - float(np.diag(p) @ v)) / (len(y) - x.shape[1])


def _hunter_schmidt(y: Floats, v: Floats, x: Floats) -> float:
    """Schmidt and Hunter (2015), as Viechtbauer (2005, eq. 9): k for k - p, and plain weights."""
    return (generalised_q(y, v, x, 0.0) - len(y)) / float((1 / v).sum())


def _sidik_jonkman(y: Floats, v: Floats, x: Floats) -> float:
    """Sidik and Jonkman (2005), from the variance of the estimates themselves."""
    first = float(np.var(y))
    if first == 0:
        raise ModelError("method 'sj': all estimates are the same; use another method")
    return first * generalised_q(y, v, x, first) / (len(y) - x.shape[1])


def _paule_mandel(y: Floats, v: Floats, x: Floats) -> float:
    """Where the generalised Q equals its degrees of freedom; Morris's empirical Bayes too."""
    return _solve_q(y, v, x, float(len(y) - x.shape[1]))


def _likelihood_maximum(y: Floats, v: Floats, x: Floats, restricted: bool) -> float:
    """Global maximum over tau^2 >= 0: zero, or the best root at which the score turns negative."""
    upper = 10 * (float(np.var(y)) + float(v.max()))
    grid = np.append(0.0, np.geomspace(float(v.min()) * 1e-6, upper, 200))
    scores = [_score(y, v, x, tau2, restricted) for tau2 in grid]
    maxima = [0.0]
    for place in range(len(grid) - 1):
        if scores[place] > 0 >= scores[place + 1]:
            low, high = float(grid[place]), float(grid[place + 1])
            maxima.append(_root(lambda tau2: _score(y, v, x, tau2, restricted), low, high))
    return max(maxima, key=lambda tau2: log_likelihood(y, v, x, tau2, restricted))


def fisher_scoring(y: Floats, v: Floats, x: Floats, restricted: bool, threshold: float) -> float:
    """ML or REML of tau^2 by Fisher scoring from Hedges' estimate (Viechtbauer 2005).

    Stops when tau^2 moves by less than ``threshold`` in the units of the squared effect, which is
    not yet the maximum of the likelihood.
    """
    tau2 = max(0.0, _hedges(y, v, x))
    for _ in range(1000):
        weights = 1 / (v + tau2)
        matrix = projection(x, weights)
        expected = float((matrix**2).sum()) if restricted else float((weights**2).sum())
        step = _score(y, v, x, tau2, restricted) / expected
        while tau2 + step < 0:
            step = step / 2 if step < -1e-300 else 0.0
        tau2 += step
        if abs(step) <= threshold:
            return tau2
    raise ModelError("Fisher scoring of tau2 did not converge; use convergence='exact'")


#: Name -> estimator of tau^2, before negative values are set to zero.
METHODS: dict[str, Callable[[Floats, Floats, Floats], float]] = {
    "equal": lambda y, v, x: 0.0,
    "dl": _dersimonian_laird,
    "he": _hedges,
    "hs": _hunter_schmidt,
    "sj": _sidik_jonkman,
    "pm": _paule_mandel,
    "eb": _paule_mandel,
    "ml": lambda y, v, x: _likelihood_maximum(y, v, x, restricted=False),
    "reml": lambda y, v, x: _likelihood_maximum(y, v, x, restricted=True),
}


def between_variance(y: Floats, v: Floats, x: Floats, method: str) -> float:
    """Estimate of tau^2, not below zero, by a method of :data:`METHODS`."""
    return max(0.0, METHODS[method](y, v, x))


def between_variance_error(y: Floats, v: Floats, x: Floats, tau2: float, method: str) -> float:
    """Large-sample standard error of tau^2."""
    k, p = x.shape
    if method in ("pm", "eb"):
        return k * math.sqrt(2 / (k - p)) / float((1 / (v + tau2)).sum())
    if method == "ml":
        return math.sqrt(2 / float((1 / (v + tau2) ** 2).sum()))
    if method == "reml":
        matrix = projection(x, 1 / (v + tau2))
        return math.sqrt(2 / float((matrix**2).sum()))
    first = float(np.var(y))  # where sj starts from
    matrix = projection(x, {"he": np.ones(k), "sj": 1 / (v + first)}.get(method, 1 / v))
    weighted = matrix * (v + tau2)[None, :]  # y'Py has the variance 2 tr(P V P V)
    scales = {"dl": np.trace(matrix), "he": k - p, "hs": (1 / v).sum(), "sj": (k - p) / first}
    scale = scales[method]
    return math.sqrt(2 * float(np.trace(weighted @ weighted))) / float(scale)


def q_profile_interval(
    y: Floats, v: Floats, x: Floats, level: float, tolerance: float = 0.0
) -> tuple[float, float]:
    """Values of tau^2 at which the generalised Q is not extreme (Viechtbauer 2007).

    With a ``tolerance`` the search (Brent's) begins on [0, 100] and stops at that precision.
    """
    law = stats.chi2(len(y) - x.shape[1])
    tail = (1 - level) / 2
    low, high = (float(law.isf(tail)), float(law.ppf(tail)))
    return _solve_q(y, v, x, low, tolerance), _solve_q(y, v, x, high, tolerance)


def profile_interval(
    y: Floats, v: Floats, x: Floats, tau2: float, restricted: bool, level: float
) -> tuple[float, float]:
    """Values of tau^2 that a likelihood-ratio test does not reject."""
    cut = log_likelihood(y, v, x, tau2, restricted) - float(stats.chi2.ppf(level, 1)) / 2

    def excess(value: float) -> float:
        return log_likelihood(y, v, x, value, restricted) - cut

    low = 0.0 if tau2 == 0 or excess(0.0) >= 0 else _root(excess, 0.0, tau2)
    return low, _root(excess, tau2, _beyond(excess, tau2, float(v.mean())))


def _solve_q(y: Floats, v: Floats, x: Floats, target: float, tolerance: float = 0.0) -> float:
    """tau^2 at which the generalised Q, which falls in it, is ``target``; zero if none is."""

    def excess(value: float) -> float:
        return generalised_q(y, v, x, value) - target

    if excess(0.0) <= 0:
        return 0.0
    if tolerance and excess(100.0) < 0:
        eps = float(np.finfo(float).eps)
        return float(optimize.brentq(excess, 0.0, 100.0, xtol=tolerance, rtol=4 * eps))
    return _root(excess, 0.0, _beyond(excess, 0.0, float(v.mean())))


def _beyond(excess: Callable[[float], float], start: float, step: float) -> float:
    """A point above ``start`` where ``excess`` is negative."""
    for doubling in range(200):
        point = start + step * 2.0**doubling
        if excess(point) < 0:
            return point
    raise ModelError("the interval of tau^2 has no upper end; the estimates may not vary")


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(optimize.brentq(function, low, high, xtol=1e-300, rtol=1e-14, maxiter=500))
