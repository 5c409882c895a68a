"""Notebooks that read the evidence of others run after them, and are tied to it."""

import json
from pathlib import Path

import pytest
import synthetic_project
from pydantic import Field

from analysis import paths
from analysis.runs import record
from analysis.runs.engine import run_all
from analysis.runs.launchers import Engine, launching
from analysis.runs.notebooks import find_notebook
from analysis.runs.parameters import REGISTRY, Countries, OwnYears, Parameters, validate
from analysis.runs.record import EvidenceMissing, current_inputs, plan
from analysis.runs.reproduce import reproduce as reproduce_all

FUNDING, GAP, VERDICTS = "05_cluster_funding", "07_conversion_gap", "14_verdicts"


class Weighing(Parameters):
    """A synthetic register."""

    reads_evidence = True

    countries: Countries = Field(default=[])
    years: OwnYears = Field(default=[])


EVIDENCE = """
import json
import os
from pathlib import Path
folder = Path(os.environ["COMPENDIUM_RUN_DIR"]) / "evidence"
folder.mkdir()
(folder / "CLAIM.json").write_text(json.dumps(dict(countries=len(countries), value=VALUE)))
"""
READ = """
import os
from pathlib import Path
(Path(os.environ["COMPENDIUM_RUN_DIR"]) / "weighed.txt").write_text("yes")
"""
BROKEN = "raise ValueError('no data')"


def evidence(claim: str, value: int) -> str:
    """A cell that leaves evidence of a made-up form."""
    return EVIDENCE.replace("CLAIM", claim).replace("VALUE", str(value))


def write(root: Path, value: int = 1, gap: str | None = None) -> None:
    """Two notebooks with evidence and one that weighs it."""
    write_notebook = synthetic_project.write_notebook
    write_notebook(root, FUNDING, [evidence("C08", value)])
    write_notebook(root, GAP, [gap or evidence("C09", value)])
    path = write_notebook(root, VERDICTS, [READ])
    content = json.loads(path.read_text())
    content["cells"][1]["source"] = "countries = []\nyears = []"
    path.write_text(json.dumps(content))


@pytest.fixture
def root(project, monkeypatch):
    """A project whose third notebook reads the evidence of the other two."""
    folder = project(**{FUNDING: [], GAP: [], VERDICTS: []})
    monkeypatch.setitem(REGISTRY, VERDICTS, Weighing)
    write(folder)
    return folder


def silent(progress):
    """No progress."""


def planned(name, **values):
    return plan(find_notebook(name), validate(name, values), current_inputs())


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    import analysis.report.site

    monkeypatch.setattr(analysis.report.site, "build_site", synthetic_project.build_site)


def test_what_reads_evidence_runs_last_and_once_and_tampering_counts_as_missing(root):
    first = reproduce_all(notify=silent, jobs=2)
    assert [(o.spec.name, o.status) for o in first.outcomes] == [
        (FUNDING, "done"), (GAP, "done"), (VERDICTS, "done"),
    ]  # fmt: skip
    weighed = first.outcomes[2].record
    assert set(weighed.inputs["evidence"]) == {FUNDING, GAP}
    assert set(weighed.inputs["evidence"][FUNDING]) == {"C08.json"}
    again = reproduce_all(notify=silent, jobs=2)
    assert {o.status for o in again.outcomes} == {"current"}
    (first.outcomes[0].spec.folder / "evidence" / "C08.json").write_text("{}")
    with pytest.raises(EvidenceMissing, match="compendium run 05_cluster_funding"):
        planned(VERDICTS)


def test_other_evidence_is_another_run_and_the_same_evidence_the_same(root):
    reproduce_all(notify=silent)
    before = planned(VERDICTS).key
    write(root, value=2)
    with pytest.raises(EvidenceMissing):
        planned(VERDICTS)
    reproduce_all(notify=silent)
    assert planned(VERDICTS).key != before


def test_missing_runs_are_named_with_the_commands_that_make_them(root):
    reproduce_all(notify=silent)
    with pytest.raises(EvidenceMissing) as problem:
        planned(VERDICTS, countries="FR", years="2001-2004")
    text = str(problem.value)
    assert "the evidence of 2 other runs is not there" in text
    assert "compendium run 05_cluster_funding -p countries=FR -p years=2001-2004" in text
    with launching(Engine.forked, [find_notebook(VERDICTS)], pytest.fail) as launch:
        others = [planned(name, countries="FR", years="2001-2004") for name in (FUNDING, GAP)]
        run_all(others, launch=launch)
        spec = planned(VERDICTS, countries="FR", years="2001-2004")
        assert run_all([spec], launch=launch)[0].status == "done"
    folders = record.evidence_folders(validate(VERDICTS, {"countries": "FR", "years": "2001-2004"}))
    assert [folder.parent.name for folder in folders] == [FUNDING, GAP]
    assert '"countries": 1' in (folders[0] / "evidence" / "C08.json").read_text()


def test_a_failed_run_keeps_the_verdicts_from_being_drawn(root):
    write(root, gap=BROKEN)
    result = reproduce_all(notify=silent)
    assert [o.status for o in result.outcomes] == ["done", "failed", "failed"]
    message = result.outcomes[2].message
    assert "14_verdicts has not been run" in message
    assert "compendium run 07_conversion_gap" in message
    assert not (paths.RUNS / VERDICTS).exists()
