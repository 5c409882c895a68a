"""Structure of innovation systems: shares, averages, names of types."""

import numpy as np
import pandas as pd
import pytest

from analysis.indicators.structure import (
    STRUCTURE,
    innovation_system_structure,
    rd_sector_shares,
    standardised_profiles,
    type_names,
)

PANEL = pd.DataFrame(
    {
        "geo": ["AA01", "AA01", "AA02", "AA02"],
        "year": [2010, 2011, 2010, 2011],
        "berd_pct_gdp": [1.0, 3.0, np.nan, 0.0],
        "goverd_pct_gdp": [0.5, 0.5, 0.1, 0.0],
        "herd_pct_gdp": [0.5, 0.5, 0.1, 0.0],
        "density": [100.0, 100.0, 0.0, 0.0],
        "tertiary_pct": [20.0, 30.0, 10.0, np.nan],
        "manufacturing_pct": [10.0, 10.0, 20.0, 20.0],
        "knowledge_services_pct": [30.0, 30.0, 40.0, 40.0],
    }
)


def test_sector_shares_are_means_of_yearly_shares():
    shares = rd_sector_shares(PANEL)
    assert shares.loc["AA01"].to_dict() == {
        "business_rd_pct": pytest.approx((50 + 75) / 2),
        "government_rd_pct": pytest.approx((25 + 12.5) / 2),
        "higher_education_rd_pct": pytest.approx((25 + 12.5) / 2),
    }
    assert shares.sum(axis=1)["AA01"] == pytest.approx(100)


def test_a_year_with_an_unknown_or_empty_sector_does_not_count():
    assert rd_sector_shares(PANEL).loc["AA02"].isna().all()


def test_structure_averages_years_and_takes_the_log_of_density():
    years = pd.MultiIndex.from_tuples(
        [(2010, "AA01"), (2011, "AA01"), (2010, "AA02")], names=["year", "geo"]
    )
    structure = innovation_system_structure(PANEL, pd.Series([0.2, 0.4, 0.6], index=years))
    assert list(structure.columns) == list(STRUCTURE)
    assert structure.loc["AA01", "specialisation"] == pytest.approx(0.3)
    assert structure.loc["AA01", "log_density"] == pytest.approx(np.log(100))
    assert structure.loc["AA01", "tertiary_pct"] == pytest.approx(25)
    assert structure.loc["AA02", "tertiary_pct"] == pytest.approx(10)
    assert np.isnan(structure.loc["AA02", "log_density"])


def test_profiles_are_standardised_over_the_classified_regions_only():
    structure = pd.DataFrame({"tertiary_pct": [0.0, 0.0, 2.0, 2.0, 99.0]}, index=list("abcde"))
    labels = pd.Series([1, 1, 2, 2], index=list("abcd"))
    assert standardised_profiles(structure, labels)["tertiary_pct"].tolist() == [-1.0, 1.0]


def test_a_type_is_named_by_its_most_unusual_traits():
    profiles = pd.DataFrame(
        {"tertiary_pct": [0.6, 0.1], "manufacturing_pct": [-1.2, 0.2], "log_density": [0.55, 0.0]},
        index=[1, 2],
    )
    assert type_names(profiles) == {1: "− manufacturing, + graduates", 2: "average"}
