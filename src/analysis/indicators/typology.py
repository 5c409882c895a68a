"""Types of regions: Ward clustering of standardised structure, its sharpness and its stability."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist, squareform

from analysis.indicators.concentration import IndicatorError

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Typology:
    """Types of units.

    ``labels`` by unit, 1 for the largest type; ``profiles`` the types' means of the features in
    their own units; ``sizes`` units per type; ``silhouettes`` the mean silhouette width of each
    number of types tried; ``stability`` each type's mean bootstrap Jaccard similarity: below 0.6
    a type should not be trusted, from 0.75 on it is stable (Hennig 2007).
    """

    labels: pd.Series
    profiles: pd.DataFrame
    sizes: pd.Series
    silhouettes: pd.Series
    stability: pd.Series


def typology(
    features: pd.DataFrame,
    *,
    types: int | None = None,
    candidates: tuple[int, int] = (2, 8),
    draws: int = 100,
    seed: int,
) -> Typology:
    """Group units (rows) by their features (columns, standardised to mean 0 and variance 1).

    Hierarchical clustering with Ward's (1963) criterion on Euclidean distances.

    Parameters
    ----------
    types
        Number of types; by default the one of ``candidates`` (first, last) with the largest mean
        silhouette width (Rousseeuw 1987), the smaller number in a tie.
    draws, seed
        Bootstrap samples for the stability, and their seed.

    Raises
    ------
    IndicatorError
        If a value is missing, a feature is constant, or there are too few distinct units.
    """
    ordered = features.sort_index().sort_index(axis=1)
    _check_features(ordered, max(candidates[1], types or 0))
    points = _standardise(ordered)
    tried = range(candidates[0], candidates[1] + 1)
    widths = pd.Series(
        {count: silhouette(points, _ward(points, count)) for count in tried}, name="silhouette"
    ).rename_axis("types")
    chosen = types if types is not None else int(widths.idxmax())
    codes = _by_size(_ward(points, chosen))
    labels = pd.Series(codes, index=ordered.index, name="type")
    return Typology(
        labels=labels.reindex(features.index),
        profiles=ordered.groupby(labels).mean()[list(features.columns)],
        sizes=labels.value_counts().sort_index().rename("size"),
        silhouettes=widths,
        stability=cluster_stability(points, codes, draws=draws, seed=seed),
    )


def silhouette(points: Floats, labels: Labels) -> float:
    """Mean silhouette width of ``labels`` (n,) for ``points`` (n, p) (Rousseeuw 1987).

    A unit's width is ``(b - a) / max(a, b)``, with ``a`` its mean distance to its own cluster and
    ``b`` that to the nearest other one; zero for a cluster of one.
    """
    codes = np.unique(labels, return_inverse=True)[1]
    members = (codes[:, None] == np.arange(codes.max() + 1)).astype(float)
    sizes = members.sum(axis=0)
    if len(sizes) < 2:
        return float("nan")
    sums = squareform(pdist(points)) @ members
    rows = np.arange(len(codes))
    own = sums[rows, codes] / np.maximum(sizes[codes] - 1, 1)
    means = sums / sizes
    means[rows, codes] = np.inf
    nearest = means.min(axis=1)
    larger = np.maximum(own, nearest)
    widths = np.where(
        (sizes[codes] > 1) & (larger > 0), (nearest - own) / np.where(larger > 0, larger, 1), 0
    )
    return float(widths.mean())


def cluster_stability(points: Floats, labels: Labels, *, draws: int, seed: int) -> pd.Series:
    """Mean Jaccard similarity of each cluster to its best match in bootstrap clusterings.

    Units are resampled with replacement and clustered again by the same method into the same number
    of clusters; similarity counts distinct units drawn (Hennig 2007, section 3). A cluster none of
    whose units is drawn is left out of that draw.

    Parameters
    ----------
    points, labels
        Shape (n, p) standardised and (n,) with labels 1, 2, ...
    """
    random = np.random.default_rng(np.random.SeedSequence(seed))
    names = np.unique(labels)
    similarity = np.full((draws, len(names)), np.nan)
    for draw in range(draws):
        drawn = np.sort(random.integers(0, len(points), len(points)))
        found = _ward(points[drawn], len(names))
        units, first = np.unique(drawn, return_index=True)
        found = found[first]
        for column, name in enumerate(names):
            original = labels[units] == name
            if original.any():
                similarity[draw, column] = max(
                    _jaccard(original, found == other) for other in np.unique(found)
                )
    return pd.Series(np.nanmean(similarity, axis=0), index=names, name="jaccard").rename_axis(
        "type"
    )


def _ward(points: Floats, count: int) -> Labels:
    return fcluster(linkage(points, method="ward"), count, criterion="maxclust").astype(np.int64)


def _by_size(labels: Labels) -> Labels:
    """Labels 1, 2, ... from the largest cluster down; the earlier first member wins a tie."""
    names, first, sizes = np.unique(labels, return_index=True, return_counts=True)
    rank = np.empty(len(names), dtype=np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(1, len(names) + 1)
    return rank[np.searchsorted(names, labels)]


def _standardise(features: pd.DataFrame) -> Floats:
    values = features.to_numpy(dtype=float)
    return (values - values.mean(axis=0)) / values.std(axis=0)


def _jaccard(left: NDArray[np.bool_], right: NDArray[np.bool_]) -> float:
    return float((left & right).sum() / (left | right).sum())


def _check_features(features: pd.DataFrame, count: int) -> None:
    if not features.index.is_unique:
        raise IndicatorError("typology: one row per unit is needed")
    missing = features.isna().any(axis=1)
    if missing.any():
        raise IndicatorError(
            f"typology: {int(missing.sum())} of {len(features)} units have a missing feature, "
            f"such as {features.index[missing][0]}; leave them out first"
        )
    constant = [name for name in features.columns if features[name].nunique() < 2]
    if constant:
        raise IndicatorError(f"typology: the features {constant} do not vary")
    if len(features.drop_duplicates()) <= count:
        raise IndicatorError(
            f"typology: {len(features)} units are too few for {count} types; ask for fewer"
        )
