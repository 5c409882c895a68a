"""A checked file's indicators on the map of the panel: NUTS 2013 at levels 2, 1 and 0.

The panel's own machinery does the work: counts and money are split by the people who live where
territories were split, rates are averaged by their denominator, and what went in is compared with
what came out. A figure that cannot be placed is set aside and counted, never dropped unsaid.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import pandas as pd

from analysis import CompendiumError
from analysis.intake.checked import Checked, Indicator
from analysis.intake.gazetteer import iso3_of
from analysis.panel.codes import COUNTRIES
from analysis.panel.series import to_nuts_2013
from analysis.panel.territories import NUTS_VERSION, Conversion, Passage, aggregate, convert

#: Columns of the account of what a conversion did, as in the panel's table ``conversion``.
ACCOUNT = (
    *("column", "dataset", "level", "geo_version", "first_year", "last_year", "regions_in"),
    *("regions_out", "mass_before", "mass_after", "mass_set_aside", "conservation_gap"),
)
UNPLACED = ("indicator", "geo", "geo_version", "nuts_level", "year", "value", "source_row", "why")
TOLERANCE = 1e-9

#: Territory × year.
Wide: TypeAlias = pd.DataFrame


@dataclass(frozen=True)
class Placed:
    """One indicator on the map.

    levels: NUTS level → code × year; level 0 also holds countries outside the map of NUTS, by
    ISO 3166 alpha-3 code. account: one row per level and origin version (``ACCOUNT``). unplaced:
    figures of the file that found no place, with the reason (``UNPLACED``).
    """

    indicator: Indicator
    levels: dict[int, Wide]
    account: pd.DataFrame
    unplaced: pd.DataFrame


def place(
    checked: Checked,
    indicator: Indicator,
    flows: pd.DataFrame,
    regions: pd.DataFrame,
    spread: bool = False,
) -> Placed:
    """Put one indicator of a checked file on NUTS 2013.

    flows: the JRC flows of all levels (``nuts_flows``). regions: the panel's table, for people and
    denominators. spread: figures of NUTS 1 are also given to the NUTS 2 regions they consist of,
    counts by residents, rates as they are, where the file has no figure for these. A figure the
    file gives for a level stands there; where it gives none, finer figures are added up (rates
    averaged), as everywhere in the panel.

    Raises CompendiumError when the denominator is no column of the panel or when a conversion does
    not conserve its total.
    """
    rows = checked.observations
    rows = rows[rows["indicator"].eq(indicator.name) & rows["value"].notna()]
    aside = []
    weight = _weight(regions, indicator.denominator or "population") if _averaged(indicator) else {}
    ledger = _is_list(checked, indicator)
    fine, small = _from_level_3(rows, indicator, flows, ledger)
    aside.append(small)
    levels, accounts = {}, []
    for level in (2, 1):
        own = rows[rows["nuts_level"].eq(level)]
        if level == 2:
            own = pd.concat([own, _new_only(fine, own)], ignore_index=True)
            if spread:
                parts = _given_to_parts(rows[rows["nuts_level"].eq(1)], indicator, flows)
                own = pd.concat([own, _new_only(parts, own)], ignore_index=True)
        levels[level], account, lost = _converted(own, indicator, level, flows, weight, ledger)
        accounts.append(account)
        aside.append(lost)
    levels[0] = _wide(rows[rows["nuts_level"].eq(0)])
    if ledger:
        levels = {level: _zero_where_listed(wide) for level, wide in levels.items()}
    people = _by_level(regions, 2, "population")
    levels = _added_up(levels, people, weight.get(2), ledger)
    return Placed(
        indicator,
        levels,
        pd.concat(accounts, ignore_index=True)[list(ACCOUNT)],
        pd.concat(aside, ignore_index=True)[list(UNPLACED)],
    )


def without_strangers(placed: Placed, rows: pd.DataFrame, countries: Collection[str]) -> Placed:
    """The same, with the figures of countries that are not among ``countries`` set aside.

    rows: observations of the file. A country outside the map of regions (Türkiye) is known to
    the panel by its ISO 3166 code.
    """
    names = {code: code if code in countries else iso3_of(code) or code for code in rows["geo"]}
    national = placed.levels[0].rename(index=names)
    rows = rows.assign(geo=rows["geo"].map(names))
    strange = sorted(set(national.index) - set(countries))
    mine = rows["indicator"].eq(placed.indicator.name) & rows["value"].notna()
    lost = rows[mine & rows["nuts_level"].eq(0) & rows["geo"].isin(strange)]
    return replace(
        placed,
        levels=placed.levels | {0: national.drop(index=strange)},
        unplaced=pd.concat(
            [placed.unplaced, _unplaced(lost, "the panel does not have this country")],
            ignore_index=True,
        ),
    )


def _averaged(indicator: Indicator) -> bool:
    return indicator.kind in ("rate", "index")


def _is_list(checked: Checked, indicator: Indicator) -> bool:
    """Whether figures are sums over lines of a list, in which nothing booked is no line."""
    return indicator.kind == "money" and checked.counts.cells_used > len(checked.observations)


def _unplaced(rows: pd.DataFrame, why: str) -> pd.DataFrame:
    return rows.assign(why=why).reindex(columns=list(UNPLACED))


def _wide(rows: pd.DataFrame) -> Wide:
    return rows.pivot(index="geo", columns="year", values="value").sort_index()


def _by_level(regions: pd.DataFrame, level: int, column: str) -> Wide:
    at_level = regions[regions["level"] == level]
    return at_level.pivot(index="geo", columns="year", values=column)


def _weight(regions: pd.DataFrame, column: str) -> dict[int, Wide]:
    """The denominator at levels 2 and 1; its nearest known year stands in for a gap."""
    if column not in regions or not pd.api.types.is_float_dtype(regions[column]):
        raise CompendiumError(
            f"denominator {column!r} is no quantity of the panel of regions; give one such as "
            "population, gdp_mio_eur or employment_ths"
        )
    wides = {level: _by_level(regions, level, column) for level in (2, 1)}
    return {level: wide.ffill(axis=1).bfill(axis=1) for level, wide in wides.items()}


# --- NUTS 3 -------------------------------------------------------------------------------------


def _from_level_3(
    rows: pd.DataFrame, indicator: Indicator, flows: pd.DataFrame, ledger: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Figures of NUTS 3 as figures of the NUTS 2 regions of the same version, and what is left out.

    A count stands only where every part of the region has a figure, unless it is a sum over a
    list. A rate is averaged by the residents of 2011 (JRC grid), where all parts have one.
    """
    small = rows[rows["nuts_level"].eq(3)]
    if small.empty:
        return rows.iloc[:0], _unplaced(small, "")
    people = _people_of(flows, 3)
    small = small.merge(people, on=["geo", "geo_version"], how="left")
    small["parent"] = small["geo"].str[:4]
    keys = ["parent", "geo_version", "year"]
    weight = small["people"] if _averaged(indicator) else pd.Series(1.0, small.index)
    sums = small.assign(mass=small["value"] * weight, weight=weight).groupby(keys, as_index=False)
    parents = sums.agg(
        mass=("mass", "sum"), weight=("weight", "sum"), parts=("geo", "nunique"),
        source_row=("source_row", "min"),
    )  # fmt: skip
    wanted = people.assign(parent=people["geo"].str[:4]).groupby(["parent", "geo_version"]).size()
    parents = parents.merge(wanted.rename("wanted").reset_index(), how="left")
    divisor = parents["weight"] if _averaged(indicator) else 1.0
    parents["value"] = parents["mass"] / divisor
    whole = parents["parts"].eq(parents["wanted"]) | ledger
    found = parents[whole].rename(columns={"parent": "geo"}).assign(nuts_level=2)
    left = small.merge(parents.loc[~whole, keys], on=keys)
    why = "other parts of its NUTS 2 region have no figure that year"
    return found.assign(indicator=indicator.name), _unplaced(left, why)


def _people_of(flows: pd.DataFrame, level: int) -> pd.DataFrame:
    """Residents of 2011 of each region of a level, by version; NUTS 2024 is read as 2021."""
    same = flows[flows["level"].eq(level) & flows["from_version"].eq(flows["to_version"])]
    people = same.groupby(["from_code", "from_version"], as_index=False)["pop11"].sum()
    people.columns = ["geo", "geo_version", "people"]
    newest = people[people["geo_version"].eq("2021")].assign(geo_version="2024")
    return pd.concat([people, newest], ignore_index=True)


def _new_only(fine: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Sums of parts for regions and years of which the file gives no figure itself."""
    keys = ["geo", "geo_version", "year"]
    given = pd.MultiIndex.from_frame(own[keys])
    return fine[~pd.MultiIndex.from_frame(fine[keys]).isin(given)]


def _given_to_parts(rows: pd.DataFrame, indicator: Indicator, flows: pd.DataFrame) -> pd.DataFrame:
    """Figures of NUTS 1 as figures of the NUTS 2 regions of the same version."""
    parts = _people_of(flows, 2).rename(columns={"geo": "part"})
    parts["geo"] = parts["part"].str[:3]
    share = parts["people"] / parts.groupby(["geo", "geo_version"])["people"].transform("sum")
    parts["share"] = 1.0 if _averaged(indicator) else share
    given = rows.merge(parts, on=["geo", "geo_version"])
    given = given.assign(value=given["value"] * given["share"], geo=given["part"], nuts_level=2)
    return given[list(rows.columns)]


# --- the passage to NUTS 2013 --------------------------------------------------------------------


def _converted(
    rows: pd.DataFrame,
    indicator: Indicator,
    level: int,
    flows: pd.DataFrame,
    weight: Mapping[int, Wide],
    ledger: bool,
) -> tuple[Wide, pd.DataFrame, pd.DataFrame]:
    """Figures of one level on NUTS 2013, the account, and what found no place."""
    empty = pd.DataFrame(index=pd.Index([], name="geo", dtype=str), dtype=float)
    if rows.empty:
        return empty, pd.DataFrame(columns=list(ACCOUNT)), _unplaced(rows, "")
    # The machinery of level 2, on the flows of this level.
    passage = Passage(flows[flows["level"].eq(level)].assign(level=2))
    known = rows["geo_version"].ne("") & rows["geo"].str[:2].isin(COUNTRIES)
    lost = [_unplaced(rows[~known], "the code is of no version of NUTS that flows exist for")]
    rows = rows[known]
    if rows.empty:
        return empty, pd.DataFrame(columns=list(ACCOUNT)), lost[0]
    denominator = weight.get(level)
    if level == 2:
        named = rows.assign(column=indicator.name, dataset="own")
        done = to_nuts_2013(named, passage, denominator, ledger)
        wide = done.values.get(indicator.name, empty)
        account = done.quality.assign(level=level)
        gone = sorted(set(" ".join(account["regions_lost"]).split()))
        nowhere = rows["geo"].isin(gone)
    else:
        wide, account, nowhere = _larger(rows, indicator, passage, denominator, ledger)
    lost.append(_unplaced(rows[nowhere], "the code has no flow to NUTS 2013"))
    _require_conserved(account)
    return wide.dropna(how="all"), account, pd.concat(lost, ignore_index=True)


def _larger(
    rows: pd.DataFrame,
    indicator: Indicator,
    passage: Passage,
    denominator: Wide | None,
    ledger: bool,
) -> tuple[Wide, pd.DataFrame, pd.Series]:
    """NUTS 1 by version; where two versions reach one territory and year, NUTS 2013 comes first."""
    result = pd.DataFrame(index=pd.Index([], name="geo", dtype=str), dtype=float)
    accounts: list[dict[str, object]] = []
    lost: list[str] = []
    for version in sorted(rows["geo_version"].unique(), key=lambda v: (v != NUTS_VERSION, v)):
        wide = _wide(rows[rows["geo_version"].eq(version)])
        shares = passage.to_2013(version)
        mine = None
        if denominator is not None:
            there = denominator.reindex(columns=wide.columns)
            mine = convert(there, passage.from_2013(version)).values
        done = convert(wide, shares, mine, ledger)
        result = result.combine_first(done.values)
        accounts.append(_account(indicator.name, str(version), wide, done))
        lost += done.lost
    return result, pd.DataFrame(accounts), rows["geo"].isin(lost)


def _account(column: str, version: str, wide: Wide, done: Conversion) -> dict[str, object]:
    before, after, aside = (float(part.sum()) for part in (done.before, done.after, done.set_aside))
    scale = abs(before) or 1.0
    return {
        "column": column,
        "dataset": "own",
        "level": 1,
        "geo_version": version,
        "first_year": int(wide.columns.min()),
        "last_year": int(wide.columns.max()),
        "regions_in": len(wide),
        "regions_out": int(done.values.notna().any(axis=1).sum()),
        "mass_before": before,
        "mass_after": after,
        "mass_set_aside": aside,
        "conservation_gap": abs(before - after - aside) / scale,
    }


def _require_conserved(account: pd.DataFrame) -> None:
    worst = account["conservation_gap"].max()
    if worst > TOLERANCE:
        raise CompendiumError(
            f"converting {account['column'].iloc[0]} to NUTS 2013 changes its total by {worst:.1e}"
        )


def _zero_where_listed(wide: Wide) -> Wide:
    """A listed territory without a line in a year of the list has nothing booked: zero."""
    if wide.empty:
        return wide
    years = pd.Index(range(int(wide.columns.min()), int(wide.columns.max()) + 1), name="year")
    return wide.reindex(columns=years).fillna(0.0)


def _added_up(
    levels: dict[int, Wide], people: Wide, weight: Wide | None, ledger: bool
) -> dict[int, Wide]:
    """Levels 1 and 0 also from level 2, where the file gives no figure of its own.

    Of a list everything listed is added up; of other figures a sum that lacks more than a hundredth
    of the people is missing.
    """
    finer = levels[2]
    if finer.empty:
        return levels
    result = {2: finer}
    for level in (1, 0):
        if ledger:
            summed = finer.groupby(finer.index.str[: level + 2]).sum(min_count=1)
        else:
            shares = None if weight is None else weight.reindex(columns=finer.columns)
            summed = aggregate(finer, level, people, shares)
        result[level] = levels[level].combine_first(summed.dropna(how="all"))
    return result


def as_column(levels: Mapping[int, Wide], frame: pd.DataFrame, unit: str = "geo") -> np.ndarray:
    """The figures in the rows of a panel table (``level, geo, year`` or ``country, year``)."""
    values = np.full(len(frame), np.nan)
    at_level = frame["level"] if "level" in frame else pd.Series(0, frame.index)
    for level, wide in levels.items():
        here = at_level.eq(level).to_numpy()
        if wide.empty or not here.any():
            continue
        rows = wide.index.get_indexer(frame.loc[here, unit])
        columns = wide.columns.get_indexer(frame.loc[here, "year"])
        found = wide.to_numpy(dtype=float)[rows, columns]
        values[here] = np.where((rows >= 0) & (columns >= 0), found, np.nan)
    return values
