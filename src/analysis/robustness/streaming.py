"""Moments of tables larger than memory: one pass over the columns of Parquet files.

The key columns (cluster and effects) are read first, whole, as codes of four bytes a row. The other
columns are then read once, in batches, in whatever order the rows are. Sums are kept by cluster,
and by level of the absorbed effect, whose means are taken out of the sums at the end:
``sum w z z' - (sum w z)(sum w z)' / sum w``. To keep the digits that this difference would lose,
every level is measured from its first row.

Memory is that of the moments, 8 G K² bytes with the dummies counted in K, plus 16 K bytes for each
level absorbed, 4 bytes a row for each key, and a batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numba import njit, prange
from numpy.typing import NDArray

from analysis.models import ModelError
from analysis.robustness.moments import (
    INTERCEPT,
    MOST_DUMMIES,
    NO_VARIATION,
    Floats,
    Ints,
    Moments,
    is_nested,
    levels_kept,
)

Codes = NDArray[np.int32]

BATCH_ROWS = 1 << 17


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Keys:
    """Who every row belongs to.

    ``clusters`` (n,) and their sorted ``labels``; ``units`` (n,) levels of the absorbed effect (all
    zero without one) and how many; ``dummies`` (n,) which dummy is one in the row, -1 for the
    level left out, and their ``names``; ``n_absorbed`` parameters.
    """

    clusters: Codes
    labels: tuple[Any, ...]
    units: Codes
    n_units: int
    dummies: Codes
    names: tuple[str, ...]
    n_absorbed: int


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Sums:
    """Sums over the rows read so far; k columns, K with dummies, U absorbed levels.

    ``blocks`` (G, K, K) hold, of the symmetric moments measured from ``origins`` (U, k), the
    columns' block and the rows of the dummies; ``unit_sums`` (U, K) and ``unit_weights`` (U,).
    ``seen`` (U,) says whether a level has its origin. ``centre`` (k,) is near the mean of each
    column, and ``moments_about_centre`` (3, k) are weight, sum and sum of squares about it;
    ``raw_squares`` (k,) about zero.
    """

    blocks: Floats
    origins: Floats
    seen: NDArray[np.bool_]
    unit_sums: Floats
    unit_weights: Floats
    centre: Floats
    moments_about_centre: Floats
    raw_squares: Floats


def moments_of_parquet(
    paths: Sequence[Path],
    columns: Sequence[str],
    *,
    cluster: str,
    absorb: Sequence[str] = (),
    weights: str | None = None,
) -> Moments:
    """The moments of :func:`analysis.robustness.moments.moments_of`, without holding the rows.

    At most one effect nested in ``cluster`` (absorbed exactly) and one crossing it, with at most
    ``MOST_DUMMIES`` levels (dummies inside). Sums follow the order of the rows: another order
    changes the last digits (relative 1e-12), not more.

    Raises
    ------
    ModelError
        If a column is absent, not numeric, missing or infinite somewhere, a weight is not
        positive, there are no rows, or the effects are more than the above.
    """
    _check_schemas(paths, columns, [cluster, *absorb], [weights] if weights else [])
    keys = _keys(paths, cluster, absorb)
    sums = _empty_sums(keys, len(columns))
    start = 0
    for path, batch in _batches(paths, [*columns, *([weights] if weights else [])]):
        values, weight = _arrays(batch, columns, weights, path)
        if start == 0:
            sums.centre[:] = np.average(values, axis=0, weights=weight)
            if not keys.n_absorbed:
                sums.origins[0], sums.seen[0] = sums.centre, True
        _add(sums, keys, values, weight, start)
        start += len(values)
    return _moments(sums, keys, tuple(columns), tuple(absorb))


def _keys(paths: Sequence[Path], cluster: str, absorb: Sequence[str]) -> Keys:
    clusters, labels = _codes(paths, cluster)
    coded = {
        name: (clusters, labels) if name == cluster else _codes(paths, name) for name in absorb
    }
    crossing = [name for name in absorb if not is_nested(coded[name][0], clusters)]
    nested = [name for name in absorb if name not in crossing]
    if len(nested) > 1 or len(crossing) > 1:
        raise ModelError(
            f"moments of Parquet files take one effect nested in {cluster!r} and one crossing it; "
            f"nested here: {nested}, crossing: {crossing}"
        )
    units = coded[nested[0]][0] if nested else np.zeros(len(clusters), dtype=np.int32)
    n_units = int(units.max()) + 1
    dummies = np.zeros(len(clusters), dtype=np.int32)
    names: tuple[str, ...] = (INTERCEPT,)
    if crossing:
        dummies, names = _dummies(crossing[0], *coded[crossing[0]], units if nested else None)
    elif nested:
        dummies, names = dummies - 1, ()
    return Keys(
        clusters=clusters,
        labels=labels,
        units=units,
        n_units=n_units,
        dummies=dummies,
        names=names,
        n_absorbed=n_units if nested else 0,
    )


def _codes(paths: Sequence[Path], name: str) -> tuple[Codes, tuple[Any, ...]]:
    """Codes (n,) of a key column in the order of its sorted labels."""
    chunks = [batch.column(0) for _, batch in _batches(paths, [name])]
    if not any(len(chunk) for chunk in chunks):
        raise ModelError("moments need at least one row; the files are empty")
    kinds = {str(_kind(chunk.type)): _kind(chunk.type) for chunk in chunks}
    if len(kinds) > 1:
        raise ModelError(f"column {name!r} is {', '.join(kinds)}; it must be the same in all files")
    column = pa.chunked_array([chunk.cast(_kind(chunk.type)) for chunk in chunks])
    missing = pc.sum(pc.is_null(column, nan_is_null=True)).as_py()
    if missing:
        raise ModelError(f"column {name!r} has {missing} missing values")
    encoded = column.dictionary_encode().unify_dictionaries().combine_chunks()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    labels = encoded.dictionary.take(pa.array(order)).to_pylist()
    return rank[encoded.indices.to_numpy()], tuple(labels)


def _kind(kind: pa.DataType) -> pa.DataType:
    """The type of the values, however they are stored."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _dummies(
    name: str, codes: Codes, labels: tuple[Any, ...], units: Codes | None
) -> tuple[Codes, tuple[str, ...]]:
    """Which dummy is one in each row (-1: the level left out), and the names of the dummies."""
    if len(labels) > MOST_DUMMIES:
        raise ModelError(
            f"the effect {name!r} crosses the clusters and has {len(labels)} levels; at most "
            f"{MOST_DUMMIES} can stay inside the moments as dummies"
        )
    if units is None:
        kept = np.arange(len(labels))
    else:
        together = np.zeros((int(units.max()) + 1, len(labels)), dtype=bool)
        together[units, codes] = True
        unit, level = np.nonzero(together)
        kept = levels_kept(level, [unit])
    place = np.full(len(labels), -1, dtype=np.int32)
    place[kept] = np.arange(len(kept), dtype=np.int32)
    return place[codes], tuple(f"{name}[{labels[level]}]" for level in kept)


def _empty_sums(keys: Keys, k: int) -> Sums:
    size = k + len(keys.names)
    return Sums(
        blocks=np.zeros((len(keys.labels), size, size)),
        origins=np.zeros((keys.n_units, k)),
        seen=np.zeros(keys.n_units, dtype=np.bool_),
        unit_sums=np.zeros((keys.n_units, size)),
        unit_weights=np.zeros(keys.n_units),
        centre=np.zeros(k),
        moments_about_centre=np.zeros((3, k)),
        raw_squares=np.zeros(k),
    )


def _add(sums: Sums, keys: Keys, values: Floats, weights: Floats, start: int) -> None:
    """Add a batch whose first row is row ``start`` of the files."""
    part = slice(start, start + len(values))
    about = values - sums.centre
    sums.moments_about_centre[:] += [
        np.full(len(sums.centre), weights.sum()),
        weights @ about,
        weights @ about**2,
    ]
    sums.raw_squares[:] += weights @ values**2
    clusters = keys.clusters[part]
    order = np.argsort(clusters, kind="stable")
    present, first = np.unique(clusters[order], return_index=True)
    add_rows(
        values,
        weights,
        order,
        present,
        np.append(first, len(order)),
        keys.units[part],
        keys.dummies[part],
        keys.n_absorbed > 0,
        sums.origins,
        sums.seen,
        sums.unit_sums,
        sums.unit_weights,
        sums.blocks,
    )


@njit(cache=True, parallel=True)
def add_rows(
    values: Floats,
    weights: Floats,
    order: Ints,
    clusters: Codes,
    starts: Ints,
    units: Codes,
    dummies: Codes,
    absorbing: bool,
    origins: Floats,
    seen: NDArray[np.bool_],
    unit_sums: Floats,
    unit_weights: Floats,
    blocks: Floats,
) -> None:
    """Add the rows of a batch to the sums; ``order[starts[c]:starts[c + 1]]`` are in clusters[c].

    A thread has whole clusters, and a unit lies in one cluster, so that no sum crosses threads.
    """
    k = values.shape[1]
    for c in prange(len(clusters)):
        block, z = blocks[clusters[c]], np.empty(k)
        for place in range(starts[c], starts[c + 1]):
            row = order[place]
            unit, dummy, weight = units[row], k + dummies[row], weights[row]
            if not seen[unit]:
                origins[unit] = values[row]
                seen[unit] = True
            for i in range(k):
                z[i] = values[row, i] - origins[unit, i]
            add_row(block, z, weight, dummy)
            if absorbing:
                unit_weights[unit] += weight
                for i in range(k):
                    unit_sums[unit, i] += weight * z[i]
                if dummy >= k:
                    unit_sums[unit, dummy] += weight


@njit(cache=True)
def add_row(block: Floats, z: Floats, weight: float, dummy: int) -> None:
    """Add ``w z z'`` and the row of the dummy, if one is one (``dummy`` is at least k)."""
    k = len(z)
    for i in range(k):
        scaled = weight * z[i]
        for j in range(k):
            block[i, j] += scaled * z[j]
    if dummy >= k:
        for j in range(k):
            block[dummy, j] += weight * z[j]
        block[dummy, dummy] += weight


@njit(cache=True)
def take_out_means(blocks: Floats, clusters: Ints, unit_sums: Floats, unit_weights: Floats) -> None:
    """Subtract ``s s' / w`` of every unit from the block of its cluster, lower triangle only."""
    size = unit_sums.shape[1]
    for unit in range(len(clusters)):
        block = blocks[clusters[unit]]
        for i in range(size):
            scaled = unit_sums[unit, i] / unit_weights[unit]
            for j in range(i + 1):
                block[i, j] -= scaled * unit_sums[unit, j]


@njit(cache=True)
def move_origin(blocks: Floats, shift: Floats) -> None:
    """Measure the k columns from ``shift`` (k,) further on; the dummies add up to one in a row.

    Reads and writes the lower triangle only.
    """
    k, size = len(shift), blocks.shape[1]
    for g in range(len(blocks)):
        block, sums, weight = blocks[g], np.zeros(k), 0.0
        for dummy in range(k, size):
            weight += block[dummy, dummy]
            sums += block[dummy, :k]
            block[dummy, :k] -= shift * block[dummy, dummy]
        for i in range(k):
            for j in range(i + 1):
                block[i, j] += (
                    weight * shift[i] * shift[j] - shift[i] * sums[j] - sums[i] * shift[j]
                )


@njit(cache=True)
def mirror(blocks: Floats) -> None:
    """Copy the lower triangle of every block to the upper one."""
    for g in range(len(blocks)):
        for i in range(blocks.shape[1]):
            for j in range(i):
                blocks[g, j, i] = blocks[g, i, j]


def _moments(sums: Sums, keys: Keys, columns: tuple[str, ...], absorb: tuple[str, ...]) -> Moments:
    blocks, k = sums.blocks, len(columns)
    weight, total, squares = sums.moments_about_centre
    of_dummies = np.einsum("gii->i", blocks)[k:]
    if keys.n_absorbed:
        cluster_of_unit = np.zeros(keys.n_units, dtype=np.int64)
        cluster_of_unit[keys.units] = keys.clusters
        take_out_means(blocks, cluster_of_unit, sums.unit_sums, sums.unit_weights)
    else:
        move_origin(blocks, total / weight)
    zero = np.flatnonzero(np.einsum("gii->i", blocks)[:k] <= NO_VARIATION**2 * sums.raw_squares)
    blocks[:, zero, :] = 0.0
    blocks[:, :, zero] = 0.0
    mirror(blocks)
    return Moments(
        columns=(*columns, *keys.names),
        n_dummies=len(keys.names),
        clusters=keys.labels,
        blocks=blocks,
        n_rows=np.bincount(keys.clusters, minlength=len(keys.labels)),
        n_absorbed=keys.n_absorbed,
        total_squares=np.concatenate([squares - total**2 / weight, of_dummies]),
        squares=np.einsum("gii->i", blocks),
        absorbed=absorb,
        blocks_for="everything",
    )


def _batches(
    paths: Sequence[Path], columns: Sequence[str]
) -> Iterator[tuple[Path, pa.RecordBatch]]:
    for path in paths:
        with pq.ParquetFile(path, memory_map=True, pre_buffer=False) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(columns)):
                yield path, batch.select(list(columns))


def _arrays(
    batch: pa.RecordBatch, columns: Sequence[str], weights: str | None, path: Path
) -> tuple[Floats, Floats]:
    """Values (n, k) and weights (n,) of a batch, checked."""
    values = np.empty((batch.num_rows, len(columns)))
    for place, name in enumerate(columns):
        values[:, place] = _numbers(batch, name, path)
    if not weights:
        return values, np.ones(len(values))
    weight = _numbers(batch, weights, path)
    if (weight <= 0).any():
        count = int((weight <= 0).sum())
        raise ModelError(f"{path}: weights {weights!r}: {count} values are zero or negative")
    return values, weight


def _numbers(batch: pa.RecordBatch, name: str, path: Path) -> Floats:
    # As in pandas, whole numbers beyond 2**53 are rounded.
    values = batch.column(name).cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise ModelError(
            f"{path}: column {name!r} has at least {bad} missing or infinite values; moments need "
            "complete rows, so leave these rows out first"
        )
    return values


def _check_schemas(
    paths: Sequence[Path], columns: Sequence[str], keys: Sequence[str], weights: Sequence[str]
) -> None:
    if not paths:
        raise ModelError("moments need at least one Parquet file")
    repeated = sorted({name for name in columns if list(columns).count(name) > 1})
    if repeated or not columns:
        raise ModelError(f"moments need columns, each once; repeated: {repeated}")
    for path in paths:
        schema = _schema(path)
        for name in [*columns, *keys, *weights]:
            if name not in schema.names:
                raise ModelError(f"{path} has no column {name!r}; it has {schema.names}")
        for name in [*columns, *weights]:
            if not _is_number(schema.field(name).type):
                raise ModelError(
                    f"{path}: column {name!r} is {schema.field(name).type}, expected numbers"
                )


def _schema(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise ModelError(f"{path} cannot be read as a Parquet file: {error}") from error


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
