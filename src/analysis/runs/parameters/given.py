"""What a user gives: ``key=value`` texts and files of YAML or JSON, none of them to be trusted."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from analysis.runs.parameters.errors import ParameterError

#: How texts are given, by the option they are given with.
_EXAMPLES = {
    "-p": "-p countries=FR,DE or -p years=2000-2012",
    "--declare": "--declare unit=EUR",
}


def read_values(
    pairs: Iterable[str], file: Path | None = None, option: str = "-p"
) -> dict[str, Any]:
    """Values from a YAML or JSON ``file`` and, over them, from ``key=value`` texts.

    option: the one the texts are given with, ``-p`` or ``--declare``, for what is said of them.

    Raises ParameterError for a file that is not a mapping, a text without ``=``, or a key given
    twice in either place.
    """
    values = _file_values(file) if file is not None else {}
    typed: dict[str, str] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip()
        if not equals or not name:
            raise ParameterError(f"{option} {pair}: expected key=value, as in {_EXAMPLES[option]}")
        if name in typed:
            raise ParameterError(f"{option} {name} is given more than once")
        for part in (name, text):
            require_plain_text(f"{option} {name[:60]!a}", part)
        typed[name] = text.strip()
    return values | typed


#: A file of parameters is a few pages of text, of lists at most.
_LARGEST_FILE, _DEEPEST = 100_000, 8
#: As many characters as a value may have; Python reads no longer numbers either.
_LONGEST_TEXT = 4000


def _file_values(file: Path) -> dict[str, Any]:
    import yaml

    try:
        text = limited_text(file, _LARGEST_FILE)
        _require_plain(file, text)
        values = yaml.safe_load(text)
        node: Any = yaml.compose(text)
    except yaml.constructor.ConstructorError as error:
        raise ParameterError(
            f"{file}{_line(error.problem_mark)} is neither YAML nor JSON of plain values: "
            f"{error.problem}; write texts, numbers and lists of them"
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ParameterError(f"{file} is neither YAML nor JSON: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ParameterError(f"{file}: expected a mapping of parameter names to values")
    keys = Counter(key.value for key, _ in node.value)
    twice = sorted(key for key, count in keys.items() if count > 1)
    if twice:
        raise ParameterError(f"{file}: given more than once: {', '.join(twice)}")
    return values


def limited_text(file: Path, largest: int) -> str:
    """The text of a file of at most ``largest`` bytes; ParameterError for any other."""
    try:
        with file.open("rb") as opened:
            content = opened.read(largest + 1)
        if len(content) > largest:
            raise ParameterError(f"{file}: more than {largest // 1000:,} kB, no parameters")
        return content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"cannot read the parameter file {file}: {error}") from None


def _require_plain(file: Path, text: str) -> None:
    """Refuse what could grow without end when it is read, and text that is none.

    What grows is aliases and deep nesting.
    """
    import yaml

    depth = 0
    for event in yaml.parse(text):
        if isinstance(event, yaml.AliasEvent):
            raise ParameterError(
                f"{file}{_line(event.start_mark)}: *{event.anchor} repeats another part "
                "of the file; write it out"
            )
        if isinstance(event, yaml.ScalarEvent):
            require_plain_text(f"{file}{_line(event.start_mark)}", event.value)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise ParameterError(
                f"{file}{_line(event.start_mark)}: nested more than {_DEEPEST} deep"
            )


def _line(mark: Any) -> str:
    return f", line {mark.line + 1}" if mark is not None else ""


def require_plain_text(place: str, text: str) -> None:
    """Refuse pages of text, control characters, line breaks and bytes that were no text."""
    if len(text) > _LONGEST_TEXT:
        raise ParameterError(
            f"{place}: {text[:20]!a}… has {len(text)} characters; at most {_LONGEST_TEXT} are read"
        )
    if not text.isprintable():
        raise ParameterError(f"{place}: {text[:60]!a} has characters that cannot be printed")
