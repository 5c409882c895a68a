"""Forecasts of new specialisations made in every defensible way, each scored on what it never saw.

A forecast is a linear probability model with effects of its strata. Its scores are for rows that
had no part in estimating it: later years (rules learned only from outcomes that were known when
the row began) or other countries. Least squares needs cross-moments only, so all sets of features
are solved at once, for all held-out groups.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis import CompendiumError
from analysis.indicators.clustered_discrimination import pairs_by_cluster, summary
from analysis.indicators.entry import entries
from analysis.robustness.enumeration import WITH

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LATER, ELSEWHERE = "later years", "other countries"
#: Fewest pairs' sides behind an area: with fewer events it says nothing.
FEWEST_EVENTS = 20
#: Choices under the names of a curve's table, so that its figures and summaries read them. The
#: outcome is what counts as an entry; the estimator, what the rule was learned from.
CHOICES = ("outcome", "lag", "estimator", "effects", "sample", "cluster")
LEARNED_FROM = {LATER: "earlier years", ELSEWHERE: "other countries"}


@dataclass(frozen=True, slots=True)
class _Cell:
    """Complete rows of one way of counting entries, with codes; features (n, K)."""

    features: Floats
    event: Floats
    held: Ints
    train: NDArray[np.bool_]  # (T, T): which groups a rule for each held-out group is learned from
    stratum: Ints


def entry_grid(
    activity: pd.DataFrame,
    factors: pd.DataFrame,
    grid: Mapping[str, Any],
    *,
    years: Sequence[int],
) -> pd.DataFrame:
    """Area under the ROC curve, in per cent of pairs, of every forecast of the grid.

    Parameters
    ----------
    activity
        As for :func:`entries`.
    factors
        ``year, geo, country, is_capital`` and one column per feature but ``relatedness_density``.
        Rows with a gap in any feature are left out, so that all sets of features see the same.
    grid
        ``thresholds, lags, lasting, held out, effects, samples, clusters`` and ``controls: {any
        of: features}``: every set of one feature or more.
    years
        First and last starting year.

    Returns
    -------
    DataFrame
        ``CHOICES``, ``with_<feature>``, then ``estimate, std_error, ci_low, ci_high,
        p_value, n_obs, n_events, n_clusters, flag`` and ``effect, effect_low, effect_high``:
        points above the 50 of chance.
        What leaves no year to learn from (long lags with later years) or fewer than
        ``FEWEST_EVENTS`` entries is not listed.

    Raises
    ------
    CompendiumError
        If nothing can be forecast.
    """
    features = list(grid["controls"]["any of"])
    ways = product(grid["thresholds"], grid["lags"], grid["lasting"])
    parts = []
    for threshold, lag, lasting in ways:
        longer = lasting != "one year"
        found = entries(activity, threshold=threshold, lag=lag, lasting=longer)
        rows = found[found["entry"].notna() & found["year"].between(*years)]
        rows = rows.merge(factors, on=["year", "geo"]).dropna(subset=features)
        chosen = {"outcome": f"quotient above {threshold:g} for {lasting}", "lag": lag}
        for held_out, effects, sample in product(
            grid["held out"], grid["effects"], grid["samples"]
        ):
            kept = rows[~rows["is_capital"].astype(bool)] if sample == "no capitals" else rows
            label = " × ".join(effects) or "none"
            how = {"estimator": LEARNED_FROM[held_out], "effects": label, "sample": sample}
            cell = _cell(kept, features, effects, held_out, lag + longer)
            if cell is not None:
                areas = _areas(cell, kept, features, grid["clusters"])
                parts.append(areas.assign(**chosen, **how))
    if not parts:
        raise CompendiumError(
            "no forecast of the grid has years or countries to learn from and "
            f"{FEWEST_EVENTS} entries to tell"
        )
    table = pd.concat(parts, ignore_index=True)
    first = [*CHOICES, *(WITH + name for name in features)]
    return table[[*first, *(name for name in table.columns if name not in first)]]


def _cell(
    rows: pd.DataFrame, features: list[str], effects: Sequence[str], held_out: str, span: int
) -> _Cell | None:
    """The rows coded; None where no group can be held out."""
    column = "year" if held_out == LATER else "country"
    held, names = pd.factorize(rows[column], sort=True)
    if held_out == LATER:
        began = names.to_numpy(dtype=np.int64)
        train = began[None, :] + span <= began[:, None]
    else:
        train = ~np.eye(len(names), dtype=np.bool_)
    strata = np.zeros(len(rows), dtype=np.int64)
    if len(effects):
        strata = rows.groupby(list(effects), sort=True).ngroup().to_numpy(dtype=np.int64)
    if not train.any() or not len(rows):
        return None
    values = rows[features].to_numpy(dtype=np.float64)
    spread = values.std(axis=0)
    if (spread == 0).any():
        return None
    scaled = (values - values.mean(axis=0)) / spread
    return _Cell(scaled, rows["entry"].to_numpy(np.float64), held.astype(np.int64), train, strata)


def _areas(
    cell: _Cell, rows: pd.DataFrame, features: list[str], clusters: Sequence[str]
) -> pd.DataFrame:
    """A row per set of features and kind of cluster."""
    masks = feature_sets(len(features))
    scores, known = _held_out_scores(cell, masks)
    event, stratum = cell.event[known], cell.stratum[known]
    if min(event.sum(), len(event) - event.sum()) < FEWEST_EVENTS:
        return pd.DataFrame()
    geo, regions = pd.factorize(rows["geo"].to_numpy()[known])
    country = pd.factorize(rows["country"].to_numpy()[known])[0]
    of_country = np.zeros((int(country.max()) + 1, len(regions)))
    of_country[country, geo] = 1.0
    found = []
    for mask, score in zip(masks, scores[known].T, strict=True):
        chosen = {WITH + name: bool(held) for name, held in zip(features, mask, strict=True)}
        by_geo = pairs_by_cluster(event, score, geo.astype(np.int64), stratum)
        for cluster in clusters:
            won, compared = by_geo
            if cluster == "country":
                won, compared = of_country @ won, of_country @ compared
            if compared.sum() and len(compared) > 1:
                found.append({"cluster": cluster, **chosen, **_row(won, compared, event)})
    return pd.DataFrame(found)


def _row(won: Floats, compared: Floats, event: Floats) -> dict[str, Any]:
    """In per cent of pairs, and against the 50 of chance."""
    area = summary(won, compared, event)
    estimate, low, high = 100 * area.auc, 100 * area.ci_low, 100 * area.ci_high
    return {
        "estimate": estimate,
        "std_error": 100 * area.std_error,
        "ci_low": low,
        "ci_high": high,
        "p_value": area.p_value,
        "n_obs": area.n_obs,
        "n_events": area.n_events,
        "n_clusters": area.n_clusters,
        "flag": "",
        "effect": estimate - 50,
        "effect_low": low - 50,
        "effect_high": high - 50,
    }


def feature_sets(count: int) -> NDArray[np.bool_]:
    """(2^count - 1, count): every set of one feature or more, small ones first."""
    sizes = range(1, count + 1)
    chosen = [places for size in sizes for places in combinations(range(count), size)]
    masks = np.zeros((len(chosen), count), dtype=np.bool_)
    for mask, places in zip(masks, chosen, strict=True):
        mask[list(places)] = True
    return masks


def _held_out_scores(cell: _Cell, masks: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """Scores (n, S) of each row by the rules of its held-out group; which rows (n,) have one."""
    columns = np.column_stack([cell.features, cell.event])
    n_groups, n_strata = len(cell.train), int(cell.stratum.max()) + 1
    groups = [np.flatnonzero(cell.held == group) for group in range(n_groups)]
    products = np.stack([columns[rows].T @ columns[rows] for rows in groups])
    sums = np.zeros((n_groups, n_strata, columns.shape[1]))
    counts = np.zeros((n_groups, n_strata))
    np.add.at(sums, (cell.held, cell.stratum), columns)
    np.add.at(counts, (cell.held, cell.stratum), 1.0)
    learned = cell.train.astype(np.float64)
    n, s = np.tensordot(learned, counts, 1), np.tensordot(learned, sums, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.nan_to_num(s / n[:, :, None])
    within = np.tensordot(learned, products, 1) - np.einsum("tsi,tsj->tij", means, s)
    slopes = _slopes(within, masks)
    scores, known = np.zeros((len(columns), len(masks))), np.zeros(len(columns), dtype=np.bool_)
    for group, rows in enumerate(groups):
        if cell.train[group].any() and np.isfinite(slopes[group]).all():
            # No intercept: one learned without a country is low where the country has many
            # entries, and would rank its rows below others (Airola et al. 2011, Computational
            # Statistics and Data Analysis 55:1828-1844). Features are centred over all rows.
            scores[rows] = cell.features[rows] @ slopes[group].T
            known[rows] = True
    return scores, known


def _slopes(within: Floats, masks: NDArray[np.bool_]) -> Floats:
    """(T, S, K) least-squares slopes of each training set and set of features, 0 where not in."""
    size = masks.shape[1]
    inside = masks[:, :, None] & masks[:, None, :]
    matrices = within[:, None, :size, :size] * inside + np.eye(size) * ~masks[:, None, :]
    targets = within[:, None, :size, size] * masks
    ranks = np.linalg.matrix_rank(matrices)
    solvable = ranks == size
    matrices = np.where(solvable[:, :, None, None], matrices, np.eye(size))
    slopes = np.linalg.solve(matrices, targets[..., None])[..., 0]
    return np.asarray(np.where(solvable[:, :, None], slopes, np.nan), dtype=np.float64)
