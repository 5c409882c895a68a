"""The names of a table's columns, from one or several header lines."""

from collections.abc import Sequence
from itertools import pairwise

from openpyxl.utils import get_column_letter

from analysis.intake.formats.content import refused
from analysis.intake.formats.lines import NAMES_FIRST, Grid, Line, Span, cell_text, is_year
from analysis.intake.problems import Problem
from analysis.intake.sheets import Cell


def column_names(header: list[Line], grid: Grid) -> list[str]:
    """One name per position, "" where no header line has one; upper lines reach to the right."""
    width = max(len(line.cells) for line in header)
    rows = [
        [cell_text(cell) for cell in line.cells] + [""] * (width - len(line.cells))
        for line in header
    ]
    for row, lower in pairwise(rows):
        if not grid.spans:
            _fill_right(row, lower)
    for line, row in zip(header, rows, strict=True):
        _fill_spans(row, line.number, header, grid.spans)
    columns = zip(*rows, strict=True)
    return [" ".join(dict.fromkeys(part for part in parts if part)) for parts in columns]


def _fill_right(row: list[str], lower: list[str]) -> None:
    """A heading over several columns stands in the first of them."""
    for position in range(1, len(row)):
        if not row[position] and lower[position]:
            row[position] = row[position - 1]


def _fill_spans(row: list[str], number: int, header: list[Line], spans: Sequence[Span]) -> None:
    for span in spans:
        if not span.top <= number <= span.bottom:
            continue
        source = next((line for line in header if line.number == span.top), None)
        if source is None or span.left >= len(source.cells):
            continue
        text = cell_text(source.cells[span.left])
        for position in range(span.left, min(span.right + 1, len(row))):
            row[position] = text


def unique_names(
    names: list[str], kept: list[int], grid: Grid
) -> tuple[tuple[str, ...], list[Problem]]:
    """Names made unique, those absent made from the letter, and a question for each repeated."""
    letters = [get_column_letter(position + 1) for position in kept]
    named = [name or f"column {letter}" for name, letter in zip(names, letters, strict=True)]
    unique: dict[str, None] = {}
    problems = []
    for name, letter in zip(named, letters, strict=True):
        own = f"{name} ({letter})" if name in unique else name
        while own in unique:
            own += "'"
        if own != name:
            message = f"two columns are called {name}; this one is read as {own}"
            problems.append(
                Problem(
                    *(grid.file, "header.repeated", message, "give each column its own name"),
                    *("question", grid.sheet),
                    column=own,
                )
            )
        unique[own] = None
    return tuple(unique), problems


def refuse_data_as_header(
    header: tuple[str, ...], cells: list[tuple[Cell, ...]], row: int, grid: Grid
) -> None:
    """Refuse a header that reads like one of its rows: the names of the columns are missing."""
    rows = [tuple(map(cell_text, line)) for line in cells[:1000]]
    rows = [line for line in rows if line != header]
    times = [sum(line[place] == name for line in rows) for place, name in enumerate(header)]
    repeated = [name for name, count in zip(header, times, strict=True) if count]
    pairs = zip(header, times, strict=True)
    same_year = len(rows) > 1 and any(is_year(n) and count > len(rows) / 2 for n, count in pairs)
    if same_year or (len(repeated) > 1 and not all(map(is_year, repeated))):
        message = "a row of data where the names of the columns are expected"
        place = {"sheet": grid.sheet, "value": ", ".join(repeated)}
        raise refused(grid.file, "header.is_data", message, NAMES_FIRST, row=row, **place)
