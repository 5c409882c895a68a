"""Showing progress: one live display on a terminal, plain lines anywhere else."""

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as RichProgress

from analysis.runs.engine import Progress

WORDS = {"done": "done", "current": "up to date", "failed": "failed"}
_COLOURS = {"done": "green", "current": "cyan", "failed": "red"}


class Display(Protocol):
    """Something that is told each step, for as long as its context lasts."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def __call__(self, progress: Progress) -> None: ...


def display(console: Console, names: Sequence[str]) -> Display:
    """The display for ``console``, with one line for each of ``names`` in that order."""
    return LiveDisplay(console, names) if console.is_terminal else PlainDisplay(console)


class LiveDisplay:
    """All steps at once, redrawn as they go."""

    def __init__(self, console: Console, names: Sequence[str]) -> None:
        self._progress = RichProgress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {
            name: self._progress.add_task(name, total=1, start=False, state="waiting")
            for name in names
        }

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, progress: Progress) -> None:
        task = self._tasks[progress.name]
        if progress.state == "started":
            self._progress.start_task(task)
            self._progress.update(task, state="running")
        elif progress.state == "cell":
            state = f"cell {progress.cell} of {progress.cells}"
            done = max(0, progress.cell - 1)
            self._progress.update(task, completed=done, total=progress.cells, state=state)
        else:
            state = f"[{_COLOURS[progress.state]}]{WORDS[progress.state]}[/]"
            self._progress.update(task, state=state)
            if progress.state != "failed":
                self._progress.update(task, total=1, completed=1)
            self._progress.stop_task(task)


class PlainDisplay:
    """One line when a step starts and one when it ends."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    def __call__(self, progress: Progress) -> None:
        if progress.state == "cell":
            return
        words = WORDS.get(progress.state, progress.state)
        after = f" after {progress.seconds:.1f} s" if progress.seconds else ""
        self._console.print(f"{progress.name}: {words}{after}", markup=False, highlight=False)
