"""Text of an answer as a frame of text cells."""

import csv
import io

import pandas as pd

from analysis.sources.fetch.problems import FetchError


def grid_of(text: str, where: str, delimiter: str = ",") -> pd.DataFrame:
    """All cells as text, empty ones as ``""``; columns are named by the first line.

    Raises FetchError for a line that is longer or shorter than the first, names that come twice
    and an answer without a line below the names.
    """
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in next(lines, [])]
        rows = []
        for row in lines:
            if len(row) != len(names) and row:
                raise FetchError(
                    f"{where}: line {lines.line_num} has {len(row)} cells, "
                    f"the first line {len(names)}; cut off?"
                )
            if row:
                rows.append(row)
    except csv.Error as error:
        raise FetchError(f"{where}: line {lines.line_num} is not CSV ({error})") from error
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FetchError(f"{where}: the column {twice[0]} comes twice")
    if not rows:
        raise FetchError(f"{where}: no figures below the names of the columns")
    return pd.DataFrame(rows, columns=names, dtype=str)


def require(frame: pd.DataFrame, columns: list[str], where: str) -> None:
    """FetchError naming the columns that an answer lacks."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise FetchError(
            f"{where}: no column {', '.join(missing)} in the answer "
            f"(it has {', '.join(frame.columns)}); the publisher has changed its form"
        )
