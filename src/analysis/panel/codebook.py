"""The codebook: what each column of the panel is, in both languages, and how it was made.

``variables.yaml`` is written by hand, before the data are built; ``codebook.csv`` adds to it the
coverage found in the built tables. Columns that a user's files add to a copy of the data are
declared beside its tables, in ``own.json``.
"""

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import yaml

from analysis import CompendiumError, paths
from analysis.panel.manifest import OWN

ROLES = ("outcome", "treatment", "input", "control")


@dataclass(frozen=True, slots=True)
class Variable:
    """One column: labels and units (en, fr), kind, source datasets, transformation, roles.

    kind: ``count`` (adds up over territories), ``rate`` (averaged by ``denominator``),
    ``index`` (likewise, but no share of a whole), ``derived`` (computed from other columns at
    every level) or ``attribute``.
    truncated_from: first year in which the source is known to be incomplete.
    """

    name: str
    label_en: str
    label_fr: str
    unit_en: str
    unit_fr: str
    kind: str
    source: str
    transformation: str
    denominator: str = ""
    roles: tuple[str, ...] = ()
    tables: tuple[str, ...] = ("regions",)
    truncated_from: int | None = None


def variables() -> dict[str, Variable]:
    """Every declared column by name: ``variables.yaml`` in its order, then the user's own."""
    return _declared(paths.PROCESSED / OWN)


@cache
def _declared(own: Path) -> dict[str, Variable]:
    """The columns of ``variables.yaml`` and those of a copy of the data, which never changes."""
    path = Path(__file__).with_name("variables.yaml")
    declared = yaml.safe_load(path.read_text(encoding="utf-8"))
    published = {name: _variable(name, fields) for name, fields in declared.items()}
    if not own.is_file():
        return published
    added = json.loads(own.read_text(encoding="utf-8"))["variables"]
    return published | {fields["name"]: _own_variable(fields) for fields in added}


def as_declared(variable: Variable) -> dict:
    """A column as ``own.json`` keeps it."""
    return asdict(variable)


def _own_variable(fields: dict) -> Variable:
    lists = {name: tuple(fields[name]) for name in ("roles", "tables")}
    return Variable(**(fields | lists))


def _variable(name: str, fields: dict) -> Variable:
    label, unit = fields.pop("label"), fields.pop("unit")
    roles = tuple(fields.pop("roles", ()))
    unknown = [role for role in roles if role not in ROLES]
    if unknown:
        raise CompendiumError(f"variables.yaml: {name}: unknown roles {unknown}; known: {ROLES}")
    return Variable(
        name=name,
        label_en=label[0],
        label_fr=label[1],
        unit_en=unit[0],
        unit_fr=unit[1],
        roles=roles,
        tables=tuple(fields.pop("tables", ("regions",))),
        **fields,
    )


def with_role(role: str, table: str = "regions") -> tuple[str, ...]:
    """Names of the columns of ``table`` that may serve as outcome, treatment, input or control."""
    return tuple(
        name
        for name, variable in variables().items()
        if role in variable.roles and table in variable.tables
    )
