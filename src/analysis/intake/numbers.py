"""Numbers as people write them: French and English habits, statistical flags, missing values."""

import math
import re
from dataclasses import dataclass
from datetime import date


class Percentage(float):
    """A number of a workbook shown in percent: 12.5 where the cell stores 0.125."""

    def __str__(self) -> str:
        return f"{float(self)!r}%"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A cell of a column of numbers.

    ``rule`` is "" when the cell could be read; then ``value`` is the number, or None for a
    missing one, with the ``flag`` written beside or instead of it (``b``, ``:``, ``n.d.``).
    ``percent`` says that the cell has a percent sign (the value is not divided). Otherwise
    ``rule`` says why not, and ``EXPLAINED`` says it in words. Under the rule ``number.unit``
    ``suffix`` is the unit written in the cell (``k€``) and ``value`` the number beside it.
    """

    value: float | None
    flag: str = ""
    percent: bool = False
    suffix: str = ""
    rule: str = ""


AMBIGUOUS = "number.ambiguous"

EXPLAINED = {
    "number.unreadable": (
        "not a number",
        "write digits with one decimal sign, or leave the cell empty",
    ),
    AMBIGUOUS: (
        "a thousand or a decimal fraction: nothing else in the file settles what the sign means",
        "say which with --decimal , or --decimal .",
    ),
    "number.other_decimal": (
        "a decimal sign other than the one the other cells use",
        "write one decimal sign throughout, or say which with --decimal , or --decimal .",
    ),
    "number.unit": (
        "a number with a unit or text beside it",
        "put the unit in the column's name and leave the number alone in the cell",
    ),
    "number.date": (
        "a date where a number is expected",
        "format the column as numbers (spreadsheets turn 3.12 or 3-12 into dates)",
    ),
    "number.boolean": (
        "true or false where a number is expected",
        "write 1 or 0 if a number is meant",
    ),
    "number.spreadsheet_error": (
        "an error of the spreadsheet instead of a number",
        "repair the formula, or leave the cell empty if the figure is not available",
    ),
    "number.formula": (
        "a formula instead of a number",
        "replace the formula by its value",
    ),
    "number.not_finite": (
        "not a finite number",
        "leave the cell empty if the figure is not available",
    ),
    "number.other_digits": (
        "digits that are not 0 to 9",
        "write the number with the digits 0 to 9",
    ),
}
"""Rule: what was found, and what to do."""

_SPACES = dict.fromkeys("\u00a0\u202f\u2007\u2009", " ")
_MINUSES = dict.fromkeys("−–‐‑", "-")
_PLAIN_SIGNS = str.maketrans({**_SPACES, **_MINUSES, "’": "'"})
_INVISIBLE = "\ufeff\u200b\u200e\u200f\u2060"

_MISSING = frozenset(
    {"-", "--", "---", "—", ".", "..", "...", "…", "x", "c", "s", "sd", "null", "none"}
    | {"nd", "n.d", "n.d.", "n/d", "n.disp.", "na", "n.a", "n.a.", "n/a", "k.a."}
    | {"nc", "n.c", "n.c.", "ns", "n.s.", "nr", "n.r."}
)
_MISSING_FLAGGED = re.compile(r": ?([a-z]{0,4})")

_FLAG = r"(?P<flag>[bcdefinprstuz]|(?=[bcdepruz]{2,3}$)b?c?d?e?p?r?u?z?|\([a-z]\)|\*{1,3})"
_NUMERAL = r"(?P<mantissa>\d[\d ,.']*|[.,]\d+)(?P<exponent>[eE][+-]?\d{1,3})?"
_NUMBER = re.compile(
    rf"(?P<open>\()? ?(?P<sign>[+-])? ?{_NUMERAL} ?(?P<percent>%)?(?P<late>-)? ?(?P<close>\))?"
    rf"(?: ?{_FLAG})?",
    re.ASCII,
)
_WITH_UNIT = re.compile(
    rf"(?P<before>[^\W\d_]{{0,4}}[€$£¥]|[A-Z]{{3}})? ?(?P<sign>[+-])? ?{_NUMERAL} ?"
    r"(?P<after>[^\d\s.,'%()+-][^\d%()]*)?"
)
_PLAIN = {
    "": re.compile(r"-?\d{1,15}(\.\d{1,2}|\.\d{4,15})?", re.ASCII),
    ".": re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII),
    ",": re.compile(r"-?\d{1,15}(,\d{1,15})?", re.ASCII),
}
"""Most cells of most files, which need no closer look."""

_MONTH = r"(jan|feb|fév|mar|apr|avr|mai|may|jun|jui|jul|aug|aoû|sep|oct|nov|dec|déc)[a-zéû]*\.?"
_DATE = re.compile(
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.](\d{2}|\d{4})"
    rf"|\d{{1,2}}[-/. ]{_MONTH}([-/. ]\d{{2,4}})?|{_MONTH}[-/. ]\d{{1,4}}",
    re.IGNORECASE,
)
_LONGEST = 100
"""Characters of the longest text that may be a number."""
_NOT_FINITE = re.compile(r"[+-]?(inf|infinity|nan|∞|1\.#.*)", re.IGNORECASE)
_SHEET_ERROR = re.compile(r"#(REF|DIV|N/A|N/D|VALUE|VALEUR|NAME|NOM|NUM|NOMBRE|NULL|NUL|#+).*")
_BOOLEANS = frozenset({"true", "false", "vrai", "faux", "wahr", "falsch"})

_WHOLE = r"(?P<whole>\d+|[1-9]\d{0,2}(?P<group>[ ,.'])\d{3}(?:(?P=group)\d{3})*)"
_READINGS = {
    "": re.compile(_WHOLE, re.ASCII),
    ",": re.compile(rf"{_WHOLE}?,(?P<fraction>\d+)", re.ASCII),
    ".": re.compile(rf"{_WHOLE}?\.(?P<fraction>\d+)", re.ASCII),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a numeral: its decimal sign and thousands' sign ("" if none)."""

    decimal: str
    group: str
    digits: str

    def agrees_with(self, decimal: str) -> bool:
        """Whether a file whose decimal sign is ``decimal`` ("" if unknown) may mean this."""
        return not decimal or (self.decimal in ("", decimal) and self.group != decimal)


def readings(mantissa: str) -> list[Reading]:
    """All ways to read digits with signs between them: none, one, or two for ``1,234``.

    Thousands are grouped by three with one sign (space, apostrophe, comma or point).
    """
    found = []
    for decimal, pattern in _READINGS.items():
        match = pattern.fullmatch(mantissa)
        if match is None or (decimal and match["group"] == decimal):
            continue
        whole = "".join(char for char in match["whole"] or "0" if char.isdigit())
        fraction = match["fraction"] if decimal else "0"
        found.append(Reading(decimal, match["group"] or "", f"{whole}.{fraction}"))
    return found


def numeral(text: str) -> str | None:
    """The digits and signs of a text that is a number, without sign, percent, exponent or flag."""
    match = _NUMBER.fullmatch(_cleaned(text).translate(_PLAIN_SIGNS))
    return match["mantissa"].strip() if match else None


def parse_number(value: object, decimal: str) -> Parsed:
    """Read a cell of a column of numbers.

    Parameters
    ----------
    value
        The cell: text, int, float, bool, date or None.
    decimal
        "," or "." if the file's decimal sign is known, "" if not: a cell such as ``1,234``, which
        could be a thousand or a fraction, is then not read (rule ``number.ambiguous``).
    """
    if value is None:
        return Parsed(None)
    if isinstance(value, bool):
        return Parsed(None, rule="number.boolean")
    if isinstance(value, date):
        return Parsed(None, rule="number.date")
    if isinstance(value, (int, float)):
        return _finite(value, percent=isinstance(value, Percentage))
    return _parse_text(str(value), decimal)


def _finite(number: float, flag: str = "", percent: bool = False) -> Parsed:
    try:
        number = float(number)
    except OverflowError:  # a whole number of more than 308 digits
        number = math.inf
    if not math.isfinite(number):
        return Parsed(None, rule="number.not_finite")
    return Parsed(number, flag=flag, percent=percent)


def _cleaned(text: str) -> str:
    return text.strip(_INVISIBLE + " \t\r\n\u00a0\u202f\u2007\u2009")


def _parse_text(written: str, decimal: str) -> Parsed:
    if _PLAIN[decimal].fullmatch(written):
        return Parsed(float(written.replace(",", ".")))
    text = _cleaned(written)
    if len(text) > _LONGEST:
        return Parsed(None, rule="number.unreadable")
    missing = _missing(text)
    if missing is not None:
        return missing
    match = _NUMBER.fullmatch(text.translate(_PLAIN_SIGNS))
    if match is None or not _signed_once(match):
        return _not_a_number(text, decimal)
    chosen = _chosen(match, decimal)
    if chosen == "number.unreadable":
        return _not_a_number(text, decimal)
    if chosen in EXPLAINED:
        return Parsed(None, rule=chosen)
    number = float(chosen + (match["exponent"] or ""))
    negative = match["sign"] == "-" or match["open"] or match["late"]
    flag = (match["flag"] or "").strip("()")
    return _finite(-number if negative else number, flag, bool(match["percent"]))


def _signed_once(match: re.Match[str]) -> bool:
    signs = (match["open"], match["sign"], match["late"])
    return sum(map(bool, signs)) <= 1 and bool(match["open"]) == bool(match["close"])


def _chosen(match: re.Match[str], decimal: str) -> str:
    """The digits of the one reading that the decimal sign allows, or the rule that refuses them."""
    possible = readings(match["mantissa"].strip())
    if match["exponent"]:
        possible = [reading for reading in possible if not reading.group]
    if not possible:
        return "number.unreadable"
    allowed = [reading for reading in possible if reading.agrees_with(decimal)]
    if not allowed:
        return "number.other_decimal"
    return allowed[0].digits if len(allowed) == 1 else AMBIGUOUS


def _missing(text: str) -> Parsed | None:
    """What stands for a missing figure, with the mark as flag; None if ``text`` is not that."""
    if not text:
        return Parsed(None)
    if text.lower() in _MISSING or text in ("–", "−"):
        return Parsed(None, flag=text)
    flagged = _MISSING_FLAGGED.fullmatch(text)
    return Parsed(None, flag=flagged[1] or ":") if flagged else None


def _not_a_number(text: str, decimal: str) -> Parsed:
    """The rule that says best why a text is not a number."""
    rules = (
        ("number.formula", text.startswith(("=", "@"))),
        ("number.spreadsheet_error", _SHEET_ERROR.fullmatch(text)),
        ("number.boolean", text.lower() in _BOOLEANS),
        ("number.not_finite", _NOT_FINITE.fullmatch(text)),
        ("number.date", _DATE.fullmatch(text)),
        ("number.other_digits", any(char.isdecimal() and not char.isascii() for char in text)),
    )
    for rule, holds in rules:
        if holds:
            return Parsed(None, rule=rule)
    return _with_unit(text, decimal)


def _with_unit(text: str, decimal: str) -> Parsed:
    match = _WITH_UNIT.fullmatch(text.translate(_PLAIN_SIGNS))
    if match is None or bool(match["before"]) == bool(match["after"]):
        return Parsed(None, rule="number.unreadable")
    chosen = _chosen(match, decimal)
    if chosen in EXPLAINED:
        return Parsed(None, rule=chosen)
    number = _finite(float(chosen + (match["exponent"] or ""))).value
    suffix = (match["before"] or match["after"]).strip()
    if number is None:
        return Parsed(None, rule="number.not_finite")
    return Parsed(-number if match["sign"] == "-" else number, suffix=suffix, rule="number.unit")
