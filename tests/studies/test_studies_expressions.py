"""The language of derived variables: what it computes and what it refuses."""

import ast
import string

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.studies.expressions import (
    FUNCTIONS,
    ExpressionError,
    Panel,
    condition,
    evaluate,
)

FRAME = pd.DataFrame(
    {
        "unit": ["a", "a", "a", "b", "b"],
        "year": [2001, 2002, 2004, 2001, 2002],
        "x": [1.0, 2.0, 4.0, np.nan, -3.0],
        "flag": [True, False, True, True, False],
        "gdp per head": [10, 20, 30, 40, 50],
        "text": ["n", None, "y", "y", "n"],
    }
)
PANEL = Panel("unit", "year")
NAN = np.nan


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("x + 1", [2, 3, 5, NAN, -2]),
        ("2 * x ^ 2", [2, 8, 32, NAN, 18]),
        ("-x ** 2", [-1, -4, -16, NAN, -9]),
        ("7 % 4 + 0 * year", [3] * 5),
        ("log(`gdp per head` / 10)", np.log([1, 2, 3, 4, 5])),
        ("log(x)", [0, np.log(2), np.log(4), NAN, NAN]),
        ("log(0 * year)", [-np.inf] * 5),
        ("indicator(x > 1)", [0, 1, 1, NAN, 0]),
        ("indicator(not x > 1)", [1, 0, 0, NAN, 1]),
        ("indicator(1 < x <= 4)", [0, 1, 1, NAN, 0]),
        ('indicator(text == "y")', [0, NAN, 1, 1, 0]),
        ('indicator(isin(text, ["y", "z"]))', [0, NAN, 1, 1, 0]),
        ("indicator(isin(year, [2001, 2004]))", [1, 0, 1, 1, 0]),
        ("indicator(missing(x))", [0, 0, 0, 1, 0]),
        ("run(flag, order=[unit, year])", [1, 2, 3, 3, 4]),
        ("run(unit, order=[year, unit])", [1, 3, 5, 2, 4]),
        ("run(x, order=`gdp per head`)", [1, 2, 3, NAN, 4]),
        ("run(text, order=-`gdp per head`)", [3, NAN, 2, 2, 1]),
        ("where(x > 1, x, 0)", [0, 2, 4, NAN, 0]),
        ("where(flag, 1, -1)", [1, -1, 1, 1, -1]),
        ("flag * 2", [2, 0, 2, 2, 0]),
        ("flag and x > 0", [1, 0, 1, NAN, 0]),
        ("flag or x > 0", [1, 1, 1, 1, 0]),
        ("min(x, 2)", [1, 2, 2, NAN, -3]),
        ("max(x, 2, year - 2000)", [2, 2, 4, NAN, 2]),
        ("lag(x)", [NAN, 1, NAN, NAN, NAN]),
        ("lag(x, 2)", [NAN, NAN, 2, NAN, NAN]),
        ("lead(x)", [2, NAN, NAN, -3, NAN]),
        ("diff(x)", [NAN, 1, NAN, NAN, NAN]),
        ("diff(x, 3)", [NAN, NAN, 3, NAN, NAN]),
        ("mean(x)", [1.0] * 5),
        ("mean(x, by=unit)", [7 / 3] * 3 + [-3, -3]),
        ("sum(x, by=[unit, year])", [1, 2, 4, NAN, -3]),
        ("count(x, by=unit)", [3, 3, 3, 1, 1]),
        ("highest(x, by=unit)", [4, 4, 4, -3, -3]),
        ("sd(x, by=unit)", [np.std([1, 2, 4], ddof=1)] * 3 + [NAN, NAN]),
        ("rank(x)", [2, 3, 4, NAN, 1]),
        ("rank(x, by=unit)", [1, 2, 3, NAN, 1]),
        ("group(unit, year)", [1, 2, 3, 4, 5]),
        ("mean(x, by=text)", [-1, NAN, 4, 4, -1]),
        ("true", [1] * 5),
    ],
)
def test_values(expression, expected):
    value = evaluate(expression, FRAME, PANEL).to_numpy(dtype=float, na_value=np.nan)
    np.testing.assert_allclose(value, np.asarray(expected, dtype=float))


def test_a_missing_value_is_never_in_a_sample():
    assert condition("x > 1", FRAME).tolist() == [False, True, True, False, False]
    assert condition("not x > 1", FRAME).tolist() == [True, False, False, False, True]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("x +", "cannot read 'x \\+'"),
        ("y + 1", "no column 'y' at character 1"),
        ("x + yaer", "no column 'yaer'; did you mean year\\? at character 5 of 'x \\+ yaer'"),
        ("x ^ 2 + yaer", "at character 9 of"),
        ("x.__class__", "not part of the language \\(attribute\\)"),
        ("__import__('os')", "__import__ is not a function; there are abs"),
        ("(lambda: 1)()", "not a function"),
        ("[x for x in year]", "not part of the language \\(listcomp\\)"),
        ("x[0]", "not part of the language \\(subscript\\)"),
        ("x if flag else 0", "not part of the language \\(ifexp\\)"),
        ("f'{x}'", "not part of the language"),
        ("x // 2", "only \\+ - \\* /"),
        ("x in [1]", "write isin"),
        ("text + 1", "expected numbers, got text"),
        ("text == 1", "cannot compare text with numbers"),
        ('year == "2001"', "cannot compare numbers with text"),
        ('isin(year, ["2001"])', "the column holds numbers and the list something else"),
        ("x and flag", "expected a condition, got numbers"),
        ("indicator(x)", "expected a condition such as"),
        ("log(x, 10)", "log takes 1 arguments, not 2"),
        ("mean(x, over=unit)", "mean takes no over=; allowed: by"),
        ("lag(x, 1.5)", "whole number of periods"),
        ("[1, 2]", "a list is no value"),
        ("None", "is no value"),
        ("number(text)", "'n' is not a number"),
        ("", "an expression is expected"),
        ("x" * 3000, "at most 2000"),
        ("(" * 500 + "x" + ")" * 500, "cannot read"),
        ("9" * 400, "number too large"),
    ],
)
def test_refusals_name_the_place(expression, message):
    with pytest.raises(ExpressionError, match=message):
        evaluate(expression, FRAME, PANEL)


def test_lag_needs_a_panel_with_one_row_per_unit_and_time():
    with pytest.raises(ExpressionError, match="needs to know the panel"):
        evaluate("lag(x)", FRAME)
    with pytest.raises(ExpressionError, match="unit a has more than one row for time 2001"):
        evaluate("lag(x)", pd.concat([FRAME, FRAME]).reset_index(drop=True), PANEL)


def test_a_sample_must_be_a_condition():
    with pytest.raises(ExpressionError, match="expected a condition such as year == 1991"):
        condition("x", FRAME)


def test_large_powers_end_at_once():
    assert np.isinf(evaluate("9 ** 9 ** 9 ** 9", FRAME)).all()


@given(st.permutations(range(5)))
def test_the_order_of_rows_does_not_matter(order):
    for expression in ("lag(x)", "mean(x, by=unit)", "rank(x)", "group(unit, year)", "x > 1"):
        value = evaluate(expression, FRAME, PANEL)
        shuffled = evaluate(expression, FRAME.iloc[order], PANEL)
        pd.testing.assert_series_equal(shuffled.sort_index(), value, check_names=False)


WORDS = st.sampled_from(
    [
        *("x", "year", "unit", "text", "flag", *FUNCTIONS, "and", "or", "not", "(", ")", "[", "]"),
        *("**", "==", "by=", "1", "2.5", "lambda", "import", "__class__", " "),
        *"+-*/%^<>=,.:'\"`",
    ]
)


@given(st.one_of(st.text(string.printable, max_size=40), st.lists(WORDS, max_size=14).map("".join)))
def test_any_text_gives_a_value_or_an_error_of_this_room(text):
    try:
        value = evaluate(text, FRAME, PANEL)
    except ExpressionError:
        return
    assert isinstance(value, pd.Series) and len(value) == 5


@given(st.lists(WORDS, max_size=10).map(" ".join))
def test_only_listed_syntax_is_ever_evaluated(text):
    """Whatever is evaluated is made of nothing but the nodes the language has."""
    try:
        evaluate(text, FRAME, PANEL)
    except ExpressionError:
        return
    allowed = (
        *(ast.Expression, ast.Constant, ast.Name, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare),
        *(ast.List, ast.Tuple, ast.Call, ast.keyword, ast.Load),
        *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
    )
    tree = ast.parse(text.strip().replace("^", "**").replace("`", ""), mode="eval")
    assert all(isinstance(node, allowed) for node in ast.walk(tree))
