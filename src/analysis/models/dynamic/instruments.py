"""Instruments of a dynamic panel, one block of columns per entry of the specification."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.models.dynamic.equations import Rows
from analysis.models.dynamic.panel_grid import PanelGrid, lagged
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

EQUATIONS = ("both", "difference", "level")


@dataclass(frozen=True, slots=True)
class GmmStyle:
    """Columns whose own past instruments the equation, a set of moments per period and lag.

    ``lags`` are the first and last lag of the column itself (None: as far back as there is).
    """

    columns: tuple[str, ...]
    lags: tuple[int, int | None]
    collapse: bool
    equation: str


@dataclass(frozen=True, slots=True)
class IvStyle:
    """Columns that instrument as ordinary variables, one instrument each."""

    columns: tuple[str, ...]
    equation: str
    transform: bool


@dataclass(frozen=True, slots=True)
class InstrumentBlock:
    """Instruments ``values`` (stacked rows, l) that one entry of the specification gives."""

    name: str
    equation: str
    values: Floats


def read_gmm_styles(entries: Iterable[Mapping[str, Any]], system: bool) -> list[GmmStyle]:
    """Check ``gmm_instruments``; see :func:`analysis.models.dynamic.dynamic_panel_gmm`."""
    styles = []
    for entry in entries:
        entry = _mapping("gmm_instruments", entry, ("columns", "lags", "collapse", "equation"))
        equation = _equation("gmm_instruments", entry, system)
        default = (1, 1) if equation == "level" else (2, None)
        lags = _lags(entry.get("lags", default))
        collapse = bool(entry.get("collapse", False))
        styles.append(GmmStyle(_columns(entry), lags, collapse, equation))
    return styles


def read_iv_styles(entries: Iterable[str | Mapping[str, Any]], system: bool) -> list[IvStyle]:
    """Check ``iv_instruments``; see :func:`analysis.models.dynamic.dynamic_panel_gmm`."""
    styles = []
    for entry in entries:
        named = {"columns": entry} if isinstance(entry, str) else entry
        named = _mapping("iv_instruments", named, ("columns", "equation", "transform"))
        equation = _equation("iv_instruments", named, system)
        styles.append(IvStyle(_columns(named), equation, bool(named.get("transform", True))))
    return styles


def gmm_blocks(
    style: GmmStyle, grid: PanelGrid, transformed: Rows, level: Rows | None
) -> list[InstrumentBlock]:
    """Lagged levels for the transformed equation, lagged differences for the level equation.

    With ``equation="both"`` the level equation gets one lag of the difference, the one before the
    first lag: deeper ones are combinations of what the transformed equation has (Arellano and Bover
    1995; Blundell and Bond 1998).
    """
    first, last = style.lags
    name = f"gmm({', '.join(style.columns)})"
    columns = [grid.values[column] for column in style.columns]

    def past(values: list[Floats], rows: Rows, nearest: int, deepest: int | None) -> Floats:
        columns = [_lag_columns(one, rows, nearest, deepest, style.collapse) for one in values]
        return np.hstack(columns)

    blocks = []
    if style.equation != "level":
        values = [
            _lag_columns(column, transformed, first, last, style.collapse) for column in columns
        ]
        stacked = _stack(np.hstack(values), transformed, level, "difference")
        blocks.append(InstrumentBlock(name, "difference", stacked))
    if style.equation != "difference" and level is not None:
        nearest = max(first - 1, 0)
        start, stop = (nearest, nearest) if style.equation == "both" else (first, last)
        steps = [column - lagged(column, 1) for column in columns]
        stacked = _stack(past(steps, level, start, stop), transformed, level, "level")
        blocks.append(InstrumentBlock(name, "level", stacked))
    return blocks


def iv_block(
    style: IvStyle, grid: PanelGrid, transformed: Rows, level: Rows | None
) -> InstrumentBlock:
    """Each column transformed like the regressors, or as it stands with ``transform=False``."""
    columns = np.column_stack([grid.values[column].ravel() for column in style.columns])
    name = f"iv({', '.join(style.columns)})"
    return InstrumentBlock(
        name, style.equation, variable_instruments(columns, style, transformed, level)
    )


def variable_instruments(
    columns: Floats, style: IvStyle, transformed: Rows, level: Rows | None
) -> Floats:
    """Instruments from ``columns`` (units x periods, l) in the equations of ``style``."""
    columns = np.nan_to_num(columns)
    upper = transformed.transform @ columns if style.transform else columns[transformed.position]
    if style.equation == "level":
        upper = np.zeros_like(upper)
    if level is None:
        return upper
    lower = level.transform @ columns
    return np.vstack([upper, np.zeros_like(lower) if style.equation == "difference" else lower])


def _lag_columns(
    values: Floats, rows: Rows, first: int, last: int | None, collapse: bool
) -> Floats:
    """Columns (rows, ·): one per period and lag, or one per lag when collapsed; missing is zero."""
    n_periods = values.shape[1]
    deepest = n_periods - 1 if last is None else min(last, n_periods - 1)
    columns = [np.zeros((len(rows), 0))]
    for lag in range(first, deepest + 1):
        past = np.nan_to_num(lagged(values, lag)[rows.unit, rows.period])
        if collapse:
            columns.append(past[:, None])
        else:
            by_period = np.zeros((len(rows), n_periods))
            by_period[np.arange(len(rows)), rows.period] = past
            columns.append(by_period)
    wide = np.hstack(columns)
    return wide[:, (wide != 0).any(axis=0)]


def _stack(values: Floats, transformed: Rows, level: Rows | None, equation: str) -> Floats:
    if level is None:
        return values
    other = np.zeros((len(level if equation == "difference" else transformed), values.shape[1]))
    return np.vstack([values, other] if equation == "difference" else [other, values])


def _mapping(field: str, entry: Any, allowed: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(entry, Mapping) or "columns" not in entry or set(entry) - set(allowed):
        raise ModelError(
            f"{field}: expected a mapping with columns and optionally "
            f"{', '.join(allowed[1:])}, got {entry!r}"
        )
    return entry


def _columns(entry: Mapping[str, Any]) -> tuple[str, ...]:
    columns = entry["columns"]
    return (columns,) if isinstance(columns, str) else tuple(columns)


def _equation(field: str, entry: Mapping[str, Any], system: bool) -> str:
    equation = entry.get("equation", "both")
    if equation not in EQUATIONS:
        raise ModelError(f"{field}: equation {equation!r} is not one of {', '.join(EQUATIONS)}")
    if system:
        return str(equation)
    if equation == "level":
        raise ModelError(f"{field}: equation 'level' needs equations='system'")
    return "difference"


def _lags(value: Any) -> tuple[int, int | None]:
    lags = (value, value) if isinstance(value, int) else tuple(value)
    if len(lags) != 2 or not isinstance(lags[0], int) or lags[0] < 0:
        raise ModelError(f"gmm_instruments: lags {value!r} should be [first, last], first >= 0")
    if lags[1] is not None and (not isinstance(lags[1], int) or lags[1] < lags[0]):
        raise ModelError(f"gmm_instruments: lags {value!r}: the last is before the first")
    return lags
