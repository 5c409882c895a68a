"""The estimation sample of a spatial model: its rows, and who neighbours whom among them.

In a panel the weights hold within each period: the matrix of all rows is block-diagonal with one
block per period. Where a unit is missing in a period, the others are standardised without it, so
panels need not be balanced.

Absorbed effects follow one of two conventions. ``"dummies"``: as if their dummies were written
out, so that spatial lags are taken first and the effects leave everything afterwards.
``"demeaned"``: the variables lose their effects first and are then lagged, and the lags keep what
they have, as in the programs of Elhorst (2014). Unit effects of a balanced panel give the same
either way; time effects do not, unless the weights of every column have the same sum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from analysis.models import absorption
from analysis.models.absorption import count_effects
from analysis.models.design import Design
from analysis.models.linear.panel import (
    Columns,
    check_choice,
    check_one_row_per_period,
    column_names,
    read_panel,
)
from analysis.models.spatial.weights import (
    check_options,
    label_text,
    raw_weights,
    standardised,
)
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Block:
    """Periods with the same units: weights (N, N) and rows (periods, N) of the sample."""

    weights: sparse.csr_array
    rows: Codes


CONVENTIONS = ("dummies", "demeaned")


@dataclass(frozen=True, slots=True)
class SpatialSample:
    """Rows sorted by unit, then period, their spatial lags, and the weights.

    ``outcome`` (n,), ``regressors`` (n, k) with terms: intercept if there is one, regressors, and
    the spatial lags ``W.x`` of those in ``lagged``. ``effects`` (n, 0..2) are those still to be
    absorbed: none under the convention ``"demeaned"``. ``matrix`` (n, n) joins the rows.
    """

    panel: Design
    outcome: Floats
    regressors: Floats
    effects: Codes
    terms: tuple[str, ...]
    lagged: tuple[str, ...]
    matrix: sparse.csr_array
    blocks: tuple[Block, ...]
    n_dropped: int

    @property
    def n_effects(self) -> int:
        """Number of absorbed parameters, under either convention."""
        return count_effects(self.panel.effects)

    @property
    def balanced(self) -> bool:
        """Whether every period has the same units."""
        return len(self.blocks) == 1

    @property
    def row_standardised(self) -> bool:
        """Whether the weights of every row sum to one."""
        sums = np.asarray(self.matrix.sum(axis=1)).ravel()
        return bool(np.abs(sums - 1).max() < 1e-9)

    def lag(self, columns: Floats) -> Floats:
        """Spatial lags of ``columns`` (n,) or (n, k)."""
        return np.asarray(self.matrix @ columns, dtype=np.float64)

    def within(self, columns: Floats) -> Floats:
        """``columns`` (n, k) without the effects that are still to be absorbed."""
        return absorption.absorb(columns, self.effects, self.panel.weights)


def read_sample(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns,
    spatial_lags: Columns,
    unit: str,
    time: str | None,
    absorb: Columns,
    effects_convention: str,
    intercept: bool,
    matrix: pd.DataFrame | None,
    matrix_options: Mapping[str, Any] | None,
    cluster: Columns = (),
) -> SpatialSample:
    """The complete rows of ``frame`` with their weights and the spatial lags asked for.

    ``spatial_lags`` is ``"none"``, ``"all"`` or a list of regressors.

    Raises
    ------
    ModelError
        If a column or weight is unusable, effects are neither unit nor time, or a unit has two rows
        in a period.
    """
    check_choice("effects_convention", effects_convention, CONVENTIONS)
    absorbed = column_names(absorb)
    options, names = dict(matrix_options or {}), [unit]
    others = sorted(set(absorbed) - {unit, time})
    if others:
        raise ModelError(f"absorb: {', '.join(others)} is neither unit nor time of this model")
    check_options(options, matrix)
    lagged = _lagged(spatial_lags, column_names(regressors))
    coordinates = _coordinate_columns(options, matrix)
    names += [outcome, *column_names(regressors), *column_names(cluster), *coordinates]
    used = [name for name in dict.fromkeys([*names, *([time] if time else [])]) if name in frame]
    complete = frame[frame[used].notna().all(axis=1)]
    panel = read_panel(
        frame if complete.empty else complete,  # if empty, the message counts what is there
        outcome=outcome,
        regressors=regressors,
        absorb=absorbed,
        cluster=cluster,
        unit=unit,
        time=time,
        intercept=intercept,
    )
    labels = list(pd.factorize(complete[unit], sort=True)[1])
    places = _unit_coordinates(complete, unit, coordinates) if coordinates else None
    raw = raw_weights(labels, matrix, options, places)
    blocks = _blocks(panel, raw, labels, options)
    joined = _joined(blocks, len(panel.outcome))
    variables, remaining = np.column_stack([panel.outcome, panel.exogenous]), panel.effects
    if effects_convention == "demeaned":
        variables = absorption.absorb(variables, panel.effects, panel.weights)
        remaining = panel.effects[:, :0]
    columns = [1 + panel.exogenous_terms.index(name) for name in lagged]
    added = np.asarray(joined @ variables[:, columns], dtype=np.float64)
    return SpatialSample(
        panel=panel,
        outcome=variables[:, 0],
        regressors=np.column_stack([variables[:, 1:], added]),
        effects=remaining,
        terms=(*panel.exogenous_terms, *(f"W.{name}" for name in lagged)),
        lagged=lagged,
        matrix=joined,
        blocks=blocks,
        n_dropped=len(frame) - len(panel.outcome),
    )


def _lagged(spatial_lags: Columns, regressors: tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(spatial_lags, str) and spatial_lags in ("none", "all"):
        return regressors if spatial_lags == "all" else ()
    asked = column_names(spatial_lags)
    unknown = [name for name in asked if name not in regressors]
    if unknown:
        raise ModelError(
            f"spatial_lags: {', '.join(unknown)} is no regressor; expected none, all, or some of "
            f"{', '.join(regressors)}"
        )
    return asked


def _coordinate_columns(options: Mapping[str, Any], matrix: pd.DataFrame | None) -> tuple[str, ...]:
    if matrix is not None:
        return ()
    columns = options.get("coordinates")
    pair = isinstance(columns, list | tuple) and len(columns) == 2
    if not pair or not all(isinstance(name, str) for name in columns or ()):
        raise ModelError(
            "matrix_options: coordinates: expected two columns of the frame, [longitude, "
            f"latitude] or [x, y], got {columns!r}"
        )
    return tuple(columns or ())


def _unit_coordinates(frame: pd.DataFrame, unit: str, columns: Sequence[str]) -> Floats:
    """Coordinates (N, 2) of the sorted units."""
    missing = [name for name in columns if name not in frame]
    if missing:
        raise ModelError(f"coordinates: the frame has no column {', '.join(missing)}")
    for name in columns:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            raise ModelError(f"coordinates: column {name!r} is {frame[name].dtype}, not numbers")
    grouped = frame.groupby(unit, sort=True)[list(columns)]
    moved = grouped.nunique().max(axis=1)
    if (moved > 1).any():
        raise ModelError(f"coordinates: {label_text(moved.idxmax())} is at more than one place")
    values = grouped.first().to_numpy(dtype=float)
    if not np.isfinite(values).all():
        raise ModelError(f"coordinates: {' and '.join(columns)} must be finite")
    return values


def _blocks(
    panel: Design, raw: sparse.csr_array, labels: list[Any], options: Mapping[str, Any]
) -> tuple[Block, ...]:
    """One block per set of units that is seen together in one or more periods."""
    n = len(panel.outcome)
    units = np.zeros(n, dtype=np.int64) if panel.units is None else panel.units
    periods = np.zeros(n, dtype=np.int64) if panel.periods is None else panel.periods
    check_one_row_per_period(units, periods, "a spatial model")
    rows_of: dict[bytes, list[Codes]] = {}
    for period in range(int(periods.max()) + 1):
        rows = np.flatnonzero(periods == period)  # sorted by unit, as the sample is
        rows_of.setdefault(units[rows].tobytes(), []).append(rows)
    blocks = []
    for same in rows_of.values():
        present = units[same[0]]
        chosen = raw[present][:, present]
        weights = standardised(chosen, [labels[code] for code in present], options)
        blocks.append(Block(weights, np.array(same)))
    if not sum(block.weights.nnz for block in blocks):
        raise ModelError("the weights join no two rows of the sample: there is no neighbour")
    return tuple(blocks)


def _joined(blocks: tuple[Block, ...], n: int) -> sparse.csr_array:
    starts, ends, values = [], [], []
    for block in blocks:
        triples = block.weights.tocoo()
        for rows in block.rows:
            starts.append(rows[triples.row])
            ends.append(rows[triples.col])
            values.append(triples.data)
    places = (np.concatenate(starts), np.concatenate(ends))
    return sparse.csr_array((np.concatenate(values), places), shape=(n, n))
