"""Executed notebooks: the same run gives the same bytes.

What remains is a function of the run's key: cells, tags and outputs. What differs from run to run
goes: times, process numbers, addresses in memory, random cell ids, the place of the work folder.
"""

import re
from pathlib import Path
from typing import Any

_KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_CHANGING = (
    (re.compile(r"\bat 0x[0-9a-fA-F]{6,}"), "at 0x0"),
    # paths have an end: without limits the time grows with the square of an embedded picture
    (re.compile(r"(?:/[^\s/'\"]{1,255}){0,24}/ipykernel_\d+/"), "ipykernel/"),
)


def normalise(notebook: Any, work_folder: Path) -> None:
    """Strip, in place, what differs between two executions of the same run.

    ``notebook`` is an ``nbformat`` 4 node; mentions of ``work_folder`` in outputs become ``.``.
    """
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    language = notebook.metadata.get("language_info", {"name": "python"})
    notebook.metadata = {"kernelspec": dict(_KERNELSPEC), "language_info": language}
    for number, cell in enumerate(notebook.cells, start=1):
        cell["id"] = f"cell-{number}"
        tags = cell.metadata.get("tags", [])
        cell.metadata = {"tags": list(tags)} if tags else {}
        for output in cell.get("outputs", []):
            _normalise_output(output, str(work_folder))


def _normalise_output(output: Any, work_folder: str) -> None:
    if output.output_type == "stream":
        output.text = _settled(output.text, work_folder)
    for kind, content in output.get("data", {}).items():
        if kind.startswith("text/") and isinstance(content, str):
            output.data[kind] = _settled(content, work_folder)


def _settled(text: str, work_folder: str) -> str:
    text = text.replace(work_folder, ".")
    for pattern, replacement in _CHANGING:
        text = pattern.sub(replacement, text)
    return text
