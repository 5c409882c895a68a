"""Reading a source file as text, and turning its cells into numbers, with errors that point."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from analysis import CompendiumError


def read_text_table(folder: Path, file: str, expected_rows: int) -> pd.DataFrame:
    """All cells of a CSV file as text, empty cells as ``""``.

    Raises CompendiumError when the file is absent, unreadable, or has not the number of rows the
    catalogue was written for.
    """
    path = folder / file
    if not path.is_file():
        raise CompendiumError(
            f"{file}: no such file in {folder}; give the folder of the source files with --from"
        )
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (ValueError, OSError, EOFError) as error:
        raise CompendiumError(f"{file}: cannot be read as CSV: {error}") from error
    if len(frame) != expected_rows:
        raise CompendiumError(
            f"{file}: {len(frame)} rows found, {expected_rows} expected; the file is not the one "
            "described in datasets.yaml (restore it, or describe the new one there)"
        )
    return frame


def require_columns(frame: pd.DataFrame, columns: Iterable[str], file: str) -> None:
    """Raise CompendiumError naming the first columns that ``frame`` lacks."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise CompendiumError(
            f"{file}: no column {', '.join(missing)}; it has {', '.join(frame.columns)}"
        )


def numbers(column: pd.Series, file: str) -> pd.Series:
    """A column of text as float64, empty cells as NaN; CompendiumError at a cell of other text."""
    parsed = pd.to_numeric(column.where(column != ""), errors="coerce").astype("float64")
    wrong = parsed.isna() & (column != "")
    if wrong.any():
        row = column.index[wrong][0]
        raise CompendiumError(
            f"{file}: row {row + 2}, column {column.name}: {column[row]!r} is not a number"
        )
    return parsed


def years(column: pd.Series, file: str) -> pd.Series:
    """First years of years or periods (``2007``, ``2007-2013``) as Int16, missing where empty."""
    known = column.str.fullmatch(r"\d{4}(-\d{4})?") | (column == "")
    if not known.all():
        row = column.index[~known][0]
        raise CompendiumError(
            f"{file}: row {row + 2}, column {column.name}: {column[row]!r} is not a year "
            "(2007) or a period (2007-2013)"
        )
    return pd.to_numeric(column.str[:4].where(column != "")).astype("Int16")
