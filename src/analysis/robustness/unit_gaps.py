"""One unit against all others: how far it lies from what they would lead one to expect.

The gap of a unit is the coefficient of its dummy beside the controls, so the line it is measured
from is that of the others. One unit has no standard error by clusters; what can be asked is whether
its gap would stand out among the gaps that all other units have when treated alike (a permutation
of the unit's name; Conley and Taber 2011, Review of Economics and Statistics 93:113-125). A curve
of such gaps is declared like any other (:mod:`analysis.robustness.choices`): its focus and controls
are what the expectation is made from. Since every unit has a gap in every specification, the whole
curve of one unit can be compared with the whole curves of the others.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models import ModelError
from analysis.models.absorption import absorb
from analysis.robustness.choices import NONE, Curve, CurveError
from analysis.robustness.plan import Pass, Plan, plan_curve

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVEL = 0.05
#: With fewer units no gap can be among the five per cent largest.
FEWEST_UNITS = 21
#: Units seen in a smaller share of the most seen one's rows are no yardstick.
LEAST_SEEN = 0.5
LARGEST_CONDITION = 1e10


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A unit's gap among those of ``n_units`` units, itself included.

    ``p_value`` is ``(1 + others with a gap at least as large in absolute value) / n_units``. The
    interval holds the gaps from which the unit's would not differ by this test at 5 %: the gap plus
    and minus the same distance.
    """

    estimate: float
    ci_low: float
    ci_high: float
    p_value: float
    n_units: int


@dataclass(frozen=True, eq=False, slots=True)
class GapCurve:
    """A curve of gaps.

    ``table``: one row per specification as a curve's table has them, the choices and then
    ``estimate, ci_low, ci_high, p_value, n_obs, n_units, flag, effect, effect_low, effect_high``.
    ``gaps``: specifications × units, missing where a unit is no yardstick.
    """

    table: pd.DataFrame
    gaps: pd.DataFrame


def placement(gaps: pd.Series, unit: str) -> Placement:
    """Where the gap of ``unit`` lies among ``gaps`` (by unit; missing ones are left out).

    Raises
    ------
    ModelError
        If the unit has no gap, or there are fewer than 21 units.
    """
    known = gaps.dropna()
    if unit not in known:
        raise ModelError(f"{unit} has no gap: outcome or inputs are missing too often")
    if len(known) < FEWEST_UNITS:
        raise ModelError(
            f"{len(known)} units have a gap; {FEWEST_UNITS} are needed for one to stand out at 5 %"
        )
    own = float(known[unit])
    others = known.drop(unit).to_numpy(dtype=np.float64)
    half, p_value = _half_width(np.abs(others)[None, :], np.array([abs(own)]))
    return Placement(
        estimate=own,
        ci_low=own - float(half[0]),
        ci_high=own + float(half[0]),
        p_value=float(p_value[0]),
        n_units=len(known),
    )


def unit_gaps(
    frame: pd.DataFrame,
    outcome: str,
    controls: list[str],
    *,
    unit: str = "country",
    time: str = "year",
    weights: str | None = None,
) -> pd.Series:
    """The gap of every unit given ``controls`` and effects of ``time``, index unit.

    Missing for units seen in fewer than half of the rows of the unit seen most.

    Raises
    ------
    ModelError
        If nothing is left of the rows, or the controls are collinear.
    """
    used = [outcome, *controls, unit, time, *([weights] if weights else [])]
    rows = frame[list(dict.fromkeys(used))].dropna().sort_values([unit, time], kind="stable")
    if rows.empty:
        raise ModelError(f"no row has all of {', '.join(used)}")
    moments = _moments(rows, [outcome, *controls], unit, [time], weights)
    gaps = moments.gaps(0, np.arange(1, len(controls) + 1)[None, :])
    if np.isnan(gaps).all():
        raise ModelError(
            f"the gaps cannot be told apart from {', '.join(controls) or 'the effects'}"
        )
    return pd.Series(gaps[0], index=pd.Index(moments.units, name=unit), name="gap")


def gap_curve(curve: Curve, frame: pd.DataFrame, unit: str) -> GapCurve:
    """The gap of ``unit`` in every specification of ``curve``, in its unit (see ``standardise``).

    What is explained is the outcome, from the focus, the controls and the effects; the clusters are
    not used. ``standardise`` is ``"none"`` or, for outcomes in logarithms, ``"percent"``.

    Raises
    ------
    CurveError
        If the curve is none of least squares, or the unit of ``curve`` does not have ``unit``.
    """
    if curve.estimator != ["ols"] or curve.standardise not in ("none", "percent"):
        raise CurveError("gaps: the curve must be of ols, with standardise none or percent")
    if unit not in set(frame[curve.unit]):
        raise CurveError(f"gaps: the frame has no {curve.unit} {unit!r}")
    plan = plan_curve(curve, frame)
    units = sorted(frame[curve.unit].unique())
    gaps = np.full((len(plan.enumeration), len(units)), np.nan)
    n_obs = np.zeros(len(plan.enumeration), dtype=np.int64)
    for one in plan.passes:
        n_obs[one.specifications] = one.n_obs
        if one.n_obs:
            found, seen = _pass_gaps(plan, one)
            columns = np.array([units.index(name) for name in seen])
            gaps[np.ix_(one.specifications, columns)] = found
    scale = 100.0 if curve.standardise == "percent" else 1.0
    table = pd.concat(
        [plan.enumeration.choices, _placed(scale * gaps, units.index(unit), n_obs)], axis=1
    )
    return GapCurve(table, pd.DataFrame(scale * gaps, columns=pd.Index(units, name=curve.unit)))


def joint_placement(curve: GapCurve, unit: str) -> Placement:
    """The median gap of ``unit`` over its curve among the medians of the other units' curves.

    Only units with a gap in every specification that ``unit`` has one in are compared.
    """
    rows = curve.gaps[curve.gaps[unit].notna()]
    return placement(rows.dropna(axis=1).median(), unit)


# --- The work -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, slots=True)
class _Moments:
    """Weighted cross-moments without effects: of K columns scaled to one, ``scale`` (K,), of G
    dummies with them, ``with_units`` (G, K), and of each dummy with itself, ``of_units`` (G,)."""

    units: tuple[str, ...]
    yardstick: NDArray[np.bool_]
    scale: Floats
    total: Floats
    with_units: Floats
    of_units: Floats

    def gaps(self, outcome: int, regressors: Ints) -> Floats:
        """(S, G) gaps in specifications whose regressors are the columns (S, k)."""
        inner = self.total[regressors[:, :, None], regressors[:, None, :]]
        beside = self.with_units[:, regressors].transpose(1, 2, 0)
        explained = self.total[regressors, outcome][:, :, None]
        apart = np.ones(len(regressors), dtype=bool)
        if regressors.shape[1]:
            apart = np.linalg.cond(inner) < LARGEST_CONDITION
        solved = np.full((*beside.shape[:2], beside.shape[2] + 1), np.nan)
        solved[apart] = np.linalg.solve(
            inner[apart], np.concatenate([beside[apart], explained[apart]], axis=2)
        )
        slopes, projections = solved[:, :, -1], solved[:, :, :-1]
        above = self.with_units[:, outcome] - np.einsum("skg,sk->sg", beside, slopes)
        below = self.of_units - np.einsum("skg,skg->sg", beside, projections)
        usable = self.yardstick & (below > self.of_units * 1e-9)
        usable &= apart[:, None]
        return np.where(usable, above / np.where(usable, below, 1.0), np.nan) * self.scale[outcome]


def _moments(
    rows: pd.DataFrame, columns: list[str], unit: str, effects: list[str], weights: str | None
) -> _Moments:
    values = rows[columns].to_numpy(dtype=np.float64)
    codes, units = pd.factorize(rows[unit], sort=True)
    dummies = np.eye(len(units))[codes]
    weight = np.ones(len(rows)) if weights is None else rows[weights].to_numpy(dtype=np.float64)
    groups = np.empty((len(rows), max(len(effects), 1)), dtype=np.int64)
    groups[:, 0] = 0  # an intercept where there are no effects
    for place, name in enumerate(effects):
        groups[:, place] = pd.factorize(rows[name], sort=True)[0]
    within = absorb(np.column_stack([values, dummies]), groups, weight)
    left, own = within[:, : len(columns)], within[:, len(columns) :]
    scale = np.sqrt((weight[:, None] * left**2).sum(axis=0))
    scale[scale == 0] = 1.0
    left = left / scale
    seen = np.bincount(codes, minlength=len(units))
    return _Moments(
        units=tuple(units),
        yardstick=seen >= LEAST_SEEN * seen.max(),
        scale=scale,
        total=left.T @ (weight[:, None] * left),
        with_units=own.T @ (weight[:, None] * left),
        of_units=(weight[:, None] * own**2).sum(axis=0),
    )


def _pass_gaps(plan: Plan, one: Pass) -> tuple[Floats, tuple[str, ...]]:
    """(S, units) gaps of the specifications of a pass, and the units."""
    enumeration, curve = plan.enumeration, plan.curve
    rows = plan.frame(one)
    rows[curve.unit] = plan.columns.loc[rows.index, curve.unit]
    weights = None if one.weights == NONE else one.weights
    moments = _moments(rows, list(one.columns), curve.unit, curve.effects[one.effects], weights)
    places = {name: place for place, name in enumerate(one.columns)}
    sets = enumeration.control_sets
    named = np.array([places.get(measure.formula, -1) for measure in sets.measures], dtype=np.int64)
    cells = [enumeration.cells[number] for number in enumeration.cell[one.specifications]]
    outcome = np.array([places[cell.outcome.formula] for cell in cells])
    sign = np.array([cell.outcome.sign for cell in cells])
    focus = np.array([places[cell.focus.formula] for cell in cells])
    held = sets.columns[enumeration.control_set[one.specifications]]
    gaps = np.empty((len(cells), len(moments.units)))
    for explained in np.unique(outcome):
        for size in np.unique(held.sum(axis=1)):
            these = np.flatnonzero((outcome == explained) & (held.sum(axis=1) == size))
            if len(these):
                controls = named[np.nonzero(held[these])[1].reshape(len(these), size)]
                regressors = np.column_stack([focus[these], controls])
                gaps[these] = moments.gaps(int(explained), regressors)
    return gaps * sign[:, None], moments.units


def _half_width(others: Floats, own: Floats) -> tuple[Floats, Floats]:
    """Distance (S,) that only 5 % of units exceed and p-values (S,), from absolute gaps of the
    others (S, N - 1), missing ones NaN, and of the unit (S,)."""
    count = 1 + np.isfinite(others).sum(axis=1)
    ordered = -np.sort(-np.where(np.isfinite(others), others, -1.0), axis=1)
    allowed = np.ceil(LEVEL * count - 1e-9).astype(np.int64) - 2
    half = np.take_along_axis(ordered, np.maximum(allowed, 0)[:, None], axis=1)[:, 0]
    at_least = (others >= own[:, None] * (1 - 1e-9)).sum(axis=1)
    return np.where(allowed >= 0, half, np.nan), (1 + at_least) / count


def _placed(gaps: Floats, place: int, n_obs: Ints) -> pd.DataFrame:
    """The columns of a curve's results, from gaps (S, units)."""
    own, others = gaps[:, place], np.abs(np.delete(gaps, place, axis=1))
    half, p_value = _half_width(others, np.abs(own))
    n_units = np.isfinite(gaps).sum(axis=1)
    flag = np.select(
        [n_obs == 0, np.isnan(own), n_units < FEWEST_UNITS],
        ["no rows", "no gap of the unit", f"fewer than {FEWEST_UNITS} units"],
        default="",
    )
    own = np.where(flag == "", own, math.nan)
    low, high = own - half, own + half
    numbers = {
        **{"estimate": own, "ci_low": low, "ci_high": high},
        **{"p_value": np.where(flag == "", p_value, math.nan), "n_obs": n_obs, "n_units": n_units},
        **{"flag": flag, "effect": own, "effect_low": low, "effect_high": high},
    }
    return pd.DataFrame(numbers)
