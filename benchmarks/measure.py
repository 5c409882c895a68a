"""One row of the table: our time and the peer's for the same work, results compared."""

import gc
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

Work = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Row:
    """``ours`` and ``other`` are seconds per unit of work, ``ratio`` is ``other / ours``.

    ``n`` is the size of the problem, as the module of the row defines it.
    """

    name: str
    ours: float
    other: float
    ratio: float
    goal: float
    n: int
    versions: dict[str, str]


def compare(
    name: str,
    *,
    goal: float,
    n: int,
    ours: Work,
    other: Work,
    agree: Callable[[Any, Any], None],
    packages: Sequence[str],
    units: tuple[float, float] = (1, 1),
    repeats: int = 5,
) -> Row:
    """Time ``ours`` against ``other``, in turns, and take the median of each.

    The first call of each is not timed: it compiles and warms caches, and its results go to
    ``agree``, which raises AssertionError when they differ. ``units`` are the units of work that
    one call of each does: a peer too slow for the whole work does a part of it, and is timed per
    unit. ``packages`` are the distributions whose versions the row names.
    """
    agree(ours(), other())
    times = [(seconds(ours), seconds(other)) for _ in range(repeats)]
    mine, theirs = (
        median(column) / unit for column, unit in zip(zip(*times, strict=True), units, strict=True)
    )
    return Row(name, mine, theirs, theirs / mine, goal, n, versions(packages))


def seconds(work: Work) -> float:
    """Wall time of one call, after what earlier calls left to be collected has been freed."""
    gc.collect()
    start = perf_counter()
    work()
    return perf_counter() - start


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Versions of Python and of ``packages``, and the processor they ran on."""
    found = {package: version(package) for package in packages}
    return {"processor": processor(), "python": platform.python_version(), **found}


def processor() -> str:
    """Name of the processor and how many of them there are."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [
        line.partition(":")[2].strip()
        for line in text.splitlines()
        if line.startswith("model name")
    ]
    return f"{len(names)} x {names[0]}" if names else platform.machine()
