"""Which column is what: territories, years, figures, units; and the figures as one long table."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from analysis.intake.declaration import Declaration
from analysis.intake.gazetteer import Gazetteer
from analysis.intake.numbers import parse_number
from analysis.intake.periods import parse_period
from analysis.intake.problems import Problem
from analysis.intake.sheets import Cell, Sheet
from analysis.intake.territories import is_place_column
from analysis.intake.words import declared, header_has_role, plain

SAMPLE = 400
_YEAR_IN_HEADER = re.compile(r"(?<!\d)((?:19|20)\d{2})(?!\d)")
_FLAG = re.compile(r"[a-z]{1,3}")
_FLAG_OF_YEAR = re.compile(r"\s*[(\[][a-z]{1,2}[)\]]$|\s+[a-z]{1,2}$")
_INDEX_BASE = re.compile(r"=\s*100")
YEAR_WORDS = frozenset({"", "a", "y", "x", "annee", "year", "jahr"})
STATISTICAL = ("sdmx-csv", "eurostat-tsv")


@dataclass(frozen=True)
class Roles:
    """Positions of columns by what they hold; ``years`` are columns headed by a year.

    flag_beside: value column → the unnamed column of its flags to the right of it (Eurostat's
    workbooks).
    """

    geo: int
    values: tuple[int, ...]
    year: int | None = None
    years: dict[int, tuple[str, str]] = field(default_factory=dict)
    country: int | None = None
    indicator: tuple[int, ...] = ()
    unit: int | None = None
    flags: tuple[int, ...] = ()
    ids: tuple[int, ...] = ()
    flag_beside: dict[int, int] = field(default_factory=dict)

    @property
    def layout(self) -> str:
        """``long``, ``years`` (one column per year) or ``indicators`` (several value columns)."""
        if self.years:
            return "years"
        return "indicators" if len(self.values) > 1 else "long"


@dataclass(frozen=True)
class Found:
    """Roles, or the problems that leave them open."""

    roles: Roles | None
    problems: tuple[Problem, ...] = ()
    unused: tuple[str, ...] = ()


class _Columns:
    """What can be said of each column of a sheet."""

    def __init__(self, sheet: Sheet, known: Gazetteer) -> None:
        self.sheet, self._known = sheet, known
        step = max(1, len(sheet.cells) // SAMPLE)
        self._sample = sheet.cells[::step]

    def texts(self, position: int) -> list[str]:
        return [str(row[position]) for row in self._sample if row[position] is not None]

    def has(self, position: int, role: str) -> bool:
        header = self.sheet.header[position].split("\\")[0]
        return header_has_role(header, role)

    def place_share(self, position: int) -> float:
        return is_place_column(self.texts(position), self.sheet.header[position], self._known)

    def year_share(self, position: int) -> float:
        cells = [row[position] for row in self._sample if row[position] is not None]
        years = [parse_period(cell) for cell in cells]
        return _share([each.year is not None and each.form != "serial" for each in years])

    def number_share(self, position: int) -> float:
        """Share of numbers among the cells that are not missing."""
        cells = [row[position] for row in self._sample if row[position] is not None]
        return _share([hit for hit in map(_is_number, cells) if hit is not None])

    def detail(self, position: int) -> tuple[bool, bool, float]:
        """Order of territory columns: regions before countries, codes before names, depth."""
        texts = sorted(set(self.texts(position)))[:50]
        header = plain(self.sheet.header[position])
        if texts and all(re.fullmatch(r"\d{1,3}(\.0)?|2[AB]", text) for text in texts):
            schemes = declared("vocabulary")["schemes"]
            return True, True, 3.0 if header in map(plain, schemes["departements"]) else 2.0
        codes = [
            self._known.by_code[text][-1].level for text in texts if text in self._known.by_code
        ]
        if len(codes) * 2 > len(texts):
            depth = sum(codes) / len(codes)
            return depth >= 0.5, True, depth
        names = [self._known.named(text) for text in texts]
        regions = [places[0].level > 0 for places in names if places]
        return _share(regions) > 0.5, False, 1.5


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits) if hits else 0.0


def _is_number(cell: Cell) -> bool | None:
    """Whether a cell is a number; None for a sign of a missing one (``n.d.``, ``x``)."""
    parsed = parse_number(cell, "")
    if parsed.value is None and not parsed.rule:
        return None
    return not parsed.rule or parsed.rule in ("number.ambiguous", "number.unit")


def find_roles(sheet: Sheet, said: Declaration, known: Gazetteer) -> Found:
    """The role of each column: what is declared, else what its header says, else its content."""
    problems: list[Problem] = []
    columns = _Columns(sheet, known)
    named = _declared_columns(sheet, said, problems)
    if problems:
        return Found(None, tuple(problems))
    taken = {position for positions in named.values() for position in positions}
    geo, country = _find_geo(columns, named, taken, problems)
    taken |= {each for each in (geo, country) if each is not None}
    year = None if said.layout == "years" else _find_year(columns, named, taken, problems)
    taken |= {year} if year is not None else set()
    wide = year is None and not problems and said.layout in (None, "years")
    years = _year_headers(columns, said, taken) if wide else {}
    if year is None and not years and not _is_open(problems, "layout.year"):
        problems.append(_no_year(sheet))
    values = tuple(years) or _find_values(columns, named, taken, problems)
    if geo is None or problems:
        return Found(None, tuple(problems))
    beside = _flags_beside(columns, values, taken)
    taken |= set(beside.values())
    values = tuple(each for each in values if each not in beside.values())
    rest = [each for each in range(len(sheet.header)) if each not in {*taken, *values}]
    roles = Roles(
        geo,
        values,
        year,
        years,
        country,
        indicator=named.get("indicator") or _dimensions(columns, rest),
        unit=(named.get("unit_column") or _with_role(columns, rest, "unit") or (None,))[0],
        flags=_with_role(columns, rest, "flag"),
        ids=_with_role(columns, rest, "id"),
        flag_beside=beside,
    )
    used = {*taken, *values, *roles.indicator, roles.unit, *roles.flags, *roles.ids}
    unused = tuple(sheet.header[each] for each in range(len(sheet.header)) if each not in used)
    return Found(roles, (), unused)


def _is_open(problems: Sequence[Problem], rule: str) -> bool:
    return any(each.rule == rule for each in problems)


def _declared_columns(
    sheet: Sheet, said: Declaration, problems: list[Problem]
) -> dict[str, tuple[int, ...]]:
    """Positions of the columns the declaration names, by header or, in a workbook, by letter."""
    found: dict[str, tuple[int, ...]] = {}
    wanted = {
        "geo": (said.geo,),
        "year": (said.year,),
        "value": said.value,
        "indicator": (said.indicator,),
        "unit_column": (said.unit_column,),
    }
    for role, headers in wanted.items():
        for header in filter(None, headers):
            position = _position(sheet, header)
            if position is None:
                problems.append(_no_such_column(sheet, role, header))
            else:
                found[role] = (*found.get(role, ()), position)
    return found


def _position(sheet: Sheet, header: str) -> int | None:
    exact = [each for each, name in enumerate(sheet.header) if name == header]
    alike = [each for each, name in enumerate(sheet.header) if plain(name) == plain(header)]
    bare = [each for each, name in enumerate(sheet.header) if _bare(name) == plain(header)]
    lettered = [each for each, letter in enumerate(sheet.letters) if letter == header]
    ways = (exact, alike, bare, lettered)
    return next((found[0] for found in ways if len(found) == 1), None)


def _bare(header: str) -> str:
    """A header without its unit in brackets, as one may name it."""
    return plain(re.sub(r"[(\[].*?[)\]]", " ", header))


def _find_geo(
    columns: _Columns, named: dict[str, tuple[int, ...]], taken: set[int], problems: list[Problem]
) -> tuple[int | None, int | None]:
    """The column of territories, and that of countries where there is one beside it."""
    sheet = columns.sheet
    free = [each for each in range(len(sheet.header)) if each not in taken]
    headed = [each for each in free if columns.has(each, "geo") and columns.place_share(each) > 0.3]
    if not headed and "geo" not in named:
        headed = [each for each in free if columns.place_share(each) >= 0.7]
    ranked = sorted(headed, key=columns.detail, reverse=True)
    countries = [each for each in ranked if not columns.detail(each)[0]]
    if "geo" in named:
        return named["geo"][0], next(iter(countries), None)
    if not ranked:
        headed = [each for each in free if columns.has(each, "geo")]
        if len(headed) == 1:
            return headed[0], None
        problems.append(_no_geo(sheet))
        return None, None
    if len(ranked) > 1 and columns.detail(ranked[0]) == columns.detail(ranked[1]):
        if not _same_places(columns, ranked[0], ranked[1]):
            problems.append(_several(sheet, "geo", "territories", ranked[:2]))
            return None, None
        ranked = sorted(ranked[:2])
    geo = ranked[0]
    return geo, next((each for each in countries if each != geo), None)


def _same_places(columns: _Columns, one: int, other: int) -> bool:
    """Whether two columns name the same places row by row (a code, and a code with its name)."""
    rows = columns.sheet.cells
    pairs = {(str(row[one]), str(row[other])) for row in rows}
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def _find_year(
    columns: _Columns, named: dict[str, tuple[int, ...]], taken: set[int], problems: list[Problem]
) -> int | None:
    if "year" in named:
        return named["year"][0]
    free = [each for each in range(len(columns.sheet.header)) if each not in taken]
    headed = [each for each in free if columns.has(each, "year")]
    readable = [each for each in headed if columns.year_share(each) > 0.3]
    if len(readable) > 1:
        exact = [each for each in readable if all(len(text) <= 6 for text in columns.texts(each))]
        readable = exact if len(exact) == 1 else readable
    if len(readable) > 1:
        problems.append(_several(columns.sheet, "year", "years", readable))
        return None
    if readable or len(headed) == 1:
        return (readable or headed)[0]
    by_content = [each for each in free if columns.texts(each) and columns.year_share(each) >= 0.9]
    return by_content[0] if len(by_content) == 1 else None


def _year_headers(
    columns: _Columns, said: Declaration, taken: set[int]
) -> dict[int, tuple[str, str]]:
    """Columns headed by a year (``2015``, ``2015 b``, ``Montant 2015``): its text and the rest.

    A year beside other words heads figures only where the column has numbers (``NUTS 2016`` does
    not), and never as the base of an index (``2015 = 100``).
    """
    found = {}
    wanted = {plain(header) for header in said.value}
    for position, header in enumerate(columns.sheet.header):
        if plain(header) not in wanted if wanted else position in taken:
            continue
        bare = _FLAG_OF_YEAR.sub("", header.strip())
        period = parse_period(bare)
        if period.year is not None and period.form != "serial":
            found[position] = (bare, "")
        elif len(years := _YEAR_IN_HEADER.findall(header)) == 1:
            rest = " ".join(_YEAR_IN_HEADER.sub(" ", header).split()).strip(" -_/:")
            if columns.number_share(position) >= 0.5 and not _INDEX_BASE.search(header):
                found[position] = (years[0], "" if plain(rest) in YEAR_WORDS else rest)
    return found


def _find_values(
    columns: _Columns, named: dict[str, tuple[int, ...]], taken: set[int], problems: list[Problem]
) -> tuple[int, ...]:
    if "value" in named:
        return named["value"]
    other = ("id", "flag", "ignored", "geo", "beneficiary", "unit")
    free = [
        each
        for each in range(len(columns.sheet.header))
        if each not in taken and not any(columns.has(each, role) for role in other)
    ]
    numeric = [each for each in free if columns.number_share(each) >= 0.5]
    called = [each for each in free if columns.has(each, "value")]
    one = [each for each in called if _is_the_value(columns.sheet.header[each])]
    found = one if len(one) == 1 else sorted({*numeric, *([] if numeric else called)})
    if not found:
        problems.append(_no_value(columns.sheet))
    return tuple(found)


def _flags_beside(
    columns: _Columns, values: Sequence[int], taken: Collection[int]
) -> dict[int, int]:
    """Unnamed columns of a letter or two, each right of a value column: its flags."""
    sheet = columns.sheet
    found = {}
    for value in values:
        flag = value + 1
        if flag >= len(sheet.header) or flag in taken:
            continue
        unnamed = sheet.header[flag] == f"column {sheet.letters[flag]}"
        texts = {str(row[flag]) for row in sheet.cells if row[flag] is not None}
        if unnamed and texts and all(_FLAG.fullmatch(text) for text in texts):
            found[value] = flag
    return found


def _is_the_value(header: str) -> bool:
    return plain(header) in {"value", "valeur", "obs value", "wert", "valor", "valore"}


def _dimensions(columns: _Columns, rest: Sequence[int]) -> tuple[int, ...]:
    """Columns that say which series: the indicator column; in statistical formats, every one that
    has more than one value."""
    if named := _with_role(columns, rest, "indicator"):
        return named[:1]
    if columns.sheet.kind not in STATISTICAL:
        return ()
    other = ("flag", "unit", "ignored", "geo", "id")
    free = [each for each in rest if not any(columns.has(each, role) for role in other)]
    rows = columns.sheet.cells
    return tuple(each for each in free if len({row[each] for row in rows}) > 1)


def _with_role(columns: _Columns, rest: Sequence[int], role: str) -> tuple[int, ...]:
    return tuple(each for each in rest if columns.has(each, role))


def _headers(sheet: Sheet) -> str:
    return ", ".join(sheet.header[:30]) + (", …" if len(sheet.header) > 30 else "")


def _no_such_column(sheet: Sheet, role: str, header: str) -> Problem:
    return Problem(
        sheet.file,
        "declaration.column",
        f"there is no one column {header!r}",
        f"the columns are: {_headers(sheet)}; correct --{role.replace('_', '-')}",
        sheet=sheet.name,
    )


def _no_geo(sheet: Sheet) -> Problem:
    return Problem(
        sheet.file,
        "layout.geo",
        "no column holds territories (codes or names)",
        f"name it with --geo; the columns are: {_headers(sheet)}",
        sheet=sheet.name,
    )


def _no_year(sheet: Sheet) -> Problem:
    return Problem(
        sheet.file,
        "layout.year",
        "no column holds years and no column is headed by one",
        f"name it with --year; the columns are: {_headers(sheet)}",
        sheet=sheet.name,
    )


def _no_value(sheet: Sheet) -> Problem:
    return Problem(
        sheet.file,
        "layout.value",
        "no column holds figures",
        f"name it with --value; the columns are: {_headers(sheet)}",
        sheet=sheet.name,
    )


def _several(sheet: Sheet, option: str, what: str, positions: Sequence[int]) -> Problem:
    headers = " and ".join(sheet.column_name(each) for each in positions)
    return Problem(
        sheet.file,
        f"layout.{option}",
        f"several columns hold {what}: {headers}",
        f"say which with --{option}",
        sheet=sheet.name,
    )
