"""Making fetched figures the carried ones: a table of data/raw and its catalogue entry.

Only the series that were fetched are replaced; others of the dataset stay at the release they are
of, and both are named in the catalogue.
"""

import hashlib
import tempfile
from pathlib import Path

import pandas as pd

from analysis.sources.catalogue import LEDGER, Catalogue, DatasetEntry, TableEntry, catalogue, read
from analysis.sources.compile import (
    check_observations,
    observation_coverage,
    write_ledger,
    write_table,
)
from analysis.sources.fetch.carried import rows_of
from analysis.sources.fetch.tables import FetchedEntry, contents, read_fetched
from analysis.sources.observations import KEY, Observations


def adopt(code: str, position: int, fetched: Path, raw: Path) -> TableEntry:
    """Put the fetched figures of a dataset in the place of the carried ones.

    ``position`` is that of the dataset among those of its table. The new table is built and
    checked beside the old one, then table and catalogue are renamed into place. A kill between
    the two renames leaves a table that the catalogue refuses, saying how to restore it.
    """
    entry = contents(fetched).datasets[code]
    new = read_fetched(code, fetched)
    ledger = catalogue(raw)
    table = ledger.tables[entry.table]
    frame = read(entry.table, raw)
    parts = [rows_of(frame, dataset.code, dataset.vintage) for dataset in table.datasets]
    parts[position] = _renewed(parts[position], new)
    whole = pd.concat(parts, ignore_index=True)
    check_observations(whole, entry.table)
    described = list(table.datasets)
    described[position] = _described(described[position], parts[position], entry)
    with tempfile.TemporaryDirectory(prefix=".adopt-", dir=raw.parent) as scratch:
        draft = Path(scratch) / f"{entry.table}.parquet"
        write_table(whole, draft)
        data = draft.read_bytes()
        updated = table.model_copy(
            update={
                "rows": len(whole),
                "bytes": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "datasets": described,
            }
        )
        tables = ledger.tables | {entry.table: updated}
        write_ledger(Catalogue(tables=tables), Path(scratch) / LEDGER)
        draft.replace(raw / draft.name)
        (Path(scratch) / LEDGER).replace(raw / LEDGER)
    return updated


def _renewed(carried: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    series = pd.MultiIndex.from_frame(new[["indicator", "unit"]]).unique()
    kept = ~pd.MultiIndex.from_frame(carried[["indicator", "unit"]]).isin(series)
    return pd.concat([carried[kept], new]).sort_values(KEY, ignore_index=True)


def _described(before: DatasetEntry, frame: pd.DataFrame, entry: FetchedEntry) -> DatasetEntry:
    """The catalogue entry with the coverage of the new figures and where they came from."""
    more = f" and {len(entry.addresses) - 1} more" if len(entry.addresses) > 1 else ""
    note = f"Fetched from the publisher on {entry.fetched[:10]}. "
    if not before.note.startswith("Fetched from the publisher"):
        note += f"Of the release before: {before.note}"
    else:
        note += before.note.partition(". ")[2]
    described = before.model_dump() | {"taken_from": entry.addresses[0] + more, "note": note}
    part = Observations(frame, entry.cells, entry.empty, 0)
    return DatasetEntry.model_validate(described | observation_coverage(part))
