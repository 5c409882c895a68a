"""Specifications that moments cannot give, estimated one by one from their rows.

Poisson regressions and errors that need leverages go through :func:`analysis.models.fit`. Many of
them are spread over processes; results do not depend on how many.
"""

import math
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pandas as pd

from analysis.models import Estimates, ModelError, Specification, fit
from analysis.robustness.plan import Pass, Plan, specification

#: Fewer refits than this are not worth the seconds that starting processes takes.
WORTH_A_POOL = 60
CHUNK = 16

INFERENCE = ("estimate", "std_error", "statistic", "p_value", "ci_low", "ci_high")
FIT = ("r_squared", "within_r_squared", "partial_r_squared")

Task = tuple[int, Specification, Pass]


def refit(plan: Plan, passes: Sequence[Pass], workers: int | None = None) -> pd.DataFrame:
    """Results of every specification of ``passes``, indexed by their position in the enumeration.

    Columns as in :data:`analysis.robustness.curve.RESULTS`. A specification that cannot be
    estimated has missing results and the reason as its flag. ``workers``: processes, by default
    one per processor when there are enough refits to pay for them.
    """
    tasks = [
        (int(position), specification(plan.enumeration, position), one)
        for one in passes
        for position in one.specifications
    ]
    if workers is None:
        workers = 1 if len(tasks) < WORTH_A_POOL else (os.cpu_count() or 1)
    rows = list(_run(tasks, plan.columns, workers))
    index = [position for position, _, _ in tasks]
    return pd.DataFrame(rows, index=pd.Index(index, dtype="int64"))


def refit_row(spec: Specification, frame: pd.DataFrame) -> dict[str, Any]:
    """The result of one specification as a row of the curve's table."""
    try:
        estimates = fit(spec, frame)
    except ModelError as problem:
        return _failed(str(problem), len(frame))
    return _row(spec, estimates)


def _run(tasks: Sequence[Task], columns: pd.DataFrame, workers: int) -> Iterator[dict[str, Any]]:
    if workers < 2:
        for _, spec, one in tasks:
            yield refit_row(spec, columns[one.rows(len(columns))])
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start, initargs=(columns,)
    ) as pool:
        yield from pool.map(_task, tasks, chunksize=CHUNK)


_columns: pd.DataFrame | None = None


def _start(columns: pd.DataFrame) -> None:
    """What every process holds: the columns, sent once."""
    global _columns
    _columns = columns


def _task(task: Task) -> dict[str, Any]:
    _, spec, one = task
    assert _columns is not None
    return refit_row(spec, _columns[one.rows(len(_columns))])


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
