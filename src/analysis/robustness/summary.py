"""A curve in a few numbers."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis import CompendiumError
from analysis.robustness.enumeration import varying_choices

LEVEL = 0.05
RANGE = (0.05, 0.95)


@dataclass(frozen=True, slots=True)
class CurveSummary:
    """What a specification curve says about a hypothesis with a sign.

    Shares are of the ``n_estimated`` specifications, between 0 and 1. ``share_sign`` have the
    hypothesised sign, ``share_significant`` have it and differ from zero at 5 %,
    ``share_opposite`` differ from zero at 5 % in the other direction. ``median``, ``low`` and
    ``high`` (5 and 95 % quantiles), ``smallest`` and ``largest`` are of the effects, as drawn.
    """

    n_specifications: int
    n_estimated: int
    n_flagged: int
    sign: int
    share_sign: float
    share_significant: float
    share_opposite: float
    median: float
    low: float
    high: float
    smallest: float
    largest: float

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers by name."""
        return asdict(self)


def summarise(table: pd.DataFrame, sign: int = 1) -> CurveSummary:
    """Summary of the ``table`` of a curve, for a hypothesised ``sign`` (1 or -1) of the effect.

    The effect of an outcome of which less is better has been turned round already (its ``sign`` in
    the curve), so that ``sign=1`` says "more of the good".

    Raises
    ------
    CompendiumError
        If no specification could be estimated, with the commonest reasons.
    """
    if sign not in (1, -1):
        raise CompendiumError(f"sign: expected 1 or -1, got {sign!r}")
    known = table[np.isfinite(table["effect"])]
    if known.empty:
        reasons = table["flag"].value_counts().head(3)
        listed = "; ".join(f"{count}: {reason}" for reason, count in reasons.items())
        raise CompendiumError(f"no specification of the curve could be estimated ({listed})")
    effect = known["effect"].to_numpy(dtype=np.float64)
    significant = (known["p_value"] < LEVEL).to_numpy()
    low, median, high = np.quantile(effect, [RANGE[0], 0.5, RANGE[1]])
    return CurveSummary(
        n_specifications=len(table),
        n_estimated=len(known),
        n_flagged=int((table["flag"] != "").sum()),
        sign=sign,
        share_sign=float((sign * effect > 0).mean()),
        share_significant=float((significant & (sign * effect > 0)).mean()),
        share_opposite=float((significant & (sign * effect < 0)).mean()),
        median=float(median),
        low=float(low),
        high=float(high),
        smallest=float(effect.min()),
        largest=float(effect.max()),
    )


def summarise_by_choice(table: pd.DataFrame, sign: int = 1) -> pd.DataFrame:
    """The numbers of :func:`summarise` for every option of every choice that varies.

    Columns ``choice, option`` and those of :class:`CurveSummary`, in the order declared; an option
    of which nothing could be estimated has a row with its number of specifications only.
    """
    rows = []
    for choice in varying_choices(table):
        for option in table[choice].unique():
            part = table[table[choice] == option]
            row: dict[str, Any] = {"choice": choice, "option": str(option)}
            if np.isfinite(part["effect"]).any():
                row |= summarise(part, sign).as_dict()
            else:
                row |= {"n_specifications": len(part), "n_estimated": 0, "n_flagged": len(part)}
            rows.append(row)
    return pd.DataFrame(rows)
