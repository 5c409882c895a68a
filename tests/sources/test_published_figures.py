"""Figures known from the publications, found in ``data/raw``."""

import pandas as pd
import pytest

from analysis.sources import read


def one(table: str, **key: object) -> float:
    frame = read(table)
    for column, value in key.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1, frame
    return float(frame["value"].iloc[0])


@pytest.mark.parametrize(
    ("geo", "year", "percent"),
    [("FR10", 2013, 2.90), ("DE91", 2015, 10.36), ("DE11", 2015, 6.17), ("AT22", 2015, 5.14)],
)
def test_regional_gerd(geo: str, year: int, percent: float) -> None:
    found = one("eurostat_rd_money", dataset="rd_e_gerdreg", geo=geo, year=year, indicator="TOTAL")
    assert found == percent


def test_sectors_of_performance_add_up() -> None:
    frame = read("eurostat_rd_money").query("dataset == 'rd_e_gerdreg'")
    wide = frame.pivot_table(index=["geo", "year"], columns="indicator", values="value")
    wide = wide.dropna(subset=["BES", "GOV", "HES", "TOTAL"])
    gap = (wide[["BES", "GOV", "HES", "PNP"]].sum(axis=1) - wide["TOTAL"]).abs()
    assert len(wide) == 1237
    assert (gap <= 0.0201).mean() > 0.995


def test_patents_of_germany() -> None:
    key = {"dataset": "pat_ep_rtot", "geo": "DE", "year": 2010, "indicator": "EPO"}
    assert one("eurostat_patents", unit="NR", **key) == 23308.6
    assert one("eurostat_patents", unit="P_MHAB", **key) == pytest.approx(284.9, abs=0.05)


def test_two_vintages_of_patents_agree() -> None:
    frame = read("eurostat_patents").query("unit == 'P_MHAB' and indicator == 'EPO'")
    key = ["geo", "year"]
    frozen = frame[frame["dataset"] == "pat_ep_rtot"].set_index(key)["value"]
    late = frame[(frame["dataset"] == "tgs00040") & (frame["vintage"] == "2020-12")]
    both = pd.concat([frozen, late.set_index(key)["value"]], axis=1, join="inner").to_numpy()
    assert len(both) > 3000
    assert (both[:, 0] == both[:, 1]).all()


def test_gdp() -> None:
    key = {"dataset": "nama_10r_2gdp", "vintage": "2023-06", "unit": "MIO_EUR", "year": 2019}
    assert one("eurostat_gdp", geo="FR10", **key) == pytest.approx(759_500, rel=1e-3)
    assert one("eurostat_gdp", geo="DE", **key) == pytest.approx(3_473_000, rel=1e-3)


def test_employment_of_germany_and_its_activities() -> None:
    frame = read("eurostat_industries").query("geo == 'DE' and year == 2015")
    values = frame.set_index("indicator")["value"]
    assert values["TOTAL"] == 40210.9
    assert values.drop("TOTAL").sum() == pytest.approx(40210.9, abs=1)


@pytest.mark.parametrize(
    ("series", "billions"),
    [("ERDF.2000-2006", 122.0), ("ERDF.2007-2013", 189.3), ("ESF.2007-2013", 74.7),
     ("CF.2007-2013", 68.9), ("ERDF.2014-2020", 152.5)],
)  # fmt: skip
def test_payments_by_fund_and_period(series: str, billions: float) -> None:
    frame = read("commission_payments")
    total = frame.loc[frame["indicator"] == f"{series}.payment", "value"].sum()
    assert total / 1e9 == pytest.approx(billions, abs=0.05)


def test_payments_keep_zero_and_recoveries() -> None:
    payments = read("commission_payments").query("indicator.str.endswith('.payment')")["value"]
    assert payments.notna().all()
    assert (payments == 0).sum() == 4543
    assert (payments < 0).any()


@pytest.mark.parametrize(
    ("geo", "percent"), [("DEU", 3.04), ("FRA", 2.22), ("SWE", 3.50), ("KOR", 4.85)]
)
def test_gerd_of_countries_2022(geo: str, percent: float) -> None:
    found = one("oecd_rd", geo=geo, year=2022, indicator="G_XGDP")
    assert found == pytest.approx(percent, abs=0.005)


def test_rd_of_germany_and_france_in_the_world_bank_vintage() -> None:
    key = {"dataset": "wdi_2026", "indicator": "GB.XPD.RSDV.GD.ZS", "year": 2023}
    assert one("worldbank_wdi", geo="DEU", **key) == pytest.approx(3.15, abs=0.02)
    assert one("worldbank_wdi", geo="FRA", **key) == pytest.approx(2.18, abs=0.02)


def test_horizon_2020_contribution() -> None:
    frame = read("cordis_h2020").query("dataset == 'h2020_country'")
    total = frame.loc[frame["indicator"].str.endswith(".ec_contribution"), "value"].sum()
    assert total / 1e9 == pytest.approx(59.06, abs=0.01)


def test_cluster_funding_found_by_title() -> None:
    frame = read("erdf_clusters")
    country = frame["geo"].str[:2]
    totals = frame.groupby([country, "indicator"])["value"].sum()
    assert totals["DE", "cluster_n"] == 231
    assert totals["DE", "cluster_amount"] / 1e6 == pytest.approx(129, abs=0.5)
    assert totals["DK", "cluster_n"] == 89
    assert set(frame.loc[country == "DK", "unit"]) == {"DKK", "NR"}


def test_planned_envelopes_of_2014_2020() -> None:
    billions = read("esif_planned").groupby("fund")["eu_planned_eur"].sum() / 1e9
    expected = {"ERDF": 199.2, "ESF": 83.9, "CF": 63.3, "EAFRD": 100.1, "EMFF": 5.7, "YEI": 8.8}
    assert billions[list(expected)].round(1).to_dict() == expected
    implemented = read("erdf_implementation")["eu_planned_eur"].sum() / 1e9
    assert implemented == pytest.approx(199.2, abs=0.05)


def test_eligibility_lists() -> None:
    eligibility = read("commission_eligibility")
    counts = eligibility.groupby("period")["geo"].nunique()
    assert counts.to_dict() == {"2007-2013": 246, "2014-2020": 264}
    status = eligibility[eligibility["period"] == "2014-2020"]["status"].value_counts()
    assert status["Less developed regions"] == 65


def test_versions_of_the_tables() -> None:
    skills = read("eurostat_skills").query("dataset == 'edat_lfse_04'")
    version = skills.drop_duplicates(["geo", "year"]).set_index(["geo", "year"])["geo_version"]
    assert version["HU10", 2012] == "2013"
    assert version["HU11", 2013] == "2016"
    assert version["SI01", 2009] == "2010"
    assert version["AT11", 2012] == "2016"
    money = read("commission_payments").drop_duplicates(["geo", "geo_version"])
    versions = money.groupby("geo")["geo_version"].unique().map(list)
    assert versions["EL11"] == ["2010"]
    assert versions["EL51"] == ["2013"]
    assert versions["UKZZ"] == [""]
    assert versions["HR05"] == ["2021"]


def test_greece_is_one_country_in_every_vintage() -> None:
    tables = ["eurostat_rd_money", "eurostat_patents", "eurostat_gdp", "eurostat_skills"]
    for table in tables:
        assert not read(table)["geo"].str.startswith("GR").any(), table
    flows = read("nuts_flows")
    assert not flows["from_code"].str.startswith("GR").any()
    assert "EL11" in set(flows.loc[flows["from_version"] == "2006", "from_code"])
    assert not read("nuts_names")["code"].str.startswith("GR").any()


def test_flows_conserve_population_between_versions() -> None:
    flows = read("nuts_flows")
    both = flows[(flows["from_version"] == "2010") & (flows["to_version"] == "2013")]
    by_level = both.groupby("level")["pop11"].sum()
    assert by_level.max() - by_level.min() < 100
    back = flows[(flows["from_version"] == "2013") & (flows["to_version"] == "2010")]
    pd.testing.assert_series_equal(by_level, back.groupby("level")["pop11"].sum())


def test_groups_of_countries_are_told_apart() -> None:
    for table in ("oecd_rd", "oecd_patents", "oecd_publications", "worldbank_wdi"):
        frame = read(table).drop_duplicates("geo").set_index("geo")["geo_version"]
        assert frame[frame == "ISO3"].index.str.fullmatch("[A-Z]{3}").all(), table
        assert frame["FRA"] == "ISO3"
        assert not {"WLD", "EUU", "EA"} & set(frame[frame == "ISO3"].index)


def test_countries_of_the_old_world_bank_vintage_have_their_present_codes() -> None:
    vintages = (
        read("worldbank_wdi").query("geo_version == 'ISO3'").groupby("dataset")["geo"].unique()
    )
    assert set(vintages["wdi_2013"]) <= set(vintages["wdi_2026"])
    assert set(vintages["wdi_eu27_2024"]) <= set(vintages["wdi_2013"])
