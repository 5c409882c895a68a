"""Notebooks of one's own: made from a template, found beside the others, run like them."""

import copy
import json
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import create_model

from analysis import CompendiumError, paths
from analysis.runs.parameters import REGISTRY, OwnQuestion, Parameters, UsageError

TEMPLATE = Path(__file__).with_name("own_question.ipynb")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_TITLE_LENGTH = 200


def names() -> list[str]:
    """Notebooks in ``notebooks/`` that are not the compendium's, sorted."""
    found = (path.stem for path in paths.NOTEBOOKS.glob("*.ipynb"))
    return sorted(name for name in found if name not in REGISTRY and _NAME.fullmatch(name))


def model_of(name: str) -> type[Parameters]:
    """The model of an own notebook: ``OwnQuestion``, with the defaults its cell declares.

    Raises CompendiumError when the cell declares something else.
    """
    from analysis.runs.notebooks import declared_parameters, read_notebook

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


def new_notebook(name: str, title: str = "", defaults: Mapping[str, Any] | None = None) -> Path:
    """Write ``notebooks/<name>.ipynb`` from the template; nothing there is ever replaced.

    title: its heading, in one line. defaults: values for the cell tagged ``parameters``, checked
    when the notebook is run.

    Raises UsageError for a name that is taken or is no name, and for a title of several lines.
    """
    _require_name(name)
    heading = title or name.replace("_", " ")
    if len(heading) > _TITLE_LENGTH or not heading.isprintable():
        raise UsageError(f"--title: expected one line of at most {_TITLE_LENGTH} characters")
    content = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    fill = {"NAME": name, "TITLE": heading}
    for cell in content["cells"]:
        text = "".join(cell["source"])
        for word, value in fill.items():
            text = text.replace(f"«{word}»", value)
        if "parameters" in cell["metadata"].get("tags", []):
            text = _with_defaults(text, defaults or {})
        cell["source"] = text.splitlines(keepends=True)
    path = paths.NOTEBOOKS / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    _create(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    return path


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a notebook: use letters without accents, digits, "
            "'_' and '-', beginning with a letter or digit, at most 64"
        )
    taken = {*REGISTRY, *(path.stem for path in paths.NOTEBOOKS.glob("*.ipynb"))}
    if name.lower() in {one.lower() for one in taken}:
        raise UsageError(f"there is a notebook {name!r} already; give another name")


def _with_defaults(text: str, defaults: Mapping[str, Any]) -> str:
    """The cell of parameters with other values, written as Python writes them."""
    lines = []
    for line in text.splitlines():
        field = line.partition(" = ")[0]
        lines.append(f"{field} = {_literal(defaults[field])}" if field in defaults else line)
    return "\n".join(lines)


def _literal(value: Any) -> str:
    """A literal in the manner of the notebooks, with double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return repr(value)


def _create(path: Path, text: str) -> None:
    """Write a file that must not be there yet, all at once."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    try:
        os.link(temporary, path)  # unlike a rename, refuses to replace what has come in between
    except FileExistsError:
        raise UsageError(f"there is a notebook {path.stem!r} already; give another name") from None
    finally:
        temporary.unlink()
