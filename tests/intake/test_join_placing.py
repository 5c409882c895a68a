"""Figures of a checked file on the map of NUTS 2013: nothing lost, nothing made up."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joined_project import Row, checked, table

from analysis import CompendiumError, sources
from analysis.intake.checked import Indicator
from analysis.intake.join import Placed, as_column, place

FIRMS = Indicator("firms", "Firms", "NR", "count")
GRANTS = Indicator("grants", "Grants", "EUR", "money")
SHARE = Indicator("share_x", "Share", "PC", "rate", denominator="population")


@pytest.fixture(scope="module")
def flows() -> pd.DataFrame:
    return sources.read("nuts_flows")


@pytest.fixture(scope="module")
def names() -> pd.DataFrame:
    return sources.read("nuts_names")


def codes(names: pd.DataFrame, version: str, level: int, *countries: str) -> list[str]:
    chosen = names[names["version"].eq(version) & names["level"].eq(level)]
    chosen = chosen[chosen["country"].isin(countries) & ~chosen["code"].str.endswith("Z")]
    return sorted(chosen["code"])


def placed(
    rows: list[Row], indicator: Indicator, flows: pd.DataFrame, cells: int | None = None
) -> Placed:
    return place(checked(rows, indicator, cells=cells), indicator, flows, table("regions"))


@pytest.mark.parametrize("version", ["2006", "2010", "2013", "2016", "2021", "2024"])
def test_counts_of_every_version_keep_their_total(version, flows, names):
    regions = codes(names, version, 2, "FR", "PL", "IE", "HU", "EL", "UK")
    rows = [(geo, version, 2, 2010, "firms", 10.0 + i) for i, geo in enumerate(regions)]
    found = placed(rows, FIRMS, flows)
    lost = found.unplaced["value"].sum()
    before = found.account["mass_before"].sum()
    after, aside = (found.account[f"mass_{part}"].sum() for part in ("after", "set_aside"))
    assert before == pytest.approx(after + aside, rel=1e-12)
    assert found.levels[2][2010].sum() == pytest.approx(after, rel=1e-12)
    assert before + lost >= sum(row[5] for row in rows) * (1 - 1e-12)
    assert found.levels[0][2010].notna().sum() >= 5


def test_a_region_that_was_split_later_is_put_together_again(flows):
    rows = [("PL91", "2016", 2, 2012, "firms", 60.0), ("PL92", "2016", 2, 2012, "firms", 40.0)]
    found = placed(rows, FIRMS, flows)
    assert found.levels[2].loc["PL12", 2012] == pytest.approx(100.0)
    only = placed(rows[:1], FIRMS, flows)
    assert only.levels[2].empty, "half of a region is not the region"
    assert only.account["mass_set_aside"].sum() == pytest.approx(60.0)


def test_a_rate_that_is_the_same_everywhere_stays_so(flows, names):
    rows = [
        (geo, "2006", 2, 2008, "share_x", 7.5) for geo in codes(names, "2006", 2, "FI", "IT", "DE")
    ]
    found = placed(rows, SHARE, flows)
    for level in (2, 1, 0):
        assert np.allclose(found.levels[level][2008].dropna(), 7.5)
    assert {"FI", "IT", "DE"} <= set(found.levels[0].index)


def test_a_rate_of_a_country_is_averaged_by_its_denominator(flows):
    regions = table("regions")
    people = regions[regions["country"].eq("PT") & regions["level"].eq(2)]
    people = people[people["year"].eq(2010)].set_index("geo")["population"]
    values = dict(zip(people.index, np.linspace(1, 20, len(people)), strict=True))
    rows = [(geo, "2013", 2, 2010, "share_x", value) for geo, value in values.items()]
    expected = sum(people[geo] * value for geo, value in values.items()) / people.sum()
    assert placed(rows, SHARE, flows).levels[0].loc["PT", 2010] == pytest.approx(expected)


def test_departements_add_up_and_a_missing_one_leaves_a_gap(flows, names):
    bretagne = [c for c in codes(names, "2013", 3, "FR") if c.startswith("FR52")]
    rows = [(geo, "2013", 3, 2011, "firms", 5.0) for geo in bretagne]
    assert placed(rows, FIRMS, flows).levels[2].loc["FR52", 2011] == 5.0 * len(bretagne)
    short = placed(rows[1:], FIRMS, flows)
    assert short.levels[2].empty
    assert list(short.unplaced["geo"]) == bretagne[1:]
    assert set(short.unplaced["why"]) == {
        "other parts of its NUTS 2 region have no figure that year"
    }


def test_a_list_of_operations_has_zeros_where_nothing_was_booked(flows):
    rows = [("PL21", "2013", 2, 2005, "grants", 100.0), ("PL22", "2013", 2, 2008, "grants", 50.0)]
    summed = placed(rows, GRANTS, flows, cells=9).levels
    assert list(summed[2].loc["PL21"]) == [100.0, 0.0, 0.0, 0.0]
    assert summed[0].loc["PL", 2005] == 100.0
    published = placed(rows, GRANTS, flows).levels
    assert np.isnan(published[2].loc["PL21", 2008])
    assert published[0].empty or published[0].isna().all(axis=None)


def test_new_french_regions_find_their_place_at_level_1(flows, names):
    new = codes(names, "2016", 1, "FR")
    rows = [(geo, "2016", 1, 2012, "firms", 100.0) for geo in new if geo != "FRZ"]
    found = placed(rows, FIRMS, flows)
    alike = ["FR10", "FR24", "FR51", "FR52", "FR82", "FR83"]
    assert list(found.levels[2].index) == alike, "those that are one region of NUTS 2"
    assert (found.levels[2][2012] == 100.0).all() and found.unplaced.empty
    assert found.levels[1].loc["FR1", 2012] == pytest.approx(100.0)
    assert found.levels[1][2012].sum() == pytest.approx(100.0 * len(rows))


def test_new_french_regions_are_given_to_the_old_ones_when_asked(flows, names):
    new = [geo for geo in codes(names, "2016", 1, "FR") if geo not in ("FRY", "FRZ")]
    counts = checked([(geo, "2016", 1, 2012, "firms", 100.0) for geo in new], FIRMS)
    found = place(counts, FIRMS, flows, table("regions"), spread=True)
    east = found.levels[2].loc[["FR21", "FR41", "FR42"], 2012]
    assert east.sum() == pytest.approx(100.0)
    assert east["FR41"] > east["FR21"], "by their people"
    assert found.levels[2][2012].sum() == pytest.approx(100.0 * len(new))
    rates = checked([(geo, "2016", 1, 2012, "share_x", 4.0) for geo in new], SHARE)
    shares = place(rates, SHARE, flows, table("regions"), spread=True).levels[2][2012]
    assert np.allclose(shares.dropna(), 4.0) and len(shares.dropna()) == 22
    given = checked(
        [("FRF", "2016", 1, 2012, "firms", 100.0), ("FRF1", "2016", 2, 2012, "firms", 7.0)], FIRMS
    )
    own = place(given, FIRMS, flows, table("regions"), spread=True).levels[2][2012]
    assert own["FR42"] == 7.0, "a figure of the file stands"


def test_a_figure_of_the_file_for_a_country_stands_before_the_sum_of_its_regions(flows):
    rows = [
        *((geo, "2013", 2, 2010, "firms", 1.0) for geo in ("IE01", "IE02")),
        ("IE", "2013", 0, 2010, "firms", 2.5),
        ("USA", "ISO3", 0, 2010, "firms", 99.0),
    ]
    national = placed(rows, FIRMS, flows).levels[0]
    assert national.loc["IE", 2010] == 2.5
    assert national.loc["USA", 2010] == 99.0
    countries = table("countries")
    column = pd.Series(as_column({0: national}, countries, "country"), countries.index)
    assert column[countries["country"].eq("USA") & countries["year"].eq(2010)].item() == 99.0
    assert column.notna().sum() == 2


def test_a_denominator_that_is_none_is_refused(flows):
    wrong = Indicator("share_x", "Share", "PC", "rate", denominator="name")
    with pytest.raises(CompendiumError) as error:
        placed([("FR10", "2013", 2, 2000, "share_x", 1.0)], wrong, flows)
    assert str(error.value) == (
        "denominator 'name' is no quantity of the panel of regions; give one such as population, "
        "gdp_mio_eur or employment_ths"
    )


@settings(max_examples=12)
@given(data=st.data())
def test_every_figure_is_on_the_map_or_said_to_be_lost(data, flows, names):
    """Whatever codes of whatever versions come: what went in is what came out and what is told."""
    version = data.draw(st.sampled_from(["2006", "2010", "2013", "2016", "2021"]))
    known = codes(names, version, 2, "FR", "PL", "FI", "UK", "HR")
    chosen = data.draw(st.lists(st.sampled_from([*known, "FRZZ", "XX99"]), unique=True, min_size=1))
    values = data.draw(
        st.lists(
            st.floats(0, 1e6, allow_subnormal=False), min_size=len(chosen), max_size=len(chosen)
        )
    )
    rows = [
        (geo, version if geo in known else "", 2, 2010, "firms", value)
        for geo, value in zip(chosen, values, strict=True)
    ]
    found = placed(rows, FIRMS, flows)
    told = found.unplaced[found.unplaced["why"].str.startswith("the code is of no version")]
    account = found.account[["mass_after", "mass_set_aside"]].sum().sum()
    assert account + told["value"].sum() == pytest.approx(sum(values), rel=1e-9, abs=1e-9)


def test_operations_of_every_level_add_up(flows):
    rows = [
        ("FR52", "2013", 2, 2010, "grants", 1000.0),
        ("FR521", "2013", 3, 2010, "grants", 100.0),
        ("FR522", "2013", 3, 2011, "grants", 10.0),
        ("FR5", "2013", 1, 2012, "grants", 7.0),
        ("DE3", "2013", 1, 2010, "grants", 50.0),
        ("FR", "2013", 0, 2011, "grants", 3.0),
    ]
    found = placed(rows, GRANTS, flows, cells=99)
    assert found.unplaced.empty
    assert list(found.levels[2].loc["FR52"]) == [1100.0, 10.0, 0.0]
    assert list(found.levels[1].loc["FR5"]) == [1100.0, 10.0, 7.0]
    assert list(found.levels[0].loc["FR"]) == [1100.0, 13.0, 7.0]
    for level, code in ((2, "DE30"), (1, "DE3"), (0, "DE")):
        assert list(found.levels[level].loc[code]) == [50.0, 0.0, 0.0]
    assert found.account["mass_after"].sum() == pytest.approx(1167.0)
    spread = place(checked(rows, GRANTS, cells=99), GRANTS, flows, table("regions"), spread=True)
    assert spread.levels[2][2012].sum() == pytest.approx(7.0)
    assert list(spread.levels[1].loc["FR5"]) == [1100.0, 10.0, pytest.approx(7.0)]


def test_a_figure_of_a_region_stands_and_its_parts_are_told(flows):
    rows = [
        ("FR52", "2013", 2, 2010, "firms", 1000.0),
        ("FR521", "2013", 3, 2010, "firms", 100.0),
    ]
    found = placed(rows, FIRMS, flows)
    assert found.levels[2].loc["FR52", 2010] == 1000.0
    (lost,) = found.unplaced.to_dict("records")
    assert (lost["geo"], lost["why"]) == (
        "FR521",
        "the file has a figure of its NUTS 2 region, which stands",
    )


def test_half_of_a_region_is_told(flows):
    found = placed([("PL91", "2016", 2, 2012, "firms", 60.0)], FIRMS, flows)
    (lost,) = found.unplaced.to_dict("records")
    assert (lost["geo"], lost["value"]) == ("PL91", 60.0)
    assert lost["why"] == "other parts of its NUTS 2013 region have no figure that year"


def test_a_larger_region_that_is_one_region_gives_its_figure(flows):
    rows = [
        ("DE3", "2013", 1, 2010, "share_x", 4.0),
        ("DE3", "2013", 1, 2011, "share_x", 5.0),
        ("DE30", "2013", 2, 2011, "share_x", 5.5),
        ("DE2", "2013", 1, 2010, "share_x", 6.0),
    ]
    found = placed(rows, SHARE, flows)
    assert list(found.levels[2].index) == ["DE30"]
    assert list(found.levels[2].loc["DE30"]) == [4.0, 5.5], "a figure of the file stands"
    assert found.levels[1].loc["DE2", 2010] == 6.0 and found.unplaced.empty
