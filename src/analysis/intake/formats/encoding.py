"""Which encoding a text file has, from its bytes."""

import codecs
import re
from dataclasses import dataclass

from analysis.intake.formats.content import refused
from analysis.intake.problems import Problem

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_SAVE_AS_UTF8 = "save it as CSV UTF-8"
_UTF8_READ_AS_WINDOWS = re.compile("[ÃÂÅ][\u0080-\u00bfŒœŠšŸŽžƒˆ˜–—‘’‚“”„†‡•…‰‹›€™]")
_ODD_INSIDE_A_WORD = re.compile("[a-z][‚„ˆ‰‹Š…‡†Žƒ¢£³¹¿][a-z]")
_POLISH_READ_AS_WESTERN = re.compile("[a-zA-Zœæêñó][³¹¿][a-zœæêñó]")
_POLISH_LETTERS = frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ")
_CONTROL = re.compile("[\x01-\x08\x0e-\x19\x1c-\x1f]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, the name of its encoding, and what is suspicious about it."""

    text: str
    encoding: str
    problems: tuple[Problem, ...] = ()


def decode(data: bytes, file: str) -> Decoded:
    """The text of a file in UTF-8, UTF-16, UTF-32 or Windows-1252 (of which Latin-1 is part).

    Polish is read in Windows-1250 too.

    Raises
    ------
    UnreadableFile
        For bytes that are no text, or text in several encodings.
    """
    codec, name = _codec(data)
    if codec:
        text = _strictly(data, codec, name, file)
        problems: tuple[Problem, ...] = ()
    else:
        text, name, problems = _without_mark(data, file)
    text = text.rstrip("\x1a").removeprefix("\ufeff")
    _refuse_binary(text, file)
    return Decoded(text, name, problems)


def _codec(data: bytes) -> tuple[str, str]:
    """The codec that a byte order mark or the zero bytes of UTF-16 announce, and its name."""
    for mark, codec, name in _BOMS:
        if data.startswith(mark):
            return codec, name
    start = data[:4000]
    odd, even = start[1::2].count(0), start[0::2].count(0)
    if odd > 0.4 * len(start[1::2]) and not even:
        return "utf-16-le", "UTF-16 without a byte order mark"
    if even > 0.4 * len(start[0::2]) and not odd:
        return "utf-16-be", "UTF-16 without a byte order mark"
    return "", ""


def _strictly(data: bytes, codec: str, name: str, file: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"the text begins as {name} but does not go on so"
        raise refused(file, "encoding.broken", message, _SAVE_AS_UTF8, row=line) from None


def _without_mark(data: bytes, file: str) -> tuple[str, str, tuple[Problem, ...]]:
    try:
        text = data.decode("utf-8")
        return text, "UTF-8", _encoded_twice(text, file)
    except UnicodeDecodeError as error:
        place, line = error.start, data.count(b"\n", 0, error.start) + 1
    if polish := _polish(data):
        return polish, "Windows-1250", ()
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        if b"\x00" in data:
            raise _binary(file) from None
        message = "the text is in no encoding that is read (UTF-8, UTF-16, Windows-1252)"
        raise refused(file, "encoding.unknown", message, _SAVE_AS_UTF8, row=line) from None
    if _UTF8_READ_AS_WINDOWS.search(text):
        message = "some lines are in UTF-8 and some in Windows-1252"
        word = _around(text, place, place + 1)
        raise refused(file, "encoding.mixed", message, _SAVE_AS_UTF8, row=line, value=word)
    return text, "Windows-1252", _suspicion(text, file)


def _polish(data: bytes) -> str:
    """The text as Windows-1250, where that makes Polish of it; ``""`` otherwise.

    Read as Windows-1252, ``ł``, ``ą`` and ``ż`` are ``³``, ``¹`` and ``¿`` inside words.
    """
    western, polish = (data.decode(codec, "replace") for codec in ("cp1252", "cp1250"))
    letters = {letter for letter in polish if letter.isalpha() and not letter.isascii()}
    found = _POLISH_READ_AS_WESTERN.search(western) and letters <= _POLISH_LETTERS
    return polish if found and "\ufffd" not in polish else ""


def _encoded_twice(text: str, file: str) -> tuple[Problem, ...]:
    """A question if a text that is UTF-8 was read as Windows-1252 once before."""
    twice = _UTF8_READ_AS_WINDOWS.search(text)
    message = "accented letters were spoilt before this file was written (encoded twice)"
    return _question(text, twice, "encoding.twice", message, file)


def _suspicion(text: str, file: str) -> tuple[Problem, ...]:
    """A question if letters look like those of another old encoding (DOS, Mac, Central Europe)."""
    odd = _ODD_INSIDE_A_WORD.search(text)
    message = "an odd letter inside a word: the file may be in another encoding than Windows-1252"
    return _question(text, odd, "encoding.odd_letters", message, file)


def _question(
    text: str, found: re.Match[str] | None, rule: str, message: str, file: str
) -> tuple[Problem, ...]:
    if found is None:
        return ()
    line, value = text.count("\n", 0, found.start()) + 1, _around(text, *found.span())
    return (Problem(file, rule, message, _SAVE_AS_UTF8, "question", row=line, value=value),)


def _around(text: str, begin: int, end: int) -> str:
    """The word in which letters stand, for the message."""
    before = re.search(r"\w*$", text[max(0, begin - 20) : begin])
    after = re.match(r"\w*", text[end : end + 20])
    return (before[0] if before else "") + text[begin:end] + (after[0] if after else "")


def _refuse_binary(text: str, file: str) -> None:
    start = text[:100_000]
    if "\x00" in text or len(_CONTROL.findall(start)) > 0.01 * len(start):
        raise _binary(file)


def _binary(file: str) -> Exception:
    message = "the content is neither text nor a workbook, nor Parquet"
    advice = "give CSV, TSV, XLSX, Parquet, SDMX-CSV or Eurostat TSV"
    return refused(file, "content.binary", message, advice)
