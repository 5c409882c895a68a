"""From a source file to observations, as its layout in ``datasets.yaml`` says."""

import re
from dataclasses import dataclass

import pandas as pd
import pandera.pandas as pa

from analysis import CompendiumError
from analysis.sources.declared import DeclaredDataset, Layout, Measure
from analysis.sources.tabular import numbers, require_columns, years
from analysis.sources.territories import CodeLists, detect_versions, greece_as_el

COLUMNS = (
    "dataset", "geo", "geo_version", "year", "indicator", "unit", "value", "flag", "vintage",
)  # fmt: skip
KEY = ["dataset", "vintage", "indicator", "unit", "geo", "year"]
PLACEHOLDER = re.compile(r"\{([^}]+)\}")

SCHEMA = pa.DataFrameSchema(
    {
        "dataset": pa.Column(str, pa.Check.str_length(min_value=1)),
        "geo": pa.Column(str, pa.Check.str_length(min_value=1)),
        "geo_version": pa.Column(str, pa.Check.str_matches(r"^((19|20)\d{2}|ISO2|ISO3)?$")),
        "year": pa.Column("int16", pa.Check.in_range(1950, 2030)),
        "indicator": pa.Column(str, pa.Check.str_length(min_value=1)),
        "unit": pa.Column(str),
        "value": pa.Column("float64", nullable=True),
        "flag": pa.Column(str),
        "vintage": pa.Column(str, pa.Check.str_length(min_value=1)),
    },
    checks=pa.Check(
        lambda frame: frame["value"].notna() | (frame["flag"] != ""),
        name="a cell without a value has a flag",
    ),
    strict=True,
    ordered=True,
)


@dataclass(frozen=True)
class Observations:
    """Observations of one dataset, and how many of its cells were set aside.

    ``cells`` is what the source holds for the measures carried; of these ``empty`` have neither
    value nor flag and ``undated`` have no year; the rest are the rows of ``frame`` (fewer where
    the layout sums rows).
    """

    frame: pd.DataFrame
    cells: int
    empty: int
    undated: int


def observations(source: pd.DataFrame, dataset: DeclaredDataset, lists: CodeLists) -> Observations:
    """Observations of ``dataset``, columns ``COLUMNS``, sorted by ``KEY``.

    Raises CompendiumError for a missing column, a cell that is not a number or a year, and rows
    that share a key.
    """
    layout = dataset.layout
    if layout is None:
        raise CompendiumError(f"{dataset.code}: datasets.yaml gives no layout")
    require_columns(source, columns_used(dataset, layout), dataset.file)
    source = source[_selected(source, layout.where)]
    cells = pd.concat(
        [_cells(source, dataset, layout, measure) for measure in layout.measures],
        ignore_index=True,
    )
    empty = cells["value"].isna() & (cells["flag"] == "")
    undated = cells["year"].isna() & ~empty
    kept = cells[~empty & ~undated].reset_index(drop=True)
    if layout.sum_rows:
        kept = _summed(kept)
    _refuse_duplicates(kept, dataset)
    kept["geo_version"] = _versions(kept, layout, lists)
    frame = kept.astype({"year": "int16"})[list(COLUMNS)].sort_values(KEY, ignore_index=True)
    return Observations(frame, len(cells), int(empty.sum()), int(undated.sum()))


def columns_used(dataset: DeclaredDataset, layout: Layout) -> list[str]:
    """Columns a layout reads, in order of first mention."""
    templates = [layout.geo_version or "", layout.series, dataset.vintage]
    used = [layout.geo, *layout.flags, *layout.where]
    used += [layout.year] if isinstance(layout.year, str) else []
    for measure in layout.measures:
        used += [measure.column, *measure.where]
        templates += [measure.indicator, measure.unit]
    used += [name for template in templates for name in PLACEHOLDER.findall(template)]
    return list(dict.fromkeys(used))


def _selected(source: pd.DataFrame, where: dict[str, list[str]]) -> pd.Series:
    selected = pd.Series(True, index=source.index)
    for column, allowed in where.items():
        selected &= source[column].isin(allowed)
    return selected


def _cells(
    source: pd.DataFrame, dataset: DeclaredDataset, layout: Layout, measure: Measure
) -> pd.DataFrame:
    """The cells of one measure, empty ones included."""
    rows = source[_selected(source, measure.where)]
    year = pd.Series(str(layout.year), rows.index)
    if isinstance(layout.year, str):
        year = rows[layout.year]
    flag = pd.Series("", rows.index, dtype=str)
    for column in layout.flags:
        flag = flag + rows[column]
    return pd.DataFrame(
        {
            "dataset": dataset.code,
            "geo": _codes(rows[layout.geo], layout),
            "geo_version": _filled(layout.geo_version or "", rows),
            "year": years(year, dataset.file),
            "indicator": _filled(measure.indicator, rows),
            "unit": _filled(measure.unit, rows),
            "value": numbers(rows[measure.column], dataset.file),
            "flag": flag,
            "vintage": _filled(dataset.vintage, rows),
            "series": _filled(layout.series, rows),
        }
    )


def _codes(published: pd.Series, layout: Layout) -> pd.Series:
    return greece_as_el(published) if layout.nuts else published.replace(layout.recodes)


def _filled(template: str, rows: pd.DataFrame) -> pd.Series:
    """A template filled row by row; the dots around empty cells go (``PATN.`` becomes ``PATN``)."""
    filled = pd.Series("", rows.index, dtype=str)
    for position, part in enumerate(PLACEHOLDER.split(template)):
        filled = filled + (rows[part] if position % 2 else part)
    return filled.str.strip(".") if "{" in template else filled


def _summed(cells: pd.DataFrame) -> pd.DataFrame:
    """Rows of one key added up; missing only where all are."""
    return cells.groupby(
        ["dataset", "geo", "geo_version", "year", "indicator", "unit", "vintage", "series"],
        as_index=False,
    ).agg(value=("value", lambda values: values.sum(min_count=1)), flag=("flag", "max"))


def _refuse_duplicates(cells: pd.DataFrame, dataset: DeclaredDataset) -> None:
    twice = cells.duplicated(KEY, keep=False)
    if twice.any():
        first = cells.loc[twice, KEY].iloc[0].to_dict()
        raise CompendiumError(f"{dataset.file}: {int(twice.sum())} rows share their key: {first}")


def _versions(cells: pd.DataFrame, layout: Layout, lists: CodeLists) -> pd.Series:
    if layout.nuts is None:
        return cells["geo_version"].where(~cells["geo"].isin(layout.aggregates), "")
    one_set = cells["series"] if layout.series else cells["year"].astype(str)
    groups = cells["vintage"] + "|" + cells["geo"].str[:2] + "|" + one_set
    return detect_versions(cells["geo"], groups, cells["value"].notna(), layout.nuts, lists)
