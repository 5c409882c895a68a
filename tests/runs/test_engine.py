"""Executing notebooks for real: success, skipping, the ways a run fails, running in parallel."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from synthetic_project import WRITE, Planner

from analysis import paths
from analysis.runs.engine import Outcome, Progress, RunFailed, run, run_all
from analysis.runs.folders import put_in_place
from analysis.runs.launchers import Engine, launching
from analysis.runs.record import hash_files, read_record, valid_record

Project = Callable[..., Path]

NOISY = """
import os, sys, warnings
print("here", object(), os.environ["COMPENDIUM_RUN_DIR"])
warnings.warn("careful")
os.environ["PYTHONHASHSEED"], os.environ["TZ"], os.environ["OMP_NUM_THREADS"]
"""


def without_record(folder: Path) -> dict[str, str]:
    return hash_files(folder, skip=["record.json"])


def test_a_run_leaves_notebook_results_and_record(project: Project, planned: Planner) -> None:
    project(a=[WRITE, NOISY])
    spec = planned("a", countries="FR,DE", years="2001-2003")
    seen: list[Progress] = []
    record = run(spec, notify=seen.append)

    assert valid_record(spec.folder, spec.key) == record
    assert sorted(record.outputs) == ["figures/plot.svg", "notebook.ipynb", "tables/years.csv"]
    assert (spec.folder / "tables/years.csv").read_text() == "first,last,seed\n2001,2003,1\n"
    assert record.parameters["countries"] == ["DE", "FR"]
    assert record.timings["seconds"] > 0
    assert [step.state for step in seen][:: len(seen) - 1] == ["started", "done"]
    assert [step.cell for step in seen if step.state == "cell"] == [1, 2, 2, 3, 4]
    assert [path.name for path in spec.folder.parent.iterdir()] == [spec.folder.name]

    notebook = nbformat.read(spec.folder / "notebook.ipynb", as_version=4)
    nbformat.validate(notebook)
    text = (spec.folder / "notebook.ipynb").read_text()
    assert "here <object object at 0x0> ." in text
    assert "ipykernel/" in text and "ipykernel_" not in text
    assert "('0', 'UTC', '1')" in text


def test_the_same_run_gives_the_same_bytes_whatever_the_surroundings(
    project: Project,
    planned: Planner,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    project(a=[WRITE, NOISY])
    spec = planned("a")
    run(spec)
    first = without_record(spec.folder)
    startup = tmp_path / "startup.py"
    startup.write_text("print('from the user')")
    surroundings = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C", "MPLBACKEND": "svg"}
    for name, value in (surroundings | {"PYTHONSTARTUP": str(startup)}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    run(spec, force=True)
    assert without_record(spec.folder) == first


def test_a_valid_record_is_not_run_again_and_a_tampered_one_is(
    project: Project, planned: Planner
) -> None:
    project(a=[WRITE])
    spec = planned("a")
    first = run(spec)
    assert run_all([spec])[0].status == "current"
    assert run(spec).started == first.started
    (spec.folder / "tables/years.csv").write_text("first,last,seed\n0,0,0\n")
    assert run_all([spec])[0].status == "done"
    assert without_record(spec.folder) == first.outputs


def test_results_go_where_the_user_wants(
    project: Project, planned: Planner, tmp_path: Path
) -> None:
    project(a=[WRITE])
    out = tmp_path / "deep" / "mine"
    spec = planned("a", out=out)
    run(spec)
    assert run_all([spec])[0].status == "current"
    run(planned("a", out=out, seed=5))
    record = read_record(out)
    assert record is not None and record.seed == 5
    assert [path.name for path in out.parent.iterdir()] == ["mine"]
    assert not paths.RUNS.exists()


FAILURES = {
    "raises": ("x = 1\ny = x / 0", "ZeroDivisionError: division by zero", "line 2: y = x / 0"),
    "deeper": ("import json\njson.loads('{')", "JSONDecodeError: Expecting", "line 2: json.loads"),
    "syntax": ("def f(:", "SyntaxError: invalid syntax", ""),
    "leaves": ("import sys; sys.exit(0)", "SystemExit: 0", ""),
    "slow": ("import time; time.sleep(60)", "the cell was still running after 5 seconds", ""),
    "exits": ("import os; os._exit(3)", "the kernel died with exit status 3", ""),
    "killed": ("import os; os.kill(os.getpid(), 9)", "the kernel died by signal SIGKILL", ""),
}


def test_failures_say_where_and_why_and_leave_nothing_finished(
    project: Project, planned: Planner
) -> None:
    project(**{name: [WRITE, cell] for name, (cell, _, _) in FAILURES.items()})
    seconds = dict.fromkeys(FAILURES, 60) | {"slow": 5}
    specs = [planned(name, cell_timeout=seconds[name], years="2001-2002") for name in FAILURES]
    with launching(Engine.forked, [spec.notebook for spec in specs], pytest.fail) as launch:
        outcomes = run_all(specs, jobs=4, launch=launch)
    for outcome, (cell, reason, line) in zip(outcomes, FAILURES.values(), strict=True):
        check_failure(outcome, cell, reason, line)


def check_failure(outcome: Outcome, cell: str, reason: str, line: str) -> None:
    spec = outcome.spec
    assert outcome.status == "failed" and outcome.record is None
    assert outcome.message.startswith(f"{spec.name} stopped at cell 4 of 4: {reason}")
    assert f"the cell begins with: {cell.splitlines()[0]}" in outcome.message
    assert line in outcome.message
    assert "parameters: countries= years=2001-2002 seed=1" in outcome.message
    assert len(outcome.message.splitlines()) <= 5

    assert [path.name for path in spec.folder.parent.iterdir()] == ["failed"]
    kept = spec.folder.parent / "failed" / spec.key[:16]
    assert read_record(kept) is None and not (kept / "notebook.ipynb").exists()
    notebook = nbformat.read(kept / "unfinished.ipynb", as_version=4)
    assert notebook.cells[3].execution_count == 3
    assert str(kept / "unfinished.ipynb") in outcome.message


def test_long_words_take_no_long_time(project: Project, planned: Planner) -> None:
    project(a=["print('/a' * 500_000)", "raise ValueError('x' * 20_000_000)"])
    with pytest.raises(RunFailed, match=r"stopped at cell 4 of 4: ValueError: x{380}") as error:
        run(planned("a"))
    assert len(str(error.value)) < 1500
    (kept,) = paths.RUNS.glob("a/failed/*/unfinished.ipynb")
    assert "/a" * 500_000 in kept.read_text()


def test_a_file_whose_name_is_no_text_is_refused(project: Project, planned: Planner) -> None:
    project(a=["open('\\udcff', 'w').close()"])
    with pytest.raises(RunFailed, match="a stopped: it wrote a file whose name is no text"):
        run(planned("a"))
    assert not list(paths.RUNS.glob("**/record.json"))
    assert not list(paths.RUNS.glob("**/.record*"))


def test_two_processes_may_put_the_same_run_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, place = tmp_path / "work", tmp_path / "place"
    for folder in (work, place):
        folder.mkdir()
        (folder / "from").write_text(folder.name)
    rename, others = Path.rename, ["one", "two"]

    def rename_with_a_rival(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        if self == place and others:
            place.mkdir()
            (place / "from").write_text(others.pop())
        return moved

    monkeypatch.setattr(Path, "rename", rename_with_a_rival)
    put_in_place(work, place)
    assert not others
    assert [path.name for path in tmp_path.iterdir()] == ["place"]
    assert (place / "from").read_text() == "work"


def test_a_failed_run_is_cleared_by_a_later_success(project: Project, planned: Planner) -> None:
    flag = "from pathlib import Path\nassert Path(r'{}').exists()"
    root = project(a=[])
    project(a=[WRITE, flag.format(root / "flag")])
    spec = planned("a")
    with pytest.raises(RunFailed, match="AssertionError"):
        run(spec)
    (root / "flag").touch()
    run(spec)
    assert [path.name for path in spec.folder.parent.iterdir()] == [spec.folder.name]


def test_a_run_whose_code_or_data_changed_under_way_does_not_count(
    project: Project, planned: Planner
) -> None:
    root = project(a=[])
    touch = f"from pathlib import Path\nPath(r'{root}', 'requirements.lock').write_text('other')"
    project(a=[WRITE, touch])
    spec = planned("a")
    with pytest.raises(RunFailed, match="a stopped: the lock changed while it ran"):
        run(spec)
    assert not spec.folder.exists()


def test_parallel_runs_do_not_collide(project: Project, planned: Planner) -> None:
    project(a=[WRITE], b=[WRITE])
    specs = [planned(name, seed=seed) for name in "ab" for seed in (1, 2)]
    outcomes = run_all(specs, jobs=4)
    assert [outcome.status for outcome in outcomes] == ["done"] * 4
    for outcome, seed in zip(outcomes, [1, 2, 1, 2], strict=True):
        table = (outcome.spec.folder / "tables/years.csv").read_text()
        assert table == f"first,last,seed\n2000,2005,{seed}\n"


def test_what_a_dead_process_left_is_cleared(project: Project, planned: Planner) -> None:
    project(a=[WRITE])
    spec = planned("a")
    host = os.uname().nodename
    dead = spec.folder.with_name(f"0123456789abcdef.tmp-{host}-999999999")
    alive = spec.folder.with_name(f"{spec.folder.name}.tmp-{host}-1")
    elsewhere = spec.folder.with_name(f"{spec.folder.name}.tmp-otherhost-999999999")
    for folder in (dead, alive, elsewhere):
        folder.mkdir(parents=True)
    run(spec)
    assert not dead.exists()
    assert alive.exists() and elsewhere.exists()


def test_a_worker_that_cannot_start_is_a_failure(
    project: Project, planned: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(a=[WRITE])
    monkeypatch.setattr("sys.executable", shutil.which("false"))
    with pytest.raises(RunFailed, match="a stopped: its process ended with status 1"):
        run(planned("a"))
    assert not list(paths.RUNS.rglob("record.json"))
