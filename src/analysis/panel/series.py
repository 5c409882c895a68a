"""From published observations to series on NUTS 2013, with an account of what was lost.

One dataset may mix NUTS versions over countries and years, and sometimes gives one territory
under two codes in the same year. Each version is converted on its own; where two of them reach the
same region and year, the version that covers more of the country that year is kept and the other
is set aside and counted. Nothing is averaged.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis import CompendiumError
from analysis.panel.codes import COUNTRIES
from analysis.panel.territories import NUTS_VERSION, Conversion, Passage, convert

#: The release of a dataset that is current in data/raw, where older ones stand beside it.
LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Published:
    """One published series and the column it becomes: where it stands in data/raw.

    ``vintage`` is a release, ``LATEST``, or None where the dataset has one only.
    """

    column: str
    table: str
    dataset: str
    indicator: str
    unit: str
    vintage: str | None = None


@dataclass(frozen=True, slots=True)
class Converted:
    """values: column name → NUTS 2 (2013) code × year. quality: a row per column and version."""

    values: dict[str, pd.DataFrame]
    quality: pd.DataFrame


def latest_vintage(observations: pd.DataFrame, dataset: str) -> str:
    """The newest release of a dataset; releases are named by year, month or day (ISO 8601)."""
    return str(observations.loc[observations["dataset"] == dataset, "vintage"].max())


def select(observations: pd.DataFrame, published: Published) -> pd.DataFrame:
    """Rows ``column, geo, geo_version, year, value`` of one published series, with a value.

    Raises CompendiumError when the table has no such series.
    """
    keep = (
        (observations["dataset"] == published.dataset)
        & (observations["indicator"] == published.indicator)
        & (observations["unit"] == published.unit)
        & observations["value"].notna()
    )
    if published.vintage is not None:
        vintage = published.vintage
        if vintage == LATEST:
            vintage = latest_vintage(observations, published.dataset)
        keep &= observations["vintage"] == vintage
    rows = observations.loc[keep, ["geo", "geo_version", "year", "value"]]
    if rows.empty:
        raise CompendiumError(f"data/raw/{published.table}.parquet has no rows for {published}")
    return rows.assign(column=published.column, dataset=published.dataset)


def to_nuts_2013(
    rows: pd.DataFrame,
    passage: Passage,
    denominator: pd.DataFrame | None = None,
    ledger: bool = False,
) -> Converted:
    """Convert the NUTS 2 rows of one or several series to NUTS 2013.

    rows: as ``select`` returns, several series one below the other.
    denominator: NUTS 2013 code × year, shared by all of them (rates only).
    ledger: lines of accounts; a missing line is nothing, and lines of the same territory under
    several codes add up.
    """
    placed = rows[rows["geo"].str.len().eq(4) & rows["geo"].str[:2].isin(COUNTRIES)]
    unplaced = placed[placed["geo_version"].eq("")].groupby("column")["geo"].nunique()
    placed = placed[placed["geo_version"].ne("")]
    labels = pd.MultiIndex.from_frame(
        placed[["column", "year"]].drop_duplicates().sort_values(["column", "year"])
    )
    pieces: dict[str, pd.DataFrame] = {}
    quality = []
    for version, group in placed.groupby("geo_version", sort=True):
        wide = group.pivot(index="geo", columns=["column", "year"], values="value")
        wide = wide.reindex(columns=labels)
        done = _convert_version(wide, str(version), passage, denominator, ledger)
        pieces[str(version)] = done.values
        quality.append(_quality(str(version), wide, done))
    chosen, duplicates = _added_up(pieces) if ledger else _best_covered(pieces)
    names = sorted(set(labels.get_level_values("column")))
    report = pd.concat(quality, ignore_index=True)
    report["duplicate_cells_set_aside"] = report["column"].map(duplicates).astype(int)
    report["codes_without_version"] = report["column"].map(unplaced).fillna(0).astype(int)
    datasets = rows.drop_duplicates("column").set_index("column")["dataset"]
    report.insert(1, "dataset", report["column"].map(datasets))
    return Converted({name: chosen[name].dropna(axis=1, how="all") for name in names}, report)


def _convert_version(
    wide: pd.DataFrame,
    version: str,
    passage: Passage,
    denominator: pd.DataFrame | None,
    ledger: bool,
) -> Conversion:
    shares = passage.to_2013(version)
    if denominator is None:
        return convert(wide, shares, ledger=ledger)
    years = wide.columns.get_level_values("year")
    repeated = denominator.reindex(columns=years).set_axis(wide.columns, axis=1)
    return convert(wide, shares, convert(repeated, passage.from_2013(version)).values)


def _stacked(pieces: dict[str, pd.DataFrame]) -> tuple[np.ndarray, pd.Index, pd.MultiIndex]:
    """Version × region × column, NUTS 2013 first, with the regions and the columns."""
    versions = sorted(pieces, key=lambda v: (v != NUTS_VERSION, v))
    codes = {geo for piece in pieces.values() for geo in piece.index}
    regions = pd.Index(sorted(codes), name="geo")
    stack = np.stack([pieces[v].reindex(regions).to_numpy() for v in versions])
    return stack, regions, pieces[versions[0]].columns


def _best_covered(pieces: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.Series]:
    """Per region and year, the value of the version that covers most of its country that year.

    Also the number of cells set aside because another version was kept, by column name.
    """
    stack, regions, columns = _stacked(pieces)
    known = ~np.isnan(stack)
    country = regions.str[:2].to_numpy()
    same = (country[:, None] == country[None, :]).astype(float)
    covered = np.stack([same @ layer for layer in known])
    best = np.where(known, covered, -1.0).argmax(axis=0)
    values = np.take_along_axis(stack, best[None], axis=0)[0]
    extra = pd.Series((known.sum(axis=0) - known.any(axis=0)).sum(axis=0), index=columns)
    chosen = pd.DataFrame(values, index=regions, columns=columns)
    return chosen, extra.groupby(level="column").sum()


def _added_up(pieces: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.Series]:
    """Per region and year, the sum over versions; nothing is set aside."""
    stack, regions, columns = _stacked(pieces)
    values = np.where(np.isnan(stack).all(axis=0), np.nan, np.nansum(stack, axis=0))
    total = pd.DataFrame(values, index=regions, columns=columns)
    return total, pd.Series(0, index=columns.unique("column"))


def _quality(version: str, wide: pd.DataFrame, done: Conversion) -> pd.DataFrame:
    """What the conversion from one version did to each column, over all its years."""
    origin, destination = wide.notna(), done.values.notna()
    lost = origin.loc[origin.index.isin(done.lost)].T.groupby(level="column").any().T
    report = pd.DataFrame(
        {
            "regions_in": origin.T.groupby(level="column").any().sum(axis=1),
            "regions_out": destination.T.groupby(level="column").any().sum(axis=1),
            "regions_lost": {name: " ".join(lost.index[lost[name].astype(bool)]) for name in lost},
            "mass_before": done.before.groupby(level="column").sum(),
            "mass_after": done.after.groupby(level="column").sum(),
            "mass_set_aside": done.set_aside.groupby(level="column").sum(),
        }
    )
    scale = report["mass_before"].abs().replace(0.0, 1.0)
    report["share_set_aside"] = report["mass_set_aside"] / scale
    report["share_recoded"] = done.recoded.groupby(level="column").sum() / scale
    report["share_split"] = done.split.groupby(level="column").sum() / scale
    gap = report["mass_before"] - report["mass_after"] - report["mass_set_aside"]
    report["conservation_gap"] = gap.abs() / scale
    years = origin.any().loc[lambda known: known].index.to_frame(index=False).groupby("column")
    report.insert(0, "last_year", years["year"].max())
    report.insert(0, "first_year", years["year"].min())
    report.insert(0, "geo_version", version)
    return report[report["regions_in"] > 0].rename_axis("column").reset_index()


#: Two releases of one quantity that differ by more than this factor do not describe the same thing.
LARGEST_BREAK = 1.5


def splice(primary: pd.DataFrame, older: pd.DataFrame, overlap_years: int = 3) -> pd.DataFrame:
    """Extend a series with another vintage of the same quantity, region by region.

    The primary vintage is kept wherever it has a value. In years before its first value the older
    one is used, times the mean ratio (in logs) of the two in the first ``overlap_years`` years that
    both have; after its last value likewise with the last common years. Gaps inside the primary
    series stay missing. A region with no common year is not extended, nor is one whose releases
    differ by a factor of more than ``LARGEST_BREAK``: Scottish R&D, for one, is published with its
    regions in another order in each release.

    primary, older: code × year. Returns code × year over the union of the years.
    """
    years = primary.columns.union(older.columns)
    first = primary.reindex(columns=years)
    second = older.reindex(index=first.index, columns=years)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log((first / second).where((first > 0) & (second > 0)))
    known = first.notna().to_numpy()
    seen = known.cumsum(axis=1)
    before = (seen == 0) & known.any(axis=1, keepdims=True)
    after = (seen == seen[:, -1:]) & ~known & ~before & known.any(axis=1, keepdims=True)
    back = np.exp(_mean_of_first(ratio, overlap_years))
    forth = np.exp(_mean_of_first(ratio.iloc[:, ::-1], overlap_years))
    extended = first.to_numpy().copy()
    extended[before] = (second.to_numpy() * back[:, None])[before]
    extended[after] = (second.to_numpy() * forth[:, None])[after]
    return pd.DataFrame(extended, index=first.index, columns=years)


def complete_regions(primary: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Add from another release the regions that the primary one does not have at all."""
    absent = other.index.difference(primary.dropna(how="all").index)
    years = primary.columns.union(other.columns)
    kept = primary.loc[~primary.index.isin(absent)]
    return pd.concat([kept, other.loc[absent]]).reindex(columns=years).sort_index()


def _mean_of_first(ratio: pd.DataFrame, count: int) -> np.ndarray:
    """Mean of the first ``count`` known log ratios of each row; missing where too large."""
    known = ratio.notna().cumsum(axis=1).le(count) & ratio.notna()
    mean = ratio.where(known).mean(axis=1)
    return mean.where(mean.abs() <= np.log(LARGEST_BREAK)).to_numpy()
