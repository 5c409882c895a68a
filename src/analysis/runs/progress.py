"""Showing progress: one live display on a terminal, plain lines anywhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from analysis.runs.engine import REMARK, Progress

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


class _Live:
    """What is redrawn on a terminal for as long as its context lasts."""

    _progress: RichProgress

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


class LiveDisplay(_Live):
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

    def __call__(self, progress: Progress) -> None:
        if progress.state == REMARK:
            self._progress.console.print(progress.message, markup=False, highlight=False)
            return
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
        if progress.state == REMARK:
            self._console.print(progress.message, markup=False, highlight=False)
            return
        words = WORDS.get(progress.state, progress.state)
        after = f" after {progress.seconds:.1f} s" if progress.seconds else ""
        self._console.print(f"{progress.name}: {words}{after}", markup=False, highlight=False)


def sweep_display(console: Console, total: int) -> Display:
    """The display for ``total`` runs of one notebook."""
    if console.is_terminal:
        return LiveSweepDisplay(console, total)
    return PlainSweepDisplay(console, total)


@dataclass
class Tally:
    """How many of ``total`` runs have ended, and how."""

    total: int
    done: int = 0
    current: int = 0
    failed: int = 0

    @property
    def ended(self) -> int:
        return self.done + self.current + self.failed

    def take(self, progress: Progress) -> bool:
        """Count an end; whether it was one."""
        if progress.state not in WORDS:
            return False
        setattr(self, progress.state, getattr(self, progress.state) + 1)
        return True

    def text(self) -> str:
        """As ``12 of 40: 9 done, 2 up to date, 1 failed``."""
        counts = [(self.done, "done"), (self.current, "current"), (self.failed, "failed")]
        ended = ", ".join(f"{count:,} {WORDS[state]}" for count, state in counts if count)
        return f"{self.ended:,} of {self.total:,}" + (f": {ended}" if ended else "")


class LiveSweepDisplay(_Live):
    """One bar for all runs, with the time that remains."""

    def __init__(self, console: Console, total: int) -> None:
        self._tally = Tally(total)
        self._progress = RichProgress(
            SpinnerColumn(finished_text=" "),
            BarColumn(bar_width=32),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._progress.add_task(self._tally.text(), total=total)

    def __call__(self, progress: Progress) -> None:
        if self._tally.take(progress):
            ended = self._tally.ended
            self._progress.update(self._task, completed=ended, description=self._tally.text())
        if progress.state == REMARK:
            self._progress.console.print(progress.message, markup=False, highlight=False)


class PlainSweepDisplay:
    """A line now and then: some twenty in all, and one for each failure."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._tally = Tally(total)
        self._started = monotonic()

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
        if progress.state == REMARK:
            self._say(progress.message)
        if not self._tally.take(progress):
            return
        step = max(1, self._tally.total // 20)
        if progress.state == "failed":
            self._say(progress.message.partition("\n")[0])
        if self._tally.ended % step == 0 or self._tally.ended == self._tally.total:
            self._say(self._tally.text() + self._left())

    def _left(self) -> str:
        """The time that remains if runs go on taking as long as they did."""
        made = self._tally.done + self._tally.failed
        waiting = self._tally.total - self._tally.ended
        if not made or not waiting:
            return ""
        return f"; {duration((monotonic() - self._started) / made * waiting)} left"

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)


def duration(seconds: float) -> str:
    """As ``40 s``, ``12 min`` or ``3 h 20 min``."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
