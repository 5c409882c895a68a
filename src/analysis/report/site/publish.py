"""Writing a folder of generated files: only what changed, and nothing of an earlier one left."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.atomic import write_atomically

MANIFEST = "site.json"
#: What a file is made of: its bytes, or the file to copy.
FileContent = bytes | Path


def is_current(folder: Path, inputs: str) -> bool:
    """Whether ``folder`` holds, unaltered, what was last published from the same ``inputs``."""
    before = _manifest(folder)
    return before["inputs"] == inputs and all(
        (folder / name).is_file() and _sha256((folder / name).read_bytes()) == digest
        for name, digest in before["files"].items()
    )


def publish(site: Mapping[str, FileContent], inputs: str, folder: Path) -> None:
    """Make ``folder`` hold ``site``: path → content.

    Files that are equal already are not touched, the first page comes last, and files of an earlier
    site that are no longer made are removed; files of others are left alone.
    """
    before, digests = _manifest(folder)["files"], {}
    for name in sorted(site, key=lambda n: (n == "index.html", n)):
        content = site[name]
        data = content.read_bytes() if isinstance(content, Path) else content
        digests[name] = _sha256(data)
        path = folder / name
        if not path.is_file() or path.read_bytes() != data:
            write_atomically(path, data)
    for name in sorted(set(before) - set(site)):
        _remove(folder / name, folder)
    manifest = {"inputs": inputs, "files": dict(sorted(digests.items()))}
    write_atomically(folder / MANIFEST, json.dumps(manifest, indent=1).encode())


def _remove(stale: Path, folder: Path) -> None:
    """Remove a file of the site and the folders it leaves empty; never outside ``folder``."""
    if folder.resolve() not in stale.resolve().parents:
        return
    stale.unlink(missing_ok=True)
    for parent in stale.parents:
        if parent == folder or not parent.is_dir() or any(parent.iterdir()):
            return
        parent.rmdir()


def _manifest(folder: Path) -> dict[str, Any]:
    """What was last published: the digest of its inputs and the SHA-256 of each file."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return {"inputs": str(found["inputs"]), "files": dict(found["files"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {"inputs": "", "files": {}}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
