"""Arguments every spatial regression shares, and its facts."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.models.estimates import Facts
from analysis.models.spatial.sample import SpatialSample

Floats = NDArray[np.float64]


def spatial_facts(
    sample: SpatialSample, estimator: str, vcov: str, small_sample: str, **others: Any
) -> Facts:
    """Facts of a spatial regression; ``others`` add to or replace them."""
    panel, specification = sample.panel, sample.panel.specification
    facts: dict[str, Any] = {
        "outcome": specification.outcome,
        "estimator": estimator,
        "vcov": vcov,
        "formula": specification.formula,
        "absorb": " + ".join(specification.absorb),
        "cluster": " + ".join(specification.cluster),
        "small_sample": small_sample,
        "n_obs": len(sample.outcome),
        "n_dropped": sample.n_dropped,
        "n_units": _count(panel.units),
        "n_periods": _count(panel.periods),
        "df_t": math.inf,
        "outcome_mean": float(sample.outcome.mean()),
    }
    return Facts(**(facts | others))


def gaussian_log_likelihood(residuals: Floats) -> float:
    """Maximum over the variance of the normal log-likelihood, without a Jacobian."""
    n = len(residuals)
    return -n / 2 * (math.log(2 * math.pi * float(residuals @ residuals) / n) + 1)


def weights_statistics(sample: SpatialSample) -> dict[str, float]:
    """``n_links``, ``mean_neighbours`` and ``n_islands`` over the rows of the sample."""
    neighbours = np.diff(sample.matrix.indptr)
    return {
        "n_links": float(neighbours.sum()),
        "mean_neighbours": float(neighbours.mean()),
        "n_islands": float((neighbours == 0).sum()),
    }


def _count(codes: NDArray[np.int64] | None) -> int | None:
    return None if codes is None else len(np.unique(codes))
