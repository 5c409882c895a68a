"""Where a territory stands among its peers on an indicator, and how it moved."""

import numpy as np

from analysis.report.brief.context import INDICATORS, LEAST_PEERS, Context, Grid
from analysis.report.brief.lines import Cell, Move, Number, Position, Trend, Years

#: Years over which a change is looked for, and how far from that it may be.
SPAN, SLACK = 5, 2
#: Decimals printed; the others have one.
_DECIMALS = {
    **dict.fromkeys(("gerd_pct_gdp", "berd_pct_gdp", "goverd_pct_gdp", "herd_pct_gdp"), 2),
    **dict.fromkeys(("population", "density", "gdp_eur_per_head"), 0),
    "structural_funds_eur_per_head": 0,
}
#: A series is drawn from so many points.
_LEAST_POINTS = 3


def decimals(column: str) -> int:
    """How many decimals a column is printed with."""
    return _DECIMALS.get(column, 1)


def cell(grid: Grid, geo: str, year: int) -> Cell:
    """The cell of a figure."""
    return Cell(grid.table, grid.column, geo, year)


def own(grid: Grid, geo: str, year: int) -> Number:
    """One figure as it stands."""
    return Number(grid.at(geo, year), (cell(grid, geo, year),), decimals=decimals(grid.column))


def median(grid: Grid, geos: tuple[str, ...], year: int) -> Number:
    """The median of the territories given, all of which have a figure."""
    value = float(np.median([grid.at(geo, year) for geo in geos]))
    cells = tuple(cell(grid, geo, year) for geo in geos)
    return Number(value, cells, across="median", decimals=decimals(grid.column))


def known_in(grid: Grid, geos: tuple[str, ...], *years: int) -> tuple[str, ...]:
    """Those of ``geos`` that have a figure in all the years."""
    return tuple(geo for geo in geos if not any(np.isnan(grid.at(geo, year)) for year in years))


def position(context: Context, geo: str, column: str) -> Position | None:
    """The last year in which the territory and enough of its peers have a figure; None without."""
    grid, peers = context.grid(geo, column), context.likeness.peers.get(geo, ())
    for year in grid.years(geo):
        known = known_in(grid, peers, year)
        if len(known) >= LEAST_PEERS:
            return _position(grid, geo, known, year)
    return None


def _position(grid: Grid, geo: str, peers: tuple[str, ...], year: int) -> Position:
    mine, theirs = grid.at(geo, year), tuple(grid.at(peer, year) for peer in peers)
    above = sum(value > mine for value in theirs)
    cells = tuple(cell(grid, code, year) for code in (geo, *peers))
    return Position(
        column=grid.column,
        year=year,
        own=own(grid, geo, year),
        median=median(grid, peers, year),
        rank=Number(1 + above, cells, across="rank"),
        of=Number(len(cells), cells, across="count"),
        peers=theirs,
        below=sum(value < mine for value in theirs),
        above=above,
    )


def move(context: Context, geo: str, column: str) -> Move | None:
    """The change over about ``SPAN`` years to the year of the position; None where not known."""
    place = position(context, geo, column)
    if place is None:
        return None
    grid, peers, last = context.grid(geo, column), context.likeness.peers[geo], place.year
    wanted = range(last - SPAN - SLACK, last - SPAN + SLACK + 1)
    for first in sorted(wanted, key=lambda year: (abs(last - SPAN - year), year)):
        known = known_in(grid, peers, first, last)
        if len(known) >= LEAST_PEERS and known_in(grid, (geo,), first, last):
            return _move(grid, geo, known, first, last)
    return None


def _move(grid: Grid, geo: str, peers: tuple[str, ...], first: int, last: int) -> Move:
    changes = [grid.at(code, last) - grid.at(code, first) for code in (geo, *peers)]
    cells = tuple(cell(grid, code, year) for code in (geo, *peers) for year in (first, last))
    mine, theirs, places = changes[0], changes[1:], decimals(grid.column)
    return Move(
        column=grid.column,
        years=Years(first, last),
        first=own(grid, geo, first),
        last=own(grid, geo, last),
        change=Number(mine, cells[:2], "change", "own", places, signed=True),
        median=Number(float(np.median(theirs)), cells[2:], "change", "median", places, signed=True),
        below=Number(sum(value < mine for value in theirs), cells, "change", "below"),
        above=Number(sum(value > mine for value in theirs), cells, "change", "above"),
        of=Number(len(theirs), cells[2:], "change", "count"),
    )


def trend(context: Context, geo: str) -> Trend | None:
    """The first indicator, in their order, with enough years to be drawn; None without."""
    for column in INDICATORS:
        grid = context.grid(geo, column)
        years = sorted(grid.years(geo))
        if len(years) >= _LEAST_POINTS:
            mine = {year: own(grid, geo, year) for year in years}
            return Trend(column, mine, _medians(context, grid, geo, years))
    return None


def _medians(context: Context, grid: Grid, geo: str, years: list[int]) -> dict[int, Number]:
    """Medians of the same peers in every year told, going back from the last year.

    A year in which too few of those peers have a figure is left out: a median of others would
    move because the peers change.
    """
    peers = context.likeness.peers.get(geo, ())
    told: list[int] = []
    for year in reversed(years):
        known = known_in(grid, peers, year)
        if len(known) >= LEAST_PEERS:
            peers, told = known, [year, *told]
    return {year: median(grid, peers, year) for year in told}
