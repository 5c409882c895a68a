"""Positions kept beyond chance: counted by hand, against shuffles, and their draws."""

import numpy as np
import pandas as pd
import pytest

from analysis.indicators import IndicatorError
from analysis.indicators.kept_positions import kept_curve, kept_positions, kept_ranks


def table(values: list[list[float]]) -> pd.DataFrame:
    return pd.DataFrame(values, index=[f"R{i}" for i in range(len(values))], columns=["A", "B"])


def test_by_hand() -> None:
    # A: R0 and R1 held at first, R0 and R2 at last: one of two kept, half by chance.
    # B: R3 held and kept; R3 alone of four holds it at last: a quarter by chance.
    first = table([[2.0, 0.5], [2.0, 0.5], [0.5, 0.5], [0.5, 2.0]])
    last = table([[2.0, 0.5], [0.5, 0.5], [2.0, 0.5], [0.5, 2.0]])
    found = kept_positions(first, last, threshold=1.25, draws=9, seed=1, name="hand")
    assert found.kept == pytest.approx(100 * 2 / 3)
    assert found.by_chance == pytest.approx(100 * (2 * 0.5 + 1 * 0.25) / 3)
    assert found.estimate == pytest.approx(found.kept - found.by_chance)
    assert (found.n_positions, found.n_regions, len(found.draws)) == (3, 4, 9)
    jobs = table([[10.0, 1.0], [30.0, 1.0], [1.0, 1.0], [1.0, 60.0]])
    heavy = kept_positions(first, last, threshold=1.25, sizes=jobs, draws=9, seed=1, name="hand")
    assert heavy.kept == pytest.approx(70.0)
    assert heavy.by_chance == pytest.approx(0.4 * 50 + 0.6 * 25)


@pytest.fixture
def years() -> tuple[pd.DataFrame, pd.DataFrame]:
    draw = np.random.default_rng(4)
    lasting = draw.normal(size=(80, 6))
    names = [f"R{i:02d}" for i in range(80)]
    first, last = (
        pd.DataFrame(np.exp(lasting + 0.5 * draw.normal(size=lasting.shape)), index=names)
        for _ in range(2)
    )
    first.iloc[3, 2] = np.nan
    last.iloc[7, 1] = np.nan
    return first, last


def test_chance_is_what_shuffling_gives(years: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    first, last = years
    draw = np.random.default_rng(9)
    complete = first.drop(["R03", "R07"]), last.drop(["R03", "R07"])
    found = kept_positions(*complete, threshold=1.25, draws=9, seed=1, name="chance")
    shares = []
    for _ in range(400):
        dealt = complete[1].sample(frac=1, random_state=draw).set_axis(complete[1].index)
        shuffled = kept_positions(complete[0], dealt, threshold=1.25, draws=2, seed=1, name="x")
        shares.append(shuffled.kept)
    assert np.mean(shares) == pytest.approx(found.by_chance, abs=0.7)


def test_a_lasting_pattern_is_found_and_a_dealt_one_is_not(
    years: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    first, last = years
    options = {"threshold": 1.25, "draws": 199, "shuffles": 99, "seed": 1, "name": "test"}
    lasting = kept_positions(first, last, **options)
    assert lasting.p_value == 0.01
    assert np.quantile(lasting.draws, 0.025) > 10
    dealt = last.iloc[np.random.default_rng(2).permutation(len(last))].set_axis(last.index)
    chance = kept_positions(first, dealt, **options)
    assert chance.p_value > 0.05
    assert np.quantile(chance.draws, 0.025) < 0 < np.quantile(chance.draws, 0.975)


def test_a_draw_is_the_sample_of_the_regions_drawn(
    years: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    first, last = years
    found = kept_positions(first, last, threshold=1.0, draws=1, seed=3, name="draw")
    stream = np.random.default_rng(np.random.SeedSequence([3, *b"draw"]))
    rows = stream.integers(0, 80, size=80)
    names = [f"D{i:03d}" for i in range(80)]
    own = kept_positions(
        first.iloc[rows].set_axis(names),
        last.iloc[rows].set_axis(names),
        threshold=1.0,
        draws=1,
        seed=1,
        name="own",
    )
    assert found.draws[0] == pytest.approx(own.estimate)


def test_ranks_agree_with_spearman(years: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    first, last = (frame[[0]] for frame in years)
    found = kept_ranks(first, last, draws=50, seed=1, name="ranks")
    both = pd.concat([first, last], axis=1).dropna()
    expected = both.corr(method="spearman").iloc[0, 1]
    assert found.estimate == pytest.approx(100 * expected)
    assert found.draws.std() > 0


def test_the_order_of_rows_does_not_matter(years: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    first, last = years
    options = {"threshold": 1.25, "draws": 20, "shuffles": 20, "seed": 1, "name": "order"}
    one = kept_positions(first, last, **options)
    other = kept_positions(first.sample(frac=1, random_state=1), last.iloc[:, ::-1], **options)
    np.testing.assert_allclose(one.draws, other.draws)
    assert one.p_value == other.p_value


def test_nothing_to_keep_is_refused(years: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    first, last = years
    with pytest.raises(IndicatorError, match="above 1000"):
        kept_positions(first, last, threshold=1000, draws=2, seed=1, name="none")
    with pytest.raises(IndicatorError, match="no region"):
        kept_ranks(first, last.set_axis(range(80)), draws=2, seed=1, name="none")


def test_the_curve_holds_the_single_answers(years: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    first, last = years
    sizes = first.fillna(1)
    options = {"draws": 201, "seed": 1, "name": "curve"}
    table = kept_curve(first, last, thresholds=[1.0, 1.25, 1000.0], sizes=sizes, **options)
    rows = table.set_index(["measure", "threshold"])
    assert len(rows) == 5
    for measure, weight in (("specialisations kept", None), ("jobs in them kept", sizes)):
        one = kept_positions(first, last, threshold=1.25, sizes=weight, **options)
        row = rows.loc[(measure, "1.25")]
        assert row["estimate"] == pytest.approx(one.estimate)
        assert row["ci_high"] == pytest.approx(np.quantile(one.draws, 0.975))
        assert (row["p_value"] < 0.05) == (row["ci_low"] > 0 or row["ci_high"] < 0)
    ranks = kept_ranks(first, last, **options)
    assert rows.loc[("ranks", "none"), "estimate"] == pytest.approx(ranks.estimate)
    assert rows.loc[("ranks", "none"), "ci_low"] == pytest.approx(np.quantile(ranks.draws, 0.025))
