"""How well a score tells events from the rest, in and out of sample."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from analysis.indicators.concentration import IndicatorError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Discrimination:
    """Area under the ROC curve with its standard error, and how rare the event is."""

    auc: float
    std_error: float
    base_rate: float
    n_events: int
    n_others: int


def discrimination(events: ArrayLike, scores: ArrayLike) -> Discrimination:
    """Probability that an event has a higher score than a non-event, ties counted half.

    .. math:: AUC = \\frac{R - m(m + 1)/2}{mn}

    with R the sum of midranks of the m events among all m + n scores (Mann and Whitney 1947). The
    standard error is that of DeLong, DeLong and Clarke-Pearson (1988, Biometrics 44:837-845), for
    independent observations. 0.5 is a score that knows nothing. Missing rows are left out.

    Parameters
    ----------
    events
        (n,) of 1 and 0.
    scores
        (n,), larger where the event is more likely.
    """
    event, score = _known(events, scores)
    positive = event == 1
    m, n = int(positive.sum()), int((~positive).sum())
    if m < 2 or n < 2:
        raise IndicatorError(f"AUC: at least 2 events and 2 others needed, got {m} and {n}")
    ranks = rankdata(score)
    # Placements: the share of the other group below each observation.
    above = (ranks[positive] - rankdata(score[positive])) / n
    below = 1 - (ranks[~positive] - rankdata(score[~positive])) / m
    variance = above.var(ddof=1) / m + below.var(ddof=1) / n
    auc = (ranks[positive].sum() - m * (m + 1) / 2) / (m * n)
    return Discrimination(float(auc), float(np.sqrt(variance)), m / (m + n), m, n)


def held_out_scores(features: pd.DataFrame, events: pd.Series, groups: pd.Series) -> pd.Series:
    """Score of every row from a linear probability model fitted without the row's group.

    Least squares with an intercept on the rows of all other groups (leave-one-group-out, Stone
    1974). Only the order of scores within a group is used by :func:`discrimination_by_group`; a
    group may be a country, or a year to predict from the other years.

    features: (n, k). events: (n,) of 1 and 0. groups: (n,). Same index; a row with a missing value
    has a missing score. Raises IndicatorError with fewer than two groups.
    """
    known = features.notna().all(axis=1) & events.notna() & groups.notna()
    names = sorted(groups[known].unique(), key=str)
    if len(names) < 2:
        raise IndicatorError(f"held-out scores: at least two groups needed, got {names}")
    design = np.column_stack([np.ones(int(known.sum())), features[known].to_numpy(dtype=float)])
    event, group = events[known].to_numpy(dtype=float), groups[known].to_numpy()
    scores = np.empty(len(event))
    for name in names:
        inside = group == name
        fitted = np.linalg.lstsq(design[~inside], event[~inside], rcond=None)[0]
        scores[inside] = design[inside] @ fitted
    return pd.Series(scores, index=features.index[known], name="score").reindex(features.index)


def discrimination_by_group(
    events: pd.Series, scores: pd.Series, groups: pd.Series
) -> pd.DataFrame:
    """AUC in each group with at least two events and two others; sorted by group.

    Columns ``group, auc, std_error, base_rate, n_events, n_others``.
    """
    rows: list[dict[str, Hashable]] = []
    for name, index in sorted(events.groupby(groups).groups.items(), key=lambda item: str(item[0])):
        event, score = _known(events.loc[index], scores.loc[index])
        if min((event == 1).sum(), (event == 0).sum()) >= 2:
            one = discrimination(event, score)
            values = (one.auc, one.std_error, one.base_rate, one.n_events, one.n_others)
            rows.append(dict(zip(_COLUMNS, (name, *values), strict=True)))
    return pd.DataFrame(rows, columns=list(_COLUMNS))


_COLUMNS = ("group", "auc", "std_error", "base_rate", "n_events", "n_others")


def _known(events: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    event, score = np.asarray(events, dtype=float), np.asarray(scores, dtype=float)
    if event.shape != score.shape or event.ndim != 1:
        raise IndicatorError(f"AUC: events {event.shape} and scores {score.shape} differ in shape")
    keep = ~np.isnan(event) & ~np.isnan(score)
    event, score = event[keep], score[keep]
    if not np.isin(event, (0.0, 1.0)).all():
        raise IndicatorError("AUC: events must be 1 or 0")
    return event, score
