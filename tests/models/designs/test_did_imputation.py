"""Imputation estimators against pyfixest, brute force and a published example."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyfixest
import pytest

from analysis.models import ModelError
from analysis.models.designs import imputation_did, two_stage_did

HETEROGENEOUS = {"outcome": "dep_var", "unit": "unit", "time": "year", "first_treated": "g"}
PANEL = {"outcome": "y", "unit": "unit", "time": "time", "first_treated": "first"}


@pytest.fixture(scope="module")
def heterogeneous() -> pd.DataFrame:
    folder = Path(pyfixest.__file__).parent / "did" / "data"
    frame = pd.read_csv(folder / "df_het.csv")
    return frame[frame["unit"] % 5 == 0].reset_index(drop=True)


def panel(seed: int = 0) -> pd.DataFrame:
    """Unbalanced: a tenth of the rows is missing."""
    random = np.random.default_rng(seed)
    cohort = random.choice([0, 3, 5], 40)
    rows = pd.MultiIndex.from_product([range(40), range(1, 8)], names=["unit", "time"])
    frame = rows.to_frame(index=False)
    frame["first"] = cohort[frame["unit"]]
    frame["x"] = random.normal(size=len(frame))
    frame["weight"] = random.uniform(0.5, 2, size=len(frame))
    frame["region"] = frame["unit"] // 4
    frame["treated"] = (frame["first"] > 0) & (frame["time"] >= frame["first"])
    frame["y"] = random.normal(size=len(frame)) + frame["treated"] + frame["x"] + frame["time"]
    return frame[random.uniform(size=len(frame)) > 0.1].reset_index(drop=True)


def test_two_stage_equals_pyfixest(heterogeneous):
    # pyfixest absorbs the effects to a tolerance of 1e-6; the next test is exact.
    ours = two_stage_did(heterogeneous, **HETEROGENEOUS, cluster="state")
    options = {"yname": "dep_var", "first_stage": "~0|unit+year", "cluster": "state"}
    options |= {"treatment": "treat"}
    static = pyfixest.did2s(heterogeneous.copy(), **options, second_stage="~treat").tidy().iloc[0]
    assert ours.row("att")["estimate"] == pytest.approx(static["Estimate"], rel=1e-7)
    assert ours.row("att")["std_error"] == pytest.approx(static["Std. Error"], rel=1e-6)
    path = pyfixest.did2s(
        heterogeneous.copy(), **options, second_stage="~i(rel_year,ref=-1.0)"
    ).tidy()
    for event in (-20, -5, 0, 3, 10):
        row, mine = path.loc[f"rel_year::{event}.0"], ours.row(f"event_time={event}")
        assert mine["estimate"] == pytest.approx(row["Estimate"], rel=1e-4)
        assert mine["std_error"] == pytest.approx(row["Std. Error"], rel=1e-4)


def dummies(frame: pd.DataFrame) -> np.ndarray:
    columns = [frame["unit"].astype("category"), frame["time"].astype("category")]
    parts = [pd.get_dummies(column, dtype=float).to_numpy() for column in columns]
    return np.column_stack([*parts, frame["x"]])


@pytest.mark.parametrize("weights", [None, "weight"])
def test_imputation_by_brute_force(weights):
    """The estimate is v'y; its variance sums (sum of v e)^2, with e about weighted cell means."""
    frame = panel().sort_values(["unit", "time"], ignore_index=True)
    found = imputation_did(frame, **PANEL, covariates="x", weights=weights)
    w = frame[weights].to_numpy() if weights else np.ones(len(frame))
    treated, z = frame["treated"].to_numpy(), dummies(frame)
    y = frame["y"].to_numpy()
    base, root = z[~treated], np.sqrt(w[~treated])
    theta = np.linalg.lstsq(base * root[:, None], y[~treated] * root, rcond=None)[0]
    gap = y - z @ theta
    target = w * treated / (w * treated).sum()
    assert found.row("att")["estimate"] == pytest.approx(target @ gap)
    v = target.copy()
    inverse = np.linalg.pinv((base * w[~treated, None]).T @ base)
    v[~treated] = -w[~treated] * (base @ inverse @ (z.T @ target))
    assert found.row("att")["estimate"] == pytest.approx(v @ y)
    error = gap.copy()
    for _, cell in frame[treated].groupby(["first", "time"]):
        rows = cell.index.to_numpy()
        error[rows] -= (v[rows] ** 2 @ gap[rows]) / (v[rows] ** 2).sum()
    expected = np.sqrt((pd.Series(v * error).groupby(frame["unit"]).sum() ** 2).sum())
    assert found.row("att")["std_error"] == pytest.approx(expected)


def test_counties_agree_with_another_package(shared_data):
    """diff-diff 3.13 on the counties of Callaway and Sant'Anna prints four decimals."""
    frame = pd.read_csv(shared_data / "studies" / "cs2021_mpdta" / "data.csv")
    columns = {"outcome": "lemp", "unit": "countyreal", "time": "year"}
    columns |= {"first_treated": "first.treat"}
    for estimator, errors in ((imputation_did, (132, 136, 188)), (two_stage_did, (135, 136, 190))):
        estimates = estimator(frame, **columns)
        for term, value, error in zip(
            ("att", "event_time=0", "event_time=1"), (-477, -311, -522), errors, strict=True
        ):
            assert round(estimates.row(term)["estimate"] * 1e4) == value
            assert round(estimates.row(term)["std_error"] * 1e4) == error


def test_leads_are_the_regression_on_untreated_rows():
    estimates = imputation_did(panel(), **PANEL, leads=2)
    assert estimates.coefficients["term"].tolist()[-2:] == ["event_time=-2", "event_time=-1"]
    assert estimates.statistics["pretest_df"] == 2
    test = estimates.wald(["event_time=-2", "event_time=-1"])
    assert estimates.statistics["pretest_f"] == pytest.approx(test.statistic)


def test_rows_that_cannot_be_imputed_are_an_error_or_counted():
    frame = panel()
    always = frame.assign(first=frame["first"].where(frame["unit"] != 0, 1))
    lost = int((always["unit"] == 0).sum())
    with pytest.raises(ModelError, match=rf"{lost} treated rows .*0 in "):
        imputation_did(always, **PANEL)
    dropped = imputation_did(always, **PANEL, unidentified="drop")
    assert dropped.statistics["n_unidentified"] == lost
    without = imputation_did(frame[frame["unit"] != 0], **PANEL)
    pd.testing.assert_frame_equal(dropped.coefficients, without.coefficients)


def test_anticipation_leaves_the_periods_before_out_of_the_first_stage():
    frame = panel()
    frame.loc[frame["time"] == frame["first"] - 1, "y"] += 100
    options = {**PANEL, "unidentified": "drop"}
    plain = imputation_did(frame, **options)
    aware = imputation_did(frame, **options, anticipation=1)
    assert abs(aware.row("event_time=0")["estimate"] - 1) < 1.5
    assert abs(plain.row("event_time=0")["estimate"] - 1) > 5


@pytest.mark.parametrize("estimator", [imputation_did, two_stage_did])
def test_symmetries(estimator):
    frame = panel()
    base = estimator(frame, **PANEL, covariates="x", weights="weight").coefficients
    other = frame.sample(frac=1, random_state=2)
    other = other.assign(weight=other["weight"] * 8, unit=-other["unit"], y=other["y"] * 10 - 4)
    moved = estimator(other, **PANEL, covariates="x", weights="weight").coefficients
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(moved[column], 10 * base[column], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unidentified": "skip"}, "error, drop"),
        ({"covariates": "region"}, "covariates region do not vary"),
        ({"small_sample": "some"}, "none, clusters"),
        ({"anticipation": -1}, "0 or more"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ModelError, match=message):
        imputation_did(panel(), **PANEL, **options)
