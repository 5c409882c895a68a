"""Several hypotheses at once: Romano-Wolf stepdown from joint draws, Holm, Benjamini and others."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.stats.multitest import multipletests

from analysis.models import ModelError
from analysis.robustness.joint_test import CurvePart, draws_of_parts
from analysis.robustness.wild_bootstrap import TIE, Weights, share_as_extreme

Floats = NDArray[np.float64]

CORRECTIONS = {"holm": "holm", "benjamini_hochberg": "fdr_bh", "benjamini_yekutieli": "fdr_by"}


def stepdown(
    parts: Sequence[CurvePart],
    *,
    draws: int = 4_999,
    weights: Weights = "rademacher",
    seed: int,
    name: str = "stepdown",
) -> pd.DataFrame:
    """Two-sided tests of all specifications of ``parts``, corrected for their number.

    Returns
    -------
    DataFrame
        One row per specification, in order: ``outcome, focus, estimate, std_error, statistic,
        p_value`` (restricted wild cluster bootstrap, the sample counted as a draw),
        ``romano_wolf`` (family-wise, from the joint distribution), ``holm`` (family-wise),
        ``benjamini_hochberg`` and ``benjamini_yekutieli`` (false discovery rate; the latter under
        any dependence).

    Raises
    ------
    ModelError
        If a specification cannot be estimated: a family with a hole has no corrected p-values.
    """
    drawn, contains_sample = draws_of_parts(parts, weights, draws, seed, name)
    flags = [flag for one in drawn for flag in one.flags if flag]
    if flags or not drawn:
        raise ModelError(f"stepdown: a hypothesis cannot be tested: {[*flags, 'no parts'][0]}")
    statistic = np.concatenate([one.statistic for one in drawn])
    null = np.concatenate([one.null_statistics for one in drawn])
    exceeding = (np.abs(null) >= (1 - TIE) * np.abs(statistic)[:, None]).sum(axis=1)
    p_values = share_as_extreme(exceeding, null.shape[1], contains_sample)
    return pd.DataFrame(
        {
            **_names(parts),
            "estimate": np.concatenate([one.estimate for one in drawn]),
            "std_error": np.concatenate([one.std_error for one in drawn]),
            "statistic": statistic,
            "p_value": p_values,
            "romano_wolf": romano_wolf(statistic, null, contains_sample=contains_sample),
            **adjusted_p_values(p_values),
        }
    )


def romano_wolf(
    statistics: Floats, null_statistics: Floats, *, contains_sample: bool = False
) -> Floats:
    """Adjusted p-values (S,) of two-sided tests from their joint null draws (S, B).

    Romano and Wolf (2005, 2016): the hypothesis with the j-th largest |t| is compared with the
    distribution of the largest |t*| among those not larger, and adjusted p-values may not fall as
    |t| falls. Controls the family-wise error rate. ``contains_sample`` says that the sample is one
    of the draws; otherwise it is counted beside them.
    """
    if null_statistics.ndim != 2 or len(statistics) != len(null_statistics):
        raise ModelError(
            f"romano_wolf: {len(statistics)} statistics but draws of shape {null_statistics.shape}"
        )
    order = np.argsort(-np.abs(statistics), kind="stable")
    sizes, null = np.abs(statistics)[order], np.abs(null_statistics)[order]
    largest = np.maximum.accumulate(null[::-1], axis=0)[::-1]
    exceeding = (largest >= (1 - TIE) * sizes[:, None]).sum(axis=1)
    p_values = share_as_extreme(exceeding, null.shape[1], contains_sample)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(p_values)
    return adjusted


def adjusted_p_values(p_values: Floats) -> dict[str, Floats]:
    """Holm, Benjamini-Hochberg and Benjamini-Yekutieli p-values by name."""
    return {
        name: np.asarray(multipletests(p_values, method=method)[1])
        for name, method in CORRECTIONS.items()
    }


def _names(parts: Sequence[CurvePart]) -> dict[str, list[str]]:
    return {
        name: [
            part.moments.columns[position]
            for part in parts
            for position in getattr(part.batch, name).tolist()
        ]
        for name in ("outcome", "focus")
    }
