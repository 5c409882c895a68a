"""Callaway and Sant'Anna against the authors' software, the definition, and symmetries."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.models import ModelError
from analysis.models.designs import callaway_santanna, two_period_did

COUNTIES = {
    "outcome": "lemp",
    "unit": "countyreal",
    "time": "year",
    "first_treated": "first.treat",
    "aggregate": "group_time",
}
# Output of the R package did for the counties, stored with the tests of its Python translation:
# scenario, (group, period), estimate, standard error.
R_OUTPUT = [
    ({"method": "reg", "covariates": "lpop"}, (2004, 2004), -0.014911237790361, 0.0220556930763195),
    (
        {"method": "reg", "covariates": "lpop"},
        (2007, 2005),
        -0.00475983533866949,
        0.0156699660373289,
    ),
    ({"base_period": "universal"}, (2006, 2003), -0.0037692936737142, 0.0313420276018159),
    ({"base_period": "universal"}, (2007, 2004), 0.0338130122758051, 0.0211291749243127),
    ({"anticipation": 1}, (2006, 2007), -0.0439752902967363, 0.0265787670169677),
    ({"anticipation": 1}, (2007, 2006), -0.0310871193896889, 0.0178775113133435),
    ({"weights": "weight"}, (2004, 2007), -0.0965071689983754, 0.0365898065927514),
    ({"cluster": "state"}, (2004, 2006), -0.137258738889403, 0.0232019144104819),
    ({"cluster": "state"}, (2006, 2007), -0.0412244715462174, 0.0271837236080214),
    ({"unit": None}, (2004, 2005), -0.0704231581031465, 0.482269906979339),
]
# Output of csdid 0.4.3 (Python), dropping the rows with (7 county + 13 year) mod 11 = 0.
UNBALANCED_OUTPUT = [
    ("reg", "cross_sections", -0.01845076, 0.22999163),
    ("ipw", "cross_sections", 0.03786816, 0.23437248),
    ("dr", "cross_sections", -0.02631181, 0.0373129),
    ("reg", "complete", 0.01686032, 0.0233237),
    ("ipw", "complete", 0.01711858, 0.02282426),
    ("dr", "complete", 0.01712138, 0.02284259),
]


@pytest.fixture(scope="module")
def counties(shared_data):
    frame = pd.read_csv(shared_data / "studies" / "cs2021_mpdta" / "data.csv")
    return frame.assign(weight=1 + frame["countyreal"] % 13 / 10, state=frame["countyreal"] // 1000)


def simulated(seed: int = 1, n_units: int = 90, effect: float = 1.0) -> pd.DataFrame:
    """Six periods; cohorts 3, 5 and never; trends that depend on x, and so does the cohort."""
    random = np.random.default_rng(seed)
    x = random.normal(size=n_units)
    cohort = np.where(x + random.normal(size=n_units) > 0, random.choice([3, 5], n_units), 0)
    rows = pd.MultiIndex.from_product([range(n_units), range(1, 7)], names=["unit", "time"])
    frame = rows.to_frame(index=False)
    frame["first"], frame["x"] = cohort[frame["unit"]], x[frame["unit"]]
    frame["region"] = frame["unit"] % 12
    treated = (frame["first"] > 0) & (frame["time"] >= frame["first"])
    frame["y"] = frame["time"] * (0.5 + 0.4 * frame["x"]) + random.normal(size=len(frame)) / 2
    frame["y"] += effect * treated * (frame["time"] - frame["first"] + 1)
    return frame


SIMULATED = {"outcome": "y", "unit": "unit", "time": "time", "first_treated": "first"}


@pytest.mark.parametrize(("options", "cell", "estimate", "std_error"), R_OUTPUT)
def test_output_of_the_authors_package(counties, options, cell, estimate, std_error):
    row = callaway_santanna(counties, **{**COUNTIES, **options}).row(f"ATT({cell[0]},{cell[1]})")
    assert row["estimate"] == pytest.approx(estimate, rel=1e-8)
    assert row["std_error"] == pytest.approx(std_error, rel=1e-8)


@pytest.mark.parametrize(("method", "unbalanced", "estimate", "std_error"), UNBALANCED_OUTPUT)
def test_unbalanced_panel(counties, method, unbalanced, estimate, std_error):
    gaps = (counties["countyreal"] * 7 + counties["year"] * 13) % 11 == 0
    row = callaway_santanna(
        counties[~gaps], **COUNTIES, covariates=["lpop"], method=method, unbalanced=unbalanced
    ).row("ATT(2004,2004)")
    assert row["estimate"] == pytest.approx(estimate, abs=1e-8)
    assert row["std_error"] == pytest.approx(std_error, abs=1e-8)


def test_a_cell_is_the_two_period_effect():
    frame = simulated()
    both = frame[frame["time"].isin([2, 4]) & frame["first"].isin([0, 3])]
    both = both.assign(treated=both["first"] > 0, after=both["time"] == 4)
    for method in ("reg", "ipw", "dr"):
        options = {"covariates": "x", "method": method}
        cell = callaway_santanna(frame, **SIMULATED, **options).row("ATT(3,4)")
        alone = two_period_did(
            both, outcome="y", treated="treated", after="after", unit="unit", **options
        ).row("att")
        assert cell["estimate"] == pytest.approx(alone["estimate"], rel=1e-10)
        assert cell["std_error"] == pytest.approx(alone["std_error"], rel=1e-10)


def test_pairs_use_units_seen_in_both_periods():
    frame = simulated()
    frame = frame[~((frame["unit"] == 4) & (frame["time"] == 6))]
    without = frame[frame["unit"] != 4]
    options = {**SIMULATED, "aggregate": "group_time"}
    pairs, whole = callaway_santanna(frame, **options), callaway_santanna(without, **options)
    cohort = int(frame.loc[frame["unit"] == 4, "first"].iloc[0]) or 3
    assert pairs.row(f"ATT({cohort},6)")["estimate"] == whole.row(f"ATT({cohort},6)")["estimate"]
    assert pairs.row(f"ATT({cohort},4)")["estimate"] != whole.row(f"ATT({cohort},4)")["estimate"]


def test_covariates_recover_the_effect_that_trends_hide():
    frame = pd.concat(
        [
            simulated(seed, 300).assign(unit=lambda d, s=seed: d["unit"] + 1000 * s)
            for seed in range(4)
        ]
    )
    plain = callaway_santanna(frame, **SIMULATED).row("event_time=0")["estimate"]
    adjusted = callaway_santanna(frame, **SIMULATED, covariates="x").row("event_time=0")
    assert abs(plain - 1) > 0.2
    assert abs(adjusted["estimate"] - 1) < 3 * adjusted["std_error"]


def test_averages_follow_from_the_cells():
    frame = simulated()
    estimates = callaway_santanna(frame, **SIMULATED)
    values = estimates.coefficients.set_index("term")["estimate"]
    size = frame.groupby("unit")["first"].first().value_counts()
    weight = {g: size[g] / (size[3] + size[5]) for g in (3, 5)}
    expected = weight[3] * values["ATT(3,3)"] + weight[5] * values["ATT(5,5)"]
    assert values["event_time=0"] == pytest.approx(expected)
    assert values["group=5"] == pytest.approx(values[["ATT(5,5)", "ATT(5,6)"]].mean())
    assert values["dynamic"] == pytest.approx(values[[f"event_time={e}" for e in range(4)]].mean())
    calendar = [values[f"calendar={t}"] for t in (3, 4, 5, 6)]
    assert values["calendar"] == pytest.approx(np.mean(calendar))
    balanced = callaway_santanna(frame, **SIMULATED, aggregate="dynamic", balance_event=2)
    assert balanced.row("event_time=0")["estimate"] == pytest.approx(values["ATT(3,3)"])


def test_not_yet_treated_without_never_treated_units():
    frame = simulated()
    frame = frame[frame["first"] > 0]
    estimates = callaway_santanna(frame, **SIMULATED, control_group="not_yet")
    terms = estimates.coefficients["term"].tolist()
    assert "ATT(3,4)" in terms and "ATT(3,5)" not in terms and "ATT(5,5)" not in terms
    assert estimates.statistics["n_cells_without_controls"] > 0
    with pytest.raises(ModelError, match="control_group='not_yet'"):
        callaway_santanna(frame, **SIMULATED)


def test_the_pretest_is_the_wald_test_of_the_cells():
    estimates = callaway_santanna(simulated(), **SIMULATED)
    terms = ["ATT(3,2)", "ATT(5,2)", "ATT(5,3)", "ATT(5,4)"]
    test = estimates.wald(terms)
    assert estimates.statistics["pretest_df"] == 4
    assert estimates.statistics["pretest_chi2"] == pytest.approx(4 * test.statistic)
    assert estimates.statistics["pretest_p"] == pytest.approx(test.p_value)


def test_clusters_factor():
    plain = callaway_santanna(simulated(), **SIMULATED, cluster="region")
    scaled = callaway_santanna(simulated(), **SIMULATED, cluster="region", small_sample="clusters")
    ratio = scaled.coefficients["std_error"] / plain.coefficients["std_error"]
    assert ratio.to_numpy() == pytest.approx(np.sqrt(12 / 11))


@settings(max_examples=12)
@given(st.integers(0, 10_000), st.floats(0.1, 1000), st.sampled_from(["dr", "reg", "ipw"]))
def test_symmetries(seed, scale, method):
    frame = simulated(3)
    options = {**SIMULATED, "covariates": "x", "method": method}
    base = callaway_santanna(frame, **options).coefficients
    other = frame.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(callaway_santanna(other, **options).coefficients, base)
    other = frame.assign(
        y=frame["y"] * scale + 7, unit=(frame["unit"] * 7919) % 100_003, x=frame["x"] / scale
    )
    moved = callaway_santanna(other, **options).coefficients
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(
            moved[column], base[column] * scale, rtol=1e-6, atol=1e-9 * scale
        )


def test_duplicated_clusters_leave_clustered_errors_of_the_copies_unchanged():
    """Each unit twice in its own cluster says no more than once; sizes of groups are the same."""
    frame = simulated().assign(cluster=lambda d: d["unit"])
    twice = pd.concat([frame, frame.assign(unit=frame["unit"] + 1000)])
    one = callaway_santanna(frame, **SIMULATED).coefficients
    two = callaway_santanna(twice, **SIMULATED, cluster="cluster").coefficients
    np.testing.assert_allclose(two["std_error"], one["std_error"])


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"method": "ols"}, "reg, ipw, dr"),
        ({}, {"aggregate": "mean"}, "group_time, simple, dynamic"),
        ({}, {"outcome": "z"}, "no column 'z'"),
        ({}, {"cluster": "time"}, "whole units"),
        ({"first": 9}, {}, "no row is treated"),
        ({"time": 3}, {}, "more"),
        ({"x": 1.0}, {"covariates": "x"}, r"ATT\(3,2\).*collinear"),
        ({"x": lambda d: (d["first"] > 0) * 1.0}, {"covariates": "x", "method": "ipw"}, "separate"),
        ({"time": lambda d: d["time"] - 2}, {}, "may be a period"),
        ({"first": lambda d: d["first"] * (d["time"] > 3)}, {}, "one value per 'unit'"),
    ],
)
def test_errors_say_what_is_wrong(change, options, message):
    with pytest.raises(ModelError, match=message):
        callaway_santanna(simulated().assign(**change), **{**SIMULATED, **options})
