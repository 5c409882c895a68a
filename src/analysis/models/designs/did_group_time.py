"""Group-time average effects with staggered adoption: Callaway and Sant'Anna (2021, "CS").

For units first treated in period g (group g),

.. math:: ATT(g, t) = E[Y_t(g) - Y_t(\\infty) | G = g]

is a two-period, two-group comparison of group g with units not treated, from a base period before
treatment to t. Averages of these cells answer the questions of the reader.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.designs.did_cells import METHODS, cross_section_effect, panel_effect
from analysis.models.designs.did_panel import (
    StaggeredPanel,
    as_columns,
    check_choice,
    cluster_sums,
    clusters_of,
    period_label,
    staggered_panel,
    weights_of,
)
from analysis.models.estimates import Estimates, Facts, tabulate, wald_test
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

CONTROL_GROUPS = ("never", "not_yet")
BASE_PERIODS = ("varying", "universal")
UNBALANCED = ("pairs", "complete", "cross_sections")
AGGREGATIONS = ("group_time", "simple", "dynamic", "group", "calendar")
SMALL_SAMPLE = ("none", "clusters")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One cell: group, period, the base period, and who serves as control (``-inf``: nobody)."""

    group: float
    period: float
    base: float
    controls_after: float
    never_only: bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """An estimate and the contributions (n_units,) of the units to it."""

    term: str
    estimate: float
    contributions: Floats


@dataclass(frozen=True, slots=True)
class Cells:
    """All estimated cells; ``effects`` (c,), ``contributions`` (n_units, c).

    ``unit_cohort`` and ``unit_weight`` (n_units,) give the size of the groups.
    """

    comparisons: list[Comparison]
    effects: Floats
    contributions: Floats
    unit_cohort: Floats
    unit_weight: Floats


def callaway_santanna(
    frame: pd.DataFrame,
    *,
    outcome: str,
    time: str,
    first_treated: str,
    unit: str | None = None,
    covariates: str | Sequence[str] = (),
    method: str = "dr",
    control_group: str = "never",
    anticipation: float = 0,
    base_period: str = "varying",
    unbalanced: str = "pairs",
    never: float | None = 0,
    weights: str | None = None,
    cluster: str | None = None,
    small_sample: str = "none",
    aggregate: str | Sequence[str] = AGGREGATIONS,
    balance_event: int | None = None,
    min_event: float = -math.inf,
    max_event: float = math.inf,
    sample: str = "all",
) -> Estimates:
    """Group-time average treatment effects and their averages.

    Parameters
    ----------
    frame
        One row per unit and period, or with ``unit=None`` repeated cross-sections.
    first_treated, never
        Column with the period of first treatment; missing, infinite or equal to ``never`` (by
        default 0) for units never treated. Units treated in the first period are left out.
    covariates
        Parallel trends hold given these. Taken in the earlier period of each comparison.
    method
        ``"dr"`` doubly robust, ``"reg"`` outcome regression, ``"ipw"`` inverse probability
        weighting (CS eqs. 2.2-2.4). Without covariates all three are the difference of means.
        Controls with a propensity score of at least 0.995 get no weight.
    control_group
        ``"never"`` treated units, or those ``"not_yet"`` treated by the later period of the
        comparison plus ``anticipation`` (never treated units included).
    anticipation
        Periods before treatment in which units may already react.
    base_period
        The last period before ``g - anticipation`` for t >= g always. Before g: ``"varying"``
        compares with the previous period, ``"universal"`` with the same base, at which the effect
        is zero by construction.
    unbalanced
        ``"pairs"``: each comparison uses the units seen in both its periods. ``"complete"``: only
        units seen in every period. ``"cross_sections"``: rows of the two periods are independent
        samples, errors are still clustered by unit; always so with ``unit=None``.
    weights
        Sampling weights. In a panel those of the earlier period of a comparison count, and the
        first observed one for the size of a group.
    cluster, small_sample
        Column of clusters that contain whole units, by default the units. ``"none"``: no factor.
        ``"clusters"``: G/(G - 1).
    aggregate
        Which terms to report, see below.
    balance_event, min_event, max_event
        For ``"dynamic"``: keep groups observed at least ``balance_event`` periods after treatment,
        and at event times ``min_event`` to ``max_event``.

    Returns
    -------
    Estimates
        Terms, in the order of `AGGREGATIONS` (CS section 3):

        * ``ATT(g,t)``;
        * ``simple``: cells with t >= g, weighted by the size of the group;
        * ``event_time=e``: cells with t - g = e weighted likewise; ``dynamic``: their mean, e >= 0;
        * ``group=g``: mean over t >= g; ``group``: these weighted by the size of the group;
        * ``calendar=t``: treated groups weighted by size; ``calendar``: their mean.

        Standard errors are those of the influence functions, the estimation of the group sizes
        included; inference is normal and pointwise. ``statistics``: ``pretest_chi2``,
        ``pretest_df``, ``pretest_p`` of the Wald test that ATT(g,t) = 0 for all t < g -
        anticipation; ``n_cells``, ``n_cells_without_controls``. ``details["cells"]``: group,
        period, base period and numbers of treated and control units.

    Raises
    ------
    ModelError
        If columns or options are unusable, no cell can be estimated, or a cell's regression or
        propensity score has no solution.
    """
    covariates, aggregate = as_columns(covariates), as_columns(aggregate)
    _check_options(method, control_group, base_period, unbalanced, small_sample, aggregate)
    others = (*covariates, *([weights] if weights else []), *([cluster] if cluster else []))
    panel = staggered_panel(
        frame,
        outcome=outcome,
        unit=unit,
        time=time,
        first_treated=first_treated,
        never=never,
        others=others,
    )
    sections = unit is None or unbalanced == "cross_sections"
    panel = _usable(panel, complete=unbalanced == "complete" and not sections)
    comparisons = _comparisons(panel, control_group, anticipation, base_period)
    estimate = _section_cells if sections else _panel_cells
    cells, sizes = estimate(panel, comparisons, outcome, covariates, weights, method)
    window = (balance_event, min_event, max_event)
    parameters = _parameters(cells, aggregate, window, float(panel.time.max()))
    codes = _unit_clusters(panel, cluster)
    n_clusters = len(np.unique(codes))
    factor = n_clusters / (n_clusters - 1) if small_sample == "clusters" else 1.0

    def covariance(contributions: Floats) -> Floats:
        sums = cluster_sums(contributions, codes)
        return factor * (sums.T @ sums)

    facts = Facts(
        outcome=outcome,
        estimator=f"Callaway-Sant'Anna ({method})",
        vcov="cluster" if cluster else "influence function",
        formula=f"ATT(g,t): {outcome} ~ {' + '.join(covariates) or '1'}, {control_group} treated",
        cluster=cluster or unit or "",
        weights=weights or "",
        sample=sample,
        small_sample="G/(G - 1)" if small_sample == "clusters" else "none",
        n_obs=len(panel.rows),
        n_dropped=len(frame) - len(panel.rows),
        n_units=len(np.unique(panel.unit)) if unit else None,
        n_periods=len(panel.periods),
        n_clusters=n_clusters,
        df_t=math.inf,
        outcome_mean=float(panel.column(outcome).mean()),
    )
    estimates = tabulate(
        [parameter.term for parameter in parameters],
        np.array([parameter.estimate for parameter in parameters]),
        covariance(np.column_stack([parameter.contributions for parameter in parameters])),
        facts,
    )
    return Estimates(
        estimates.coefficients,
        estimates.covariance,
        facts,
        statistics=_pretest(cells, anticipation, covariance)
        | {
            "n_cells": float(len(cells.comparisons)),
            "n_cells_without_controls": float(len(comparisons) - len(cells.comparisons)),
        },
        details={"cells": sizes},
    )


def _check_options(
    method: str,
    control_group: str,
    base_period: str,
    unbalanced: str,
    small_sample: str,
    aggregate: tuple[str, ...],
) -> None:
    check_choice("method", method, METHODS)
    check_choice("control_group", control_group, CONTROL_GROUPS)
    check_choice("base_period", base_period, BASE_PERIODS)
    check_choice("unbalanced", unbalanced, UNBALANCED)
    check_choice("small_sample", small_sample, SMALL_SAMPLE)
    if not aggregate:
        raise ModelError(f"aggregate: expected at least one of {', '.join(AGGREGATIONS)}")
    for name in aggregate:
        check_choice("aggregate", name, AGGREGATIONS)


def _usable(panel: StaggeredPanel, complete: bool) -> StaggeredPanel:
    """Without units treated from the start and, if asked, without units with a missing period."""
    keep = panel.cohort > panel.periods[0]
    if complete:
        seen = np.bincount(panel.unit, minlength=len(panel.labels))
        keep &= (seen == len(panel.periods))[panel.unit]
    if not (keep & panel.treated).any():
        raise ModelError(
            "no treated unit is left: units treated in the first period"
            f" ({panel.periods[0]:g}){' or not seen in every period' if complete else ''} have no "
            "comparison before treatment"
        )
    return panel.select(keep)


def _unit_clusters(panel: StaggeredPanel, cluster: str | None) -> NDArray[np.int64]:
    """Cluster codes of the units present, in the order of their codes."""
    codes = clusters_of(panel, cluster)
    _, first, inverse = np.unique(panel.unit, return_index=True, return_inverse=True)
    of_unit = codes[first]
    if (of_unit[inverse] != codes).any():
        row = int(np.flatnonzero(of_unit[inverse] != codes)[0])
        raise ModelError(
            f"clusters must contain whole units, but {panel.labels[panel.unit[row]]} is in more "
            f"than one {cluster!r}"
        )
    return of_unit


def _comparisons(
    panel: StaggeredPanel, control_group: str, anticipation: float, base_period: str
) -> list[Comparison]:
    """Every (g, t) with a base period, in order of g and t."""
    if anticipation < 0:
        raise ModelError(f"anticipation: expected 0 or more, got {anticipation}")
    periods, never_only = panel.periods, control_group == "never"
    found = []
    for group in np.unique(panel.cohort[np.isfinite(panel.cohort)]):
        before = periods[periods + anticipation < group]
        if not len(before):
            continue
        for earlier, period in zip([-math.inf, *periods], periods, strict=False):
            varying = base_period == "varying" and period < group
            base = earlier if varying else before[-1]
            if math.isfinite(base):
                after = max(period, base) + anticipation
                found.append(Comparison(group, period, base, after, never_only))
    if not found:
        raise ModelError(
            "no group has a period before treatment and anticipation to compare with; periods: "
            f"{', '.join(map(period_label, periods))}"
        )
    return found


def _controls(comparison: Comparison, cohort: Floats) -> NDArray[np.bool_]:
    if comparison.never_only:
        return np.isinf(cohort)
    return (cohort > comparison.controls_after) & (cohort != comparison.group)


def _cells(
    comparisons: list[Comparison],
    unit_cohort: Floats,
    unit_weight: Floats,
    estimate: Callable[[Comparison], tuple[float, Floats, int, int]],
) -> tuple[Cells, pd.DataFrame]:
    """Estimate every comparison that has both treated and control units."""
    used, effects, contributions, records = [], [], [], []
    for cell in comparisons:
        try:
            effect, contribution, n_treated, n_controls = estimate(cell)
        except ModelError as error:
            where = f"ATT({period_label(cell.group)},{period_label(cell.period)})"
            raise ModelError(f"{where}: {error}") from None
        records.append((cell.group, cell.period, cell.base, n_treated, n_controls))
        if n_treated and n_controls:
            used.append(cell)
            effects.append(effect)
            contributions.append(contribution)
    if not used:
        raise ModelError(
            "no group-time effect has both treated and control units"
            + ("; without never-treated units use control_group='not_yet'" * cell.never_only)
        )
    sizes = pd.DataFrame.from_records(
        records, columns=["group", "period", "base_period", "n_treated", "n_controls"]
    )
    sizes.insert(0, "term", [_cell_term(cell) for cell in comparisons])
    matrix = np.column_stack(contributions)
    return Cells(used, np.array(effects), matrix, unit_cohort, unit_weight), sizes


def _panel_cells(
    panel: StaggeredPanel,
    comparisons: list[Comparison],
    outcome: str,
    covariates: tuple[str, ...],
    weights: str | None,
    method: str,
) -> tuple[Cells, pd.DataFrame]:
    labels, unit = np.unique(panel.unit, return_inverse=True)
    periods, period = np.unique(panel.time, return_inverse=True)

    def wide(column: Floats) -> Floats:
        table = np.full((len(labels), len(periods)), np.nan)
        table[unit, period] = column
        return table

    y, w = wide(panel.column(outcome)), wide(weights_of(panel, weights))
    x = np.stack([wide(panel.column(name)) for name in covariates] or [y], axis=2)
    x = x[:, :, : len(covariates)]
    first = np.unique(unit, return_index=True)[1]
    cohort = panel.cohort[first]
    place = {value: index for index, value in enumerate(periods)}

    def estimate(cell: Comparison) -> tuple[float, Floats, int, int]:
        now, base = place[cell.period], place[cell.base]
        earlier = min(now, base)
        treated = cohort == cell.group
        seen = ~np.isnan(y[:, now]) & ~np.isnan(y[:, base])
        rows = np.flatnonzero(seen & (treated | _controls(cell, cohort)))
        own = treated[rows]
        counts = int(own.sum()), int((~own).sum())
        contribution = np.zeros(len(labels))
        if now == base or not all(counts):
            return 0.0, contribution, *counts
        change = y[rows, now] - y[rows, base]
        effect, contribution[rows] = panel_effect(
            change, own, x[rows, earlier], w[rows, earlier], method
        )
        return effect, contribution, *counts

    return _cells(comparisons, cohort, weights_of(panel, weights)[first], estimate)


def _section_cells(
    panel: StaggeredPanel,
    comparisons: list[Comparison],
    outcome: str,
    covariates: tuple[str, ...],
    weights: str | None,
    method: str,
) -> tuple[Cells, pd.DataFrame]:
    labels, first, unit = np.unique(panel.unit, return_index=True, return_inverse=True)
    y, w, x = panel.column(outcome), weights_of(panel, weights), panel.block(covariates)

    def estimate(cell: Comparison) -> tuple[float, Floats, int, int]:
        group = panel.cohort == cell.group
        either = (panel.time == cell.period) | (panel.time == cell.base)
        rows = np.flatnonzero(either & (group | _controls(cell, panel.cohort)))
        own, after = group[rows], panel.time[rows] == cell.period
        contribution = np.zeros(len(labels))
        if cell.period == cell.base:
            return 0.0, contribution, int(own.sum()), int((~own).sum())
        counts = [int((own == side)[after == when].sum()) for side in (1, 0) for when in (1, 0)]
        if not all(counts):
            return 0.0, contribution, min(counts[:2]), min(counts[2:])
        effect, values = cross_section_effect(y[rows], own, after, x[rows], w[rows], method)
        contribution = np.bincount(unit[rows], values, len(labels)).astype(float)
        return effect, contribution, sum(counts[:2]), sum(counts[2:])

    return _cells(comparisons, panel.cohort[first], w[first], estimate)


def _cell_term(cell: Comparison) -> str:
    return f"ATT({period_label(cell.group)},{period_label(cell.period)})"


def _parameters(
    cells: Cells,
    aggregate: tuple[str, ...],
    window: tuple[int | None, float, float],
    last_period: float,
) -> list[Parameter]:
    builders = {
        "group_time": lambda: _group_time(cells),
        "simple": lambda: _simple(cells),
        "dynamic": lambda: _dynamic(cells, *window, last_period),
        "group": lambda: _by_group(cells),
        "calendar": lambda: _by_calendar(cells),
    }
    return [found for name in AGGREGATIONS if name in aggregate for found in builders[name]()]


def _group_time(cells: Cells) -> list[Parameter]:
    columns = zip(cells.comparisons, cells.effects, cells.contributions.T, strict=True)
    return [Parameter(_cell_term(cell), float(effect), row) for cell, effect, row in columns]


def _simple(cells: Cells) -> list[Parameter]:
    return [_weighted("simple", cells, _after(cells))]


def _dynamic(
    cells: Cells, balance: int | None, lowest: float, highest: float, last_period: float
) -> list[Parameter]:
    event = np.array([cell.period - cell.group for cell in cells.comparisons])
    group = np.array([cell.group for cell in cells.comparisons])
    keep = (event >= lowest) & (event <= highest)
    if balance is not None:
        keep &= (last_period - group >= balance) & (event <= balance)
    if not (keep & (event >= 0)).any():
        raise ModelError(
            "dynamic: no group is left at or after treatment; relax balance_event, min_event and "
            "max_event"
        )
    path = [
        _weighted(f"event_time={period_label(value)}", cells, keep & (event == value))
        for value in np.unique(event[keep])
    ]
    after = [found for found in path if float(found.term.partition("=")[2]) >= 0]
    return [*path, _mean("dynamic", after)]


def _by_group(cells: Cells) -> list[Parameter]:
    group, after = np.array([cell.group for cell in cells.comparisons]), _after(cells)
    values = np.unique(group[after])
    means = [_equal(f"group={period_label(v)}", cells, after & (group == v)) for v in values]
    overall = _size_weighted(
        "group",
        values,
        np.array([found.estimate for found in means]),
        np.column_stack([found.contributions for found in means]),
        cells,
    )
    return [*means, overall]


def _by_calendar(cells: Cells) -> list[Parameter]:
    period, after = np.array([cell.period for cell in cells.comparisons]), _after(cells)
    path = [
        _weighted(f"calendar={period_label(value)}", cells, after & (period == value))
        for value in np.unique(period[after])
    ]
    return [*path, _mean("calendar", path)]


def _after(cells: Cells) -> NDArray[np.bool_]:
    after = np.array([cell.period >= cell.group for cell in cells.comparisons])
    if not after.any():
        raise ModelError("no group is compared at or after its treatment; nothing to average")
    return after


def _equal(term: str, cells: Cells, chosen: NDArray[np.bool_]) -> Parameter:
    contributions = cells.contributions[:, chosen].mean(axis=1)
    return Parameter(term, float(cells.effects[chosen].mean()), contributions)


def _mean(term: str, found: list[Parameter]) -> Parameter:
    contributions = np.mean([parameter.contributions for parameter in found], axis=0)
    return Parameter(term, float(np.mean([p.estimate for p in found])), contributions)


def _weighted(term: str, cells: Cells, chosen: NDArray[np.bool_]) -> Parameter:
    group = np.array([cell.group for cell in cells.comparisons])[chosen]
    return _size_weighted(term, group, cells.effects[chosen], cells.contributions[:, chosen], cells)


def _size_weighted(
    term: str, group: Floats, effects: Floats, contributions: Floats, cells: Cells
) -> Parameter:
    """Average of ``effects`` (k,) weighted by the size of the groups they belong to.

    The sizes are estimated: a unit of group g moves the average towards the effects of g.
    """
    member = cells.unit_weight[:, None] * (cells.unit_cohort[:, None] == group)
    sizes = member.sum(axis=0)
    average = float(sizes @ effects / sizes.sum())
    of_sizes = member @ (effects - average) / sizes.sum()
    return Parameter(term, average, contributions @ (sizes / sizes.sum()) + of_sizes)


def _pretest(
    cells: Cells, anticipation: float, covariance: Callable[[Floats], Floats]
) -> dict[str, float]:
    before = [
        cell.period < cell.group - anticipation and cell.period != cell.base
        for cell in cells.comparisons
    ]
    if not any(before):
        return {"pretest_chi2": math.nan, "pretest_df": 0.0, "pretest_p": math.nan}
    matrix = covariance(cells.contributions[:, before])
    test = wald_test(cells.effects[before], matrix, math.inf)
    return {
        "pretest_chi2": test.statistic * test.df_numerator,
        "pretest_df": float(test.df_numerator),
        "pretest_p": test.p_value,
    }
