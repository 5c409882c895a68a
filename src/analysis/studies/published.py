"""The printed numbers of a study, as they stand in ``published.csv``."""

import csv
from dataclasses import dataclass
from pathlib import Path

from analysis.studies.agreement import Printed, read_printed
from analysis.studies.errors import StudyError

COLUMNS = (
    "study",
    "table",
    "row_label",
    "column_label",
    "statistic",
    "printed_value",
    "decimals",
    "how_read",
    "estimator_note",
)


@dataclass(frozen=True, slots=True)
class PublishedNumber:
    """One printed number and where it stands: ``text`` as printed, ``printed`` as a number."""

    line: int
    table: str
    row: str
    column: str
    statistic: str
    text: str
    printed: Printed

    @property
    def place(self) -> str:
        """Table, row, column and statistic for a message."""
        return f"{self.table} | {self.row} | {self.column} | {self.statistic}"


def read_published(path: Path) -> list[PublishedNumber]:
    """The printed numbers in the order of the file.

    Raises
    ------
    StudyError
        If the file is absent, lacks a column, holds what is no number, or a number twice.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
            if missing:
                raise StudyError(f"{path}: no column {', '.join(missing)}")
            numbers = [_number(row, reader.line_num, path) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"cannot read {path}: {error}") from None
    seen: dict[str, int] = {}
    for number in numbers:
        if number.place in seen:
            raise StudyError(
                f"{path}: lines {seen[number.place]} and {number.line} are the same place: "
                f"{number.place}"
            )
        seen[number.place] = number.line
    return numbers


def _number(row: dict[str, str], line: int, path: Path) -> PublishedNumber:
    if None in row or any(row[name] is None for name in COLUMNS):
        raise StudyError(f"{path}: line {line}: expected {len(COLUMNS)} values")
    text = row["printed_value"]
    try:
        printed = read_printed(text, row["decimals"])
    except StudyError as error:
        raise StudyError(f"{path}: line {line}: {error}") from None
    names = ("table", "row_label", "column_label", "statistic")
    table, label, column, statistic = (row[name].strip() for name in names)
    return PublishedNumber(line, table, label, column, statistic, text.strip(), printed)
