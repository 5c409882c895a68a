"""Specification curves as data for the page that draws them, and their choices as a form."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.claims.declaration import Claim
from analysis.claims.evidence import kept_choices
from analysis.languages import catalogue, typeset
from analysis.report.site import labels
from analysis.robustness.enumeration import WITH

#: Significant digits of effects and p-values on the page.
EFFECT_DIGITS, P_DIGITS = 4, 2
#: What a specification says: a code per specification, and the share of all it stands for.
SUPPORTS, LEANS_FOR, LEANS_AGAINST, OPPOSES = range(4)
#: Key of the unit of effects, by how the curve is standardised.
_UNITS = {
    "none": "curve.unit.measured",
    "percent": "curve.unit.percent",
    "outcome sd": "curve.unit.outcome_sd",
    "both sd": "curve.unit.both_sd",
}
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice as fields of a form: its name, and each option with its label and how many."""

    name: str
    label: str
    options: list[tuple[int, str, int]]


def ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Estimated specifications by effect; ties in the order of the table."""
    known = table[np.isfinite(table["effect"])]
    return known.sort_values("effect", kind="stable", ignore_index=True)


def verdict_codes(curve: pd.DataFrame, sign: int) -> np.ndarray:
    """(n,) ``SUPPORTS`` … ``OPPOSES`` of each specification, by the side of nothing it lies on.

    The first and the last where the whole 95 % interval lies there; one without an interval counts
    for its side only.
    """
    above, below = (curve["effect_low"] > 0).to_numpy(), (curve["effect_high"] < 0).to_numpy()
    claimed, opposed = (above, below) if sign > 0 else (below, above)
    leans = np.where(sign * curve["effect"] > 0, LEANS_FOR, LEANS_AGAINST)
    return np.select([claimed, opposed], [SUPPORTS, OPPOSES], leans)


def curve_script(table: pd.DataFrame, sign: int) -> dict[str, Any]:
    """The curve in ascending order of effect, as short as it can be said.

    ``effect, low, high, p``: lists of numbers; ``says``: one digit per specification
    (:func:`verdict_codes`); ``choices``: name → one character per specification, the place of its
    option in base 36; ``sign``: the claimed one; ``missing``: specifications without an estimate.
    """
    curve = ordered(table)
    effects = {"effect": "effect", "low": "effect_low", "high": "effect_high"}
    return {
        **{name: _rounded(curve[column], EFFECT_DIGITS) for name, column in effects.items()},
        "p": _rounded(curve["p_value"], P_DIGITS),
        "says": "".join(map(str, verdict_codes(curve, sign))),
        "choices": {
            name: "".join(_ALPHABET[code] for code in _codes(curve[name]))
            for name in kept_choices(table)
        },
        "sign": sign,
        "missing": len(table) - len(curve),
    }


def choices(table: pd.DataFrame, lang: str, claim: str) -> list[Choice]:
    """The choices of a claim's curve, controls last; the options in the order of their codes."""
    curve = ordered(table)
    names = sorted(kept_choices(table), key=lambda name: name.startswith(WITH))
    found = []
    for name in names:
        options, codes = _options(curve[name]), _codes(curve[name])
        counts = np.bincount(codes, minlength=len(options))
        shown = [
            (code, labels.option(option, lang), int(counts[code]))
            for code, option in enumerate(options)
        ]
        found.append(Choice(name, labels.choice(name, lang, claim), shown))
    return found


def effect_unit(claim: Claim, lang: str) -> str:
    """What one unit of the effects of a claim's curve is.

    The curve of a gap, as every grid, is in the unit of the claim.
    """
    if claim.curve is not None and "gap of" not in claim.headline:
        key = _UNITS[claim.curve.get("standardise", "none")]
        return catalogue("site", lang).text(key)
    return typeset(claim.unit.of(lang), lang) if claim.unit else ""


def _options(column: pd.Series) -> list[Any]:
    return sorted(column.unique().tolist())


def _codes(column: pd.Series) -> np.ndarray:
    return pd.Categorical(column, categories=_options(column)).codes.astype(np.int64)


def _rounded(values: pd.Series, digits: int) -> list[float | None]:
    return [
        float(f"{value:.{digits}g}") if np.isfinite(value) else None
        for value in values.to_numpy(float)
    ]
