"""From formulas and terms to columns: expressions, factors and interactions.

A term is a column, an expression of columns, ``factor(g)`` or an interaction ``a:b`` of those.
``factor(g)`` gives one column of zeros and ones per level, called ``factor(g)[level]``; the first
level is left out when the intercept (or an absorbed effect) makes it redundant. In an interaction a
factor loses its first level exactly when the interaction without that factor is itself among the
terms, as in R. ``factor(g, base=level)`` leaves out that level, always. Levels are those of the
rows that are complete in the other variables of the model.
"""

import ast
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from analysis.studies.errors import StudyError
from analysis.studies.expressions import (
    ExpressionError,
    Panel,
    column_values,
    evaluate,
)

OPENING, CLOSING = "([", ")]"


class TermError(StudyError):
    """A formula or term that cannot be expanded."""


def split(text: str, separator: str) -> list[str]:
    """``text`` cut at each ``separator`` that is in no bracket, quote or backtick."""
    parts, depth, quote, current = [], 0, "", ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'`":
            quote = character
        elif character in OPENING:
            depth += 1
        elif character in CLOSING:
            depth -= 1
        if character == separator and not depth and not quote:
            parts.append(current.strip())
            current = ""
        else:
            current += character
    if depth or quote:
        raise TermError(f"a bracket, quote or backtick is not closed in {text!r}")
    return [*parts, current.strip()]


def formula_arguments(formula: str) -> dict[str, Any]:
    """Arguments an estimator gets from ``y ~ x1 + x2 | effects | endogenous ~ instruments``.

    The effects may be left out: ``y ~ x | d ~ z``. ``- 1`` at the end or
    ``+ 0`` leave the intercept out.
    """
    parts = split(formula, "|")
    sides = split(parts[0], "~")
    if len(sides) != 2 or not all(sides):
        raise TermError(f"a formula begins with outcome ~ regressors, got {formula!r}")
    minus_one = split(sides[1], "-")
    without_intercept = minus_one[1:] == ["1"]
    if without_intercept:
        regressors = _summands(minus_one[0], formula)
    else:
        regressors = _summands(sides[1], formula)
    arguments: dict[str, Any] = {"outcome": sides[0]}
    arguments["regressors"] = [term for term in regressors if term not in ("0", "1")]
    if without_intercept or "0" in regressors:
        arguments["intercept"] = False
    for part in parts[1:]:
        arguments |= _further(part, formula, arguments)
    return arguments


def _further(part: str, formula: str, given: Mapping[str, Any]) -> dict[str, Any]:
    sides = split(part, "~")
    if len(sides) == 2 and "endogenous" not in given:
        endogenous, instruments = (_summands(side, formula) for side in sides)
        return {"endogenous": endogenous, "instruments": instruments}
    if len(sides) == 1 and not {"absorb", "endogenous"} & set(given):
        return {"absorb": _summands(part, formula)}
    raise TermError(f"expected outcome ~ x | effects | endogenous ~ instruments, got {formula!r}")


def _summands(text: str, formula: str) -> list[str]:
    terms = split(text, "+")
    for term in terms:
        if not term:
            raise TermError(f"a term is missing in {formula!r}")
        for sign, instead in (("*", "a + b + a:b, or (a * b)"), ("-", "(a - b)")):
            if len(split(term.replace("**", "^"), sign)) > 1:
                raise TermError(f"{term!r} in {formula!r} can be read in two ways; write {instead}")
    return terms


@dataclass(frozen=True, slots=True)
class Part:
    """One side of an interaction: text as written, its values, and whether it is a factor."""

    text: str
    values: pd.Series
    base: Any = None
    is_factor: bool = False


@dataclass(slots=True)
class Expansion:
    """A frame that grows by the columns its terms need."""

    frame: pd.DataFrame
    panel: Panel | None
    added: dict[str, pd.Series] = field(default_factory=dict)

    def column(self, term: str) -> str:
        """The name of the one column that ``term`` is; it is added when it is an expression."""
        if term in self.frame.columns:
            return term
        if len(split(term, ":")) > 1 or _is_factor(term):
            raise TermError(
                f"{term!r} is more than one column; one is needed here, as group(a, b) for the "
                "combinations of two"
            )
        self.added[term] = evaluate(term, self.frame, self.panel)
        return term

    def part(self, text: str) -> Part:
        """One side of an interaction, evaluated."""
        if _is_factor(text):
            inner, base = _factor_arguments(text)
            values = evaluate(inner, self.frame, self.panel)
            return Part(text, values, base, is_factor=True)
        if text in self.frame.columns:
            return Part(text, column_values(self.frame[text]))
        return Part(text, evaluate(text, self.frame, self.panel))

    def result(self, rows: pd.Series) -> pd.DataFrame:
        """The rows of the sample with every column."""
        added = pd.DataFrame(self.added, index=self.frame.index)
        others = self.frame.drop(columns=added.columns, errors="ignore")
        return pd.concat([others, added], axis=1)[rows].reset_index(drop=True)


def expand_terms(
    terms: Mapping[str, Sequence[str]],
    expansion: Expansion,
    complete: pd.Series,
    intercept: bool,
) -> dict[str, list[str]]:
    """Column names for each argument in ``terms``; the columns are added to ``expansion``.

    ``complete`` marks the rows of the sample with all other variables of the model.
    """
    parts = {
        name: [[expansion.part(text) for text in split(term, ":")] for term in listed]
        for name, listed in terms.items()
    }
    plain = [p.values for listed in parts.values() for term in listed for p in term]
    for values in plain:
        complete = complete & values.notna()
    present = {_identity(term) for listed in parts.values() for term in listed}
    if intercept:
        present.add(frozenset())
    expanded: dict[str, list[str]] = {}
    for name, listed in parts.items():
        expanded[name] = []
        for term in listed:
            columns = _columns(term, present, complete)
            if any(part.is_factor for part in term):
                # Without an intercept the first factor keeps all levels and stands for it.
                present.add(frozenset())
            expansion.added |= columns
            expanded[name] += list(columns)
    return expanded


def _columns(
    term: list[Part], present: set[frozenset[str]], complete: pd.Series
) -> dict[str, pd.Series]:
    choices = [_choices(part, term, present, complete) for part in term]
    columns = {}
    for combination in itertools.product(*choices):
        product = combination[0][1]
        for _, values in combination[1:]:
            product = product * values
        columns[":".join(name for name, _ in combination)] = product
    return columns


def _choices(
    part: Part, term: list[Part], present: set[frozenset[str]], complete: pd.Series
) -> list[tuple[str, pd.Series]]:
    if not part.is_factor:
        if not pd.api.types.is_numeric_dtype(part.values):
            raise TermError(f"{part.text!r} is text, expected numbers; write factor({part.text})")
        dtype = pd.api.types.is_bool_dtype(part.values)
        values = part.values.astype("Float64").astype(float) if dtype else part.values
        return [(part.text, values)]
    levels = sorted(part.values[complete].unique())
    if len(levels) < 2:
        raise TermError(f"{part.text!r} has {len(levels)} levels in the sample; at least 2 needed")
    if part.base is not None and part.base not in levels:
        raise TermError(f"{part.text!r}: the base is none of the levels {_listed(levels)}")
    if part.base is not None:
        levels.remove(part.base)
    elif _identity([other for other in term if other is not part]) in present:
        levels.remove(levels[0])
    label = f"factor({_factor_arguments(part.text)[0]})"
    known = part.values.notna()
    return [
        (f"{label}[{_level(level)}]", (part.values == level).astype(float).where(known))
        for level in levels
    ]


def _identity(parts: list[Part]) -> frozenset[str]:
    return frozenset("".join(part.text.split()) for part in parts)


def _is_factor(text: str) -> bool:
    return text.startswith("factor(") and text.endswith(")")


def _factor_arguments(text: str) -> tuple[str, Any]:
    """The expression and the base level of ``factor(expression, base=level)``."""
    inner = split(text.removeprefix("factor(").removesuffix(")"), ",")
    if len(inner) == 1:
        return inner[0], None
    name, equals, base = inner[-1].partition("=")
    if len(inner) != 2 or name.strip() != "base" or not equals:
        raise TermError(f"write factor(x) or factor(x, base=level), got {text!r}")
    try:
        level = ast.literal_eval(base.strip())
    except (ValueError, SyntaxError):
        raise ExpressionError(f"the base in {text!r} must be a number or text in quotes") from None
    return inner[0], level


def _level(level: Any) -> str:
    return f"{level:g}" if isinstance(level, float) else str(level)


def _listed(levels: list[Any]) -> str:
    shown = ", ".join(_level(level) for level in levels[:12])
    return f"{shown}, ..." if len(levels) > 12 else shown
