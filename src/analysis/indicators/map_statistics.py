"""Statistics of a map: functions of unit numbers, for `areal_units.compare_maps`.

Each builder takes what the old regions hold, (n,) or (n, k), and returns a function that merges it
by unit numbers (n,) and computes one number on the units.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import rel_entr

from analysis.indicators.concentration import IndicatorError, gini

Floats = NDArray[np.float64]
Statistic = Callable[[NDArray[np.int64]], float]


def specialisation(
    activity: ArrayLike, *, index: str = "krugman", people: ArrayLike | None = None
) -> Statistic:
    """Mean specialisation of the units of a map.

    activity: (n, k) jobs by region and activity, complete. index: ``krugman``, the sum of absolute
    differences between a unit's shares of activities and those of all other units together
    (Krugman 1991, *Geography and Trade*), or ``herfindahl`` of the unit's shares. people: (n,) to
    weigh units by; None counts every unit once.
    """
    jobs = _complete("specialisation", activity, 2)
    weights = None if people is None else _complete("specialisation", people, 1)
    if index not in ("krugman", "herfindahl"):
        raise IndicatorError(f"specialisation: index {index!r} is not krugman or herfindahl")
    everywhere = jobs.sum(axis=0)

    def statistic(labels: NDArray[np.int64]) -> float:
        units = _merged(jobs, labels)
        shares = units / units.sum(axis=1, keepdims=True)
        if index == "herfindahl":
            values = (shares**2).sum(axis=1)
        else:
            elsewhere = everywhere - units
            elsewhere = elsewhere / elsewhere.sum(axis=1, keepdims=True)
            values = np.abs(shares - elsewhere).sum(axis=1)
        return float(np.average(values, weights=_merged_weights(weights, labels)))

    return statistic


def inequality(amounts: ArrayLike, people: ArrayLike, *, index: str = "gini") -> Statistic:
    """Gini or Theil index, over the units of a map, of ``amounts`` (n,) per head of ``people``."""
    money, holders = _complete("inequality", amounts, 1), _complete("inequality", people, 1)
    if index not in ("gini", "theil"):
        raise IndicatorError(f"inequality: index {index!r} is not gini or theil")

    def statistic(labels: NDArray[np.int64]) -> float:
        units, heads = _merged(money, labels), _merged(holders, labels)
        if index == "gini":
            return gini(units / heads, heads)
        return float(rel_entr(units / units.sum(), heads / heads.sum()).sum())

    return statistic


def elasticity(output: ArrayLike, effort: ArrayLike, people: ArrayLike) -> Statistic:
    """Slope of log ``output`` per head on log ``effort`` per head over the units of a map, OLS."""
    made, spent, heads = (_complete("elasticity", one, 1) for one in (output, effort, people))

    def statistic(labels: NDArray[np.int64]) -> float:
        per_head = _merged(heads, labels)
        y = np.log(_merged(made, labels) / per_head)
        x = np.log(_merged(spent, labels) / per_head)
        x = x - x.mean()
        return float(x @ y / (x @ x))

    return statistic


def _complete(what: str, values: ArrayLike, dimensions: int) -> Floats:
    array = np.asarray(values, dtype=float)
    if array.ndim != dimensions or not np.isfinite(array).all() or (array < 0).any():
        raise IndicatorError(
            f"{what}: a map needs complete figures of zero or more for every region, "
            f"in {dimensions} dimension(s); got shape {array.shape}"
        )
    return array


def _merged(values: Floats, labels: NDArray[np.int64]) -> Floats:
    merged = np.zeros((int(labels.max()) + 1, *values.shape[1:]))
    np.add.at(merged, labels, values)
    return merged


def _merged_weights(weights: Floats | None, labels: NDArray[np.int64]) -> Floats | None:
    return None if weights is None else _merged(weights, labels)
