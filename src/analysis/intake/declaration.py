"""What an evaluator says about a file: options of the command line or ``FILE.yaml`` beside it."""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from analysis import CompendiumError
from analysis.intake.checked import Kind

Layout = Literal["long", "years", "indicators"]
Scheme = Literal["nuts", "departements", "regions-2015", "regions-2016", "iso"]

SIDECAR_BYTES = 100_000


class DeclaredIndicator(BaseModel):
    """One series: the column it becomes, its unit and labels."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default="", pattern=r"^([a-z][a-z0-9_]{1,59})?$")
    unit: str = ""
    kind: Kind | None = None
    denominator: str = ""
    label_en: str = ""
    label_fr: str = ""


class Declaration(BaseModel):
    """All that can be said of a file; what is not said is found in the file or asked.

    geo, year, indicator, unit_column: header of the column. value: headers of the value columns.
    name: the column the one series becomes. indicators: by header (or by value of the indicator
    column). territories: how bare numbers or names are to be read. country: two letters, for names
    that several countries have. accept: rules of questions answered, or of cells to set aside.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sheet: str = ""
    layout: Layout | None = None
    geo: str = ""
    year: str = ""
    value: tuple[str, ...] = ()
    indicator: str = ""
    unit_column: str = ""
    name: str = Field(default="", pattern=r"^([a-z][a-z0-9_]{1,59})?$")
    unit: str = ""
    kind: Kind | None = None
    denominator: str = ""
    nuts: str = Field(default="", pattern=r"^(2006|2010|2013|2016|2021|2024)?$")
    territories: Scheme | None = None
    level: int | None = Field(default=None, ge=0, le=3)
    country: str = Field(default="", pattern=r"^([A-Z]{2})?$")
    decimal: Literal["", ",", "."] = ""
    aggregate: Literal["", "sum"] = ""
    periods: Literal["", "first", "last"] = ""
    vintage: str = ""
    dataset: str = ""
    accept: tuple[str, ...] = ()
    indicators: dict[str, DeclaredIndicator] = Field(default_factory=dict)

    @field_validator("nuts", "vintage", "geo", "year", "value", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        """YAML reads ``nuts: 2016`` and ``value: 2015`` as numbers."""
        if isinstance(value, list | tuple):
            return tuple(str(each) for each in value)
        return str(value) if isinstance(value, int) else value

    @field_validator("value", "accept", mode="before")
    @classmethod
    def _as_tuple(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def with_options(self, **options: Any) -> "Declaration":
        """The declaration with what the options say in its place."""
        said = {name: value for name, value in options.items() if value not in (None, "", (), [])}
        return validated({**self.model_dump(exclude_defaults=True), **said}, "options")


def sidecar_path(path: Path) -> Path:
    """Where the declaration of a file is looked for."""
    return path.with_name(path.name + ".yaml")


def read_declaration(path: Path) -> Declaration:
    """The declaration beside ``path``; an empty one where there is none.

    Raises CompendiumError naming the key at fault.
    """
    sidecar = sidecar_path(path)
    if not sidecar.is_file():
        return Declaration()
    if sidecar.stat().st_size > SIDECAR_BYTES:
        raise CompendiumError(f"{sidecar}: over {SIDECAR_BYTES // 1000} kB is no declaration")
    try:
        text = sidecar.read_text(encoding="utf-8")
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise CompendiumError(f"{sidecar}: aliases (*name) are not allowed; write it out")
        content = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = " ".join(str(error).split())
        raise CompendiumError(f"{sidecar}: not a readable YAML file: {place}") from error
    if content is None:
        return Declaration()
    if not isinstance(content, dict):
        raise CompendiumError(f"{sidecar}: expected lines such as `unit: EUR`")
    return validated(content, str(sidecar))


def validated(content: dict[str, Any], where: str) -> Declaration:
    """A declaration from plain data; CompendiumError with every key at fault."""
    try:
        return Declaration.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(map(_fault, error.errors()))
        raise CompendiumError(f"{where}: {faults}") from error


def _fault(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key; known are {', '.join(Declaration.model_fields)}"
    return f"{key}: {error['msg']} (found {str(error['input'])[:80]!r})"
