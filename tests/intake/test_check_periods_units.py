"""Years and units as people write them."""

from datetime import date

import pytest

from analysis.intake.periods import Period, parse_period
from analysis.intake.units import parse_unit, unit_in_header, unit_in_lines


@pytest.mark.parametrize(
    "cell", [2015, 2015.0, "2015", " 2015 ", "Année 2015", "Jahr 2015", "2015.0"]
)
def test_a_year_in_all_its_forms(cell):
    assert parse_period(cell) == Period(2015)


@pytest.mark.parametrize(
    "cell, form, last",
    [
        ("2015Q1", "part", None), ("2015-S1", "part", None), ("T3 2015", "part", None),
        ("2015-06", "part", None), ("2015M06", "part", None), (date(2015, 6, 1), "date", None),
        ("01/06/2015", "date", None), ("2015-06-01", "date", None), ("06.01.2015", "date", None),
        ("13/06/2015", "date", None), ("2015-06-01 00:00:00", "date", None),
        (20150613, "date", None), ("20150613", "date", None), (42005, "serial", None),
        ("42005", "serial", None), ("2015-2020", "range", 2020), ("2015-16", "range", 2016),
        ("2015/2020", "range", 2020), ("2015–2020", "range", 2020), ("2015 à 2020", "range", 2020),
    ],
)  # fmt: skip
def test_parts_dates_day_numbers_and_ranges_are_told_apart(cell, form, last):
    period = parse_period(cell)
    assert (period.year, period.form, period.last, period.rule) == (2015, form, last, "")


@pytest.mark.parametrize(
    "cell, part, parts",
    [
        ("2015Q1", 1, 4), ("T3 2015", 3, 4), ("2015-S2", 2, 2), ("2015-H1", 1, 2),
        ("2015-06", 6, 12), ("2015M12", 12, 12), ("2015M6", 6, 12), ("2015", 0, 0),
    ],
)  # fmt: skip
def test_which_part_of_a_year_it_is(cell, part, parts):
    period = parse_period(cell)
    assert (period.part, period.parts) == (part, parts)


@pytest.mark.parametrize(
    "cell, rule",
    [
        ("15", "two-digits"), (15, "two-digits"), ("1215", "out-of-range"), (3015, "out-of-range"),
        ("2020-2014", "out-of-range"), ("soon", "unreadable"), (True, "unreadable"),
        (None, "unreadable"), (float("nan"), "unreadable"), (2015.5, "unreadable"),
        ("31/02/2015", "unreadable"),
        (20150231, "unreadable"), ("12345678", "unreadable"), ("30150613", "out-of-range"),
        ("2015 2016", "unreadable"), ("٢٠١٥", "unreadable"),
        ("9" * 40, "unreadable"), (1e300, "unreadable"),
    ],
)  # fmt: skip
def test_what_is_no_year_says_why(cell, rule):
    period = parse_period(cell)
    assert (period.year, period.rule) == (None, f"year.{rule}")


@pytest.mark.parametrize(
    "text, name, kind, factor",
    [
        ("EUR", "EUR", "money", 1), ("k€", "EUR", "money", 1e3), ("K€", "EUR", "money", 1e3),
        ("Millions d’euros", "EUR", "money", 1e6), ("MIO_EUR", "EUR", "money", 1e6),
        ("Mrd. €", "EUR", "money", 1e9), ("Tsd. Euro", "EUR", "money", 1e3), ("%", "PC", "rate", 1),
        ("% du PIB", "PC_GDP", "rate", 1), ("% of GDP", "PC_GDP", "rate", 1),
        ("milliers", "NR", "count", 1e3), ("ETP", "FTE", "count", 1), ("jobs", "PERS", "count", 1),
        ("€/hab.", "EUR_HAB", "rate", 1), ("par million d'habitants", "P_MHAB", "rate", 1),
        ("2015=100", "I15", "index", 1),
    ],
)  # fmt: skip
def test_units_in_three_languages(text, name, kind, factor):
    unit = parse_unit(text)
    assert unit is not None
    assert (unit.name, unit.kind, unit.factor) == (name, kind, factor)


@pytest.mark.parametrize(
    "header, unit",
    [
        ("Montant (k€)", "k€"), ("Dépenses en M€", "M€"), ("amount_eur", "eur"),
        ("Taux de chômage (%)", "%"), ("DIRD en % du PIB", "% du PIB"),
        ("Emplois (milliers)", "milliers"), ("Nombre de brevets", "number"), ("Aide (USD)", "USD"),
        # Nothing is announced in these: the last word is what is counted or who spends.
        ("Dépenses des entreprises", ""), ("Part des emplois", ""), ("Valeur", ""), ("Montant", ""),
        ("cluster_share", ""), ("Aides par région (€)", "€"), ("GDP Mio EUR", "Mio EUR"),
        ("Spesa (mila euro)", "mila euro"), ("gdp_mio_eur", "mio_eur"),
    ],
)  # fmt: skip
def test_the_unit_of_a_header(header, unit):
    assert unit_in_header(header) == unit


@pytest.mark.parametrize(
    "header, unit",
    [
        ("Spesa (decine di migliaia di euro)", "decine di migliaia di euro"),
        ("Ausgaben (in 1.000 Euro)", "in 1.000 Euro"), ("Wydatki [mln zł]", "mln zł"),
        ("Budget in ten thousands of euros", "Budget in ten thousands of euros"),
        ("GERD (EUR, thousands)", "EUR, thousands"), ("Numero di addetti (migliaia)", "migliaia"),
        ("Montant par habitant (€)", "Montant par habitant (€)"),
        ("R&D (kEUR) per head", "R&D (kEUR) per head"),
        ("Nombre de brevets par million d'habitants", "Nombre de brevets par million d'habitants"),
    ],
)  # fmt: skip
def test_part_of_a_unit_is_not_taken_for_the_unit(header, unit):
    assert unit_in_header(header) == unit
    assert parse_unit(unit) is None, "so the file is refused until the unit is said"


def test_the_unit_of_the_lines_above():
    assert unit_in_lines(("Aides aux pôles, en millions d'euros",)) == ["en millions d'euros"]
    assert unit_in_lines(("Unité : %", "Source : Eurostat")) == ["%"]
    assert unit_in_lines(("Entreprises", "Emplois par région")) == []
