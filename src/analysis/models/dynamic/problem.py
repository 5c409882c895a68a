"""From a frame and options to the stacked moments of a dynamic panel."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from analysis.models.dynamic.diagnostics import Differences, unidentified
from analysis.models.dynamic.equations import (
    Rows,
    error_root,
    first_difference_rows,
    level_rows,
    orthogonal_deviation_rows,
)
from analysis.models.dynamic.instruments import (
    GmmStyle,
    InstrumentBlock,
    IvStyle,
    gmm_blocks,
    iv_block,
    variable_instruments,
)
from analysis.models.dynamic.linear_gmm import Moments, orthonormal_basis
from analysis.models.dynamic.panel_grid import PanelGrid, panel_grid
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

CHOICES: dict[str, tuple[object, ...]] = {
    "equations": ("difference", "system"),
    "transformation": ("first_differences", "orthogonal_deviations"),
    "steps": (1, 2),
    "vcov": ("robust", "classical"),
    "initial_weight": ("full", "block", "identity"),
    "small_sample": ("none", "full"),
    "time_dummy_equation": ("difference", "level", "both"),
    "sigma2_df": ("residual", "observations"),
    "serial_correlation_scores": ("all", "difference"),
}
INTERCEPT = "Intercept"


@dataclass(frozen=True, slots=True)
class Options:
    """Arguments of :func:`analysis.models.dynamic.dynamic_panel_gmm`, instruments parsed."""

    outcome: str
    regressors: tuple[str, ...]
    unit: str
    time: str
    gmm: list[GmmStyle]
    iv: list[IvStyle]
    equations: str
    transformation: str
    steps: int
    vcov: str
    initial_weight: str
    time_dummies: bool
    time_dummy_equation: str
    intercept: bool
    small_sample: str
    sigma2_df: str
    serial_correlation_scores: str
    max_order: int
    sample: str

    @property
    def system(self) -> bool:
        return self.equations == "system"


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything estimation needs: stacked moments, the weight's root, and what to report."""

    moments: Moments
    terms: list[str]
    blocks: list[InstrumentBlock]
    root: sparse.csr_matrix
    transformed: Rows
    level: Rows | None
    differences: Differences
    n_dropped: int

    @property
    def estimated(self) -> Rows:
        """The rows counted as observations: levels in a system, transformed rows otherwise."""
        return self.transformed if self.level is None else self.level

    @property
    def n_units(self) -> int:
        """Units with at least one row."""
        return len(np.unique(self.moments.unit))


def check_options(options: Options) -> None:
    """Refuse values that are not allowed or contradict each other."""
    for name, allowed in CHOICES.items():
        value = getattr(options, name)
        if value not in allowed:
            listed = ", ".join(str(item) for item in allowed)
            raise ModelError(f"{name}: {value!r} is not one of {listed}")
    if not options.regressors:
        raise ModelError("regressors: at least one column is needed")
    if not options.gmm and not options.iv:
        raise ModelError("no instruments: give gmm_instruments, iv_instruments or both")
    if not options.system and options.intercept:
        raise ModelError("an intercept needs equations='system'; differencing removes it")
    if not options.system and options.time_dummy_equation != "difference":
        raise ModelError(
            f"time_dummy_equation={options.time_dummy_equation!r} needs equations='system'"
        )


def build_problem(frame: pd.DataFrame, options: Options) -> Problem:
    """Rows, regressors, instruments and first-step weight; `ModelError` when not identified."""
    exogenous = [column for style in options.iv for column in style.columns]
    past = [column for style in options.gmm for column in style.columns]
    needed = list(dict.fromkeys([options.outcome, *options.regressors, *exogenous]))
    grid = panel_grid(frame, [*needed, *past], options.unit, options.time)
    complete = np.all([~np.isnan(grid.values[column]) for column in needed], axis=0)
    transformed, level = _rows(complete, options)
    terms, columns = _regressors(grid, complete, transformed, level, options)
    stack = _stack_transform(transformed, level)
    blocks = _blocks(grid, transformed, level, options)
    blocks += _own_instruments(terms, columns, transformed, level, options)
    moments = Moments(
        stack @ _flat(grid, options.outcome),
        stack @ columns,
        orthonormal_basis(np.hstack([block.values for block in blocks])),
        np.concatenate([transformed.unit, [] if level is None else level.unit]).astype(np.int64),
        grid.n_units,
    )
    keep = _identified_terms(moments, terms, options)
    moments = replace(moments, regressors=moments.regressors[:, keep])
    rows = first_difference_rows(complete)
    differences = Differences(
        rows,
        rows.transform @ _flat(grid, options.outcome),
        rows.transform @ columns[:, keep],
    )
    return Problem(
        moments=moments,
        terms=[terms[index] for index in keep],
        blocks=blocks,
        root=error_root(transformed, level, options.initial_weight),
        transformed=transformed,
        level=level,
        differences=differences,
        n_dropped=grid.n_rows - int(complete.sum()),
    )


def _rows(complete: NDArray[np.bool_], options: Options) -> tuple[Rows, Rows | None]:
    if options.transformation == "first_differences":
        transformed = first_difference_rows(complete)
    else:
        transformed = orthogonal_deviation_rows(complete)
    if not len(transformed):
        raise ModelError(
            f"no unit of {options.unit!r} has two usable rows: {int(complete.sum())} rows have "
            f"{options.outcome!r}, every regressor and every iv instrument"
        )
    return transformed, level_rows(complete) if options.system else None


def _flat(grid: PanelGrid, column: str) -> Floats:
    return np.nan_to_num(grid.values[column].ravel())


def _stack_transform(transformed: Rows, level: Rows | None) -> sparse.csr_matrix:
    if level is None:
        return transformed.transform
    return sparse.vstack([transformed.transform, level.transform], format="csr")


def _regressors(
    grid: PanelGrid,
    complete: NDArray[np.bool_],
    transformed: Rows,
    level: Rows | None,
    options: Options,
) -> tuple[list[str], Floats]:
    """Terms and their values in levels (units x periods, k): regressors, intercept, dummies."""
    terms = list(options.regressors)
    columns = [_flat(grid, name) for name in options.regressors]
    if options.intercept:
        terms.append(INTERCEPT)
        columns.append(np.ones(complete.size))
    if options.time_dummies:
        used = np.asarray(abs(_stack_transform(transformed, level)).sum(axis=0)).ravel() > 0
        periods = np.tile(np.arange(complete.shape[1]), complete.shape[0])
        present = np.unique(periods[used])
        base_is_free = level is not None and not options.intercept
        for period in present if base_is_free else present[1:]:
            terms.append(f"{options.time}:{grid.periods[period]}")
            columns.append((periods == period).astype(float))
    return terms, np.column_stack(columns)


def _blocks(
    grid: PanelGrid, transformed: Rows, level: Rows | None, options: Options
) -> list[InstrumentBlock]:
    blocks = [iv_block(style, grid, transformed, level) for style in options.iv]
    for style in options.gmm:
        blocks += gmm_blocks(style, grid, transformed, level)
    return blocks


def _own_instruments(
    terms: list[str], columns: Floats, transformed: Rows, level: Rows | None, options: Options
) -> list[InstrumentBlock]:
    """The intercept and the time dummies instrument themselves."""
    blocks = []
    n_regressors = len(options.regressors)
    start = n_regressors + options.intercept
    if options.intercept:
        style = IvStyle((INTERCEPT,), "level", transform=True)
        own = variable_instruments(columns[:, [n_regressors]], style, transformed, level)
        blocks.append(InstrumentBlock(INTERCEPT, "level", own))
    if len(terms) > start:
        style = IvStyle((options.time,), options.time_dummy_equation, transform=True)
        own = variable_instruments(columns[:, start:], style, transformed, level)
        blocks.append(InstrumentBlock(f"time({options.time})", style.equation, own))
    return blocks


def _identified_terms(moments: Moments, terms: list[str], options: Options) -> list[int]:
    """Positions of the terms kept: a redundant time dummy is dropped, anything else is an error."""
    failing = unidentified(moments.instruments.T @ moments.regressors, moments.regressors)
    first_dummy = len(options.regressors) + options.intercept
    named = [terms[index] for index in failing if index < first_dummy]
    if named:
        raise ModelError(
            f"{', '.join(named)} not identified by the {moments.instruments.shape[1]} independent "
            "instruments: it does not vary after the transformation, is a combination of other "
            "terms, or no instrument moves it. List exogenous regressors in iv_instruments"
        )
    return [index for index in range(len(terms)) if index not in failing]
