"""Money that follows from national envelopes, and what a unit of outcome costs.

When a country's envelope grows from one period to the next, a region that drew much of it before is
expected to gain more than one that drew little. The product of the earlier dose and the growth of
the rest of the envelope is a shift-share variable: shares are regional and predetermined, shocks
are national (Bartik 1991; Adão, Kolesár and Morales 2019, Quarterly Journal of Economics 134).
"""

import math
from collections.abc import Sequence

import pandas as pd

from analysis.indicators.concentration import IndicatorError

Period = tuple[int, int]


def envelope_changes(
    panel: pd.DataFrame, money: str, outcome: str, periods: Sequence[Period], lag: int = 0
) -> pd.DataFrame:
    """Changes between successive periods of money and outcome, and the change that was expected.

    Parameters
    ----------
    panel
        Rows ``geo, country, year, population`` with ``money`` (total, not per head) and
        ``outcome``. A region counts in a period with three years or more of each.
    periods
        First and last year of money of each period, in order; the outcome is that of the same years
        ``lag`` years later.

    Returns
    -------
    DataFrame
        One row per region and change: ``geo, country, change`` (label of the two periods),
        ``shock`` (label of country and change), ``base_dose`` (money per head and year of the
        earlier period), ``growth`` (of the rest of the country's envelope, as a share),
        ``expected = base_dose * growth``, ``received`` (change of money per head and year) and
        ``difference`` (change of the outcome's mean). Rows with a missing one are left out, and
        regions that are alone in their country, whose envelope has no rest.

    Raises IndicatorError with fewer than two periods.
    """
    if len(periods) < 2:
        raise IndicatorError("a change needs two periods of money or more")
    means = [_period_means(panel, money, outcome, period, lag) for period in periods]
    changes = []
    for before, after, earlier, later in zip(
        means[:-1], means[1:], periods[:-1], periods[1:], strict=True
    ):
        both = before.add_suffix("_before").join(after.add_suffix("_after"), how="inner").dropna()
        rest = both.groupby("country_before")[["money_before", "money_after"]].transform("sum")
        rest = rest - both[["money_before", "money_after"]]
        growth = rest["money_after"] / rest["money_before"].where(rest["money_before"] > 0) - 1
        label = f"{earlier[0]}-{earlier[1]} to {later[0]}-{later[1]}"
        changes.append(
            pd.DataFrame(
                {
                    "country": both["country_before"],
                    "change": label,
                    "shock": both["country_before"] + " " + label,
                    "base_dose": both["dose_before"],
                    "growth": growth,
                    "expected": both["dose_before"] * growth,
                    "received": both["dose_after"] - both["dose_before"],
                    "difference": both["outcome_after"] - both["outcome_before"],
                }
            )
        )
    return (
        pd.concat(changes).dropna().reset_index().sort_values(["change", "geo"], ignore_index=True)
    )


def _period_means(
    panel: pd.DataFrame, money: str, outcome: str, period: Period, lag: int
) -> pd.DataFrame:
    """Index geo: ``country``, ``money`` a year, ``dose`` (per head), ``outcome``."""
    paid = panel[panel["year"].between(*period)].groupby("geo")
    shown = panel[panel["year"].between(period[0] + lag, period[1] + lag)].groupby("geo")[outcome]
    table = pd.DataFrame(
        {
            "country": paid["country"].first(),
            "money": paid[money].mean().where(paid[money].count() >= 3),
            "outcome": shown.mean().where(shown.count() >= 3),
        }
    )
    table["dose"] = table["money"] / paid["population"].mean()
    return table


def cost_per_unit(
    low: float, estimate: float, high: float, euros: float
) -> tuple[float, float, float]:
    """Euros per additional unit (low, point, high) when ``euros`` bring ``estimate`` units.

    The set of ratios that the interval from ``low`` to ``high`` does not reject, as in Fieller
    (1954), with known ``euros``: bounded only if the interval is positive. Without a positive
    estimate there is no cost of a gain (NaN), and an interval that reaches zero has no upper end
    (infinity).
    """
    if not low <= estimate <= high:
        raise IndicatorError(f"expected low <= estimate <= high, got {low}, {estimate}, {high}")
    if estimate <= 0:
        return (euros / high if high > 0 else math.nan), math.nan, math.inf
    return euros / high, euros / estimate, euros / low if low > 0 else math.inf
