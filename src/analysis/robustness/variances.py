"""Variances of the focus coefficients, under the convention of :mod:`analysis.models`."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.models import ModelError
from analysis.robustness import kernels
from analysis.robustness.batch import Designs
from analysis.robustness.fits import Fits
from analysis.robustness.moments import Floats, Ints, Moments, Rows

VCOVS = ("cluster", "conley", "hc0", "hc1", "classical")
CLUSTERS_AT_ONCE = 1024
MOST_PAIRS = 600
CANCELLED = 1e-6
IDENTITY = np.empty((0, 0))


@dataclass(frozen=True, eq=False, slots=True)
class Errors:
    """Which covariance: ``vcov`` is one of ``VCOVS``; ``kernel`` (G, G) for "conley" only."""

    vcov: str
    kernel: Floats | None = None


def check_errors(moments: Moments, errors: Errors) -> None:
    """`ModelError` unless the moments serve this covariance."""
    vcov, kernel = errors.vcov, errors.kernel
    if vcov not in VCOVS:
        raise ModelError(f"vcov: {vcov!r} is not one of {', '.join(VCOVS)}")
    if vcov in ("cluster", "conley"):
        moments.require("errors only", f"vcov={vcov!r}")
    if vcov in ("hc0", "hc1") and moments.rows is None:
        raise ModelError(f"vcov={vcov!r} needs the rows, which these moments did not keep")
    if (vcov == "conley") != (kernel is not None):
        raise ModelError("vcov='conley' needs a kernel, and the others take none")
    size = (len(moments.clusters),) * 2
    if kernel is not None and (kernel.shape != size or not np.allclose(kernel, kernel.T)):
        raise ModelError(f"kernel: expected a symmetric matrix {size}, got {kernel.shape}")


def cluster_count(moments: Moments, errors: Errors) -> int | None:
    """G of the t distribution: the smaller of two; None when errors are not clustered."""
    if errors.vcov not in ("cluster", "conley"):
        return None
    second = _second_clusters(moments) if errors.vcov == "cluster" else None
    count = len(moments.clusters)
    return count if second is None else min(count, int(second.max()) + 1)


def parameter_factor(errors: Errors, n_obs: int, remaining: Ints) -> Floats:
    """(S,) the part of the small-sample factor that depends on K = n - ``remaining``."""
    numerators = {"cluster": n_obs - 1, "conley": n_obs - 1, "hc1": n_obs, "classical": 1}
    if errors.vcov == "hc0":
        return np.ones(len(remaining))
    return numerators[errors.vcov] / np.where(remaining > 0, remaining, np.nan)


def variances_from_moments(
    moments: Moments, designs: Designs, fits: Fits, errors: Errors
) -> Floats:
    """(S,) in the scaled units of ``fits``, without :func:`parameter_factor`."""
    if errors.vcov == "classical":
        return fits.bread[designs.of_specification] * fits.residual_squares
    one_way = errors.vcov == "cluster" and _second_clusters(moments) is None
    if one_way or errors.vcov == "conley":
        return _few_clusters_factor(moments) * _by_clusters(moments, designs, fits, errors.kernel)
    assert moments.rows is not None
    variances = np.zeros(len(designs.order))
    for factor, groups in _groupings(moments.rows, errors.vcov):
        variances += factor * _by_rows(moments.rows, designs, fits, groups)
    return variances


def variances_from_scores(moments: Moments, scores: Floats, errors: Errors) -> Floats:
    """As :func:`variances_from_moments`, from the scores (n, m) of every row; not classical."""
    rows = moments.rows
    assert rows is not None
    if errors.kernel is not None:
        sums = _sums_by(rows.clusters, scores)
        return _few_clusters_factor(moments) * (sums * (errors.kernel @ sums)).sum(axis=0)
    variances = np.zeros(scores.shape[1])
    for factor, groups in _groupings(rows, errors.vcov):
        variances += factor * (_sums_by(groups, scores) ** 2).sum(axis=0)
    return variances


def _by_clusters(moments: Moments, designs: Designs, fits: Fits, kernel: Floats | None) -> Floats:
    """Squares of the scores by cluster, or their quadratic form in the kernel."""
    if kernel is not None:
        return _from_scores(moments, designs, fits, np.ascontiguousarray(kernel, dtype=np.float64))
    if not _pairs_pay(moments, designs):
        return _from_scores(moments, designs, fits, IDENTITY)
    n_columns = len(moments.columns)
    n_pairs = n_columns * (n_columns + 1) // 2
    products = np.zeros((n_pairs, n_pairs))
    for tile in _tiles(moments, fits, CLUSTERS_AT_ONCE):
        kernels.add_pair_products(tile, products)
    sums, sizes = np.zeros(len(designs.order)), np.zeros(len(designs.order))
    kernels.pair_variances(products, n_columns, *_arguments(designs, fits), sums, sizes)
    # Not "sums < ...": a number that is not one must be looked at again, too.
    if not (sums >= CANCELLED * sizes).all():
        doubtful = ~(sums >= CANCELLED * sizes)
        sums[doubtful] = _from_scores(moments, designs, fits, IDENTITY)[doubtful]
    return sums


def _pairs_pay(moments: Moments, designs: Designs) -> bool:
    """Whether products of pairs of moments cost less than the scores they replace.

    Multiplications per cluster: half the square of the number of pairs to prepare, against the
    scores of all specifications.
    """
    n_columns = len(moments.columns)
    n_pairs = n_columns * (n_columns + 1) // 2
    width = designs.n_instruments
    direct = (width * (designs.n_regressors + np.diff(designs.first))).sum()
    return n_pairs <= MOST_PAIRS and n_pairs**2 / 2 < direct


def _from_scores(moments: Moments, designs: Designs, fits: Fits, kernel: Floats) -> Floats:
    sums = np.zeros(len(designs.order))
    # A kernel needs the scores of all clusters at once.
    width = CLUSTERS_AT_ONCE if kernel is IDENTITY else max(len(moments.clusters), 1)
    for tile in _tiles(moments, fits, width):
        kernels.add_cluster_variances(tile, kernel, *_arguments(designs, fits), sums)
    return sums


def _tiles(moments: Moments, fits: Fits, width: int) -> Iterator[Floats]:
    """Blocks (K, K, width) of so many clusters at a time, scaled; they fit in the cache."""
    scaling = (1 / np.outer(fits.scale, fits.scale))[:, :, None]
    for start in range(0, len(moments.clusters), width):
        tile = moments.blocks[start : start + width].transpose(1, 2, 0) * scaling
        yield np.ascontiguousarray(tile)


def _by_rows(rows: Rows, designs: Designs, fits: Fits, groups: Ints) -> Floats:
    """Squares of the scores of the rows added up by ``groups`` (n,)."""
    sums = np.zeros(len(designs.order))
    values = np.ascontiguousarray((rows.values / fits.scale).T)
    kernels.add_row_variances(values, rows.weights, groups, *_arguments(designs, fits), sums)
    return sums


def _arguments(designs: Designs, fits: Fits) -> tuple[Ints | Floats, ...]:
    return (
        designs.regressors,
        designs.n_regressors,
        designs.instruments,
        designs.n_instruments,
        designs.first,
        designs.outcomes,
        fits.coefficients,
        fits.weights,
    )


def _groupings(rows: Rows, vcov: str) -> list[tuple[float, Ints]]:
    """Groups of rows whose scores add up before squaring, and the signed factor of each.

    With two cluster columns: first plus second minus intersection (Cameron, Gelbach and Miller
    2011), each with the G / (G - 1) of its own.
    """
    if vcov in ("hc0", "hc1"):
        return [(1.0, np.arange(len(rows.weights)))]
    groupings = [(1, rows.clusters)]
    if rows.second_clusters is not None:
        pairs = rows.clusters * (rows.second_clusters.max() + 1) + rows.second_clusters
        both = np.unique(pairs, return_inverse=True)[1]
        groupings += [(1, rows.second_clusters), (-1, both)]
    counts = [int(groups.max()) + 1 for _, groups in groupings]
    return [
        (sign * count / max(count - 1, 1), groups)
        for (sign, groups), count in zip(groupings, counts, strict=True)
    ]


def _few_clusters_factor(moments: Moments) -> float:
    count = len(moments.clusters)
    return count / max(count - 1, 1)


def _second_clusters(moments: Moments) -> Ints | None:
    return None if moments.rows is None else moments.rows.second_clusters


def _sums_by(groups: Ints, scores: Floats) -> Floats:
    return np.column_stack([np.bincount(groups, column) for column in scores.T])
