"""What data/raw holds of a dataset, seen from the publisher's side."""

import difflib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.sources.catalogue import catalogue, read
from analysis.sources.declared import Declaration, DeclaredDataset
from analysis.sources.fetch.problems import FetchError
from analysis.sources.territories import EXTRA_REGIO, OLD_VERSIONS, VERSIONS, CodeLists


@dataclass(frozen=True, slots=True)
class Place:
    """A declared dataset and where it stands: its table and its position among the table's."""

    table: str
    position: int
    dataset: DeclaredDataset


def places(declared: Declaration) -> list[Place]:
    """Every declared dataset, in the order of the declaration."""
    return [
        Place(name, position, dataset)
        for name, table in declared.tables.items()
        for position, dataset in enumerate(table.datasets)
    ]


def chosen(names: list[str], declared: Declaration) -> list[Place]:
    """The datasets to fetch: those named (by code or table), else all that can be.

    Of several releases of one code the one that can be fetched is meant. Raises FetchError for a
    name that stands for nothing, and for one that cannot be fetched, with the reason.
    """
    everything = places(declared)
    fetchable = [place for place in everything if place.dataset.query is not None]
    if not names:
        return fetchable
    picked: list[Place] = []
    for name in names:
        meant = [place for place in everything if name in (place.dataset.code, place.table)]
        found = [place for place in meant if place in fetchable]
        if not found:
            raise FetchError(_why_not(name, meant, everything))
        picked += [place for place in found if place not in picked]
    return picked


def _why_not(name: str, meant: list[Place], everything: list[Place]) -> str:
    if meant:
        return f"{name} cannot be fetched: {meant[0].dataset.not_fetched}"
    known = [place.dataset.code for place in everything] + [place.table for place in everything]
    near = difflib.get_close_matches(name, sorted(set(known)), n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "see compendium data fetch --list"
    return f"no dataset or table {name!r}; {hint}"


def carried_rows(place: Place, raw: Path) -> pd.DataFrame:
    """The rows of a dataset in data/raw, of the release that is current there."""
    entry = catalogue(raw).tables[place.table].datasets[place.position]
    frame = read(place.table, raw)
    return rows_of(frame, entry.code, entry.vintage)


def rows_of(frame: pd.DataFrame, code: str, vintage: str) -> pd.DataFrame:
    """Rows of a dataset and release; ``vintage`` is as in the catalogue, several with commas."""
    rows = frame["dataset"].eq(code) & frame["vintage"].isin(vintage.split(", "))
    return frame[rows].reset_index(drop=True)


def nuts_lists(raw: Path) -> CodeLists:
    """The codes of each NUTS version, oldest first, from the tables of data/raw."""
    changes, names = read("nuts_changes", raw), read("nuts_names", raw)
    codes = {v: changes.loc[changes["from_version"] == v, "from_code"] for v in OLD_VERSIONS}
    codes |= {v: names.loc[names["version"] == v, "code"] for v in VERSIONS}
    return {
        version: frozenset(code for code in column if code and not EXTRA_REGIO.fullmatch(code))
        for version, column in codes.items()
    }
