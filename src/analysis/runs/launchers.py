"""Two ways to start the process that executes a notebook: anew, or as a fork of one that is warm.

A new Python spends three seconds on imports before a notebook's own work begins. A fork server
imports them once: ``python -m analysis.runs.forkserver`` imports what the notebooks import, and
from then on forks a worker for each run, which forks its kernel. Both live as long as the
``with`` block of ``launching``, and a driver that dies takes them along.
"""

import ast
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from analysis.runs.notebook_file import Notebook

Environment = dict[str, str]
#: Largest message of the fork server, in bytes.
MESSAGE = 65536
#: Seconds within which a fork server has imported everything.
WARM_UP = 120


class Engine(StrEnum):
    """How the processes that execute notebooks are started."""

    forked = "forked"
    plain = "plain"


class Process(Protocol):
    """What is to be known of a started process."""

    def wait(self, timeout: float | None = None) -> int | None:
        """Exit status, None when nobody knows it; subprocess.TimeoutExpired."""

    def kill(self) -> None:
        """End it at once."""


@dataclass(frozen=True)
class Start:
    """A worker to be started: folder, settings all runs share, settings of its own, streams."""

    folder: Path
    shared: Environment
    own: Environment
    streams: tuple[int, int, int]


Launch = Callable[[Start], Process]


def plain(start: Start) -> Process:
    """Start a worker as a new Python."""
    stdin, stdout, stderr = start.streams
    return subprocess.Popen(
        [sys.executable, "-m", "analysis.runs.worker"],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=start.folder,
        env=start.shared | start.own,
        start_new_session=True,
    )


@contextmanager
def launching(
    engine: Engine, notebooks: "Sequence[Notebook]", say: Callable[[str], None]
) -> Iterator[Launch]:
    """A way to start workers for ``notebooks``, as long as the block lasts.

    Where forks cannot be had runs start plainly, and ``say`` is told the reason, once.
    """
    if engine is Engine.plain:
        yield plain
    elif sys.platform != "linux":
        say("kernels are started one by one: forking them is safe on Linux only")
        yield plain
    else:
        forks = _Forks(imported_modules(notebooks), say)
        try:
            yield forks
        finally:
            forks.close()


def imported_modules(notebooks: "Sequence[Notebook]") -> list[str]:
    """Modules that the import statements of ``notebooks`` name, sorted; broken cells have none."""
    found: set[str] = set()
    for notebook in notebooks:
        for cell in notebook.cells:
            if cell.kind == "code":
                found |= _imports(cell.source)
    return sorted(found)


def _imports(source: str) -> set[str]:
    lines = ("" if line.lstrip()[:1] in ("%", "!") else line for line in source.splitlines())
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError:
        return set()
    names = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


class _Forks:
    """Starts workers through a fork server, begun with the first of them."""

    def __init__(self, modules: Sequence[str], say: Callable[[str], None]) -> None:
        self._modules = modules
        self._say = say
        self._server: ForkServer | None = None
        self._shared: Environment = {}

    def __call__(self, start: Start) -> Process:
        try:
            if self._server is None:
                self._shared = start.shared
                self._server = ForkServer(self._modules, start.shared)
            if start.shared == self._shared and self._server.alive:
                return self._server.start(start)
        except ForksUnavailable as problem:
            self._say(f"kernels are started one by one: {problem}")
        return plain(start)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()


class ForksUnavailable(Exception):  # noqa: N818
    """No worker can be forked; the message says why."""


class ForkServer:
    """The fork server seen from the process that started it."""

    alive = True

    def __init__(self, modules: Sequence[str], shared: Environment) -> None:
        self._statuses: dict[int, int] = {}
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "analysis.runs.forkserver", str(theirs.fileno()), *modules],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd="/",
                env=shared,
                start_new_session=True,
            )
        self._ready = False
        self._orders = 0

    def start(self, start: Start) -> Process:
        """Fork a worker; ForksUnavailable when that is not to be had, from then on."""
        try:
            if not self._ready:
                self._await_ready()
            self._orders += 1
            order = {"number": self._orders, "folder": str(start.folder), "own": start.own}
            socket.send_fds(self._socket, [json.dumps(order).encode()], list(start.streams))
            while (message := self._message(WARM_UP)).get("number") != self._orders:
                self._take(message)
        except (OSError, ForksUnavailable) as problem:
            self.close()
            raise ForksUnavailable(str(problem)) from None
        self._statuses.pop(message["pid"], None)  # of an earlier process of that number
        return ForkedWorker(self, message["pid"])

    def _await_ready(self) -> None:
        message = self._message(WARM_UP)
        if "refused" in message:
            raise ForksUnavailable(message["refused"])
        self._ready = True

    def _message(self, timeout: float | None) -> dict[str, Any]:
        self._socket.settimeout(timeout)
        content = self._socket.recv(MESSAGE)
        if not content:
            raise ForksUnavailable("the fork server has ended")
        return dict(json.loads(content))

    def _take(self, message: dict[str, Any]) -> None:
        """Note how a worker ended; the answer to an order that was interrupted says nothing."""
        if "ended" in message:
            self._statuses[message["ended"]] = message["status"]

    def status_of(self, pid: int, timeout: float | None) -> int | None:
        """Exit status of a worker; None once the server has gone; subprocess.TimeoutExpired."""
        deadline = None if timeout is None else monotonic() + timeout
        while self.alive and pid not in self._statuses:
            left = None if deadline is None else max(deadline - monotonic(), 0.001)
            try:
                self._take(self._message(left))
            except TimeoutError:
                raise subprocess.TimeoutExpired("worker", timeout or 0) from None
            except (OSError, ForksUnavailable):
                self.close()
        return self._statuses.get(pid)

    def close(self) -> None:
        """End the server; workers that are still there go on."""
        if self.alive:
            self.alive = False
            self._socket.close()
            with suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()


@dataclass(frozen=True)
class ForkedWorker:
    """A worker that the fork server started."""

    server: ForkServer
    pid: int

    def wait(self, timeout: float | None = None) -> int | None:
        """Exit status, None when the server has gone; subprocess.TimeoutExpired."""
        return self.server.status_of(self.pid, timeout)

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, 9)
