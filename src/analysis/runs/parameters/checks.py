"""What is accepted: each function returns a value in canonical form or says why it is refused."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from analysis import paths
from analysis.panel.manifest import read_manifest
from analysis.runs.parameters.errors import hint

#: Years of the published data, for as long as nothing has been built from them.
PUBLISHED_YEARS = (1977, 2024)
LONGEST_LAG = 10


def covered_years() -> tuple[int, int]:
    """First and last year of the built tables that are read."""
    manifest = read_manifest(paths.PROCESSED) or {}
    first, last = manifest.get("years") or PUBLISHED_YEARS
    return first, last


def without_duplicates(values: list[Any]) -> list[Any]:
    twice = sorted(value for value, count in Counter(values).items() if count > 1)
    if twice:
        raise ValueError(f"given more than once: {', '.join(map(str, twice))}")
    return sorted(values)


def dated_countries(entries: list[str]) -> list[str]:
    """``["FR2005"]``: a known country once, with a year."""
    for entry in entries:
        if not re.fullmatch(r"[A-Z]{2}[0-9]{4}", entry):
            raise ValueError(f"expected a country code and a year, as FR2005, got {entry!r}")
    named = [entry[:2] for entry in entries]
    if len(set(named)) < len(named):
        raise ValueError("a country has more than one year")
    known_countries(named)
    return sorted(entries)


def known_countries(codes: list[str]) -> list[str]:
    if not codes:
        return []
    from analysis.panel.codes import COUNTRIES

    also_known = {"GR": "EL", "GB": "UK"}
    unknown = [code for code in codes if code not in COUNTRIES]
    if unknown:
        hints = [
            f"for {code} write {also_known[code]}" for code in unknown if code in also_known
        ] or [f"Eurostat codes are {', '.join(COUNTRIES)}"]
        raise ValueError(f"unknown country {', '.join(map(repr, unknown))}; {'; '.join(hints)}")
    return without_duplicates(codes)


def territory_prefixes(codes: list[str]) -> list[str]:
    wrong = [code for code in codes if not re.fullmatch(r"[A-Z]{2}[A-Z0-9]{0,3}", code)]
    if wrong:
        raise ValueError(
            f"{', '.join(map(repr, wrong))}: not a NUTS code or the beginning of one, as FR or ITC4"
        )
    known_countries(sorted({code[:2] for code in codes}))
    return without_duplicates(codes)


def one_territory(code: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}[A-Z0-9]{2,3}", code):
        raise ValueError(
            f"{code!r} is no NUTS 2 or NUTS 3 code; write four or five characters, as FR10 or FR104"
        )
    known_countries([code[:2]])
    return code


def ordered_period(years: list[int]) -> list[int]:
    if len(years) != 2:
        raise ValueError("expected the first and the last year, as in 2000-2012")
    first, last = years
    if first > last:
        raise ValueError(f"{first}-{last} runs backwards; write {last}-{first}")
    earliest, latest = covered_years()
    if first < earliest or last > latest:
        raise ValueError(f"{first}-{last} leaves the years the data cover, {earliest}-{latest}")
    return years


def covered_year(year: int) -> int:
    earliest, latest = covered_years()
    if not earliest <= year <= latest:
        raise ValueError(f"{year} is not among the years the data cover, {earliest}-{latest}")
    return year


def ordered_or_own(years: list[int]) -> list[int]:
    return ordered_period(years) if years else years


def lag_lengths(lags: list[int]) -> list[int]:
    if not lags:
        raise ValueError("expected at least one lag, as in 0 or 0,1,2")
    wrong = [lag for lag in lags if not 0 <= lag <= LONGEST_LAG]
    if wrong:
        raise ValueError(
            f"{', '.join(map(str, wrong))}: lags are whole years from 0 to {LONGEST_LAG}"
        )
    return without_duplicates(lags)


def names_with_role(role: str) -> tuple[str, ...]:
    from analysis.panel.codebook import with_role

    return with_role(role, table="regions")


def known_studies(names: list[str]) -> list[str]:
    from analysis.studies.folders import find_studies

    allowed = [folder.name for folder in find_studies([])]
    for name in names:
        if name not in allowed:
            raise ValueError(f"{name!r} is no study{hint(name, allowed)}")
    return without_duplicates(names)


def existing_folder(name: str) -> str:
    if name and not (paths.ROOT / name).is_dir():
        raise ValueError(f"{name!r} is no folder; give one, absolute or from {paths.ROOT}")
    return name


def study_names() -> str:
    from analysis.studies.folders import find_studies

    return "all when empty; " + ", ".join(folder.name for folder in find_studies([]))


def has_role(role: str) -> Callable[[str], str]:
    def check(name: str) -> str:
        allowed = names_with_role(role)
        if name not in allowed:
            raise ValueError(f"{name!r} is no {role} of the codebook{hint(name, allowed)}")
        return name

    return check


def explaining(names: list[str]) -> list[str]:
    """Columns that may stand on the right of a regression, in the order given."""
    allowed = explaining_names()
    for name in names:
        if name not in allowed:
            raise ValueError(f"{name!r} explains nothing in the codebook{hint(name, allowed)}")
    without_duplicates(names)
    return names


def explaining_names() -> tuple[str, ...]:
    roles = ("treatment", "input", "control", "outcome")
    return tuple(dict.fromkeys(name for role in roles for name in names_with_role(role)))


def two_at_most(effects: list[str]) -> list[str]:
    if len(effects) > 2:
        raise ValueError(f"expected at most two, got {len(effects)}")
    return without_duplicates(effects)
