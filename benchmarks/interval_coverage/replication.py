"""Many draws of a design, and what its procedures made of them."""

import hashlib
import math
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.interval_coverage.designs import Design, designs
from benchmarks.interval_coverage.procedures import Procedure
from benchmarks.interval_coverage.readings import Draw, Target
from benchmarks.interval_coverage.samples import Floats, Truths

from analysis.models import ModelError
from analysis.models.registry import call

SEED = 20240607
TRUSTED = (0.90, 0.99)
VERDICTS = ("too short", "too long")
NORMAL_QUARTILES = 2 * 0.6744897501960817  # their distance in standard deviations


def simulate(design: Design, replications: int, seed: int = SEED) -> pd.DataFrame:
    """One row per target of the design, with the columns of the table.

    ``bias`` and ``median_bias`` are the mean and median error, ``spread`` the distance of the
    quartiles of the estimates in normal standard deviations, ``se_ratio`` the median standard error
    over that spread, ``coverage`` the share of intervals that hold the truth and ``size`` the share
    of tests at 5 % that reject the truth, which is the complement. A test that is not of a
    coefficient has only a size. ``undefined`` counts fits that failed or gave no interval; they
    enter nothing else. The ``_error`` columns are Monte-Carlo standard errors.
    """
    targets = [target for procedure in design.procedures for target in procedure.targets]
    draws = np.full((replications, len(targets), 3), np.nan)
    truths: Truths = {}
    for replication in range(replications):
        frame, truths = design.process(generator(design, replication, seed))
        draws[replication] = [
            draw for procedure in design.procedures for draw in _apply(procedure, frame, truths)
        ]
    rows = [
        {"design": design.name, "n": design.n, "t": design.t, "procedure": target.label}
        | _summary(draws[:, k], target, truths.get(target.truth, math.nan))
        for k, target in enumerate(targets)
    ]
    return pd.DataFrame(rows)


def generator(design: Design, replication: int, seed: int) -> np.random.Generator:
    """Random numbers of one replication; the same whatever else is simulated."""
    name = f"{design.name}/{design.n}/{design.t}"
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16])
    return np.random.default_rng(np.random.SeedSequence([seed, digest, replication]))


def _apply(procedure: Procedure, frame: pd.DataFrame, truths: Truths) -> list[Draw]:
    try:
        estimates = call(procedure.estimator, frame, procedure.arguments)
    except ModelError:
        return [Draw(math.nan, math.nan, math.nan)] * len(procedure.targets)
    return [
        target.read(estimates, truths.get(target.truth, math.nan)) for target in procedure.targets
    ]


def _summary(draws: Floats, target: Target, truth: float) -> dict[str, Any]:
    used = draws[~np.isnan(draws[:, 2])]
    if not len(used):
        raise RuntimeError(f"{target.label}: no replication gave a result")
    estimates, std_errors, covers = used.T
    accepted, n = covers.mean(), len(used)
    # From the quartiles: LIML with weak instruments and a fuzzy jump have no variance.
    spread = np.diff(np.quantile(estimates, [0.25, 0.75]))[0] / NORMAL_QUARTILES
    coverage = math.nan if target.kind == "test" else accepted
    return {
        "kind": target.kind,
        "replications": len(draws),
        "undefined": len(draws) - n,
        "truth": truth,
        "bias": estimates.mean() - truth,
        "bias_error": estimates.std(ddof=1) / math.sqrt(n),
        "median_bias": np.median(estimates) - truth,
        "spread": spread,
        "se_ratio": np.median(std_errors) / spread,
        "coverage": coverage,
        "size": 1 - accepted,
        "coverage_error": math.sqrt(accepted * (1 - accepted) / n),
        "verdict": verdict(accepted, target.kind),
    }


def verdict(accepted: float, kind: str) -> str:
    """What to mark where the truth is accepted in less than 90 % or more than 99 % of samples."""
    short, long = ("rejects too often", "rejects too rarely") if kind == "test" else VERDICTS
    low, high = TRUSTED
    return short if accepted < low else long if accepted > high else ""


def table(replications: int, seed: int = SEED, workers: int = 1) -> pd.DataFrame:
    """The results of every design; the same whatever the number of processes."""
    # Small matrices: threads of the linear algebra only cost time. Read when a process starts.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        tasks = [
            pool.submit(_simulate_numbered, position, replications, seed)
            for position in range(len(designs()))
        ]
        return pd.concat([task.result() for task in tasks], ignore_index=True)


def _simulate_numbered(position: int, replications: int, seed: int) -> pd.DataFrame:
    """`simulate` by number: a design holds functions, which do not travel between processes."""
    design, start = designs()[position], time.perf_counter()
    result = simulate(design, replications, seed)
    seconds = time.perf_counter() - start
    print(f"{design.name}, N = {design.n}, T = {design.t}: {seconds:.0f} s", flush=True)
    return result
