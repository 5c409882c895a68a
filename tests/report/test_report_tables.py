"""Tables: numbers as text, CSV, HTML, LaTeX and Word."""

import io
import math
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from docx import Document
from hypothesis import given
from hypothesis import strategies as st

from analysis import CompendiumError
from analysis.inert import is_formula
from analysis.languages import NARROW, WIDE
from analysis.report.table_latex import latex_escape, to_latex
from analysis.report.table_markup import to_html, to_html_page
from analysis.report.tables import (
    MISSING,
    Cell,
    Table,
    column_cells,
    csv_text,
    frame_table,
    number_text,
    plain_frame,
)
from analysis.report.word import to_docx

AWKWARD = Table(
    name="awkward",
    title="R&D at 3 % <of> GDP_pps",
    header=[["Region", "Value"]],
    rows=[[Cell("[a] {b} ~ ^ \\ #1"), Cell("−1.50", -1.5)], [Cell("x"), Cell(MISSING, math.nan)]],
    align="lr",
    rules=[1],
    note="50% & more",
    source="Eurostat (tgs00042)",
)


GROUPED = Table(
    name="grouped",
    title="Grouped",
    header=[["", "(1)", "(2)", "(3)"]],
    rows=[[Cell(f"{row}{column}") for column in range(4)] for row in "ab"],
    align="lccc",
    groups=[("", 1), ("Patents", 2), ("Jobs", 1)],
    panels={0: "Panel A: all", 1: "Panel B: some"},
    rules=[1],
)

#: Eight columns with long headings and texts; and fifty rows.
WIDE_TABLE = frame_table(
    "wide",
    pd.DataFrame(
        {"what": ["a sentence that takes more room than there is in a column of a page"] * 2}
        | {f"a heading of several words, number {n}": [12345.67, 1.0] for n in range(7)}
    ),
    title="Wide",
)
TALL_TABLE = frame_table(
    "tall",
    pd.DataFrame({"name": [f"row {n}" for n in range(50)], "value": range(50)}),
    title="Tall",
    note="N",
)


def column_text(values: pd.Series, spec: str | None = None) -> list[str]:
    return [cell.text for cell in column_cells(values, spec)]


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
    assert number_text(-1234.5, ",.1f", "fr") == f"−1{NARROW}234,5"


def test_a_cell_has_the_number_behind_its_text() -> None:
    numbers = column_cells(pd.Series([1 / 3, np.nan, np.inf]))
    assert numbers[0] == Cell("0.333", 1 / 3) and numbers[2] == Cell("∞", None)
    assert numbers[1].text == MISSING and math.isnan(numbers[1].number or 0)
    assert column_cells(pd.Series([True, False])) == [Cell("yes"), Cell("no")]
    assert column_cells(pd.Series([True]), lang="fr") == [Cell("oui")]
    assert column_cells(pd.Series(["1", 2], dtype=object)) == [Cell("1"), Cell("2", 2)]
    assert column_cells(pd.Series([2**60]))[0].number is None  # a spreadsheet would round it


@pytest.mark.parametrize(
    "text", ["=1+1", "@SUM(A1)", "\t=1", "\r=1", "+1+cmd|'/C calc'!A0", "-2+3"]
)
def test_a_text_that_would_be_run_is_made_inert_in_the_csv(text: str) -> None:
    assert is_formula(text)
    written = csv_text(pd.DataFrame({"a": [text], text: [1]}))
    assert written == f"a,'{text}\n'{text},1\n"


@pytest.mark.parametrize("text", ["+", "-", "-1.5", "+2e-05", "−3", "a = b", "FR10", "", "'x"])
def test_other_text_stands_in_the_csv_as_it_is(text: str) -> None:
    assert not is_formula(text)
    back = pd.read_csv(
        io.StringIO(csv_text(pd.DataFrame({"a": [text], "b": [-1.5]}))),
        dtype=str,
        keep_default_na=False,
    )
    assert back.iloc[0].tolist() == [text, "-1.5"]


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
    assert len(table.rows) == 1000 and len(table.shown()) == 5
    assert table.footer() == [
        ("note", "Note:", "N. The first 5 of 1,000 rows; the CSV and XLSX files have them all.")
    ]
    assert to_html(table).count("<tr") == to_latex(table).count(r"\\") == 6


def test_a_french_table_is_french() -> None:
    frame = pd.DataFrame({"a": [1234.5, 99999.25], "b": [True, False]})
    table = frame_table("t", frame, title="T", units="EUR", note="N", source="S", lang="fr")
    assert [lead for _, lead, _ in table.footer()] == [
        f"Unités{WIDE}:",
        f"Note{WIDE}:",
        f"Source{WIDE}:",
    ]
    assert [row[0].text for row in table.rows] == [f"1{NARROW}234", f"99{NARROW}999"]
    assert [row[1].text for row in table.rows] == ["oui", "non"]
    assert '<html lang="fr">' in to_html_page(table)


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
    assert 'aria-labelledby="caption-awkward"' in markup and 'id="caption-awkward"' in markup


def test_an_html_file_opens_by_itself() -> None:
    page = to_html_page(AWKWARD)
    assert page.startswith('<!doctype html>\n<html lang="en">') and to_html(AWKWARD) in page
    assert '<meta charset="utf-8">' in page and "http" not in page


def test_headings_that_span_and_panels() -> None:
    markup = to_html(GROUPED)
    assert '<th scope="colgroup" colspan="2" style="text-align:center">Patents</th>' in markup
    assert '<th scope="rowgroup" colspan="4" style="text-align:left">Panel B: some</th>' in markup
    assert '<tr class="panel rule">' in markup and "<th></th>" not in markup
    tex = to_latex(GROUPED).splitlines()
    at = tex.index(r"\toprule")
    assert tex[at + 1 : at + 5] == [
        r"\multicolumn{1}{c}{} & \multicolumn{2}{c}{Patents} & \multicolumn{1}{c}{Jobs} \\",
        r"\cmidrule(lr){2-3}\cmidrule(lr){4-4}",
        r" & (1) & (2) & (3) \\",
        r"\midrule",
    ]
    assert tex[at + 7 : at + 9] == [
        r"\midrule",
        r"\multicolumn{4}{@{}l@{}}{\emph{Panel B: some}} \\",
    ]
    grid = Document(io.BytesIO(to_docx(GROUPED))).tables[0]
    assert [cell.text for cell in grid.rows[0].cells] == ["", "Patents", "Patents", "Jobs"]
    assert [row.cells[0].text for row in grid.rows] == [
        *("", "", "Panel A: all", "a0", "Panel B: some", "b0")
    ]


def test_latex_breaks_long_texts_and_shrinks_before_it_leaves_the_page() -> None:
    tex = to_latex(WIDE_TABLE)
    assert r"\scriptsize\setlength{\tabcolsep}" in tex
    broken = re.findall(r"\\begin\{tabular\}\[t\]\{@\{\}l@\{\}\}(.*?)\\end\{tabular\}", tex)
    assert len(broken) == 2 and " ".join(broken[0].split(r" \\ ")) == WIDE_TABLE.rows[0][0].text
    assert r"\begin{tabular}[b]{@{}r@{}}" in tex and "12,346 &" in tex
    assert "longtable" not in tex and "size" not in to_latex(GROUPED)


def test_latex_goes_on_over_pages() -> None:
    tex = to_latex(TALL_TABLE)
    assert tex.startswith("\\begingroup\n\\begin{longtable}") and tex.endswith("\\endgroup\n")
    assert tex.index(r"\midrule") < tex.index(r"\endhead") < tex.index("row 0 &")
    assert tex.count("row ") == 50 and r"\emph{Note:} N" in tex


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no LaTeX here")
@pytest.mark.parametrize(
    "table", [AWKWARD, GROUPED, WIDE_TABLE, TALL_TABLE], ids=lambda table: table.name
)
def test_latex_compiles(table: Table, tmp_path: Path) -> None:
    (tmp_path / "t.tex").write_text(
        "\\documentclass{article}\\usepackage[utf8]{inputenc}\\usepackage{booktabs,longtable}"
        f"\\begin{{document}}{to_latex(table)}\\end{{document}}"
    )
    made = subprocess.run(
        ["pdflatex", "-halt-on-error", "-interaction=batchmode", "t.tex"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    log = (tmp_path / "t.log").read_text(errors="replace")
    assert made.returncode == 0 and "Overfull" not in log, log[-2000:]


def test_docx_opens_and_holds_every_cell() -> None:
    document = Document(io.BytesIO(to_docx(AWKWARD)))
    cells = [[cell.text for cell in row.cells] for row in document.tables[0].rows]
    assert cells == [["Region", "Value"], ["[a] {b} ~ ^ \\ #1", "−1.50"], ["x", MISSING]]
    text = [paragraph.text for paragraph in document.paragraphs]
    assert text == [AWKWARD.title, "Note: 50% & more", "Source: Eurostat (tgs00042)"]


def test_docx_carries_no_time() -> None:
    with zipfile.ZipFile(io.BytesIO(to_docx(AWKWARD))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
