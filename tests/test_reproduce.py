"""The main job, end to end, on the carried data: in an empty folder, twice, with other settings."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analysis import paths

SETTINGS = {
    "first": {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
    "second": {"PYTHONHASHSEED": "2", "TZ": "America/Lima", "LC_ALL": "C"},
}


def project(folder: Path) -> Path:
    """A project with the carried data and notebooks, and nothing computed."""
    shutil.copytree(paths.RAW, folder / "data" / "raw")
    shutil.copytree(paths.NOTEBOOKS, folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    shutil.copytree(paths.ROOT / "studies", folder / "studies")
    shutil.copy(paths.ROOT / "requirements.lock", folder)
    return folder


def reproduce(root: Path, settings: dict[str, str], *options: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "analysis.cli", "reproduce", *options],
        env=os.environ | {"COMPENDIUM_ROOT": str(root)} | settings,
        cwd=root.parent,
        text=True,
        capture_output=True,
        timeout=900,
    )


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory) -> Path:
    root = project(tmp_path_factory.mktemp("first") / "project")
    done = reproduce(root, SETTINGS["first"], "--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


def results(root: Path) -> dict[str, str]:
    """Hash of every figure, table and estimate by path."""
    kept = [*root.glob("figures/**/*.*"), *root.glob("runs/*/*/tables/*")]
    kept += root.glob("runs/*/*/estimates.parquet")
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(kept)
    }


def test_every_notebook_leaves_a_record_figures_and_a_page(reproduced):
    for notebook in sorted(reproduced.glob("notebooks/*.ipynb")):
        (run,) = (reproduced / "runs" / notebook.stem).iterdir()
        record = json.loads((run / "record.json").read_text())
        assert record["status"] == "complete"
        assert list((reproduced / "figures" / notebook.stem).glob("*.png"))
        page = (reproduced / "reports" / f"{notebook.stem}.html").read_text(encoding="utf-8")
        assert not re.search(r'(?:src|href)="https?://[^"]*\.(?:js|css|png|svg)', page)
    assert (reproduced / "reports" / "index.html").is_file()


def test_a_second_time_nothing_is_done_and_nothing_changes(reproduced):
    before = results(reproduced)
    again = reproduce(reproduced, SETTINGS["second"])
    assert again.returncode == 0
    assert again.stdout.count("up to date") >= len(list(reproduced.glob("notebooks/*.ipynb")))
    assert results(reproduced) == before


def test_the_same_bytes_in_another_folder_with_other_settings(reproduced, tmp_path):
    other = project(tmp_path / "elsewhere with a space")
    done = reproduce(other, SETTINGS["second"], "--jobs", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert results(other) == results(reproduced)


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
