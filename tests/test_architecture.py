"""The rooms import in one direction, and notebooks stay papers."""

import ast
from pathlib import Path

import nbformat
import pytest

from analysis import paths
from analysis.runs.parameters import REGISTRY

PACKAGE = paths.ROOT / "src" / "analysis"
ROOMS = (
    *("sources", "panel", "intake", "indicators", "models", "robustness", "claims"),
    *("studies", "report", "runs", "cli"),
)
NOTEBOOKS = [paths.NOTEBOOKS / f"{name}.ipynb" for name in REGISTRY]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    """Rooms a module imports, wherever in it, including imports by name as text."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value] if node.value.startswith("analysis.") else []
        found |= {name.split(".")[1] for name in names if name.startswith("analysis.")}
    return found & set(ROOMS)


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_no_room_imports_from_its_right(path):
    room = room_of(path)
    if room not in ROOMS:
        assert not imported_rooms(path), f"{path.name} belongs to no room and may import none"
        return
    to_the_right = ROOMS[ROOMS.index(room) + 1 :]
    assert not imported_rooms(path) & set(to_the_right)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_defines_nothing_and_carries_no_output(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        assert not cell.outputs and cell.execution_count is None, cell.id
        definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        nodes = ast.walk(ast.parse(cell.source))
        assert not any(isinstance(node, definitions) for node in nodes), cell.id


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_answers_before_it_argues(path):
    notebook = nbformat.read(path, as_version=4)
    tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])]
    assert tags.count("parameters") == 1
    assert tags.count("answer") == 1
