"""Conversion chains: steps, exact additivity, references, and national rates with gaps."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.indicators import IndicatorError
from analysis.indicators.conversion_chain import chain_gap, conversion_steps, national_rate

LEVELS = pd.DataFrame(
    {
        "researchers": [100.0, 100.0, 200.0, 50.0],
        "patents": [10.0, 20.0, 20.0, np.nan],
        "jobs": [100.0, 100.0, 400.0, 10.0],
    },
    index=["A", "B", "C", "D"],
)


def test_steps_are_log_ratios_of_neighbouring_stages():
    steps = conversion_steps(LEVELS)
    assert list(steps) == ["researchers → patents", "patents → jobs"]
    np.testing.assert_allclose(np.exp(steps.loc["A"]), [0.1, 10])
    assert steps.loc["D"].isna().all()


def test_gap_to_the_best_of_each_step():
    table = chain_gap(LEVELS, best=1).set_index(["unit", "step"])
    assert table.loc[("A", "researchers → patents"), "reference"] == pytest.approx(0.2)
    assert table.loc[("A", "researchers → patents"), "efficiency"] == pytest.approx(0.5)
    assert table.loc[("A", "patents → jobs"), "reference"] == pytest.approx(20)
    assert table.loc[("B", "patents → jobs"), "efficiency"] == pytest.approx(0.25)
    assert table.loc[("B", "patents → jobs"), "share"] == pytest.approx(1)
    assert "D" not in table.index.get_level_values("unit")


def test_peers_set_the_reference_and_may_be_beaten():
    table = chain_gap(LEVELS, peers=["A", "C", "D"], best=None).set_index(["unit", "step"])
    assert table.loc[("A", "researchers → patents"), "reference"] == pytest.approx(0.1)
    assert table.loc[("B", "researchers → patents"), "efficiency"] == pytest.approx(2)
    assert table.loc[("A", "patents → jobs"), "reference"] == pytest.approx(np.sqrt(10 * 20))


positive = st.floats(0.01, 1e4)


@settings(max_examples=40)
@given(st.lists(st.tuples(positive, positive, positive, positive), min_size=3, max_size=6))
def test_log_gaps_add_up_to_the_gap_of_the_whole_chain(rows):
    levels = pd.DataFrame(rows, columns=["w", "x", "y", "z"])
    table = chain_gap(levels, best=None)
    overall = np.log(levels["z"] / levels["w"])
    total = table.groupby("unit")["log_gap"].sum()
    np.testing.assert_allclose(total, overall.mean() - overall, atol=1e-9)
    np.testing.assert_allclose(table["ratio"], table["reference"] * table["efficiency"])
    scaled = chain_gap(levels * [1.0, 1000.0, 0.001, 7.0], best=2)
    np.testing.assert_allclose(scaled["log_gap"], chain_gap(levels, best=2)["log_gap"], atol=1e-8)


def test_too_few_peers_or_stages_are_named():
    with pytest.raises(IndicatorError, match="1 of the peers have all stages, 3 needed"):
        chain_gap(LEVELS, peers=["A", "D"])
    with pytest.raises(IndicatorError, match="at least two stages"):
        conversion_steps(LEVELS[["jobs"]])


def test_national_rate_says_how_much_it_covers():
    regions = pd.DataFrame(
        {
            "country": ["FR"] * 3 + ["DE"] * 2,
            "year": 2010,
            "rate": [4.0, 8.0, np.nan, 5.0, np.nan],
            "jobs": [30.0, 60.0, 10.0, 50.0, 50.0],
        }
    )
    table = national_rate(regions, "rate", "jobs").set_index("country")
    assert table.loc["FR", "rate"] == pytest.approx((120 + 480) / 90)
    assert table.loc["FR", "coverage"] == pytest.approx(0.9)
    assert np.isnan(table.loc["DE", "rate"])
    assert table.loc["DE", "coverage"] == 0.5
    lenient = national_rate(regions, "rate", "jobs", least_coverage=0.5).set_index("country")
    assert lenient.loc["DE", "rate"] == 5
    with pytest.raises(IndicatorError, match="coverage 2 must be between 0 and 1"):
        national_rate(regions, "rate", "jobs", least_coverage=2)
