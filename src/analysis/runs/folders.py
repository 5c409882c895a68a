"""The folders of runs that are under way, finished or failed.

A run works in ``<folder>.tmp-<host>-<pid>``, which is renamed to ``<folder>`` when it is whole.
"""

import errno
import os
import platform
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from analysis import paths
from analysis.runs.record import KEY_LENGTH, RunSpec

_LEFT_BEHIND = re.compile(r"(?P<stem>.*)\.(?:tmp|old)-(?P<host>.+)-(?P<pid>\d+)")


def work_folder(spec: RunSpec) -> Path:
    """Where this process works on ``spec``."""
    return _own(spec.folder, "tmp")


def failed_folder(spec: RunSpec) -> Path:
    """Where what there is of ``spec`` is kept when it does not get to its end."""
    return paths.RUNS / spec.name / "failed" / spec.key[:KEY_LENGTH]


def put_in_place(work: Path, folder: Path) -> None:
    """Rename a finished work folder; what stood there before goes aside first, then away."""
    aside = _own(folder, "old")
    while work.exists():
        with suppress(FileNotFoundError):
            folder.rename(aside)
        try:
            work.rename(folder)
        except OSError as error:  # another process has put the same run there in between
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _own(folder: Path, kind: str) -> Path:
    return folder.with_name(f"{folder.name}.{kind}-{platform.node()}-{os.getpid()}")


def clear_stale(specs: Sequence[RunSpec]) -> None:
    """Remove work folders that processes of this machine left behind when they were killed.

    Beside a run in ``runs/<name>`` those of every key go; beside a folder the user chose, only
    its own.
    """
    stems: dict[Path, set[str]] = {}
    for spec in specs:
        parent = spec.folder.parent
        ours = parent == (paths.RUNS / spec.name).absolute()
        stems.setdefault(parent, set()).add("" if ours else spec.folder.name)
    for parent, wanted in stems.items():
        for folder in sorted(parent.iterdir()) if parent.is_dir() else []:
            match = _LEFT_BEHIND.fullmatch(folder.name)
            if match and wanted & {"", match["stem"]} and not _in_use(match["host"], match["pid"]):
                shutil.rmtree(folder, ignore_errors=True)


def _in_use(host: str, pid: str) -> bool:
    """Whether a work folder may belong to a process that is still there, other than this one."""
    return host != platform.node() or (int(pid) != os.getpid() and _is_alive(int(pid)))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
