"""The map and the three charts of a brief, as small SVG pictures with their texts alternative.

The same pictures stand in the HTML page and in the PDF; they are legible in grey, because what is
one's own is a filled mark and everything else a line or a hollow one.
"""

import html
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.languages import WIDE
from analysis.report.brief.lines import Brief, Number, Place, Position, Sector, Trend
from analysis.report.brief.text import Language
from analysis.report.figures import FAINT, INK, MUTED, PALETTE
from analysis.report.maps import in_window, project

#: The peers' colour is darker than the palette's: it is that of letters too.
OWN, PEER, PLAIN = PALETTE[1], "#2a776f", PALETTE[4]
#: A face that the Typst compiler ships, and what a browser takes instead.
FONT = "Libertinus Serif, Times New Roman, Times, serif"
#: Size of all letters and breadth of the charts, in units of the picture.
_SIZE, _SMALL, _WIDTH, _HEIGHT = 10, 8, 260, 196
#: Points from which the marks of a series are small.
_MANY = 15
_MAP_WIDTH, _MAP_HEIGHT = 230, 215
#: Letters in a line below the map.
_LETTERS = 44


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing: its title, SVG and text alternative; no SVG where there is nothing to draw."""

    name: str
    title: str
    svg: str
    alt: str


def pictures(brief: Brief, language: Language) -> tuple[Picture, ...]:
    """The map, then the three charts: place among the peers, trend, specialisation."""
    return (
        _map(brief, language),
        _positions(brief, language),
        _trend(brief, language),
        _sectors(brief, language),
    )


def _whose(brief: Brief, language: Language) -> str:
    """The territory that the figures are of: its name; its code where it contains the brief's."""
    return language.territory(brief.geo, brief.name) if brief.of == brief.geo else brief.of


# --- map -----------------------------------------------------------------------------------------


def _map(brief: Brief, language: Language) -> Picture:
    peers = ", ".join(language.territory(*peer) for peer in brief.peers)
    name, none = _whose(brief, language), language.text("peers.none")
    alt = language.text("map.alt", name=name, peers=peers or none)
    frame = pd.DataFrame(
        {"lon": [p.lon for p in brief.places], "lat": [p.lat for p in brief.places]}
    )
    inside = in_window(frame).to_numpy()
    east, north = project(frame["lon"], frame["lat"])
    across, up = _fitted(east[inside], north[inside])
    seen = [place for place, there in zip(brief.places, inside, strict=True) if there]
    points = list(zip(seen, across, up, strict=True))
    marks = [_ground([(x, y) for place, x, y in points if place.role == "other"])]
    marks += [_dot(place, x, y) for place, x, y in points if place.role != "other"]
    off = [p for p, there in zip(brief.places, inside, strict=True) if not there]
    marks += _outside([place for place in off if place.role != "other"], language)
    svg = _svg(_MAP_WIDTH, _MAP_HEIGHT, marks)
    return Picture("map", language.text("map.title"), svg, alt)


def _outside(places: Sequence[Place], language: Language) -> list[str]:
    """The territory and its peers that the map leaves out, in lines at its foot."""
    if not places:
        return []
    named = [
        f"{place.number}{WIDE}({place.geo})" if place.number else place.geo
        for place in sorted(places, key=lambda place: place.number)
    ]
    lines = textwrap.wrap(language.text("map.outside", places=", ".join(named)), _LETTERS)
    foot = _MAP_HEIGHT - 3 - _SIZE * (len(lines) - 1)
    return [_text(2, foot + _SIZE * n, line) for n, line in enumerate(lines)]


def _fitted(east: np.ndarray, north: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates in the picture, of equal scale, with a margin."""
    if not len(east):
        return east, north
    margin = 12
    scale = min(
        (_MAP_WIDTH - 2 * margin) / max(np.ptp(east), 1e-9),
        (_MAP_HEIGHT - 2 * margin) / max(np.ptp(north), 1e-9),
    )
    x = _MAP_WIDTH / 2 + scale * (east - (east.min() + east.max()) / 2)
    y = _MAP_HEIGHT / 2 - scale * (north - (north.min() + north.max()) / 2)
    return x, y


def _ground(points: Sequence[tuple[float, float]]) -> str:
    """The other territories, as the round ends of strokes of no length: one mark for all."""
    path = "".join(f"M{x:.1f},{y:.1f}h.01" for x, y in points)
    return f'<path d="{path}" stroke="{FAINT}" stroke-width="4.4" stroke-linecap="round"/>'


def _dot(place: Place, x: float, y: float) -> str:
    """The territory, filled, or a peer with its number."""
    if place.role == "own":
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{OWN}" stroke="white" '
            'stroke-width="1.5"/>'
        )
    circle = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="white" stroke="{PEER}" stroke-width="1.6"/>'
    )
    return circle + _text(x, y + 3.2, str(place.number), anchor="middle", size=9)


# --- place among the peers -----------------------------------------------------------------------


def _positions(brief: Brief, language: Language) -> Picture:
    title = language.text("chart.position")
    if not brief.positions:
        return Picture("positions", title, "", language.text("chart.none"))
    step = (_HEIGHT - 18) / len(brief.positions)
    marks, rows = [], []
    for place, top in zip(brief.positions, np.arange(len(brief.positions)) * step, strict=True):
        label = language.text(f"short.{place.column}")
        value, median = language.number(place.own), language.number(place.median)
        unit = f"{language.text(f'axis.{place.column}')}, {place.year}"
        marks += _strip(place, (label, unit, value), float(top) + step / 2 + 2)
        row = {"label": label, "value": value, "median": median}
        rows.append(language.text("chart.position.row", **row))
    key = language.text("chart.position.key")
    marks.append(_text(_WIDTH, _HEIGHT - 4, key, anchor="end", colour=MUTED))
    alt = language.text(
        "chart.position.alt", name=_whose(brief, language), rows=language.messages.listed(rows)
    )
    return Picture("positions", title, _svg(_WIDTH, _HEIGHT, marks), alt)


def _strip(place: Position, words: tuple[str, str, str], y: float) -> list[str]:
    """One indicator: name with unit, the peers along a line, the median, the territory, value."""
    label, unit, value = words
    left, right = 128.0, _WIDTH - 36.0
    everyone = [*place.peers, place.own.value]
    low, high = min(everyone), max(everyone)

    def x(number: float) -> float:
        return left + (right - left) * ((number - low) / (high - low) if high > low else 0.5)

    marks = [
        _text(left - 8, y, label, anchor="end"),
        _text(left - 8, y + 8, unit, anchor="end", colour=MUTED, size=_SMALL),
        _rule(left, y, right, y, FAINT),
    ]
    marks += [
        f'<circle cx="{x(peer):.1f}" cy="{y:.1f}" r="2.4" fill="white" stroke="{PEER}" '
        'stroke-width="1.1"/>'
        for peer in place.peers
    ]
    middle = x(place.median.value)
    marks.append(_rule(middle, y - 5.5, middle, y + 5.5, INK, 1.6))
    marks.append(f'<circle cx="{x(place.own.value):.1f}" cy="{y:.1f}" r="4" fill="{OWN}"/>')
    marks.append(_text(_WIDTH, y + 3.4, value, anchor="end", weight="bold"))
    return marks


# --- trend ---------------------------------------------------------------------------------------


def _trend(brief: Brief, language: Language) -> Picture:
    if brief.trend is None:
        return Picture(
            "trend", language.text("chart.trend.title"), "", language.text("chart.trend.none")
        )
    trend = brief.trend
    label = language.text(f"short.{trend.column}")
    unit = language.text(f"axis.{trend.column}")
    title = language.text("chart.trend", label=_capital(label), unit=unit)
    told = {"label": _capital(label), "unit": unit, "name": _whose(brief, language)}
    alt = language.text("chart.trend.alt", **told, own=_series(trend.own, language))
    if trend.median:
        peers = language.messages.colon(_capital(_same_peers(trend, language)))
        alt = f"{alt} {peers} {_series(trend.median, language)}."
    return Picture("trend", title, _svg(_WIDTH, _HEIGHT, _curves(trend, language)), alt)


def _series(values: Mapping[int, Number], language: Language) -> str:
    return language.messages.listed(
        f"{language.messages.colon(str(year))} {language.number(number)}"
        for year, number in values.items()
    )


def _same_peers(trend: Trend, language: Language) -> str:
    """Whose median is drawn: the same peers in every year, and how many."""
    peers = next(iter(trend.median.values())).cells
    return language.text("chart.trend.peers", n=language.messages.number(len(peers)))


def _curves(trend: Trend, language: Language) -> list[str]:
    """Both series from zero up, marks at the years known, their ends labelled."""
    left, right, top, foot = 30.0, _WIDTH - 34.0, 12.0, _HEIGHT - 16.0
    first, last = min(trend.own), max(trend.own)
    highest = max(number.value for number in [*trend.own.values(), *trend.median.values()])

    def at(year: int, number: Number) -> tuple[float, float]:
        share = number.value / highest if highest > 0 else 0
        along = (year - first) / (last - first)
        return left + (right - left) * along, foot - (foot - top) * share

    mine = [at(year, number) for year, number in trend.own.items()]
    theirs = [at(year, number) for year, number in trend.median.items()]
    marks = [
        _rule(left - 6, foot, right + 6, foot, MUTED),
        _text(left, foot + 12, str(first), "middle"),
        _text(right, foot + 12, str(last), "middle"),
        *_line(theirs, PEER, "white", dashed=True),
        *_line(mine, OWN, OWN),
        _text(left - 5, mine[0][1] + 3.4, language.number(trend.own[first]), "end", weight="bold"),
    ]
    ends = [(mine[-1][1], language.number(trend.own[last]), INK, "bold")]
    if last in trend.median:
        ends.append((theirs[-1][1], language.number(trend.median[last]), PEER, "normal"))
    marks += [
        _text(right + 6, height + 3.4, text, colour=colour, weight=weight)
        for height, text, colour, weight in _apart(ends)
    ]
    if trend.median:
        key = f"- - {_same_peers(trend, language)}"
        marks.append(_text((left + right) / 2, foot + 12, key, "middle", PEER))
    return marks


def _apart(ends: list[tuple[float, str, str, str]]) -> list[tuple[float, str, str, str]]:
    """Labels moved apart where they would touch, the upper one staying above."""
    if len(ends) < 2 or abs(ends[0][0] - ends[1][0]) >= _SIZE:
        return ends
    upper, lower = sorted(ends, key=lambda end: end[0])
    middle = (upper[0] + lower[0]) / 2
    return [(middle - _SIZE / 2, *upper[1:]), (middle + _SIZE / 2, *lower[1:])]


# --- specialisation ------------------------------------------------------------------------------


def _sectors(brief: Brief, language: Language) -> Picture:
    title = language.text("chart.sectors")
    if not brief.sectors:
        return Picture("sectors", title, "", language.text("chart.sectors.none"))
    foot = _HEIGHT - _SIZE
    step = foot / len(brief.sectors)
    highest = max(1.0, *(sector.quotient.value for sector in brief.sectors))
    marks, rows = [], []
    left, right = 134.0, _WIDTH - 66.0
    one = left + (right - left) / highest
    for sector, top in zip(brief.sectors, np.arange(len(brief.sectors)) * step, strict=True):
        label = language.text(f"industry.{sector.industry}")
        value = language.number(sector.quotient)
        length = (right - left) * sector.quotient.value / highest
        marks += _bar(sector, label, value, float(top) + step / 2, (left, length))
        row = language.messages.plural(
            "chart.sectors.row", sum(sector.stars), label=label, value=value
        )
        rows.append(row)
    marks += [_rule(one, 2, one, foot, INK, 1.0), _text(one, _HEIGHT - 1, "1", anchor="middle")]
    alt = language.text("chart.sectors.alt", rows=language.messages.listed(rows))
    return Picture("sectors", title, _svg(_WIDTH, _HEIGHT, marks), alt)


def _bar(sector: Sector, label: str, value: str, y: float, bar: tuple[float, float]) -> list[str]:
    left, length = bar
    shade = OWN if any(sector.stars) else PLAIN
    stars = "★" * sum(sector.stars)
    return [
        _text(left - 5, y + 3.4, label, anchor="end"),
        f'<rect x="{left:.1f}" y="{y - 4:.1f}" width="{length:.1f}" height="8" fill="{shade}"/>',
        _text(_WIDTH - 36, y + 3.4, value, anchor="end", weight="bold"),
        _text(_WIDTH - 32, y + 3.4, stars),
    ]


# --- marks -------------------------------------------------------------------------------------


def _svg(width: float, height: float, marks: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="{FONT}">{"".join(marks)}</svg>'
    )


def _text(
    x: float,
    y: float,
    text: str,
    anchor: str = "start",
    colour: str = INK,
    weight: str = "normal",
    size: float = _SIZE,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'fill="{colour}" font-weight="{weight}">{html.escape(text)}</text>'
    )


def _rule(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 0.8) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}"/>'
    )


def _line(
    points: Sequence[tuple[float, float]], colour: str, fill: str, dashed: bool = False
) -> list[str]:
    """A line through points and a mark at each."""
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    radius = 2.5 if len(points) <= _MANY else 1.3
    line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>'
    marks = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}" stroke="{colour}"/>'
        for x, y in points
    ]
    return [line, *marks]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
