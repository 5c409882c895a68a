"""Interaction-weighted event study: Sun and Abraham (2021, "SA")."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.designs.did_panel import (
    StaggeredPanel,
    as_columns,
    as_numbers,
    period_label,
    staggered_panel,
    weights_of,
)
from analysis.models.estimates import Estimates, tabulate
from analysis.models.linear import ols
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Columns = str | Sequence[str]
Term = tuple[float, float]


def sun_abraham(
    frame: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    first_treated: str,
    reference: float | Sequence[float] = -1,
    window: tuple[float, float] | None = None,
    covariates: Columns = (),
    absorb: Columns = (),
    never: float | None = 0,
    weights: str | None = None,
    cluster: Columns = (),
    small_sample: str = "full",
    parameters: str = "all",
    inference: str = "t",
    sample: str = "all",
) -> Estimates:
    """Event study that lets the effect path differ between cohorts.

    .. math:: y_{it} = a_i + d_t + \\sum_{e} \\sum_{l \\ne reference} \\delta_{el}
              1[E_i = e] 1[t - e = l] + x_{it}'c + u_{it}

    The effect at event time l averages the :math:`\\delta_{el}` with the shares of the cohorts
    among the rows at l (the interaction-weighted estimator, SA section 4). The shares count as
    known in the standard errors.

    Parameters
    ----------
    first_treated, never
        As in `callaway_santanna`.
    reference
        Event time, or several, left out for every cohort: where its effect is taken as zero.
    window
        First and last event time; earlier and later ones are binned into them.
    covariates, weights, absorb, cluster
        Effects default to (unit, time), clusters to the unit.
    small_sample, parameters, inference
        As in `analysis.models.linear.ols`.

    Controls are the units never treated. If there are none, those treated last, and the periods
    from their treatment on are left out. Units treated in the first period are left out: they have
    no reference.

    Returns
    -------
    Estimates
        Terms ``event_time=l``; ``att``, the average over all rows under treatment; the covariates.
        ``details["cohorts"]``: cohort, event time, estimate, standard error and share.
        ``statistics``: ``pretest_f``, ``pretest_df``, ``pretest_p`` that all effects before zero
        are zero; ``n_always_treated`` units left out.

    Raises
    ------
    ModelError
        If columns or options are unusable or a cohort is never seen at the reference.
    """
    covariates, absorb, cluster = map(as_columns, (covariates, absorb, cluster))
    others = (*covariates, *([weights] if weights else []), *cluster, *absorb)
    panel = staggered_panel(
        frame,
        outcome=outcome,
        unit=unit,
        time=time,
        first_treated=first_treated,
        never=never,
        others=others,
    )
    panel, n_always = _sample(panel)
    event = panel.time - panel.cohort
    if window is not None:
        event = np.where(np.isfinite(event), np.clip(event, *window), event)
    terms = _terms(panel.cohort, event, as_numbers(reference))
    names = [f"cohort={period_label(e)}:event_time={period_label(k)}" for e, k in terms]
    dummies = {
        name: ((panel.cohort == e) & (event == k)).astype(float)
        for name, (e, k) in zip(names, terms, strict=True)
    }
    estimates = ols(
        pd.concat([panel.rows, pd.DataFrame(dummies)], axis=1),
        outcome=outcome,
        regressors=(*names, *covariates),
        absorb=absorb or (unit, time),
        weights=weights,
        vcov="cluster",
        cluster=cluster or (unit,),
        unit=unit,
        time=time,
        small_sample=small_sample,
        parameters=parameters,
        inference=inference,
        sample=sample,
    )
    rows = weights_of(panel, weights)
    size = np.array([dummies[name] @ rows for name in names])
    result = _aggregate(estimates, terms, size, covariates)
    facts = replace(
        result.facts,
        estimator="Sun-Abraham",
        formula=f"{outcome} ~ cohort:event_time" + "".join(f" + {name}" for name in covariates),
        n_dropped=panel.n_dropped,
    )
    return Estimates(
        result.coefficients,
        result.covariance,
        facts,
        statistics={**_pretest(result), "n_always_treated": float(n_always)},
        details={"cohorts": _cohort_table(estimates, names, terms, size)},
    )


def _sample(panel: StaggeredPanel) -> tuple[StaggeredPanel, int]:
    """Without units treated from the start, and without periods that lack an untreated unit."""
    keep = panel.cohort > panel.periods[0]
    n_always = len(np.unique(panel.unit[~keep]))
    if keep.any() and not np.isinf(panel.cohort[keep]).any():
        last = panel.cohort[keep].max()
        keep &= panel.time < last
        panel = replace(panel, cohort=np.where(panel.cohort == last, np.inf, panel.cohort))
    panel = panel.select(keep)
    panel = replace(panel, rows=panel.rows.reset_index(drop=True))
    if not panel.treated.any():
        raise ModelError(
            "no treated row is left to compare: units treated from the first period on and, if no "
            "unit is never treated, those treated last cannot be used"
        )
    return panel, n_always


def _terms(cohort: Floats, event: Floats, reference: tuple[float, ...]) -> list[Term]:
    """Pairs of cohort and event time in the data, the reference left out."""
    terms = []
    for e in np.unique(cohort[np.isfinite(cohort)]):
        seen = np.unique(event[cohort == e])
        if not np.isin(seen, reference).any():
            raise ModelError(
                f"cohort {period_label(e)} is never seen at the reference {list(reference)}; its "
                f"event times are {', '.join(map(period_label, seen))}"
            )
        terms += [(float(e), float(k)) for k in seen if k not in reference]
    return terms


def _aggregate(
    estimates: Estimates, terms: list[Term], size: Floats, covariates: tuple[str, ...]
) -> Estimates:
    event = np.array([k for _, k in terms])
    values = np.unique(event)
    labels = [f"event_time={period_label(k)}" for k in values]
    chosen = [event == k for k in values]
    if (event >= 0).any():
        labels, chosen = [*labels, "att"], [*chosen, event >= 0]
    matrix = np.zeros((len(chosen) + len(covariates), len(terms) + len(covariates)))
    for row, mask in enumerate(chosen):
        matrix[row, : len(terms)] = size * mask / size[mask].sum()
    for position in range(len(covariates)):
        matrix[len(chosen) + position, len(terms) + position] = 1.0
    return tabulate(
        [*labels, *covariates],
        matrix @ estimates.coefficients["estimate"].to_numpy(),
        matrix @ estimates.covariance.to_numpy() @ matrix.T,
        estimates.facts,
    )


def _cohort_table(
    estimates: Estimates, names: list[str], terms: list[Term], size: Floats
) -> pd.DataFrame:
    table = estimates.coefficients.head(len(names))[["term", "estimate", "std_error"]].copy()
    table.insert(1, "cohort", [e for e, _ in terms])
    table.insert(2, "event_time", [k for _, k in terms])
    total = pd.Series(size).groupby(table["event_time"].to_numpy()).transform("sum")
    table["share"] = size / total.to_numpy()
    return table


def _pretest(estimates: Estimates) -> dict[str, float]:
    terms = [term for term in estimates.coefficients["term"] if term.startswith("event_time=-")]
    if not terms:
        return {}
    test = estimates.wald(terms)
    return {
        "pretest_f": test.statistic,
        "pretest_df": float(test.df_numerator),
        "pretest_p": test.p_value,
    }
