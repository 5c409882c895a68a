"""The files a new study begins with."""

import re
import shutil
from pathlib import Path

from analysis.studies.errors import StudyError
from analysis.studies.folders import PUBLISHED_FILE, STUDY_FILE
from analysis.studies.published import COLUMNS

TEMPLATE_FILE = Path(__file__).with_name("template.yaml")


def new_study(identifier: str, home: Path) -> Path:
    """Write ``home/identifier`` with a commented study.yaml and an empty published.csv.

    Raises
    ------
    StudyError
        If the name will not do or is taken; nothing is changed then.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_]*", identifier):
        raise StudyError(
            f"{identifier!r}: a study is named with small letters, digits and underscores, as in "
            "smith2020_clusters"
        )
    folder = home / identifier
    if folder.exists():
        raise StudyError(f"{folder} exists already")
    home.mkdir(parents=True, exist_ok=True)
    unfinished = home / f".{identifier}.tmp"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    template = TEMPLATE_FILE.read_text(encoding="utf-8")
    (unfinished / STUDY_FILE).write_text(template.replace("STUDY_ID", identifier), encoding="utf-8")
    (unfinished / PUBLISHED_FILE).write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    unfinished.rename(folder)
    return folder
