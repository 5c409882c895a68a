"""AUC against counting pairs, its standard error against simulation, scores out of sample."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.indicators import IndicatorError
from analysis.indicators.discrimination import (
    discrimination,
    discrimination_by_group,
    held_out_scores,
)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=6, max_size=30))
def test_auc_is_the_share_of_pairs_in_order(rows):
    events = np.array([event for event, _ in rows], dtype=float)
    scores = np.array([score for _, score in rows], dtype=float)
    if min(events.sum(), len(events) - events.sum()) < 2:
        with pytest.raises(IndicatorError, match="at least 2 events"):
            discrimination(events, scores)
        return
    high, low = scores[events == 1], scores[events == 0]
    pairs = [(a > b) + (a == b) / 2 for a in high for b in low]
    result = discrimination(events, scores)
    assert result.auc == pytest.approx(np.mean(pairs))
    above = [np.mean([(a > b) + (a == b) / 2 for b in low]) for a in high]
    below = [np.mean([(a > b) + (a == b) / 2 for a in high]) for b in low]
    variance = np.var(above, ddof=1) / len(high) + np.var(below, ddof=1) / len(low)
    assert result.std_error == pytest.approx(np.sqrt(variance), abs=1e-12)


def test_standard_error_agrees_with_repeated_samples():
    random = np.random.default_rng(7)
    events = np.repeat([1.0, 0.0], [60, 240])
    results = [discrimination(events, random.normal(events, 1.0)) for _ in range(400)]
    spread = np.std([one.auc for one in results])
    assert np.mean([one.std_error for one in results]) == pytest.approx(spread, rel=0.1)
    assert results[0].base_rate == pytest.approx(0.2)


def test_scores_of_a_group_do_not_use_its_events():
    random = np.random.default_rng(3)
    features = pd.DataFrame({"x": random.normal(size=60)})
    groups = pd.Series(np.repeat(["A", "B", "C"], 20))
    events = pd.Series((features["x"] + random.normal(size=60) > 0).astype(float))
    scores = held_out_scores(features, events, groups)
    other = events.copy()
    other[groups == "B"] = 1 - other[groups == "B"]
    changed = held_out_scores(features, other, groups)
    np.testing.assert_array_equal(scores[groups == "B"], changed[groups == "B"])
    assert not np.allclose(scores[groups == "A"], changed[groups == "A"])
    rest = groups != "C"
    slope, constant = np.polyfit(features.loc[rest, "x"], events[rest], 1)
    expected = constant + slope * features.loc[groups == "C", "x"]
    np.testing.assert_allclose(scores[groups == "C"], expected)


def test_missing_rows_get_no_score_and_groups_without_events_no_auc():
    features = pd.DataFrame({"x": [0.0, 1.0, 2.0, np.nan, 4.0, 5.0, 6.0, 7.0]})
    groups = pd.Series(list("AAAABBBB"))
    events = pd.Series([0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0])
    scores = held_out_scores(features, events, groups)
    assert scores.isna().tolist() == [False] * 3 + [True] + [False] * 4
    events = pd.Series([0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0])
    table = discrimination_by_group(events, pd.Series(range(8), dtype=float), groups)
    assert table["group"].tolist() == ["A"]
    assert table["auc"].item() == 1.0


def test_one_group_cannot_be_held_out():
    with pytest.raises(IndicatorError, match="at least two groups"):
        held_out_scores(pd.DataFrame({"x": [1.0]}), pd.Series([1.0]), pd.Series(["A"]))
    with pytest.raises(IndicatorError, match="events must be 1 or 0"):
        discrimination([0.5, 1.0, 0.0], [1.0, 2.0, 3.0])
