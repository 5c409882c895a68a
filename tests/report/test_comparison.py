"""Two runs side by side, from folders made by hand."""

import hashlib
import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

from analysis import CompendiumError, paths
from analysis.claims.declaration import register
from analysis.claims.findings import Finding
from analysis.claims.verdict import as_evidence, judge
from analysis.cli import main
from analysis.report.comparison import compare_runs, comparison_page
from analysis.runs.record import find_run

HEADLINE = {"n_obs": 40, "n_regions": 8, "n_countries": 2, "first_year": 2000, "last_year": 2004}


def write(path: Path, frame: pd.DataFrame) -> None:
    frame.to_parquet(path, index=False)


def run(
    folder: Path, *, estimate: float, years: range, end: int, notebook: str = "made_up"
) -> Path:
    """A finished run: one model with two terms, verdicts on C08, rows of two regions."""
    (folder / "evidence").mkdir(parents=True)
    terms = pd.DataFrame(
        {"model": "main", "term": ["money", "people"], "estimate": [estimate, 2.0]}
    )
    terms = terms.assign(std_error=[0.5, 0.25], p_value=[0.01, 0.0], n_obs=2 * len(years))
    write(folder / "estimates.parquet", terms)
    rows = [(geo, str(year)) for geo in ("FR10", "FR71") for year in years]
    (folder / "samples").mkdir()
    write(folder / "samples" / "rows.parquet", pd.DataFrame(rows, columns=["unit", "period"]))
    (folder / "samples" / "models.json").write_text(json.dumps({"main": "rows.parquet"}))
    headline = Finding(
        label="headline", estimate=estimate, ci_low=estimate - 1, ci_high=estimate + 1, **HEADLINE
    )
    verdict = judge(register()["C08"], [headline])
    (folder / "evidence" / "C08.json").write_text(json.dumps(as_evidence(verdict)))
    (folder / "notebook.ipynb").write_text("{}")
    parameters, inputs = (
        {"years": [2000, end], "seed": 1},
        {
            "notebook": "same",
            "code": f"code {end}",
            "lock": "same",
            "data": {"regions.parquet": f"regions {end}", "links.parquet": "same"},
        },
    )
    together = json.dumps({**inputs, "parameters": parameters}, sort_keys=True)
    record = {
        "name": notebook,
        "title": "Made up",
        "key": hashlib.sha256(together.encode()).hexdigest(),
        "status": "complete",
        "parameters": parameters,
        "inputs": inputs,
        "outputs": {"tables/main.csv": str(estimate), "figures/map.png": "same"},
        "versions": {"python": "3.11", "pandas": f"3.{end}"},
        "seed": 1,
        "timings": {},
        "started": "",
    }
    (folder / "record.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    first = run(tmp_path / "a", estimate=4.0, years=range(2000, 2005), end=2004)
    return first, run(tmp_path / "b", estimate=0.0, years=range(2001, 2007), end=2006)


def test_what_went_in(runs):
    found = compare_runs(*runs)
    assert found.parameters.to_dict("records") == [
        {"parameter": "years", "a": "[2000, 2004]", "b": "[2000, 2006]"}
    ]
    states = {
        (row.input, row.name): row.state for row in found.inputs.itertuples(index=False, name="R")
    }
    assert states == {
        ("code", ""): "changed",
        ("lock", ""): "same",
        ("notebook", ""): "same",
        ("data", "links.parquet"): "same",
        ("data", "regions.parquet"): "changed",
    }
    assert found.versions.to_dict("records") == [
        {"package": "pandas", "a": "3.2004", "b": "3.2006"}
    ]
    assert found.outputs.to_dict("records") == [{"file": "tables/main.csv", "state": "changed"}]


def test_estimates_differ_in_standard_errors_of_the_first(runs):
    money, people = compare_runs(*runs).estimates.to_dict("records")
    assert (money["difference"], money["in_std_errors"]) == (-4.0, -8.0)
    assert (money["state"], people["state"]) == ("changed", "same")
    assert (money["n_obs_a"], money["n_obs_b"]) == (10, 12)


def test_a_verdict_that_changed_is_said(runs):
    (row,) = compare_runs(*runs).verdicts.to_dict("records")
    assert (row["claim"], row["state"]) == ("C08", "changed")
    assert row["word_a"] != row["word_b"] and row["estimate_b"] == 0.0


def test_rows_that_entered_or_left(runs):
    found = compare_runs(*runs)
    (counts,) = found.observations.to_dict("records")
    assert counts == {"model": "main", "both": 8, "entered": 4, "left": 2}
    assert set(found.moved.itertuples(index=False, name=None)) == {
        ("main", geo, year, state)
        for geo in ("FR10", "FR71")
        for year, state in (("2000", "left"), ("2005", "entered"), ("2006", "entered"))
    }


def test_a_run_compared_with_itself_has_no_difference(runs):
    found = compare_runs(runs[0], runs[0])
    assert set(found.estimates["state"]) | set(found.verdicts["state"]) == {"same"}
    assert not len(found.parameters) and not len(found.moved) and not len(found.outputs)
    page = comparison_page(found, "en")
    assert "The one verdict is the same." in page and "No estimate moved." in page


@pytest.mark.parametrize("side", [0, 1])
def test_without_kept_rows_the_page_says_that_they_are_not_known(runs, side):
    (runs[side] / "samples" / "models.json").unlink()
    found = compare_runs(*runs)
    assert not len(found.observations) and not len(found.moved)
    assert "is not known of both runs" in comparison_page(found, "en")


@pytest.mark.parametrize(
    ("lang", "sentences"),
    [
        ("en", ["One verdict of 1 changed: C08.", "One estimate moved, by 8.00 standard errors"]),
        (
            "fr",
            ["Un verdict sur 1 a changé\u00a0: C08.", "Une estimation a bougé, de 8,00 erreurs"],
        ),
    ],
)
def test_the_page_stands_alone_in_both_languages(runs, lang, sentences):
    page = comparison_page(compare_runs(*runs), lang)
    assert f'<html lang="{lang}">' in page
    assert [sentence for sentence in sentences if sentence not in page] == []
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert page == comparison_page(compare_runs(*runs), lang)


def test_what_is_no_finished_run_is_refused(runs, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CompendiumError) as problem:
        compare_runs(runs[0], tmp_path / "empty")
    assert str(problem.value) == (
        f"{tmp_path / 'empty'} is not a finished run: it has no readable record.json"
    )


def test_runs_of_two_notebooks_are_refused(runs, tmp_path):
    other = run(tmp_path / "c", estimate=1.0, years=range(3), end=2004, notebook="another")
    with pytest.raises(CompendiumError) as problem:
        compare_runs(runs[0], other)
    assert str(problem.value) == (
        f"runs of different notebooks cannot be compared: made_up in {runs[0]}, another in {other}"
    )


def test_an_altered_or_unknown_run_is_not_found(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    with pytest.raises(CompendiumError, match="files of this run were altered since it ended"):
        find_run(str(runs[0]))
    with pytest.raises(CompendiumError) as problem:
        find_run("made_up/123")
    assert str(problem.value) == (
        f"made_up/123: there is no such run; give a folder, or NOTEBOOK/KEY or KEY in "
        f"{tmp_path / 'runs'}"
    )
    for name in ("ab1", "ab2"):
        run(tmp_path / "runs" / "made_up" / name, estimate=1, years=range(3), end=2004)
    with pytest.raises(CompendiumError, match="several runs begin so: made_up/ab1, made_up/ab2;"):
        find_run("ab")


def test_files_of_ones_own_are_inputs(runs):
    for folder, unit in zip(runs, ("k€", "EUR"), strict=True):
        record = json.loads((folder / "record.json").read_text())
        brought = [{"file": "aids.csv", "sha256": "f" * 64, "declared": {"unit": unit}}]
        brought += [{"file": f"{folder.name}.csv", "sha256": "e" * 64, "declared": {}}]
        (folder / "record.json").write_text(json.dumps(record | {"brought": brought}))
    inputs = compare_runs(*runs).inputs
    files = inputs[inputs["input"].eq("files")].set_index("name")["state"]
    assert files.to_dict() == {"a.csv": "left", "aids.csv": "changed", "b.csv": "entered"}


def test_a_notebook_named_without_a_run_lists_its_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path)
    for key, started in (("ab1", "2026-05-01T10:00:07Z"), ("ab2", "2026-06-01T10:00:00Z")):
        folder = run(tmp_path / "made_up" / key, estimate=1, years=range(3), end=2004)
        record = json.loads((folder / "record.json").read_text())
        (folder / "record.json").write_text(json.dumps(record | {"started": started}))
    with pytest.raises(CompendiumError) as problem:
        find_run("made_up")
    assert str(problem.value) == (
        "made_up is a notebook: say which of its runs, as made_up/ab2 (2026-06-01T10:00), "
        "made_up/ab1 (2026-05-01T10:00)"
    )


def test_the_command_writes_a_page_and_json(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("analysis.runs.record.find_run", Path)
    arguments = ["compendium", "compare", *map(str, runs), "--out", str(tmp_path / "out")]
    for options in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", [*arguments, *options])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 0
    written = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert written["estimates"][0]["in_std_errors"] == -8.0
    assert (tmp_path / "out" / "comparison.html").is_file()
    monkeypatch.setattr(sys, "argv", arguments[:4])
    with pytest.raises(SystemExit):
        main()
    printed = capsys.readouterr().out
    assert "main: 8 observations in both, 4 entered, 2 left" in printed
    assert "inputs: code changed, regions.parquet changed" in printed


def test_names_in_the_runs_are_text_and_never_markup(tmp_path):
    """Titles, terms, parameters and inputs are said by others; the page shows them as they are."""
    hostile = "<script>x()</script><img src=x onerror=x()>"
    folders = [
        run(tmp_path / str(end), estimate=end - 2000.0, years=range(2000, end), end=end)
        for end in (2004, 2005)
    ]
    for number, folder in enumerate(folders):
        record = json.loads((folder / "record.json").read_text())
        record["title"] = hostile
        record["parameters"][hostile] = f"{hostile}{number}"
        record["inputs"]["data"][hostile] = f"{hostile}{number}"
        record["versions"][hostile] = f"{hostile}{number}"
        (folder / "record.json").write_text(json.dumps(record))
        terms = pd.read_parquet(folder / "estimates.parquet")
        write(folder / "estimates.parquet", terms.assign(term=[hostile, "$\\frac{$"]))
    page = comparison_page(compare_runs(*folders), "en")
    assert page.count("&lt;script&gt;x()&lt;/script&gt;") >= 4
    assert "<script" not in page and "<img src=x" not in page
