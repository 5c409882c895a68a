"""Executing notebooks: each in a process of its own, all or nothing, several at a time.

A run works in ``<folder>.tmp-<host>-<pid>`` and is renamed to ``<folder>`` once its record is
written. Whatever happens before that leaves nothing that looks finished; how far it got is kept
in ``runs/<name>/failed/<key>``.
"""

import json
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from analysis import CompendiumError, paths
from analysis.runs.folders import clear_stale, failed_folder, put_in_place, work_folder
from analysis.runs.launchers import Engine, Launch, Start, launching, plain
from analysis.runs.parameters import as_text
from analysis.runs.record import (
    KEY_LENGTH,
    RECORD,
    RunRecord,
    RunSpec,
    new_record,
    valid_record,
    write_record,
)
from analysis.runs.watched import WatchedInputs
from analysis.runs.worker import NOTEBOOK, UNFINISHED

#: Seconds a worker gets to kill its kernel and leave when its run is called off.
PATIENCE = 5
#: One thread everywhere: sums done in another order differ in their last bits.
_THREADS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    *("NUMBA_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS", "ARROW_NUM_THREADS"),
)
#: Settings of the user's shell that could change what a notebook shows or computes.
_PERSONAL = ("PYTHONSTARTUP", "PYTHONWARNINGS", "PYTHONOPTIMIZE", "MPLBACKEND", "COLUMNS", "LINES")
#: 1 January 2026, for formats that insist on a date.
_EPOCH = "1767225600"


class RunFailed(CompendiumError):  # noqa: N818
    """A notebook did not run to its end; the message says where and why."""


@dataclass(frozen=True)
class Outcome:
    """What became of a spec: ``status`` is ``done``, ``current`` (nothing to do) or ``failed``."""

    spec: RunSpec
    status: str
    record: RunRecord | None = None
    message: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Progress:
    """A step worth showing: ``state`` is ``started``, ``cell`` or an outcome's status."""

    name: str
    state: str
    cell: int = 0
    cells: int = 0
    seconds: float = 0.0
    message: str = ""


Notify = Callable[[Progress], None]
#: State of a :class:`Progress` that is a remark about the whole, not a step.
REMARK = "remark"


def run(
    spec: RunSpec,
    *,
    force: bool = False,
    engine: Engine = Engine.forked,
    notify: Notify = lambda progress: None,
) -> RunRecord:
    """Execute ``spec`` unless a valid record covers it already; RunFailed when it fails."""
    with launching(engine, [spec.notebook], remarks(notify)) as launch:
        (outcome,) = run_all([spec], force=force, launch=launch, notify=notify)
    if outcome.record is None:
        raise RunFailed(outcome.message)
    return outcome.record


def remarks(notify: Notify) -> Callable[[str], None]:
    """``notify`` for remarks."""
    return lambda text: notify(Progress("", REMARK, message=text))


def run_all(
    specs: Sequence[RunSpec],
    *,
    jobs: int = 1,
    force: bool = False,
    launch: Launch = plain,
    notify: Notify = lambda progress: None,
) -> list[Outcome]:
    """Execute what no valid record covers, ``jobs`` at a time; outcomes in the order of ``specs``.

    ``launch`` starts the processes: the way that ``launching`` gives, or ``plain``.
    A failing run does not stop the others. On KeyboardInterrupt or SystemExit all kernels are
    killed before the exception goes on.
    """
    running = execute(specs, jobs=jobs, force=force, launch=launch, notify=notify)
    with closing(running):
        outcomes = dict(running)
    return [outcomes[position] for position in range(len(specs))]


def execute(
    specs: Sequence[RunSpec],
    *,
    jobs: int = 1,
    force: bool = False,
    launch: Launch = plain,
    notify: Notify = lambda progress: None,
) -> Generator[tuple[int, Outcome]]:
    """As ``run_all``, but position and outcome of each run as soon as it is there.

    To be closed, as by ``contextlib.closing``: runs that are under way are then called off.
    """
    waiting = []
    for position, spec in enumerate(specs):
        record = None if force else valid_record(spec.folder, spec.key)
        if record is None:
            waiting.append(position)
        else:
            notify(Progress(spec.name, "current"))
            yield position, Outcome(spec, "current", record)
    clear_stale([specs[position] for position in waiting])
    queue = ((position, specs[position]) for position in waiting)
    yield from _work_off(queue, max(1, jobs), launch, notify)


def _work_off(
    waiting: Iterator[tuple[int, RunSpec]], jobs: int, launch: Launch, notify: Notify
) -> Generator[tuple[int, Outcome]]:
    """Keep ``jobs`` workers busy until nothing waits; call them off when the caller goes."""
    running: dict[int, _Worker] = {}
    inputs = WatchedInputs()
    with selectors.DefaultSelector() as selector:
        try:
            while True:
                for position, spec in islice(waiting, jobs - len(running)):
                    running[position] = worker = _Worker(spec, launch, inputs)
                    selector.register(worker.pipe, selectors.EVENT_READ, position)
                    notify(Progress(spec.name, "started"))
                if not running:
                    return
                for position in [ready.data for ready, _ in selector.select()]:
                    worker = running[position]
                    if not worker.read(notify):
                        selector.unregister(worker.pipe)
                        outcome = worker.finish()
                        del running[position]
                        _tell(outcome, notify)
                        yield position, outcome
        finally:
            for worker in running.values():
                worker.hang_up()
            for worker in running.values():
                worker.call_off()


def _tell(outcome: Outcome, notify: Notify) -> None:
    notify(
        Progress(
            outcome.spec.name,
            outcome.status,
            seconds=outcome.seconds,
            message=outcome.message,
        )
    )


class _Worker:
    """A worker process seen from the side that started it."""

    def __init__(self, spec: RunSpec, launch: Launch, inputs: WatchedInputs) -> None:
        self.spec = spec
        self.inputs = inputs
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self.clock = time.monotonic()
        self.unread = b""
        self.kernel = 0
        self.result: dict[str, Any] | None = None
        self.work_folder = work_folder(spec)
        self.work_folder.mkdir(parents=True)
        # not in the work folder: the path of a socket may have no more than 107 bytes
        self.socket_folder = Path(tempfile.mkdtemp(prefix="compendium-", dir="/tmp"))
        self.log = tempfile.TemporaryFile()  # noqa: SIM115
        job, orders = os.pipe()
        pipe, events = os.pipe()
        own = _own_settings(spec, self.work_folder, self.socket_folder)
        streams = (job, events, self.log.fileno())
        try:
            self.process = launch(Start(self.work_folder, shared_settings(spec), own, streams))
        except BaseException:
            for descriptor in (orders, pipe):  # at their end a worker that was started leaves
                os.close(descriptor)
            for folder in (self.work_folder, self.socket_folder):
                shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            os.close(job)
            os.close(events)
        self.pipe = os.fdopen(pipe, "rb", buffering=0)
        self.orders = os.fdopen(orders, "wb", buffering=0)
        with suppress(BrokenPipeError):  # a worker that died at once is reported by finish()
            self.orders.write(json.dumps(self._job()).encode() + b"\n")

    def _job(self) -> dict[str, Any]:
        return {
            "notebook": str(self.spec.notebook.path),
            "parameters": self.spec.parameters,
            "cell_timeout": self.spec.cell_timeout,
            "work_folder": str(self.work_folder),
            "socket_folder": str(self.socket_folder),
            "seed": int(self.spec.key[:KEY_LENGTH], 16),
        }

    def read(self, notify: Notify) -> bool:
        """Take in what the worker reported; False once it has left."""
        chunk = os.read(self.pipe.fileno(), 65536)
        *lines, self.unread = (self.unread + chunk).split(b"\n")
        for line in lines:
            self._take(json.loads(line), notify)
        return bool(chunk)

    def _take(self, event: dict[str, Any], notify: Notify) -> None:
        if event["event"] == "kernel":
            self.kernel = event["pid"]
        elif event["event"] == "cell":
            notify(Progress(self.spec.name, "cell", event["cell"], event["total"]))
        else:
            self.result = event

    def finish(self) -> Outcome:
        """Record a notebook that ran to its end, explain one that did not."""
        status = self.process.wait()
        last_line = self._close()
        seconds = round(time.monotonic() - self.clock, 3)
        if self.result is None:
            ended = "with the fork server" if status is None else f"with status {status}"
            self.result = _stopped(f"its process ended {ended}. {last_line}".strip())
        elif self.result["event"] == "done" and (changed := self.inputs.changed(self.spec)):
            self.result = _stopped(changed)
        if self.result["event"] == "done":
            try:
                return self._record(seconds)
            except UnicodeEncodeError as error:
                self.result = _stopped(f"it wrote a file whose name is no text ({error})")
        message = _failure(self.spec, self.result, self._keep_failed())
        return Outcome(self.spec, "failed", message=message, seconds=seconds)

    def _record(self, seconds: float) -> Outcome:
        assert self.result is not None
        timings = {"seconds": seconds, "cells": self.result["seconds"]}
        record = new_record(self.spec, self.work_folder, timings, self.started)
        write_record(self.work_folder, record)
        put_in_place(self.work_folder, self.spec.folder)
        kept = failed_folder(self.spec)
        shutil.rmtree(kept, ignore_errors=True)
        with suppress(OSError):  # there are others, or there never was one
            kept.parent.rmdir()
        return Outcome(self.spec, "done", record, seconds=seconds)

    def hang_up(self) -> None:
        """Close the pipe, at which the worker kills its kernel and leaves."""
        with suppress(BrokenPipeError):
            self.orders.close()

    def call_off(self) -> None:
        """See the worker out after ``hang_up``; keep how far it got."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE)
        self._close()
        self._keep_failed()

    def _close(self) -> str:
        """Free what the process held; the last line it wrote to standard error."""
        if self.kernel and self.result is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.kernel, signal.SIGKILL)
        for pipe in (self.orders, self.pipe):
            with suppress(BrokenPipeError):
                pipe.close()
        shutil.rmtree(self.socket_folder, ignore_errors=True)
        if self.log.closed:  # interrupted while it was being recorded
            return ""
        with self.log:
            self.log.seek(0)
            lines = self.log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _keep_failed(self) -> Path:
        """Move what there is to the failed runs, without anything that looks finished."""
        kept = failed_folder(self.spec)
        if not self.work_folder.exists():  # interrupted after it was put in its place
            return kept
        self.work_folder.joinpath(RECORD).unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            self.work_folder.joinpath(NOTEBOOK).rename(self.work_folder / UNFINISHED)
        shutil.rmtree(kept, ignore_errors=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(self.work_folder, kept)
        return kept


def _stopped(reason: str) -> dict[str, Any]:
    """What a worker would have reported, had it been able to."""
    return {"event": "failed", "reason": reason, "line": "", "cell": 0, "source": ""}


def shared_settings(spec: RunSpec) -> dict[str, str]:
    """The user's environment without what could change results, with what keeps them equal."""
    kept = {name: value for name, value in os.environ.items() if name not in _PERSONAL}
    fixed = {
        "COMPENDIUM_PROCESSED": str(spec.processed.absolute()),
        "COMPENDIUM_ROOT": str(paths.ROOT.absolute()),
        # a process to be forked has one thread: no helper of the allocators of Arrow and Polars
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "_RJEM_MALLOC_CONF": "background_thread:false",
        "LC_ALL": "C.UTF-8",
        "MATPLOTLIBRC": os.devnull,
        "NUMBA_THREADING_LAYER": "workqueue",  # the others do not survive a fork
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "SOURCE_DATE_EPOCH": _EPOCH,
    }
    return kept | fixed | dict.fromkeys(_THREADS, "1")


def _own_settings(spec: RunSpec, work_folder: Path, socket_folder: Path) -> dict[str, str]:
    """Where a run's process puts its results and what it keeps for itself."""
    return {
        "COMPENDIUM_RUN_DIR": str(work_folder),
        "COMPENDIUM_RUN_KEY": spec.key,
        "IPYTHONDIR": str(socket_folder / "ipython"),
    }


def _failure(spec: RunSpec, result: dict[str, Any], kept: Path) -> str:
    """The message of a failed run: notebook, cell, reason, line, parameters, what was kept."""
    total = len(spec.notebook.cells)
    where = f" at cell {result['cell']} of {total}" if result["cell"] else ""
    reason = _first_line(result["reason"], 400)
    lines = [f"{spec.name} stopped{where}: {reason}"]
    if result["cell"]:
        lines.append(f"the cell begins with: {_first_line(result['source'], 100)}")
    if result["line"]:
        lines.append(f"it stopped at {result['line']}")
    typed = as_text(spec.name, spec.parameters)
    lines.append("parameters: " + " ".join(f"{name}={text}" for name, text in typed.items()))
    if (kept / UNFINISHED).exists():
        lines.append(f"the notebook as far as it got: {kept / UNFINISHED}")
    return "\n  ".join(lines)


def _first_line(text: str, width: int) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= width else line[: width - 1] + "…"
