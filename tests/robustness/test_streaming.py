"""Moments streamed from Parquet equal those of the frame in memory."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.models import ModelError
from analysis.robustness import streaming
from analysis.robustness.moments import Moments, moments_of
from analysis.robustness.solve import Batch, solve
from analysis.robustness.streaming import moments_of_parquet

COLUMNS = ("y", "x", "z")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BATCH_ROWS", 37)


def panel(seed: int = 0) -> pd.DataFrame:
    """Firms in regions, unbalanced, in no order; columns of very different size and level."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "firm": np.repeat(np.arange(60), 8) * 10,
            "region": np.repeat([f"R{i % 9}" for i in range(60)], 8),
            "year": np.tile(np.arange(2010, 2018), 60),
            "w": random.uniform(0.5, 3, 480),
            "y": random.normal(size=480) + 1000,
            "x": 1e6 * (random.normal(size=480) + np.repeat(random.normal(size=60), 8)),
            "z": random.integers(0, 5, 480),
        }
    )
    return frame[random.random(480) > 0.2].sample(frac=1, random_state=seed)


def write(folder: Path, frame: pd.DataFrame, n_files: int = 3) -> list[Path]:
    paths = []
    for place, part in enumerate(np.array_split(np.arange(len(frame)), n_files)):
        paths.append(folder / f"part{place}.parquet")
        frame.iloc[part].to_parquet(paths[-1], index=False, row_group_size=50)
    return paths


def assert_equal_moments(streamed: Moments, held: Moments) -> None:
    assert streamed.columns == held.columns
    assert streamed.clusters == held.clusters
    assert streamed.n_rows.tolist() == held.n_rows.tolist()
    assert (streamed.n_dummies, streamed.n_absorbed) == (held.n_dummies, held.n_absorbed)
    assert (streamed.absorbed, streamed.blocks_for) == (held.absorbed, held.blocks_for)
    np.testing.assert_allclose(streamed.total_squares, held.total_squares, rtol=1e-12)
    np.testing.assert_allclose(streamed.squares, held.squares, rtol=1e-12)
    # Entries off the diagonal cancel: their rounding is relative to the diagonal.
    size = np.sqrt(held.squares)
    scale = np.outer(size, size)
    np.testing.assert_allclose(streamed.blocks / scale, held.blocks / scale, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(streamed.blocks, streamed.blocks.transpose(0, 2, 1))


@pytest.mark.parametrize("cluster", ["firm", "region"])
@pytest.mark.parametrize("absorb", [(), ("firm",), ("year",), ("firm", "year"), ("year", "firm")])
@pytest.mark.parametrize("weights", [None, "w"])
def test_streamed_moments_equal_those_in_memory(
    tmp_path: Path, cluster: str, absorb: tuple[str, ...], weights: str | None
) -> None:
    frame = panel()
    streamed = moments_of_parquet(
        write(tmp_path, frame), COLUMNS, cluster=cluster, absorb=absorb, weights=weights
    )
    held = moments_of(frame, COLUMNS, cluster=cluster, absorb=absorb, weights=weights)
    assert_equal_moments(streamed, held)


def test_disconnected_firms_leave_out_one_year_each(tmp_path: Path) -> None:
    frame = panel()
    frame = frame[(frame["firm"] < 200) == (frame["year"] < 2014)]
    choices = {"cluster": "region", "absorb": ("firm", "year")}
    streamed = moments_of_parquet(write(tmp_path, frame), COLUMNS, **choices)
    assert streamed.n_dummies == 8 - 2
    assert_equal_moments(streamed, moments_of(frame, COLUMNS, **choices))


def test_specifications_solve_alike(tmp_path: Path) -> None:
    frame = panel()
    choices = {"cluster": "region", "absorb": ("firm", "year"), "weights": "w"}
    streamed = moments_of_parquet(write(tmp_path, frame), COLUMNS, **choices)
    held = moments_of(frame, COLUMNS, **choices)
    batch = Batch.named(held, [("y", "x", ("z",)), ("y", "z", ())])
    pd.testing.assert_frame_equal(solve(streamed, batch), solve(held, batch), rtol=1e-11)


def test_dictionaries_of_different_files_are_one(tmp_path: Path) -> None:
    frame = panel()
    paths = []
    for place, part in enumerate((frame.iloc[:100], frame.iloc[100:])):
        table = pa.Table.from_pandas(part.assign(region=part["region"].astype("category")))
        paths.append(tmp_path / f"{place}.parquet")
        pq.write_table(table, paths[-1])
    streamed = moments_of_parquet(paths, COLUMNS, cluster="region")
    assert_equal_moments(streamed, moments_of(frame, COLUMNS, cluster="region"))


def test_a_column_constant_within_firms_becomes_exactly_zero(tmp_path: Path) -> None:
    frame = panel()
    frame["z"] = frame["firm"] / 3
    choices = {"cluster": "region", "absorb": ("firm", "year")}
    streamed = moments_of_parquet(write(tmp_path, frame), COLUMNS, **choices)
    assert (streamed.blocks[:, 2] == 0).all() and (streamed.blocks[:, :, 2] == 0).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_bytes_do_not_depend_on_threads(tmp_path: Path, threads: int) -> None:
    import numba

    paths = write(tmp_path, panel())
    choices = {"cluster": "region", "absorb": ("firm", "year"), "weights": "w"}
    expected = moments_of_parquet(paths, COLUMNS, **choices).blocks.tobytes()
    before = numba.get_num_threads()
    numba.set_num_threads(min(threads, before))
    try:
        assert moments_of_parquet(paths, COLUMNS, **choices).blocks.tobytes() == expected
    finally:
        numba.set_num_threads(before)


def test_bad_files_are_refused(tmp_path: Path) -> None:
    frame = panel()
    paths = write(tmp_path, frame)
    with pytest.raises(ModelError, match="at least one Parquet file"):
        moments_of_parquet([], COLUMNS, cluster="firm")
    with pytest.raises(ModelError, match=r"part0.parquet has no column 'q'"):
        moments_of_parquet(paths, ("y", "q"), cluster="firm")
    with pytest.raises(ModelError, match=r"column 'region' is (large_)?string, expected numbers"):
        moments_of_parquet(paths, ("y", "region"), cluster="firm")
    with pytest.raises(ModelError, match=r"each once; repeated: \['y'\]"):
        moments_of_parquet(paths, ("y", "y"), cluster="firm")
    with pytest.raises(ModelError, match=r"nested here: \['firm', 'region'\], crossing: \[\]"):
        moments_of_parquet(paths, COLUMNS, cluster="region", absorb=("firm", "region"))
    with pytest.raises(ModelError, match=r"column 'region' is (large_)?string, expected numbers"):
        moments_of_parquet(paths, COLUMNS, cluster="firm", weights="region")
    with pytest.raises(ModelError, match=r"absent.parquet cannot be read as a Parquet file"):
        moments_of_parquet([tmp_path / "absent.parquet"], COLUMNS, cluster="firm")
    frame.assign(firm=frame["firm"].astype(str)).to_parquet(tmp_path / "texts.parquet")
    with pytest.raises(ModelError, match=r"'firm' is int64, (large_)?string; it must be the same"):
        moments_of_parquet([paths[0], tmp_path / "texts.parquet"], COLUMNS, cluster="firm")
    (tmp_path / "part0.parquet").write_text("unit,year")
    with pytest.raises(ModelError, match=r"part0.parquet cannot be read as a Parquet file"):
        moments_of_parquet(paths, COLUMNS, cluster="firm")
    empty = write(tmp_path, frame.iloc[:0], n_files=1)
    with pytest.raises(ModelError, match="at least one row"):
        moments_of_parquet(empty, COLUMNS, cluster="firm")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("x", np.nan, "part2.parquet: column 'x' has at least 1 missing or infinite"),
        ("x", np.inf, "column 'x' has at least 1 missing or infinite"),
        ("w", -1.0, "weights 'w': 1 values are zero or negative"),
        ("region", None, "column 'region' has 1 missing values"),
    ],
)
def test_bad_rows_are_refused(tmp_path: Path, column: str, value: object, message: str) -> None:
    frame = panel().reset_index(drop=True)
    frame.loc[len(frame) - 1, column] = value
    with pytest.raises(ModelError, match=message):
        moments_of_parquet(write(tmp_path, frame), COLUMNS, cluster="region", weights="w")


def test_too_many_crossing_levels_are_refused(tmp_path: Path) -> None:
    frame = panel()
    frame["cell"] = np.arange(len(frame)) % 150
    with pytest.raises(ModelError, match="'cell' crosses the clusters and has 150 levels; at most"):
        moments_of_parquet(write(tmp_path, frame), COLUMNS, cluster="region", absorb=("cell",))


def test_keys_that_are_no_number_are_missing(tmp_path: Path) -> None:
    table = pa.table({"y": [1.0, 2.0, 4.0], "unit": pa.array([1.0, float("nan"), 2.0])})
    pq.write_table(table, tmp_path / "gap.parquet")
    with pytest.raises(ModelError, match="column 'unit' has 1 missing values"):
        moments_of_parquet([tmp_path / "gap.parquet"], ["y"], cluster="unit")


def test_whole_numbers_may_be_large(tmp_path: Path) -> None:
    frame = panel().assign(z=lambda rows: rows["z"] * 2**57 + 1)
    paths = write(tmp_path, frame)
    streamed = moments_of_parquet(paths, COLUMNS, cluster="region", absorb=("firm", "year"))
    held = moments_of(frame, COLUMNS, cluster="region", absorb=("firm", "year"))
    assert_equal_moments(streamed, held)
