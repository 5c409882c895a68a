"""The record of a run: what went in, what came out, and whether both still hold.

A run is known by its key, the SHA-256 of everything that can change its results: the notebook's
cells, the parameters, the processed data, the code of this package and the locked environment.
A run counts only if its ``record.json`` exists and the hashes in it are those of the files.
"""

import glob
import hashlib
import json
import platform
import shlex
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

import analysis
from analysis import CompendiumError, paths
from analysis.atomic import write_atomically
from analysis.panel.manifest import brought_files, changed_tables
from analysis.runs.notebook_file import Notebook, read_notebook
from analysis.runs.notebooks import check_declaration, find_notebook
from analysis.runs.parameters import (
    REGISTRY,
    Parameters,
    UsageError,
    as_text,
    model_of,
    validate,
)

RECORD = "record.json"
KEY_LENGTH = 16
CELL_TIMEOUT = 600
#: Packages whose version is written down; the lock's hash covers all the others.
PACKAGES = (
    *("ipykernel", "linearmodels", "matplotlib", "nbclient", "nbconvert", "numpy", "pandas"),
    *("papermill", "pyarrow", "pydantic", "pyfixest", "scipy", "seaborn", "statsmodels"),
)


# --- hashes ----------------------------------------------------------------------------------


def canonical_json(value: Any) -> str:
    """One text for one value: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_files(root: Path, skip: Iterable[str] = ()) -> dict[str, str]:
    """SHA-256 of every file below ``root`` by relative POSIX path, sorted.

    Hidden files and folders (``.ipynb_checkpoints``, editors' swap files), compiled bytecode and
    the relative paths in ``skip`` are left out.
    """
    relative = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    kept = [
        path
        for path in relative
        if not any(part.startswith(".") or part == "__pycache__" for part in path.parts)
        and path.as_posix() not in skip
    ]
    return {path.as_posix(): hash_file(root / path) for path in sorted(kept)}


def code_hash() -> str:
    """SHA-256 over the files of this package: code, declarations and templates."""
    return hash_folder(Path(analysis.__file__).parent)


def hash_folder(folder: Path) -> str:
    """SHA-256 over the files below ``folder``, their paths and bytes."""
    return hashlib.sha256(canonical_json(hash_files(folder)).encode()).hexdigest()


def data_hashes(processed: Path) -> dict[str, str]:
    """SHA-256 of each built table, checked against the manifest ``build.json`` of the build.

    Raises CompendiumError when the data are not built or a table is not what was built.
    """
    manifest = processed / "build.json"
    try:
        declared = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    except FileNotFoundError:
        raise CompendiumError(
            f"{manifest} is missing: build the data first, with `compendium data build`"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise CompendiumError(
            f"{manifest} is not a build manifest; rebuild with `compendium data build --force`"
        ) from None
    changed = changed_tables(processed, declared)
    if changed:
        raise CompendiumError(
            f"{processed}: {', '.join(changed)} changed or vanished since the data were built; "
            "rebuild with `compendium data build --force`"
        )
    return dict(sorted(declared.items()))


@dataclass(frozen=True)
class Inputs:
    """Hashes of what all notebooks share: processed tables by name, code, locked environment."""

    data: dict[str, str]
    code: str
    lock: str
    _folders: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def shared(self) -> dict[str, Any]:
        """The hashes by name, as a run's key counts them."""
        return {"data": self.data, "code": self.code, "lock": self.lock}

    def folder(self, name: str) -> str:
        """Hash of a folder of the project, taken once; ``data/raw`` is that of the data read."""
        if name not in self._folders:
            folder = paths.RAW if name == "data/raw" else paths.ROOT / name
            self._folders[name] = hash_folder(folder)
        return self._folders[name]


def current_inputs() -> Inputs:
    """The project's inputs as they are now; CompendiumError when the data or lock are missing."""
    lock = paths.ROOT / "requirements.lock"
    if not lock.is_file():
        raise CompendiumError(f"{lock} is missing: a run is tied to the locked environment")
    return Inputs(data_hashes(paths.PROCESSED), code_hash(), hash_file(lock))


# --- what is to be run -------------------------------------------------------------------------


@dataclass(frozen=True)
class RunSpec:
    """One notebook with one set of parameters on the present data and code.

    ``folder`` is where the finished run goes; ``cell_timeout`` is in seconds and, since it cannot
    change a result, no part of the key. ``processed`` is the folder of built tables it reads.
    """

    notebook: Notebook
    parameters: dict[str, Any]
    inputs: dict[str, Any]
    folder: Path
    cell_timeout: int = CELL_TIMEOUT
    processed: Path = field(default_factory=lambda: paths.PROCESSED.absolute())

    @property
    def name(self) -> str:
        return self.notebook.name

    @property
    def key(self) -> str:
        return _key(self.inputs, self.parameters)


def _key(inputs: dict[str, Any], parameters: dict[str, Any]) -> str:
    content = canonical_json({"inputs": inputs, "parameters": parameters})
    return hashlib.sha256(content.encode()).hexdigest()


def plan(
    notebook: Notebook,
    parameters: Parameters,
    inputs: Inputs,
    *,
    out: Path | None = None,
    cell_timeout: int = CELL_TIMEOUT,
) -> RunSpec:
    """The run of ``notebook`` with validated ``parameters``, into ``out`` or ``runs/<name>/<key>``.

    Raises CompendiumError when the notebook's tagged cell disagrees with its model, and
    UsageError when ``out`` holds anything but a run.
    """
    check_declaration(notebook)
    values = parameters.injectable()
    hashes = _inputs_of(notebook, inputs, parameters)
    if out is not None:
        out = out.resolve()  # results go where a link leads, and the link stays
        _check_replaceable(out)
    folder = out or paths.RUNS / notebook.name / _key(hashes, values)[:KEY_LENGTH]
    return RunSpec(notebook, values, hashes, folder.absolute(), cell_timeout)


def _inputs_of(notebook: Notebook, shared: Inputs, parameters: Parameters) -> dict[str, Any]:
    """Hashes of all a run depends on: its notebook, what all share, what its model reads."""
    model = model_of(notebook.name)
    folders = {name: shared.folder(name) for name in model.reads}
    evidence = {"evidence": _evidence(parameters, shared)} if model.reads_evidence else {}
    return {"notebook": notebook.source_hash(), **shared.shared(), **folders, **evidence}


class EvidenceMissing(UsageError):  # noqa: N818
    """A run needs others that have not been made; the message says how to make them."""


def evidence_runs(parameters: Parameters, shared: Inputs) -> list[RunSpec]:
    """The runs whose evidence a run with ``parameters`` reads, in reading order.

    These are the other notebooks that claims name and that are there, each with the same countries
    and years where it has them and where they are given, and its own defaults for the rest.
    """
    from analysis.claims.declaration import register

    named = {claim.notebook for claim in register().values()}
    given = {
        name: value for name in ("countries", "years") if (value := getattr(parameters, name, None))
    }
    specs = []
    for name, model in REGISTRY.items():
        present = (paths.NOTEBOOKS / f"{name}.ipynb").is_file()
        if name in named and present and not model.reads_evidence:
            values = {key: given[key] for key in given if key in model.model_fields}
            specs.append(plan(find_notebook(name), validate(name, values), shared))
    return specs


def evidence_folders(parameters: Parameters) -> list[Path]:
    """Folders of the runs whose evidence a run with ``parameters`` reads, on the present inputs."""
    return [spec.folder for spec in evidence_runs(parameters, current_inputs())]


def _evidence(parameters: Parameters, shared: Inputs) -> dict[str, dict[str, str]]:
    """Hashes of the evidence files by run; EvidenceMissing when a run is not there."""
    specs = evidence_runs(parameters, shared)
    missing = [spec for spec in specs if valid_record(spec.folder, spec.key) is None]
    if missing:
        commands = "\n".join(f"  {_command(spec)}" for spec in missing)
        raise EvidenceMissing(
            f"the evidence of {len(missing)} other runs is not there; make them with\n{commands}"
        )
    return {spec.name: hash_files(spec.folder / "evidence") for spec in specs}


def _command(spec: RunSpec) -> str:
    """The command line that makes ``spec``."""
    defaults = as_text(spec.name, validate(spec.name, {}).injectable())
    typed = as_text(spec.name, spec.parameters)
    options = [f"-p {key}={text}" for key, text in typed.items() if text != defaults[key]]
    files = [f"--data {shlex.quote(one['file'])}" for one in brought_files(spec.processed)]
    return " ".join(["compendium run", spec.name, *files, *options])


def changed_inputs(spec: RunSpec) -> list[str]:
    """Which of ``spec``'s inputs are no longer as they were when it was planned, sorted.

    Raises CompendiumError when an input cannot be read any more.
    """
    with paths.reading(spec.processed):
        notebook = read_notebook(spec.notebook.path)
        now = _inputs_of(notebook, current_inputs(), validate(spec.name, spec.parameters))
    return sorted(name for name in now if now[name] != spec.inputs[name])


def _check_replaceable(out: Path) -> None:
    """Refuse a result folder where something of the user's would be lost."""
    if not out.exists():
        return
    if not out.is_dir():
        raise UsageError(f"--out {out}: expected a folder, this is a file")
    if not any(out.iterdir()):
        return
    record = read_record(out)
    if record is None:
        raise UsageError(
            f"--out {out}: the folder is not empty and holds no run; give an empty or new folder"
        )
    files = (
        path.relative_to(out).as_posix()
        for path in out.rglob("*")
        if path.is_symlink() or not path.is_dir()
    )
    foreign = sorted(set(files) - set(record.outputs) - {RECORD})
    if foreign:
        raise UsageError(
            f"--out {out}: {foreign[0]} is not part of the run there and would be lost; "
            "move it away or give another folder"
        )


# --- what has been run -------------------------------------------------------------------------


@dataclass(frozen=True)
class RunRecord:
    """A finished run.

    inputs: hashes of the notebook's cells, the processed tables, the code and the lock.
    outputs: SHA-256 by path relative to the run's folder, the executed notebook included.
    brought: the user's files that were joined to the data: name, size, SHA-256, what was declared.
    timings: ``seconds`` in all and ``cells``, seconds per executed cell.
    started: UTC time, ISO 8601.
    """

    name: str
    title: str
    key: str
    status: str
    parameters: dict[str, Any]
    inputs: dict[str, Any]
    outputs: dict[str, str]
    versions: dict[str, str]
    seed: int | None
    timings: dict[str, Any]
    started: str
    brought: list[dict[str, Any]] = field(default_factory=list)


def new_record(spec: RunSpec, folder: Path, timings: dict[str, Any], started: str) -> RunRecord:
    """The record of ``spec``, whose results lie in ``folder``.

    What was found in a user's files, and what they changed, is put beside the results first.
    """
    brought = brought_files(spec.processed)
    if brought:
        shutil.copytree(spec.processed.parent / "report", folder / "data")
    return RunRecord(
        name=spec.name,
        title=spec.notebook.title,
        key=spec.key,
        status="complete",
        parameters=spec.parameters,
        inputs=spec.inputs,
        outputs=hash_files(folder, skip=[RECORD]),
        versions=_versions(),
        seed=spec.parameters.get("seed"),
        timings=timings,
        started=started,
        brought=brought,
    )


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as readable JSON, all or nothing."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_atomically(path, f"{text}\n".encode())


def read_json(path: Path) -> Any:
    """What a JSON file holds, or None when it is missing or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except (OSError, ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def write_record(folder: Path, record: RunRecord) -> None:
    """Write ``record.json`` into ``folder``."""
    write_json(folder / RECORD, asdict(record))


def read_record(folder: Path) -> RunRecord | None:
    """The record in ``folder``, or None when there is none that can be read."""
    content = read_json(folder / RECORD)
    names = {field.name for field in fields(RunRecord)}
    needed = names - {"brought"}  # records of runs without files of one's own may lack it
    if not isinstance(content, dict) or not needed <= set(content) <= names:
        return None
    if not all(isinstance(content[name], kind) for name, kind in _KINDS.items()):
        return None
    if not all(_is_inside(name) for name in content["outputs"]):
        return None
    return RunRecord(**content)


_KINDS: dict[str, type] = dict.fromkeys(("name", "title", "key", "status", "started"), str)
_KINDS |= dict.fromkeys(("parameters", "inputs", "outputs", "versions", "timings"), dict)


def _is_inside(name: str) -> bool:
    """Whether a path in a record stays in the run's folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def find_run(text: str) -> Path:
    """The folder of a finished, unaltered run, given as a folder, ``NOTEBOOK/KEY`` or ``KEY``.

    The beginning of a key is enough where no other begins so. Raises UsageError otherwise.
    """
    folder = Path(text)
    if not folder.is_dir():
        notebook, _, key = text.rpartition("/")
        if runs := _runs_of(text):
            raise UsageError(f"{text} is a notebook: say which of its runs, as {runs}")
        places = paths.RUNS / notebook if notebook else paths.RUNS
        found = places.glob(f"{'' if notebook else '*/'}{glob.escape(key)}*/{RECORD}")
        folders = sorted(path.parent for path in found)
        if len(folders) != 1:
            listed = ", ".join(f"{one.parent.name}/{one.name}" for one in folders[:10])
            several = f"several runs begin so: {listed}" if folders else "there is no such run"
            expected = f"give a folder, or NOTEBOOK/KEY or KEY in {paths.RUNS}"
            raise UsageError(f"{text}: {several}; {expected}")
        (folder,) = folders
    record = read_record(folder)
    if record is None:
        raise UsageError(f"{folder} is not a finished run: it has no readable {RECORD}")
    if valid_record(folder, record.key) is None:
        raise UsageError(f"{folder}: files of this run were altered since it ended; run it again")
    return folder


def _runs_of(notebook: str) -> str:
    """The ten newest runs of a notebook as one may type them, with when they were started."""
    folders = [path.parent for path in paths.RUNS.glob(f"{glob.escape(notebook)}/*/{RECORD}")]
    found = [(record.started, folder.name) for folder in folders if (record := read_record(folder))]
    newest = sorted(found, reverse=True)[:10]
    return ", ".join(f"{notebook}/{key} ({started[:16]})" for started, key in newest)


def valid_record(folder: Path, key: str) -> RunRecord | None:
    """The record of the finished run ``key`` in ``folder`` if every output is as it was written."""
    record = read_record(folder)
    if record is None or record.key != key or record.status != "complete":
        return None
    if _key(record.inputs, record.parameters) != key or "notebook.ipynb" not in record.outputs:
        return None
    intact = all(
        (folder / name).is_file() and hash_file(folder / name) == digest
        for name, digest in record.outputs.items()
    )
    return record if intact else None
