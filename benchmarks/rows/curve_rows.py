"""A curve on 10 million rows against the same curve on 1 million: cost after the pass.

Synthetic data, written to Parquet files of 500,000 rows each in a temporary folder: firms in 270
regions over 10 years, 100,000 firms in the small table and 1,000,000 in the large one, rows in no
order, 17 columns. Moments are streamed from the files, firm effects absorbed and year dummies
inside, clustered by region. ``ours`` and ``other`` are seconds per specification, without the pass,
at the large and the small number of rows: ``ratio`` is one over the growth. The results are checked
against a fit of one specification on the small table.
"""

import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from benchmarks.measure import Row, seconds, versions

from analysis.models import Specification, fit
from analysis.robustness.moments import Moments
from analysis.robustness.solve import Batch, solve
from analysis.robustness.streaming import moments_of_parquet

SMALL, LARGE = 1_000_000, 10_000_000
ROWS_PER_FILE = 500_000
N_YEARS, N_REGIONS, N_CONTROLS = 10, 270, 12
OUTCOMES = ("y1", "y2", "y3", "y4")
COLUMNS = (*OUTCOMES, "x", *(f"c{place:02}" for place in range(N_CONTROLS)))
REPEATS = 11


def write_tables(folder: Path, n_rows: int) -> list[Path]:
    """Files with the columns firm, region, year and ``COLUMNS``, firms in a random order."""
    n_firms = n_rows // N_YEARS
    order = np.random.default_rng(n_rows).permutation(n_rows)
    paths = []
    for start in range(0, n_rows, ROWS_PER_FILE):
        random = np.random.default_rng([n_rows, start])
        firm = (order[start : start + ROWS_PER_FILE] % n_firms).astype(np.int32)
        year = (order[start : start + ROWS_PER_FILE] // n_firms).astype(np.int32)
        frame = pd.DataFrame({"firm": firm, "region": firm % N_REGIONS, "year": year})
        effect = (np.sin(firm) + np.cos(year)).astype(np.float32)
        for name in COLUMNS[::-1]:
            frame[name] = random.standard_normal(len(firm), dtype=np.float32) + effect
        for outcome in OUTCOMES:
            frame[outcome] += np.float32(0.1) * frame["x"]
        paths.append(folder / f"{n_rows}-{start:08}.parquet")
        frame.to_parquet(paths[-1], index=False, compression=None)
    return paths


def stream(paths: list[Path]) -> Moments:
    return moments_of_parquet(paths, COLUMNS, cluster="region", absorb=("firm", "year"))


def batch() -> Batch:
    """Every outcome with every subset of the controls."""
    controls = np.zeros((2**N_CONTROLS, len(COLUMNS)), dtype=bool)
    controls[:, len(OUTCOMES) + 1 :] = (
        np.arange(2**N_CONTROLS)[:, None] >> np.arange(N_CONTROLS)
    ) & 1
    return Batch(
        outcome=np.repeat(np.arange(len(OUTCOMES)), len(controls)),
        focus=np.full(len(OUTCOMES) * len(controls), len(OUTCOMES)),
        controls=np.tile(controls, (len(OUTCOMES), 1)),
    )


def check(moments: Moments, paths: list[Path]) -> None:
    """The last specification (the last outcome on all controls) equals a fit on the rows."""
    found = solve(moments, batch()).iloc[-1]
    specification = Specification(
        outcome=OUTCOMES[-1],
        regressors=COLUMNS[len(OUTCOMES) :],
        absorb=("firm", "year"),
        vcov="cluster",
        cluster=("region",),
    )
    expected = fit(specification, pd.concat(map(pd.read_parquet, paths))).row("x")
    for name in ("estimate", "std_error"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-8)


def curve_rows() -> Row:
    with tempfile.TemporaryDirectory() as folder:
        paths = {n_rows: write_tables(Path(folder), n_rows) for n_rows in (SMALL, LARGE)}
        moments = {n_rows: stream(files) for n_rows, files in paths.items()}
        check(moments[SMALL], paths[SMALL])
    curve = batch()
    times: dict[int, list[float]] = {SMALL: [], LARGE: []}
    for _ in range(REPEATS):
        for n_rows, held in moments.items():
            times[n_rows].append(seconds(lambda held=held: solve(held, curve)))
    small, large = (median(times[n_rows]) / len(curve.outcome) for n_rows in (SMALL, LARGE))
    packages = versions(("numba", "numpy", "pyarrow"))
    return Row("curve_rows", large, small, small / large, 0.9, LARGE, packages)


ROWS = (curve_rows,)
