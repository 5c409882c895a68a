"""Weights of synthetic controls: least squares on the simplex, and the importance of predictors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

STARTS = ("equal", "regression", "each")
# The search works with logarithms of importance; this is the least share it starts from.
LEAST_SHARE = 1e-8
# A predictor of the start "each" is exp(3), about twenty times, as important as the others.
PREFERENCE = 3.0
# Edge of the first simplex, in logarithms; repeated searches stop at this relative improvement.
SIMPLEX_EDGE = 2.0
IMPROVEMENT = 1e-7


@dataclass(frozen=True, slots=True)
class Importance:
    """Shares (k,) of the predictors, the mean squared error they reach, and where from."""

    shares: Floats
    loss: float
    start: str


def simplex_least_squares(controls: Floats, target: Floats, ridge: float = 0.0) -> Floats:
    """Weights w (J,) that minimise :math:`|Cw - b|^2 + ridge |w|^2`, w >= 0, sum 1.

    ``controls`` C is (m, J), ``target`` b is (m,). As the weights sum to one, the criterion is
    :math:`|Mw|^2` with :math:`M = C - b 1'`. Least squares of (0, s) on the rows (M, s 1') with
    x >= 0 has its solution on the same ray (for a given direction the criterion rises with
    :math:`|Mw|^2`), so that the active set method of Lawson and Hanson (1974, chapter 23) is exact
    here.
    """
    deviations = controls - target[:, None]
    if ridge:
        deviations = np.vstack([deviations, np.sqrt(ridge) * np.eye(controls.shape[1])])
    scale = float(np.sqrt((deviations**2).sum(axis=0).mean()))
    if scale == 0:
        return np.full(controls.shape[1], 1 / controls.shape[1])
    rows = np.vstack([deviations / scale, np.ones(controls.shape[1])])
    solution, _ = optimize.nnls(rows, np.append(np.zeros(len(deviations)), 1.0))
    return solution / solution.sum()


def unit_weights(controls: Floats, target: Floats, shares: Floats) -> Floats:
    """Weights (J,) of units whose predictors (k, J) come nearest to ``target`` (k,)."""
    root = np.sqrt(shares)
    return simplex_least_squares(controls * root[:, None], target * root)


def search_importance(
    controls: Floats,
    target: Floats,
    control_outcomes: Floats,
    target_outcomes: Floats,
    starts: Sequence[str],
    max_iterations: int,
) -> Importance:
    """Importance of predictors whose weights of units follow the outcomes best.

    Minimises the mean of squared differences of ``target_outcomes`` (T,) and ``control_outcomes``
    (T, J) times the weights of units, over shares :math:`v_j = e^{x_j}/\\sum e^{x}`, by the simplex
    search of Nelder and Mead, started again from where it ended until it stops improving. There are
    many local minima: the best of the named ``starts`` is taken, the first of equal ones.
    """
    size = max(float(np.var(target_outcomes)), float(np.var(control_outcomes)))
    if size == 0:
        raise ModelError("the outcome does not vary over the fit window: nothing to search for")

    def loss(x: Floats) -> float:
        weights = unit_weights(controls, target, _shares(x))
        return float(np.mean((target_outcomes - control_outcomes @ weights) ** 2)) / size

    best: Importance | None = None
    for name, start in _starting_points(
        controls, target, control_outcomes, target_outcomes, starts
    ):
        x, value = _descend(loss, start, max_iterations)
        if best is None or value * size < best.loss * (1 - IMPROVEMENT):
            best = Importance(_shares(x), value * size, name)
    assert best is not None  # starts is not empty
    return best


def regression_importance(
    controls: Floats, target: Floats, control_outcomes: Floats, target_outcomes: Floats
) -> Floats:
    """Shares (k,) from regressing the outcome of each period on the predictors of all units.

    The sum over periods of squared coefficients (Abadie and Gardeazabal's software; also the
    default of the Stata command); minimum norm where there are more predictors than units.
    """
    predictors = np.column_stack([controls, target]).T
    outcomes = np.column_stack([control_outcomes, target_outcomes]).T
    centred = predictors - predictors.mean(axis=0)
    coefficients = linalg.lstsq(centred, outcomes - outcomes.mean(axis=0))[0]
    squares = (coefficients**2).sum(axis=1)
    if not squares.sum() > 0:
        raise ModelError("importance 'regression': no predictor is related to the outcome")
    return squares / squares.sum()


def _shares(x: Floats) -> Floats:
    powers = np.exp(x - x.max())
    return powers / powers.sum()


def _starting_points(
    controls: Floats,
    target: Floats,
    control_outcomes: Floats,
    target_outcomes: Floats,
    starts: Sequence[str],
) -> list[tuple[str, Floats]]:
    count = len(target)
    points = []
    for name in starts:
        if name == "equal":
            points.append((name, np.zeros(count)))
        elif name == "regression":
            shares = regression_importance(controls, target, control_outcomes, target_outcomes)
            points.append((name, np.log(np.maximum(shares, LEAST_SHARE))))
        else:
            points += [(f"each {j + 1}", PREFERENCE * row) for j, row in enumerate(np.eye(count))]
    return points


def _descend(
    loss: Callable[[Floats], float], start: Floats, max_iterations: int
) -> tuple[Floats, float]:
    x, value = start, loss(start)
    if len(start) == 1:
        return x, value
    while True:
        result = optimize.minimize(
            loss,
            x,
            method="Nelder-Mead",
            options={
                "initial_simplex": np.vstack([x, x + SIMPLEX_EDGE * np.eye(len(x))]),
                "maxiter": max_iterations,
                "maxfev": 10 * max_iterations,
                "xatol": 1e-4,
                "fatol": 1e-10,
            },
        )
        if result.fun >= value * (1 - IMPROVEMENT):
            return (result.x, result.fun) if result.fun < value else (x, value)
        x, value = result.x, result.fun
