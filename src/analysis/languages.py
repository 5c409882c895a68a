"""Text and numbers for people, in English and French, from one catalogue.

The messages are gettext files, ``locale/<language>/LC_MESSAGES/<domain>.po``, one for each part of
the project (``claims``, ``tables``, …), with symbolic keys: ``msgid "funds.received"``. Messages
hold ``{fields}``; plural forms follow the rule in the file's header. The French files are typeset
as they are printed, with no-break spaces; :func:`typeset` does the same for labels that are
declared data, such as those of the codebook and of the register.

Messages of the command line are English and stand in the code.
"""

import gettext
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from analysis import CompendiumError

LANGUAGES = ("en", "fr")
LOCALE = Path(__file__).with_name("locale")
#: French spaces: narrow before ; ! ? %, wide before the colon and inside quotation marks.
NARROW, WIDE = "\u202f", "\u00a0"
MINUS = "−"
#: Decimals at most where none are asked for.
_MOST_DECIMALS = 6
#: ISO 3166 alpha-2 of the countries of which Eurostat has a code of its own.
ISO2 = {"EL": "GR", "UK": "GB"}
#: A smaller p-value is not printed.
_SMALLEST_P = 0.001
#: Amounts of money from these sizes on are said in such units.
_SCALES = ((1e9, "money.billion"), (1e6, "money.million"))


@dataclass(frozen=True)
class Catalogue:
    """The messages of one domain in one language, and how that language writes numbers.

    A key or a field that does not exist is a mistake in the program: :class:`KeyError`.
    """

    domain: str
    lang: str
    _messages: gettext.NullTranslations

    def text(self, key: str, /, **fields: Any) -> str:
        """The message, its ``{fields}`` filled in."""
        return self._filled(key, self._messages.gettext(key), fields)

    def plural(self, key: str, n: int, /, **fields: Any) -> str:
        """The message in the form for ``n`` things; ``{n}`` in it is the number as printed."""
        form = self._messages.ngettext(key, key, abs(n))
        return self._filled(key, form, {"n": self.number(n), **fields})

    def _filled(self, key: str, message: str, fields: Mapping[str, Any]) -> str:
        try:
            return message.format_map(fields)
        except KeyError as missing:
            raise KeyError(
                f"message {key!r} of {self.domain} ({self.lang}) has the field {missing}; "
                f"given are {', '.join(sorted(fields)) or 'none'}"
            ) from None

    def number(
        self,
        value: float | None,
        *,
        decimals: int | None = None,
        significant: int | None = None,
        signed: bool = False,
    ) -> str:
        """A number as printed: 1,234.5 in English, 1 234,5 (narrow no-break space) in French.

        ``decimals`` are fixed ones (−1 rounds to tens); ``significant`` digits are those of the
        whole number, zeros at the end left out; with neither, as many decimals as there are (at
        most 6). A missing number is the word for missing; the minus is a minus sign; ``signed``
        puts a plus before what is above zero.
        """
        if is_missing(value):
            return self._format("missing")
        assert value is not None
        if math.isinf(value):
            return f"{MINUS if value < 0 else '+' if signed else ''}∞"
        if significant is not None:
            value = float(f"{value:.{significant}g}")
        if decimals is None:
            decimals = len(f"{value:.{_MOST_DECIMALS}f}".rstrip("0").partition(".")[2])
        rounded = round(float(value), decimals) + 0.0  # no minus before a zero
        sign = MINUS if rounded < 0 else "+" if signed and rounded > 0 else ""
        return sign + _digits(abs(rounded), max(decimals, 0), self.lang)

    def percent(
        self,
        value: float | None,
        *,
        decimals: int | None = 0,
        significant: int | None = None,
        signed: bool = False,
    ) -> str:
        """A number that is in per cent already (12.3, not 0.123), with its sign: 12 %."""
        if is_missing(value):
            return self._format("missing")
        return self.with_unit(
            self.number(value, decimals=decimals, significant=significant, signed=signed), "%"
        )

    def p_value(self, p: float, *, named: bool = True) -> str:
        """A p-value in three decimals, with its name (p = 0.030) or without; p < 0.001 below."""
        sign = "<" if p < _SMALLEST_P else "="
        number = self.number(max(p, _SMALLEST_P), decimals=3)
        if named:
            return f"p{WIDE}{sign}{WIDE}{number}"
        return f"<{WIDE}{number}" if sign == "<" else number

    def with_unit(self, number: str, unit: str) -> str:
        """A printed number and its unit, not to be torn apart at the end of a line."""
        key = "percent" if unit.startswith("%") else "unit"
        return self._format(key, number=number, unit=unit)

    def money(self, euros: float | None) -> str:
        """An amount in euros: 12.3 million euros; to the euro below a million, cents below 100."""
        if is_missing(euros):
            return self._format("missing")
        assert euros is not None
        for size, key in _SCALES:
            if abs(euros) >= size:
                return self._amount(key, self.number(euros / size, significant=3), euros / size)
        decimals = 0 if abs(euros) >= 100 or float(euros).is_integer() else 2
        return self._amount("money.euro", self.number(euros, decimals=decimals), euros)

    def years(self, first: float | None, last: float | None) -> str:
        """A period, or one year; a year is a name and takes no thousands separator."""
        if is_missing(first) or is_missing(last):
            return self._format("missing")
        assert first is not None and last is not None
        if first == last:
            return str(int(first))
        return self._format("years", first=int(first), last=int(last))

    def colon(self, label: str) -> str:
        """A label that introduces what follows it."""
        return self._format("colon", label=label)

    def listed(self, parts: Iterable[str]) -> str:
        """Parts that may hold commas, one after another."""
        return self._format("between").join(parts)

    def _amount(self, key: str, number: str, size: float) -> str:
        return catalogue("numbers", self.lang).plural(key, int(abs(size)), number=number)

    def _format(self, key: str, **fields: Any) -> str:
        """A message about numbers; every domain has the same ones."""
        return catalogue("numbers", self.lang).text(key, **fields)


@cache
def catalogue(domain: str, lang: str) -> Catalogue:
    """The messages of a domain in a language; :class:`CompendiumError` where there are none."""
    if lang not in LANGUAGES:
        raise CompendiumError(f"unknown language {lang!r}; there are {', '.join(LANGUAGES)}")
    path = LOCALE / lang / "LC_MESSAGES" / f"{domain}.po"
    if not path.is_file():
        domains = ", ".join(sorted(file.stem for file in path.parent.glob("*.po")))
        raise CompendiumError(f"no texts for {domain!r} in {lang!r}; there are {domains}")
    return Catalogue(domain, lang, _read(path))


def _read(path: Path) -> gettext.GNUTranslations:
    """The messages of a file, compiled in memory."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, abort_invalid=True))
    compiled.seek(0)
    messages = gettext.GNUTranslations(compiled)
    messages.add_fallback(_Refusing(path))
    return messages


class _Refusing(gettext.NullTranslations):
    """What is asked when a key has no message: gettext itself would show the key."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def gettext(self, message: str) -> str:
        raise KeyError(f"{self._path}: no message {message!r}")

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        raise KeyError(f"{self._path}: no message {msgid1!r} with plural forms")


def country(code: str, lang: str) -> str:
    """A country in a language, by its Eurostat or three-letter code; the code if unknown."""
    from babel import Locale
    from babel.core import get_global

    code = ISO2.get(code, code)
    code = get_global("territory_aliases").get(code, [code])[0]
    return str(Locale(lang).territories.get(code, code))


@cache
def _marks(lang: str) -> dict[int, str]:
    """What stands for the comma of thousands and the point of ``format()`` in a language."""
    from babel import Locale

    signs = Locale.parse(lang).number_symbols["latn"]
    return str.maketrans({",": signs["group"], ".": signs["decimal"]})


def _digits(value: float, decimals: int, lang: str) -> str:
    """A number not below zero in the digits, the point and the separators of a language."""
    return f"{value:,.{decimals}f}".translate(_marks(lang))


def is_missing(value: Any) -> bool:
    """None, NaN and pandas' NA, without importing pandas."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def typeset(text: str, lang: str) -> str:
    """A declared text as it is printed: French spaces of punctuation; English as it is."""
    if lang != "fr":
        return text
    text = re.sub(r"[ \u00a0]([;!?%])", NARROW + r"\1", text)
    text = re.sub(r" (:|»)", WIDE + r"\1", text)
    return text.replace("« ", "«" + WIDE).replace("'", "’")
