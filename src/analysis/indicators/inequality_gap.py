"""Is one kind of money spread more unequally than another? The gap, and draws for its interval."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from scipy.special import rel_entr

from analysis.indicators.concentration import IndicatorError, gini

Floats = NDArray[np.float64]

#: Share of the largest holders counted by ``top_five``.
FIRST = 5


def _theil(money: Floats, holders: Floats) -> float:
    # Theil's T as a divergence of shares; the decomposition of `theil` takes too long for draws.
    return float(rel_entr(money / money.sum(), holders / holders.sum()).sum())


def _gini(money: Floats, holders: Floats) -> float:
    return gini(money / holders, holders)


def _herfindahl(money: Floats, holders: Floats) -> float:
    return float(((money / money.sum()) ** 2).sum())


def _top_five(money: Floats, holders: Floats) -> float:
    return float(np.sort(money)[-FIRST:].sum() / money.sum())


#: How unequal amounts (n,) over holders (n,) are. The last two do not look at the holders.
MEASURES: dict[str, Callable[[Floats, Floats], float]] = {
    "gini": _gini,
    "theil": _theil,
    "herfindahl": _herfindahl,
    "top_five": _top_five,
}


def inequality_gap(
    first: ArrayLike,
    second: ArrayLike,
    holders: ArrayLike,
    *,
    measure: str = "gini",
    draws: int,
    generator: Generator,
) -> tuple[float, Floats]:
    """Inequality of ``first`` minus that of ``second``, in points (times 100), and bootstrap draws.

    Parameters
    ----------
    first, second, holders
        (n,) amounts of two kinds of money and the people (or output) they are spread over, of the
        same n units. Rows with a gap in any of the three are left out.
    measure
        A key of `MEASURES`: ``gini`` and ``theil`` of the amount per holder, ``herfindahl`` and
        ``top_five`` of the units' shares of the amount.
    draws
        Times that the units are drawn with replacement, the three numbers of a unit together.

    Returns
    -------
    float, (draws,)

    Raises
    ------
    IndicatorError
        If the measure is unknown, fewer than three units are complete, or an amount is negative.
    """
    if measure not in MEASURES:
        raise IndicatorError(f"measure {measure!r} is not one of {', '.join(MEASURES)}")
    table = np.column_stack([np.asarray(one, dtype=float) for one in (first, second, holders)])
    table = table[~np.isnan(table).any(axis=1)]
    if len(table) < 3:
        raise IndicatorError(f"inequality: {len(table)} complete units; at least 3 are needed")
    if (table < 0).any():
        raise IndicatorError("inequality: a negative amount; add repayments to earlier years first")
    # In the order of the amounts, so that the draws do not depend on that of the rows.
    table = table[np.lexsort(table.T)]
    picked = generator.integers(0, len(table), size=(draws, len(table)))
    gaps = np.array([_gap(table[rows], measure) for rows in picked])
    return _gap(table, measure), gaps


def _gap(table: Floats, measure: str) -> float:
    index = MEASURES[measure]
    first, second, holders = table.T
    if not (first.sum() > 0 and second.sum() > 0):
        return float("nan")
    return 100 * (index(first, holders) - index(second, holders))
