"""What is wrong with a file somebody brought: where it stands, which rule, what to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from analysis import CompendiumError

Severity = Literal["error", "aside", "question"]

SHOWN_CHARACTERS = 80
SHOWN_PROBLEMS = 20
LISTED_PROBLEMS = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a file.

    ``severity`` is ``"error"`` (the file is refused), ``"aside"`` (the row or cell is not used)
    or ``"question"`` (suspicious: an answer or a declaration is needed). ``rule`` is a stable
    name such as ``number.unreadable``. ``row`` is the line of a text file, or the row of a sheet
    as the spreadsheet program counts it; None for a problem of the whole file. ``value`` is the
    cell as written, cut after 80 characters.
    """

    file: str
    rule: str
    message: str
    suggestion: str
    severity: Severity = "error"
    sheet: str = ""
    row: int | None = None
    column: str = ""
    value: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", shortened(self.value))


def shortened(text: str) -> str:
    """A text cut after 80 characters, the cut shown by an ellipsis."""
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def sentence(problem: Problem) -> str:
    """A problem in one printable line: place, value, what was expected, what to do."""
    place = [problem.file]
    place += [f"sheet {problem.sheet}"] if problem.sheet else []
    place += [f"row {problem.row}"] if problem.row is not None else []
    place += [f"column {problem.column}"] if problem.column else []
    value = f" {problem.value!r}:" if problem.value else ""
    line = f"{', '.join(place)}:{value} {problem.message}; {problem.suggestion} [{problem.rule}]"
    return "".join(char if char.isprintable() else " " for char in line)


class UnreadableFile(CompendiumError):  # noqa: N818
    """A file that is refused, with every problem found in it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(all_sentences(self.problems))


def listed(problems: Iterable[Problem]) -> list[Problem]:
    """The first 1,000 problems of one rule; the last of them says how many more there are."""
    rest = iter(problems)
    first = list(islice(rest, LISTED_PROBLEMS))
    more = sum(1 for _ in rest)
    if more:
        message = f"{first[-1].message} (and {more:,} more of this kind)"
        first[-1] = replace(first[-1], message=message)
    return first


def all_sentences(problems: Sequence[Problem]) -> str:
    """One line per problem; a long list is cut after 20, and says so."""
    lines = [sentence(problem) for problem in problems[:SHOWN_PROBLEMS]]
    if len(problems) > SHOWN_PROBLEMS:
        lines.append(
            f"… and {len(problems) - SHOWN_PROBLEMS} more; "
            "compendium data check FILE --out DIR writes the whole list to a file"
        )
    return "\n".join(lines)
