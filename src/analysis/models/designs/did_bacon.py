"""What a two-way fixed-effects coefficient averages: Goodman-Bacon (2021, "GB")."""

from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.designs.did_panel import (
    StaggeredPanel,
    period_label,
    staggered_panel,
    weights_of,
)
from analysis.models.estimates import Estimates
from analysis.models.fit import fit
from analysis.models.specification import ModelError, Specification

Floats = NDArray[np.float64]

KINDS = ("treated_vs_never", "treated_vs_always", "earlier_vs_later", "later_vs_earlier")


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Period means by cohort: ``outcome`` (c, T) and ``size`` (c,) of cohorts ``first`` (c,)."""

    first: Floats
    outcome: Floats
    size: Floats
    periods: Floats

    def time_treated(self, row: int) -> float:
        """Share of the periods under treatment."""
        return float((self.periods >= self.first[row]).mean())


def goodman_bacon(
    frame: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    first_treated: str,
    never: float | None = 0,
    weights: str | None = None,
    sample: str = "all",
) -> Estimates:
    """Decompose the two-way fixed-effects coefficient of a staggered treatment.

    In a balanced panel the coefficient b of ``y_it = a_i + d_t + b D_it + e_it`` is a weighted mean
    of all two-group, two-period comparisons (GB theorem 1). With :math:`n_k` the size of cohort k
    and :math:`D_k` its share of periods under treatment, the weights are proportional to

    * :math:`n_k n_U D_k (1 - D_k)`: cohort k with units never treated (or always treated);
    * :math:`n_k n_l (D_k - D_l)(1 - D_k)`: earlier k with later l, before l is treated;
    * :math:`n_k n_l D_l (D_k - D_l)`: later l with earlier k, after k is treated. These are the
      comparisons with units already treated that mislead where effects grow over time.

    Parameters
    ----------
    first_treated, never
        As in `callaway_santanna`; units treated in the first period are "always treated".
    weights
        Sampling weights, constant within a unit.

    Returns
    -------
    Estimates
        One term ``twfe``, the coefficient of treatment with errors clustered by unit.
        ``details["comparisons"]``: term, kind, cohort treated, cohort serving as control, estimate
        and weight. ``details["kinds"]``: term (the kind), estimate (weighted mean) and weight.
        ``statistics``: ``weight_<kind>`` and ``estimate_<kind>`` for the kinds present.

    Raises
    ------
    ModelError
        If columns are unusable, the panel is not balanced or weights vary within a unit.
    """
    panel = staggered_panel(
        frame,
        outcome=outcome,
        unit=unit,
        time=time,
        first_treated=first_treated,
        never=never,
        others=(weights,) if weights else (),
    )
    cohorts = _cohorts(panel, outcome, unit, weights)
    comparisons = _comparisons(cohorts)
    twfe = fit(
        Specification(
            outcome=outcome,
            regressors=("twfe",),
            absorb=(unit, time),
            weights=weights,
            vcov="cluster",
            cluster=(unit,),
            unit=unit,
            time=time,
            sample=sample,
        ),
        panel.rows.assign(twfe=panel.treated.astype(float)),
    )
    kinds = _kinds(comparisons)
    statistics = {}
    for kind in kinds.itertuples():
        statistics[f"weight_{kind.term}"] = float(kind.weight)
        statistics[f"estimate_{kind.term}"] = float(kind.estimate)
    return replace(
        twfe,
        facts=replace(twfe.facts, estimator="Goodman-Bacon", n_dropped=panel.n_dropped),
        statistics=statistics,
        details={"comparisons": comparisons, "kinds": kinds},
    )


def _cohorts(panel: StaggeredPanel, outcome: str, unit: str, weights: str | None) -> Cohorts:
    periods = panel.periods
    n_units = len(panel.labels)
    if len(panel.rows) != n_units * len(periods):
        raise ModelError(
            f"the decomposition needs a balanced panel: {len(panel.rows)} complete rows, but "
            f"{n_units} values of {unit!r} times {len(periods)} periods are "
            f"{n_units * len(periods)}; restrict the sample to complete units or periods"
        )
    w = weights_of(panel, weights).reshape(n_units, -1)
    if not np.allclose(w, w[:, :1]):
        raise ModelError(f"weights {weights!r} must be constant within a unit")
    y = panel.column(outcome).reshape(n_units, -1)
    # Units treated before the data begin are one group, whatever their date.
    cohort = panel.cohort.reshape(n_units, -1)[:, 0]
    cohort = np.where(cohort <= periods[0], -np.inf, cohort)
    cohort = np.where(cohort > periods[-1], np.inf, cohort)
    first = np.unique(cohort)
    member = (cohort == first[:, None]) * w[:, 0]
    size = member.sum(axis=1)
    return Cohorts(first, member @ y / size[:, None], size / size.sum(), periods)


def _comparisons(cohorts: Cohorts) -> pd.DataFrame:
    records = []
    for treated, control in permutations(range(len(cohorts.first)), 2):
        if np.isfinite(cohorts.first[treated]):
            records.append(_compare(cohorts, treated, control))
    if not records:
        raise ModelError("no cohort is first treated within the panel; nothing to decompose")
    table = pd.DataFrame.from_records(
        records, columns=["term", "kind", "treated", "control", "estimate", "weight"]
    )
    table["weight"] /= table["weight"].sum()
    return table


def _compare(cohorts: Cohorts, treated: int, control: int) -> tuple:
    """One comparison: labels, difference in differences, and weight up to a common factor."""
    start, other = cohorts.first[treated], cohorts.first[control]
    own, theirs = cohorts.time_treated(treated), cohorts.time_treated(control)
    sizes = cohorts.size[treated] * cohorts.size[control]
    window = np.ones(len(cohorts.periods), dtype=bool)
    if np.isposinf(other):
        kind, weight = "treated_vs_never", sizes * own * (1 - own)
    elif np.isneginf(other):
        kind, weight = "treated_vs_always", sizes * own * (1 - own)
    elif start < other:
        kind, weight = "earlier_vs_later", sizes * (own - theirs) * (1 - own)
        window = cohorts.periods < other
    else:
        kind, weight = "later_vs_earlier", sizes * own * (theirs - own)
        window = cohorts.periods >= other
    after, before = window & (cohorts.periods >= start), window & (cohorts.periods < start)
    gap = cohorts.outcome[treated] - cohorts.outcome[control]
    effect = float(gap[after].mean() - gap[before].mean())
    name = "always" if np.isneginf(other) else period_label(other)
    return f"{period_label(start)} vs {name}", kind, period_label(start), name, effect, weight


def _kinds(comparisons: pd.DataFrame) -> pd.DataFrame:
    records = []
    for kind in KINDS:
        rows = comparisons[comparisons["kind"] == kind]
        weight = float(rows["weight"].sum())
        if weight > 0:
            mean = float((rows["weight"] * rows["estimate"]).sum() / weight)
            records.append((kind, mean, weight))
    return pd.DataFrame.from_records(records, columns=["term", "estimate", "weight"])
