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

Rounded twice
-------------
Some printed numbers were made from a number that had been rounded already: 17.40 percent from a
table that shows the share as 0.174, or -.0000000070 from a screen that shows -6.95e-09. For such a
number the study may say ``rounded: {decimals: N, reason: ...}``. If ours, rounded half up to N
decimals and then scaled, is exact by rule 3 where ours alone is not, the verdict is
``rounded_twice``. It is counted by itself, never among the exact ones, and the report gives the
study's reason. With ``d`` the decimals of the print before scaling, only two values of N are
possible, so that it cannot explain a number that is merely near:

* ``N = d + 1``: one digit more than is printed. The second rounding moves the boundary by a
  twentieth of the last printed digit.
* ``N = d - 1``, where the number is scaled by a power of ten, as in percent, and the last printed
  digit is a zero: the digit that scaling cannot have brought back.
"""

import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation, localcontext

from analysis.studies.errors import StudyError

EXACT, ROUNDED_TWICE = "exact", "rounded_twice"
LAST_DIGIT, DIFFERENT = "last_digit", "different"
SIGNIFICANT_DIGITS = 12
MINUS_SIGNS = "−–—‐‑"
THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(,\d{3})+(\.\d*)?%?")


@dataclass(frozen=True, slots=True)
class Printed:
    """A printed number: its value, the unit of its last digit, whether it bears a minus, and
    whether it was printed in percent (``value`` and ``unit`` are those of the fraction)."""

    value: Decimal
    unit: Decimal
    negative: bool
    percent: bool = False


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
    return Printed(value, unit, cleaned.startswith("-"), percent)


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
    return _rounded(computed, unit, ROUND_HALF_UP), _rounded(computed, unit, ROUND_HALF_EVEN)


def _rounded(computed: float, unit: Decimal, rounding: str) -> Decimal:
    with localcontext() as context:
        context.prec = 400  # any double to any number of decimals
        number = Decimal(f"{computed:.{SIGNIFICANT_DIGITS - 1}e}")
        return number.quantize(unit, rounding=rounding)


def rounded_first(computed: float, decimals: int, scale: float, printed: Printed) -> float:
    """``computed``, already in the units of the print, rounded to ``decimals`` before ``scale``.

    Raises
    ------
    StudyError
        If ``scale`` is no power of ten, or the print cannot have been made from a number with so
        many decimals; see *Rounded twice* above.
    """
    digits, exponent = Decimal(repr(abs(scale))).normalize().as_tuple()[1:]
    if digits != (1,):
        raise StudyError(f"rounded goes with a scale that is a power of ten, not {scale:g}")
    shown = int(exponent) - printed.unit.adjusted()
    rescaled = printed.percent or exponent != 0
    zero_added = rescaled and printed.value % (10 * printed.unit) == 0
    if decimals not in (shown + 1, shown - 1 if zero_added else shown + 1):
        raise StudyError(
            f"rounded: a number of {decimals} decimals does not explain this print, which has "
            f"{shown} before scaling; allowed are {shown + 1}, and {shown - 1} where scale is a "
            "power of ten such as 100 and the last printed digit is 0"
        )
    if not math.isfinite(computed):
        return computed
    return float(_rounded(computed, Decimal(1).scaleb(int(exponent) - decimals), ROUND_HALF_UP))


def in_last_digits(printed: Printed, computed: float) -> float:
    """``computed - printed`` in units of the last printed digit; within a half when exact."""
    return (computed - float(printed.value)) / float(printed.unit)


def relative_difference(printed: Printed, computed: float) -> float:
    """``(computed - printed) / |printed|``; the plain difference where zero is printed."""
    value = float(printed.value)
    return (computed - value) / (abs(value) or 1.0)
