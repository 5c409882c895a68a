"""Lorenz curves, and concentration within countries and years."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.indicators import IndicatorError, gini
from analysis.indicators.lorenz import (
    concentration_within,
    lorenz_curve,
)


def test_curve_by_hand():
    curve = lorenz_curve([6.0, 1.0, 3.0, np.nan], [1.0, 1.0, 2.0, 5.0])
    np.testing.assert_allclose(curve["holders"], [0, 0.25, 0.75, 1])
    np.testing.assert_allclose(curve["amounts"], [0, 0.1, 0.4, 1])


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0.1, 1e3)), min_size=2, max_size=20))
def test_gini_is_one_minus_twice_the_area_under_the_curve(rows):
    money, people = (np.array(column) for column in zip(*rows, strict=True))
    if money.sum() <= 1e-3:
        return
    curve = lorenz_curve(money, people)
    area = np.trapezoid(curve["amounts"], curve["holders"])
    assert gini(money / people, people) == pytest.approx(1 - 2 * area, abs=1e-9)
    assert (curve["amounts"] <= curve["holders"] + 1e-12).all()


def test_net_repayments_and_empty_funds_are_refused():
    with pytest.raises(IndicatorError, match="net repayments"):
        lorenz_curve([-1.0, 2.0], [1.0, 1.0])
    with pytest.raises(IndicatorError, match="not all zero"):
        lorenz_curve([0.0, 0.0], [1.0, 1.0])


def test_concentration_within_country_and_year():
    frame = pd.DataFrame(
        {
            "country": ["A", "A", "A", "B", "C", "C"],
            "year": 2010,
            "eur": [0.0, 30.0, np.nan, 5.0, 4.0, -1.0],
            "people": [1.0, 3.0, 1.0, 1.0, 1.0, 1.0],
        }
    )
    table = concentration_within(frame, "eur", "people").set_index("country")
    assert table.loc["A", "gini"] == pytest.approx(gini([0.0, 10.0], [1.0, 3.0]))
    assert table.loc["A", "theil"] == pytest.approx(np.log(4 / 3))
    assert table.loc["A", "herfindahl"] == 1
    assert table["n_units"].tolist() == [2, 1, 2]
    assert table.loc[["B", "C"], ["gini", "theil", "herfindahl"]].isna().all(axis=None)
    assert table.loc["C", "n_negative"] == 1
