"""Newer vintages of the carried datasets: recognised by their columns and figures."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis import CompendiumError, sources
from analysis.intake.checked import CarriedDataset
from analysis.intake.native import OWN, asked_for
from analysis.intake.problems import Problem
from analysis.intake.sheets import Sheet, cell_text
from analysis.intake.words import declared
from analysis.panel.build import RAW_TABLES
from analysis.sources.declared import DeclaredDataset, declaration
from analysis.sources.observations import observations
from analysis.sources.territories import CodeLists

#: Rows looked at to tell datasets of the same columns apart.
SAMPLE = 600
#: Share of the sampled figures that must stand in the carried dataset, within a fifth.
ENOUGH, MARGIN, CLOSE = 0.2, 0.1, 0.2
KEY = ["geo", "year", "indicator", "unit"]
ROW = "\x1frow"


def recognise(
    sheet: Sheet, wanted: str, lists: CodeLists
) -> tuple[CarriedDataset | None, list[Problem]]:
    """The carried dataset a sheet is a vintage of, None for a file of one's own.

    wanted: a dataset code, which settles it, ``own``, or ``""``. Datasets of the same columns are
    told apart by their figures.
    """
    candidates = [
        CarriedDataset(each["table"], each["code"], each["vintage"], "the columns are those of it")
        for each in declared("carried")["datasets"]
        if set(each["columns"]) == set(sheet.header) and wanted in ("", each["code"])
    ]
    if wanted == OWN:
        return None, []
    if wanted and not candidates:
        return None, [_not_of_this_form(sheet, wanted)]
    scored = [(_agreement(sheet, each, lists), each) for each in candidates]
    scored = [pair for pair in scored if wanted or pair[0] >= ENOUGH]
    scored.sort(key=lambda pair: (-pair[0], pair[1].table, pair[1].code, pair[1].vintage))
    if not scored:
        return None, []
    (best, found), *others = scored
    rivals = [each for score, each in others if best - score < MARGIN]
    if rivals:
        found, *rivals = sorted([found, *rivals], key=lambda each: _size_gap(sheet, each))
        if _size_gap(sheet, rivals[0]) - _size_gap(sheet, found) < np.log(2):
            return None, [_several_datasets(sheet, [found.code, *(each.code for each in rivals)])]
    evidence = f"the columns are those of {found.code} (carried: {found.vintage})"
    if best < 1:
        evidence += f", {best:.0%} of the figures compared are as carried, within a fifth"
    return CarriedDataset(found.table, found.code, found.vintage, evidence), []


def is_in_panel(found: CarriedDataset) -> bool:
    """Whether any column of the panel is made of a carried dataset."""
    return found.table in RAW_TABLES and found.code not in declared("carried")["not_in_panel"]


def declared_dataset(found: CarriedDataset) -> DeclaredDataset:
    """How the catalogue declares a dataset. Raises CompendiumError where it has none such."""
    for dataset in declaration().tables[found.table].datasets:
        if (dataset.code, dataset.vintage) == (found.code, found.vintage):
            return asked_for(dataset) if found.native else dataset
    raise CompendiumError(f"datasets.yaml has no {found.code} of {found.vintage}")


def text_frame(sheet: Sheet, rows: Sequence[int] | None = None) -> pd.DataFrame:
    """The cells as text, ``""`` where empty, as the compiler of ``data/raw`` reads them."""
    chosen = range(len(sheet.cells)) if rows is None else rows
    columns = {
        header: [cell_text(sheet.cells[at][position]) for at in chosen]
        for position, header in enumerate(sheet.header)
    }
    return pd.DataFrame(columns, dtype=str)


def _agreement(sheet: Sheet, found: CarriedDataset, lists: CodeLists) -> float:
    """Share of sampled figures that the carried dataset has too, within a fifth of their value."""
    dataset = declared_dataset(found)
    if dataset.layout is None:
        return 1.0
    step = max(1, len(sheet.cells) // SAMPLE)
    frame = text_frame(sheet, range(0, len(sheet.cells), step))
    try:
        new = observations(frame, dataset, lists).frame
    except CompendiumError:
        # Cells that cannot be read are reported once the dataset is known.
        return ENOUGH
    old = sources.read(found.table)
    old = old[(old["dataset"] == found.code) & _of_vintage(old, found)]
    new = new[new["value"].notna()]
    if new.empty:
        return 0.0
    both = new.merge(old[[*KEY, "value"]], on=KEY, how="left", suffixes=("", "_carried"))
    gap = (both["value"] - both["value_carried"]).abs()
    close = (gap <= CLOSE * both["value_carried"].abs()) & both["value_carried"].notna()
    return float(close.groupby([both[column] for column in KEY]).any().mean())


def _of_vintage(old: pd.DataFrame, found: CarriedDataset) -> pd.Series:
    if "{" in found.vintage:
        return pd.Series(True, index=old.index)
    return old["vintage"] == found.vintage


def _size_gap(sheet: Sheet, found: CarriedDataset) -> float:
    """How far the file's length is from that of the carried one (log): tells a table from a part
    of it with the same figures."""
    rows = declared_dataset(found).source_rows
    return abs(float(np.log(max(1, len(sheet.cells)) / rows)))


def carried_figures(found: CarriedDataset) -> pd.DataFrame:
    """The dataset as it is carried: columns of observations."""
    old = sources.read(found.table)
    return old[(old["dataset"] == found.code) & _of_vintage(old, found)]


def source_rows(frame: pd.DataFrame, dataset: DeclaredDataset, lists: CodeLists) -> pd.Series:
    """First row (position) of each observation, by vintage and ``KEY``.

    The compiler's own code makes the observations again, with the row number carried along in the
    vintage.
    """
    numbered = frame.assign(**{ROW: [str(at) for at in range(len(frame))]})
    traced = dataset.model_copy(update={"vintage": f"{dataset.vintage}{ROW}{{{ROW}}}"})
    found = observations(numbered, traced, lists).frame
    vintage = found["vintage"].str.split(ROW, n=1)
    found = found.assign(vintage=vintage.str[0], at=vintage.str[1].astype(int))
    return found.groupby(["vintage", *KEY])["at"].agg(list)


def cell_rules(frame: pd.DataFrame, dataset: DeclaredDataset) -> pd.DataFrame:
    """Each cell of the measures: ``at``, ``column`` (header), ``value`` (text), ``rule``.

    The rule is ``""`` where the compiler makes an observation of the cell.
    """
    layout = dataset.layout
    if layout is None:
        raise CompendiumError(f"{dataset.code}: datasets.yaml gives no layout")
    wanted = _selected(frame, layout.where)
    flag = np.array([False] * len(frame))
    for column in layout.flags:
        flag |= (frame[column] != "").to_numpy()
    dated = (frame[layout.year] != "").to_numpy() if isinstance(layout.year, str) else True
    parts = []
    for measure in layout.measures:
        chosen = wanted & _selected(frame, measure.where)
        empty = (frame[measure.column] == "").to_numpy() & ~flag
        rule = np.select(
            [~chosen, empty, ~(dated | empty)], ["row.not-carried", "value.empty", "year.empty"], ""
        )
        parts.append(
            pd.DataFrame(
                {
                    "at": range(len(frame)),
                    "column": measure.column,
                    "value": frame[measure.column],
                    "rule": rule,
                }
            )
        )
    cells = pd.concat(parts, ignore_index=True)
    # Two measures may read one column for different rows: the cell is used if one uses it.
    cells = cells.sort_values(["at", "column", "rule"], kind="stable")
    return cells.drop_duplicates(["at", "column"]).reset_index(drop=True)


def _selected(frame: pd.DataFrame, where: Mapping[str, Sequence[str]]) -> np.ndarray:
    selected = np.ones(len(frame), dtype=bool)
    for column, allowed in where.items():
        selected &= frame[column].isin(list(allowed)).to_numpy()
    return selected


def _not_of_this_form(sheet: Sheet, wanted: str) -> Problem:
    of_code = [each for each in declared("carried")["datasets"] if each["code"] == wanted]
    if not of_code:
        message = f"no carried dataset has the code {wanted!r}"
        codes = sorted({each["code"] for each in declared("carried")["datasets"]})
        todo = f"the codes are {', '.join(codes)}, and {OWN} for a file of one's own"
    else:
        missing = [each for each in of_code[0]["columns"] if each not in sheet.header]
        more = [each for each in sheet.header if each not in of_code[0]["columns"]]
        message = f"not in the form of {wanted}: " + "; ".join(
            f"{what} {', '.join(which)}"
            for what, which in (("it lacks", missing), ("it has besides", more))
            if which
        )
        todo = f"bring the columns {', '.join(of_code[0]['columns'])}"
    return Problem(sheet.file, "dataset.columns", message, todo, sheet=sheet.name)


def _several_datasets(sheet: Sheet, codes: Sequence[str]) -> Problem:
    distinct = sorted(set(codes))
    return Problem(
        sheet.file,
        "dataset.ambiguous",
        f"the columns and figures fit several carried datasets: {', '.join(distinct)}",
        f"say which with --dataset {distinct[0]}, or --dataset {OWN} for a file of one's own",
        sheet=sheet.name,
    )
