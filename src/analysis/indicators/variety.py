"""Variety of a region's economy: between and within sectors that have something in common."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.indicators.concentration import IndicatorError, entropy, herfindahl

#: Sector → its groups of NACE Rev. 2 sections in the Labour Force Survey's regional tables. The
#: survey publishes nothing finer, so "related" means no more than "in the same broad sector": far
#: coarser than the two- and five-digit classes of the original.
SECTORS: dict[str, tuple[str, ...]] = {
    "agriculture": ("A",),
    "industry and construction": ("B-E", "F"),
    "trade, transport and accommodation": ("G-I",),
    "information, finance and business services": ("J", "K", "L", "M_N"),
    "public and personal services": ("O-Q", "R-U"),
}


def variety(
    activity: pd.DataFrame,
    sectors: Mapping[str, tuple[str, ...]] = SECTORS,
    incomplete: str = "drop",
) -> pd.DataFrame:
    """Entropy of activities, split between and within sectors, in nats.

    .. math:: H = \\sum_g P_g \\ln \\frac{1}{P_g} + \\sum_g P_g H_g, \\qquad
              H_g = \\sum_{i \\in g} \\frac{p_i}{P_g} \\ln \\frac{P_g}{p_i}

    Unrelated variety is the first sum, related variety the second (Frenken, Van Oort and Verburg
    2007, Regional Studies 41:685-697, eqs 1-4, who use logarithms to base 2: divide by ln 2).

    Parameters
    ----------
    activity
        Regions by activities, zero or more.
    sectors
        Sector → its activities; every column of ``activity`` in exactly one.
    incomplete
        As in :func:`analysis.indicators.location_quotient`.

    Returns
    -------
    DataFrame
        Columns ``variety, unrelated_variety, related_variety, effective_activities`` (the inverse
        Herfindahl index), index of ``activity``.
    """
    sector_of = {name: sector for sector, names in sectors.items() for name in names}
    listed = sorted(name for names in sectors.values() for name in names)
    if listed != sorted(activity.columns):
        raise IndicatorError(
            f"variety: sectors list {listed}, the table has {sorted(activity.columns)}; every "
            "activity must be in exactly one sector"
        )
    total = entropy(activity, incomplete)
    known = activity.where(total.notna(), axis=0)
    sums = known.T.groupby(sector_of).sum(min_count=1).T
    between = entropy(sums, "keep")
    return pd.DataFrame(
        {
            "variety": total,
            "unrelated_variety": between,
            "related_variety": (total - between).clip(lower=0.0),
            "effective_activities": 1 / herfindahl(activity, incomplete),
        }
    )


def random_sectors(
    activities: Sequence[str],
    generator: np.random.Generator,
    sectors: Mapping[str, tuple[str, ...]] = SECTORS,
) -> dict[str, tuple[str, ...]]:
    """The activities thrown at random into sectors of the same sizes as those of ``sectors``.

    What variety between sectors is worth comparing with: if arbitrary sectors do as well, it is not
    their lack of relation that counts. Raises IndicatorError unless the sectors hold as many.
    """
    sizes = [len(names) for names in sectors.values()]
    if sum(sizes) != len(activities):
        raise IndicatorError(
            f"random sectors: {len(activities)} activities for sectors of {sum(sizes)} in all"
        )
    shuffled = generator.permutation(sorted(activities)).tolist()
    ends = np.cumsum(sizes)
    return {
        name: tuple(shuffled[end - size : end])
        for name, size, end in zip(sectors, sizes, ends, strict=True)
    }
