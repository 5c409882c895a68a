"""Notebooks as sources: reading, hashing, the cell that declares parameters."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_project import TINY_CELL, write_notebook

from analysis import CompendiumError, paths
from analysis.runs.notebook_file import declared_parameters, read_notebook
from analysis.runs.notebooks import check_declaration, find_notebook
from analysis.runs.parameters import REGISTRY, ParameterError


def test_every_model_has_a_notebook_and_every_numbered_notebook_a_model() -> None:
    """Notebooks of one's own may lie beside them: they bring their model along."""
    here = {path.stem for path in paths.NOTEBOOKS.glob("*.ipynb")}
    assert set(REGISTRY) <= here
    assert not [name for name in here - set(REGISTRY) if re.match(r"[0-9]{2}_", name)]


@pytest.mark.parametrize("name", REGISTRY)
def test_each_notebook_declares_what_its_model_says(name: str) -> None:
    check_declaration(find_notebook(name))


def edited(path: Path, change: Callable[[dict], None]) -> str:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return read_notebook(path).source_hash()


def test_only_cells_and_tags_count(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, "a", ["x = 1"])
    before = read_notebook(path).source_hash()

    def outputs(content: dict) -> None:
        content["metadata"]["kernelspec"] = {"name": "other"}
        content["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
        content["cells"][2]["execution_count"] = 9
        content["cells"][2]["source"] = ["x =", " 1"]

    assert edited(path, outputs) == before
    assert edited(path, lambda content: content["cells"][2].update(source="x = 2")) != before

    def tag(content: dict) -> None:
        content["cells"][2].update(source="x = 1", metadata={"tags": ["hide"]})

    assert edited(path, tag) != before


def test_title_is_the_first_heading(tmp_path: Path) -> None:
    assert read_notebook(write_notebook(tmp_path, "a", [])).title == "Question a"


def test_parameters_are_read_without_running_them(tmp_path: Path) -> None:
    notebook = read_notebook(write_notebook(tmp_path, "a", []))
    assert declared_parameters(notebook) == {"countries": [], "years": [2000, 2005], "seed": 1}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("years = range(3)", r"cell 2, line 1: expected `name = literal`, found `years = range"),
        ("import os", "line 1: expected `name = literal`"),
        ("a = b = 1", "expected `name = literal`"),
        ("seed = 1\nseed = 2", "line 2: seed is assigned twice"),
        ("seed =", "line 1: invalid syntax"),
    ],
)
def test_other_code_among_the_parameters_is_refused(
    tmp_path: Path, source: str, expected: str
) -> None:
    path = write_notebook(tmp_path, "a", [])
    edited(path, lambda content: content["cells"][1].update(source=source))
    with pytest.raises(CompendiumError, match=expected):
        declared_parameters(read_notebook(path))


def test_one_parameters_cell_is_needed(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, "a", ["x = 1"])
    edited(path, lambda content: content["cells"][1].update(metadata={}))
    with pytest.raises(CompendiumError, match="found 0 cells"):
        declared_parameters(read_notebook(path))


def test_a_cell_that_disagrees_with_the_model_is_refused(project: Callable[..., Path]) -> None:
    root = project(a=[])
    wrong = TINY_CELL.replace("seed = 1", "seed = 1.0\nsede = 2").replace("countries = []\n", "")
    edited(root / "notebooks/a.ipynb", lambda content: content["cells"][1].update(source=wrong))
    with pytest.raises(CompendiumError) as caught:
        check_declaration(find_notebook("a"))
    for problem in ("countries is missing", "sede is not in the model", "the model says 1"):
        assert problem in str(caught.value)


def test_names_may_be_paths_and_unknown_ones_are_refused(project: Callable[..., Path]) -> None:
    root = project(alpha=[], beta=[])
    assert find_notebook("notebooks/alpha.ipynb").path == root / "notebooks/alpha.ipynb"
    with pytest.raises(ParameterError, match="did you mean 'alpha'"):
        find_notebook("alhpa")
    (root / "notebooks/beta.ipynb").unlink()
    with pytest.raises(CompendiumError, match="is missing"):
        find_notebook("beta")


@pytest.mark.parametrize("content", ["", "[]", '{"nbformat": 3}'])
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_text(content)
    with pytest.raises(CompendiumError, match=r"broken\.ipynb"):
        read_notebook(path)
