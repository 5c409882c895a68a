"""Tables as spreadsheets (XLSX): numbers are numbers, text is text and never a formula.

The first sheet is the printed table with every row, each number at the twelve digits of the CSV
under a format that shows the digits printed; a missing number is an empty cell. A regression table
has a sheet of its unrounded numbers as well. The last sheet says what the table is: title, units,
notes (with the kind of standard errors), source, run.
"""

import math
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from itertools import accumulate
from typing import Any

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter

from analysis import CompendiumError
from analysis.inert import is_formula
from analysis.languages import NARROW, catalogue
from analysis.report.stable_zip import stable_zip
from analysis.report.tables import Cell, Line, Table, column_cells, rounded

_ALIGN = {"l": "left", "c": "center", "r": "right"}
_THIN, _THICK = Side(style="thin"), Side(style="medium")
_BOLD, _ITALIC = Font(bold=True), Font(italic=True)
_NARROWEST, _WIDEST = 8, 60
#: A number as printed: what stands before it, its sign, digits, exponent, what stands after it.
_PRINTED = re.compile(r"([^\d+−-]*)([+−-]?)(\d[\d,]*)(?:\.(\d+))?(e[+−-]?\d+)?([^\d]*)")
_GENERAL = "General"
#: Digits that a spreadsheet shows at most.
_MOST_DIGITS = 15


def to_xlsx(table: Table, *, run: str = "", numbers: pd.DataFrame | None = None) -> bytes:
    """The table as a workbook; equal input, equal bytes.

    ``run``: which run made it, for the notes. ``numbers``: a frame for a sheet of its own. Raises
    CompendiumError for text that a workbook cannot hold (control characters).
    """
    words = catalogue("tables", table.lang)
    book = Workbook()
    book.properties.title = table.title
    book.properties.language = table.lang
    book.properties.creator = ""
    book.properties.created = book.properties.modified = datetime(2000, 1, 1)
    _table_sheet(book.active, table, words.text("sheet.table"))
    if numbers is not None:
        _numbers_sheet(book.create_sheet(words.text("sheet.numbers")), table, numbers)
    _notes_sheet(book.create_sheet(words.text("sheet.notes")), table, run)
    return stable_zip(book.save)


# ---------------------------------------------------------------- sheets


def _table_sheet(sheet: Any, table: Table, title: str) -> None:
    sheet.title = title
    _write(sheet, 1, 1, Cell(table.title), table).font = _BOLD
    first = 2
    if table.units:
        _, lead, text = table.footer()[0]
        _write(sheet, 2, 1, Cell(f"{lead} {text}"), table).font = _ITALIC
        first = 3
    lines = table.lines(table.rows)
    for place, line in enumerate(lines, start=first):
        _write_line(sheet, place, line, table)
    n_header = sum(line.kind in ("groups", "header") for line in lines)
    _draw_rules(sheet, first, n_header, len(lines), len(table.align))
    _freeze(sheet, first + n_header, [line for line in lines if line.kind in ("header", "body")])


def _numbers_sheet(sheet: Any, table: Table, frame: pd.DataFrame) -> None:
    """A frame as it is: headings, then every row, numbers in the general format."""
    columns = [column_cells(frame[column]) for column in frame.columns]
    rows = [[Cell(str(column)) for column in frame.columns], *zip(*columns, strict=True)]
    for place, row in enumerate(rows, start=1):
        for column, cell in enumerate(row, start=1):
            written = _write(sheet, place, column, cell, table)
            written.number_format = _GENERAL
            if place == 1:
                written.font = _BOLD
    _freeze(sheet, 2, [Line("body", row, [1] * len(row), "l" * len(row)) for row in rows])


def _notes_sheet(sheet: Any, table: Table, run: str) -> None:
    words = catalogue("tables", table.lang)
    notes = [
        ("table", table.name),
        ("title", table.title),
        ("units", table.units),
        ("note", table.note),
        ("source", table.source),
        ("run", run),
        ("cells", words.text("empty cells")),
    ]
    for place, (kind, text) in enumerate([note for note in notes if note[1]], start=1):
        _write(sheet, place, 1, Cell(words.text(f"lead.{kind}")), table).font = _BOLD
        _write(sheet, place, 2, Cell(text), table).alignment = Alignment(
            wrap_text=True, vertical="top"
        )
    sheet.column_dimensions["A"].width = 14
    sheet.column_dimensions["B"].width = 100


# ---------------------------------------------------------------- cells


def _write_line(sheet: Any, place: int, line: Line, table: Table) -> None:
    ends = accumulate(line.widths)
    for cell, width, end, side in zip(line.cells, line.widths, ends, line.align, strict=True):
        first = end - width + 1
        written = _write(sheet, place, first, cell, table)
        written.alignment = _alignment(side, line.kind == "header")
        if line.kind != "body":
            written.font = _ITALIC if line.kind == "panel" else _BOLD
        if width > 1:
            sheet.merge_cells(start_row=place, end_row=place, start_column=first, end_column=end)
    if line.is_ruled:
        for column in range(1, sum(line.widths) + 1):
            sheet.cell(place, column).border = Border(top=_THIN)


def _write(sheet: Any, row: int, column: int, cell: Cell, table: Table) -> Any:
    """Put a cell in its place: a number as such, nothing where one is missing, else a text."""
    written = sheet.cell(row, column)
    if cell.number is None:
        if ILLEGAL_CHARACTERS_RE.search(cell.text):
            raise CompendiumError(
                f"table '{table.name}', row {row}, column {column}: {cell.text!r} has control "
                "characters, which a spreadsheet cannot hold; remove them"
            )
        written.value = cell.text or None
        if cell.text:
            written.data_type = "s"  # openpyxl takes what begins with = for a formula
            written.quotePrefix = is_formula(cell.text)
    elif not math.isnan(cell.number):
        is_float = isinstance(cell.number, float)
        written.value = rounded(cell.number) if is_float else cell.number
        written.number_format = number_format(cell.text, table.lang)
    return written


@cache
def number_format(printed: str, lang: str = "en") -> str:
    """The spreadsheet format that shows a number with the digits that ``printed`` shows.

    ``(0.123)***`` gives a format with the brackets and stars around three decimals; a text that
    is no single number gives the general format.
    """
    english = printed.replace(",", ".").replace(NARROW, ",") if lang == "fr" else printed
    match = _PRINTED.fullmatch(english)
    if match is None:
        return _GENERAL
    before, sign, whole, decimals, exponent, after = match.groups()
    if len(whole) + len(decimals or "") > _MOST_DIGITS:
        return _GENERAL
    core = ("#,##0" if "," in whole else "0") + ("." + "0" * len(decimals) if decimals else "")
    core += "E+00" if exponent else ""
    plus = "+" if sign == "+" else ""
    start, end = _literal(before), _literal(after)
    return f"{start}{plus}{core}{end};{start}−{core}{end};{start}{core}{end}"


def _literal(text: str) -> str:
    """A text inside a number format."""
    return '"' + text.replace('"', '""') + '"' if text else ""


@cache
def _alignment(side: str, is_heading: bool) -> Alignment:
    return Alignment(horizontal=_ALIGN[side], vertical="top", wrap_text=is_heading)


def _draw_rules(sheet: Any, first: int, n_header: int, n_lines: int, width: int) -> None:
    """Journal rules: thick at top and bottom, thin under the header."""
    edges = {
        first: Border(top=_THICK, bottom=_THIN if n_header == 1 else None),
        first + n_header - 1: Border(top=_THICK if n_header == 1 else None, bottom=_THIN),
        first + n_lines - 1: Border(bottom=_THICK),
    }
    for row, border in edges.items():
        for column in range(1, width + 1):
            sheet.cell(row, column).border = border


def _freeze(sheet: Any, first_row: int, lines: Sequence[Line]) -> None:
    """Keep headings and the first column in sight; columns as wide as what they show."""
    sheet.freeze_panes = f"B{first_row}"
    for column in range(len(lines[0].cells)):
        longest = max(len(line.cells[column].text) for line in lines)
        letter = get_column_letter(column + 1)
        sheet.column_dimensions[letter].width = min(max(longest + 2, _NARROWEST), _WIDEST)
