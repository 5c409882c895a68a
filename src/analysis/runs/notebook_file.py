"""A notebook's file: its cells, what its key counts, the cell that declares parameters.

A notebook file is plain JSON (nbformat 4); it is read as such because importing a notebook library
takes longer than everything else on the path of a reproduction that has nothing to do.
"""

import ast
import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis import CompendiumError

PARAMETERS_TAG = "parameters"
#: A notebook without outputs is far smaller; a larger file is not read at all.
LARGEST_NOTEBOOK = 50_000_000
_KINDS = ("code", "markdown", "raw")
#: As many characters of a wrong line are shown.
_SHOWN = 200


@dataclass(frozen=True)
class Cell:
    """A cell as the author wrote it: ``number`` counts all cells from 1."""

    number: int
    kind: str
    source: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Notebook:
    """A notebook's file and cells; outputs and metadata other than tags play no part."""

    path: Path
    cells: tuple[Cell, ...]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def title(self) -> str:
        """The first Markdown heading, or the file's name."""
        lines = (
            line
            for cell in self.cells
            if cell.kind == "markdown"
            for line in cell.source.splitlines()
        )
        return next((line.lstrip("# ").strip() for line in lines if line[:1] == "#"), self.name)

    def source_hash(self) -> str:
        """SHA-256 of the cells' kinds, sources and tags."""
        content = [[cell.kind, cell.source, list(cell.tags)] for cell in self.cells]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def read_notebook(path: Path) -> Notebook:
    """Read a notebook file; CompendiumError when it is missing or is no nbformat 4 notebook."""
    try:
        size = path.stat().st_size
        if size > LARGEST_NOTEBOOK:
            raise CompendiumError(
                f"{path} has {size / 1e6:.0f} MB; a notebook may have {LARGEST_NOTEBOOK // 10**6}: "
                "clear its outputs"
            )
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CompendiumError(f"the notebook {path} is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise CompendiumError(f"{path} is not a readable notebook: {error}") from None
    if not isinstance(content, dict) or content.get("nbformat") != 4:
        raise CompendiumError(f"{path}: expected a notebook in format 4 (nbformat: 4)")
    _require_python(path, content.get("metadata"))
    cells = content.get("cells", [])
    if not isinstance(cells, list):
        raise CompendiumError(f"{path}: expected a list of cells")
    return Notebook(path, tuple(_cell(path, number, cell) for number, cell in enumerate(cells, 1)))


def _require_python(path: Path, metadata: Any) -> None:
    """Refuse a notebook in another language; the kernel is this interpreter whatever it names."""
    said = metadata if isinstance(metadata, dict) else {}
    for place, key in (("kernelspec", "language"), ("language_info", "name")):
        entry = said.get(place)
        language = entry.get(key) if isinstance(entry, dict) else None
        if language is not None and str(language).lower() not in ("python", "ipython"):
            raise CompendiumError(
                f"{path}: metadata.{place}.{key} is {str(language)[:40]!r}; only notebooks in "
                "Python can be run"
            )


def _cell(path: Path, number: int, cell: Any) -> Cell:
    """A cell as its file has it; CompendiumError where it is no cell of format 4."""
    try:
        source = cell["source"]
        text = source if isinstance(source, str) else "".join(source)
        tags = cell.get("metadata", {}).get("tags", [])
        kind = str(cell["cell_type"])
        if kind not in _KINDS:  # it would be left out without a word
            raise TypeError(f"its type is {kind[:40]!r}")
        return Cell(number, kind, text, tuple(sorted(map(str, tags))))
    except (KeyError, TypeError, AttributeError) as error:
        raise CompendiumError(f"{path}: cell {number} is not a cell of format 4: {error}") from None


def declared_parameters(notebook: Notebook) -> dict[str, Any]:
    """Names and values assigned in the cell tagged ``parameters``, without running it.

    Raises CompendiumError unless there is exactly one such cell, made of plain assignments of
    literals to distinct names.
    """
    tagged = [cell for cell in notebook.cells if PARAMETERS_TAG in cell.tags]
    if len(tagged) != 1 or tagged[0].kind != "code":
        raise CompendiumError(
            f"{notebook.path}: expected one code cell tagged {PARAMETERS_TAG!r}, "
            f"found {len(tagged)} cells with that tag"
        )
    cell = tagged[0]
    place = f"{notebook.path}: cell {cell.number}"
    try:
        statements = ast.parse(cell.source).body
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise CompendiumError(f"{place}{line}: {error.msg}") from None
    except (MemoryError, RecursionError):
        raise CompendiumError(f"{place} is nested too deep to be read") from None
    values: dict[str, Any] = {}
    lines = cell.source.split("\n")
    for statement in statements:
        name, value = _literal_assignment(statement, lines, place)
        if name in values:
            raise CompendiumError(f"{place}, line {statement.lineno}: {name} is assigned twice")
        values[name] = value
    return values


def _literal_assignment(statement: ast.stmt, lines: list[str], place: str) -> tuple[str, Any]:
    if isinstance(statement, ast.Assign):
        target = statement.targets[0]
        if len(statement.targets) == 1 and isinstance(target, ast.Name):
            with suppress(ValueError, TypeError, RecursionError):
                value = ast.literal_eval(statement.value)
                if _is_plain(value):
                    return target.id, value
    found = lines[statement.lineno - 1].strip()
    shown = found if len(found) <= _SHOWN else f"{found[:_SHOWN]}…"
    raise CompendiumError(
        f"{place}, line {statement.lineno}: expected `name = literal`, found `{shown}`"
    )


def _is_plain(value: Any) -> bool:
    """Whether a value is text, a number, true or false, or a list of such."""
    items = value if isinstance(value, list) else [value]
    return all(isinstance(item, str | int | float) for item in items)
