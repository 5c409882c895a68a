"""Proximity, relatedness density, entries and exits: by hand and against brute force."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.indicators import IndicatorError, location_quotient
from analysis.indicators.relatedness import (
    proximity,
    relatedness_density,
    specialisation_changes,
    specialised,
)

INDEX = pd.MultiIndex.from_product([[2010], ["r1", "r2", "r3", "r4"]], names=["year", "geo"])
TABLE = pd.DataFrame(
    [[1, 1, 0], [1, 1, 0], [1, 0, 1], [0, 0, 1]], index=INDEX, columns=["A", "B", "C"], dtype=float
).rename_axis(columns="industry")


def brute_proximity(table: pd.DataFrame, i: str, j: str) -> float:
    rows = [row for _, row in table.iterrows() if not row[[i, j]].isna().any()]
    both = sum(row[i] * row[j] for row in rows)
    return min(both / sum(row[i] for row in rows), both / sum(row[j] for row in rows))


def test_proximity_is_the_smaller_conditional_probability():
    result = proximity(TABLE)
    assert result.loc["A", "B"] == pytest.approx(2 / 3)  # P(B|A) = 2/3, P(A|B) = 1
    assert result.loc["A", "C"] == pytest.approx(1 / 3)
    assert result.loc["B", "C"] == 0
    assert (np.diag(result) == 0).all()


cells = st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=32, max_size=32)


@settings(max_examples=30)
@given(cells)
def test_proximity_and_density_match_brute_force(values):
    index = pd.MultiIndex.from_product([[2010], list("abcdefgh")], names=["year", "geo"])
    table = pd.DataFrame(np.reshape(values, (8, 4)), index=index, columns=list("ABCD"))
    close = proximity(table)
    density = relatedness_density(table, by=None)
    for i in "ABCD":
        for j in "ABCD":
            known = table[[i, j]].dropna()
            if i == j or known[i].sum() == 0 or known[j].sum() == 0:
                assert i == j or np.isnan(close.loc[i, j])
            else:
                assert close.loc[i, j] == pytest.approx(brute_proximity(table, i, j))
    for row in table.index:
        for i in "ABCD":
            seen = [j for j in "ABCD" if j != i and not np.isnan(table.loc[row, j])]
            weight = {j: np.nan_to_num(close.loc[i, j]) for j in seen}
            if sum(weight.values()) == 0:
                assert np.isnan(density.loc[row, i])
            else:
                having = sum(weight[j] * table.loc[row, j] for j in seen)
                assert density.loc[row, i] == pytest.approx(having / sum(weight.values()))


def test_density_ignores_the_activity_itself():
    density = relatedness_density(TABLE)
    assert density.loc[(2010, "r3"), "B"] == pytest.approx(1.0)  # A is the only one close to B
    other = TABLE.copy()
    other.loc[(2010, "r3"), "B"] = np.nan
    base = proximity(TABLE)
    same = relatedness_density(other, base=base).loc[(2010, "r3"), "B"]
    assert same == pytest.approx(relatedness_density(TABLE, base=base).loc[(2010, "r3"), "B"])


def test_each_year_has_its_own_proximity():
    later = TABLE.rename(index={2010: 2011}, level="year").replace({0.0: 1.0})
    both = pd.concat([later, TABLE])
    pd.testing.assert_frame_equal(relatedness_density(both).loc[[2010]], relatedness_density(TABLE))


def test_entries_and_exits_over_exactly_the_lag():
    index = pd.MultiIndex.from_tuples(
        [(2010, "r"), (2012, "r"), (2013, "r")], names=["year", "geo"]
    )
    table = pd.DataFrame(
        {"A": [0.0, 1.0, 1.0], "B": [1.0, 0.0, np.nan], "C": [0.0, np.nan, 0.0]}, index=index
    ).rename_axis(columns="industry")
    changes = specialisation_changes(table, lag=2).set_index(["year", "geo", "industry"])
    assert changes.index.tolist() == [(2010, "r", "A"), (2010, "r", "B")]
    assert changes.loc[(2010, "r", "A"), "entry"] == 1
    assert np.isnan(changes.loc[(2010, "r", "A"), "exit"])
    assert changes.loc[(2010, "r", "B"), "exit"] == 1
    last = specialisation_changes(table, lag=3).set_index("industry")
    assert last["entry"].to_dict() == {"A": 1.0, "C": 0.0}


def test_specialisation_is_strictly_above_the_threshold_and_unknown_stays_unknown():
    shares = pd.DataFrame({"A": [2.0, 2.0, np.nan], "B": [2.0, 2.0, 1.0]}, index=list("xyz"))
    quotients = location_quotient(shares)
    table = specialised(quotients)
    assert (table.loc[["x", "y"]] == 0).all(axis=None)
    assert table.loc["z"].isna().all()


def test_a_table_that_is_not_binary_is_refused():
    with pytest.raises(IndicatorError, match="expected 1, 0 or missing"):
        proximity(TABLE * 0.5)
    with pytest.raises(IndicatorError, match="lag: expected 1 or more"):
        specialisation_changes(TABLE, lag=0)
    with pytest.raises(IndicatorError, match="proximity is of"):
        relatedness_density(TABLE, base=pd.DataFrame(0.0, index=["X"], columns=["X"]))
