"""Rows that do not fit their table: cells merged over several, too few cells, too many."""

from collections.abc import Iterator

from openpyxl.utils import get_column_letter

from analysis.intake.formats.lines import Grid, Line, Span, cell_text, is_figure
from analysis.intake.problems import Problem
from analysis.intake.sheets import Cell


def with_spans(body: list[Line], grid: Grid) -> tuple[list[Line], list[Problem]]:
    """The rows with texts merged over several rows in each; a merged figure belongs to none."""
    if not grid.spans:
        return body, []
    places = {line.number: place for place, line in enumerate(body)}
    cells = [list(line.cells) for line in body]
    problems = []
    for span in grid.spans:
        first = places.get(span.top)
        if first is None or span.bottom == span.top or span.left >= len(cells[first]):
            continue
        value = cells[first][span.left]
        if isinstance(value, str) and not is_figure(value):
            for number in range(span.top + 1, min(span.bottom, body[-1].number) + 1):
                _put(cells, places.get(number), span.left, value)
        elif value is not None:
            problems.append(_merged_figure(grid, span, cell_text(value)))
    rows = [Line(line.number, tuple(row)) for line, row in zip(body, cells, strict=True)]
    return rows, problems


def _put(cells: list[list[Cell]], place: int | None, position: int, value: str) -> None:
    if place is not None:
        row = cells[place]
        row += [None] * (position + 1 - len(row))
        row[position] = value


def _merged_figure(grid: Grid, span: Span, value: str) -> Problem:
    letter = get_column_letter(span.left + 1)
    message = f"one figure in merged cells, {letter}{span.top} to {letter}{span.bottom}"
    advice = "unmerge them and say which row the figure belongs to"
    return Problem(
        *(grid.file, "cell.merged_figure", message, advice, "error", grid.sheet),
        *(span.top, letter, value),
    )


def ragged_rows(body: list[Line], names: list[str], grid: Grid) -> Iterator[Problem]:
    """The rows with fewer cells than the last named column needs, or with cells beyond it."""
    required = max(position for position, name in enumerate(names) if name) + 1
    for line in body:
        length, used = len(line.cells), line.filled()[-1] + 1
        if used > len(names):
            extra = cell_text(line.cells[used - 1])
            yield _long_row(grid, line.number, used, len(names), extra)
        elif length < required:
            yield _short_row(grid, line.number, length, required)


def _long_row(grid: Grid, row: int, found: int, expected: int, extra: str) -> Problem:
    message = f"{found} cells where the header has {expected}"
    advice = "quote cells that hold the separator (a decimal comma, for instance)"
    return Problem(grid.file, "row.long", message, advice, row=row, value=extra)


def _short_row(grid: Grid, row: int, found: int, expected: int) -> Problem:
    message = f"{found} {'cell' if found == 1 else 'cells'} where the header has {expected}"
    advice = "complete the row, or join it to the line it was broken from"
    return Problem(grid.file, "row.short", message, advice, row=row)
