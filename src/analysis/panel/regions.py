"""Regions × years on the map of NUTS 2013: levels 2, 1 and 0.

Counts come first, because rates are averaged with them; then rates; then everything is added up to
levels 1 and 0; what is per head or per GDP is computed last, at each level, from its parts.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from analysis.panel.codebook import variables
from analysis.panel.codes import CAPITALS, COUNTRIES
from analysis.panel.series import (
    LATEST,
    Published,
    complete_regions,
    latest_vintage,
    select,
    splice,
    to_nuts_2013,
)
from analysis.panel.territories import NUTS_VERSION, Passage, aggregate

Raw = Mapping[str, pd.DataFrame]
Columns = dict[str, pd.DataFrame]

COUNTS = (
    Published("gdp_mio_eur", "eurostat_gdp", "nama_10r_2gdp", "GDP", "MIO_EUR", LATEST),
    Published("gdp_2020", "eurostat_gdp", "tgs00003", "GDP", "MIO_EUR"),
    Published("gdp_2017", "eurostat_gdp", "nama_10r_2gdp", "GDP", "MIO_EUR", "2017-05"),
    Published("gdp_mio_pps", "eurostat_gdp", "nama_10r_2gdp", "GDP", "MIO_PPS_EU27_2020"),
    Published("employment_ths", "eurostat_industries", "lfst_r_lfe2en2", "TOTAL", "THS"),
    Published("rd_personnel_fte", "eurostat_rd_people", "rd_p_persreg", "TOTAL.TOTAL.T", "FTE"),
    Published(
        "rd_personnel_business_fte", "eurostat_rd_people", "rd_p_persreg", "BES.TOTAL.T", "FTE"
    ),
    Published(
        "rd_personnel_government_fte", "eurostat_rd_people", "rd_p_persreg", "GOV.TOTAL.T", "FTE"
    ),
    Published(
        "rd_personnel_university_fte", "eurostat_rd_people", "rd_p_persreg", "HES.TOTAL.T", "FTE"
    ),
    Published("patents", "eurostat_patents", "pat_ep_rtot", "EPO", "NR"),
    Published("hrst_ths", "eurostat_skills", "hrst_st_rcat", "HRST", "THS"),
    *(
        Published(column, "interreg_participations", "keep_2014_2020", f"2014-2020.{code}", unit)
        for column, code, unit in (
            ("interreg_participations", "participations", "NR"),
            ("interreg_cluster_participations", "cluster_participations", "NR"),
            ("interreg_eur", "eu_funding", "EUR"),
            ("interreg_cluster_eur", "cluster_eu_funding", "EUR"),
        )
    ),
)

RATES = (
    Published("gerd_pct_gdp", "eurostat_rd_money", "rd_e_gerdreg", "TOTAL", "PC_GDP"),
    Published("berd_pct_gdp", "eurostat_rd_money", "rd_e_gerdreg", "BES", "PC_GDP"),
    Published("goverd_pct_gdp", "eurostat_rd_money", "rd_e_gerdreg", "GOV", "PC_GDP"),
    Published("herd_pct_gdp", "eurostat_rd_money", "rd_e_gerdreg", "HES", "PC_GDP"),
    Published("gerd_2011_pct_gdp", "eurostat_rd_money", "tgs00042", "TOTAL", "PC_GDP"),
    Published("real_gdp_index", "eurostat_gdp_volume", "nama_10r_2gvagr_b1gq", "B1GQ", "I15"),
    Published(
        "disposable_income_pps_per_head", "eurostat_gdp", "tgs00026", "DISPOSABLE_INCOME", "PPS_HAB"
    ),
    Published("employment_rate_pct", "eurostat_labour", "tgs00007", "EMP_RATE.Y15-64.T", "PC"),
    Published("unemployment_rate_pct", "eurostat_labour", "tgs00010", "UNEMP_RATE.T", "PC"),
    Published("tertiary_pct", "eurostat_skills", "edat_lfse_04", "ED5-8.T", "PC"),
    Published("hightech_pct", "eurostat_skills", "htec_emp_reg2", "HTC.T", "PC_EMP"),
    Published("knowledge_services_pct", "eurostat_skills", "htec_emp_reg2", "KIS.T", "PC_EMP"),
    Published("manufacturing_pct", "eurostat_skills", "htec_emp_reg2", "C_HTC_MH.T", "PC_EMP"),
    Published("manufacturing_low_pct", "eurostat_skills", "htec_emp_reg2", "C_LTC_M.T", "PC_EMP"),
)

#: Column → (fund, measure) of the Commission's payments.
FUNDS = {
    "erdf_eur": ("ERDF", "payment"),
    "esf_eur": ("ESF", "payment"),
    "cohesion_fund_eur": ("CF", "payment"),
    "eafrd_eur": ("EAFRD", "payment"),
    "erdf_modelled_eur": ("ERDF", "modelled"),
}

#: Tables of data/raw with figures of regions.
_TABLES = sorted(
    {one.table for one in (*COUNTS, *RATES)}
    | {"eurostat_population", "eurostat_gdp_vintages", "commission_payments"}
)

#: Columns of the 2007-2013 ERDF beneficiary lists, and the years they cover.
LISTED = {"cluster_funding_eur": "cluster_amount", "erdf_listed_eur": "total_amount"}
YEARS_LISTED = pd.Index(range(2007, 2016), name="year")


def build_regions(
    raw: Raw, passage: Passage, also: Iterable[int] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The panel of regions (long) and the conversion report.

    also: years the panel is to have besides those of the published figures.
    """
    years = years_covered(raw, also)
    columns, quality = _counts(raw, passage)
    population, origin, population_quality = _population(raw, passage)
    columns["population"] = population
    columns["gdp_2015_mio_eur"] = _same_every_year(columns["gdp_mio_eur"][2015], years)
    rates, rates_quality = _rates(raw, passage, columns, years)
    payments, payments_quality = _payments(raw, passage)
    columns |= rates | payments
    people = columns["population"].reindex(all_nuts2(raw))
    listed = _listed(raw, passage, people)
    frames = [_at_level(columns, listed, people, level, raw, years) for level in (0, 1, 2)]
    frames[2]["population_origin"] = _read_off(origin, frames[2]).astype(str)
    panel = pd.concat(frames, ignore_index=True)
    panel["population_origin"] = panel["population_origin"].fillna("")
    report = pd.concat(
        [quality, population_quality, rates_quality, payments_quality], ignore_index=True
    )
    return panel, report


def years_covered(raw: Raw, also: Iterable[int] = ()) -> pd.Index:
    """The years from the first to the last of which a figure of a NUTS 2 region is published."""
    years = set(also)
    for name in (*_TABLES, *({"own"} & set(raw))):
        known = raw[name]
        known = known[known["value"].notna() & known["geo"].str.len().eq(4)]
        years |= {int(known["year"].min()), int(known["year"].max())} if len(known) else set()
    return pd.Index(range(min(years), max(years) + 1), name="year", dtype="int16")


def _selected(raw: Raw, series: Iterable[Published]) -> pd.DataFrame:
    """The published series, or those that a user's files have put in their place (``own``)."""
    own = raw.get("own")
    instead = {} if own is None else {name: rows for name, rows in own.groupby("column")}
    parts = [
        instead[one.column] if one.column in instead else select(raw[one.table], one)
        for one in series
    ]
    return pd.concat(parts, ignore_index=True)


def _counts(raw: Raw, passage: Passage) -> tuple[Columns, pd.DataFrame]:
    converted = to_nuts_2013(_selected(raw, COUNTS), passage)
    columns = dict(converted.values)
    earlier = splice(columns.pop("gdp_2020"), columns.pop("gdp_2017"))
    columns["gdp_mio_eur"] = complete_regions(columns["gdp_mio_eur"], earlier)
    return columns, converted.quality


def _rates(
    raw: Raw, passage: Passage, columns: Columns, years: pd.Index
) -> tuple[Columns, pd.DataFrame]:
    """Every rate, averaged by the denominator that variables.yaml names."""
    declared = variables() | {"manufacturing_low_pct": variables()["manufacturing_pct"]}
    rates: Columns = {}
    quality = []
    for denominator in dict.fromkeys(declared[one.column].denominator for one in RATES):
        mine = [one for one in RATES if declared[one.column].denominator == denominator]
        weight = _weight(columns[denominator], years)
        converted = to_nuts_2013(_selected(raw, mine), passage, weight)
        rates |= converted.values
        quality.append(converted.quality)
    rates["manufacturing_pct"] = rates["manufacturing_pct"] + rates.pop("manufacturing_low_pct")
    rates["gerd_chained_pct_gdp"] = splice(rates["gerd_pct_gdp"], rates["gerd_2011_pct_gdp"])
    return rates, pd.concat(quality, ignore_index=True)


def _weight(denominator: pd.DataFrame, years: pd.Index) -> pd.DataFrame:
    """The denominator as a weight for averages: its nearest known year stands in for a gap."""
    return denominator.reindex(columns=years).ffill(axis=1).bfill(axis=1)


def _population(raw: Raw, passage: Passage) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Population, the dataset each figure comes from, and the conversion report.

    Datasets in order of preference; each extends the ones before it by ratio (``splice``).
    """
    gdp, patents = "eurostat_gdp", "eurostat_patents"
    demography = "eurostat_population"

    def rows(
        table: str, dataset: str, indicator: str, unit: str, vintage: str | None = None
    ) -> pd.DataFrame:
        return select(raw[table], Published(dataset, table, dataset, indicator, unit, vintage))

    sources = {
        "tgs00096": rows(demography, "tgs00096", "POP", "NR"),
        "demo_r_d2jan": rows(demography, "demo_r_d2jan", "POP", "NR"),
        "regacc": rows("eurostat_gdp_vintages", "regacc", "POP", "POP", "V2021").assign(
            value=lambda thousands: 1000 * thousands["value"]
        ),
    } | {
        f"nama_10r_2gdp {vintage}": _implied_people(
            rows(gdp, "nama_10r_2gdp", "GDP", "MIO_EUR", vintage),
            rows(gdp, "nama_10r_2gdp", "GDP", "EUR_HAB", vintage),
        )
        for vintage in (latest_vintage(raw[gdp], "nama_10r_2gdp"), "2017-05")
    }
    # A region with few applications has a rounded rate: no people can be read from it.
    sources["pat_ep_rtot"] = _implied_people(
        rows(patents, "pat_ep_rtot", "EPO", "NR").query("value >= 5"),
        rows(patents, "pat_ep_rtot", "EPO", "P_MHAB"),
    )
    named = [frame.assign(column=f"population:{name}") for name, frame in sources.items()]
    converted = to_nuts_2013(pd.concat(named, ignore_index=True), passage)
    first, *others = sources
    population = converted.values[f"population:{first}"]
    origin = population.notna().replace({True: first, False: ""})
    for name in others:
        longer = splice(population, converted.values[f"population:{name}"])
        added = longer.notna() & population.reindex_like(longer).isna()
        origin = origin.reindex_like(longer).astype(object).fillna("").mask(added, name)
        population = longer
    return population, origin, converted.quality


def _implied_people(total: pd.DataFrame, per_head: pd.DataFrame) -> pd.DataFrame:
    """Persons implied by a total in millions and the same per head (or number and per million)."""
    both = total.merge(per_head, on=["geo", "geo_version", "year"], suffixes=("", "_per_head"))
    both = both[both["value_per_head"] > 0]
    both["value"] = 1e6 * both["value"] / both["value_per_head"]
    return both[["geo", "geo_version", "year", "value", "dataset"]]


def _same_every_year(values: pd.Series, years: pd.Index) -> pd.DataFrame:
    return pd.DataFrame(dict.fromkeys(years, values))


def _payments(raw: Raw, passage: Passage) -> tuple[Columns, pd.DataFrame]:
    """Payments summed over programming periods, each period converted from its own codes.

    A fund's series for a region runs from the first to the last year in which it is listed; a year
    without a line in between is a zero. Before and after, it is missing.
    """
    payments = raw["commission_payments"]
    wanted = {measure: column for column, measure in FUNDS.items()}
    labels = {}
    for indicator in sorted(payments["indicator"].unique()):
        fund, _, measure = indicator.split(".")
        if (fund, measure) in wanted:
            labels[indicator] = wanted[fund, measure]
    rows = payments[payments["indicator"].isin(list(labels))].rename(
        columns={"indicator": "column"}
    )
    converted = to_nuts_2013(rows.rename(columns={"indicator": "column"}), passage, ledger=True)
    totals: Columns = {}
    for indicator, wide in converted.values.items():
        column = labels[indicator]
        totals[column] = totals[column].add(wide, fill_value=0.0) if column in totals else wide
    quality = converted.quality
    quality["dataset"] = "tc55-7ysv " + quality["column"]
    quality["column"] = quality["column"].map(labels)
    return {column: _zero_between(wide) for column, wide in totals.items()}, quality


def _zero_between(wide: pd.DataFrame) -> pd.DataFrame:
    """Zero for the missing years between the first and the last known one."""
    wide = wide.sort_index(axis=1)
    seen = wide.notna().to_numpy()
    begun = np.logical_or.accumulate(seen, axis=1)
    not_over = np.logical_or.accumulate(seen[:, ::-1], axis=1)[:, ::-1]
    return wide.fillna(0.0).where(begun & not_over)


def _at_level(
    columns: Columns,
    listed: Columns,
    people: pd.DataFrame,
    level: int,
    raw: Raw,
    years: pd.Index,
) -> pd.DataFrame:
    """Long frame of one level: counts added up, rates averaged, per-head measures computed."""
    declared = variables()
    frame = _frame(raw, people.index, level, years)
    for name, wide in columns.items():
        if level < 2:
            denominator = declared[name].denominator
            weight = _weight(columns[denominator], years) if denominator else None
            wide = aggregate(wide, level, people, weight)
        frame[name] = _read_off(wide, frame)
    for name, wide in listed.items():
        frame[name] = _read_off(_listed_at(wide, level), frame)
    return frame.assign(**_derived(frame))


def all_nuts2(raw: Raw) -> pd.Index:
    """Every NUTS 2 code of the map, without the extra-regio codes (ZZ)."""
    names = raw["nuts_names"]
    codes = names.loc[names["version"].eq(NUTS_VERSION) & names["level"].eq(2), "code"]
    inside = codes[codes.str[:2].isin(COUNTRIES) & ~codes.str.endswith("ZZ")]
    return pd.Index(sorted(inside), name="geo")


def _frame(raw: Raw, regions: pd.Index, level: int, years: pd.Index) -> pd.DataFrame:
    """The empty panel of a level: one row per region and year with what does not change."""
    parents = regions.str[: level + 2]
    codes = pd.Index(sorted(set(parents)), name="geo")
    names = raw["nuts_names"]
    names = names[names["version"] == NUTS_VERSION].set_index("code")["name_latin"]
    flows = raw["nuts_flows"]
    same = flows["from_version"].eq(NUTS_VERSION) & flows["to_version"].eq(NUTS_VERSION)
    area = flows[same & flows["level"].eq(2)].groupby("from_code")["area_km2"].sum()
    area = area.reindex(regions)
    static = pd.DataFrame(index=codes)
    static["country"] = codes.str[:2]
    static["level"] = np.int8(level)
    static["name"] = names.reindex(codes).to_numpy()
    static["is_capital"] = codes.isin(list(CAPITALS.values()))
    static["area_km2"] = area.groupby(parents).sum(min_count=1)
    places = raw["nuts2_centroids"]
    places = places[places["version"] == NUTS_VERSION].set_index("geo")[["lon", "lat"]]
    static[["lon", "lat"]] = _centroids(places.reindex(regions), area, parents)
    grid = static.loc[codes.repeat(len(years))].reset_index()
    grid.insert(1, "year", np.tile(years.to_numpy(), len(codes)))
    return grid


def _centroids(places: pd.DataFrame, area: pd.Series, parents: pd.Index) -> pd.DataFrame:
    """Area-weighted centroid of each parent; overseas parts do not pull it off the continent."""
    near = places["lon"].between(-35, 50) & places["lat"].gt(25)
    alone = near.groupby(parents).transform("sum").eq(0)
    weight = area.where(near | alone)
    total = places.mul(weight, axis=0).groupby(parents).sum(min_count=1)
    return total.div(weight.groupby(parents).sum(min_count=1), axis=0)


def _read_off(wide: pd.DataFrame, frame: pd.DataFrame) -> np.ndarray:
    """Values of geo × year in the row order of a full grid sorted by geo, then year."""
    return (
        wide.reindex(index=frame["geo"].unique(), columns=frame["year"].unique()).to_numpy().ravel()
    )


def _listed(raw: Raw, passage: Passage, people: pd.DataFrame) -> Columns:
    """Money of the 2007-2013 ERDF lists in EUR: NUTS 2 (Denmark, Finland) and NUTS 1 (Germany).

    A listed region without an operation in a year has a zero; one without a list is missing.
    """
    lists = raw["erdf_clusters"].merge(_crowns_per_euro(raw), on=["unit", "year"], how="left")
    lists["value"] = lists["value"] / lists["per_euro"].fillna(1.0)
    result = {}
    for column, indicator in LISTED.items():
        rows = lists[(lists["indicator"] == indicator) & lists["year"].isin(YEARS_LISTED)]
        wide = rows.pivot(index=["geo", "geo_version"], columns="year", values="value")
        wide = wide.reindex(columns=YEARS_LISTED).fillna(0.0)
        long = wide.stack().rename("value").reset_index().assign(column=column, dataset="lists")
        fine = to_nuts_2013(long, passage).values[column].dropna(how="all")
        lands = wide.droplevel("geo_version")
        lands = lands[lands.index.str.len() == 3]
        coarse = [aggregate(fine, level, people).dropna(how="all") for level in (1, 0)]
        result[column] = pd.concat([fine, lands, *coarse])
    return result


def _listed_at(wide: pd.DataFrame, level: int) -> pd.DataFrame:
    return wide[wide.index.str.len() == level + 2]


def _crowns_per_euro(raw: Raw) -> pd.DataFrame:
    """Danish crowns per euro by year, as the regional accounts imply them (DK total)."""
    gdp = raw["eurostat_gdp"]
    latest = gdp["vintage"].eq(latest_vintage(gdp, "nama_10r_2gdp"))
    danish = gdp[gdp["geo"].eq("DK") & gdp["dataset"].eq("nama_10r_2gdp") & latest]
    wide = danish.pivot(index="year", columns="unit", values="value")
    rate = (wide["MIO_NAC"] / wide["MIO_EUR"]).rename("per_euro").reset_index()
    return rate.assign(unit="DKK")


def _derived(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Per head, per area and per GDP measures; every one from columns of the same row."""
    people = frame["population"]
    money_per_head = 1e6 * frame["gdp_mio_eur"] / people
    funds = frame["erdf_eur"] + frame["esf_eur"] + frame["cohesion_fund_eur"].fillna(0.0)
    volume = frame["real_gdp_index"] / 100 * frame["gdp_2015_mio_eur"]
    derived = {
        "density": people / frame["area_km2"],
        "gdp_eur_per_head": money_per_head,
        "gdp_pps_per_head": 1e6 * frame["gdp_mio_pps"] / people,
        "real_gdp_eur2015_per_head": 1e6 * volume / people,
        "employment_per_head": 100 * 1000 * frame["employment_ths"] / people,
        "hightech_jobs_per_thousand": 1e6
        * (frame["hightech_pct"] / 100 * frame["employment_ths"])
        / people,
        "rd_personnel_per_thousand": 1000 * frame["rd_personnel_fte"] / people,
        "patents_per_million": 1e6 * frame["patents"] / people,
        "hrst_per_head": 100 * 1000 * frame["hrst_ths"] / people,
        "structural_funds_eur_per_head": funds / people,
        "cluster_eur_per_head": frame["cluster_funding_eur"] / people,
    }
    for sector in ("gerd", "berd", "goverd", "herd", "gerd_chained"):
        derived[f"{sector}_eur_per_head"] = frame[f"{sector}_pct_gdp"] / 100 * money_per_head
    for fund in ("erdf", "erdf_modelled", "esf"):
        derived[f"{fund}_eur_per_head"] = frame[f"{fund}_eur"] / people
    return derived
