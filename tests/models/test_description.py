"""Descriptive statistics against pandas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.models.description import summary_statistics
from analysis.models.specification import ModelError

FRAME = pd.DataFrame(
    {
        "a": [1.0, 2.0, np.nan, 4.0, 8.0],
        "b": [True, False, True, True, None],
        "c": [5, 1, 2, 2, 9],
        "text": list("vwxyz"),
        "none": [np.nan] * 5,
    }
).astype({"b": "boolean"})


def test_moments_are_those_of_pandas():
    result = summary_statistics(FRAME, variables=["a", "b", "c"])
    summary = result.details["summary"].set_index("term")
    expected = FRAME[["a", "b", "c"]].astype("Float64").astype(float).describe().T
    names = {"count": "n", "std": "sd", "25%": "p25", "50%": "median", "75%": "p75"}
    expected = expected.rename(columns=names)
    pd.testing.assert_frame_equal(summary[expected.columns], expected, check_names=False)
    assert result.row("a")["estimate"] == 3.75
    assert result.row("a")["std_error"] == pytest.approx(summary.loc["a", "sd"] / 2)
    assert (result.facts.n_obs, result.facts.n_dropped) == (5, 0)
    correlations = result.details["correlations"].set_index("term")
    assert correlations.loc["a", "c"] == pytest.approx(FRAME["a"].corr(FRAME["c"]))


def test_complete_rows_only():
    result = summary_statistics(FRAME, variables=["a", "b", "c"], complete=True)
    assert result.details["summary"]["n"].tolist() == [3, 3, 3]
    assert (result.facts.n_obs, result.facts.n_dropped) == (3, 2)


@given(st.permutations(range(5)))
def test_order_of_rows_does_not_matter(order):
    one = summary_statistics(FRAME, variables=["a", "c"])
    two = summary_statistics(FRAME.iloc[order], variables=["a", "c"])
    for name in ("summary", "correlations"):
        pd.testing.assert_frame_equal(one.details[name], two.details[name], check_exact=True)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (["d"], "no column 'd'"),
        (["text"], "'text' is str, expected numbers"),
        (["a", "none"], "nothing is known of none"),
        ([], "variables is empty"),
    ],
)
def test_refusals(variables, message):
    with pytest.raises(ModelError, match=message):
        summary_statistics(FRAME, variables=variables)
