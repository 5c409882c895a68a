"""Good files of every format, as people and statistical offices write them."""

import socket
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from fuzzing import NIGHTLY
from openpyxl import Workbook
from workbooks import REGIONS, excel_workbook, gzipped, parquet, with_part, workbook

from analysis.intake.formats.recognise import read_file
from analysis.intake.numbers import Percentage, parse_number
from analysis.intake.problems import sentence
from analysis.intake.sheets import FileRead, Sheet

FRENCH = "Région;Année;Montant\nÎle-de-France;2015;3,5\nBretagne;2015;1 234,25\n"
CELLS = [("Île-de-France", "2015", "3,5"), ("Bretagne", "2015", "1 234,25")]


def read(tmp_path: Path, content: str | bytes, name: str = "file", **options: str) -> FileRead:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_file(path, **options)


def sheet_of(tmp_path: Path, content: str | bytes) -> Sheet:
    """The sheet of a file without any problem."""
    found = read(tmp_path, content)
    assert not found.problems
    return found.sheets[0]


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8 with a byte order mark"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16 without a byte order mark"),
        ("utf-16-be", "UTF-16 without a byte order mark"),
        ("utf-32", "UTF-32"),
        ("cp1252", "Windows-1252"),
        ("latin-1", "Windows-1252"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path, codec, name, newline):
    sheet = sheet_of(tmp_path, FRENCH.replace("\n", newline).encode(codec))
    assert sheet.encoding == name
    assert sheet.header == ("Région", "Année", "Montant")
    assert sheet.cells == CELLS
    assert sheet.rows == (2, 3)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_separators(tmp_path, separator):
    sheet = sheet_of(tmp_path, FRENCH.replace(";", separator))
    assert (sheet.delimiter, sheet.cells) == (separator, CELLS)
    assert sheet.kind == ("tsv" if separator == "\t" else "csv")


def test_commas_with_quoted_decimal_commas(tmp_path):
    sheet = sheet_of(tmp_path, 'geo,value\nFR10,"3,5"\nFR21,"1,25"\n')
    assert sheet.cells == [("FR10", "3,5"), ("FR21", "1,25")]
    assert (sheet.decimal, sheet.decimal_evidence) == (",", "2 cells like 3,5 (decimal comma)")


def test_the_separator_line_of_excel(tmp_path):
    sheet = sheet_of(tmp_path, "sep=,\ngeo;x,value\nFR10;1,5\nFR21;2,7\n")
    assert sheet.header == ("geo;x", "value")
    assert sheet.above == ("sep=",)


def test_titles_units_and_notes_are_kept(tmp_path):
    sheet = sheet_of(
        tmp_path,
        "Tableau 3 - Dépenses de R&D;;\nen millions d'euros;;\n;;\nRégion;2014;2015\n"
        "Bretagne;3;4\n;;\nNormandie;5;6\nSource : Insee, comptes, 2016;;\n(p) : provisoire;;\n",
    )
    assert sheet.above == ("Tableau 3 - Dépenses de R&D", "en millions d'euros")
    assert sheet.below == ("Source : Insee, comptes, 2016", "(p) : provisoire")
    assert sheet.header == ("Région", "2014", "2015")
    assert (sheet.rows, sheet.n_blank, sheet.n_rows) == ((5, 7), 2, 9)


def test_notes_with_separators_in_them(tmp_path):
    sheet = sheet_of(tmp_path, "geo,2014\nFR10,3\nFR21,4\n\nSource: Insee, accounts, 2016\n# end\n")
    assert sheet.below == ("Source: Insee accounts 2016", "# end")


def test_blank_rows_and_missing_figures_do_not_hide_the_header(tmp_path):
    text = "Région;2014;2015\nCorse;n.d.;n.d.\n\nBretagne;n.d.;n.d.\nNormandie;5,5;6\n"
    sheet = sheet_of(tmp_path, text)
    assert sheet.header == ("Région", "2014", "2015")
    assert (sheet.rows, sheet.above) == ((2, 4, 5), ())


def test_a_last_region_without_figures_is_no_note(tmp_path):
    sheet = sheet_of(tmp_path, "Région;2014\nBretagne;3\nÎle-de-France;\n")
    assert sheet.cells[-1] == ("Île-de-France", None)


def test_a_count_that_looks_like_a_year_is_a_row_and_no_note(tmp_path):
    sheet = sheet_of(tmp_path, "Région;2014;2015\nBretagne;3;4\n\nNB;1999;2001\n")
    assert sheet.cells[-1] == ("NB", "1999", "2001")


@pytest.mark.parametrize(
    "text",
    [
        ";2014;;2015;\nRégion;Montant;Nb;Montant;Nb\nBretagne;1,5;2;3,5;4\n",
        "Région;2014;;2015;\n;Montant;Nb;Montant;Nb\nBretagne;1,5;2;3,5;4\n",
    ],
)
def test_header_lines_are_merged(tmp_path, text):
    sheet = sheet_of(tmp_path, text)
    assert sheet.header == ("Région", "2014 Montant", "2014 Nb", "2015 Montant", "2015 Nb")
    assert (sheet.n_header_rows, sheet.rows) == (2, (3,))


def test_a_line_of_units_below_the_header(tmp_path):
    sheet = sheet_of(tmp_path, "Région;Année;Montant\n;;M€\nBretagne;2015;3,5\n")
    assert sheet.header == ("Région", "Année", "Montant M€")


def test_a_cell_over_two_lines_keeps_the_physical_lines_of_the_rows(tmp_path):
    sheet = sheet_of(tmp_path, 'Région;"Montant\n(M€)"\n"Centre-\nVal de Loire";3\nBretagne;4\n')
    assert sheet.header == ("Région", "Montant (M€)")
    assert sheet.rows == (3, 5)


def test_empty_columns_and_trailing_separators(tmp_path):
    sheet = sheet_of(tmp_path, "geo;;value;;\nFR10;;3;;\nFR21;;4;;\n")
    assert (sheet.header, sheet.letters) == (("geo", "value"), ("A", "C"))


def test_a_column_without_a_name_is_named_by_its_letter(tmp_path):
    sheet = sheet_of(tmp_path, "geo;2014;\nFR10;3;b\nFR21;4;\n")
    assert sheet.header == ("geo", "2014", "column C")


def test_comment_lines_above(tmp_path):
    sheet = sheet_of(tmp_path, "# extracted, by hand\n# 2016\ngeo,value\nFR10,3\nFR21,4\n")
    assert sheet.above == ("# extracted by hand", "# 2016")


def test_eurostat_tsv(tmp_path):
    text = "freq,unit,geo\\TIME_PERIOD\t2014 \t2015 \nA,PC,FR10\t1.2 b\t: \nA,PC,FR21\t: c\t3\n"
    sheet = sheet_of(tmp_path, gzipped(text.encode()))
    assert sheet.kind == "eurostat-tsv"
    assert sheet.header == ("freq,unit,geo\\TIME_PERIOD", "2014", "2015")
    assert sheet.cells == [("A,PC,FR10", "1.2 b", ":"), ("A,PC,FR21", ": c", "3")]
    assert read(tmp_path, gzipped(text.encode())).notes == ("a gzip archive, unpacked",)


@pytest.mark.parametrize("first", ["DATAFLOW", "STRUCTURE"])
def test_sdmx_csv(tmp_path, first):
    text = f"{first},freq,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG\nE:X(1.0),A,FR10,2015,3.25,b\n"
    assert sheet_of(tmp_path, text).kind == "sdmx-csv"


def test_the_csv_of_the_world_bank(tmp_path):
    sheet = sheet_of(
        tmp_path,
        '\ufeff"Data Source","World Development Indicators",\n\n"Last Updated","2024-03-28",\n\n'
        '"Country Name","Country Code","Indicator Name","2021","2022",\n'
        '"France","FRA","R&D (% of GDP)","2.22","2.18",\n'
        '"Italy","ITA","R&D (% of GDP)","1.43","",\n',
    )
    assert sheet.header == ("Country Name", "Country Code", "Indicator Name", "2021", "2022")
    assert sheet.cells[1] == ("Italy", "ITA", "R&D (% of GDP)", "1.43", None)
    assert sheet.above == ("Data Source World Development Indicators", "Last Updated 2024-03-28")


def test_a_list_of_operations_with_long_texts(tmp_path):
    sheet = sheet_of(
        tmp_path,
        "Bénéficiaire;Résumé;Code postal;Montant UE\n"
        '"SAS ""Alpha""";"Aide à l\'innovation ; volet 1,\nphase 2";69000;"12 345,60 "\n'
        "Béta;;01000;7\n",
    )
    assert sheet.cells == [
        ('SAS "Alpha"', "Aide à l'innovation ; volet 1,\nphase 2", "69000", "12 345,60"),
        ("Béta", None, "01000", "7"),
    ]
    assert sheet.rows == (2, 4)


# --- workbooks ---------------------------------------------------------------------------------


def french_book(book: Workbook) -> None:
    sheet = book["Sheet1"]
    sheet.merge_cells("A1:E1")
    sheet.merge_cells("A3:A4")
    sheet.merge_cells("B3:C3")
    sheet.merge_cells("D3:E3")
    sheet.merge_cells("A5:A6")


def test_merged_headers_and_labels_of_a_workbook(tmp_path):
    rows = [
        ["Montants par région", None, None, None, None],
        [],
        ["Région", 2014, None, 2015, None],
        [None, "M€", "Nb", "M€", "Nb"],
        ["Bretagne", 1.5, 2, 3.5, 4],
        [None, 2.5, 3, 4.5, 5],
        [],
        ["Source : Insee"],
    ]
    found = read(tmp_path, workbook(rows, change=french_book), "book.csv")
    (sheet,) = found.sheets
    assert sheet.header == ("Région", "2014 M€", "2014 Nb", "2015 M€", "2015 Nb")
    assert sheet.cells == [("Bretagne", 1.5, 2, 3.5, 4), ("Bretagne", 2.5, 3, 4.5, 5)]
    assert (sheet.rows, sheet.above, sheet.below) == (
        (5, 6),
        ("Montants par région",),
        ("Source : Insee",),
    )
    assert sheet.column_name(1) == "2014 M€ (B)"
    assert not found.problems


def test_the_workbook_of_a_statistical_office(tmp_path):
    rows = [
        ["Data extracted on 12/03/2024"],
        ["Dataset:", "R&D expenditure"],
        [],
        ["Time frequency", None, "Annual"],
        ["Unit of measure", None, "Percentage of GDP"],
        [],
        ["TIME", "TIME", "2014", None, "2015", None],
        ["GEO (Codes)", "GEO (Labels)", None, None, None, None],
        ["FR10", "Île-de-France", 2.75, "e", 2.5, None],
        ["FRH0", "Bretagne", ":", None, 1.5, "b"],
        [],
        ["Special value"],
        [":", "not available"],
        ["Available flags:"],
        ["b", "break in time series"],
    ]
    found = read(tmp_path, workbook(rows))
    (sheet,) = found.sheets
    assert sheet.header == (
        *("TIME GEO (Codes)", "TIME GEO (Labels)", "2014", "column D", "2015", "column F"),
    )
    assert sheet.cells == [
        ("FR10", "Île-de-France", 2.75, "e", 2.5, None),
        ("FRH0", "Bretagne", ":", None, 1.5, "b"),
    ]
    assert sheet.above[-1] == "Unit of measure Percentage of GDP"
    assert sheet.below == (
        *("Special value", ": not available", "Available flags:", "b break in time series"),
    )


def test_shared_strings_styles_and_stored_results(tmp_path):
    found = read(tmp_path, excel_workbook(), "excel.xls")
    (sheet,) = found.sheets
    assert found.kind == "xlsx" and not found.problems
    assert sheet.cells == [
        ("Bretagne", Percentage(7.0), date(2015, 1, 1), 3),
        ("Île-de-France", Percentage(12.5), datetime(2016, 1, 1, 12), None),
    ]
    assert (sheet.rows, sheet.n_blank) == ((3, 4), 1)


def test_a_share_shown_in_percent_is_read_as_shown(tmp_path):
    (sheet,) = read(tmp_path, excel_workbook()).sheets
    parsed = parse_number(sheet.cells[1][1], sheet.decimal)
    assert (parsed.value, parsed.percent) == (12.5, True)
    assert str(sheet.cells[1][1]) == "12.5%"


@pytest.mark.parametrize(
    ("number_format", "stored", "read_as"),
    [
        ("0.0%", 0.125, Percentage(12.5)),
        ('0.0"%"', 12.5, Percentage(12.5)),
        ("0.00", 0.125, 0.125),
        ("#,##0", 1234567, 1234567),
        ("yyyy-mm-dd", 42005, date(2015, 1, 1)),
        ("General", True, True),
        ("@", "3,5", "3,5"),
    ],
)
def test_number_formats(tmp_path, number_format, stored, read_as):
    def change(book: Workbook) -> None:
        book["Sheet1"]["C2"] = stored
        book["Sheet1"]["C2"].number_format = number_format

    found = read(tmp_path, workbook(change=change))
    assert found.sheets[0].cells[0][2] == read_as
    assert type(found.sheets[0].cells[0][2]) is type(read_as)
    assert not found.problems


def test_one_sheet_with_a_table_among_notes(tmp_path):
    found = read(tmp_path, workbook([["Read me"]], REGIONS, []))
    assert found.sheets[0].name == "Sheet2"
    assert found.notes == (
        "sheet Sheet1 is not read: no table: no row has two cells that are filled",
        "sheet Sheet3 is not read: no table: no row has two cells that are filled",
    )


def test_a_sheet_asked_for(tmp_path):
    data = workbook(REGIONS, [("geo", "value"), ("DE1", 7)])
    found = read(tmp_path, data, sheet="Sheet2")
    assert found.sheets[0].cells == [("DE1", 7)]
    assert found.notes == ("sheet Sheet1 is not read",)


def test_a_hidden_sheet_is_not_read_but_named(tmp_path):
    def hide(book: Workbook) -> None:
        book["Sheet2"].sheet_state = "hidden"

    found = read(tmp_path, workbook(REGIONS, REGIONS, change=hide))
    assert found.sheets[0].name == "Sheet1"
    assert found.notes == ("hidden sheet Sheet2 is not read",)


def test_a_column_beyond_the_header_is_kept(tmp_path):
    found = read(tmp_path, workbook([["geo", "value"], ["FR10", 3, "x"], ["FR21", 4]]))
    assert found.sheets[0].header == ("geo", "value", "column C")
    assert found.sheets[0].cells[0] == ("FR10", 3, "x")


def test_macros_and_links_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("a link was followed"))
    link = b'<externalLink xmlns="x"><externalBook r:id="rId1"/></externalLink>'
    data = with_part(workbook(), "xl/externalLinks/externalLink1.xml", lambda _: link)
    data = with_part(data, "xl/vbaProject.bin", lambda _: b"macro")
    data = with_part(
        data,
        "[Content_Types].xml",
        lambda xml: xml.replace(
            b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
            b"application/vnd.ms-excel.sheet.macroEnabled.main+xml",
        ),
    )
    assert read(tmp_path, data, "book.xlsm").sheets[0].cells == list(REGIONS[1:])


def test_a_picture_that_is_a_bomb_is_never_opened(tmp_path):
    data = with_part(workbook(), "xl/media/image1.png", lambda _: b"\x89PNG not a picture")
    assert not read(tmp_path, data).problems


# --- Parquet -----------------------------------------------------------------------------------


def test_parquet_columns(tmp_path):
    found = read(
        tmp_path,
        parquet(
            {
                "geo": pa.array(["FR10", " FR21 ", None, None]).dictionary_encode(),
                "n": pa.array([1, None, None, 3], pa.int64()),
                "x": [1.5, None, None, 2.5],
                "d": pa.array([Decimal("1.25"), None, None, None], pa.decimal128(5, 2)),
                "t": pa.array([datetime(2015, 1, 1), datetime(2015, 1, 1, 12), None, None]),
                "b": [True, None, None, False],
                "null": pa.nulls(4),
            }
        ),
    )
    (sheet,) = found.sheets
    assert sheet.cells == [
        ("FR10", 1, 1.5, 1.25, date(2015, 1, 1), True, None),
        ("FR21", None, None, None, datetime(2015, 1, 1, 12), None, None),
        (None, 3, 2.5, None, None, False, None),
    ]
    assert (sheet.rows, sheet.n_blank, found.n_rows) == ((1, 2, 4), 1, 4)


def test_a_text_repeated_many_times_is_held_once(tmp_path):
    long = "x" * 10_000
    found = read(tmp_path, parquet({"geo": [long] * 500, "v": range(500)}))
    assert len({id(row[0]) for row in found.sheets[0].cells}) == 1


# --- the files that are published -------------------------------------------------------------


def test_every_table_of_the_source_files_reads_as_pandas_reads_it(shared_data):
    paths = [*shared_data.rglob("*.csv"), *shared_data.rglob("*.csv.gz")]
    paths = sorted(path for path in paths if NIGHTLY or path.stat().st_size < 60_000)
    assert len(paths) > 70
    for path in paths:
        found = read_file(path)
        (sheet,) = found.sheets
        expected = pd.read_csv(path, dtype=str, keep_default_na=False)
        assert [sentence(each) for each in found.problems] == [], path
        assert sheet.n_rows == found.n_rows, path
        assert (len(sheet.cells), sheet.above, sheet.below) == (len(expected), (), ()), path
        filled = sum(cell is not None for row in sheet.cells for cell in row)
        assert filled == (expected != "").to_numpy().sum(), path
