"""Whatever the bytes, a file is read with every row accounted for, or refused in words."""

import csv
import gzip
import io

import pytest
from fuzzing import fuzz, mutations
from hypothesis import assume, given
from hypothesis import strategies as st
from workbooks import EXCEL_PARTS, excel_workbook, gzipped, parquet, with_part, workbook

from analysis.intake.formats.encoding import decode
from analysis.intake.formats.recognise import read_file
from analysis.intake.problems import UnreadableFile
from analysis.intake.sheets import FileRead

FRENCH = (
    "Dépenses de R&D par région;;;\n;;;\nRégion;Code;2014;2015\n"
    'Île-de-France;FR10;1 234,5;"2 345,6"\nBretagne;FRH0;n.d.;12,5 p\n\n'
    '"Centre-\nVal de Loire";FRB0;3,5;4\nSource : Insee;;;\n'
)
EUROSTAT = "freq,unit,geo\\TIME_PERIOD\t2014 \t2015 \nA,PC,FR10\t1.2 b\t: \nA,PC,FR21\t: c\t3\n"
SDMX = "DATAFLOW,freq,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG\nE:X(1.0),A,FR10,2015,3.5,\n" * 1
ROWS = [
    ["Tableau 1", None, None],
    ["geo", "2014", "note"],
    ["FR10", 1.5, "a"],
    ["FR21", None, "b"],
    [None, None, None],
    ["Source: Insee", None, None],
]
SEEDS = {
    "csv": FRENCH.encode(),
    "cp1252": FRENCH.replace("\n", "\r\n").encode("cp1252"),
    "utf-16": FRENCH.encode("utf-16"),
    "eurostat": EUROSTAT.encode(),
    "sdmx": SDMX.encode(),
    "gzip": gzipped(EUROSTAT.encode()),
    "xlsx": workbook(ROWS, [["Notes"]]),
    "excel": excel_workbook(),
    "parquet": parquet({"geo": ["FR10", "FR21", None], "v": [1.5, None, None]}),
}


def read_or_refuse(path, data: bytes) -> FileRead | None:
    """The file read, with its rows accounted for, or None if it is refused."""
    path.write_bytes(data)
    try:
        read = read_file(path)
    except UnreadableFile as refusal:
        assert refusal.problems and all(each.severity == "error" for each in refusal.problems)
        return None
    (sheet,) = read.sheets
    assert sheet.n_rows == read.n_rows
    assert len(sheet.rows) == len(sheet.cells)
    assert list(sheet.rows) == sorted(set(sheet.rows))
    assert len(set(sheet.header)) == len(sheet.header) == len(sheet.letters)
    assert all(name and name.isprintable() for name in sheet.header)
    assert all(len(row) == len(sheet.header) for row in sheet.cells)
    assert all(any(cell is not None for cell in row) for row in sheet.cells if read.problems == ())
    if sheet.delimiter:
        no_cell_is_lost(read, data)
    return read


def no_cell_is_lost(read: FileRead, data: bytes) -> None:
    """Cells with something in them, counted by the standard library alone, line by line."""
    (sheet,) = read.sheets
    text = decode(gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data, "").text
    records = csv.reader(io.StringIO(text, newline=""), delimiter=sheet.delimiter)
    filled = [sum(bool(cell.strip().strip("\ufeff\u200b").strip()) for cell in row)
              for row in records]  # fmt: skip
    assert len(filled) == sheet.n_rows
    assert sum(count == 0 for count in filled) == sheet.n_blank
    too_long = {problem.row for problem in read.problems if problem.rule == "row.long"}
    if not too_long:
        around = len(sheet.above) + sheet.n_header_rows
        in_rows = [count for count in filled if count][around : around + len(sheet.cells)]
        assert in_rows == [sum(cell is not None for cell in row) for row in sheet.cells]


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_the_seeds_are_good_files(name, tmp_path):
    read = read_or_refuse(tmp_path / "seed", SEEDS[name])
    assert read is not None and not read.problems


@pytest.mark.parametrize("name", sorted(SEEDS))
@fuzz(20, 1000)
@given(st.data())
def test_a_file_changed_at_random_is_read_or_refused(name, tmp_path, data):
    read_or_refuse(tmp_path / "file", data.draw(mutations(SEEDS[name])))


@pytest.mark.parametrize("part", sorted(EXCEL_PARTS))
@fuzz(8, 300)
@given(st.data())
def test_a_part_of_a_workbook_changed_at_random_is_read_or_refused(part, tmp_path, data):
    changed = data.draw(mutations(EXCEL_PARTS[part].encode()))
    read_or_refuse(tmp_path / "file.xlsx", with_part(SEEDS["excel"], part, lambda _: changed))


@fuzz(40, 1500)
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=100).map(lambda b: b"PK\x03\x04" + b)))
def test_any_bytes_are_read_or_refused(tmp_path, data):
    read_or_refuse(tmp_path / "file", data)


TABLE_TEXT = st.text(alphabet='aé1:5,;\t|".- \n\r\xa0#=%', max_size=80)


@fuzz(60, 2500)
@given(TABLE_TEXT, st.sampled_from(["utf-8", "cp1252", "utf-16", "utf-8-sig"]))
def test_any_text_is_read_or_refused(tmp_path, text, encoding):
    read_or_refuse(tmp_path / "file", text.encode(encoding))


WORDS = st.text(alphabet="abcdéÎœ -'", min_size=1, max_size=8).map(str.strip).filter(bool)
CELLS = st.one_of(
    st.none(),
    st.decimals(-(10**6), 10**6, places=2).map(lambda n: str(n).replace(".", ",")),
    WORDS.map(lambda word: f"{word}; {word}\n{word}"),
    WORDS,
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str | None]]]:
    """A header of distinct names, and rows of which each has a figure in its last column."""
    width = draw(st.integers(2, 5))
    names = st.lists(WORDS.map(str.upper), min_size=width, max_size=width, unique=True)
    header = draw(names)
    figures = st.integers(3000, 10**6).map(str)
    row = st.tuples(WORDS, *(CELLS for _ in range(width - 2)), figures).map(list)
    return header, draw(st.lists(row, min_size=1, max_size=6))


@fuzz(60, 1500)
@given(
    tables(),
    st.sampled_from([";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_is_written_as_a_table_is_read_back(
    tmp_path, table, separator, encoding, newline, quoting
):
    header, rows = table
    if newline == "\r":  # the writer does not know that \n ends a line too
        quoting = csv.QUOTE_ALL
    target = io.StringIO(newline="")
    writer = csv.writer(target, delimiter=separator, lineterminator=newline, quoting=quoting)
    writer.writerows([header, *rows])
    read = read_or_refuse(tmp_path / "table", target.getvalue().encode(encoding))
    assert read is not None
    (sheet,) = read.sheets
    assert sheet.header == tuple(" ".join(name.split()) for name in header)
    assert sheet.cells == [tuple(row) for row in rows]
    assert (sheet.n_header_rows, sheet.above, sheet.below) == (1, (), ())


@fuzz(15, 400)
@given(tables())
def test_what_is_written_as_a_workbook_is_read_back(tmp_path, table):
    header, rows = table
    typed = [[*row[:-1], int(row[-1] or 0)] for row in rows]
    assume(not any(str(cell).startswith("=") for row in typed for cell in row))
    read = read_or_refuse(tmp_path / "table", workbook([header, *typed]))
    assert read is not None
    (sheet,) = read.sheets
    assert sheet.header == tuple(" ".join(name.split()) for name in header)
    assert sheet.cells == [tuple(row) for row in typed]
