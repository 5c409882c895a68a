"""Territories of like structure: a distance over blocks of variables, and the nearest of each."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.indicators.concentration import IndicatorError

Floats = NDArray[np.float64]


def structural_distance(blocks: Mapping[str, pd.DataFrame], least: int) -> pd.DataFrame:
    """Distance between territories, every block of variables counting the same.

    .. math:: d_{ab}^2 = \\frac{1}{|B_{ab}|} \\sum_{k \\in B_{ab}}
        \\frac{1}{|V_{kab}|} \\sum_{v \\in V_{kab}} (z_{va} - z_{vb})^2

    with z the variables in standard deviations (of the population) from their mean,
    :math:`V_{kab}` the variables of block k known in both territories, and :math:`B_{ab}` the
    blocks with at least one such variable: Gower's (1971, Biometrics 27:857-871) treatment of
    missing values in a standardised Euclidean distance.

    blocks: name → territories × variables, all with the same index. least: blocks that two
    territories must both know; the distance of others is missing. A variable that is the same
    everywhere says nothing and is left out.

    Returns territories × territories, symmetric, zero on the diagonal where known.
    """
    indexes = [frame.index for frame in blocks.values()]
    if not indexes or any(not index.equals(indexes[0]) for index in indexes):
        raise IndicatorError("structural distance: expected blocks with the same territories")
    apart = np.stack([_apart(frame.to_numpy(dtype=float)) for frame in blocks.values()])
    known = ~np.isnan(apart)
    counts = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        squared = np.where(known, apart, 0.0).sum(axis=0) / counts
    squared[counts < least] = np.nan
    return pd.DataFrame(np.sqrt(squared), index=indexes[0], columns=indexes[0])


def _apart(values: Floats) -> Floats:
    """Mean squared difference of each pair over the standardised variables both know."""
    known = ~np.isnan(values)
    values = values[:, known.any(axis=0)]
    spread = np.nanstd(values, axis=0)
    scores = (values - np.nanmean(values, axis=0)) / np.where(spread > 0, spread, np.nan)
    total = np.zeros((len(values), len(values)))
    counts = np.zeros_like(total)
    for score in scores.T:
        squared = (score[:, None] - score[None, :]) ** 2
        both = ~np.isnan(squared)
        total += np.where(both, squared, 0.0)
        counts += both
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / counts


def nearest(distance: pd.DataFrame, count: int) -> dict[str, tuple[str, ...]]:
    """The ``count`` nearest other territories of each, the nearest first.

    Fewer where fewer distances are known; equally near ones in the order of their codes.
    """
    distance = distance.sort_index().sort_index(axis=1)
    codes = [str(code) for code in distance.columns]
    chosen = {}
    for place, (code, row) in enumerate(zip(codes, distance.to_numpy(), strict=True)):
        order = np.argsort(row, kind="stable")  # missing ones come last
        others = [n for n in order if n != place and not np.isnan(row[n])]
        chosen[code] = tuple(codes[n] for n in others[:count])
    return chosen
