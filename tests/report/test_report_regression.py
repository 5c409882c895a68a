"""Regression tables on real fits of synthetic data."""

import numpy as np
import pandas as pd
import pytest

from analysis import CompendiumError
from analysis.models import Estimates, Specification, fit
from analysis.report.regression import errors_note, regression_csv, regression_layout


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"geo": np.repeat(range(30), 8), "year": np.tile(range(8), 30)})
    frame["x"] = rng.normal(size=240)
    frame["small"] = rng.normal(size=240) * 1e4
    frame["y"] = 0.5 * frame["x"] + rng.normal(size=240)
    return frame


@pytest.fixture(scope="module")
def models(frame: pd.DataFrame) -> dict[str, Estimates]:
    pooled = Specification(outcome="y", regressors=("x", "small"), unit="geo", vcov="hc1")
    within = Specification(
        outcome="y", regressors=("x",), absorb=("geo", "year"), vcov="cluster", cluster=("geo",)
    )
    return {"(1)": fit(pooled, frame), "(2)": fit(within, frame)}


def cells(models: dict[str, Estimates], **options: object) -> dict[str, list[str]]:
    table = regression_layout("t", models, title="T", **{"labels": {}, **options})  # type: ignore[arg-type]
    return {row[0]: list(row[1:]) for row in table.rows if row[0]}


def test_coefficients_stand_over_their_standard_errors(models: dict[str, Estimates]) -> None:
    table = regression_layout("t", models, title="T", labels={"x": "R&D", "geo": "region"})
    rows = [list(row) for row in table.rows]
    at = next(i for i, row in enumerate(rows) if row[0] == "R&D")
    for column, model in enumerate(models.values(), start=1):
        row = model.row("x")
        assert rows[at][column] == f"{row['estimate']:.3f}"
        assert rows[at + 1][column] == f"({row['std_error']:.3f})"


def test_the_constant_comes_last_and_absent_terms_are_blank(models: dict[str, Estimates]) -> None:
    found = cells(models)
    terms = list(found)[:3]
    assert terms == ["x", "small", "Intercept"]
    assert found["small"][1] == ""


def test_a_tiny_coefficient_keeps_two_digits_of_its_standard_error(
    models: dict[str, Estimates],
) -> None:
    shown = cells(models)["small"][0]
    assert shown.lstrip("−").startswith("0.0000") and shown.strip("−0.") != ""


def test_facts_and_fixed_effects(models: dict[str, Estimates]) -> None:
    found = cells(models, labels={"geo": "region", "n_units": "Regions"})
    assert found["Observations"] == ["240", "240"]
    assert found["Regions"] == ["30", "30"]
    assert found["Clusters"] == ["–", "30"]
    assert found["Fixed effects: region"] == ["no", "yes"]
    assert found["Within R²"] == ["–", f"{models['(2)'].facts.within_r_squared:.3f}"]
    assert "Estimator" not in found


def test_the_estimator_is_named_when_it_is_not_least_squares(frame: pd.DataFrame) -> None:
    counts = frame.assign(n=np.arange(240) % 7)
    poisson = fit(Specification(outcome="n", regressors=("x",), estimator="poisson"), counts)
    assert cells({"(1)": poisson})["Estimator"] == ["Poisson"]


def test_the_note_names_the_standard_errors(models: dict[str, Estimates]) -> None:
    note = errors_note(models, {"geo": "region"})
    assert note == (
        "Standard errors in parentheses: robust to heteroskedasticity (HC1) in (1); "
        "clustered by region in (2)."
    )
    assert errors_note({"a": models["(2)"], "b": models["(2)"]}, {}) == (
        "Standard errors in parentheses: clustered by geo."
    )


def test_a_shared_outcome_is_named_once_and_others_below_the_headings(
    models: dict[str, Estimates], frame: pd.DataFrame
) -> None:
    table = regression_layout("t", models, title="T", labels={"y": "Patents"})
    assert len(table.header) == 1 and table.note.startswith("Outcome: Patents. Standard errors")
    other = fit(Specification(outcome="small", regressors=("x",)), frame)
    table = regression_layout("t", {**models, "(3)": other}, title="T", labels={})
    assert list(table.header[1]) == ["", "y", "y", "small"] and "Outcome" not in table.note


def test_stars_are_off_unless_asked_for(models: dict[str, Estimates]) -> None:
    assert not any("*" in cell for row in cells(models).values() for cell in row)
    starred = regression_layout("t", models, title="T", labels={}, stars=True)
    assert any(cell.endswith("***") for row in starred.rows for cell in row)
    assert "*** p < 0.01" in starred.note


def test_terms_choose_and_order(models: dict[str, Estimates]) -> None:
    assert list(cells(models, terms=["small", "x"]))[:2] == ["small", "x"]
    with pytest.raises(CompendiumError, match="no model has the terms z; the terms are x, small"):
        cells(models, terms=["z"])
    with pytest.raises(CompendiumError, match="no models"):
        cells({})


def test_the_csv_has_the_unrounded_numbers(models: dict[str, Estimates]) -> None:
    frame = regression_csv(models).set_index(["row", "statistic"])
    for name in ("estimate", "std_error", "p_value", "ci_low", "ci_high"):
        assert frame.loc[("x", name), "(2)"] == models["(2)"].row("x")[name]
    assert frame.loc[("fit", "n_obs"), "(1)"] == 240
    assert frame.loc[("fit", "vcov"), "(2)"] == "cluster"
