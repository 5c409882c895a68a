"""Neighbours as tables and columns: against the spatial models, by hand, and with gaps."""

import numpy as np
import pandas as pd
import pytest
from lattices import EDGES, lattice

from analysis.models import ModelError
from analysis.models.spatial import neighbour_means, neighbour_weights, spatial_ols

PLACES = pd.DataFrame({"geo": ["c", "a", "b"], "lon": [3.0, 0.0, 1.0], "lat": [50.0, 50.0, 50.0]})
AT = ["lon", "lat"]


def square(*rows: list[float]) -> pd.DataFrame:
    return pd.DataFrame(rows, index=["a", "b", "c"], columns=["a", "b", "c"], dtype=float)


def test_the_nearest_by_distance_with_units_sorted():
    table = neighbour_weights(
        PLACES, unit="geo", matrix_options={"kind": "nearest", "k": 1, "coordinates": AT}
    )
    pd.testing.assert_frame_equal(table, square([0, 1, 0], [1, 0, 0], [0, 1, 0]), check_names=False)


def test_a_band_and_what_lies_beyond_it_share_all_pairs():
    band = {"kind": "band", "within": 100, "coordinates": AT}
    near = neighbour_weights(PLACES, unit="geo", matrix_options=band)
    assert near.loc["a", "b"] == 1 and near.loc["a", "c"] == 0  # 71.5 and 214 km
    far = (1 - near) * ~np.eye(3, dtype=bool)
    assert (near + far).to_numpy().sum() == 6


def test_means_are_over_the_neighbours_that_have_a_value_in_the_period():
    weights = square([0, 1, 3], [1, 0, 0], [0, 0, 0])
    frame = pd.DataFrame(
        {
            "geo": ["a", "b", "c", "a", "b", "c", "elsewhere"],
            "year": [1, 1, 1, 2, 2, 2, 2],
            "x": [1.0, 2.0, 6.0, 4.0, np.nan, 8.0, 9.0],
        }
    )
    found = neighbour_means(frame, ["x"], weights=weights, unit="geo", time="year")["x"]
    expected = [(2 + 3 * 6) / 4, 1.0, np.nan, 8.0, 4.0, np.nan, np.nan]
    np.testing.assert_allclose(found, expected)


def test_order_of_rows_and_unused_columns_do_not_matter():
    weights = square([0, 1, 3], [1, 0, 0], [2, 1, 0])
    frame = pd.DataFrame({"geo": list("abcabc"), "year": [1, 1, 1, 2, 2, 2], "x": range(6)})
    frame.index = pd.Index(range(10, 16))
    once = neighbour_means(frame, ["x"], weights=weights, unit="geo", time="year")
    mixed = frame.sample(frac=1, random_state=1)
    again = neighbour_means(mixed, ["x"], weights=weights, unit="geo", time="year")
    pd.testing.assert_frame_equal(again.sort_index(), once)


def test_a_regression_on_the_column_is_the_slx_model():
    frame, links = lattice(periods=3)
    links = pd.concat([links, links.rename(columns={"start": "end", "end": "start"})])
    table = (
        links.drop_duplicates().assign(w=1.0).pivot_table(index="start", columns="end", values="w")
    ).fillna(0.0)
    frame["lagged"] = neighbour_means(frame, ["x"], weights=table, unit="cell", time="year")["x"]
    options = {"unit": "cell", "time": "year", "absorb": ["cell", "year"], "outcome": "y"}
    slx = spatial_ols(
        frame, regressors=["x"], spatial_lags="all", matrix=links.drop_duplicates(),
        matrix_options=EDGES, **options,
    )  # fmt: skip
    plain = spatial_ols(
        frame, regressors=["x", "lagged"], matrix=links.drop_duplicates(),
        matrix_options=EDGES, **options,
    )  # fmt: skip
    assert plain.row("lagged")["estimate"] == pytest.approx(slx.row("W.x")["estimate"], rel=1e-9)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (square([0, -1, 0], [0, 0, 0], [0, 0, 0]), "zero or more"),
        (square([1, 0, 0], [0, 0, 0], [0, 0, 0]), "zero on the diagonal"),
        (square([0, 1, 0], [0, 0, 0], [0, 0, 0])[["b", "a", "c"]], "same order"),
    ],
)
def test_wrong_weights_are_refused(table, message):
    frame = pd.DataFrame({"geo": list("abc"), "year": 1, "x": 1.0})
    with pytest.raises(ModelError, match=message):
        neighbour_means(frame, ["x"], weights=table, unit="geo", time="year")


def test_repeated_rows_and_missing_places_are_refused():
    weights = square([0, 1, 0], [0, 0, 0], [0, 0, 0])
    twice = pd.DataFrame({"geo": list("aa"), "year": 1, "x": 1.0})
    with pytest.raises(ModelError, match="one row per unit and period"):
        neighbour_means(twice, ["x"], weights=weights, unit="geo", time="year")
    nearest = {"kind": "nearest", "k": 1, "coordinates": AT}
    with pytest.raises(ModelError, match="a has more than one row"):
        doubled = pd.concat([PLACES, PLACES[PLACES["geo"] == "a"]])
        neighbour_weights(doubled, unit="geo", matrix_options=nearest)
    with pytest.raises(ModelError, match="finite"):
        unknown = PLACES.assign(lat=np.nan)
        neighbour_weights(unknown, unit="geo", matrix_options=nearest)
