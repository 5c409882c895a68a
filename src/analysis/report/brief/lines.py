"""What a brief says, before any language: numbers with their cells, clauses, lines, charts.

Every number carries the cells of the panel (or the entries of the register) that it is made of and
how, so that anyone can make it again; :mod:`analysis.report.brief.text` puts it into words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

PARTS = ("advances", "obstacles", "solutions", "measures")


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of data/processed; of the register when ``table`` is ``claims``.

    Then ``geo`` is the claim's id and ``column`` the field of :func:`analysis.claims.assembly.row`.
    """

    table: str
    column: str
    geo: str
    year: int
    industry: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """A number to be printed.

    within: what the cells of one territory become: ``value`` (the one cell), ``mean``, ``change``
    (last minus first) or ``location quotient`` (of the cell's sector). across: what the
    territories' values become, in the order of the cells: ``own`` (the first), ``median`` (of
    all), ``rank`` (of the first, one for the highest), ``below`` and ``above`` (how many of the
    others are so compared with the first) or ``count`` (of all). A ``constant`` is no figure but a
    rule of the brief, or a count of what stands on the page.
    """

    value: float
    cells: tuple[Cell, ...]
    within: str = "value"
    across: str = "own"
    decimals: int = 0
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Years:
    """A year (``first == last``) or a period."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Words:
    """Words to be printed, a list separated by commas.

    kind: ``name`` (as they are), ``message`` (keys of the catalogue) or ``text`` (pairs of the
    same words in English and French).
    """

    kind: str
    items: tuple[str | tuple[str, str], ...]


Fields = dict[str, Number | Years | Words]


@dataclass(frozen=True, slots=True)
class Clause:
    """A sentence: a key of the catalogue and its fields. plural: the field that counts things."""

    key: str
    fields: Mapping[str, Number | Years | Words] = field(default_factory=dict)
    plural: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of one of the four parts: clauses that follow each other.

    claims: ids of the claims whose verdicts stand behind it; columns: what it is about.
    """

    clauses: tuple[Clause, ...]
    claims: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Position:
    """An indicator of the territory among its peers in one year.

    below, above: how many of the peers known that year have a lower, a higher value.
    """

    column: str
    year: int
    own: Number
    median: Number
    rank: Number
    of: Number
    peers: tuple[float, ...]
    below: int
    above: int


@dataclass(frozen=True, slots=True)
class Move:
    """The change of an indicator over some years, beside that of the peers known in both."""

    column: str
    years: Years
    first: Number
    last: Number
    change: Number
    median: Number
    below: Number
    above: Number
    of: Number


@dataclass(frozen=True, slots=True)
class Trend:
    """A series and the median of the peers, year → number, known years only."""

    column: str
    own: Mapping[int, Number]
    median: Mapping[int, Number]


@dataclass(frozen=True, slots=True)
class Sector:
    """A sector of the territory: location quotient and stars for size, specialisation, growth."""

    industry: str
    quotient: Number
    stars: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A dot on the map. role: ``own``, ``peer`` or ``other``; number: of a peer, from one."""

    geo: str
    lon: float
    lat: float
    role: str
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """A territory's brief, in no language. of: the territory the figures are of; ``geo`` itself
    unless that is a small territory (NUTS 3), for which there are hardly any.
    """

    geo: str
    name: str
    level: int
    of: str
    portrait: tuple[Clause, ...]
    peers: tuple[tuple[str, str], ...]
    parts: Mapping[str, tuple[Line, ...]]
    positions: tuple[Position, ...]
    trend: Trend | None
    sectors: tuple[Sector, ...]
    places: tuple[Place, ...]
    confidence: tuple[Clause, ...]
    definitions: tuple[Clause, ...]
    sources: tuple[Clause, ...]

    def clauses(self) -> list[Clause]:
        """Every sentence of the brief, in the order of the page."""
        lines = [clause for part in PARTS for line in self.parts[part] for clause in line.clauses]
        return [*self.portrait, *lines, *self.confidence, *self.definitions, *self.sources]
