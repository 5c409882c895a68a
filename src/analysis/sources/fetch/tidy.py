"""From what a publisher answers to our observations, with an account of every figure.

What the compendium does not know (a territory of no classification, a unit, an indicator or a
level of territory that the carried dataset has not, a flag that is none) is set aside with its
reason, never dropped: figures in the answer = used + set aside + empty. A dimension that has gone,
or a new one with several values, makes the whole answer useless and is refused.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis import CompendiumError
from analysis.sources.compile import check_observations
from analysis.sources.declared import DeclaredDataset, Layout, Query
from analysis.sources.fetch.problems import FetchError
from analysis.sources.fetch.published import Published
from analysis.sources.observations import Observations, columns_used, observations
from analysis.sources.territories import EXTRA_REGIO, CodeLists

SERIES = ["indicator", "unit"]
#: Years of statistics; see the schema of observations.
YEARS = (1950, 2030)
#: Flags are a few letters; new ones are kept, texts are not.
FLAG = r"[A-Za-z0-9]{0,8}"
#: Columns of an answer that are no dimension of the figures.
ABOUT = frozenset({"dataflow", "last update", "flag", "value", "structure", "structure_id",
                   "structure_name", "action"})  # fmt: skip


@dataclass(frozen=True)
class Tidy:
    """Observations of a dataset, those set aside (with ``reason``), and the account.

    ``cells`` = rows of ``frame`` + rows of ``aside`` + ``empty``; ``not_asked`` rows of the answer
    are of other codes than those asked for; ``absent`` are carried series the query asks for that
    the answer has not.
    """

    frame: pd.DataFrame
    aside: pd.DataFrame
    vintage: str
    cells: int
    empty: int
    not_asked: int
    absent: list[str]


def tidy(
    published: Published, dataset: DeclaredDataset, carried: pd.DataFrame, lists: CodeLists
) -> Tidy:
    """The answer as observations of ``dataset``, of the vintage of its last update.

    ``carried`` are the rows of the dataset in data/raw, ``lists`` the codes of each NUTS version.
    Raises FetchError when the answer has another form, or nothing of what is carried.
    """
    query = dataset.query
    if query is None:
        raise FetchError(f"{dataset.code}: datasets.yaml says no query")
    asked = _as_layout(dataset, published, query)
    frame = _recoded(published.frame, query)
    chosen = _asked_for(frame, asked, query)
    try:
        found = observations(chosen, asked, lists)
    except CompendiumError as error:
        raise FetchError(f"{error}; nothing is replaced") from error
    reason = _reasons(found.frame, carried, lists)
    used = found.frame[reason == ""].reset_index(drop=True)
    if used.empty:
        raise FetchError(_nothing_used(asked, found, reason))
    check_observations(used, dataset.code)
    return Tidy(
        frame=used,
        aside=found.frame.assign(reason=reason)[reason != ""].reset_index(drop=True),
        vintage=published.updated,
        cells=found.cells,
        empty=found.empty + found.undated,
        not_asked=len(frame) - len(chosen),
        absent=_absent(used, carried, query),
    )


def layout_of(dataset: DeclaredDataset) -> Layout:
    """The layout of a dataset that is fetched (the declaration holds it to have one)."""
    if dataset.layout is None:
        raise FetchError(f"{dataset.code}: datasets.yaml gives no layout")
    return dataset.layout


def _as_layout(dataset: DeclaredDataset, published: Published, query: Query) -> DeclaredDataset:
    """The dataset as if the answer were its source file; new flags are kept."""
    layout = layout_of(dataset)
    flags = ["flag"] if "flag" in published.frame else layout.flags
    name = f"{query.client} {query.code}"
    return dataset.model_copy(
        update={
            "file": name,
            "vintage": published.updated,
            "layout": layout.model_copy(update={"flags": flags}),
        }
    )


def _recoded(frame: pd.DataFrame, query: Query) -> pd.DataFrame:
    for column, names in query.recodes.items():
        if column in frame:
            frame = frame.assign(**{column: frame[column].replace(names)})
    return frame


def _asked_for(frame: pd.DataFrame, dataset: DeclaredDataset, query: Query) -> pd.DataFrame:
    """The rows of the codes asked for, after holding the answer to its dimensions."""
    layout = layout_of(dataset)
    used = columns_used(dataset, layout)
    missing = [column for column in [*used, *query.where] if column not in frame]
    if missing:
        raise FetchError(
            f"{dataset.file}: no dimension {', '.join(dict.fromkeys(missing))} in the answer "
            f"(it has {', '.join(frame.columns)}): the publisher has changed the dataset; "
            "nothing is replaced"
        )
    for column, codes in query.where.items():
        frame = frame[frame[column].isin(codes)]
    if query.client == "eurostat":
        _refuse_new_dimension(frame, [*used, *query.where], dataset.file)
    return frame.reset_index(drop=True)


def _refuse_new_dimension(frame: pd.DataFrame, known: list[str], where: str) -> None:
    for column in frame.columns:
        values = sorted(frame[column].unique())
        if column not in known and column.lower() not in ABOUT and len(values) > 1:
            raise FetchError(
                f"{where}: the dimension {column} has {len(values)} values "
                f"({', '.join(values[:5])}) and the query chooses none; say which in "
                "datasets.yaml (query, where); nothing is replaced"
            )


# ---------------------------------------------------------------- what is set aside


def _reasons(found: pd.DataFrame, carried: pd.DataFrame, lists: CodeLists) -> pd.Series:
    """Why each row is set aside, ``""`` for those used; the first reason that holds."""
    series = carried[SERIES].drop_duplicates()
    together = pd.MultiIndex.from_frame(found[SERIES]).isin(pd.MultiIndex.from_frame(series))
    rules = {
        "unknown territory": ~_known_codes(found["geo"], carried, lists),
        "level of territory not carried": ~_known_levels(found, carried, lists),
        "unknown unit": ~found["unit"].isin(series["unit"]),
        "unknown indicator": ~found["indicator"].isin(series["indicator"]),
        "indicator not carried in this unit": pd.Series(~together, found.index),
        "year out of range": ~found["year"].between(*YEARS),
        "not a finite number": np.isinf(found["value"]),
        "not a flag": ~found["flag"].str.fullmatch(FLAG),
    }
    reason = pd.Series("", found.index, dtype=str)
    for words, holds in rules.items():
        reason = reason.where(~holds | (reason != ""), words)
    return reason


def _known_codes(geo: pd.Series, carried: pd.DataFrame, lists: CodeLists) -> pd.Series:
    """Codes carried already, and for regions those of any NUTS version or of no region."""
    known = geo.isin(carried["geo"].unique())
    if carried["geo_version"].isin(list(lists)).any():
        known |= geo.isin(frozenset().union(*lists.values())) | geo.str.fullmatch(
            EXTRA_REGIO.pattern
        )
    return known


def _known_levels(found: pd.DataFrame, carried: pd.DataFrame, lists: CodeLists) -> pd.Series:
    """Whether the NUTS level (the length of the code) is one the dataset is carried for."""
    codes = carried.loc[carried["geo_version"].isin(list(lists)), "geo"].drop_duplicates()
    here = found["geo_version"].isin(list(lists))
    return ~here | found["geo"].str.len().isin(codes.str.len().unique())


def _nothing_used(dataset: DeclaredDataset, found: Observations, reason: pd.Series) -> str:
    tally = reason.value_counts().sort_index()
    counts = ", ".join(f"{words} {count}" for words, count in tally.items())
    return (
        f"{dataset.file}: none of the {found.cells} figures of the answer is of a series carried "
        f"({counts or 'all empty'}); nothing is replaced"
    )


def _absent(used: pd.DataFrame, carried: pd.DataFrame, query: Query) -> list[str]:
    """Carried series (``indicator [unit]``) within what is asked that did not come."""
    here, before = (
        set(frame[SERIES].drop_duplicates().itertuples(index=False, name=None))
        for frame in (used, carried)
    )
    gone = sorted(pair for pair in before - here if not query.series or pair[0] in query.series)
    return [f"{indicator} [{unit}]" if unit else indicator for indicator, unit in gone]
