"""A kernel that is a fork of a process in which everything has been imported already.

``fork_kernel`` splits off a process that waits until it is told which connection to serve, and then
is an ipykernel like any other: same class, same messages, same outputs. It must be called while the
process has one thread.
"""

import os
import random
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any, NoReturn

from analysis.runs import unneeded

_READY = b"+"


class ForkedKernel:
    """The kernel's process seen from its parent, with the part of Popen that provisioners use."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, orders: int, answers: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._orders = orders
        #: Descriptor that can be read once the sockets are there, or the process has ended.
        self.answers = answers

    def serve(self, arguments: Sequence[str]) -> None:
        """Have the process become a kernel with these arguments of ``ipykernel_launcher``."""
        with suppress(BrokenPipeError), os.fdopen(self._orders, "wb") as orders:
            orders.write("\0".join(arguments).encode())

    def close(self) -> None:
        """Expect no more answers."""
        os.close(self.answers)

    def poll(self) -> int | None:
        """Exit status, or None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Exit status once there is one; subprocess.TimeoutExpired after ``timeout`` seconds."""
        if self.poll() is None:
            watched = os.pidfd_open(self.pid)
            try:
                ended, _, _ = select.select([watched], [], [], timeout)
            finally:
                os.close(watched)
            if not ended:
                raise subprocess.TimeoutExpired("kernel", timeout or 0)
            self.poll()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def fork_kernel(seed: int, not_for_kernel: IO[Any]) -> ForkedKernel:
    """Split off a process that will be a kernel; it closes the file ``not_for_kernel``.

    ``seed`` is that of the random states a process has of its own (``random``, NumPy's legacy
    functions), which would otherwise be the same in every fork.
    """
    orders_read, orders_write = os.pipe()
    answers_read, answers_write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(orders_read)
        os.close(answers_write)
        return ForkedKernel(pid, orders_write, answers_read)
    try:
        os.close(orders_write)
        os.close(answers_read)
        not_for_kernel.close()
        _settle(seed)
        with os.fdopen(orders_read, "rb") as orders:
            arguments = orders.read().decode()
        if arguments:  # none when the parent has gone
            _serve(arguments.split("\0"), answers_write)
    except BaseException as error:
        leave(error)
    leave()


def leave(error: BaseException | None = None) -> NoReturn:
    """End a fork without going back to what its parent was doing."""
    status = 0
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    elif error is not None:
        traceback.print_exception(error)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _settle(seed: int) -> None:
    """Make the fork a process of its own: group, standard streams, random states."""
    import numpy as np

    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    unneeded.admit()


def _serve(arguments: Sequence[str], answers: int) -> None:
    """Be a kernel until told to end."""
    import atexit

    import ipykernel_launcher
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = [ipykernel_launcher.__file__, *arguments]
    os.environ["JPY_PARENT_PID"] = str(os.getppid())
    app = IPKernelApp.instance(parent_handle=os.getppid())
    app.initialize(list(arguments))
    os.write(answers, _READY)
    os.close(answers)
    app.start()
    atexit._run_exitfuncs()
