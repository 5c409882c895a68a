"""Ranks with ties and coverage."""

import numpy as np
import pandas as pd
import pytest

from analysis.indicators import IndicatorError
from analysis.indicators.ranks import ranks

FRAME = pd.DataFrame(
    {
        "country": ["A", "B", "C", "D", "A", "B", "C", "D"],
        "year": [2010] * 4 + [2011] * 4,
        "x": [5.0, 9.0, 5.0, 1.0, 3.0, np.nan, 7.0, np.nan],
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


def test_bad_input_is_named():
    with pytest.raises(IndicatorError, match="more than one row per country and year"):
        ranks(pd.concat([FRAME, FRAME]), "x")
    with pytest.raises(IndicatorError, match="no country has a figure of 'x'"):
        ranks(FRAME.assign(x=np.nan), "x")
