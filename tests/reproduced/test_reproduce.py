"""The main job, end to end, on the carried data: in an empty folder, twice, with other settings.

Every notebook is executed twice in all: one test makes the second reproduction, the others read
the first.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from project_copy import SETTINGS, project, reproduce

from analysis import paths
from analysis.claims import WORDS
from analysis.runs.parameters import REGISTRY
from printed_numbers import not_in_estimates, printed, sentences_of


def results(root: Path) -> dict[str, str]:
    """Hash of every figure, table and estimate by path."""
    kept = [*root.glob("figures/**/*.*"), *root.glob("runs/*/*/tables/*")]
    kept += root.glob("runs/*/*/estimates.parquet")
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(kept)
    }


def run_of(root: Path, notebook: str) -> Path:
    """The folder of a notebook's one run."""
    (run,) = (root / "runs" / notebook).iterdir()
    return run


def test_every_notebook_leaves_a_record_figures_and_a_page(reproduced):
    notebooks, site = sorted(reproduced.glob("notebooks/*.ipynb")), reproduced / "reports" / "site"
    assert [notebook.stem for notebook in notebooks] == sorted(REGISTRY)
    for notebook in notebooks:
        run = run_of(reproduced, notebook.stem)
        record = json.loads((run / "record.json").read_text())
        assert record["status"] == "complete"
        assert list((reproduced / "figures" / notebook.stem).glob("*.png"))
        page = (site / "en" / "papers" / f"{notebook.stem}.html").read_text(encoding="utf-8")
        assert not re.search(r'(?:src|href)="https?://[^"]*\.(?:js|css|png|svg)', page)
    assert (site / "index.html").is_file()


def test_a_second_time_nothing_is_done_and_nothing_changes(reproduced):
    before = results(reproduced)
    again = reproduce(reproduced, SETTINGS["second"])
    assert again.returncode == 0
    assert again.stdout.count("up to date") >= len(list(reproduced.glob("notebooks/*.ipynb")))
    assert results(reproduced) == before


def test_the_same_bytes_in_another_folder_with_other_settings(reproduced, tmp_path):
    other = project(tmp_path / "elsewhere with a space")
    done = reproduce(other, SETTINGS["second"], "--jobs", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert results(other) == results(reproduced)


@pytest.mark.parametrize("notebook", REGISTRY)
def test_every_number_of_every_sentence_is_in_the_estimates_of_its_run(reproduced, notebook):
    run = run_of(reproduced, notebook)
    assert not not_in_estimates(run)
    shown = [number for entry in sentences_of(run) for number in printed(entry["text"])]
    answers = len(list(run.glob("evidence/C*.json")))
    assert len(shown) >= max(1, 3 * answers)  # an estimate and its interval at least


def test_the_register_has_a_verdict_or_a_reason_for_each_of_thirty_claims(reproduced):
    rows = claims(reproduced)
    assert [row["id"] for row in rows] == [f"C{number:02d}" for number in range(1, 31)]
    for row in rows:
        assert row["verdict"] in WORDS, f"{row['id']}: {row['reason']}"
        if row["verdict"] == "not testable":
            assert row["estimate"] is None and row["reason"], row["id"]
        else:
            check_estimate(row)
    assert sum(row["verdict"] == "not testable" for row in rows) <= 6


def claims(root: Path) -> list[dict]:
    done = subprocess.run(
        [sys.executable, "-m", "analysis.cli", "claims", "--json"],
        env=os.environ | {"COMPENDIUM_ROOT": str(root)},
        text=True,
        capture_output=True,
        timeout=300,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def check_estimate(row: dict) -> None:
    """A tested claim has an estimate inside its interval, and what it was estimated from."""
    assert row["ci_low"] <= row["estimate"] <= row["ci_high"], row["id"]
    assert row["reason"] is None, row["id"]
    assert row["n_observations"] > 0, row["id"]
    assert 0 <= row["p_value"] <= row["q_value"] <= 1, row["id"]
    assert row["unit"] and row["run"] and row["sentences"], row["id"]
    assert row["what_would_change"], row["id"]
    counts = {"n_regions", "n_countries"}
    assert any(row[count] for count in counts) or row["notebook"] == "11_evaluations", row["id"]


def test_the_readme_lists_every_exhibit(reproduced):
    readme = (paths.ROOT / "README.md").read_text(encoding="utf-8")
    for run in reproduced.glob("runs/*/*/"):
        (line,) = (
            text for text in readme.splitlines() if text.startswith(f"| [`{run.parent.name}`]")
        )
        _, _, tables, figures, _ = line.split("|")
        assert sorted(re.findall("`(.+?)`", tables)) == names(run / "tables", "*.csv")
        assert sorted(re.findall("`(.+?)`", figures)) == names(run / "figures", "*.png")


def names(folder: Path, pattern: str) -> list[str]:
    return sorted(path.stem for path in folder.glob(pattern))


def test_the_readme_lists_every_raw_table():
    readme = (paths.ROOT / "README.md").read_text(encoding="utf-8")
    missing = [path.stem for path in paths.RAW.glob("*.parquet") if f"`{path.stem}`" not in readme]
    assert not missing
