"""A long frame as units x periods, so that lags, differences and gaps are plain indexing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.specification import ModelError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PanelGrid:
    """Columns of a panel on a full grid.

    ``values`` maps a column to an array (units, periods), NaN where the frame has no value;
    ``periods`` (T,) are equally spaced, so a period that no row has is a gap and not a lag.
    """

    values: dict[str, Floats]
    periods: NDArray[np.int64]
    n_units: int
    n_rows: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.n_units, len(self.periods)


def panel_grid(frame: pd.DataFrame, columns: Sequence[str], unit: str, time: str) -> PanelGrid:
    """Put ``columns`` of ``frame`` on the grid of ``unit`` x ``time``.

    The period is the greatest common divisor of the distances between the times present: one for
    years, five for a panel of every fifth year.

    Raises
    ------
    ModelError
        If a column is absent, not numeric or infinite, a time is not an integer, or a unit has two
        rows at the same time.
    """
    for name in (*columns, unit, time):
        if name not in frame.columns:
            raise ModelError(f"the frame has no column {name!r}")
    named = frame[frame[unit].notna() & frame[time].notna()]
    if named.empty:
        raise ModelError(f"no row has both {unit!r} and {time!r}")
    times = _integer_times(named[time], time)
    units = pd.factorize(named[unit].to_numpy(), sort=True)[0]
    step = int(np.gcd.reduce(np.diff(np.unique(times)))) or 1
    index = (times - times.min()) // step
    _check_unique(named, unit, time)
    n_units, n_periods = int(units.max()) + 1, int(index.max()) + 1
    values = {}
    for name in dict.fromkeys(columns):
        values[name] = np.full((n_units, n_periods), np.nan)
        values[name][units, index] = _numbers(named[name])
    periods = times.min() + step * np.arange(n_periods)
    return PanelGrid(values, periods, n_units, len(frame))


def lagged(values: Floats, lag: int) -> Floats:
    """``values`` (N, T) as they were ``lag`` periods earlier; missing where there is no such."""
    result = np.full_like(values, np.nan)
    if lag < values.shape[1]:
        result[:, lag:] = values[:, : values.shape[1] - lag]
    return result


def _integer_times(column: pd.Series, name: str) -> NDArray[np.int64]:
    if not pd.api.types.is_numeric_dtype(column) or (column % 1 != 0).any():
        raise ModelError(f"the time column {name!r} must hold whole numbers such as years")
    return column.to_numpy(dtype=np.int64)


def _check_unique(frame: pd.DataFrame, unit: str, time: str) -> None:
    repeated = frame.duplicated([unit, time])
    if repeated.any():
        first = frame.loc[repeated, [unit, time]].iloc[0].to_dict()
        raise ModelError(f"a panel needs one row per unit and time, but {first} occurs twice")


def _numbers(column: pd.Series) -> Floats:
    if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
        raise ModelError(f"column {column.name!r} is {column.dtype}, expected numbers")
    values = column.to_numpy(dtype=float, na_value=np.nan)
    if np.isinf(values).any():
        raise ModelError(
            f"column {column.name!r} has {int(np.isinf(values).sum())} infinite values (the "
            "logarithm of zero?); choose a rule for them before estimating"
        )
    return values
