"""Moments by cluster: what they hold, what they refuse, that order and labels are nothing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.models import ModelError
from analysis.robustness.moments import MOST_DUMMIES, Moments, moments_of, without_dummies

COLUMNS = ("y", "x", "z")


def panel(seed: int = 0, n_units: int = 12, n_years: int = 6, missing: float = 0.2) -> pd.DataFrame:
    """An unbalanced panel of units in four countries, with weights and correlated effects."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "unit": np.repeat([f"U{i:02}" for i in range(n_units)], n_years),
            "country": np.repeat([f"C{i % 4}" for i in range(n_units)], n_years),
            "year": np.tile(np.arange(2000, 2000 + n_years), n_units),
        }
    )
    effects = random.normal(size=n_units).repeat(n_years) + np.tile(
        random.normal(size=n_years), n_units
    )
    for name in COLUMNS:
        frame[name] = 5 + effects + random.normal(size=len(frame))
    frame["w"] = random.uniform(0.5, 3, len(frame))
    return frame[random.random(len(frame)) >= missing].reset_index(drop=True)


def dummies(frame: pd.DataFrame, column: str) -> np.ndarray:
    return pd.get_dummies(frame[column]).to_numpy(dtype=float)


def residuals(values: np.ndarray, on: np.ndarray, weights: np.ndarray) -> np.ndarray:
    root = np.sqrt(weights)[:, None]
    return values - on @ np.linalg.lstsq(on * root, values * root, rcond=None)[0]


def test_blocks_are_within_unit_moments_by_cluster() -> None:
    frame = panel()
    moments = moments_of(frame, COLUMNS, cluster="country", absorb=("unit", "year"), weights="w")
    weights = frame["w"].to_numpy()
    kept = dummies(frame, "year")[:, 1:]
    within = residuals(
        np.column_stack([frame[list(COLUMNS)], kept]), dummies(frame, "unit"), weights
    )
    for block, country in zip(moments.blocks, moments.clusters, strict=True):
        rows = (frame["country"] == country).to_numpy()
        expected = within[rows].T @ (within[rows] * weights[rows, None])
        np.testing.assert_allclose(block, expected, atol=1e-10)
    assert moments.clusters == ("C0", "C1", "C2", "C3")
    assert moments.columns == (*COLUMNS, *(f"year[{year}]" for year in range(2001, 2006)))
    assert (moments.n_dummies, moments.n_absorbed) == (5, 12)
    assert moments.n_rows.tolist() == frame.groupby("country").size().tolist()
    assert moments.blocks_for == "everything"
    np.testing.assert_array_equal(moments.blocks, moments.blocks.transpose(0, 2, 1))


def test_total_squares_are_about_the_mean() -> None:
    frame = panel()
    moments = moments_of(frame, COLUMNS, cluster="unit", absorb=("unit",), weights="w")
    mean = np.average(frame["y"], weights=frame["w"])
    expected = float((frame["w"] * (frame["y"] - mean) ** 2).sum())
    assert moments.total_squares[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("cluster", "absorb", "n_dummies", "n_absorbed", "use"),
    [
        ("unit", (), 1, 0, "everything"),
        ("unit", ("unit",), 0, 12, "everything"),
        ("unit", ("year",), 6, 0, "everything"),
        ("unit", ("year", "unit"), 5, 12, "everything"),
        ("country", ("unit", "country"), 0, 12, "everything"),
        ("year", ("unit", "year"), 11, 6, "everything"),
        (None, ("unit", "year"), 0, 17, "coefficients only"),
        (None, (), 1, 0, "coefficients only"),
    ],
)
def test_which_effects_are_absorbed(
    cluster: str | None, absorb: tuple[str, ...], n_dummies: int, n_absorbed: int, use: str
) -> None:
    moments = moments_of(panel(), COLUMNS, cluster=cluster, absorb=absorb)
    assert (moments.n_dummies, moments.n_absorbed) == (n_dummies, n_absorbed)
    assert moments.blocks_for == use
    assert np.linalg.matrix_rank(moments.total) == len(moments.columns)


def test_one_dummy_is_redundant_in_each_component() -> None:
    frame = panel(missing=0)
    early = frame["unit"].isin(["U00", "U01", "U02"])
    frame = frame[early == (frame["year"] < 2003)]
    moments = moments_of(frame, COLUMNS, cluster="unit", absorb=("unit", "year"))
    assert moments.n_dummies == 6 - 2
    assert np.linalg.matrix_rank(moments.total) == len(moments.columns)


def test_many_crossing_levels_are_absorbed_for_errors_only() -> None:
    random = np.random.default_rng(1)
    n = 20 * MOST_DUMMIES
    frame = pd.DataFrame(random.normal(size=(n, 3)), columns=list(COLUMNS))
    frame["firm"] = random.integers(0, MOST_DUMMIES + 1, n)
    frame["year"] = random.integers(0, 5, n)
    moments = moments_of(frame, COLUMNS, cluster="year", absorb=("firm", "year"))
    assert (moments.n_dummies, moments.blocks_for) == (0, "errors only")
    with pytest.raises(ModelError, match="the bootstrap needs moments by cluster that keep"):
        moments.require("everything", "the bootstrap")
    moments.require("errors only", "errors")


def test_without_dummies_equals_absorbing_everything() -> None:
    frame = panel()
    inside = moments_of(frame, COLUMNS, cluster="country", absorb=("unit", "year"), weights="w")
    partialled = without_dummies(inside)
    within = residuals(
        frame[list(COLUMNS)].to_numpy(),
        np.hstack([dummies(frame, "unit"), dummies(frame, "year")]),
        frame["w"].to_numpy(),
    )
    for block, country in zip(partialled.blocks, partialled.clusters, strict=True):
        rows = (frame["country"] == country).to_numpy()
        expected = within[rows].T @ (within[rows] * frame["w"].to_numpy()[rows, None])
        np.testing.assert_allclose(block, expected, atol=1e-10)
    assert partialled.columns == COLUMNS
    assert partialled.n_parameters == inside.n_parameters == 17
    assert partialled.blocks_for == "errors only"
    assert partialled.rows is not None
    order = partialled.rows.positions
    np.testing.assert_allclose(partialled.rows.values, within[order], atol=1e-10)
    assert without_dummies(partialled) is partialled


def test_a_column_constant_within_units_becomes_exactly_zero() -> None:
    frame = panel()
    frame["z"] = frame["unit"].str[1:].astype(float) * 1e6 + 0.1
    moments = moments_of(frame, COLUMNS, cluster="unit", absorb=("unit", "year"))
    assert (moments.blocks[:, 2, :] == 0).all()


def test_large_means_cost_no_digits() -> None:
    frame = panel()
    plain = moments_of(frame, COLUMNS, cluster="unit")
    shifted = moments_of(frame.assign(x=frame["x"] + 2.0**30), COLUMNS, cluster="unit")
    np.testing.assert_allclose(
        without_dummies(shifted).total, without_dummies(plain).total, rtol=1e-6
    )


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_order_of_rows_changes_no_byte(seed: int) -> None:
    frame = panel()
    shuffled = frame.sample(frac=1, random_state=seed)

    def bytes_of(rows: pd.DataFrame, absorb: tuple[str, ...]) -> bytes:
        return moments_of(rows, COLUMNS, cluster="country", absorb=absorb).blocks.tobytes()

    for absorb in ((), ("year",), ("unit", "year")):
        assert bytes_of(shuffled, absorb) == bytes_of(frame, absorb)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.nan}, "'x' has 1 missing or infinite values; moments need complete rows"),
        ({"x": np.inf}, "'x' has 1 missing or infinite"),
        ({"unit": None}, "column 'unit' has 1 missing values"),
        ({"w": 0.0}, "weights 'w': 1 values are zero or negative"),
    ],
)
def test_bad_rows_are_refused(change: dict[str, object], message: str) -> None:
    frame = panel()
    for name, value in change.items():
        frame.loc[3, name] = value
    with pytest.raises(ModelError, match=message):
        moments_of(frame, COLUMNS, cluster="unit", weights="w")


def test_bad_columns_are_refused() -> None:
    frame = panel()
    with pytest.raises(ModelError, match="no column 'yeer'; did you mean year"):
        moments_of(frame, COLUMNS, cluster="unit", absorb=("yeer",))
    with pytest.raises(ModelError, match="'country' is str, expected numbers"):
        moments_of(frame, ("y", "country"), cluster="unit")
    with pytest.raises(ModelError, match=r"each once; repeated: \['y'\]"):
        moments_of(frame, ("y", "y"), cluster="unit")
    with pytest.raises(ModelError, match="at least one row"):
        moments_of(frame.iloc[:0], COLUMNS, cluster="unit")
    with pytest.raises(ModelError, match="at most 2 columns, got 3: unit, year, country"):
        moments_of(frame, COLUMNS, cluster="unit", absorb=("unit", "year", "country"))


def test_unknown_names_list_the_columns() -> None:
    moments = moments_of(panel(), COLUMNS, cluster="unit", absorb=("year",))
    assert moments.index(("z", "y")).tolist() == [2, 0]
    with pytest.raises(ModelError, match=r"no column 'zz'; did you mean z\? They have: y, x, z$"):
        moments.index("zz")


def test_rows_can_be_left_behind() -> None:
    moments: Moments = moments_of(panel(), COLUMNS, cluster="unit", keep_rows=False)
    assert moments.rows is None and without_dummies(moments).rows is None
