"""Tables: numbers as text, and the three mark-ups."""

import io
import math
import zipfile

import numpy as np
import pandas as pd
import pytest
from docx import Document
from hypothesis import given
from hypothesis import strategies as st

from analysis import CompendiumError
from analysis.report.tables import (
    MISSING,
    Table,
    column_text,
    csv_text,
    frame_table,
    latex_escape,
    number_text,
    plain_frame,
    to_docx,
    to_html,
    to_latex,
)

AWKWARD = Table(
    name="awkward",
    title="R&D at 3 % <of> GDP_pps",
    header=[["Region", "Value"]],
    rows=[["[a] {b} ~ ^ \\ #1", "−1.50"], ["x", MISSING]],
    align="lr",
    rules=[1],
    note="50% & more",
    source="Eurostat (tgs00042)",
)


# ---------------------------------------------------------------- numbers


def test_missing_is_a_dash_in_every_kind_of_column() -> None:
    columns = [
        pd.Series([1.5, np.nan]),
        pd.Series([1, None], dtype="Int64"),
        pd.Series([1.5, None], dtype="Float64"),
        pd.Series([True, None], dtype="boolean"),
        pd.Series(["a", None]),
        pd.Series(["a", pd.NA], dtype=object),
        pd.Series(pd.to_datetime(["2020-01-01", None])),
    ]
    assert [column_text(column)[1] for column in columns] == [MISSING] * len(columns)
    assert all(column_text(column)[0] != MISSING for column in columns)


def test_years_stay_years_and_large_counts_are_grouped() -> None:
    assert column_text(pd.Series([2008, 12345, -9])) == ["2008", "12,345", "−9"]


def test_decimals_follow_the_typical_magnitude() -> None:
    assert column_text(pd.Series([0.1234, 0.5678])) == ["0.123", "0.568"]
    assert column_text(pd.Series([1234.5, 5678.9])) == ["1,234", "5,679"]
    assert column_text(pd.Series([0.0, 0.0])) == ["0", "0"]


def test_a_small_number_is_not_printed_as_zero() -> None:
    assert column_text(pd.Series([0.5, 0.6, 0.00002, 0.0])) == ["0.500", "0.600", "2e−05", "0.000"]


def test_a_given_format_wins() -> None:
    assert column_text(pd.Series([0.12345]), ".1f") == ["0.1"]
    assert number_text(math.inf, ".1f") == "∞"


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=1))
def test_csv_floats_keep_twelve_digits(values: list[float]) -> None:
    frame = pd.DataFrame({"x": values})
    back = pd.read_csv(io.StringIO(csv_text(frame)), dtype={"x": str})["x"]
    for value, text in zip(values, back, strict=True):
        assert text == format(value + 0.0, ".12g")
        assert math.isclose(float(text), value, rel_tol=1e-11)


def test_csv_leaves_missing_cells_empty_and_the_rest_alone() -> None:
    frame = pd.DataFrame(
        {
            "geo": ["FR10", None],
            "n": pd.Series([1, None], dtype="Int64"),
            "x": pd.Series([1 / 3, None], dtype="Float64"),
            "mixed": pd.Series([0.1 + 0.2, "text"], dtype=object),
        }
    )
    assert csv_text(frame) == "geo,n,x,mixed\nFR10,1,0.333333333333,0.3\n,,,text\n"


# ---------------------------------------------------------------- layout


def test_an_index_that_says_something_becomes_columns() -> None:
    frame = pd.DataFrame({"v": [1]}, index=pd.Index(["FR"], name="country"))
    assert list(plain_frame(frame).columns) == ["country", "v"]
    crossed = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_product([["v"], ["mean", "sd"]]))
    assert list(plain_frame(crossed).columns) == ["v · mean", "v · sd"]


def test_repeated_columns_are_refused() -> None:
    with pytest.raises(CompendiumError, match="columns appear twice: a"):
        plain_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_labels_and_formats_of_unknown_columns_are_refused() -> None:
    frame = pd.DataFrame({"a": [1.0]})
    with pytest.raises(CompendiumError, match=r"'t': labels names .* b; the columns are a"):
        frame_table("t", frame, title="T", labels={"b": "B"})
    with pytest.raises(CompendiumError, match=r"'t': formats names"):
        frame_table("t", frame, title="T", formats={"b": ".1f"})


def test_a_long_table_is_cut_and_says_so() -> None:
    table = frame_table("t", pd.DataFrame({"a": range(1000)}), title="T", max_rows=5, note="N.")
    assert len(table.rows) == 5
    assert table.note == "N. The first 5 of 1,000 rows; the CSV file has them all."


# ---------------------------------------------------------------- mark-up


def test_latex_escapes_everything_special() -> None:
    assert latex_escape("a_b & 50 % of $5 #1 {x} ~^\\") == (
        r"a\_b \& 50 \% of \$5 \#1 \{x\} \textasciitilde{}\textasciicircum{}\textbackslash{}"
    )
    assert latex_escape("−1 R²") == r"$-$1 R\textsuperscript{2}"


def test_latex_is_a_self_standing_table() -> None:
    tex = to_latex(AWKWARD)
    assert tex.startswith("\\begin{table}[htbp]\n") and tex.endswith("\\end{table}\n")
    assert r"\caption{R\&D at 3 \% $<$of$>$ GDP\_pps}" in tex
    assert "{[}a{]}" in tex  # or LaTeX would take it for the optional argument of \\
    assert tex.count(r"\midrule") == 2 and r"\emph{Note:} 50\% \& more" in tex


def test_html_escapes_and_has_headers_for_screen_readers() -> None:
    markup = to_html(AWKWARD)
    assert "R&amp;D at 3 % &lt;of&gt; GDP_pps" in markup
    assert markup.count('scope="col"') == 2 and markup.count('scope="row"') == 2
    assert 'class="rule"' in markup and 'class="source"' in markup


def test_docx_opens_and_holds_every_cell() -> None:
    document = Document(io.BytesIO(to_docx(AWKWARD)))
    cells = [[cell.text for cell in row.cells] for row in document.tables[0].rows]
    assert cells == [["Region", "Value"], ["[a] {b} ~ ^ \\ #1", "−1.50"], ["x", MISSING]]
    text = [paragraph.text for paragraph in document.paragraphs]
    assert text == [AWKWARD.title, "Note: 50% & more", "Source: Eurostat (tgs00042)"]


def test_docx_carries_no_time() -> None:
    with zipfile.ZipFile(io.BytesIO(to_docx(AWKWARD))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
