"""The Commission's cohesion portal (Socrata): CSV in pages, in the order of the rows' ids."""

from urllib.parse import quote

import pandas as pd

from analysis.sources.declared import DeclaredDataset, Query
from analysis.sources.fetch.grid import grid_of
from analysis.sources.fetch.problems import FetchError
from analysis.sources.fetch.published import Published
from analysis.sources.fetch.session import CSV, Question, Session
from analysis.sources.fetch.tidy import layout_of
from analysis.sources.observations import columns_used

PER_PAGE = 50_000
MOST_PAGES = 200
#: The portal writes names in small letters and cuts long ones.
CUT_FROM = 20


def fetch(query: Query, base: str, dataset: DeclaredDataset, session: Session) -> Published:
    """All rows of a table of the portal."""
    where = f"cohesion portal {query.code}"
    frames: list[pd.DataFrame] = []
    updated = ""
    for page in range(MOST_PAGES):
        address = (
            f"{base}/resource/{quote(query.code)}.csv"
            f"?$limit={PER_PAGE}&$offset={page * PER_PAGE}&$order=:id"
        )
        answer = session.answer(Question(address, dataset.code, "text/csv", CSV))
        updated = max(updated, answer.updated)
        if frames and answer.text.count("\n") <= 1:  # names only: the end, on a full page
            break
        frames.append(grid_of(answer.text, where))
        if list(frames[-1].columns) != list(frames[0].columns):
            raise FetchError(f"{where}: page {page + 1} has other columns than the first")
        if len(frames[-1]) < PER_PAGE:
            break
    else:
        raise FetchError(f"{where}: more than {MOST_PAGES} pages of {PER_PAGE} rows")
    return Published(_carried_names(pd.concat(frames, ignore_index=True), dataset), updated)


def _carried_names(frame: pd.DataFrame, dataset: DeclaredDataset) -> pd.DataFrame:
    """The columns of the layout under the names they have in the file of the portal."""
    names = {}
    for column in columns_used(dataset, layout_of(dataset)):
        found = [name for name in frame.columns if _same(name, column)]
        if len(found) == 1:
            names[found[0]] = column
    return frame.rename(columns=names)


def _same(name: str, column: str) -> bool:
    wanted = column.lower().replace(" ", "_")
    return name.lower() == wanted or (len(name) >= CUT_FROM and wanted.startswith(name.lower()))
