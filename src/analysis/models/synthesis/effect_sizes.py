"""The estimates a synthesis combines: given, or computed from tables, means or correlations."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from analysis.models.design import Design, build_design
from analysis.models.specification import ModelError, Specification

Floats = NDArray[np.float64]
CONTINUITY = ("zero_cells", "all", "none")


@dataclass(frozen=True, slots=True)
class Effects:
    """Estimates ``y`` and sampling variances ``v`` (k,), regressors ``x`` (k, p), labels (k,)."""

    specification: Specification
    design: Design
    y: Floats
    v: Floats
    x: Floats
    terms: tuple[str, ...]
    labels: tuple[str, ...]


def collect_effects(
    frame: pd.DataFrame,
    *,
    outcome: str | None,
    sampling_variance: str | None,
    standard_error: str | None,
    measure: str | None,
    cells: tuple[str, ...],
    continuity: float,
    continuity_to: str,
    regressors: tuple[str, ...],
    intercept: bool,
    study: str | None,
    sample: str,
) -> Effects:
    """Effects of the complete rows, in a fixed order.

    Raises
    ------
    ModelError
        If it is not exactly one of: outcome with a variance or standard error; measure with cells.
    """
    if measure is not None or cells:
        if outcome or sampling_variance or standard_error:
            raise ModelError("give outcome and its variance, or measure and cells, not both")
        effect, variance = _from_cells(frame, measure, cells, continuity, continuity_to)
        outcome = str(measure)
    else:
        effect, variance = _given(frame, outcome, sampling_variance, standard_error)
    name, precision = str(outcome), f"1 / variance of {outcome}"
    labels = _labels(frame, study)
    ready = frame.assign(**{name: effect, precision: 1 / variance, "study label": labels})
    spec = Specification(
        outcome=name,
        regressors=regressors,
        intercept=intercept,
        weights=precision,
        unit="study label",
        sample=sample,
    )
    design = build_design(spec, ready)
    return _in_order(spec, design, labels)


def _in_order(spec: Specification, design: Design, labels: pd.Series) -> Effects:
    assert design.units is not None
    kept = sorted(labels.unique())
    names = tuple(kept[code] for code in design.units)
    return Effects(
        spec,
        design,
        design.outcome,
        1 / design.weights,
        design.exogenous,
        design.exogenous_terms,
        names,
    )


def _labels(frame: pd.DataFrame, study: str | None) -> pd.Series:
    if study is None:
        return pd.Series(frame.index.astype(str), index=frame.index)
    if study not in frame.columns:
        raise ModelError(f"study: the frame has no column {study!r}")
    if frame[study].isna().any():
        raise ModelError(f"study: {study!r} is missing in {int(frame[study].isna().sum())} rows")
    return frame[study].astype(str)


def _given(
    frame: pd.DataFrame, outcome: str | None, variance: str | None, error: str | None
) -> tuple[pd.Series, pd.Series]:
    if outcome is None or (variance is None) == (error is None):
        raise ModelError(
            "give outcome with one of sampling_variance and standard_error, or measure with cells"
        )
    column = variance or str(error)
    effect, spread = number_column(frame, outcome), number_column(frame, column)
    if (spread <= 0).any():
        raise ModelError(f"{column!r}: {int((spread <= 0).sum())} values are not positive")
    return effect, spread if variance else spread**2


def number_column(frame: pd.DataFrame, name: str) -> pd.Series:
    """A column as floats; `ModelError` if it is absent or not numeric."""
    if name not in frame.columns:
        raise ModelError(f"the frame has no column {name!r}")
    if not pd.api.types.is_numeric_dtype(frame[name]):
        raise ModelError(f"column {name!r} is {frame[name].dtype}, expected numbers")
    return pd.Series(frame[name].to_numpy(dtype=float, na_value=np.nan), index=frame.index)


def _from_cells(
    frame: pd.DataFrame,
    measure: str | None,
    cells: tuple[str, ...],
    continuity: float,
    continuity_to: str,
) -> tuple[pd.Series, pd.Series]:
    if measure not in MEASURES:
        raise ModelError(f"measure: {measure!r} is not one of {', '.join(MEASURES)}")
    if continuity_to not in CONTINUITY:
        raise ModelError(f"continuity_to: {continuity_to!r} is not one of {', '.join(CONTINUITY)}")
    meaning, function = MEASURES[measure]
    if len(cells) != len(meaning):
        raise ModelError(
            f"cells: {measure} expects {len(meaning)} columns ({', '.join(meaning)}), got {cells}"
        )
    values = np.column_stack([number_column(frame, name) for name in cells])
    advice = f"; look for impossible values among {', '.join(cells)}"
    if meaning == TWO_BY_TWO:
        values = _corrected(values, cells, continuity, continuity_to)
        advice = " with empty cells; use continuity_to='zero_cells' or leave them out"
    with np.errstate(divide="ignore", invalid="ignore"):
        effect, variance = function(*values.T)
    defined = np.isfinite(effect) & np.isfinite(variance) & (variance > 0)
    undefined = ~defined & ~np.isnan(values).any(axis=1)
    if undefined.any():
        raise ModelError(
            f"{measure} or its variance is not defined in {int(undefined.sum())} rows{advice}"
        )
    return pd.Series(effect, index=frame.index), pd.Series(variance, index=frame.index)


def _corrected(
    counts: Floats, cells: tuple[str, ...], continuity: float, continuity_to: str
) -> Floats:
    if (counts < 0).any():
        raise ModelError(f"cells: {', '.join(cells)} hold negative counts")
    empty = (counts == 0).any(axis=1)
    chosen = {"zero_cells": empty, "all": np.ones_like(empty), "none": np.zeros_like(empty)}
    return np.asarray(counts + continuity * chosen[continuity_to][:, None])


def _log_risk_ratio(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats]:
    effect = np.log(a / (a + b)) - np.log(c / (c + d))
    return effect, 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)


def _log_odds_ratio(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats]:
    return np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d


def _risk_difference(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats]:
    return a / (a + b) - c / (c + d), a * b / (a + b) ** 3 + c * d / (c + d) ** 3


def _mean_difference(
    n1: Floats, m1: Floats, sd1: Floats, n2: Floats, m2: Floats, sd2: Floats
) -> tuple[Floats, Floats]:
    return m1 - m2, sd1**2 / n1 + sd2**2 / n2


def _standardised_mean_difference(
    n1: Floats, m1: Floats, sd1: Floats, n2: Floats, m2: Floats, sd2: Floats
) -> tuple[Floats, Floats]:
    """Hedges' g (1981, eq. 6e, exact correction), its variance after Hedges (1982, eq. 8)."""
    df = n1 + n2 - 2
    pooled = np.sqrt(((n1 - 1) * sd1**2 + (n2 - 1) * sd2**2) / df)
    correction = np.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2)) / np.sqrt(df / 2)
    effect = correction * (m1 - m2) / pooled
    return effect, 1 / n1 + 1 / n2 + effect**2 / (2 * (n1 + n2))


def _correlation_z(r: Floats, n: Floats) -> tuple[Floats, Floats]:
    return np.arctanh(r), 1 / (n - 3)


TWO_BY_TWO = ("treated with the event", "treated without", "controls with it", "controls without")
SIX = (
    *("number of treated", "their mean", "their standard deviation"),
    *("number of controls", "their mean", "their standard deviation"),
)
#: Name -> what the cells are, and the function from them to the effect and its variance.
MEASURES: dict[str, tuple[tuple[str, ...], Callable[..., tuple[Floats, Floats]]]] = {
    "log_risk_ratio": (TWO_BY_TWO, _log_risk_ratio),
    "log_odds_ratio": (TWO_BY_TWO, _log_odds_ratio),
    "risk_difference": (TWO_BY_TWO, _risk_difference),
    "mean_difference": (SIX, _mean_difference),
    "standardised_mean_difference": (SIX, _standardised_mean_difference),
    "correlation_z": (("correlation", "number"), _correlation_z),
}
