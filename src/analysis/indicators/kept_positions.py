"""How much of a pattern of positions is still there later, beyond what dealing it out anew gives.

Positions come as frames of regions by activities, such as location quotients of two years. Regions
are drawn whole: what one region does in its activities is not independent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.indicators.concentration import IndicatorError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Percentage points kept beyond chance.

    ``estimate`` is ``kept`` less ``by_chance``, both in per cent; ``draws`` (B,) are bootstrap
    values of it, ``p_value`` is one-sided from shuffling regions (NaN without), ``n_positions`` and
    ``n_regions`` what it rests on.
    """

    estimate: float
    kept: float
    by_chance: float
    draws: Floats
    p_value: float
    n_positions: int
    n_regions: int


def kept_positions(
    first: pd.DataFrame,
    last: pd.DataFrame,
    *,
    threshold: float,
    sizes: pd.DataFrame | None = None,
    draws: int,
    shuffles: int = 0,
    seed: int,
    name: str,
) -> Kept:
    """Share of positions above ``threshold`` in ``first`` that are so in ``last``, beyond chance.

    Chance is the share of all regions above it in ``last``, activity by activity: what dealing out
    the last year's positions anew among the regions gives on average.

    Parameters
    ----------
    first, last
        Regions by activities. Only what is known in both counts.
    sizes
        What a position weighs, such as the jobs in it; all the same without it.
    draws, shuffles
        Bootstrap samples of regions, and permutations of whole regions for the p-value.

    Raises
    ------
    IndicatorError
        If no region, or no position above the threshold, is known at both ends.
    """
    start, end = _aligned(first, last)
    seen = np.isfinite(start) & np.isfinite(end)
    weight = _weights(sizes, first, last, seen)
    held = weight * ((start > threshold) & seen)
    random = np.random.default_rng(np.random.SeedSequence([seed, *name.encode()]))
    times = times_drawn(len(start), draws, random)
    kept, chance = _kept(times, held, end, seen, threshold)
    excess = kept - chance
    p_value = float("nan")
    if shuffles:
        null = np.array(
            [_shuffled(held, end, threshold, random.permutation(len(end))) for _ in range(shuffles)]
        )
        p_value = (1 + int((null >= excess[0] - 1e-12).sum())) / (shuffles + 1)
    return Kept(
        estimate=float(excess[0]),
        kept=float(kept[0]),
        by_chance=float(chance[0]),
        draws=excess[1:],
        p_value=p_value,
        n_positions=int((held > 0).sum()),
        n_regions=int(seen.any(axis=1).sum()),
    )


def kept_ranks(
    first: pd.DataFrame, last: pd.DataFrame, *, draws: int, seed: int, name: str
) -> Kept:
    """Rank correlation times 100 between ``first`` and ``last``, ranks within activities.

    Chance gives none. Bootstrap draws take regions with the ranks they have in the sample.
    """
    start, end = _aligned(first, last)
    seen = np.isfinite(start) & np.isfinite(end)
    if seen.sum() < 3:
        raise IndicatorError("fewer than three positions are known at both ends")
    random = np.random.default_rng(np.random.SeedSequence([seed, *name.encode()]))
    correlation = _rank_correlation(times_drawn(len(start), draws, random), start, end, seen)
    return Kept(
        estimate=float(correlation[0]),
        kept=float(correlation[0]),
        by_chance=0.0,
        draws=correlation[1:],
        p_value=float("nan"),
        n_positions=int(seen.sum()),
        n_regions=int(seen.any(axis=1).sum()),
    )


def kept_curve(
    first: pd.DataFrame,
    last: pd.DataFrame,
    *,
    thresholds: Sequence[float],
    sizes: pd.DataFrame,
    draws: int,
    seed: int,
    name: str,
) -> pd.DataFrame:
    """`kept_positions` at every threshold, with and without ``sizes``, and `kept_ranks`.

    Returns
    -------
    DataFrame
        ``measure`` ("specialisations kept", "jobs in them kept" or "ranks"), ``threshold`` (text;
        "none" for ranks), ``estimate, ci_low, ci_high, p_value``: percentage points, the percentile
        interval of the draws widened to the estimate, and twice the smaller share of draws on one
        side of zero. A threshold that no position reaches at first has no row.
    """
    start, end = _aligned(first, last)
    seen = np.isfinite(start) & np.isfinite(end)
    random = np.random.default_rng(np.random.SeedSequence([seed, *name.encode()]))
    times = times_drawn(len(start), draws, random)
    weights = {
        "specialisations kept": _weights(None, first, last, seen),
        "jobs in them kept": _weights(sizes, first, last, seen),
    }
    values = {}
    for threshold, (measure, weight) in product(thresholds, weights.items()):
        held = weight * ((start > threshold) & seen)
        if held.sum() > 0:
            kept, chance = _kept(times, held, end, seen, threshold)
            values[measure, f"{threshold:g}"] = kept - chance
    values["ranks", "none"] = _rank_correlation(times, start, end, seen)
    drawn = np.array(list(values.values()))
    low, high = np.quantile(drawn[:, 1:], [0.025, 0.975], axis=1)
    sides = np.minimum((drawn[:, 1:] <= 0).mean(axis=1), (drawn[:, 1:] >= 0).mean(axis=1))
    table = pd.DataFrame(list(values), columns=["measure", "threshold"])
    return table.assign(
        estimate=drawn[:, 0],
        ci_low=np.minimum(low, drawn[:, 0]),
        ci_high=np.maximum(high, drawn[:, 0]),
        p_value=np.minimum(2 * sides, 1),
    )


def _kept(
    times: Floats, held: Floats, end: Floats, seen: NDArray[np.bool_], threshold: float
) -> tuple[Floats, Floats]:
    """Per cent (1 + draws,) of what is held that is kept, and what would be by chance."""
    if not held.sum() > 0:
        raise IndicatorError(f"no position above {threshold:g} is known at both ends")
    above = (end > threshold) & seen
    of_each = times @ held
    total = of_each.sum(axis=1)
    kept = _ratio((times @ (held * above)).sum(axis=1), total)
    chance = _ratio((of_each * _ratio(times @ above, times @ seen)).sum(axis=1), total)
    return 100 * kept, 100 * chance


def _rank_correlation(times: Floats, start: Floats, end: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Correlation (1 + draws,) times 100 of ranks within activities."""
    x, y = (
        pd.DataFrame(np.where(seen, values, np.nan)).rank(pct=True).fillna(0).to_numpy()
        for values in (start, end)
    )
    n, sx, sy, sxx, syy, sxy = (
        times @ part.sum(axis=1) for part in (seen, x, y, x * x, y * y, x * y)
    )
    spread = np.sqrt(np.maximum((n * sxx - sx**2) * (n * syy - sy**2), 0))
    return 100 * _ratio(n * sxy - sx * sy, spread)


def _aligned(first: pd.DataFrame, last: pd.DataFrame) -> tuple[Floats, Floats]:
    regions, activities = _shared(first, last)
    if not len(regions) or not len(activities):
        raise IndicatorError("no region and activity is known at both ends")
    return tuple(table.loc[regions, activities].to_numpy(dtype=float) for table in (first, last))


def _shared(first: pd.DataFrame, last: pd.DataFrame) -> tuple[pd.Index, pd.Index]:
    return (
        first.index.intersection(last.index).sort_values(),
        first.columns.intersection(last.columns).sort_values(),
    )


def _weights(
    sizes: pd.DataFrame | None, first: pd.DataFrame, last: pd.DataFrame, seen: NDArray[np.bool_]
) -> Floats:
    if sizes is None:
        return seen.astype(float)
    regions, activities = _shared(first, last)
    known = sizes.reindex(index=regions, columns=activities).to_numpy(dtype=float)
    return np.where(seen, np.nan_to_num(known), 0.0)


def times_drawn(count: int, draws: int, random: np.random.Generator) -> Floats:
    """How often each of ``count`` units is in the sample and in ``draws`` bootstrap samples of it.

    (1 + draws, count); the first row is ones.
    """
    units = random.integers(0, count, size=(draws, count)) + count * np.arange(draws)[:, None]
    drawn = np.bincount(units.ravel(), minlength=draws * count).reshape(draws, count)
    return np.vstack([np.ones(count), drawn])


def _shuffled(held: Floats, end: Floats, threshold: float, order: NDArray[np.int64]) -> float:
    dealt = end[order]
    seen = np.isfinite(dealt)
    above = (dealt > threshold) & seen
    known = held * seen
    chance = (known.sum(axis=0) * _ratio(above.sum(axis=0), seen.sum(axis=0))).sum()
    return float(100 * _ratio((known * above).sum() - chance, known.sum()))


def _ratio(over: Floats, under: Floats) -> Floats:
    under = np.asarray(under, dtype=float)
    return np.divide(over, under, out=np.zeros(under.shape), where=under > 0)
