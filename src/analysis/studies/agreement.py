"""When a computed number agrees with a printed one: the rules of rounding.

1. The printed text is read as written. Spaces, a leading plus, enclosing brackets and trailing
   asterisks are ignored; a comma that groups thousands is dropped; the minus sign may be a dash of
   any kind; ``.5`` is ``0.5``; ``1.2e-5`` is a number; ``16.6%`` is 0.166. A comma as decimal sign
   is refused.
2. The precision is the last digit printed: the number of decimals of the text, or the ``decimals``
   column where it is larger, as when ``1.10`` lost its zero in a spreadsheet. A column smaller than
   the decimals of the text is a mistake and an error; a negative one says that the number was
   rounded to tens or hundreds.
3. The computed number is taken to twelve significant digits, since what lies beyond is noise of
   floating-point arithmetic, and rounded to that precision, both half up (away from zero) and half
   to even. ``exact``: one of the two equals the print. Zero printed with a minus sign is exact
   only for a number that is not positive; zero printed without a sign, for either.
4. ``last_digit``: not exact, and one of the two is one unit of the last printed digit away.
5. ``different``: anything else, a computed number that is missing or infinite included.
"""

import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation, localcontext

from analysis.studies.errors import StudyError

EXACT, LAST_DIGIT, DIFFERENT = "exact", "last_digit", "different"
SIGNIFICANT_DIGITS = 12
MINUS_SIGNS = "−–—‐‑"
THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(,\d{3})+(\.\d*)?%?")


@dataclass(frozen=True, slots=True)
class Printed:
    """A printed number: its value, the unit of its last digit, and whether it bears a minus."""

    value: Decimal
    unit: Decimal
    negative: bool


def read_printed(text: str, decimals: str = "") -> Printed:
    """A printed number by rules 1 and 2.

    Raises
    ------
    StudyError
        If the text is no number, or ``decimals`` contradicts it.
    """
    cleaned = text.strip().rstrip("*").strip("()[] \u00a0").replace("\u00a0", "").lstrip("+")
    for sign in MINUS_SIGNS:
        cleaned = cleaned.replace(sign, "-")
    if THOUSANDS.fullmatch(cleaned):
        cleaned = cleaned.replace(",", "")
    percent = cleaned.endswith("%")
    try:
        value = Decimal(cleaned.removesuffix("%").strip())
    except InvalidOperation:
        raise StudyError(f"{text!r} is not a number (write 1234.5, .5 or 1.2e-5)") from None
    if not value.is_finite():
        raise StudyError(f"{text!r} is not a finite number")
    exponent = int(value.as_tuple().exponent)
    unit = Decimal(1).scaleb(-_decimals(decimals, -exponent, text))
    if percent:
        value, unit = value.scaleb(-2), unit.scaleb(-2)
    return Printed(value, unit, cleaned.startswith("-"))


def _decimals(column: str, of_text: int, text: str) -> int:
    if not column.strip():
        return of_text
    try:
        given = int(column)
    except ValueError:
        raise StudyError(f"decimals: {column!r} is not a whole number") from None
    if given < of_text and of_text > 0:
        raise StudyError(f"{text!r} has {of_text} decimals, but the column decimals says {given}")
    return given


def compare(printed: Printed, computed: float) -> str:
    """``exact``, ``last_digit`` or ``different`` by rules 3 to 5."""
    if not math.isfinite(computed):
        return DIFFERENT
    steps = min(abs(rounded - printed.value) for rounded in _roundings(computed, printed.unit))
    if steps == 0:
        wrong_sign = printed.value == 0 and printed.negative and computed > 0
        return LAST_DIGIT if wrong_sign else EXACT
    return LAST_DIGIT if steps == printed.unit else DIFFERENT


def _roundings(computed: float, unit: Decimal) -> tuple[Decimal, Decimal]:
    with localcontext() as context:
        context.prec = 400  # any double to any number of decimals
        number = Decimal(f"{computed:.{SIGNIFICANT_DIGITS - 1}e}")
        return (
            number.quantize(unit, rounding=ROUND_HALF_UP),
            number.quantize(unit, rounding=ROUND_HALF_EVEN),
        )


def in_last_digits(printed: Printed, computed: float) -> float:
    """``computed - printed`` in units of the last printed digit; within a half when exact."""
    return (computed - float(printed.value)) / float(printed.unit)


def relative_difference(printed: Printed, computed: float) -> float:
    """``(computed - printed) / |printed|``; the plain difference where zero is printed."""
    value = float(printed.value)
    return (computed - value) / (abs(value) or 1.0)
