"""Sweeps: one notebook run over a grid of parameters, and what came of it in tables.

Each combination is a run like any other, in ``runs/<name>/<key>``, known by its key: what a valid
record covers is not done again, whichever sweep or command made it, and a sweep that is stopped
goes on where it was. The folder of the sweep holds what is about all of them: ``sweep.json``,
``estimates``, ``headlines`` and ``failures`` as tables, and a figure.
"""

import hashlib
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from analysis import paths
from analysis.panel.manifest import brought_files
from analysis.runs.engine import Notify, execute, remarks
from analysis.runs.grid import Grid, checked, read_grid, typed
from analysis.runs.launchers import Engine, launching
from analysis.runs.notebook_file import Notebook
from analysis.runs.notebooks import find_notebook
from analysis.runs.parameters import UsageError
from analysis.runs.record import (
    CELL_TIMEOUT,
    KEY_LENGTH,
    Inputs,
    RunSpec,
    canonical_json,
    plan,
    read_json,
    read_record,
    valid_record,
    write_json,
)

PLAN = "sweep.json"
WHOLE = (1, 1)
#: Earlier runs of the notebook that are looked at to say how long a sweep will take.
_TIMED = 25


@dataclass(frozen=True)
class Sweep:
    """Runs to be made of one notebook; ``folder`` is where the results about all of them go.

    shard: number and count of the parts the grid is split into, (1, 1) when it is not.
    estimate: ``model:term`` of the estimate to follow; the headlines of the claims when empty.
    """

    notebook: Notebook
    specs: list[RunSpec]
    folder: Path
    shard: tuple[int, int] = WHOLE
    estimate: str = ""

    @property
    def name(self) -> str:
        return self.notebook.name

    def parameters(self, spec: RunSpec) -> dict[str, Any]:
        """The parameters of one of its runs, as columns of a table hold them."""
        return {f"param_{name}": value for name, value in typed(self.name, spec.parameters).items()}

    def description(self) -> dict[str, Any]:
        """What ``sweep.json`` says before anything has run."""
        return {
            "notebook": self.name,
            "shard": list(self.shard),
            "estimate": self.estimate,
            "inputs": self.specs[0].inputs if self.specs else {},
            "brought": brought_files(self.specs[0].processed) if self.specs else [],
            "runs": [{"key": spec.key, "parameters": spec.parameters} for spec in self.specs],
        }


@dataclass(frozen=True)
class Request:
    """A sweep as it is asked for on a command line."""

    notebook: str
    axes: Sequence[str] = ()
    fixed: Sequence[str] = ()
    file: Path | None = None
    shard: tuple[int, int] = WHOLE
    resume: bool = False
    out: Path | None = None
    estimate: str = ""
    cell_timeout: int = CELL_TIMEOUT


@dataclass
class Result:
    """What became of the runs of a sweep: keys of those that are there, messages of the others."""

    done: list[str] = field(default_factory=list)
    current: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def check(request: Request) -> None:
    """UsageError, or ParameterError with every problem of the grid; nothing is built or run."""
    if request.estimate and not all(request.estimate.partition(":")):
        raise UsageError(f"--estimate {request.estimate}: expected model:term")
    if not request.resume:
        checked(request.notebook, _grid(request))


def requested(request: Request, inputs: Inputs) -> Sweep:
    """What is asked for, planned on ``inputs``; nothing is run. Raises as ``check`` does."""
    if request.resume:
        return _resumed(request, inputs)
    return plan_sweep(
        find_notebook(request.notebook),
        _grid(request),
        inputs,
        out=request.out,
        shard=request.shard,
        estimate=request.estimate,
        cell_timeout=request.cell_timeout,
    )


def _grid(request: Request) -> Grid:
    return read_grid(request.notebook, request.axes, request.fixed, request.file)


def plan_sweep(
    notebook: Notebook,
    grid: Grid,
    inputs: Inputs,
    *,
    out: Path | None = None,
    shard: tuple[int, int] = WHOLE,
    already_split: bool = False,
    estimate: str = "",
    cell_timeout: int = CELL_TIMEOUT,
) -> Sweep:
    """The sweep of ``notebook`` over ``grid`` on the present data and code.

    ``already_split``: the grid is that of the shard, not of the whole.

    Raises ParameterError with every problem of the grid, EvidenceMissing when runs it reads are
    not there, UsageError when ``out`` holds anything but this sweep.
    """
    wanted = checked(notebook.name, grid)
    specs = [plan(notebook, each, inputs, cell_timeout=cell_timeout) for each in wanted]
    part, parts = shard
    specs = specs if already_split else specs[part - 1 :: parts]
    keys = canonical_json([spec.key for spec in specs])
    digest = hashlib.sha256(keys.encode()).hexdigest()[:KEY_LENGTH]
    folder = out or paths.RUNS / notebook.name / "sweeps" / digest
    sweep = Sweep(notebook, specs, folder.absolute(), shard, estimate)
    _check_folder(sweep)
    return sweep


def _check_folder(sweep: Sweep) -> None:
    """Refuse a folder that holds something else: it would be lost, or mixed up."""
    folder = sweep.folder
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"--out {folder}: expected a folder, this is a file")
    there = read_json(folder / PLAN)
    if there is None:
        if any(folder.iterdir()):
            raise UsageError(
                f"--out {folder}: the folder is not empty and holds no sweep; "
                "give an empty or new folder"
            )
    elif _keys(there) != [spec.key for spec in sweep.specs]:
        changed = _what_changed(there, sweep)
        raise UsageError(
            f"--out {folder} holds another sweep ({changed}); give an empty or new folder"
        )


def _keys(description: Any) -> list[str]:
    runs = description.get("runs", []) if isinstance(description, dict) else []
    return [str(run.get("key")) for run in runs if isinstance(run, dict)]


def _what_changed(there: Any, sweep: Sweep) -> str:
    """Why the keys of the sweep in a folder are not those of ``sweep``."""
    now = sweep.description()
    before = there.get("inputs", {}) if isinstance(there, dict) else {}
    changed = [name for name in sorted(now["inputs"]) if before.get(name) != now["inputs"][name]]
    if changed:
        return f"the {' and '.join(changed)} changed since"
    return "of another notebook, grid or shard"


@dataclass(frozen=True)
class _Begun:
    """A sweep as its folder describes it; files: hashes of the user's files."""

    notebook: str
    rows: list[dict[str, Any]]
    shard: tuple[int, int]
    estimate: str
    files: list[str]


def _begun(folder: Path) -> _Begun:
    """The sweep in ``folder``; UsageError where there is none."""
    there = read_json(folder / PLAN)
    try:
        part, parts = there["shard"]
        return _Begun(
            str(there["notebook"]),
            [dict(run["parameters"]) for run in there["runs"]],
            (int(part), int(parts)),
            str(there["estimate"]),
            [one["sha256"] for one in there["brought"]],
        )
    except (TypeError, KeyError, ValueError):
        raise UsageError(f"{folder} holds no sweep to go on with: no readable {PLAN}") from None


def _resumed(request: Request, inputs: Inputs) -> Sweep:
    """The sweep in ``request.out``, whose grid is read from there."""
    if request.out is None:
        raise UsageError("--resume goes on with the sweep in a folder: give it with --out")
    if request.axes or request.fixed or request.file or request.shard != WHOLE:
        raise UsageError("--resume takes the grid and the shard from the folder: give neither")
    begun = _begun(request.out)
    if begun.files != [one["sha256"] for one in brought_files(paths.PROCESSED)]:
        raise UsageError(
            f"{request.out} holds a sweep with other --data files, which its {PLAN} names; "
            "give them"
        )
    if begun.notebook != request.notebook:
        raise UsageError(
            f"{request.out} holds a sweep of {begun.notebook}, not of {request.notebook}"
        )
    return plan_sweep(
        find_notebook(begun.notebook),
        Grid(rows=begun.rows),
        inputs,
        out=request.out,
        shard=begun.shard,
        already_split=True,
        estimate=request.estimate or begun.estimate,
        cell_timeout=request.cell_timeout,
    )


def read_shard(text: str) -> tuple[int, int]:
    """``"2/4"`` → (2, 4); UsageError."""
    match = re.fullmatch(r"\s*(\d{1,5})\s*/\s*(\d{1,5})\s*", text)
    part, parts = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= part <= parts:
        raise UsageError(f"--shard {text}: expected i/n with i from 1 to n, as in 2/4")
    return part, parts


def finished(sweep: Sweep) -> list[RunSpec]:
    """The runs of the sweep that a valid record covers already."""
    return [spec for spec in sweep.specs if valid_record(spec.folder, spec.key)]


def usual_seconds(name: str) -> float | None:
    """Median seconds that runs of a notebook took, of the latest there are; None without any."""
    folders = (path.parent for path in (paths.RUNS / name).glob("*/record.json"))
    latest = sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True)[:_TIMED]
    records = (read_record(folder) for folder in latest)
    seconds = [record.timings["seconds"] for record in records if record and record.timings]
    return median(seconds) if seconds else None


def run_sweep(
    sweep: Sweep, *, jobs: int = 1, engine: Engine = Engine.forked, notify: Notify
) -> Result:
    """Make the runs that are not there yet; failing ones are kept apart and stop no other."""
    sweep.folder.mkdir(parents=True, exist_ok=True)
    write_json(sweep.folder / PLAN, sweep.description())
    result = Result()
    with (
        launching(engine, [sweep.notebook], remarks(notify)) as launch,
        closing(execute(sweep.specs, jobs=jobs, launch=launch, notify=notify)) as outcomes,
    ):
        for _, outcome in outcomes:
            if outcome.status == "failed":
                result.failed[outcome.spec.key] = outcome.message
            else:
                getattr(result, outcome.status).append(outcome.spec.key)
    return result


def failed_rows(sweep: Sweep, result: Result) -> list[dict[str, Any]]:
    """One row per run that failed, in the order of the grid: key, parameters, reason."""
    specs: Sequence[RunSpec] = [spec for spec in sweep.specs if spec.key in result.failed]
    return [
        {"run": spec.key[:KEY_LENGTH], **sweep.parameters(spec), "reason": result.failed[spec.key]}
        for spec in specs
    ]
