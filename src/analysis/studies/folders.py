"""Where studies are. Nothing heavy is imported, as the command line asks before it starts."""

from collections.abc import Sequence
from pathlib import Path

from analysis import paths
from analysis.studies.errors import StudyError

STUDY_FILE, PUBLISHED_FILE = "study.yaml", "published.csv"


def studies_folder() -> Path:
    """Where the studies of the project are."""
    return paths.ROOT / "studies"


def find_studies(asked: Sequence[str]) -> list[Path]:
    """Folders of studies given by id or path, all studies when none is; sorted by name.

    Raises
    ------
    StudyError
        If there is no such study; the message lists those that are.
    """
    home = studies_folder()
    present = sorted(path.parent for path in home.glob(f"*/{STUDY_FILE}"))
    if not asked:
        return present
    found = []
    for name in asked:
        folder = home / name if (home / name / STUDY_FILE).is_file() else Path(name)
        if folder.name == STUDY_FILE:
            folder = folder.parent
        if not (folder / STUDY_FILE).is_file():
            listed = ", ".join(path.name for path in present) or "none"
            raise StudyError(
                f"no study {name!r} in {home} and no folder of that name with a "
                f"{STUDY_FILE}; the studies are {listed}"
            )
        found.append(folder)
    return sorted(dict.fromkeys(found), key=lambda path: (path.name, str(path)))
