"""Synthetic difference-in-differences: published values, identities, errors."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.models.designs import synthetic_did
from analysis.models.linear import ols
from analysis.models.specification import ModelError

COLUMNS = {"outcome": "y", "unit": "unit", "time": "time", "treatment": "d"}


@pytest.fixture(scope="module")
def california(shared_data: Path) -> pd.DataFrame:
    """Proposition 99."""
    frame = pd.read_csv(shared_data / "studies" / "arkhangelsky2021_prop99" / "data.csv")
    return frame.set_axis(["unit", "time", "y", "d"], axis=1)


def panel(adoption: list[int], seed: int = 0, n_controls: int = 12) -> pd.DataFrame:
    """Ten periods; treated units with an effect of 3 from the given periods."""
    generator = np.random.default_rng(seed)
    starts = np.array([*adoption, *[10] * n_controls])
    unit, time = np.indices((len(starts), 10))
    d = (time >= starts[:, None]).astype(int)
    trend = generator.normal(size=(len(starts), 1)) * generator.normal(size=(1, 10)).cumsum()
    y = unit + trend + 3 * d + 0.1 * generator.normal(size=d.shape)
    arrays = {"unit": unit, "time": time, "y": y, "d": d}
    return pd.DataFrame({name: array.ravel() for name, array in arrays.items()})


@pytest.mark.parametrize(
    ("method", "estimate", "std_error"),
    [("sdid", -15.6, 8.4), ("sc", -19.6, 9.9), ("difp", -11.1, 9.5), ("did", -27.3, 17.7)],
)
def test_table_1_of_the_article(
    california: pd.DataFrame, method: str, estimate: float, std_error: float
) -> None:
    """Their errors come from 200 random placebos, ours from all 38; sc from a looser solver."""
    row = synthetic_did(california, **COLUMNS, method=method).row("att")
    assert row["estimate"] == pytest.approx(estimate, abs=0.1 if method == "sc" else 0.05)
    assert row["std_error"] == pytest.approx(std_error, rel=0.2)


def test_equal_weights_are_two_way_fixed_effects() -> None:
    frame = panel([6, 6, 6])
    ours = synthetic_did(frame, **COLUMNS, method="did", variance="none").row("att")["estimate"]
    theirs = ols(frame, outcome="y", regressors=("d",), absorb=("unit", "time")).row("d")
    assert ours == pytest.approx(theirs["estimate"], abs=1e-10)


@pytest.mark.parametrize("variance", ["placebo", "jackknife", "bootstrap"])
def test_cohorts_are_averaged_by_treated_unit_periods(variance: str) -> None:
    result = synthetic_did(panel([5, 5, 7, 7]), **COLUMNS, variance=variance, draws=30)
    table = result.details["cohorts"]
    assert table["n_units"].tolist() == [2, 2]
    assert table["n_periods"].tolist() == [5, 3]
    average = np.average(table["att"], weights=[10, 6])
    assert result.row("att")["estimate"] == pytest.approx(average)
    assert result.row("att")["estimate"] == pytest.approx(3, abs=0.5)
    assert 0 < result.row("att")["std_error"] < 1


@pytest.mark.parametrize("variance", ["placebo", "jackknife", "bootstrap"])
def test_order_seed_and_units(variance: str) -> None:
    frame = panel([6, 6])
    options: dict[str, Any] = {**COLUMNS, "variance": variance, "draws": 25}
    one = synthetic_did(frame, **options)
    other = synthetic_did(frame.sample(frac=1, random_state=2), **options)
    pd.testing.assert_frame_equal(one.coefficients, other.coefficients)
    scaled = synthetic_did(frame.assign(y=5 * frame["y"] + 3), **options)
    np.testing.assert_allclose(
        scaled.coefficients[["estimate", "std_error"]],
        5 * one.coefficients[["estimate", "std_error"]],
        rtol=1e-6,
    )
    for name in ("weights", "time_weights"):
        assert one.details[name]["value"].sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"method": "mc"}, "method: 'mc' is not one of sdid"),
        ({}, {"variance": "jackknife"}, "2 treated units in every cohort"),
        ({}, {"variance": "bootstrap"}, "needs 2 treated"),
        ({"d": 2}, {}, "must hold 0 and 1"),
        ({"d": 1}, {}, "treated from the first period"),
        ({"y": np.nan}, {}, "not balanced: 0 has no 'y' in 0"),
    ],
)
def test_errors(change: dict[str, float], options: dict[str, Any], message: str) -> None:
    frame = panel([6]).astype({"d": float})
    for name, value in change.items():
        frame.loc[0, name] = value
        if value == 1:
            frame.loc[:9, name] = 1
    with pytest.raises(ModelError, match=message):
        synthetic_did(frame, **COLUMNS, **options)


def test_treatment_that_ends_is_refused() -> None:
    frame = panel([6])
    frame.loc[9, "d"] = 0
    with pytest.raises(ModelError, match="ends for 0"):
        synthetic_did(frame, **COLUMNS)
    with pytest.raises(ModelError, match="more controls than treated"):
        synthetic_did(panel([6, 6, 6], n_controls=3), **COLUMNS)
