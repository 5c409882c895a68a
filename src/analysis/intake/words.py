"""Words as they are compared: without case, accents and punctuation; and the declared lists."""

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import yaml

# Letters that do not decompose into a letter and an accent.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ð": "d", "ı": "i"})
_NOT_WORD = re.compile(r"[\W_]+")


def plain(text: str) -> str:
    """``Côte-d’Or `` → ``cote d or``: what is left to compare two names by."""
    return _NOT_WORD.sub(" ", folded(text)).strip()


def folded(text: str) -> str:
    """Without case and accents; punctuation stays."""
    letters = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def slug(text: str) -> str:
    """A column name made of a header: ``Montant programmé`` → ``montant_programme``."""
    ascii_only = re.sub(r"[^a-z0-9]+", "_", plain(text)).strip("_")
    return ascii_only if ascii_only[:1].isalpha() else f"v_{ascii_only}".rstrip("_")


@cache
def declared(name: str) -> dict[str, Any]:
    """One of the declared lists beside this module (``vocabulary``, ``units``, ``places``)."""
    path = Path(__file__).with_name(f"{name}.yaml")
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


@cache
def _header_words(role: str) -> tuple[frozenset[str], tuple[str, ...]]:
    words = declared("vocabulary")["headers"][role]
    whole = frozenset(plain(word) for word in words if "*" not in word)
    return whole, tuple(plain(word.strip("*")) for word in words if "*" in word)


def header_has_role(header: str, role: str) -> bool:
    """Whether a header is a word of a role; what stands in brackets is not looked at."""
    whole, inside = _header_words(role)
    text = plain(re.sub(r"[(\[].*?[)\]]", " ", header)) or plain(header)
    return text in whole or any(f" {word}" in f" {text}" for word in inside)
