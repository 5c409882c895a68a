"""From a panel to the columns and rows that the specifications of a curve use."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models import ModelError
from analysis.panel import measures
from analysis.robustness.choices import (
    COORDINATES,
    NONE,
    Condition,
    Curve,
    CurveError,
    Measure,
    Sample,
    flat,
)

Flags = NDArray[np.bool_]
Compare = Callable[[pd.Series, list], pd.Series]

_ZERO_RULES = {
    "log": "missing",
    "log1p": "plus_one",
    "ihs": "asinh",
    "log_half_minimum": "half_minimum",
}


def all_measures(curve: Curve) -> dict[str, Measure]:
    """Every measure of the curve by formula: outcomes, focus, controls, instruments."""
    controls = curve.controls
    groups = [
        flat(curve.outcomes),
        flat(curve.focus),
        flat(controls.always),
        *controls.alternatives().values(),
        *controls.optional().values(),
        *(flat(members) for members in curve.instruments.values()),
    ]
    return {measure.formula: measure for members in groups for measure in members}


def group_columns(curve: Curve) -> list[str]:
    """Columns that say to which unit, effect or cluster a row belongs."""
    listed = [
        curve.unit,
        *(name for columns in curve.effects.values() for name in columns),
        *(name for label in curve.clusters for name in curve.errors(label).columns),
    ]
    return list(dict.fromkeys(listed))


def coordinate_columns(curve: Curve) -> list[str]:
    """Longitude and latitude, where some errors need distances."""
    near = any(curve.errors(label).within for label in curve.clusters)
    return list(COORDINATES) if near else []


def weight_columns(curve: Curve) -> list[str]:
    """Columns of weights."""
    return [name for name in curve.weights if name != NONE]


def curve_columns(curve: Curve, frame: pd.DataFrame) -> pd.DataFrame:
    """Measures (by formula, as floats), groups and weights, in the rows of ``frame``.

    Lags, averages and changes look at calendar years within a unit, so they are made before any
    sample is chosen: ``frame`` should hold the years before the first one analysed.

    Raises
    ------
    CurveError, ModelError
        If a column is absent or of the wrong kind, or a value is infinite.
    """
    wanted = all_measures(curve)
    groups, weights = group_columns(curve), weight_columns(curve)
    coordinates = coordinate_columns(curve)
    _check_present(frame, [m.column for m in wanted.values()], [*groups, *weights, *coordinates])
    columns = {
        formula: measure_values(frame, measure, curve.unit, curve.time)
        for formula, measure in wanted.items()
    }
    for name in weights:
        columns[name] = _weights(frame[name])
    for name in coordinates:
        columns[name] = _numbers(frame[name])
    for name in groups:
        # Every pass takes rows and factorises: texts are sorted once, here.
        texts = isinstance(frame[name].dtype, pd.StringDtype | pd.CategoricalDtype)
        kept = frame[name].astype(object).astype("category") if texts else frame[name]
        columns.setdefault(name, kept)
    return pd.DataFrame(columns, index=frame.index).reset_index(drop=True)


def measure_values(frame: pd.DataFrame, measure: Measure, unit: str, time: str) -> pd.Series:
    """One measure (n,) as floats, aligned to ``frame``."""
    working = pd.DataFrame({"value": _numbers(frame[measure.column])})
    if unit in frame and time in frame:
        working = working.assign(**{unit: frame[unit], time: frame[time]})
    if measure.average > 1 or measure.lag or measure.transform not in ("level", *_ZERO_RULES):
        _check_years(working, measure, unit, time)
    if measure.average > 1:
        working["value"] = measures.moving_average(working, "value", measure.average, unit, time)
    working["value"] = _transformed(working, measure.transform, unit, time)
    if measure.lag:
        working["value"] = measures.lag(working, "value", measure.lag, unit, time)
    infinite = int(np.isinf(working["value"]).sum())
    if infinite:
        raise CurveError(f"{measure.formula} has {infinite} infinite values in the frame")
    return working["value"] * measure.times


def _check_years(working: pd.DataFrame, measure: Measure, unit: str, time: str) -> None:
    if unit not in working or time not in working:
        raise CurveError(f"{measure.formula} needs the columns {unit!r} and {time!r} in the frame")
    if not pd.api.types.is_numeric_dtype(working[time]):
        raise CurveError(
            f"{measure.formula} needs years as numbers; column {time!r} is {working[time].dtype}"
        )


def _transformed(working: pd.DataFrame, transform: str, unit: str, time: str) -> pd.Series:
    values = working["value"]
    if transform == "level":
        return values
    if transform in _ZERO_RULES:
        return measures.log_with_rule(values, _ZERO_RULES[transform])
    if transform == "growth":
        return measures.growth(working, "value", 1, unit, time)
    if transform == "difference":
        return values - measures.lag(working, "value", 1, unit, time)
    if transform == "stock":
        return measures.knowledge_stock(working, "value", unit=unit, time=time)
    total = values.groupby(working[time]).transform("sum")
    return 100 * values / total.where(total != 0)


def sample_rows(curve: Curve, sample: str, frame: pd.DataFrame) -> Flags:
    """(n,) rows of ``frame`` that belong to the sample; see :class:`Condition`."""
    keep = np.ones(len(frame), dtype=bool)
    conditions: Sample = curve.samples[sample]
    for column, condition in conditions.items():
        place = f"samples: {sample}: {column}"
        if column not in frame:
            raise CurveError(f"{place}: the frame has no such column")
        keep &= _condition_rows(condition, frame, column, curve.unit, place)
    return keep


def _condition_rows(
    condition: Condition, frame: pd.DataFrame, column: str, unit: str, place: str
) -> Flags:
    values = frame[column]
    keep = values.notna().to_numpy(copy=True)
    if condition.is_ is not None:
        keep &= _among(values, condition.is_, place)
    if condition.not_ is not None:
        keep &= ~_among(values, condition.not_, place)
    if condition.not_starting_with is not None:
        text = values.astype("str").str
        keep &= ~text.startswith(tuple(condition.not_starting_with)).to_numpy(dtype=bool)
    bounds = {
        "from": (condition.from_, np.greater_equal),
        "to": (condition.to, np.less_equal),
        "above": (condition.above, np.greater),
        "below": (condition.below, np.less),
        "mean from": (condition.mean_from, np.greater_equal),
    }
    for key, (bound, compare) in bounds.items():
        if bound is None:
            continue
        if not pd.api.types.is_numeric_dtype(values):
            raise CurveError(f"{place}: {key}: the column is {values.dtype}, expected numbers")
        compared = pd.Series(_numbers(values), index=frame.index)
        if key == "mean from":
            compared = compared.groupby(frame[unit]).transform("mean")
        keep &= compare(compared.to_numpy(), bound)  # false where missing
    return keep


def _among(values: pd.Series, allowed: list, place: str) -> Flags:
    """Rows whose value is one of ``allowed``, which must be of the column's kind."""
    text = not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values))
    wrong = [value for value in allowed if isinstance(value, str) != text]
    if wrong:
        hint = " (quote NO and other words that YAML reads as yes or no)" if text else ""
        raise CurveError(
            f"{place}: {wrong[0]!r} cannot be a value of a column of {values.dtype}{hint}"
        )
    return values.isin(allowed).to_numpy(dtype=bool)


def _numbers(column: pd.Series) -> pd.Series:
    if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
        raise CurveError(f"column {column.name!r} is {column.dtype}, expected numbers")
    return pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan), index=column.index)


def _weights(column: pd.Series) -> pd.Series:
    values = _numbers(column)
    count = int((values <= 0).sum())
    if count:
        raise CurveError(
            f"weights {column.name!r}: {count} values are zero or negative; make them missing to "
            "leave these rows out"
        )
    return values


def _check_present(frame: pd.DataFrame, numbers: Iterable[str], others: Iterable[str]) -> None:
    absent = list(dict.fromkeys(name for name in [*numbers, *others] if name not in frame))
    if absent:
        raise ModelError(
            f"the frame lacks the columns {', '.join(absent)}; "
            f"it has {', '.join(map(str, frame.columns))}"
        )
