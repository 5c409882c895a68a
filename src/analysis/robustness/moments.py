"""Cross-moments by cluster: all that a least-squares specification needs to know of the rows.

With the columns Z (regressors, controls, instruments and outcomes together) and weights W, the
block of cluster g is ``M_g = Z_g' W_g Z_g``. The sum of the blocks gives the coefficients of any
regression of one column on others; the blocks themselves give its scores by cluster,
``s_g = a' M_g c``, and so its clustered errors, its wild bootstrap and its jackknife.

Which effects may leave the rows
--------------------------------
Effects nested in the clusters (regions, when clustering by region or country) are absorbed from the
rows, because removing one cluster does not touch the means of another. Effects that cross clusters
(years) stay among the columns as dummies: removing or reweighting a cluster moves them. They may be
partialled out of the moments at the end, by :func:`without_dummies`, when nothing but coefficients
and errors is wanted. All columns are centred on their mean first, which the effects (or the
intercept) undo, so that squares of large means do not eat the digits of the moments.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from analysis.models import ModelError
from analysis.models.absorption import absorb as absorb_effects
from analysis.models.absorption import count_effects
from analysis.models.row_order import consecutive
from analysis.robustness.threads import one_blas_thread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Use = Literal["everything", "errors only", "coefficients only"]

INTERCEPT = "Intercept"
MOST_DUMMIES = 100
NO_VARIATION = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """The rows behind the moments, sorted by cluster; for errors that blocks cannot give.

    ``values`` (n, K) are the columns of the moments after centring and absorption, ``weights``
    (n,), ``clusters`` (n,) positions in ``Moments.clusters``, ``second_clusters`` (n,) codes of
    the second cluster column if one was named, ``positions`` (n,) the place of each row in the
    frame.
    """

    values: Floats
    weights: Floats
    clusters: Ints
    second_clusters: Ints | None
    positions: Ints


@dataclass(frozen=True, eq=False, kw_only=True)
class Moments:
    """Cross-moments of K columns in G clusters.

    Attributes
    ----------
    columns
        K names: the columns asked for, then the dummies (or intercept) that stay inside.
    n_dummies
        How many of the last columns are dummies: part of every specification, of full rank.
    clusters
        (G,) labels, sorted. One cluster holding every row when none was named.
    blocks
        (G, K, K): ``Z_g' W_g Z_g`` of the centred columns, after absorbing nested effects.
    n_rows
        (G,) rows of each cluster.
    n_absorbed
        Parameters absorbed already, counted in K of the convention of :mod:`analysis.models`.
    n_parameters
        Property: parameters of a regression on dummies and absorbed effects only.
    total_squares
        (K,) weighted sum of squares of each column about its mean, before anything is absorbed.
    squares
        (K,) sum of squares the moments were computed from: rounding is relative to it.
    absorbed
        Names of the effects, absorbed or inside as dummies.
    blocks_for
        ``"everything"``; ``"errors only"`` when effects that cross clusters were absorbed, so that
        bootstrap and jackknife would be wrong; ``"coefficients only"`` without clusters.
    rows
        The rows, unless they were streamed.
    """

    columns: tuple[str, ...]
    n_dummies: int
    clusters: tuple[Any, ...]
    blocks: Floats
    n_rows: Ints
    n_absorbed: int
    total_squares: Floats
    squares: Floats
    absorbed: tuple[str, ...]
    blocks_for: Use
    rows: Rows | None = None

    @cached_property
    def total(self) -> Floats:
        """(K, K) moments of all rows."""
        return self.blocks.sum(axis=0)

    @property
    def n_obs(self) -> int:
        """Number of rows."""
        return int(self.n_rows.sum())

    @property
    def n_parameters(self) -> int:
        """Parameters spent before the first regressor: absorbed effects and dummies."""
        return self.n_absorbed + self.n_dummies

    @property
    def candidates(self) -> tuple[str, ...]:
        """The columns without the dummies."""
        return self.columns[: len(self.columns) - self.n_dummies]

    @property
    def dummies(self) -> Ints:
        """Positions of the dummies."""
        return np.arange(len(self.columns) - self.n_dummies, len(self.columns))

    def index(self, names: str | Sequence[str]) -> Ints:
        """Positions of ``names`` among the columns; `ModelError` lists them if one is not there."""
        asked = [names] if isinstance(names, str) else list(names)
        places = {name: place for place, name in enumerate(self.columns)}
        for name in asked:
            if name not in places:
                near = get_close_matches(name, self.columns, n=3)
                hint = f"did you mean {', '.join(near)}? " if near else ""
                raise ModelError(
                    f"the moments have no column {name!r}; {hint}They have: "
                    f"{', '.join(self.candidates)}"
                )
        return np.array([places[name] for name in asked], dtype=np.int64)

    def require(self, use: Use, purpose: str) -> None:
        """`ModelError` unless the blocks serve ``use`` ("everything" or "errors only")."""
        if self.blocks_for == "coefficients only" or (
            use == "everything" and self.blocks_for != "everything"
        ):
            raise ModelError(
                f"{purpose} needs moments by cluster that keep effects crossing the clusters as "
                f"dummies inside; these are for {self.blocks_for}. Name a cluster, and effects "
                f"nested in it or with at most {MOST_DUMMIES} levels"
            )


@one_blas_thread
def moments_of(
    frame: pd.DataFrame,
    columns: Sequence[str],
    *,
    cluster: str | None,
    absorb: Sequence[str] = (),
    weights: str | None = None,
    second_cluster: str | None = None,
    keep_rows: bool = True,
) -> Moments:
    """Moments of ``columns`` in one pass over the rows of ``frame``.

    The caller chooses the rows: a missing value anywhere is an error. Effects nested in ``cluster``
    are absorbed; the others become dummies inside if they have at most ``MOST_DUMMIES`` levels
    together, and are otherwise absorbed too, which leaves the moments good for coefficients and
    errors only. Without any effect an intercept stays inside.

    Raises
    ------
    ModelError
        If a column is absent, not numeric, missing or infinite somewhere, a weight is not
        positive, there are no rows, or more than two effects.
    """
    if len(absorb) > 2:
        raise ModelError(f"absorb: at most 2 columns, got {len(absorb)}: {', '.join(absorb)}")
    named = [*absorb, *_named(cluster), *_named(second_cluster)]
    _check_frame(frame, columns, named, weights)
    labels, codes = _cluster_codes(frame, cluster)
    effects, levels = _codes(frame, absorb)
    raw = np.column_stack([frame[name].to_numpy(dtype=np.float64) for name in columns])
    order = _order(codes, effects, raw)
    raw, codes, effects = raw[order], codes[order], effects[order]
    weight = frame[weights].to_numpy(dtype=np.float64)[order] if weights else np.ones(len(frame))
    inside = _effects_inside(effects, codes)
    dummies, names = _dummies(effects, inside, absorb, levels)
    centred = raw - np.average(raw, axis=0, weights=weight)
    values = np.column_stack([centred, dummies])
    total_squares = weight @ values**2
    scale = np.concatenate([weight @ raw**2, weight @ dummies**2])
    values = _absorbed(values, effects[:, ~inside], weight, scale)
    starts = np.searchsorted(codes, np.arange(len(labels) + 1))
    blocks = cluster_blocks(values, weight, starts)
    second = _codes(frame, [second_cluster])[0][order, 0] if second_cluster else None
    return Moments(
        columns=(*columns, *names),
        n_dummies=len(names),
        clusters=labels,
        blocks=blocks,
        n_rows=np.diff(starts),
        n_absorbed=count_effects(effects[:, ~inside]),
        total_squares=total_squares,
        squares=np.diagonal(blocks.sum(axis=0)).copy(),
        absorbed=tuple(absorb),
        blocks_for=_use(cluster, effects[:, ~inside], codes),
        rows=Rows(values, weight, codes, second, order) if keep_rows else None,
    )


def without_dummies(moments: Moments) -> Moments:
    """The same moments with the dummies partialled out of the other columns, over all clusters.

    Coefficients and cluster scores of any regression with the dummies are unchanged (Frisch,
    Waugh and Lovell): ``P' M_g P`` with ``P`` the identity above minus the coefficients of the
    columns on the dummies. Bootstrap and jackknife, which change the dummies' coefficients, need
    the original.
    """
    k = len(moments.candidates)
    if not moments.n_dummies:
        return moments
    total = moments.total
    slopes = linalg.solve(total[k:, k:], total[k:, :k], assume_a="pos")
    blocks = partial_out(moments.blocks, slopes)
    rows = moments.rows
    if rows is not None:
        rows = replace(rows, values=rows.values[:, :k] - rows.values[:, k:] @ slopes)
    use: Use = "errors only" if moments.blocks_for == "everything" else moments.blocks_for
    return replace(
        moments,
        columns=moments.candidates,
        n_dummies=0,
        blocks=blocks,
        n_absorbed=moments.n_parameters,
        total_squares=moments.total_squares[:k],
        squares=moments.squares[:k],
        blocks_for=use,
        rows=rows,
    )


@njit(cache=True)
def cluster_blocks(values: Floats, weights: Floats, starts: Ints) -> Floats:
    """(G, K, K) moments of ``values`` (n, K), where cluster g has rows starts[g]:starts[g + 1].

    Rows are summed in their order, so that the bytes depend on nothing else.
    """
    n_clusters, k = len(starts) - 1, values.shape[1]
    blocks = np.zeros((n_clusters, k, k))
    for g in range(n_clusters):
        block = blocks[g]
        for row in range(starts[g], starts[g + 1]):
            for i in range(k):
                scaled = weights[row] * values[row, i]
                # The whole row, though the block is symmetric: the loop then vectorises.
                for j in range(k):
                    block[i, j] += scaled * values[row, j]
        for i in range(k):
            for j in range(i):
                block[i, j] = block[j, i]
    return blocks


@njit(cache=True)
def partial_out(blocks: Floats, slopes: Floats) -> Floats:
    """(G, k, k) moments of the first k columns less ``slopes`` (K - k, k) times the others."""
    n_dummies, k = slopes.shape
    result = np.empty((len(blocks), k, k))
    for g in range(len(blocks)):
        result[g] = blocks[g, :k, :k]
        half = blocks[g, k:, :k].copy()
        for i in range(n_dummies):
            for m in range(n_dummies):
                scaled = 0.5 * blocks[g, k + i, k + m]
                for j in range(k):
                    half[i, j] -= scaled * slopes[m, j]
        for m in range(n_dummies):
            for i in range(k):
                for j in range(k):
                    result[g, i, j] -= slopes[m, i] * half[m, j] + half[m, i] * slopes[m, j]
    return result


def _absorbed(values: Floats, effects: Ints, weights: Floats, scale: Floats) -> Floats:
    """Effects taken out; a column of which nothing but rounding is left becomes exactly zero."""
    within = absorb_effects(values, effects, weights)
    constant = weights @ within**2 <= NO_VARIATION**2 * scale
    return np.ascontiguousarray(np.where(constant, 0.0, within))


def _effects_inside(effects: Ints, clusters: Ints) -> NDArray[np.bool_]:
    """Which effects stay inside as dummies: those not nested in the clusters, if they are few."""
    crossing = np.array([not is_nested(codes, clusters) for codes in effects.T], dtype=bool)
    levels = sum(int(codes.max()) + 1 for codes in effects.T[crossing])
    return crossing if levels <= MOST_DUMMIES else np.zeros(len(crossing), dtype=bool)


def _use(cluster: str | None, absorbed: Ints, clusters: Ints) -> Use:
    if cluster is None:
        return "coefficients only"
    return (
        "everything" if all(is_nested(codes, clusters) for codes in absorbed.T) else "errors only"
    )


def is_nested(effect: NDArray[np.integer], clusters: NDArray[np.integer]) -> bool:
    """Whether every level of the effect lies in one cluster."""
    of_level = np.zeros(int(effect.max()) + 1, dtype=np.int64)
    of_level[effect] = clusters
    return bool((of_level[effect] == clusters).all())


def _dummies(
    effects: Ints, inside: NDArray[np.bool_], absorb: Sequence[str], labels: Sequence[Any]
) -> tuple[Floats, tuple[str, ...]]:
    """Dummies of full rank beside the absorbed effects; an intercept when there is no effect."""
    n = len(effects)
    if not effects.shape[1]:
        return np.ones((n, 1)), (INTERCEPT,)
    parts: list[Floats] = []
    names: list[str] = []
    before = list(effects.T[~inside])
    for place in np.flatnonzero(inside):
        codes = effects[:, place]
        kept = levels_kept(codes, before)
        parts.append((codes[:, None] == kept).astype(np.float64))
        names += [f"{absorb[int(place)]}[{labels[int(place)][level]}]" for level in kept]
        before.append(codes)
    return (np.column_stack(parts) if parts else np.empty((n, 0))), tuple(names)


def levels_kept(codes: Ints, before: list[Ints]) -> Ints:
    """Levels whose dummies are not spanned by those of the (at most one) effect before.

    One level is redundant in each connected component of the two effects (Abowd, Creecy and
    Kramarz 2002); the first is left out.
    """
    n_levels = int(codes.max()) + 1
    if not before:
        return np.arange(n_levels)
    edges = (np.ones(len(codes)), (codes, n_levels + before[0]))
    size = n_levels + int(before[0].max()) + 1
    component = connected_components(coo_array(edges, shape=(size, size)), directed=False)[1]
    first = np.unique(component[:n_levels], return_index=True)[1]
    return np.setdiff1d(np.arange(n_levels), first)


def _order(clusters: Ints, effects: Ints, values: Floats) -> Ints:
    """Rows by cluster, effects and, where these tie, values: sums do not see the frame's order."""
    keys = [clusters, *effects.T]
    order = np.lexsort(keys[::-1])
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for key in keys:
        same &= np.diff(key[order]) == 0
    return np.lexsort([*keys, *values.T][::-1]) if same.any() else order


def _cluster_codes(frame: pd.DataFrame, cluster: str | None) -> tuple[tuple[Any, ...], Ints]:
    if cluster is None:
        return ("all",), np.zeros(len(frame), dtype=np.int64)
    codes, labels = _factorised(frame[cluster])
    return tuple(labels.tolist()), codes


def _codes(frame: pd.DataFrame, names: Sequence[str]) -> tuple[Ints, list[Any]]:
    codes, labels = np.empty((len(frame), len(names)), dtype=np.int64), []
    for place, name in enumerate(names):
        codes[:, place], levels = _factorised(frame[name])
        labels.append(levels)
    return codes, labels


def _factorised(column: pd.Series) -> tuple[Ints, Any]:
    """Codes and sorted levels; of a sorted categorical without looking at its texts."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy().astype(np.int64)
        present = np.flatnonzero(np.bincount(codes, minlength=len(column.cat.categories)))
        return consecutive(codes), column.cat.categories.to_numpy()[present]
    codes, levels = pd.factorize(column.to_numpy(), sort=True)
    return codes.astype(np.int64), levels


def _check_frame(
    frame: pd.DataFrame, columns: Sequence[str], groups: Sequence[str], weights: str | None
) -> None:
    repeated = sorted({name for name in columns if list(columns).count(name) > 1})
    if repeated or not columns:
        raise ModelError(f"moments need columns, each once; repeated: {repeated}")
    _check_present(frame, [*columns, *groups, *_named(weights)])
    for name in groups:
        if frame[name].isna().any():
            raise ModelError(f"column {name!r} has {int(frame[name].isna().sum())} missing values")
    for name in [*columns, *_named(weights)]:
        _check_numbers(frame[name], name)
    if weights and (frame[weights] <= 0).any():
        count = int((frame[weights] <= 0).sum())
        raise ModelError(f"weights {weights!r}: {count} values are zero or negative")


def _check_present(frame: pd.DataFrame, names: Sequence[str]) -> None:
    if not len(frame):
        raise ModelError("moments need at least one row; the frame is empty")
    for name in names:
        if name not in frame.columns:
            near = get_close_matches(name, [str(column) for column in frame.columns], n=3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise ModelError(f"the frame has no column {name!r}{hint}")


def _check_numbers(column: pd.Series, name: str) -> None:
    if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
        raise ModelError(f"column {name!r} is {column.dtype}, expected numbers")
    bad = int((~np.isfinite(column.to_numpy(dtype=np.float64, na_value=np.nan))).sum())
    if bad:
        raise ModelError(
            f"column {name!r} has {bad} missing or infinite values; moments need complete rows, "
            "so leave these rows out first"
        )


def _named(*names: str | None) -> list[str]:
    return [name for name in names if name]
