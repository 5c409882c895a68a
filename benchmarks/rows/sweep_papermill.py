"""A notebook over a grid of parameters: our sweep against papermill's own function in a loop.

The notebook has six cells: it imports pandas, statsmodels and seaborn, draws a panel of 2,000 rows
from a seed, fits a regression and draws a figure. Ours is everything ``compendium sweep`` does in
runs of a synthetic project, two at a time: the fork server's imports, the runs with their records
and hashes. The peer calls ``papermill.execute_notebook`` once per seed in one process that has
imported papermill, with two threads for libraries as everyone, and is timed on a few seeds: a call
costs the same each time, so times are per run. Neither is warm: nothing of one timed call is left
for the next. The notebooks' outputs must be the same, number by number.
"""

import json
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measure import Row, compare

CELLS = (
    "seed = 1",
    "import numpy as np\nimport pandas as pd\nimport seaborn as sns\nimport statsmodels.api as sm",
    "random = np.random.default_rng(seed)\n"
    "frame = pd.DataFrame(random.normal(size=(2000, 3)), columns=['a', 'b', 'c'])\n"
    "frame['y'] = 0.5 * frame['a'] + random.normal(size=2000)\nframe.describe()",
    "fit = sm.OLS(frame['y'], sm.add_constant(frame[['a', 'b', 'c']])).fit()\nfit.params",
    "sns.regplot(frame, x='a', y='y', ci=None);",
    "print(round(fit.params['a'], 12))",
)
#: Seeds the peer is timed on.
SAMPLE = 3


def sweep_papermill() -> Row:
    return measured("sweep_papermill", runs=20, goal=6)


def sweep_papermill_100() -> Row:
    return measured("sweep_papermill_100", runs=100, goal=8)


def measured(name: str, *, runs: int, goal: float) -> Row:
    with TemporaryDirectory() as folder:
        project = Project(Path(folder), count())
        project.write()
        return compare(
            name,
            goal=goal,
            n=runs,
            ours=lambda: project.sweep(runs),
            other=lambda: project.papermill(SAMPLE),
            agree=same_output,
            packages=("papermill", "nbclient", "ipykernel", "pandas", "statsmodels", "seaborn"),
            units=(runs, SAMPLE),
            repeats=1 if runs > 20 else 3,
        )


@dataclass(frozen=True)
class Project:
    """A folder with one notebook; each call of a side has a folder of its own in it."""

    root: Path
    calls: count

    @property
    def notebook(self) -> Path:
        return self.root / "notebooks" / "small.ipynb"

    def write(self) -> None:
        self.notebook.parent.mkdir()
        cells = [
            {
                "cell_type": "code",
                "metadata": {"tags": ["parameters"]} if source == CELLS[0] else {},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for source in CELLS
        ]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
        content = {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": cells}
        self.notebook.write_text(json.dumps(content), encoding="utf-8")
        (self.root / "requirements.lock").touch()
        processed = self.root / "data" / "processed"
        processed.mkdir(parents=True)
        (processed / "build.json").write_text('{"files": {}}')

    def sweep(self, runs: int) -> list[str]:
        """Printed output of each run, in the order of the seeds."""
        with redirected(self.root, f"runs-{next(self.calls)}"):
            from analysis.runs.engine import execute
            from analysis.runs.launchers import Engine, launching
            from analysis.runs.notebooks import read_notebook
            from analysis.runs.parameters import validate
            from analysis.runs.record import current_inputs, plan

            notebook, inputs = read_notebook(self.notebook), current_inputs()
            specs = [
                plan(notebook, validate("small", {"seed": seed + 1}), inputs)
                for seed in range(runs)
            ]
            with (
                launching(Engine.forked, [notebook], say=refuse) as launch,
                closing(execute(specs, jobs=2, launch=launch)) as outcomes,
            ):
                failed = [outcome.message for _, outcome in outcomes if outcome.record is None]
            assert not failed, failed[0]
            return [printed(spec.folder / "notebook.ipynb") for spec in specs]

    def papermill(self, runs: int) -> list[str]:
        """The same of papermill's function, for the first seeds."""
        import papermill

        folder = self.root / f"papermill-{next(self.calls)}"
        folder.mkdir()
        for seed in range(runs):
            papermill.execute_notebook(
                str(self.notebook),
                str(folder / f"{seed}.ipynb"),
                {"seed": seed + 1},
                kernel_name="python3",
                progress_bar=False,
            )
        return [printed(folder / f"{seed}.ipynb") for seed in range(runs)]


def refuse(reason: str) -> None:
    """A sweep without forks would be another measurement."""
    raise RuntimeError(reason)


def printed(path: Path) -> str:
    """All text of an executed notebook: streams and plain results."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    texts: list[Any] = [
        output.get("text") or output.get("data", {}).get("text/plain", []) for output in outputs
    ]
    return "\n".join("".join(text) for text in texts)


def same_output(ours: list[str], other: list[str]) -> None:
    """The outputs of the seeds both have run, character by character, and they are not empty."""
    assert ours[: len(other)] == other, (ours[0], other[0])
    assert all(ours)


def redirected(root: Path, runs: str) -> ExitStack:
    """The project moved to ``root``, with one notebook that has one parameter."""
    from unittest.mock import patch

    from pydantic import Field

    from analysis import paths
    from analysis.runs import parameters

    class Small(parameters.Parameters):
        """A seed."""

        seed: parameters.Seed = Field(default=1)

    stack = ExitStack()
    folders = {"ROOT": root, "RUNS": root / runs, "PROCESSED": root / "data" / "processed"}
    for name, folder in folders.items():
        stack.enter_context(patch.object(paths, name, folder))
    stack.enter_context(patch.dict(parameters.REGISTRY, {"small": Small}))
    return stack


ROWS = (sweep_papermill, sweep_papermill_100)
