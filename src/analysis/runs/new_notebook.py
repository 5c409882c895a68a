"""A notebook of one's own, made from the template: found beside the others, run like them."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.runs.parameters import REGISTRY, UsageError
from analysis.runs.parameters.own import NAME

TEMPLATE = Path(__file__).with_name("own_question.ipynb")
_TITLE_LENGTH = 200


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
    if not NAME.fullmatch(name):
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
