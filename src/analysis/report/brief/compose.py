"""A territory's brief from the context: four parts, charts, confidence, definitions, sources."""

from dataclasses import replace

from analysis.report.brief.context import (
    INDICATORS,
    LEAST_PEERS,
    PEERS,
    Context,
)
from analysis.report.brief.lines import Brief, Clause, Fields, Number, Place, Position, Words, Years
from analysis.report.brief.parts import advances, obstacles, positions
from analysis.report.brief.portrait import portrait, sectors
from analysis.report.brief.position import cell, known_in, own, trend
from analysis.report.brief.register import measures, solutions

#: Indicators compared from which confidence is good, and below which it is weak.
GOOD, WEAK = 7, 4
#: Small territories of the country that must have a figure for a rank to be told.
_LEAST_SMALL = 4

__all__ = ["compose"]


def compose(context: Context, geo: str) -> Brief:
    """The brief of a code of ``context.territories``; KeyError for another."""
    if context.territories.levels[geo] == 3:
        return _small(context, geo)
    places = positions(context, geo)
    found = sectors(context, geo)
    missing = tuple(name for name in INDICATORS if name not in {p.column for p in places})
    hindering = obstacles(context, geo, places)
    names = context.territories.names
    return Brief(
        geo=geo,
        name=names[geo],
        level=context.territories.levels[geo],
        of=geo,
        portrait=portrait(context, geo),
        peers=tuple((code, names[code]) for code in context.likeness.peers.get(geo, ())),
        parts={
            "advances": advances(context, geo, places, found),
            "obstacles": hindering,
            "solutions": solutions(context, geo, hindering, found),
            "measures": measures(context, geo, missing),
        },
        positions=places,
        trend=trend(context, geo),
        sectors=found,
        places=_places(context, geo),
        confidence=_confidence(context, geo, places, missing),
        definitions=_definitions(context),
        sources=_sources(context, geo),
    )


# --- small territories -----------------------------------------------------------------------


def _small(context: Context, geo: str) -> Brief:
    """A small territory: its patents, then the brief of the region that contains it, said so."""
    territories = context.territories
    parent = territories.parents[geo]
    whole = compose(context, parent)
    inside = Clause(
        "small.inside",
        {"region": Words("name", (territories.names[parent],)), "code": Words("name", (parent,))},
    )
    return replace(
        whole,
        geo=geo,
        name=territories.names[geo],
        level=3,
        portrait=(*_small_patents(context, geo), inside, *whole.portrait),
        confidence=(Clause("small.confidence"), *whole.confidence),
    )


def _small_patents(context: Context, geo: str) -> tuple[Clause, ...]:
    """Patents of the small territory and its rank in the country, in its last year."""
    grid = context.small
    years = grid.years(geo)
    if not years:
        return (Clause("small.nothing"),)
    year = years[0]
    fields: Fields = {
        "value": own(grid, geo, year),
        "year": Years(year, year),
    }
    country = tuple(code for code in sorted(grid.rows) if code[:2] == geo[:2] and code != geo)
    known = known_in(grid, country, year)
    if len(known) < _LEAST_SMALL:
        return (Clause("small.patents", fields),)
    rank = 1 + sum(grid.at(code, year) > grid.at(geo, year) for code in known)
    cells = tuple(cell(grid, code, year) for code in (geo, *known))
    fields["rank"] = Number(rank, cells, across="rank")
    fields["of"] = Number(len(cells), cells, across="count")
    return (Clause("small.patents.ranked", fields),)


# --- map ---------------------------------------------------------------------------------------


def _places(context: Context, geo: str) -> tuple[Place, ...]:
    """The territory, its peers in their order, and the other territories of the level."""
    levels, peers = context.territories.levels, context.likeness.peers.get(geo, ())
    others = [
        code
        for code in sorted(context.places)
        if levels[code] == levels[geo] and code != geo and code not in peers
    ]
    drawn = [Place(code, *context.places[code], "other") for code in others]
    drawn += [Place(code, *context.places[code], "peer", n) for n, code in enumerate(peers, 1)]
    return (*drawn, Place(geo, *context.places[geo], "own"))


# --- how far to rely on it ---------------------------------------------------------------------


def _confidence(
    context: Context, geo: str, places: tuple[Position, ...], missing: tuple[str, ...]
) -> tuple[Clause, ...]:
    """A word, how many indicators are compared and of which years, what is missing, the peers."""
    loose = geo in context.likeness.loose and bool(context.likeness.peers[geo])
    word = "weak" if len(places) < WEAK else "good" if len(places) >= GOOD and not loose else "fair"
    all_of = Number(len(INDICATORS), (), across="constant")
    compared = Number(len(places), (), across="constant")
    clauses = [
        Clause(f"confidence.{word}"),
        Clause("confidence.known", {"n": compared, "of": all_of}, "n"),
    ]
    if places:
        oldest = min(places, key=lambda p: (p.year, p.column))
        newest = max(places, key=lambda p: (p.year, p.column))
        years: Fields = {
            "oldest": Years(oldest.year, oldest.year),
            "oldest_of": Words("message", (f"short.{oldest.column}",)),
            "newest": Years(newest.year, newest.year),
            "newest_of": Words("message", (f"short.{newest.column}",)),
        }
        clauses.append(Clause("confidence.years", years))
    if missing:
        named = Words("message", tuple(f"short.{column}" for column in missing))
        clauses.append(Clause("confidence.missing", {"columns": named}))
    if loose:
        clauses.append(Clause("confidence.loose"))
    return (*clauses, Clause("confidence.as_published"), Clause("confidence.verdicts"))


# --- foot --------------------------------------------------------------------------------------


def _definitions(context: Context) -> tuple[Clause, ...]:
    """How peers, lines and stars are defined."""

    def constant(value: float) -> Number:
        return Number(value, (), across="constant")

    first, last = context.sector_years
    return (
        Clause(
            "definition.peers",
            {
                "n": constant(PEERS),
                "years": Years(*context.structure_years),
                "least": constant(LEAST_PEERS),
            },
        ),
        Clause("definition.lines"),
        Clause("definition.stars", {"year": Years(last, last), "years": Years(first, last)}),
    )


def _sources(context: Context, geo: str) -> tuple[Clause, ...]:
    """Publishers, datasets and vintages."""
    is_country = context.territories.levels[geo] == 0
    sources = context.sources if is_country else context.sources[:-1]
    by_publisher: dict[str, list[str]] = {}
    for publisher, code, vintage in sources:
        by_publisher.setdefault(publisher, []).append(f"{code} ({vintage})")
    return tuple(
        Clause(
            "sources",
            {
                "publisher": Words("message", (f"publisher.{publisher}",)),
                "datasets": Words("name", tuple(datasets)),
            },
        )
        for publisher, datasets in by_publisher.items()
    )
