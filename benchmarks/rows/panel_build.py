"""Reading and reshaping the published regional series: a row per region and year, a column each.

No synthetic data: the figures of ``data/raw`` behind the counts and rates of the regions' panel.
Ours reads the raw tables as the panel does (bytes held to the ledger, series selected) and pivots
them. The peer does the same with plain pandas from the form in which Eurostat publishes them, a
wide TSV per dataset with a column per year and cells such as ``12.5 p`` or ``:``, which the
benchmark writes from the same tables before anything is timed: ``read_csv``, the rows of the series
wanted, ``melt``, flags cut off, ``merge``. Conversion to one map of regions is not part of either.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from benchmarks.measure import Row, compare

from analysis import sources
from analysis.panel.regions import COUNTS, RATES
from analysis.panel.series import LATEST, Published, latest_vintage, select

SERIES = (*COUNTS, *RATES)
TABLES = sorted({series.table for series in SERIES})
KEYS = ["geo", "year"]


def panel_build() -> Row:
    with TemporaryDirectory() as name:
        folder = Path(name)
        cells = sum(write_wide(table, folder) for table in TABLES)
        files = {series.column: file_of(series) for series in SERIES}
        return compare(
            "panel_build",
            goal=4,
            n=cells,
            ours=from_raw_tables,
            other=lambda: from_wide_files(folder, files),
            agree=same_panel,
            packages=("pandas", "pyarrow"),
        )


def from_raw_tables() -> pd.DataFrame:
    """Rows geo × year, a column per series."""
    raw = {table: sources.read(table) for table in TABLES}
    rows = pd.concat([select(raw[series.table], series) for series in SERIES])
    return rows.pivot(index=KEYS, columns="column", values="value")


def from_wide_files(folder: Path, files: dict[str, str]) -> pd.DataFrame:
    """The same from files of :func:`write_wide`, each read once; ``files`` by series."""
    tables = {name: read_wide(folder / name) for name in sorted(set(files.values()))}
    panel = None
    for series in SERIES:
        column = tidy(tables[files[series.column]], series)
        panel = column if panel is None else panel.merge(column, on=KEYS, how="outer")
    assert panel is not None
    return panel.set_index(KEYS)


def read_wide(path: Path) -> pd.DataFrame:
    """The file with its first column, ``indicator,unit,geo``, taken apart."""
    wide = pd.read_csv(path, sep="\t", dtype=str)
    keys = wide.pop("indicator,unit,geo").str.split(",", expand=True)
    return pd.concat([keys.set_axis(["indicator", "unit", "geo"], axis=1), wide], axis=1)


def tidy(wide: pd.DataFrame, series: Published) -> pd.DataFrame:
    """Columns geo, year and the series."""
    rows = wide[(wide["indicator"] == series.indicator) & (wide["unit"] == series.unit)]
    long = rows.drop(columns=["indicator", "unit"]).melt(id_vars="geo", var_name="year")
    numbers = long["value"].str.split(" ").str[0].replace(":", None).astype(float)
    long = long.assign(year=long["year"].astype("int16"), value=numbers).dropna(subset=["value"])
    return long.rename(columns={"value": series.column})


def file_of(series: Published) -> str:
    """Name of the file that holds the series."""
    rows = sources.read(series.table)
    rows = rows[(rows["indicator"] == series.indicator) & (rows["unit"] == series.unit)]
    rows = rows[rows["dataset"] == series.dataset]
    if series.vintage == LATEST:
        vintage = latest_vintage(rows, series.dataset)
    else:
        (vintage,) = {series.vintage} if series.vintage else set(rows["vintage"])
    return f"{series.dataset}@{vintage}.tsv"


def write_wide(table: str, folder: Path) -> int:
    """Write ``dataset@vintage.tsv`` for each dataset of a raw table; the number of its cells."""
    rows = sources.read(table)
    numbers = rows["value"].map(repr).where(rows["value"].notna(), ":")
    rows = rows.assign(
        key=rows["indicator"] + "," + rows["unit"] + "," + rows["geo"],
        cell=(numbers + " " + rows["flag"]).str.rstrip(),
    )
    for (dataset, vintage), part in rows.groupby(["dataset", "vintage"]):
        wide = part.pivot(index="key", columns="year", values="cell").fillna(":")
        wide.rename_axis("indicator,unit,geo").to_csv(folder / f"{dataset}@{vintage}.tsv", sep="\t")
    return len(rows)


def same_panel(ours: pd.DataFrame, other: pd.DataFrame) -> None:
    """Every figure the same."""
    names = [series.column for series in SERIES]
    pd.testing.assert_frame_equal(
        ours[names].sort_index(), other[names].sort_index(), check_exact=True, check_names=False
    )


ROWS = (panel_build,)
