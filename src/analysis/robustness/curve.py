"""Running a specification curve: from a declaration and a panel to one row per specification.

What a notebook writes::

    from analysis.report import effect_histogram, importance_chart, specification_curve_plot
    from analysis.robustness.choices import Curve
    from analysis.robustness.curve import curve_parts, plan_curve, run_curve
    from analysis.robustness.importance import importance
    from analysis.robustness.joint_test import joint_test
    from analysis.robustness.summary import summarise, summarise_by_choice

    curve = Curve.of(
        {
            "outcomes": ["log(patents_per_million)", "log(berd_eur_per_head)"],
            "focus": {"column": "erdf_eur_per_head", "average": 3, "lag": [1, 2, 3], "times": 0.01},
            "controls": ["log(population)", "tertiary_pct", "manufacturing_pct"],
            "samples": {"all": {"year": {"from": 2000}}, "no capitals": {"is_capital": False}},
            "weights": ["none", "population"],
            "effects": [["geo", "year"], ["geo", "country_year"]],
            "clusters": ["geo", "country", "geo within 300 km"],
            "standardise": "percent",
        }
    )
    print(plan_curve(curve, panel))  # 1,152 specifications …, 216 passes over the rows, …
    result = run_curve(curve, panel)  # result.table: one row per specification
    summary = summarise(result.table, sign=1)  # shares by sign and significance, median, range
    test = joint_test(curve_parts(result, "country"), sign=1, seed=p.seed)
    out.figure("curve", specification_curve_plot(result.table, ylabel="…"), caption=…, …)
    out.figure("importance", importance_chart(importance(result.table)), caption=…, …)

In a claim the same mapping stands as YAML: ``Curve.of(claim.curve, claim.id)``.

The panel holds the years before the first one analysed too, since lags are made from it; samples
say which rows count. Control sets that lose different rows need a pass each: with many controls
that have gaps, ``complete: controls`` or ``complete: common`` holds the rows fixed and is faster.
"""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.robustness.choices import COORDINATES, LOGS, Curve, CurveError, Errors, flat
from analysis.robustness.columns import all_measures
from analysis.robustness.distance import distance_kernel
from analysis.robustness.enumeration import Cell, Enumeration
from analysis.robustness.joint_test import CurvePart
from analysis.robustness.moments import Moments, moments_of
from analysis.robustness.plan import Pass, Plan, plan_curve
from analysis.robustness.refine import WARNINGS
from analysis.robustness.refits import refit
from analysis.robustness.solve import Batch, solve

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Columns of the results, after those of the choices.
RESULTS = (
    *("estimate", "std_error", "statistic", "p_value", "ci_low", "ci_high"),
    *("n_obs", "n_units", "n_clusters"),
    *("r_squared", "within_r_squared", "partial_r_squared"),
    *("flag", "engine"),
)
#: The estimate as it is drawn and summarised.
EFFECTS = ("effect", "effect_low", "effect_high")
EFFECT_UNITS = {
    "none": "units of the outcome per unit of the focus variable",
    "percent": "per cent of the outcome per unit of the focus variable",
    "outcome sd": "standard deviations of the outcome per unit of the focus variable",
    "both sd": "standard deviations of the outcome per standard deviation of the focus variable",
}
#: From here on a pass is worth several threads.
MANY_SPECIFICATIONS = 2_000
MANY_ROWS = 100_000
#: Share of the standard deviation below which a mean is rounding.
ZERO_MEAN = 1e-12
_COUNTS = ("n_obs", "n_units", "n_clusters")
_TEXTS = ("flag", "engine")


@dataclass(frozen=True, eq=False, slots=True)
class CurveResult:
    """An estimated curve.

    Attributes
    ----------
    table
        One row per specification in the order of the enumeration: a column per choice, then
        ``estimate, std_error, statistic, p_value, ci_low, ci_high, n_obs, n_units, n_clusters,
        r_squared, within_r_squared, partial_r_squared, flag, engine`` as
        :func:`analysis.models.fit` has them, then ``effect, effect_low, effect_high``: estimate
        and interval in the curve's standardised unit, times the sign of the outcome.
        ``engine`` is ``moments``, ``rows`` (too close to singular for moments, estimated from the
        rows) or ``refit``. A specification that could not be estimated has missing numbers and the
        reason in ``flag``.
    passes
        One row per pass over the data and why it was needed; see :meth:`Plan.table`.
    plan
        The specifications, columns and passes, from which :func:`pass_moments` gives the moments
        again for joint tests.
    effect_unit
        What one unit of ``effect`` is.
    seconds
        How long it took. Not for files, which must be the same each time.
    """

    table: pd.DataFrame
    passes: pd.DataFrame
    plan: Plan
    effect_unit: str
    seconds: float


def run_curve(curve: Curve, frame: pd.DataFrame, *, workers: int | None = None) -> CurveResult:
    """Estimate every specification of ``curve`` on the panel ``frame``.

    ``workers``: processes for refits (Poisson, HC2, HC3); the results do not depend on it.

    Raises
    ------
    CurveError, ModelError
        If the curve is too large or empty, or does not fit the frame. A specification that cannot
        be estimated is not an error: it is flagged in the table.
    """
    started = time.perf_counter()
    plan = plan_curve(curve, frame)
    results = _empty_results(len(plan.enumeration))
    refits = [one for one in plan.passes if one.engine == "refit"]
    if refits:
        found = refit(plan, refits, workers)
        _fill(results, found.index.to_numpy(), dict(found.items()))
    units = pd.factorize(plan.columns[curve.unit])[0]
    for one in plan.passes:
        if one.engine == "moments":
            with _threads(one):
                _fill(results, one.specifications, _solved(plan, one, units))
    effects = _effects(plan, results)
    table = pd.concat([plan.enumeration.choices, _typed(results), effects], axis=1)
    return CurveResult(
        table=table,
        passes=plan.table(),
        plan=plan,
        effect_unit=EFFECT_UNITS[curve.standardise],
        seconds=time.perf_counter() - started,
    )


def pass_moments(plan: Plan, one: Pass, *, keep_rows: bool = True) -> Moments:
    """The moments of a pass: what its specifications, their bootstrap and joint tests need."""
    curve = plan.curve
    clusters = curve.errors(one.cluster).columns
    return moments_of(
        plan.frame(one),
        one.columns,
        cluster=clusters[0] if clusters else None,
        second_cluster=clusters[1] if len(clusters) > 1 else None,
        absorb=curve.effects[one.effects],
        weights=None if one.weights == "none" else one.weights,
        keep_rows=keep_rows,
    )


def pass_batch(plan: Plan, one: Pass, moments: Moments) -> Batch:
    """The specifications of a pass on its moments, in the order of ``one.specifications``."""
    enumeration, curve = plan.enumeration, plan.curve
    numbers, which = np.unique(enumeration.cell[one.specifications], return_inverse=True)
    cells = [enumeration.cells[number] for number in numbers]
    focus = moments.index([cell.focus.formula for cell in cells])
    instruments = np.zeros((len(cells), len(moments.candidates)), dtype=np.bool_)
    for row, cell in zip(instruments, cells, strict=True):
        named = flat(curve.instruments.get(cell.instruments, []))
        row[moments.index([measure.formula for measure in named])] = True
    endogenous = np.zeros_like(instruments)
    endogenous[np.arange(len(cells)), focus] = instruments.any(axis=1)
    two_stage = bool(endogenous.any())
    controls = _controls(enumeration, moments)
    return Batch(
        outcome=moments.index([cell.outcome.formula for cell in cells])[which],
        focus=focus[which],
        controls=controls[enumeration.control_set[one.specifications]],
        endogenous=endogenous[which] if two_stage else None,
        instruments=instruments[which] if two_stage else None,
    )


def curve_parts(result: CurveResult, cluster: str) -> list[CurvePart]:
    """The specifications with one choice of clusters, for :func:`joint_test` and stepdown.

    Joint draws give each cluster one weight, so the specifications must agree on what a cluster
    is. Effects enter in the curve's unit, turned by the sign of their outcome. Refits and
    two-stage least squares cannot be drawn from moments and are left out.

    Raises
    ------
    CurveError
        If ``cluster`` is no choice of the curve, or no single column, or some effects are not
        nested in it and too many to stay among the moments.
    """
    plan = result.plan
    errors = {label: plan.curve.errors(label) for label in plan.curve.clusters}
    single = [e for e, one in errors.items() if one.vcov == "cluster" and len(one.columns) == 1]
    if cluster not in single:
        raise CurveError(
            f"joint tests need one cluster column that the curve has: {cluster!r} is not among "
            f"{', '.join(single) or 'none'}"
        )
    factors = _factors(plan)
    # Where nothing varies nothing is estimated, in whatever unit.
    scale = _signs(plan) / np.where(np.isfinite(factors), factors, 1.0)
    parts = []
    for one in plan.passes:
        if one.cluster != cluster or one.engine != "moments" or not one.n_obs:
            continue
        moments = pass_moments(plan, one, keep_rows=False)
        if moments.blocks_for != "everything":
            raise CurveError(
                f"joint tests by {cluster}: the effects {one.effects} cross these clusters and "
                "have too many levels to be redrawn; name a cluster they are nested in"
            )
        kept = replace(one, specifications=_drawable(plan, one))
        if len(kept.specifications):
            batch = pass_batch(plan, kept, moments)
            parts.append(CurvePart(moments, batch, scale[kept.specifications]))
    return parts


def _drawable(plan: Plan, one: Pass) -> Ints:
    """Specifications of a pass that joint draws can serve."""
    cells = plan.enumeration.cell[one.specifications]
    ordinary = np.array([cell.estimator == "ols" for cell in plan.enumeration.cells])
    return one.specifications[ordinary[cells]]


def _controls(enumeration: Enumeration, moments: Moments) -> NDArray[np.bool_]:
    """(T, K) columns of the moments in each control set, as far as they are among them."""
    sets = enumeration.control_sets
    places = {name: place for place, name in enumerate(moments.candidates)}
    inside = np.zeros((len(sets), len(places)), dtype=np.bool_)
    for measure, held in zip(sets.measures, sets.columns.T, strict=True):
        if measure.formula in places:
            inside[:, places[measure.formula]] = held
    return inside


@contextmanager
def _threads(one: Pass) -> Iterator[None]:
    """One thread for a small pass: starting threads, and waiting for them, costs more."""
    before = numba.get_num_threads()
    large = len(one.specifications) >= MANY_SPECIFICATIONS or one.n_obs >= MANY_ROWS
    numba.set_num_threads(before if large else 1)
    try:
        yield
    finally:
        numba.set_num_threads(before)


def _solved(plan: Plan, one: Pass, units: Ints) -> dict[str, Any]:
    """Results of one pass, in the order of its specifications."""
    if not one.n_obs:
        return _nothing()
    moments = pass_moments(plan, one)
    errors = plan.curve.errors(one.cluster)
    kernel = _kernel(plan, one, moments, errors) if errors.within else None
    found = solve(moments, pass_batch(plan, one, moments), vcov=errors.vcov, kernel=kernel)
    from_rows = found["flag"].isin(WARNINGS)
    counted = len(np.unique(units[one.rows(len(units))]))
    return {
        **{name: found[name] for name in RESULTS if name in found},
        "engine": np.where(from_rows, "rows", "moments"),
        "n_units": counted,
    }


def _kernel(plan: Plan, one: Pass, moments: Moments, errors: Errors) -> Floats:
    """Weights of pairs of clusters by distance; a cluster lies at the mean of its rows."""
    names = [errors.columns[0], *COORDINATES]
    rows = plan.columns.loc[one.rows(len(plan.columns)), names]
    places = rows.groupby(errors.columns[0]).mean().loc[list(moments.clusters)]
    longitude, latitude = places.to_numpy(dtype=np.float64).T
    assert errors.within is not None
    return distance_kernel(longitude, latitude, errors.within)


def _nothing() -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(RESULTS, np.nan)
    return empty | {"n_obs": 0, "n_units": 0, "flag": "no rows", "engine": "moments"}


def _empty_results(size: int) -> dict[str, NDArray]:
    results: dict[str, NDArray] = {name: np.full(size, np.nan) for name in RESULTS}
    return results | {name: np.full(size, "", dtype=object) for name in _TEXTS}


def _fill(results: dict[str, NDArray], positions: Ints, found: Mapping[str, Any]) -> None:
    """Write columns, or single values, into the rows at ``positions``."""
    for name in RESULTS:
        column = found[name]
        if isinstance(column, pd.Series) and name not in _TEXTS:
            column = column.to_numpy(dtype=np.float64, na_value=np.nan)
        results[name][positions] = column


def _typed(results: dict[str, NDArray]) -> pd.DataFrame:
    frame = pd.DataFrame(results)
    for name in _COUNTS:
        frame[name] = frame[name].astype("Int64")
    return frame.astype({"flag": "str", "engine": "category"})


def _effects(plan: Plan, results: dict[str, NDArray]) -> pd.DataFrame:
    """Estimates and intervals in the unit of the curve, turned by the sign of the outcome."""
    factor = _factors(plan) * _signs(plan)
    low, high = factor * results["ci_low"], factor * results["ci_high"]
    columns = (factor * results["estimate"], np.minimum(low, high), np.maximum(low, high))
    return pd.DataFrame(dict(zip(EFFECTS, columns, strict=True)))


def _signs(plan: Plan) -> Ints:
    """(S,) sign of the outcome."""
    cells = plan.enumeration.cells
    return np.array([cell.outcome.sign for cell in cells])[plan.enumeration.cell]


def _factors(plan: Plan) -> Floats:
    """(S,) what turns an estimate into the unit of the curve.

    Means and standard deviations are those of the rows of the specification, without weights.
    """
    enumeration = plan.enumeration
    factors = np.ones(len(enumeration))
    if plan.curve.standardise == "none":
        return factors
    names = list(all_measures(plan.curve))
    values = plan.columns[names].to_numpy(dtype=np.float64)
    place = {name: i for i, name in enumerate(names)}
    for one in plan.passes:
        if one.n_obs < 2:  # nothing is estimated from it, and it has no deviation
            factors[one.specifications] = np.nan
            continue
        rows = values[one.rows(len(values))]
        used = [place[name] for name in one.columns]
        measured = {
            name: (mean, deviation)
            for name, mean, deviation in zip(
                one.columns,
                rows[:, used].mean(axis=0),
                rows[:, used].std(axis=0, ddof=1),
                strict=True,
            )
        }
        numbers, which = np.unique(enumeration.cell[one.specifications], return_inverse=True)
        by_cell = [
            _factor(plan.curve.standardise, enumeration.cells[number], measured)
            for number in numbers
        ]
        factors[one.specifications] = np.array(by_cell)[which]
    return factors


def _factor(standardise: str, cell: Cell, measured: Mapping[str, tuple[float, float]]) -> float:
    """Missing where outcome or focus does not vary; ``measured``: mean and deviation by measure."""
    outcome = cell.outcome
    mean, deviation = measured[outcome.formula]
    if standardise != "percent":
        of_focus = measured[cell.focus.formula][1] if standardise == "both sd" else 1.0
        return of_focus / deviation if deviation and of_focus else math.nan
    if cell.estimator == "poisson":
        return 100.0  # coefficients are of the logarithm of the mean
    if outcome.transform in LOGS:
        return 100.0 / abs(outcome.times)
    if outcome.transform == "growth":
        return 1.0 / abs(outcome.times)
    if abs(mean) <= ZERO_MEAN * deviation:
        if not deviation:
            return math.nan
        raise CurveError(
            f"standardise: percent of {outcome.name} has no meaning; its mean is 0 in the sample "
            f"{cell.sample!r}"
        )
    return 100.0 / abs(mean)
