"""Forked kernels give what new ones give, and what papermill itself gives, byte for byte."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from synthetic_project import TINY_CELL, WRITE

from analysis.runs.engine import RunFailed, run, shared_settings
from analysis.runs.executed import normalise
from analysis.runs.launchers import Engine
from analysis.runs.record import hash_files

#: Everything a cell can do that ends in a notebook; after ``!`` those that are allowed to raise.
CELLS = [
    WRITE,
    "import logging, os, signal, subprocess, sys, threading, time, warnings",
    "import matplotlib.pyplot as plt\nimport numpy as np\nimport pandas as pd",
    "from IPython.display import HTML, JSON, SVG, Image, Latex, Markdown, clear_output, display",
    "print('to stdout'); print('to stderr', file=sys.stderr); print('é ∑ 漢字 🙂 \\x1b[31mred')",
    "for step in range(3):\n    print(step, end=' ', flush=True)",
    "done = subprocess.run(['echo', 'from a child process']); time.sleep(0.3)",
    "!echo from a shell",
    "%%bash\necho from a script",
    "os.write(1, b'written to the descriptor\\n'); time.sleep(0.3)",
    "shown = display('first', display_id='one')",
    "shown.update('second')",
    "print('over\\rwritten\\rthrice'); print('a\\r\\nb\\n\\rc\\r')",
    "print('gone'); clear_output(); print('stays')",
    "print('replaced'); clear_output(wait=True); print('replacement')",
    "warnings.warn('careful'); warnings.warn('old', DeprecationWarning)",
    "logging.getLogger('here').warning('logged'); logging.info('not shown')",
    "display(HTML('<b>b</b>'), Markdown('*m*'), Latex('$x$'), JSON({'a': [1]}), SVG('<svg/>'))",
    "class Rich:\n    _repr_mimebundle_ = lambda s, **_: {'text/plain': 'p', 'x/y': 'z'}\nRich()",
    "frame = pd.DataFrame({'a': [1.5, np.nan], 'b': ['x', None]}); frame",
    "frame.style.format(precision=1).set_uuid('u')",
    "plt.plot([1, 3, 2]);",
    "figure, axes = plt.subplots(figsize=(2, 1)); axes.bar([1], [2]); plt.show(); figure",
    "plt.get_backend(), plt.get_fignums()",
    "1; 2",
    "_ + 1, Out[max(Out)], len(In)",
    "[object(), Rich]",
    "print('x' * 9_000); print('\\n'.join(map(str, range(3000))))",
    "%who\n%precision 3\n3.14159",
    "hash('text'), time.tzname, sys.flags.utf8_mode, sys.getrecursionlimit(), __name__",
    "sys.argv[1:2], [Path for Path in sys.path if 'runs' in Path], os.getpgid(0) == os.getpid()",
    "[signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]",
    "len(threading.enumerate())",
    "len(warnings.filters), logging.root.handlers, sys.stdin.isatty(), os.isatty(0)",
    "'matplotlib_inline.backend_inline' in sys.modules, 'jsonschema' in dir(), locals().get('x')",
    "import asyncio\nawait asyncio.sleep(0)\nasyncio.get_running_loop().is_running()",
    "get_ipython().user_ns['__doc__'], get_ipython().history_manager.hist_file",
    "!def inner():\n    return {}['missing']\ninner()",
    "!try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('chained') from e",
    "!def broken(:",
    "!np.linalg.inv(np.zeros((2, 2)))",
    "!input('may I?')",
    "print('the end', end='')",
]


def write(path: Path) -> None:
    """The notebook of ``CELLS``."""
    heading = nbformat.v4.new_markdown_cell("# Everything")
    parameters = nbformat.v4.new_code_cell(TINY_CELL, metadata={"tags": ["parameters"]})
    cells = [
        nbformat.v4.new_code_cell(
            source.lstrip("!")
            if source.startswith("!") and not source.startswith("!echo")
            else source,
            metadata={"tags": ["raises-exception"]} if raises(source) else {},
        )
        for source in CELLS
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=[heading, parameters, *cells]), path)


def raises(source: str) -> bool:
    return source.startswith("!") and not source.startswith("!echo")


PAPERMILL = """
import json, sys, papermill
source, target, values = sys.argv[1:]
papermill.execute_notebook(
    source, target, json.loads(values), kernel_name="python3", cwd=".", progress_bar=False,
    coalesce_streams=True, language="python",
)
"""


def by_papermill(source: Path, values: dict, settings: dict, folder: Path) -> str:
    """The notebook as papermill's own function executes it, normalised.

    It has executed all cells before it complains of those that raised, and marks them.
    """
    folder.mkdir()
    target = folder / "executed.ipynb"
    own = {"COMPENDIUM_RUN_DIR": str(folder), "IPYTHONDIR": str(folder / "ipython")}
    done = subprocess.run(
        [sys.executable, "-c", PAPERMILL, str(source), str(target), json.dumps(values)],
        env=settings | own,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert "PapermillExecutionError" in done.stderr
    notebook = nbformat.read(target, as_version=4)
    normalise(notebook, folder)
    return unmarked(nbformat.writes(notebook, version=4))


def unmarked(text: str) -> str:
    """The notebook without the cells by which papermill points at an error."""
    notebook = nbformat.reads(text, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if not marks_an_error(cell)]
    for number, cell in enumerate(notebook.cells):
        cell["id"] = str(number)
    return nbformat.writes(notebook, version=4)


def marks_an_error(cell: nbformat.NotebookNode) -> bool:
    return any(tag.startswith("papermill-error") for tag in cell.metadata.get("tags", []))


def differing(one: str, other: str) -> list:
    """Cells that differ, for a message that can be read."""
    pairs = zip(json.loads(one)["cells"], json.loads(other)["cells"], strict=True)
    return [(a.get("source"), a.get("outputs"), b.get("outputs")) for a, b in pairs if a != b]


def test_all_outputs_are_those_of_papermill(project, planned, tmp_path):
    root = project(a=[WRITE])
    write(root / "notebooks/a.ipynb")
    spec = planned("a", countries="FR")
    found, files = {}, {}
    for engine in (Engine.plain, Engine.forked):
        with pytest.raises(RunFailed, match="StdinNotImplementedError"):
            run(spec, engine=engine)
        (kept,) = spec.folder.parent.glob("failed/*/unfinished.ipynb")
        found[engine] = unmarked(kept.read_text())
        files[engine] = hash_files(kept.parent, skip=[kept.name])
    settings = shared_settings(spec)
    theirs = by_papermill(spec.notebook.path, spec.parameters, settings, tmp_path / "theirs")

    assert differing(found[Engine.forked], theirs) == []
    assert found[Engine.forked] == theirs
    assert found[Engine.plain] == theirs
    assert files[Engine.forked] == files[Engine.plain]
    assert set(files[Engine.forked]) >= {"figures/plot.svg", "tables/years.csv"}
    assert "image/png" in theirs and "StdinNotImplementedError" in theirs
    assert os.environ.get("COMPENDIUM_RUN_DIR") is None
