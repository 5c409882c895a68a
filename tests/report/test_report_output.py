"""Output: what is shown is written, what is wrong is refused."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from matplotlib.figure import Figure
from openpyxl import load_workbook

from analysis import CompendiumError, paths
from analysis.claims import Check, Finding, judge, register
from analysis.models import Specification, fit
from analysis.report import Output

FRAME = pd.DataFrame({"geo": ["FR10", "DE30"], "x": [1 / 3, np.nan]})


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Output:
    monkeypatch.setenv("COMPENDIUM_RUN_DIR", str(tmp_path / "run"))
    return Output.here("01_data")


def figure() -> Figure:
    drawn, axes = plt.subplots()
    axes.plot([0, 1], [0, 1])
    return drawn


def test_by_hand_the_draft_folder_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMPENDIUM_RUN_DIR", raising=False)
    out = Output.here("01_data")
    assert out.folder == paths.RUNS / "01_data" / "draft" and out.draft


@pytest.mark.parametrize("name", ["a/b", "../a", "", "é", "a b", ".hidden", "-x", "a\\b"])
def test_names_that_are_not_file_names_are_refused(out: Output, name: str) -> None:
    for write in (
        lambda: out.table(name, FRAME, title="T", source="S"),
        lambda: out.figure(name, figure(), caption="C", source="S", alt="A"),
        lambda: Output.here(name),
    ):
        with pytest.raises(CompendiumError, match="cannot be a file name"):
            write()
    assert not out.folder.exists()
    plt.close("all")


def test_a_name_is_used_once_in_a_run_and_again_in_a_draft(out: Output) -> None:
    out.table("t", FRAME, title="T", source="S")
    with pytest.raises(CompendiumError, match="table 't' is written twice"):
        out.table("t", FRAME, title="T", source="S")
    draft = Output(out.folder, draft=True)
    draft.table("t", FRAME, title="T", source="S")
    draft.table("t", FRAME, title="T", source="S")


def test_a_table_is_written_in_five_forms_and_shown(out: Output) -> None:
    shown = out.table("t", FRAME, title="A title", source="Eurostat", units="EUR", note="A note")
    names = sorted(file.name for file in (out.folder / "tables").iterdir())
    assert names == ["t.csv", "t.docx", "t.html", "t.tex", "t.xlsx"]
    assert (out.folder / "tables" / "t.csv").read_text() == "geo,x\nFR10,0.333333333333\nDE30,\n"
    markup = shown._repr_html_()
    for text in ("A title", "EUR", "A note", "Eurostat", "FR10", "0.333", "–"):
        assert text in markup


def test_a_spreadsheet_names_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_named() -> str:
        book = load_workbook(Output.here("01_data").folder / "tables" / "t.xlsx")
        return {row[0]: row[1] for row in book["notes"].values}["Run"]

    monkeypatch.setenv("COMPENDIUM_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.delenv("COMPENDIUM_RUN_KEY", raising=False)
    Output.here("01_data").table("t", FRAME, title="T", source="S")
    assert run_named() == "01_data, by hand"
    monkeypatch.setenv("COMPENDIUM_RUN_KEY", "0123abc")
    Output.here("01_data").table("t", FRAME, title="T", source="S")
    assert run_named() == "01_data, key 0123abc"


def test_a_regression_table_has_its_unrounded_numbers_beside_it(out: Output) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(50, 2)), columns=["y", "x"])
    model = fit(Specification(outcome="y", regressors=("x",)), frame)
    out.regression_table("r", {"(1)": model}, title="T", below="interval", style="aer")
    book = load_workbook(out.folder / "tables" / "r.xlsx")
    assert book.sheetnames == ["table", "numbers", "notes"]
    held = {(row[0], row[1]): row[2] for row in book["numbers"].values}
    assert held["x", "estimate"] == float(f"{model.row('x')['estimate']:.12g}")
    assert held["fit", "n_obs"] == 50 and held["fit", "vcov"] == model.facts.vcov


def test_tables_need_title_and_source(out: Output) -> None:
    with pytest.raises(CompendiumError, match="table 't' has no source"):
        out.table("t", FRAME, title="T", source="")
    with pytest.raises(CompendiumError, match="table 't' has no title"):
        out.table("t", FRAME, title=" ", source="S")


@pytest.mark.parametrize("word", ["caption", "source", "alt"])
def test_figures_need_caption_source_and_alt(out: Output, word: str) -> None:
    words = {"caption": "C", "source": "S", "alt": "A", word: ""}
    with pytest.raises(CompendiumError, match=f"figure 'f' has no {word}"):
        out.figure("f", figure(), **words)
    assert not out.folder.exists()
    plt.close("all")


def test_sources_name_the_files_joined_to_the_data(out: Output, tmp_path: Path) -> None:
    own = {"files": [{"file": "my $x$ & co.csv"}], "rules": {}, "variables": []}
    (tmp_path / "own.json").write_text(json.dumps(own))
    with paths.reading(tmp_path):
        out.table("t", FRAME, title="T", source="Eurostat")
        out.figure("f", figure(), caption="C", source="Eurostat", alt="A")
        out.figure("g", figure(), caption="C", source="Mine: my $x$ & co.csv", alt="A")
    table = (out.folder / "tables" / "t.html").read_text(encoding="utf-8")
    assert "Eurostat; my $x$ &amp; co.csv" in table
    drawn = [(out.folder / "figures" / f"{name}.svg").read_text() for name in "fg"]
    assert "Source: Eurostat; my $x$ &amp; co.csv" in drawn[0]
    assert "co.csv;" not in drawn[1], "named once"


def test_a_figure_is_written_shown_once_and_closed(out: Output) -> None:
    drawn = figure()
    shown = out.figure("f", drawn, caption="Up & up", source="Eurostat", alt='A "rising" line')
    assert not plt.fignum_exists(drawn.number)  # type: ignore[attr-defined]
    assert "Source: Eurostat" in [text.get_text() for text in drawn.texts]
    assert (out.folder / "figures" / "f.png").read_bytes().startswith(b"\x89PNG")
    assert b"Matplotlib v" not in (out.folder / "figures" / "f.svg").read_bytes()
    markup = shown._repr_html_()
    assert 'alt="A &quot;rising&quot; line"' in markup and "Up &amp; up" in markup
    assert markup.count("<img") == 1 and 'src="data:image/' in markup


def test_estimates_are_collected_by_name_and_rounded(out: Output) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(50, 2)), columns=["y", "x"])
    model = fit(Specification(outcome="y", regressors=("x",)), frame)
    out.estimates("zeta", model)
    out.estimates("alpha", model)
    table = pq.read_table(out.folder / "estimates.parquet").to_pandas()
    assert table["model"].tolist() == ["alpha", "alpha", "zeta", "zeta"]
    assert table["n_obs"].tolist() == [50] * 4
    expected = float(f"{model.row('x')['estimate']:.12g}")
    assert table.set_index(["model", "term"]).loc[("zeta", "x"), "estimate"] == expected
    with pytest.raises(CompendiumError, match="model 'zeta' is written twice"):
        out.estimates("zeta", model)


def test_nothing_is_left_beside_a_written_file(out: Output) -> None:
    out.table("t", FRAME, title="T", source="S")
    assert not [file for file in out.folder.rglob("*") if ".tmp" in file.name]


# ---------------------------------------------------------------- say


def test_say_formats_and_records(out: Output) -> None:
    row = pd.Series({"estimate": np.float64(-0.12345678901234)})
    shown = out.say(
        "In NUTS 2, {share:.1%} of {n:,} ({where}): {e:.2f}; {gap:.1f}",
        share=0.256,
        n=np.int64(12345),
        where="Île-de-France",
        e=row["estimate"],
        gap=float("nan"),
    )
    assert shown.data == "In NUTS 2, 25.6% of 12,345 (Île-de-France): −0.12; –"
    (sentence,) = json.loads((out.folder / "sentences.json").read_text())
    assert sentence["text"] == shown.data
    assert sentence["values"] == {
        "e": -0.123456789012,
        "gap": None,
        "n": 12345,
        "share": 0.256,
        "where": "Île-de-France",
    }
    assert sentence["typed_numbers"] == ["2"]


def test_what_is_said_is_also_an_estimate(out: Output) -> None:
    out.say("No number at all.")
    out.say(
        "{share:.0%} of {n:,} in {where}, {years}; {gap:.1f}",
        share=0.256,
        n=np.int64(12345),
        where="FR10",
        years="2007-2013 (−1,234.5 and 2e-05)",
        gap=float("nan"),
    )
    rows = pd.read_parquet(out.folder / "estimates.parquet")
    assert set(rows["model"]) == {"sentence 02"}
    assert dict(zip(rows["term"], rows["estimate"], strict=True)) == {
        "share (%)": 25.6,
        "n": 12345,
        "years, number 1": 2007,
        "years, number 2": 2013,
        "years, number 3": -1234.5,
        "years, number 4": 2e-05,
    }
    models = [s["model"] for s in json.loads((out.folder / "sentences.json").read_text())]
    assert models == ["sentence 01", "sentence 02"]


def test_numbers_in_the_words_of_a_verdict_are_estimates(out: Output) -> None:
    claim = register()["C06"]
    check = Check(("money that came 3 years after", "argent versé 3 ans après"), passed=False)
    out.verdict(judge(claim, [finding(1.0)], checks=[check]))
    reason = ("Fewer than 5 countries.", "Moins de 5 pays.")
    out.verdict(judge(register()["C24"], unavailable=reason))
    rows = pd.read_parquet(out.folder / "estimates.parquet").set_index("term")["estimate"]
    assert rows["C06: check 1, number 1"] == 3
    assert rows["C24: reason, number 1"] == 5


def finding(estimate: float) -> Finding:
    return Finding(
        label="made up", estimate=estimate, ci_low=estimate - 1, ci_high=estimate + 1, n_obs=99
    )


@pytest.mark.parametrize(
    ("template", "values", "message"),
    [
        ("{a} and {b}", {"a": 1}, "no value is given for b"),
        ("{a}", {"a": 1, "c": 2}, "the template never uses c"),
        ("{a}", {"a": None}, "a is None"),
        ("{a}", {"a": [1]}, "a is .* give a number or a string"),
        ("{a:.2q}", {"a": 1.0}, r"\{a:.2q\} cannot format 1.0"),
        ("{a.real}", {"a": 1}, "plain names"),
        ("{}", {}, "plain names"),
        ("{a", {"a": 1}, "template .* is broken"),
    ],
)
def test_say_refuses(out: Output, template: str, values: dict, message: str) -> None:
    with pytest.raises(CompendiumError, match=message):
        out.say(template, **values)
    assert not out.folder.exists()


def test_the_rows_of_models_are_kept_once(out):
    frame = pd.DataFrame(
        {
            "geo": np.repeat(["B", "A"], 6),
            "year": [2001, 2000, 2002, 2003, 2004, 2005] * 2,
            "x": [1.0, 3.0, 2.0, 5.0, 4.0, 7.0] * 2,
            "y": np.arange(12.0) ** 2,
        }
    )
    spec = Specification(outcome="y", regressors=("x",), unit="geo", time="year")
    fits = {
        name: fit(spec, rows)
        for name, rows in {"all": frame, "same": frame[::-1], "fewer": frame[1:]}.items()
    }
    for name, estimates in fits.items():
        out.estimates(name, estimates)
    models = json.loads((out.folder / "samples" / "models.json").read_text())
    assert models["all"] == models["same"] != models["fewer"]
    kept = pd.read_parquet(out.folder / "samples" / models["fewer"])
    assert len(kept) == 11 and kept.iloc[0].tolist() == ["A", "2000"]
    assert ["B", "2001"] not in kept.to_numpy().tolist()
