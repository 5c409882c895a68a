"""The folder of fetched tables, beside data/raw: one Parquet file per dataset, and what it is.

``fetched.yaml`` names release, addresses, counts and SHA-256 of each; what was set aside lies in
``<dataset>.set-aside.csv``. A dataset that is fetched again replaces its own files only.
"""

import hashlib
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from pydantic import Field, ValidationError

from analysis.atomic import write_atomically
from analysis.inert import inert
from analysis.sources.compile import write_table
from analysis.sources.declared import Strict
from analysis.sources.fetch.carried import Place
from analysis.sources.fetch.ledger import Entry
from analysis.sources.fetch.problems import FetchError
from analysis.sources.fetch.tidy import Tidy

CONTENTS = "fetched.yaml"
HEAD = "# Written by compendium data fetch.\n"


class FetchedEntry(Strict):
    """A fetched dataset: where it belongs, its release, and the account of its figures."""

    table: str
    vintage: str
    rows: int
    sha256: str
    fetched: str
    addresses: list[str]
    cells: int
    empty: int = 0
    not_asked: int = 0
    set_aside: dict[str, int] = Field(default_factory=dict)
    absent: list[str] = Field(default_factory=list)


class Contents(Strict):
    """Every fetched dataset of a folder, by code."""

    datasets: dict[str, FetchedEntry]


def contents(folder: Path) -> Contents:
    """What a folder of fetched tables holds; FetchError where there is none or it is damaged."""
    path = folder / CONTENTS
    try:
        return Contents.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise FetchError(
            f"{path}: no fetched tables; fetch them with compendium data fetch"
        ) from error
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise FetchError(f"{path}: not a list of fetched tables; fetch them anew") from error


def read_fetched(code: str, folder: Path) -> pd.DataFrame:
    """The observations of a fetched dataset, held to the SHA-256 of ``fetched.yaml``."""
    entries = contents(folder).datasets
    if code not in entries:
        raise FetchError(f"{code} has not been fetched into {folder}; there are {_list(entries)}")
    path = folder / f"{code}.parquet"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FetchError(f"{path} is missing; fetch {code} anew") from error
    if hashlib.sha256(data).hexdigest() != entries[code].sha256:
        raise FetchError(f"{path} is not what {CONTENTS} describes; fetch {code} anew")
    return pq.read_table(pa.BufferReader(data)).to_pandas()


def _list(entries: dict[str, FetchedEntry]) -> str:
    return ", ".join(entries) or "none"


def write_fetched(place: Place, tidy: Tidy, answers: list[Entry], folder: Path) -> FetchedEntry:
    """Put a fetched dataset into the folder: what was set aside, the table, then the contents."""
    code = place.dataset.code
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{code}.parquet.tmp"
    write_table(tidy.frame, draft)
    digest = hashlib.sha256(draft.read_bytes()).hexdigest()
    aside = tidy.aside["reason"].value_counts().sort_index()
    entry = FetchedEntry(
        table=place.table,
        vintage=tidy.vintage,
        rows=len(tidy.frame),
        sha256=digest,
        fetched=max(answer.fetched for answer in answers),
        addresses=[answer.address for answer in answers],
        cells=tidy.cells,
        empty=tidy.empty,
        not_asked=tidy.not_asked,
        set_aside={str(reason): int(count) for reason, count in aside.items()},
        absent=tidy.absent,
    )
    _write_aside(tidy.aside, folder / f"{code}.set-aside.csv")
    draft.replace(folder / f"{code}.parquet")
    before = contents(folder).datasets if (folder / CONTENTS).exists() else {}
    after = dict(sorted((before | {code: entry}).items()))
    text = yaml.safe_dump(
        Contents(datasets=after).model_dump(exclude_defaults=True), sort_keys=False, width=100
    )
    write_atomically(folder / CONTENTS, (HEAD + text).encode())
    return entry


def _write_aside(aside: pd.DataFrame, path: Path) -> None:
    """A CSV that a spreadsheet opens as text: what looks like a formula is quoted."""
    if aside.empty:
        path.unlink(missing_ok=True)
        return
    texts = aside.select_dtypes(exclude="number").columns
    guarded = aside.assign(**{name: aside[name].map(inert) for name in texts})
    write_atomically(path, guarded.to_csv(index=False, lineterminator="\n").encode())
