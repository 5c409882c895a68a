"""One model per notebook, and the registry of them all."""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from analysis.runs.parameters.kinds import (
    CaseOutcome,
    Controls,
    Countries,
    Country,
    Depreciation,
    Draws,
    DropTruncated,
    Effects,
    Exclude,
    ExcludeCapitals,
    Folder,
    Input,
    Interpolate,
    Lag,
    Lags,
    Lang,
    Level,
    MinPopulation,
    Outcome,
    OwnRegion,
    OwnYears,
    Places,
    Programmes,
    Regressors,
    Seed,
    StandardErrors,
    Studies,
    Territory,
    Transform,
    TreatedFrom,
    Treatment,
    Weights,
    Years,
)


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
