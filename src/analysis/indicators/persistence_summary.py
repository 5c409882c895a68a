"""Persistence of specialisation, in one row, so that groups can be compared."""

import math

import pandas as pd

from analysis.indicators.concentration import IndicatorError, location_quotient
from analysis.indicators.persistence import half_life, rank_autocorrelation


def location_quotient_at_home(
    activity: pd.DataFrame, *, least: int = 3, incomplete: str = "drop"
) -> pd.DataFrame:
    """Location quotients against the region's own country in the same period.

    What a country as a whole is good at drops out. activity: index (year, geo), geo beginning with
    the two letters of its country. Regions of countries with fewer than ``least`` regions in the
    year have hardly anything to be compared with and are left out. ``incomplete`` as in
    `location_quotient`.
    """
    years = activity.index.get_level_values("year").astype(str)
    homes = activity.index.get_level_values("geo").str[:2] + years
    regions = pd.Series(homes).map(pd.Series(homes).value_counts()).to_numpy()
    named = activity.set_index(homes.rename("home"), append=True)[regions >= least]
    return location_quotient(named, by="home", incomplete=incomplete).droplevel("home")


def within_industry(log_quotients: pd.DataFrame) -> pd.DataFrame:
    """Positions against the mean of their industry in the period.

    log_quotients: index with a level ``industry``, one column per period, such as the logarithms
    of location quotients. An industry that is spread unevenly over regions has a mean below the
    others; without this step that would pass for persistence.
    """
    return log_quotients - log_quotients.groupby(level="industry").transform("mean")


def industry_ranks(log_quotients: pd.DataFrame) -> pd.DataFrame:
    """Ranks of the units among those of their industry in the period, as shares in (0, 1]."""
    return log_quotients.groupby(level="industry").rank(pct=True)


def persistence_summary(log_quotients: pd.DataFrame) -> dict[str, float]:
    """Rank correlations and half-lives of advantages, missing where they cannot be estimated.

    log_quotients: index with a level ``industry``, one column per period (ascending). Returns
    ``n_units`` (seen in the first and the last period), ``rank_correlation_1`` and
    ``rank_correlation_last`` (one period apart, and the first against the last, of ranks within
    industries), and in periods ``half_life`` with its interval as measured and
    ``half_life_corrected`` with its interval when noise independent over time is allowed for.

    Raises IndicatorError where there are fewer than two periods.
    """
    span = int(log_quotients.columns[-1] - log_quotients.columns[0])
    lags = rank_autocorrelation(industry_ranks(log_quotients), sorted({1, span}) if span else None)
    ranks = lags.set_index("lag")
    deviations = within_industry(log_quotients)
    return {
        "n_units": float(ranks.loc[span, "n_pairs"]),
        "rank_correlation_1": float(ranks.loc[1, "rank_correlation"]),
        "rank_correlation_last": float(ranks.loc[span, "rank_correlation"]),
        **_half_life(deviations, "half_life", errors_in_variables=False),
        **_half_life(deviations, "half_life_corrected", errors_in_variables=True),
    }


def _half_life(positions: pd.DataFrame, name: str, errors_in_variables: bool) -> dict[str, float]:
    try:
        decay = half_life(positions, errors_in_variables)
    except IndicatorError:
        return {name: math.nan, f"{name}_low": math.nan, f"{name}_high": math.nan}
    return {
        name: decay.half_life,
        f"{name}_low": decay.half_life_low,
        f"{name}_high": decay.half_life_high,
    }
