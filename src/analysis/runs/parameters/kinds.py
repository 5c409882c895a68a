"""The kinds of parameters: a type with its check, what it allows and what it is about."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from analysis.runs.parameters.checks import (
    LONGEST_LAG,
    covered_year,
    covered_years,
    dated_countries,
    existing_folder,
    explaining,
    explaining_names,
    has_role,
    known_countries,
    known_studies,
    lag_lengths,
    names_with_role,
    one_territory,
    ordered_or_own,
    ordered_period,
    study_names,
    territory_prefixes,
    two_at_most,
    without_duplicates,
)
from analysis.runs.parameters.text import (
    as_integer,
    as_integers,
    as_names,
    as_number,
    as_period,
    as_period_or_own,
    as_truth,
)


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


def _years(value: Any) -> str:
    """A period as it is typed, ``2000-2012``; anything else as it is, for it is shown too."""
    return "-".join(map(str, value)) if isinstance(value, list) else str(value)


def _span() -> str:
    first, last = covered_years()
    return f"{first}-{last}"


def _country_codes() -> str:
    from analysis.panel.codes import COUNTRIES

    return "all when empty; " + ",".join(COUNTRIES)


Countries = Annotated[
    list[str],
    BeforeValidator(as_names),
    AfterValidator(known_countries),
    Shown("country codes", _country_codes),
    Field(description="Countries of the sample, Eurostat codes"),
]
Country = Annotated[
    str,
    AfterValidator(lambda code: known_countries([code])[0]),
    Shown("country code", lambda: _country_codes().removeprefix("all when empty; ")),
    Field(description="The country studied, Eurostat code"),
]
Places = Annotated[
    list[str],
    BeforeValidator(as_names),
    AfterValidator(without_duplicates),
    Shown("places", _fixed("as France,Germany; all when empty")),
    Field(description="Places whose evaluations are counted"),
]
Years = Annotated[
    list[int],
    BeforeValidator(as_period),
    AfterValidator(ordered_period),
    Shown(
        "period",
        lambda: f"first-last within {_span()}",
        text=_years,
    ),
    Field(description="First and last year of the sample"),
]
OwnYears = Annotated[
    list[int],
    BeforeValidator(as_period_or_own),
    AfterValidator(ordered_or_own),
    Shown(
        "period",
        lambda: f"first-last within {_span()}; each notebook's own when empty",
        text=_years,
    ),
    Field(description="First and last year of the runs that are weighed"),
]
Level = Annotated[
    Literal[0, 1, 2],
    BeforeValidator(as_integer),
    Shown("integer", _fixed("0, 1, 2")),
    Field(description="NUTS level of the units (0 = countries)"),
]


def _shown_role(role: str) -> Shown:
    return Shown("variable", lambda: ", ".join(names_with_role(role)))


Outcome = Annotated[
    str,
    AfterValidator(has_role("outcome")),
    _shown_role("outcome"),
    Field(description="Column of the panel to explain"),
]
Treatment = Annotated[
    str,
    AfterValidator(has_role("treatment")),
    _shown_role("treatment"),
    Field(description="Funding whose effect is estimated"),
]
Input = Annotated[
    str,
    AfterValidator(has_role("input")),
    _shown_role("input"),
    Field(description="Knowledge input whose elasticity is estimated"),
]
Lags = Annotated[
    list[int],
    BeforeValidator(as_integers),
    AfterValidator(lag_lengths),
    Shown("integers", _fixed(f"0 to {LONGEST_LAG}, as 0,1,2 or 0-2")),
    Field(description="Years between cause and outcome"),
]
Lag = Annotated[
    int,
    BeforeValidator(as_integer),
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
    BeforeValidator(as_names),
    AfterValidator(territory_prefixes),
    Shown("NUTS codes", _fixed("codes or beginnings of codes, as PT20,ES7")),
    Field(description="Territories left out of the sample"),
]
Truth = Annotated[bool, BeforeValidator(as_truth), Shown("boolean", _fixed("true, false"))]
DropTruncated = Annotated[
    Truth, Field(description="Leave out the last years of a source known to be incomplete")
]
ExcludeCapitals = Annotated[Truth, Field(description="Leave out the regions of national capitals")]
Interpolate = Annotated[
    Truth, Field(description="Fill gaps between two published years along a straight line")
]
MinPopulation = Annotated[
    float,
    BeforeValidator(as_number),
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
    AfterValidator(one_territory),
    Shown(
        "NUTS code",
        _fixed("a NUTS 2 code of the map of 2013, as FR10, or a NUTS 3 code of 2010, as FR104"),
    ),
    Field(description="The territory where something began"),
]
TreatedFrom = Annotated[
    int,
    BeforeValidator(as_integer),
    AfterValidator(covered_year),
    Shown("year", _span),
    Field(description="First year in which it could have an effect"),
]
CaseOutcome = Annotated[
    str,
    AfterValidator(lambda name: name if name == "patents" else has_role("outcome")(name)),
    _shown_role("outcome"),
    Field(description="Outcome compared; at NUTS 3 patents or patents_per_million"),
]
Regressors = Annotated[
    list[str],
    BeforeValidator(as_names),
    AfterValidator(explaining),
    Shown("variables", lambda: ", ".join(explaining_names())),
    Field(description="Columns of the panel whose coefficients are asked for, the first above all"),
]
Controls = Annotated[
    list[str],
    BeforeValidator(as_names),
    AfterValidator(explaining),
    Shown("variables", lambda: "none when empty; " + ", ".join(explaining_names())),
    Field(description="Columns of the panel held fixed"),
]
Effects = Annotated[
    list[Literal["geo", "year", "country", "country_year"]],
    BeforeValidator(as_names),
    AfterValidator(two_at_most),
    Shown("choices", _fixed("none when empty; geo, year, country, country_year")),
    Field(description="What is absorbed: regions, years, countries, countries in each year"),
]
OwnRegion = Annotated[
    Truth, Field(description="Territories of the same larger region may lend weight too")
]
Depreciation = Annotated[
    float,
    BeforeValidator(as_number),
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
    BeforeValidator(as_names),
    AfterValidator(dated_countries),
    Shown("dated countries", _fixed("country code and year, as FR2005,SE2001")),
    Field(description="Year in which each country's cluster programme began"),
]
Studies = Annotated[
    list[str],
    BeforeValidator(as_names),
    AfterValidator(known_studies),
    Shown("studies", study_names),
    Field(description="Published studies to compute again"),
]
Folder = Annotated[
    str,
    AfterValidator(existing_folder),
    Shown("folder", _fixed("a folder; none when empty")),
    Field(description="Where the data of studies are that come with no dependency"),
]
Draws = Annotated[
    int,
    BeforeValidator(as_integer),
    Field(ge=99, le=99_999, description="Number of random draws"),
    Shown("integer", _fixed("99 to 99999")),
]
Seed = Annotated[
    int,
    BeforeValidator(as_integer),
    Field(ge=0, lt=2**32, description="Seed of everything drawn at random"),
    Shown("integer", _fixed("0 to 4294967295")),
]
