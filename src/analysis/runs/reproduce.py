"""The whole compendium: data, every notebook with its default parameters, figures, report."""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.runs.engine import Notify, Outcome, Progress, remarks, run_all
from analysis.runs.launchers import Engine, launching
from analysis.runs.notebook_file import Notebook
from analysis.runs.notebooks import find_notebook
from analysis.runs.parameters import REGISTRY, model_of, validate
from analysis.runs.record import (
    EvidenceMissing,
    Inputs,
    RunSpec,
    canonical_json,
    code_hash,
    current_inputs,
    hash_file,
    hash_files,
    plan,
    read_json,
    valid_record,
    write_json,
)

DATA, REPORT = "data", "report"
_BUILT = ".built.json"


@dataclass(frozen=True)
class Reproduction:
    """What a reproduction did; ``index`` is the report's first page, None where no run is whole."""

    outcomes: list[Outcome]
    index: Path | None

    @property
    def failed(self) -> bool:
        return any(outcome.status == "failed" for outcome in self.outcomes)


def reproduce(
    names: Sequence[str] = (),
    *,
    jobs: int = 1,
    force: bool = False,
    engine: Engine = Engine.forked,
    notify: Notify,
) -> Reproduction:
    """Bring everything up to date, doing only what is missing; ``force`` does it all anew.

    names: notebooks to run, all when empty. The report covers every notebook whose default run
    is whole. A failing notebook is reported in its outcome and does not stop the others.
    """
    notebooks = [find_notebook(name) for name in dict.fromkeys(names or REGISTRY)]
    inputs = prepare(force=force, notify=notify)
    with launching(engine, notebooks, remarks(notify)) as launch:
        options = {"jobs": jobs, "force": force, "launch": launch, "notify": notify}
        outcomes = _in_two_waves(notebooks, inputs, options)
    for outcome in outcomes:
        if outcome.record is not None:
            mirror(outcome.spec.folder / "figures", paths.FIGURES / outcome.spec.name)
    whole = finished_runs(inputs)
    return Reproduction(outcomes, _report(whole, force=force, notify=notify) if whole else None)


def _in_two_waves(
    notebooks: Sequence[Notebook], inputs: Inputs, options: dict[str, Any]
) -> list[Outcome]:
    """Run first what stands alone, then what reads the evidence of the first; in reading order.

    ``options`` are those of ``run_all``.
    """
    alone = [notebook for notebook in notebooks if not model_of(notebook.name).reads_evidence]
    outcomes = run_all([_default(notebook, inputs) for notebook in alone], **options)
    weighing, lacking = [], []
    for notebook in notebooks:
        if model_of(notebook.name).reads_evidence:
            try:
                weighing.append(_default(notebook, inputs))
            except EvidenceMissing as problem:
                lacking.append(_without_evidence(notebook, problem, options["notify"]))
    outcomes += lacking + run_all(weighing, **options)
    order = [notebook.name for notebook in notebooks]
    return sorted(outcomes, key=lambda outcome: order.index(outcome.spec.name))


def _default(notebook: Notebook, inputs: Inputs) -> RunSpec:
    return plan(notebook, validate(notebook.name, {}), inputs)


def _without_evidence(notebook: Notebook, problem: EvidenceMissing, notify: Notify) -> Outcome:
    """The outcome of a notebook that could not be planned: the runs it reads are not there."""
    values = validate(notebook.name, {}).injectable()
    spec = RunSpec(notebook, values, {}, paths.RUNS / notebook.name / "none")
    message = f"{notebook.name} has not been run: {problem}"
    notify(Progress(notebook.name, "failed", message=message))
    return Outcome(spec, "failed", message=message)


def prepare(*, force: bool = False, notify: Notify) -> Inputs:
    """Build data/processed unless a valid build is there; the inputs every run shares."""
    from analysis import panel

    notify(Progress(DATA, "started"))
    summary = panel.build(force=force)
    notify(Progress(DATA, "done" if summary.built else "current"))
    return current_inputs()


def _default_runs(inputs: Inputs) -> list[RunSpec]:
    """The default run of every notebook that is there and can be planned, in reading order."""
    specs = []
    for name in REGISTRY:
        if not (paths.NOTEBOOKS / f"{name}.ipynb").exists():
            continue
        with suppress(EvidenceMissing):  # what reads the evidence of runs that are not there
            specs.append(_default(find_notebook(name), inputs))
    return specs


def finished_runs(inputs: Inputs) -> list[Path]:
    """Folders of the default runs that are whole and current, in reading order."""
    specs = _default_runs(inputs)
    return [spec.folder for spec in specs if valid_record(spec.folder, spec.key)]


def _report(run_folders: list[Path], *, force: bool, notify: Notify) -> Path:
    """Build the report unless the one there was made of the same runs by the same code."""
    site = paths.REPORTS / "site"
    index, stamp = site / "index.html", site / _BUILT
    made_of = {
        "code": code_hash(),
        "runs": {_shown(folder): canonical_json(hash_files(folder)) for folder in run_folders},
    }
    notify(Progress(REPORT, "started"))
    built = read_json(stamp)
    if not force and built == {"made_of": made_of, "files": hash_files(site)}:
        notify(Progress(REPORT, "current"))
        return index
    from analysis.report.site import build_site

    stamp.unlink(missing_ok=True)
    build_site(run_folders, site)
    write_json(stamp, {"made_of": made_of, "files": hash_files(site)})
    notify(Progress(REPORT, "done"))
    return index


def _shown(folder: Path) -> str:
    return folder.relative_to(paths.ROOT.absolute()).as_posix()


def mirror(source: Path, target: Path) -> None:
    """Make ``target`` hold exactly the files of ``source``, each replaced all at once.

    Files that are already equal are not touched. A source that does not exist counts as empty.
    """
    wanted = hash_files(source) if source.is_dir() else {}
    for name, digest in wanted.items():
        place = target / name
        if not place.is_file() or hash_file(place) != digest:
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary = place.with_name(f".{place.name}.{os.getpid()}")
            shutil.copyfile(source / name, temporary)
            temporary.replace(place)
    if target.is_dir():
        _remove_others(target, wanted)


def _remove_others(target: Path, wanted: dict[str, str]) -> None:
    """Remove files that are not ``wanted`` and folders that are empty, deepest first."""
    for path in sorted(target.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(target).as_posix() not in wanted:
            path.unlink()
    if not any(target.iterdir()):
        target.rmdir()
