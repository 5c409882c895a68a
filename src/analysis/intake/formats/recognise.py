"""From a path to the reader its content asks for."""

from dataclasses import replace
from pathlib import Path

from analysis.intake.formats.content import binary_kind, read_bytes, refused
from analysis.intake.formats.parquet import read_parquet
from analysis.intake.formats.text import read_text
from analysis.intake.formats.workbook import read_workbook
from analysis.intake.sheets import FileRead


def read_file(path: Path | str, *, sheet: str | None = None) -> FileRead:
    """Read a table from a file whose format is recognised by its content.

    ``sheet`` names the sheet of a workbook; without it the workbook must have one sheet with a
    table.

    Raises
    ------
    UnreadableFile
        For anything that cannot be read as one table, with every reason found.
    """
    path = Path(path)
    data, packed = read_bytes(path)
    file = path.name
    kind = binary_kind(data, file)
    if kind == "xlsx":
        read = read_workbook(data, file, sheet)
    elif sheet:
        message = f"only a workbook has sheets, and this is {'Parquet' if kind else 'text'}"
        raise refused(file, "sheet.not_a_workbook", message, "leave out --sheet")
    else:
        read = read_parquet(data, file) if kind == "parquet" else read_text(data, file)
    return replace(read, notes=("a gzip archive, unpacked", *read.notes)) if packed else read
