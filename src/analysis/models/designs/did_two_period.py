"""Two groups, two periods."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.designs.did_cells import METHODS as WEIGHTING_METHODS
from analysis.models.designs.did_cells import cross_section_effect, panel_effect
from analysis.models.designs.did_panel import (
    as_columns,
    check_choice,
    check_columns,
    cluster_sums,
    numeric,
)
from analysis.models.estimates import Estimates, Facts, tabulate
from analysis.models.linear import ols
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

METHODS = ("ols", *WEIGHTING_METHODS)
ATT = "att"


def two_period_did(
    frame: pd.DataFrame,
    *,
    outcome: str,
    treated: str,
    after: str,
    unit: str | None = None,
    covariates: str | Sequence[str] = (),
    method: str = "ols",
    weights: str | None = None,
    vcov: str = "hc1",
    cluster: str | Sequence[str] = (),
    small_sample: str = "full",
    parameters: str = "all",
    inference: str = "t",
    sample: str = "all",
) -> Estimates:
    """The change in the treated group less the change in the control group.

    ``"ols"``: :math:`y = a + b\\,treated + c\\,after + \\tau\\,treated \\times after + x'd + e`,
    with unit effects instead of a and b where ``unit`` is given. The other methods let effects and
    trends differ with the covariates: ``"reg"``, ``"ipw"`` and ``"dr"`` of Sant'Anna and Zhao
    (2020), on differences of units seen in both periods, or on repeated cross-sections without
    ``unit``; see `analysis.models.designs.did_cells`.

    Parameters
    ----------
    treated, after
        Columns of zeros and ones (or booleans): ever treated, and the later period.
    covariates
        As they are in the row; for ``"reg"``, ``"ipw"`` and ``"dr"`` in a panel, in the earlier
        period.
    vcov, small_sample, parameters, inference
        For ``"ols"``, as in `analysis.models.linear.ols`; giving ``cluster`` sets
        ``vcov="cluster"``. Otherwise errors are those of the influence function, normal, without
        factor.
    cluster
        One column of clusters; with the weighting methods and ``unit``, of whole units. They are
        clustered by unit by default.

    Returns
    -------
    Estimates
        For ``"ols"`` the terms of the regression, the effect being ``att``; otherwise ``att``
        alone. ``details["means"]``: weighted mean and number of rows of the four cells.

    Raises
    ------
    ModelError
        If columns or options are unusable, a cell is empty, or a regression has no solution.
    """
    check_choice("method", method, METHODS)
    covariates, cluster = as_columns(covariates), as_columns(cluster)
    named = [outcome, treated, after, *covariates, *([weights] if weights else []), *cluster]
    named = list(dict.fromkeys([*named, *([unit] if unit else [])]))
    check_columns(frame, named)
    rows = frame.loc[frame[named].notna().all(axis=1), named]
    means = _means(rows, outcome, treated, after, weights)
    if method != "ols":
        result = _weighted(
            rows, outcome, treated, after, unit, covariates, method, weights, cluster
        )
        facts = replace(result.facts, sample=sample, n_dropped=len(frame) - result.facts.n_obs)
        return replace(result, facts=facts, details={"means": means})
    group, period = numeric(rows, treated), numeric(rows, after)
    result = ols(
        rows.assign(**{ATT: group * period, after: period, treated: group}),
        outcome=outcome,
        regressors=(*([] if unit else [treated]), after, ATT, *covariates),
        absorb=(unit,) if unit else (),
        weights=weights,
        vcov="cluster" if cluster else vcov,
        cluster=cluster,
        unit=unit,
        small_sample=small_sample,
        parameters=parameters,
        inference=inference,
        sample=sample,
    )
    facts = replace(result.facts, n_dropped=len(frame) - len(rows))
    return replace(result, facts=facts, details={"means": means})


def _means(
    rows: pd.DataFrame, outcome: str, treated: str, after: str, weights: str | None
) -> pd.DataFrame:
    """Means of the four cells; `ModelError` if one is empty or an indicator is not 0 or 1."""
    for name in (treated, after):
        values = numeric(rows, name)
        if not np.isin(values, (0, 1)).all():
            other = values[~np.isin(values, (0, 1))][0]
            raise ModelError(f"column {name!r} must hold 0 and 1 only, found {other:g}")
    w = numeric(rows, weights) if weights else np.ones(len(rows))
    if (w <= 0).any():
        raise ModelError(f"weights {weights!r}: {int((w <= 0).sum())} values are zero or negative")
    y, group, period = (numeric(rows, name) for name in (outcome, treated, after))
    records = []
    for own, side in ((1, "treated"), (0, "control")):
        for now, when in ((0, "before"), (1, "after")):
            cell = (group == own) & (period == now)
            if not cell.any():
                raise ModelError(f"no row is {side} and {when}: {treated}={own}, {after}={now}")
            records.append((f"{side} {when}", np.average(y[cell], weights=w[cell]), cell.sum()))
    return pd.DataFrame.from_records(records, columns=["term", "value", "n_obs"])


def _weighted(
    rows: pd.DataFrame,
    outcome: str,
    treated: str,
    after: str,
    unit: str | None,
    covariates: tuple[str, ...],
    method: str,
    weights: str | None,
    cluster: tuple[str, ...],
) -> Estimates:
    if len(cluster) > 1:
        raise ModelError(f"method={method!r} takes one cluster column, got {list(cluster)}")
    numbers = [outcome, *covariates, *([weights] if weights else [])]
    keys = [numeric(rows, name) for name in (after, treated, *numbers)]
    rows = rows.iloc[np.lexsort(keys[::-1])]
    if unit:
        rows, later = _pairs(rows, unit, treated, after)
    own = numeric(rows, treated) == 1
    x = np.column_stack([np.empty((len(rows), 0)), *(numeric(rows, name) for name in covariates)])
    w = numeric(rows, weights) if weights else np.ones(len(rows))
    y = numeric(rows, outcome)
    if unit:
        effect, contributions = panel_effect(numeric(later, outcome) - y, own, x, w, method)
    else:
        now = numeric(rows, after) == 1
        effect, contributions = cross_section_effect(y, own, now, x, w, method)
    codes = np.arange(len(rows))
    if cluster:
        codes = pd.factorize(rows[cluster[0]].to_numpy(), sort=True)[0]
    n_clusters = len(np.unique(codes))
    if n_clusters < 2:
        raise ModelError(f"only one cluster in {cluster[0]!r}; at least 2 are needed")
    variance = float((cluster_sums(contributions[:, None], codes) ** 2).sum())
    facts = Facts(
        outcome=outcome,
        estimator=f"two-period DiD ({method})",
        vcov="cluster" if cluster else "influence function",
        formula=f"{outcome} ~ {treated} x {after}" + "".join(f" + {name}" for name in covariates),
        cluster="".join(cluster) or unit or "",
        weights=weights or "",
        small_sample="none",
        n_obs=len(rows) * (2 if unit else 1),
        n_units=len(rows) if unit else None,
        n_periods=2,
        n_clusters=n_clusters,
        df_t=math.inf,
        outcome_mean=float(y.mean()),
    )
    return tabulate([ATT], np.array([effect]), np.array([[variance]]), facts)


def _pairs(
    rows: pd.DataFrame, unit: str, treated: str, after: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows before and rows after of the units seen in both periods, in the same order."""
    if rows.duplicated([unit, after]).any():
        first = rows.loc[rows.duplicated([unit, after]), unit].iloc[0]
        raise ModelError(f"expected one row per {unit!r} and {after!r}, but {first} has more")
    now = numeric(rows, after) == 1
    before, later = rows[~now].set_index(unit), rows[now].set_index(unit)
    both = before.index.intersection(later.index).sort_values()
    before, later = before.loc[both], later.loc[both]
    changed = numeric(before, treated) != numeric(later, treated)
    if changed.any():
        raise ModelError(
            f"{treated!r} must say whether a unit is ever treated, but changes within "
            f"{both[changed][0]}"
        )
    for own, side in ((1, "treated"), (0, "control")):
        if not (numeric(before, treated) == own).any():
            raise ModelError(f"no {side} {unit!r} is seen in both periods")
    return before, later
