"""Formulas, factors and interactions: the columns they stand for."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.studies.errors import StudyError
from analysis.studies.terms import Expansion, expand_terms, formula_arguments, split

FRAME = pd.DataFrame(
    {
        "x": [1.0, 2.0, 3.0, 4.0, 5.0, 7.0],
        "g": ["a", "b", "c", "a", "b", "c"],
        "h": [1, 1, 1, 2, 2, 2],
    }
)
ALL = pd.Series(True, index=FRAME.index)


def columns(*terms: str, intercept: bool = True, complete: pd.Series = ALL) -> dict[str, list]:
    expansion = Expansion(FRAME, None)
    names = expand_terms({"regressors": terms}, expansion, complete, intercept)["regressors"]
    return {name: expansion.added[name].tolist() for name in names}


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("y ~ x + log(z)", {"outcome": "y", "regressors": ["x", "log(z)"]}),
        ("log(y) ~ 1", {"outcome": "log(y)", "regressors": []}),
        ("y ~ x - 1", {"outcome": "y", "regressors": ["x"], "intercept": False}),
        ("y ~ 0 + x", {"outcome": "y", "regressors": ["x"], "intercept": False}),
        (
            "y ~ factor(t, base=-1) | unit + t",
            {"outcome": "y", "regressors": ["factor(t, base=-1)"], "absorb": ["unit", "t"]},
        ),
        (
            "y ~ x | unit | d + e ~ z1 + z2",
            {
                "outcome": "y",
                "regressors": ["x"],
                "absorb": ["unit"],
                "endogenous": ["d", "e"],
                "instruments": ["z1", "z2"],
            },
        ),
        (
            "y ~ 1 | d ~ z",
            {"outcome": "y", "regressors": [], "endogenous": ["d"], "instruments": ["z"]},
        ),
        ("a - b ~ (x + z) + `1 | 2`", {"outcome": "a - b", "regressors": ["(x + z)", "`1 | 2`"]}),
    ],
)
def test_formulas(formula, expected):
    assert formula_arguments(formula) == expected


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("y", "begins with outcome ~ regressors"),
        ("y ~ x ~ z", "begins with outcome ~ regressors"),
        ("y ~ x + + z", "a term is missing"),
        ("y ~ a * b", "can be read in two ways; write a \\+ b \\+ a:b"),
        ("y ~ a ** 2 * b", "can be read in two ways"),
        ("y ~ a - b", "can be read in two ways; write \\(a - b\\)"),
        ("y ~ x | u | v", "expected outcome ~ x"),
        ("y ~ log(x", "is not closed"),
    ],
)
def test_formulas_that_are_refused(formula, message):
    with pytest.raises(StudyError, match=message):
        formula_arguments(formula)


def test_a_factor_leaves_its_first_level_out_beside_an_intercept():
    assert list(columns("factor(g)")) == ["factor(g)[b]", "factor(g)[c]"]
    assert columns("factor(g)")["factor(g)[b]"] == [0, 1, 0, 0, 1, 0]
    assert list(columns('factor(g, base="c")')) == ["factor(g)[a]", "factor(g)[b]"]
    assert list(columns("factor(h, base=2)")) == ["factor(h)[1]"]


def test_without_an_intercept_the_first_factor_keeps_every_level():
    names = list(columns("factor(h)", "factor(g)", intercept=False))
    assert names == ["factor(h)[1]", "factor(h)[2]", "factor(g)[b]", "factor(g)[c]"]


def test_an_interaction_drops_a_level_only_when_its_margin_is_there():
    assert list(columns("factor(h):x")) == ["factor(h)[1]:x", "factor(h)[2]:x"]
    assert list(columns("x", "factor(h):x")) == ["x", "factor(h)[2]:x"]
    both = list(columns("factor(g)", "factor(h)", "factor(g):factor(h)"))
    assert both[3:] == ["factor(g)[b]:factor(h)[2]", "factor(g)[c]:factor(h)[2]"]
    based = list(columns("factor(h, base=1):x"))
    assert based == ["factor(h)[2]:x"]
    assert columns("x:h")["x:h"] == [1, 2, 3, 8, 10, 14]


def test_levels_are_those_of_complete_rows():
    complete = pd.Series([True, True, False, True, True, False])
    assert list(columns("factor(g)", complete=complete)) == ["factor(g)[b]"]


@pytest.mark.parametrize(
    ("term", "message"),
    [
        ("g", "is text, expected numbers; write factor\\(g\\)"),
        ('factor(g, base="z")', "the base is none of the levels a, b, c"),
        ("factor(g, lowest=1)", "write factor\\(x\\) or factor\\(x, base=level\\)"),
        ("factor(0 * x)", "has 1 levels"),
        ("log(q)", "no column 'q'"),
    ],
)
def test_terms_that_are_refused(term, message):
    with pytest.raises(StudyError, match=message):
        columns(term)


@given(st.lists(st.sampled_from("ab(c)[d]'e'`f`+"), max_size=20).map("".join))
def test_parts_joined_again_are_the_text(text):
    try:
        parts = split(text, "+")
    except StudyError:
        return
    assert "+".join(parts) == text


@given(st.permutations(["x", "factor(g)", "factor(h)"]))
def test_terms_span_the_same_space_in_any_order(order):
    matrix = np.column_stack([np.ones(6), *columns(*order).values()])
    assert matrix.shape[1] == 5
    assert np.linalg.matrix_rank(matrix) == 5
