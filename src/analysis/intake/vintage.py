"""A newer vintage of a carried dataset: its table of ``data/raw`` compiled anew with it.

The code is that of the compiler; what it needs besides the new file (the other datasets of the
table) is taken from the tables that are there.
"""

from collections.abc import Callable

import pandas as pd
import pyarrow as pa

from analysis.sources.declared import DeclaredDataset, declaration
from analysis.sources.observations import observations
from analysis.sources.records import BUILDERS, LINK_THEMES, Source
from analysis.sources.territories import CodeLists


def recompiled(
    table: str,
    dataset: DeclaredDataset,
    frame: pd.DataFrame,
    file: str,
    carried: pd.DataFrame,
    lists: CodeLists,
) -> pd.DataFrame:
    """The table ``carried`` of ``data/raw`` with ``frame`` in place of what ``dataset`` held in it.

    frame: cells of the file as text. lists: the codes of each NUTS version. The rows keep the name
    of the vintage they stand in for, by which the panel finds them.

    Raises CompendiumError naming the file, row and column that do not fit.
    """
    renamed = dataset.model_copy(update={"file": file})
    if declaration().tables[table].kind != "observations":
        return _records(table, renamed, frame, carried, lists)
    new = observations(frame, renamed, lists).frame
    stand_in = carried["dataset"].eq(dataset.code)
    if "{" not in dataset.vintage:
        stand_in &= carried["vintage"].eq(dataset.vintage)
    return pd.concat([carried[~stand_in], new], ignore_index=True)


def _records(
    table: str,
    dataset: DeclaredDataset,
    frame: pd.DataFrame,
    carried: pd.DataFrame,
    lists: CodeLists,
) -> pd.DataFrame:
    """A table of records by its builder; its other source file is read back from the table."""
    datasets = declaration().tables[table].datasets
    read_back = _SOURCES[table](carried) if len(datasets) > 1 else {}
    sources = [
        Source(frame, dataset) if one.code == dataset.code else Source(read_back[one.code], one)
        for one in datasets
    ]
    return _as_read_back(BUILDERS[table](sources, lists))


def _as_read_back(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with the types it has when it is read from ``data/raw``."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return table.replace_schema_metadata(None).to_pandas()


def _link_sources(links: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The two files of Interreg links as they were: one row per pair and year, or period."""
    recent = links[links["dataset"].eq("keep_2014_2020")]
    early = links[links["dataset"].eq("keep_2000_2013")]
    by_theme = recent.pivot(index=["geo_a", "geo_b", "year"], columns="theme", values="n_projects")
    columns = {theme: column for column, theme in LINK_THEMES.items()}
    wide = by_theme.fillna(0).astype("int64").rename(columns=columns).reset_index()
    wide = wide.rename(columns={"geo_a": "nuts2_a", "geo_b": "nuts2_b", "year": "start_year"})
    named = early.rename(
        columns={"geo_a": "nuts2_a", "geo_b": "nuts2_b", "n_projects": "n_shared_projects"}
    )
    return {
        "keep_2014_2020": wide.astype(str),
        "keep_2000_2013": named[["nuts2_a", "nuts2_b", "period", "n_shared_projects"]].astype(str),
    }


def _name_sources(names: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The list of codes and the list of labels as they were."""
    codes = names.rename(columns={"version": "nuts_version", "code": "nuts_id"})
    labels = names[names["label_2026"].ne("")].rename(columns={"code": "geo", "label_2026": "name"})
    return {
        "nuts_names": codes.drop(columns="label_2026").astype(str),
        "labels_2026": labels[["geo", "name"]].astype(str),
    }


#: Tables made of two files: how each is read back from the table.
_SOURCES: dict[str, Callable[[pd.DataFrame], dict[str, pd.DataFrame]]] = {
    "interreg_links": _link_sources,
    "nuts_names": _name_sources,
}
