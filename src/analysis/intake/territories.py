"""From what a file calls its territories to codes with a NUTS version, or to a problem."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from analysis.intake.declaration import Declaration
from analysis.intake.gazetteer import FRENCH_SCHEMES, ISO3, Gazetteer, Place, french_number
from analysis.intake.words import declared, header_has_role, plain
from analysis.sources.territories import EXTRA_REGIO, VERSIONS

PANEL_VERSION = "2013"
_NUMBER = re.compile(r"\d{1,3}(\.0)?|2[abAB]")
_CODE = re.compile(r"[A-Z]{2}[A-Z0-9]{0,3}")
_LABELLED = re.compile(r"([A-Za-z]{2}[A-Za-z0-9]{0,3})\s*(?:[-–:|]\s*|\s)(\S.*)")
#: "Total Nacional", "Deutschland insgesamt": sums over rows whatever stands beside the word.
_SUM = re.compile(r"(sous |sub )?totale? |ensemble (de|des|du) |.* (insgesamt|ogolem|total)$")
UNKNOWN = "no territory of this name or code in NUTS 2006 to 2024 or ISO 3166"
#: Unknown labels for which the nearest names are looked up.
COMPARED = 50
LEVELS = ("country", "NUTS 1", "NUTS 2", "NUTS 3")


@dataclass(frozen=True, slots=True)
class Resolved:
    """What one label stands for: ``places`` of every version that fit, or ``rule`` why none."""

    label: str
    places: tuple[Place, ...] = ()
    is_code: bool = False
    rule: str = ""
    message: str = ""
    suggestion: str = ""


@dataclass(frozen=True)
class Territories:
    """All labels of a file, with what was understood and what is asked of the whole file."""

    by_label: Mapping[str, Resolved]
    notes: tuple[str, ...] = ()
    scheme: str = ""
    levels: Mapping[str, int] = field(default_factory=dict)


def resolve(
    labels: Iterable[str], header: str, said: Declaration, known: Gazetteer,
    countries: Mapping[str, str] | None = None,
) -> Territories:  # fmt: skip
    """Candidates of every label, narrowed by what the others are.

    header: the column's, which may say département or région. countries: label → text of the
    country column of its rows, where the file has one.
    """
    distinct = sorted(set(labels))
    scheme, number_problem = _number_scheme(distinct, header, said, known)
    found = {label: _candidates(label, scheme, number_problem, known, said) for label in distinct}
    found = _prefer_iso3(_prefer_words(found, known), known)
    found = _of_declared_version(found, said)
    found = _of_one_country(found, said, countries or {}, known)
    found, levels = _of_one_level(found, said, known)
    found = _with_nearest(found, known)
    notes = (f"numbers are read as {_scheme_words(scheme)}",) if scheme in FRENCH_SCHEMES else ()
    return Territories(found, notes, scheme, levels)


def _scheme_words(scheme: str) -> str:
    return {
        "departements": "French départements",
        "regions-2015": "French regions before 2016 (INSEE)",
        "regions-2016": "French regions since 2016 (INSEE)",
    }[scheme]


def _number_scheme(
    labels: Sequence[str], header: str, said: Declaration, known: Gazetteer
) -> tuple[str, Resolved | None]:
    """How bare numbers are read, or the problem that they fit several lists."""
    numbers = [label for label in labels if _NUMBER.fullmatch(label)]
    if not numbers:
        return "", None
    if said.territories in FRENCH_SCHEMES:
        return str(said.territories), None
    fitting = [
        scheme for scheme in FRENCH_SCHEMES if all(known.numbered(scheme, each) for each in numbers)
    ]
    words = declared("vocabulary")["schemes"]
    if plain(header) in map(plain, words["departements"]):
        fitting = ["departements"]
    elif plain(header) in map(plain, words["regions"]):
        # Numbers common to both maps of regions stand for the same territories.
        fitting = [scheme for scheme in fitting if scheme != "departements"][:1]
    if len(fitting) == 1:
        return fitting[0], None
    why = "fits " + " and ".join(map(_scheme_words, fitting)) if fitting else "is in no one list"
    return "", Resolved(
        "",
        rule="territory.number",
        message=f"a bare number that {why}",
        suggestion="say which with --territories departements, regions-2015 or regions-2016",
    )


def _candidates(
    label: str, scheme: str, number_problem: Resolved | None, known: Gazetteer, said: Declaration
) -> Resolved:
    if _NUMBER.fullmatch(label):
        places = known.numbered(scheme, label) if scheme else ()
        if places:
            return Resolved(label, places)
        problem = number_problem or _unknown_number(label, scheme)
        return replace(problem, label=label)
    code = _as_code(label)
    if places := _places_of_code(code, known):
        return Resolved(label, places, is_code=True)
    if rule := _outside(label, code):
        return replace(rule, label=label)
    if places := known.named(label):
        return Resolved(label, places)
    # "FR10 Île de France": the code says it, if the list knows it.
    pair = _LABELLED.fullmatch(label)
    if pair and (places := _places_of_code(_as_code(pair[1]), known)) and len(pair[1]) > 2:
        return Resolved(label, places, is_code=True)
    return _unknown(label, code, known)


def _as_code(label: str) -> str:
    code = label.strip().upper()
    for written, official in (("GR", "EL"), ("GB", "UK")):
        if code.startswith(written) and (len(code) == 2 or code[2:3].isdigit()):
            return official + code[2:]
    return code


def _places_of_code(code: str, known: Gazetteer) -> tuple[Place, ...]:
    if not _CODE.fullmatch(code):
        return ()
    country = known.country(code) if len(code) <= 3 else ()
    return tuple(sorted({*known.by_code.get(code, ()), *country}))


def _outside(label: str, code: str) -> Resolved | None:
    """Why a label names no single territory: a group, a total, money of no place."""
    words = declared("places")
    text = plain(label)
    for kind, what in (
        ("groups", "a group of countries, not a territory"),
        ("totals", "a total over the rows, not a territory"),
        ("nowhere", "figures of no one territory"),
    ):
        if text in {plain(word) for word in words[kind]} or (kind == "totals" and _SUM.match(text)):
            return _set_aside(f"territory.{kind.rstrip('s')}", what)
    if EXTRA_REGIO.fullmatch(code):
        return _set_aside("territory.nowhere", "an extra-regio code: figures of no one region")
    return None


def _set_aside(rule: str, what: str) -> Resolved:
    return Resolved("", rule=rule, message=what, suggestion="the row is set aside")


def _unknown_number(label: str, scheme: str) -> Resolved:
    return Resolved(
        label,
        rule="territory.unknown",
        message=f"no such number among {_scheme_words(scheme)} ({french_number(label)})",
        suggestion="correct it, or set such rows aside with --accept territory.unknown",
    )


def _unknown(label: str, code: str, known: Gazetteer) -> Resolved:
    old = [version for version, codes in known.old_codes.items() if code in codes]
    message = f"a code of NUTS {old[-1]}, which is not converted" if old else UNKNOWN
    return Resolved(
        label,
        rule="territory.unknown",
        message=message,
        suggestion="correct it, or set such rows aside with --accept territory.unknown",
    )


def _with_nearest(found: dict[str, Resolved], known: Gazetteer) -> dict[str, Resolved]:
    """Say the nearest names or codes of the first unknown labels: many are no slips of the pen."""
    unknown = [label for label, each in found.items() if each.message == UNKNOWN]
    return found | {
        label: replace(found[label], message=f"{UNKNOWN}; nearest: {nearest}")
        for label in unknown[:COMPARED]
        if (nearest := _nearest(label, known))
    }


def _nearest(label: str, known: Gazetteer) -> str:
    code = _as_code(label)
    if _CODE.fullmatch(code) and any(char.isdigit() for char in code):
        return ", ".join(difflib.get_close_matches(code, sorted(known.by_code), n=3, cutoff=0.7))
    near = difflib.get_close_matches(plain(label), sorted(known.by_name), n=3, cutoff=0.75)
    return ", ".join(f"{name} ({known.by_name[name][-1].code})" for name in near)


def _prefer_words(found: dict[str, Resolved], known: Gazetteer) -> dict[str, Resolved]:
    """Est, Sur and DOM are words, and ISO codes only among others of three capital letters."""
    codes = [label for label, each in found.items() if each.is_code and len(label) == 3]
    words = {}
    for label in codes:
        if label.isupper() and len(codes) > 1:
            continue
        if rule := _outside(label, ""):
            words[label] = replace(rule, label=label)
        elif places := known.named(label):
            words[label] = Resolved(label, places)
    return found | words


def _prefer_iso3(found: dict[str, Resolved], known: Gazetteer) -> dict[str, Resolved]:
    """FRA is France in a column of ISO codes, the French overseas regions in one of NUTS codes."""
    iso = [
        label
        for label, each in found.items()
        if each.is_code and len(label) == 3 and {place.level for place in each.places} == {0}
    ]
    narrowed = {}
    for label, each in found.items():
        levels = {place.level for place in each.places}
        if each.is_code and len(label) == 3 and len(levels) > 1:
            nuts = any(
                other.is_code and max(place.level for place in other.places) > 0
                for text, other in found.items()
                if text != label and other.places
            )
            if iso or nuts:
                wanted = 0 if iso else 1
                kept = tuple(place for place in each.places if place.level == wanted)
                narrowed[label] = replace(each, places=kept)
            else:
                narrowed[label] = _ambiguous(each)
    return found | narrowed


def _of_declared_version(found: dict[str, Resolved], said: Declaration) -> dict[str, Resolved]:
    if not said.nuts:
        return found
    narrowed = {}
    for label, each in found.items():
        kept = tuple(place for place in each.places if place.version in (said.nuts, ISO3))
        if each.places and not kept:
            versions = ", ".join(sorted({place.version for place in each.places}))
            narrowed[label] = Resolved(
                label,
                rule="territory.version",
                message=f"not in NUTS {said.nuts} as declared, but in NUTS {versions}",
                suggestion="declare the right version, or leave --nuts out to have it found",
            )
        elif each.places:
            narrowed[label] = replace(each, places=kept)
    return found | narrowed


def _of_one_country(
    found: dict[str, Resolved], said: Declaration, countries: Mapping[str, str], known: Gazetteer
) -> dict[str, Resolved]:
    """Settle names that several countries have, by the country column or the other labels."""
    profile = Counter(
        next(iter(_countries(each))) for each in found.values() if len(_countries(each)) == 1
    )
    sure = [each for each in found.values() if len(_countries(each)) == 1]
    of_countries = sum(1 for each in sure if any(place.level == 0 for place in each.places))
    are_countries = bool(sure) and of_countries * 2 > len(sure)
    narrowed = {}
    for label, each in found.items():
        if len(_countries(each)) < 2:
            continue
        wanted = said.country or _country_said(countries.get(label, ""), known)
        kept = [place for place in each.places if place.country == wanted] if wanted else []
        if not kept and are_countries:
            kept = [place for place in each.places if place.level == 0]
        if not kept and len(profile) == 1:
            kept = [place for place in each.places if place.country in profile]
        narrowed[label] = replace(each, places=tuple(kept)) if kept else _ambiguous(each)
    return found | narrowed


def _countries(each: Resolved) -> set[str]:
    return {place.country for place in each.places}


def _country_said(text: str, known: Gazetteer) -> str:
    code = _as_code(text)
    places = known.country(code) if _CODE.fullmatch(code) else known.named(text)
    return next((place.country for place in places if place.level == 0), "")


def _ambiguous(each: Resolved) -> Resolved:
    # Of each country the largest territory of the name.
    largest = sorted(each.places, key=lambda place: (-place.level, place.version))
    by_key = {(place.country, place.code if each.is_code else ""): place for place in largest}
    several = " or ".join(
        f"{place.code} ({LEVELS[place.level]} of {place.country})"
        if place.level
        else f"{place.code} (country)"
        for _, place in sorted(by_key.items())
    )
    return Resolved(
        each.label,
        rule="territory.ambiguous",
        message=f"stands for {several}",
        suggestion="write the code, or say the country with --country",
    )


def _of_one_level(
    found: dict[str, Resolved], said: Declaration, known: Gazetteer
) -> tuple[dict[str, Resolved], dict[str, int]]:
    """Settle names of several levels and versions: within a country, one level and one version.

    The version is that in which the most labels have a place, the nearest to the panel's among
    equals; the level that of the most labels, among equals NUTS 2, or the country where most labels
    of the file are of countries (Luxembourg, Malta).
    """
    chosen: dict[str, Resolved] = {}
    levels: dict[str, int] = {}
    named = [each for each in found.values() if each.places and not each.is_code]
    placed = [each for each in found.values() if each.places]
    of_countries = sum(any(place.level == 0 for place in each.places) for each in placed)
    order = (0, 2, 1, 3) if of_countries * 2 > len(placed) else (2, 1, 3, 0)
    for country in sorted({next(iter(_countries(each))) for each in named}):
        mine = [each for each in named if country in _countries(each)]
        version = _best_version(mine)
        level, is_settled = _best_level(mine, version, order)
        if said.level is not None:
            level, is_settled = said.level, True
        levels[country] = level
        for each in mine:
            chosen[each.label] = _at(each, version, level, is_settled, known)
    return found | chosen, levels


def _best_version(labels: Sequence[Resolved]) -> str:
    def rank(version: str) -> tuple[int, int, int]:
        covered = sum(any(place.version == version for place in each.places) for each in labels)
        return covered, -abs(int(version) - int(PANEL_VERSION)), int(version)

    return max(VERSIONS, key=rank)


def _best_level(labels: Sequence[Resolved], version: str, order: Sequence[int]) -> tuple[int, bool]:
    """The level that most labels have, the first of ``order`` among equals, and whether it is sure:
    alone, or the country in a list of countries.
    """
    covered = Counter(
        level
        for each in labels
        for level in {place.level for place in each.places if place.version in (version, ISO3)}
    )
    best = max(order, key=lambda level: covered[level])
    alone = list(covered.values()).count(covered[best]) == 1
    return best, alone or best == order[0] == 0


def _at(each: Resolved, version: str, level: int, is_settled: bool, known: Gazetteer) -> Resolved:
    """The one place of a label, at the level wanted or the nearest it has."""
    here = [place for place in each.places if place.version == version]
    if not here:
        nearest = min(each.places, key=lambda place: abs(_number_of(place) - int(version))).version
        here = [place for place in each.places if place.version == nearest]
    at_level = [place for place in here if place.level == level] or [
        min(here, key=lambda place: abs(place.level - level))
    ]
    same = all(known.is_same(at_level[0], place) for place in here)
    if len(at_level) > 1 or not (same or is_settled):
        several = " or ".join(f"{place.code} ({LEVELS[place.level]})" for place in sorted(here))
        return Resolved(
            each.label,
            rule="territory.ambiguous",
            message=f"stands for {several}",
            suggestion="write the code, or say the level with --level",
        )
    return replace(each, places=(at_level[0],))


def _number_of(place: Place) -> int:
    return int(place.version) if place.version.isdigit() else int(PANEL_VERSION)


def is_place_column(values: Sequence[str], header: str, known: Gazetteer) -> float:
    """Share of distinct texts of a column that name a place, a group or a total."""
    distinct = sorted(set(values))[:200]
    numbers_are_places = header_has_role(header, "geo")
    hits = 0
    for text in distinct:
        code = _as_code(text)
        is_number = bool(_NUMBER.fullmatch(text)) and numbers_are_places
        hits += bool(
            is_number or _places_of_code(code, known) or known.named(text) or _outside(text, code)
        )
    return hits / len(distinct) if distinct else 0.0
