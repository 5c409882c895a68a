"""Ranks of countries by year, with ties and coverage stated, and how sure a rank is."""

from collections.abc import Sequence

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


def rank_sensitivity(
    frame: pd.DataFrame,
    measures: Sequence[str],
    *,
    unit: str = "country",
    by: str = "year",
    common: bool = True,
) -> pd.DataFrame:
    """Best, median and worst rank of each unit over several measures of the same thing.

    common: rank only the units that have all measures in the period, so that ranks are among the
    same units.

    Returns
    -------
    DataFrame
        ``by, unit, best, median, worst, n_measures, n_ranked``, sorted by period and unit;
        ``n_ranked`` is the smallest over the measures.
    """
    rows = frame.dropna(subset=list(measures)) if common else frame
    parts = [
        ranks(rows, measure, unit=unit, by=by)[[by, unit, "rank", "n_ranked"]]
        for measure in measures
    ]
    together = pd.concat(parts, ignore_index=True).groupby([by, unit], sort=True)
    return together.agg(
        best=("rank", "min"),
        median=("rank", "median"),
        worst=("rank", "max"),
        n_measures=("rank", "size"),
        n_ranked=("n_ranked", "min"),
    ).reset_index()


def rank_intervals(draws: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Interval of each unit's rank over bootstrap draws of its value (1 is the largest).

    draws: draws × units, such as bootstrapped efficiencies, without missing values.

    Returns
    -------
    DataFrame
        Index unit; ``median, low, high``: quantiles of the rank, the bounds rounded outwards to
        ranks that occur (Goldstein and Spiegelhalter 1996, JRSS A 159:385-443).
    """
    if draws.empty or draws.isna().any(axis=None):
        raise IndicatorError("rank intervals: draws must be there and none may be missing")
    if not 0 < level < 1:
        raise IndicatorError(f"rank intervals: level must lie between 0 and 1, not {level}")
    positions = draws.rank(axis=1, method="min", ascending=False)
    tail = (1 - level) / 2
    return pd.DataFrame(
        {
            "median": positions.quantile(0.5),
            "low": positions.quantile(tail, interpolation="lower").astype(int),
            "high": positions.quantile(1 - tail, interpolation="higher").astype(int),
        }
    )
