"""A small language for derived variables, samples and terms; nothing in it can run code.

An expression is parsed into Python's syntax tree and evaluated by walking it; what is not listed
here is refused. It has

* columns by name, in backticks when the name is not a plain word: ```log(`gdp per head`)```;
* numbers, text in quotes, lists ``[1, 2]`` as arguments, ``true``, ``false`` and
  ``na`` (missing);
* ``+ - * / % ** ^`` (both powers), comparisons, which may be chained, ``and``, ``or``, ``not``;
* the functions of :data:`FUNCTIONS`.

A missing value makes every result missing that depends on it, comparisons included: neither
``x > 1`` nor ``not x > 1`` is true where ``x`` is missing, and a sample leaves such rows out.
Numbers are doubles. Text compares with text only. The logarithm of a negative number is missing,
that of zero minus infinity.
"""

import ast
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from analysis.studies.errors import StudyError

LONGEST = 2000
#: Stands for a name in backticks while Python parses the text; one further letter per name.
FIRST_PLACEHOLDER = 0x4E00

ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
CONSTANTS = {"true": True, "false": False, "na": np.float64(np.nan)}
KINDS = {
    "number": "numbers",
    "text": "text",
    "condition": "a condition",
    "list": "a list",
}


class ExpressionError(StudyError):
    """An expression that cannot be evaluated, with the place in it."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Columns naming a row: a unit (none in a single time series) and a time."""

    unit: str | None
    time: str


@dataclass(frozen=True, slots=True)
class _Context:
    """What one evaluation knows: rows, panel, and the text for messages."""

    frame: pd.DataFrame
    panel: Panel | None
    text: str
    names: Mapping[str, str]
    constants: Mapping[str, Any]
    functions: Mapping[str, "Function"]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language: ``compute(context, arguments, options)``.

    ``least`` and ``most`` bound the number of arguments; ``options`` are the keywords it takes.
    """

    compute: Callable[[_Context, list[Any], dict[str, Any]], Any]
    least: int
    most: int
    options: tuple[str, ...] = ()


def evaluate(text: str, frame: pd.DataFrame, panel: Panel | None = None) -> pd.Series:
    """The value of ``text`` in every row of ``frame``: floats, text, or nullable booleans.

    Raises
    ------
    ExpressionError
        For anything not in the language, an unknown column, or kinds that do not go together.
    """
    tree, names = _parse(text)
    context = _Context(frame, panel, text, names, CONSTANTS, FUNCTIONS)
    with np.errstate(all="ignore"):
        value = _value(tree, context)
    if isinstance(value, list):
        raise ExpressionError(f"a list is no value: {text!r}")
    return _spread(value, frame.index)


def evaluate_number(text: str, functions: Mapping[str, Function]) -> float:
    """The value of an expression without columns, with ``functions`` besides plain arithmetic."""
    tree, names = _parse(text)
    plain = {name: FUNCTIONS[name] for name in ("log", "exp", "sqrt", "abs", "min", "max")}
    context = _Context(pd.DataFrame(index=[0]), None, text, names, {}, {**plain, **functions})
    with np.errstate(all="ignore"):
        value = _value(tree, context)
    if _kind(value) != "number":
        raise ExpressionError(f"expected a number, got {KINDS[_kind(value)]}: {text!r}")
    return float(value.iloc[0]) if isinstance(value, pd.Series) else float(value)


def condition(text: str, frame: pd.DataFrame, panel: Panel | None = None) -> pd.Series:
    """Rows of ``frame`` where ``text`` is true; missing counts as not true."""
    value = evaluate(text, frame, panel)
    if _kind(value) != "condition":
        raise ExpressionError(f"expected a condition such as year == 1991, got {text!r}")
    return value.fillna(False).astype(bool)


# --- parsing -----------------------------------------------------------------------------------


def _parse(text: str) -> tuple[ast.expr, dict[str, str]]:
    if not isinstance(text, str) or not text.strip():
        raise ExpressionError(f"an expression is expected, got {text!r}")
    if len(text) > LONGEST:
        raise ExpressionError(f"an expression of {len(text)} characters; at most {LONGEST}")
    source, names = _python(text)
    try:
        with warnings.catch_warnings():  # of Python's about code, which this is not
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.parse(source, mode="eval").body, names
    except SyntaxError as error:
        at = _position(text, (error.offset or 1) - 1)
        raise ExpressionError(f"cannot read {text!r}{at}") from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError(f"cannot read {text!r}") from None


def _python(text: str) -> tuple[str, dict[str, str]]:
    """``text`` as Python reads it, and what the placeholders in it stand for."""
    names: dict[str, str] = {}

    def replaced(match: re.Match[str]) -> str:
        found = match[0]
        if found == "^":
            return "**"
        if found[0] != "`":
            return found if found[0] in "\"'" else " "
        placeholder = chr(FIRST_PLACEHOLDER + len(names)) + "_" * (len(found) - 1)
        names[placeholder] = found[1:-1]
        return placeholder

    source = re.sub(r""""[^"]*"|'[^']*'|`[^`]+`|\^|\s""", replaced, text)
    return source.strip(), names


def _position(text: str, offset: int) -> str:
    """``" at character 7"``: ``offset`` in the Python source as a place in ``text``."""
    leading = len(text) - len(text.lstrip())
    place = offset + leading
    for match in re.finditer(r"\^", text):
        if match.start() < place:
            place -= 1
    return f" at character {min(place, len(text) - 1) + 1}"


def _refuse(context: _Context, node: ast.AST, message: str) -> ExpressionError:
    source, _ = _python(context.text)
    offset = getattr(node, "col_offset", 0)  # counted in UTF-8 bytes
    characters = len(source.encode()[:offset].decode(errors="ignore"))
    return ExpressionError(f"{message}{_position(context.text, characters)} of {context.text!r}")


# --- walking -----------------------------------------------------------------------------------


def _value(node: ast.expr, context: _Context) -> Any:
    walk = _WALKERS.get(type(node))
    if walk is None:
        what = type(node).__name__.lower()
        raise _refuse(context, node, f"not part of the language ({what})")
    try:
        return walk(node, context)
    except RecursionError:
        raise ExpressionError(f"nested too deeply: {context.text[:60]!r}...") from None


def _constant(node: ast.Constant, context: _Context) -> Any:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _refuse(context, node, f"{value!r} is no value; write true, false, numbers or text")
    if isinstance(value, str):
        return value
    try:
        return np.float64(value)
    except OverflowError:
        raise _refuse(context, node, "a number too large") from None


def _name(node: ast.Name, context: _Context) -> Any:
    name = context.names.get(node.id, node.id)
    if name in context.frame.columns:
        return column_values(context.frame[name])
    if name in context.constants:
        return context.constants[name]
    columns = [str(column) for column in context.frame.columns]
    near = get_close_matches(name, [*columns, *context.functions], n=3)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise _refuse(context, node, f"no column {name!r}{hint}")


def column_values(column: pd.Series) -> pd.Series:
    """A column as the language sees it: floats, nullable booleans, or text."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.dtype.categories.dtype)
    if pd.api.types.is_bool_dtype(column):
        return column.astype("boolean")
    if pd.api.types.is_numeric_dtype(column):
        return pd.Series(column.to_numpy(dtype=float, na_value=np.nan), index=column.index)
    return column.astype("str")


def _binary(node: ast.BinOp, context: _Context) -> Any:
    if type(node.op) not in ARITHMETIC:
        raise _refuse(context, node, "only + - * / % and ** (or ^) calculate")
    left, right = _value(node.left, context), _value(node.right, context)
    numbers = [_number(value, context, node) for value in (left, right)]
    return ARITHMETIC[type(node.op)](*numbers)


def _unary(node: ast.UnaryOp, context: _Context) -> Any:
    value = _value(node.operand, context)
    if isinstance(node.op, ast.Not):
        return ~_truth(value, context, node)
    if not isinstance(node.op, ast.USub | ast.UAdd):
        raise _refuse(context, node, "not part of the language")
    number = _number(value, context, node)
    return -number if isinstance(node.op, ast.USub) else number


def _boolean(node: ast.BoolOp, context: _Context) -> Any:
    values = [_truth(_value(value, context), context, node) for value in node.values]
    combine = operator.and_ if isinstance(node.op, ast.And) else operator.or_
    result = values[0]
    for value in values[1:]:
        result = combine(result, value)
    return result


def _compare(node: ast.Compare, context: _Context) -> Any:
    values = [_value(value, context) for value in (node.left, *node.comparators)]
    result: Any = None
    for left, right, kind in zip(values, values[1:], node.ops, strict=False):
        if type(kind) not in COMPARISONS:
            raise _refuse(context, node, "write isin(x, [...]) to look for x in a list")
        one = _compared(left, right, COMPARISONS[type(kind)], context, node)
        result = one if result is None else result & one
    return result


def _compared(
    left: Any, right: Any, compare: Callable[[Any, Any], Any], context: _Context, node: ast.AST
) -> Any:
    kinds = {_kind(left), _kind(right)}
    if "list" in kinds or ("text" in kinds and len(kinds) > 1):
        told = " with ".join(KINDS[_kind(value)] for value in (left, right))
        raise _refuse(context, node, f"cannot compare {told}")
    if "text" not in kinds:
        left, right = (_number(value, context, node) for value in (left, right))
    index = context.frame.index
    left, right = _spread(left, index), _spread(right, index)
    missing = left.isna() | right.isna()
    return compare(left, right).astype("boolean").mask(missing)


def _list(node: ast.List | ast.Tuple, context: _Context) -> list[Any]:
    return [_value(item, context) for item in node.elts]


def _call(node: ast.Call, context: _Context) -> Any:
    if not isinstance(node.func, ast.Name) or node.func.id not in context.functions:
        name = node.func.id if isinstance(node.func, ast.Name) else "this"
        listed = ", ".join(sorted(context.functions))
        raise _refuse(context, node, f"{name} is not a function; there are {listed}")
    name, function = node.func.id, context.functions[node.func.id]
    options = {str(keyword.arg): keyword.value for keyword in node.keywords}
    unknown = sorted(set(options) - set(function.options))
    if unknown:
        allowed = ", ".join(function.options) or "none"
        raise _refuse(context, node, f"{name} takes no {', '.join(unknown)}=; allowed: {allowed}")
    if not function.least <= len(node.args) <= function.most:
        wanted = {function.least, function.most}
        expected = " to ".join(str(count) for count in sorted(wanted))
        raise _refuse(context, node, f"{name} takes {expected} arguments, not {len(node.args)}")
    arguments = [_value(argument, context) for argument in node.args]
    values = {key: _value(value, context) for key, value in options.items()}
    try:
        return function.compute(context, arguments, values)
    except _MisuseError as error:
        raise _refuse(context, node, f"{name}: {error}") from None


_WALKERS: dict[type, Callable[[Any, _Context], Any]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _compare,
    ast.List: _list,
    ast.Tuple: _list,
    ast.Call: _call,
}


# --- kinds -------------------------------------------------------------------------------------


class _MisuseError(Exception):
    """Arguments a function cannot use; becomes an ExpressionError with the place."""


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "list"
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "condition"
    if isinstance(value, pd.Series):
        if pd.api.types.is_bool_dtype(value):
            return "condition"
        return "number" if pd.api.types.is_numeric_dtype(value) else "text"
    return "number"


def _number(value: Any, context: _Context, node: ast.AST) -> Any:
    try:
        return _as_number(value)
    except _MisuseError as error:
        raise _refuse(context, node, str(error)) from None


def _as_number(value: Any) -> Any:
    kind = _kind(value)
    if kind == "number":
        return value
    if kind == "condition":
        return np.float64(value) if isinstance(value, bool) else _float(value)
    raise _MisuseError(f"expected numbers, got {KINDS[kind]}")


def _float(values: pd.Series) -> pd.Series:
    return pd.Series(values.to_numpy(dtype=float, na_value=np.nan), index=values.index)


def _truth(value: Any, context: _Context, node: ast.AST) -> pd.Series:
    if _kind(value) != "condition":
        raise _refuse(context, node, f"expected a condition, got {KINDS[_kind(value)]}")
    return _spread(value, context.frame.index)


def _spread(value: Any, index: pd.Index) -> pd.Series:
    if isinstance(value, pd.Series):
        return value
    dtype = {"number": "float64", "condition": "boolean", "text": "str"}[_kind(value)]
    return pd.Series(value, index=index, dtype=dtype)


def _column(value: Any, context: _Context) -> pd.Series:
    if _kind(value) == "list":
        raise _MisuseError("expected a column, got a list")
    return _spread(value, context.frame.index)


def _numbers(value: Any, context: _Context) -> pd.Series:
    return _spread(_as_number(value), context.frame.index)


# --- functions ---------------------------------------------------------------------------------


def _elementwise(compute: Callable[[Any], Any]) -> Function:
    def apply(context: _Context, arguments: list[Any], _: dict[str, Any]) -> Any:
        return compute(_as_number(arguments[0]))

    return Function(apply, 1, 1)


def _extreme(compute: Callable[..., Any]) -> Function:
    """Smallest or largest of several numbers in a row, missing when one is."""

    def apply(context: _Context, arguments: list[Any], _: dict[str, Any]) -> Any:
        columns = [_numbers(argument, context) for argument in arguments]
        result = columns[0]
        for column in columns[1:]:
            result = pd.Series(compute(result, column), index=context.frame.index)
        return result

    return Function(apply, 2, 20)


def _where(context: _Context, arguments: list[Any], _: dict[str, Any]) -> pd.Series:
    chosen = _column(arguments[0], context)
    if _kind(chosen) != "condition":
        raise _MisuseError("the first argument must be a condition")
    kinds = {_kind(value) for value in arguments[1:]}
    if kinds == {"text"}:
        yes, no = (_column(value, context) for value in arguments[1:])
    else:
        yes, no = (_numbers(value, context) for value in arguments[1:])
    result = yes.where(chosen.fillna(False).astype(bool), no)
    return result.mask(chosen.isna())


def _indicator(context: _Context, arguments: list[Any], _: dict[str, Any]) -> pd.Series:
    if _kind(arguments[0]) != "condition":
        raise _MisuseError("expected a condition such as year == 1991")
    return _numbers(arguments[0], context)


def _isin(context: _Context, arguments: list[Any], _: dict[str, Any]) -> pd.Series:
    values, wanted = _column(arguments[0], context), arguments[1]
    if not isinstance(wanted, list) or any(isinstance(item, pd.Series | list) for item in wanted):
        raise _MisuseError("the second argument must be a list of numbers or of text")
    if any(_kind(item) != _kind(values) for item in wanted):
        raise _MisuseError(f"the column holds {KINDS[_kind(values)]} and the list something else")
    return values.isin(wanted).astype("boolean").mask(values.isna())


def _missing(context: _Context, arguments: list[Any], _: dict[str, Any]) -> pd.Series:
    return _column(arguments[0], context).isna().astype("boolean")


def _to_number(context: _Context, arguments: list[Any], _: dict[str, Any]) -> pd.Series:
    text = _column(arguments[0], context)
    if _kind(text) != "text":
        return _numbers(arguments[0], context)
    result = pd.to_numeric(text, errors="coerce")
    wrong = text[result.isna() & text.notna()]
    if len(wrong):
        raise _MisuseError(f"{wrong.iloc[0]!r} is not a number")
    return _numbers(result, context)


def _group(context: _Context, arguments: list[Any], _: dict[str, Any]) -> pd.Series:
    """One number per distinct combination of the arguments, in sorted order from 1."""
    keys = pd.concat([_column(value, context) for value in arguments], axis=1)
    keys.columns = range(len(arguments))
    codes = keys.groupby(list(keys.columns), sort=True, dropna=True).ngroup()
    return (codes + 1.0).where(codes >= 0)


def _run(context: _Context, arguments: list[Any], options: dict[str, Any]) -> pd.Series:
    """Number, from 1, of the run of equal values each row is in when rows stand in an order."""
    if "order" not in options:
        raise _MisuseError("say in which order the rows stand, as in run(x, order=[unit, year])")
    keys = _columns_of(options["order"], context)
    table = pd.concat([_column(arguments[0], context), *keys], axis=1)
    table.columns = ["value", *range(len(keys))]
    known = table.dropna().sort_values(list(range(len(keys))))
    if known.duplicated(list(range(len(keys)))).any():
        raise _MisuseError("two rows have the same place in the order; add a column to order")
    same = (known["value"] == known["value"].shift()).fillna(False).astype(bool)
    return (~same).cumsum().astype(float).reindex(context.frame.index)


def _grouping(context: _Context, options: dict[str, Any]) -> list[pd.Series] | None:
    return _columns_of(options["by"], context) if "by" in options else None


def _columns_of(value: Any, context: _Context) -> list[pd.Series]:
    """The columns of an option that takes one or a list."""
    return [_column(one, context) for one in (value if isinstance(value, list) else [value])]


def _by_group(method: str) -> Function:
    """A summary of a column, over all rows or within ``by``; missing values are left out of it."""

    def apply(context: _Context, arguments: list[Any], options: dict[str, Any]) -> Any:
        values, groups = _numbers(arguments[0], context), _grouping(context, options)
        if groups is None:
            return np.float64(getattr(values, method)())
        # A group without any value has no sum, rather than a sum of zero.
        some = {"min_count": 1} if method == "sum" else {}
        result = values.groupby(groups, dropna=True).transform(method, **some)
        known = pd.concat(groups, axis=1).notna().all(axis=1)
        return result.astype(float).where(known)

    return Function(apply, 1, 1, ("by",))


def _rank(context: _Context, arguments: list[Any], options: dict[str, Any]) -> pd.Series:
    values, groups = _numbers(arguments[0], context), _grouping(context, options)
    return values.rank() if groups is None else values.groupby(groups).rank()


def _shift(context: _Context, values: pd.Series, periods: int) -> pd.Series:
    """``values`` of the same unit ``periods`` earlier; a period that is absent gives missing."""
    panel, frame = context.panel, context.frame
    if panel is None:
        raise _MisuseError(
            "needs to know the panel: set panel: {unit: ..., time: ...} in the study"
        )
    time = _as_number(column_values(frame[panel.time]))
    unit = frame[panel.unit] if panel.unit else pd.Series(0, index=frame.index)
    keys = pd.MultiIndex.from_arrays([unit, time])
    known = (unit.notna() & time.notna()).to_numpy()
    if keys[known].has_duplicates:
        twice = keys[known][keys[known].duplicated()][0]
        raise _MisuseError(f"unit {twice[0]} has more than one row for time {twice[1]:g}")
    source = pd.Series(values.to_numpy()[known], index=keys[known])
    wanted = pd.MultiIndex.from_arrays([unit, time - periods])
    shifted = pd.Series(source.reindex(wanted).to_numpy(), index=frame.index)
    return shifted.where(known)


def _periods(arguments: list[Any]) -> int:
    if len(arguments) == 1:
        return 1
    periods = arguments[1]
    if not isinstance(periods, np.float64) or periods != int(periods) or periods < 0:
        raise _MisuseError("the second argument must be a whole number of periods")
    return int(periods)


def _lag(context: _Context, arguments: list[Any], _: dict[str, Any]) -> pd.Series:
    return _shift(context, _numbers(arguments[0], context), _periods(arguments))


def _lead(context: _Context, arguments: list[Any], _: dict[str, Any]) -> pd.Series:
    return _shift(context, _numbers(arguments[0], context), -_periods(arguments))


def _diff(context: _Context, arguments: list[Any], _: dict[str, Any]) -> pd.Series:
    values = _numbers(arguments[0], context)
    return values - _shift(context, values, _periods(arguments))


#: The functions of the language. ``by=`` takes a column or a list of columns. ``sd`` and ``var``
#: divide by one less than the number of values. ``lag``, ``lead`` and ``diff`` take a number of
#: periods (default 1) and look the period up: gaps are never bridged. ``run`` numbers the runs of
#: equal values among the rows in the ``order=`` of a column or list of columns.
FUNCTIONS: dict[str, Function] = {
    "log": _elementwise(np.log),
    "exp": _elementwise(np.exp),
    "sqrt": _elementwise(np.sqrt),
    "abs": _elementwise(np.abs),
    "floor": _elementwise(np.floor),
    "min": _extreme(np.minimum),
    "max": _extreme(np.maximum),
    "where": Function(_where, 3, 3),
    "indicator": Function(_indicator, 1, 1),
    "isin": Function(_isin, 2, 2),
    "missing": Function(_missing, 1, 1),
    "number": Function(_to_number, 1, 1),
    "group": Function(_group, 1, 20),
    "mean": _by_group("mean"),
    "sum": _by_group("sum"),
    "sd": _by_group("std"),
    "var": _by_group("var"),
    "median": _by_group("median"),
    "count": _by_group("count"),
    "lowest": _by_group("min"),
    "highest": _by_group("max"),
    "rank": Function(_rank, 1, 1, ("by",)),
    "run": Function(_run, 1, 1, ("order",)),
    "lag": Function(_lag, 1, 2),
    "lead": Function(_lead, 1, 2),
    "diff": Function(_diff, 1, 2),
}
