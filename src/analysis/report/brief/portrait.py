"""The territory in a few sentences: what it is, who performs its R&D, its sectors."""

from analysis.report.brief.context import FACTS, PERFORMERS, Context
from analysis.report.brief.lines import Cell, Clause, Fields, Number, Sector, Words, Years
from analysis.report.brief.position import cell, known_in, median, own

#: Peers that must have all three figures for their medians to be told.
_LEAST_PERFORMING = 4


def portrait(context: Context, geo: str) -> tuple[Clause, ...]:
    """What it is and who performs R&D; what is missing is left to the confidence."""
    return (*_facts(context, geo), *_performers(context, geo))


def _facts(context: Context, geo: str) -> tuple[Clause, ...]:
    """Population with density, GDP per head, education: the last year of each."""
    clauses = []
    for column in FACTS:
        grid = context.grid(geo, column)
        years = grid.years(geo)
        if years:
            fields: Fields = {"value": own(grid, geo, years[0]), "year": Years(years[0], years[0])}
            clauses.append(Clause(f"fact.{column}", fields))
    return tuple(clauses)


def _performers(context: Context, geo: str) -> tuple[Clause, ...]:
    """R&D by performer in the last year with all three, and the peers' medians if they have it."""
    grids = [context.grid(geo, column) for column in PERFORMERS]
    years = [set(grid.years(geo)) for grid in grids]
    common = sorted(set.intersection(*years))
    if not common:
        return (Clause("performers.missing"),)
    year = common[-1]
    fields = {grid.column: own(grid, geo, year) for grid in grids}
    clauses = [Clause("performers", {**fields, "year": Years(year, year)})]
    peers = context.likeness.peers.get(geo, ())
    for grid in grids:
        peers = known_in(grid, peers, year)
    if len(peers) >= _LEAST_PERFORMING:
        medians = {grid.column: median(grid, peers, year) for grid in grids}
        of = Number(len(peers), tuple(cell(grids[0], p, year) for p in peers), across="count")
        clauses.append(Clause("performers.peers", {**medians, "of": of}))
    return tuple(clauses)


def sectors(context: Context, geo: str) -> tuple[Sector, ...]:
    """The territory's sectors that are published, the most specialised first."""
    year = context.sector_years[1]
    found = []
    for sector in context.sectors.get(geo, ()):
        at = Cell("industries", "employed_ths", geo, year, sector.industry)
        quotient = Number(sector.quotient, (at,), "location quotient", "own", 2)
        found.append(Sector(sector.industry, quotient, sector.stars))
    return tuple(found)


def starred(found: tuple[Sector, ...], most: int = 3) -> tuple[Sector, ...]:
    """The sectors with stars, those with most first."""
    having = [sector for sector in found if any(sector.stars)]
    order = sorted(having, key=lambda s: (-sum(s.stars), -s.quotient.value, s.industry))
    return tuple(order[:most])


def stars_clause(sector: Sector, year: int) -> Clause:
    """A sector and what it has its stars for."""
    names = ("size", "specialisation", "growth")
    earned = tuple(f"star.{name}" for name, has in zip(names, sector.stars, strict=True) if has)
    return Clause(
        f"stars.{len(earned)}",
        {
            "sector": Words("message", (f"industry.{sector.industry}",)),
            "for": Words("message", earned),
            "quotient": sector.quotient,
            "year": Years(year, year),
        },
    )
