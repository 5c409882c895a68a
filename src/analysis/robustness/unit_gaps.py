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
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models import ModelError
from analysis.models.absorption import absorb
from analysis.robustness.choices import NONE, Curve, CurveError, flat
from analysis.robustness.plan import Pass, Plan, plan_curve

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVEL = 0.05
#: With fewer units no gap can be among the five per cent largest.
FEWEST_UNITS = 21
#: Units seen in a smaller share of the most seen one's rows are no yardstick.
LEAST_SEEN = 0.5
LARGEST_CONDITION = 1e10
EFFECTS = {"effect": "estimate", "effect_low": "ci_low", "effect_high": "ci_high"}


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

    def in_percent(self) -> "Placement":
        """A gap in logarithms as a per cent of what was expected."""
        low, middle, high = 100 * np.expm1([self.ci_low, self.estimate, self.ci_high])
        return replace(self, estimate=float(middle), ci_low=float(low), ci_high=float(high))


@dataclass(frozen=True, eq=False, slots=True)
class GapCurve:
    """A curve of gaps.

    ``table``: one row per specification as a curve's table has them, the choices and then
    ``estimate, ci_low, ci_high, p_value, n_obs, n_units, flag, effect, effect_low, effect_high``;
    effects of gaps in logarithms are per cents of what was expected where the curve asks for
    ``percent``. ``gaps``: specifications × units as estimated, missing where a unit is no
    yardstick.
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
    codes, units = pd.factorize(rows[unit])
    moments = _moments(
        rows[[outcome, *controls]].to_numpy(dtype=np.float64),
        codes,
        tuple(units),
        pd.factorize(rows[time])[0][:, None],
        np.ones(len(rows)) if weights is None else rows[weights].to_numpy(dtype=np.float64),
    )
    gaps = moments.gaps(0, np.arange(1, len(controls) + 1)[None, :])
    if np.isnan(gaps).all():
        raise ModelError(
            f"the gaps cannot be told apart from {', '.join(controls) or 'the effects'}"
        )
    return pd.Series(gaps[0], index=pd.Index(moments.units, name=unit), name="gap")


def redrawn_gaps(
    frame: pd.DataFrame,
    outcome: str,
    controls: list[str],
    name: str,
    *,
    unit: str = "country",
    time: str = "year",
    draws: int = 199,
    seed: int,
) -> Floats:
    """(draws,) gaps of the unit ``name`` when the others are drawn again with replacement.

    How sure the line is from which the unit's gap is measured: another question than whether the
    gap would stand out among those of the others. Draws in which the controls are collinear are
    missing.

    Raises
    ------
    ModelError
        If the unit has no complete row, or there are fewer than two others.
    """
    rows = frame[[outcome, *controls, unit, time]].dropna()
    names = np.array(sorted(rows[unit].unique()))
    others = names[names != name]
    if len(others) == len(names) or len(others) < 2:
        raise ModelError(f"{name} and two other units at least are needed, got {', '.join(names)}")
    random = np.random.default_rng(np.random.SeedSequence([seed, *f"redrawn {name}".encode()]))
    gaps = np.full(draws, np.nan)
    for draw in range(draws):
        drawn, times = np.unique(random.choice(others, len(others)), return_counts=True)
        count = dict(zip(drawn.tolist(), times.tolist(), strict=True)) | {name: 1}
        again = rows.assign(times_drawn=rows[unit].map(count)).dropna(subset=["times_drawn"])
        try:
            found = unit_gaps(again, outcome, controls, unit=unit, time=time, weights="times_drawn")
        except ModelError:
            continue
        gaps[draw] = found[name]
    return gaps


def gap_curve(curve: Curve, frame: pd.DataFrame, unit: str) -> GapCurve:
    """The gap of ``unit`` in every specification of ``curve``.

    What is explained is the outcome, from the focus, the controls and the effects; the clusters are
    not used. ``standardise`` is ``none`` or, where all outcomes are logarithms, ``percent``.

    Raises
    ------
    CurveError
        If the curve is none of least squares or its scale another, or ``unit`` is not in the frame.
    """
    percent = curve.standardise == "percent"
    logs = all(
        measure.transform == "log" and measure.times == 1 for measure in flat(curve.outcomes)
    )
    if curve.estimator != ["ols"] or not (curve.standardise == "none" or (percent and logs)):
        raise CurveError(
            "gaps: the curve must be of ols, with standardise none, or percent for logarithms"
        )
    if unit not in set(frame[curve.unit]):
        raise CurveError(f"gaps: the frame has no {curve.unit} {unit!r}")
    plan = plan_curve(curve, frame)
    data = _Data(plan)
    gaps = np.full((len(plan.enumeration), len(data.units)), np.nan)
    n_obs = np.zeros(len(plan.enumeration), dtype=np.int64)
    for one in plan.passes:
        n_obs[one.specifications] = one.n_obs
        if one.n_obs:
            gaps[one.specifications] = _pass_gaps(data, one)
    placed = _placed(gaps, data.units.index(unit), n_obs)
    for effect, number in EFFECTS.items():
        placed[effect] = 100 * np.expm1(placed[number]) if percent else placed[number]
    table = pd.concat([plan.enumeration.choices, placed], axis=1)
    return GapCurve(table, pd.DataFrame(gaps, columns=pd.Index(data.units, name=curve.unit)))


def joint_placement(curve: GapCurve, unit: str) -> Placement:
    """The median gap of ``unit`` over its curve among the medians of the other units' curves.

    Units are compared that have a gap in half of the estimated specifications or more.
    """
    rows = curve.gaps[np.isfinite(curve.table["estimate"])]
    return placement(rows.median().where(rows.notna().mean() >= LEAST_SEEN), unit)


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
        usable = self.yardstick & (below > 1e-9 * self.of_units)
        usable &= apart[:, None]
        return np.where(usable, above / np.where(usable, below, 1.0), np.nan) * self.scale[outcome]


def _moments(
    values: Floats, codes: Ints, units: tuple[str, ...], effects: Ints, weights: Floats
) -> _Moments:
    """From columns (n, K), codes (n,) of ``units``, codes (n, q) of the effects, weights (n,)."""
    dummies = np.eye(len(units))[codes]
    if not effects.shape[1]:
        effects = np.zeros((len(values), 1), dtype=np.int64)  # an intercept
    within = absorb(np.column_stack([values, dummies]), effects, weights)
    left, own = within[:, : values.shape[1]], within[:, values.shape[1] :]
    weighted = weights[:, None] * left
    scale = np.sqrt((weighted * left).sum(axis=0))
    scale[scale == 0] = 1.0
    seen = np.bincount(codes, minlength=len(units))
    return _Moments(
        units=units,
        yardstick=(seen > 0) & (seen >= LEAST_SEEN * seen.max()),
        scale=scale,
        total=left.T @ weighted / np.outer(scale, scale),
        with_units=own.T @ weighted / scale,
        of_units=(weights[:, None] * own**2).sum(axis=0),
    )


class _Data:
    """The rows of a plan as arrays, made once for all passes."""

    def __init__(self, plan: Plan) -> None:
        curve, columns = plan.curve, plan.columns
        named = {name for one in plan.passes for name in one.columns}
        self.plan = plan
        self.names = {name: place for place, name in enumerate(sorted(named))}
        self.values = columns[list(self.names)].to_numpy(dtype=np.float64)
        codes, units = pd.factorize(columns[curve.unit], sort=True)
        self.codes, self.units = codes, tuple(units)
        self.effects = {
            label: np.column_stack(
                [np.empty((len(columns), 0), dtype=np.int64)]
                + [pd.factorize(columns[name])[0] for name in effects]
            )
            for label, effects in curve.effects.items()
        }
        self.weights = {
            name: np.ones(len(columns)) if name == NONE else columns[name].to_numpy(np.float64)
            for name in curve.weights
        }


def _pass_gaps(data: _Data, one: Pass) -> Floats:
    """(S, units) gaps of the specifications of a pass."""
    enumeration, sets = data.plan.enumeration, data.plan.enumeration.control_sets
    rows = np.flatnonzero(one.rows(len(data.values)))
    columns = np.array([data.names[name] for name in one.columns])
    effects, weights = data.effects[one.effects][rows], data.weights[one.weights][rows]
    moments = _moments(
        data.values[np.ix_(rows, columns)], data.codes[rows], data.units, effects, weights
    )
    places = {name: place for place, name in enumerate(one.columns)}
    named = np.array([places.get(measure.formula, -1) for measure in sets.measures], dtype=np.int64)
    cells = [enumeration.cells[number] for number in enumeration.cell[one.specifications]]
    outcome = np.array([places[cell.outcome.formula] for cell in cells])
    focus = np.array([places[cell.focus.formula] for cell in cells])
    held = sets.columns[enumeration.control_set[one.specifications]]
    size = held.sum(axis=1)
    gaps = np.empty((len(cells), len(data.units)))
    for explained, many in sorted(set(zip(outcome.tolist(), size.tolist(), strict=True))):
        these = np.flatnonzero((outcome == explained) & (size == many))
        controls = named[np.nonzero(held[these])[1].reshape(len(these), many)]
        gaps[these] = moments.gaps(explained, np.column_stack([focus[these], controls]))
    return gaps * np.array([cell.outcome.sign for cell in cells])[:, None]


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
        "flag": flag,
    }
    return pd.DataFrame(numbers)
