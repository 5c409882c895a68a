"""Types that are there are found, named the same in any order, and known to be stable or not."""

import numpy as np
import pandas as pd
import pytest

from analysis.indicators import IndicatorError, silhouette, typology

SIZES = (60, 35, 20)


def regions(spread: float) -> pd.DataFrame:
    """Three types around corners of a triangle, in units that differ a thousandfold."""
    random = np.random.default_rng(42)
    centres = np.repeat([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]], SIZES, axis=0)
    values = centres + spread * random.normal(size=centres.shape)
    index = pd.Index([f"R{number:03d}" for number in random.permutation(len(values))], name="geo")
    return pd.DataFrame({"gerd": values[:, 0], "gdp": 1000 * values[:, 1]}, index=index)


def test_known_types_are_found_and_ordered_by_size():
    features = regions(spread=0.5)
    result = typology(features, draws=30, seed=1)
    assert result.sizes.tolist() == list(SIZES)
    assert result.labels.tolist() == np.repeat([1, 2, 3], SIZES).tolist()
    assert result.silhouettes.idxmax() == 3
    assert (result.stability > 0.95).all()
    pd.testing.assert_series_equal(
        result.profiles.loc[2], features.iloc[60:95].mean(), check_names=False
    )


def test_types_that_are_not_there_are_unstable():
    random = np.random.default_rng(0)
    noise = pd.DataFrame(random.normal(size=(115, 4)), columns=list("abcd"))
    assert typology(noise, types=5, draws=30, seed=1).stability.max() < 0.75


def test_order_units_and_seed():
    features = regions(spread=1.5)
    result = typology(features, draws=10, seed=1)
    shuffled = features.sample(frac=1, random_state=5)[["gdp", "gerd"]] * [1e-3, 5]
    other = typology(shuffled, draws=10, seed=1)
    pd.testing.assert_series_equal(result.labels, other.labels.reindex(features.index))
    pd.testing.assert_series_equal(result.stability, other.stability)
    assert not typology(features, draws=10, seed=2).stability.equals(result.stability)


def test_silhouette_by_hand():
    points = np.array([[0.0], [1.0], [5.0]])
    # widths 1 - 1/5 and 1 - 1/4, and zero for the cluster of one
    assert silhouette(points, np.array([1, 1, 2])) == pytest.approx((0.8 + 0.75) / 3)
    assert np.isnan(silhouette(points, np.array([1, 1, 1])))


def test_refused():
    features = regions(spread=0.5)
    holes = features.copy()
    holes.loc["R007", "gdp"] = np.nan
    with pytest.raises(IndicatorError, match="1 of 115 units have a missing feature, such as R007"):
        typology(holes, seed=1)
    with pytest.raises(IndicatorError, match=r"the features \['one'\] do not vary"):
        typology(features.assign(one=1.0), seed=1)
    with pytest.raises(IndicatorError, match="too few for 8 types"):
        typology(features.iloc[:6], seed=1)
    with pytest.raises(IndicatorError, match="one row per unit"):
        typology(pd.concat([features, features.iloc[:1]]), seed=1)
