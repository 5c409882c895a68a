"""Verdicts in a notebook and as pictures; their numbers on disk."""

import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from openpyxl import load_workbook

from analysis import CompendiumError
from analysis.claims import Agreement, Check, Finding, Verdict, assemble, judge, register
from analysis.claims.assembly import Entry, sensitivity
from analysis.models import Specification, fit
from analysis.report import Output
from analysis.report.claims_figures import in_smallest_sizes, register_plot, sensitivity_plot

CLAIMS = register()
NARROW = "\u202f"


def verdict_on(name: str, estimate: float, half: float = 1.0, figure: str = "") -> Verdict:
    """A verdict from made-up numbers."""
    found = Finding(
        label=("made up", "inventé"),
        estimate=estimate,
        ci_low=estimate - half,
        ci_high=estimate + half,
        n_obs=4321,
        n_regions=250,
        n_countries=27,
        first_year=2001,
        last_year=2012,
    )
    curve = Agreement(
        sign=CLAIMS[name].sign,
        n_specifications=13824,
        claimed_sign=0.9,
        significant_for=0.625,
        significant_against=0.015,
    )
    checks = [Check.not_rejected("pre-trends", 0.375)]
    return judge(CLAIMS[name], [found], curve=curve, checks=checks, figure=figure)


@pytest.fixture
def out(tmp_path: Path) -> Output:
    return Output(tmp_path / "run")


def known_numbers(folder: Path) -> list[float]:
    frame = pd.read_parquet(folder / "estimates.parquet")
    columns = ["estimate", "p_value", "ci_low", "ci_high"]
    return [float(value) for column in columns for value in frame[column].dropna()]


def printed(text: str, lang: str) -> list[tuple[float, int]]:
    """Numbers in a text with their decimals."""
    thousands, decimal = (",", ".") if lang == "en" else (NARROW, ",")
    found = re.findall(rf"[−]?\d+(?:{thousands}\d{{3}})*(?:[{decimal}]\d+)?", text)
    plain = [n.replace(thousands, "").replace(decimal, ".").replace("−", "-") for n in found]
    return [(float(n), len(n.partition(".")[2])) for n in plain]


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_number_of_the_generated_sentences_is_in_estimates_parquet(out, lang):
    verdicts = [verdict_on("C08", 5.25), verdict_on("C17", -0.3, 0.25), verdict_on("C02", 61.5)]
    for verdict in verdicts:
        out.verdict(verdict, lang=lang)
    out.answer(verdicts, lang=lang)
    known = known_numbers(out.folder)
    sentences = json.loads((out.folder / "sentences.json").read_text())
    shown = [number for entry in sentences for number in printed(entry["text"], lang)]
    assert len(shown) > 25
    for value, decimals in shown:
        assert any(abs(round(k, decimals) - value) < 1e-9 for k in known), value
    assert all(entry["typed_numbers"] == [] for entry in sentences)


def test_a_verdict_writes_evidence_table_and_estimates_beside_models(out):
    rows = pd.DataFrame({"y": [1.0, 2, 3, 5], "x": [0.0, 1, 2, 3]})
    out.estimates("a model", fit(Specification(outcome="y", regressors=("x",)), rows))
    shown = out.verdict(verdict_on("C08", 5.25))
    assert "C08: supported" in shown._repr_html_() and "no difference before" in shown.markup
    evidence = json.loads((out.folder / "evidence" / "C08.json").read_text())
    assert evidence["word"] == "supported"
    assert (out.folder / "tables" / "verdict_C08.csv").is_file()
    frame = pd.read_parquet(out.folder / "estimates.parquet").set_index("term")
    assert set(frame["model"]) == {"a model", "claim C08"}
    assert frame.loc["C08: headline", "estimate"] == 5.25
    assert frame.loc["C08: headline", "n_obs"] == 4321
    assert frame.loc["C08: specifications significantly for (%)", "estimate"] == 62.5
    with pytest.raises(CompendiumError, match="verdict 'C08' is written twice"):
        out.verdict(verdict_on("C08", 5.25))


def test_the_table_of_findings_has_the_names_of_its_language(out):
    shown = out.verdict(verdict_on("C08", 5.25), lang="fr")
    assert "inventé (principale)" in shown.markup and "made up" not in shown.markup
    sheet = load_workbook(out.folder / "tables" / "verdict_C08.xlsx")["tableau"]
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[-1][:4] == ("inventé (principale)", 5.25, 4.25, 6.25)
    frame = pd.read_parquet(out.folder / "estimates.parquet")
    assert "C08: headline" in set(frame["term"])


def test_the_register_as_a_spreadsheet_has_numbers(out):
    entries = [Entry(claim=CLAIMS["C08"], verdict=verdict_on("C08", 5.25), q_value=0.25)]
    out.register(entries)
    row = list(load_workbook(out.folder / "tables" / "register.xlsx")["table"].values)[-1]
    assert row[0] == "C08" and row[3:6] == (5.25, 4.25, 6.25) and row[7:9] == (62.5, 0.25)


def test_other_numbers_make_other_sentences(out):
    texts = [out.answer([verdict_on("C08", estimate)]).data for estimate in (5.25, -5.25)]
    assert "the figures support this" in texts[0] and "+5.2" in texts[0]
    assert "−5.2" in texts[1] and "the figures support this" not in texts[1]


def test_a_claim_that_cannot_be_tested_is_shown_with_its_reason(out):
    shown = out.verdict(judge(CLAIMS["C16"]), lang="fr")
    assert "non testable" in shown.markup and "Raison" in shown.markup
    assert pd.read_parquet(out.folder / "estimates.parquet").empty


def test_what_other_notebooks_read_is_kept_with_the_evidence(out):
    frame = pd.DataFrame({"specification": [1, 2], "estimate": [1 / 3, 2.0]})
    out.keep({"curve_C08": frame})
    kept = pd.read_parquet(out.folder / "evidence" / "curve_C08.parquet")
    assert kept["estimate"].tolist() == [0.333333333333, 2.0]


def make_run(folder: Path, notebook: str, verdicts: list[Verdict]) -> Path:
    out = Output(folder)
    for verdict in verdicts:
        out.verdict(verdict)
    figure, axes = plt.subplots()
    axes.plot([0, 1])
    out.figure("curve", figure, caption="A curve", alt="A curve", source="synthetic")
    cells = [nbformat.v4.new_markdown_cell(f"# {notebook}\n\nWords.")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "notebook.ipynb")
    (folder / "record.json").write_text(
        json.dumps({"name": notebook, "title": notebook, "key": f"key {notebook}"})
    )
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    funding = [verdict_on("C08", 5.25, figure="curve"), verdict_on("C17", -0.5, 0.25)]
    return [
        make_run(tmp_path / "5", "05_cluster_funding", funding),
        make_run(tmp_path / "9", "09_emergence", [verdict_on("C02", 61.5)]),
    ]


def test_the_register_as_a_picture(runs):
    entries = assemble(runs)
    figure = register_plot(entries, lang="fr")
    axes = figure.axes[0]
    lines = [tick.get_text() for tick in axes.get_yticklabels()]
    assert [line[-3:] for line in lines] == ["C02", "C08", "C17"]
    assert lines[2].startswith("L’argent public entraîne")
    assert axes.texts[0].get_text() == "q < 0,001"
    estimate, low, high = in_smallest_sizes(entries[7])
    assert (estimate, low, high) == pytest.approx((5.25 / 2, 4.25 / 2, 6.25 / 2))
    grid = sensitivity(entries)
    assert len(sensitivity_plot(grid).axes[0].get_xticks()) == 9
    plt.close("all")
    with pytest.raises(CompendiumError, match="no claim has been tested"):
        register_plot(assemble([]))


def test_the_tally_and_the_entries_of_the_verdicts_notebook(runs, out):
    entries = assemble(runs)
    text = out.tally(entries).data
    assert text.startswith("30 claims made about cluster policy") and "3 of them" in text
    for entry in entries:
        if entry.verdict is not None:
            shown = out.entry(entry, lang="fr")
            assert entry.claim.id in shown.markup
    known = known_numbers(out.folder)
    assert 30.0 in known
    frame = pd.read_parquet(out.folder / "estimates.parquet").set_index("term")
    assert frame.loc["C08: q-value", "estimate"] == pytest.approx(entries[7].q_value)
    with pytest.raises(CompendiumError, match="C01 has no verdict"):
        out.entry(entries[0])
