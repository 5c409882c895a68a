"""Leaving out one cluster at a time, from moments: no pass over the rows.

The moments without cluster g are the total minus its block, so each estimate is one small solve.
Unit effects absorbed within clusters leave with their cluster; dummies inside are estimated anew.
Leaving out a year is another matter: the unit effects of all clusters change, so it needs moments
of the rows without that year, one pass each.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numba import njit, prange
from numpy.typing import NDArray
from scipy import stats

from analysis.models import ModelError
from analysis.robustness.moments import Moments
from analysis.robustness.one_regression import (
    NO_SCORES,
    SMALLEST_PIVOT,
    Regression,
    regression_on,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Jackknife:
    """Cluster jackknife (CV3) inference on one coefficient; t with G - 1, 95 % interval.

    ``lowest`` and ``highest`` are the extreme estimates without one cluster, and
    ``lowest_without``, ``highest_without`` name it.
    """

    estimate: float
    std_error: float
    statistic: float
    p_value: float
    ci_low: float
    ci_high: float
    n_clusters: int
    lowest: float
    lowest_without: Any
    highest: float
    highest_without: Any


def leave_one_out(
    moments: Moments,
    outcome: str,
    focus: str,
    controls: Sequence[str] = (),
    *,
    groups: Mapping[Any, Hashable] | None = None,
) -> pd.DataFrame:
    """The coefficient of ``focus`` without each cluster in turn.

    Parameters
    ----------
    groups
        The larger group (country) of each cluster (region): groups are left out instead.

    Returns
    -------
    DataFrame
        ``cluster, estimate, change``, sorted by cluster; ``change`` is against all clusters. The
        estimate is missing where the focus does not vary, given the controls, without the cluster.

    Raises
    ------
    ModelError
        As `regression_on`; or if ``groups`` misses a cluster or has fewer than two groups.
    """
    regression = regression_on(moments, outcome, focus, controls)
    labels, blocks = _left_out(moments, groups)
    estimates = _estimates_without(moments, regression, blocks)
    return pd.DataFrame(
        {"cluster": labels, "estimate": estimates, "change": estimates - regression.estimate}
    )


def jackknife(
    moments: Moments, outcome: str, focus: str, controls: Sequence[str] = ()
) -> Jackknife:
    """Cluster jackknife variance ``(G - 1) / G * sum of squared changes``.

    CV3 of MacKinnon, Nielsen and Webb (2023, equation 11), centred on the estimate. Raises
    ModelError if the coefficient cannot be estimated without some cluster, or none moves it.
    """
    regression = regression_on(moments, outcome, focus, controls)
    estimates = _estimates_without(moments, regression, moments.blocks)
    undefined = [c for c, one in zip(moments.clusters, estimates, strict=True) if np.isnan(one)]
    if undefined:
        raise ModelError(
            f"the jackknife is not defined: without cluster {undefined[0]!r} the regressor "
            f"{focus!r} does not vary given the controls ({len(undefined)} such clusters)"
        )
    n_clusters = len(estimates)
    spread = (n_clusters - 1) / n_clusters * ((estimates - regression.estimate) ** 2).sum()
    if not spread > NO_SCORES * moments.squares[regression.outcome] / regression.focus_squares:
        raise ModelError("the jackknife has no error: no cluster moves the estimate")
    error = float(np.sqrt(spread))
    statistic = regression.estimate / error
    margin = float(stats.t.isf(0.025, n_clusters - 1)) * error
    low, high = int(estimates.argmin()), int(estimates.argmax())
    return Jackknife(
        estimate=regression.estimate,
        std_error=error,
        statistic=statistic,
        p_value=float(2 * stats.t.sf(abs(statistic), n_clusters - 1)),
        ci_low=regression.estimate - margin,
        ci_high=regression.estimate + margin,
        n_clusters=n_clusters,
        lowest=float(estimates[low]),
        lowest_without=moments.clusters[low],
        highest=float(estimates[high]),
        highest_without=moments.clusters[high],
    )


def _left_out(moments: Moments, groups: Mapping[Any, Hashable] | None) -> tuple[list[Any], Floats]:
    """Labels and moments of what is left out in turn."""
    if groups is None:
        return list(moments.clusters), moments.blocks
    missing = [label for label in moments.clusters if label not in groups]
    if missing:
        raise ModelError(f"groups: no group for {len(missing)} clusters, such as {missing[0]!r}")
    codes, labels = pd.factorize(
        np.array([groups[label] for label in moments.clusters], dtype=object), sort=True
    )
    if len(labels) < 2:
        raise ModelError(f"groups: at least two are needed, got only {labels[0]!r}")
    blocks = np.zeros((len(labels), *moments.total.shape))
    np.add.at(blocks, codes, moments.blocks)
    return list(labels), blocks


def _estimates_without(moments: Moments, regression: Regression, blocks: Floats) -> Floats:
    moments.require("everything", "leaving out clusters")
    used = np.concatenate([regression.others, [regression.focus, regression.outcome]])
    return estimates_without(moments.total, blocks, used, SMALLEST_PIVOT)


@njit(cache=True, parallel=True)
def estimates_without(total: Floats, blocks: Floats, used: Ints, tolerance: float) -> Floats:
    """Coefficients (G,) of column ``used[-2]`` for ``used[-1]`` without each block in turn.

    Cholesky factorisation of the moments of controls, focus and outcome, in this order: the
    coefficient is the outcome's entry over the focus's pivot. A control whose pivot is rounding
    (``tolerance`` of its squares in all clusters) has become redundant and is passed over; if that
    is the focus, the estimate is missing.
    """
    k = len(used)
    estimates = np.empty(len(blocks))
    for g in prange(len(blocks)):
        lower = np.zeros((k, k))
        for j in range(k - 1):
            for i in range(j, k):
                entry = total[used[i], used[j]] - blocks[g, used[i], used[j]]
                for other in range(j):
                    entry -= lower[i, other] * lower[j, other]
                if i == j and not entry > tolerance * total[used[j], used[j]]:
                    break
                lower[i, j] = np.sqrt(entry) if i == j else entry / lower[j, j]
        pivot = lower[k - 2, k - 2]
        estimates[g] = lower[k - 1, k - 2] / pivot if pivot > 0 else np.nan
    return estimates
