"""Sweeps on a synthetic project: tables, failures, resuming, shards, what is refused."""

import json
from pathlib import Path

import pandas as pd
import pytest
import test_interruption as command
from synthetic_project import WRITE, write_project

from analysis import CompendiumError, paths
from analysis.claims import Finding, judge, register
from analysis.claims.verdict import as_evidence
from analysis.panel.build import OWN
from analysis.runs.engine import Progress
from analysis.runs.grid import Grid, read_grid
from analysis.runs.notebooks import find_notebook
from analysis.runs.parameters import UsageError
from analysis.runs.progress import Tally, duration
from analysis.runs.record import current_inputs, hash_files, write_json
from analysis.runs.sweep import (
    Request,
    Result,
    check,
    plan_sweep,
    read_shard,
    requested,
    run_sweep,
)
from analysis.runs.sweep_tables import write_results

#: Estimates as a real notebook leaves them; one seed is refused.
ESTIMATES = """
import os
from pathlib import Path
import pandas as pd
rows = {"model": "main", "term": ["x", "=z"], "estimate": [seed / 2, 1.0], "n_obs": 100}
if seed == 2:
    rows |= {"ci_low": [0.5, 0.5], "ci_high": [1.5, 1.5], "extra": ["text", None]}
folder = Path(os.environ["COMPENDIUM_RUN_DIR"])
pd.DataFrame(rows).to_parquet(folder / "estimates.parquet")
if seed == 3:
    raise ValueError("three is refused")
"""


def silent(progress):
    """No progress."""


def planned(axes, **options):
    return plan_sweep(find_notebook("a"), read_grid("a", axes), current_inputs(), **options)


def write_estimates(sweep):
    """What the runs would leave, without running them."""
    for spec in sweep.specs:
        seed = spec.parameters["seed"]
        rows = {"model": "main", "term": ["x", "=z"], "estimate": [seed / 2, 1.0], "n_obs": 100}
        if seed % 2 == 0:
            rows |= {"ci_low": 0.5, "ci_high": 1.5, "extra": ["text", None]}
        spec.folder.mkdir(parents=True)
        pd.DataFrame(rows).to_parquet(spec.folder / "estimates.parquet")


def test_a_sweep_from_the_command_line(tmp_path):
    root = write_project(tmp_path / "p", {"a": [WRITE, ESTIMATES]})
    out = tmp_path / "out"
    asked = ["sweep", "a", "--grid", "countries=FR+DE,", "--grid", "seed=1,2,3"]
    asked += ["--estimate", "main:x", "--out", str(out), "--jobs", "2"]
    code, output, errors = command.compendium(root, *asked)
    assert code == 1
    assert "a: 6 runs, 0 of them up to date; how long one takes is not known yet" in output
    assert "6 of 6: 4 done, 2 failed" in output
    assert errors.count("a stopped at cell 4 of 4: ValueError: three is refused") == 2
    assert f"results: {out}" in output

    estimates = pd.read_parquet(out / "estimates.parquet")
    assert estimates["param_countries"].tolist() == ["DE+FR"] * 4 + [""] * 4
    assert estimates["param_seed"].tolist() == [1, 1, 2, 2] * 2
    assert estimates["estimate"].tolist() == [0.5, 1.0, 1.0, 1.0] * 2
    headlines = pd.read_parquet(out / "headlines.parquet")
    assert headlines["estimate"].tolist() == [0.5, 1.0] * 2
    failures = pd.read_csv(out / "failures.csv")
    assert failures["param_seed"].tolist() == [3, 3]
    described = json.loads((out / "sweep.json").read_text())
    assert [run["status"] for run in described["runs"]] == ["complete", "complete", "failed"] * 2
    assert "from 0.5 to 1, median 0.75, in 4 runs" in described["figure"]["alt"]
    assert {path.name for path in (out / "figures").iterdir()} == {"headlines.png", "headlines.svg"}

    before = hash_files(out)
    code, output, _ = command.compendium(root, "sweep", "a", "--resume", "--out", str(out))
    assert code == 1 and "a: 6 runs, 4 of them up to date; the others may take" in output
    assert hash_files(out) == before


def test_a_dry_run_and_a_wrong_grid_start_nothing(tmp_path):
    root = write_project(tmp_path / "p", {"a": [WRITE]})
    code, output, _ = command.compendium(root, "sweep", "a", "--grid", "seed=1,2", "--dry-run")
    assert code == 0 and "a: 2 runs, 0 of them up to date" in output
    code, _, errors = command.compendium(root, "sweep", "a", "--grid", "seed=1,b")
    assert code == 2 and "a: seed: 'b' is not a whole number (in 1 of 2 runs)" in errors
    assert not (root / "runs").exists()


def test_interrupted_then_the_same_command_goes_on(tmp_path):
    wait = "import time\ntime.sleep(300 if seed > 2 and not Path(r'{}').exists() else 0)"
    root = tmp_path / "p"
    write_project(root, {"a": [WRITE, wait.format(root / "go")]})
    process = command.start(root, "sweep", "a", "--grid", "seed=1,2,3,4", "--jobs", "2")
    records = root / "runs" / "a"
    command.wait_for(lambda: len(list(records.glob("*/record.json"))) == 2)
    process.send_signal(2)
    code, _, errors = command.finish(process)
    assert code == 130 and "Interrupted. What was finished is kept" in errors
    command.wait_for(lambda: not command.processes_of(root))
    (root / "go").touch()
    code, output, _ = command.compendium(root, "sweep", "a", "--grid", "seed=1,2,3,4")
    assert code == 0 and "4 runs, 2 of them up to date" in output
    assert not command.leftovers(root)


def test_estimates_of_other_columns_are_merged_and_formulas_disarmed(project):
    project(a=[])
    sweep = planned(["seed=1,2"], estimate="main:x")
    write_estimates(sweep)
    result = Result(current=[spec.key for spec in sweep.specs])
    write_results(sweep, result)
    before = hash_files(sweep.folder)
    write_results(sweep, result)
    assert hash_files(sweep.folder) == before
    merged = pd.read_parquet(sweep.folder / "estimates.parquet")
    assert merged["extra"].fillna("").tolist() == ["", "", "text", ""]
    assert merged["ci_low"].isna().tolist() == [True, True, False, False]
    assert merged["term"].tolist() == ["x", "=z"] * 2
    assert pd.read_csv(sweep.folder / "estimates.csv")["term"].tolist() == ["x", "'=z"] * 2
    assert not list(sweep.folder.glob(".*"))


def test_a_claim_that_a_run_could_not_test_has_a_row_that_says_why(project):
    project(a=[])
    sweep = planned(["seed=1,2"])
    write_estimates(sweep)
    claim = register()["C06"].restated(outcome="patents_per_million", funding=("money", "argent"))
    finding = Finding(label="made up", estimate=2.0, ci_low=1.5, ci_high=2.5, n_obs=90)
    why = ("Too few countries.", "Trop peu de pays.")
    verdicts = [judge(claim, [finding]), judge(claim, unavailable=why)]
    for spec, verdict in zip(sweep.specs, verdicts, strict=True):
        spec.folder.joinpath("evidence").mkdir()
        write_json(spec.folder / "evidence" / "C06.json", as_evidence(verdict))
        write_json(spec.folder / "record.json", {"name": "a", "key": spec.key})
    headlines = write_results(sweep, Result(current=[spec.key for spec in sweep.specs]))
    assert headlines["subject"].tolist() == ["C06", "C06"]
    assert headlines["estimate"].fillna(-1).tolist() == [2.0, -1.0]
    assert headlines["n_obs"].fillna(-1).tolist() == [90, -1]
    assert headlines["null"].tolist() == [0.0, 0.0]
    assert headlines["reason"].tolist() == ["", "Too few countries."]
    assert headlines["verdict"].tolist()[1] == "not testable"
    described = json.loads((sweep.folder / "sweep.json").read_text())
    assert "One more run has no estimate of it." in described["figure"]["alt"]


def test_an_estimate_nobody_has_is_refused_with_those_there_are(project):
    project(a=[])
    sweep = planned(["seed=1,2"], estimate="main:y")
    write_estimates(sweep)
    with pytest.raises(CompendiumError, match="no run has it; there are main:x, main:=z"):
        write_results(sweep, Result())


def test_without_claims_there_is_no_headline_and_no_figure_of_before(project):
    project(a=[])
    followed = planned(["seed=1,2"], estimate="main:x")
    write_estimates(followed)
    write_results(followed, Result())
    assert list((followed.folder / "figures").iterdir())
    sweep = planned(["seed=1,2"])
    assert sweep.folder == followed.folder
    assert write_results(sweep, Result()).empty
    assert not list((sweep.folder / "figures").iterdir())


def test_shards_part_the_runs_and_have_folders_of_their_own(project):
    project(a=[])
    whole = planned(["seed=1,2,3,4,5"])
    parts = [planned(["seed=1,2,3,4,5"], shard=(part, 2)) for part in (1, 2)]
    keys = [[spec.key for spec in sweep.specs] for sweep in parts]
    assert [len(part) for part in keys] == [3, 2]
    assert sorted(keys[0] + keys[1]) == sorted(spec.key for spec in whole.specs)
    assert len({sweep.folder for sweep in (whole, *parts)}) == 3
    assert read_shard(" 2/4") == (2, 4)


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "-1/2", "1/0"])
def test_shards_that_do_not_exist_are_refused(text):
    with pytest.raises(UsageError, match="expected i/n with i from 1 to n"):
        read_shard(text)


def test_folders_with_something_else_are_refused(project, tmp_path):
    root = project(a=[])
    out = tmp_path / "out"
    sweep = planned(["seed=1,2"], out=out)
    out.mkdir()
    (out / "notes.txt").touch()
    with pytest.raises(UsageError, match="not empty and holds no sweep"):
        planned(["seed=1,2"], out=out)
    (out / "notes.txt").unlink()
    (out / "sweep.json").write_text(json.dumps(sweep.description()))
    assert planned(["seed=1,2"], out=out).specs == sweep.specs
    with pytest.raises(UsageError, match="another sweep \\(of another notebook, grid or shard"):
        planned(["seed=1,3"], out=out)
    (root / "requirements.lock").write_text("other==1\n")
    with pytest.raises(UsageError, match="another sweep \\(the lock changed since"):
        planned(["seed=1,2"], out=out)
    with pytest.raises(UsageError, match="expected a folder, this is a file"):
        planned(["seed=1,2"], out=out / "sweep.json")


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.yaml", "seed: []"), ("a.yaml", "seed: [1, 2]\nyears: []"), ("a.csv", "seed,years\n\n\n")],
)
def test_a_grid_without_a_combination_is_refused(project, tmp_path, name, text):
    project(a=[])
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(UsageError, match="the grid has no combination"):
        check(Request("a", file=file))


@pytest.mark.parametrize("estimate", ["main", "main:", ":x", ":"])
def test_an_estimate_that_can_be_none_is_refused_before_anything_runs(project, estimate):
    project(a=[])
    with pytest.raises(UsageError, match=f"--estimate {estimate}: expected model:term"):
        check(Request("a", axes=["seed=1"], estimate=estimate))


def test_files_of_ones_own_are_named_and_asked_for_again(project, tmp_path):
    project(a=[])
    file = {"file": "grants.csv", "bytes": 3, "sha256": "abc", "declared": {}}
    (paths.PROCESSED / OWN).write_text(json.dumps({"files": [file], "rules": {"spread": False}}))
    out = tmp_path / "out"
    sweep = planned(["seed=1,2"], out=out)
    assert sweep.description()["brought"] == [file | {"rules": {"spread": False}}]
    out.mkdir()
    write_json(out / "sweep.json", sweep.description())
    resumed = requested(Request("a", resume=True, out=out), current_inputs())
    assert resumed.specs == sweep.specs
    (paths.PROCESSED / OWN).unlink()
    with pytest.raises(UsageError, match="a sweep with other --data files, which its"):
        requested(Request("a", resume=True, out=out), current_inputs())


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (Request("a", resume=True), "--resume goes on with the sweep in a folder: give it with"),
        (Request("a", resume=True, out=Path("none")), "holds no sweep to go on with"),
        (Request("a", resume=True, out=Path("none"), axes=["seed=1"]), "give neither"),
    ],
)
def test_resuming_needs_a_sweep(project, request_, problem):
    project(a=[])
    with pytest.raises(UsageError, match=problem):
        requested(request_, current_inputs())


def test_two_thousand_runs_are_planned_and_merged_without_running(project, monkeypatch):
    project(a=[])
    sweep = planned([f"seed={','.join(map(str, range(2000)))}"])
    assert len({spec.key for spec in sweep.specs}) == 2000
    assert len(sweep.description()["runs"]) == 2000


def test_nothing_is_run_for_an_empty_shard(project):
    project(a=[])
    sweep = planned(["seed=1"], shard=(2, 2))
    assert run_sweep(sweep, notify=silent) == Result()
    assert write_results(sweep, Result()).empty
    assert plan_sweep(find_notebook("a"), Grid(rows=[]), current_inputs()).specs == []


def test_progress_counts_ends():
    tally = Tally(4)
    for state in ("started", "cell", "done", "failed", "current"):
        tally.take(Progress("a", state))
    assert tally.text() == "3 of 4: 1 done, 1 up to date, 1 failed"
    assert [duration(s) for s in (40, 700, 12000)] == ["40 s", "12 min", "3 h 20 min"]
