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
    figures of the file that found no place, with the reason (``UNPLACED``). larger: rows of NUTS 1
    that are not given to regions of NUTS 2.
    """

    indicator: Indicator
    levels: dict[int, Wide]
    account: pd.DataFrame
    unplaced: pd.DataFrame
    larger: pd.DataFrame


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
    counts by residents, rates as they are, where the file has no figure for these; those of a
    NUTS 1 region that is a single NUTS 2 region always are. A figure the file gives for a level
    stands there; where it gives none, finer figures are added up (rates averaged), as everywhere in
    the panel. Rows of a list are never part of one another: those of all levels are added up.

    Raises CompendiumError when the denominator is no column of the panel or when a conversion does
    not conserve its total.
    """
    rows = checked.observations
    rows = rows[rows["indicator"].eq(indicator.name) & rows["value"].notna()]
    weight = _weight(regions, indicator.denominator or "population") if _averaged(indicator) else {}
    ledger = indicator.kind == "money" and checked.is_list
    by_level, given, left = _to_levels(rows, indicator, flows, spread, ledger)
    levels, accounts, aside = {}, [], [left]
    for level in (2, 1):
        own = by_level[level]
        levels[level], account, lost = _converted(own, indicator, level, flows, weight, ledger)
        accounts.append(account)
        aside.append(lost[~_listed(lost, given)])
    levels[0] = _wide(by_level[0])
    if ledger:
        levels = _of_a_list(levels)
    else:
        levels = _added_up(levels, _by_level(regions, 2, "population"), weight.get(2))
    return Placed(
        indicator,
        levels,
        pd.concat(accounts, ignore_index=True)[list(ACCOUNT)],
        pd.concat(aside, ignore_index=True)[list(UNPLACED)],
        by_level[1][~_listed(by_level[1], given)],
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


def _unplaced(rows: pd.DataFrame, why: str) -> pd.DataFrame:
    """``UNPLACED``, one row per figure."""
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


# --- from the levels of the file to NUTS 2 ------------------------------------------------------


def _to_levels(
    rows: pd.DataFrame, indicator: Indicator, flows: pd.DataFrame, spread: bool, ledger: bool
) -> tuple[dict[int, pd.DataFrame], pd.DataFrame, pd.DataFrame]:
    """Figures of levels 2, 1 and 0 with those that NUTS 3 and NUTS 1 give to NUTS 2; the figures of
    NUTS 1 that are given; what is left.

    Of statistics a figure of the file stands before one made of others; rows of a list add up, and
    what is given to NUTS 2 is then no longer at NUTS 1.
    """
    own, larger, national = (rows[rows["nuts_level"].eq(level)] for level in (2, 1, 0))
    small = rows[rows["nuts_level"].eq(3)]
    small = small.assign(parent=small["geo"].str[:4])
    beside = small.iloc[:0] if ledger else small[_listed(small, own, geo="parent")]
    fine, left = _from_level_3(small.drop(beside.index), indicator, flows, ledger)
    why = "the file has a figure of its NUTS 2 region, which stands"
    left = pd.concat([_unplaced(beside, why), left], ignore_index=True)
    parts = _given_to_parts(larger, indicator, flows, spread)
    is_given = _listed(larger, parts.assign(geo=parts["geo"].str[:3]))
    given = larger[is_given]
    if ledger:
        larger = larger[~is_given]
        own = _summed(pd.concat([own, fine, parts], ignore_index=True))
    else:
        for others in (fine, parts):
            new = others[~_listed(others, own)]
            own = pd.concat([own, new], ignore_index=True)
    return {2: own, 1: larger, 0: national}, given, left


def _listed(rows: pd.DataFrame, others: pd.DataFrame, geo: str = "geo") -> pd.Series:
    """Which rows have a territory (their column ``geo``), version and year that ``others`` have."""
    keys = ["geo_version", "year"]
    listed = pd.MultiIndex.from_frame(others[["geo", *keys]])
    found = pd.MultiIndex.from_frame(rows[[geo, *keys]]).isin(listed)
    return pd.Series(found, index=rows.index, dtype=bool)


def _summed(rows: pd.DataFrame) -> pd.DataFrame:
    keys = ["geo", "geo_version", "year"]
    sums = rows.groupby(keys, as_index=False).agg(
        indicator=("indicator", "first"), value=("value", "sum"), source_row=("source_row", "min")
    )
    return sums.assign(nuts_level=2)


def _from_level_3(
    small: pd.DataFrame, indicator: Indicator, flows: pd.DataFrame, ledger: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Figures of NUTS 3 as figures of the NUTS 2 regions of the same version, and what is left out.

    small: with ``parent``, the NUTS 2 region. A count stands only where every part of the region
    has a figure, unless it is a sum over a list. A rate is averaged by the residents of 2011 (JRC
    grid), where all parts have one.
    """
    if small.empty:
        return small.drop(columns="parent"), _unplaced(small, "")
    people = _people_of(flows, 3)
    small = small.merge(people, on=["geo", "geo_version"], how="left")
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


def _given_to_parts(
    rows: pd.DataFrame, indicator: Indicator, flows: pd.DataFrame, spread: bool
) -> pd.DataFrame:
    """Figures of NUTS 1 as figures of the NUTS 2 regions of the same version.

    Without ``spread`` those of a single NUTS 2 region only, which has the same figure.
    """
    parts = _people_of(flows, 2).rename(columns={"geo": "part"})
    parts["geo"] = parts["part"].str[:3]
    inside = parts.groupby(["geo", "geo_version"])["people"]
    share = parts["people"] / inside.transform("sum")
    parts["share"] = 1.0 if _averaged(indicator) else share
    if not spread:
        parts = parts[inside.transform("size").eq(1)]
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
    else:
        wide, account = _larger(rows, indicator, passage, denominator, ledger)
    lost += _not_arrived(rows, wide, passage)
    _require_conserved(account)
    return wide.dropna(how="all"), account, pd.concat(lost, ignore_index=True)


def _not_arrived(rows: pd.DataFrame, wide: Wide, passage: Passage) -> list[pd.DataFrame]:
    """Figures of which nothing stands on the map (``UNPLACED``), by reason."""
    apart, gone = [rows.iloc[:0]], [rows.iloc[:0]]
    for version, group in rows.groupby("geo_version", sort=True):
        links = passage.to_2013(str(version)).gt(0)
        known = wide.reindex(index=links.columns, columns=sorted(set(group["year"]))).notna()
        arrived = links.astype(int) @ known.astype(int) > 0
        at = arrived.index.get_indexer(group["geo"])
        stands = arrived.to_numpy()[at, arrived.columns.get_indexer(group["year"])]
        apart.append(group[(at >= 0) & ~stands])
        gone.append(group[at < 0])
    return [
        _unplaced(pd.concat(gone), "the code has no flow to NUTS 2013"),
        _unplaced(pd.concat(apart), "other parts of its NUTS 2013 region have no figure that year"),
    ]


def _larger(
    rows: pd.DataFrame,
    indicator: Indicator,
    passage: Passage,
    denominator: Wide | None,
    ledger: bool,
) -> tuple[Wide, pd.DataFrame]:
    """NUTS 1 by version. Where two versions reach one territory and year, lines of a list add up;
    of statistics NUTS 2013 comes first.
    """
    result = pd.DataFrame(index=pd.Index([], name="geo", dtype=str), dtype=float)
    accounts: list[dict[str, object]] = []
    for version in sorted(rows["geo_version"].unique(), key=lambda v: (v != NUTS_VERSION, v)):
        wide = _wide(rows[rows["geo_version"].eq(version)])
        shares = passage.to_2013(version)
        mine = None
        if denominator is not None:
            there = denominator.reindex(columns=wide.columns)
            mine = convert(there, passage.from_2013(version)).values
        done = convert(wide, shares, mine, ledger)
        values = done.values
        result = result.add(values, fill_value=0) if ledger else result.combine_first(values)
        accounts.append(_account(indicator.name, str(version), wide, done))
    return result, pd.DataFrame(accounts)


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


def _of_a_list(levels: dict[int, Wide]) -> dict[int, Wide]:
    """Levels 1 and 0 with what is listed inside them; a listed territory without a line in a year
    of the list has nothing booked: zero.
    """
    listed = [int(year) for wide in levels.values() for year in wide.columns]
    years = pd.Index(range(min(listed), max(listed) + 1) if listed else [], name="year")
    result = {2: levels[2]}
    for level in (1, 0):
        finer = result[level + 1]
        inside = finer.groupby(finer.index.astype(str).str[: level + 2]).sum(min_count=1)
        result[level] = levels[level].add(inside, fill_value=0)
    return {
        level: wide.reindex(columns=years).fillna(0.0) if len(wide) else wide
        for level, wide in result.items()
    }


def _added_up(levels: dict[int, Wide], people: Wide, weight: Wide | None) -> dict[int, Wide]:
    """Levels 1 and 0 also from level 2, where the file gives no figure of its own.

    A sum that lacks more than a hundredth of the people is missing.
    """
    finer = levels[2]
    if finer.empty:
        return levels
    shares = None if weight is None else weight.reindex(columns=finer.columns)
    result = {2: finer}
    for level in (1, 0):
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
