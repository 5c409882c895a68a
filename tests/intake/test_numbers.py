"""Numbers as people write them; what is not certain is not read."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.intake.decimal_sign import column_signs, decimal_evidence
from analysis.intake.numbers import EXPLAINED, Parsed, Percentage, parse_number, readings

READ = [
    # text, decimal sign of the file, value
    ("12", "", 12),
    ("007", "", 7),
    ("3,14", "", 3.14),
    ("3.14", "", 3.14),
    ("0,123", "", 0.123),
    (".5", "", 0.5),
    ("1,234", ",", 1.234),
    ("1,234", ".", 1234),
    ("1.234", ",", 1234),
    ("1.234", ".", 1.234),
    ("1.234,5", "", 1234.5),
    ("1,234.5", "", 1234.5),
    ("1.234.567", "", 1234567),
    ("1,234,567", ".", 1234567),
    ("1 234 567,8", "", 1234567.8),
    ("1\u00a0234,5", ",", 1234.5),
    ("1\u202f234", "", 1234),
    ("1\u2009234", "", 1234),
    ("1'234.5", "", 1234.5),
    ("1’234’567", "", 1234567),
    ("1234.567", "", 1234.567),
    ("(12.5)", "", -12.5),
    ("12.5-", "", -12.5),
    ("-12.5", "", -12.5),
    ("- 12.5", "", -12.5),
    ("−12,5", ",", -12.5),
    ("–12", "", -12),
    ("+3", "", 3),
    ("1e5", "", 100000),
    ("1.5E+06", "", 1500000),
    ("1,5E-3", ",", 0.0015),
    ("1.234E3", "", 1234),
    ("  12 ", "", 12),
    ("\ufeff12\u200b", "", 12),
]


@pytest.mark.parametrize(("text", "decimal", "value"), READ)
def test_a_number_is_read(text, decimal, value):
    assert parse_number(text, decimal) == Parsed(pytest.approx(value))


@pytest.mark.parametrize(
    ("text", "value", "flag"),
    [
        ("12.3 b", 12.3, "b"),
        ("12.3b", 12.3, "b"),
        ("12.3 bep", 12.3, "bep"),
        ("12 (p)", 12, "p"),
        ("12*", 12, "*"),
        (": c", None, "c"),
        (":c", None, "c"),
        (":", None, ":"),
        ("n.d.", None, "n.d."),
        ("NA", None, "NA"),
        ("N/A", None, "N/A"),
        ("nd", None, "nd"),
        ("-", None, "-"),
        ("–", None, "–"),
        ("..", None, ".."),
        ("…", None, "…"),
        ("s", None, "s"),
        ("", None, ""),
        (" \u00a0", None, ""),
    ],
)
def test_flags_are_kept_beside_or_instead_of_a_number(text, value, flag):
    assert parse_number(text, "") == Parsed(value, flag=flag)


@pytest.mark.parametrize("text", ["12,5 %", "12,5%", "12,5\u00a0%", "12,5\u202f%"])
def test_a_percent_sign_is_told_and_nothing_divided(text):
    assert parse_number(text, ",") == Parsed(12.5, percent=True)


@pytest.mark.parametrize(
    ("text", "suffix", "value"),
    [
        ("12,5 k€", "k€", 12.5),
        ("€ 12", "€", 12),
        ("-3 M€", "M€", -3),
        ("EUR 3", "EUR", 3),
        ("1 234 €", "€", 1234),
        ("12 bn", "bn", 12),
        ("12 km²", "km²", 12),
        ("12 habitants", "habitants", 12),
    ],
)
def test_a_unit_in_the_cell_is_told_apart(text, suffix, value):
    assert parse_number(text, ",") == Parsed(value, suffix=suffix, rule="number.unit")


REFUSED = [
    ("1,234", "", "number.ambiguous"),
    ("1.234", "", "number.ambiguous"),
    ("12,345 %", "", "number.ambiguous"),
    ("3,14", ".", "number.other_decimal"),
    ("3.14", ",", "number.other_decimal"),
    ("1,234.5", ",", "number.other_decimal"),
    ("12,34,567", "", "number.unreadable"),
    ("12 34", "", "number.unreadable"),
    ("1 234.567,8", "", "number.unreadable"),
    ("12.", "", "number.unreadable"),
    ("--5", "", "number.unreadable"),
    ("(-5)", "", "number.unreadable"),
    ("(5", "", "number.unreadable"),
    ("12(1)", "", "number.unreadable"),
    ("2014-2020", "", "number.unreadable"),
    ("Bretagne", "", "number.unreadable"),
    ("#REF!", "", "number.spreadsheet_error"),
    ("#DIV/0!", "", "number.spreadsheet_error"),
    ("#N/A", "", "number.spreadsheet_error"),
    ("#VALEUR!", "", "number.spreadsheet_error"),
    ("=A1*2", "", "number.formula"),
    ("inf", "", "number.not_finite"),
    ("-Infinity", "", "number.not_finite"),
    ("NaN", "", "number.not_finite"),
    ("1e999", "", "number.not_finite"),
    ("TRUE", "", "number.boolean"),
    ("vrai", "", "number.boolean"),
    ("2015-01-31", "", "number.date"),
    ("31/12/2015", "", "number.date"),
    ("1.2.2015", "", "number.date"),
    ("3-Mar", "", "number.date"),
    ("déc-15", "", "number.date"),
    ("١٢", "", "number.other_digits"),
    ("１２", "", "number.other_digits"),
    (True, "", "number.boolean"),
    (date(2015, 1, 1), "", "number.date"),
    (datetime(2015, 1, 1, 12), "", "number.date"),
    (float("nan"), "", "number.not_finite"),
    (float("-inf"), "", "number.not_finite"),
    (10**400, "", "number.not_finite"),
]


@pytest.mark.parametrize(("cell", "decimal", "rule"), REFUSED)
def test_what_is_no_certain_number_is_refused_by_its_rule(cell, decimal, rule):
    assert parse_number(cell, decimal) == Parsed(None, rule=rule)


def test_every_rule_has_words_and_an_example():
    met = {rule for _, _, rule in REFUSED} | {"number.unit"}
    assert met == set(EXPLAINED)


def test_numbers_of_a_workbook_are_taken_as_they_are():
    assert parse_number(3, "") == Parsed(3.0)
    assert parse_number(None, "") == Parsed(None)
    assert parse_number(Percentage(12.5), "") == Parsed(12.5, percent=True)


def written(number: float, decimal: str, group: str, decimals: int) -> str:
    """A number with ``group`` between thousands, as a person would write it."""
    return f"{number:,.{decimals}f}".translate({ord(","): group, ord("."): decimal})


@given(
    st.integers(-(10**12), 10**12),
    st.integers(0, 6),
    st.sampled_from([(",", " "), (",", "\u202f"), (",", "."), (".", ","), (".", "'"), (".", "")]),
)
def test_what_was_written_with_a_known_sign_is_read_back(digits, decimals, signs):
    decimal, group = signs
    number = digits / 10**decimals
    text = written(number, decimal, group, decimals)
    assert parse_number(text, decimal).value == pytest.approx(number)


@given(st.text(alphabet="0123456789,. '", max_size=12))
def test_without_a_sign_a_number_is_read_only_if_every_reading_agrees(text):
    unknown = parse_number(text, "")
    if unknown.value is not None:
        known = [parse_number(text, sign) for sign in ",."]
        assert {each.value for each in known} - {None} == {unknown.value}


@given(st.one_of(st.text(max_size=20), st.floats(), st.integers(), st.none(), st.booleans()))
def test_any_cell_is_read_or_refused_by_a_known_rule(cell):
    for decimal in ("", ",", "."):
        parsed = parse_number(cell, decimal)
        assert parsed.rule in ("", *EXPLAINED)
        assert parsed.value is None or abs(parsed.value) < float("inf")


def test_readings_of_a_thousand_or_a_fraction():
    assert [(each.decimal, each.digits) for each in readings("1,234")] == [
        ("", "1234.0"),
        (",", "1.234"),
    ]


def test_the_decimal_sign_is_settled_by_all_cells_together():
    evidence = decimal_evidence(["1,234", "3,14", "2,5", "12", 3.5, None, "Bretagne"])
    assert evidence.sign == ","
    assert evidence.sentence() == ("2 cells like 3,14 (decimal comma); 1 cell like 1,234 (either)")


@pytest.mark.parametrize(
    ("cells", "sign"),
    [
        (["1,234", "5,678"], ""),
        (["1,234", "1,234,567"], "."),
        (["1.234", "1.234.567"], ","),
        (["3,14", "3.14"], ""),
        (["01.02.2015", "1,5"], ","),
        (["12", "2015"], ""),
        (["0,123"], ","),
        (["12345,678"], ","),
        (["1 234,567"], ","),
        (["(1,5)", "12,5 %", "3,5 b"], ","),
    ],
)
def test_evidence_of_a_decimal_sign(cells, sign):
    assert decimal_evidence(cells).sign == sign


def test_a_column_with_its_own_sign_keeps_it():
    amounts, codes, whole_numbers = (
        decimal_evidence(column) for column in (["3,14"], ["10.1"], ["12"])
    )
    everything = amounts + codes + whole_numbers
    assert everything.sign == ""
    assert column_signs([amounts, codes, whole_numbers], everything) == (",", ".", "")


@given(st.lists(st.decimals(-(10**6), 10**6, allow_nan=False, places=2), min_size=1))
def test_the_fast_way_and_the_careful_way_agree(numbers):
    texts = [str(number) for number in numbers]
    assert decimal_evidence(texts).sign == "."
    assert decimal_evidence(text.replace(".", ",") for text in texts).sign == ","
    assert decimal_evidence(f" {text} " for text in texts).sign == "."
