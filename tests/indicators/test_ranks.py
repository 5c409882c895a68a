"""Ranks with ties and coverage, over measures, and over draws."""

import numpy as np
import pandas as pd
import pytest

from analysis.indicators import IndicatorError
from analysis.indicators.ranks import rank_intervals, rank_sensitivity, ranks

FRAME = pd.DataFrame(
    {
        "country": ["A", "B", "C", "D", "A", "B", "C", "D"],
        "year": [2010] * 4 + [2011] * 4,
        "x": [5.0, 9.0, 5.0, 1.0, 3.0, np.nan, 7.0, np.nan],
        "y": [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, np.nan, 4.0],
    }
)


def test_ties_share_the_best_rank_and_gaps_are_counted():
    table = ranks(FRAME, "x").set_index(["year", "country"])
    assert table.loc[2010, "rank"].to_dict() == {"B": 1, "A": 2, "C": 2, "D": 4}
    assert table.loc[2010, "tied"].to_dict() == {"B": 1, "A": 2, "C": 2, "D": 1}
    assert table.loc[2011, "rank"].to_dict() == {"C": 1, "A": 2}
    assert table.loc[2011, "n_ranked"].tolist() == [2, 2]
    assert table.loc[2011, "coverage"].tolist() == [0.5, 0.5]
    lowest = ranks(FRAME, "x", ascending=True).set_index(["year", "country"])
    assert lowest.loc[(2010, "D"), "rank"] == 1


def test_row_order_does_not_matter():
    shuffled = FRAME.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(ranks(shuffled, "x"), ranks(FRAME, "x"))


def test_sensitivity_ranks_the_same_units_by_every_measure():
    table = rank_sensitivity(FRAME, ["x", "y"]).set_index(["year", "country"])
    assert table.loc[(2010, "D"), ["best", "median", "worst"]].tolist() == [1, 2.5, 4]
    assert table.loc[2011].index.tolist() == ["A"]
    loose = rank_sensitivity(FRAME, ["x", "y"], common=False).set_index(["year", "country"])
    assert loose.loc[(2011, "C"), "n_measures"] == 1
    assert loose.loc[(2011, "A"), "n_ranked"] == 2


def test_intervals_are_quantiles_of_ranks_over_draws():
    random = np.random.default_rng(0)
    draws = pd.DataFrame(random.normal([2.0, 0.0, 0.0], 1.0, (2000, 3)), columns=["A", "B", "C"])
    table = rank_intervals(draws)
    assert table.loc["A"].tolist() == [1, 1, 2]
    assert table.loc["B", ["low", "high"]].tolist() == [1, 3]
    sure = rank_intervals(pd.DataFrame({"A": [2.0, 2.0], "B": [1.0, 1.0]}))
    assert sure.to_dict("list") == {"median": [1.0, 2.0], "low": [1, 2], "high": [1, 2]}


def test_bad_input_is_named():
    with pytest.raises(IndicatorError, match="more than one row per country and year"):
        ranks(pd.concat([FRAME, FRAME]), "x")
    with pytest.raises(IndicatorError, match="no country has a figure of 'x'"):
        ranks(FRAME.assign(x=np.nan), "x")
    with pytest.raises(IndicatorError, match="none may be missing"):
        rank_intervals(pd.DataFrame({"A": [np.nan]}))
