"""A copy of the project in which nothing has been computed, and its main job."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from analysis import paths

SETTINGS = {
    "first": {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
    "second": {"PYTHONHASHSEED": "2", "TZ": "America/Lima", "LC_ALL": "C"},
}


def project(folder: Path) -> Path:
    """A project with the carried data and notebooks, and nothing computed."""
    shutil.copytree(paths.RAW, folder / "data" / "raw")
    shutil.copytree(paths.NOTEBOOKS, folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    shutil.copytree(paths.ROOT / "studies", folder / "studies")
    shutil.copy(paths.ROOT / "requirements.lock", folder)
    return folder


def reproduce(root: Path, settings: dict[str, str], *options: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "analysis.cli", "reproduce", *options],
        env=os.environ | {"COMPENDIUM_ROOT": str(root)} | settings,
        cwd=root.parent,
        text=True,
        capture_output=True,
        timeout=1800,
    )
