"""Specialisation of regions, concentration of industries, inequality between regions."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy

from analysis import CompendiumError

Floats = NDArray[np.float64]


class IndicatorError(CompendiumError):
    """An indicator that the given figures cannot support; the message says which figures."""


@dataclass(frozen=True, slots=True)
class TheilDecomposition:
    """``total = between + within``; ``groups`` has each group's share of the sum and own index."""

    total: float
    between: float
    within: float
    groups: pd.DataFrame


def activity_table(
    frame: pd.DataFrame,
    *,
    value: str,
    region: str = "geo",
    industry: str = "industry",
    period: str | None = "year",
) -> pd.DataFrame:
    """Long figures as a table with index (period, region), one column per industry, sorted.

    A combination without a row is missing, not zero.

    Raises
    ------
    IndicatorError
        If a combination occurs twice.
    """
    keys = [*([period] if period else []), region]
    repeated = frame.duplicated([*keys, industry])
    if repeated.any():
        first = frame.loc[repeated, [*keys, industry]].iloc[0].to_dict()
        raise IndicatorError(f"activity table: more than one figure of {value!r} for {first}")
    table = frame.pivot(index=keys, columns=industry, values=value)
    return table.sort_index().sort_index(axis=1).astype(float)


def location_quotient(
    activity: pd.DataFrame, by: str | None = None, incomplete: str = "drop"
) -> pd.DataFrame:
    """Share of an industry in a region over its share in all regions together.

    .. math:: LQ_{ir} = \\frac{x_{ir} / x_{\\cdot r}}{x_{i \\cdot} / x_{\\cdot\\cdot}}

    (Isard 1960, *Methods of Regional Analysis*, ch. 5.) The mean of an industry's quotients
    weighted by the regions' totals is one.

    Parameters
    ----------
    activity
        Regions by industries, zero or more.
    by
        Index level within which "all regions together" is taken, such as ``"year"``.
    incomplete
        Rows with a missing industry have no known total. ``"drop"``: they are missing altogether
        and outside the reference. ``"keep"``: totals are over the industries observed.

    Returns
    -------
    DataFrame
        Shape of ``activity``. Missing where the industry is absent from the whole reference.
    """
    values = _complete(activity, incomplete)
    return _row_shares(values) / _reference_shares(values, by)


def krugman_specialisation(
    activity: pd.DataFrame, by: str | None = None, incomplete: str = "drop"
) -> pd.Series:
    """Sum over industries of the absolute difference between regional and reference share.

    From 0 (the reference's structure) towards 2 (nothing in common); the reference includes the
    region itself (Krugman 1991, *Geography and Trade*, ch. 2). Parameters as in
    `location_quotient`; one value per row.
    """
    values = _complete(activity, incomplete)
    difference = (_row_shares(values) - _reference_shares(values, by)).abs()
    return difference.sum(axis=1, min_count=1).rename("krugman_specialisation")


def herfindahl(activity: pd.DataFrame, incomplete: str = "drop") -> pd.Series:
    """Sum of squared industry shares of each row: from 1/industries to 1 (Hirschman 1964)."""
    shares = _row_shares(_complete(activity, incomplete))
    return (shares**2).sum(axis=1, min_count=1).rename("herfindahl")


def entropy(activity: pd.DataFrame, incomplete: str = "drop") -> pd.Series:
    """Shannon entropy of each row's industry shares, in nats: from 0 to the log of industries."""
    shares = _row_shares(_complete(activity, incomplete))
    terms = pd.DataFrame(
        -xlogy(shares, shares), index=activity.index, columns=activity.columns, dtype=float
    )
    return terms.sum(axis=1, min_count=1).rename("entropy")


def locational_gini(
    activity: pd.DataFrame, by: str | None = None, incomplete: str = "drop"
) -> pd.Series | pd.DataFrame:
    """Gini coefficient of each industry's location quotients, weighted by the regions' totals.

    The area between the diagonal and the Lorenz curve of the industry over regions ordered by
    location quotient (Krugman 1991, *Geography and Trade*, appendix D): 0 if the industry is
    spread like all activity, towards 1 if it sits in a small region only.

    Returns
    -------
    Series by industry; with ``by``, a DataFrame of periods by industries.
    """
    values = _complete(activity, incomplete)
    quotients = location_quotient(activity, by, incomplete)
    totals = values.sum(axis=1, min_count=1)
    if by is None:
        return _ginis(quotients, totals)
    periods = values.index.get_level_values(by)
    rows = {
        period: _ginis(quotients[periods == period], totals[periods == period])
        for period in periods.unique().sort_values()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index=by)


def gini(values: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Gini coefficient of non-negative ``values`` (n,), each counted ``weights`` (n,) times.

    Half the mean absolute difference over the mean, computed as one minus twice the area under the
    Lorenz curve. Missing values are left out; NaN if nothing positive is left.
    """
    x, w = _pair("gini", values, weights)
    if not len(x) or not x.any():
        return float("nan")
    order = np.lexsort((w, x))
    x, w = x[order], w[order]
    people = w / w.sum()
    income = np.concatenate([[0.0], np.cumsum(w * x) / (w @ x)])
    return float(max(0.0, 1 - people @ (income[1:] + income[:-1])))


def theil(
    values: ArrayLike, weights: ArrayLike | None = None, groups: ArrayLike | None = None
) -> TheilDecomposition:
    """Theil's T of ``values`` (n,) with ``weights`` (n,), split between and within ``groups`` (n,).

    .. math:: T = \\sum_i p_i \\frac{y_i}{\\mu} \\ln \\frac{y_i}{\\mu}

    with population shares p and their mean mu, such as GDP per head weighted by population
    (Theil 1967; decomposition: Shorrocks 1980). Rows with a missing value are left out.
    """
    x, w = _pair("theil", values, weights, drop=False)
    codes, names = pd.factorize(pd.Index(np.zeros(len(x)) if groups is None else groups), sort=True)
    keep = ~np.isnan(x) & ~np.isnan(w) & (codes >= 0)
    x, w, codes = x[keep], w[keep], codes[keep]
    if not len(x) or not w @ x > 0:
        raise IndicatorError("theil: no positive value with a positive weight")
    people, income = w / w.sum(), w * x / (w @ x)
    group_people = np.bincount(codes, people, len(names)).astype(float)
    group_income = np.bincount(codes, income, len(names)).astype(float)
    total = _divergence(income, people).sum()
    between = _divergence(group_income, group_people).sum()
    own = np.full(len(names), np.nan)
    for code in np.flatnonzero(group_income > 0):
        inside = codes == code
        own[code] = _divergence(
            income[inside] / group_income[code], people[inside] / group_people[code]
        ).sum()
    within = float(np.nansum(group_income * own))
    table = pd.DataFrame({"share": group_income, "theil": own}, index=pd.Index(names, name="group"))
    return TheilDecomposition(float(total), float(between), within, table)


def _divergence(income: Floats, people: Floats) -> Floats:
    """Terms of sum(income * log(income / people)); a zero income adds nothing."""
    positive = people > 0
    return xlogy(income[positive], income[positive] / people[positive])


def _complete(activity: pd.DataFrame, incomplete: str) -> pd.DataFrame:
    if incomplete not in ("drop", "keep"):
        raise IndicatorError(f"incomplete: {incomplete!r} is not one of drop, keep")
    negative = (activity < 0).any(axis=1)
    if negative.any():
        raise IndicatorError(
            f"activity table: negative figures in row {activity.index[negative][0]}"
        )
    if incomplete == "keep":
        return activity
    known = activity.notna().all(axis=1).to_numpy()[:, None]
    values = np.where(known, activity.to_numpy(dtype=float), np.nan)
    return pd.DataFrame(values, index=activity.index, columns=activity.columns)


def _row_shares(values: pd.DataFrame) -> pd.DataFrame:
    totals = values.sum(axis=1, min_count=1)
    return values.div(totals.where(totals > 0), axis=0)


def _reference_shares(values: pd.DataFrame, by: str | None) -> pd.DataFrame:
    """Shares of the industries in all regions of the same period, repeated for each row."""
    if by is None:
        sums = pd.DataFrame([values.sum(min_count=1)] * len(values), index=values.index)
    else:
        sums = values.groupby(level=by).transform("sum", min_count=1)
    shares = _row_shares(sums)
    return shares.where(shares > 0)


def _ginis(quotients: pd.DataFrame, totals: pd.Series) -> pd.Series:
    columns = {name: gini(quotients[name], totals) for name in quotients.columns}
    return pd.Series(columns, name="locational_gini").rename_axis(quotients.columns.name)


def _pair(
    name: str, values: ArrayLike, weights: ArrayLike | None, drop: bool = True
) -> tuple[Floats, Floats]:
    x = np.asarray(values, dtype=float)
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=float)
    if x.shape != w.shape or x.ndim != 1:
        raise IndicatorError(f"{name}: values {x.shape} and weights {w.shape} must be equally long")
    if (x < 0).any() or (w < 0).any():
        raise IndicatorError(f"{name}: values and weights must be zero or more")
    keep = ~np.isnan(x) & ~np.isnan(w) & (w > 0) if drop else np.ones(len(x), dtype=bool)
    return x[keep], w[keep]
