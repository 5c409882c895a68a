"""A funding list of another country, from file to results by the commands alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import sources

SECRET = "marker-8d2e-never-to-be-written"


@pytest.fixture
def project(reproduced: Path, tmp_path: Path) -> Path:
    """A project that shares what has been reproduced, with room of its own for what is added."""
    root = tmp_path / "project"
    (root / "data").mkdir(parents=True)
    for name in ("data/raw", "data/processed", "notebooks", "studies", "requirements.lock"):
        (root / name).symlink_to(reproduced / name)
    return root


def operations(path: Path) -> float:
    """A workbook of operations in Poland and Czechia, NUTS 3 of 2016; the sum of its amounts."""
    names = sources.read("nuts_names")
    codes = names[names["version"].eq("2016") & names["level"].eq(3)]
    codes = codes[codes["country"].isin(["PL", "CZ"]) & ~codes["code"].str.endswith("Z")]["code"]
    chance = np.random.default_rng(3)
    count = 4000
    table = pd.DataFrame(
        {
            "Project ID": [f"POIR.{number:05d}" for number in range(count)],
            "Title": ["@Projekt 0", *(f"Projekt {number}" for number in range(1, count))],
            "NUTS 3 code": chance.choice(sorted(codes), count),
            "Year": chance.integers(2004, 2019, count),
            "EU contribution (EUR)": chance.lognormal(12, 1, count).round(2),
        }
    )
    table.to_excel(path, index=False)
    return float(table["EU contribution (EUR)"].sum())


def compendium(project: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "analysis.cli", *arguments],
        env=os.environ | {"COMPENDIUM_ROOT": str(project), "SECRET_TOKEN": SECRET},
        cwd=project.parent,
        text=True,
        capture_output=True,
        timeout=600,
    )


def test_a_list_of_operations_becomes_the_fund_of_a_notebook(project, tmp_path):
    total = operations(tmp_path / "operations.xlsx")
    checked = compendium(project, "data", "check", "operations.xlsx")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    out = tmp_path / "results"
    done = compendium(
        project, "run", "05_cluster_funding", "--data", "operations.xlsx",
        "-p", "treatment=eu_contribution_per_head", "-p", "countries=PL,CZ", "--out", str(out),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((out / "record.json").read_text(encoding="utf-8"))
    (brought,) = record["brought"]
    assert (brought["file"], brought["counts"]["rows_used"]) == ("operations.xlsx", 4000)
    assert record["parameters"]["treatment"] == "eu_contribution_per_head"
    account = pd.read_csv(out / "data" / "conversion.csv")
    assert account["mass_after"].sum() == pytest.approx(total, rel=1e-9)
    said = json.loads((out / "sentences.json").read_text(encoding="utf-8"))
    assert any("EU contribution, per head" in sentence["text"] for sentence in said)
    estimates = pd.read_parquet(out / "estimates.parquet")
    headline = estimates[estimates["model"].eq("C08: headline")]
    assert len(headline) and np.isfinite(headline["estimate"]).all()
    for path in [*out.rglob("*"), *(project / "data" / "processed-own").rglob("*")]:
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
