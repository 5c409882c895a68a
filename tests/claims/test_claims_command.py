"""``compendium claims`` and the notebook of verdicts, on made-up runs."""

import json

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from made_up import finding, write_run
from typer.testing import CliRunner

from analysis import cli, paths
from analysis.claims import judge, register
from analysis.report import Output
from analysis.runs import record

COLUMNS = {
    *("id", "claim", "verdict", "estimate", "ci_low", "ci_high", "unit", "agreement_share"),
    *("n_specifications", "n_regions", "n_countries", "years", "design", "reason", "notebook"),
    *("run", "q_value"),
}


def claims(*arguments: str, folders=()):
    options = [option for folder in folders for option in ("--runs", str(folder))]
    return CliRunner().invoke(cli.app, ["claims", *arguments, *options])


def test_json_has_thirty_rows_with_everything(all_runs):
    result = claims("--json", folders=all_runs())
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [row["id"] for row in rows] == list(register())
    assert all(set(row) >= COLUMNS for row in rows)
    assert {row["verdict"] for row in rows} == {"supported", "not testable"}


def test_the_table_speaks_both_languages(all_runs):
    folders = all_runs()
    english, french = claims(folders=folders), claims("--lang", "fr", folders=folders)
    assert "supported" in english.stdout and "Public money brings private money" in english.stdout
    assert "confirmé" in french.stdout and "L'argent public entraîne" in french.stdout


def test_a_flipped_sign_changes_the_printed_verdict(all_runs):
    claim = register()["C17"]
    folders = all_runs(C17=judge(claim, [finding(-0.8, 0.2)]))
    rows = {row["id"]: row for row in json.loads(claims("--json", folders=folders).stdout)}
    assert rows["C17"]["verdict"] == "contradicted"
    assert "the figures say the opposite" in rows["C17"]["sentences"]
    assert rows["C17"]["estimate"] == -0.8


def test_claims_that_have_not_run_have_a_reason_and_give_exit_status_1(tmp_path):
    folder = write_run(tmp_path / "run", "03_knowledge_production", [])
    result = claims("--json", folders=[folder])
    assert result.exit_code == 1
    rows = {row["id"]: row for row in json.loads(result.stdout)}
    assert rows["C08"]["verdict"] is None
    assert rows["C08"]["reason"] == "The notebook has not been run: compendium reproduce"
    assert rows["C25"]["reason"].startswith("The notebook ran")
    assert rows["C26"]["verdict"] == "not testable"


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    result = claims(folders=[tmp_path])
    assert "record.json cannot be read" in str(result.exception)


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_notebook_of_verdicts_runs_on_any_register(lang, all_runs, tmp_path, monkeypatch):
    folders = all_runs(C08=judge(register()["C08"], [finding(-5)]))
    monkeypatch.setattr(record, "evidence_folders", lambda parameters: folders)
    monkeypatch.setenv("COMPENDIUM_RUN_DIR", str(tmp_path / "verdicts"))
    notebook = nbformat.read(paths.NOTEBOOKS / "14_verdicts.ipynb", as_version=4)
    shown = []
    names = {"display": shown.append}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, cell.id, "exec"), names)
            if "parameters" in cell.metadata.get("tags", []):
                names["lang"] = lang
    plt.close("all")
    folder = tmp_path / "verdicts"
    assert (folder / "figures" / "register.svg").is_file()
    frame = pd.read_parquet(folder / "estimates.parquet").set_index("term")
    tested = sum(claim.not_testable is None for claim in register().values())
    assert frame.loc["register: supported", "estimate"] == tested - 1
    assert frame.loc["C08: headline", "estimate"] == -5
    assert len(pd.read_csv(folder / "tables" / "register.csv")) == 30
    said = {"en": "C08: contradicted", "fr": "C08\u00a0: contredit"}[lang]
    assert any(said in getattr(one, "markup", "") for one in shown)
    assert isinstance(names["out"], Output)
