"""What may be wrong with what a user asks for, and how a message says what is allowed."""

from collections.abc import Iterable
from difflib import get_close_matches

from analysis import CompendiumError


class UsageError(CompendiumError):
    """Something was asked for that cannot be done as asked; nothing has been started."""


class ParameterError(UsageError):
    """Parameters a notebook cannot run with; the message lists every problem at once."""


def hint(word: str, allowed: Iterable[str]) -> str:
    """``"; did you mean 'x'? allowed: x, y"``, without the question when nothing is close."""
    names = list(allowed)
    by_folded = {name.lower(): name for name in names}
    close = get_close_matches(word.lower(), by_folded, n=1)
    question = f" did you mean {by_folded[close[0]]!r}?" if close else ""
    return f";{question} allowed: {', '.join(names)}"
