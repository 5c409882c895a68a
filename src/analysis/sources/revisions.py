"""What changed between two releases of the same figures.

A figure is the value of an indicator, in a unit, for a territory and a year. Two values are the
same when they differ by no more than half a unit of the last decimal that both releases print for
that series; the decimals of a series are the most that any of its figures shows.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from analysis import CompendiumError
from analysis.sources.territories import EXTRA_REGIO

SERIES = ["indicator", "unit"]
FIGURE = [*SERIES, "geo", "year"]
NEEDED = [*FIGURE, "geo_version", "value", "flag"]
KINDS = ("new", "changed", "withdrawn", "flag")


@dataclass(frozen=True)
class Revisions:
    """``differences`` has a row per difference; ``compared`` one per figure both releases have.

    differences: ``kind, indicator, unit, geo, geo_version_before, geo_version_after, year,
    value_before, value_after, flag_before, flag_after, change, relative_change``, sorted by
    figure. Kinds: ``new`` (a value only after), ``withdrawn`` (only before), ``changed`` (beyond
    the printed precision), ``flag`` (the value is the same, its flag is not). ``change`` is after
    minus before; ``relative_change`` divides by the absolute value before (missing at zero).

    compared: ``country, year, relative_change``, zero where the value is the same.

    ``before`` and ``after`` count the values of each release in the series compared;
    ``series_gone`` are series that only the earlier release has, of which nothing is counted.
    """

    differences: pd.DataFrame
    compared: pd.DataFrame
    before: int
    after: int
    series_gone: list[str]

    @property
    def counts(self) -> dict[str, int]:
        """Number of differences by kind, all kinds in order."""
        found = self.differences["kind"].value_counts()
        return {kind: int(found.get(kind, 0)) for kind in KINDS}


def revisions(before: pd.DataFrame, after: pd.DataFrame) -> Revisions:
    """Compare two releases of a dataset (frames of observations).

    Series that only ``before`` has are not counted as withdrawn: they may not have been asked for.
    Raises CompendiumError for a missing column and for a figure that comes twice.
    """
    for name, frame in (("before", before), ("after", after)):
        _refuse(frame, name)
    series_after = pd.MultiIndex.from_frame(after[SERIES]).unique()
    shared = pd.MultiIndex.from_frame(before[SERIES]).isin(series_after)
    both = before.loc[shared, NEEDED].merge(
        after[NEEDED], on=FIGURE, how="outer", suffixes=("_before", "_after"), validate="1:1"
    )
    text = [column for column in both.columns if column.startswith(("geo_version", "flag"))]
    both = both.fillna(dict.fromkeys(text, "")).sort_values(FIGURE, ignore_index=True)
    both["change"] = both["value_after"] - both["value_before"]
    same = both["change"].abs() <= _tolerance(both)
    size = both["value_before"].abs()
    both["relative_change"] = (both["change"] / size.where(size > 0)).where(~same, 0.0)
    both["kind"] = _kinds(both, same)
    return Revisions(
        differences=_differences(both),
        compared=_compared(both),
        before=int(both["value_before"].notna().sum()),
        after=int(both["value_after"].notna().sum()),
        series_gone=_names(before[~shared]),
    )


def _refuse(frame: pd.DataFrame, name: str) -> None:
    missing = [column for column in NEEDED if column not in frame.columns]
    if missing:
        raise CompendiumError(f"the figures {name} have no column {', '.join(missing)}")
    twice = frame.duplicated(FIGURE)
    if twice.any():
        first = frame.loc[twice, FIGURE].iloc[0].to_dict()
        raise CompendiumError(f"the figures {name} have a figure twice: {first}")


def _tolerance(both: pd.DataFrame) -> pd.Series:
    """Half a unit of the last decimal printed on both sides, and the rounding of a double."""
    decimals = pd.DataFrame(
        {
            side: both[f"value_{side}"].map(printed_decimals).groupby([both[c] for c in SERIES])
            .transform("max")
            for side in ("before", "after")
        }
    )  # fmt: skip
    shared = decimals.min(axis=1)
    rounding = 4 * np.finfo(float).eps * both[["value_before", "value_after"]].abs().max(axis=1)
    return 0.5 * 10.0**-shared + rounding


def printed_decimals(value: float) -> float:
    """Decimals of the shortest text that is this double; missing for a missing value.

    >>> printed_decimals(0.69), printed_decimals(3000.0)
    (2.0, 0.0)
    """
    if math.isnan(value):
        return math.nan
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return float(max(0, -exponent)) if isinstance(exponent, int) else math.nan


def _kinds(both: pd.DataFrame, same: pd.Series) -> pd.Series:
    had, has = both["value_before"].notna(), both["value_after"].notna()
    flag = both["flag_before"] != both["flag_after"]
    kinds = [~had & has, had & ~has, had & has & ~same, flag]
    names = ["new", "withdrawn", "changed", "flag"]
    return pd.Series(np.select(kinds, names, default="same"), both.index)


def _differences(both: pd.DataFrame) -> pd.DataFrame:
    columns = ["kind", "indicator", "unit", "geo", "geo_version_before", "geo_version_after",
               "year", "value_before", "value_after", "flag_before", "flag_after", "change",
               "relative_change"]  # fmt: skip
    rows = both.loc[both["kind"] != "same", columns].reset_index(drop=True)
    moved = rows["kind"] == "changed"
    return rows.assign(
        change=rows["change"].where(moved), relative_change=rows["relative_change"].where(moved)
    )


def _compared(both: pd.DataFrame) -> pd.DataFrame:
    rows = both[both["value_before"].notna() & both["value_after"].notna()]
    version = rows["geo_version_before"].where(rows["geo_version_before"] != "",
                                               rows["geo_version_after"])  # fmt: skip
    return pd.DataFrame(
        {
            "country": countries(rows["geo"], version),
            "year": rows["year"].astype("int16"),
            "relative_change": rows["relative_change"],
        }
    ).reset_index(drop=True)


def countries(geo: pd.Series, version: pd.Series) -> pd.Series:
    """The country of each code: the first two letters of a region's, the code itself elsewhere."""
    region = version.str.fullmatch(r"\d{4}") | geo.str.fullmatch(EXTRA_REGIO.pattern)
    region &= ~version.isin(["ISO2", "ISO3"])
    return geo.str[:2].where(region, geo)


def _names(rows: pd.DataFrame) -> list[str]:
    pairs = rows[SERIES].drop_duplicates().sort_values(SERIES)
    return [f"{i} [{u}]" if u else str(i) for i, u in pairs.itertuples(index=False)]


# ---------------------------------------------------------------- summaries


def tally(revised: Revisions, by: str) -> pd.DataFrame:
    """Differences counted by ``country`` or ``year``: a row each, a column per kind.

    The column ``median_relative_change`` is the median of absolute relative changes among the
    changed figures (missing where none changed).
    """
    rows = revised.differences
    version = rows["geo_version_after"].where(rows["geo_version_after"] != "",
                                              rows["geo_version_before"])  # fmt: skip
    rows = rows.assign(country=countries(rows["geo"], version))
    counts = pd.crosstab(rows[by], rows["kind"]).reindex(columns=list(KINDS), fill_value=0)
    median = rows["relative_change"].abs().groupby(rows[by]).median()
    table: pd.DataFrame = counts.assign(median_relative_change=median)
    return table.rename_axis(columns=None).reset_index().sort_values(by, ignore_index=True)


def largest(revised: Revisions, n: int = 10) -> pd.DataFrame:
    """The ``n`` changed figures with the largest absolute relative change, largest first."""
    rows = revised.differences[revised.differences["kind"] == "changed"]
    size = rows["relative_change"].abs()
    order = rows.assign(size=size).sort_values(["size", *FIGURE], ascending=[False] + [True] * 4)
    return order.drop(columns="size").head(n).reset_index(drop=True)


def median_change(revised: Revisions) -> pd.DataFrame:
    """Median absolute relative change, country × year, over all figures both releases have."""
    size = revised.compared.assign(size=revised.compared["relative_change"].abs())
    grid: pd.DataFrame = size.pivot_table("size", index="country", columns="year", aggfunc="median")
    return grid.sort_index().sort_index(axis=1)


def shares(revised: Revisions) -> dict[str, float]:
    """Changed and withdrawn figures as shares of those before (0 to 1), missing without any."""
    total = revised.before or math.nan
    return {kind: revised.counts[kind] / total for kind in ("changed", "withdrawn")}
