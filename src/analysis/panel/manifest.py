"""What a folder of built tables says of itself: ``build.json``, and whether it is still true."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

#: Beside the tables of a copy of the data that a user's files have been joined to: which files,
#: and the columns they add.
OWN = "own.json"


def write_manifest(
    folder: Path, key: str, rows: Mapping[str, int], years: Sequence[int] = ()
) -> None:
    """Write build.json: what was built, the years it covers, the hash of every file of ``folder``.

    years: first and last year of the panel.
    """
    files = {path.name: _sha256(path) for path in sorted(folder.iterdir())}
    content = {"key": key, "rows": dict(rows), "years": list(years), "files": files}
    text = json.dumps(content, indent=1, sort_keys=True)
    (folder / "build.json").write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict | None:
    """The content of build.json, or None where there is no readable build."""
    try:
        return json.loads((folder / "build.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def brought_files(folder: Path) -> list[dict[str, Any]]:
    """The user's files joined to the tables in ``folder``; none for the project's own."""
    path = folder / OWN
    own = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"files": []}
    return [{**one, "rules": own["rules"]} for one in own["files"]]


def changed_tables(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Which of ``files`` (name → SHA-256 when written) are gone or have other bytes, sorted."""
    return [
        name
        for name, digest in sorted(files.items())
        if not (folder / name).is_file() or _sha256(folder / name) != digest
    ]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
