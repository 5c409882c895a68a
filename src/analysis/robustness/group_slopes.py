"""The same regression in each group of units, such as the regions of each country."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.models import ModelError
from analysis.robustness.jackknife import jackknife
from analysis.robustness.moments import Moments, moments_of
from analysis.robustness.solve import Batch, solve


def group_slopes(
    frame: pd.DataFrame,
    *,
    outcome: str,
    focuses: Sequence[str],
    group: str = "country",
    unit: str = "geo",
    time: str = "year",
    least_units: int = 5,
    errors: str = "cluster",
) -> pd.DataFrame:
    """Slope of ``outcome`` on each of ``focuses``, one at a time, within each group.

    With unit and time effects of its own in each group, and errors clustered by unit: ``"cluster"``
    under the convention of :mod:`analysis.models`, ``"jackknife"`` for CV3, which is larger with
    few units. Rows with the outcome and all focuses are used, so that slopes of one group share
    their rows. Groups of fewer than ``least_units`` units, and slopes that do not exist, are left
    out.

    Returns
    -------
    DataFrame
        ``group`` column by its name, ``focus, estimate, std_error, n_units, n_obs``, sorted.

    Raises
    ------
    ModelError
        If no group has a slope, or ``errors`` is not one of the two.
    """
    if errors not in ("cluster", "jackknife"):
        raise ModelError(f"errors: {errors!r} is not 'cluster' or 'jackknife'")
    complete = frame.dropna(subset=[outcome, *focuses, group, unit, time])
    found = []
    for label, rows in complete.groupby(group, sort=True):
        if rows[unit].nunique() < least_units or rows[time].nunique() < 2:
            continue
        moments = moments_of(rows, [outcome, *focuses], cluster=unit, absorb=(unit, time))
        facts = {group: label, "n_units": rows[unit].nunique(), "n_obs": len(rows)}
        slopes = _jackknifed if errors == "jackknife" else _clustered
        found += [facts | slope for slope in slopes(moments, outcome, focuses)]
    if not found:
        raise ModelError(
            f"no {group} has a slope of {outcome!r}: at least {least_units} units with the outcome "
            "and the regressors in two years or more are needed"
        )
    columns = [group, "focus", "estimate", "std_error", "n_units", "n_obs"]
    return pd.DataFrame(found)[columns].sort_values(["focus", group], ignore_index=True)


def _clustered(
    moments: Moments, outcome: str, focuses: Sequence[str]
) -> list[dict[str, float | str]]:
    solved = solve(moments, Batch.named(moments, [(outcome, focus, ()) for focus in focuses]))
    solved = solved.assign(focus=list(focuses))
    usable = np.isfinite(solved["std_error"]) & (solved["std_error"] > 0)
    return solved.loc[usable, ["focus", "estimate", "std_error"]].to_dict("records")


def _jackknifed(
    moments: Moments, outcome: str, focuses: Sequence[str]
) -> list[dict[str, float | str]]:
    found: list[dict[str, float | str]] = []
    for focus in focuses:
        try:
            one = jackknife(moments, outcome, focus)
        except ModelError:
            continue
        found.append({"focus": focus, "estimate": one.estimate, "std_error": one.std_error})
    return found
