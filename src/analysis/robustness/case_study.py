"""One treated territory and every defensible comparison: donors, dates, scales, estimators."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd

from analysis.models import Estimates, ModelError
from analysis.models.designs import synthetic_control, synthetic_did

#: Placebos that fitted this many times worse before the date say nothing about the gap after it.
WORST_FIT = 5.0
LEAST_DONORS = 10
LEAST_YEARS_BEFORE = 5
ESTIMATORS = ("synthetic control", "synthetic difference-in-differences")
GRID_COLUMNS = (
    *("outcome", "transform", "first_year", "date", "donors", "estimator", "n_donors"),
    *("estimate", "ci_low", "ci_high"),
)


def donor_pools(
    panel: pd.DataFrame, territory: str, countries: Sequence[str]
) -> dict[str, list[str]]:
    """Territories that may lend weight to the synthetic control, by the name of the pool.

    panel: ``geo, country``. Territories of the same larger region (one level up: the code without
    its last character) may feel what happened next door, and are a pool of their own.
    """
    codes = panel.drop_duplicates("geo").set_index("geo")["country"].drop(territory)
    near = codes.index.str.startswith(territory[:-1])
    inside = codes.isin(list(countries))
    return {
        "same countries": sorted(codes.index[inside & ~near]),
        "own region too": sorted(codes.index[inside]),
        "all countries": sorted(codes.index[~near]),
    }


def placebo_interval(model: Estimates, treated: str) -> tuple[float, float]:
    """The effects (2,) that would not look unusual among placebos in space, at 95 %.

    ``model``: of `synthetic_control` of ``treated`` with ``placebo=True``. The estimate minus the
    upper and lower quantile of the placebos' mean gaps, widened to the estimate; placebos whose
    prediction error before the date is over ``WORST_FIT`` times the treated unit's are left out,
    unless fewer than ``LEAST_DONORS`` would remain.
    """
    att = float(model.row("att")["estimate"])
    low, high = np.quantile(comparable_placebos(model, treated)["att"], [0.025, 0.975])
    return min(att, att - float(high)), max(att, att - float(low))


def placebo_p_value(model: Estimates, treated: str) -> float:
    """Share of the placebos of `placebo_interval`, the treated unit among them, with as wide a gap.

    Of mean gaps, like the interval. The share by ratios of errors (``placebo_p`` of the model) can
    stay large whatever happens, where some donor is fitted almost exactly before the date.
    """
    att, gaps = float(model.row("att")["estimate"]), comparable_placebos(model, treated)["att"]
    return float((1 + (np.abs(gaps) >= abs(att)).sum()) / (1 + len(gaps)))


def comparable_placebos(model: Estimates, treated: str) -> pd.DataFrame:
    """Rows of the model's ``placebos`` without ``treated`` and without the badly fitted.

    All of them where fewer than ``LEAST_DONORS`` are fitted well.
    """
    placebos = model.details["placebos"]
    placebos = placebos[placebos["term"] != treated]
    kept = placebos[placebos["rmspe"] <= WORST_FIT * model.statistics["rmspe"]]
    return kept if len(kept) >= LEAST_DONORS else placebos


def case_study_grid(
    panel: pd.DataFrame,
    *,
    territory: str,
    outcomes: Sequence[str],
    dates: Sequence[int],
    first_years: Sequence[int],
    last_year: int,
    pools: Mapping[str, Sequence[str]],
    most_donors: int = 30,
) -> pd.DataFrame:
    """Both estimators on every combination of the choices that the data allow.

    Parameters
    ----------
    panel
        ``geo, year`` and the outcomes, one row per territory and year.
    most_donors
        Of a larger pool the territories whose mean before the date is closest (Abadie 2021, Journal
        of Economic Literature 59:391-425, on keeping to donors that are alike).

    Returns
    -------
    DataFrame
        One row per combination, columns ``GRID_COLUMNS``; estimates in per cent of the outcome (of
        its mean before the date when not in logs). A combination is left out when the territory is
        not known in every year, or fewer than ``LEAST_DONORS`` donors or ``LEAST_YEARS_BEFORE``
        years before the date remain. Intervals: placebos in space for the synthetic control, the
        placebo variance for the other.
    """
    rows = []
    for outcome, first in product(dict.fromkeys(outcomes), first_years):
        years = panel[panel["year"].between(first, last_year)]
        wide = years.pivot(index="year", columns="geo", values=outcome)
        wide = wide.loc[:, (wide > 0).all()]
        if territory not in wide or len(wide) != last_year - first + 1:
            continue
        for date, (pool, donors) in product(dates, pools.items()):
            used = _alike(wide, territory, donors, date, most_donors)
            before = int((used.index < date).sum())
            if used.shape[1] <= LEAST_DONORS or not LEAST_YEARS_BEFORE <= before < len(used):
                continue
            for transform, estimator in product(("log", "level"), ESTIMATORS):
                found = _estimated(used, territory, date, transform, estimator)
                if found is not None:
                    key = (outcome, transform, first, date, pool, estimator, used.shape[1] - 1)
                    rows.append((*key, *found))
    return pd.DataFrame(rows, columns=list(GRID_COLUMNS))


def _alike(
    wide: pd.DataFrame, territory: str, donors: Sequence[str], date: int, most: int
) -> pd.DataFrame:
    means = wide[wide.index < date].mean()
    distance = (means.reindex(wide.columns.intersection(list(donors))) - means[territory]).abs()
    nearest = distance.sort_index().sort_values(kind="stable").index[:most]
    return wide[[territory, *sorted(nearest)]]


def _estimated(
    used: pd.DataFrame, territory: str, date: int, transform: str, estimator: str
) -> tuple[float, float, float] | None:
    """Estimate and interval in per cent; None where the estimator refuses the panel."""
    values = np.log(used) if transform == "log" else used
    scale = 100.0 if transform == "log" else 100 / used.loc[used.index < date, territory].mean()
    long = values.stack().rename("y").reset_index()
    try:
        if estimator == ESTIMATORS[0]:
            model = synthetic_control(
                long, outcome="y", unit="geo", time="year", treated_unit=territory,
                treatment_time=date, placebo=True,
            )  # fmt: skip
            low, high = placebo_interval(model, territory)
        else:
            under = (long["geo"] == territory) & (long["year"] >= date)
            model = synthetic_did(
                long.assign(under=under.astype(int)),
                outcome="y", unit="geo", time="year", treatment="under",
            )  # fmt: skip
            row = model.row("att")
            low, high = float(row["ci_low"]), float(row["ci_high"])
    except ModelError:
        return None
    return scale * float(model.row("att")["estimate"]), scale * low, scale * high
