"""A small synthetic project: notebooks of a few cells, one data table, an own registry.

Run as a script it is the real command line on that registry::

    COMPENDIUM_ROOT=<project> python tests/runs/synthetic_project.py reproduce

The tables, the report and the hash of the code (which somebody may be editing while the tests run)
are stand-ins written here; everything between them is the real code.
"""

import hashlib
import json
import sys
import types
from collections.abc import Callable
from pathlib import Path

from pydantic import Field

from analysis import cli, panel, paths
from analysis.panel import BuildSummary
from analysis.runs import parameters, record, reproduce
from analysis.runs.parameters import Countries, Parameters, Seed, Years
from analysis.runs.record import RunSpec

Planner = Callable[..., RunSpec]


class Tiny(Parameters):
    """A synthetic question."""

    countries: Countries = Field(default=[])
    years: Years = Field(default=[2000, 2005])
    seed: Seed = 1


TINY_CELL = "countries = []\nyears = [2000, 2005]\nseed = 1"

#: What a cell needs to write a table and a figure of its own.
WRITE = """
import os
from pathlib import Path
folder = Path(os.environ["COMPENDIUM_RUN_DIR"])
(folder / "tables").mkdir(exist_ok=True)
(folder / "figures").mkdir(exist_ok=True)
(folder / "tables" / "years.csv").write_text(f"first,last,seed\\n{years[0]},{years[1]},{seed}\\n")
(folder / "figures" / "plot.svg").write_text(f"<svg><!-- {years} {countries} --></svg>")
"""


def write_notebook(root: Path, name: str, cells: list[str]) -> Path:
    """A notebook with a heading, the parameters cell of ``Tiny`` and further code ``cells``."""
    heading = {"cell_type": "markdown", "metadata": {}, "source": f"# Question {name}"}
    tags = {"tags": ["parameters"]}
    code = [
        {
            "cell_type": "code",
            "metadata": metadata,
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for metadata, source in [(tags, TINY_CELL), *(({}, cell) for cell in cells)]
    ]
    content = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [heading, *code]}
    path = root / "notebooks" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def build(force: bool = False) -> BuildSummary:
    """Stand-in for the panel's build: one table and its manifest."""
    paths.PROCESSED.mkdir(parents=True, exist_ok=True)
    table = paths.PROCESSED / "regions.csv"
    built = force or not table.exists()
    if built:
        table.write_text("geo,year\nFR10,2000\n")
    files = {table.name: hashlib.sha256(table.read_bytes()).hexdigest()}
    manifest = {"key": "synthetic", "files": files}
    (paths.PROCESSED / "build.json").write_text(json.dumps(manifest))
    return BuildSummary(paths.PROCESSED, {"regions": 1}, built)


def code_hash() -> str:
    """Stand-in for the hash of the package's files."""
    return hashlib.sha256(b"synthetic").hexdigest()


def build_site(run_dirs: list[Path], target: Path) -> Path:
    """Stand-in for the report: a page that names the runs."""
    target.mkdir(parents=True, exist_ok=True)
    index = target / "index.html"
    index.write_text("\n".join(["<ul>", *(f"<li>{path.parent.name}" for path in run_dirs)]))
    return index


def write_project(root: Path, notebooks: dict[str, list[str]]) -> Path:
    """A project folder with the given notebooks (name → cells after the parameters)."""
    for name, cells in notebooks.items():
        write_notebook(root, name, cells)
    root.joinpath("requirements.lock").write_text("synthetic==1.0\n")
    return root


def register(names: list[str]) -> dict[str, type[Parameters]]:
    return dict.fromkeys(sorted(names), Tiny)


def main() -> None:
    names = [path.stem for path in paths.NOTEBOOKS.glob("*.ipynb")]
    parameters.REGISTRY.clear()
    parameters.REGISTRY.update(register(names))
    panel.build = build
    record.code_hash = reproduce.code_hash = code_hash
    site = types.ModuleType("analysis.report.site")
    site.build_site = build_site
    sys.modules["analysis.report.site"] = site
    cli.main()


if __name__ == "__main__":
    main()
