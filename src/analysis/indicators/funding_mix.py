"""Who pays for research and whom the State gives its money to, by country and year."""

import pandas as pd

from analysis.indicators.concentration import IndicatorError, herfindahl

#: Performer → column of the R&D it performs with government money, % of GDP.
GOVERNMENT_MONEY = {
    "business": "berd_government_financed_pct_gdp",
    "government": "goverd_government_financed_pct_gdp",
    "university": "herd_government_financed_pct_gdp",
}


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


def public_money_shares(countries: pd.DataFrame) -> pd.DataFrame:
    """Shares of government-financed R&D performed by business, government and universities.

    Columns ``business, government, university`` (sum 1; private non-profit institutes are left out)
    and ``steering``, their Herfindahl index: from 1/3, spread evenly over the three, to 1, all to
    one kind of performer. Missing unless all three are known. Index of ``countries``.
    """
    absent = [column for column in GOVERNMENT_MONEY.values() if column not in countries]
    if absent:
        raise IndicatorError(f"public money: no columns {absent}")
    names = {column: performer for performer, column in GOVERNMENT_MONEY.items()}
    money = countries[list(names)].rename(columns=names)
    total = money.sum(axis=1, skipna=False)
    shares = money.div(total.where(total > 0), axis=0)
    return shares.assign(steering=herfindahl(money))


def framework_programme_share(
    countries: pd.DataFrame, gdp_mio_eur: pd.Series, years: int = 1
) -> pd.Series:
    """Horizon 2020 contribution as a share of R&D expenditure in the same country and year, %.

    countries: ``country, year, h2020_eur, gerd_pct_gdp``. gdp_mio_eur: index (country, year).
    years: length of a project over which its money is spread evenly from its start year on; with
    more than 1, a year has a share only if all the start years behind it are known.
    """
    if years < 1:
        raise IndicatorError(f"years: expected 1 or more, got {years}")
    keys = ["country", "year"]
    table = countries[[*keys, "h2020_eur", "gerd_pct_gdp"]].astype({"year": int})
    money = table.pivot(index="year", columns="country", values="h2020_eur")
    money = money.reindex(range(int(money.index.min()), int(money.index.max()) + 1))
    spent = money.rolling(years, min_periods=years).mean().stack().rename("spent").reset_index()
    gdp = gdp_mio_eur.rename("gdp").rename_axis(keys).reset_index().astype({"year": int})
    table = table.merge(spent, on=keys, how="left").merge(gdp, on=keys, how="left")
    rd = table["gerd_pct_gdp"] / 100 * table["gdp"] * 1e6
    share = 100 * table["spent"] / rd.where(rd > 0)
    return pd.Series(share.to_numpy(), index=countries.index, name="framework_programme_pct")
