"""How well a score ranks events before the rest when observations are not independent."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from analysis.indicators.concentration import IndicatorError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Scores nearer than the range over this are the same: rounding of sums must not break ties.
STEPS = 2.0**40


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusteredDiscrimination:
    """Area under the ROC curve with an error that allows for clusters; shares, 0 to 1.

    ``ci_low`` and ``ci_high`` are a 95 % interval from t with clusters less one degrees of freedom.
    """

    auc: float
    std_error: float
    ci_low: float
    ci_high: float
    base_rate: float
    n_obs: int
    n_events: int
    n_clusters: int

    @property
    def p_value(self) -> float:
        """Against the half of chance, by the distribution of the interval."""
        distance = abs(self.auc - 0.5)
        if self.std_error == 0:
            return float(distance == 0)
        return float(2 * stdtr(self.n_clusters - 1, -distance / self.std_error))


def clustered_discrimination(
    events: ArrayLike,
    scores: ArrayLike,
    clusters: ArrayLike,
    strata: ArrayLike | None = None,
) -> ClusteredDiscrimination:
    """Share of pairs of an event and a non-event in which the event has the higher score.

    .. math:: AUC = \\frac{W}{N}, \\quad \\psi_g = \\frac{w_g - AUC \\, n_g}{N}, \\quad
              V = \\frac{G}{G - 1} \\sum_g \\psi_g^2

    with W pairs won among N (a tie is half won), and w and n those that the observations of a
    cluster take part in, whichever their side: the placements of DeLong, DeLong and Clarke-Pearson
    (1988, Biometrics 44:837-845) summed by cluster as in Obuchowski (1997, Biometrics 53:567-578).
    The scores are taken as given, as those of a rule learned elsewhere are.

    Parameters
    ----------
    events
        (n,) of 1 and 0.
    scores
        (n,), larger where the event is more likely.
    clusters
        (n,) labels, such as regions.
    strata
        (n,) labels: only pairs of the same stratum are compared. All pairs by default.

    Raises
    ------
    IndicatorError
        Without a pair to compare, or with fewer than two clusters. Rows with a missing score or
        event are left out.
    """
    event, score = np.asarray(events, dtype=float), np.asarray(scores, dtype=float)
    if event.shape != score.shape or event.ndim != 1:
        raise IndicatorError(f"AUC: events {event.shape} and scores {score.shape} differ in shape")
    keep = ~np.isnan(event) & ~np.isnan(score)
    if not np.isin(event[keep], (0.0, 1.0)).all():
        raise IndicatorError("AUC: events must be 1 or 0")
    group, _ = pd.factorize(np.asarray(clusters)[keep])
    stratum = np.zeros(int(keep.sum()), dtype=np.int64)
    if strata is not None:
        stratum = pd.factorize(np.asarray(strata)[keep])[0].astype(np.int64)
    won, compared = pairs_by_cluster(event[keep], score[keep], group.astype(np.int64), stratum)
    return summary(won, compared, event[keep])


def pairs_by_cluster(
    event: Floats, score: Floats, cluster: Ints, stratum: Ints
) -> tuple[Floats, Floats]:
    """Pairs won and pairs compared (G,) that the observations of each cluster take part in.

    event: (n,) of 1 and 0. cluster, stratum: (n,) codes from 0. Each pair is counted twice: with
    the event and with the other.
    """
    if not len(event):
        return np.zeros(0), np.zeros(0)
    lowest = float(score.min())
    step = (float(score.max()) - lowest) / STEPS or 1.0
    ticks = np.rint((score - lowest) / step).astype(np.int64)
    # One sort of whole numbers is several times faster than a sort by two keys.
    order = np.argsort(stratum * (int(ticks.max()) + 1) + ticks)
    n_clusters = int(cluster.max()) + 1
    sums = _pairs(event[order] == 1, ticks[order], cluster[order], stratum[order], n_clusters)
    return sums[0], sums[1]


def summary(won: Floats, compared: Floats, event: Floats) -> ClusteredDiscrimination:
    """The area and its error from the pairs of each cluster; see `pairs_by_cluster`."""
    pairs, n_clusters = compared.sum() / 2, len(compared)
    if not pairs > 0 or n_clusters < 2:
        raise IndicatorError(
            f"AUC: {int(event.sum())} events among {len(event)} in {n_clusters} clusters leave no "
            "pair to compare, or no second cluster"
        )
    auc = won.sum() / 2 / pairs
    influence = (won - auc * compared) / pairs
    error = float(np.sqrt(n_clusters / (n_clusters - 1) * (influence @ influence)))
    reach = float(stdtrit(n_clusters - 1, 0.975)) * error
    return ClusteredDiscrimination(
        auc=float(auc),
        std_error=error,
        ci_low=float(auc - reach),
        ci_high=float(auc + reach),
        base_rate=float(event.mean()),
        n_obs=len(event),
        n_events=int(event.sum()),
        n_clusters=n_clusters,
    )


@njit(cache=True)
def _pairs(event, score, cluster, stratum, n_clusters):  # type: ignore[no-untyped-def]
    """Rows sorted by stratum and score; see `pairs_by_cluster`."""
    sums = np.zeros((2, n_clusters))
    size, begin = len(event), 0
    while begin < size:
        end, n_events = begin, 0
        while end < size and stratum[end] == stratum[begin]:
            n_events += event[end]
            end += 1
        n_others = end - begin - n_events
        events_below, others_below, first = 0, 0, begin
        while first < end:
            last, tied_events = first, 0
            while last < end and score[last] == score[first]:
                tied_events += event[last]
                last += 1
            tied_others = last - first - tied_events
            for row in range(first, last):
                if event[row]:
                    sums[0, cluster[row]] += others_below + 0.5 * tied_others
                    sums[1, cluster[row]] += n_others
                else:
                    above = n_events - events_below - tied_events
                    sums[0, cluster[row]] += above + 0.5 * tied_events
                    sums[1, cluster[row]] += n_events
            events_below += tied_events
            others_below += tied_others
            first = last
        begin = end
    return sums
