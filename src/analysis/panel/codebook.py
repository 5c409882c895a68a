"""The codebook: what each column of the panel is, in both languages, and how it was made.

``variables.yaml`` is written by hand, before the data are built; ``codebook.csv`` adds to it the
coverage found in the built tables.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from analysis import CompendiumError

ROLES = ("outcome", "treatment", "input", "control")


@dataclass(frozen=True, slots=True)
class Variable:
    """One column: labels and units (en, fr), kind, source datasets, transformation, roles.

    kind: ``count`` (adds up over territories), ``rate`` (averaged by ``denominator``),
    ``derived`` (computed from other columns at every level) or ``attribute``.
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


@cache
def variables() -> dict[str, Variable]:
    """Every declared column by name, in the order of ``variables.yaml``."""
    path = Path(__file__).with_name("variables.yaml")
    declared = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: _variable(name, fields) for name, fields in declared.items()}


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
