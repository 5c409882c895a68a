"""Gaps in R² between two groups of regressors: against other routes, and their draws."""

import numpy as np
import pandas as pd
import pytest

from analysis.models import ModelError
from analysis.models.decomposition import shapley_r_squared
from analysis.models.residual_permutation import residual_permutation_test
from analysis.robustness.dominance import (
    choices_of,
    dominance_curve,
    dominance_gap,
    drawn_moments,
    excess_r_squared,
    p_value_of_draws,
)

PEOPLE, MONEY = ["skills", "schools"], ["money"]


@pytest.fixture
def regions() -> pd.DataFrame:
    draw = np.random.default_rng(5)
    n = 120
    frame = pd.DataFrame(
        draw.normal(size=(n, 4)), columns=["skills", "schools", "money", "density"]
    )
    frame["money"] += 0.6 * frame["skills"]
    frame["country"] = [f"C{i % 7}" for i in range(n)]
    lift = frame["country"].str[1].astype(float)
    frame["skills"] += 0.3 * lift
    frame["y"] = frame["skills"] + 0.4 * frame["money"] + lift + draw.normal(size=n)
    frame["people"] = draw.uniform(0.5, 3, n)
    frame.index = pd.Index([f"R{i:03d}" for i in range(n)], name="geo")
    return frame


def moments(frame: pd.DataFrame, draws: int = 50, **options: object):
    columns = ["y", *PEOPLE, *MONEY, "density"]
    return drawn_moments(frame, columns, draws=draws, seed=1, name="test", **options)


def test_the_gap_is_the_difference_of_shapley_shares(regions: pd.DataFrame) -> None:
    shares = shapley_r_squared(
        regions,
        outcome="y",
        regressors=[*PEOPLE, *MONEY],
        groups={"people": PEOPLE, "money": MONEY},
        controls=["density"],
        weights="people",
    )
    expected = shares.row("people")["estimate"] - shares.row("money")["estimate"]
    gap = dominance_gap(moments(regions, weights="people"), "y", PEOPLE, MONEY, ["density"])
    assert gap[0] == pytest.approx(100 * expected, abs=1e-9)


def test_effects_within_are_the_dummies_of_the_groups(regions: pd.DataFrame) -> None:
    columns = ["y", *PEOPLE, *MONEY]
    centred = regions[columns] - regions.groupby("country")[columns].transform("mean")
    within = dominance_gap(moments(regions, within="country"), "y", PEOPLE, MONEY)
    assert within[0] == pytest.approx(
        dominance_gap(moments(centred.assign(density=regions["density"])), "y", PEOPLE, MONEY)[0]
    )


def test_a_draw_is_the_gap_of_the_rows_drawn(regions: pd.DataFrame) -> None:
    drawn = moments(regions, within="country", draws=3)
    stream = np.random.default_rng(np.random.SeedSequence([1, *b"test"]))
    chosen = stream.integers(0, len(regions), size=(3, len(regions)))
    for i in range(3):
        rows = regions.iloc[chosen[i]].reset_index(drop=True)
        own = dominance_gap(moments(rows, within="country", draws=1), "y", PEOPLE, MONEY)
        assert dominance_gap(drawn, "y", PEOPLE, MONEY)[i + 1] == pytest.approx(own[0])


def test_clusters_are_drawn_whole(regions: pd.DataFrame) -> None:
    whole = moments(regions, within="country", cluster="country", draws=200)
    # Seven countries with equal numbers of rows or nearly so: the total weight is that of clusters.
    sizes = regions.groupby("country").size().to_numpy()
    assert set(sizes) == {17, 18}
    rows = moments(regions, within="country", draws=200)
    assert whole.blocks.shape == rows.blocks.shape
    assert not np.allclose(whole.blocks[1:], rows.blocks[1:])


def test_neither_order_of_rows_nor_units_of_measurement_matter(regions: pd.DataFrame) -> None:
    shuffled = regions.sample(frac=1, random_state=3)
    shuffled["money"] = 1000 * shuffled["money"] + 5
    for within in (None, "country"):
        expected = dominance_gap(moments(regions, within=within), "y", PEOPLE, MONEY)
        found = dominance_gap(moments(shuffled, within=within), "y", PEOPLE, MONEY)
        np.testing.assert_allclose(found, expected, atol=1e-8)


def test_turning_the_groups_round_turns_the_gap(regions: pd.DataFrame) -> None:
    drawn = moments(regions)
    np.testing.assert_array_equal(
        dominance_gap(drawn, "y", PEOPLE, MONEY), -dominance_gap(drawn, "y", MONEY, PEOPLE)
    )


def test_the_curve_has_every_choice_once_and_the_gap_of_each(regions: pd.DataFrame) -> None:
    drawn = moments(regions, within="country")
    table = dominance_curve(drawn, "y", choices_of(PEOPLE)[1:], [MONEY], ["density"])
    assert len(table) == 3 * 1 * 2
    assert not table.duplicated(["first", "second", "density"]).any()
    row = table[(table["first"] == "skills + schools") & table["density"]].iloc[0]
    gap = dominance_gap(drawn, "y", PEOPLE, MONEY, ["density"])
    assert row["estimate"] == pytest.approx(gap[0])
    assert row["ci_low"] == pytest.approx(np.quantile(gap[1:], 0.025))
    assert row["p_value"] == p_value_of_draws(gap[1:])
    assert (table["ci_low"] <= table["estimate"]).all()
    assert (table["estimate"] <= table["ci_high"]).all()


def test_too_few_rows_are_refused(regions: pd.DataFrame) -> None:
    with pytest.raises(ModelError, match="9 rows have y, skills"):
        moments(regions.head(9), within="country")
    with pytest.raises(ModelError, match="collinear"):
        twice = moments(regions.assign(schools=regions["skills"]))
        twice.explained("y", PEOPLE)


def test_excess_is_the_partial_r_squared_less_what_chance_gives(regions: pd.DataFrame) -> None:
    drawn = moments(regions, within="country")
    shuffled = residual_permutation_test(
        regions,
        outcome="y",
        tested=PEOPLE,
        controls=MONEY,
        within="country",
        draws=1999,
        seed=2,
        name="excess",
    )
    excess = excess_r_squared(drawn, "y", PEOPLE, MONEY)
    expected = 100 * (shuffled.observed - 2 / (len(regions) - 7 - 1))
    assert excess[0] == pytest.approx(expected, abs=1e-8)
    assert excess[0] == pytest.approx(100 * (shuffled.observed - shuffled.null_mean), abs=0.3)
    assert excess[1:].mean() == pytest.approx(excess[0])


def test_indicators_that_vanish_or_repeat_add_nothing(regions: pd.DataFrame) -> None:
    frame = regions.assign(rare=0.0, again=regions["skills"], never=0.0)
    frame.loc[frame.index[0], "rare"] = 1.0
    columns = ["y", "skills", "again", "rare", "never"]
    drawn = drawn_moments(frame, columns, draws=99, seed=1, name="rare")
    assert np.isfinite(excess_r_squared(drawn, "y", ["skills", "rare"])).all()
    np.testing.assert_allclose(
        excess_r_squared(drawn, "y", ["skills", "again"]), excess_r_squared(drawn, "y", ["skills"])
    )
    assert drawn.rank(["skills", "never"]) == 1
    with pytest.raises(ModelError, match="nothing is left"):
        excess_r_squared(drawn, "y", ["again"], ["skills"])


def test_p_values_of_draws_agree_with_the_interval_and_are_never_zero() -> None:
    draws = np.arange(1.0, 202.0)
    for shift, p_value in ((0, 2 / 201), (1, 2 / 201), (5, 10 / 201), (6, 12 / 201), (101, 1)):
        low, high = np.quantile(draws - shift, [0.025, 0.975])
        assert p_value_of_draws(draws - shift) == pytest.approx(p_value)
        assert (p_value < 0.05) == (low > 0 or high < 0)
