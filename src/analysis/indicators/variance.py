"""Where the variance of a panel variable lies."""

import pandas as pd


def variance_shares(sample: pd.DataFrame, column: str) -> dict[str, float]:
    """Shares of the variance of a column between countries, between regions, years and within.

    Sequential: country means, region means given country, year means given region, the rest. They
    add up to 1 on a balanced panel and are computed on the rows with a value.
    """
    rows = sample.dropna(subset=[column])
    value = rows[column] - rows[column].mean()
    country = value.groupby(rows["country"]).transform("mean")
    region = value.groupby(rows["geo"]).transform("mean")
    deviation = value - region
    year = deviation.groupby(rows["year"]).transform("mean")
    total = value.var(ddof=0)
    return {
        "between countries": country.var(ddof=0) / total,
        "between regions of a country": (region - country).var(ddof=0) / total,
        "common to all in a year": year.var(ddof=0) / total,
        "within regions": (deviation - year).var(ddof=0) / total,
    }
