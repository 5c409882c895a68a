"""What choices of a specification curve, their options and the themes are called."""

import re
from functools import cache
from pathlib import Path

import yaml

from analysis.claims.declaration import Text, codebook_text
from analysis.languages import catalogue, typeset
from analysis.panel.codebook import variables
from analysis.robustness.enumeration import WITH

#: A column of a model: lagged, in logarithms, or as it is.
_TERM = re.compile(r"(?:L(?P<lag>\d+)\.)?(?:(?P<log>log(?:1p)?)(?:\(|_))?(?P<column>\w+)\)?")


@cache
def _declared() -> dict[str, dict[str, Text]]:
    text = Path(__file__).with_name("labels.yaml").read_text(encoding="utf-8")
    groups = yaml.safe_load(text)
    return {
        group: {str(name): Text(*words) for name, words in names.items()}
        for group, names in groups.items()
    }


def theme(notebook: str, lang: str) -> str:
    """What the claims of a notebook are about; the notebook's name where none is declared."""
    words = _declared()["themes"].get(notebook)
    return typeset(words.of(lang), lang) if words else notebook


def publisher(name: str, lang: str) -> str:
    """A publisher of data inside a sentence; its own name where none is declared."""
    words = _declared()["publishers"].get(name.partition(",")[0])
    return typeset(words.of(lang), lang) if words else name


def choice(name: str, lang: str, claim: str) -> str:
    """What a choice of the curve of a claim is called; of a control, what it holds constant."""
    if name.startswith(WITH):
        return catalogue("site", lang).text("curve.control", name=_term(name[len(WITH) :], lang))
    declared = _declared()["choices"]
    words = declared.get(f"{claim}.{name}") or declared.get(name)
    return typeset(words.of(lang), lang) if words else _term(name, lang)


def option(value: object, lang: str) -> str:
    """What an option of a choice is called; what nobody has named is shown as it is."""
    text = str(value)
    words = _declared()["options"].get(text)
    if words:
        return typeset(words.of(lang), lang)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        year = float(text) >= 1900
        return text if year else catalogue("site", lang).number(float(text))
    if " + " in text:
        return " + ".join(option(part, lang) for part in text.split(" + "))
    return _term(text, lang)


def is_named(value: object) -> bool:
    """Whether an option is declared here, is a number, or is made of columns of the codebook."""
    text = str(value)
    parts = text.split(" + ")
    if len(parts) > 1:
        return all(is_named(part) for part in parts)
    number = re.fullmatch(r"\d+(\.\d+)?(-\d+)?", text)
    return bool(number) or text in _declared()["options"] or _column_of(text) is not None


def _column_of(text: str) -> tuple[Text, re.Match[str]] | None:
    match = _TERM.fullmatch(text)
    if match is None:
        return None
    column = match["column"]
    if column in variables():
        return codebook_text(column), match
    words = _declared()["columns"].get(column)
    return (words, match) if words else None


def _term(text: str, lang: str) -> str:
    found = _column_of(text)
    if found is None:
        return text
    words, match = found
    name, texts = typeset(words.of(lang), lang), catalogue("site", lang)
    if match["log"] == "log":
        name = texts.text("term.log", name=name)
    elif match["log"] == "log1p":
        name = texts.text("term.log1p", name=name)
    if match["lag"]:
        name = texts.plural("term.lag", int(match["lag"]), name=name)
    return name
