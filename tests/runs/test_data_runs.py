"""Runs on data that a user's files were joined to: what they read, what their record keeps."""

import json
import os
from pathlib import Path

import pytest

from analysis import paths
from analysis.panel.codebook import Variable, as_declared
from analysis.runs import engine
from analysis.runs.launchers import Engine, launching
from analysis.runs.parameters import ParameterError, describe, validate
from analysis.runs.record import changed_inputs, current_inputs, read_record, valid_record

#: A cell that says which tables it reads.
READS = """
import os
from pathlib import Path
from analysis import paths
folder = Path(os.environ["COMPENDIUM_RUN_DIR"]) / "tables"
folder.mkdir(exist_ok=True)
(folder / "read.csv").write_text((paths.PROCESSED / "regions.csv").read_text())
"""


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    """A folder like those that joining files makes; its tables."""
    folder = tmp_path / "processed-own" / "abc"
    processed = folder / "processed"
    processed.mkdir(parents=True)
    (folder / "raw").mkdir()
    (folder / "raw" / "catalogue.yaml").write_text("tables: {}\n")
    (folder / "report").mkdir()
    (folder / "report" / "changes.csv").write_text("table,column\n")
    (processed / "regions.csv").write_text("geo,year,mine\nFR10,2000,7\n")
    own = {"files": [{"file": "mine.csv", "sha256": "f" * 64}], "rules": {"spread": False}}
    mine = Variable(
        "mine", "Mine", "Mien", "EUR", "EUR", "rate", "mine.csv", "brought", roles=("outcome",)
    )
    (processed / "own.json").write_text(json.dumps(own | {"variables": [as_declared(mine)]}))
    from analysis.panel.manifest import write_manifest

    write_manifest(processed, "key", {"regions": 1})
    return processed


def test_a_run_reads_the_joined_tables_and_says_so(project, planned, joined):
    project(a=[READS])
    plain = planned("a")
    with paths.reading(joined):
        spec = planned("a")
    assert spec.key != plain.key
    assert spec.processed == joined
    with launching(Engine.forked, [spec.notebook], print) as launch:
        made, again = (one.record for one in engine.run_all([spec, plain], launch=launch))
    assert (spec.folder / "tables" / "read.csv").read_text().startswith("geo,year,mine")
    assert (spec.folder / "data" / "changes.csv").read_text() == "table,column\n"
    assert made.brought == [{"file": "mine.csv", "sha256": "f" * 64, "rules": {"spread": False}}]
    assert read_record(spec.folder) == made
    assert valid_record(spec.folder, spec.key) == made

    assert again.brought == []
    assert (plain.folder / "tables" / "read.csv").read_text() == "geo,year\nFR10,2000\n"
    assert not (plain.folder / "data").exists()


@pytest.mark.parametrize("kind", Engine)
def test_secrets_of_the_environment_are_written_nowhere(kind, project, planned, monkeypatch):
    """Neither by a run that ends well nor by one that fails, whichever engine starts it."""
    secret = "marker-51c0-never-to-be-written"
    monkeypatch.setenv("PUBLISHER_TOKEN", secret)
    root = project(a=[READS], b=["raise ValueError('no data')"])
    with launching(kind, [planned("a").notebook], print) as launch:
        outcomes = engine.run_all([planned("a"), planned("b")], launch=launch)
    assert [outcome.status for outcome in outcomes] == ["done", "failed"]
    assert not any(secret in outcome.message for outcome in outcomes)
    written = [path for path in root.rglob("*") if path.is_file()]
    names = {path.name for path in written}
    assert {"record.json", "notebook.ipynb", "read.csv", "unfinished.ipynb"} <= names
    assert [path for path in written if secret.encode() in path.read_bytes()] == []


def test_joined_tables_that_change_while_it_runs_are_noticed(project, planned, joined):
    project(a=[READS])
    with paths.reading(joined):
        spec = planned("a")
    assert changed_inputs(spec) == []
    own = json.loads((joined / "build.json").read_text())
    own["files"]["regions.csv"] = "0" * 64
    (joined / "build.json").write_text(json.dumps(own))
    with pytest.raises(Exception, match=r"regions\.csv changed or vanished since the data were"):
        changed_inputs(spec)


def test_a_file_s_indicators_are_among_the_values_allowed(joined):
    def outcomes() -> str:
        return next(row.allowed for row in describe("05_cluster_funding") if row.name == "outcome")

    assert not outcomes().endswith("mine")
    with paths.reading(joined):
        assert outcomes().endswith(", mine")
        assert validate("05_cluster_funding", {"outcome": "mine"}).outcome == "mine"
    with pytest.raises(ParameterError, match="'mine' is no outcome of the codebook; "):
        validate("05_cluster_funding", {"outcome": "mine"})


def test_reading_other_tables_ends_with_the_block(project, joined, monkeypatch):
    project(a=[])
    monkeypatch.delenv("COMPENDIUM_PROCESSED", raising=False)
    before = paths.PROCESSED, paths.RAW
    with paths.reading(joined):
        assert joined.parent / "raw" == paths.RAW
        assert os.environ["COMPENDIUM_PROCESSED"] == str(joined)
        assert list(current_inputs().data) == ["own.json", "regions.csv"]
    assert before == (paths.PROCESSED, paths.RAW)
    assert "COMPENDIUM_PROCESSED" not in os.environ


def test_a_folder_of_published_tables_is_that_of_the_data_read(project, joined):
    project(a=[])
    with paths.reading(joined):
        inputs = current_inputs()
        first = inputs.folder("data/raw")
        (joined.parent / "raw" / "catalogue.yaml").write_text("tables: {more: 1}\n")
        assert inputs.folder("data/raw") == first, "taken once for all runs of a command"
        assert current_inputs().folder("data/raw") != first
