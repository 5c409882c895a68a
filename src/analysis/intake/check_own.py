"""A file of one's own: columns, territories, years, units and figures, step by step."""

from collections.abc import Mapping

import pandas as pd

from analysis.intake.checked import OBSERVATION_COLUMNS
from analysis.intake.declaration import Declaration
from analysis.intake.draft import Draft
from analysis.intake.gazetteer import Gazetteer
from analysis.intake.layout import Roles, find_roles
from analysis.intake.long_table import long_table
from analysis.intake.meaning import (
    accepts,
    counted,
    judge_numbers,
    read_numbers,
    read_years,
    report,
    severity,
)
from analysis.intake.problems import Problem
from analysis.intake.repeated import settle_repeats
from analysis.intake.series import multiplied, read_units
from analysis.intake.sheets import Sheet
from analysis.intake.suspicion import suspicions
from analysis.intake.territories import LEVELS, Resolved, resolve
from analysis.intake.versions import assign_versions

#: Rows of these are no territory, and are set aside without asking.
NO_TERRITORY = ("territory.group", "territory.total", "territory.nowhere", "territory.empty")


def check_own(
    sheet: Sheet, said: Declaration, known: Gazetteer, panel: pd.DataFrame | None = None
) -> Draft:
    """Understand the cells of a sheet; ``draft.problems`` has all that stands in the way."""
    found = find_roles(sheet, said, known)
    if found.roles is None:
        return Draft.of_nothing(sheet, found.problems)
    roles = found.roles
    cells = long_table(sheet, roles).assign(rule="")
    draft = Draft(cells, pd.DataFrame(columns=list(OBSERVATION_COLUMNS)), [], roles=roles)
    draft.understood += _columns(sheet, roles, found.unused)
    resolved = _read_territories(draft, sheet, said, known)
    _leave_deleted(cells, sheet)
    problems, notes = read_years(cells, sheet, roles, said)
    draft.problems += problems
    draft.notes += notes
    read_numbers(cells, sheet, said)
    draft.indicators, problems = read_units(cells, sheet, said)
    draft.problems += problems
    draft.problems += multiplied(sheet, said)
    draft.problems += judge_numbers(cells, sheet, said)
    if not (cells["rule"] == "").any():
        _nothing_left(draft, sheet)
        return draft
    _read_figures(draft, sheet, said, known, resolved, panel)
    return draft


def _nothing_left(draft: Draft, sheet: Sheet) -> None:
    if not any(each.severity == "error" for each in draft.problems):
        draft.problems.append(
            Problem(
                sheet.file,
                "file.no-figures",
                "no row has a territory, a year and a figure",
                "see what was set aside with --out",
                sheet=sheet.name,
            )
        )


def _columns(sheet: Sheet, roles: Roles, unused: tuple[str, ...]) -> list[tuple[str, str]]:
    header = sheet.header
    pairs = [("layout", roles.layout), ("territories in", header[roles.geo])]
    if roles.year is not None:
        pairs.append(("years in", header[roles.year]))
    listed = [header[each] for each in roles.values]
    shown = ", ".join(listed[:8]) + (f", … ({len(listed)})" if len(listed) > 8 else "")
    pairs.append(("figures in", shown))
    if roles.indicator:
        pairs.append(("series in", ", ".join(header[each] for each in roles.indicator)))
    if unused:
        pairs.append(("columns not used", ", ".join(unused)))
    return pairs


def _read_territories(
    draft: Draft, sheet: Sheet, said: Declaration, known: Gazetteer
) -> Mapping[str, Resolved]:
    """Resolve the labels; rows of none get their rule, with a problem where it is one."""
    cells, roles = draft.cells, draft.roles
    assert roles is not None
    labels = cells.loc[cells["geo"] != "", ["geo", "country"]].drop_duplicates("geo")
    countries = dict(zip(labels["geo"], labels["country"], strict=True))
    found = resolve(countries, sheet.header[roles.geo], said, known, countries)
    draft.notes += found.notes
    rules = {label: each.rule for label, each in found.by_label.items()} | {"": "territory.empty"}
    cells["rule"] = cells["geo"].map(rules)
    draft.not_places = {label: each.message for label, each in found.by_label.items() if each.rule}

    def texts(label: str) -> tuple[str, str]:
        each = found.by_label[label]
        return each.message, each.suggestion

    for rule in sorted(set(cells["rule"]) - {"", "territory.empty"}):
        mine = cells[cells["rule"] == rule]
        level = "aside" if rule in NO_TERRITORY else severity(rule, said)
        draft.problems += report(sheet, mine, rule, texts, "geo", lambda _: roles.geo, level)
    draft.problems += _rows_of_nowhere(draft, sheet, said)
    return found.by_label


def _leave_deleted(cells: pd.DataFrame, sheet: Sheet) -> None:
    """Set aside the rows of SDMX-CSV 2.0 that ask for a figure to be deleted."""
    if sheet.kind != "sdmx-csv" or "ACTION" not in sheet.header:
        return
    action = sheet.header.index("ACTION")
    deleted = [at for at, row in enumerate(sheet.cells) if str(row[action]) == "D"]
    cells.loc[cells["at"].isin(deleted) & cells["rule"].eq(""), "rule"] = "row.deleted"


def _rows_of_nowhere(draft: Draft, sheet: Sheet, said: Declaration) -> list[Problem]:
    """Figures in rows without a territory: a merged cell to be filled, most often."""
    cells, roles = draft.cells, draft.roles
    assert roles is not None
    mine = cells[(cells["rule"] == "territory.empty") & cells["raw"].notna()]
    if mine.empty:
        return []
    first = mine.iloc[0]
    n = mine["at"].nunique()
    others = f" (and {counted(n - 1, 'more row')})" if n > 1 else ""
    return [
        Problem(
            sheet.file,
            "territory.empty",
            f"figures but no territory{others}",
            "repeat the territory in every row, or set such rows aside with "
            "--accept territory.empty",
            severity("territory.empty", said),
            sheet.name,
            sheet.rows[int(first["at"])],
            sheet.column_name(roles.geo),
        )
    ]


def _read_figures(
    draft: Draft, sheet: Sheet, said: Declaration, known: Gazetteer,
    resolved: Mapping[str, Resolved], panel: pd.DataFrame | None,
) -> None:  # fmt: skip
    """Versions, repeats and suspicions; then the observations."""
    cells, roles = draft.cells, draft.roles
    assert roles is not None
    used = cells["rule"] == ""
    versions = assign_versions(cells[used], resolved, known, said.nuts, sheet.file)
    draft.nuts_version, draft.nuts_evidence = versions.version, versions.evidence
    draft.problems += [each for each in versions.problems if not accepts(said, each.rule)]
    cells["label"] = cells["geo"]
    for column in ("geo", "geo_version", "nuts_level"):
        cells.loc[used, column] = versions.frame[column]
    settled = settle_repeats(cells, sheet, roles, said, draft.indicators)
    cells["geo"] = cells["label"]
    draft.problems += settled.problems
    draft.notes += settled.notes
    draft.is_list = settled.is_list
    draft.problems += suspicions(settled.figures, draft.indicators, sheet, said, panel)
    draft.figures = _observations(settled.figures, sheet, said)
    draft.understood += _what_it_holds(draft)
    draft.notes += _beyond_the_people(draft, panel) + _without_flows(draft, known)
    draft.notes += not_inside(draft.figures, known)


def _beyond_the_people(draft: Draft, panel: pd.DataFrame | None) -> list[str]:
    """That figures of the last years will have no column per head."""
    sums = [each for each in draft.indicators if each.kind in ("count", "money")]
    if panel is None or "population" not in panel or not sums:
        return []
    known = int(panel.loc[panel["population"].notna(), "year"].max())
    regional = draft.figures[draft.figures["nuts_level"] > 0]
    later = sorted({int(year) for year in regional["year"] if year > known})
    if not later:
        return []
    return [
        f"residents of regions are known up to {known}: the figures of {later[0]} to {later[-1]} "
        "join the panel, but not per head"
    ]


def _without_flows(draft: Draft, known: Gazetteer) -> list[str]:
    """That regions new in NUTS 2024 have no way to the map of the panel."""
    regional = draft.figures[draft.figures["nuts_level"] > 0]
    newest = regional.loc[regional["geo_version"].eq("2024"), "geo"]
    older = known.code_lists["2021"] if len(newest) else frozenset()
    lost = [code for code in newest if code not in older]
    if not lost:
        return []
    return [
        f"{counted(len(lost), 'figure')} of regions new in NUTS 2024 "
        f"({', '.join(sorted(set(lost)))}) will find no place: no flows between NUTS 2024 "
        "and NUTS 2013 are published"
    ]


def not_inside(figures: pd.DataFrame, known: Gazetteer) -> list[str]:
    """That figures of larger regions do not reach the regions inside, where it is so.

    figures: ``geo, geo_version, nuts_level``.
    """
    finer = set(figures.loc[figures["nuts_level"] > 1, "geo"].str[:3])
    larger = figures.loc[figures["nuts_level"].eq(1), ["geo", "geo_version"]].drop_duplicates()
    lists = known.code_lists
    lone = [
        geo
        for geo, version in larger.itertuples(index=False)
        if geo not in finer
        and sum(len(code) == 4 and code.startswith(geo) for code in lists[version]) != 1
    ]
    if not lone:
        return []
    listed = ", ".join(sorted(lone)[:8]) + (", …" if len(lone) > 8 else "")
    return [
        f"figures of {counted(len(lone), 'larger region')} (NUTS 1: {listed}), with none of the "
        "regions inside: run with -p level=1, or give them to those by their people with --spread"
    ]


def _observations(figures: pd.DataFrame, sheet: Sheet, said: Declaration) -> pd.DataFrame:
    """``OBSERVATION_COLUMNS``, sorted by series, territory and year."""
    frame = figures.assign(
        unit=[unit.name for unit in figures["unit"]],
        vintage=said.vintage,
        nuts_level=figures["nuts_level"].astype("int8"),
        year=figures["year"].astype("int16"),
        source_row=[sheet.rows[int(at)] for at in figures["at"]],
        source_column=[sheet.column_name(int(column)) for column in figures["column"]],
    )
    key = ["indicator", "geo_version", "geo", "year"]
    return frame[list(OBSERVATION_COLUMNS)].sort_values(key, ignore_index=True)


def _what_it_holds(draft: Draft) -> list[tuple[str, str]]:
    figures = draft.figures
    places = figures[["geo", "nuts_level"]].drop_duplicates()
    counts = places["nuts_level"].value_counts().sort_index()
    levels = ", ".join(f"{count} {_places(level, count)}" for level, count in counts.items())
    regions = places[places["nuts_level"] > 0]["geo"].str[:2].value_counts().sort_index()
    pairs = [("territories", levels)]
    if len(regions):
        listed = ", ".join(f"{country} {count}" for country, count in regions.items())
        pairs.append(("regions by country", listed))
    pairs += [("version", "; ".join(draft.nuts_evidence))] if draft.nuts_evidence else []
    years = sorted(set(figures["year"]))
    missing = years[-1] - years[0] + 1 - len(years)
    gaps = f" ({missing} years between are absent)" if missing else ""
    span = f"{years[0]}-{years[-1]}" if len(years) > 1 else f"{years[0]}"
    pairs.append(("years", f"{span}{gaps}"))
    for each in draft.indicators:
        text = f"{each.name}: {each.unit} ({each.kind})"
        text += f", written in {each.written_unit}" if each.factor != 1 else ""
        text += f", averaged by {each.denominator}" if each.denominator else ""
        pairs.append(("series", text))
    return pairs


def _places(level: int, count: int) -> str:
    if level == 0:
        return "country" if count == 1 else "countries"
    return f"{LEVELS[level]} region" + ("s" if count > 1 else "")
