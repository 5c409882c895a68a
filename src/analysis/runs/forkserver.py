"""A process that has imported everything and forks: ``python -m analysis.runs.forkserver``.

Arguments are the descriptor of a socket and the modules to import, which are imported and never
used: what a library starts when it is used (threads, locks) would not survive the fork. The first
message on the socket is ``ready``, or ``refused`` with the reason. Then each order, with three
descriptors, is answered by the ``pid`` of a forked worker, and each worker's end by its ``status``.
The end of the socket is the end of the server.
"""

import gc
import importlib
import json
import os
import selectors
import socket
import sys
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from analysis.runs import forked_kernel, unneeded, worker

#: What every kernel imports while it starts.
_KERNEL = (
    *("numpy", "ipykernel_launcher", "ipykernel.kernelapp", "ipykernel.zmqshell"),
    *("ipykernel.debugger", "sqlite3", "tornado.platform.asyncio", "tornado.queues"),
    *("IPython.core.completerlib", "IPython.core.oinspect", "IPython.core.pylabtools"),
    *("IPython.extensions.storemagic",),
)
#: What packages import only when they are used, if they have been imported at all.
_WHEN_USED = {
    "matplotlib": ("matplotlib.backends.backend_agg", "PIL.PngImagePlugin"),
    "pandas": ("pandas.io.formats.html", "pandas.io.formats.string"),
}
#: What every worker imports.
_WORKER = (
    *("papermill.execute", "papermill.engines", "papermill.clientwrap", "nbclient", "nbformat.v4"),
    *("jupyter_client.manager", "analysis.runs.kernel_start", "analysis.runs.executed"),
)
#: It belongs to the kernel that draws: imported before there is one, it shows no figure.
_NEVER = "matplotlib_inline.backend_inline"


def main() -> None:
    """Import, say so, fork until nobody listens."""
    number, *modules = sys.argv[1:]
    del sys.path[0]  # the working folder, which is not the notebook's
    with socket.socket(fileno=int(number)) as connection:
        reason = warm_up(modules)
        connection.send(json.dumps({"refused": reason} if reason else {"ready": True}).encode())
        if not reason:
            Server(connection).serve()


def warm_up(modules: Sequence[str]) -> str:
    """Import what runs need; why they had better start plainly, nothing when all is well."""
    os.environ["MPLBACKEND"] = f"module://{_NEVER}"  # as a kernel does before anything is drawn
    _import_all(_KERNEL)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        for module in modules:
            with suppress(Exception):  # the notebook's own import will fail and say so
                importlib.import_module(module)
        sys.stdout.flush()
        sys.stderr.flush()
        reason = _said_at_import(said) or _unfit_to_fork()
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    if reason:
        return reason
    _import_all([name for package in _WHEN_USED if package in sys.modules
                 for name in _WHEN_USED[package]])  # fmt: skip
    unneeded.leave_out()
    with warnings.catch_warnings():  # what papermill silences, notebooks do not
        _import_all(_WORKER)
    gc.collect()
    gc.freeze()  # or a collection in a fork would copy every page
    return _unfit_to_fork()


def _import_all(modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)


def _said_at_import(said: IO[bytes]) -> str:
    """What the notebook would have shown had it done the import."""
    said.seek(0)
    lines = said.read().decode(errors="replace").strip().splitlines()
    return f"something that notebooks import says: {lines[0]}" if lines else ""


def _unfit_to_fork() -> str:
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        return f"something that notebooks import has started {threads - 1} threads"
    return f"something that notebooks import imports {_NEVER}" if _NEVER in sys.modules else ""


class Server:
    """Forks on request and tells how its forks ended."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ, None)

    def serve(self) -> None:
        """Answer until the other side has gone."""
        while True:
            for ready, _ in self._selector.select():
                if ready.data is not None:
                    self._tell_end(ready.fd, ready.data)
                elif not self._obey():
                    return

    def _obey(self) -> bool:
        content, streams, _, _ = socket.recv_fds(self._connection, 65536, 3)
        if not content:
            return False
        order = json.loads(content)
        pid = os.fork()
        if not pid:
            self._become_worker(order, streams)
        for stream in streams:
            os.close(stream)
        self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
        self._send(pid=pid, number=order["number"])
        return True

    def _tell_end(self, descriptor: int, pid: int) -> None:
        self._selector.unregister(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        self._send(ended=pid, status=os.waitstatus_to_exitcode(status))

    def _send(self, **message: Any) -> None:
        with suppress(OSError):  # the next read finds that nobody is there
            self._connection.send(json.dumps(message).encode())

    def _become_worker(self, order: dict[str, Any], streams: Sequence[int]) -> None:
        try:
            self._let_go(streams)
            os.setsid()
            os.chdir(order["folder"])
            os.environ.update(order["own"])
            worker.main(forked=True)
        except BaseException as error:
            forked_kernel.leave(error)
        forked_kernel.leave()

    def _let_go(self, streams: Sequence[int]) -> None:
        """Close the server's descriptors and put ``streams`` in the place of the standard ones."""
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                os.close(key.fd)
        self._selector.close()
        self._connection.close()
        for place, stream in enumerate(streams):
            os.dup2(stream, place)
            os.close(stream)


if __name__ == "__main__":
    main()
