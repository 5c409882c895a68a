"""Two periods, Goodman-Bacon, Sun-Abraham and local projections."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyfixest
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.models import ModelError
from analysis.models.designs import (
    goodman_bacon,
    local_projections_did,
    sun_abraham,
    two_period_did,
)
from analysis.models.linear import ols

PANEL = {"outcome": "y", "unit": "unit", "time": "time", "first_treated": "first"}
HETEROGENEOUS = {"outcome": "dep_var", "unit": "unit", "time": "year", "first_treated": "g"}


def panel(seed: int = 0, cohorts: tuple[int, ...] = (0, 3, 5, 1)) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    cohort = random.choice(cohorts, 60)
    cohort[: len(cohorts)] = cohorts
    rows = pd.MultiIndex.from_product([range(60), range(1, 8)], names=["unit", "time"])
    frame = rows.to_frame(index=False)
    frame["first"] = cohort[frame["unit"]]
    frame["weight"] = 1 + frame["unit"] % 4
    frame["treated"] = ((frame["first"] > 0) & (frame["time"] >= frame["first"])).astype(float)
    frame["y"] = random.normal(size=len(frame)) + frame["treated"] * (1 + frame["time"] / 3)
    return frame


@pytest.fixture(scope="module")
def heterogeneous() -> pd.DataFrame:
    folder = Path(pyfixest.__file__).parent / "did" / "data"
    return pd.read_csv(folder / "df_het.csv")


def test_printed_incinerator(shared_data):
    folder = shared_data / "studies" / "kielmcclain1995_incinerator"
    estimates = two_period_did(
        pd.read_csv(folder / "data.csv"),
        outcome="rprice",
        treated="nearinc",
        after="y81",
        vcov="classical",
    )
    assert round(estimates.row("att")["estimate"], 2) == -11863.90
    assert round(estimates.row("att")["std_error"], 2) == 7456.65
    means = estimates.details["means"].set_index("term")["value"]
    change = means["treated after"] - means["treated before"]
    change -= means["control after"] - means["control before"]
    assert estimates.row("att")["estimate"] == pytest.approx(change)


def test_two_periods_without_covariates_agree_across_methods():
    frame = panel(cohorts=(0, 4))
    frame = frame[frame["time"].isin([3, 4])].assign(
        ever=lambda d: d["first"] > 0, after=lambda d: d["time"] == 4
    )
    columns = {"outcome": "y", "treated": "ever", "after": "after"}
    regression = two_period_did(frame, **columns, unit="unit").row("att")["estimate"]
    for method in ("reg", "ipw", "dr"):
        for unit in ("unit", None):
            found = two_period_did(frame, **columns, unit=unit, method=method).row("att")
            assert found["estimate"] == pytest.approx(regression)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.booleans())
def test_bacon_weights_times_estimates_are_the_two_way_coefficient(seed, weighted):
    frame = panel(seed)
    weights = "weight" if weighted else None
    estimates = goodman_bacon(frame, **PANEL, weights=weights)
    table = estimates.details["comparisons"]
    assert table["weight"].sum() == pytest.approx(1)
    assert (table["weight"] > 0).all()
    coefficient = estimates.row("twfe")["estimate"]
    assert (table["weight"] * table["estimate"]).sum() == pytest.approx(coefficient)
    direct = ols(frame, outcome="y", regressors="treated", absorb=("unit", "time"), weights=weights)
    assert coefficient == pytest.approx(direct.row("treated")["estimate"])


def test_bacon_kinds_and_errors():
    estimates = goodman_bacon(panel(), **PANEL)
    kinds = estimates.details["kinds"]
    assert set(kinds["term"]) == {
        "treated_vs_never",
        "treated_vs_always",
        "earlier_vs_later",
        "later_vs_earlier",
    }
    total = sum(v for k, v in estimates.statistics.items() if k.startswith("weight_"))
    assert total == pytest.approx(1)
    with pytest.raises(ModelError, match="balanced"):
        goodman_bacon(panel().iloc[1:], **PANEL)
    with pytest.raises(ModelError, match="constant within a unit"):
        goodman_bacon(panel(), **PANEL, weights="time")


def test_sun_abraham_equals_cell_differences_in_a_balanced_panel():
    """With never-treated controls each coefficient is a difference in differences."""
    frame = panel(cohorts=(0, 3, 5))
    estimates = sun_abraham(frame, **PANEL)
    means = frame.pivot_table(index="first", columns="time", values="y")
    change = means.sub(means.loc[0])
    cohorts = estimates.details["cohorts"].set_index(["cohort", "event_time"])
    for cohort, event in cohorts.index:
        expected = change.loc[cohort, cohort + event] - change.loc[cohort, cohort - 1]
        assert cohorts.loc[(cohort, event), "estimate"] == pytest.approx(expected)
    assert cohorts["share"].groupby("event_time").sum().to_numpy() == pytest.approx(1)
    zero = cohorts.xs(0, level="event_time")
    assert estimates.row("event_time=0")["estimate"] == pytest.approx(
        (zero["estimate"] * zero["share"]).sum()
    )


def test_sun_abraham_standard_errors_by_delta_method_of_dummies():
    frame = panel(cohorts=(0, 3, 5))
    cells = {
        f"c{c}e{e}": ((frame["first"] == c) & (frame["time"] - c == e)).astype(float)
        for c in (3, 5)
        for e in range(1 - c, 8 - c)
        if e != -1
    }
    direct = ols(
        frame.assign(**cells),
        outcome="y",
        regressors=tuple(cells),
        absorb=("unit", "time"),
        vcov="cluster",
        cluster="unit",
    )
    sizes = frame.groupby("unit")["first"].first().value_counts()
    share = sizes[[3, 5]].to_numpy() / sizes[[3, 5]].sum()
    block = direct.covariance.loc[["c3e0", "c5e0"], ["c3e0", "c5e0"]].to_numpy()
    found = sun_abraham(frame, **PANEL).row("event_time=0")["std_error"]
    assert found == pytest.approx(np.sqrt(share @ block @ share))


def test_sun_abraham_without_never_treated_uses_the_last_cohort():
    frame = panel(cohorts=(3, 5, 6))
    estimates = sun_abraham(frame, **PANEL)
    early = frame[frame["time"] < 6].assign(first=frame["first"].replace(6, 0))
    expected = sun_abraham(early, **PANEL)
    pd.testing.assert_frame_equal(estimates.coefficients, expected.coefficients)
    with pytest.raises(ModelError, match="never seen at the reference"):
        sun_abraham(frame, **PANEL, reference=-9)


def test_local_projections_equal_pyfixest(heterogeneous):
    ours = local_projections_did(heterogeneous, **HETEROGENEOUS, cluster="state", window=(-5, 5))
    options = {
        "yname": "dep_var",
        "gname": "g",
        "tname": "year",
        "idname": "unit",
        "vcov": {"CRV1": "state"},
        "pre_window": -5,
        "post_window": 5,
    }
    theirs = pyfixest.lpdid(heterogeneous.copy(), **options, att=False).tidy()
    for label, row in theirs.iterrows():
        mine = ours.row(f"event_time={str(label).rpartition(':')[2]}")
        assert mine["estimate"] == pytest.approx(row["Estimate"], rel=1e-9)
        assert mine["std_error"] == pytest.approx(row["Std. Error"], rel=1e-9)
    pooled = pyfixest.lpdid(heterogeneous.copy(), **options, att=True).tidy().loc["treat_diff"]
    assert ours.row("post")["estimate"] == pytest.approx(pooled["Estimate"], rel=1e-9)
    assert ours.row("post")["std_error"] == pytest.approx(pooled["Std. Error"], rel=1e-9)


def test_reweighted_local_projections_weight_treated_rows_equally():
    frame = panel(cohorts=(0, 0, 0, 3, 5, 5))
    found = local_projections_did(frame, **PANEL, reweight=True, control_group="never")
    means = frame.pivot_table(index="first", columns="time", values="y")
    change = means.sub(means.loc[0])
    sizes = frame.groupby("unit")["first"].first().value_counts()
    effects = {c: change.loc[c, c] - change.loc[c, c - 1] for c in (3, 5)}
    expected = sum(effects[c] * sizes[c] for c in (3, 5)) / (sizes[3] + sizes[5])
    assert found.row("event_time=0")["estimate"] == pytest.approx(expected)
    plain = local_projections_did(frame, **PANEL, control_group="never")
    assert plain.row("event_time=0")["estimate"] != pytest.approx(expected)


def test_local_projections_do_not_bridge_gaps():
    frame = panel(cohorts=(0, 4))
    gap = frame[~((frame["first"] == 4) & (frame["time"] == 3))]
    with pytest.raises(ModelError, match="no horizon"):
        local_projections_did(gap, **PANEL)


@pytest.mark.parametrize("estimator", [goodman_bacon, sun_abraham, local_projections_did])
def test_row_order_units_and_labels_change_nothing_else(estimator):
    frame = panel(cohorts=(0, 3, 5))
    base = estimator(frame, **PANEL).coefficients
    shuffled = frame.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(estimator(shuffled, **PANEL).coefficients, base)
    moved = frame.assign(y=frame["y"] * 50 + 3, unit=-frame["unit"])
    other = estimator(moved, **PANEL).coefficients
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(other[column], 50 * base[column], rtol=1e-8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"treated": "z"}, "no column 'z'"),
        ({"method": "match"}, "ols, reg, ipw, dr"),
        ({"treated": "first"}, "0 and 1 only"),
        ({"after": "ever"}, "no row is treated and before"),
    ],
)
def test_two_period_errors(options, message):
    frame = panel(cohorts=(0, 4)).assign(
        ever=lambda d: d["first"] > 0, after=lambda d: d["time"] >= 4
    )
    columns = {"outcome": "y", "treated": "ever", "after": "after"}
    with pytest.raises(ModelError, match=message):
        two_period_did(frame, **{**columns, **options})
