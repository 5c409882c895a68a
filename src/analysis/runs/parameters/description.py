"""What may be set in a notebook, as the command line shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.runs.parameters.kinds import Shown
from analysis.runs.parameters.models import Parameters
from analysis.runs.parameters.validation import model_of


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
