"""From a grid of cells to the sheet that holds its table and the text around it."""

from openpyxl.utils import get_column_letter

from analysis.intake.decimal_sign import DecimalEvidence, column_signs, decimal_evidence
from analysis.intake.formats.content import MAX_CELLS, too_many_cells
from analysis.intake.formats.lines import Grid, Line, cell_text
from analysis.intake.formats.names import column_names, refuse_data_as_header, unique_names
from analysis.intake.formats.region import Region, table_region
from analysis.intake.formats.rows import ragged_rows, with_spans
from analysis.intake.problems import Problem, listed
from analysis.intake.sheets import Cell, Sheet


def sheet_of_grid(grid: Grid) -> tuple[Sheet, tuple[Problem, ...]]:
    """The table of a grid, and the problems of its rows and columns.

    Raises
    ------
    UnreadableFile
        If there is no table, or no line with the names of its columns.
    """
    lines = [line for line in grid.lines if line.filled()]
    region = table_region(lines, grid)
    body, merged = with_spans(lines[region.last_header + 1 : region.end], grid)
    names = column_names(lines[region.first_header : region.last_header + 1], grid)
    if not grid.ragged:
        names += [""] * (max(len(line.cells) for line in body) - len(names)) if body else []
    filled = {position for line in body for position in line.filled()}
    kept = [place for place, name in enumerate(names) if name or place in filled]
    if len(kept) * len(body) > MAX_CELLS:
        raise too_many_cells(grid.file, grid.sheet)
    problems = merged + (listed(ragged_rows(body, names, grid)) if grid.ragged else [])
    header, duplicates = unique_names([names[position] for position in kept], kept, grid)
    cells = [_row(line, kept) for line in body]
    refuse_data_as_header(header, cells, lines[region.last_header].number, grid)
    return _sheet(grid, lines, region, header, kept, cells), tuple(problems + duplicates)


def _sheet(
    grid: Grid,
    lines: list[Line],
    region: Region,
    header: tuple[str, ...],
    kept: list[int],
    cells: list[tuple[Cell, ...]],
) -> Sheet:
    by_column = [decimal_evidence(row[column] for row in cells) for column in range(len(header))]
    whole = sum(by_column, DecimalEvidence())
    return Sheet(
        file=grid.file,
        name=grid.sheet,
        header=header,
        letters=tuple(get_column_letter(position + 1) for position in kept),
        rows=tuple(line.number for line in lines[region.last_header + 1 : region.end]),
        cells=cells,
        above=tuple(_joined(line) for line in lines[: region.first_header]),
        below=tuple(_joined(line) for line in lines[region.end :]),
        n_header_rows=region.last_header - region.first_header + 1,
        n_blank=len(grid.lines) - len(lines),
        decimal=whole.sign,
        decimals=column_signs(by_column, whole),
        decimal_evidence=whole.sentence(),
    )


def _row(line: Line, kept: list[int]) -> tuple[Cell, ...]:
    width = len(line.cells)
    return tuple(line.cells[position] if position < width else None for position in kept)


def _joined(line: Line) -> str:
    return " ".join(cell_text(cell) for cell in line.cells if cell is not None)
