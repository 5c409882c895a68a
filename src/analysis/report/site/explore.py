"""The map of regions and the chart over time, with the indicators they draw as data."""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from analysis.languages import country, typeset
from analysis.panel.codebook import Variable, variables
from analysis.report.maps import in_window, project
from analysis.report.site.chrome import Page, script
from analysis.report.site.content import Content, Statistics
from analysis.report.site.publish import FileContent

SECTION = "nav.explore"
#: What the map and the chart show before anything is chosen.
FIRST_INDICATOR = "patents_per_million"
FIRST_COUNTRIES = ("DE", "FR", "IT", "ES", "PL")
#: Indicators, grouped as in the menus: key of the group and columns of the panel.
GROUPS = {
    "indicators.innovation": (
        *("patents_per_million", "hightech_pct", "hightech_jobs_per_thousand"),
        *("knowledge_services_pct", "patents"),
    ),
    "indicators.research": (
        *("gerd_chained_pct_gdp", "gerd_pct_gdp", "berd_pct_gdp", "goverd_pct_gdp"),
        *("herd_pct_gdp", "gerd_eur_per_head", "berd_eur_per_head", "rd_personnel_per_thousand"),
    ),
    "indicators.people": (
        *("tertiary_pct", "hrst_per_head", "population", "density", "manufacturing_pct"),
    ),
    "indicators.economy": (
        *("gdp_pps_per_head", "real_gdp_eur2015_per_head", "disposable_income_pps_per_head"),
        *("employment_rate_pct", "unemployment_rate_pct", "employment_per_head"),
    ),
    "indicators.funds": (
        *("erdf_eur_per_head", "erdf_modelled_eur_per_head", "esf_eur_per_head"),
        *("structural_funds_eur_per_head", "cluster_eur_per_head", "interreg_participations"),
    ),
}
INDICATORS = tuple(name for group in GROUPS.values() for name in group)
DIGITS = 4
#: Width of the map, in its own units; its height follows from the regions drawn.
MAP_WIDTH, _MARGIN = 720, 24
_LARGEST, _SMALLEST = 17.0, 2.6
_LEVEL = 2


def pages(content: Content, lang: str) -> Iterator[Page]:
    """One page: the map, and below it the chart."""
    if content.statistics is None or content.briefs is None:
        return
    regions = content.statistics.regions
    codes = regions.loc[regions["level"] == 0, "geo"].drop_duplicates()
    countries = {code: country(code, lang) for code in codes}
    yield Page(
        "explore.html",
        "explore.html.j2",
        SECTION,
        {
            "groups": groups(lang),
            "first": FIRST_INDICATOR,
            "map": _map(content.statistics, content.briefs.territories.names),
            "countries": sorted(countries.items(), key=lambda one: sort_key(one[1])),
            "first_countries": FIRST_COUNTRIES,
        },
    )


def files(content: Content) -> Iterator[tuple[str, FileContent]]:
    """One script per indicator, and one with the names of the territories."""
    if content.statistics is None or content.briefs is None:
        return
    regions = content.statistics.regions
    names = content.briefs.territories.names
    shown = {geo: names[geo] for geo in sorted(regions["geo"].unique())}
    yield "data/territories.js", script("TERRITORIES", shown)
    for name in INDICATORS:
        yield f"data/indicator_{name}.js", script("INDICATOR", indicator(regions, name))


def sort_key(text: str) -> str:
    """Text without case and accents, so that Österreich is not after Z."""
    plain = unicodedata.normalize("NFD", text.lower())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def groups(lang: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """The menu of indicators: key of the group, and each indicator with label and unit."""
    declared = variables()
    return [
        (key, [described(declared[name], lang) for name in names]) for key, names in GROUPS.items()
    ]


def described(variable: Variable, lang: str) -> dict[str, Any]:
    """Name, label, unit and first incomplete year of an indicator."""
    label, unit = (variable.label_fr, variable.unit_fr)
    if lang == "en":
        label, unit = variable.label_en, variable.unit_en
    return {
        "name": variable.name,
        "label": typeset(label, lang),
        "unit": typeset(unit, lang),
        "truncated": variable.truncated_from,
    }


def indicator(regions: pd.DataFrame, name: str) -> dict[str, Any]:
    """An indicator of all territories: ``first`` year and by territory one value a year or null.

    Years and territories without any value are left out, and years that the source is known to have
    incomplete; values have four significant digits.
    """
    known = regions[["geo", "year", name]].dropna()
    truncated = variables()[name].truncated_from
    if truncated is not None:
        known = known[known["year"] < truncated]
    if known.empty:
        return {"name": name, "first": 0, "values": {}}
    wide = known.pivot(index="geo", columns="year", values=name)
    wide = wide.reindex(columns=range(int(wide.columns.min()), int(wide.columns.max()) + 1))
    rows = wide.to_numpy(float)
    values = {str(geo): _rounded(row) for geo, row in zip(wide.index, rows, strict=True)}
    return {"name": name, "first": int(wide.columns[0]), "values": dict(sorted(values.items()))}


def _rounded(row: np.ndarray) -> list[float | None]:
    numbers = [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in row]
    return [int(n) if n is not None and n.is_integer() else n for n in numbers]


def _map(statistics: Statistics, names: Mapping[str, str]) -> dict[str, Any]:
    """Where the regions lie on the map, the largest first, and which are outside its window."""
    regions = statistics.regions
    lowest = regions[regions["level"] == _LEVEL].sort_values(["geo", "year"])
    people = lowest.dropna(subset=["population"]).groupby("geo")["population"].last()
    once = lowest.drop_duplicates("geo").assign(
        people=lambda frame: frame["geo"].map(people).fillna(0)
    )
    inside = in_window(once)
    drawn = once[inside].sort_values(["people", "geo"], ascending=[False, True], kind="stable")
    x, y = project(drawn["lon"], drawn["lat"])
    scale = (MAP_WIDTH - 2 * _MARGIN) / float(np.ptp(x))
    left, top = float(x.min()), float(y.max())
    at = np.column_stack([_MARGIN + scale * (x - left), _MARGIN + scale * (top - y)])
    radius = np.clip(_LARGEST * np.sqrt(drawn["people"] / drawn["people"].max()), _SMALLEST, None)
    return {
        "width": MAP_WIDTH,
        "height": round(2 * _MARGIN + scale * float(np.ptp(y))),
        "ground": _ground(at),
        "regions": [
            {"geo": geo, "name": names[geo], "x": round(px, 1), "y": round(py, 1), "r": round(r, 1)}
            for geo, (px, py), r in zip(drawn["geo"], at.tolist(), radius.tolist(), strict=True)
        ],
        "outside": sorted(once.loc[~inside, "geo"]),
    }


def _ground(at: np.ndarray) -> list[tuple[float, float, float]]:
    """Pale discs that reach from each region to its neighbours: together they suggest the land."""
    nearest = cKDTree(at).query(at, k=4)[0][:, 1:].mean(axis=1)
    radii = np.clip(0.75 * nearest, 7, 22)
    return [
        (round(x, 1), round(y, 1), round(r, 1))
        for (x, y), r in zip(at.tolist(), radii.tolist(), strict=True)
    ]
