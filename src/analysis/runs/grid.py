"""Grids of parameters: what a sweep runs, checked whole before anything starts.

On the command line an axis is ``name=value,value,…``, a run per value. A value of a parameter that
holds a list joins its items with ``+``: ``countries=FR+DE,IT`` is two runs, one of France and
Germany together and one of Italy; ``countries=,FR`` is one of all countries and one of France.
A file has either a mapping of names to lists of values (YAML or JSON), of which all combinations
are run, or a table with a column per parameter and a row per run (CSV), in which an empty cell
leaves the default.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, get_origin

from analysis.runs.parameters import (
    ParameterError,
    Parameters,
    UsageError,
    as_text,
    model_of,
    read_values,
    validate,
)
from analysis.runs.parameters.given import limited_text, require_plain_text

#: More combinations than this are refused before they are written out.
MOST_RUNS = 20_000
_LARGEST_FILE = 5_000_000
#: Problems named one by one.
_SHOWN = 20
Values = dict[str, Any]


@dataclass(frozen=True)
class Grid:
    """Values held fixed, axes of which all combinations are meant, and rows of a table."""

    fixed: Values = field(default_factory=dict)
    axes: dict[str, list[Any]] = field(default_factory=dict)
    rows: Sequence[Values] = ({},)

    def __len__(self) -> int:
        return prod(len(values) for values in self.axes.values()) * len(self.rows)

    def __iter__(self) -> Iterator[Values]:
        """Values of each combination: rows of the table first, then axes, the last one fastest."""
        for row in self.rows:
            for chosen in product(*self.axes.values()):
                yield self.fixed | row | dict(zip(self.axes, chosen, strict=True))


def read_grid(
    notebook: str, axes: Iterable[str], fixed: Iterable[str] = (), file: Path | None = None
) -> Grid:
    """The grid meant by ``--grid`` texts, ``-p`` texts and a file.

    Raises ParameterError for text that is no axis, for a name given twice, for a file that cannot
    be read, and UsageError for a grid that is empty or has more than ``MOST_RUNS`` combinations.
    """
    values = read_values(fixed)
    rows: list[Values] = [{}]
    found = [_axis(notebook, text) for text in axes]
    if file is not None and file.suffix.lower() in (".csv", ".tsv"):
        rows = _table_rows(notebook, file)
    elif file is not None:
        for name, value in read_values([], file).items():
            if isinstance(value, list):
                found.append((name, value))
            else:
                _once([*values, name])
                values[name] = value
    names = [*values, *dict.fromkeys(name for row in rows for name in row)]
    _once([*names, *(name for name, _ in found)])
    grid = Grid(values, dict(found), rows)
    _require_size(grid)
    return grid


def _require_size(grid: Grid) -> None:
    if not grid.axes and grid.rows == [{}]:
        raise UsageError(
            "a sweep needs something that varies: --grid name=value,value or --params-file"
        )
    if len(grid) == 0:
        raise UsageError("the grid has no combination: something in --params-file has no value")
    if len(grid) > MOST_RUNS:
        raise UsageError(f"the grid has {len(grid):,} combinations; at most {MOST_RUNS:,} are run")


def _once(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(f"given more than once: {', '.join(twice)}")


def _axis(notebook: str, text: str) -> tuple[str, list[Any]]:
    """``"countries=FR+DE,IT"`` → the name and its values, lists as ``"FR,DE"``."""
    name, equals, values = text.partition("=")
    name = name.strip()
    if not equals or not name or not values.strip():
        raise ParameterError(
            f"--grid {text}: expected name=value,value, as in --grid countries=FR,DE,IT"
        )
    return name, [_item(notebook, name, value) for value in values.split(",")]


def _item(notebook: str, name: str, text: str) -> str:
    require_plain_text(f"{name[:60]!a}", text)
    text = text.strip()
    return text.replace("+", ",") if holds_list(notebook, name) else text


def holds_list(notebook: str, name: str) -> bool:
    """Whether a parameter of the notebook holds a list, whose items ``+`` joins."""
    field = model_of(notebook).model_fields.get(name)
    return field is not None and get_origin(field.annotation) is list


def _table_rows(notebook: str, file: Path) -> list[Values]:
    """Rows of a CSV file as values; the header says how cells are separated."""
    text = limited_text(file, _LARGEST_FILE)
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        lines = list(csv.reader(text.splitlines(), delimiter=separator))
    except csv.Error as error:
        raise ParameterError(f"cannot read the parameter file {file}: {error}") from None
    if len(lines) < 2:
        raise ParameterError(f"{file}: expected a line of parameter names and a line per run")
    names = [name.strip() for name in lines[0]]
    _once(names)
    return [_row(notebook, names, cells, f"{file}, line {number}")
            for number, cells in enumerate(lines[1:], start=2) if any(cells)]  # fmt: skip


def _row(notebook: str, names: Sequence[str], cells: Sequence[str], place: str) -> Values:
    if len(cells) != len(names):
        raise ParameterError(f"{place}: expected {len(names)} cells, found {len(cells)}")
    return {
        name: _item(notebook, name, cell)
        for name, cell in zip(names, cells, strict=True)
        if cell.strip()
    }


def checked(notebook: str, grid: Grid) -> list[Parameters]:
    """Parameters of every combination, equal ones once, in the order of the grid.

    Raises ParameterError that lists every problem of the whole grid, each once, with how many of
    the combinations have it.
    """
    found: dict[str, Parameters] = {}
    problems: dict[str, int] = {}
    for values in grid:
        try:
            parameters = validate(notebook, values)
        except ParameterError as error:
            for line in str(error).splitlines():
                problems[line] = problems.get(line, 0) + 1
        else:
            found.setdefault(parameters.model_dump_json(), parameters)
    if problems:
        raise ParameterError(_summary(problems, len(grid)))
    return list(found.values())


def _summary(problems: Mapping[str, int], runs: int) -> str:
    lines = [f"{line} (in {count:,} of {runs:,} runs)" for line, count in problems.items()]
    more = [f"and {len(lines) - _SHOWN} further problems"] if len(lines) > _SHOWN else []
    return "\n".join([*lines[:_SHOWN], *more])


def typed(notebook: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Canonical values as they are typed in a grid; numbers and truth values as they are."""
    texts = as_text(notebook, values)
    return {
        name: value if isinstance(value, bool | int | float) else texts[name].replace(",", "+")
        for name, value in values.items()
    }
