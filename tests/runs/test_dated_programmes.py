"""Years in which programmes began, as a parameter."""

import pytest

from analysis.runs.parameters import ParameterError, validate


def test_dated_countries_are_read_from_text():
    read = validate("05_cluster_funding", {"programmes": "FR2005, SE2001"})
    assert read.programmes == ["FR2005", "SE2001"]
    assert validate("05_cluster_funding", {}).programmes == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("FR", "a country code and a year, as FR2005, got 'FR'"),
        ("XX2005", "unknown country 'XX'"),
        ("FR2005,FR2010", "a country has more than one year"),
    ],
)
def test_dates_that_mean_nothing_are_refused(value, problem):
    with pytest.raises(ParameterError, match=problem):
        validate("05_cluster_funding", {"programmes": value})
