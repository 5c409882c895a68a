"""From a path to the reader its content asks for."""

from dataclasses import replace
from pathlib import Path

from analysis.intake.formats.content import binary_kind, read_bytes, refused
from analysis.intake.formats.parquet import read_parquet
from analysis.intake.formats.text import read_text
from analysis.intake.formats.workbook import read_workbook
from analysis.intake.sheets import FileRead


def read_recognised(path: Path, sheet: str | None) -> FileRead:
    """The table of the file at ``path``; see :func:`analysis.intake.sheets.read_file`."""
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
