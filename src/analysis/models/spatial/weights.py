"""Spatial weights: from a table of links, a square table or coordinates to a sparse matrix.

``matrix_options`` is a plain mapping. ``kind`` says what the weights are made of:

``"square"``
    ``matrix`` is a table with one row and one column per unit, the columns called as the units. Its
    index, if it is more than a count of rows, must name the same units. ``match: position`` instead
    takes its rows and columns as the units of the sample in ascending order, whatever their names.
``"edges"``
    ``matrix`` has one row per link: contiguity, trade, joint projects. ``from``, ``to``
    and ``weight`` name its columns; by default the first two, and a weight of one.
    ``symmetric: true`` makes every link count both ways.
``"nearest"``
    The ``k`` nearest units have weight one. A tie goes to the unit that sorts first.
``"band"``
    Units no further than ``within`` have weight one.
``"inverse_distance"``
    ``distance ** -power`` (``power`` 1 by default), zero beyond ``within`` if it is given.

The last three need ``coordinates: [x, y]``, columns of the frame that are constant within units.
``metric: haversine`` (the default) reads them as longitude and latitude in degrees and measures
kilometres on a sphere of 6,371.0088 km; ``metric: euclidean`` as coordinates of a plane.

Then, for every kind: weights of a unit with itself are refused, or left out with
``self_links: drop``. Only units of the sample remain, and then ``standardise`` applies: ``"row"``
(the default) makes each row sum to one, ``"spectral"`` divides by the largest modulus of an
eigenvalue, ``"none"`` leaves the weights. Units without neighbours are refused, or kept with a row
of zeros with ``islands: keep``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, sparse

from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

EARTH_RADIUS_KM = 6371.0088
STANDARDISATIONS = ("row", "spectral", "none")
TABLE_OPTIONS: dict[str, tuple[str, ...]] = {
    "square": ("match",),
    "edges": ("from", "to", "weight", "symmetric"),
}
DISTANCE_OPTIONS: dict[str, tuple[str, ...]] = {
    "nearest": ("k",),
    "band": ("within",),
    "inverse_distance": ("power", "within"),
}
COMMON_OPTIONS = ("kind", "standardise", "islands", "self_links")


def raw_weights(
    labels: Sequence[Any],
    matrix: pd.DataFrame | None,
    options: Mapping[str, Any],
    coordinates: Floats | None,
) -> sparse.csr_array:
    """Weights (N, N) among ``labels``, the sorted units, before standardisation.

    ``coordinates`` (N, 2) are those of the units, for kinds made of distances.

    Raises
    ------
    ModelError
        If an option is unknown or missing, a unit has no row in the table, or a weight is negative,
        missing, given twice or of a unit with itself.
    """
    kind = check_options(options, matrix)
    if kind in TABLE_OPTIONS:
        assert matrix is not None
        build = _square if kind == "square" else _edges
        weights = build([label_text(label) for label in labels], matrix, options)
    else:
        assert coordinates is not None
        weights = _distance_weights(kind, _distances(coordinates, options), labels, options)
    return _without_self_links(sparse.csr_array(weights), labels, options)


def check_options(options: Mapping[str, Any], matrix: pd.DataFrame | None) -> str:
    """The kind of the weights; `ModelError` for an option or combination that is not allowed."""
    kind = options.get("kind", "square" if matrix is not None else None)
    kinds = (*TABLE_OPTIONS, *DISTANCE_OPTIONS)
    if kind not in kinds:
        raise ModelError(f"matrix_options: kind: {kind!r} is not one of {', '.join(kinds)}")
    if (matrix is not None) != (kind in TABLE_OPTIONS):
        need = "needs a table, matrix" if kind in TABLE_OPTIONS else "takes no table as matrix"
        raise ModelError(f"matrix_options: kind {kind!r} {need}")
    if matrix is not None and not isinstance(matrix, pd.DataFrame):
        raise ModelError(f"matrix: expected a table, got {matrix!r}; in a study: {{table: name}}")
    own = TABLE_OPTIONS.get(kind) or ("coordinates", "metric", *DISTANCE_OPTIONS[kind])
    unknown = sorted(set(options) - {*own, *COMMON_OPTIONS})
    if unknown:
        raise ModelError(
            f"matrix_options: kind {kind!r} has no option {', '.join(unknown)}; "
            f"there are {', '.join((*COMMON_OPTIONS, *own))}"
        )
    _choice(options, "standardise", STANDARDISATIONS)
    _choice(options, "islands", ("refuse", "keep"))
    _choice(options, "self_links", ("refuse", "drop"))
    return str(kind)


def standardised(
    weights: sparse.csr_array, labels: Sequence[Any], options: Mapping[str, Any]
) -> sparse.csr_array:
    """``weights`` (N, N) standardised as ``options`` say; units without neighbours are checked."""
    sums = np.asarray(weights.sum(axis=1)).ravel()
    islands = [label_text(label) for label, total in zip(labels, sums, strict=True) if total == 0]
    if islands and options.get("islands", "refuse") == "refuse":
        raise ModelError(
            f"{len(islands)} units have no neighbour among those of the sample: "
            f"{_listed(islands)}. Widen the weights, leave the units out, or keep them with "
            "matrix_options: {islands: keep}"
        )
    method = options.get("standardise", "row")
    if method == "row":
        scale = np.divide(1.0, sums, out=np.zeros_like(sums), where=sums > 0)
        return sparse.csr_array(sparse.diags_array(scale) @ weights)
    if method == "spectral" and sums.any():
        radius = float(np.abs(linalg.eigvals(weights.toarray())).max())
        if radius < 1e-12:
            raise ModelError(
                "standardise='spectral': every eigenvalue of the weights is zero, as without any "
                "loop of links; use 'row' or 'none'"
            )
        return sparse.csr_array(weights / radius)
    return weights


def label_text(label: Any) -> str:
    """A unit as text, so that 3, 3.0 and "3" are the same unit."""
    if isinstance(label, float | np.floating) and float(label).is_integer():
        label = int(label)
    return str(label)


def _square(
    labels: list[str], matrix: pd.DataFrame, options: Mapping[str, Any]
) -> sparse.csr_array:
    _choice(options, "match", ("label", "position"))
    if matrix.shape[0] != matrix.shape[1]:
        raise ModelError(
            f"matrix: a square table is needed, got {matrix.shape[0]} rows and {matrix.shape[1]} "
            "columns; a column with the units' names must be its index. For a table with one row "
            "per link write matrix_options: {kind: edges}"
        )
    values = _numbers(matrix, "matrix")
    names = [label_text(column) for column in matrix.columns]
    if options.get("match", "label") == "position":
        if len(names) != len(labels):
            raise ModelError(
                f"matrix: match: position needs as many rows as units; the table has {len(names)}, "
                f"the sample {len(labels)}"
            )
        return sparse.csr_array(values)
    if not isinstance(matrix.index, pd.RangeIndex):
        rows = _positions(names, [label_text(row) for row in matrix.index], "index of the matrix")
        values = values[rows]
    chosen = _positions(labels, names, "matrix")
    return sparse.csr_array(values)[chosen][:, chosen]


def _edges(labels: list[str], matrix: pd.DataFrame, options: Mapping[str, Any]) -> sparse.csr_array:
    if matrix.shape[1] < 2:
        raise ModelError("matrix: a table of edges needs two columns, from and to")
    start = options.get("from", matrix.columns[0])
    end = options.get("to", matrix.columns[1])
    weight = options.get("weight")
    for name in (start, end, *([weight] if weight else [])):
        if name not in matrix.columns:
            raise ModelError(f"matrix: no column {name!r}; there are {_listed(matrix.columns)}")
    ends = matrix[[start, end]].map(label_text)
    if matrix[[start, end]].isna().any(axis=None):
        raise ModelError(f"matrix: columns {start!r} and {end!r} have missing values")
    if ends.duplicated().any():
        pair = ends[ends.duplicated()].iloc[0].tolist()
        raise ModelError(f"matrix: the link {pair[0]} -> {pair[1]} is given more than once")
    values = _numbers(matrix[[weight]], "matrix").ravel() if weight else np.ones(len(matrix))
    where = {label: position for position, label in enumerate(labels)}
    rows, columns = (ends[name].map(where).to_numpy(dtype=float) for name in (start, end))
    known = ~(np.isnan(rows) | np.isnan(columns))
    if not known.any():
        raise ModelError(
            f"matrix: no link joins two units of the sample; it names {_listed(ends[start])}, the "
            f"sample has {_listed(labels)}"
        )
    places = (rows[known].astype(int), columns[known].astype(int))
    weights = sparse.csr_array((values[known], places), shape=(len(labels), len(labels)))
    # Links that are stored in both directions already must not count double.
    return weights.maximum(weights.T) if options.get("symmetric", False) else weights


def _distances(coordinates: Floats, options: Mapping[str, Any]) -> Floats:
    """Distances (N, N); of a unit to itself infinite, so that it is nobody's neighbour."""
    _choice(options, "metric", ("haversine", "euclidean"))
    first, second = coordinates.T
    if options.get("metric", "haversine") == "euclidean":
        distances = np.hypot(first[:, None] - first, second[:, None] - second)
    else:
        if (np.abs(first) > 360).any() or (np.abs(second) > 90).any():
            raise ModelError(
                "coordinates: expected longitude and latitude in degrees, in this order; "
                "use metric: euclidean for coordinates of a plane"
            )
        longitude, latitude = np.radians(first), np.radians(second)
        chord = np.sin((latitude[:, None] - latitude) / 2) ** 2
        chord += (
            np.cos(latitude[:, None])
            * np.cos(latitude)
            * np.sin((longitude[:, None] - longitude) / 2) ** 2
        )
        distances = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(chord, 0, 1)))
    np.fill_diagonal(distances, np.inf)
    return distances


def _distance_weights(
    kind: str, distances: Floats, labels: Sequence[Any], options: Mapping[str, Any]
) -> Floats:
    if kind == "nearest":
        k = options.get("k")
        if not isinstance(k, int) or not 1 <= k < len(labels):
            raise ModelError(f"k: expected a number from 1 to {len(labels) - 1}, got {k!r}")
        # Rounding to micrometres makes ties of a regular grid ties indeed.
        nearest = np.argsort(np.round(distances, 9), axis=1, kind="stable")[:, :k]
        weights = np.zeros_like(distances)
        np.put_along_axis(weights, nearest, 1.0, axis=1)
        return weights
    limit = _positive(options, "within", None if kind == "band" else np.inf)
    inside = (distances <= limit) & np.isfinite(distances)
    if kind == "band":
        return inside.astype(float)
    if (distances == 0).any():
        first, second = np.argwhere(distances == 0)[0]
        raise ModelError(
            f"inverse distance: {label_text(labels[first])} and {label_text(labels[second])} have "
            "the same coordinates; use kind: band or nearest, or move one"
        )
    power = _positive(options, "power", 1.0)
    return np.where(inside, distances, np.inf) ** -power


def _without_self_links(
    weights: sparse.csr_array, labels: Sequence[Any], options: Mapping[str, Any]
) -> sparse.csr_array:
    own = np.flatnonzero(weights.diagonal())
    if len(own) and options.get("self_links", "refuse") == "refuse":
        raise ModelError(
            f"matrix: {len(own)} units are linked with themselves, first "
            f"{label_text(labels[own[0]])}; leave these weights out with self_links: drop"
        )
    result = sparse.csr_array(weights - sparse.diags_array(weights.diagonal()))
    result.eliminate_zeros()
    return result


def _numbers(table: pd.DataFrame, name: str) -> Floats:
    for column in table.columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            raise ModelError(f"{name}: column {column!r} is {table[column].dtype}, not numbers")
    values = table.to_numpy(dtype=float, na_value=np.nan)
    wrong = np.argwhere(~np.isfinite(values) | (values < 0))
    if len(wrong):
        row, column = wrong[0]
        raise ModelError(
            f"{name}: row {label_text(table.index[row])}, column {table.columns[column]!r} is "
            f"{values[row, column]}; weights must be zero or positive"
        )
    return values


def _positions(wanted: list[str], names: list[str], where: str) -> list[int]:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ModelError(f"{where}: {_listed(repeated)} is there more than once")
    missing = [name for name in wanted if name not in names]
    if missing:
        raise ModelError(
            f"{where}: {len(missing)} units are not there: {_listed(missing)}; it has "
            f"{_listed(names)}. Where names differ but the order is the same: match: position"
        )
    position = {name: place for place, name in enumerate(names)}
    return [position[name] for name in wanted]


def _positive(options: Mapping[str, Any], name: str, default: float | None) -> float:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ModelError(f"matrix_options: {name}: expected a positive number, got {value!r}")
    return float(value)


def _choice(options: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> None:
    if name in options and options[name] not in allowed:
        raise ModelError(
            f"matrix_options: {name}: {options[name]!r} is not one of {', '.join(allowed)}"
        )


def _listed(names: Sequence[Any] | pd.Index | pd.Series) -> str:
    texts = list(dict.fromkeys(map(str, names)))
    return ", ".join(texts[:8]) + (", ..." if len(texts) > 8 else "")
