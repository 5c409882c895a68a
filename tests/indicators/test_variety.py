"""Related and unrelated variety: the identity, extremes, a worked example, unknown figures."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.indicators import IndicatorError
from analysis.indicators.variety import SECTORS, random_sectors, variety
from analysis.panel.industries import INDUSTRIES

SMALL = {"one": ("a", "b"), "two": ("c", "d")}


def table(values: list[float]) -> pd.DataFrame:
    return pd.DataFrame([values], columns=list("abcd"), index=["r"])


def test_worked_example():
    result = variety(table([1.0, 3.0, 2.0, 2.0]), SMALL).loc["r"]
    half = np.log(2)
    quarter = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert result["unrelated_variety"] == pytest.approx(half)
    assert result["related_variety"] == pytest.approx((quarter + half) / 2)
    assert result["effective_activities"] == pytest.approx(64 / (1 + 9 + 4 + 4))


def test_extremes():
    assert variety(table([1, 0, 0, 0]), SMALL).loc["r", "variety"] == 0
    within = variety(table([1, 1, 0, 0]), SMALL).loc["r"]
    assert within["unrelated_variety"] == 0
    assert within["related_variety"] == pytest.approx(np.log(2))
    between = variety(table([1, 0, 1, 0]), SMALL).loc["r"]
    assert between["related_variety"] == 0
    assert between["unrelated_variety"] == pytest.approx(np.log(2))


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1e6), min_size=4, max_size=4).filter(lambda v: sum(v) > 1e-3))
def test_related_variety_is_the_weighted_entropy_within_sectors(values):
    result = variety(table(values), SMALL).loc["r"]
    shares = np.array(values) / sum(values)
    within = 0.0
    for part in (shares[:2], shares[2:]):
        inner = part[part > 0] / part.sum() if part.sum() > 0 else np.array([])
        within -= part.sum() * float((inner * np.log(inner)).sum())
    assert result["related_variety"] == pytest.approx(within, abs=1e-9)
    assert result["variety"] == pytest.approx(
        result["unrelated_variety"] + result["related_variety"], abs=1e-9
    )


def test_a_region_with_an_unknown_activity_has_no_variety_unless_asked():
    unknown = table([1.0, np.nan, 1.0, 1.0])
    assert variety(unknown, SMALL).isna().all(axis=None)
    assert variety(unknown, SMALL, incomplete="keep").loc["r", "variety"] == pytest.approx(
        np.log(3)
    )


def test_the_sectors_cover_the_published_activities_once():
    listed = [name for names in SECTORS.values() for name in names]
    assert sorted(listed) == sorted(INDUSTRIES)
    with pytest.raises(IndicatorError, match="exactly one sector"):
        variety(table([1, 1, 1, 1]), {"one": ("a", "b", "c")})


def test_random_sectors_have_the_sizes_of_the_real_ones_and_hold_every_activity():
    activities = [name for names in SECTORS.values() for name in names]
    drawn = random_sectors(activities, np.random.default_rng(1))
    assert [len(v) for v in drawn.values()] == [len(v) for v in SECTORS.values()]
    assert sorted(name for names in drawn.values() for name in names) == sorted(activities)
    with pytest.raises(IndicatorError, match="random sectors"):
        random_sectors(activities[1:], np.random.default_rng(1))
