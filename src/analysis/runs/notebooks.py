"""Notebooks by name, each held to the model of its parameters."""

from pathlib import Path

from analysis import CompendiumError, paths
from analysis.runs.notebook_file import (
    PARAMETERS_TAG,
    Notebook,
    declared_parameters,
    read_notebook,
)
from analysis.runs.parameters import model_of, validate


def notebook_name(name: str) -> str:
    """The registered name meant by ``name``, which may end in ``.ipynb`` or begin with a folder.

    Raises ParameterError when there is no such notebook.
    """
    stem = Path(name).name.removesuffix(".ipynb")
    model_of(stem)
    return stem


def find_notebook(name: str) -> Notebook:
    """Read the notebook meant by ``name``.

    Raises ParameterError for an unknown name and CompendiumError for a missing or broken file.
    """
    return read_notebook(paths.NOTEBOOKS / f"{notebook_name(name)}.ipynb")


def check_declaration(notebook: Notebook) -> None:
    """Hold the notebook's ``parameters`` cell to its model: same names, same defaults.

    Raises CompendiumError naming every difference.
    """
    declared = declared_parameters(notebook)
    expected = validate(notebook.name, {}).injectable()
    problems = [f"{name} is missing" for name in expected if name not in declared]
    problems += [f"{name} is not in the model" for name in declared if name not in expected]
    problems += [
        f"{name} = {declared[name]!r}, the model says {value!r}"
        for name, value in expected.items()
        if name in declared and repr(declared[name]) != repr(value)
    ]
    if problems:
        model = model_of(notebook.name).__name__
        raise CompendiumError(
            f"{notebook.path}: the cell tagged {PARAMETERS_TAG!r} and the model {model} in "
            f"analysis/runs/parameters/models.py disagree: {'; '.join(problems)}"
        )
