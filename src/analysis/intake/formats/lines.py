"""Rows of cells as a file has them, before anybody knows where the table is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from analysis.intake.numbers import AMBIGUOUS, parse_number
from analysis.intake.sheets import Cell

_YEAR = re.compile(r"(19|20)\d\d", re.ASCII)
NAMES_FIRST = "put one line with the names of the columns above the figures"


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the file: its 1-based number, and its cells (None where empty)."""

    number: int
    cells: tuple[Cell, ...]

    def filled(self) -> list[int]:
        """Positions of the cells that are not empty."""
        return [position for position, cell in enumerate(self.cells) if cell is not None]


@dataclass(frozen=True, slots=True)
class Span:
    """Merged cells: first and last row number and column position (from 0)."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Grid:
    """All rows of a sheet, blank ones included. ``ragged``: rows have a length of their own."""

    file: str
    sheet: str
    lines: Sequence[Line]
    ragged: bool = False
    spans: Sequence[Span] = field(default=())


def cell_text(cell: Cell) -> str:
    """A cell in one line: whole numbers without ``.0``, dates as 2015-01-31, "" for None."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    text = cell.isoformat() if isinstance(cell, date) else str(cell)
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def adjacent(upper: Line, lower: Line) -> bool:
    """Whether no blank row stands between two rows (a row of a text may take several lines)."""
    return lower.number - upper.number <= 1 + _line_ends(upper)


def _line_ends(line: Line) -> int:
    return sum(cell.count("\n") for cell in line.cells if isinstance(cell, str))


def is_year(text: str) -> bool:
    """Whether a text is a plain year of the 20th or 21st century."""
    return _YEAR.fullmatch(text) is not None


def is_figure(cell: Cell) -> bool:
    """Whether a cell is a number that could not be a year, so that it is no column's name."""
    if cell is None or isinstance(cell, (bool, date)):
        return False
    parsed = parse_number(cell, "")
    if parsed.rule:
        return parsed.rule == AMBIGUOUS
    return parsed.value is not None and not is_year(f"{parsed.value:g}")
