"""Lags, growth, stocks, logs and interpolation look at calendar years and keep gaps."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import CompendiumError
from analysis.panel.measures import (
    growth,
    interpolate,
    knowledge_stock,
    lag,
    log_with_rule,
    moving_average,
)

GAPPY = pd.DataFrame(
    {
        "geo": ["A", "A", "A", "B", "B"],
        "year": [2000, 2001, 2003, 2000, 2001],
        "x": [1.0, 2.0, 4.0, 10.0, 20.0],
    }
)


def test_a_lag_is_a_calendar_lag():
    assert lag(GAPPY, "x").tolist()[:2] == pytest.approx([np.nan, 1.0], nan_ok=True)
    assert np.isnan(lag(GAPPY, "x")[2])  # 2002 is not there
    assert lag(GAPPY, "x", 2)[2] == 2.0
    assert lag(GAPPY, "x", -1)[0] == 2.0


def test_lags_never_cross_units_whatever_the_row_order():
    shuffled = GAPPY.sample(frac=1, random_state=1)
    assert lag(shuffled, "x").sort_index().equals(lag(GAPPY, "x"))
    assert np.isnan(lag(GAPPY, "x")[3])


def test_growth_is_in_log_per_cent_a_year():
    assert growth(GAPPY, "x")[1] == pytest.approx(100 * np.log(2))
    assert growth(GAPPY, "x", years=2)[2] == pytest.approx(100 * np.log(2) / 2)


def test_moving_average_needs_every_year():
    assert moving_average(GAPPY, "x", 2)[1] == 1.5
    assert np.isnan(moving_average(GAPPY, "x", 2)[2])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("missing", np.nan), ("plus_one", 0.0), ("half_minimum", 0.0), ("asinh", 0.0)],
)
def test_the_rule_for_zeros_is_the_one_named(rule, expected):
    logs = log_with_rule(pd.Series([0.0, 2.0, -1.0]), rule)
    assert logs[0] == pytest.approx(expected, nan_ok=True)
    assert np.isnan(logs[2])


def test_an_unknown_rule_lists_the_known_ones():
    with pytest.raises(CompendiumError, match="allowed: missing, plus_one"):
        log_with_rule(pd.Series([1.0]), "drop")


def test_knowledge_stock_by_hand():
    frame = pd.DataFrame({"geo": "A", "year": [2000, 2001, 2002], "r": [100.0, 110.0, 121.0]})
    stock = knowledge_stock(frame, "r", depreciation=0.15)
    first = 100 / (np.log(1.1) + 0.15)
    assert stock.tolist() == pytest.approx(
        [first, 0.85 * first + 110, 0.85 * (0.85 * first + 110) + 121]
    )


def test_a_knowledge_stock_ends_at_a_gap():
    frame = pd.DataFrame({"geo": "A", "year": [2000, 2001, 2003], "r": [1.0, 1.0, 1.0]})
    assert np.isnan(knowledge_stock(frame, "r")[2])


@given(st.floats(0.01, 0.99), st.floats(0.1, 1e6))
def test_a_constant_flow_has_the_stock_flow_over_depreciation(depreciation, flow):
    frame = pd.DataFrame({"geo": "A", "year": range(2000, 2010), "r": flow})
    stock = knowledge_stock(frame, "r", depreciation)
    assert np.allclose(stock, flow / depreciation)


def test_depreciation_out_of_range_is_refused():
    with pytest.raises(CompendiumError, match="between 0 and 1, not"):
        knowledge_stock(GAPPY, "x", depreciation=1.5)


def test_interpolation_fills_short_gaps_inside_only():
    frame = pd.DataFrame(
        {"geo": "A", "year": range(2000, 2007), "x": [np.nan, 1, np.nan, 3, np.nan, np.nan, 6]}
    )
    one = interpolate(frame, "x", max_gap=1)
    assert one.tolist() == pytest.approx([np.nan, 1, 2, 3, np.nan, np.nan, 6], nan_ok=True)
    two = interpolate(frame, "x", max_gap=2)
    assert two.tolist() == pytest.approx([np.nan, 1, 2, 3, 4, 5, 6], nan_ok=True)


def test_duplicate_rows_and_unknown_columns_are_named():
    with pytest.raises(CompendiumError, match=r"\(geo, year\) is not unique"):
        lag(pd.concat([GAPPY, GAPPY]), "x")
    with pytest.raises(CompendiumError, match="no column 'y' in the panel"):
        lag(GAPPY, "y")


def test_a_panel_without_rows_has_measures_without_rows():
    empty = pd.DataFrame({"geo": [], "year": [], "x": []})
    for measure in (lag, growth):
        assert len(measure(empty, "x")) == 0
    assert len(moving_average(empty, "x", 3)) == 0
