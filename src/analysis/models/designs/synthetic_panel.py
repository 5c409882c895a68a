"""Outcomes and predictors by unit and period, as synthetic controls need them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.designs.did_panel import check_columns, numeric
from analysis.models.specification import ModelError

PREDICTOR_KEYS = ("column", "window", "periods", "name")


@dataclass(frozen=True, slots=True)
class Predictor:
    """The mean of ``column`` over ``periods``, or over those from first to last of ``window``."""

    name: str
    column: str
    window: tuple[float, float] | None = None
    periods: tuple[float, ...] = ()

    def covers(self, times: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of ``times`` (n,) the mean is over."""
        if self.window is None:
            return np.isin(times, self.periods)
        return (times >= self.window[0]) & (times <= self.window[1])

    def before(self, period: float) -> "Predictor":
        """The same predictor, from periods before ``period`` only."""
        if self.window is None:
            return replace(self, periods=tuple(one for one in self.periods if one < period))
        last = min(self.window[1], float(np.nextafter(period, -np.inf)))
        return replace(self, window=(self.window[0], last))


def outcome_matrix(frame: pd.DataFrame, outcome: str, unit: str, time: str) -> pd.DataFrame:
    """Outcomes with one row per period and one column per unit, both sorted; gaps are missing.

    Raises
    ------
    ModelError
        If a column is absent or not numeric, or a unit has two rows in a period.
    """
    check_columns(frame, [outcome, unit, time])
    table = pd.DataFrame(
        {
            "unit": frame[unit].to_numpy(),
            "time": numeric(frame, time),
            "outcome": numeric(frame, outcome),
        }
    ).dropna(subset=["unit", "time"])
    repeated = table[table.duplicated(["unit", "time"])]
    if len(repeated):
        where = f"{repeated['unit'].iloc[0]} in {repeated['time'].iloc[0]:g}"
        raise ModelError(f"expected one row per {unit!r} and {time!r}, but {where} has more")
    return (
        table.pivot(index="time", columns="unit", values="outcome")
        .sort_index()
        .sort_index(axis="columns")
    )


def read_predictors(
    predictors: Sequence[str | Mapping[str, Any]], window: Sequence[float] | None, option: str
) -> tuple[Predictor, ...]:
    """Predictors as written by the caller; see `synthetic_control` for what may be written."""
    listed = [predictors] if isinstance(predictors, str) else predictors
    read = tuple(_read_predictor(one, window, option) for one in listed)
    names = [one.name for one in read]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ModelError(f"{option}: {', '.join(twice)} given twice; give each its own name")
    return read


def predictor_matrix(
    frame: pd.DataFrame, predictors: tuple[Predictor, ...], unit: str, time: str, units: list[Any]
) -> pd.DataFrame:
    """Means (k, units) of the predictors over their periods, missing values left out.

    Raises
    ------
    ModelError
        If a unit has no value of a predictor, naming both, or no period is covered.
    """
    check_columns(frame, [unit, time, *(one.column for one in predictors)])
    times = numeric(frame, time)
    rows = {}
    for one in predictors:
        covered = one.covers(times)
        if not covered.any():
            raise ModelError(f"predictor {one.name!r}: no row is in its periods")
        values = pd.Series(numeric(frame, one.column)[covered])
        means = values.groupby(frame.loc[covered, unit].to_numpy()).mean().reindex(units)
        absent = [str(label) for label in means.index[means.isna()]]
        if absent:
            raise ModelError(
                f"predictor {one.name!r} has no value in its periods for {', '.join(absent)}; "
                "leave the unit out of the donors, or the predictor"
            )
        rows[one.name] = means
    return pd.DataFrame(rows).T


def one_window(value: Sequence[float], option: str) -> tuple[float, float]:
    """First and last period of a window."""
    if isinstance(value, str) or len(value) != 2 or value[0] > value[1]:
        raise ModelError(f"{option}: expected the first and the last period, got {value!r}")
    return float(value[0]), float(value[1])


def _read_predictor(
    one: str | Mapping[str, Any], window: Sequence[float] | None, option: str
) -> Predictor:
    given: Mapping[str, Any] = {"column": one} if isinstance(one, str) else one
    unknown = sorted(set(given) - set(PREDICTOR_KEYS))
    if unknown or "column" not in given:
        raise ModelError(
            f"{option}: a predictor has column and optionally {', '.join(PREDICTOR_KEYS[1:])}; "
            f"got {dict(given)!r}"
        )
    name = str(given.get("name", given["column"]))
    if "window" in given and "periods" in given:
        raise ModelError(f"{option}: {name}: give window or periods, not both")
    if "periods" in given:
        periods = given["periods"]
        listed = [periods] if isinstance(periods, int | float) else periods
        return Predictor(name, given["column"], periods=tuple(map(float, listed)))
    own = given.get("window", window)
    if own is None:
        raise ModelError(f"{option}: {name}: give window or periods, or predictor_window for all")
    return Predictor(name, given["column"], one_window(own, f"{option}: {name}: window"))
