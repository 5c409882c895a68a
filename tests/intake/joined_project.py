"""A project of its own to join files to, and checked files made by hand."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pandas as pd

from analysis import panel, paths
from analysis.intake.checked import (
    ASIDE_COLUMNS,
    OBSERVATION_COLUMNS,
    CarriedDataset,
    Checked,
    Counts,
    Indicator,
)
from analysis.panel.build import build_key
from analysis.panel.manifest import changed_tables, read_manifest

#: The published tables of the repository, and a place for the folders of this test session.
PUBLISHED = paths.RAW
_SESSION = tempfile.TemporaryDirectory(prefix="joined-")

Row = tuple[str, str, int, int, str, float]
"""geo, geo_version, NUTS level, year, indicator, value."""


@cache
def root() -> Path:
    """A project with the published tables and the panel built from them; built once.

    The repository's own tables are taken where they are those of this code.
    """
    folder = Path(_SESSION.name)
    (folder / "data").mkdir()
    (folder / "data" / "raw").symlink_to(PUBLISHED)
    built = PUBLISHED.parent / "processed"
    manifest = read_manifest(built)
    if manifest and manifest["key"] == build_key() and not changed_tables(built, manifest["files"]):
        shutil.copytree(built, folder / "data" / "processed")
    with at(folder):
        panel.build()
    return folder


@contextmanager
def at(folder: Path) -> Iterator[Path]:
    """Inside the block ``folder`` is the project."""
    before = paths.ROOT
    paths.ROOT = folder
    try:
        with paths.reading(folder / "data" / "processed"):
            yield folder
    finally:
        paths.ROOT = before


@cache
def table(name: str) -> pd.DataFrame:
    """A table of the project's own panel."""
    return pd.read_parquet(root() / "data" / "processed" / f"{name}.parquet")


def checked(
    rows: Iterable[Row],
    *indicators: Indicator,
    file: str = "mine.csv",
    cells: int | None = None,
    recognised: CarriedDataset | None = None,
) -> Checked:
    """A file after checking, with these figures; ``cells`` says they are sums over a list."""
    columns = ["geo", "geo_version", "nuts_level", "year", "indicator", "value"]
    figures = pd.DataFrame(list(rows), columns=columns)
    figures = figures.assign(unit="", flag="", vintage="", source_column="v")
    figures["source_row"] = range(2, len(figures) + 2)
    n = len(figures)
    return Checked(
        file=file,
        observations=figures[list(OBSERVATION_COLUMNS)],
        aside=pd.DataFrame(columns=list(ASIDE_COLUMNS)),
        problems=(),
        recognised=recognised,
        indicators=indicators,
        counts=Counts(n, n, 0, cells or n, cells or n, 0),
        nuts_version="2013",
        nuts_evidence=(),
        understood=(),
        notes=(),
        sha256="0" * 64,
        sidecar="",
        is_list=cells is not None,
    )
