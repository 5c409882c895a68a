"""Are there types at all? The silhouette against clouds of points that have none."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.indicators.typology import _standardise, _ward, silhouette


def structureless_silhouettes(
    features: pd.DataFrame, *, candidates: tuple[int, int], draws: int = 99, seed: int
) -> NDArray[np.float64]:
    """Best mean silhouette that Ward clustering finds where there is nothing but correlation.

    Each draw is a multivariate normal sample with the size and the correlations of ``features``: a
    single cloud. The largest mean silhouette over the ``candidates`` (first, last) numbers of types
    is kept, as when the number of types is chosen by it (parametric bootstrap against a unimodal
    reference; compare Tibshirani, Walther and Hastie 2001).

    Returns
    -------
    Array of shape (draws,), in the order drawn.
    """
    random = np.random.default_rng(np.random.SeedSequence([seed, *b"structureless"]))
    correlation = np.corrcoef(_standardise(features.sort_index().sort_index(axis=1)).T)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    best = np.empty(draws)
    for draw in range(draws):
        points = _standardise(
            pd.DataFrame(random.standard_normal((len(features), len(root))) @ root.T)
        )
        best[draw] = max(
            silhouette(points, _ward(points, count))
            for count in range(candidates[0], candidates[1] + 1)
        )
    return best
