"""What ``datasets.yaml`` may say: the hand-written half of the catalogue.

It names each table, its datasets, their publishers and faults, and for observation tables how
the columns of the source file become observations. Unknown keys are refused.
"""

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from analysis import CompendiumError

DATASETS = Path(__file__).with_name("datasets.yaml")

Kind = Literal["observations", "links", "records", "territories"]


class Strict(BaseModel):
    """Base of the models: immutable, unknown keys and other types refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Publisher(Strict):
    """Who published the figures, under which terms, and the base of its public interface."""

    name: str
    licence: str
    citation: str
    interface: str | None = None


class Measure(Strict):
    """One column of numbers of a source file, and what its cells become.

    ``indicator`` and ``unit`` are templates over the columns of the file (``{sectperf}.{sex}``);
    ``where`` keeps the rows whose column has one of the values listed.
    """

    column: str
    indicator: str
    unit: str
    where: dict[str, list[str]] = Field(default_factory=dict)


class Layout(Strict):
    """How a source file becomes observations.

    ``year`` names a column of years or of periods (``2007-2013``, of which the first year is
    taken), or is itself a year. The version of a code is ``geo_version`` (a template: ``ISO3``,
    ``{nuts_year_spec}``) or, where ``nuts`` names the version the dataset is published on,
    detected within vintage × country × year; a dataset that publishes one set of regions for all
    years of a series (a programming period) names it in ``series``, which then stands for the
    year. ``recodes`` renames codes of the publisher that are out of use, ``aggregates`` lists codes
    that are no country of today and get no version. ``sum_rows`` adds up rows of one key.
    """

    geo: str
    year: str | int
    measures: list[Measure]
    flags: list[str] = Field(default_factory=list)
    where: dict[str, list[str]] = Field(default_factory=dict)
    geo_version: str | None = None
    nuts: str | None = None
    series: str = ""
    recodes: dict[str, str] = Field(default_factory=dict)
    aggregates: list[str] = Field(default_factory=list)
    sum_rows: bool = False

    @model_validator(mode="after")
    def _one_version_rule(self) -> "Layout":
        if (self.geo_version is None) == (self.nuts is None):
            raise ValueError("give exactly one of geo_version and nuts")
        return self


class Query(Strict):
    """What is asked of a publisher's public interface to fetch a dataset anew.

    ``client`` names the interface and ``code`` the dataset there. ``where`` chooses codes of its
    dimensions. ``recodes`` gives, by dimension, codes the publisher has renamed and the name they
    are carried under. ``series`` are the carried indicators and what they are called there:
    measure and unit joined by a dot (OECD), the indicator itself (World Bank).
    """

    client: Literal["eurostat", "oecd", "worldbank", "cohesion"]
    code: str = ""
    where: dict[str, list[str]] = Field(default_factory=dict)
    recodes: dict[str, dict[str, str]] = Field(default_factory=dict)
    series: dict[str, str] = Field(default_factory=dict)


class DeclaredDataset(Strict):
    """One dataset of one vintage: where it comes from and what is wrong with it.

    ``vintage`` may be a template over the columns of the file. ``source_rows`` is the number of
    rows the file must have. ``fills`` names the column of a table of records that the dataset
    fills, where it does not fill all of it. ``query`` says how it is fetched anew, or
    ``not_fetched`` why it cannot be.
    """

    code: str
    title: str
    publisher: str
    vintage: str
    address: str
    taken_from: str
    note: str
    file: str
    source_rows: int
    fills: str | None = None
    layout: Layout | None = None
    query: Query | None = None
    not_fetched: str | None = None

    @model_validator(mode="after")
    def _one_way_to_refresh(self) -> "DeclaredDataset":
        if self.query is not None and self.not_fetched is not None:
            raise ValueError(f"{self.code}: give query or not_fetched, not both")
        if self.query is not None and self.layout is None:
            raise ValueError(f"{self.code}: what is fetched needs a layout")
        return self


class DeclaredTable(Strict):
    """One table of ``data/raw``."""

    title: str
    kind: Kind
    datasets: list[DeclaredDataset]


class Declaration(Strict):
    """All of ``datasets.yaml``."""

    publishers: dict[str, Publisher]
    tables: dict[str, DeclaredTable]

    @model_validator(mode="after")
    def _complete(self) -> "Declaration":
        for name, table in self.tables.items():
            for dataset in table.datasets:
                if dataset.publisher not in self.publishers:
                    raise ValueError(f"{name}/{dataset.code}: no publisher {dataset.publisher!r}")
                if (dataset.layout is not None) != (table.kind == "observations"):
                    raise ValueError(f"{name}/{dataset.code}: observation tables need a layout")
        return self


@cache
def declaration() -> Declaration:
    """The hand-written catalogue, checked. Raises CompendiumError naming the key at fault."""
    try:
        return Declaration.model_validate(yaml.safe_load(DATASETS.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise CompendiumError(f"{DATASETS.name} cannot be used: {error}") from error
