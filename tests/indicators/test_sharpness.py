"""Silhouettes of structureless clouds: real groups beat them, a single cloud does not."""

import numpy as np
import pandas as pd

from analysis.indicators import typology
from analysis.indicators.sharpness import structureless_silhouettes


def cloud(distance: float) -> pd.DataFrame:
    random = np.random.default_rng(3)
    points = random.standard_normal((90, 3))
    points[:30] += [distance, 0, 0]
    points[30:60] += [0, distance, 0]
    return pd.DataFrame(points, columns=["a", "b", "c"])


def best(features: pd.DataFrame) -> float:
    return typology(features, candidates=(2, 6), draws=1, seed=1).silhouettes.max()


def test_three_separate_groups_are_sharper_than_any_structureless_cloud():
    features = cloud(distance=8)
    null = structureless_silhouettes(features, candidates=(2, 6), draws=39, seed=1)
    assert best(features) > null.max()


def test_one_cloud_is_not():
    features = cloud(distance=0)
    null = structureless_silhouettes(features, candidates=(2, 6), draws=39, seed=1)
    assert best(features) < np.quantile(null, 0.975)


def test_does_not_depend_on_the_order_of_rows_and_columns_or_on_units():
    features = cloud(distance=2)
    null = structureless_silhouettes(features, candidates=(2, 4), draws=5, seed=1)
    other = structureless_silhouettes(
        100 * features.iloc[::-1, ::-1] + 7, candidates=(2, 4), draws=5, seed=1
    )
    assert np.allclose(null, other, rtol=1e-9)
    assert not np.allclose(
        null, structureless_silhouettes(features, candidates=(2, 4), draws=5, seed=2)
    )
