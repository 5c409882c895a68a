"""Spatial weights from tables and coordinates."""

import numpy as np
import pandas as pd
import pytest

from analysis.models.spatial.weights import check_options, raw_weights, standardised
from analysis.models.specification import ModelError

LABELS = ["AT", "BE", "CZ"]
EDGES = pd.DataFrame({"a": ["AT", "BE", "XX"], "b": ["CZ", "AT", "AT"], "trade": [2.0, 3.0, 4.0]})
SQUARE = pd.DataFrame(
    [[0, 1, 2], [3, 0, 4], [5, 6, 0]], index=["CZ", "AT", "BE"], columns=["CZ", "AT", "BE"]
)


def dense(matrix: pd.DataFrame | None = None, coordinates=None, labels=LABELS, **options):
    return raw_weights(labels, matrix, options, coordinates).toarray()


def test_edges_with_weights_leave_out_units_outside_the_sample():
    expected = [[0, 0, 2], [3, 0, 0], [0, 0, 0]]
    np.testing.assert_array_equal(dense(EDGES, kind="edges", weight="trade"), expected)
    both = [[0, 1, 1], [1, 0, 0], [1, 0, 0]]
    np.testing.assert_array_equal(dense(EDGES, kind="edges", symmetric=True), both)


def test_a_square_table_is_matched_by_name_or_by_position():
    np.testing.assert_array_equal(dense(SQUARE), [[0, 4, 3], [6, 0, 5], [1, 2, 0]])
    np.testing.assert_array_equal(dense(SQUARE, match="position"), SQUARE.to_numpy())
    numbers = SQUARE.set_axis(["1", "2", "3"], axis=1).set_axis([1.0, 2.0, 3.0], axis=0)
    np.testing.assert_array_equal(dense(numbers, labels=[1, 2, 3]), SQUARE.to_numpy())


# Vienna, Brussels, Prague: great-circle distances are about 914, 252 and 720 km.
PLACES = np.array([[16.3738, 48.2082], [4.3517, 50.8503], [14.4378, 50.0755]])


def test_weights_of_distance():
    inverse = dense(None, PLACES, kind="inverse_distance")
    np.testing.assert_allclose(1 / inverse[[0, 0, 1], [1, 2, 2]], [914.6, 251.4, 720.2], atol=2)
    np.testing.assert_array_equal(inverse, inverse.T)
    squared = dense(None, PLACES, kind="inverse_distance", power=2, within=800)
    np.testing.assert_allclose(squared[0, 2], inverse[0, 2] ** 2)
    assert squared[0, 1] == 0
    band = dense(None, PLACES, kind="band", within=800)
    np.testing.assert_array_equal(band, [[0, 0, 1], [0, 0, 1], [1, 1, 0]])
    nearest = dense(None, PLACES, kind="nearest", k=1)
    np.testing.assert_array_equal(nearest, [[0, 0, 1], [0, 0, 1], [1, 0, 0]])


def test_a_tie_of_distances_goes_to_the_unit_that_sorts_first():
    plane = np.array([[0.0, 0.0], [0.0, 0.3], [0.3, 0.0]])
    nearest = dense(None, plane, kind="nearest", k=1, metric="euclidean")
    np.testing.assert_array_equal(nearest, [[0, 1, 0], [1, 0, 0], [1, 0, 0]])


def test_standardisation():
    raw = raw_weights(LABELS, SQUARE, {}, None)
    np.testing.assert_allclose(standardised(raw, LABELS, {}).sum(axis=1), 1)
    spectral = standardised(raw, LABELS, {"standardise": "spectral"}).toarray()
    assert np.abs(np.linalg.eigvals(spectral)).max() == pytest.approx(1)
    np.testing.assert_allclose(spectral / spectral[0, 1], raw.toarray() / raw.toarray()[0, 1])
    untouched = standardised(raw, LABELS, {"standardise": "none"}).toarray()
    np.testing.assert_array_equal(untouched, raw.toarray())


def test_units_without_neighbours():
    raw = raw_weights(LABELS, EDGES, {"kind": "edges"}, None)
    with pytest.raises(ModelError, match="1 units have no neighbour among those of the sample: CZ"):
        standardised(raw, LABELS, {})
    kept = standardised(raw, LABELS, {"islands": "keep"})
    np.testing.assert_array_equal(kept.sum(axis=1), [1, 1, 0])


def test_links_of_a_unit_with_itself():
    loops = pd.DataFrame({"a": ["AT", "AT"], "b": ["AT", "BE"]})
    with pytest.raises(ModelError, match="1 units are linked with themselves, first AT"):
        dense(loops, kind="edges")
    assert dense(loops, kind="edges", self_links="drop").sum() == 1


@pytest.mark.parametrize(
    ("matrix", "options", "message"),
    [
        (SQUARE, {"kind": "queen"}, "kind: 'queen' is not one of square, edges, nearest"),
        (None, {}, "kind: None is not one of"),
        (None, {"kind": "edges"}, "needs a table, matrix"),
        (SQUARE, {"kind": "band"}, "takes no table as matrix"),
        (SQUARE, {"k": 3}, "kind 'square' has no option k; there are kind"),
        (SQUARE, {"standardise": "minmax"}, "'minmax' is not one of row, spectral, none"),
    ],
)
def test_options_are_checked(matrix, options, message):
    with pytest.raises(ModelError, match=message):
        check_options(options, matrix)


@pytest.mark.parametrize(
    ("matrix", "options", "message"),
    [
        (SQUARE.iloc[:2], {}, "a square table is needed, got 2 rows and 3 columns"),
        (SQUARE.drop(index="AT", columns="AT"), {}, "1 units are not there: AT"),
        (SQUARE.replace(4, -4), {}, "row AT, column 'BE' is -4.0; weights must be"),
        (SQUARE.astype(str), {}, "not numbers"),
        (EDGES, {"kind": "edges", "to": "c"}, "no column 'c'; there are a, b, trade"),
        (pd.concat([EDGES, EDGES]), {"kind": "edges"}, "AT -> CZ is given more than once"),
        (EDGES.replace("AT", "DE"), {"kind": "edges"}, "no link joins two units of the sample"),
    ],
)
def test_unusable_tables_are_refused(matrix, options, message):
    with pytest.raises(ModelError, match=message):
        dense(matrix, **options)


def test_unusable_coordinates_are_refused():
    with pytest.raises(ModelError, match="k: expected a number from 1 to 2, got 3"):
        dense(None, PLACES, kind="nearest", k=3)
    with pytest.raises(ModelError, match="within: expected a positive number, got None"):
        dense(None, PLACES, kind="band")
    with pytest.raises(ModelError, match="longitude and latitude in degrees, in this order"):
        dense(None, PLACES * 1000, kind="band", within=3)
    with pytest.raises(ModelError, match="AT and CZ have the same coordinates"):
        dense(None, PLACES[[0, 1, 0]], kind="inverse_distance")
