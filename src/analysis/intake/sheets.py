"""A brought file as sheets of cells: what stands where, nothing interpreted yet."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from analysis.intake.problems import Problem

Kind = Literal["csv", "tsv", "xlsx", "parquet", "sdmx-csv", "eurostat-tsv"]
Cell = str | int | float | bool | date | None


@dataclass(frozen=True)
class Sheet:
    """A table and the text around it.

    Every row of the file is in ``cells``, in the header, in ``above``, in ``below``, or is blank:
    ``n_rows = len(cells) + n_header_rows + len(above) + len(below) + n_blank``.
    """

    file: str
    name: str
    """Name of the sheet in a workbook, "" otherwise."""
    header: tuple[str, ...]
    """Unique column names, never empty; several header lines are joined by a space."""
    letters: tuple[str, ...]
    """Place of each column as a spreadsheet letters it (A, B, …)."""
    rows: tuple[int, ...]
    """1-based line (text, of the row's first line), sheet row (workbook) or record (Parquet)."""
    cells: list[tuple[Cell, ...]]
    """One tuple per row, as long as ``header``. Text is stripped, never empty: None is empty."""
    above: tuple[str, ...] = ()
    """Titles and unit lines above the header, one text per row."""
    below: tuple[str, ...] = ()
    """Notes and sources below the table, one text per row."""
    n_header_rows: int = 1
    n_blank: int = 0
    decimal: str = ""
    """Decimal sign of the file's texts, "," or ".", or "" when they do not settle it."""
    decimals: tuple[str, ...] = ()
    """Decimal sign of each column: its own evidence, else that of the file, else ""."""
    decimal_evidence: str = ""
    kind: Kind = "csv"
    encoding: str = ""
    delimiter: str = ""

    @property
    def n_rows(self) -> int:
        """Rows of the sheet, all counted."""
        around = self.n_header_rows + len(self.above) + len(self.below) + self.n_blank
        return len(self.cells) + around

    def column_name(self, position: int) -> str:
        """The column as a problem names it: ``Montant (D)`` in a workbook, else ``Montant``."""
        name = self.header[position]
        return f"{name} ({self.letters[position]})" if self.kind == "xlsx" else name


@dataclass(frozen=True)
class FileRead:
    """The sheets of a file that hold a table, and what is wrong with them.

    ``problems`` may hold errors of single cells: the file is then to be refused, after the
    problems of its meaning have been gathered too.
    """

    kind: Kind
    sheets: tuple[Sheet, ...]
    problems: tuple[Problem, ...] = ()
    n_rows: int = 0
    """Rows of all ``sheets`` as the format's own reader counted them."""
    notes: tuple[str, ...] = field(default=())
    """What was understood and is no problem (``a gzip archive``, ``sheet Notes has no table``)."""


def cell_text(cell: Cell) -> str:
    """A cell as its file shows it: nothing where it is empty, whole numbers without a point."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell)
