"""Spreadsheets: read back, they hold what the frame holds."""

import io
import math
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from analysis import CompendiumError
from analysis.languages import NARROW
from analysis.report.spreadsheet import number_format, to_xlsx
from analysis.report.tables import Cell, Table, frame_table, rounded

FRAME = pd.DataFrame(
    {
        "geo": ["FR10", "=1+1", "-cmd"],
        "x": [1234.5678, np.nan, -0.25],
        "n": pd.Series([2008, None, 12345], dtype="Int64"),
        "sure": [True, False, True],
    }
)


def book(content: bytes):
    return load_workbook(io.BytesIO(content))


def made(**options: object) -> Table:
    words = {"title": "A title", "units": "EUR", "note": "A note.", "source": "Eurostat"}
    return frame_table("t", FRAME, labels={"x": "Amount"}, **words | options)  # type: ignore[arg-type]


def test_numbers_are_numbers_and_text_is_text() -> None:
    sheet = book(to_xlsx(made(), run="01_data, key abc"))["table"]
    rows = [list(row) for row in sheet.iter_rows()]
    assert [row[0].value for row in rows[:2]] == ["A title", "Units: EUR"]
    assert [cell.value for cell in rows[2]] == ["geo", "Amount", "n", "sure"]
    assert [[cell.value for cell in row] for row in rows[3:]] == [
        ["FR10", 1234.5678, 2008, "yes"],
        ["=1+1", None, None, "no"],
        ["-cmd", -0.25, 12345, "yes"],
    ]
    assert [cell.data_type for cell in rows[4][:2]] == ["s", "n"]
    assert rows[4][0].quotePrefix and rows[5][0].quotePrefix and not rows[3][0].quotePrefix
    assert rows[3][1].number_format == "#,##0;−#,##0;#,##0"
    assert sheet.freeze_panes == "B4" and rows[0][0].font.bold
    assert all(8 <= sheet.column_dimensions[c].width <= 60 for c in "ABCD")


def test_the_last_sheet_says_what_the_table_is() -> None:
    notes = book(to_xlsx(made(), run="01_data, key abc"))["notes"]
    told = {row[0].value: row[1].value for row in notes.iter_rows()}
    assert told.pop("Cells").startswith("A number is held to twelve significant digits")
    assert told == {
        "Table": "t",
        "Title": "A title",
        "Units": "EUR",
        "Note": "A note.",
        "Source": "Eurostat",
        "Run": "01_data, key abc",
    }
    assert book(to_xlsx(made(lang="fr"))).sheetnames == ["tableau", "notes"]


def test_every_row_is_there_though_few_are_printed() -> None:
    frame = pd.DataFrame({"a": range(500)})
    table = frame_table("t", frame, title="T", max_rows=3)
    sheet = book(to_xlsx(table))["table"]
    assert [row[0] for row in sheet.iter_rows(min_row=3, values_only=True)] == list(range(500))


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.floats(allow_infinity=False),
            st.integers(-(2**53), 2**53),
            st.text(
                st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
                min_size=1,
                max_size=20,
            ),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_a_workbook_holds_the_frame(rows: list[tuple[float, int, str]]) -> None:
    frame = pd.DataFrame(rows, columns=["x", "n", "text"]).astype({"n": "int64", "text": "str"})
    sheet = book(to_xlsx(frame_table("t", frame, title="T")))["table"]
    for held, (x, n, text) in zip(sheet.iter_rows(min_row=3, values_only=True), rows, strict=True):
        assert (held[0] is None) if math.isnan(x) else held[0] == rounded(x)
        assert math.isnan(x) or math.isclose(held[0], x, rel_tol=1e-11, abs_tol=1e-300)
        assert held[1] == n and held[2] == text


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("2008", "0"),
        ("1,234.50", "#,##0.00"),
        ("−0.123", "0.000"),
        ("2e−05", "0E+00"),
        ("1.5e−05", "0.0E+00"),
    ],
)
def test_the_format_shows_the_printed_digits(printed: str, expected: str) -> None:
    assert number_format(printed) == f"{expected};−{expected};{expected}"


def test_brackets_stars_and_signs_are_part_of_the_format() -> None:
    assert number_format("(0.12)") == '"("0.00")";"("−0.00")";"("0.00")"'
    assert number_format("0.123***").startswith('0.000"***";−0.000"***"')
    assert number_format("+2.0").startswith("+0.0;−0.0;")
    assert number_format(f"1{NARROW}234,5", "fr") == number_format("1,234.5")
    assert number_format("[0.1; 0.2]") == number_format("0.30000000000000004") == "General"


def test_the_same_table_gives_the_same_bytes_without_the_time() -> None:
    content = to_xlsx(made(), run="r", numbers=FRAME)
    assert content == to_xlsx(made(), run="r", numbers=FRAME)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        core = archive.read("docProps/core.xml").decode()
    assert core.count("2000-01-01T00:00:00Z") == 2


def test_a_sheet_of_numbers_is_the_frame() -> None:
    sheet = book(to_xlsx(made(), numbers=FRAME))["numbers"]
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("geo", "x", "n", "sure")
    assert rows[1] == ("FR10", 1234.5678, 2008, "yes")


def test_text_that_a_workbook_cannot_hold_is_refused_with_its_place() -> None:
    table = frame_table("t", pd.DataFrame({"a": ["x\x00"]}), title="T")
    with pytest.raises(CompendiumError, match=r"table 't', row 3, column 1: 'x\\x00' has control"):
        to_xlsx(table)


def test_groups_and_panels_span_their_columns() -> None:
    table = Table(
        name="g",
        title="G",
        header=[["", "(1)", "(2)"]],
        rows=[[Cell("a"), Cell("1", 1), Cell("2", 2)]],
        align="lcc",
        groups=[("", 1), ("Patents", 2)],
        panels={0: "Panel A: all"},
    )
    sheet = book(to_xlsx(table))["table"]
    assert sorted(map(str, sheet.merged_cells.ranges)) == ["A4:C4", "B2:C2"]
    assert sheet["B2"].value == "Patents" and sheet["A4"].value == "Panel A: all"
    assert sheet.freeze_panes == "B4"
