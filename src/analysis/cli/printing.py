"""How commands print: tables, progress, complaints."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from analysis.runs.engine import Notify

#: Columns of a table printed to a file or a pipe.
PLAIN_WIDTH = 200
#: What a terminal obeys instead of showing it; line breaks and tabs are let through.
_ORDERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def inert(text: str) -> str:
    """Text of a user's file with every control character shown as such, for none to be obeyed."""
    return _ORDERS.sub("\N{REPLACEMENT CHARACTER}", text)


def open_console(stderr: bool = False) -> "Console":
    """The terminal, or a wide page where there is none; texts printed on it are inert."""
    from rich.console import Console
    from rich.text import Text

    class InertConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(inert(text), **options)

    console = InertConsole(stderr=stderr)
    return console if console.is_terminal else InertConsole(stderr=stderr, width=PLAIN_WIDTH)


def new_table(*columns: str, numbers: Sequence[str] = ()) -> "Table":
    """An empty table; the columns named in ``numbers`` are set flush right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, highlight=False)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return table


@contextmanager
def shown(names: Sequence[str]) -> "Iterator[Notify]":
    """Show progress while the block runs; say what an interruption leaves."""
    from analysis.runs.progress import display

    try:
        with display(open_console(), names) as notify:
            yield notify
    except KeyboardInterrupt:
        complain("Interrupted. What was finished is kept; the same command goes on from there.")
        raise


def complain(message: str) -> None:
    """Say what went wrong, on standard error."""
    from rich.text import Text

    open_console(stderr=True).print(Text(inert(message), style="red"), soft_wrap=True)


def processors() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not every system tells
        return os.cpu_count() or 1
