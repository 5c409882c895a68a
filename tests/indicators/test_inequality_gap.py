"""The gap between two inequalities and its bootstrap draws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.indicators.concentration import IndicatorError, theil
from analysis.indicators.inequality_gap import MEASURES, inequality_gap


def rng(seed=1):
    return np.random.default_rng(seed)


def test_equal_shares_against_everything_in_one_place():
    people = np.ones(4)
    gap, _ = inequality_gap([0, 0, 0, 8.0], [2, 2, 2, 2.0], people, draws=2, generator=rng())
    assert gap == pytest.approx(75.0)  # Gini (n - 1) / n against 0
    gap, _ = inequality_gap(
        [0, 0, 0, 8.0], [2, 2, 2, 2.0], people, measure="herfindahl", draws=2, generator=rng()
    )
    assert gap == pytest.approx(75.0)  # 1 against 1/4


@pytest.mark.parametrize("measure", MEASURES)
def test_a_sum_against_itself_has_no_gap_in_any_draw(measure):
    money, people = rng().gamma(2, size=30), rng(2).gamma(3, size=30)
    gap, draws = inequality_gap(money, money, people, measure=measure, draws=20, generator=rng())
    assert gap == 0 and not draws.any()


def test_theil_is_that_of_the_decomposition():
    money, people = rng().gamma(2, size=9), rng(2).gamma(3, size=9)
    gap, _ = inequality_gap(money, people, people, measure="theil", draws=1, generator=rng())
    assert gap == pytest.approx(100 * theil(money / people, people).total)


@settings(max_examples=25)
@given(st.permutations(range(12)), st.floats(0.1, 1e6), st.sampled_from(sorted(MEASURES)))
def test_neither_the_order_of_rows_nor_the_currency_matters(order, rate, measure):
    first, second, people = rng(3).gamma(2, size=(3, 12))
    plain = inequality_gap(first, second, people, measure=measure, draws=5, generator=rng())
    order = list(order)
    moved = inequality_gap(
        rate * first[order], second[order], people[order], measure=measure, draws=5, generator=rng()
    )
    assert moved[0] == pytest.approx(plain[0])
    assert moved[1] == pytest.approx(plain[1])


def test_the_spread_of_draws_is_that_of_repeated_samples():
    generator = rng(4)
    samples = [generator.lognormal(size=(3, 60)) for _ in range(300)]
    people = np.ones(60)
    gaps = [inequality_gap(a, b, people, draws=1, generator=rng())[0] for a, b, _ in samples]
    _, draws = inequality_gap(*samples[0][:2], people, draws=600, generator=rng())
    assert draws.std() == pytest.approx(np.std(gaps), rel=0.35)


@pytest.mark.parametrize(
    ("first", "measure", "message"),
    [
        ([1, 2, 3.0], "range", "'range' is not one of gini, theil"),
        ([1, np.nan, 3.0], "gini", "2 complete units"),
        ([1, -2, 3.0], "gini", "a negative amount"),
    ],
)
def test_what_cannot_be_measured_is_refused(first, measure, message):
    with pytest.raises(IndicatorError, match=message):
        inequality_gap(first, [1, 2, 3.0], [1, 1, 1], measure=measure, draws=1, generator=rng())
