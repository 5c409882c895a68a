"""The question of one's own in the README can be asked as it stands there."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from analysis import paths

EXAMPLE = re.compile(r"^\$ \.venv/bin/compendium (run .+)$", re.M)


def test_the_example_of_the_readme_runs(reproduced: Path, tmp_path: Path) -> None:
    (example,) = EXAMPLE.findall((paths.ROOT / "README.md").read_text(encoding="utf-8"))[:1]
    out = tmp_path / "results"
    done = subprocess.run(
        [sys.executable, "-m", "analysis.cli", *shlex.split(example), "--out", str(out)],
        env=os.environ | {"COMPENDIUM_ROOT": str(reproduced)},
        cwd=tmp_path,
        text=True,
        capture_output=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((out / "record.json").read_text(encoding="utf-8"))
    assert record["status"] == "complete"
    assert {"countries": ["DE", "FR", "IT"], "years": [2000, 2012]}.items() <= {
        name: sorted(value) if name == "countries" else value
        for name, value in record["parameters"].items()
    }.items()
    assert list((out / "figures").glob("*.png")) and (out / "sentences.json").is_file()
