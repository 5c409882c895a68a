"""The account of a file: every row and cell is used or set aside, with the reason."""

import csv
import io
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.inert import inert
from analysis.intake.checked import ASIDE_COLUMNS, Counts
from analysis.intake.meaning import YEAR_RULES
from analysis.intake.numbers import EXPLAINED
from analysis.intake.sheets import Sheet

REFUSED = "file.refused"
#: What a rule means where no more can be said.
WORDS = {
    "value.empty": "an empty cell",
    "duplicate.equal": "the same figure stands in an earlier row, or this one is missing",
    "duplicate.different": "another figure stands in an earlier row",
    "row.deleted": "asks for a figure to be deleted (ACTION D)",
    "row.not-carried": "of a part of the dataset that is not carried",
    "territory.empty": "no territory",
    "row.no-cells": "the row holds nothing in the columns used",
    REFUSED: "not used because the file is refused",
}
#: Rules about the whole row, which is then listed once and not cell by cell.
ROW_RULES = ("territory.", "year.", "row.", REFUSED)


def refuse_all(cells: pd.DataFrame) -> None:
    """Mark every cell that would be used as not used: the file is refused."""
    cells.loc[cells["rule"] == "", "rule"] = REFUSED


def account(sheet: Sheet, cells: pd.DataFrame) -> Counts:
    """Rows and cells, used and set aside. cells: ``at``, ``rule`` of every value cell."""
    used = cells["rule"] == ""
    # Several figures of one line of the file may stand in rows of their own here.
    rows = len(set(sheet.rows))
    rows_used = len({sheet.rows[at] for at in cells.loc[used, "at"].unique()})
    return Counts(
        rows=rows,
        rows_used=rows_used,
        rows_aside=rows - rows_used,
        cells=len(cells),
        cells_used=int(used.sum()),
        cells_aside=int((~used).sum()),
    )


def set_aside(
    sheet: Sheet, cells: pd.DataFrame, territories: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """``ASIDE_COLUMNS``, in the order of the file: each row or cell that is not used.

    cells: ``at, column`` (position), ``raw, rule, geo``. territories: label → why it is none.
    """
    columns = ["at", "column", "raw", "rule", "geo"]
    kinds = cells.groupby("at")["rule"].transform("nunique")
    whole = (kinds == 1) & cells["rule"].str.startswith(ROW_RULES)
    listed = (cells["rule"] != "") & ~(whole & cells["at"].duplicated())
    found = cells.loc[listed, columns].itertuples(index=False)
    rows = [
        _line(sheet, cell, is_whole, territories or {})
        for cell, is_whole in zip(found, whole[listed], strict=True)
    ]
    seen = set(cells["at"])
    rows += [
        (row, "", "", "row.no-cells", WORDS["row.no-cells"])
        for at, row in enumerate(sheet.rows)
        if at not in seen
    ]
    frame = pd.DataFrame(rows, columns=list(ASIDE_COLUMNS))
    return frame.sort_values("row", kind="stable", ignore_index=True)


def _line(
    sheet: Sheet, cell: tuple[Any, ...], whole: bool, territories: Mapping[str, str]
) -> tuple[object, ...]:
    at, column, raw, rule, geo = cell
    column_name = "" if whole else sheet.column_name(column)
    value = geo if whole else raw
    text = "" if value is None else str(value)
    return sheet.rows[at], column_name, text, rule, _message(rule, str(geo), territories)


def _message(rule: str, geo: str, territories: Mapping[str, str]) -> str:
    if rule.startswith("territory.") and geo in territories:
        return territories[geo]
    explained = EXPLAINED.get(rule) or YEAR_RULES.get(rule)
    return explained[0] if explained else WORDS.get(rule, rule)


def csv_text(frame: pd.DataFrame) -> str:
    """A table as CSV in which no cell can be taken for a formula by a spreadsheet program."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows(map(_cell, row) for row in frame.itertuples(index=False))
    return buffer.getvalue()


def _cell(cell: object) -> object:
    return "" if cell is None or cell is pd.NA or cell != cell else inert(cell)
