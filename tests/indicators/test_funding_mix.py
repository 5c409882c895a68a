"""Leverage, shares of public money, and framework-programme money in R&D."""

import numpy as np
import pandas as pd
import pytest

from analysis.indicators import IndicatorError
from analysis.indicators.funding_mix import (
    business_leverage,
    framework_programme_share,
    leverage,
    public_money_shares,
)

COUNTRIES = pd.DataFrame(
    {
        "country": ["FR", "FR", "FR", "DE"],
        "year": np.array([2014, 2015, 2016, 2015], dtype="int16"),
        "h2020_eur": [100e6, 200e6, np.nan, 400e6],
        "gerd_pct_gdp": [2.0, 2.0, 2.0, np.nan],
        "gerd_business_financed_pct": [60.0, 55.0, 0.0, 66.0],
        "gerd_government_financed_pct": [30.0, 40.0, 0.0, np.nan],
        "berd_pct_gdp": [1.5, 1.5, 1.5, 1.5],
        "berd_government_financed_pct_gdp": [0.1, 0.2, 0.0, 0.1],
        "rd_tax_relief_pct_gdp": [0.2, 0.3, 0.0, np.nan],
        "goverd_government_financed_pct_gdp": [0.1, 0.2, 0.1, 0.1],
        "herd_government_financed_pct_gdp": [0.2, 0.4, 0.0, np.nan],
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


def test_shares_of_public_money_and_their_concentration():
    shares = public_money_shares(COUNTRIES)
    assert shares.loc[7, ["business", "government", "university"]].tolist() == pytest.approx(
        [0.25, 0.25, 0.5]
    )
    assert shares.loc[7, "steering"] == pytest.approx(0.375)
    assert shares.loc[5, "steering"] == 1
    assert shares.loc[1].isna().all()
    with pytest.raises(IndicatorError, match="no columns"):
        public_money_shares(COUNTRIES.drop(columns="herd_government_financed_pct_gdp"))


def test_framework_money_as_a_share_of_rd():
    keys = pd.MultiIndex.from_tuples(
        [("FR", 2014), ("FR", 2015), ("FR", 2016), ("DE", 2015)], names=["country", "year"]
    )
    gdp = pd.Series([1000.0, 1000.0, 1000.0, 2000.0], index=keys)
    share = framework_programme_share(COUNTRIES, gdp)
    assert share.index.tolist() == [7, 3, 5, 1]
    assert share[7] == pytest.approx(100 * 100 / 20)
    assert share[[5, 1]].isna().all()
    spread = framework_programme_share(COUNTRIES, gdp, years=2)
    assert np.isnan(spread[7])
    assert spread[3] == pytest.approx(100 * 150 / 20)
    with pytest.raises(IndicatorError, match="years: expected 1 or more"):
        framework_programme_share(COUNTRIES, gdp, years=0)
