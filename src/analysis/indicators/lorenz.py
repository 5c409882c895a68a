"""Lorenz curves of money over people or organisations, and concentration within countries."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.indicators.concentration import IndicatorError, gini, theil


def lorenz_curve(amounts: ArrayLike, holders: ArrayLike) -> pd.DataFrame:
    """Points of the Lorenz curve of ``amounts`` (n,) over ``holders`` (n,), from (0, 0) to (1, 1).

    Units in ascending order of amount per holder (Lorenz 1905). Both in levels: euros and people,
    or euros and organisations. Rows with a gap or without holders are left out. Columns
    ``holders, amounts``: cumulative shares.
    """
    money, people = _levels(amounts, holders)
    order = np.argsort(money / people, kind="stable")
    shares = {
        "holders": np.concatenate([[0.0], np.cumsum(people[order]) / people.sum()]),
        "amounts": np.concatenate([[0.0], np.cumsum(money[order]) / money.sum()]),
    }
    return pd.DataFrame(shares)


def concentration_within(
    frame: pd.DataFrame, amount: str, holder: str, by: Sequence[str] = ("country", "year")
) -> pd.DataFrame:
    """How unequally a fund is spread over the units of each country and year.

    frame: one row per unit and ``by``, amounts and holders (people) in levels.

    Returns
    -------
    DataFrame
        ``*by, gini, theil, herfindahl, n_units, n_negative, total``, sorted. Gini and Theil are of
        the amount per holder; the Herfindahl index is of the units' shares of the amount, from
        1/n_units to 1. All three are missing with fewer than two units, with a negative amount
        (recoveries) among them, or with nothing to share.
    """
    known = frame.dropna(subset=[amount, holder])
    known = known[known[holder] > 0]
    rows = []
    for keys, part in known.groupby(list(by), sort=True):
        money, people = part[amount].to_numpy(dtype=float), part[holder].to_numpy(dtype=float)
        negative = int((money < 0).sum())
        measures = dict.fromkeys(("gini", "theil", "herfindahl"), np.nan)
        if len(part) > 1 and not negative and money.sum() > 0:
            each = money / people
            measures["gini"], measures["theil"] = gini(each, people), theil(each, people).total
            measures["herfindahl"] = float(((money / money.sum()) ** 2).sum())
        counts = {"n_units": len(part), "n_negative": negative, "total": float(money.sum())}
        rows.append({**dict(zip(by, keys, strict=True)), **measures, **counts})
    return pd.DataFrame(rows)


def _levels(amounts: ArrayLike, holders: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    money, people = np.asarray(amounts, dtype=float), np.asarray(holders, dtype=float)
    if money.shape != people.shape or money.ndim != 1:
        raise IndicatorError(f"Lorenz curve: {money.shape} amounts, {people.shape} holders")
    keep = ~np.isnan(money) & ~np.isnan(people) & (people > 0)
    money, people = money[keep], people[keep]
    if (money < 0).any() or not money.sum() > 0:
        raise IndicatorError(
            "Lorenz curve: amounts must be zero or more and not all zero; a year with net "
            "repayments needs to be added to its neighbours first"
        )
    return money, people
