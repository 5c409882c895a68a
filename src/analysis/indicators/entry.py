"""New specialisations of regions: which rows were at risk, which gained one, which lost one."""

import pandas as pd

from analysis.indicators.concentration import IndicatorError, location_quotient
from analysis.indicators.relatedness import (
    relatedness_density,
    specialisation_changes,
    specialised,
)


def entries(
    activity: pd.DataFrame, *, threshold: float = 1.0, lag: int = 2, lasting: bool = False
) -> pd.DataFrame:
    """Entries and exits over ``lag`` years with what was known at the start.

    Parameters
    ----------
    activity
        As :func:`analysis.indicators.activity_table`: index (year, geo), a column per industry.
        Quotients are against all regions of the year; a withheld industry is left out of its
        region's total.
    threshold
        Location quotient above which a region is specialised.
    lasting
        A change counts only if it still holds a year later. Survey figures move a quotient near the
        threshold back and forth: this sorts out most of that.

    Returns
    -------
    DataFrame
        A row per starting year, region and industry, sorted: ``year, geo, industry, specialised,
        entry, exit`` as :func:`specialisation_changes` has them, with the ``relatedness_density``
        and the location ``quotient`` of the starting year.
    """
    if threshold <= 0:
        raise IndicatorError(f"threshold: expected a location quotient above 0, got {threshold}")
    quotients = location_quotient(activity, by="year", incomplete="keep")
    state = specialised(quotients, threshold)
    changes = specialisation_changes(state, lag)
    keys = ["year", "geo", "industry"]
    if lasting:
        further = specialisation_changes(state, lag + 1)[[*keys, "entry", "exit"]]
        changes = changes.merge(further, on=keys, suffixes=("", "_later"))
        for name in ("entry", "exit"):
            changes[name] = changes[name] * changes.pop(f"{name}_later")
    known = {"relatedness_density": relatedness_density(state), "quotient": quotients}
    for name, table in known.items():
        column = table.rename_axis(columns="industry").stack().rename(name).reset_index()
        changes = changes.merge(column, on=keys, how="left")
    return changes.sort_values(keys, ignore_index=True)
