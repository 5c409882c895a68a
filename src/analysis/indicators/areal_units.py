"""The modifiable areal unit problem: does a statistic come from the regions or from the map?

Regions are merged by a mapping, and a statistic is set against random mergers of neighbours into as
many units (Openshaw and Taylor 1979; Openshaw 1984, *The Modifiable Areal Unit Problem*).
Boundaries are not carried: regions count as neighbours when their centroids are linked in the
Gabriel graph, which is close to contiguity for compact regions and links islands to the coast.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.indicators.concentration import IndicatorError

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MapComparison:
    """A statistic on the old map, on the new one, and over random maps of as many units.

    ``p_value`` is two-sided, the new map against the random ones; ``draws`` the statistics drawn.
    """

    before: float
    after: float
    null_mean: float
    null_low: float
    null_high: float
    p_value: float
    n_before: int
    n_after: int
    draws: Floats


def neighbours(lon: Floats, lat: Floats) -> list[list[int]]:
    """Neighbours of each of n points (degrees) in the Gabriel graph, ascending; all are connected.

    Two points are neighbours unless a third lies inside the circle whose diameter is the line
    between them (Gabriel and Sokal 1969, Systematic Zoology 18:259-278). Points are put on a plane
    by an equirectangular projection at their mean latitude.
    """
    x = np.asarray(lon, dtype=float) * np.cos(np.radians(np.mean(lat)))
    points = np.column_stack([x, np.asarray(lat, dtype=float)])
    if len(points) < 2 or not np.isfinite(points).all():
        raise IndicatorError("neighbours: at least two regions with known coordinates are needed")
    squares = ((points[:, None, :] - points[None, :, :]) ** 2).sum(axis=2)
    # A point is inside the circle when the angle it sees the line under is obtuse.
    linked = ~np.eye(len(points), dtype=bool)
    for third in range(len(points)):
        seen = squares[third][:, None] + squares[third][None, :]
        inside = seen < squares * (1 - 1e-12)
        linked &= ~inside
    return [np.flatnonzero(row).tolist() for row in linked]


def random_mergers(
    links: Sequence[Sequence[int]], units: int, *, draws: int, largest: int | None = None, seed: int
) -> Labels:
    """Random maps: regions merged with neighbours, one pair at a time, until ``units`` are left.

    Each step takes any two neighbouring units with equal probability; ``largest`` forbids units of
    more regions than that. A draw that gets stuck starts again.

    Returns
    -------
    Array (draws, regions) of unit numbers, numbered from 0 in the order of their first region.
    """
    size = len(links)
    if not 1 <= units <= size or (largest is not None and largest * units < size):
        raise IndicatorError(
            f"random mergers: {units} units of at most {largest or size} regions cannot be made "
            f"of {size} regions"
        )
    pairs = np.array([(i, j) for i, own in enumerate(links) for j in own if i < j], dtype=np.int64)
    random = np.random.default_rng(seed)
    limit = largest or size
    return np.stack([_one_map(pairs, size, units, limit, random) for _ in range(draws)])


def compare_maps(
    statistic: Callable[[Labels], float], regions: int, new_map: Labels, random_maps: Labels
) -> MapComparison:
    """A statistic on the old map, the new map and random maps of as many units.

    statistic: a function of unit numbers (regions,), such as the Gini coefficient of what the
    units add up to. Two-sided p-value: twice the smaller tail, each counting the new map itself.
    """
    units = {len(np.unique(labels)) for labels in (new_map, *random_maps)}
    if len(units) != 1:
        raise IndicatorError(f"random maps have {sorted(units)} units: all must have as many")
    null = np.array([statistic(labels) for labels in random_maps], dtype=float)
    after = float(statistic(new_map))
    if not np.isfinite([after, *null]).all():
        raise IndicatorError("compare maps: the statistic is not a number on one of the maps")
    tails = [1 + int((null >= after).sum()), 1 + int((null <= after).sum())]
    low, high = np.quantile(null, [0.025, 0.975])
    return MapComparison(
        before=float(statistic(np.arange(regions))),
        after=after,
        null_mean=float(null.mean()),
        null_low=float(low),
        null_high=float(high),
        p_value=min(1.0, 2 * min(tails) / (len(null) + 1)),
        n_before=regions,
        n_after=units.pop(),
        draws=null,
    )


def map_labels(regions: Sequence[str], unit_of: Mapping[str, str]) -> Labels:
    """Unit numbers of the regions by a mapping, numbered in the order of their first region."""
    absent = [region for region in regions if region not in unit_of]
    if absent:
        raise IndicatorError(f"map: no unit for the regions {', '.join(absent)}")
    codes, _ = pd.factorize(pd.Index([unit_of[region] for region in regions]))
    return codes.astype(np.int64)


def _one_map(
    pairs: Labels, size: int, units: int, largest: int, random: np.random.Generator
) -> Labels:
    for _ in range(_ATTEMPTS):
        labels = _merged(pairs, size, units, largest, random)
        if labels is not None:
            return pd.factorize(labels)[0].astype(np.int64)
    raise IndicatorError(
        f"random mergers: no map of {units} units of at most {largest} regions found in "
        f"{_ATTEMPTS} attempts; allow larger units or more of them"
    )


_ATTEMPTS = 1000


def _merged(
    pairs: Labels, size: int, units: int, largest: int, random: np.random.Generator
) -> Labels | None:
    labels = np.arange(size)
    for _ in range(size - units):
        ends = np.sort(labels[pairs], axis=1)
        members = np.bincount(labels, minlength=size)
        allowed = (ends[:, 0] != ends[:, 1]) & (members[ends].sum(axis=1) <= largest)
        # Two units that touch along several region borders are one pair.
        open_pairs = np.unique(ends[allowed], axis=0)
        if not len(open_pairs):
            return None
        keep, gone = open_pairs[random.integers(len(open_pairs))]
        labels[labels == gone] = keep
    return labels
