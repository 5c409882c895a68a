"""The rules of rounding, each by example and the main one by property."""

import math
from decimal import Decimal

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from analysis.studies.agreement import (
    compare,
    read_printed,
    relative_difference,
    rounded_first,
)
from analysis.studies.errors import StudyError


@pytest.mark.parametrize(
    ("text", "decimals", "value", "unit"),
    [
        (".586", "", "0.586", "0.001"),
        ("-.0023", "4", "-0.0023", "0.0001"),
        ("−1.50", "", "-1.50", "0.01"),
        ("+2", "", "2", "1"),
        ("(0.12)", "", "0.12", "0.01"),
        ("0.45***", "", "0.45", "0.01"),
        (" 12,345.6 ", "", "12345.6", "0.1"),
        ("1,730", "0", "1730", "1"),
        ("16.6%", "", "0.166", "0.001"),
        ("1.2e-5", "", "0.000012", "0.000001"),
        ("1.1", "2", "1.1", "0.01"),
        ("1200", "-2", "1200", "100"),
    ],
)
def test_printed_texts_are_read(text, decimals, value, unit):
    printed = read_printed(text, decimals)
    assert (printed.value, printed.unit) == (Decimal(value), Decimal(unit))


@pytest.mark.parametrize(
    ("text", "decimals", "message"),
    [
        ("0,586", "", "is not a number"),
        ("n.a.", "", "is not a number"),
        ("", "", "is not a number"),
        ("nan", "", "not a finite number"),
        ("1.23", "1", "has 2 decimals, but the column decimals says 1"),
        ("1.23", "two", "decimals: 'two' is not a whole number"),
    ],
)
def test_what_is_no_number_is_refused(text, decimals, message):
    with pytest.raises(StudyError, match=message):
        read_printed(text, decimals)


@pytest.mark.parametrize(
    ("text", "computed", "verdict"),
    [
        (".45", 0.445, "exact"),  # half up
        (".44", 0.445, "exact"),  # half to even
        (".45", 0.455, "last_digit"),
        (".46", 0.455, "exact"),
        (".28", 0.285, "exact"),  # a tie in decimal digits, though 0.285 is a little less in binary
        (".29", 0.1 + 0.185, "exact"),
        ("-1.50", -1.4951, "exact"),
        ("1.50", -1.4951, "different"),
        (".446", 0.4449, "last_digit"),
        (".447", 0.4449, "different"),
        ("16.6%", 0.16634, "exact"),
        ("1730", 1730.0, "exact"),
        ("1730", 1731.0, "last_digit"),
        ("1200", 1231.0, "different"),
        ("0.00", -0.003, "exact"),
        ("-0.00", -0.003, "exact"),
        ("-0.00", 0.003, "last_digit"),
        ("1.0", math.nan, "different"),
        ("1.0", math.inf, "different"),
    ],
)
def test_verdicts(text, computed, verdict):
    assert compare(read_printed(text), computed) == verdict


def test_a_number_rounded_to_hundreds_is_compared_with_hundreds():
    assert compare(read_printed("1200", "-2"), 1231.0) == "exact"
    assert compare(read_printed("1200", "-2"), 1251.0) == "last_digit"


@example(0.25, 2)
@given(st.floats(-1e9, 1e9), st.integers(0, 9))
def test_a_number_printed_by_python_is_exact_and_one_unit_off_is_not(number, decimals):
    text = f"{number:.{decimals}f}"
    printed = read_printed(text)
    # Printing takes every bit of the number, comparing twelve digits of it: a tie of decimal digits
    # is none in binary.
    assume(abs(Decimal(f"{number:.11e}")).scaleb(decimals) % 1 != Decimal("0.5"))
    if abs(printed.value) < 10 ** (10 - decimals):
        assert compare(printed, number) == "exact"
        assert compare(printed, float(printed.value + printed.unit)) == "last_digit"
        assert compare(printed, float(printed.value + 2 * printed.unit)) == "different"


def test_relative_difference_is_of_the_printed_number():
    assert relative_difference(read_printed("-2.0"), -2.1) == pytest.approx(-0.05)
    assert relative_difference(read_printed("0.0"), 0.1) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("text", "computed", "decimals", "scale"),
    [
        ("-.0000000070", -6.946e-9, 11, 1),  # -6.95e-9 on the screen
        ("17.40", 17.3532, 3, 100),  # 0.174 in the table
        ("17.40%", 0.173532, 3, 1),
        ("0.35", 0.3446, 3, 1),
        ("-0.35", -0.3446, 3, -1),
        ("1.2", 1.1499, 0, 0.01),  # from 114.99 rounded to 115.0
    ],
)
def test_a_number_may_have_been_rounded_before(text, computed, decimals, scale):
    printed = read_printed(text)
    assert compare(printed, computed) != "exact"
    assert compare(printed, rounded_first(computed, decimals, scale, printed)) == "exact"


@pytest.mark.parametrize(
    ("text", "decimals", "scale", "message"),
    [
        ("17.40", 2, 100, "2 decimals does not explain this print, which has 4"),
        ("17.40", 4, 100, "allowed are 5, and 3"),  # no rounding at all
        ("17.41", 3, 100, "3 decimals does not explain"),  # no zero at the end
        ("17.40", 1, 1, "1 decimals does not explain"),  # nothing was scaled
        ("17.40", 0, 1, "0 decimals does not explain"),
        ("17.40", 5, 1, "5 decimals does not explain"),
        ("17.40", 3, 50, "power of ten, not 50"),
    ],
)
def test_rounding_twice_cannot_bring_a_number_near(text, decimals, scale, message):
    with pytest.raises(StudyError, match=message):
        rounded_first(17.36, decimals, scale, read_printed(text))


@given(st.decimals("-999", "999", places=3), st.floats(-0.01, 0.01))
def test_a_digit_more_moves_the_boundary_by_a_twentieth_of_the_last(value, away):
    printed = read_printed(str(value))
    computed = float(value) + away
    verdict = compare(printed, rounded_first(computed, 4, 1, printed))
    if abs(away) > 0.00055001:
        assert verdict != "exact"
    if abs(away) < 0.00044999:
        assert verdict == "exact"


def test_rounding_a_missing_number_leaves_it_missing():
    assert math.isnan(rounded_first(math.nan, 2, 1, read_printed("0.5")))
