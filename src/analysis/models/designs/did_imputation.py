"""Imputation: effects as what is observed less what untreated rows lead to expect.

The model of the outcome without treatment, ``y_it(0) = a_i + d_t + x_it'b + e_it``, is fitted to
untreated rows only and continued to the treated ones. `two_stage_did` (Gardner 2022) and
`imputation_did` (Borusyak, Jaravel and Spiess 2024, "BJS") average the same gaps and differ in the
standard error and in the test of the periods before treatment.

An average of gaps with weights t (n,) is linear in the outcome, ``v'y``, with ``v_i = t_i - w_i
h_i`` where h = Z (Z0'W Z0)^-1 Z't on untreated rows and zero on others (BJS).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import SuperLU, splu

from analysis.models.absorption import absorb
from analysis.models.designs.did_panel import (
    StaggeredPanel,
    as_columns,
    as_numbers,
    check_choice,
    cluster_sums,
    clusters_of,
    period_label,
    staggered_panel,
    weights_of,
)
from analysis.models.estimates import Estimates, Facts, tabulate
from analysis.models.linear import ols
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

UNIDENTIFIED = ("error", "drop")
SMALL_SAMPLE = ("none", "clusters")


@dataclass(frozen=True, slots=True)
class Imputation:
    """Rows with an imputed outcome; all arrays have one entry per row.

    ``gap`` (n,) is the outcome less its expectation without treatment, ``untreated`` (n,) marks the
    rows of the first stage, ``design`` (n, p) its columns, ``solve`` the inverse of its normal
    equations.
    """

    panel: StaggeredPanel
    untreated: Mask
    event: Floats
    weights: Floats
    gap: Floats
    design: sparse.csr_array
    solve: SuperLU

    def first_stage_weights(self, target: Floats) -> Floats:
        """``w h`` (n, q) of the module's formula for targets t (n, q)."""
        fitted = self.design @ self.solve.solve(np.asarray(self.design.T @ target))
        return (self.weights * self.untreated)[:, None] * fitted


def two_stage_did(
    frame: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    first_treated: str,
    covariates: str | Sequence[str] = (),
    anticipation: float = 0,
    reference: float | Sequence[float] = -1,
    window: tuple[float, float] = (-math.inf, math.inf),
    unidentified: str = "error",
    never: float | None = 0,
    weights: str | None = None,
    cluster: str | None = None,
    small_sample: str = "none",
    sample: str = "all",
) -> Estimates:
    """Two-stage difference-in-differences (Gardner 2022).

    The second stage regresses the gaps of all rows on indicators of treatment, or of event time.
    Its errors count the first stage as the moment conditions of both together do (Gardner 2022):
    contribution ``t_i (gap_i - mean) - w_i h_i gap_i``, summed by cluster.

    Parameters
    ----------
    first_treated, never
        As in `callaway_santanna`.
    covariates
        Of the first stage, beside the unit and time effects.
    anticipation
        This many periods before treatment are not used as untreated.
    reference, window
        Event times not reported, and the first and last one reported. Neither changes the others.
    unidentified
        What to do with treated rows whose unit or period has no untreated row: ``"error"``, or
        ``"drop"`` and count them in ``statistics["n_unidentified"]``.
    weights, cluster, small_sample
        As in `callaway_santanna`; weights enter both stages. Clusters may divide units.

    Returns
    -------
    Estimates
        ``att``, the mean over treated rows; then ``event_time=l``. Those before treatment are means
        of first-stage residuals, which the first stage pulls towards zero. Normal inference.

    Raises
    ------
    ModelError
        If columns or options are unusable, the covariates are collinear with the effects among
        untreated rows, or a treated row cannot be imputed.
    """
    step = _impute(
        frame,
        outcome=outcome,
        unit=unit,
        time=time,
        first_treated=first_treated,
        covariates=as_columns(covariates),
        anticipation=anticipation,
        unidentified=unidentified,
        never=never,
        weights=weights,
        cluster=cluster,
    )
    events = _events(step, window, as_numbers(reference))
    terms, target = _targets(step, events)
    means = target.T @ step.gap
    contributions = target * (step.gap[:, None] - means)
    contributions -= step.first_stage_weights(target) * step.gap[:, None]
    facts = _facts(frame, step, outcome, covariates, cluster or unit, weights, sample)
    covariance = _clustered(contributions, clusters_of(step.panel, cluster), small_sample)
    facts = replace(facts, estimator="two-stage DiD", small_sample=_factor_name(small_sample))
    return replace(tabulate(terms, means, covariance, facts), statistics=_statistics(frame, step))


def imputation_did(
    frame: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    first_treated: str,
    covariates: str | Sequence[str] = (),
    anticipation: float = 0,
    window: tuple[float, float] = (0, math.inf),
    leads: int = 0,
    unidentified: str = "error",
    never: float | None = 0,
    weights: str | None = None,
    cluster: str | None = None,
    small_sample: str = "none",
    sample: str = "all",
) -> Estimates:
    """Imputation estimator with conservative standard errors (BJS).

    The variance is ``sum_c (sum_{i in c} v_i e_i)^2`` over clusters, with e the gap on untreated
    rows and, on treated ones, the gap less the ``v``-weighted mean gap of the same cohort and event
    time (BJS theorem 3, with means that leave no unit out). A cohort of a single cluster therefore
    adds nothing for its treated rows.

    Parameters
    ----------
    window
        First and last event time reported, from ``-anticipation``.
    leads
        Number of periods before treatment to test: their indicators are added to the first stage
        and estimated on untreated rows alone (BJS), with errors clustered under the
        convention of `analysis.models`.

    Other parameters as in `two_stage_did`.

    Returns
    -------
    Estimates
        ``att``; ``event_time=l`` for treated rows; ``event_time=-l`` of the test of leads, whose
        covariance with the effects is left at zero. ``statistics``: ``pretest_f``,
        ``pretest_df``, ``pretest_p`` of the leads jointly; ``n_unidentified``.

    Raises
    ------
    ModelError
        As `two_stage_did`.
    """
    step = _impute(
        frame,
        outcome=outcome,
        unit=unit,
        time=time,
        first_treated=first_treated,
        covariates=as_columns(covariates),
        anticipation=anticipation,
        unidentified=unidentified,
        never=never,
        weights=weights,
        cluster=cluster,
    )
    codes = clusters_of(step.panel, cluster)
    terms, target = _targets(step, _events(step, (max(window[0], -anticipation), window[1]), ()))
    v = target - step.first_stage_weights(target)
    contributions = v * (step.gap[:, None] - _cohort_means(step, v, codes))
    covariance = _clustered(contributions, codes, small_sample)
    facts = _facts(frame, step, outcome, covariates, cluster or unit, weights, sample)
    facts = replace(facts, estimator="imputation DiD", small_sample=_factor_name(small_sample))
    values, statistics = target.T @ step.gap, _statistics(frame, step)
    if leads:
        names = as_columns(covariates)
        before = _leads(step, leads, outcome, unit, time, names, weights, cluster or unit)
        terms = [*terms, *before.coefficients["term"]]
        values = np.append(values, before.coefficients["estimate"])
        covariance = linalg.block_diag(covariance, before.covariance.to_numpy())
        test = before.wald(before.coefficients["term"].tolist())
        statistics |= {
            "pretest_f": test.statistic,
            "pretest_df": float(test.df_numerator),
            "pretest_p": test.p_value,
        }
    return replace(tabulate(terms, values, covariance, facts), statistics=statistics)


def _impute(
    frame: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    first_treated: str,
    covariates: tuple[str, ...],
    anticipation: float,
    unidentified: str,
    never: float | None,
    weights: str | None,
    cluster: str | None,
) -> Imputation:
    check_choice("unidentified", unidentified, UNIDENTIFIED)
    if anticipation < 0:
        raise ModelError(f"anticipation: expected 0 or more, got {anticipation}")
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
    untreated = panel.time < panel.cohort - anticipation
    component = _components(panel, untreated)
    known = component >= 0
    if not known.all() and unidentified == "error":
        raise ModelError(_unidentified_message(panel, ~known))
    if not (known & panel.treated).any():
        raise ModelError(
            "no treated row can be imputed: none shares unit and period effects with untreated rows"
        )
    panel, untreated, component = panel.select(known), untreated[known], component[known]
    w = weights_of(panel, weights)
    x = panel.block(covariates)
    _check_covariates(panel, untreated, x, w, covariates)
    design = _design(panel, component, x)
    base = design[untreated]
    normal = (base.T @ (base * w[untreated][:, None])).tocsc()
    solve = splu(normal)
    y = panel.column(outcome)
    theta = solve.solve(np.asarray(base.T @ (w * y)[untreated]))
    event = panel.time - panel.cohort
    return Imputation(panel, untreated, event, w, y - design @ theta, design, solve)


def _components(panel: StaggeredPanel, untreated: Mask) -> Codes:
    """Component (n,) of the graph of units and periods joined by untreated rows; -1 if a row's unit
    and period are in none or in different ones, so that its expectation is not identified."""
    period = np.searchsorted(panel.periods, panel.time)
    n_units, n_periods = len(panel.labels), len(panel.periods)
    size = n_units + n_periods
    edges = (panel.unit[untreated], n_units + period[untreated])
    graph = sparse.coo_array((np.ones(len(edges[0])), edges), shape=(size, size))
    labels = connected_components(graph, directed=False)[1]
    used = np.zeros(size, dtype=bool)
    used[np.concatenate(edges)] = True
    of_unit, of_period = labels[panel.unit], labels[n_units + period]
    known = used[panel.unit] & used[n_units + period] & (of_unit == of_period)
    return np.where(known, of_unit, -1).astype(np.int64)


def _unidentified_message(panel: StaggeredPanel, unknown: Mask) -> str:
    cells = [
        f"{panel.labels[panel.unit[row]]} in {period_label(panel.time[row])}"
        for row in np.flatnonzero(unknown)[:3]
    ]
    return (
        f"{int(unknown.sum())} treated rows cannot be imputed, because their unit or period has no "
        f"untreated row to estimate its effect from ({', '.join(cells)}, ...); leave them out "
        "or set unidentified='drop'"
    )


def _design(panel: StaggeredPanel, component: Codes, x: Floats) -> sparse.csr_array:
    """Columns of full rank: units, periods without the first of each component, covariates.

    A component has its own units, and a period belongs to one component, so that periods are
    codes by themselves.
    """
    rows = np.arange(len(component))
    unit = np.unique(panel.unit, return_inverse=True)[1]
    periods, first, period = np.unique(panel.time, return_index=True, return_inverse=True)
    dropped = np.zeros(len(periods), dtype=bool)
    of_period = component[first]
    dropped[np.unique(of_period, return_index=True)[1]] = True
    column = np.cumsum(~dropped) - 1
    kept = ~dropped[period]
    ones = np.ones(len(rows))
    units = sparse.csr_array((ones, (rows, unit)), shape=(len(rows), int(unit.max()) + 1))
    times = sparse.csr_array(
        (ones[kept], (rows[kept], column[period][kept])), shape=(len(rows), int((~dropped).sum()))
    )
    return sparse.hstack([units, times, sparse.csr_array(x)], format="csr")


def _check_covariates(
    panel: StaggeredPanel, untreated: Mask, x: Floats, w: Floats, names: tuple[str, ...]
) -> None:
    if not names:
        return
    period = np.searchsorted(panel.periods, panel.time)
    effects = np.column_stack([panel.unit, period])[untreated]
    effects = np.column_stack([np.unique(e, return_inverse=True)[1] for e in effects.T])
    scale = np.linalg.norm(x[untreated], axis=0)
    within = absorb(x[untreated], effects, w[untreated]) / np.where(scale > 0, scale, 1.0)
    diagonal = np.abs(np.diag(linalg.qr(within, mode="r")[0]))
    bad = [name for name, size in zip(names, diagonal, strict=False) if size < 1e-9]
    if bad or len(diagonal) < len(names):
        raise ModelError(
            f"covariates {', '.join(bad or names)} do not vary within units and periods of "
            "untreated rows, beyond the other covariates; leave them out"
        )


def _events(
    step: Imputation, window: tuple[float, float], left_out: tuple[float, ...]
) -> list[float]:
    present = np.unique(step.event[np.isfinite(step.event)])
    inside = present[(present >= window[0]) & (present <= window[1])]
    return [float(value) for value in inside if value not in left_out]


def _targets(step: Imputation, events: list[float]) -> tuple[list[str], Floats]:
    """Weights (n, q), adding up to one, of the overall mean and of each event time."""
    masks = [step.panel.treated, *(step.event == value for value in events)]
    weighted = step.weights[:, None] * np.column_stack(masks)
    terms = ["att", *(f"event_time={period_label(value)}" for value in events)]
    return terms, weighted / weighted.sum(axis=0)


def _cohort_means(step: Imputation, v: Floats, codes: Codes) -> Floats:
    """Mean gaps (n, q) by cohort and event time of rows not untreated; zero on untreated rows.

    With v summed over the cluster, c, the mean weights rows by ``v_i c_i``, which for clusters of
    one row per cell is ``v_i^2``.
    """
    rows = ~step.untreated
    keys = np.column_stack([step.panel.cohort[rows], step.event[rows]])
    cell = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    pair = cell * (int(codes.max()) + 1) + codes[rows]
    pair = np.unique(pair, return_inverse=True)[1]
    weight = cluster_sums(v[rows], pair)[pair] * v[rows]
    total = cluster_sums(weight, cell)
    mean = cluster_sums(weight * step.gap[rows, None], cell) / np.where(total > 0, total, 1.0)
    result = np.zeros_like(v)
    result[rows] = mean[cell]
    return result


def _leads(
    step: Imputation,
    leads: int,
    outcome: str,
    unit: str,
    time: str,
    covariates: tuple[str, ...],
    weights: str | None,
    cluster: str,
) -> Estimates:
    dummies = {
        f"event_time=-{lead}": (step.event == -lead).astype(float)[step.untreated]
        for lead in range(leads, 0, -1)
    }
    rows = step.panel.rows[step.untreated].reset_index(drop=True)
    result = ols(
        pd.concat([rows, pd.DataFrame(dummies)], axis=1),
        outcome=outcome,
        regressors=(*dummies, *covariates),
        absorb=(unit, time),
        weights=weights,
        vcov="cluster",
        cluster=cluster,
    )
    terms = list(dummies)
    kept = result.coefficients["term"].isin(terms)
    return replace(
        result,
        coefficients=result.coefficients[kept],
        covariance=result.covariance.loc[terms, terms],
    )


def _clustered(contributions: Floats, codes: Codes, small_sample: str) -> Floats:
    check_choice("small_sample", small_sample, SMALL_SAMPLE)
    sums = cluster_sums(contributions, codes)
    count = len(np.unique(codes))
    factor = count / (count - 1) if small_sample == "clusters" else 1.0
    return factor * (sums.T @ sums)


def _factor_name(small_sample: str) -> str:
    return "G/(G - 1)" if small_sample == "clusters" else "none"


def _statistics(frame: pd.DataFrame, step: Imputation) -> dict[str, float]:
    complete = len(frame) - step.panel.n_dropped
    return {
        "n_unidentified": float(complete - len(step.gap)),
        "n_untreated": float(step.untreated.sum()),
        "n_treated": float(step.panel.treated.sum()),
    }


def _facts(
    frame: pd.DataFrame,
    step: Imputation,
    outcome: str,
    covariates: str | Sequence[str],
    cluster: str,
    weights: str | None,
    sample: str,
) -> Facts:
    panel = step.panel
    return Facts(
        outcome=outcome,
        estimator="",
        vcov="cluster",
        formula=f"{outcome}(0) ~ {' + '.join(as_columns(covariates)) or '1'} | unit + time",
        absorb="unit + time",
        cluster=cluster,
        weights=weights or "",
        sample=sample,
        n_obs=len(panel.rows),
        n_dropped=len(frame) - len(panel.rows),
        n_units=len(np.unique(panel.unit)),
        n_periods=len(panel.periods),
        n_clusters=len(np.unique(clusters_of(panel, cluster))),
        df_t=math.inf,
        outcome_mean=float(panel.column(outcome).mean()),
    )
