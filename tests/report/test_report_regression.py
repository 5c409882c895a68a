"""Regression tables on real fits of synthetic data."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from docx import Document
from openpyxl import load_workbook

from analysis import CompendiumError
from analysis.models import Estimates, Specification, fit
from analysis.models.estimates import Facts
from analysis.panel.codebook import variables
from analysis.report.regression import STYLES, regression_csv, regression_layout
from analysis.report.regression_names import errors_note
from analysis.report.spreadsheet import to_xlsx
from analysis.report.table_latex import to_latex
from analysis.report.table_markup import to_html
from analysis.report.tables import Table
from analysis.report.word import to_docx


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"geo": np.repeat(range(30), 8), "year": np.tile(range(8), 30)})
    frame["x"] = rng.normal(size=240)
    frame["small"] = rng.normal(size=240) * 1e4
    frame["y"] = 0.5 * frame["x"] + rng.normal(size=240)
    return frame


@pytest.fixture(scope="module")
def models(frame: pd.DataFrame) -> dict[str, Estimates]:
    pooled = Specification(outcome="y", regressors=("x", "small"), unit="geo", vcov="hc1")
    within = Specification(
        outcome="y", regressors=("x",), absorb=("geo", "year"), vcov="cluster", cluster=("geo",)
    )
    return {"(1)": fit(pooled, frame), "(2)": fit(within, frame)}


def cells(models: dict[str, Estimates], **options: object) -> dict[str, list[str]]:
    table = regression_layout("t", models, title="T", **{"labels": {}, **options})  # type: ignore[arg-type]
    return {row[0]: row[1:] for row in texts(table) if row[0]}


def texts(table: Table) -> list[list[str]]:
    """The body as it is printed."""
    return [[cell.text for cell in row] for row in table.rows]


def test_coefficients_stand_over_their_standard_errors(models: dict[str, Estimates]) -> None:
    table = regression_layout("t", models, title="T", labels={"x": "R&D", "geo": "region"})
    rows = texts(table)
    at = next(i for i, row in enumerate(rows) if row[0] == "R&D")
    for column, model in enumerate(models.values(), start=1):
        row = model.row("x")
        assert rows[at][column] == f"{row['estimate']:.3f}"
        assert rows[at + 1][column] == f"({row['std_error']:.3f})"


def test_the_constant_comes_last_and_absent_terms_are_blank(models: dict[str, Estimates]) -> None:
    found = cells(models)
    terms = list(found)[:3]
    assert terms == ["x", "small", "Intercept"]
    assert found["small"][1] == ""


def test_a_tiny_coefficient_keeps_two_digits_of_its_standard_error(
    models: dict[str, Estimates],
) -> None:
    shown = cells(models)["small"][0]
    assert shown.lstrip("−").startswith("0.0000") and shown.strip("−0.") != ""


def test_facts_and_fixed_effects(models: dict[str, Estimates]) -> None:
    found = cells(models, labels={"geo": "region", "n_units": "Regions"})
    assert found["Observations"] == ["240", "240"]
    assert found["Regions"] == ["30", "30"]
    assert found["Clusters"] == ["–", "30"]
    assert found["Fixed effects: region"] == ["no", "yes"]
    assert found["Within R²"] == ["–", f"{models['(2)'].facts.within_r_squared:.3f}"]
    assert "Estimator" not in found


def test_the_estimator_is_named_when_it_is_not_least_squares(frame: pd.DataFrame) -> None:
    counts = frame.assign(n=np.arange(240) % 7)
    poisson = fit(Specification(outcome="n", regressors=("x",), estimator="poisson"), counts)
    assert cells({"(1)": poisson})["Estimator"] == ["Poisson"]


def test_the_note_names_the_standard_errors(models: dict[str, Estimates]) -> None:
    note = errors_note({"": models}, {"geo": "region"})
    assert note == (
        "Standard errors in parentheses: robust to heteroskedasticity (HC1) in (1); "
        "clustered by region in (2)."
    )
    assert errors_note({"": {"a": models["(2)"], "b": models["(2)"]}}, {}) == (
        "Standard errors in parentheses: clustered by territory."
    )


@pytest.mark.parametrize(
    ("vcov", "words"),
    [
        ("hc3", "robust to heteroskedasticity (HC3)"),
        ("information", "from the information matrix"),
        ("akm", "of the kind akm"),
    ],
)
def test_only_robust_errors_are_called_robust(
    models: dict[str, Estimates], vcov: str, words: str
) -> None:
    model = replace(models["(1)"], facts=replace(models["(1)"].facts, vcov=vcov))
    assert errors_note({"": {"a": model}}, {}) == f"Standard errors in parentheses: {words}."


def test_a_shared_outcome_is_named_once_and_others_below_the_headings(
    models: dict[str, Estimates], frame: pd.DataFrame
) -> None:
    table = regression_layout("t", models, title="T", labels={"y": "Patents"})
    assert len(table.header) == 1 and table.note.startswith("Outcome: Patents. Standard errors")
    other = fit(Specification(outcome="small", regressors=("x",)), frame)
    table = regression_layout("t", {**models, "(3)": other}, title="T", labels={})
    assert list(table.header[1]) == ["", "y", "y", "small"] and "Outcome" not in table.note


def test_stars_are_off_unless_asked_for(models: dict[str, Estimates]) -> None:
    assert not any("*" in cell for row in cells(models).values() for cell in row)
    starred = regression_layout("t", models, title="T", labels={}, stars=True)
    assert any(cell.endswith("***") for row in texts(starred) for cell in row)
    assert "*** p < 0.01" in starred.note


def test_terms_choose_and_order(models: dict[str, Estimates]) -> None:
    assert list(cells(models, terms=["small", "x"]))[:2] == ["small", "x"]
    with pytest.raises(CompendiumError, match="no model has the terms z; the terms are x, small"):
        cells(models, terms=["z"])
    with pytest.raises(CompendiumError, match="no models"):
        cells({})


def test_the_csv_has_the_unrounded_numbers(models: dict[str, Estimates]) -> None:
    frame = regression_csv(models).set_index(["row", "statistic"])
    for name in ("estimate", "std_error", "p_value", "ci_low", "ci_high"):
        assert frame.loc[("x", name), "(2)"] == models["(2)"].row("x")[name]
    assert frame.loc[("fit", "n_obs"), "(1)"] == 240
    assert frame.loc[("fit", "vcov"), "(2)"] == "cluster"


# ---------------------------------------------------------------- layouts, written out by hand


def made_up(estimate: float, std_error: float, p_value: float, **facts: object) -> Estimates:
    """A model of one coefficient with round numbers."""
    row = {
        "term": "rd",
        "estimate": estimate,
        "std_error": std_error,
        "statistic": estimate / std_error,
        "p_value": p_value,
        "ci_low": estimate - 2 * std_error,
        "ci_high": estimate + 2 * std_error,
    }
    known = {
        "outcome": "patents",
        "estimator": "ols",
        "vcov": "cluster",
        "cluster": "geo",
        "formula": "",
        "n_obs": 1234,
        "df_t": 30.0,
        "n_clusters": 31,
        "outcome_mean": 12.5,
        "within_r_squared": 0.25,
    }
    covariance = pd.DataFrame([[std_error**2]], index=["rd"], columns=["rd"])
    return Estimates(pd.DataFrame([row]), covariance, Facts(**known | facts))  # type: ignore[arg-type]


SIDE_BY_SIDE = {
    "OLS": made_up(0.5, 0.125, 0.001),
    "Within": made_up(-0.25, 0.2, 0.2, absorb="geo + year"),
    "Few": made_up(1.0, 0.5, 0.04, n_obs=99),
}
WORDS = {"rd": "R&D", "patents": "Patents", "geo": "region", "within_r_squared": "R² (within)"}
EXPECTED = [
    ["", "Regions", "Regions", "Others"],
    ["", "OLS", "Within", "Few"],
    ["", "(1)", "(2)", "(3)"],
    ["R&D", "0.500***", "−0.250", "1.000**"],
    ["", "(0.125)", "(0.200)", "(0.500)"],
    ["Fixed effects: region", "no", "yes", "no"],
    ["Fixed effects: year", "no", "yes", "no"],
    ["Observations", "1,234", "1,234", "99"],
    ["Clusters", "31", "31", "31"],
    ["Mean of the outcome", "12.5", "12.5", "12.5"],
    ["R² (within)", "0.250", "0.250", "0.250"],
]
NOTE = (
    "Outcome: Patents. Standard errors in parentheses: clustered by region. "
    "*** p < 0.01, ** p < 0.05, * p < 0.10."
)


@pytest.fixture(scope="module")
def side_by_side() -> Table:
    return regression_layout(
        "t",
        SIDE_BY_SIDE,
        labels=WORDS,
        groups=[("Regions", 2), ("Others", 1)],
        style="aer",
        stars=True,
        title="Patents and R&D",
    )


def test_the_layout_is_the_one_written_by_hand(side_by_side: Table) -> None:
    assert side_by_side.groups == [("", 1), ("Regions", 2), ("Others", 1)]
    assert [*side_by_side.header, *texts(side_by_side)] == EXPECTED[1:]
    assert side_by_side.note == NOTE and side_by_side.rules == [2, 4]


def test_html_has_the_layout(side_by_side: Table) -> None:
    soup = BeautifulSoup(to_html(side_by_side), "html.parser")
    rows = [
        [cell.get_text() for cell in row for _ in range(int(cell.get("colspan", 1)))]
        for row in soup.select("tr")
    ]
    assert rows == EXPECTED
    assert soup.select_one("p.note").get_text() == f"Note: {NOTE}"


def test_latex_has_the_layout(side_by_side: Table) -> None:
    tex = to_latex(side_by_side).splitlines()
    begin, end = tex.index(r"\toprule"), tex.index(r"\bottomrule")
    assert tex[begin + 1 : end] == [
        r"\multicolumn{1}{c}{} & \multicolumn{2}{c}{Regions} & \multicolumn{1}{c}{Others} \\",
        r"\cmidrule(lr){2-3}\cmidrule(lr){4-4}",
        r" & OLS & Within & Few \\",
        r" & (1) & (2) & (3) \\",
        r"\midrule",
        r"R\&D & 0.500*** & $-$0.250 & 1.000** \\",
        r" & (0.125) & (0.200) & (0.500) \\",
        r"\midrule",
        r"Fixed effects: region & no & yes & no \\",
        r"Fixed effects: year & no & yes & no \\",
        r"\midrule",
        r"Observations & 1,234 & 1,234 & 99 \\",
        r"Clusters & 31 & 31 & 31 \\",
        r"Mean of the outcome & 12.5 & 12.5 & 12.5 \\",
        r"R\textsuperscript{2} (within) & 0.250 & 0.250 & 0.250 \\",
    ]


def test_word_has_the_layout(side_by_side: Table) -> None:
    document = Document(io.BytesIO(to_docx(side_by_side)))
    assert [[c.text for c in row.cells] for row in document.tables[0].rows] == EXPECTED
    assert document.paragraphs[-1].text == f"Note: {NOTE}"


def test_the_spreadsheet_has_the_layout_as_numbers(side_by_side: Table) -> None:
    sheet = load_workbook(io.BytesIO(to_xlsx(side_by_side)))["table"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    assert rows[0] == [None, "Regions", None, "Others"]
    assert rows[3:5] == [["R&D", 0.5, -0.25, 1], [None, 0.125, 0.2, 0.5]]
    assert rows[7] == ["Observations", 1234, 1234, 99]
    assert sheet["B5"].number_format.startswith('0.000"***";')
    assert sheet["B6"].number_format.startswith('"("0.000")";')


def test_intervals_or_statistics_may_stand_below() -> None:
    def second_row(**options: object) -> list[str]:
        table = regression_layout("t", SIDE_BY_SIDE, labels=WORDS, title="T", **options)  # type: ignore[arg-type]
        return texts(table)[1]

    assert second_row(below="interval")[1:] == [
        *("[0.250; 0.750]", "[−0.650; 0.150]", "[0.000; 2.000]")
    ]
    assert second_row(below="statistic")[1:] == ["(4.00)", "(−1.25)", "(2.00)"]
    note = regression_layout("t", SIDE_BY_SIDE, labels=WORDS, below="interval", title="T").note
    assert "95 % confidence intervals in brackets; standard errors: clustered by region." in note


def test_panels_stand_one_under_the_other_and_share_what_is_the_same() -> None:
    models = {
        "All": {"(1)": made_up(0.5, 0.1, 0.0), "(2)": made_up(0.4, 0.1, 0.0, absorb="geo")},
        "Small": {"(1)": made_up(0.3, 0.1, 0.0), "(2)": made_up(0.2, 0.1, 0.0, absorb="geo")},
    }
    table = regression_layout("t", models, labels=WORDS, title="T")
    assert table.panels == {0: "Panel A: All", 6: "Panel B: Small"}
    heads = [row[0] for row in texts(table)]
    facts = ["Observations", "Clusters", "Mean of the outcome", "R² (within)"]
    assert heads == ["R&D", "", *facts, "R&D", "", *facts, "Fixed effects: region"]
    assert table.rules == [2, 6, 8, 12]
    assert texts(table)[6][1:] == ["0.300", "0.200"]
    frame = regression_csv(models)
    assert frame["panel"].drop_duplicates().tolist() == ["All", "Small"]
    small = frame.query("panel == 'Small' and row == 'rd' and statistic == 'estimate'")
    assert small["(2)"].item() == 0.2


def test_columns_have_names_without_being_given_one() -> None:
    model = made_up(
        0.5, 0.1, 0.0, outcome="gdp_pps_per_head", absorb="country_year", estimator="spatial_lag"
    )
    table = regression_layout("t", {"(1)": model}, labels={}, title="T")
    assert ["Fixed effects: country × year", "yes"] in texts(table)
    assert ["Estimator", "spatial lag"] in texts(table)
    assert table.note.startswith(f"Outcome: {variables()['gdp_pps_per_head'].label_en}.")


def test_panels_need_the_same_columns() -> None:
    one = made_up(0.5, 0.1, 0.0)
    with pytest.raises(CompendiumError, match=r"every panel needs the same columns; .* a; b"):
        regression_layout("t", {"A": {"a": one}, "B": {"b": one}}, labels={}, title="T")
    with pytest.raises(CompendiumError, match="either models or panels"):
        regression_layout("t", {"A": {"a": one}, "B": one}, labels={}, title="T")  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("style", "has_stars", "is_numbered", "title"),
    [
        ("plain", False, False, "Patents"),
        ("aer", False, True, "Patents"),
        ("econometrica", False, True, "PATENTS"),
        ("qje", True, True, "PATENTS"),
    ],
)
def test_styles_differ_in_what_they_say(
    style: str, has_stars: bool, is_numbered: bool, title: str
) -> None:
    table = regression_layout("t", SIDE_BY_SIDE, labels={}, style=style, title="Patents")
    assert any("*" in cell for row in texts(table) for cell in row) == has_stars
    assert (["", "(1)", "(2)", "(3)"] in [list(row) for row in table.header]) == is_numbered
    assert table.title == title and style in STYLES


def test_choices_that_there_are_not_are_refused() -> None:
    for options, message in [
        ({"below": "t"}, "below='t' is not one of std_error, interval, statistic"),
        ({"style": "jpe"}, "style='jpe' is not one of plain, aer"),
        ({"groups": [("A", 2)]}, "the groups span 2 columns, there are 3 models"),
    ]:
        with pytest.raises(CompendiumError, match=message):
            regression_layout("t", SIDE_BY_SIDE, labels={}, title="T", **options)  # type: ignore[arg-type]


def test_a_french_table_is_french_throughout() -> None:
    table = regression_layout("t", SIDE_BY_SIDE, labels=WORDS, title="T", lang="fr")
    heads = [row[0] for row in texts(table)]
    assert (
        heads[2] == "Effets fixes\u00a0: region"
        and heads[3].endswith(": année")
        and "Groupes" in heads
    )
    assert texts(table)[0][1:] == ["0,500", "−0,250", "1,000"]
    assert "Erreurs types entre parenthèses\u00a0: groupées par region." in table.note
