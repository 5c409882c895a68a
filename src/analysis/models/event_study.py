"""Event study: the path of an outcome around the period in which units are first treated."""

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.models.estimates import Estimates
from analysis.models.fit import fit
from analysis.models.specification import ModelError, Specification

TERM = "event_time="


def event_study(
    frame: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    first_treated: str,
    never: float | None = 0,
    window: tuple[int, int] = (-5, 8),
    reference: int = -1,
    controls: tuple[str, ...] = (),
    absorb: tuple[str, ...] | None = None,
    weights: str | None = None,
    cluster: tuple[str, ...] | None = None,
    sample: str = "all",
) -> Estimates:
    """Two-way fixed-effects event study with binned endpoints.

    .. math:: y_{it} = a_i + d_t + \\sum_{k \\ne reference} b_k 1[t - E_i = k] + x_{it}'c + e_{it}

    The first and last coefficient of ``window`` stand for all periods at least as early or as late
    (Schmidheiny and Siegloch 2023, equation 5), so that every observation is described. With
    effects that differ between cohorts these coefficients can mix periods (Sun and Abraham 2021).

    Parameters
    ----------
    frame
        One row per unit and period.
    first_treated, never
        Column with the period in which the unit is first treated; missing, infinite or equal to
        ``never`` (by default 0) for units never treated. Must not vary within a unit.
    window, reference
        First and last relative period, and the one set to zero, inside the window and below zero.
    controls, absorb, weights, cluster
        As in `Specification`; effects default to ``(unit, time)`` and clusters to ``(unit,)``.

    Returns
    -------
    Estimates
        Terms ``event_time=k`` in order of ``k``, then the controls. Relative periods that no
        complete row has are left out. ``facts.pretrend_f`` and ``facts.pretrend_p_value`` test
        jointly that every coefficient before zero is zero.

    Raises
    ------
    ModelError
        If columns are absent, the window is impossible, a unit has two first-treatment periods, or
        no unit is observed both at the reference and after it.
    """
    first, last = window
    if not first <= reference < 0 <= last:
        raise ModelError(
            f"event study: expected window[0] <= reference < 0 <= window[1], got window={window}, "
            f"reference={reference}"
        )
    named = (outcome, unit, time, first_treated, *controls, *([weights] if weights else []))
    _check_panel(frame, named, unit, time, first_treated)
    start = frame[first_treated].astype(float)
    start = start.where(np.isfinite(start) & (start != never))
    relative = (frame[time] - start).clip(first, last)
    used = [outcome, *controls, *([weights] if weights else [])]
    complete = frame[used].notna().all(axis=1)
    dummies = _dummies(relative, relative[complete], reference)
    leads = [name for name in dummies.columns if int(name.removeprefix(TERM)) < 0]
    spec = Specification(
        outcome=outcome,
        regressors=(*dummies.columns, *controls),
        absorb=absorb if absorb is not None else (unit, time),
        weights=weights,
        vcov="cluster",
        cluster=cluster if cluster is not None else (unit,),
        unit=unit,
        time=time,
        sample=sample,
    )
    estimates = fit(spec, pd.concat([frame, dummies], axis=1))
    if not leads:
        return estimates
    test = estimates.wald(leads)
    facts = replace(estimates.facts, pretrend_f=test.statistic, pretrend_p_value=test.p_value)
    return replace(estimates, facts=facts)


def event_times(estimates: Estimates, reference: int = -1) -> pd.DataFrame:
    """Coefficient rows of an event study with the column ``event_time``, ready to draw.

    The reference period is added as an estimate of zero without a standard error.
    """
    rows = estimates.coefficients
    rows = rows[rows["term"].str.startswith(TERM)].copy()
    rows.insert(0, "event_time", rows["term"].str.removeprefix(TERM).astype(int))
    zero = {"event_time": reference, "term": f"{TERM}{reference}", "estimate": 0.0}
    path = pd.concat([rows, pd.DataFrame([zero])], ignore_index=True)
    return path.sort_values("event_time", ignore_index=True)


def _check_panel(
    frame: pd.DataFrame, named: tuple[str, ...], unit: str, time: str, first_treated: str
) -> None:
    missing = [name for name in named if name not in frame.columns]
    if missing:
        raise ModelError(f"event study: the frame has no column {', '.join(missing)}")
    for name in (time, first_treated):
        if not pd.api.types.is_numeric_dtype(frame[name]):
            raise ModelError(
                f"event study: column {name!r} must be numeric, is {frame[name].dtype}"
            )
    cohorts = frame.groupby(unit, sort=True)[first_treated].nunique(dropna=False)
    if (cohorts > 1).any():
        raise ModelError(
            f"event study: {first_treated!r} must be one value per {unit!r}, but differs within "
            f"{', '.join(map(str, cohorts.index[cohorts > 1][:5]))}"
        )


def _dummies(relative: pd.Series, observed: pd.Series, reference: int) -> pd.DataFrame:
    """One column per relative period that an observed row has, the reference left out."""
    present = np.unique(observed.dropna().to_numpy(dtype=float))
    if not (present == reference).any() or not (present >= 0).any():
        raise ModelError(
            f"event study: treated units must be observed at the reference period {reference} and "
            f"after treatment; relative periods present: {[int(value) for value in present]}"
        )
    columns = {
        f"{TERM}{int(value)}": (relative == value).fillna(False).astype(float)
        for value in present
        if value != reference
    }
    return pd.DataFrame(columns, index=relative.index)
