"""Specifications that moments cannot give, estimated one by one from their rows.

Poisson regressions and errors that need leverages are solved as :func:`analysis.models.fit` does.
They go in batches that share rows and outcome, in which each Poisson model starts where the one
before it ended. Many batches are spread over processes; results do not depend on how many.
"""

import math
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pandas as pd

from analysis.models import Estimates, ModelError, Specification
from analysis.models.fit import estimates_of, solve
from analysis.robustness.plan import Pass, Plan, specification

#: Fewer refits than this are not worth the seconds that starting processes takes.
WORTH_A_POOL = 60
#: Specifications that one process takes at a time, each starting from the one before.
BATCH = 16

INFERENCE = ("estimate", "std_error", "statistic", "p_value", "ci_low", "ci_high")
FIT = ("r_squared", "within_r_squared", "partial_r_squared")

Task = tuple[list[Specification], Pass]


def refit(plan: Plan, passes: Sequence[Pass], workers: int | None = None) -> pd.DataFrame:
    """Results of every specification of ``passes``, indexed by their position in the enumeration.

    Columns as in :data:`analysis.robustness.curve.RESULTS`. A specification that cannot be
    estimated has missing results and the reason as its flag. ``workers``: processes, by default
    one per processor when there are enough refits to pay for them.
    """
    batches = [batch for one in passes for batch in _batches(plan, one)]
    count = sum(len(positions) for positions, _, _ in batches)
    if workers is None:
        workers = 1 if count < WORTH_A_POOL else (os.cpu_count() or 1)
    rows = [
        row
        for found in _run([batch[1:] for batch in batches], plan.columns, workers)
        for row in found
    ]
    index = [position for positions, _, _ in batches for position in positions]
    return pd.DataFrame(rows, index=pd.Index(index, dtype="int64"))


def _batches(plan: Plan, one: Pass) -> Iterator[tuple[list[int], list[Specification], Pass]]:
    """Specifications of a pass by outcome, at most ``BATCH`` at a time, with their positions."""
    by_outcome: dict[tuple[str, str], list[tuple[int, Specification]]] = {}
    for position in one.specifications.tolist():
        spec = specification(plan.enumeration, position)
        by_outcome.setdefault((spec.estimator, spec.outcome), []).append((position, spec))
    for found in by_outcome.values():
        for first in range(0, len(found), BATCH):
            positions, specifications = zip(*found[first : first + BATCH], strict=True)
            yield list(positions), list(specifications), one


def refit_batch(
    specifications: Sequence[Specification], frame: pd.DataFrame
) -> list[dict[str, Any]]:
    """The results of specifications on the same rows, as rows of the curve's table."""
    rows, start = [], None
    for spec in specifications:
        try:
            found = solve(spec, frame, start)
            rows.append(_row(spec, estimates_of(found)))
            start = found.solution.start
        except ModelError as problem:
            rows.append(_failed(str(problem), len(frame)))
    return rows


def _run(
    tasks: Sequence[Task], columns: pd.DataFrame, workers: int
) -> Iterator[list[dict[str, Any]]]:
    if workers < 2:
        for specifications, one in tasks:
            yield refit_batch(specifications, columns[one.rows(len(columns))])
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start, initargs=(columns,)
    ) as pool:
        yield from pool.map(_task, tasks)


_columns: pd.DataFrame | None = None


def _start(columns: pd.DataFrame) -> None:
    """What every process holds: the columns, sent once."""
    global _columns
    _columns = columns


def _task(task: Task) -> list[dict[str, Any]]:
    specifications, one = task
    assert _columns is not None
    return refit_batch(specifications, _columns[one.rows(len(_columns))])


def _row(spec: Specification, estimates: Estimates) -> dict[str, Any]:
    focus = (spec.endogenous or spec.regressors)[0]
    row, facts = estimates.row(focus), estimates.facts
    return {
        **{name: float(row[name]) for name in INFERENCE},
        "n_obs": facts.n_obs,
        "n_units": facts.n_units,
        "n_clusters": math.nan if facts.n_clusters is None else facts.n_clusters,
        "r_squared": facts.r_squared,
        "within_r_squared": facts.within_r_squared,
        "partial_r_squared": math.nan,
        "flag": "" if math.isfinite(row["std_error"]) else "variance not positive",
        "engine": "refit",
    }


def _failed(reason: str, n_obs: int) -> dict[str, Any]:
    absent = (*INFERENCE, "n_units", "n_clusters", *FIT)
    return dict.fromkeys(absent, math.nan) | {"n_obs": n_obs, "flag": reason, "engine": "refit"}
