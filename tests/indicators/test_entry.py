"""Entries of specialisations on a table small enough to count by hand."""

import numpy as np
import pandas as pd
import pytest

from analysis.indicators import IndicatorError
from analysis.indicators.entry import entries


def table(shares: dict[int, float]) -> pd.DataFrame:
    """Region a with that share of jobs in J, region b with half of them, by year."""
    index = pd.MultiIndex.from_product([sorted(shares), ["a", "b"]], names=["year", "geo"])
    j = np.array([value for year in sorted(shares) for value in (shares[year], 0.5)])
    return pd.DataFrame({"F": 1 - j, "J": j}, index=index).rename_axis(columns="industry")


def test_an_entry_is_a_crossing_between_two_years():
    found = entries(table({2008: 0.3, 2009: 0.4, 2010: 0.6}), lag=2)
    row = found[(found["geo"] == "a") & (found["industry"] == "J")].iloc[0]
    assert row["year"] == 2008 and row["entry"] == 1 and np.isnan(row["exit"])
    assert row["quotient"] == pytest.approx(0.3 / 0.4)
    held = found[(found["geo"] == "a") & (found["industry"] == "F")].iloc[0]
    assert held["exit"] == 1 and np.isnan(held["entry"])


def test_a_lasting_entry_still_holds_a_year_later():
    back = {2008: 0.3, 2009: 0.6, 2010: 0.3}
    of = lambda frame: frame[(frame["geo"] == "a") & (frame["industry"] == "J")]  # noqa: E731
    assert of(entries(table(back), lag=1)).iloc[0]["entry"] == 1
    assert of(entries(table(back), lag=1, lasting=True))["entry"].tolist() == [0]
    stays = back | {2010: 0.7}
    assert of(entries(table(stays), lag=1, lasting=True))["entry"].tolist() == [1]


def test_a_higher_threshold_asks_for_more():
    assert entries(table({2008: 0.3, 2009: 0.6}), lag=1, threshold=1.5)["entry"].eq(0).all()
    with pytest.raises(IndicatorError, match="threshold"):
        entries(table({2008: 0.3, 2009: 0.6}), threshold=0)
