"""What runs depend on, watched for changes while they are under way."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import analysis
from analysis import CompendiumError, paths
from analysis.runs.parameters import model_of
from analysis.runs.record import RunSpec, changed_inputs


class WatchedInputs:
    """What the runs of one driver depend on.

    Hashing it all after each of a thousand runs would take longer than running them: it is hashed
    after the first, and again only when size, times or inode of a file have changed.
    """

    def __init__(self) -> None:
        self._verified: tuple[Any, ...] = ()

    def changed(self, spec: RunSpec) -> str:
        """Why the results cannot be tied to the planned inputs; nothing when they can."""
        try:
            seen = (spec.inputs, spec.notebook.path, _states(spec))
            changed = [] if seen == self._verified else changed_inputs(spec)
        except CompendiumError as error:
            return str(error)
        if changed:
            return f"the {' and '.join(changed)} changed while it ran; run it again"
        self._verified = () if model_of(spec.name).reads_evidence else seen
        return ""


def _states(spec: RunSpec) -> list[tuple[Any, ...]]:
    """Path, inode, size and times of every file the run depends on but the evidence of others."""
    folders = [Path(analysis.__file__).parent, spec.processed]
    for name in model_of(spec.name).reads:  # the raw data lie beside the tables built from them
        raw = name == "data/raw"
        folders.append(spec.processed.parent / "raw" if raw else paths.ROOT / name)
    found: list[tuple[Any, ...]] = []
    for path in (spec.notebook.path, paths.ROOT / "requirements.lock", *folders):
        _add_states(path, found)
    return found


def _add_states(path: Path, found: list[tuple[Any, ...]]) -> None:
    with suppress(FileNotFoundError):
        state = path.stat()
        found.append((str(path), state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns))
        if path.is_dir() and path.name != "__pycache__":
            for inside in sorted(path.iterdir()):
                _add_states(inside, found)
