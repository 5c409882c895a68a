"""Solutions and measures: what the register's verdicts say for this territory, and no more.

Every line names the claims behind it. A claim that is not decided is said to be so; nothing is
recommended that no verdict supports.
"""

import math
from collections.abc import Sequence

import numpy as np

from analysis.claims import sentences
from analysis.claims.assembly import Entry
from analysis.claims.declaration import Text
from analysis.claims.rule import (
    CONTRADICTED,
    INCONCLUSIVE,
    MIXED,
    NO_EFFECT,
    NOT_TESTABLE,
    SUPPORTED,
)
from analysis.report.brief.context import FUNDS, LEAST_PEERS, Context
from analysis.report.brief.lines import Cell, Clause, Fields, Line, Number, Sector, Words, Years
from analysis.report.brief.position import cell, decimals, known_in, move

#: Indicator → the claim about what would raise it.
LEVERS = {
    "gerd_pct_gdp": "C17",
    "berd_pct_gdp": "C17",
    "herd_pct_gdp": "C27",
    "rd_personnel_per_thousand": "C27",
    "patents_per_million": "C14",
    "hrst_per_head": "C27",
    "hightech_pct": "C15",
    "employment_rate_pct": "C18",
}
#: Claims about how the world lies, whose support says something about any territory.
PATTERNS = ("C03", "C01", "C02", "C25")
#: The one that says specialisations last.
_LASTING = "C03"
#: The money itself.
MONEY = "C08"
#: Claims about what a policy may do, in the order of the register; C20 is about France alone.
INSTRUMENTS = (
    *("C06", "C11", "C12", "C13", "C14", "C15", "C17", "C18", "C19", "C20", "C21", "C22"),
    *("C23", "C26", "C28"),
)
FRENCH = ("C20",)
_NOT_RUN = "not run"
#: What became of the instruments, in the order in which it is told.
_ORDER = (SUPPORTED, CONTRADICTED, NO_EFFECT, MIXED, INCONCLUSIVE, NOT_TESTABLE, _NOT_RUN)
_MOST_LEVERS = 2
#: What the peers' money is set beside.
_RESULT = "gerd_pct_gdp"


def solutions(
    context: Context, geo: str, obstacles: Sequence[Line], found: tuple[Sector, ...]
) -> tuple[Line, ...]:
    """The money and what peers with more of it saw, levers on the obstacles, patterns."""
    lines = [_funds(context, geo), *_levers(context, obstacles), *_patterns(context, found)]
    return tuple(line for line in lines if line is not None)


def measures(context: Context, geo: str, missing: Sequence[str]) -> tuple[Line, ...]:
    """The instruments by verdict, what would decide on the money, the figures to be made."""
    names = [name for name in INSTRUMENTS if name not in FRENCH or geo.startswith("FR")]
    groups = {word: [n for n in names if _word(context, n) == word] for word in _ORDER}
    lines = [_instruments(word, groups[word]) for word in _ORDER if groups[word]]
    if not groups[SUPPORTED]:
        lines.insert(0, Line((Clause("instruments.none"),), claims=tuple(names)))
    lines += [line for line in (_deciding(context), _figures(missing)) if line is not None]
    return tuple(lines)


def _word(context: Context, name: str) -> str:
    return context.entries[name].word if name in context.entries else _NOT_RUN


# --- the money -------------------------------------------------------------------------------


def _funds(context: Context, geo: str) -> Line | None:
    """Funds per head and year beside the peers', what the peers saw, and the verdict on money."""
    grid, years = context.grid(geo, FUNDS), range(context.fund_years[0], context.fund_years[1] + 1)
    peers = known_in(grid, context.likeness.peers.get(geo, ()), *years)
    verdict = _says(context, MONEY)
    if not known_in(grid, (geo,), *years):
        return Line((Clause("funds.missing"), *verdict), (MONEY,), (FUNDS,))
    amounts = {code: float(np.mean([grid.at(code, y) for y in years])) for code in (geo, *peers)}

    def number(codes: Sequence[str], value: float, across: str) -> Number:
        cells = tuple(cell(grid, code, year) for code in codes for year in years)
        return Number(value, cells, "mean", across, decimals(FUNDS))

    fields: Fields = {
        "value": number((geo,), amounts[geo], "own"),
        "years": Years(years[0], years[-1]),
    }
    if len(peers) < LEAST_PEERS:
        return Line((Clause("funds.alone", fields), *verdict), (MONEY,), (FUNDS,))
    theirs = [amounts[code] for code in peers]
    fields["median"] = number(peers, float(np.median(theirs)), "median")
    rank = 1 + sum(amount > amounts[geo] for amount in theirs)
    fields["rank"] = number((geo, *peers), rank, "rank")
    fields["of"] = number((geo, *peers), len(peers) + 1, "count")
    ordered = sorted(peers, key=lambda code: (-amounts[code], code))
    return Line(
        (Clause("funds", fields), *_compared(context, geo, ordered), *verdict), (MONEY,), (FUNDS,)
    )


def _compared(context: Context, geo: str, ordered: Sequence[str]) -> tuple[Clause, ...]:
    """Change of R&D of the half of the peers that got most and of the half that got least."""
    moved = move(context, geo, _RESULT)
    if moved is None:
        return ()
    grid, (first, last) = context.grid(geo, _RESULT), (moved.years.first, moved.years.last)
    known = known_in(grid, tuple(ordered), first, last)
    half = len(known) // 2
    if half < LEAST_PEERS // 2:
        return ()
    fields: Fields = {"years": moved.years}
    for name, codes in (("more", known[:half]), ("less", known[-half:])):
        cells = tuple(cell(grid, code, year) for code in codes for year in (first, last))
        changes = [grid.at(code, last) - grid.at(code, first) for code in codes]
        fields[name] = Number(
            float(np.median(changes)), cells, "change", "median", decimals(_RESULT), signed=True
        )
        fields[f"n_{name}"] = Number(half, cells, "change", "count")
    return (Clause("funds.peers", fields),)


# --- verdicts ----------------------------------------------------------------------------------


def _says(context: Context, name: str) -> tuple[Clause, ...]:
    """A claim and its verdict, and what kind of knowledge it is if it is definite."""
    entry = context.entries.get(name)
    if entry is None:
        return ()
    fields = {
        "claim": Words("text", (_bare(entry),)),
        "id": Words("name", (name,)),
    }
    return (Clause(f"says.{entry.word}", fields), *_reliance(entry))


def _reliance(entry: Entry) -> tuple[Clause, ...]:
    """Of a definite verdict: cause or not, and whether it stands among all the others."""
    if entry.word not in (SUPPORTED, CONTRADICTED) or entry.verdict is None:
        return ()
    alone = (Clause("wording.only_alone"),) if entry.only_alone else ()
    return (Clause(f"wording.{entry.verdict.wording}"), *alone)


def _bare(entry: Entry) -> tuple[str, str]:
    english, french = (entry.claim.claim.of(lang).rstrip(".") for lang in ("en", "fr"))
    return english, french


def _levers(context: Context, obstacles: Sequence[Line]) -> list[Line]:
    """For each obstacle, the claim about what would raise it; a claim is told once."""
    lines: list[Line] = []
    told: set[str] = set()
    for obstacle in obstacles:
        for column in obstacle.columns:
            name = LEVERS.get(column, "")
            if name in told or name not in context.entries or len(lines) == _MOST_LEVERS:
                continue
            told.add(name)
            about = Clause("lever", {"obstacle": Words("message", (f"short.{column}",))})
            lines.append(Line((about, *_says(context, name)), (name,), (column,)))
    return lines


def _patterns(context: Context, found: tuple[Sector, ...]) -> list[Line]:
    """What the patterns that are supported imply for any territory, with their size."""
    lines = []
    for name in PATTERNS:
        entry = context.entries.get(name)
        if entry is None or entry.word != SUPPORTED:
            continue
        fields: Fields = _size(entry)
        clauses = [Clause(f"implies.{name}", fields)]
        if name == _LASTING:
            clauses += _lasting_here(entry, found)
        lines.append(Line((*clauses, *_reliance(entry)), (name,)))
    return lines


def _lasting_here(entry: Entry, found: tuple[Sector, ...]) -> list[Clause]:
    """The sector that is a specialisation by the threshold of the claim, the strongest one."""
    threshold = float(entry.claim.headline["threshold"])
    if not found or found[0].quotient.value < threshold:
        return []
    sector = Words("message", (f"industry.{found[0].industry}",))
    return [Clause("implies.C03.here", {"sector": sector, "quotient": found[0].quotient})]


def _size(entry: Entry) -> Fields:
    """The headline with its interval and sample, as the register has them."""
    assert entry.verdict is not None
    headline = entry.verdict.headline
    places = sentences.decimals_of(headline)
    return {
        "estimate": _claimed(entry, "estimate", headline.estimate, places),
        "low": _claimed(entry, "ci_low", headline.ci_low, places),
        "high": _claimed(entry, "ci_high", headline.ci_high, places),
        "regions": _claimed(entry, "n_regions", headline.n_regions or math.nan, 0),
        "unit": Words("text", (entry.claim.unit or Text("", ""),)),
        "id": Words("name", (entry.claim.id,)),
    }


def _claimed(entry: Entry, column: str, value: float, places: int) -> Number:
    return Number(float(value), (Cell("claims", column, entry.claim.id, 0),), decimals=places)


# --- instruments ---------------------------------------------------------------------------------


def _instruments(word: str, names: Sequence[str]) -> Line:
    listed = Words("message", tuple(f"instrument.{name}" for name in names))
    return Line((Clause(f"instruments.{word}", {"instruments": listed}),), tuple(names))


def _deciding(context: Context) -> Line | None:
    """What would decide whether the money pays off, in the register's words."""
    entry = context.entries.get(MONEY)
    if entry is None or entry.verdict is None or not entry.verdict.changes:
        return None
    english, french = (sentences.changes(entry.verdict, lang)[0] for lang in ("en", "fr"))
    fields = {"change": Words("text", ((english, french),)), "id": Words("name", (MONEY,))}
    return Line((Clause("deciding", fields),), (MONEY,))


def _figures(missing: Sequence[str]) -> Line | None:
    """The figures that would have to be made for this territory."""
    if not missing:
        return None
    named = Words("message", tuple(f"short.{column}" for column in missing))
    return Line((Clause("figures", {"columns": named}),), columns=tuple(missing))
