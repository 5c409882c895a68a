"""Tables by performer, technology and NUTS 3, and of evaluations: against the source."""

import pandas as pd
import pytest

from analysis import sources
from analysis.panel.countries import build_countries
from analysis.panel.evaluations import build_evaluations
from analysis.panel.nuts3 import build_nuts3
from analysis.panel.performers import MEASURES, build_performers
from analysis.panel.technologies import FIELDS, build_technologies


@pytest.fixture(scope="module")
def raw():
    names = ("oecd_rd", "oecd_gbard", "oecd_tax_vc", "oecd_human_capital", "oecd_patents")
    others = ("oecd_publications", "oecd_innovation_survey", "worldbank_wdi", "cordis_h2020")
    more = ("policy_effects", "eurostat_patents", "nuts_names")
    return {name: sources.read(name) for name in (*names, *others, *more)}


def test_performers_keep_every_euro_and_participation(raw):
    performers = build_performers(raw)
    rows = raw["cordis_h2020"]
    rows = rows[rows["dataset"].astype(str) == "h2020_country"]
    measure = rows["indicator"].astype(str).str.split(".").str[-1]
    for source, column in MEASURES.items():
        expected = rows.loc[measure == source, "value"].sum()
        assert performers[column].sum() == pytest.approx(expected, rel=1e-12)
    assert set(performers["organisation_type"]) == {"HES", "REC", "PRC", "PUB", "OTH"}


def test_countries_hold_the_sum_over_performers(raw):
    countries = build_countries(raw).set_index(["country", "year"])["h2020_eur"].dropna()
    sums = build_performers(raw).groupby(["country", "year"])["h2020_eur"].sum()
    pd.testing.assert_series_equal(
        countries, sums.reindex(countries.index), check_index_type=False, check_dtype=False
    )


def test_technologies_are_as_published_under_eurostat_codes(raw):
    table = build_technologies(raw).set_index(["country", "year", "technology"])["pct_patents"]
    published = raw["oecd_patents"]
    for iso3, country, field in (("GRC", "EL", "ict"), ("FRA", "FR", "transport")):
        row = published[
            published["geo"].eq(iso3)
            & published["year"].eq(2015)
            & published["indicator"].eq(FIELDS[field])
        ]
        assert table[country, 2015, field] == row["value"].item() > 0
    assert table.index.is_unique
    assert set(table.index.get_level_values("technology")) == set(FIELDS)


def test_known_figures_of_countries(raw):
    countries = build_countries(raw).set_index(["country", "year"])
    assert countries.loc[("FR", 2009), "articles"] == pytest.approx(31_748.3)
    articles = countries.xs(2009, level="year")["articles"]
    assert articles.idxmax() == "USA"
    shares = countries.loc[("FR", 2019)]
    financed = [f"gerd_{funder}_financed_pct" for funder in ("business", "government", "abroad")]
    assert shares[[*financed, "gerd_other_national_financed_pct"]].sum() == pytest.approx(100)
    business = shares["berd_government_financed_pct"] / 100 * shares["berd_pct_gdp"]
    assert business == pytest.approx(shares["berd_government_financed_pct_gdp"], abs=1e-3)
    stages = countries.filter(regex="venture_capital_(seed|startup|later)").sum(
        axis=1, skipna=False
    )
    gap = (countries["venture_capital_pct_gdp"] - stages).dropna()
    assert gap.abs().median() < 1e-6


def test_evaluations_keep_all_effects_and_no_quoted_sentence(raw):
    evaluations = build_evaluations(raw)
    assert len(evaluations) == len(raw["policy_effects"])
    assert evaluations["estimate"].notna().sum() == 27
    assert "quote" not in evaluations.columns
    groups = evaluations.set_index(["study", "outcome"])["outcome_group"]
    assert groups["Bellégo & Dortet-Bernadet", "Patents"] == "innovation"
    assert groups["DGCIS / INSEE (Dortet-Bernadet)", "Turnover, FUI participants"] == "growth"
    received = "R&D tax credit (CIR) received per firm in 2009"
    assert groups["Bellégo & Dortet-Bernadet", received] == "aid received"
    assert groups["Bellégo & Dortet-Bernadet", "Jobs created by extra R&D"] == "employment"
    assert (evaluations["outcome_group"] == "").eq(evaluations["outcome"] == "").all()
    assert not evaluations.duplicated(["study", "outcome", "effect_unit"]).any()


def test_nuts3_applications_are_as_published_and_add_up_to_their_country(raw):
    small = build_nuts3(raw)
    assert not small.duplicated(["nuts3", "year"]).any()
    assert small["name"].notna().all()
    essonne = small[small["nuts3"] == "FR104"].set_index("year")
    assert essonne["name"].unique().tolist() == ["Essonne"]
    assert essonne["patents_per_million"].first_valid_index() == 1990
    published = raw["eurostat_patents"]
    nation = published[
        published["geo"].eq("FR")
        & published["year"].eq(2005)
        & published["unit"].eq("NR")
        & published["dataset"].eq("pat_ep_rtot")
    ]["value"].item()
    mine = small[small["country"].eq("FR") & small["year"].eq(2005)]["patents"].sum()
    assert 0.97 * nation < mine <= nation * (1 + 1e-9)
