"""Who was eligible for the highest aid of cohesion policy, and the figure that decided it.

Regions with GDP per head (PPS) below 75 % of the Union's average were Convergence regions in
2007-2013 (mean of 2000-2002 against the EU25) and less developed regions in 2014-2020 (mean of
2007-2009 against the EU27). The running variable is rebuilt from releases close to the decisions,
because later revisions move regions across the threshold:

- 2007-2013: GDP per inhabitant of the release of May 2011 (NUTS 2006), the oldest carried;
- 2014-2020: releases V2015 to V2021 of the regional accounts: the first that has the region.

The decisions used releases of 2005 and 2012 that are not carried, so the rule is fuzzy here.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.panel.series import Published, select, to_nuts_2013
from analysis.panel.territories import NUTS_VERSION, Passage

Raw = Mapping[str, pd.DataFrame]

THRESHOLD = 75.0
TREATED_STATUS = ("Convergence regions", "Less developed regions")
#: Member states on 1 May 2004, the EU25 of the 2007-2013 rule.
EU25 = (
    *("AT", "BE", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HU", "IE", "IT", "LT"),
    *("LU", "LV", "MT", "NL", "PL", "PT", "SE", "SI", "SK", "UK"),
)
RELEASES = ("V2015", "V2016", "V2017", "V2018", "V2019", "V2020", "V2021")


def build_eligibility(raw: Raw, passage: Passage) -> pd.DataFrame:
    """One row per NUTS 2 (2013) region and programming period, sorted.

    Columns ``geo, country, period, status, running, running_vintage, running_centred, treated,
    programme_eur``; ``treated`` is missing where the status is.
    """
    running = {"2007-2013": _running_2007(raw, passage), "2014-2020": _running_2014(raw, passage)}
    pieces = {
        period: _status(raw["commission_eligibility"], period, passage)
        .join(found, how="outer")
        .join(_programme_money(raw["commission_payments"], period, passage))
        for period, found in running.items()
    }
    frame = pd.concat(pieces, names=["period", "geo"]).reset_index()
    frame.insert(1, "country", frame["geo"].str[:2])
    frame["running_centred"] = frame["running"] - THRESHOLD
    treated = frame["status"].isin(TREATED_STATUS).astype(float)
    frame["treated"] = treated.where(frame["status"].notna())
    frame["running_vintage"] = frame["running_vintage"].where(frame["running"].notna())
    return frame


def _status(table: pd.DataFrame, period: str, passage: Passage) -> pd.DataFrame:
    """Status on the map of NUTS 2013; missing where a region's origins had different ones."""
    rows = table[(table["period"] == period) & (table["status"] != "")]
    pieces = []
    for version, group in rows.groupby("geo_version", sort=True):
        shares = passage.to_2013(str(version))
        link = shares.rename_axis(index="origin", columns="geo").stack()
        link = link[link > 0].rename("share").reset_index()
        pieces.append(link.merge(group, left_on="origin", right_on="geo", how="left"))
    every = pd.concat(pieces, ignore_index=True).groupby("geo_x")["status"]
    summary = pd.DataFrame({"status": every.first(), "kinds": every.nunique(dropna=False)})
    agreed = summary[(summary["kinds"] == 1) & summary["status"].notna()]
    return agreed[["status"]].rename_axis("geo")


def _programme_money(payments: pd.DataFrame, period: str, passage: Passage) -> pd.Series:
    """Payments of a period's ERDF, ESF and Cohesion Fund programmes, whenever they were made."""
    wanted = [f"{fund}.{period}.payment" for fund in ("ERDF", "ESF", "CF")]
    rows = payments[payments["indicator"].isin(wanted)].rename(columns={"indicator": "column"})
    converted = to_nuts_2013(rows, passage, ledger=True)
    funds = [wide.sum(axis=1, min_count=1) for wide in converted.values.values()]
    return pd.concat(funds, axis=1).sum(axis=1, min_count=1).rename("programme_eur")


def _running_2007(raw: Raw, passage: Passage) -> pd.DataFrame:
    source = Published("running", "eurostat_gdp", "tgs00005", "GDP", "PPS_HAB", "2011-05")
    rows = select(raw["eurostat_gdp"], source)
    rows = rows[rows["geo_version"].eq("2006") & rows["geo"].str[:2].isin(EU25)]
    wide = rows.pivot(index="geo", columns="year", values="value")[[2000, 2001, 2002]]
    mean = wide.mean(axis=1, skipna=False).dropna()
    people = passage.people("2006").reindex(mean.index)
    average = np.average(mean[people.notna()], weights=people.dropna())
    index = (100 * mean / average).rename("value").reset_index()
    running = _on_2013(index.assign(geo_version="2006", year=2002, dataset="tgs00005"), passage)
    return pd.DataFrame({"running": running, "running_vintage": "2011-05"})


def _running_2014(raw: Raw, passage: Passage) -> pd.DataFrame:
    pieces = []
    for release in RELEASES:
        source = Published(
            "running", "eurostat_gdp_vintages", "regacc", "GDP", "PPS_HAB_EU27", release
        )
        rows = select(raw["eurostat_gdp_vintages"], source)
        rows = rows[rows["year"].between(2007, 2009)]
        wide = rows.pivot(index=["geo", "geo_version"], columns="year", values="value")
        mean = wide.mean(axis=1, skipna=False).dropna().rename("value").reset_index()
        running = _on_2013(mean.assign(year=2009, dataset="regacc"), passage)
        pieces.append(pd.DataFrame({"running": running, "running_vintage": release}))
    every = pd.concat(pieces).dropna(subset=["running"])
    return every[~every.index.duplicated(keep="first")].sort_index()


def _on_2013(rows: pd.DataFrame, passage: Passage) -> pd.Series:
    """A per-head index on NUTS 2013, averaged by the population of 2011."""
    year = int(rows["year"].iloc[0])
    people = passage.people(NUTS_VERSION).to_frame(year)
    converted = to_nuts_2013(rows.assign(column="running"), passage, people)
    return converted.values["running"][year]


def status_changes(eligibility: pd.DataFrame) -> pd.DataFrame:
    """Regions that kept or lost the highest aid, with the year in which they lost it.

    eligibility: as ``load("eligibility")``. Returns one row per region that had the highest aid
    before: columns ``geo, lost_in`` (2007, 2014 or missing for regions that kept it to 2020).

    Phasing-out and phasing-in regions of 2007-2013 are those that had been Objective 1 in
    2000-2006 (Council Regulation (EC) No 1083/2006, article 8) and lost it in 2007. Convergence
    regions of 2007-2013 lost it in 2014 or kept it.
    """
    wide = eligibility.pivot(index="geo", columns="period", values="status")
    early, late = wide["2007-2013"], wide["2014-2020"]
    lost_2007 = early.isin(["Phasing-out regions", "Phasing-in regions"])
    convergence = early.eq("Convergence regions") & late.notna()
    kept = convergence & late.eq("Less developed regions")
    year = pd.Series(np.nan, index=wide.index)
    year = year.mask(lost_2007, 2007.0).mask(convergence & ~kept, 2014.0)
    return pd.DataFrame({"lost_in": year})[lost_2007 | convergence].reset_index()
