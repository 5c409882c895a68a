"""Random effects of units and periods; the golden values of plm are in test_against_r."""

import numpy as np
import pandas as pd
import pytest

from analysis.models.linear import random_effects, two_way_random_effects
from analysis.models.specification import ModelError

OPTIONS = {"outcome": "y", "regressors": ["x", "z"], "unit": "firm", "time": "year"}


def panel(units: int = 12, periods: int = 9, spread: float = 1.0) -> pd.DataFrame:
    draw = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "firm": np.repeat(np.arange(units), periods),
            "year": np.tile(np.arange(periods), units),
            "x": draw.normal(size=units * periods),
            "z": draw.normal(size=units * periods),
        }
    )
    own, common = draw.normal(size=units), spread * draw.normal(size=periods)
    noise = draw.normal(size=len(frame)) + own[frame["firm"]] + common[frame["year"]]
    return frame.assign(y=1 + frame["x"] + noise)


def test_it_is_generalised_least_squares_with_its_own_components():
    frame = panel()
    found = two_way_random_effects(frame, **OPTIONS)
    s, firm, year = found.statistics, frame["firm"].to_numpy(), frame["year"].to_numpy()
    omega = (
        s["sigma_e"] ** 2 * np.eye(len(frame))
        + s["sigma_u"] ** 2 * (firm[:, None] == firm)
        + s["sigma_time"] ** 2 * (year[:, None] == year)
    )
    x = np.column_stack([np.ones(len(frame)), frame[["x", "z"]]])
    weighted = np.linalg.solve(omega, x)
    beta = np.linalg.solve(x.T @ weighted, weighted.T @ frame["y"].to_numpy())
    assert found.coefficients["estimate"].to_numpy() == pytest.approx(beta, rel=1e-10)


def test_units_and_periods_can_change_places_and_rows_their_order():
    frame = panel()
    found = two_way_random_effects(frame, **OPTIONS)
    other = two_way_random_effects(
        frame.sample(frac=1, random_state=2), **{**OPTIONS, "unit": "year", "time": "firm"}
    )
    columns = ["estimate", "std_error"]
    assert other.coefficients[columns].to_numpy() == pytest.approx(
        found.coefficients[columns].to_numpy(), rel=1e-10
    )
    assert other.statistics["sigma_u"] == pytest.approx(found.statistics["sigma_time"])


def test_without_an_effect_of_periods_it_is_the_one_way_estimator_up_to_its_components():
    frame = panel(spread=0.0)
    found = two_way_random_effects(frame, **OPTIONS).statistics
    assert found["sigma2_time_unrestricted"] < 0
    assert (found["sigma_time"], found["theta_time"]) == (0, 0)
    one_way = random_effects(frame, **OPTIONS).statistics
    assert found["theta"] == pytest.approx(one_way["theta"], abs=0.02)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (panel().iloc[1:], "12 units and 9 periods are 108 rows, there are 107"),
        (panel(periods=3), "no degrees of freedom for the 2 slopes between periods"),
        (panel(periods=1), "at least 2 units and 2 periods"),
        (pd.concat([panel(), panel().iloc[:1]]), "two_way_random_effects"),
    ],
)
def test_refusals(frame, message):
    with pytest.raises(ModelError, match=message):
        two_way_random_effects(frame, **OPTIONS)
