"""Randomisation inference: would the estimate be as large had other units been treated?

The whole path of the treatment is moved from unit to unit, so that its dependence over time stays
as it is, and the regression is run again for every assignment. The controls, dummies and unit
effects do not move, so only the residual of the moved treatment on them is needed for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models import ModelError, Specification, fit
from analysis.models.absorption import absorb as absorb_effects
from analysis.models.absorption import count_effects

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ASSIGNMENTS_AT_ONCE = 64
TIE = 1e-9
NO_VARIATION = 1e-18


@dataclass(frozen=True, slots=True, kw_only=True)
class PermutationInference:
    """Sample against assignments of the treatment drawn at random.

    ``p_value`` is ``(1 + assignments with a statistic at least as large in absolute value) /
    (draws + 1)``. ``null_low`` and ``null_high`` are the central 95 % of the estimates over the
    assignments. ``n_undefined`` assignments left the treatment without variation and count as
    at least as large.
    """

    estimate: float
    std_error: float
    statistic: float
    p_value: float
    null_low: float
    null_high: float
    compared: str
    n_draws: int
    n_units: int
    n_undefined: int


def permutation_test(
    frame: pd.DataFrame,
    *,
    outcome: str,
    focus: str,
    controls: Sequence[str] = (),
    unit: str,
    time: str,
    absorb: Sequence[str] = (),
    cluster: str | None = None,
    within: str | None = None,
    compared: Literal["statistic", "estimate"] = "statistic",
    draws: int = 999,
    seed: int,
    name: str = "permutation",
) -> PermutationInference:
    """Permute the paths of ``focus`` between units and compare the estimates.

    Parameters
    ----------
    absorb
        At most two columns of effects; an intercept otherwise.
    cluster
        Of the standard error in the statistic; ``unit`` by default.
    within
        Column constant within units (country): paths move only between units that share it.
    compared
        ``"statistic"`` compares t statistics, which keeps the level when units differ in variance
        (DiCiccio and Romano 2017); ``"estimate"`` the coefficients.

    Rows where outcome or a control is missing are not used, but the focus must be known for every
    unit at every time that any row uses, or the paths could not be moved. The test is exact when
    the treatment was assigned to units at random (within ``within``), whatever the errors.

    Raises
    ------
    ModelError
        If a column is absent, a unit has two rows at a time, the path of the focus has a gap,
        there is nothing to permute, or the regression cannot be estimated.
    """
    if compared not in ("statistic", "estimate"):
        raise ModelError(f"compared: {compared!r} is not 'statistic' or 'estimate'")
    if draws < 1:
        raise ModelError(f"draws: expected 1 or more, got {draws}")
    cluster = cluster or unit
    needed = [outcome, *controls, *absorb, *([within] if within else [])]
    rows = _complete_rows(frame, needed, order=[cluster, unit, time])
    paths = _paths(frame, rows, focus, unit, time)
    groups = _groups(rows, unit, within, paths.index)
    unit_codes = paths.index.get_indexer(rows[unit])
    time_codes = paths.columns.get_indexer(rows[time])
    design = _design(rows, outcome, controls, absorb, cluster)
    assignments = _assignments(groups, draws, seed, name)
    values = paths.to_numpy(dtype=np.float64)
    estimates, errors = np.empty((2, draws + 1))
    for start in range(0, draws + 1, ASSIGNMENTS_AT_ONCE):
        chosen = slice(start, start + ASSIGNMENTS_AT_ONCE)
        moved = values[assignments[chosen][:, unit_codes], time_codes].T
        estimates[chosen], errors[chosen] = design.regress(moved)
    if np.isnan(estimates[0]):
        raise ModelError(f"{focus} does not vary given the absorbed effects and the controls")
    ratios = estimates / errors
    sizes = np.abs(ratios if compared == "statistic" else estimates)
    undefined = np.isnan(sizes[1:])
    extreme = undefined | (sizes[1:] >= sizes[0] * (1 - TIE))
    low, high = np.nanquantile(estimates[1:], [0.025, 0.975])
    return PermutationInference(
        estimate=float(estimates[0]),
        std_error=float(errors[0]),
        statistic=float(ratios[0]),
        p_value=float((1 + extreme.sum()) / (draws + 1)),
        null_low=float(low),
        null_high=float(high),
        compared=compared,
        n_draws=draws,
        n_units=len(paths),
        n_undefined=int(undefined.sum()),
    )


def placebo_dates(
    frame: pd.DataFrame,
    specification: Specification,
    *,
    focus: str,
    leads: Sequence[int],
) -> pd.DataFrame:
    """The same regression as if the treatment had come earlier, on rows before it came.

    ``focus`` is zero until the treatment of a unit begins. For each lead, rows in which it has
    begun are left out, and the focus is replaced by a placebo that is one in the last ``lead``
    periods before it begins and zero elsewhere. The effect of a placebo is zero unless treated
    units already went another way.

    Returns
    -------
    DataFrame
        ``lead, estimate, std_error, statistic, p_value, n_obs``; lead 0 is the regression itself.

    Raises
    ------
    ModelError
        If the specification names no unit and time, lacks the focus, the focus returns to zero, or
        nothing of a placebo is left to estimate.
    """
    if not (specification.unit and specification.time) or focus not in specification.regressors:
        raise ModelError("placebo_dates: the specification needs unit, time and the focus")
    if not leads or min(leads) < 1:
        raise ModelError(f"leads: expected whole numbers of 1 or more, got {list(leads)}")
    start = _treatment_start(frame, focus, specification.unit, specification.time)
    until = start - frame[specification.time]
    rows = [_placebo_row(0, specification, frame, focus)]
    for lead in leads:
        kept = frame[until.isna() | (until > 0)]
        placebo = (until.loc[kept.index] <= lead).astype(float)
        rows.append(_placebo_row(lead, specification, kept.assign(**{focus: placebo}), focus))
    return pd.DataFrame(rows)


# --- Permuting -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Design:
    """Everything but the treatment: residuals of the outcome, what to partial out, clusters."""

    outcome: Floats
    basis: Floats
    effects: Ints
    clusters: Ints
    n_parameters: int

    def regress(self, treatments: Floats) -> tuple[Floats, Floats]:
        """Estimates and clustered errors (B,) of one regression per column of (n, B)."""
        n, n_clusters = len(self.outcome), int(self.clusters.max()) + 1
        residual = absorb_effects(treatments, self.effects, np.ones(n))
        residual = residual - self.basis @ (self.basis.T @ residual)
        squares = (residual**2).sum(axis=0)
        squares[squares <= NO_VARIATION * (treatments**2).sum(axis=0)] = np.nan
        estimates = self.outcome @ residual / squares
        scores = residual * (self.outcome[:, None] - residual * estimates)
        starts = np.searchsorted(self.clusters, np.arange(n_clusters))
        summed = np.add.reduceat(scores, starts, axis=0)
        factor = n_clusters / (n_clusters - 1) * (n - 1) / (n - self.n_parameters)
        return estimates, np.sqrt(factor * (summed**2).sum(axis=0)) / squares


def _design(
    rows: pd.DataFrame, outcome: str, controls: Sequence[str], absorb: Sequence[str], cluster: str
) -> _Design:
    """``rows`` are sorted by cluster."""
    n = len(rows)
    effects = np.empty((n, len(absorb)), dtype=np.int64)
    for place, column in enumerate(absorb):
        effects[:, place] = pd.factorize(rows[column], sort=True)[0]
    columns = rows[[outcome, *controls]].to_numpy(dtype=np.float64)
    if not absorb:
        columns = np.column_stack([columns, np.ones(n)])
    within = absorb_effects(columns, effects, np.ones(n))
    basis = _basis(within[:, 1:], columns[:, 1:])
    clusters = pd.factorize(rows[cluster])[0].astype(np.int64)
    n_parameters = basis.shape[1] + count_effects(effects) + 1
    if n <= n_parameters or clusters.max() < 1:
        raise ModelError(
            f"permutation test: {n} complete rows in {clusters.max() + 1} clusters cannot give "
            f"{n_parameters} parameters and clustered errors"
        )
    left = within[:, 0] - basis @ (basis.T @ within[:, 0])
    return _Design(left, basis, effects, clusters, n_parameters)


def _basis(within: Floats, original: Floats) -> Floats:
    """Orthonormal basis (n, rank) of the controls; directions that are rounding are dropped."""
    scale = np.linalg.norm(original, axis=0)
    vectors, sizes, _ = np.linalg.svd(within / np.where(scale > 0, scale, 1.0), full_matrices=False)
    return np.asarray(vectors[:, sizes > 1e-9])


def _assignments(groups: Ints, draws: int, seed: int, name: str) -> Ints:
    """(draws + 1, N): whose path each unit gets; the first row is the sample."""
    random = np.random.default_rng(np.random.SeedSequence([seed, *name.encode()]))
    slots = np.argsort(groups, kind="stable")
    result = np.empty((draws + 1, len(groups)), dtype=np.int64)
    result[0] = np.arange(len(groups))
    for draw in range(1, draws + 1):
        result[draw, slots] = np.lexsort((random.random(len(groups)), groups))
    return result


def _complete_rows(
    frame: pd.DataFrame, needed: Sequence[str], order: Sequence[str]
) -> pd.DataFrame:
    """Rows where ``needed`` are there, in an order that is not that of the frame."""
    columns = list(dict.fromkeys([*needed, *order]))
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        raise ModelError(f"permutation test: the frame has no column {', '.join(absent)}")
    rows = frame[columns].dropna()
    if rows.empty:
        raise ModelError(f"permutation test: no row has all of {', '.join(columns)}")
    return rows.sort_values(list(order), ignore_index=True)


def _paths(
    frame: pd.DataFrame, rows: pd.DataFrame, focus: str, unit: str, time: str
) -> pd.DataFrame:
    """Paths of the focus (units by times) for all units and times of ``rows``, without a gap."""
    if focus not in frame.columns:
        raise ModelError(f"permutation test: the frame has no column {focus}")
    used = frame[frame[unit].isin(rows[unit]) & frame[time].isin(rows[time])]
    doubled = used.duplicated([unit, time])
    if doubled.any():
        first = used[[unit, time]].iloc[int(doubled.to_numpy().argmax())].tolist()
        raise ModelError(f"permutation test: two rows of {unit}, {time} = {first}")
    paths = used.pivot(index=unit, columns=time, values=focus).sort_index().sort_index(axis=1)
    gaps = paths.isna().to_numpy()
    if gaps.any():
        row, column = np.argwhere(gaps)[0]
        raise ModelError(
            f"permutation test: {focus} is missing for {int(gaps.sum())} pairs of {unit} and "
            f"{time}, such as {paths.index[row]}, {paths.columns[column]}; a path with a gap "
            "cannot be moved to another unit. Leave out such units or times"
        )
    return paths


def _groups(rows: pd.DataFrame, unit: str, within: str | None, units: pd.Index) -> Ints:
    """Group codes (N,) of the units; more than one path is needed somewhere."""
    if within is None:
        groups = np.zeros(len(units), dtype=np.int64)
    else:
        by_unit = rows.groupby(unit)[within]
        if (by_unit.nunique() > 1).any():
            raise ModelError(f"permutation test: {within!r} changes within some {unit}")
        groups = pd.factorize(by_unit.first().loc[units])[0].astype(np.int64)
    if np.bincount(groups).max() < 2:
        raise ModelError("permutation test: no two units between which a path could be moved")
    return groups


# --- Placebo dates -------------------------------------------------------------------------------


def _treatment_start(frame: pd.DataFrame, focus: str, unit: str, time: str) -> pd.Series:
    """When the treatment of each row's unit begins; missing if it never does."""
    treated = frame[focus] > 0
    start = frame[time].where(treated).groupby(frame[unit]).transform("min")
    returned = frame[(frame[time] >= start) & ~treated & frame[focus].notna()]
    if len(returned):
        raise ModelError(
            f"placebo_dates: {focus} is zero again after it began for {unit} "
            f"{returned[unit].iloc[0]!r} ({len(returned)} rows); it must stay above zero"
        )
    return start


def _placebo_row(
    lead: int, specification: Specification, frame: pd.DataFrame, focus: str
) -> dict[str, float]:
    try:
        estimates = fit(specification, frame)
    except ModelError as error:
        raise ModelError(f"placebo_dates, lead {lead}: {error}") from error
    row = estimates.coefficients.set_index("term").loc[focus]
    numbers = {name: float(row[name]) for name in ("estimate", "std_error", "statistic", "p_value")}
    return {"lead": lead, **numbers, "n_obs": estimates.facts.n_obs}
