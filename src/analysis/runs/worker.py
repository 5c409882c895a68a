"""The process that executes one notebook: ``python -m analysis.runs.worker``, or a fork.

The first line of standard input is the job, as JSON; the pipe then stays open, and its end means
that whoever asked for the run has gone, however it went: the kernel is killed and the worker
leaves. Progress goes to standard output as JSON lines: ``kernel`` (its process), ``cell`` (number
of total), then ``done`` (seconds per cell) or ``failed`` (what, where).
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from analysis.runs import unneeded

if TYPE_CHECKING:
    from analysis.runs.forked_kernel import ForkedKernel

NOTEBOOK, UNFINISHED = "notebook.ipynb", "unfinished.ipynb"
START_TIMEOUT = 60
#: Seconds to wait for the last output of a cell on a busy machine.
OUTPUT_TIMEOUT = 60
#: As many characters of an error are passed on; the notebook has them all.
_LONGEST_WORDS = 10_000
_INJECTED = "injected-parameters"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Session:
    """One job and its state: the kernel's process, the notebook so far, the cell under way."""

    job: dict[str, Any]
    events: TextIO
    forked: "ForkedKernel | None" = None
    kernel: Any = None
    notebook: Any = None
    cell: int = 0
    source: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def work_folder(self) -> Path:
        return Path(self.job["work_folder"])

    def emit(self, event: str, **content: Any) -> None:
        self.events.write(json.dumps({"event": event, **content}) + "\n")
        self.events.flush()

    def started_kernel(self, process: Any) -> None:
        self.kernel = process
        self.emit("kernel", pid=process.pid)

    def fail(self, reason: str, line: str = "") -> None:
        """Report why the run stopped, and where; keep the notebook as far as it got."""
        self.write(UNFINISHED)
        reason, line, source = (text[:_LONGEST_WORDS] for text in (reason, line, self.source))
        self.emit("failed", reason=reason, line=line, cell=self.cell, source=source)

    def write(self, name: str) -> None:
        """Write the notebook in its present state, if there is one."""
        if self.notebook is None:
            return
        import nbformat

        from analysis.runs.executed import normalise

        normalise(self.notebook, self.work_folder)
        text = nbformat.writes(self.notebook, version=4)
        (self.work_folder / name).write_text(text.rstrip() + "\n", encoding="utf-8")

    def abandon(self) -> None:
        """Kill the kernel, keep the notebook as far as it got, leave."""
        if self.kernel is not None:
            _kill_group(self.kernel.pid)
            with suppress(subprocess.TimeoutExpired):
                self.kernel.wait(2)  # or it would still write where leave() cleans up
        self.write(UNFINISHED)
        self.leave()

    def leave(self, status: int = 1) -> None:
        """End the process at once: nothing is left to finish, a tidy exit takes 0.1 s more."""
        shutil.rmtree(self.job["socket_folder"], ignore_errors=True)
        os._exit(status)

    def watch(self) -> None:
        """Wait for the end of standard input, then have the main thread abandon the run."""
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(4)
        if self.kernel is not None:
            _kill_group(self.kernel.pid)
        self.leave()


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _kernel_class(session: Session) -> type:
    """A kernel that is this interpreter, whatever kernels the user has installed.

    It talks through sockets in a private folder, so that parallel runs cannot collide.
    """
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from traitlets import Type

    from analysis.runs.kernel_start import PromptClient, provisioner_of

    class Kernel(AsyncKernelManager):
        client_factory = Type(PromptClient)

        @property
        def kernel_spec(self) -> KernelSpec:
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name="Python 3 (ipykernel)", language="python")

        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
            self.transport = "ipc"
            self.connection_file = str(Path(session.job["socket_folder"]) / "kernel.json")
            self.provisioner = provisioner_of(self, session.forked)
            await super().start_kernel(**options)
            provisioner: Any = self.provisioner
            session.started_kernel(provisioner.process)

    return Kernel


def _client_class(session: Session) -> type:
    """A client that reports each cell and stops at the first that does not run to its end.

    Papermill's own takes a cell that ends the kernel politely (``sys.exit(0)``) for the early end
    of a successful notebook.
    """
    import nbclient.client
    from papermill.clientwrap import PapermillNotebookClient

    # the same, but the one there takes time that grows with the square of a line's length
    nbclient.client._RGX_CARRIAGERETURN = re.compile(r"^.*\r(?=[^\n])", re.MULTILINE)

    class Client(PapermillNotebookClient):
        def papermill_execute_cells(self) -> None:
            cells = self.nb.cells
            total = sum(_INJECTED not in cell.metadata.tags for cell in cells)
            for index, cell in enumerate(cells):
                session.cell += _INJECTED not in cell.metadata.tags
                session.source = cell.source
                session.emit("cell", cell=session.cell, total=total)
                started = time.monotonic()
                self.execute_cell(cell, index)
                if cell.cell_type == "code":
                    session.seconds[f"cell-{index + 1}"] = round(time.monotonic() - started, 3)

    return Client


def _engine(session: Session) -> type:
    """The papermill engine made of this kernel and this client."""
    from papermill.engines import Engine

    client, kernel = _client_class(session), _kernel_class(session)

    class CompendiumEngine(Engine):
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **_: Any) -> None:
            session.notebook = nb_man.nb
            client(
                nb_man,
                kernel_name=kernel_name,
                kernel_manager_class=kernel,
                shutdown_kernel="immediate",
                startup_timeout=START_TIMEOUT,
                timeout=session.job["cell_timeout"],
                iopub_timeout=OUTPUT_TIMEOUT,
                coalesce_streams=True,
                record_timing=False,
            ).execute()

    return CompendiumEngine


def _execute(session: Session) -> None:
    unneeded.leave_out()
    from papermill.engines import papermill_engines
    from papermill.execute import execute_notebook

    papermill_engines.register("compendium", _engine(session))
    # papermill formats paths with str.format
    path = session.job["notebook"].replace("{", "{{").replace("}", "}}")
    session.notebook = execute_notebook(
        path,
        None,
        parameters=session.job["parameters"],
        engine_name="compendium",
        kernel_name="python3",
        language="python",
        progress_bar=False,
    )


def _run(session: Session) -> bool:
    """Execute the job and report the outcome; True when the notebook ran to its end."""
    try:
        _execute(session)
    except Exception as error:
        session.fail(*_explain(error, session))
        return False
    session.write(NOTEBOOK)
    session.emit("done", seconds=session.seconds)
    return True


def _explain(error: Exception, session: Session) -> tuple[str, str]:
    """Why the run stopped, and the line of the cell that stopped it where that is known."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    if isinstance(error, CellExecutionError | PapermillExecutionError):
        traceback = error.traceback
        text = traceback if isinstance(traceback, str) else "\n".join(traceback)
        return f"{error.ename}: {error.evalue}".strip(), _line_of_cell(text)
    if isinstance(error, CellTimeoutError):
        return f"the cell was still running after {session.job['cell_timeout']} seconds", ""
    if isinstance(error, DeadKernelError):
        return f"the kernel died{_last_words(session.kernel)}", ""
    return f"{type(error).__name__}: {error}", ""


def _line_of_cell(traceback: str) -> str:
    """The line an IPython traceback points at in the cell itself: its first arrow."""
    arrow = re.search(r"^-+> *(\d+) ?(.*)$", _ANSI.sub("", traceback), re.MULTILINE)
    return f"line {arrow[1]}: {arrow[2].strip()}" if arrow else ""


def _last_words(process: Any) -> str:
    status = process.poll() if process is not None else None
    if status is None:
        return ""
    if status < 0:
        name = signal.Signals(-status).name
        cause = ", as happens when memory runs out" if name == "SIGKILL" else ""
        return f" by signal {name}{cause}"
    return f" with exit status {status}"


def main(forked: bool = False) -> None:
    """Read the job, execute it, leave with status 0 when it succeeded.

    ``forked``: this process is a fork in which all that the notebook imports has been imported,
    and the kernel is to be another.
    """
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed here or by the kernel must not mix with the events
    with open(0, "rb", buffering=0, closefd=False) as pipe:
        line = pipe.readline()
    if not line.strip():
        sys.exit(1)
    session = Session(json.loads(line), events)
    if forked:
        _fork_kernel(session)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: session.abandon())
    threading.Thread(target=session.watch, daemon=True).start()
    session.leave(0 if _run(session) else 1)


def _fork_kernel(session: Session) -> None:
    """Split the kernel off, while this process has one thread and nothing of its own."""
    from analysis.runs.forked_kernel import fork_kernel

    session.forked = fork_kernel(session.job["seed"], session.events)


if __name__ == "__main__":
    main()
