"""Ranks of countries by year, with ties and coverage stated."""

import pandas as pd

from analysis.indicators.concentration import IndicatorError


def ranks(
    frame: pd.DataFrame,
    value: str,
    *,
    unit: str = "country",
    by: str = "year",
    ascending: bool = False,
) -> pd.DataFrame:
    """Rank of each unit among those with a figure in the same period, sorted by period and rank.

    1 is the largest value (the smallest with ``ascending``); ties share the smallest of their ranks
    (1, 2, 2, 4).

    Returns
    -------
    DataFrame
        ``by, unit, value, rank, tied, n_ranked, coverage``: how many share the rank, how many units
        have a figure, and their share of the units that have one in any period. A rank in a year of
        low coverage is among those left, not among all.
    """
    if frame.duplicated([unit, by]).any():
        raise IndicatorError(f"ranks: more than one row per {unit} and {by}")
    known = frame.loc[frame[value].notna(), [by, unit, value]]
    if known.empty:
        raise IndicatorError(f"ranks: no {unit} has a figure of {value!r}")
    group = known.groupby(by)[value]
    result = known.assign(
        rank=group.rank(method="min", ascending=ascending).astype(int),
        tied=known.groupby([by, value])[unit].transform("size"),
        n_ranked=group.transform("size"),
    )
    result["coverage"] = result["n_ranked"] / known[unit].nunique()
    return result.sort_values([by, "rank", unit], ignore_index=True)
