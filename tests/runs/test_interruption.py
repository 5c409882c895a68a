"""The real command line on a synthetic project: interrupted, killed, run again, exit statuses."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import synthetic_project
from synthetic_project import WRITE, write_project

from analysis.runs.record import hash_files

COMMAND = [sys.executable, str(Path(synthetic_project.__file__))]
#: The first time says on disk that it is under way and works on; runs through the next time.
SLOW = (
    WRITE
    + """
import time
working = Path(os.environ["COMPENDIUM_ROOT"], "working")
if not working.exists():
    working.touch()
    time.sleep(300)
"""
)


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        env=os.environ | {"COMPENDIUM_ROOT": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_heed_interrupts,
    )


def _heed_interrupts() -> None:
    """Ctrl-C reaches the command even if the tests were started where it is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=240)
    assert "Traceback" not in errors + output
    return process.returncode, output, errors


def compendium(root: Path, *arguments: str) -> tuple[int, str, str]:
    return finish(start(root, *arguments))


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def processes_of(root: Path) -> list[int]:
    """Workers and kernels of the project that are still there."""

    def belongs(process: psutil.Process) -> bool:
        try:
            return process.environ().get("COMPENDIUM_ROOT") == str(root)
        except psutil.Error:
            return False

    return [process.pid for process in psutil.process_iter() if belongs(process)]


def results(root: Path) -> dict[str, str]:
    """Hashes of everything a reproduction makes but the records, which hold times."""
    files = {
        f"{folder}/{name}": digest
        for folder in ("figures", "runs", "reports")
        for name, digest in hash_files(root / folder).items()
    }
    return {
        name: digest
        for name, digest in files.items()
        if not name.endswith("record.json") and "/failed/" not in name
    }


def leftovers(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*") if ".tmp-" in path.name or ".old-" in path.name]


NOTEBOOKS = {"a": [WRITE], "b": [SLOW]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_project(tmp_path / "p", NOTEBOOKS)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a reproduction that nobody disturbs makes."""
    root = write_project(tmp_path_factory.mktemp("undisturbed"), NOTEBOOKS)
    (root / "working").touch()
    assert compendium(root, "reproduce", "--jobs", "1")[0] == 0
    return results(root)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_interrupted_then_run_again_gives_the_undisturbed_bytes(
    root: Path, undisturbed: dict[str, str], number: signal.Signals, status: int
) -> None:
    process = start(root, "reproduce", "--jobs", "2")
    wait_for((root / "working").exists)
    process.send_signal(number)
    code, _, errors = finish(process)
    assert code == status
    wait_for(lambda: not processes_of(root))
    assert not list((root / "runs" / "b").glob("*/record.json"))
    if number == signal.SIGINT:
        assert "Interrupted" in errors
    if number != signal.SIGKILL:
        assert not leftovers(root)
        assert list((root / "runs" / "b" / "failed").glob("*/unfinished.ipynb"))

    again = compendium(root, "reproduce")
    assert again[0] == 0, again
    assert not leftovers(root)
    assert results(root) == undisturbed


@pytest.mark.parametrize("delay", [0.4, 1.2])
def test_killed_at_any_moment_then_run_again(
    root: Path, undisturbed: dict[str, str], delay: float
) -> None:
    (root / "working").touch()
    process = start(root, "reproduce", "--jobs", "2")
    time.sleep(delay)
    process.kill()
    finish(process)
    assert compendium(root, "reproduce", "--jobs", "2")[0] == 0
    assert not leftovers(root)
    assert results(root) == undisturbed


def test_a_killed_worker_takes_its_kernel_along(root: Path) -> None:
    process = start(root, "reproduce", "--only", "b")
    wait_for((root / "working").exists)
    (server,) = psutil.Process(process.pid).children()
    (worker,) = server.children()
    worker.kill()
    code, _, errors = finish(process)
    assert code == 1
    assert "b stopped: its process ended with status -9" in errors
    wait_for(lambda: not processes_of(root))


def test_without_its_fork_server_a_reproduction_goes_on(root: Path) -> None:
    process = start(root, "reproduce", "--jobs", "2")
    wait_for((root / "working").exists)
    (server,) = psutil.Process(process.pid).children()
    server.kill()
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 143
    wait_for(lambda: not processes_of(root))
    assert not list((root / "runs" / "b").glob("*/record.json"))


def test_a_second_reproduction_makes_only_what_was_touched(tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", {"a": [WRITE], "b": [WRITE]})
    code, output, _ = compendium(root, "reproduce")
    assert code == 0
    assert f"report: {(root / 'reports/site/index.html').as_uri()}" in output
    before = results(root)
    code, output, _ = compendium(root, "reproduce")
    assert code == 0 and results(root) == before
    assert output.count("up to date") == 6  # data, two notebooks, report; two in the summary
    page = root / "reports" / "site" / "index.html"
    page.write_text("something else")
    assert compendium(root, "reproduce")[0] == 0 and results(root) == before


def test_a_failing_notebook_does_not_stop_the_others(tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", {"a": [WRITE], "b": [WRITE, "1 / 0"]})
    (root / "figures" / "a").mkdir(parents=True)
    (root / "figures" / "a" / "stale.svg").touch()
    (root / "figures" / "readme").mkdir()
    (root / "figures" / "readme" / "kept.png").touch()
    code, output, errors = compendium(root, "reproduce")
    assert code == 1
    assert "b stopped at cell 4 of 4: ZeroDivisionError" in errors
    assert "report: file://" in output
    assert sorted(hash_files(root / "figures")) == ["a/plot.svg", "readme/kept.png"]
    assert (root / "reports" / "site" / "index.html").read_text() == "<ul>\n<li>a"


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (["run", "a", "-p", "countrys=FR"], 2, "unknown parameter 'countrys' for a; did you mean"),
        (["reproduce", "--only", "zz"], 2, "there is no notebook 'zz'"),
        (["run", "a", "-p", "years"], 2, "expected key=value"),
        (["run", "a", "--params", "nowhere.yaml"], 2, "cannot read the parameter file"),
        (["run", "a", "--out", "/usr"], 2, "not empty and holds no run"),
        (["run", "a", "--timeout", "0"], 2, "timeout"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_wrong_usage_starts_nothing(
    tmp_path: Path, arguments: list[str], status: int, expected: str
) -> None:
    root = write_project(tmp_path / "p", {"a": [WRITE]})
    code, _, errors = compendium(root, *arguments)
    assert code == status
    assert expected in errors
    assert not (root / "runs").exists()


def test_run_prints_where_the_results_are(tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", {"a": [WRITE]})
    file = tmp_path / "mine.yaml"
    file.write_text("years: 2001-2003\n")
    out = tmp_path / "out"
    arguments = ["--params", str(file), "-p", "seed=4", "--out", str(out), "--engine", "plain"]
    code, output, _ = compendium(root, "run", "a", *arguments)
    assert code == 0
    assert f"results: {out}" in output
    assert (out / "tables/years.csv").read_text() == "first,last,seed\n2001,2003,4\n"


def test_a_failed_run_has_status_1(tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", {"a": ["1 / 0"]})
    code, output, errors = compendium(root, "run", "a")
    assert code == 1
    assert "ZeroDivisionError" in errors and "results:" not in output
