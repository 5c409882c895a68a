"""Parameters of the notebooks: one model per notebook, checked before any kernel starts.

To add a parameter: give the model below one more field of a shared type, and the notebook's cell
tagged ``parameters`` one more assignment with the same default. ``compendium params``, the command
line, parameter files and the run's key follow by themselves.

Values may be native (``[2000, 2012]``) or text as typed on a command line (``"2000-2012"``);
either way the model holds one canonical form, so that equal parameters give equal run keys.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from analysis import CompendiumError, paths

FIRST_YEAR, LAST_YEAR = 1977, 2024
LONGEST_LAG = 10


class UsageError(CompendiumError):
    """Something was asked for that cannot be done as asked; nothing has been started."""


class ParameterError(UsageError):
    """Parameters a notebook cannot run with; the message lists every problem at once."""


# --- from text to values ---------------------------------------------------------------------


def _names(value: Any) -> Any:
    """``"FR, DE"`` → ``["FR", "DE"]``; a bare ``NO`` in YAML arrives as False and is refused."""
    if isinstance(value, str):
        return [name.strip() for name in value.strip("[] ").split(",")] if value.strip() else []
    if isinstance(value, list | tuple) and any(isinstance(item, bool) for item in value):
        raise ValueError('YAML reads a bare NO as false; write "NO" in quotes')
    return list(value) if isinstance(value, tuple) else value


def _integers(value: Any) -> Any:
    """``"0-3"`` or ``"0,1,2,3"`` or ``2`` → a list of integers."""
    if isinstance(value, str):
        span = re.fullmatch(r"\s*(\d+)\s*-\s*(\d+)\s*", value)
        if span:
            first, last = int(span[1]), int(span[2])
            if first > last:
                raise ValueError(f"{first}-{last} runs backwards; write {last}-{first}")
            return list(range(first, last + 1))
        return [_integer(item) for item in _names(value)]
    if isinstance(value, int) and not isinstance(value, bool):
        return [value]
    return list(value) if isinstance(value, tuple) else value


def _integer(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a whole number") from None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is not a whole number")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a number") from None
    return value


def _truth(value: Any) -> Any:
    words = {"true": True, "yes": True, "false": False, "no": False}
    if isinstance(value, str):
        if value.strip().lower() not in words:
            raise ValueError(f"{value!r} is neither true nor false")
        return words[value.strip().lower()]
    return value


def _period(value: Any) -> Any:
    """``"2000-2012"`` → ``[2000, 2012]``."""
    if isinstance(value, str):
        span = re.fullmatch(r"\[?\s*(\d{4})\s*[-,:]\s*(\d{4})\s*\]?", value.strip())
        if not span:
            raise ValueError(f"{value!r} is not a period; write first-last, as in 2000-2012")
        return [int(span[1]), int(span[2])]
    return list(value) if isinstance(value, tuple) else value


# --- checks ----------------------------------------------------------------------------------


def hint(word: str, allowed: Iterable[str]) -> str:
    """``"; did you mean 'x'? allowed: x, y"``, without the question when nothing is close."""
    names = list(allowed)
    by_folded = {name.lower(): name for name in names}
    close = get_close_matches(word.lower(), by_folded, n=1)
    question = f" did you mean {by_folded[close[0]]!r}?" if close else ""
    return f";{question} allowed: {', '.join(names)}"


def _without_duplicates(values: list[Any]) -> list[Any]:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"given more than once: {', '.join(map(str, twice))}")
    return sorted(values)


def _dated_countries(entries: list[str]) -> list[str]:
    """``["FR2005"]``: a known country once, with a year."""
    for entry in entries:
        if not re.fullmatch(r"[A-Z]{2}\d{4}", entry):
            raise ValueError(f"expected a country code and a year, as FR2005, got {entry!r}")
    named = [entry[:2] for entry in entries]
    if len(set(named)) < len(named):
        raise ValueError("a country has more than one year")
    _known_countries(named)
    return sorted(entries)


def _known_countries(codes: list[str]) -> list[str]:
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
    return _without_duplicates(codes)


def _territory_prefixes(codes: list[str]) -> list[str]:
    wrong = [code for code in codes if not re.fullmatch(r"[A-Z]{2}[A-Z0-9]{0,3}", code)]
    if wrong:
        raise ValueError(
            f"{', '.join(map(repr, wrong))}: not a NUTS code or the beginning of one, as FR or ITC4"
        )
    _known_countries(sorted({code[:2] for code in codes}))
    return _without_duplicates(codes)


def _one_territory(code: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}[A-Z0-9]{2,3}", code):
        raise ValueError(
            f"{code!r} is no NUTS 2 or NUTS 3 code; write four or five characters, as FR10 or FR104"
        )
    _known_countries([code[:2]])
    return code


def _ordered_period(years: list[int]) -> list[int]:
    if len(years) != 2:
        raise ValueError("expected the first and the last year, as in 2000-2012")
    first, last = years
    if first > last:
        raise ValueError(f"{first}-{last} runs backwards; write {last}-{first}")
    if first < FIRST_YEAR or last > LAST_YEAR:
        raise ValueError(
            f"{first}-{last} leaves the years the data cover, {FIRST_YEAR}-{LAST_YEAR}"
        )
    return years


def _period_or_own(value: Any) -> Any:
    """A period, or nothing: each notebook's own."""
    empty = value == [] or (isinstance(value, str) and not value.strip("[] "))
    return [] if empty else _period(value)


def _ordered_or_own(years: list[int]) -> list[int]:
    return _ordered_period(years) if years else years


def _lag_lengths(lags: list[int]) -> list[int]:
    if not lags:
        raise ValueError("expected at least one lag, as in 0 or 0,1,2")
    wrong = [lag for lag in lags if not 0 <= lag <= LONGEST_LAG]
    if wrong:
        raise ValueError(
            f"{', '.join(map(str, wrong))}: lags are whole years from 0 to {LONGEST_LAG}"
        )
    return _without_duplicates(lags)


def _names_with_role(role: str) -> tuple[str, ...]:
    from analysis.panel.codebook import with_role

    return with_role(role, table="regions")


def _known_studies(names: list[str]) -> list[str]:
    from analysis.studies.folders import find_studies

    allowed = [folder.name for folder in find_studies([])]
    for name in names:
        if name not in allowed:
            raise ValueError(f"{name!r} is no study{hint(name, allowed)}")
    return _without_duplicates(names)


def _existing_folder(name: str) -> str:
    if name and not (paths.ROOT / name).is_dir():
        raise ValueError(f"{name!r} is no folder; give one, absolute or from {paths.ROOT}")
    return name


def _study_names() -> str:
    from analysis.studies.folders import find_studies

    return "all when empty; " + ", ".join(folder.name for folder in find_studies([]))


def _has_role(role: str) -> Callable[[str], str]:
    def check(name: str) -> str:
        allowed = _names_with_role(role)
        if name not in allowed:
            raise ValueError(f"{name!r} is no {role} of the codebook{hint(name, allowed)}")
        return name

    return check


# --- shared types ----------------------------------------------------------------------------


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


@dataclass(frozen=True)
class Shown:
    """How a type is presented: its name, what it allows, a value as typed after ``-p key=``."""

    kind: str
    allowed: Callable[[], str]
    text: Callable[[Any], str] = _plain


def _fixed(text: str) -> Callable[[], str]:
    return lambda: text


def _country_codes() -> str:
    from analysis.panel.codes import COUNTRIES

    return "all when empty; " + ",".join(COUNTRIES)


Countries = Annotated[
    list[str],
    BeforeValidator(_names),
    AfterValidator(_known_countries),
    Shown("country codes", _country_codes),
    Field(description="Countries of the sample, Eurostat codes"),
]
Country = Annotated[
    str,
    AfterValidator(lambda code: _known_countries([code])[0]),
    Shown("country code", lambda: _country_codes().removeprefix("all when empty; ")),
    Field(description="The country studied, Eurostat code"),
]
Places = Annotated[
    list[str],
    BeforeValidator(_names),
    AfterValidator(_without_duplicates),
    Shown("places", _fixed("as France,Germany; all when empty")),
    Field(description="Places whose evaluations are counted"),
]
Years = Annotated[
    list[int],
    BeforeValidator(_period),
    AfterValidator(_ordered_period),
    Shown(
        "period",
        _fixed(f"first-last within {FIRST_YEAR}-{LAST_YEAR}"),
        text=lambda years: f"{years[0]}-{years[1]}",
    ),
    Field(description="First and last year of the sample"),
]
OwnYears = Annotated[
    list[int],
    BeforeValidator(_period_or_own),
    AfterValidator(_ordered_or_own),
    Shown(
        "period",
        _fixed(f"first-last within {FIRST_YEAR}-{LAST_YEAR}; each notebook's own when empty"),
        text=lambda years: f"{years[0]}-{years[1]}" if years else "",
    ),
    Field(description="First and last year of the runs that are weighed"),
]
Level = Annotated[
    Literal[0, 1, 2],
    BeforeValidator(_integer),
    Shown("integer", _fixed("0, 1, 2")),
    Field(description="NUTS level of the units (0 = countries)"),
]


def _shown_role(role: str) -> Shown:
    return Shown("variable", lambda: ", ".join(_names_with_role(role)))


Outcome = Annotated[
    str,
    AfterValidator(_has_role("outcome")),
    _shown_role("outcome"),
    Field(description="Column of the panel to explain"),
]
Treatment = Annotated[
    str,
    AfterValidator(_has_role("treatment")),
    _shown_role("treatment"),
    Field(description="Funding whose effect is estimated"),
]
Input = Annotated[
    str,
    AfterValidator(_has_role("input")),
    _shown_role("input"),
    Field(description="Knowledge input whose elasticity is estimated"),
]
Lags = Annotated[
    list[int],
    BeforeValidator(_integers),
    AfterValidator(_lag_lengths),
    Shown("integers", _fixed(f"0 to {LONGEST_LAG}, as 0,1,2 or 0-2")),
    Field(description="Years between cause and outcome"),
]
Lag = Annotated[
    int,
    BeforeValidator(_integer),
    Field(ge=0, le=LONGEST_LAG, description="Years between cause and outcome in the headline"),
    Shown("integer", _fixed(f"0 to {LONGEST_LAG}")),
]
Transform = Annotated[
    Literal["log", "level"],
    Shown("choice", _fixed("log, level")),
    Field(description="Scale of the outcome; log leaves zeros out"),
]
StandardErrors = Annotated[
    Literal["classical", "hc1", "cluster_region", "cluster_country", "twoway"],
    Shown("choice", _fixed("classical, hc1, cluster_region, cluster_country, twoway")),
    Field(description="Standard errors; twoway clusters by region and by year"),
]
Exclude = Annotated[
    list[str],
    BeforeValidator(_names),
    AfterValidator(_territory_prefixes),
    Shown("NUTS codes", _fixed("codes or beginnings of codes, as PT20,ES7")),
    Field(description="Territories left out of the sample"),
]
Truth = Annotated[bool, BeforeValidator(_truth), Shown("boolean", _fixed("true, false"))]
DropTruncated = Annotated[
    Truth, Field(description="Leave out the last years of a source known to be incomplete")
]
ExcludeCapitals = Annotated[Truth, Field(description="Leave out the regions of national capitals")]
Interpolate = Annotated[
    Truth, Field(description="Fill gaps between two published years along a straight line")
]
MinPopulation = Annotated[
    float,
    BeforeValidator(_number),
    Field(ge=0, description="Leave out territories with fewer inhabitants"),
    Shown("number", _fixed("0 or more")),
]
Weights = Annotated[
    Literal["none", "population"],
    Shown("choice", _fixed("none, population")),
    Field(description="Weights of the observations"),
]
Territory = Annotated[
    str,
    AfterValidator(_one_territory),
    Shown(
        "NUTS code",
        _fixed("a NUTS 2 code of the map of 2013, as FR10, or a NUTS 3 code of 2010, as FR104"),
    ),
    Field(description="The territory where something began"),
]
TreatedFrom = Annotated[
    int,
    BeforeValidator(_integer),
    Field(ge=FIRST_YEAR, le=LAST_YEAR, description="First year in which it could have an effect"),
    Shown("year", _fixed(f"{FIRST_YEAR} to {LAST_YEAR}")),
]
CaseOutcome = Annotated[
    str,
    AfterValidator(lambda name: name if name == "patents" else _has_role("outcome")(name)),
    _shown_role("outcome"),
    Field(description="Outcome compared; at NUTS 3 patents or patents_per_million"),
]


def _explaining(names: list[str]) -> list[str]:
    """Columns that may stand on the right of a regression, in the order given."""
    allowed = _explaining_names()
    for name in names:
        if name not in allowed:
            raise ValueError(f"{name!r} explains nothing in the codebook{hint(name, allowed)}")
    _without_duplicates(names)
    return names


def _explaining_names() -> tuple[str, ...]:
    roles = ("treatment", "input", "control", "outcome")
    return tuple(dict.fromkeys(name for role in roles for name in _names_with_role(role)))


def _two_at_most(effects: list[str]) -> list[str]:
    if len(effects) > 2:
        raise ValueError(f"expected at most two, got {len(effects)}")
    return _without_duplicates(effects)


Regressors = Annotated[
    list[str],
    BeforeValidator(_names),
    AfterValidator(_explaining),
    Shown("variables", lambda: ", ".join(_explaining_names())),
    Field(description="Columns of the panel whose coefficients are asked for, the first above all"),
]
Controls = Annotated[
    list[str],
    BeforeValidator(_names),
    AfterValidator(_explaining),
    Shown("variables", lambda: "none when empty; " + ", ".join(_explaining_names())),
    Field(description="Columns of the panel held fixed"),
]
Effects = Annotated[
    list[Literal["geo", "year", "country", "country_year"]],
    BeforeValidator(_names),
    AfterValidator(_two_at_most),
    Shown("choices", _fixed("none when empty; geo, year, country, country_year")),
    Field(description="What is absorbed: regions, years, countries, countries in each year"),
]
OwnRegion = Annotated[
    Truth, Field(description="Territories of the same larger region may lend weight too")
]
Depreciation = Annotated[
    float,
    BeforeValidator(_number),
    Field(ge=0, le=1, description="Yearly depreciation of the knowledge stock"),
    Shown("number", _fixed("0 to 1")),
]
Lang = Annotated[
    Literal["en", "fr"],
    Shown("choice", _fixed("en, fr")),
    Field(description="Language of the answer and of the verdicts"),
]
Programmes = Annotated[
    list[str],
    BeforeValidator(_names),
    AfterValidator(_dated_countries),
    Shown("dated countries", _fixed("country code and year, as FR2005,SE2001")),
    Field(description="Year in which each country's cluster programme began"),
]
Studies = Annotated[
    list[str],
    BeforeValidator(_names),
    AfterValidator(_known_studies),
    Shown("studies", _study_names),
    Field(description="Published studies to compute again"),
]
Folder = Annotated[
    str,
    AfterValidator(_existing_folder),
    Shown("folder", _fixed("a folder; none when empty")),
    Field(description="Where the data of studies are that come with no dependency"),
]
Draws = Annotated[
    int,
    BeforeValidator(_integer),
    Field(ge=99, le=99_999, description="Number of random draws"),
    Shown("integer", _fixed("99 to 99999")),
]
Seed = Annotated[
    int,
    BeforeValidator(_integer),
    Field(ge=0, lt=2**32, description="Seed of everything drawn at random"),
    Shown("integer", _fixed("0 to 4294967295")),
]


# --- one model per notebook ------------------------------------------------------------------


class Parameters(BaseModel):
    """What every notebook's parameters have in common: strict types, no unknown name, frozen.

    ``reads`` names folders of the project, besides code and processed data, that the notebook
    reads: a run depends on what is in them. ``reads_evidence``: it also reads what the runs of the
    other notebooks found about the claims, and is run after them.
    """

    reads: ClassVar[tuple[str, ...]] = ()
    reads_evidence: ClassVar[bool] = False

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )

    def errors(self) -> dict[str, Any]:
        """The choice ``se`` as the ``vcov`` and ``cluster`` of a model of the regions panel."""
        columns = {
            "cluster_region": ("geo",),
            "cluster_country": ("country",),
            "twoway": ("geo", "year"),
        }
        choice = getattr(self, "se", "hc1")
        if choice in columns:
            return {"vcov": "cluster", "cluster": columns[choice]}
        return {"vcov": choice}

    @model_validator(mode="after")
    def _explains_something_else(self) -> Self:
        outcome = getattr(self, "outcome", None)
        if outcome is not None and outcome == getattr(self, "treatment", None):
            raise ValueError(f"outcome and treatment are both {outcome!r}; choose two columns")
        return self

    def injectable(self) -> dict[str, Any]:
        """The canonical values as plain lists, text, numbers and truth values, by name."""
        return self.model_dump(mode="json")


class Data(Parameters):
    """What is there: coverage, missing figures, revisions and quality of conversion."""

    countries: Countries = Field(default=[])
    years: Years = Field(default=[1990, 2021])
    level: Level = 2


class Landscape(Parameters):
    """Specialisation, concentration and types of regional innovation systems."""

    countries: Countries = Field(default=[])
    years: Years = Field(default=[2008, 2015])
    level: Level = 2
    exclude: Exclude = Field(default=[])
    seed: Seed = 20260101
    lang: Lang = "en"


class KnowledgeProduction(Parameters):
    """From R&D to patents: a knowledge production function across regions and countries."""

    countries: Countries = Field(default=[])
    years: Years = Field(default=[2000, 2012])
    level: Level = 2
    outcome: Outcome = "patents_per_million"
    treatment: Input = "gerd_chained_eur_per_head"
    lag: Lag = 1
    lags: Lags = Field(default=[0, 1, 2, 3, 4])
    se: StandardErrors = "cluster_region"
    exclude: Exclude = Field(default=[])
    exclude_capitals: ExcludeCapitals = False
    min_population: MinPopulation = 0.0
    weights: Weights = "none"
    interpolate: Interpolate = True
    drop_truncated: DropTruncated = True
    depreciation: Depreciation = 0.15
    seed: Seed = 20260103
    lang: Lang = "en"


class Spillovers(Parameters):
    """Neighbours' funds: does help given there take activity from here?"""

    countries: Countries = Field(default=[])
    years: Years = Field(default=[2000, 2020])
    outcome: Outcome = "patents_per_million"
    treatment: Treatment = "erdf_eur_per_head"
    lag: Lag = 2
    exclude: Exclude = Field(default=[])
    seed: Seed = 20260104
    lang: Lang = "en"


class ClusterFunding(Parameters):
    """EU regional funds and cluster money: effects on R&D, patents, jobs and growth."""

    reads = ("data/raw",)

    countries: Countries = Field(default=[])
    years: Years = Field(default=[2000, 2020])
    level: Level = 2
    outcome: Outcome = "patents_per_million"
    transform: Transform = "log"
    treatment: Treatment = "erdf_eur_per_head"
    lag: Lag = 2
    lags: Lags = Field(default=[0, 1, 2, 3, 4])
    se: StandardErrors = "cluster_region"
    exclude: Exclude = Field(default=[])
    exclude_capitals: ExcludeCapitals = False
    min_population: MinPopulation = 0.0
    weights: Weights = "none"
    interpolate: Interpolate = False
    drop_truncated: DropTruncated = True
    programmes: Programmes = Field(default=[])
    seed: Seed = 20260105
    lang: Lang = "en"


class Concentration(Parameters):
    """Concentration: does spreading funds thin hurt, and where does excellence money go?"""

    countries: Countries = Field(default=[])
    years: Years = Field(default=[2000, 2012])
    outcome: Outcome = "patents_per_million"
    treatment: Treatment = "erdf_eur_per_head"
    lag: Lag = 2
    exclude: Exclude = Field(default=[])
    seed: Seed = 20260101
    lang: Lang = "en"


class Networks(Parameters):
    """Joint projects, partners abroad and links between alike regions: what follows them?"""

    countries: Countries = Field(default=[])
    years: Years = Field(default=[1985, 2020])
    lag: Lag = 2
    exclude: Exclude = Field(default=[])
    seed: Seed = 20260108
    lang: Lang = "en"


class ConversionGap(Parameters):
    """Conversion gap: how much of a country's research becomes patents, and patents jobs?"""

    country: Country = "FR"
    countries: Countries = Field(default=[])
    years: Years = Field(default=[2000, 2020])
    lag: Lag = 1
    draws: Draws = 99
    seed: Seed = 20260101
    lang: Lang = "en"


class Emergence(Parameters):
    """Emergence: where do new specialisations appear, and do variety or concentration pay?"""

    countries: Countries = Field(default=[])
    years: Years = Field(default=[2000, 2020])
    outcome: Outcome = "patents_per_million"
    treatment: Treatment = "erdf_eur_per_head"
    lag: Lag = 2
    exclude: Exclude = Field(default=[])
    draws: Draws = 99
    seed: Seed = 20260109
    lang: Lang = "en"


class TerritorialReform(Parameters):
    """The same regions on another map: a merger against random mergers of neighbours."""

    country: Country = "FR"
    years: Years = Field(default=[2008, 2015])
    draws: Draws = 1000
    seed: Seed = 20260101
    lang: Lang = "en"


class Evaluations(Parameters):
    """What published evaluations of cluster policies report, counted."""

    places: Places = Field(default=[])
    draws: Draws = 9999
    seed: Seed = 20260101
    lang: Lang = "en"


class CaseStudy(Parameters):
    """One territory against a mix of others that resembled it: a synthetic control."""

    territory: Territory = "FR104"
    treated_from: TreatedFrom = 1998
    outcome: CaseOutcome = "patents_per_million"
    transform: Transform = "log"
    years: Years = Field(default=[1990, 2011])
    donor_countries: Countries = Field(default=[])
    own_region: OwnRegion = False
    lang: Lang = "en"

    @model_validator(mode="after")
    def _date_inside(self) -> Self:
        first, last = self.years
        if not first < self.treated_from <= last:
            raise ValueError(
                f"treated_from={self.treated_from} must lie inside years {first}-{last}"
            )
        return self


class Robustness(Parameters):
    """Every specification curve and headline of the register, side by side."""

    reads_evidence = True

    countries: Countries = Field(default=[])
    years: OwnYears = Field(default=[])
    lang: Lang = "en"


class Verdicts(Parameters):
    """The register of claims: what the other notebooks found, weighed together."""

    reads_evidence = True

    countries: Countries = Field(default=[])
    years: OwnYears = Field(default=[])
    lang: Lang = "en"


class Replications(Parameters):
    """Published numbers computed again from their data and compared digit by digit."""

    reads = ("studies",)

    studies: Studies = Field(default=[])
    data_dir: Folder = ""


class OwnQuestion(Parameters):
    """A question of one's own: what goes with an outcome, within regions and between them."""

    countries: Countries = Field(default=[])
    years: Years = Field(default=[2000, 2020])
    level: Level = 2
    outcome: Outcome = "patents_per_million"
    transform: Transform = "log"
    regressors: Regressors = Field(default=["erdf_eur_per_head"])
    controls: Controls = Field(default=[])
    lag: Lag = 2
    lags: Lags = Field(default=[0, 1, 2, 3, 4])
    effects: Effects = Field(default=["country_year", "geo"])
    se: StandardErrors = "cluster_region"
    exclude: Exclude = Field(default=[])
    exclude_capitals: ExcludeCapitals = False
    min_population: MinPopulation = 0.0
    weights: Weights = "none"
    interpolate: Interpolate = False
    drop_truncated: DropTruncated = True
    seed: Seed = 20260116
    lang: Lang = "en"

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        named = [self.outcome, *self.regressors, *self.controls]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(
                f"{', '.join(twice)}: named twice among outcome, regressors and controls"
            )
        if not self.regressors:
            raise ValueError("regressors: name at least one column")
        return self


#: Every notebook, in reading order, with the model its parameters must fit.
REGISTRY: dict[str, type[Parameters]] = {
    "01_data": Data,
    "02_landscape": Landscape,
    "03_knowledge_production": KnowledgeProduction,
    "04_spillovers": Spillovers,
    "05_cluster_funding": ClusterFunding,
    "06_concentration": Concentration,
    "07_conversion_gap": ConversionGap,
    "08_networks": Networks,
    "09_emergence": Emergence,
    "10_territorial_reform": TerritorialReform,
    "11_evaluations": Evaluations,
    "12_case_study": CaseStudy,
    "13_robustness": Robustness,
    "14_verdicts": Verdicts,
    "15_replications": Replications,
}


# --- from the command line to a model ----------------------------------------------------------


def model_of(notebook: str) -> type[Parameters]:
    """The model of a notebook given by name; ParameterError when there is no such notebook.

    A notebook that ``compendium new`` made has a model of its own, with the defaults of its cell.
    """
    if notebook in REGISTRY:
        return REGISTRY[notebook]
    from analysis.runs import own_notebooks

    if notebook in own_notebooks.names():
        return own_notebooks.model_of(notebook)
    allowed = [*REGISTRY, *own_notebooks.names()]
    raise ParameterError(f"there is no notebook {notebook!r}{hint(notebook, allowed)}")


def validate(notebook: str, values: Mapping[str, Any]) -> Parameters:
    """The notebook's parameters with ``values`` in place of defaults.

    Raises ParameterError listing every unknown name and every refused value.
    """
    model = model_of(notebook)
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems = [_problem(notebook, model, detail) for detail in error.errors()]
        raise ParameterError("\n".join(problems)) from None


def _problem(notebook: str, model: type[Parameters], detail: Any) -> str:
    """One pydantic error in the user's words."""
    if not detail["loc"]:  # a check of several values together
        return f"{notebook}: {detail['ctx']['error']}"
    name = str(detail["loc"][0])
    allowed = model.model_fields
    if detail["type"] == "extra_forbidden":
        return f"unknown parameter {name!r} for {notebook}{hint(name, sorted(allowed))}"
    given = detail["input"]
    if detail["type"] == "value_error":
        return f"{notebook}: {name}: {detail['ctx']['error']}"
    if detail["type"] == "literal_error":
        one_of = allowed[name].annotation
        one_of = get_args(one_of)[0] if len(detail["loc"]) > 1 else one_of
        choices = [str(choice) for choice in get_args(one_of)]
        return f"{notebook}: {name}: {given!r} is unknown{hint(str(given), choices)}"
    message = detail["msg"][0].lower() + detail["msg"][1:]
    return f"{notebook}: {name}: {given!r}: {message}"


def read_values(pairs: Iterable[str], file: Path | None = None) -> dict[str, Any]:
    """Values from a YAML or JSON ``file`` and, over them, from ``key=value`` texts.

    Raises ParameterError for a file that is not a mapping, a text without ``=``, or a key given
    twice in either place.
    """
    values = _file_values(file) if file is not None else {}
    typed: dict[str, str] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip()
        if not equals or not name:
            raise ParameterError(
                f"-p {pair}: expected key=value, as in -p countries=FR,DE or -p years=2000-2012"
            )
        if name in typed:
            raise ParameterError(f"-p {name} is given more than once")
        typed[name] = text.strip()
    return values | typed


#: A file of parameters is a page of text, of lists at most.
_LARGEST_FILE, _DEEPEST = 1_000_000, 8


def _file_values(file: Path) -> dict[str, Any]:
    import yaml

    try:
        if file.is_file() and file.stat().st_size > _LARGEST_FILE:
            raise ParameterError(f"{file}: more than {_LARGEST_FILE // 10**6} MB, no parameters")
        text = file.read_text(encoding="utf-8")
        _require_plain(file, text)
        values = yaml.safe_load(text)
        node: Any = yaml.compose(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"cannot read the parameter file {file}: {error}") from None
    except yaml.constructor.ConstructorError as error:
        raise ParameterError(
            f"{file}{_line(error.problem_mark)} is neither YAML nor JSON of plain values: "
            f"{error.problem}; write texts, numbers and lists of them"
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ParameterError(f"{file} is neither YAML nor JSON: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ParameterError(f"{file}: expected a mapping of parameter names to values")
    keys = [key.value for key, _ in node.value]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ParameterError(f"{file}: given more than once: {', '.join(twice)}")
    return values


def _require_plain(file: Path, text: str) -> None:
    """Refuse what could grow without end when it is read: aliases and deep nesting."""
    import yaml

    depth = 0
    for event in yaml.parse(text):
        if isinstance(event, yaml.AliasEvent):
            raise ParameterError(
                f"{file}{_line(event.start_mark)}: *{event.anchor} repeats another part "
                "of the file; write it out"
            )
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise ParameterError(
                f"{file}{_line(event.start_mark)}: nested more than {_DEEPEST} deep"
            )


def _line(mark: Any) -> str:
    return f", line {mark.line + 1}" if mark is not None else ""


@dataclass(frozen=True)
class Description:
    """One row of ``compendium params``."""

    name: str
    kind: str
    default: str
    allowed: str
    description: str


def describe(notebook: str) -> list[Description]:
    """What may be set in a notebook: one row per parameter, in the order of the model."""
    model = model_of(notebook)
    rows = []
    for name, field in model.model_fields.items():
        shown = _shown(model, name)
        default = shown.text(field.default)
        description = field.description or ""
        rows.append(Description(name, shown.kind, default, shown.allowed(), description))
    return rows


def as_text(notebook: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Canonical ``values`` of a notebook as one would type them after ``-p key=``."""
    model = model_of(notebook)
    return {name: _shown(model, name).text(value) for name, value in values.items()}


def _shown(model: type[Parameters], name: str) -> Shown:
    return next(item for item in model.model_fields[name].metadata if isinstance(item, Shown))
