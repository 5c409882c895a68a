"""A temporary project in place of the real one."""

from collections.abc import Callable
from pathlib import Path

import pytest
import synthetic_project
from synthetic_project import Planner

from analysis import panel, paths
from analysis.runs import record, reproduce
from analysis.runs.notebooks import find_notebook
from analysis.runs.parameters import REGISTRY, validate
from analysis.runs.record import RunSpec, current_inputs, plan


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """``project(name=[cells], …)`` writes a project, registers its notebooks, builds its data."""
    root = tmp_path / "a project"
    real = paths.ROOT
    for name in ("RAW", "PROCESSED", "NOTEBOOKS", "FIGURES", "RUNS", "REPORTS"):
        monkeypatch.setattr(paths, name, root / getattr(paths, name).relative_to(real))
    monkeypatch.setattr(paths, "ROOT", root)
    monkeypatch.setattr(panel, "build", synthetic_project.build)
    monkeypatch.setattr(record, "code_hash", synthetic_project.code_hash)
    monkeypatch.setattr(reproduce, "code_hash", synthetic_project.code_hash)

    def make(**notebooks: list[str]) -> Path:
        synthetic_project.write_project(root, notebooks)
        for name in list(REGISTRY):
            monkeypatch.delitem(REGISTRY, name)
        for name, model in synthetic_project.register(list(notebooks)).items():
            monkeypatch.setitem(REGISTRY, name, model)
        synthetic_project.build()
        return root

    return make


@pytest.fixture
def planned() -> Planner:
    """``planned(name, out=…, cell_timeout=…, parameter=value, …)`` plans a run of the project."""

    def make(
        name: str, *, out: Path | None = None, cell_timeout: int = 60, **values: object
    ) -> RunSpec:
        return plan(
            find_notebook(name),
            validate(name, values),
            current_inputs(),
            out=out,
            cell_timeout=cell_timeout,
        )

    return make
