"""Neighbours from centroids, random maps, and the comparison of maps."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import sources
from analysis.indicators import IndicatorError, gini
from analysis.indicators.areal_units import (
    compare_maps,
    map_labels,
    neighbours,
    random_mergers,
)
from analysis.panel.codes import FRENCH_REGIONS_2016

#: Borders on land between the regions of metropolitan France in NUTS 2013 (last two characters).
BORDERS = (
    "10-21 10-22 10-23 10-24 10-26 21-22 21-26 21-41 21-43 22-23 22-30 23-24 23-25 24-25 24-26 "
    "24-51 24-53 24-63 24-72 25-51 25-52 26-43 26-71 26-72 41-42 41-43 42-43 43-71 51-52 51-53 "
    "53-61 53-63 61-62 61-63 62-63 62-72 62-81 63-72 71-72 71-81 71-82 72-81 81-82"
)


def french_centroids() -> pd.DataFrame:
    places = sources.read("nuts2_centroids")
    mine = places[places["version"].eq("2013") & places["geo"].str.match("FR[1-8]")]
    return mine.sort_values("geo", ignore_index=True)


def test_centroid_neighbours_are_close_to_the_borders_of_france():
    places = french_centroids()
    links = neighbours(places["lon"].to_numpy(), places["lat"].to_numpy())
    codes = places["geo"].str[2:].tolist()
    found = {f"{codes[i]}-{codes[j]}" for i, own in enumerate(links) for j in own if i < j}
    true = set(BORDERS.split())
    assert len(true - found) <= 2
    assert found - true == {"82-83"}  # Corsica is an island


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_gabriel_neighbours_match_their_definition(seed):
    random = np.random.default_rng(seed)
    lat = random.uniform(-1e-4, 1e-4, 7)
    lon = random.uniform(-1e-4, 1e-4, 7)
    links = neighbours(lon, lat)
    points = np.column_stack([lon, lat])
    for i in range(7):
        for j in range(7):
            middle, radius = (points[i] + points[j]) / 2, np.hypot(*(points[i] - points[j])) / 2
            others = [k for k in range(7) if k not in (i, j)]
            free = all(np.hypot(*(points[k] - middle)) >= radius * (1 - 1e-7) for k in others)
            assert (j in links[i]) == (i != j and free)


def test_random_maps_are_connected_have_the_units_asked_for_and_repeat():
    places = french_centroids()
    links = neighbours(places["lon"].to_numpy(), places["lat"].to_numpy())
    maps = random_mergers(links, 13, draws=50, largest=3, seed=4)
    assert maps.shape == (50, 22)
    assert len(np.unique(maps, axis=0)) > 40
    for labels in maps:
        sizes = np.bincount(labels)
        assert len(sizes) == 13 and sizes.max() <= 3
        for unit in range(13):
            members = np.flatnonzero(labels == unit).tolist()
            reached = {members[0]}
            for _ in members:
                reached |= {j for i in reached for j in links[i] if j in members}
            assert reached == set(members)
    np.testing.assert_array_equal(maps, random_mergers(links, 13, draws=50, largest=3, seed=4))
    assert not np.array_equal(maps, random_mergers(links, 13, draws=50, largest=3, seed=5))


def test_pairs_of_a_path_are_merged_with_equal_probability():
    path = [[1], [0, 2], [1, 3], [2]]
    maps = random_mergers(path, 3, draws=3000, seed=1)
    shares = pd.Series(map(tuple, maps.tolist())).value_counts(normalize=True)
    assert sorted(shares.index) == [(0, 0, 1, 2), (0, 1, 1, 2), (0, 1, 2, 2)]
    assert shares.between(0.30, 0.37).all()


def test_comparison_with_random_maps():
    values = np.array([1.0, 1.0, 4.0, 4.0])

    def spread(labels: np.ndarray) -> float:
        return gini(np.bincount(labels, values))

    random_maps = np.array([[0, 0, 1, 1], [0, 1, 1, 0], [0, 1, 0, 1]])
    result = compare_maps(spread, 4, np.array([0, 0, 1, 1]), random_maps)
    assert result.before == pytest.approx(gini(values))
    assert result.after == pytest.approx(gini([2.0, 8.0]))
    assert sorted(result.draws) == pytest.approx([0.0, 0.0, 0.3])
    assert result.p_value == 1.0  # twice (1 + 1) / 4
    assert (result.n_before, result.n_after) == (4, 2)


def test_the_p_value_is_uniform_when_the_new_map_is_a_random_one():
    path = [[1], [0, 2], [1, 3], [2, 4], [3, 5], [4, 6], [5, 7], [6]]
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0])
    maps = random_mergers(path, 5, draws=400, seed=2)

    def spread(labels: np.ndarray) -> float:
        return gini(np.bincount(labels, values))

    small = [compare_maps(spread, 8, maps[i], maps[100:]).p_value <= 0.2 for i in range(100)]
    assert np.mean(small) < 0.3


def test_impossible_requests_are_named():
    with pytest.raises(IndicatorError, match="3 units of at most 1 regions"):
        random_mergers([[1], [0, 2], [1, 3], [2]], 3, draws=1, largest=1, seed=0)
    with pytest.raises(IndicatorError, match="no map of 1 units"):
        random_mergers([[1], [0], []], 1, draws=1, seed=0)
    with pytest.raises(IndicatorError, match="no unit for the regions FR99"):
        map_labels(["FR99"], {"FR10": "FR1"})
    with pytest.raises(IndicatorError, match="at least two regions"):
        neighbours(np.array([1.0]), np.array([np.nan]))
    with pytest.raises(IndicatorError, match="not a number on one of the maps"):
        compare_maps(lambda labels: np.nan, 2, np.array([0, 0]), np.array([[0, 0]]))
    with pytest.raises(IndicatorError, match="all must have as many"):
        compare_maps(lambda labels: 0.0, 3, np.array([0, 0, 1]), np.array([[0, 0, 0]]))


def test_the_reform_as_labels():
    unit_of = {old: new for new, olds in FRENCH_REGIONS_2016.items() for old in olds}
    labels = map_labels(french_centroids()["geo"].tolist(), unit_of)
    assert len(np.unique(labels)) == 13
    assert np.bincount(labels).max() == 3
