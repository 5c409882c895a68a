"""What the pages are made of: runs, the register, papers, statistics."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from analysis import CompendiumError, panel, paths
from analysis.claims.assembly import Entry
from analysis.report.brief import Brief, Context, compose
from analysis.sources import catalogue
from analysis.sources.catalogue import DatasetEntry
from analysis.studies.folders import find_studies
from analysis.studies.schema import Study, read_study

#: Name of the table with one row per published study.
REPLICATIONS = "replications"


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: where it is and what its record says."""

    folder: Path
    record: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of its notebook."""
        return str(self.record["name"])


@dataclass(frozen=True, slots=True)
class Paper:
    """A notebook as a page: English HTML and what lists of papers show of it."""

    run: Run
    title: str
    answer: str
    body: str
    contents: list[tuple[str, str]]
    thumbnail: bytes
    n_tables: int
    n_figures: int

    @property
    def name(self) -> str:
        """Name of its notebook."""
        return self.run.name


@dataclass(frozen=True, slots=True)
class Statistics:
    """The panel's regions (geo × year), rows and columns of each table, codebook, datasets."""

    regions: pd.DataFrame
    sizes: Mapping[str, tuple[int, int]]
    codebook: pd.DataFrame
    datasets: tuple[DatasetEntry, ...]

    @property
    def publishers(self) -> list[tuple[str, str]]:
        """Each publisher with the vintages of its data."""
        vintages: dict[str, set[str]] = {}
        for dataset in self.datasets:
            vintages.setdefault(dataset.publisher, set()).add(dataset.vintage)
        return [(name, ", ".join(sorted(found))) for name, found in sorted(vintages.items())]


@dataclass(frozen=True, slots=True)
class Content:
    """All of it.

    ``curves``, ``without``: what the runs kept of each claim, by claim (specification curve;
    headline without each country). ``importance``: ``id, choice, share``. ``studies``: as declared,
    by id. ``statistics`` is None where the project carries no data. ``briefs``: what the briefs of
    territories share, None where the site has none of them.
    """

    runs: tuple[Run, ...]
    entries: tuple[Entry, ...]
    curves: Mapping[str, pd.DataFrame]
    importance: pd.DataFrame
    without: Mapping[str, pd.DataFrame]
    papers: tuple[Paper, ...]
    studies: Mapping[str, Study]
    statistics: Statistics | None
    briefs: Context | None
    _composed: dict[str, Brief] = field(default_factory=dict, repr=False)

    def brief_of(self, geo: str) -> Brief:
        """The brief of a territory, composed once for both languages."""
        assert self.briefs is not None
        if geo not in self._composed:
            self._composed[geo] = compose(self.briefs, geo)
        return self._composed[geo]

    @property
    def replications(self) -> Run | None:
        """The run that computed published studies again."""
        wanted = Path("tables") / f"{REPLICATIONS}.csv"
        return next((run for run in self.runs if (run.folder / wanted).is_file()), None)

    @property
    def absent(self) -> set[str]:
        """Keys of the sections that these runs and data leave empty."""
        empty = set()
        if self.statistics is None:
            empty.add("nav.data")
        if self.briefs is None:
            empty |= {"nav.territories", "nav.explore"}
        if self.replications is None:
            empty.add("nav.studies")
        return empty


def read_run(folder: Path) -> Run:
    """The run in ``folder``; CompendiumError where it is not finished or its record is broken."""
    for needed in ("record.json", "notebook.ipynb"):
        if not (folder / needed).is_file():
            raise CompendiumError(f"{folder} is not a finished run: it has no {needed}")
    try:
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        record["name"], record["title"], record["key"]
    except (ValueError, KeyError, TypeError) as error:
        raise CompendiumError(
            f"{folder / 'record.json'} is not a run record ({error!r}); run the notebook again"
        ) from None
    return Run(folder, record)


def read_studies() -> dict[str, Study]:
    """The studies of the project by id, as their files declare them."""
    return {folder.name: read_study(folder).study for folder in find_studies([])}


def read_statistics() -> Statistics | None:
    """The panel of the project, built where it is not; None where there are no raw data."""
    if not (paths.RAW / "catalogue.yaml").is_file():
        return None
    regions = panel.load("regions")
    sizes = {name: _size(paths.PROCESSED / f"{name}.parquet") for name in panel.TABLES}
    codebook = pd.read_csv(paths.PROCESSED / "codebook.csv", keep_default_na=False)
    datasets = tuple(d for table in catalogue().tables.values() for d in table.datasets)
    return Statistics(regions, sizes, codebook, datasets)


def _size(table: Path) -> tuple[int, int]:
    facts = pq.read_metadata(table)
    return facts.num_rows, facts.num_columns
