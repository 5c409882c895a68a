"""Leverage of public money."""

import numpy as np
import pandas as pd
import pytest

from analysis.indicators.funding_mix import (
    business_leverage,
    leverage,
)

COUNTRIES = pd.DataFrame(
    {
        "country": ["FR", "FR", "FR", "DE"],
        "year": np.array([2014, 2015, 2016, 2015], dtype="int16"),
        "gerd_business_financed_pct": [60.0, 55.0, 0.0, 66.0],
        "gerd_government_financed_pct": [30.0, 40.0, 0.0, np.nan],
        "berd_pct_gdp": [1.5, 1.5, 1.5, 1.5],
        "berd_government_financed_pct_gdp": [0.1, 0.2, 0.0, 0.1],
        "rd_tax_relief_pct_gdp": [0.2, 0.3, 0.0, np.nan],
    },
    index=[7, 3, 5, 1],
)


def test_leverage_is_a_ratio_of_financed_shares():
    ratio = leverage(COUNTRIES)
    assert ratio[7] == pytest.approx(2.0)
    assert ratio[[5, 1]].isna().all()


def test_business_leverage_counts_direct_support_and_tax_relief():
    ratio = business_leverage(COUNTRIES)
    assert ratio[7] == pytest.approx((1.5 - 0.3) / 0.3)
    assert ratio[[5, 1]].isna().all()
