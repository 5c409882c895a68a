"""Figures for a column the panel already has: they go where its published figures stand.

The panel is then built again by its own code, so that everything made from the column follows. The
rule is said by the user: ``replace`` (in every country the file covers, the series is the file's,
and a figure it lacks is withdrawn) or ``extend`` (published figures stay, the file fills what is
missing).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from analysis import CompendiumError
from analysis.intake.checked import Indicator
from analysis.intake.join import UNPLACED, Placed, Wide
from analysis.intake.units import parse_unit
from analysis.panel.codebook import variables
from analysis.panel.codes import ISO3
from analysis.panel.countries import OECD, WORLD_BANK
from analysis.panel.regions import COUNTS, FUNDS, RATES
from analysis.panel.series import select
from analysis.panel.territories import NUTS_VERSION

Rule = Literal["refuse", "replace", "extend"]
Tables = Mapping[str, pd.DataFrame]

#: Columns of the panel that are sums of two published series: neither is the column.
_SUMS = ("manufacturing_pct",)
#: Counts are said as numbers or as persons.
_SAME = {"PERS": "NR"}
_PAYMENTS = "commission_payments"


#: What :func:`put` gives the panel besides raw tables: whole series, as ``series.select`` has them.
OWN_SERIES = "own"


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the published figures of a column stand: rows of a table of ``data/raw``.

    unit, dataset, indicator and vintage are given to rows that are added; ``rows`` says which make
    up the column now.
    """

    table: str
    dataset: str
    indicator: str
    unit: str
    vintage: str
    rows: pd.Series


def put(
    placed: Placed, file: str, rule: Rule, raw: Tables, panel: Tables
) -> dict[str, pd.DataFrame]:
    """What the panel is to be built from when ``placed`` takes its place among published figures.

    Raw tables that change, and ``OWN_SERIES``: whole series for columns of the regions. raw, panel:
    tables as they are. Raises CompendiumError when the column is computed from others and when the
    file's unit is not the column's.
    """
    indicator = placed.indicator
    name = indicator.name
    variable = variables()[name]
    changed: dict[str, pd.DataFrame] = {}
    fine, national = placed.levels[2], placed.levels[0]
    if not fine.empty and "regions" in variable.tables:
        changed |= _regional(name, fine, indicator, file, rule, raw, panel["regions"])
    if not national.empty and "countries" in variable.tables:
        changed |= _national(name, national, indicator, file, rule, raw, panel["countries"])
    if not changed:
        raise CompendiumError(
            f"{file}: {name!r} is a column of the panel that is computed ({variable.transformation}"
            f"{'; ' + variable.source if variable.source else ''}) or has no figures at the levels "
            "of the file; bring the figures it is made of, or give the indicator another name in "
            "the declaration"
        )
    return changed


def without_unused(
    placed: Placed, rows: pd.DataFrame, rule: Rule, panel: Tables, changed: Collection[str]
) -> Placed:
    """The same, with the figures set aside that did not come into the panel.

    rows: observations of the file. panel: tables as they were. changed: the raw tables that took
    figures (:func:`put`).
    """
    mine = rows[rows["indicator"].eq(placed.indicator.name) & rows["value"].notna()]
    regional = {OWN_SERIES, _PAYMENTS}
    lost = [mine[mine["nuts_level"].gt(0)] if regional.isdisjoint(changed) else placed.larger]
    if regional.issuperset(changed):
        lost.append(mine[mine["nuts_level"].eq(0)])
    why = "the panel does not make this column of figures of this level"
    unused = pd.concat(lost, ignore_index=True).assign(why=why)
    parts = [placed.unplaced, unused[list(UNPLACED)]]
    if rule == "extend":
        parts += _standing(placed, mine, panel)
    return replace(placed, unplaced=pd.concat(parts, ignore_index=True))


def _standing(placed: Placed, rows: pd.DataFrame, panel: Tables) -> list[pd.DataFrame]:
    """Figures for which the panel has one already (``UNPLACED``)."""
    name = placed.indicator.name
    regions, countries = panel["regions"], panel["countries"]
    tables = {2: (regions[regions["level"].eq(2)], "geo"), 0: (countries, "country")}
    parts = []
    for level, (table, unit) in tables.items():
        figures = placed.levels[level]
        if level == 0:  # not those added up from regions
            figures = figures[figures.index.isin(rows["geo"])]
        if name not in table or figures.empty:
            continue
        now = _present(table, unit, name).reindex(index=figures.index, columns=figures.columns)
        found = _long(figures.where(now.notna())).assign(
            indicator=name,
            geo_version=NUTS_VERSION,
            nuts_level=level,
            source_row=pd.NA,
            why="the panel has a figure, which stands",
        )
        parts.append(found[list(UNPLACED)])
    return parts


def already_there(name: str, file: str) -> CompendiumError:
    """That the panel has a column of this name, and nobody said what becomes of it."""
    variable = variables()[name]
    return CompendiumError(
        f"{file}: {name!r} is already a column of the panel ({variable.label_en}, "
        f"{variable.unit_en}); say --existing replace (the file's figures take its place in "
        "the countries the file covers) or --existing extend (they fill what is missing), or "
        "give the indicator another name in the declaration"
    )


def _regional(
    name: str,
    figures: Wide,
    indicator: Indicator,
    file: str,
    rule: Rule,
    raw: Tables,
    regions: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Payments take their place among the payments; other series are given whole to the panel.

    A published series may serve elsewhere too (people are read from patents and GDP before there
    are counts of them): that is not touched.
    """
    present = _present(regions[regions["level"].eq(2)], "geo", name)
    if name in FUNDS:
        slot = _payments_slot(name, raw)
        figures = figures / _factor(indicator, slot.unit, file)
        return {slot.table: _merged(raw[slot.table], slot, figures, present, rule)}
    published = next((one for one in (*COUNTS, *RATES) if one.column == name), None)
    if published is None or name in _SUMS:
        return {}
    figures = figures / _factor(indicator, published.unit, file)
    others = raw.get(OWN_SERIES, pd.DataFrame())
    if len(others):
        others = others[others["column"].ne(name)]
    series = select(raw[published.table], published)
    if rule == "replace":
        series = series[~series["geo"].str[:2].isin(figures.index.str[:2])]
    added = _long(_wanted(figures, present, rule)).assign(geo_version=NUTS_VERSION)
    added = added.assign(column=name, dataset=file)
    return {OWN_SERIES: pd.concat([others, series, added], ignore_index=True)}


def _payments_slot(name: str, raw: Tables) -> Slot:
    fund, measure = FUNDS[name]
    rows = raw[_PAYMENTS]
    parts = rows["indicator"].astype(str).str.split(".")
    mine = parts.str[0].eq(fund) & parts.str[2].eq(measure)
    first = rows[mine].iloc[0]
    indicator = f"{fund}.own.{measure}"
    return Slot(_PAYMENTS, first["dataset"], indicator, first["unit"], first["vintage"], mine)


def _national(
    name: str,
    figures: Wide,
    indicator: Indicator,
    file: str,
    rule: Rule,
    raw: Tables,
    countries: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    slot = _national_slot(name, raw)
    if slot is None:
        return {}
    figures = figures / _factor(indicator, slot.unit, file)
    present = _present(countries, "country", name)
    return {slot.table: _merged(raw[slot.table], slot, figures, present, rule)}


def _national_slot(name: str, raw: Tables) -> Slot | None:
    if name in OECD:
        table, code = OECD[name]
        rows = raw[table]["indicator"].eq(code)
    elif name in WORLD_BANK:
        table = "worldbank_wdi"
        release, code = WORLD_BANK[name]
        rows = raw[table]["indicator"].eq(code) & raw[table]["dataset"].eq(release)
    else:
        return None
    first = raw[table][rows].iloc[0]
    return Slot(table, first["dataset"], code, first["unit"], first["vintage"], rows)


def _factor(indicator: Indicator, unit_of_slot: str, file: str) -> float:
    """By how much the file's figures are to be divided to be in the column's unit."""
    variable = variables()[indicator.name]
    unit = parse_unit(variable.unit_en) or parse_unit(unit_of_slot)
    said = _SAME.get(indicator.unit, indicator.unit)
    if unit is None or _SAME.get(unit.name, unit.name) != said:
        raise CompendiumError(
            f"{file}: {indicator.name} is in {variable.unit_en!r} in the panel and in "
            f"{indicator.written_unit or indicator.unit!r} in the file; the two cannot be set in "
            "one column: declare the right unit, or give the indicator another name"
        )
    return unit.factor


def _present(table: pd.DataFrame, unit: str, name: str) -> Wide:
    """The column as it is: code × year."""
    return table.pivot(index=unit, columns="year", values=name)


def _wanted(figures: Wide, present: Wide, rule: Rule) -> Wide:
    """All figures, or those for which there is none yet."""
    if rule == "replace":
        return figures
    now = present.reindex(index=figures.index, columns=figures.columns)
    return figures.where(now.isna())


def _long(figures: Wide) -> pd.DataFrame:
    named = figures.rename_axis(index="geo", columns="year")
    return named.stack().dropna().rename("value").reset_index()


def _merged(
    observations: pd.DataFrame, slot: Slot, figures: Wide, present: Wide, rule: Rule
) -> pd.DataFrame:
    """A raw table with the figures in place of a series, or in its gaps."""
    national = slot.table != _PAYMENTS
    if rule == "replace":
        covered = {_iso3(geo) if national else geo[:2] for geo in figures.index}
        place = observations["geo"].astype(str)
        place = place if national else place.str[:2]
        observations = observations[~(slot.rows & place.isin(covered))]
    long = _long(_wanted(figures, present, rule))
    if national:
        long["geo"] = long["geo"].map(_iso3)
    added = long.assign(
        dataset=slot.dataset,
        geo_version="ISO3" if national else NUTS_VERSION,
        indicator=slot.indicator,
        unit=slot.unit,
        flag="own",
        vintage=slot.vintage,
    )
    added = added[list(observations.columns)].astype({"year": observations["year"].dtype})
    return pd.concat([observations, added], ignore_index=True)


def _iso3(country: str) -> str:
    """ISO 3166 alpha-3 of a Eurostat code; a code of three letters stays."""
    by_code = {code: iso3 for iso3, code in ISO3.items()}
    return by_code.get(country, country)
