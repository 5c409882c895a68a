"""Which territories there are briefs for, and what codes of other maps are called here.

Regions and countries carry the codes of NUTS 2013, small territories (NUTS 3) those of NUTS 2010,
on which the one series that goes so far down is published.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis import CompendiumError
from analysis.panel.nuts3 import NUTS3_VERSION
from analysis.panel.territories import NUTS_VERSION

GROUPS = ("all", *(f"all-nuts{level}" for level in range(4)))
#: A smaller share of the people than this is a shifted boundary, not a part.
_SLIVER = 0.005
#: Words inside names that keep their small letters.
_PARTICLES = frozenset(
    (
        *("and", "d", "de", "del", "della", "der", "des", "do", "dos", "du", "e", "en", "et", "i"),
        *("l", "la", "las", "le", "les", "of", "the", "und", "y"),
    )
)


class UnknownTerritoryError(CompendiumError):
    """Codes for which there is no brief; the message says which, and what they are called here."""


@dataclass(frozen=True)
class Territories:
    """code → name and NUTS level (0 to 3), and small territory → the region that contains it."""

    names: Mapping[str, str]
    levels: Mapping[str, int]
    parents: Mapping[str, str]

    def chosen(self, asked: Sequence[str], changes: "MapChanges") -> list[str]:
        """The codes asked for, groups (``GROUPS``) spelt out, each once, in the order asked.

        Raises UnknownTerritoryError that names every code that is not known, with a hint.
        """
        codes: list[str] = []
        problems = []
        for word in asked:
            code = word.strip()
            if code.lower() in GROUPS:
                codes += self._group(code.lower())
            elif code.upper() in self.names:
                codes.append(code.upper())
            else:
                problems.append(f"{word}: {self._hint(code, changes)}")
        if problems:
            raise UnknownTerritoryError("\n".join(problems))
        return list(dict.fromkeys(codes))

    def _group(self, group: str) -> list[str]:
        level = None if group == "all" else int(group[-1])
        return sorted(
            (code for code, its in self.levels.items() if level in (None, its)),
            key=lambda code: (self.levels[code], code),
        )

    def _hint(self, asked: str, changes: "MapChanges") -> str:
        code = asked.upper()
        found = changes.successors(code, self.names)
        if found:
            parts = ", ".join(f"{new} ({self.names[new]}{share})" for new, share in found.items())
            many = "its people lived in" if len(found) > 1 else "that is"
            return f"a code of another NUTS map; on the map of this panel {many} {parts}"
        near = self._alike(asked)
        if near:
            return f"no such territory; did you mean {', '.join(near)}?"
        return (
            f"no such territory; codes are those of NUTS {NUTS_VERSION} (NUTS 3: {NUTS3_VERSION}), "
            f"as FR, FR1, FR10, FR101, or {', '.join(GROUPS)}"
        )

    def _alike(self, asked: str) -> list[str]:
        """Codes whose names are close to what was asked; that begin with it; or are close to it."""
        folded = {name.casefold(): code for code, name in sorted(self.names.items(), reverse=True)}
        by_name = difflib.get_close_matches(asked.casefold(), list(folded), n=3, cutoff=0.75)
        by_code = difflib.get_close_matches(asked.upper(), sorted(self.names), n=3, cutoff=0.7)
        begun = [code for code in sorted(self.names) if code.startswith(asked.upper())]
        codes = [folded[name] for name in by_name] or begun[:3] or by_code
        return [f"{code} ({self.names[code]})" for code in codes]


@dataclass(frozen=True)
class MapChanges:
    """How codes changed between NUTS maps: the JRC flows, and names where there are none.

    flows: ``from_code, to_code, from_version, to_version, level, pop11``; names: ``version, code,
    level, country, name_latin``.
    """

    flows: pd.DataFrame
    names: pd.DataFrame

    def successors(self, code: str, known: Iterable[str]) -> dict[str, str]:
        """Known codes in which the people of ``code`` live → share as text; none if unknown.

        The share is empty where there is one successor. Newer maps are looked at first.
        """
        code = f"EL{code[2:]}" if code.startswith("GR") else code
        known = set(known)
        if code in known:
            return {code: ""}
        return self._by_people(code, known) or self._by_name(code, known)

    def _by_people(self, code: str, known: set[str]) -> dict[str, str]:
        to = NUTS3_VERSION if len(code) == 5 else NUTS_VERSION
        rows = self.flows[self.flows["from_code"].eq(code) & self.flows["to_version"].eq(to)]
        rows = rows[rows["to_code"].isin(list(known))]
        if rows.empty:
            return {}
        newest = rows[rows["from_version"].eq(rows["from_version"].max())]
        people = newest.groupby("to_code")["pop11"].sum()
        shares = (people / people.sum()).sort_values(ascending=False, kind="stable")
        shares = shares[shares >= _SLIVER]
        if len(shares) == 1:
            return {str(shares.index[0]): ""}
        return {str(new): f", {100 * share:.0f} % of them" for new, share in shares.items()}

    def _by_name(self, code: str, known: set[str]) -> dict[str, str]:
        """Overseas territories have no flows, but keep their names."""
        rows = self.names[self.names["code"].eq(code)]
        if rows.empty:
            return {}
        one = rows.iloc[-1]
        same = self.names[
            self.names["name_latin"].str.casefold().eq(str(one["name_latin"]).casefold())
            & self.names["level"].eq(one["level"])
            & self.names["country"].eq(one["country"])
            & self.names["code"].isin(list(known))
        ]
        return {str(new): "" for new in sorted(same["code"].unique())[:1]}


def territories(regions: pd.DataFrame, nuts3: pd.DataFrame, changes: MapChanges) -> Territories:
    """Every territory of the panel. regions, nuts3: tables of data/processed."""
    large = regions.drop_duplicates("geo").set_index("geo")
    small = nuts3.drop_duplicates("nuts3").set_index("nuts3")["name"]
    inside = set(large.index[large["level"].eq(2)])
    parents = _parents([str(code) for code in small.index], inside, changes)
    small = small[small.index.isin(list(parents))]
    named = [*large["name"].items(), *small.items()]
    names = {str(code): _spelt(str(name)) for code, name in named}
    levels = {**large["level"].astype(int).to_dict(), **dict.fromkeys(small.index, 3)}
    return Territories(names, levels, parents)


def _spelt(name: str) -> str:
    """A name that is published in capitals, as names are written."""
    if not name.isupper():
        return name
    words = re.split(r"([\W_]+)", name.title())
    small = [w.lower() if w.lower() in _PARTICLES and n else w for n, w in enumerate(words)]
    return "".join(small)


def _parents(small: list[str], regions: set[str], changes: MapChanges) -> dict[str, str]:
    """The region (NUTS 2013) where most people of each small territory (NUTS 2010) live."""
    flows = changes.flows
    rows = flows[
        flows["level"].eq(3)
        & flows["from_version"].eq(NUTS3_VERSION)
        & flows["to_version"].eq(NUTS_VERSION)
    ]
    rows = rows.sort_values(["from_code", "pop11", "to_code"]).drop_duplicates(
        "from_code", keep="last"
    )
    now = dict(zip(rows["from_code"], rows["to_code"].str[:4], strict=True))
    parents = {}
    for code in small:
        parent = now.get(code, code[:4])
        if parent not in regions:  # overseas: no flows
            parent = next(iter(changes.successors(code[:4], regions)), "")
        if parent in regions:
            parents[code] = parent
    return parents
