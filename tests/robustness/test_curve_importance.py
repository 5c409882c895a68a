"""Which choice moves the estimate, against an analysis of variance."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.anova import anova_lm

from analysis import CompendiumError
from analysis.robustness.choices import Curve
from analysis.robustness.enumeration import enumerate_curve, varying_choices
from analysis.robustness.importance import importance


def made_table(**changes: Any) -> pd.DataFrame:
    declared = {
        "outcomes": ["a", "b", "c"],
        "focus": {"column": "x", "lag": [0, 1]},
        "controls": ["p", "q", "r"],
        "clusters": "geo",
        **changes,
    }
    table = enumerate_curve(Curve.of(declared)).choices
    rng = np.random.default_rng(2)
    effect = (
        rng.normal(size=len(table))
        + table["outcome"].cat.codes
        + 2.0 * table["with_p"]
        + 1.5 * table["lag"] * table["with_q"]
    )
    return table.assign(effect=effect)


def test_shares_are_those_of_an_analysis_of_variance() -> None:
    table = made_table()
    found = importance(table).set_index("choice")
    model = smf.ols("effect ~ C(outcome) + C(lag) + with_p + with_q + with_r", table).fit()
    squares = anova_lm(model)["sum_sq"]
    expected = squares / squares.sum()
    names = {"outcome": "C(outcome)", "lag": "C(lag)", "with_p": "with_p", "with_q": "with_q"}
    for choice, term in names.items():
        assert found.loc[choice, "share"] == pytest.approx(expected[term], rel=1e-9)
        assert found.loc[choice, "alone"] == pytest.approx(expected[term], rel=1e-9)
    assert 1 - found["share"].sum() == pytest.approx(expected["Residual"], rel=1e-9)
    assert found["share"].is_monotonic_decreasing


def test_total_is_the_variance_left_when_only_that_choice_differs() -> None:
    table = made_table()
    found = importance(table).set_index("choice")
    others = ["outcome", "with_p", "with_q", "with_r"]
    within = table.groupby(others, observed=True)["effect"].var(ddof=0).mean()
    assert found.loc["lag", "total"] == pytest.approx(within / table["effect"].var(ddof=0))
    assert (found["total"] >= found["alone"] - 1e-12).all()
    means = table.groupby("outcome", observed=True)["effect"].mean()
    assert found.loc["outcome", "swing"] == pytest.approx(np.ptp(means))
    assert found.loc["outcome", "n_options"] == 3


def test_with_exclusions_shares_add_up_to_the_main_effects() -> None:
    rules = [["p", "q"], {"lag": 1, "outcome": "a"}]
    table = made_table(**{"never together": rules})
    found = importance(table)
    model = smf.ols("effect ~ C(outcome) + C(lag) + with_p + with_q + with_r", table).fit()
    assert found["share"].sum() == pytest.approx(model.rsquared, rel=1e-9)
    assert not np.allclose(found["share"], found["alone"])


def test_a_choice_tied_to_another_is_shared_out_once() -> None:
    table = made_table(**{"never together": [{"lag": 0, "controls": "p"}]})
    tied = table[(table["lag"] == 1) == table["with_p"]]
    found = importance(tied)
    assert found["share"].sum() <= 1
    assert set(found["choice"]) == {"outcome", "lag", "with_p", "with_q", "with_r"}


def test_many_controls_are_named_one_by_one_unless_exclusions_tie_them() -> None:
    controls = [f"c{i}" for i in range(12)]
    declared = {"controls": ["p", "q", *controls[:9]], "outcomes": ["a", "b", "c"]}
    table = made_table(**declared)
    assert len(importance(table)) == 13
    lost = table.assign(effect=table["effect"].where(table.index > 20))
    assert len(importance(lost)) == 13
    tied = table[~(table["with_p"] & table["with_q"])]
    assert set(importance(tied)["choice"]) == {"outcome", "lag", "controls"}


def test_only_choices_that_vary_are_named() -> None:
    table = made_table()
    assert varying_choices(table) == ["outcome", "lag", "with_p", "with_q", "with_r"]
    assert varying_choices(table[table["lag"] == 0])[:2] == ["outcome", "with_p"]
    declared = {"one of": {"none": [], "full": ["p"]}}
    plain = {"outcomes": ["a"], "focus": "x", "controls": declared, "clusters": "geo"}
    assert varying_choices(enumerate_curve(Curve.of(plain)).choices) == ["controls"]


def test_nothing_that_varies_is_refused() -> None:
    table = made_table()
    with pytest.raises(CompendiumError, match="no choice varies"):
        importance(table.head(1))
    with pytest.raises(CompendiumError, match="no choice varies"):
        importance(table.assign(effect=3.0))
    with pytest.raises(CompendiumError, match="no choice varies"):
        importance(table.assign(effect=np.nan))
