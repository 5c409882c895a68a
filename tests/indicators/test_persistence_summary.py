"""Persistence in one row: against a process whose persistence is known."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.indicators import IndicatorError
from analysis.indicators.persistence_summary import (
    industry_ranks,
    location_quotient_at_home,
    persistence_summary,
    within_industry,
)


def positions(rho: float, noise: float = 0.0, years: int = 8, units: int = 3000) -> pd.DataFrame:
    """A stationary AR(1) seen with noise; the two industries have very different means."""
    random = np.random.default_rng(7)
    values = np.empty((units, years))
    values[:, 0] = random.standard_normal(units)
    for year in range(1, years):
        shock = math.sqrt(1 - rho**2) * random.standard_normal(units)
        values[:, year] = rho * values[:, year - 1] + shock
    values += noise * random.standard_normal(values.shape)
    industry = np.where(np.arange(units) % 2 == 0, "A", "B")
    values += np.where(industry == "A", 50.0, 0.0)[:, None]
    index = pd.MultiIndex.from_arrays([np.arange(units) // 2, industry], names=["geo", "industry"])
    return pd.DataFrame(values, index=index, columns=range(2008, 2008 + years))


def test_recovers_the_half_life_in_spite_of_different_industry_means():
    row = persistence_summary(positions(0.9))
    truth = math.log(0.5) / math.log(0.9)
    assert row["half_life_low"] < truth < row["half_life_high"]
    assert row["n_units"] == 3000
    assert row["rank_correlation_last"] == pytest.approx(0.9**7, abs=0.05)


def test_noise_shortens_the_measured_half_life_and_the_correction_restores_it():
    row = persistence_summary(positions(0.95, noise=0.4))
    truth = math.log(0.5) / math.log(0.95)
    assert row["half_life_high"] < truth
    assert row["half_life_corrected_low"] < truth < row["half_life_corrected_high"]


def test_two_periods_leave_the_correction_missing():
    row = persistence_summary(positions(0.9, years=2))
    assert math.isnan(row["half_life_corrected"])
    assert row["rank_correlation_1"] == row["rank_correlation_last"]


def test_one_period_is_refused():
    with pytest.raises(IndicatorError, match="at least two periods"):
        persistence_summary(positions(0.9, years=1))


def test_ranks_and_deviations_are_taken_within_industries():
    values = positions(0.9, units=8)
    ranks = industry_ranks(values)
    assert (ranks.groupby(level="industry").max() == 1).all().all()
    assert np.allclose(within_industry(values).groupby(level="industry").mean(), 0)


def test_a_quotient_at_home_compares_with_the_own_country_and_needs_company():
    index = pd.MultiIndex.from_product(
        [[2008, 2009], ["AA01", "AA02", "AA03", "BB00"]], names=["year", "geo"]
    )
    activity = pd.DataFrame({"A": [1.0, 2, 3, 50] * 2, "B": [3.0, 2, 1, 50] * 2}, index=index)
    activity.loc[2009] = 2 * activity.loc[2009].to_numpy()
    home = location_quotient_at_home(activity)
    assert home.loc[2008, "A"].to_dict() == pytest.approx({"AA01": 0.5, "AA02": 1, "AA03": 1.5})
    assert np.allclose(home.loc[2009], home.loc[2008])
    assert location_quotient_at_home(activity, least=4).empty
