"""The grid of a case study on made-up territories with a known effect."""

import numpy as np
import pandas as pd
import pytest

from analysis.models.designs import synthetic_control
from analysis.robustness.case_study import (
    ESTIMATORS,
    GRID_COLUMNS,
    case_study_grid,
    donor_pools,
    placebo_interval,
    placebo_p_value,
)

EFFECT = 0.5


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    """Synthetic: 16 territories on a common path; FR101 gains EFFECT from 2000 on."""
    random = np.random.default_rng(7)
    years = np.arange(1990, 2006)
    common = np.cumsum(random.normal(0.02, 0.01, len(years)))
    rows = []
    for number in range(16):
        geo = f"FR{10 + number // 4}{number % 4 + 1}"
        log = random.normal(3, 0.4) + common + random.normal(0, 0.02, len(years))
        log = log + EFFECT * ((geo == "FR101") & (years >= 2000))
        rows.append(pd.DataFrame({"geo": geo, "country": "FR", "year": years, "y": np.exp(log)}))
    return pd.concat(rows, ignore_index=True)


def test_pools_keep_neighbours_of_the_same_region_apart(panel):
    pools = donor_pools(panel, "FR101", ["FR"])
    assert not any(geo.startswith("FR10") for geo in pools["same countries"])
    assert set(pools["own region too"]) - set(pools["same countries"]) == {
        "FR102",
        "FR103",
        "FR104",
    }
    assert "FR101" not in pools["own region too"]


def test_the_interval_turns_the_placebos_round(panel):
    logs = panel.assign(y=np.log(panel["y"]))
    model = synthetic_control(
        logs, outcome="y", unit="geo", time="year", treated_unit="FR101",
        treatment_time=2000, placebo=True,
    )  # fmt: skip
    low, high = placebo_interval(model, "FR101")
    att = model.row("att")["estimate"]
    assert 0 < low < att < high
    assert att == pytest.approx(EFFECT, abs=0.1)
    assert placebo_p_value(model, "FR101") == pytest.approx(1 / 16)  # wider than every placebo


def test_every_combination_that_the_data_allow_and_the_effect_in_each(panel):
    pools = donor_pools(panel, "FR101", ["FR"])
    grid = case_study_grid(
        panel, territory="FR101", outcomes=["y", "y"], dates=[2000, 2004],
        first_years=[1980, 1990, 1992], last_year=2005, pools=pools,
    )  # fmt: skip
    assert tuple(grid.columns) == GRID_COLUMNS
    assert set(grid["first_year"]) == {1990, 1992}  # nothing is known in 1980
    assert len(grid) == 2 * 2 * 3 * 2 * len(ESTIMATORS)
    in_logs = grid[(grid["transform"] == "log") & (grid["date"] == 2000)]
    assert in_logs["estimate"].between(40, 60).all()
    assert (grid["ci_low"] <= grid["estimate"]).all() and (
        grid["estimate"] <= grid["ci_high"]
    ).all()


def test_rows_in_another_order_give_the_same_grid(panel):
    choices = {
        "territory": "FR101", "outcomes": ["y"], "dates": [2000], "first_years": [1990],
        "last_year": 2005, "pools": donor_pools(panel, "FR101", ["FR"]),
    }  # fmt: skip
    shuffled = panel.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(
        case_study_grid(panel, **choices), case_study_grid(shuffled, **choices)
    )
