"""All claims at once, from made-up evidence."""

import numpy as np
import pandas as pd
import pytest
from made_up import finding

from analysis.claims import judge, register
from analysis.claims.assembly import Entry
from analysis.claims.robustness import (
    choices_table,
    choices_wide,
    counts,
    curves_table,
    headline_z,
    in_standard_errors,
    inference_table,
    influence_table,
    missing,
    most_influential,
    p_values_by_kind,
    stepdown_table,
    z_values,
)
from analysis.claims.sentences import robustness
from analysis.robustness.stepdown import romano_wolf

CLAIMS = register()


def entry(name: str, estimate: float = 4.0, half: float = 2.0, q_value: float = 0.5) -> Entry:
    verdict = judge(CLAIMS[name], [finding(estimate, half)])
    return Entry(claim=CLAIMS[name], verdict=verdict, q_value=q_value)


#: C07 claims a negative effect.
ENTRIES = [entry("C06"), entry("C07", -4.0), Entry(claim=CLAIMS["C14"])]


def made_curve(centre: float) -> pd.DataFrame:
    """Sixteen specifications; the outcome moves them most."""
    rows = [
        (outcome, held, lag, centre + (outcome == "a") + 0.2 * held + 0.01 * lag)
        for outcome in ("a", "b")
        for held in (False, True)
        for lag in range(4)
    ]
    table = pd.DataFrame(rows, columns=["outcome", "with_x", "lag", "effect"])
    table["effect_low"], table["effect_high"] = table["effect"] - 1, table["effect"] + 1
    table["p_value"] = np.where(table["effect"].abs() > 1, 0.04, 0.5)
    return table.assign(flag="")


CURVES = {"C06": made_curve(0.5), "C07": made_curve(-3.0)}
TESTED = {"p_median": [0.01], "p_share_significant": [0.02], "n_specifications": [8]}
JOINT = {"C06": pd.DataFrame(TESTED)}


def test_one_row_per_curve_with_the_choice_that_moves_it():
    choices = choices_table(ENTRIES, CURVES)
    table = curves_table(ENTRIES, CURVES, JOINT, choices).set_index("id")
    assert list(table.index) == ["C06", "C07"]
    assert table.loc["C06", "moved_by"] == "outcome"
    assert table.loc["C06", "moved_share"] == pytest.approx(0.9612, abs=1e-3)
    assert table.loc["C06", "significant_for"] == 0.5
    # The claimed side of C07 is negative.
    assert table.loc["C07", "claimed_side"] == 1 and table.loc["C07", "significant_against"] == 0
    assert table.loc["C06", ["p_median", "q_median", "n_joint"]].tolist() == [0.01, 0.01, 8]
    assert np.isnan(table.loc["C07", "q_median"])


def test_a_curve_without_any_estimate_is_counted_and_not_summarised():
    empty = {"C06": made_curve(0).assign(effect=np.nan, flag="no rows")}
    table = curves_table(ENTRIES, empty, {}, choices_table(ENTRIES, empty))
    assert table["n"].tolist() == [0] and table["n_flagged"].tolist() == [16]


def test_shares_of_choices_add_up_with_what_they_do_together():
    wide = choices_wide(choices_table(ENTRIES, CURVES))
    assert wide.columns[-1] == "together" and set(wide) >= {"outcome", "controls", "lag"}
    assert wide.sum(axis=1).tolist() == pytest.approx([100, 100])


def test_beyond_1_96_is_where_the_interval_leaves_out_nothing():
    z = in_standard_errors([1, 2, -2, 0], [-1, 0.1, -9, -1], [3, 4, 0.1, 1])
    assert (np.abs(z) > 1.959964).tolist() == [False, True, False, False]
    assert z[3] == 0
    assert (z_values(CURVES["C07"], -1) > 0).all()
    assert (
        headline_z(ENTRIES[1]) == pytest.approx(headline_z(ENTRIES[0]))
        and headline_z(ENTRIES[0]) > 1.96
    )


def draws(seed: int, statistic: float, size: int = 999) -> pd.DataFrame:
    null = np.random.default_rng(seed).normal(size=size)
    return pd.DataFrame({"statistic": [statistic, *null]})


def test_the_stepdown_of_alike_draws_is_that_of_the_statistics():
    kept = {"C06": draws(1, 2.4), "C07": draws(2, -3.5)}
    table = stepdown_table(ENTRIES, kept).set_index("id")
    values = np.vstack([frame["statistic"] for frame in kept.values()])
    expected = romano_wolf(values[:, 0], values[:, 1:])
    assert table["romano_wolf"].tolist() == pytest.approx(expected.tolist(), abs=0.005)
    assert (table["romano_wolf"] >= table["p_value"]).all()
    assert table.loc["C07", "statistic"] == 3.5  # turned to the claimed side
    assert table["q_register"].tolist() == [0.5, 0.5]
    exceeding = (np.abs(values[0, 1:]) >= 2.4).sum()
    assert table.loc["C06", "p_value"] == (1 + exceeding) / 1000


def test_heavy_tails_of_one_claim_do_not_decide_for_another():
    wild = draws(2, 0.5)
    wild["statistic"] *= 10
    table = stepdown_table(ENTRIES, {"C06": draws(1, 3.4), "C07": wild}).set_index("id")
    assert table.loc["C06", "romano_wolf"] <= 2.1 * table.loc["C06", "p_value"]


def test_claims_that_are_one_claim_cost_nothing_to_test_together():
    kept = {"C06": draws(1, 2.4), "C07": draws(1, 2.4)}
    table = stepdown_table(ENTRIES, kept)
    assert table["romano_wolf"].tolist() == table["p_value"].tolist()
    assert (table["holm"] > table["p_value"]).all()


KINDS = pd.DataFrame(
    {
        "kind": ["region", "country", "conley"],
        "estimate": [4.0, 4.0, np.nan],
        "ci_low": [1.0, -1.0, np.nan],
        "ci_high": [7.0, 9.0, np.nan],
        "p_value": [0.01, 0.1, np.nan],
        "why": ["", "", "no coordinates"],
    }
)


def test_kinds_of_inference_stand_beside_the_one_judged():
    table = inference_table(ENTRIES, {"C06": KINDS})
    assert table["kind"].tolist() == ["judged", "region", "country"]
    size = CLAIMS["C06"].smallest.size
    assert table.loc[1, ["scaled", "scaled_low", "scaled_high"]].tolist() == pytest.approx(
        [4 / size, 1 / size, 7 / size]
    )
    wide = p_values_by_kind(table)
    assert list(wide) == ["id", "judged", "region", "country"]


def test_an_interval_of_a_negative_claim_is_turned_round():
    turned = KINDS.assign(
        estimate=-KINDS["estimate"], ci_low=-KINDS["ci_high"], ci_high=-KINDS["ci_low"]
    )
    row = inference_table(ENTRIES, {"C07": turned}).iloc[1]
    assert row["scaled_low"] < row["scaled"] < row["scaled_high"] and row["scaled"] > 0


WITHOUT = {
    "C06": pd.DataFrame({"country": ["DE", "FR", "IT"], "estimate": [4.5, -1.0, np.nan]}),
    "C07": pd.DataFrame({"country": ["DE", "FR"], "estimate": [-5.0, -3.0]}),
}


def test_a_country_that_carries_a_headline_is_found():
    influence = influence_table(ENTRIES, WITHOUT)
    most = most_influential(influence).set_index("id")
    assert most.loc["C06", "country"] == "FR" and most.loc["C06", "turned"] == "FR"
    assert most.loc["C06", "moved"] == pytest.approx(-5 / (2 / 1.959964), rel=1e-6)
    assert most.loc["C06", "n_countries"] == 2
    # Without Germany the effect of C07 is more negative: further to the claimed side.
    moved = influence[influence["id"] == "C07"].set_index("country")["moved"]
    assert moved["DE"] > 0 > moved["FR"] and most.loc["C07", "turned"] == ""


def all_counts(entries, curves, joint, inference, without, drawn):
    choices = choices_table(entries, curves)
    return counts(
        entries,
        curves_table(entries, curves, joint, choices),
        stepdown_table(entries, drawn),
        inference_table(entries, inference),
        influence_table(entries, without),
    )


def test_what_is_said_is_what_was_counted():
    drawn = {"C06": draws(1, 2.4), "C07": draws(2, -0.5)}
    found = all_counts(ENTRIES, CURVES, JOINT, {"C06": KINDS}, WITHOUT, drawn)
    assert found == {
        **{"testable": 3, "curves": 2, "specifications": 32, "claimed": 2, "clear": 1},
        **{"headlines": 2, "alone": 1, "family": 1, "left": 2, "turned": 1},
        **{"compared": 1, "unsettled": 1},
    }
    for lang in ("en", "fr"):
        assert "32" in robustness(found, lang)


def test_nothing_kept_is_zeros_and_no_error():
    found = all_counts(ENTRIES, {}, {}, {}, {}, {})
    assert found["testable"] == 3 and sum(found.values()) == 3
    assert missing(ENTRIES, {}) == ["C06", "C07", "C14"] and missing(ENTRIES, CURVES) == ["C14"]
    assert choices_wide(choices_table(ENTRIES, {})).empty
    assert most_influential(influence_table(ENTRIES, {})).empty
