"""Compile ``data/raw`` from the folder of source files.

    python -m analysis.sources.compile --from ../shared/data

reads the files that ``datasets.yaml`` describes, checks and reshapes them, and writes the
project's own tables (Parquet) with the ledger ``catalogue.yaml``. The same sources give the same
bytes. Everything is built and checked in a temporary folder before anything is replaced; a kill
in between leaves at worst a table the ledger refuses, and compiling again repairs it.
"""

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pandera.pandas as pa_checks
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from analysis import CompendiumError, paths
from analysis.sources.catalogue import LEDGER, Catalogue, DatasetEntry, TableEntry
from analysis.sources.declared import (
    Declaration,
    DeclaredDataset,
    DeclaredTable,
    Publisher,
    declaration,
)
from analysis.sources.observations import SCHEMA, Observations, observations
from analysis.sources.records import BUILDERS, Source
from analysis.sources.tabular import read_text_table
from analysis.sources.territories import CodeLists, code_lists

LEDGER_HEAD = "# Written by analysis.sources.compile from src/analysis/sources/datasets.yaml.\n"
GEO_COLUMNS = ("geo", "geo_a", "geo_b", "code", "country_a", "country_b")


def compile_tables(source: Path, target: Path, declared: Declaration) -> Catalogue:
    """Build every declared table from the files in ``source`` and put it into ``target``.

    Raises CompendiumError, leaving ``target`` as it was, when a source is absent or is not as
    described.
    """
    if not source.is_dir():
        raise CompendiumError(f"{source}: no such folder; give the source files with --from")
    lists = _code_lists(source, declared)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".compile-", dir=target.parent) as scratch:
        folder = Path(scratch)
        entries = {
            name: _compile_table(name, table, declared.publishers, source, folder, lists)
            for name, table in declared.tables.items()
        }
        ledger = Catalogue(tables=entries)
        write_ledger(ledger, folder / LEDGER)
        _replace(folder, target, [f"{name}.parquet" for name in entries])
    return ledger


def _code_lists(source: Path, declared: Declaration) -> CodeLists:
    names = declared.tables["nuts_names"].datasets[0]
    changes = declared.tables["nuts_changes"].datasets[0]
    return code_lists(
        read_text_table(source, names.file, names.source_rows),
        read_text_table(source, changes.file, changes.source_rows),
    )


def _compile_table(
    name: str,
    table: DeclaredTable,
    publishers: dict[str, Publisher],
    source: Path,
    folder: Path,
    lists: CodeLists,
) -> TableEntry:
    sources = [
        Source(read_text_table(source, dataset.file, dataset.source_rows), dataset)
        for dataset in table.datasets
    ]
    if table.kind == "observations":
        parts = [observations(each.frame, each.dataset, lists) for each in sources]
        frame = pd.concat([part.frame for part in parts], ignore_index=True)
        check_observations(frame, name)
        coverage = [observation_coverage(part) for part in parts]
    else:
        frame = BUILDERS[name](sources, lists).reset_index(drop=True)
        coverage = [_record_coverage(dataset, frame) for dataset in table.datasets]
    arrow = write_table(frame, folder / f"{name}.parquet")
    data = (folder / f"{name}.parquet").read_bytes()
    return TableEntry(
        title=table.title,
        kind=table.kind,
        columns={field.name: str(field.type) for field in arrow.schema},
        rows=len(frame),
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        datasets=[
            DatasetEntry.model_validate(_described(dataset, publishers) | covered)
            for dataset, covered in zip(table.datasets, coverage, strict=True)
        ],
    )


def check_observations(frame: pd.DataFrame, name: str) -> None:
    """Hold a table of observations to its schema; CompendiumError with the first case."""
    try:
        SCHEMA.validate(frame)
    except pa_checks.errors.SchemaError as error:
        cases = error.failure_cases
        first = cases.iloc[0].to_dict() if isinstance(cases, pd.DataFrame) else cases
        raise CompendiumError(f"table {name}: {error.check} fails, first at {first}") from error


def write_table(frame: pd.DataFrame, path: Path) -> pa.Table:
    """Write Parquet without pandas' metadata: the bytes depend on the figures alone."""
    arrow = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    columns = [
        pa.field(field.name, pa.string() if pa.types.is_large_string(field.type) else field.type)
        for field in arrow.schema
    ]
    arrow = arrow.cast(pa.schema(columns))
    pq.write_table(arrow, path, compression="zstd", compression_level=19)
    return arrow


def observation_coverage(part: Observations) -> dict[str, object]:
    """What a dataset of observations covers, in the fields of :class:`DatasetEntry`."""
    frame = part.frame
    codes = frame[["geo", "geo_version"]].drop_duplicates()
    per_version = codes["geo_version"].replace("", "none").value_counts().sort_index()
    series = len(frame[["vintage", "indicator", "unit"]].drop_duplicates())
    grid = frame["geo"].nunique() * frame["year"].nunique() * series
    return {
        "vintage": ", ".join(sorted(frame["vintage"].unique())),
        "rows": len(frame),
        "geos": frame["geo"].nunique(),
        "versions": {str(version): int(count) for version, count in per_version.items()},
        "first_year": int(frame["year"].min()),
        "last_year": int(frame["year"].max()),
        "series": series,
        "units": sorted(frame["unit"].unique()),
        "missing_share": round(1 - int(frame["value"].notna().sum()) / grid, 4),
        "empty_cells": part.empty,
        "undated_cells": part.undated,
    }


def _record_coverage(dataset: DeclaredDataset, frame: pd.DataFrame) -> dict[str, object]:
    """What a dataset of a table of records covers, in the fields of :class:`DatasetEntry`."""
    if "dataset" in frame.columns:
        frame = frame[frame["dataset"] == dataset.code]
    if dataset.fills:
        frame = frame[frame[dataset.fills] != ""]
    geo = [column for column in GEO_COLUMNS if column in frame.columns]
    year = frame["year"].dropna() if "year" in frame.columns else pd.Series(dtype="int64")
    return {
        "vintage": dataset.vintage,
        "rows": len(frame),
        "geos": pd.concat([frame[column] for column in geo]).nunique() if geo else None,
        "first_year": int(year.min()) if len(year) else None,
        "last_year": int(year.max()) if len(year) else None,
    }


def _described(dataset: DeclaredDataset, publishers: dict[str, Publisher]) -> dict[str, object]:
    publisher = publishers[dataset.publisher]
    return {
        "code": dataset.code,
        "title": dataset.title,
        "publisher": publisher.name,
        "licence": publisher.licence,
        "citation": publisher.citation,
        "address": dataset.address,
        "taken_from": dataset.taken_from,
        "note": dataset.note,
    }


def write_ledger(ledger: Catalogue, path: Path) -> None:
    """Write the catalogue of a folder of tables."""
    text = yaml.safe_dump(
        ledger.model_dump(exclude_defaults=True), sort_keys=False, allow_unicode=True, width=100
    )
    path.write_text(LEDGER_HEAD + text, encoding="utf-8", newline="\n")


def _replace(built: Path, target: Path, tables: list[str]) -> None:
    """Move the tables, then the ledger, into place; remove tables the ledger no longer has."""
    target.mkdir(parents=True, exist_ok=True)
    for name in [*tables, LEDGER]:
        (built / name).replace(target / name)
    for stale in sorted(target.glob("*.parquet")):
        if stale.name not in tables:
            stale.unlink()


def main(arguments: list[str] | None = None) -> int:
    """Command line of the compiler; returns the exit status."""
    parser = argparse.ArgumentParser(description="Compile data/raw from the source files.")
    parser.add_argument("--from", dest="source", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--to", dest="target", type=Path, default=paths.RAW, metavar="FOLDER")
    options = parser.parse_args(arguments)
    try:
        ledger = compile_tables(options.source, options.target, declaration())
    except CompendiumError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    rows = sum(table.rows for table in ledger.tables.values())
    size = sum(table.bytes for table in ledger.tables.values()) / 1e6
    print(f"{len(ledger.tables)} tables, {rows} rows, {size:.1f} MB in {options.target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
