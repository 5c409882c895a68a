"""Units: said by an option, a column, a header or a line above it; never guessed from figures."""

import re
from dataclasses import dataclass
from functools import cache

from analysis.intake.checked import Kind
from analysis.intake.words import declared, folded

_BRACKETS = re.compile(r"[(\[]([^()\[\]]+)[)\]]")
_SAID = re.compile(
    r"(?:(?:unité|unite|unit|einheit|unidad|unità)s?\s*[:=]|unit of measure\b)\s*(.+)",
    re.IGNORECASE,
)
_TAIL = re.compile(r"(?:,| - | en | in )\s*([^,]+)$", re.IGNORECASE)
_PER_ROW = re.compile(
    r"\b(?:per|par|por|pro|je) (?:an(?:nee|no)?|year|ano|jahr|region\w*|pays|country)\b"
)
_WORD = re.compile(r"[^\s_]+")
_COUNTED = re.compile(r"(?:nombre|nb|number|anzahl|numero|effectif)s?\b(?! index)")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: figures are ``factor`` × what is written, in ``name``."""

    name: str
    kind: Kind
    factor: float = 1.0
    denominator: str = ""


def _key(text: str) -> str:
    return re.sub(r"\s+", " ", folded(text).replace("’", "'")).strip(" .:;,()[]")


@cache
def _words(field: str) -> dict[str, Unit]:
    entries = declared("units")["units"]
    nouns = {_key(noun) for entry in entries.values() for noun in entry.get("nouns", ())}
    table: dict[str, Unit] = {}
    for name, entry in entries.items():
        unit = Unit(
            entry.get("base", name),
            entry["kind"],
            float(entry.get("factor", 1)),
            entry.get("denominator", ""),
        )
        named = [name] if field == "words" and _key(name) not in nouns else []
        table |= {_key(word): unit for word in (*named, *entry.get(field, ()))}
    return table


def parse_unit(text: str, nouns: bool = True) -> Unit | None:
    """The unit a text names, None where the declared list has no such word.

    ``nouns`` admits words such as *jobs* or *share*, units only where a unit is announced.
    """
    key = _key(text)
    return _words("words").get(key) or (_words("nouns").get(key) if nouns else None)


def is_other_money(text: str) -> bool:
    """Whether a text names a currency other than the euro, or a multiple of one."""
    pattern = r"^(?:m|k|mio|mn|mln|ths|tys\.?|tsd\.?|million|thousand|millions de|milliers de)?\s*"
    word = re.sub(pattern, "", _key(text))
    money = {_key(each) for each in declared("units")["other_money"]}
    return word in money or _key(text) in money


def is_bare_multiple(text: str) -> bool:
    """Whether a text says thousands or millions without saying of what."""
    return _key(text) in declared("units")["bare_multiples"]


def _is_named(text: str, nouns: bool) -> bool:
    return bool(parse_unit(text, nouns)) or is_other_money(text)


def unit_in_header(header: str) -> str:
    """The unit text in a header (``Montant (k€)``, ``Dépenses en M€``), "" where there is none.

    Where a known unit is part of one that is not (``x mila €``, ``€ par salarié``), that which is
    not known.
    """
    found = _named_in(header)
    texts = (*_BRACKETS.findall(header), header) if found else ()
    return next((text.strip() for text in texts if _is_qualified(text, found)), found)


def _named_in(header: str) -> str:
    for text in (*_BRACKETS.findall(header), *_said_after(header)):
        if _is_named(text, nouns=True):
            return str(text).strip()
    bare = header.rstrip("()[] ")
    last = [bare[word.start() :].lstrip("([") for word in _WORD.finditer(bare)][-2:]
    tails = (header, *_TAIL.findall(header), *last)
    named = [text for text in tails if _is_named(text, nouns=False)]
    if not named and _COUNTED.match(folded(header)):
        named = ["number"]
    return [*named, ""][0].strip()


def _is_qualified(text: str, found: str) -> bool:
    """Whether words besides the unit found make another unit of it."""
    rest = folded(text).replace(folded(found), " ", 1)
    rest = _PER_ROW.sub(" ", re.sub(r"(?<=\d)[ .](?=000\b)", "", rest))
    words = set(re.split(r"[\W_]+", rest))
    unit = parse_unit(found)
    money = ("eur", "euro", "euros") if unit is not None and unit.kind == "count" else ()
    return not words.isdisjoint((*map(folded, declared("units")["qualifiers"]), *money))


def unit_in_lines(lines: tuple[str, ...]) -> list[str]:
    """Units said above or below a table (``Unité : millions d'euros``, ``(en %)``), in order."""
    found: list[str] = []
    for line in lines:
        announced = [*_said_after(line), *_BRACKETS.findall(line)]
        plain_text = [line, *_TAIL.findall(line)]
        named = [each for each in announced if _is_named(each, nouns=True)]
        named += [each for each in plain_text if _is_named(each, nouns=False)]
        found += [each.strip() for each in named[:1] if each.strip() not in found]
    return found


def _said_after(text: str) -> list[str]:
    said = _SAID.search(text)
    return [said[1]] if said else []
