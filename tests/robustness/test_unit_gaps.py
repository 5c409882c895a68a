"""Gaps of one unit: against regressions with its dummy, and the placement by counting."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.models import ModelError, Specification, fit
from analysis.robustness.choices import Curve, CurveError
from analysis.robustness.unit_gaps import (
    gap_curve,
    joint_placement,
    placement,
    redrawn_gaps,
    unit_gaps,
)


def panel(units=24, years=8, seed=3):
    random = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product(
        [[f"U{number:02}" for number in range(units)], range(2000, 2000 + years)],
        names=["country", "year"],
    )
    frame = pd.DataFrame(index=index).reset_index()
    frame["effort"] = np.exp(random.normal(size=len(frame)))
    frame["skill"] = random.normal(size=len(frame))
    frame["people"] = random.uniform(1, 9, len(frame))
    own = random.normal(size=units)[pd.factorize(frame["country"])[0]]
    noise = random.normal(scale=0.1, size=len(frame))
    frame["patents"] = np.exp(
        0.7 * np.log(frame["effort"])
        + 0.2 * frame["skill"]
        + 0.1 * (frame["year"] - 2000)
        + own
        + noise
    )
    frame["y"], frame["x"] = np.log(frame["patents"]), np.log(frame["effort"])
    return frame


@pytest.mark.parametrize("weights", [None, "people"])
def test_a_gap_is_the_coefficient_of_the_units_dummy(weights):
    frame = panel()
    gaps = unit_gaps(frame, "y", ["x", "skill"], weights=weights)
    for name in ("U00", "U17"):
        frame["dummy"] = (frame["country"] == name).astype(float)
        specification = Specification(
            outcome="y",
            regressors=("dummy", "x", "skill"),
            absorb=("year",),
            weights=weights,
            unit="country",
            time="year",
            vcov="classical",
        )
        expected = fit(specification, frame).row("dummy")["estimate"]
        assert gaps[name] == pytest.approx(expected, abs=1e-10)


def test_the_units_own_rows_do_not_bend_the_line_it_is_measured_from():
    frame = panel()
    frame.loc[frame["country"] == "U05", "y"] += 3
    before, after = unit_gaps(panel(), "y", ["x"]), unit_gaps(frame, "y", ["x"])
    assert after["U05"] - before["U05"] == pytest.approx(3, abs=1e-9)


def test_placement_counts_the_gaps_that_are_as_large():
    gaps = pd.Series({f"U{n:02}": float(n) for n in range(40)} | {"me": -38.0})
    found = placement(gaps, "me")
    assert found.p_value == pytest.approx(3 / 41)  # itself, 38 and 39
    assert (found.ci_low, found.ci_high) == (-76, 0)
    assert placement(gaps.replace(-38.0, -38.5), "me").ci_high < 0


@given(st.integers(0, 10_000), st.integers(21, 70))
@settings(max_examples=60)
def test_the_interval_leaves_zero_out_just_when_the_test_rejects(seed, units):
    values = np.random.default_rng(seed).normal(size=units)
    values[0] *= 2.5
    found = placement(pd.Series(values, index=[f"U{n}" for n in range(units)]), "U0")
    assert (found.p_value < 0.05) == (found.ci_low > 0 or found.ci_high < 0)


def test_placement_needs_enough_units_and_the_unit():
    gaps = pd.Series(np.arange(20.0), index=[f"U{n}" for n in range(20)])
    with pytest.raises(ModelError, match="20 units have a gap; 21 are needed"):
        placement(gaps, "U1")
    with pytest.raises(ModelError, match="me has no gap"):
        placement(gaps, "me")


def curve_of(**more):
    declaration = {
        "unit": "country",
        "outcomes": ["log(patents)"],
        "focus": {"column": "effort", "transform": "log", "lag": [0, 1]},
        "controls": ["skill"],
        "samples": {"all": {}, "late": {"year": {"from": 2003}}},
        "weights": ["none", "people"],
        "effects": [["year"]],
        "clusters": ["country"],
    }
    return Curve.of(declaration | more)


def test_every_specification_of_a_curve_has_the_gaps_of_its_own_regression():
    frame = panel()
    found = gap_curve(curve_of(standardise="percent"), frame, "U05")
    assert len(found.table) == 16 and (found.table["flag"] == "").all()
    frame["lagged"] = frame.groupby("country")["x"].shift(1)
    table = found.table
    chosen = table[
        (table["lag"].astype(int) == 1)
        & (table["sample"] == "late")
        & (table["weights"] == "people")
        & table["with_skill"]
    ]
    assert len(chosen) == 1
    expected = unit_gaps(frame[frame["year"] >= 2003], "y", ["lagged", "skill"], weights="people")
    row = found.gaps.loc[chosen.index[0]]
    np.testing.assert_allclose(row.to_numpy(), expected.to_numpy(), atol=1e-10)
    placed = placement(expected, "U05")
    line = chosen.iloc[0]
    assert line["estimate"] == pytest.approx(placed.estimate)
    assert line["ci_low"] == pytest.approx(placed.ci_low)
    assert line["p_value"] == placed.p_value
    percent = placed.in_percent()
    assert line["effect"] == pytest.approx(percent.estimate)
    assert line["effect_high"] == pytest.approx(100 * (np.exp(placed.ci_high) - 1))


def test_a_curve_does_not_depend_on_the_order_of_rows():
    frame = panel()
    mixed = frame.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        gap_curve(curve_of(), frame, "U05").table, gap_curve(curve_of(), mixed, "U05").table
    )


def test_the_curve_as_a_whole_is_placed_by_its_median():
    frame = panel()
    frame.loc[frame["country"] == "U05", "patents"] *= np.exp(-9)
    found = gap_curve(curve_of(), frame, "U05")
    joint = joint_placement(found, "U05")
    assert joint.estimate == pytest.approx(found.table["estimate"].median())
    assert joint.p_value == pytest.approx(1 / 24)


def test_specifications_with_too_few_units_or_without_the_unit_are_flagged():
    frame = panel()
    few = gap_curve(
        curve_of(samples={"few": {"country": [f"U{n:02}" for n in range(9)]}}), frame, "U05"
    )
    assert set(few.table["flag"]) == {"fewer than 21 units"} and few.table["effect"].isna().all()
    frame.loc[frame["country"] == "U05", "patents"] = np.nan
    assert set(gap_curve(curve_of(), frame, "U05").table["flag"]) == {"no gap of the unit"}


def test_units_seen_rarely_are_no_yardstick():
    frame = panel()
    frame.loc[(frame["country"] == "U07") & (frame["year"] > 2002), "y"] = np.nan
    assert unit_gaps(frame, "y", ["x"]).isna().to_dict()["U07"]
    assert unit_gaps(frame, "y", ["x"]).notna().sum() == 23


def test_what_cannot_be_done_is_said():
    frame = panel()
    with pytest.raises(CurveError, match="no country 'XX'"):
        gap_curve(curve_of(), frame, "XX")
    with pytest.raises(CurveError, match="must be of ols"):
        gap_curve(curve_of(standardise="both sd"), frame, "U05")
    with pytest.raises(CurveError, match="percent for logarithms"):
        gap_curve(curve_of(outcomes=["patents"], standardise="percent"), frame, "U05")
    frame["again"] = 2 * frame["x"]
    with pytest.raises(ModelError, match="cannot be told apart"):
        unit_gaps(frame, "y", ["x", "again"])


def test_redrawing_the_others_moves_the_line_by_what_a_mean_of_so_many_moves():
    frame = panel(units=60)
    draws = redrawn_gaps(frame, "y", ["x"], "U05", draws=199, seed=1)
    gaps = unit_gaps(frame, "y", ["x"])
    assert draws.mean() == pytest.approx(gaps["U05"], abs=0.05)
    assert draws.std() == pytest.approx(gaps.std() / np.sqrt(59), rel=0.25)
    mixed = redrawn_gaps(frame.sample(frac=1, random_state=2), "y", ["x"], "U05", draws=20, seed=1)
    np.testing.assert_allclose(mixed, draws[:20], atol=1e-12)
    with pytest.raises(ModelError, match="two other units"):
        redrawn_gaps(frame[frame["country"] != "U05"], "y", ["x"], "U05", seed=1)
