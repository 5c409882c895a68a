"""What is known of a file while it is being checked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import yaml

from analysis.intake.checked import OBSERVATION_COLUMNS, Indicator
from analysis.intake.declaration import Declaration
from analysis.intake.layout import Roles
from analysis.intake.problems import Problem
from analysis.intake.sheets import Sheet


@dataclass
class Draft:
    """Cells with the rule that sets them aside, the figures made of the others, what was said.

    cells: ``at, column, raw, geo, rule``, sorted by ``at`` and ``column``. not_places: label → why
    it is no territory.
    """

    cells: pd.DataFrame
    figures: pd.DataFrame
    problems: list[Problem]
    indicators: list[Indicator] = field(default_factory=list)
    roles: Roles | None = None
    nuts_version: str = ""
    nuts_evidence: tuple[str, ...] = ()
    understood: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    not_places: dict[str, str] = field(default_factory=dict)
    is_list: bool = False

    @classmethod
    def of_nothing(cls, sheet: Sheet, problems: Sequence[Problem]) -> "Draft":
        """A file whose columns are not understood: every row stands for itself."""
        cells = pd.DataFrame(
            {"at": range(len(sheet.cells)), "column": 0, "raw": None, "geo": "", "rule": ""}
        )
        return cls(cells, pd.DataFrame(columns=list(OBSERVATION_COLUMNS)), list(problems))

    def sidecar(self, said: Declaration, sheet: Sheet) -> str:
        """A declaration that says what was understood, with blanks for what must be said."""
        content: dict[str, Any] = {}
        if self.roles is not None:
            content |= _columns(self.roles, sheet)
        content |= said.model_dump(exclude_defaults=True, mode="json")
        if self.roles is not None:
            entries = _indicators(self, said)
            if "" in entries:
                unnamed = entries.pop("")
                content |= {"name": unnamed["name"], "unit": unnamed["unit"]}
            elif entries:
                content.pop("unit", None)
                content.pop("name", None)
            content |= {"indicators": entries} if entries else {}
        if not content:
            content = {"geo": "", "year": "", "value": [], "unit": ""}
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def _columns(roles: Roles, sheet: Sheet) -> dict[str, Any]:
    content: dict[str, Any] = {"layout": roles.layout, "geo": sheet.header[roles.geo]}
    if roles.year is not None:
        content["year"] = sheet.header[roles.year]
    if not roles.years:
        content["value"] = [sheet.header[each] for each in roles.values]
    return content


def _indicators(draft: Draft, said: Declaration) -> dict[str, dict[str, str]]:
    labels = [each.label for each in draft.indicators]
    known = {each.label: each for each in draft.indicators}
    series = list(dict.fromkeys(draft.cells["series"])) if "series" in draft.cells else []
    entries: dict[str, dict[str, str]] = {}
    for label in series[:50]:
        if labels.count(label) > 1:
            continue  # the unit column tells several series of this name apart
        found = known.get(label)
        entries[label] = {
            "name": found.name if found else said.name,
            "unit": (found.written_unit if found else "") or said.unit,
            "label_en": label,
            "label_fr": label,
        }
        if label in said.indicators:
            entries[label] |= said.indicators[label].model_dump(exclude_defaults=True)
    return entries
