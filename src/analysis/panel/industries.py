"""Regions × industries × years: employment by groups of NACE sections (Labour Force Survey)."""

from collections.abc import Mapping

import pandas as pd

from analysis.panel.series import Published, select, to_nuts_2013
from analysis.panel.territories import Passage, aggregate

Raw = Mapping[str, pd.DataFrame]

#: The groups the survey publishes by region; ``TOTAL`` and "no response" (NRP) are left out.
INDUSTRIES = ("A", "B-E", "F", "G-I", "J", "K", "L", "M_N", "O-Q", "R-U")


def build_industries(
    raw: Raw, passage: Passage, people: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Long panel ``geo, industry, year, level, country, employed_ths`` and the conversion report.

    people: population of every NUTS 2 region of the map × year. A figure the publisher withholds
    as too small stays missing, and so do the NUTS 1 and national sums that need it.
    """
    table, dataset = "eurostat_industries", "lfst_r_lfe2en2"
    rows = [
        select(raw[table], Published(industry, table, dataset, industry, "THS"))
        for industry in INDUSTRIES
    ]
    converted = to_nuts_2013(pd.concat(rows, ignore_index=True), passage)
    pieces = []
    for industry, wide in converted.values.items():
        for level in (0, 1, 2):
            at_level = wide.reindex(people.index) if level == 2 else aggregate(wide, level, people)
            long = at_level.rename_axis(index="geo", columns="year").stack(future_stack=True)
            pieces.append(
                long.rename("employed_ths").reset_index().assign(industry=industry, level=level)
            )
    frame = pd.concat(pieces, ignore_index=True)
    frame["country"] = frame["geo"].str[:2]
    quality = converted.quality.assign(column="employed_ths:" + converted.quality["column"])
    return frame.astype({"year": "int16", "level": "int8"}), quality
