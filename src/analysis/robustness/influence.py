"""Which clusters carry an estimate: leverage, influence, and the few that reverse its sign."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models import ModelError
from analysis.robustness.jackknife import estimates_without, leave_one_out
from analysis.robustness.moments import Moments
from analysis.robustness.one_regression import SMALLEST_PIVOT, regression_on


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reversal:
    """Clusters whose removal, one after the other, turns the sign of an estimate.

    ``path`` has ``cluster, estimate``: what is removed and what is then estimated; the last
    estimate has the other sign if ``reversed``.
    """

    estimate: float
    reversed: bool
    path: pd.DataFrame


def influence(
    moments: Moments, outcome: str, focus: str, controls: Sequence[str] = ()
) -> pd.DataFrame:
    """Leverage and influence of every cluster on the coefficient of ``focus``.

    Returns
    -------
    DataFrame
        ``cluster, n_rows, leverage`` (share of the cluster in the squares of the focus given the
        controls: partial leverage of MacKinnon, Nielsen and Webb 2023), ``estimate`` (without the
        cluster), ``change, dfbeta`` (change over the clustered standard error with all clusters),
        sorted by cluster.
    """
    regression = regression_on(moments, outcome, focus, controls)
    table = leave_one_out(moments, outcome, focus, controls)
    table.insert(1, "n_rows", moments.n_rows)
    table.insert(2, "leverage", _leverage(moments, outcome, focus, controls))
    table["dfbeta"] = table["change"] / regression.std_error
    return table


def effective_clusters(
    moments: Moments, outcome: str, focus: str, controls: Sequence[str] = ()
) -> float:
    """Effective number of clusters G* for independent errors.

    ``G / (1 + squared coefficient of variation of the leverages)``: Carter, Schnepel and
    Steigerwald (2017) with no correlation within clusters. Far below G, few clusters carry the
    estimate and the t distribution with G - 1 is too optimistic.
    """
    leverage = _leverage(moments, outcome, focus, controls)
    return float(1 / (leverage**2).sum())


def sign_reversal(
    moments: Moments,
    outcome: str,
    focus: str,
    controls: Sequence[str] = (),
    *,
    most: float = 0.5,
) -> Reversal:
    """Remove the cluster that pulls the estimate most away from zero, again and again.

    Greedy and exact at every step, in the spirit of Broderick, Giordano and Meager (2020): the
    number of clusters is an upper bound of the fewest that reverse the sign. Stops when the sign
    turns, when the share ``most`` of all clusters is gone, or when nothing can be removed.
    """
    if not 0 < most < 1:
        raise ModelError(f"most: expected a share between 0 and 1, got {most}")
    moments.require("everything", "leaving out clusters")
    regression = regression_on(moments, outcome, focus, controls)
    used = np.concatenate([regression.others, [regression.focus, regression.outcome]])
    sign, estimate, total = np.sign(regression.estimate), regression.estimate, moments.total
    left, removed = np.arange(len(moments.clusters)), []
    for _ in range(int(most * len(moments.clusters))):
        towards = sign * estimates_without(total, moments.blocks[left], used, SMALLEST_PIVOT)
        if np.isnan(towards).all():
            break
        place = int(np.nanargmin(towards))
        estimate = float(sign * towards[place])
        removed.append((moments.clusters[left[place]], estimate))
        total = total - moments.blocks[left[place]]
        left = np.delete(left, place)
        if estimate * sign < 0:
            break
    path = pd.DataFrame(removed, columns=["cluster", "estimate"])
    turned = bool(estimate * sign < 0)
    return Reversal(estimate=regression.estimate, reversed=turned, path=path)


def _leverage(
    moments: Moments, outcome: str, focus: str, controls: Sequence[str]
) -> NDArray[np.float64]:
    regression = regression_on(moments, outcome, focus, controls)
    squares = regression.leverages @ regression.focus_residual
    return np.asarray(squares / regression.focus_squares)
