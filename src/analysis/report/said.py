"""What a notebook says in words: templates filled with the run's numbers, and those numbers."""

import math
import re
import string
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis import CompendiumError
from analysis.report.tables import MISSING, SIGNIFICANT_DIGITS

if TYPE_CHECKING:
    from analysis.claims import Verdict

#: A number in an English text, not the digits of a code such as FR10.
_NUMBER = re.compile(r"(?<!\w)[+−-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+−-]?\d+)?(?!\w)")


def filled(template: str, values: Mapping[str, Any]) -> str:
    """The template with its values formatted, or an error naming the field that is wrong."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise CompendiumError(f"say: the template {template!r} is broken: {error}") from None
    fields = [name for _, name, _, _ in parts if name is not None]
    bad = [name for name in fields if not name.isidentifier()]
    if bad:
        raise CompendiumError(
            f"say: fields must be plain names such as {{share:.1f}}, not {{{bad[0]}}}"
        )
    missing, unused = sorted(set(fields) - set(values)), sorted(set(values) - set(fields))
    if missing or unused:
        problems = [f"no value is given for {', '.join(missing)}"] if missing else []
        problems += [f"the template never uses {', '.join(unused)}"] if unused else []
        raise CompendiumError(f"say: {'; '.join(problems)} (in {template!r})")
    return "".join(
        text + ("" if name is None else _word(name, values[name], spec or ""))
        for text, name, spec, _ in parts
    )


def typed_numbers(template: str) -> list[str]:
    """Numbers that stand in the template itself and so do not come from the run."""
    literal = "\0".join(text for text, *_ in string.Formatter().parse(template))
    return re.findall(r"\d+(?:[.,]\d+)*", literal)


def numbers_said(template: str, values: Mapping[str, Any]) -> dict[str, float]:
    """The numbers that ``template`` shows, by field, on the scale they are printed in.

    A field printed as a percentage is in per cent; numbers inside a text stand as they are there.
    """
    numbers: dict[str, float] = {}
    for _, name, spec, _ in string.Formatter().parse(template):
        value = values[name] if name is not None else None
        if isinstance(value, str):
            numbers |= _numbers_in(str(name), value)
        elif value is not None and not pd.isna(value) and math.isfinite(value):
            share = (spec or "").endswith("%")
            numbers[f"{name} (%)" if share else str(name)] = float(value) * (100 if share else 1)
    return numbers


def numbers_named(verdict: "Verdict") -> dict[str, float]:
    """The numbers in the names of a verdict's own checks and in the reason why it has none."""
    names = [check.name for check in verdict.checks]
    texts = {f"check {n}": name[0] for n, name in enumerate(names, 1) if isinstance(name, tuple)}
    if verdict.unavailable is not None:
        texts["reason"] = verdict.unavailable.en
    return {key: n for name, text in texts.items() for key, n in _numbers_in(name, text).items()}


def _numbers_in(name: str, text: str) -> dict[str, float]:
    """The numbers that stand in a text, as they stand there."""
    found = (number.replace(",", "").replace("−", "-") for number in _NUMBER.findall(text))
    return {f"{name}, number {place}": float(number) for place, number in enumerate(found, 1)}


def _word(name: str, value: Any, spec: str) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return format(value, spec)
    if value is None or not isinstance(value, int | float | type(pd.NA)):
        raise CompendiumError(
            f"say: {name} is {value!r} ({type(value).__name__}): give a number or a string"
        )
    if pd.isna(value):
        return MISSING
    try:
        text = format(value, spec)
    except ValueError as error:
        raise CompendiumError(f"say: {{{name}:{spec}}} cannot format {value!r}: {error}") from None
    return text.replace("-", "−")


def json_value(value: Any) -> Any:
    """The value as JSON holds it: numbers to twelve digits, NaN as null."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            return None if math.isnan(value) else str(value)
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return None if value is pd.NA else value
