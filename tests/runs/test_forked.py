"""Forked kernels: nothing passes from run to run, nothing is left, plain is the way out."""

import json
import threading

import psutil
import pytest
from synthetic_project import WRITE
from test_interruption import processes_of

from analysis.runs import launchers
from analysis.runs.engine import run, run_all, shared_settings
from analysis.runs.launchers import Engine, ForkServer, imported_modules, launching
from analysis.runs.notebooks import find_notebook

#: Write down what a run finds, then leave all of it changed.
LOOK_AND_TOUCH = """
import gc, json, os, random, resource, signal, sys, threading, time
from pathlib import Path
import matplotlib.pyplot as plt
import numpy as np
folder = Path(os.environ["COMPENDIUM_RUN_DIR"])
found = {
    "marker": hasattr(json, "marker"),
    "folder": os.getcwd() == str(folder),
    "environment": sorted(name for name in os.environ if name.startswith("LEFT_")),
    "legacy": np.random.random(3).tolist(),
    "random": [random.random() for _ in range(3)],
    "figures": plt.get_fignums(),
    "style": plt.rcParams["lines.linewidth"],
    "threads": [t.name for t in threading.enumerate() if t.name == "left"],
    "signal": signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL,
    "limit": resource.getrlimit(resource.RLIMIT_NOFILE),
    "umask": os.umask(0o22),
    "group": os.getpgid(0) == os.getpid() == os.getsid(0),
    "descriptors": sorted({os.readlink(f"/proc/self/fd/{n}") for n in (0,)}),
    "worker only": "rfc3987_syntax" in sys.modules,
    "warm": "pandas" in sys.modules,
}
(folder / "found.json").write_text(json.dumps(found))
json.marker = True
os.chdir("/")
os.environ["LEFT_BEHIND"] = "1"
np.random.seed(0)
random.seed(0)
plt.figure()
plt.rcParams["lines.linewidth"] = 99
threading.Thread(target=time.sleep, args=(60,), name="left", daemon=True).start()
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
os.umask(0o77)
"""


def found(spec):
    return json.loads((spec.folder / "found.json").read_text())


def test_nothing_of_a_run_reaches_the_next(project, planned):
    project(a=[LOOK_AND_TOUCH, "import pandas"])
    specs = [planned("a", seed=seed) for seed in (1, 2)]
    remarks = []
    with launching(Engine.forked, [specs[0].notebook], remarks.append) as launch:
        assert {o.status for o in run_all(specs, launch=launch)} == {"done"}
        first, second = (found(spec) for spec in specs)
        assert {o.status for o in run_all(specs[1:], force=True, launch=launch)} == {"done"}
    assert remarks == []
    drawn = {name: (first.pop(name), second.pop(name)) for name in ("legacy", "random")}
    assert all(one != other for one, other in drawn.values())
    again = found(specs[1])
    assert [again.pop(name) for name in drawn] == [pair[1] for pair in drawn.values()]
    assert first == second == again
    assert first["folder"] and first["group"] and first["signal"] and first["warm"]
    assert not first["marker"] and not first["worker only"]
    assert first["environment"] == first["figures"] == first["threads"] == []
    assert first["descriptors"] == ["/dev/null"]


def test_no_process_is_left(project, planned):
    root = project(a=[WRITE])
    threads, seen = set(threading.enumerate()), []
    run(planned("a"), notify=lambda _: seen.extend(processes_of(root)))
    assert seen
    assert not processes_of(root)
    assert set(threading.enumerate()) <= threads


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("print('hello')", "something that notebooks import says: hello"),
        ("import warnings; warnings.warn('old')", "something that notebooks import says:"),
        (
            "import threading as t\nt.Thread(target=t.Event().wait, daemon=True).start()",
            "something that notebooks import has started 1 threads",
        ),
        ("import matplotlib_inline.backend_inline", "imports matplotlib_inline.backend_inline"),
        ("import os; os._exit(3)", "the fork server has ended"),
    ],
)
def test_what_cannot_be_forked_runs_plainly_and_says_why(
    project, planned, tmp_path, monkeypatch, module, reason
):
    (tmp_path / "peculiar.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    project(a=["import peculiar"])
    started = []
    monkeypatch.setattr(launchers, "plain", lambda start: started.append(start) or Stub())
    remarks = []
    with launching(Engine.forked, [find_notebook("a")], remarks.append) as launch:
        start = launchers.Start(tmp_path, shared_settings(planned("a")), {}, (0, 1, 2))
        launch(start)
        launch(start)
    assert len(started) == 2
    (remark,) = remarks
    assert remark.startswith("kernels are started one by one: ")
    assert reason in remark


class Stub:
    """A process nobody waits for."""


def test_a_module_that_is_not_there_is_the_notebook_s_own_problem(project, planned):
    project(a=["import no_such_module_anywhere"])
    with launching(Engine.forked, [find_notebook("a")], pytest.fail) as launch:
        (outcome,) = run_all([planned("a")], launch=launch)
    assert "ModuleNotFoundError: No module named 'no_such_module_anywhere'" in outcome.message


def test_a_lost_server_is_replaced_by_new_processes(project, planned):
    project(a=[WRITE])
    remarks, others = [], psutil.Process().children()
    with launching(Engine.forked, [find_notebook("a")], remarks.append) as launch:
        assert run_all([planned("a", seed=1)], launch=launch)[0].status == "done"
        (server,) = [child for child in psutil.Process().children() if child not in others]
        server.kill()
        server.wait()
        assert run_all([planned("a", seed=2)], launch=launch)[0].status == "done"
    assert len(remarks) == 1 and remarks[0].startswith("kernels are started one by one: ")


def test_runs_with_other_settings_are_not_forked(project, planned, monkeypatch):
    project(a=["import os\nfrom pathlib import Path\nPath('seen').write_text(os.environ['OTHER'])"])
    with launching(Engine.forked, [find_notebook("a")], pytest.fail) as launch:
        for seed, value in ((1, "one"), (2, "two")):
            monkeypatch.setenv("OTHER", value)
            spec = planned("a", seed=seed)
            assert run_all([spec], launch=launch)[0].status == "done"
            assert (spec.folder / "seen").read_text() == value


def test_imports_are_read_from_the_cells(project):
    project(a=["%matplotlib inline\nimport a.b as c, d\nfrom e.f import g", "def broken(:", "!ls"])
    assert imported_modules([find_notebook("a")]) == ["a.b", "d", "e.f"]


def test_the_server_imports_nothing_of_the_users_folder(project, planned, tmp_path, monkeypatch):
    project(a=[])
    (tmp_path / "numpy.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    server = ForkServer([], shared_settings(planned("a")))
    server._await_ready()
    server.close()
