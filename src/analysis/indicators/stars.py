"""Stars of a region's sectors for size, specialisation and growth.

In the manner of the European Cluster Observatory, which gave stars to regional clusters by such
thresholds; those here are our own and are arguments.
"""

import pandas as pd

from analysis.indicators.concentration import location_quotient

STARS = ("size_star", "specialisation_star", "growth_star")


def sector_stars(
    employed: pd.DataFrame,
    before: pd.DataFrame,
    total: pd.Series,
    *,
    quotient: float = 2.0,
    top: float = 0.1,
) -> pd.DataFrame:
    """Location quotient, share, growth and three stars of every region and sector.

    employed, before: regions × sectors now and some years earlier, persons in any unit; total: all
    employment of the regions now. A figure that is withheld stays missing, and the region stands
    outside what its sector is compared with.

    - size: the region's share of the sector's employment is in the highest ``top`` of regions;
    - specialisation: the location quotient is at least ``quotient``, or in the highest ``top`` of
      regions and above one;
    - growth: the sector's growth in the region is in the highest ``top`` of regions, and positive.

    "In the highest" means at or above that quantile of the regions known (linear interpolation).
    Index (region, sector), sorted; columns ``quotient`` (ratio), ``share_pct``, ``growth_pct`` and
    the booleans ``STARS``; rows whose employment now is missing are left out.
    """
    known = employed.reindex(index=total.index)
    quotients = pd.DataFrame({name: _quotient(known[name], total) for name in known})
    share = 100 * known / known.sum()
    earlier = before.reindex(index=total.index, columns=known.columns)
    growth = 100 * (known / earlier.where(earlier > 0) - 1)
    table = pd.concat(
        {
            "quotient": _long(quotients),
            "share_pct": _long(share),
            "growth_pct": _long(growth),
            "size_star": _long(_highest(share, top)),
            "specialisation_star": _long(
                (quotients >= quotient) | (_highest(quotients, top) & (quotients > 1))
            ),
            "growth_star": _long(_highest(growth, top) & (growth > 0)),
        },
        axis=1,
    )
    kept = table[_long(known).notna()].sort_index()
    return kept.astype(dict.fromkeys(STARS, bool)).rename_axis(["geo", "industry"])


def _quotient(sector: pd.Series, total: pd.Series) -> pd.Series:
    """Location quotients of one sector, among the regions for which it is published."""
    other = (total - sector).clip(lower=0)  # rounding can put a sector above its total
    both = pd.DataFrame({"sector": sector, "other": other})
    return location_quotient(both)["sector"]


def _highest(values: pd.DataFrame, top: float) -> pd.DataFrame:
    return values >= values.quantile(1 - top)


def _long(values: pd.DataFrame) -> pd.Series:
    return values.stack(future_stack=True)


__all__ = ["STARS", "sector_stars"]
