"""Advances and obstacles: where the territory stands out among its peers, and where it moved."""

from analysis.report.brief.context import INDICATORS, Context
from analysis.report.brief.lines import Clause, Line, Move, Number, Position, Sector, Words, Years
from analysis.report.brief.portrait import starred, stars_clause
from analysis.report.brief.position import move, position

#: Share of the peers with a figure that must be passed for a line.
STANDS_OUT = 0.75
MOST_LINES = 4


def positions(context: Context, geo: str) -> tuple[Position, ...]:
    """The territory's place on every indicator that can be compared."""
    places = (position(context, geo, column) for column in INDICATORS)
    return tuple(place for place in places if place is not None)


def advances(
    context: Context, geo: str, places: tuple[Position, ...], found: tuple[Sector, ...]
) -> tuple[Line, ...]:
    """Highest places and best moves, then the sectors with stars."""
    lines = _standing_out(context, geo, places, ahead=True)
    year = context.sector_years[1]
    clauses = tuple(stars_clause(sector, year) for sector in starred(found))
    if clauses:
        lines = [*lines[: MOST_LINES - 1], Line(clauses, columns=("employed_ths",))]
    return tuple(lines) or (_none("advances", places),)


def obstacles(context: Context, geo: str, places: tuple[Position, ...]) -> tuple[Line, ...]:
    """Lowest places and worst moves."""
    lines = _standing_out(context, geo, places, ahead=False)
    return tuple(lines) or (_none("obstacles", places),)


def _none(part: str, places: tuple[Position, ...]) -> Line:
    """That nothing stands out, or that nothing can be compared."""
    return Line((Clause(f"{part}.none" if places else "nothing.compared"),))


def _standing_out(
    context: Context, geo: str, places: tuple[Position, ...], ahead: bool
) -> list[Line]:
    """At most ``MOST_LINES``: levels first, the most unusual first, then moves."""
    levels, moves = [], []
    for place in places:
        moved = move(context, geo, place.column)
        share = _share(place.below if ahead else place.above, place.of.value - 1)
        moving = _moves(moved, ahead)
        if share >= STANDS_OUT:
            own_line = moved is not None and _moves(moved, not ahead)
            clauses = (_level(place), *(() if moved is None or own_line else (_since(moved),)))
            levels.append((share, Line(clauses, columns=(place.column,))))
        elif moving and moved is not None:
            moves.append(Line(_moved(moved, ahead), columns=(place.column,)))
    ordered = [line for _, line in sorted(levels, key=lambda pair: -pair[0])]
    return (ordered + moves)[:MOST_LINES]


def _share(count: float, of: float) -> float:
    return count / of if of else 0.0


def _moves(moved: Move | None, ahead: bool) -> bool:
    """Whether it gained on, or lost ground to, enough of its peers, and went up or down itself."""
    if moved is None or (moved.change.value <= 0 if ahead else moved.change.value >= 0):
        return False
    passed = moved.below if ahead else moved.above
    return _share(passed.value, moved.of.value) >= STANDS_OUT


def _level(place: Position) -> Clause:
    return Clause(
        f"position.{place.column}",
        {
            "value": place.own,
            "year": Years(place.year, place.year),
            "median": place.median,
            "rank": place.rank,
            "of": place.of,
        },
    )


def _since(moved: Move) -> Clause:
    return Clause(
        "since",
        {
            "base": Years(moved.years.first, moved.years.first),
            "change": moved.change,
            "median": moved.median,
            "unit": Words("message", (f"unit.{moved.column}",)),
        },
    )


def _moved(moved: Move, ahead: bool) -> tuple[Clause, Clause]:
    passed: Number = moved.below if ahead else moved.above
    return (
        Clause(
            f"moved.{moved.column}",
            {
                "years": moved.years,
                "first": moved.first,
                "last": moved.last,
                "change": moved.change,
            },
        ),
        Clause("moved.ahead" if ahead else "moved.behind", {"n": passed, "of": moved.of}),
    )
