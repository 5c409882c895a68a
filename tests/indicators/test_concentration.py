"""Indices against hand-worked values, and the identities that define them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis import CompendiumError
from analysis.indicators import (
    IndicatorError,
    activity_table,
    entropy,
    gini,
    herfindahl,
    krugman_specialisation,
    location_quotient,
    locational_gini,
    theil,
)

some = settings(max_examples=15)
positive = st.floats(0.01, 1e6)
tables = arrays(float, st.tuples(st.integers(2, 8), st.integers(2, 6)), elements=positive)
vectors = st.integers(2, 30).flatmap(lambda n: arrays(float, n, elements=positive))


@pytest.fixture()
def activity() -> pd.DataFrame:
    """Two years, three regions, two industries; numbers small enough to work out by hand."""
    index = pd.MultiIndex.from_product([[2008, 2009], ["A", "B", "C"]], names=["year", "geo"])
    values = [[10.0, 30.0], [20.0, 20.0], [30.0, 10.0], [0.0, 40.0], [40.0, 0.0], [10.0, 10.0]]
    return pd.DataFrame(values, index=index, columns=pd.Index(["F", "M"], name="industry"))


def test_activity_table_sorts_and_keeps_missing_apart_from_zero():
    rows = [("B", 2008, "M", 0), ("A", 2008, "M", 3), ("A", 2008, "F", 1)]
    frame = pd.DataFrame(rows, columns=["geo", "year", "industry", "jobs"])
    table = activity_table(frame, value="jobs")
    assert table.index.tolist() == [(2008, "A"), (2008, "B")]
    assert table.loc[(2008, "B"), "M"] == 0
    assert np.isnan(table.loc[(2008, "B"), "F"])
    with pytest.raises(IndicatorError, match=r"more than one figure of 'jobs' for .*'geo': 'A'"):
        activity_table(pd.concat([frame, frame.iloc[1:2]]), value="jobs")


def test_values_worked_by_hand(activity):
    quotients = location_quotient(activity, by="year")
    assert quotients.loc[(2008, "A")].tolist() == [0.5, 1.5]
    # 2009: reference shares are 0.5 and 0.5 again
    assert quotients.loc[(2009, "B")].tolist() == [2.0, 0.0]
    assert krugman_specialisation(activity, by="year").tolist() == [0.5, 0, 0.5, 1, 1, 0]
    assert herfindahl(activity).tolist() == [0.625, 0.5, 0.625, 1, 1, 0.5]
    np.testing.assert_allclose(entropy(activity).iloc[[1, 3]], [np.log(2), 0])
    ginis = locational_gini(activity, by="year")
    assert ginis.index.tolist() == [2008, 2009]
    # Lorenz curve of F in 2008 through (1/3, 1/6), (2/3, 1/2), (1, 1)
    assert ginis.loc[2008, "F"] == pytest.approx(2 / 9)


def test_incomplete_rows(activity):
    holes = activity.copy()
    holes.loc[(2008, "A"), "F"] = np.nan
    dropped = location_quotient(holes, by="year")
    assert dropped.loc[(2008, "A")].isna().all()
    assert dropped.loc[(2008, "B")].tolist() == pytest.approx([0.5 / 0.625, 0.5 / 0.375])
    assert np.isnan(herfindahl(holes).iloc[0]) and np.isnan(entropy(holes).iloc[0])
    assert np.isnan(krugman_specialisation(holes, by="year").iloc[0])
    kept = location_quotient(holes, by="year", incomplete="keep")
    assert kept.loc[(2008, "A"), "M"] == pytest.approx(1 / (60 / 110))
    pd.testing.assert_frame_equal(dropped.loc[[2009]], location_quotient(activity.loc[[2009]]))


def test_refused():
    table = pd.DataFrame({"F": [1.0, -1.0], "M": [1.0, 1.0]}, index=["A", "B"])
    with pytest.raises(IndicatorError, match="negative figures in row B"):
        herfindahl(table)
    with pytest.raises(IndicatorError, match="'guess' is not one of drop, keep"):
        herfindahl(table.abs(), incomplete="guess")
    with pytest.raises(IndicatorError, match="values and weights must be zero or more"):
        gini([1.0, -2.0])
    with pytest.raises(IndicatorError, match="must be equally long"):
        gini([1.0, 2.0], [1.0])
    with pytest.raises(IndicatorError, match="no positive value"):
        theil([0.0, 0.0])
    assert issubclass(IndicatorError, CompendiumError)


@given(values=tables)
@some
def test_quotients_average_to_one(values):
    table = pd.DataFrame(values)
    quotients = location_quotient(table)
    by_region = quotients.mul(table.sum(axis=1), axis=0).sum() / values.sum()
    np.testing.assert_allclose(by_region, 1, rtol=1e-9)
    by_industry = quotients.mul(table.sum(), axis=1).sum(axis=1) / values.sum()
    np.testing.assert_allclose(by_industry, 1, rtol=1e-9)


@given(values=tables, factor=st.floats(1e-3, 1e3))
@some
def test_units_do_not_matter(values, factor):
    table, scaled = pd.DataFrame(values), pd.DataFrame(values * factor)
    for index in (location_quotient, krugman_specialisation, herfindahl, entropy, locational_gini):
        np.testing.assert_allclose(index(table), index(scaled), rtol=1e-7, atol=1e-9)


@given(values=tables, seed=st.integers(0, 1000))
@some
def test_order_does_not_matter(values, seed):
    table = pd.DataFrame(values)
    shuffled = table.sample(frac=1, random_state=seed).sample(frac=1, axis=1, random_state=seed)
    for index in (location_quotient, krugman_specialisation, herfindahl, entropy, locational_gini):
        result, other = index(table), index(shuffled)
        np.testing.assert_allclose(result, other.reindex_like(result), rtol=1e-9, atol=1e-12)


@given(values=tables)
@some
def test_bounds(values):
    table = pd.DataFrame(values)
    industries = table.shape[1]
    assert krugman_specialisation(table).between(0, 2).all()
    assert herfindahl(table).between(1 / industries - 1e-12, 1 + 1e-12).all()
    assert entropy(table).between(0, np.log(industries) + 1e-12).all()
    assert locational_gini(table).between(0, 1, inclusive="left").all()


@given(values=vectors)
@some
def test_gini_is_half_the_relative_mean_difference(values):
    expected = np.abs(values[:, None] - values).mean() / (2 * values.mean())
    assert gini(values) == pytest.approx(expected, abs=1e-9)
    assert 0 <= gini(values) < 1


@given(values=vectors, factor=st.floats(1e-3, 1e3))
@some
def test_gini_invariances(values, factor):
    assert gini(values * factor) == pytest.approx(gini(values), abs=1e-9)
    assert gini(values[::-1]) == gini(values)
    assert gini(np.repeat(values, 3)) == pytest.approx(gini(values), abs=1e-9)
    assert gini(values, np.full(len(values), 3.0)) == pytest.approx(gini(values), abs=1e-9)
    assert gini(np.full(5, factor)) == pytest.approx(0, abs=1e-12)


def test_gini_of_nothing_is_missing():
    assert np.isnan(gini([])) and np.isnan(gini([0.0, 0.0])) and np.isnan(gini([np.nan]))
    assert gini([1.0, np.nan, 3.0]) == gini([1.0, 3.0])


@given(values=vectors, seed=st.integers(0, 1000))
@some
def test_theil_adds_up(values, seed):
    random = np.random.default_rng(seed)
    weights = random.uniform(0.1, 5, len(values))
    groups = random.choice(["DE", "FR", "PL"], len(values))
    result = theil(values, weights, groups)
    assert result.total == pytest.approx(result.between + result.within, abs=1e-9)
    assert result.groups["share"].sum() == pytest.approx(1)
    assert -1e-12 <= result.between <= result.total + 1e-9
    means = (
        pd.Series(values * weights).groupby(groups).sum() / pd.Series(weights).groupby(groups).sum()
    )
    merged = theil(means[groups].to_numpy(), weights)
    assert merged.total == pytest.approx(result.between, abs=1e-9)


def test_theil_by_hand():
    result = theil([1.0, 3.0], groups=["a", "b"])
    expected = 0.25 * np.log(0.5) + 0.75 * np.log(1.5)
    assert result.total == pytest.approx(expected) == result.between
    assert theil([0.0, 2.0]).total == pytest.approx(np.log(2))
    assert theil([5.0, 5.0, np.nan]).total == 0
