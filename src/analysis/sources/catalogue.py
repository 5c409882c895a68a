"""The ledger of ``data/raw``: what each table holds, and the readers that hold a file to it."""

import difflib
import hashlib
from functools import lru_cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from pydantic import Field, ValidationError

from analysis import CompendiumError, paths
from analysis.sources.declared import Kind, Strict

LEDGER = "catalogue.yaml"
RECOMPILE = "python -m analysis.sources.compile --from ../shared/data"


class DatasetEntry(Strict):
    """One dataset of one vintage: provenance, faults and coverage.

    ``geos`` is the number of codes, ``versions`` the number of codes per NUTS version (``none``:
    aggregates and extra-regio codes). ``missing_share`` is the share of empty cells in the grid
    codes × years × series, for observations. ``empty_cells`` (neither value nor flag) and
    ``undated_cells`` (no year) of the source are not carried.
    """

    code: str
    title: str
    vintage: str
    publisher: str
    licence: str
    citation: str
    address: str
    taken_from: str
    note: str
    rows: int
    geos: int | None = None
    versions: dict[str, int] = Field(default_factory=dict)
    first_year: int | None = None
    last_year: int | None = None
    series: int | None = None
    units: list[str] = Field(default_factory=list)
    missing_share: float | None = None
    empty_cells: int = 0
    undated_cells: int = 0


class TableEntry(Strict):
    """One table: shape, size, SHA-256 of its bytes, and the datasets in it."""

    title: str
    kind: Kind
    columns: dict[str, str]
    rows: int
    bytes: int
    sha256: str
    datasets: list[DatasetEntry]


class Catalogue(Strict):
    """Every table of ``data/raw`` by name."""

    tables: dict[str, TableEntry]


def catalogue(folder: Path | None = None) -> Catalogue:
    """The ledger of ``folder`` (default ``data/raw``), checked against its model.

    Raises CompendiumError when it is absent or malformed.
    """
    path = (folder or paths.RAW) / LEDGER
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CompendiumError(f"{path}: no catalogue; {_restore(LEDGER)}") from error
    try:
        return _parsed(text)
    except (yaml.YAMLError, ValidationError) as error:
        raise CompendiumError(f"{path}: not a catalogue: {error}; {_restore(LEDGER)}") from error


@lru_cache(maxsize=8)
def _parsed(text: str) -> Catalogue:
    """Kept by text, never by path: a ledger that changed on disk is parsed anew."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return Catalogue.model_validate(yaml.load(text, Loader=loader))


def read(table: str, folder: Path | None = None) -> pd.DataFrame:
    """A table of ``data/raw``, after holding its bytes to the SHA-256 of the ledger.

    Text columns are strings (``""`` where absent), observation values float64, years int16.
    Raises CompendiumError for an unknown table, a missing file and bytes that are not those of
    the ledger.
    """
    folder = folder or paths.RAW
    entries = catalogue(folder).tables
    if table not in entries:
        near = difflib.get_close_matches(table, entries, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(entries)}"
        raise CompendiumError(f"no table {table!r} in {folder / LEDGER}; {hint}")
    return _checked(table, entries[table].sha256, folder)


def _checked(table: str, expected: str, folder: Path) -> pd.DataFrame:
    path = folder / f"{table}.parquet"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CompendiumError(f"table {table}: {path} is missing; {_restore(path.name)}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise CompendiumError(
            f"table {table}: {path} is not what the catalogue describes "
            f"(SHA-256 expected {expected}, found {found}); {_restore(path.name)}"
        )
    return pq.read_table(pa.BufferReader(data)).to_pandas()


def _restore(name: str) -> str:
    return f"restore it with `git checkout data/raw/{name}` or compile it again with `{RECOMPILE}`"


def listing(folder: Path | None = None) -> pd.DataFrame:
    """One row per table and dataset, from the ledger alone (no table is read).

    Columns: ``table, kind, dataset, title, vintage, first_year, last_year, geos, series, rows,
    missing_share, publisher, licence, note``; years, geos, series and missing_share are missing
    where they have no meaning.
    """
    rows = [
        {
            "table": name,
            "kind": entry.kind,
            "dataset": dataset.code,
            "title": dataset.title,
            "vintage": dataset.vintage,
            "first_year": dataset.first_year,
            "last_year": dataset.last_year,
            "geos": dataset.geos,
            "series": dataset.series,
            "rows": dataset.rows,
            "missing_share": dataset.missing_share,
            "publisher": dataset.publisher,
            "licence": dataset.licence,
            "note": dataset.note,
        }
        for name, entry in catalogue(folder).tables.items()
        for dataset in entry.datasets
    ]
    counts = ["first_year", "last_year", "geos", "series", "rows"]
    types = dict.fromkeys(counts, "Int64") | {"missing_share": "float64"}
    return pd.DataFrame(rows).astype(types)
