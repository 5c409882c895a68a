"""Declaring a specification curve: every defensible choice, as data.

A :class:`Curve` is read from a mapping, so that it can stand in a claim's YAML or in a notebook::

    outcomes: [log(patents_per_million), {column: unemployment_rate_pct, sign: -1}]
    focus: {column: erdf_eur_per_head, average: [1, 3], transform: [level, log1p], lag: [0, 1, 2]}
    controls: {always: [log(population)], any of: [log(density), tertiary_pct], at most: 2}
    samples: {all: {}, no capitals: {is_capital: false}, from 2004: {year: {from: 2004}}}
    weights: [none, population]
    effects: [[geo, year], [geo, country_year]]
    clusters: [geo, country, geo within 300 km]
    never together: [{lag: 0, transform: log1p}, [tertiary_pct, log(density)]]

A **measure** is a column name, ``transform(column)``, ``L2.transform(column)`` for two years
earlier, or a mapping with ``column``, ``transform``, ``average``, ``lag`` and ``times``, where each
of the first four may be a list: every combination is then a measure. Transformations are those of
:data:`TRANSFORMS`. A **sample** is a mapping from column to the values it may have; see
:class:`Condition`. Everything that is a list is a choice, and a specification takes one of each.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from math import comb, isfinite
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from analysis import CompendiumError

#: What a column can be turned into, with what it does.
TRANSFORMS = {
    "level": "as it stands",
    "log": "natural logarithm; zero and below are missing",
    "log1p": "logarithm of one plus the value; below zero is missing",
    "ihs": "inverse hyperbolic sine; below zero is missing",
    "log_half_minimum": "logarithm, zeros replaced by half of the smallest positive value",
    "growth": "log growth over one year, in per cent",
    "difference": "change over one year",
    "share": "per cent of the year's total over all units of the frame",
    "stock": "knowledge stock by perpetual inventory",
}
LOGS = ("log", "log1p", "ihs", "log_half_minimum")
Transform = Literal[
    "level", "log", "log1p", "ihs", "log_half_minimum", "growth", "difference", "share", "stock"
]
Estimator = Literal["ols", "iv", "poisson"]
ROBUST = ("classical", "hc0", "hc1", "hc2", "hc3")
NONE = "none"
COORDINATES = ("lon", "lat")
_WITHIN = re.compile(r"(?P<column>.+) within (?P<km>\d+(\.\d+)?) km")
_SHORT = re.compile(
    r"(?:L(?P<lag>\d+)\.)?(?:(?P<transform>\w+)\((?P<inner>[^()]+)\)|(?P<plain>.+))"
)

Text = Annotated[str, Field(min_length=1)]
Number = int | float
Scalar = bool | int | float | str


class CurveError(CompendiumError):
    """A curve that cannot be run as declared; the message names the place."""


class Strict(BaseModel):
    """No unknown key, no silent conversion, frozen; ``any_of`` may be written ``any of``."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        alias_generator=lambda name: name.rstrip("_").replace("_", " "),
    )


def _refuse_twice(names: Sequence[str], problem: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} {problem}")


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else [value]


def _short_measure(value: Any) -> Any:
    """The mapping that a measure written as text stands for."""
    if not isinstance(value, str):
        return value
    match = _SHORT.fullmatch(value.strip())
    if match is None:
        raise ValueError(
            f"cannot read the measure {value!r}; write column, log(column) or a mapping"
        )
    column = match["inner"] or match["plain"]
    if "(" in column or ")" in column:
        raise ValueError(
            f"cannot read the measure {value!r}; write column, log(column) or a mapping"
        )
    return {
        "column": column.strip(),
        "transform": match["transform"] or "level",
        "lag": int(match["lag"] or 0),
    }


def _measures(value: Any) -> Any:
    return [_short_measure(one) for one in _listed(value)]


def _alternatives(value: Any) -> Any:
    """Label to columns, from a list of columns or of lists of columns, or a mapping already."""
    if isinstance(value, Mapping):
        return {str(label): _columns(columns) for label, columns in value.items()}
    labelled = {}
    for columns in _listed(value):
        names = _columns(columns)
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            label = " + ".join(names) or NONE
            if label in labelled:
                raise ValueError(f"{label} is given twice")
            labelled[label] = names
        else:
            raise ValueError(f"expected a column or a list of columns, got {columns!r}")
    return labelled


def _columns(value: Any) -> Any:
    return [] if value in (NONE, None) else _listed(value)


OneOrMore = BeforeValidator(_listed)
Alternatives = Annotated[dict[Text, list[Text]], BeforeValidator(_alternatives)]


@dataclass(frozen=True, slots=True)
class Measure:
    """One column as a specification uses it.

    The column is averaged over the current and earlier years (``average`` of them), transformed,
    taken ``lag`` years earlier and multiplied by ``times``. ``sign`` is −1 for an outcome of which
    less is better.
    """

    column: str
    transform: str = "level"
    average: int = 1
    lag: int = 0
    times: float = 1.0
    sign: int = 1
    label: str = ""

    @property
    def name(self) -> str:
        """``label``, or the measure as a formula: ``L2.log(mean3(erdf))``."""
        return self.label or self.formula

    @property
    def formula(self) -> str:
        """The measure without its label; two measures of the same values have the same one."""
        inner = f"mean{self.average}({self.column})" if self.average > 1 else self.column
        if self.transform != "level":
            inner = f"{self.transform}({inner})"
        scaled = "" if self.times == 1 else f" × {self.times:.15g}"
        return (f"L{self.lag}." if self.lag else "") + inner + scaled


@dataclass(frozen=True, slots=True)
class Errors:
    """How standard errors are computed: cluster columns (0 to 2) and the name of the covariance.

    ``within`` is the distance in km at which two clusters no longer count as correlated, for
    ``vcov`` "conley".
    """

    columns: tuple[str, ...]
    vcov: str
    within: float | None = None


class Variants(Strict):
    """One or several measures: every combination of the lists."""

    column: Annotated[list[Text], OneOrMore]
    transform: Annotated[list[Transform], OneOrMore] = ["level"]
    average: Annotated[list[Annotated[int, Field(ge=1)]], OneOrMore] = [1]
    lag: Annotated[list[int], OneOrMore] = [0]
    times: Number = Field(default=1.0, description="The measure is multiplied by this")
    sign: Literal[-1, 1] = Field(default=1, description="-1: less of the outcome is better")
    label: str = ""

    @model_validator(mode="after")
    def _one_label(self) -> "Variants":
        if self.label and len(self.measures()) > 1:
            raise ValueError("label names one measure, but the lists give several")
        if not (self.times and isfinite(self.times)):
            raise ValueError(f"times must be a number other than zero, got {self.times}")
        return self

    def measures(self) -> list[Measure]:
        """The measures in the order declared."""
        combinations = product(self.column, self.transform, self.average, self.lag)
        return [
            Measure(column, transform, average, lag, float(self.times), self.sign, self.label)
            for column, transform, average, lag in combinations
        ]


def flat(variants: Iterable[Variants]) -> list[Measure]:
    """The measures of several entries, in order."""
    return [measure for one in variants for measure in one.measures()]


Measures = Annotated[list[Variants], BeforeValidator(_measures), Field(min_length=1)]
SomeMeasures = Annotated[list[Variants], BeforeValidator(_measures)]


class Condition(Strict):
    """What the values of one column must be for a row to belong to a sample.

    A row whose value is missing never belongs. In a sample a plain value stands for ``is`` and a
    list for the values allowed.
    """

    is_: Annotated[list[Scalar], OneOrMore] | None = Field(default=None, description="one of these")
    not_: Annotated[list[Scalar], OneOrMore] | None = Field(
        default=None, description="none of these"
    )
    from_: Number | None = Field(default=None, description="at least")
    to: Number | None = Field(default=None, description="at most")
    above: Number | None = None
    below: Number | None = None
    mean_from: Number | None = Field(
        default=None, description="the unit's mean over the frame is at least this"
    )
    not_starting_with: Annotated[list[Text], OneOrMore] | None = Field(
        default=None, description="text that begins with none of these"
    )

    @model_validator(mode="after")
    def _something(self) -> "Condition":
        if not self.model_fields_set:
            raise ValueError(f"a condition needs one of {', '.join(_aliases(Condition))}")
        return self


def _condition(value: Any) -> Any:
    return value if isinstance(value, Mapping | Condition) else {"is": value}


def _sample(value: Any) -> Any:
    return {} if value is None else value


Sample = Annotated[
    dict[Text, Annotated[Condition, BeforeValidator(_condition)]], BeforeValidator(_sample)
]


def _controls(value: Any) -> Any:
    return value if isinstance(value, Mapping | Controls) else {"any of": value}


class Controls(Strict):
    """Sets of control variables: ``always`` with one of ``one of`` and a subset of the rest.

    The rest are the measures of ``any of``, each alone, and the ``blocks``, whose measures come in
    together; every subset with ``at least`` to ``at most`` of them is a choice. A plain list of
    controls stands for ``any of``.
    """

    always: SomeMeasures = []
    any_of: SomeMeasures = []
    blocks: dict[Text, Measures] = {}
    one_of: dict[Text, SomeMeasures] = {}
    at_least: Annotated[int, Field(ge=0)] = 0
    at_most: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _no_measure_twice(self) -> "Controls":
        names = [*self.blocks, *(m.name for m in flat(self.any_of))]
        _refuse_twice(names, "is among the controls twice")
        single = [*flat(self.always), *(m for block in self.optional().values() for m in block)]
        for members in [*self.one_of.values(), []]:
            formulas = [measure.formula for measure in [*single, *flat(members)]]
            _refuse_twice(formulas, "is among the controls twice")
        largest = len(names) if self.at_most is None else self.at_most
        if not self.at_least <= min(largest, len(names)):
            raise ValueError(
                f"at least {self.at_least} of {len(names)} with at most {largest} leaves no set"
            )
        return self

    def optional(self) -> dict[str, list[Measure]]:
        """What may be in or out, by name: single measures first, then blocks."""
        singles = {measure.name: [measure] for measure in flat(self.any_of)}
        return singles | {name: flat(members) for name, members in self.blocks.items()}

    def alternatives(self) -> dict[str, list[Measure]]:
        """The sets of ``one of``; without any, one empty set."""
        return {name: flat(members) for name, members in self.one_of.items()} or {"": []}

    def sizes(self) -> range:
        """How many of the optional ones a set may have."""
        most = len(self.optional()) if self.at_most is None else self.at_most
        return range(self.at_least, min(most, len(self.optional())) + 1)

    def count(self) -> int:
        """Number of control sets."""
        subsets = sum(comb(len(self.optional()), size) for size in self.sizes())
        return len(self.alternatives()) * subsets


Rule = dict[Text, Annotated[list[Scalar], OneOrMore]]


def _rules(value: Any) -> Any:
    rules = []
    for rule in _listed(value):
        if not isinstance(rule, Mapping):
            rule = {"controls": rule}
        one_thing = list(rule) != ["controls"] or len(_listed(rule["controls"])) < 2
        if len(rule) < 2 and one_thing:
            raise ValueError(
                f"{dict(rule)} must name two choices, or two controls, that cannot go together"
            )
        rules.append(rule)
    return rules


class Curve(Strict):
    """A declared specification curve; ``Curve.of(mapping)`` reads one."""

    outcomes: Measures
    focus: Measures = Field(description="Measures of the variable whose coefficient is followed")
    controls: Annotated[Controls, BeforeValidator(_controls)] = Controls()
    samples: Annotated[dict[Text, Sample], Field(min_length=1)] = {"all": {}}
    weights: Annotated[list[Text], OneOrMore, Field(min_length=1)] = [NONE]
    effects: Alternatives = {NONE: []}
    clusters: Alternatives = Field(
        description="One or two columns; `geo within 300 km` for errors correlated with those of "
        "places near by; classical, hc0, hc1, hc2 or hc3"
    )
    estimator: Annotated[list[Estimator], OneOrMore, Field(min_length=1)] = ["ols"]
    instruments: dict[Text, Measures] = Field(
        default={}, description="Sets of excluded instruments by name, for estimator iv"
    )
    never_together: Annotated[list[Rule], BeforeValidator(_rules)] = []
    complete: Literal["specification", "controls", "common"] = Field(
        default="specification",
        description="Rows used: all that each specification can use; the same for all control sets "
        "of an outcome and focus; the same for all specifications of a sample",
    )
    standardise: Literal["none", "percent", "outcome sd", "both sd"] = "none"
    unit: Text = "geo"
    time: Text = "year"
    limit: Annotated[int, Field(ge=1)] = 200_000

    @classmethod
    def of(cls, declaration: Any, place: str = "curve") -> "Curve":
        """The curve that a mapping declares.

        Raises
        ------
        CurveError
            With one line for every key that is wrong; ``place`` says where the mapping stands.
        """
        try:
            return cls.model_validate(declaration)
        except ValidationError as error:
            problems = [f"{place}: {_problem(detail)}" for detail in error.errors()]
            raise CurveError("\n".join(dict.fromkeys(problems))) from None

    def errors(self, cluster: str) -> Errors:
        """What the choice ``cluster`` stands for."""
        names = self.clusters[cluster]
        match = _WITHIN.fullmatch(names[0])
        if match is not None:
            return Errors((match["column"],), "conley", float(match["km"]))
        if names[0] in ROBUST:
            return Errors((), names[0])
        return Errors(tuple(names), "cluster")

    @model_validator(mode="after")
    def _instruments_and_estimator(self) -> "Curve":
        if ("iv" in self.estimator) != bool(self.instruments):
            raise ValueError("estimator iv and instruments go together")
        if "poisson" in self.estimator and self.standardise in ("outcome sd", "both sd"):
            raise ValueError("standardise: poisson estimates are relative; use percent or none")
        changes = [m.name for m in flat(self.outcomes) if m.transform == "difference"]
        if changes and self.standardise == "percent":
            raise ValueError(f"standardise: percent of {changes[0]} has no meaning; its mean is 0")
        return self

    @model_validator(mode="after")
    def _effects_and_clusters(self) -> "Curve":
        for label, columns in self.effects.items():
            if len(columns) > 2:
                raise ValueError(f"effects: {label}: at most 2 columns are absorbed")
        for label, columns in self.clusters.items():
            if not 1 <= len(columns) <= 2:
                raise ValueError(
                    f"clusters: {label}: 1 or 2 columns, or one of {', '.join(ROBUST)}"
                )
            alone = [name for name in columns if name in ROBUST or _WITHIN.fullmatch(name)]
            if len(columns) == 2 and alone:
                raise ValueError(f"clusters: {label}: {alone[0]} stands alone")
            if self.errors(label).within == 0:
                raise ValueError(f"clusters: {label}: the distance must be above 0 km")
        return self

    @model_validator(mode="after")
    def _distinct(self) -> "Curve":
        for place in ("outcomes", "focus"):
            names = [measure.name for measure in flat(getattr(self, place))]
            _refuse_twice(names, f"is given twice in {place}")
        for place in ("weights", "estimator"):
            _refuse_twice(getattr(self, place), f"is given twice in {place}")
        return self

    @model_validator(mode="after")
    def _rules_name_choices(self) -> "Curve":
        known = rule_values(self)
        for rule in self.never_together:
            for factor, values in rule.items():
                if factor not in known:
                    raise ValueError(f"never together: {_unknown(factor, known)}")
                for value in values:
                    if value not in known[factor]:
                        message = _unknown(value, known[factor])
                        raise ValueError(f"never together: {factor}: {message}")
        return self


def rule_values(curve: Curve) -> dict[str, list[Scalar]]:
    """What a rule of ``never together`` may name, by choice."""
    outcomes, focus = flat(curve.outcomes), flat(curve.focus)
    controls = curve.controls
    return {
        "outcome": _unique([name for m in outcomes for name in (m.name, m.column)]),
        "focus": _unique([name for m in focus for name in (m.name, m.column)]),
        "transform": _unique(m.transform for m in focus),
        "average": _unique(m.average for m in focus),
        "lag": _unique(m.lag for m in focus),
        "controls": [*controls.optional(), *controls.one_of],
        "sample": list(curve.samples),
        "weights": list(curve.weights),
        "effects": list(curve.effects),
        "cluster": list(curve.clusters),
        "estimator": list(curve.estimator),
        "instruments": list(curve.instruments),
    }


def _unique(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def _unknown(value: object, known: Iterable[object]) -> str:
    names = [str(name) for name in known]
    near = get_close_matches(str(value), names, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{value!r} is not one of {', '.join(names) or 'none declared'}{hint}"


def _aliases(model: type[BaseModel]) -> list[str]:
    return [str(field.alias or name) for name, field in model.model_fields.items()]


_MODELS: dict[str, type[BaseModel]] = {
    "controls": Controls,
    "samples": Condition,
    "outcomes": Variants,
    "focus": Variants,
    "instruments": Variants,
}


def _problem(detail: Any) -> str:
    """One pydantic error in the writer's words."""
    location: Sequence[Any] = [
        step
        for step in detail["loc"]
        if not re.match(r"(str|int|float|bool|\[key\]|function-)", str(step))
    ]
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        model = Curve if len(location) == 1 else _model_of(location)
        message = _unknown(location[-1], _aliases(model))
    elif detail["type"] in ("string_type", "literal_error", "int_type", "model_type"):
        message = f"{message}, got {detail['input']!r}"
    place = ": ".join(f"entry {s + 1}" if isinstance(s, int) else str(s) for s in location)
    return f"{place}: {message}" if place else message


def _model_of(location: Sequence[Any]) -> type[BaseModel]:
    """The model whose key was unknown."""
    inside_controls = location[0] == "controls" and len(location) > 2
    return Variants if inside_controls else _MODELS.get(str(location[0]), Curve)
