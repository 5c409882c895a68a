"""Randomisation inference against refitting every assignment."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.models import ModelError, Specification, fit
from analysis.robustness.permutation import permutation_test, placebo_dates

CALL = {"outcome": "y", "focus": "x", "controls": ["a"], "unit": "unit", "time": "year", "seed": 1}


def panel(effect: float = 0.0, seed: int = 1, units: int = 18) -> pd.DataFrame:
    """Treatment switched on in half of the units; some outcomes are missing."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"unit": np.repeat([f"U{i:02d}" for i in range(units)], 6)})
    frame["year"] = np.tile(np.arange(2000, 2006), units)
    code = pd.factorize(frame["unit"])[0]
    frame["country"] = code // 6
    starts = np.where(random.random(units) < 0.5, 9999, random.integers(2002, 2005, size=units))
    frame["x"] = (frame["year"] >= starts[code]).astype(float)
    frame["a"] = random.normal(size=len(frame))
    frame["y"] = effect * frame["x"] + 0.5 * frame["a"] + random.normal(size=units)[code]
    frame["y"] += random.normal(size=len(frame))
    frame.loc[random.random(len(frame)) < 0.1, "y"] = np.nan
    return frame


def specification(absorb=("unit", "year"), cluster="unit") -> Specification:
    return Specification(
        outcome="y", regressors=("x", "a"), absorb=absorb, vcov="cluster", cluster=(cluster,)
    )


@pytest.mark.parametrize("absorb", [("unit", "year"), ("year",), ()])
@pytest.mark.parametrize("cluster", ["unit", "country"])
def test_the_sample_is_the_regression(absorb, cluster):
    frame = panel(effect=0.5)
    result = permutation_test(frame, **CALL, absorb=absorb, cluster=cluster, draws=9)
    expected = fit(specification(absorb, cluster), frame).coefficients.set_index("term").loc["x"]
    assert result.estimate == pytest.approx(expected["estimate"], rel=1e-8)
    assert result.std_error == pytest.approx(expected["std_error"], rel=1e-7)


@pytest.mark.parametrize("compared", ["statistic", "estimate"])
def test_p_value_by_refitting_every_assignment(compared):
    frame = panel(effect=0.4)
    draws, name = 30, "refit"
    result = permutation_test(
        frame, **CALL, absorb=["unit", "year"], draws=draws, compared=compared, name=name
    )
    paths = frame.pivot(index="unit", columns="year", values="x")
    random = np.random.default_rng(np.random.SeedSequence([1, *name.encode()]))
    observed = abs(getattr(result, compared))
    extreme = 0
    for _ in range(draws):
        moved = paths.iloc[np.argsort(random.random(len(paths)))].set_axis(paths.index)
        x = moved.stack().rename("x")
        table = frame.drop(columns="x").join(x, on=["unit", "year"])
        row = fit(specification(), table).coefficients.set_index("term").loc["x"]
        extreme += abs(row[compared]) >= observed
    assert result.p_value == (1 + extreme) / (1 + draws)


def test_paths_stay_within_their_group():
    """One treated unit in each of three countries and the effect within countries only."""
    frame = panel(effect=3.0)
    within = permutation_test(frame, **CALL, absorb=["unit", "year"], within="country", draws=99)
    everywhere = permutation_test(frame, **CALL, absorb=["unit", "year"], draws=99)
    assert within.p_value <= 0.05 and everywhere.p_value == 0.01
    frame["country"] = frame["unit"]
    with pytest.raises(ModelError, match="no two units between which"):
        permutation_test(frame, **CALL, absorb=["unit", "year"], within="country")


def test_p_values_are_uniform_without_effect():
    values = [
        permutation_test(panel(seed=seed), **CALL, absorb=["unit", "year"], draws=39).p_value
        for seed in range(80)
    ]
    assert stats.kstest(values, "uniform").pvalue > 0.01


def test_the_order_of_rows_does_not_matter():
    frame = panel(effect=0.4)
    one = permutation_test(frame, **CALL, absorb=["unit", "year"], draws=49)
    shuffled = frame.sample(frac=1, random_state=3)
    assert permutation_test(shuffled, **CALL, absorb=["unit", "year"], draws=49) == one


def test_messages():
    frame = panel()
    with pytest.raises(ModelError, match="two rows of unit, year"):
        permutation_test(pd.concat([frame, frame]), **CALL)
    gap = frame.assign(x=frame["x"].where(frame.index != 10))
    with pytest.raises(ModelError, match=r"x is missing for 1 pairs .* U01, 2004"):
        permutation_test(gap, **CALL)
    with pytest.raises(ModelError, match="has no column region"):
        permutation_test(frame, **CALL, absorb=["region"])
    with pytest.raises(ModelError, match="'country' changes within some unit"):
        changing = frame.assign(country=frame["year"])
        permutation_test(changing, **CALL, within="country")
    with pytest.raises(ModelError, match="does not vary given the absorbed effects"):
        permutation_test(frame.assign(x=1.0), **CALL)
    with pytest.raises(ModelError, match="compared: 'p' is not"):
        permutation_test(frame, **CALL, compared="p")
    with pytest.raises(ModelError, match="draws: expected 1 or more"):
        permutation_test(frame, **CALL, draws=0)


# --- Placebo dates -------------------------------------------------------------------------------


def placebo_specification() -> Specification:
    return Specification(
        outcome="y",
        regressors=("x", "a"),
        absorb=("unit", "year"),
        vcov="cluster",
        cluster=("unit",),
        unit="unit",
        time="year",
    )


def test_placebos_are_regressions_on_the_years_before():
    frame = panel(effect=2.0)
    table = placebo_dates(frame, placebo_specification(), focus="x", leads=[1, 2])
    assert table["lead"].tolist() == [0, 1, 2]
    start = frame["year"].where(frame["x"] > 0).groupby(frame["unit"]).transform("min").fillna(9999)
    placebo = frame.assign(x=(frame["year"] >= start - 2).astype(float))
    before = placebo[frame["year"] < start]
    expected = fit(placebo_specification(), before).coefficients.set_index("term").loc["x"]
    assert table.loc[2, "estimate"] == pytest.approx(expected["estimate"], rel=1e-10)
    assert table.loc[0, "p_value"] < 0.01 < table.loc[2, "p_value"]
    assert table.loc[0, "n_obs"] > table.loc[1, "n_obs"] == table.loc[2, "n_obs"]


def test_placebo_messages():
    frame = panel()
    with pytest.raises(ModelError, match="needs unit, time and the focus"):
        placebo_dates(frame, specification(), focus="x", leads=[1])
    with pytest.raises(ModelError, match="leads: expected whole numbers of 1 or more"):
        placebo_dates(frame, placebo_specification(), focus="x", leads=[0])
    back = frame.assign(x=frame["x"].where(frame["year"] < 2005, 0.0))
    with pytest.raises(ModelError, match="x is zero again after it began for unit"):
        placebo_dates(back, placebo_specification(), focus="x", leads=[1])
    with pytest.raises(ModelError, match="placebo_dates, lead 9: x cannot be estimated"):
        placebo_dates(frame, placebo_specification(), focus="x", leads=[9])
