"""The permutation test: size, power, its statistic against two regressions, and its errors."""

import numpy as np
import pandas as pd
import pytest

from analysis.models import ModelError, Specification, fit
from analysis.models.residual_permutation import residual_permutation_test


def sample(effect: float, seed: int = 5) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    country = np.repeat([f"C{i}" for i in range(9)], 20)
    level = np.repeat(random.standard_normal(9), 20)
    money = level + random.standard_normal(180)
    kind = random.integers(1, 4, 180)
    frame = pd.DataFrame({"country": country, "money": money})
    frame["type_2"], frame["type_3"] = (kind == 2).astype(float), (kind == 3).astype(float)
    frame["patents"] = level + 0.5 * money + effect * frame["type_2"] + random.standard_normal(180)
    return frame


def run(frame: pd.DataFrame, **changes):
    arguments = {
        "outcome": "patents",
        "tested": ["type_2", "type_3"],
        "controls": ["money"],
        "within": "country",
        "draws": 199,
        "seed": 1,
        "name": "types",
    }
    return residual_permutation_test(frame, **{**arguments, **changes})


def test_the_statistic_is_the_share_of_the_variance_left_that_the_types_explain():
    frame = sample(0.4)
    short, long = (
        fit(
            Specification(outcome="patents", regressors=regressors, absorb=("country",)), frame
        ).facts.within_r_squared
        for regressors in (("money",), ("money", "type_2", "type_3"))
    )
    assert run(frame).observed == pytest.approx((long - short) / (1 - short), rel=1e-10)


def test_an_effect_is_found():
    assert run(sample(1.0)).p_value == pytest.approx(1 / 200)


def test_without_effect_small_p_values_are_as_rare_as_they_should_be():
    p_values = [run(sample(0.0, seed), draws=99).p_value for seed in range(60)]
    assert 0 <= np.mean(np.array(p_values) <= 0.1) <= 0.22
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.12)


def test_row_order_and_missing_rows_do_not_matter():
    frame = sample(0.3)
    gap = pd.concat([frame.iloc[::-1], frame.head(3).assign(money=np.nan)])
    assert run(frame) == run(gap)


def test_without_groups_residuals_move_freely():
    assert 0 < run(sample(0.3), within=None).p_value <= 1


def test_types_that_only_repeat_the_countries_are_refused():
    frame = sample(0.3)
    frame["type_2"] = (frame["country"] == "C1").astype(float)
    with pytest.raises(ModelError, match="tell them apart from the controls"):
        run(frame, tested=["type_2"])
