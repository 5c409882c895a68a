"""What a sheet of a workbook says besides its values: merged cells, hidden rows, formulas."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.etree.ElementTree import Element, iterparse

from openpyxl.utils import column_index_from_string, get_column_letter, range_boundaries

from analysis.intake.formats.content import MAX_CELLS
from analysis.intake.formats.lines import Span

MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})", re.ASCII)


class DisorderedSheetError(ValueError):
    """Rows or cells of which a reader would silently lose some."""


@dataclass
class SheetFacts:
    """Facts of one sheet; ``formulas_without_value`` are (row, column, formula), 1-based."""

    spans: list[Span] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[str] = field(default_factory=set)
    formulas_without_value: list[tuple[int, int, str]] = field(default_factory=list)
    n_values: int = 0
    area: int = 0
    row: int = 0
    column: int = 0

    @property
    def too_large(self) -> bool:
        """Whether the rows, filled up to their last cell, exceed ``MAX_CELLS``."""
        return self.area > MAX_CELLS


def sheet_facts(part: IO[bytes]) -> SheetFacts:
    """Read a sheet's XML as a stream, and stop where it becomes too large.

    Raises DisorderedSheetError for rows or cells that are out of order, twice there, or outside a
    sheet, and what the XML parser raises for bad XML.
    """
    facts = SheetFacts()
    for _, element in iterparse(part):
        tag = _tag(element)
        if tag in _HANDLERS:
            _HANDLERS[tag](facts, element)
        if facts.too_large:
            break
    return facts


def _tag(element: Element) -> str:
    """The name of an element without its name space."""
    return element.tag.rpartition("}")[2]


def _row(facts: SheetFacts, row: Element) -> None:
    number = int(row.get("r", facts.row + 1))
    if not facts.row < number <= MAX_ROWS:
        raise DisorderedSheetError(f"row {number} stands after row {facts.row}")
    facts.area += number - facts.row
    facts.row, facts.column = number, 0
    if row.get("hidden") in ("1", "true"):
        facts.hidden_rows.add(number)
    for cell in row:
        if _tag(cell) == "c":
            _cell(facts, cell)
    row.clear()  # a large sheet must not be held as a tree


def _cell(facts: SheetFacts, cell: Element) -> None:
    column = _place(facts, cell)
    facts.area += column - facts.column
    facts.column = column
    children = {_tag(child): child for child in cell}
    kind = cell.get("t", "n")
    stored = "is" in children if kind == "inlineStr" else bool(_content(children.get("v")))
    facts.n_values += stored
    if "f" in children and not stored and kind != "str":
        formula = "=" + _content(children["f"])
        facts.formulas_without_value.append((facts.row, column, formula))


def _content(element: Element | None) -> str:
    return (element.text or "") if element is not None else ""


def _place(facts: SheetFacts, cell: Element) -> int:
    """The 1-based column of a cell, which must stand right of the one before it."""
    reference = cell.get("r")
    if reference is None:
        return facts.column + 1
    match = _REFERENCE.fullmatch(reference)
    if match is None or int(match[2]) != facts.row:
        raise DisorderedSheetError(f"cell {reference} stands in row {facts.row}")
    column = column_index_from_string(match[1])
    if not facts.column < column <= MAX_COLUMNS:
        raise DisorderedSheetError(f"cell {reference} is out of order or outside the sheet")
    return column


def _column(facts: SheetFacts, column: Element) -> None:
    if column.get("hidden") in ("1", "true"):
        first, last = int(column.get("min", 1)), int(column.get("max", 1))
        facts.hidden_columns |= set(_letters(first, min(last, MAX_COLUMNS)))


def _merged(facts: SheetFacts, merged: Element) -> None:
    left, top, right, bottom = range_boundaries(merged.get("ref", ""))
    facts.spans.append(Span(top, left - 1, bottom, right - 1))


_HANDLERS = {"row": _row, "col": _column, "mergeCell": _merged}


def _letters(first: int, last: int) -> Iterator[str]:
    return (get_column_letter(position) for position in range(first, last + 1))
