"""Every territory by code and by name: NUTS 2006 to 2024, countries, French numbers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import pandas as pd
from babel import Locale
from babel.core import get_global

from analysis import sources
from analysis.intake.words import declared, plain
from analysis.languages import ISO2
from analysis.sources.territories import EXTRA_REGIO, VERSIONS, CodeLists

ISO3 = "ISO3"
FRENCH_SCHEMES = ("departements", "regions-2015", "regions-2016")
_LEADING = re.compile(
    r"^(?:prov|provincia|province|provincie|region|land|comunidad|departement|arr|bezirk) "
    r"(?:de |di |d |of |du |des |autonoma di |autonoma de )*"
)
# What people write before a name, and numbers beside one ("01 - Ain", "Ain (01)", "Corse¹").
_KIND = re.compile(
    r"^(?:region|regione|land|freistaat|regierungsbezirk|wojewodztwo|departement|comunidad autonoma"
    r"|provincia autonoma|p a) (?:(?:de|di|du|des|d|della|del|of) )?(?:(?:la|l|les) (?!reunion))?"
)
_NUMBERED = re.compile(r"^(?:\d{1,3}|2[ab]) (?=\D)|(?<=\D) ?(?:\d{1,3}|2[ab])$")
_BRACKETS = re.compile(r"\s*[(\[][^)\]]*[)\]]")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A territory of one version: code, level (0 to 3) and country (Eurostat or ISO 3 letters)."""

    version: str
    code: str
    level: int
    country: str


class Gazetteer:
    """Finds places by code or name.

    names: the table ``nuts_names`` (``version, code, level, country, name_latin, name_national,
    label_2026``). old: codes of the versions before 2006, to say what they are.
    """

    def __init__(self, names: pd.DataFrame, old: CodeLists) -> None:
        self._names = names
        self.old_codes = old

    @cached_property
    def by_code(self) -> dict[str, tuple[Place, ...]]:
        """Places of each NUTS code, oldest version first."""
        places: dict[str, list[Place]] = {}
        for row in self._names.itertuples(index=False):
            if not EXTRA_REGIO.fullmatch(row.code):
                place = Place(row.version, row.code, int(row.level), row.country)
                places.setdefault(row.code, []).append(place)
        return {code: tuple(sorted(found)) for code, found in places.items()}

    @cached_property
    def code_lists(self) -> dict[str, frozenset[str]]:
        """Codes of each version, as the version detection takes them."""
        lists: dict[str, set[str]] = {version: set() for version in VERSIONS}
        for code, places in self.by_code.items():
            for place in places:
                lists[place.version].add(code)
        return dict(self.old_codes) | {version: frozenset(lists[version]) for version in VERSIONS}

    @cached_property
    def by_name(self) -> dict[str, tuple[Place, ...]]:
        """Places of each name, as :func:`plain` writes it, other names included."""
        found: dict[str, set[Place]] = {}
        for row in self._names.itertuples(index=False):
            if not EXTRA_REGIO.fullmatch(row.code):
                place = Place(row.version, row.code, int(row.level), row.country)
                for text in {row.name_latin, row.name_national, row.label_2026}:
                    for name in _variants(text):
                        found.setdefault(name, set()).add(place)
        for official, others in declared("places")["names"].items():
            group = [plain(name) for name in (official, *others)]
            own = found.get(group[0], set())
            # An older spelling adds places of its kind; a namesake of another kind (the province
            # Valencia, the département Vienne) stays beside.
            kinds = {(place.country, place.level) for place in own}
            named = set().union(*(found.get(name, set()) for name in group))
            places = {place for place in named if (place.country, place.level) in kinds}
            found |= {name: found.get(name, set()) | places for name in group}
        for name, code in _country_names():
            # Overseas regions have country codes too; the list of regions goes first.
            if code in self.by_code or name not in found:
                found.setdefault(name, set()).update(self._country_places(code))
        return {name: tuple(sorted(places)) for name, places in found.items() if name and places}

    def named(self, label: str) -> tuple[Place, ...]:
        """Places of a name as people write it: also ``Rioja, La``, ``Région Centre``, ``01 - Ain``.

        The name as it stands goes first.
        """
        text = plain(label)
        first, _, last = label.partition(",")
        written = (text, plain(f"{last} {first}"))
        bare = (_KIND.sub("", _NUMBERED.sub("", each)) for each in written)
        tried = (self.by_name.get(each) for each in (*written, *bare))
        return next((places for places in tried if places), ())

    def is_same(self, one: Place, other: Place) -> bool:
        """Whether two places of a version are one territory: at each level its only part."""
        whole, part = sorted((one, other), key=lambda place: place.level)
        if whole.version != part.version or not part.code.startswith(whole.code):
            return False
        listed = self.code_lists.get(whole.version, frozenset())
        inside = [code for code in listed if code.startswith(whole.code)]
        return sum(len(code) == len(part.code) for code in inside) <= 1

    def country(self, code: str) -> tuple[Place, ...]:
        """Places of a country code: Eurostat, ISO 3166 alpha-2 or alpha-3; empty when unknown."""
        alpha2 = _alpha2().get(code, code)
        eurostat = {"GR": "EL", "GB": "UK"}.get(alpha2, alpha2)
        if eurostat in self.by_code or alpha2 in _alpha3():
            return self._country_places(eurostat)
        return ()

    def numbered(self, scheme: str, number: str) -> tuple[Place, ...]:
        """Places of a French number; ``1`` and ``1.0`` are read as ``01``."""
        name = declared("places")[scheme].get(french_number(number))
        if name is None:
            return ()
        levels = (3,) if scheme == "departements" else (1, 2)
        places = self.by_name.get(plain(name), ())
        return tuple(each for each in places if each.country == "FR" and each.level in levels)

    def _country_places(self, eurostat: str) -> tuple[Place, ...]:
        if eurostat in self.by_code:
            return self.by_code[eurostat]
        alpha3 = _alpha3().get(eurostat)
        return (Place(ISO3, alpha3, 0, alpha3),) if alpha3 else ()


def iso3_of(country: str) -> str:
    """ISO 3166 alpha-3 of a Eurostat code, ``""`` where it is none."""
    return _alpha3().get(ISO2.get(country, country), "")


def french_number(text: str) -> str:
    """``1``, ``1.0`` and ``01`` → ``01``; ``2a`` → ``2A``."""
    number = text.strip().upper().removesuffix(".0")
    return number.zfill(2) if number.isdigit() else number


@lru_cache(maxsize=20_000)
def _variants(name: str) -> frozenset[str]:
    parts = {name, *name.split("/")} if "/" in name else {name}
    parts |= {_BRACKETS.sub("", part) for part in parts if "(" in part}
    whole = {plain(part) for part in parts}
    return frozenset(whole | {_LEADING.sub("", text) for text in whole})


@lru_cache(maxsize=1)
def _alpha2() -> Mapping[str, str]:
    """ISO 3166 alpha-3 → alpha-2."""
    aliases = get_global("territory_aliases")
    return {"XKX": "XK"} | {
        code: target[0]
        for code, target in sorted(aliases.items())
        if len(code) == 3 and code.isalpha() and len(target) == 1 and target[0] in _territories()
    }


@lru_cache(maxsize=1)
def _alpha3() -> Mapping[str, str]:
    """ISO 3166 alpha-2 → alpha-3, where the alpha-3 code is in use."""
    retired = {"BUR", "ZAR", "TMP", "YMD", "DDR", "FXX", "SUN", "ROM", "ANT", "YUG", "SCG"}
    return {two: three for three, two in _alpha2().items() if three not in retired}


@lru_cache(maxsize=1)
def _territories() -> Mapping[str, str]:
    names: Mapping[str, str] = Locale("en").territories
    no_country = {"ZZ", "QO", "EU", "EZ", "UN", "XA", "XB"}
    return {code: name for code, name in names.items() if len(code) == 2 and code not in no_country}


@lru_cache(maxsize=1)
def _country_names() -> tuple[tuple[str, str], ...]:
    """Pairs (name, Eurostat or alpha-2 code), English, French and usual variants."""
    pairs = []
    eurostat = {iso: code for code, iso in ISO2.items()}
    for language in ("en", "fr"):
        for code, name in Locale(language).territories.items():
            if code in _alpha3():
                pairs.append((plain(name), eurostat.get(code, code)))
    for code, names in declared("places")["countries"].items():
        pairs += [(plain(name), code) for name in names if len(name) > 3]
    return tuple(sorted(set(pairs)))


@lru_cache(maxsize=1)
def gazetteer() -> Gazetteer:
    """The gazetteer of the carried lists of NUTS regions."""
    changes = sources.read("nuts_changes")
    old = {
        version: frozenset(
            code
            for code in changes.loc[changes["from_version"] == version, "from_code"]
            if code and not EXTRA_REGIO.fullmatch(code)
        )
        for version in ("1999", "2003")
    }
    return Gazetteer(sources.read("nuts_names"), old)
