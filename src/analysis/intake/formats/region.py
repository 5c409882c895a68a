"""Where the table is in a grid of cells: titles above, header lines, rows, notes below."""

import re
from dataclasses import dataclass
from itertools import takewhile
from statistics import median

from analysis.intake.formats.content import refused
from analysis.intake.formats.lines import (
    NAMES_FIRST,
    Grid,
    Line,
    adjacent,
    cell_text,
    is_figure,
)
from analysis.intake.formats.names import column_names
from analysis.intake.numbers import parse_number
from analysis.intake.sheets import Cell

_NOTE = re.compile(
    r"(sources?|notes?|nb ?:|n\.b\.|champ|lecture|remarques?|avertissement|quelle|anmerkung|fuente|"
    r"fonte|last update|mise à jour|extract|download|licen[cs]e|©|#|\*|\(?\d\)|¹)(\W|$)",
    re.IGNORECASE,
)
_LONG_TEXT = 40
_MORE_HEADER_LINES = 3
"""Header lines above, and below, the one that names most columns."""
_HEADER_SHARE = 0.6
"""A header line fills at least this share of the cells of the fullest line before the figures."""


@dataclass(frozen=True, slots=True)
class Region:
    """Positions in the list of rows that are not blank: header first to last, end of the rows."""

    first_header: int
    last_header: int
    end: int


def table_region(lines: list[Line], grid: Grid) -> Region:
    """Where the table is among ``lines``, the rows of ``grid`` that are not blank.

    Raises UnreadableFile if there is none, or no line with the names of its columns.
    """
    if not any(map(_is_wide, lines)):
        message = "no table: no row has two cells that are filled"
        advice = "a table needs a column for the territory and one for the figures"
        raise refused(grid.file, "table.absent", message, advice, sheet=grid.sheet)
    last = _header_line(lines, grid)
    first = _first_header_line(lines, last, grid)
    for _ in range(_MORE_HEADER_LINES):
        last += last + 2 < len(lines) and _continues_header(lines, last)
    return Region(first, last, _end_of_rows(lines, last))


def _header_line(lines: list[Line], grid: Grid) -> int:
    """The first line before the figures that fills enough cells to name the columns."""
    typical = median(len(line.filled()) for line in lines if _is_wide(line))
    figures = next(
        (place for place, line in enumerate(lines) if _has_figures(line, typical)), len(lines)
    )
    wide = _header_candidates(lines, _block_start(lines, figures), figures)
    if not wide:
        line = next(line for line in lines if _is_wide(line))
        cell = next(cell for cell in line.cells if is_figure(cell))
        message = "a figure where the names of the columns are expected"
        place = {"sheet": grid.sheet, "value": cell_text(cell)}
        raise refused(grid.file, "header.absent", message, NAMES_FIRST, row=line.number, **place)
    fullest = max(len(lines[place].filled()) for place in wide[:50])
    return next(p for p in wide if len(lines[p].filled()) >= _HEADER_SHARE * fullest)


def _header_candidates(lines: list[Line], block: int, figures: int) -> list[int]:
    """Wide lines without figures: best without marks for missing ones, best near the figures."""
    wide = [place for place in range(figures) if _is_wide(lines[place])]
    bare = [place for place in wide if not any(map(is_figure, lines[place].cells))]
    named = [place for place in bare if not any(map(_is_missing_mark, lines[place].cells))]
    near = [[place for place in places if place >= block] for places in (named, bare)]
    return next((places for places in (near[0], named, near[1], bare) if places), [])


def _is_missing_mark(cell: Cell) -> bool:
    parsed = parse_number(cell, "")
    return cell is not None and not parsed.rule and parsed.value is None


def _has_figures(line: Line, typical: float) -> bool:
    enough = len(line.filled()) >= _HEADER_SHARE * typical
    return enough and _is_wide(line) and any(map(is_figure, line.cells))


def _is_wide(line: Line) -> bool:
    """Whether a line has two cells at least and is no comment."""
    return len(line.filled()) >= 2 and not str(line.cells[0]).startswith("# ")


def _block_start(lines: list[Line], figures: int) -> int:
    """The first of the lines that stand without a blank row between them and the figures."""
    start = min(figures, len(lines) - 1)
    while start > 0 and adjacent(lines[start - 1], lines[start]):
        start -= 1
    return start


def _first_header_line(lines: list[Line], last: int, grid: Grid) -> int:
    """The first header line: lines above join if they tell columns apart that one line does not."""
    first = last
    while 0 < first > last - _MORE_HEADER_LINES and adjacent(lines[first - 1], lines[first]):
        names = column_names(lines[first : last + 1], grid)
        used = [name for name in names if name]
        told_apart = len(set(used)) == len(used) and len(used) >= _width(lines, last)
        if told_apart or len(lines[first - 1].filled()) < 2:
            break
        first -= 1
    return first


def _width(lines: list[Line], last: int) -> int:
    """Number of columns that have a cell below the header line."""
    return len({position for line in lines[last + 1 :][:1000] for position in line.filled()})


def _continues_header(lines: list[Line], last: int) -> bool:
    """Whether the next line is one of units or sub-headings: first cell empty, texts only.

    In Eurostat's workbooks TIME and the years stand in one line, GEO below TIME.
    """
    upper, line = lines[last], lines[last + 1]
    filled = line.filled()
    cells = [line.cells[position] for position in filled]
    if not adjacent(upper, line) or not all(map(_is_name, cells)):
        return False
    if filled[0] > 0:
        return True
    return upper.cells[0] == "TIME" and str(cells[0]).startswith("GEO")


def _is_name(cell: Cell) -> bool:
    if not isinstance(cell, str):
        return False
    return parse_number(cell, "").rule in ("number.unreadable", "number.formula")


def _end_of_rows(lines: list[Line], last: int) -> int:
    """Where the notes below the table begin."""
    width = max(_width(lines, last), len(lines[last].filled()))
    tail = takewhile(lambda p: _may_be_note(lines[p], width), range(len(lines) - 1, last, -1))
    return next((p for p in reversed(list(tail)) if _begins_notes(lines, p)), len(lines))


def _may_be_note(line: Line, width: int) -> bool:
    """A note fills one cell, or two with no number; a line that says it is a source, any."""
    first, *others = (line.cells[position] for position in line.filled())
    if _NOTE.match(cell_text(first)):
        return not any(map(is_figure, others))
    return len(others) <= 1 and len(others) + 1 < width and not any(map(_is_number, others))


def _is_number(cell: Cell) -> bool:
    return cell is not None and parse_number(cell, "").value is not None


def _begins_notes(lines: list[Line], place: int) -> bool:
    line = lines[place]
    filled = line.filled()
    text = cell_text(line.cells[filled[0]])
    if _NOTE.match(text):
        return True
    apart = not adjacent(lines[place - 1], line)
    return filled == [0] and (apart or len(text) > _LONG_TEXT)
