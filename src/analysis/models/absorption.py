"""Fixed effects: taking them out of columns, counting them, and their leverage."""

import numpy as np
from numpy.typing import NDArray
from pyfixest.core.demean import demean_within

from analysis.models.specification import ModelError
from analysis.models.two_way import absorb_exactly, count_components, group_rows

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

TOLERANCE = 1e-12


class AbsorptionError(ModelError):
    """Effects that rounding keeps from being absorbed."""


def absorb(columns: Floats, effects: Codes, weights: Floats, *, overwrite: bool = False) -> Floats:
    """Residuals of ``columns`` (n, k) from a weighted regression on dummies of ``effects`` (n, q).

    Exact (:mod:`analysis.models.two_way`) as long as the smaller of two effects has at most some
    thousand levels. Beyond that, pyfixest's preconditioned LSMR, which unlike alternating
    projections reaches 1e-12 also where few observations connect the levels. With ``overwrite``
    the residuals may take the place of ``columns``, which saves their memory.

    Raises AbsorptionError when rounding keeps the residuals from being exact.
    """
    if not effects.shape[1] or not columns.shape[1]:
        return columns
    groups = group_rows(effects)
    if groups is None:
        residuals = _absorb_iteratively(columns, effects, weights)
    else:
        own = columns if overwrite else np.array(columns, dtype=float, order="C")
        residuals = absorb_exactly(own, groups, weights)
    if residuals is None:
        raise AbsorptionError("the fixed effects could not be absorbed to the required accuracy")
    return residuals


def _absorb_iteratively(columns: Floats, effects: Codes, weights: Floats) -> Floats | None:
    # A common scale lets the stopping rule treat euros and percentages alike.
    scale = np.sqrt(np.average(columns**2, axis=0, weights=weights))
    scale = np.where(scale > 0, scale, 1.0)
    residuals, converged, _ = demean_within(
        np.asfortranarray(columns / scale),
        np.asfortranarray(effects.astype(np.uint32)),
        weights,
        tol=TOLERANCE,
    )
    return residuals * scale if converged else None


def count_effects(effects: Codes) -> int:
    """Rank of the dummies of ``effects`` (n, 0..2).

    With two effects one dummy is redundant in each connected component of the graph whose nodes
    are the levels and whose edges are the observations (Abowd, Creecy and Kramarz 2002).
    """
    levels = [int(column.max()) + 1 for column in effects.T]
    if len(levels) < 2:
        return sum(levels)
    return sum(levels) - int(count_components(effects[:, 0], effects[:, 1], *levels))


def count_singletons(effects: Codes) -> int:
    """Levels seen in one row only, summed over the effects."""
    return sum(int((np.bincount(column) == 1).sum()) for column in effects.T)


def effects_leverage(effects: Codes, weights: Floats) -> Floats:
    """Diagonal (n,) of the weighted projection on the dummies of ``effects`` (n, 0..2)."""
    if not effects.shape[1]:
        return np.zeros(len(weights))
    # The effect with more levels has a closed form; the other one's dummies then remain few.
    order = np.argsort([-column.max() for column in effects.T], kind="stable")
    first = effects[:, order[0]]
    leverage = weights / np.bincount(first, weights)[first]
    if effects.shape[1] == 2:
        second = effects[:, order[1]]
        dummies = (second[:, None] == np.arange(second.max() + 1)).astype(float)
        remaining = absorb(dummies, first[:, None], weights) * np.sqrt(weights)[:, None]
        basis, singular, _ = np.linalg.svd(remaining, full_matrices=False)
        leverage = leverage + (basis[:, singular > 1e-9 * singular.max()] ** 2).sum(axis=1)
    return leverage
