"""From text to values: each function takes what was given and returns it as a value of its type.

What is no text of that kind is returned as it came, for the model to refuse.
"""

import re
from typing import Any

#: A longer list is not written out, whatever it is for.
LONGEST_SPAN = 100


def as_names(value: Any) -> Any:
    """``"FR, DE"`` → ``["FR", "DE"]``; a bare ``NO`` in YAML arrives as False and is refused."""
    if isinstance(value, str):
        names = value.strip("[] ")
        return [name.strip() for name in names.split(",")] if names else []
    if isinstance(value, list | tuple) and any(isinstance(item, bool) for item in value):
        raise ValueError('YAML reads a bare NO as false; write "NO" in quotes')
    return list(value) if isinstance(value, tuple) else value


def as_integers(value: Any) -> Any:
    """``"0-3"`` or ``"0,1,2,3"`` or ``2`` → a list of integers."""
    if isinstance(value, str):
        span = re.fullmatch(r"\s*([0-9]{1,9})\s*-\s*([0-9]{1,9})\s*", value)
        if span:
            first, last = int(span[1]), int(span[2])
            if first > last:
                raise ValueError(f"{first}-{last} runs backwards; write {last}-{first}")
            if last - first >= LONGEST_SPAN:
                raise ValueError(f"{first}-{last} has more than {LONGEST_SPAN} numbers")
            return list(range(first, last + 1))
        return [as_integer(item) for item in as_names(value)]
    if isinstance(value, int) and not isinstance(value, bool):
        return [value]
    return list(value) if isinstance(value, tuple) else value


def as_integer(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a whole number") from None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is not a whole number")
    return value


def as_number(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a number") from None
    return value


def as_truth(value: Any) -> Any:
    words = {"true": True, "yes": True, "false": False, "no": False}
    if isinstance(value, str):
        if value.strip().lower() not in words:
            raise ValueError(f"{value!r} is neither true nor false")
        return words[value.strip().lower()]
    return value


def as_period(value: Any) -> Any:
    """``"2000-2012"`` → ``[2000, 2012]``."""
    if isinstance(value, str):
        span = re.fullmatch(r"\[?\s*([0-9]{4})\s*[-,:]\s*([0-9]{4})\s*\]?", value.strip())
        if not span:
            raise ValueError(f"{value!r} is not a period; write first-last, as in 2000-2012")
        return [int(span[1]), int(span[2])]
    return list(value) if isinstance(value, tuple) else value


def as_period_or_own(value: Any) -> Any:
    """A period, or nothing: each notebook's own."""
    empty = value == [] or (isinstance(value, str) and not value.strip("[] "))
    return [] if empty else as_period(value)
