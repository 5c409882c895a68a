"""Comparing the datasets of two folders of tables: data/raw, or a folder of fetched tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import CompendiumError
from analysis.sources.catalogue import LEDGER, DatasetEntry, catalogue, read
from analysis.sources.fetch.carried import rows_of
from analysis.sources.fetch.tables import CONTENTS, contents, read_fetched
from analysis.sources.revisions import Revisions, largest, revisions, shares, tally


@dataclass(frozen=True)
class Compared:
    """A dataset in two releases, named by their vintages, what changed, and whose figures."""

    code: str
    table: str
    before: str
    after: str
    source: str
    revised: Revisions


@dataclass(frozen=True, slots=True)
class Release:
    """A dataset as a folder holds it, and the line that names its source."""

    table: str
    vintage: str
    source: str
    frame: pd.DataFrame


def compare(before: Path, after: Path, codes: list[str]) -> list[Compared]:
    """Compare the datasets named (all that both hold, by default), in the order of ``before``.

    Of several releases of a code in a data/raw folder the first, which is the current one, is
    taken. Raises CompendiumError for a folder without tables and a code that one of them lacks.
    """
    for folder in (before, after):
        _refuse(codes, folder)
    known = set(_codes(after))
    wanted = codes or [code for code in _codes(before) if code in known]
    if not wanted:
        raise CompendiumError(f"{before} and {after} have no dataset in common")
    pairs = [(code, _release(code, before), _release(code, after)) for code in wanted]
    return [
        Compared(
            code, old.table, old.vintage, new.vintage, old.source, revisions(old.frame, new.frame)
        )
        for code, old, new in pairs
    ]


def _refuse(codes: list[str], folder: Path) -> None:
    held = _codes(folder)
    missing = [code for code in codes if code not in held]
    if missing:
        raise CompendiumError(
            f"{folder} has no dataset of observations {', '.join(missing)}; "
            f"it has {', '.join(held) or 'none'}"
        )


def _codes(folder: Path) -> list[str]:
    """Codes of the datasets of observations in a folder, each once."""
    if (folder / LEDGER).exists():
        tables = catalogue(folder).tables.values()
        kept = [table for table in tables if table.kind == "observations"]
        return list(dict.fromkeys(each.code for table in kept for each in table.datasets))
    if (folder / CONTENTS).exists():
        return list(contents(folder).datasets)
    raise CompendiumError(
        f"{folder}: neither fetched tables ({CONTENTS}) nor carried ones ({LEDGER}); "
        "fetch with compendium data fetch"
    )


def _release(code: str, folder: Path) -> Release:
    if not (folder / LEDGER).exists():
        entry = contents(folder).datasets[code]
        source = entry.addresses[0]
        return Release(entry.table, entry.vintage, source, read_fetched(code, folder))
    for name, table in catalogue(folder).tables.items():
        for dataset in table.datasets:
            if table.kind == "observations" and dataset.code == code:
                return _current(name, dataset, folder)
    raise AssertionError(f"{code} was found in {folder} a moment ago")


def _current(table: str, dataset: DatasetEntry, folder: Path) -> Release:
    """The rows of a release; of several editions within it (``V2015, V2016``) the last."""
    rows = rows_of(read(table, folder), dataset.code, dataset.vintage)
    order = ["indicator", "unit", "geo", "year", "vintage"]
    last = rows.sort_values(order).drop_duplicates(order[:-1], keep="last")
    return Release(table, dataset.vintage, dataset.citation.removeprefix("Source: "), last)


def summary(compared: Compared) -> dict[str, Any]:
    """What changed, as JSON holds it: counts, shares, by country, by year, the largest."""
    revised = compared.revised
    return {
        "dataset": compared.code,
        "table": compared.table,
        "vintage_before": compared.before,
        "vintage_after": compared.after,
        "figures_before": revised.before,
        "figures_after": revised.after,
        "counts": revised.counts,
        "shares": {kind: _number(share) for kind, share in shares(revised).items()},
        "series_gone": revised.series_gone,
        "by_country": _records(tally(revised, "country")),
        "by_year": _records(tally(revised, "year")),
        "largest": _records(largest(revised)),
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(key): _number(value) for key, value in row.items()} for row in rows]


def _number(value: Any) -> Any:
    """Plain Python numbers, twelve digits, none for what is missing."""
    if isinstance(value, float):
        return None if value != value else float(f"{value:.12g}")
    return value.item() if hasattr(value, "item") else value
