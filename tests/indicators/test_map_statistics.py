"""Statistics of maps: by hand on small maps, and what merging must do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.indicators.concentration import IndicatorError, gini, theil
from analysis.indicators.map_statistics import elasticity, inequality, specialisation

EACH = np.arange(3)


def test_krugman_by_hand():
    # Shares 1:0, 0:1 and 1:1; each against the other two together.
    jobs = [[4.0, 0.0], [0.0, 4.0], [2.0, 2.0]]
    expected = np.mean([2 * (1 - 2 / 8), 2 * (1 - 2 / 8), 0.0])
    assert specialisation(jobs)(EACH) == pytest.approx(expected)
    assert specialisation(jobs, people=[1, 0, 1])(EACH) == pytest.approx(0.75)
    merged = np.array([0, 0, 1])
    assert specialisation(jobs)(merged) == pytest.approx(0.0)
    assert specialisation(jobs, index="herfindahl")(merged) == pytest.approx(0.5)


def test_inequality_is_that_of_the_indices_and_falls_when_regions_merge():
    money, people = np.array([1.0, 5.0, 9.0]), np.array([2.0, 2.0, 1.0])
    assert inequality(money, people)(EACH) == pytest.approx(gini(money / people, people))
    both = inequality(money, people, index="theil")
    assert both(EACH) == pytest.approx(theil(money / people, people).total)
    assert both(np.array([0, 0, 1])) < both(EACH)


def test_elasticity_is_recovered_where_it_is_the_same_everywhere():
    effort, people = np.array([1.0, 4.0, 9.0]), np.array([1.0, 2.0, 3.0])
    output = people * (effort / people) ** 0.7
    assert elasticity(output, effort, people)(EACH) == pytest.approx(0.7)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 3), min_size=8, max_size=8).filter(lambda x: len(set(x)) == 4))
def test_only_which_regions_are_together_matters(groups):
    random = np.random.default_rng(1)
    jobs, people = random.gamma(2, size=(8, 3)), random.gamma(2, size=8)
    labels = np.array(groups)
    renamed = np.array([2, 0, 3, 1])[labels]
    for statistic in (specialisation(jobs, people=people), inequality(jobs[:, 0], people)):
        assert statistic(renamed) == pytest.approx(statistic(labels))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: specialisation([[1.0, np.nan]]), "complete figures"),
        (lambda: specialisation([1.0, 2.0]), "complete figures"),
        (lambda: specialisation([[1.0]], index="entropy"), "'entropy' is not krugman"),
        (lambda: inequality([1.0, -1.0], [1.0, 1.0]), "zero or more"),
        (lambda: inequality([1.0], [1.0], index="range"), "'range' is not gini"),
    ],
)
def test_what_cannot_be_computed_is_refused(build, message):
    with pytest.raises(IndicatorError, match=message):
        build()
