"""The panel of a staggered design: who is observed when, and first treated when."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class StaggeredPanel:
    """Complete rows of a panel with absorbing treatment, sorted by unit and time.

    ``rows`` holds the columns used; ``unit`` (n,) are codes in the order of ``labels``; ``time``
    and ``cohort`` (n,) are the period and the period of first treatment, infinite for units never
    treated. ``n_dropped`` counts rows left out for a missing value.
    """

    rows: pd.DataFrame
    unit: Codes
    labels: NDArray
    time: Floats
    cohort: Floats
    n_dropped: int

    @property
    def treated(self) -> NDArray[np.bool_]:
        """Whether the unit of the row is under treatment in the row's period, (n,)."""
        return self.time >= self.cohort

    @property
    def periods(self) -> Floats:
        """Periods in the data, ascending."""
        return np.unique(self.time)

    def column(self, name: str | None) -> Floats:
        """A numeric column (n,); ones for None, which stands for equal weights."""
        return np.ones(len(self.rows)) if name is None else numeric(self.rows, name)

    def block(self, names: tuple[str, ...]) -> Floats:
        """Numeric columns (n, len(names))."""
        return np.column_stack([np.empty((len(self.rows), 0)), *map(self.column, names)])

    def codes(self, name: str) -> Codes:
        """Consecutive codes (n,) of the values of a column."""
        return pd.factorize(self.rows[name].to_numpy(), sort=True)[0].astype(np.int64)

    def select(self, keep: NDArray[np.bool_]) -> "StaggeredPanel":
        """The rows where ``keep`` (n,) is true; units keep their codes."""
        return StaggeredPanel(
            self.rows[keep],
            self.unit[keep],
            self.labels,
            self.time[keep],
            self.cohort[keep],
            self.n_dropped,
        )


def staggered_panel(
    frame: pd.DataFrame,
    *,
    outcome: str,
    unit: str | None,
    time: str,
    first_treated: str,
    never: float | None = 0,
    others: tuple[str, ...] = (),
) -> StaggeredPanel:
    """Check and sort a panel.

    Parameters
    ----------
    unit
        None for repeated cross-sections, where each row is a unit of its own.
    first_treated
        Period in which the unit is first treated. Missing, infinite or equal to ``never`` for units
        never treated. Must be one value per unit.
    others
        Further columns that a row must have.

    Raises
    ------
    ModelError
        If a column is absent or not numeric, a unit has two rows in a period or two periods of
        first treatment, ``never`` could be mistaken for a period, or no unit is ever treated.
    """
    named = [outcome, *([unit] if unit else []), time, first_treated, *others]
    check_columns(frame, named)
    cohort = _cohorts(frame, first_treated, time, never)
    needed = list(dict.fromkeys(name for name in named if name != first_treated))
    complete = frame[needed].notna().all(axis=1).to_numpy()
    if not complete.any():
        raise ModelError(f"no row has a value in all of the columns {', '.join(needed)}")
    rows = frame.loc[complete, list(dict.fromkeys(named))]
    cohort = cohort[complete]
    periods = numeric(rows, time)
    codes, labels = _units(rows, unit)
    keys = [codes, periods, cohort]
    if unit is None:
        keys += [numeric(rows, name) for name in needed if _is_number(rows[name])]
    order = np.lexsort(keys[::-1])
    panel = StaggeredPanel(
        rows.iloc[order].reset_index(drop=True),
        codes[order] if unit else np.arange(len(rows)),
        labels,
        periods[order],
        cohort[order],
        n_dropped=int((~complete).sum()),
    )
    _check_panel(panel, outcome, unit, time, first_treated)
    return panel


def check_columns(frame: pd.DataFrame, names: list[str]) -> None:
    """ModelError for the first of ``names`` that is no column of ``frame``."""
    for name in names:
        if name not in frame.columns:
            near = get_close_matches(str(name), [str(column) for column in frame.columns], n=3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise ModelError(f"the frame has no column {name!r}{hint}")


def as_columns(columns: str | Sequence[str]) -> tuple[str, ...]:
    """One column name or several, as a tuple."""
    return (columns,) if isinstance(columns, str) else tuple(columns)


def as_numbers(values: float | Sequence[float]) -> tuple[float, ...]:
    """One number or several, as a tuple."""
    return (float(values),) if isinstance(values, int | float) else tuple(map(float, values))


def check_choice(option: str, value: object, allowed: tuple[str, ...]) -> None:
    """ModelError unless ``value`` is one of ``allowed``."""
    if value not in allowed:
        raise ModelError(f"{option}: {value!r} is not one of {', '.join(allowed)}")


def numeric(rows: pd.DataFrame, name: str) -> Floats:
    """A column as floats, missing values as NaN; `ModelError` for text or infinite values."""
    if not _is_number(rows[name]):
        raise ModelError(f"column {name!r} is {rows[name].dtype}, expected numbers")
    values = rows[name].to_numpy(dtype=float, na_value=np.nan)
    if np.isinf(values).any():
        raise ModelError(f"column {name!r} has {int(np.isinf(values).sum())} infinite values")
    return values


def period_label(value: float) -> str:
    """A period or cohort as text: ``2004``, ``2004.5`` or ``never``."""
    return "never" if math.isinf(value) else f"{value:.12g}"


def weights_of(panel: StaggeredPanel, weights: str | None) -> Floats:
    """Weights (n,), ones for None; `ModelError` if one is not positive."""
    values = panel.column(weights)
    if (values <= 0).any():
        count = int((values <= 0).sum())
        raise ModelError(f"weights {weights!r}: {count} values are zero or negative")
    return values


def clusters_of(panel: StaggeredPanel, cluster: str | None) -> Codes:
    """Cluster codes (n,), units for None; `ModelError` if there is only one cluster."""
    codes = panel.codes(cluster) if cluster else panel.unit
    if len(np.unique(codes)) < 2:
        raise ModelError(f"only one cluster in {cluster or 'the unit column'}; 2 are needed")
    return codes


def cluster_sums(values: Floats, codes: Codes) -> Floats:
    """Sums of the rows of ``values`` (n, k) by ``codes`` (n,): shape (codes.max() + 1, k)."""
    sums = np.zeros((int(codes.max()) + 1, values.shape[1]))
    np.add.at(sums, codes, values)
    return sums


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)


def _cohorts(frame: pd.DataFrame, name: str, time: str, never: float | None) -> Floats:
    if not _is_number(frame[name]):
        raise ModelError(
            f"column {name!r} is {frame[name].dtype}, expected the period of first treatment as a "
            "number, missing for units never treated"
        )
    cohort = frame[name].to_numpy(dtype=float, na_value=np.nan)
    coded = cohort == never
    if never is not None and coded.any() and numeric(frame, time).min() <= never:
        raise ModelError(
            f"{name} == {never:g} is taken for 'never treated', but {never:g} may be a period of "
            f"{time!r}, which starts at {numeric(frame, time).min():g}; set never to the code of "
            "units never treated, or to null if they are missing"
        )
    return np.where(np.isnan(cohort) | coded, np.inf, cohort)


def _units(rows: pd.DataFrame, unit: str | None) -> tuple[Codes, NDArray]:
    if unit is None:
        return np.zeros(len(rows), dtype=np.int64), np.arange(len(rows))
    codes, labels = pd.factorize(rows[unit].to_numpy(), sort=True)
    return codes.astype(np.int64), np.asarray(labels)


def _check_panel(
    panel: StaggeredPanel, outcome: str, unit: str | None, time: str, first_treated: str
) -> None:
    numeric(panel.rows, outcome)
    same = panel.unit[1:] == panel.unit[:-1]
    repeated = np.flatnonzero(same & (panel.time[1:] == panel.time[:-1]))
    if len(repeated):
        where = f"{panel.labels[panel.unit[repeated[0]]]} in {panel.time[repeated[0]]:g}"
        raise ModelError(f"expected one row per {unit!r} and {time!r}, but {where} has more")
    changes = np.flatnonzero(same & (panel.cohort[1:] != panel.cohort[:-1]))
    if len(changes):
        names = dict.fromkeys(str(panel.labels[panel.unit[row]]) for row in changes)
        raise ModelError(
            f"{first_treated!r} must be one value per {unit!r}, but differs within "
            f"{', '.join(list(names)[:5])}"
        )
    if not panel.treated.any():
        raise ModelError(
            f"no row is treated: no {time!r} reaches its {first_treated!r} (periods "
            f"{panel.time.min():g} to {panel.time.max():g})"
        )
