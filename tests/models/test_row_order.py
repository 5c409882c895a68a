"""Codes equal those of pandas, and the order of rows that of a sort by every column."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.models.row_order import canonical_order, consecutive, level_codes

whole = st.lists(st.integers(-5, 40), min_size=1, max_size=60)


@given(values=whole, kind=st.sampled_from(["int8", "int64", "uint16", "float64", "str"]))
def test_codes_are_places_among_the_sorted_levels(values, kind):
    array = np.abs(values).astype(kind) if kind == "uint16" else np.array(values).astype(kind)
    codes = level_codes(array)
    assert codes.dtype == np.int64
    np.testing.assert_array_equal(codes, np.unique(array, return_inverse=True)[1])


def test_codes_of_numbers_far_apart():
    values = np.array([2**62, -(2**62), 0, 2**62])
    np.testing.assert_array_equal(level_codes(values), [2, 0, 1, 2])
    np.testing.assert_array_equal(level_codes(pd.Series(["b", "a", "b"]).to_numpy()), [1, 0, 1])


def test_consecutive():
    np.testing.assert_array_equal(consecutive(np.array([7, 3, 3, 0])), [2, 1, 1, 0])
    assert len(consecutive(np.array([], dtype=np.int64))) == 0


@given(seed=st.integers(0, 2**32 - 1), n_codes=st.integers(0, 3), levels=st.integers(1, 50))
def test_rows_are_sorted_by_codes_and_then_values(seed, n_codes, levels):
    random = np.random.default_rng(seed)
    codes = [random.integers(0, levels, 30) for _ in range(n_codes)]
    values = [random.integers(0, 4, 30).astype(float), random.normal(size=30)]
    expected = np.lexsort([*codes, *values][::-1])
    order = canonical_order(codes, values)
    np.testing.assert_array_equal(expected, np.arange(30) if order is None else order)


@pytest.mark.parametrize("repeat", [1, 2])
def test_rows_in_order_stay_where_they_are(repeat):
    unit, year = np.divmod(np.arange(20), 5)
    assert canonical_order([unit, year] * repeat, [np.zeros(20)]) is None


def test_too_many_levels_for_one_key():
    codes = [np.array([2**40, 0]), np.array([1, 2**40])]
    np.testing.assert_array_equal(canonical_order(codes, []), [1, 0])
