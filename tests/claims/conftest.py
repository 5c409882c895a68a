"""Runs of every notebook, with made-up evidence."""

from collections.abc import Callable
from pathlib import Path

import pytest
from made_up import finding, write_run

from analysis.claims import Verdict, judge, register


@pytest.fixture
def all_runs(tmp_path: Path) -> Callable[..., list[Path]]:
    """``all_runs(C08=verdict, …)``: runs of every notebook with a verdict on every claim."""

    def make(**given: Verdict) -> list[Path]:
        by_notebook: dict[str, list[Verdict]] = {}
        for name, claim in register().items():
            if claim.not_testable is None:
                size = claim.smallest.size
                centre = claim.null_value + 2 * size * claim.sign
                verdict = given.get(name) or judge(claim, [finding(centre, size)])
                by_notebook.setdefault(claim.notebook, []).append(verdict)
        return [
            write_run(tmp_path / notebook, notebook, found)
            for notebook, found in by_notebook.items()
        ]

    return make
