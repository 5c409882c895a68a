"""XLSX workbooks: values as the spreadsheet program last computed them; nothing is executed."""

import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from analysis.intake.formats.content import refused, too_many_cells
from analysis.intake.formats.grid import sheet_of_grid
from analysis.intake.formats.lines import Grid, Line, is_figure
from analysis.intake.formats.sheet_xml import DisorderedSheetError, SheetFacts, sheet_facts
from analysis.intake.numbers import Percentage
from analysis.intake.problems import Problem, UnreadableFile, listed
from analysis.intake.sheets import Cell, FileRead, Sheet

_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_THOUSANDS_SCALED = re.compile(r"[0#?],+(?![0#?,])")
_NO_TABLE = ("table.", "header.absent")
"""Beginnings of the rules by which a sheet has no table; another sheet may have one."""
_SAVE_AGAIN = "open it in a spreadsheet program and save it again as .xlsx (not Strict Open XML)"


@dataclass(frozen=True)
class SheetRead:
    """A sheet with a table, the problems found on the way, and how many rows it has."""

    sheet: Sheet
    problems: tuple[Problem, ...]
    n_rows: int


def read_workbook(data: bytes, file: str, wanted: str | None) -> FileRead:
    """The one table of a workbook, or the one of the sheet ``wanted``.

    Formulas are never computed and links to other files never followed.

    Raises
    ------
    UnreadableFile
        If the workbook is damaged, has no sheet of that name, no table, or several.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of features it does not keep
        workbook = _opened(data, file)
        chosen = _chosen_sheets(workbook, file, wanted)
        notes = _not_chosen(workbook, chosen)
        tables: list[SheetRead] = []
        failures: list[Problem] = []
        for worksheet in chosen:
            try:
                tables.append(_read_sheet(worksheet, file))
            except UnreadableFile as failure:
                failures += failure.problems
                notes.append(f"sheet {worksheet.title} is not read: {failure.problems[0].message}")
    if not tables or any(not problem.rule.startswith(_NO_TABLE) for problem in failures):
        raise UnreadableFile(failures)
    with_figures = [table for table in tables if _has_figures(table.sheet)]
    if 0 < len(with_figures) < len(tables):
        notes += [
            f"sheet {table.sheet.name} is not read: it has no figures"
            for table in tables
            if table not in with_figures
        ]
        tables = with_figures
    if len(tables) > 1:
        names = ", ".join(table.sheet.name for table in tables)
        message = f"{len(tables)} sheets hold a table: {names}"
        advice = "say which with --sheet NAME, or put the rows of all into one"
        raise refused(file, "sheet.several", message, advice)
    (table,) = tables
    return FileRead("xlsx", (table.sheet,), table.problems, table.n_rows, tuple(notes))


def _has_figures(sheet: Sheet) -> bool:
    return any(is_figure(cell) for row in sheet.cells for cell in row)


def _opened(data: bytes, file: str) -> Any:
    try:
        return load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    except Exception:  # openpyxl raises whatever its parsers meet, of any type
        raise _damaged(file) from None


def _damaged(file: str, sheet: str = "", reason: str = "") -> UnreadableFile:
    message = f"the workbook is damaged{reason and f' ({reason})'}"
    return refused(file, "xlsx.damaged", message, _SAVE_AGAIN, sheet=sheet)


def _chosen_sheets(workbook: Any, file: str, wanted: str | None) -> list[Any]:
    """The sheet asked for, or all visible ones (all, if none is visible)."""
    if not workbook.worksheets:
        raise refused(file, "sheet.none", "the workbook has no sheet with cells", _SAVE_AGAIN)
    if not wanted:
        visible = [each for each in workbook.worksheets if each.sheet_state == "visible"]
        return visible or list(workbook.worksheets)
    named = [each for each in workbook.worksheets if each.title.strip() == wanted.strip()]
    if named:
        return named
    names = ", ".join(each.title for each in workbook.worksheets)
    message = f"no sheet called {wanted!r}; there are {names}"
    raise refused(file, "sheet.unknown", message, "say which with --sheet NAME")


def _not_chosen(workbook: Any, chosen: list[Any]) -> list[str]:
    others = [each for each in workbook.worksheets if each not in chosen]
    return [
        f"{'sheet' if each.sheet_state == 'visible' else 'hidden sheet'} {each.title} is not read"
        for each in others
    ]


def _read_sheet(worksheet: Any, file: str) -> SheetRead:
    name = worksheet.title
    facts = _facts(worksheet, file)
    try:
        rows, formats = _rows(worksheet)
    except Exception:  # as above
        raise _damaged(file, name) from None
    n_values = sum(cell is not None for _, cells in rows for cell in cells)
    if n_values != facts.n_values:
        reason = f"{facts.n_values} cells have a value, {n_values} could be read"
        raise _damaged(file, name, reason)
    lines = [Line(number, tuple(map(_cell, cells))) for number, cells in rows]
    while lines and not lines[-1].filled():
        lines.pop()
    sheet, problems = sheet_of_grid(Grid(file, name, lines, spans=facts.spans))
    problems += tuple(listed(_formula_problems(facts, file, name)))
    problems += tuple(_hidden_problems(facts, sheet))
    problems += tuple(_scaled_problems(formats, sheet))
    return SheetRead(replace(sheet, kind="xlsx"), problems, len(lines))


def _facts(worksheet: Any, file: str) -> SheetFacts:
    # The read-only sheet gives no merged cells, hidden rows or formulas: its part is read again.
    try:
        with worksheet.parent._archive.open(worksheet._worksheet_path) as part:
            facts = sheet_facts(part)
    except DisorderedSheetError as error:
        raise _damaged(file, worksheet.title, str(error)) from None
    except Exception:  # as above
        raise _damaged(file, worksheet.title) from None
    if facts.too_large:
        raise too_many_cells(file, worksheet.title)
    return facts


def _rows(worksheet: Any) -> tuple[list[tuple[int, list[Any]]], dict[int, tuple[int, str]]]:
    """Rows from 1 on with their values, and per column position the first scaling format."""
    worksheet.reset_dimensions()  # what the file says of its own size may be wrong
    rows = []
    scaled: dict[int, tuple[int, str]] = {}
    for number, row in enumerate(worksheet.iter_rows(), start=1):
        values = []
        for position, cell in enumerate(row):
            value = cell.value
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                value = _as_shown(value, cell.number_format)
                if _scales(cell.number_format):
                    scaled.setdefault(position, (number, cell.number_format))
            values.append(value)
        rows.append((number, values))
    return rows, scaled


def _as_shown(value: int | float, number_format: str) -> int | float:
    """A number shown in percent as the percentage that people see, 12.5 for a stored 0.125."""
    if "%" not in number_format:
        return value
    if "%" in _LITERAL.sub("", number_format):
        return Percentage(Decimal(repr(value)) * 100)
    return Percentage(value)


def _scales(number_format: str) -> bool:
    """Whether a format shows thousands or millions: a comma after its last digit."""
    first = _LITERAL.sub("", number_format).partition(";")[0]
    return _THOUSANDS_SCALED.search(first) is not None


def _cell(value: Any) -> Cell:
    """A value of openpyxl as a cell: midnight is a date, other times are texts."""
    if isinstance(value, str):
        return value.strip().strip("\ufeff\u200b").strip() or None
    if isinstance(value, datetime):
        return value.date() if value.time() == time.min else value
    if value is None or isinstance(value, (bool, int, float, date)):
        return value
    return str(value)


def _formula_problems(facts: SheetFacts, file: str, name: str) -> Iterator[Problem]:
    message = "a formula whose result is not stored in the file"
    advice = "open the file in a spreadsheet program and save it, or paste values"
    for row, column, formula in facts.formulas_without_value:
        letter = get_column_letter(column)
        yield Problem(
            *(file, "cell.formula_without_value", message, advice, "error", name),
            *(row, letter, formula),
        )


def _hidden_problems(facts: SheetFacts, sheet: Sheet) -> Iterator[Problem]:
    rows = [row for row in sheet.rows if row in facts.hidden_rows]
    if rows:
        many = len(rows) > 1
        message = f"{len(rows)} hidden {'rows are' if many else 'row is'} read like the others"
        advice = "delete the hidden rows if a filter was to leave them out"
        yield Problem(
            *(sheet.file, "sheet.hidden_rows", message, advice, "question", sheet.name, rows[0])
        )
    for name, letter in zip(sheet.header, sheet.letters, strict=True):
        if letter in facts.hidden_columns:
            message, advice = "a hidden column is read like the others", "delete it if not wanted"
            yield Problem(
                *(sheet.file, "sheet.hidden_columns", message, advice, "question", sheet.name),
                column=f"{name} ({letter})",
            )


def _scaled_problems(formats: dict[int, tuple[int, str]], sheet: Sheet) -> Iterator[Problem]:
    names = dict(zip(sheet.letters, sheet.header, strict=True))
    for position, (row, number_format) in sorted(formats.items()):
        letter = get_column_letter(position + 1)
        message = "the sheet shows thousands or millions, the full number is stored and read"
        advice = "declare the unit of the stored number, not of the one shown"
        if letter in names:
            yield Problem(
                *(sheet.file, "cell.scaled_format", message, advice, "question", sheet.name, row),
                *(f"{names[letter]} ({letter})", number_format),
            )
