"""Years as they are written: a year, a quarter, a date, a programming period."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache

FIRST_YEAR, LAST_YEAR = 1950, 2035

_YEAR = re.compile(r"(?:(?:annee|year|jahr|ano|anno|exercice|an|fy|y)[ ._-]*)?(\d{4})(?:\.0+)?")
_PART = re.compile(
    r"(\d{4})[ ._-]*(q[1-4]|t[1-4]|s[12]|h[12]|m(?:0?[1-9]|1[0-2])|(?:0[1-9]|1[0-2]))"
    r"|(q[1-4]|t[1-4]|s[12])[ ._/-]*(\d{4})"
)
_DATE = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ t]\d{2}:\d{2}.*)?"
    r"|(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?: \d{1,2}:\d{2}.*)?"
)
_RANGE = re.compile(r"(\d{4})\s*(?:-|/|a|to|bis|au)\s*(\d{4}|\d{2})")


@dataclass(frozen=True, slots=True)
class Period:
    """What a cell of a year column says.

    ``year`` is None where ``rule`` says why it cannot be taken. ``form`` is ``year``, ``part``
    (a quarter, half-year or month), ``date``, ``range`` or ``serial`` (a spreadsheet's day
    number). ``last`` is the last year of a range. ``part`` is which of the ``parts`` of a year it
    is (3 of 4: the third quarter), 0 where it is a whole.
    """

    year: int | None
    form: str = "year"
    last: int | None = None
    rule: str = ""
    part: int = 0
    parts: int = 0


UNREADABLE = Period(None, rule="year.unreadable")


def parse_period(value: object) -> Period:
    """Read the cell of a year column; never guesses a century.

    A range (``2014-2020``) has its first year in ``year`` and its last in ``last``: the caller
    decides. ``2015-16`` is a range of two years, ``2015-06`` a month.
    """
    if isinstance(value, bool) or value is None:
        return UNREADABLE
    if isinstance(value, datetime | date):
        return _within(value.year, "date")
    if isinstance(value, int | float):
        return _number(float(value))
    return _text(str(value))


def _number(value: float) -> Period:
    if value != value or value != int(value):
        return UNREADABLE
    whole = int(value)
    if FIRST_YEAR <= whole <= LAST_YEAR:
        return Period(whole)
    if 0 <= whole <= 99:
        return Period(None, rule="year.two-digits")
    if 10_000_000 <= whole <= 99_999_999:
        return _text(f"{whole // 10_000}-{whole // 100 % 100}-{whole % 100}")
    if 18264 <= whole <= 49674:  # 1950-01-01 to 2035-12-31, in days since 1899-12-30
        return Period(date.fromordinal(whole + 693594).year, "serial")
    return Period(None, rule="year.out-of-range" if 1000 <= whole <= 9999 else "year.unreadable")


@lru_cache(maxsize=10_000)
def _text(value: str) -> Period:
    text = value.strip().casefold().replace("é", "e").replace("–", "-").replace("à", "a")
    if not text.isascii():
        return UNREADABLE
    if re.fullmatch(r"\d+", text):
        return _number(float(text)) if len(text) < 10 else UNREADABLE
    for pattern, read in ((_YEAR, _year), (_PART, _part), (_DATE, _date), (_RANGE, _range)):
        if found := pattern.fullmatch(text):
            return read(found)
    return UNREADABLE


def _year(found: re.Match[str]) -> Period:
    return _within(int(found[1]), "year")


def _part(found: re.Match[str]) -> Period:
    part = found[2] or found[3]
    parts = {"q": 4, "t": 4, "s": 2, "h": 2}.get(part[0], 12)
    period = _within(int(found[1] or found[4]), "part")
    return replace(period, part=int(part.lstrip("qtshm")), parts=parts)


def _date(found: re.Match[str]) -> Period:
    year, month, day, day_2, month_2, year_2 = found.groups()
    try:
        if year:
            return _within(date(int(year), int(month), int(day)).year, "date")
        # Day and month may stand either way round: the year is the same.
        date(int(year_2), *sorted((int(month_2), int(day_2))))
        return _within(int(year_2), "date")
    except ValueError:
        return UNREADABLE


def _range(found: re.Match[str]) -> Period:
    first = int(found[1])
    last = int(found[2]) if len(found[2]) == 4 else first - first % 100 + int(found[2])
    if not FIRST_YEAR <= first <= last <= LAST_YEAR:
        return Period(None, rule="year.out-of-range")
    return Period(first, "range", last)


def _within(year: int, form: str) -> Period:
    if FIRST_YEAR <= year <= LAST_YEAR:
        return Period(year, form)
    return Period(None, form, rule="year.out-of-range")
