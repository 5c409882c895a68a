"""Executed notebooks keep what the author wrote and lose what chance added."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from analysis.runs.executed import normalise


def executed(folder: str, address: str, process: int) -> str:
    text = (
        f"<Axes at {address}> /tmp/ipykernel_{process}/42.py:1: UserWarning {folder}/tables/x.csv"
    )
    outputs = [
        new_output("stream", name="stderr", text=text),
        new_output("display_data", data={"text/html": f"<p>{address}", "image/png": address}),
        new_output("execute_result", data={"text/plain": text}, execution_count=1),
    ]
    code = new_code_cell("x", outputs=outputs, metadata={"tags": ["t"], "papermill": {"a": 1}})
    notebook = new_notebook(cells=[new_markdown_cell("# T"), code])
    notebook.metadata["papermill"] = {"start_time": folder}
    notebook.metadata["kernelspec"] = {"name": f"kernel{process}"}
    normalise(notebook, Path(folder))
    nbformat.validate(notebook)
    return nbformat.writes(notebook)


def test_two_executions_become_equal_but_images_are_left_alone() -> None:
    one = executed("/p/a.tmp-host-1", "0x7f0000000001", 1)
    two = executed("/q/a.tmp-host-2", "0x7f00000000ff", 22)
    assert one != two
    assert one.replace("0x7f0000000001", "A") == two.replace("0x7f00000000ff", "A")
    assert "<Axes at 0x0> ipykernel/42.py:1: UserWarning ./tables/x.csv" in one
    assert '"tags"' in one and "papermill" not in one
