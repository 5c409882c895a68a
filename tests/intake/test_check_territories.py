"""Territories by code and by name, in every version and in the habits of three languages."""

import pandas as pd
import pytest

from analysis.intake.declaration import Declaration
from analysis.intake.gazetteer import FRENCH_SCHEMES, gazetteer
from analysis.intake.territories import resolve
from analysis.intake.versions import assign_versions
from analysis.intake.words import declared, plain
from analysis.sources.territories import VERSIONS, version_of_codes


def understood(labels, header="Région", **said):
    found = resolve(labels, header, Declaration.model_validate(said), gazetteer()).by_label
    return {
        label: (each.places[0].version, each.places[0].code) if each.places else each.rule
        for label, each in found.items()
    }


def versions_of(codes, years=None, declared_version=""):
    found = resolve(codes, "geo", Declaration(), gazetteer()).by_label
    cells = pd.DataFrame({"geo": codes, "year": years or [2015] * len(codes), "value": 1.0})
    return assign_versions(cells, found, gazetteer(), declared_version, "f.csv")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_nuts_2_code_is_recognised_with_its_version(version):
    lists = gazetteer().code_lists
    codes = sorted(code for code in lists[version] if len(code) == 4)
    assert len(codes) > 290
    found = versions_of(codes)
    assert set(found.frame["nuts_level"]) == {2}
    assert not found.problems
    for country in sorted({code[:2] for code in codes}):
        mine = [code for code in codes if code[:2] == country]
        given = set(found.frame.loc[found.frame["geo"].isin(mine), "geo_version"])
        assert len(given) == 1
        # Where the country's codes were the same in several versions, any of these is right.
        assert set(mine) <= lists[given.pop()], country


@pytest.mark.parametrize("version", VERSIONS)
def test_the_version_of_a_whole_file_is_said(version):
    codes = sorted(code for code in gazetteer().code_lists[version] if len(code) == 4)
    found = versions_of(codes)
    assert found.version == version_of_codes(codes, "2013", gazetteer().code_lists) == version
    assert found.evidence[0].startswith((f"{len(codes)} of {len(codes)} codes", "all "))


def test_a_country_on_another_version_is_said():
    found = versions_of(["FR10", "FR21", "FR22", "PL91", "PL92"])
    assert found.version == "2013"
    assert found.evidence == (
        "3 of 5 codes belong to NUTS 2013",
        "2 of NUTS 2016 only (PL: PL91, PL92)",
    )
    assert not found.problems


def test_versions_that_follow_each_other_by_year_raise_no_question():
    found = versions_of(["FR21", "FR22", "FRF2", "FRE2"], [2014, 2014, 2018, 2018])
    assert list(found.frame["geo_version"]) == ["2013", "2013", "2016", "2016"]
    assert not found.problems


def test_versions_mixed_in_one_year_raise_one():
    found = versions_of(["FR21", "FR22", "FRF2"])
    assert [each.rule for each in found.problems] == ["nuts.mixed"]


@pytest.mark.parametrize("scheme", FRENCH_SCHEMES)
def test_every_french_number_is_a_territory(scheme):
    header = "Département" if scheme == "departements" else "Code région"
    numbers = list(declared("places")[scheme])
    found = understood(numbers, header, territories=scheme)
    version = "2016" if scheme == "regions-2016" else "2013"
    assert {place[0] for place in found.values()} == {version}
    assert len({place[1] for place in found.values()}) == len(numbers)


def test_a_leading_zero_lost_by_a_spreadsheet_is_found_again():
    found = understood(["1", "2A", "75", "971"], "dep")
    assert [code for _, code in found.values()] == ["FR711", "FR831", "FR101", "FRA10"]


def test_regions_of_2015_and_2016_are_told_apart_by_the_whole_set():
    assert understood(["11", "93", "44"], "Code région")["44"] == ("2016", "FRF")
    assert understood(["11", "93", "41"], "Code région")["41"] == ("2013", "FR41")
    assert set(understood(["11", "93"], "code").values()) == {"territory.number"}


def test_new_french_regions_are_nuts_1_and_old_ones_nuts_2():
    new = understood(["Grand Est", "Bretagne", "Île-de-France", "PACA"])
    assert new == {
        "Bretagne": ("2016", "FRH"), "Grand Est": ("2016", "FRF"),
        "Île-de-France": ("2016", "FR1"), "PACA": ("2016", "FRL"),
    }  # fmt: skip
    old = understood(["Picardie", "bretagne", "ILE DE FRANCE", "Centre", "paca"])
    assert sorted(code for _, code in old.values()) == ["FR10", "FR22", "FR24", "FR52", "FR82"]


@pytest.mark.parametrize(
    "label, code",
    [
        ("Bavaria", "DE2"), ("Bavière", "DE2"), ("Lombardie", "ITC4"), ("Lombardy", "ITC4"),
        ("Catalogne", "ES51"), ("Catalunya", "ES51"), ("Flandre", "BE2"), ("Attique", "EL3"),
        ("Βόρειο Αιγαίο", "EL41"), ("Śląskie", "PL22"), ("slaskie", "PL22"), ("Scotland", "UKM"),
        ("Prague", "CZ01"), ("Alto Adige", "ITH1"), ("Brittany", "FR52"), ("GR11", "EL11"),
        ("UKI1", "UKI1"), ("Germany", "DE"), ("Allemagne", "DE"), ("GBR", "UK"), ("USA", "USA"),
        ("gr", "EL"), ("République tchèque", "CZ"), ("FR10 Île de France", "FR10"),
        ("Provence Alpes Côte d’Azur", "FR82"), ("Rioja, La", "ES23"), ("Balears, Illes", "ES53"),
        ("Asturias, Principado de", "ES12"), ("Darmstadt, Regierungsbezirk", "DE71"),
        ("Freistaat Sachsen", "DED"), ("Land Berlin", "DE3"), ("Région Bretagne", "FR52"),
        ("RÉGION CENTRE", "FR24"), ("Regione Toscana", "ITI1"), ("P.A. Trento", "ITH2"),
        ("Województwo mazowieckie", "PL12"), ("01 - Ain", "FR711"), ("Paris (75)", "FR101"),
        ("2A Corse-du-Sud", "FR831"), ("Département de la Réunion", "FRA4"),
        ("Alsace (1)", "FR42"), ("Corse¹", "FR83"),
    ],
)  # fmt: skip
def test_names_and_codes_in_other_words(label, code):
    found = understood([label])[label]
    known = gazetteer()
    assert found != "territory.unknown"
    # NUTS 1 or NUTS 2 where the two are one territory.
    assert found[1].startswith(code) or code.startswith(found[1])
    places = known.by_code.get(found[1], ())
    assert found[1] == code or any(
        known.is_same(place, other)
        for place in places
        for other in known.by_code[code]
        if place.version == other.version
    )


@pytest.mark.parametrize(
    "labels, expected",
    [
        (["Luxembourg", "Liège", "Namur"], "BE34"),
        (["Luxembourg", "France", "Allemagne"], "LU"),
        (["Luxembourg", "Paris", "Namur"], "territory.ambiguous"),
        (["Luxembourg"], "territory.ambiguous"),
        (["Vienne", "Paris", "Ain"], "FR534"),
        (["Vienne", "Salzbourg", "Tyrol"], "AT13"),
        (["Vienne", "Berlin", "Rome"], "territory.ambiguous"),
        (["Comunitat Valenciana", "Sevilla", "Barcelona", "Huesca"], "ES52"),
    ],
)
def test_a_name_of_two_territories_is_settled_by_the_others_or_asked(labels, expected):
    found = understood(labels)[labels[0]]
    assert (found if isinstance(found, str) else found[1]) == expected


def test_a_country_column_or_option_settles_a_name():
    assert understood(["Limburg"], country="NL")["Limburg"][1] == "NL42"
    found = resolve(["Limburg"], "Region", Declaration(), gazetteer(), {"Limburg": "Belgique"})
    assert found.by_label["Limburg"].places[0].code == "BE22"


def test_a_name_of_two_levels_is_asked_unless_the_level_is_said():
    assert understood(["Liège"])["Liège"] == "territory.ambiguous"
    assert understood(["Liège"], level=2)["Liège"][1] == "BE33"
    assert understood(["Liège"], level=3)["Liège"][1] == "BE332"


def test_words_of_three_letters_are_no_codes_unless_others_are():
    assert understood(["Est", "Île-de-France", "Méditerranée"])["Est"] == ("2013", "FR4")
    assert understood(["DOM", "Bretagne"])["DOM"] == "territory.total"
    codes = understood(["EST", "DOM", "FRA"])
    assert (codes["EST"][1], codes["DOM"][1]) == ("EE", "DOM")


def test_iso_3_letters_and_nuts_1_codes_are_told_apart():
    assert understood(["FRA", "ITA"])["FRA"][1] == "FR"
    assert understood(["FRA", "FR1", "FR2"])["FRA"] == ("2013", "FRA")
    assert understood(["FRA"])["FRA"] == "territory.ambiguous"


@pytest.mark.parametrize(
    "label, rule",
    [
        ("Total", "total"), ("EU28", "group"), ("Zone euro", "group"), ("FRZZ", "nowhere"),
        ("Hors région", "nowhere"), ("Non réparti", "nowhere"), ("Ensemble", "total"),
        ("Total Nacional", "total"), ("Deutschland insgesamt", "total"),
        ("France métropolitaine", "total"), ("Sous-total Bretagne", "total"),
    ],
)  # fmt: skip
def test_what_is_no_territory_is_recognised(label, rule):
    assert understood([label, "FR10"])[label] == f"territory.{rule}"


def test_every_declared_other_name_leads_to_a_territory():
    known = gazetteer()
    for official, others in declared("places")["names"].items():
        for name in (official, *others):
            assert known.by_name.get(plain(name)), name
