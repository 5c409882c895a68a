"""From a frame to the sorted arrays of a linear panel model, and the algebra of group means."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.design import Design, build_design
from analysis.models.specification import ModelError, Specification

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Columns = str | Sequence[str]

# A column is constant within units when what varies is below this share of its size.
WITHIN_TOLERANCE = 1e-9


def column_names(value: Columns) -> tuple[str, ...]:
    """One name or a list of names as a tuple."""
    return (value,) if isinstance(value, str) else tuple(value)


def read_panel(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns = (),
    endogenous: Columns = (),
    instruments: Columns = (),
    absorb: Columns = (),
    cluster: Columns = (),
    weights: str | None = None,
    unit: str | None = None,
    time: str | None = None,
    intercept: bool = True,
    sample: str = "all",
) -> Design:
    """The complete rows of ``frame``, sorted by unit, then period, then as build_design sorts.

    Raises
    ------
    ModelError
        As :func:`analysis.models.design.build_design`.
    """
    clusters = column_names(cluster)
    specification = Specification(
        outcome=outcome,
        regressors=column_names(regressors),
        estimator="iv" if column_names(endogenous) else "ols",
        intercept=intercept,
        endogenous=column_names(endogenous),
        instruments=column_names(instruments),
        absorb=column_names(absorb),
        vcov="cluster" if clusters else "classical",
        cluster=clusters,
        weights=weights,
        unit=unit,
        time=time,
        sample=sample,
    )
    design = build_design(specification, frame)
    if unit is None and time is None:
        return design
    keys = [codes for codes in (design.periods, design.units) if codes is not None]
    order = np.lexsort(keys)
    return replace(
        design,
        outcome=design.outcome[order],
        exogenous=design.exogenous[order],
        endogenous=design.endogenous[order],
        instruments=design.instruments[order],
        weights=design.weights[order],
        effects=design.effects[order],
        clusters=design.clusters[order],
        units=None if design.units is None else design.units[order],
        periods=None if design.periods is None else design.periods[order],
        labels={name: column[order] for name, column in design.labels.items()},
    )


def check_one_row_per_period(units: Codes, periods: Codes, purpose: str) -> None:
    """`ModelError` if a unit has two rows in one period."""
    pairs = np.column_stack([units, periods])
    repeated = len(pairs) - len(np.unique(pairs, axis=0))
    if repeated:
        raise ModelError(
            f"{purpose} needs one row per unit and period; {repeated} rows repeat a pair that "
            "already occurs. Check the columns named as unit and time"
        )


def check_choice(option: str, value: object, allowed: Sequence[str]) -> None:
    """`ModelError` listing the allowed values."""
    if value not in allowed:
        raise ModelError(f"{option}: {value!r} is not one of {', '.join(allowed)}")


def group_sums(columns: Floats, codes: Codes) -> Floats:
    """Sums (groups, k) of ``columns`` (n, k) by ``codes`` (n,)."""
    return np.column_stack([np.bincount(codes, column) for column in columns.T]).astype(np.float64)


def group_means(columns: Floats, codes: Codes, weights: Floats | None = None) -> Floats:
    """Means (groups, k) of ``columns`` (n, k) or (n,) by ``codes`` (n,)."""
    table = columns.reshape(len(columns), -1)
    weighted = table if weights is None else table * weights[:, None]
    means = group_sums(weighted, codes) / np.bincount(codes, weights)[:, None]
    return means.reshape((len(means), *columns.shape[1:]))


def between(columns: Floats, codes: Codes) -> Floats:
    """Group means in every row of the group: ``P`` times ``columns``."""
    return group_means(columns, codes)[codes]


def within(columns: Floats, codes: Codes) -> Floats:
    """Deviations from group means: ``Q`` times ``columns``."""
    return columns - between(columns, codes)


def varies_within(columns: Floats, codes: Codes) -> NDArray[np.bool_]:
    """Which columns (k,) change within at least one group."""
    size = np.abs(columns).max(axis=0)
    return np.abs(within(columns, codes)).max(axis=0) > WITHIN_TOLERANCE * size
