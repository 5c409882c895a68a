"""Synthetic controls: published values, exactness of the weights, invariances, errors."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.models.designs import synthetic_control
from analysis.models.designs.synthetic_weights import simplex_least_squares
from analysis.models.specification import ModelError

SMOKING: dict[str, Any] = {
    "outcome": "cigsale",
    "unit": "state",
    "time": "year",
    "treated_unit": "California",
    "treatment_time": 1989,
    "predictor_window": [1980, 1988],
    "predictors": [
        "lnincome",
        "retprice",
        "age15to24",
        {"column": "beer", "window": [1984, 1988]},
        {"column": "cigsale", "periods": [1975], "name": "sales 1975"},
        {"column": "cigsale", "periods": [1980], "name": "sales 1980"},
        {"column": "cigsale", "periods": [1988], "name": "sales 1988"},
    ],
}


@pytest.fixture(scope="module")
def smoking(shared_data: Path) -> pd.DataFrame:
    """Abadie, Diamond and Hainmueller (2010)."""
    folder = shared_data / "studies" / "arkhangelsky2021_prop99"
    return pd.read_csv(folder / "smoking_adh2010.csv")


def toy(seed: int = 0, n_units: int = 8, n_periods: int = 12) -> pd.DataFrame:
    """A factor model with an effect of 2 on unit "u0" from period 8."""
    generator = np.random.default_rng(seed)
    loadings, factors = generator.normal(size=(n_units, 2)), generator.normal(size=(2, n_periods))
    y = 10 + loadings @ factors + 0.1 * generator.normal(size=(n_units, n_periods))
    y[0, 8:] += 2
    unit, time = np.indices(y.shape)
    frame = pd.DataFrame({"unit": unit.ravel(), "time": time.ravel(), "y": y.ravel()})
    frame["size"] = np.repeat(loadings[:, 0], n_periods)
    frame["kind"] = np.repeat(loadings[:, 1], n_periods)
    return frame.assign(unit="u" + frame["unit"].astype(str))


TOY: dict[str, Any] = {
    "outcome": "y",
    "unit": "unit",
    "time": "time",
    "treated_unit": "u0",
    "treatment_time": 8,
}
TWO: dict[str, Any] = {"predictors": ["size", "kind"], "predictor_window": [0, 7]}


@settings(max_examples=60)
@given(
    st.integers(0, 10_000), st.integers(1, 25), st.integers(2, 30), st.sampled_from([0.0, 0.3, 10])
)
def test_weights_satisfy_the_conditions_of_the_optimum(
    seed: int, rows: int, count: int, ridge: float
) -> None:
    generator = np.random.default_rng(seed)
    controls, target = generator.normal(size=(rows, count)), generator.normal(size=rows)
    weights = simplex_least_squares(controls, target, ridge)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    gradient = controls.T @ (controls @ weights - target) + ridge * weights
    multiplier = gradient @ weights
    assert (gradient >= multiplier - 1e-8).all()
    np.testing.assert_allclose(gradient[weights > 1e-8], multiplier, atol=1e-8)


def test_identical_donors_share_the_weight() -> None:
    weights = simplex_least_squares(np.ones((3, 4)), np.ones(3))
    np.testing.assert_array_equal(weights, 0.25)


def test_california_reaches_a_lower_error_than_the_printed_weights(smoking: pd.DataFrame) -> None:
    """Table 2 prints Utah .334, Nevada .234, Montana .199, Colorado .164, Connecticut .069."""
    result = synthetic_control(smoking, **SMOKING)
    weights = result.details["weights"].set_index("term")["value"]
    used = weights[weights > 1e-4].sort_values(ascending=False)
    assert list(used.index) == ["Utah", "Nevada", "Montana", "Colorado", "Connecticut"]
    np.testing.assert_allclose(used, [0.334, 0.234, 0.199, 0.164, 0.069], atol=0.005)
    wide = smoking.pivot(index="year", columns="state", values="cigsale").loc[:1988]
    printed = pd.Series([0.334, 0.234, 0.199, 0.164, 0.069], index=used.index)
    printed_gap = wide["California"] - wide[used.index] @ printed
    assert result.statistics["mspe"] < (printed_gap**2).mean()
    assert result.statistics["mspe"] == pytest.approx(3.07666, abs=1e-4)
    assert result.row("att")["estimate"] == pytest.approx(-19.5, abs=0.6)


def test_california_has_the_largest_ratio_of_all_states(smoking: pd.DataFrame) -> None:
    """Section 3.4 of the 2010 article: 1 of 39, a probability of .026."""
    result = synthetic_control(smoking, **SMOKING, starts="regression", placebo=True)
    assert result.statistics["placebo_rank"] == 1
    assert result.statistics["placebo_p"] == pytest.approx(1 / 39)
    limited = synthetic_control(
        smoking, **SMOKING, starts="regression", placebo=True, placebo_limit=2
    )
    kept = limited.details["placebos"].query("kept")
    assert limited.statistics["n_placebos"] == len(kept) - 1 < 38
    assert (kept["rmspe"] ** 2 <= 2 * limited.statistics["mspe"] * (1 + 1e-9)).all()


def test_a_donor_with_the_same_path_gets_all_the_weight() -> None:
    frame = toy()
    copy = frame[frame["unit"] == "u3"].assign(unit="u0")
    frame = pd.concat([frame[frame["unit"] != "u0"], copy])
    result = synthetic_control(frame, **TOY)
    weights = result.details["weights"].set_index("term")["value"]
    assert weights["u3"] == pytest.approx(1, abs=1e-9)
    assert result.row("att")["estimate"] == pytest.approx(0, abs=1e-8)


def test_effect_is_found_and_tables_agree_with_each_other() -> None:
    result = synthetic_control(toy(n_units=30, n_periods=24), **(TOY | {"treatment_time": 8}))
    path = result.details["path"].set_index("term")
    np.testing.assert_allclose(path["gap"], path["treated"] - path["synthetic"])
    after = [str(period) for period in range(8, 24)]
    assert result.row("att")["estimate"] == pytest.approx(path.loc[after, "gap"].mean())
    before = [str(period) for period in range(8)]
    assert result.statistics["mspe"] == pytest.approx((path.loc[before, "gap"] ** 2).mean())
    balance = result.details["balance"].set_index("term")
    np.testing.assert_allclose(balance.loc[before, "synthetic"], path.loc[before, "synthetic"])


@pytest.mark.parametrize("importance", ["search", "regression", "equal", {"size": 3, "kind": 1}])
def test_results_do_not_depend_on_order_or_units(importance: Any) -> None:
    frame = toy()
    one = synthetic_control(frame, **TOY, **TWO, importance=importance)
    other = synthetic_control(
        frame.sample(frac=1, random_state=1), **TOY, **TWO, importance=importance
    )
    pd.testing.assert_frame_equal(one.details["weights"], other.details["weights"])
    scaled = frame.assign(y=1000 * frame["y"], size=frame["size"] / 7)
    again = synthetic_control(scaled, **TOY, **TWO, importance=importance)
    np.testing.assert_allclose(
        again.details["weights"]["value"], one.details["weights"]["value"], atol=2e-3
    )
    assert again.statistics["mspe"] == pytest.approx(1e6 * one.statistics["mspe"], rel=1e-4)


def test_search_is_no_worse_than_any_given_importance() -> None:
    frame = toy(3)
    best = synthetic_control(frame, **TOY, **TWO).statistics["mspe"]
    for share in np.linspace(0.01, 0.99, 40):
        given = {"size": share, "kind": 1 - share}
        result = synthetic_control(frame, **TOY, **TWO, importance=given)
        assert best <= result.statistics["mspe"] * (1 + 1e-6)


def test_cross_validation_uses_the_training_predictors_for_importance_only() -> None:
    frame = toy(4)
    listed = {
        "predictors": [{"column": "y", "window": [4, 7]}, {"column": "size", "window": [4, 7]}]
    }
    training = [{"column": "y", "window": [0, 3]}, {"column": "size", "window": [0, 3]}]
    options = TOY | listed | {"fit_window": [4, 7]}
    result = synthetic_control(
        frame, **options, importance="cross_validation", training_predictors=training
    )
    searched = synthetic_control(frame, **(options | {"predictors": training}))
    importance = searched.details["balance"].set_index("term")["importance"]
    given = synthetic_control(frame, **options, importance=importance.to_dict())
    pd.testing.assert_frame_equal(result.details["weights"], given.details["weights"])


def test_placebo_in_time_sees_nothing_from_treatment_on() -> None:
    frame = toy()
    options = TOY | TWO | {"placebo_time": 5, "leave_one_out": True}
    result = synthetic_control(frame, **options)
    spoiled = frame.assign(y=frame["y"].where(frame["time"] < 8, 99.0))
    other = synthetic_control(spoiled, **options)
    assert list(result.details["placebo_time_path"]["term"]) == [str(i) for i in range(8)]
    pd.testing.assert_frame_equal(
        result.details["placebo_time_path"], other.details["placebo_time_path"]
    )
    assert result.statistics["placebo_time_att"] == other.statistics["placebo_time_att"]
    assert len(result.details["leave_one_out"]) >= 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"treated_unit": "u99"}, "treated_unit: no unit 'u99'; there are u0"),
        ({"donors": ["u1"]}, "needs 2 donors"),
        ({"donors": ["u0", "u1", "u2"]}, "treated unit 'u0' is among them"),
        ({"treatment_time": 0}, "fit_window: no period"),
        ({"fit_window": [0, 9]}, "fit_window ends in 9, not before 8"),
        ({"effect_window": [3, 9]}, "effect_window starts in 3"),
        ({"importance": "best"}, "importance: 'best' is not one of search"),
        ({"importance": {"size": 1}, **TWO}, "a number for each of kind, size"),
        ({"importance": "cross_validation", **TWO}, "go together"),
        ({"predictors": ["size"]}, "give window or periods"),
        ({"predictors": ["size"], "predictor_window": [3, 8]}, "under treatment: size"),
        ({"predictors": [{"colum": "size"}]}, "a predictor has column"),
        ({"predictors": ["size", "size"], "predictor_window": [0, 7]}, "size given twice"),
        ({"predictors": ["sizes"], "predictor_window": [0, 7]}, "did you mean size"),
        ({"starts": "random"}, "starts: 'random' is not one of"),
        ({"placebo_time": 0}, "placebo_time=0 leaves no period"),
    ],
)
def test_errors_say_what_is_wrong(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message.replace("(", r"\(")):
        synthetic_control(toy(), **(TOY | change))


def test_missing_values_are_named() -> None:
    frame = toy()
    with pytest.raises(ModelError, match="'y' is missing for u2 in 3"):
        synthetic_control(frame.drop(frame.query("unit == 'u2' and time == 3").index), **TOY)
    hole = frame.assign(kind=frame["kind"].where(frame["unit"] != "u4"))
    with pytest.raises(ModelError, match="'kind' has no value in its periods for u4"):
        synthetic_control(hole, **TOY, **TWO)
    with pytest.raises(ModelError, match="do not differ between units: kind"):
        synthetic_control(frame.assign(kind=1.0), **TOY, **TWO)
    with pytest.raises(ModelError, match="u1 in 0 has more"):
        synthetic_control(pd.concat([frame, frame.query("unit == 'u1' and time == 0")]), **TOY)
