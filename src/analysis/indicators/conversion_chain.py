"""From research to jobs in steps: at which step a country falls behind the best."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from analysis.indicators.concentration import IndicatorError


def conversion_steps(levels: pd.DataFrame) -> pd.DataFrame:
    """Log conversion ratio of each step of a chain, units × steps.

    levels: units × stages in the order of the chain, such as researchers, patents, high-technology
    jobs; any scale, since only ratios of the same column between units are compared later. A step
    is named "from → to"; missing where one of its stages is missing or not positive.
    """
    if levels.shape[1] < 2:
        raise IndicatorError(f"conversion chain: at least two stages needed: {list(levels)}")
    logs = np.log(levels.where(levels > 0).astype(float))
    stages = list(levels.columns)
    return pd.DataFrame(
        {f"{start} → {end}": logs[end] - logs[start] for start, end in pairwise(stages)},
        index=levels.index,
    )


def chain_gap(
    levels: pd.DataFrame, *, peers: Sequence[str] | None = None, best: int | None = 3
) -> pd.DataFrame:
    """How far each unit is behind the reference at each step and over the whole chain.

    The reference ratio of a step is the geometric mean of the ``best`` highest ratios among the
    peers (units complete over the chain), chosen step by step; of all peers with ``best=None``.
    With r_is the ratio of unit i at step s and r*_s the reference,

    .. math:: \\sum_s \\ln\\frac{r^*_s}{r_{is}} = \\ln\\frac{\\prod_s r^*_s}{y_i / x_i}

    so the steps' log gaps add up exactly to the gap of last stage over first stage. With ``best``
    the reference chain is put together from different countries: a bound that nobody has reached.

    Parameters
    ----------
    levels
        Units × stages, see :func:`conversion_steps`.
    peers
        Units that the reference is taken from; all by default.

    Returns
    -------
    DataFrame
        One row per complete unit and step, in the order of ``levels``: ``unit, step, ratio,
        reference, efficiency`` (ratio over reference; above 1 only for units outside the peers or
        above their mean), ``log_gap, total_log_gap, share`` (of the total gap; missing where the
        total is zero).
    """
    steps = conversion_steps(levels).dropna()
    pool = steps if peers is None else steps[steps.index.isin(list(peers))]
    if pool.empty or (best is not None and not 1 <= best <= len(pool)):
        raise IndicatorError(
            f"conversion chain: {len(pool)} of the peers have all stages, {best or 1} needed"
        )
    ordered = pd.DataFrame(-np.sort(-pool.to_numpy(), axis=0), columns=steps.columns)
    reference = ordered.head(best or len(ordered)).mean()
    gaps = reference - steps
    total = gaps.sum(axis=1)
    long = gaps.rename_axis(index="unit", columns="step").stack().rename("log_gap").reset_index()
    long["total_log_gap"] = long["unit"].map(total)
    long["ratio"] = np.exp(long["step"].map(reference) - long["log_gap"])
    long["reference"] = np.exp(long["step"].map(reference))
    long["efficiency"] = np.exp(-long["log_gap"])
    long["share"] = long["log_gap"] / long["total_log_gap"].where(long["total_log_gap"] != 0)
    order = ["unit", "step", "ratio", "reference", "efficiency", "log_gap", "total_log_gap"]
    return long[[*order, "share"]]


def national_rate(
    regions: pd.DataFrame, rate: str, weight: str, least_coverage: float = 0.9
) -> pd.DataFrame:
    """National rate from the regions that have one, weighted, with the share of weight they cover.

    regions: NUTS 2 rows of the panel with ``country, year`` and the two columns. The panel's own
    national figures need nearly every region; this one accepts gaps (small samples are withheld by
    the publisher) and says how large they are.

    Returns
    -------
    DataFrame
        ``country, year, rate, coverage``, sorted; the rate is missing below ``least_coverage`` of
        the country's weight. A region whose weight is unknown is in neither.
    """
    if not 0 <= least_coverage <= 1:
        raise IndicatorError(f"national rate: coverage {least_coverage} must be between 0 and 1")
    rows = regions.loc[regions[weight].notna(), ["country", "year", rate, weight]]
    known = rows[weight].where(rows[rate].notna(), 0.0)
    sums = pd.DataFrame(
        {
            "country": rows["country"],
            "year": rows["year"],
            "mass": (rows[rate] * rows[weight]).fillna(0.0),
            "known": known,
            "all": rows[weight],
        }
    )
    sums = sums.groupby(["country", "year"], sort=True, as_index=False).sum()
    sums["coverage"] = sums["known"] / sums["all"].where(sums["all"] > 0)
    enough = (sums["coverage"] >= least_coverage) & (sums["known"] > 0)
    sums[rate] = (sums["mass"] / sums["known"].where(sums["known"] > 0)).where(enough)
    return sums[["country", "year", rate, "coverage"]]
