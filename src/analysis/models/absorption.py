"""Fixed effects: taking them out of columns, counting them, and their leverage."""

import numpy as np
from numpy.typing import NDArray
from pyfixest.core.demean import demean_within
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

TOLERANCE = 1e-12


def absorb(columns: Floats, effects: Codes, weights: Floats) -> Floats:
    """Residuals of ``columns`` (n, k) from a weighted regression on dummies of ``effects`` (n, q).

    Uses pyfixest's preconditioned LSMR, which unlike alternating projections reaches 1e-12 also
    where few observations connect the levels.
    """
    if not effects.shape[1] or not columns.shape[1]:
        return columns
    # A common scale lets the stopping rule treat euros and percentages alike.
    scale = np.sqrt(np.average(columns**2, axis=0, weights=weights))
    scale = np.where(scale > 0, scale, 1.0)
    residuals, converged, _ = demean_within(
        np.asfortranarray(columns / scale),
        np.asfortranarray(effects.astype(np.uint32)),
        weights,
        tol=TOLERANCE,
    )
    if not converged:
        raise ModelError("the fixed effects could not be absorbed to the required accuracy")
    return residuals * scale


def count_effects(effects: Codes) -> int:
    """Rank of the dummies of ``effects`` (n, 0..2).

    With two effects one dummy is redundant in each connected component of the graph whose nodes
    are the levels and whose edges are the observations (Abowd, Creecy and Kramarz 2002).
    """
    levels = [int(column.max()) + 1 for column in effects.T]
    if len(levels) < 2:
        return sum(levels)
    edges = (np.ones(len(effects)), (effects[:, 0], levels[0] + effects[:, 1]))
    graph = coo_array(edges, shape=(sum(levels), sum(levels)))
    return sum(levels) - int(connected_components(graph, directed=False)[0])


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
