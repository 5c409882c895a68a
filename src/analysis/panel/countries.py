"""Countries × years: OECD science and technology indicators, World Bank, Horizon 2020."""

from collections.abc import Iterable, Mapping

import pandas as pd

from analysis.panel.territories import country_from_iso3

Raw = Mapping[str, pd.DataFrame]

#: Column → (table, variable code of the OECD).
OECD = {
    "gdp_mio_ppp": ("oecd_rd", "GDP_PPP"),
    "gerd_pct_gdp": ("oecd_rd", "G_XGDP"),
    "berd_pct_gdp": ("oecd_rd", "B_XGDP"),
    "goverd_pct_gdp": ("oecd_rd", "GV_XGDP"),
    "herd_pct_gdp": ("oecd_rd", "H_XGDP"),
    "gerd_mio_ppp2020": ("oecd_rd", "G_PPPCT"),
    "berd_mio_ppp2020": ("oecd_rd", "B_PPPCT"),
    "gerd_business_financed_pct": ("oecd_rd", "G_XFB"),
    "gerd_government_financed_pct": ("oecd_rd", "G_XFG"),
    "gerd_abroad_financed_pct": ("oecd_rd", "G_XFA"),
    "gerd_other_national_financed_pct": ("oecd_rd", "G_XFON"),
    "berd_government_financed_pct": ("oecd_rd", "B_XFG"),
    "herd_business_financed_pct": ("oecd_rd", "H_XFB"),
    "berd_government_financed_pct_gdp": ("oecd_rd", "BE_GVF_XGDP"),
    "goverd_government_financed_pct_gdp": ("oecd_rd", "GV_FGXGDP"),
    "herd_government_financed_pct_gdp": ("oecd_rd", "H_FGXGDP"),
    "rd_personnel_fte": ("oecd_rd", "TP_TT"),
    "researchers_fte": ("oecd_rd", "TP_RS"),
    "researchers_per_thousand_employed": ("oecd_rd", "TP_RSXEM"),
    "gbard_pct_gdp": ("oecd_gbard", "C_XGDP"),
    "gbard_university_funds_pct": ("oecd_gbard", "C_GUFXTOT"),
    "rd_tax_relief_pct_gdp": ("oecd_tax_vc", "RDTAX_XGDP"),
    "venture_capital_pct_gdp": ("oecd_tax_vc", "VC_XGDP"),
    "venture_capital_seed_pct_gdp": ("oecd_tax_vc", "VCSEED_XGDP"),
    "venture_capital_startup_pct_gdp": ("oecd_tax_vc", "VCSTART_XGDP"),
    "venture_capital_later_pct_gdp": ("oecd_tax_vc", "VCLATE_XGDP"),
    "tertiary_25_64_pct": ("oecd_human_capital", "ADTERPOP_XT"),
    "pct_patents": ("oecd_patents", "PCTTOT_NB"),
    "ip5_families": ("oecd_patents", "IP5_NB"),
    "copatents_pct": ("oecd_patents", "COPAT_XPCT"),
    "publications": ("oecd_publications", "FPUBS_NBFRAC"),
    "publications_top10": ("oecd_publications", "TOP10FPUBS_NBFRAC"),
    "publications_top10_pct": ("oecd_publications", "TOP10_X"),
    "publications_international_pct": ("oecd_publications", "INTL_X"),
    "innovative_firms_pct": ("oecd_innovation_survey", "INN_XFRMTOT"),
    "innovative_small_firms_pct": ("oecd_innovation_survey", "INN_SME_XFRMTOT"),
    "cooperating_firms_pct": ("oecd_innovation_survey", "CO_INN_ALL_XINN"),
}

#: Column → (release, variable code of the World Bank).
WORLD_BANK = {
    "population": ("wdi_2026", "SP.POP.TOTL"),
    "gdp_usd_per_head": ("wdi_2026", "NY.GDP.PCAP.CD"),
    "articles": ("wdi_2013", "IP.JRN.ARTC.SC"),
}

#: OECD codes that are groups of countries, not countries.
GROUPS = ("EA", "EA20", "EU", "EU27_2020", "OECD", "W", "YUG_F")


def build_countries(raw: Raw, also: Iterable[int] = ()) -> pd.DataFrame:
    """One row per ISO 3166 country and year, sorted; ``country`` is Eurostat's code or ISO3.

    Countries are those for which the OECD publishes R&D expenditure, plus those of the regions
    panel; missing values stay missing. also: years the table is to have besides those of the
    published figures.
    """
    columns = {column: _wide(raw[table], code) for column, (table, code) in OECD.items()} | {
        column: _wide(_release(raw["worldbank_wdi"], release), code)
        for column, (release, code) in WORLD_BANK.items()
    }
    known = columns["gerd_pct_gdp"].index
    countries = known[~known.isin(GROUPS)].sort_values()
    long = pd.concat(
        {name: wide.reindex(countries).stack() for name, wide in columns.items()}, axis=1
    )
    more = pd.MultiIndex.from_product([countries, sorted(set(also))], names=["iso3", "year"])
    long = long.reindex(long.index.union(more)) if len(more.difference(long.index)) else long
    frame = long.rename_axis(["iso3", "year"]).sort_index().reset_index()
    frame.insert(0, "country", country_from_iso3(frame["iso3"]).fillna(frame["iso3"]))
    frame = frame.merge(_horizon(raw["cordis_h2020"]), on=["country", "year"], how="left")
    frame["pct_patents_per_million"] = 1e6 * frame["pct_patents"] / frame["population"]
    frame["gdp_ppp_per_head"] = 1e6 * frame["gdp_mio_ppp"] / frame["population"]
    frame["year"] = frame["year"].astype("int16")
    return frame.sort_values(["country", "year"], ignore_index=True)


def _wide(observations: pd.DataFrame, code: str) -> pd.DataFrame:
    rows = observations[(observations["indicator"] == code) & observations["value"].notna()]
    return rows.astype({"geo": str}).pivot(index="geo", columns="year", values="value")


def _release(worldbank: pd.DataFrame, dataset: str) -> pd.DataFrame:
    return worldbank[worldbank["dataset"] == dataset]


def _horizon(cordis: pd.DataFrame) -> pd.DataFrame:
    """Horizon 2020 money and participations by country and start year, over organisation types."""
    rows = cordis[cordis["dataset"] == "h2020_country"]
    measure = rows["indicator"].astype(str).str.split(".", regex=False).str[-1]
    sums = rows.astype({"geo": str}).groupby(["geo", "year", measure])["value"].sum().unstack()
    named = sums.rename(
        columns={"ec_contribution": "h2020_eur", "participations": "h2020_participations"}
    )
    return (
        named[["h2020_eur", "h2020_participations"]]
        .rename_axis(["country", "year"])
        .reset_index()
        .rename_axis(columns=None)
    )
