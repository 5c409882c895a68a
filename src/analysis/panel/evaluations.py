"""Published evaluations of cluster policies: one row per reported effect."""

import re
from collections.abc import Mapping

import pandas as pd

Raw = Mapping[str, pd.DataFrame]

#: Group of outcomes → pattern in the outcome's name, first match wins. Aid received is no result
#: of a programme; a row on several outcomes goes to the first group.
OUTCOME_GROUPS = {
    "not an effect": "selection",
    "aid received": r"\baid\b(?!,)|tax credit|funding received",
    "spillovers": r"spillover|indirect effect",
    "R&D": r"^(?!jobs).*r&d",
    "innovation": r"patent|innovat|technology classes|inventor|knowledge-space",
    "employment": r"employ|jobs",
    "productivity": "productivity",
    "growth": r"gdp|turnover|export|sales|firm|venture",
}

#: Column of the raw table → column.
COLUMNS = {
    "study": "study",
    "year": "publication_year",
    "country": "place",
    "programme": "programme",
    "level": "unit_of_analysis",
    "outcome": "outcome",
    "method": "method",
    "estimate": "estimate",
    "unit": "effect_unit",
    "direction_reported": "direction",
    "n_obs": "n_obs",
    "sample": "sample",
    "status": "evidence",
    "where_read": "address",
}


def build_evaluations(raw: Raw) -> pd.DataFrame:
    """Reported effects, sorted by study, outcome and unit. No standard error could be read.

    ``direction`` is what the authors report: "+", "0" (no significant effect), "-", "mixed", or
    another word where the row is not an effect; ``estimate`` is missing where only that is known.
    ``outcome_group`` is one of ``OUTCOME_GROUPS``, empty where no outcome is named.
    """
    frame = raw["policy_effects"][list(COLUMNS)].rename(columns=COLUMNS)
    return frame.assign(outcome_group=frame["outcome"].map(_group).astype(str))


def _group(outcome: str) -> str:
    name = outcome.lower()
    return next((group for group, known in OUTCOME_GROUPS.items() if re.search(known, name)), "")
