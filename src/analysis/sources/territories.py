"""Which version of the NUTS classification a published code belongs to.

Eurostat tables mix versions: a table made in 2020 carries, country by country and year by year,
the regions that were valid when the country delivered. A bare code is therefore not a territory,
and the same code can name two different ones. The version is found from the codes themselves.
"""

import re
from collections.abc import Iterable, Mapping

import pandas as pd

VERSIONS = ("2006", "2010", "2013", "2016", "2021", "2024")
OLD_VERSIONS = ("1999", "2003")
NO_VERSION = ""

CodeLists = Mapping[str, frozenset[str]]

# Money, people or patents of no region of a country: ATZZ, FRXX. Not a territory in any version,
# although some correspondence tables list them.
EXTRA_REGIO = re.compile(r"[A-Z]{2}(Z{1,3}|X{1,3})")


def greece_as_el(codes: pd.Series) -> pd.Series:
    """Codes of Greece as ``EL``: ``GR`` of NUTS 1999-2006 was relabelled in 2010, suffix unchanged.

    Only the letters changed (GR11 became EL11, the same territory), so nothing is lost, and Greek
    rows of all vintages carry one country code.
    """
    return codes.str.replace(r"^GR", "EL", regex=True)


def code_lists(names: pd.DataFrame, changes: pd.DataFrame) -> dict[str, frozenset[str]]:
    """The codes of each NUTS version, oldest version first.

    ``names`` has columns ``nuts_version, nuts_id`` (2006 to 2024); ``changes`` has ``code_1999``
    and ``code_2003``, the only lists there are for the two old versions.
    """
    lists = {v: greece_as_el(changes[f"code_{v}"]) for v in OLD_VERSIONS}
    lists |= {v: greece_as_el(names.loc[names["nuts_version"] == v, "nuts_id"]) for v in VERSIONS}
    return {
        version: frozenset(code for code in codes if code and not EXTRA_REGIO.fullmatch(code))
        for version, codes in lists.items()
    }


def version_of_codes(codes: Iterable[str], default: str, lists: CodeLists) -> str:
    """The version (2006 to 2024) whose list holds the most of ``codes``.

    Ties go to ``default``, else to the version nearest to it in years (the later of two equally
    near). Returns ``""`` when no list holds any of the codes.
    """
    distinct = set(codes)
    hits = {version: len(distinct & lists[version]) for version in VERSIONS}
    best = max(hits.values())
    if best == 0:
        return NO_VERSION
    tied = [version for version in VERSIONS if hits[version] == best]
    return min(tied, key=lambda version: (abs(int(version) - int(default)), -int(version)))


def latest_version(code: str, lists: CodeLists) -> str:
    """The latest version (1999 to 2024) that holds ``code``, ``""`` when none does."""
    holders = [version for version, codes in lists.items() if code in codes]
    return max(holders, default=NO_VERSION)


def detect_versions(
    geo: pd.Series, group: pd.Series, has_value: pd.Series, default: str, lists: CodeLists
) -> pd.Series:
    """The NUTS version of each row of a dataset.

    Within each group (a country, a year and whatever else is published as one set of regions) the
    version is the one whose list holds the most of the codes that have a value, see
    :func:`version_of_codes`; a code outside that list gets the latest version that holds it; a
    code in no version (an aggregate, an extra-regio code) gets ``""``.

    Args:
        geo: codes, Greece as ``EL``; shape (n,).
        group: group label of each row; shape (n,).
        has_value: whether the cell has a value; shape (n,).
        default: the version the dataset is published on, for ties.
        lists: codes per version, from :func:`code_lists`.

    Returns:
        Versions such as ``"2013"``, shape (n,), on the index of ``geo``.
    """
    cells = pd.DataFrame({"geo": geo, "group": group, "has_value": has_value})
    published = cells.groupby(["group", "geo"])["has_value"].any()
    voters: dict[str, set[str]] = {}
    members: dict[str, set[str]] = {}
    for (name, code), valued in published.items():
        members.setdefault(name, set()).add(code)
        if valued:
            voters.setdefault(name, set()).add(code)
    # A group with flags but no value votes with all its codes.
    chosen = {
        name: version_of_codes(voters.get(name, codes), default, lists)
        for name, codes in members.items()
    }
    latest = {code: latest_version(code, lists) for code in cells["geo"].unique()}
    return pd.Series(
        [
            chosen[name] if code in lists.get(chosen[name], ()) else latest[code]
            for name, code in zip(group, geo, strict=True)
        ],
        index=geo.index,
        dtype=str,
    )
