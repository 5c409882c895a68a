"""Parameters of notebooks of one's own: those of the template, with the defaults of their cells."""

import copy
import json
import re
from functools import lru_cache
from typing import Any

from pydantic import create_model

from analysis import CompendiumError, paths
from analysis.runs.notebook_file import declared_parameters, read_notebook
from analysis.runs.parameters.models import REGISTRY, OwnQuestion, Parameters

#: What the name of a notebook may be.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def own_notebooks() -> list[str]:
    """Notebooks in ``notebooks/`` that are not the compendium's, sorted."""
    found = (path.stem for path in paths.NOTEBOOKS.glob("*.ipynb"))
    return sorted(name for name in found if name not in REGISTRY and NAME.fullmatch(name))


def own_model(name: str) -> type[Parameters]:
    """The model of an own notebook: ``OwnQuestion``, with the defaults its cell declares.

    Raises CompendiumError when the cell declares something else.
    """
    path = paths.NOTEBOOKS / f"{name}.ipynb"
    declared = declared_parameters(read_notebook(path))
    known = OwnQuestion.model_fields
    unknown = sorted(set(declared) - set(known))
    missing = [field for field in known if field not in declared]
    if unknown or missing:
        problems = [f"{field} is unknown" for field in unknown]
        problems += [f"{field} is missing" for field in missing]
        raise CompendiumError(
            f"{path}: the cell tagged 'parameters' must set {', '.join(known)}: "
            f"{'; '.join(problems)}"
        )
    return _with_own_defaults(json.dumps(declared))


@lru_cache
def _with_own_defaults(declared: str) -> type[Parameters]:
    """``OwnQuestion`` with these defaults (JSON); a sweep asks for it thousands of times."""
    defaults = json.loads(declared)
    fields: dict[str, Any] = {}
    for field, info in OwnQuestion.model_fields.items():
        info = copy.copy(info)
        info.default = defaults[field]
        fields[field] = (info.annotation, info)
    return create_model("OwnQuestion", __base__=OwnQuestion, __doc__=OwnQuestion.__doc__, **fields)
