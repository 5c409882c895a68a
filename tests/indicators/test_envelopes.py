"""Shift-share changes of national envelopes; euros per unit."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.indicators.concentration import IndicatorError
from analysis.indicators.envelopes import cost_per_unit, envelope_changes

PERIODS = [(2000, 2002), (2003, 2005)]


@pytest.fixture
def panel() -> pd.DataFrame:
    """Country A with three regions whose money doubles, triples and stays; B with one region."""
    rows = []
    for geo, before, after in [("A1", 10, 20), ("A2", 20, 60), ("A3", 10, 10), ("B1", 5, 5)]:
        for year in range(2000, 2008):
            money = before if year < 2003 else after
            rows.append((geo, geo[0], year, 2.0, float(money), float(year)))
    return pd.DataFrame(rows, columns=["geo", "country", "year", "population", "money", "outcome"])


def test_expected_is_the_earlier_dose_times_growth_elsewhere(panel):
    table = envelope_changes(panel, "money", "outcome", PERIODS).set_index("geo")
    assert list(table.index) == ["A1", "A2", "A3"]  # B1 has no rest of an envelope
    assert table.loc["A1", "base_dose"] == 5 and table.loc["A1", "received"] == 5
    assert table.loc["A1", "growth"] == pytest.approx(70 / 30 - 1)
    assert table.loc["A2", "growth"] == pytest.approx(30 / 20 - 1)
    assert np.allclose(table["expected"], table["base_dose"] * table["growth"])
    assert (table["difference"] == 3).all()
    assert set(table["shock"]) == {"A 2000-2002 to 2003-2005"}


def test_a_lag_moves_the_outcome_and_not_the_money(panel):
    now = envelope_changes(panel, "money", "outcome", PERIODS)
    later = envelope_changes(panel, "money", "outcome", PERIODS, lag=2)
    assert now["received"].equals(later["received"])
    panel.loc[panel["year"] > 2005, "outcome"] += 100
    moved = envelope_changes(panel, "money", "outcome", PERIODS, lag=2)
    assert (moved["difference"] > later["difference"]).all()


def test_a_region_with_too_few_years_is_left_out(panel):
    panel.loc[(panel["geo"] == "A1") & (panel["year"] == 2001), "money"] = np.nan
    assert list(envelope_changes(panel, "money", "outcome", PERIODS)["geo"]) == ["A2", "A3"]


def test_one_period_is_no_change(panel):
    with pytest.raises(IndicatorError, match="two periods"):
        envelope_changes(panel, "money", "outcome", PERIODS[:1])


def test_cost_is_bounded_only_when_the_gain_is_clear():
    assert cost_per_unit(1, 2, 4, 100) == (25, 50, 100)
    assert cost_per_unit(-1, 2, 4, 100) == (25, 50, math.inf)
    low, point, high = cost_per_unit(-3, -1, 2, 100)
    assert low == 50 and math.isnan(point) and high == math.inf
    assert math.isnan(cost_per_unit(-3, -2, -1, 100)[0])
    with pytest.raises(IndicatorError, match="low <= estimate"):
        cost_per_unit(2, 1, 3, 100)


@given(st.floats(0.01, 10), st.floats(0, 5), st.floats(0, 5))
def test_the_interval_of_costs_holds_the_point(low, up, more):
    cheap, point, dear = cost_per_unit(low, low + up, low + up + more, 1000)
    assert cheap <= point <= dear
