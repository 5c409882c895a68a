"""Neighbours as a table, and what stands with them: weighted means of columns, year by year.

:func:`spatial_ols` and its like make spatial lags themselves, among the units of their sample. The
functions here make them beforehand and as columns, from all units that have a value, so that a
neighbour outside the sample (abroad, or without the outcome) still counts, and so that the lags
can enter any other estimator.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.models.linear.panel import check_one_row_per_period
from analysis.models.spatial.weights import raw_weights
from analysis.models.specification import ModelError


def neighbour_weights(
    places: pd.DataFrame, *, unit: str, matrix_options: Mapping[str, Any]
) -> pd.DataFrame:
    """Weights of units × units from their ``coordinates``, units sorted, not standardised.

    ``places`` has one row per unit; ``matrix_options`` are those of
    :mod:`analysis.models.spatial.weights` for a kind made of distances. The table can be combined
    with others (same country, beyond a distance) before :func:`neighbour_means` takes it.

    Raises
    ------
    ModelError
        If a unit has two rows or no finite coordinates, or an option is unknown or missing.
    """
    twice = places[unit][places[unit].duplicated()]
    if len(twice):
        raise ModelError(f"neighbour_weights: {twice.iloc[0]} has more than one row")
    sorted_places = places.sort_values(unit)
    columns = list(matrix_options.get("coordinates", ()))
    coordinates = sorted_places[columns].to_numpy(dtype=float)
    if len(columns) != 2 or not np.isfinite(coordinates).all():
        raise ModelError("neighbour_weights: coordinates must name two columns of finite numbers")
    labels = list(sorted_places[unit])
    weights = raw_weights(labels, None, matrix_options, coordinates).toarray()
    return pd.DataFrame(weights, index=pd.Index(labels, name=unit), columns=labels)


def neighbour_means(
    frame: pd.DataFrame, columns: Sequence[str], *, weights: pd.DataFrame, unit: str, time: str
) -> pd.DataFrame:
    """Weighted mean of each of ``columns`` over a unit's neighbours in the same period.

    ``weights``: units × units, row i those of the neighbours of unit i; rows are standardised over
    the neighbours that have a value in the period. Units of the frame without a row in
    ``weights`` have no neighbours; neighbours that are not in the frame have no value.

    Returns
    -------
    DataFrame
        Index of ``frame``, the same columns; missing where no neighbour has a value.

    Raises
    ------
    ModelError
        If a unit has two rows in a period, or a weight is negative, missing, or of a unit with
        itself.
    """
    values = weights.to_numpy(dtype=float)
    if list(weights.index) != list(weights.columns):
        raise ModelError("weights: rows and columns must be the same units in the same order")
    if not (values >= 0).all() or values.diagonal().any():
        raise ModelError("weights: expected numbers of zero or more, and zero on the diagonal")
    units = weights.index.get_indexer(frame[unit])
    periods, labels = pd.factorize(frame[time], sort=True)
    known = units >= 0
    check_one_row_per_period(units[known], periods[known], "a mean over neighbours")
    result = pd.DataFrame(np.nan, index=frame.index, columns=list(columns))
    for column in columns:
        wide = np.full((len(weights), len(labels)), np.nan)
        wide[units[known], periods[known]] = frame[column].to_numpy(dtype=float)[known]
        there = ~np.isnan(wide)
        # einsum, not a linear algebra library, whose last digits depend on the number of threads
        total = np.einsum("ij,jt->it", values, np.where(there, wide, 0.0))
        weight = np.einsum("ij,jt->it", values, there.astype(float))
        means = np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)
        result.loc[known, column] = means[units[known], periods[known]]
    return result
