"""CSV and TSV files of any separator, encoding and line ending, with their physical lines."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

from analysis.intake.formats.content import (
    MAX_CELLS,
    MAX_COLUMNS,
    refuse_markup,
    refused,
    too_many_cells,
    too_many_columns,
)
from analysis.intake.formats.encoding import decode
from analysis.intake.formats.grid import sheet_of_grid
from analysis.intake.formats.lines import Grid, Line
from analysis.intake.sheets import FileRead, Kind

SEPARATORS = "\t;|,"
"""Possible separators; where two fit equally well, the first one is meant."""
NAMES = {"\t": "tab", ";": "semicolon", "|": "vertical bar", ",": "comma"}
_SAMPLE = 500
_EXCEL_HINT = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_EUROSTAT_HEADER = re.compile(r"\w+(,\w+)*\\\w+")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_QUOTES = 'close every quote ("), and double those inside a quoted cell'


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a separator cuts a sample: share of lines with the commonest number of cells."""

    share: float
    width: int


def read_text(data: bytes, file: str) -> FileRead:
    """The table of a text file.

    Raises
    ------
    UnreadableFile
        If the bytes are no text, no separator cuts the lines into a table, quotes are not
        balanced, or no table is found.
    """
    decoded = decode(data, file)
    text = decoded.text
    if not text.strip(SEPARATORS + ' \r\n"'):
        raise refused(file, "file.blank", "the file holds blank lines only", "export it again")
    refuse_markup(text, file)
    separator = _separator(text, file)
    lines = _lines(text, separator, file)
    grid = Grid(file, "", lines, ragged=True)
    sheet, problems = sheet_of_grid(grid)
    kind = _kind(sheet.header, separator)
    sheet = replace(sheet, kind=kind, encoding=decoded.encoding, delimiter=separator)
    return FileRead(kind, (sheet,), decoded.problems + problems, n_rows=len(lines))


def _kind(header: tuple[str, ...], separator: str) -> Kind:
    if separator == "\t" and _EUROSTAT_HEADER.fullmatch(header[0].replace(" ", "")):
        return "eurostat-tsv"
    if header[0] in ("DATAFLOW", "STRUCTURE") and {"TIME_PERIOD", "OBS_VALUE"} <= set(header):
        return "sdmx-csv"
    return "tsv" if separator == "\t" else "csv"


def _separator(text: str, file: str) -> str:
    """The separator Excel's ``sep=`` line names, or else the one that fits best."""
    hint = _EXCEL_HINT.fullmatch(text.split("\n", 1)[0].strip("\r\ufeff"))
    if hint and hint[1] in SEPARATORS:
        return hint[1]
    fits = {separator: _fit(text, separator) for separator in SEPARATORS}
    best = max(SEPARATORS, key=lambda separator: fits[separator].share)
    if fits[best].width < 2:
        message = "no separator (tab, semicolon, comma, vertical bar) cuts the lines into columns"
        advice = "export as CSV with one of them; text aligned by spaces is not read"
        raise refused(file, "text.no_separator", message, advice)
    if best == ";" and fits[","].share == fits[";"].share == 1:
        message = "the semicolon and the comma both cut every line into the same number of cells"
        advice = 'say which: put "sep=;" or "sep=," as first line'
        raise refused(file, "text.two_separators", message, advice)
    return best


def _fit(text: str, separator: str) -> Fit:
    records = csv.reader(_physical_lines(text), delimiter=separator)
    widths: list[int] = []
    with suppress(csv.Error):  # a cell too long to be one: reading the whole file says where
        for record in islice(records, _SAMPLE):
            widths += [len(record)] if any(map(str.strip, record)) else []
    counted = Counter(width for width in widths if width >= 2)
    if not counted:
        return Fit(0.0, 0)
    width, count = max(counted.items(), key=lambda item: (item[1], item[0]))
    return Fit(count / len(widths), width)


def _physical_lines(text: str) -> Iterator[str]:
    r"""Lines with their ends, cut at \n, \r\n and \r alone, and at no other character."""
    return (match[0] for match in _LINE.finditer(text))


def _lines(text: str, separator: str, file: str) -> list[Line]:
    """All records with the physical line each begins on."""
    reader = csv.reader(_physical_lines(text), delimiter=separator, strict=True)
    lines: list[Line] = []
    known: dict[str, str] = {}
    begin, cells = 1, 0
    try:
        for record in reader:
            cells += len(record)
            if cells > MAX_CELLS:
                raise too_many_cells(file)
            if len(record) > MAX_COLUMNS:
                raise too_many_columns(file, begin)
            values = tuple(_stripped(value, known) for value in record)
            lines.append(Line(begin, values))
            if reader.line_num > begin:
                _refuse_swallowed_lines(record, separator, begin, reader.line_num, file)
            begin = reader.line_num + 1
    except csv.Error:
        message = "a quoted cell that is not closed, goes on after its closing quote, or never ends"
        raise refused(file, "text.quotes", message, _QUOTES, row=begin) from None
    return lines


def _stripped(value: str, known: dict[str, str]) -> str | None:
    """A cell without the spaces around it; equal texts share one object, to save memory."""
    text = value.strip().strip("\ufeff\u200b").strip()
    return known.setdefault(text, text) if text else None


def _refuse_swallowed_lines(
    record: list[str], separator: str, begin: int, end: int, file: str
) -> None:
    """Refuse a quoted cell with a line in it that looks like a line of the table."""
    for value in record:
        pieces = value.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if len(pieces) > 1 and any(_is_row(piece, separator, len(record)) for piece in pieces):
            message = f"a quoted cell runs from line {begin} to line {end} over whole rows"
            raise refused(file, "text.quotes", message, _QUOTES, row=begin)


def _is_row(piece: str, separator: str, width: int) -> bool:
    return piece.count(separator) >= max(1, width - 1)
