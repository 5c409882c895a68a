"""The structure of regional innovation systems: what a typology of regions is made from.

Structure only: who performs research, what the region lives on, how dense and how educated it is.
Neither the amount spent on research nor any outcome enters.
"""

import numpy as np
import pandas as pd

#: Columns of the structure and their printed names with units.
STRUCTURE: dict[str, str] = {
    "business_rd_pct": "Business share of R&D (%)",
    "higher_education_rd_pct": "Higher-education share of R&D (%)",
    "specialisation": "Krugman specialisation (0 to 2)",
    "log_density": "Population density (log persons per km²)",
    "tertiary_pct": "Tertiary education (% of people 25-64)",
    "manufacturing_pct": "Manufacturing (% of employment)",
    "knowledge_services_pct": "Knowledge-intensive services (% of employment)",
}

_SHORT = {
    "business_rd_pct": "business R&D",
    "higher_education_rd_pct": "university R&D",
    "specialisation": "specialised",
    "log_density": "dense",
    "tertiary_pct": "graduates",
    "manufacturing_pct": "manufacturing",
    "knowledge_services_pct": "knowledge services",
}


def rd_sector_shares(sample: pd.DataFrame) -> pd.DataFrame:
    """Shares of business, government and higher education in R&D, per cent, mean over the years.

    sample: panel rows with ``geo`` and ``berd_pct_gdp``, ``goverd_pct_gdp``, ``herd_pct_gdp``.
    A year counts only where all three are known; private non-profit institutes are left out of the
    sum. One row per geo, sorted; missing where no year counts.
    """
    names = {
        "berd_pct_gdp": "business_rd_pct",
        "goverd_pct_gdp": "government_rd_pct",
        "herd_pct_gdp": "higher_education_rd_pct",
    }
    sectors = sample[list(names)]
    total = sectors.sum(axis=1, skipna=False)
    shares = 100 * sectors.div(total.where(total > 0), axis=0).rename(columns=names)
    return shares.groupby(sample["geo"]).mean()


def innovation_system_structure(sample: pd.DataFrame, specialisation: pd.Series) -> pd.DataFrame:
    """One row per region and the columns of ``STRUCTURE``, averaged over the sample's years.

    sample: panel rows. specialisation: index (year, geo), such as ``krugman_specialisation``.
    The government share of R&D is what business and higher education leave, so it is not entered
    again. Missing stays missing.
    """
    means = sample.groupby("geo")[
        ["density", "tertiary_pct", "manufacturing_pct", "knowledge_services_pct"]
    ].mean()
    structure = rd_sector_shares(sample).join(means)
    structure["specialisation"] = specialisation.groupby(level="geo").mean()
    structure["log_density"] = np.log(structure["density"].where(structure["density"] > 0))
    return structure[list(STRUCTURE)]


def standardised_profiles(structure: pd.DataFrame, labels: pd.Series) -> pd.DataFrame:
    """Means of each type in standard deviations from the mean of all regions, types in rows."""
    known = structure.loc[labels.index]
    scores = (known - known.mean()) / known.std(ddof=0)
    return scores.groupby(labels).mean()


def type_names(profiles: pd.DataFrame, features: int = 2, least: float = 0.5) -> dict[int, str]:
    """A short description of each type: its ``features`` most unusual traits.

    profiles: from :func:`standardised_profiles`. A trait counts from ``least`` standard deviations
    away from the mean of all regions; "+" is above it and "−" below. A type without any is average.
    """
    names = {}
    for number, profile in profiles.iterrows():
        traits = profile[profile.abs() >= least].sort_values(key=np.abs, ascending=False)
        words = [
            f"{'+' if score > 0 else '−'} {_SHORT[str(trait)]}"
            for trait, score in traits.head(features).items()
        ]
        names[int(number)] = ", ".join(words) or "average"
    return names
