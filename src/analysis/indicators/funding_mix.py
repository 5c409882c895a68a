"""What business pays for research per euro of the State, by country and year."""

import pandas as pd


def leverage(countries: pd.DataFrame) -> pd.Series:
    """Euros of R&D that business finances per euro that government finances.

    countries: with ``gerd_business_financed_pct`` and ``gerd_government_financed_pct``. An
    accounting ratio: it does not say that one caused the other.
    """
    government = countries["gerd_government_financed_pct"]
    ratio = countries["gerd_business_financed_pct"] / government.where(government > 0)
    return ratio.rename("leverage")


def business_leverage(countries: pd.DataFrame) -> pd.Series:
    """Euros of business R&D not paid by government per euro of direct support and tax relief.

    countries: with ``berd_pct_gdp``, ``berd_government_financed_pct_gdp`` and
    ``rd_tax_relief_pct_gdp`` (all % of GDP). Missing where one is unknown or support is zero.
    """
    direct = countries["berd_government_financed_pct_gdp"]
    support = direct + countries["rd_tax_relief_pct_gdp"]
    own = countries["berd_pct_gdp"] - support
    return (own / support.where(support > 0)).rename("business_leverage")
