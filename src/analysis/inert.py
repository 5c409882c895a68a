"""Text that a spreadsheet which opens a CSV shows and does not run."""

from typing import Any


def is_formula(text: str) -> bool:
    """Whether a spreadsheet that opens a CSV would run a text.

    Those that begin with ``=``, ``@``, a tab or a carriage return; after ``+`` or ``-`` only what
    is more than the sign and no number, so that ``-``, ``+`` and ``-1.5`` stay as they are.
    """
    if not text.startswith(("+", "-")):
        return text.startswith(("=", "@", "\t", "\r"))
    return len(text) > 1 and not _reads_as_number(text)


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def inert(value: Any) -> Any:
    """``value`` with an apostrophe before it if it is a text that would be run."""
    return f"'{value}" if isinstance(value, str) and is_formula(value) else value
