"""The clustered area under the curve: pairs counted one by one, DeLong's error, copies."""

import numpy as np
import pytest

from analysis.indicators import IndicatorError
from analysis.indicators.clustered_discrimination import clustered_discrimination
from analysis.indicators.discrimination import discrimination


def made(seed: int = 1, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    event = (draw.random(n) < 0.3).astype(float)
    score = np.round(draw.normal(size=n) + event, 1)  # ties
    return event, score, draw.integers(0, 9, n), draw.integers(0, 3, n)


def test_every_pair_of_a_stratum_is_counted_once():
    event, score, cluster, stratum = made()
    won = pairs = 0.0
    for one in np.flatnonzero(event == 1):
        for other in np.flatnonzero((event == 0) & (stratum == stratum[one])):
            won += (score[one] > score[other]) + 0.5 * (score[one] == score[other])
            pairs += 1
    found = clustered_discrimination(event, score, cluster, stratum)
    assert found.auc == pytest.approx(won / pairs)
    assert found.n_events == event.sum() and found.n_clusters == 9


def test_independent_rows_have_the_error_of_delong():
    event, score, *_ = made(n=3_000)
    ours = clustered_discrimination(event, score, np.arange(len(event)))
    theirs = discrimination(event, score)
    assert ours.auc == pytest.approx(theirs.auc, abs=1e-12)
    assert ours.std_error == pytest.approx(theirs.std_error, rel=2e-3)


def test_copies_of_a_cluster_add_no_precision():
    event, score, *_ = made(n=400)
    once = clustered_discrimination(event, score, np.arange(400))
    four = clustered_discrimination(*(np.tile(v, 4) for v in (event, score, np.arange(400))))
    assert four.auc == pytest.approx(once.auc)
    assert four.std_error == pytest.approx(once.std_error)


def test_the_order_of_rows_and_the_scale_of_scores_do_not_matter():
    event, score, cluster, stratum = made()
    order = np.random.default_rng(2).permutation(len(event))
    first = clustered_discrimination(event, score, cluster, stratum)
    second = clustered_discrimination(
        event[order], 1e6 * score[order], cluster[order], stratum[order]
    )
    assert second.auc == pytest.approx(first.auc)
    assert second.std_error == pytest.approx(first.std_error)


@pytest.mark.parametrize("event", [np.ones(6), np.zeros(6)])
def test_no_pair_is_refused(event):
    with pytest.raises(IndicatorError, match="no pair to compare"):
        clustered_discrimination(event, np.arange(6.0), np.arange(6))


def test_events_are_ones_and_zeros():
    with pytest.raises(IndicatorError, match="1 or 0"):
        clustered_discrimination([0, 2, 1], [1, 2, 3], [1, 2, 3])
