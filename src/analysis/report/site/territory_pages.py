"""A page per territory (NUTS 0 to 2): its brief, all its indicators, and where else to look."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.languages import catalogue, country
from analysis.panel.codebook import variables
from analysis.report.brief import html_fragment, style
from analysis.report.site import pictures
from analysis.report.site.chrome import Page
from analysis.report.site.content import Content
from analysis.report.site.explore import GROUPS, INDICATORS, described
from analysis.report.site.publish import FileContent

SECTION = "nav.territories"
#: Significant digits of an indicator in a table.
DIGITS = 3
LEVELS = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Figure:
    """An indicator of a territory: its series by year, where the last figure stands, and the
    country's figure of that year.
    """

    series: Mapping[int, float]
    rank: int
    of: int
    country: float | None


def pages(content: Content, lang: str) -> Iterator[Page]:
    """The list of territories and a page for each."""
    if content.statistics is None or content.briefs is None:
        return
    regions = content.statistics.regions
    named = _named(regions, content.briefs.territories.names, lang)
    yield Page(
        "territories/index.html",
        "territories.html.j2",
        SECTION,
        {"territories": list(named.values()), "levels": LEVELS},
    )
    profiles = _profiles(regions)
    links = _links(named)
    facts = {name: described(variables()[name], lang) for name in INDICATORS}
    for geo, territory in named.items():
        yield Page(
            f"territories/{geo}.html",
            "territory.html.j2",
            SECTION,
            {
                "territory": territory,
                "brief": html_fragment(content.brief_of(geo), lang, link=links),
                "above": [named[code] for code in _above(geo) if code in named],
                "below": [one for one in named.values() if one["parent"] == geo],
                "groups": _groups(profiles.get(geo, {}), facts, lang),
            },
        )


def files(content: Content) -> Iterator[tuple[str, FileContent]]:
    """The style of the briefs."""
    if content.briefs is not None:
        yield "assets/brief.css", style().encode()


def _named(regions: pd.DataFrame, names: Mapping[str, str], lang: str) -> dict[str, dict[str, Any]]:
    """Every territory by code: code, name, level, country, the territory above."""
    once = regions.drop_duplicates("geo").sort_values("geo")
    return {
        row.geo: {
            "geo": row.geo,
            "name": names[row.geo] if row.level else country(row.geo, lang),
            "level": int(row.level),
            "country": country(row.country, lang),
            "parent": row.geo[:-1] if row.level else "",
        }
        for row in once.itertuples()
    }


def _links(named: Mapping[str, Any]) -> Callable[[str], str | None]:
    """The address of another territory's page from that of one."""
    return lambda geo: f"{geo}.html" if geo in named else None


def _above(geo: str) -> list[str]:
    """The country, and the territories between it and this one."""
    return [geo[:length] for length in range(2, len(geo))]


def _profiles(regions: pd.DataFrame) -> dict[str, dict[str, Figure]]:
    """The figures of every territory by code and indicator, as far as there are any."""
    found: dict[str, dict[str, Figure]] = {}
    for name in INDICATORS:
        for geo, figure in _figures(regions, name).items():
            found.setdefault(geo, {})[name] = figure
    return found


def _figures(regions: pd.DataFrame, name: str) -> dict[str, Figure]:
    """The last figure of every territory with its place among those of its level, and the series.

    A year that the source is known to have incomplete is left out.
    """
    known = regions[["geo", "year", "level", name]].dropna()
    truncated = variables()[name].truncated_from
    if truncated is not None:
        known = known[known["year"] < truncated]
    peers = known.groupby(["level", "year"])[name]
    known = known.assign(rank=peers.rank(ascending=False, method="min"), of=peers.transform("size"))
    series: dict[str, dict[int, float]] = {}
    for geo, year, value in zip(known["geo"], known["year"], known[name], strict=True):
        series.setdefault(geo, {})[int(year)] = float(value)
    last = known.sort_values("year").drop_duplicates("geo", keep="last")
    places = zip(last["geo"], last["year"], last["rank"], last["of"], strict=True)
    return {
        geo: Figure(
            series=series[geo],
            rank=int(rank),
            of=int(of),
            country=series.get(geo[:2], {}).get(year),
        )
        for geo, year, rank, of in places
    }


def _groups(
    figures: dict[str, Figure], facts: dict[str, dict[str, Any]], lang: str
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Indicators with a figure, by group; a group without any is left out."""
    groups = []
    for key, names in GROUPS.items():
        shown = [_row(facts[name], figures[name], lang) for name in names if name in figures]
        if shown:
            groups.append((key, shown))
    return groups


def _row(facts: dict[str, Any], figure: Figure, lang: str) -> dict[str, Any]:
    told = catalogue("site", lang)
    first, last = min(figure.series), max(figure.series)
    line = [figure.series.get(year) for year in range(first, last + 1)]
    words = told.text("territory.line", label=facts["label"], years=told.years(first, last))
    country = figure.country
    return {
        "label": facts["label"],
        "unit": facts["unit"],
        "value": told.number(figure.series[last], significant=DIGITS),
        "year": last,
        "rank": told.text("territory.rank", rank=figure.rank, of=figure.of),
        "country": "" if country is None else told.number(country, significant=DIGITS),
        "line": pictures.spark(line, words),
    }
