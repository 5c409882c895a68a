"""How far the figures can be trusted: gaps, revisions, conversion, and values out of the ordinary.

Everything is computed from the panel and from the releases themselves; no country or year is named
here. A revision compares what was published at one date with what was published later for the same
territory and year.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis import CompendiumError
from analysis.panel.measures import growth
from analysis.panel.series import Published, select, to_nuts_2013
from analysis.panel.territories import Passage

#: Why a cell of the panel is empty, from the widest cause to the narrowest.
GAPS = (
    "no territory has a figure that year",
    "country has no figure in any year",
    "before the country's first year",
    "after the country's last year",
    "whole country skips that year",
    "territory has no figure in any year",
    "territory missing, others of its country published",
)

_MAD_TO_SD = 1.4826  # for a normal variable


def gap_kinds(panel: pd.DataFrame, column: str) -> pd.Series:
    """For each row of the panel, why ``column`` is missing: one of ``GAPS``, "" where it is not.

    panel: one level of ``load("regions")`` with all its countries and years, because the first two
    kinds compare a territory with all the others. The widest cause that holds is given.
    """
    known = panel[column].notna()
    country, year = panel["country"], panel["year"]
    in_country_year = known.groupby([country, year]).transform("any")
    years_known = year.where(known).groupby(country)
    conditions = [
        ~known.groupby(year).transform("any"),
        ~known.groupby(country).transform("any"),
        year < years_known.transform("min"),
        year > years_known.transform("max"),
        ~in_country_year,
        ~known.groupby(panel["geo"]).transform("any"),
    ]
    kinds = np.select([known, *conditions], ["", *GAPS[:-1]], default=GAPS[-1])
    return pd.Series(kinds, index=panel.index, name=column)


def publication_rhythm(panel: pd.DataFrame, column: str) -> pd.DataFrame:
    """When each country publishes ``column`` for at least one of its territories.

    Columns ``country, first_year, last_year, n_years, years_skipped``, sorted by country;
    ``years_skipped`` counts the years in between without a figure. Countries without any figure
    are left out.
    """
    known = panel.loc[panel[column].notna(), ["country", "year"]].drop_duplicates()
    years = known.groupby("country")["year"]
    rhythm = pd.DataFrame(
        {"first_year": years.min(), "last_year": years.max(), "n_years": years.size()}
    ).astype(int)
    span = rhythm["last_year"] - rhythm["first_year"] + 1
    return rhythm.assign(years_skipped=span - rhythm["n_years"]).reset_index()


def releases_on_one_map(
    observations: pd.DataFrame,
    series: Mapping[int, Published],
    passage: Passage,
    denominator: pd.DataFrame,
) -> pd.DataFrame:
    """A rate in several releases, each converted to NUTS 2013: ``geo, year, release, value``.

    observations: the raw table. series: year of publication → the series in that release.
    denominator: NUTS 2013 code × year; its nearest known year stands in for a gap.
    """
    weight = denominator.ffill(axis=1).bfill(axis=1)
    rows = [select(observations, one).assign(column=str(year)) for year, one in series.items()]
    values = to_nuts_2013(pd.concat(rows, ignore_index=True), passage, weight).values
    pieces = {year: values[str(year)].stack().rename("value") for year in series}
    long = pd.concat(pieces, names=["release"]).dropna().reset_index()
    return long[["geo", "year", "release", "value"]]


def revisions(releases: pd.DataFrame, minimum: float = 0.0) -> pd.DataFrame:
    """Distance of each published figure from the next and from the last release that has the cell.

    releases: rows ``geo, year, release, value``, ``release`` being the year of publication, one row
    per territory, year and release. minimum: cells whose last figure is not above it are left out,
    since a relative distance says nothing about them.

    Returns one row per figure that a later release replaces: ``geo, year, release, value, lag``
    (years from reference to publication), ``from_next_pct``, ``from_last_pct``: 100 × (figure /
    later figure - 1), negative where the figure was too low. Only cells that the last release has
    are used, so that every distance is measured from the same point.

    Raises CompendiumError when no cell is in an earlier release and in the last one. Missing
    values count as not published.
    """
    if releases.duplicated(["geo", "year", "release"]).any():
        raise CompendiumError("releases: one row per territory, year and release needed")
    releases = releases.dropna(subset=["value"])
    if releases["release"].nunique() < 2:
        raise CompendiumError("revisions need two releases with figures of the sample")
    wide = releases.pivot(index=["geo", "year"], columns="release", values="value")
    wide = wide.sort_index(axis=1)
    wide = wide[wide.iloc[:, -1] > minimum]
    following = wide.bfill(axis=1).shift(-1, axis=1)
    distances = {
        "value": wide,
        "from_next_pct": 100 * (wide / following - 1),
        "from_last_pct": 100 * wide.div(wide.iloc[:, -1], axis=0) - 100,
    }
    earlier = {name: frame.iloc[:, :-1].stack() for name, frame in distances.items()}
    result = pd.DataFrame(earlier).dropna(subset=["value"]).reset_index()
    if result.empty:
        raise CompendiumError("no figure of an earlier release is also in the last release")
    result.insert(3, "lag", result["release"].astype(int) - result["year"].astype(int))
    return result.sort_values(["geo", "year", "release"], ignore_index=True)


def revision_summary(revised: pd.DataFrame, by: str, distance: str) -> pd.DataFrame:
    """Size of revisions by group: ``by, n, median, median_abs, p90_abs``, in per cent.

    revised: as ``revisions`` returns. distance: ``from_next_pct`` or ``from_last_pct``. median is
    signed (a bias); median_abs and p90_abs are the 50th and 90th percentiles of the absolute value.
    """
    values = revised[distance].groupby(revised[by])
    size = revised[distance].abs().groupby(revised[by])
    summary = pd.DataFrame(
        {
            "n": values.size(),
            "median": values.median(),
            "median_abs": size.median(),
            "p90_abs": size.quantile(0.9),
        }
    )
    return summary.rename_axis(by).reset_index()


def release_agreement(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, float]:
    """Correlations between two releases: of levels, and of what fixed effects leave.

    first, second: territory × year, positive values; both are taken in logs over the cells they
    share. ``r_levels``: correlation over all cells. ``r_changes``: correlation of the changes from
    one calendar year to the next. With independent errors of equal variance in both releases, such
    a correlation is the reliability ratio by which noise in a single regressor shrinks its
    coefficient (Griliches and Hausman 1986, Journal of Econometrics 31:93-118).

    Keys ``n_levels, r_levels, n_changes, r_changes``; a correlation is missing under 10 cells.
    """
    geos = first.index.intersection(second.index)
    shared = first.columns.intersection(second.columns)
    years = pd.RangeIndex(min(shared), max(shared) + 1) if len(shared) else shared
    x = _logs(first.reindex(index=geos, columns=years))
    y = _logs(second.reindex(index=geos, columns=years))
    n_levels, r_levels = _correlation(x, y)
    n_changes, r_changes = _correlation(np.diff(x, axis=1), np.diff(y, axis=1))
    return {
        "n_levels": n_levels,
        "r_levels": r_levels,
        "n_changes": n_changes,
        "r_changes": r_changes,
    }


def _logs(frame: pd.DataFrame) -> np.ndarray:
    return np.log(frame.where(frame > 0)).to_numpy(dtype=float)


def _correlation(x: np.ndarray, y: np.ndarray, fewest: int = 10) -> tuple[int, float]:
    known = ~(np.isnan(x) | np.isnan(y))
    n = int(known.sum())
    return n, float(np.corrcoef(x[known], y[known])[0, 1]) if n >= fewest else np.nan


def conversion_summary(conversion: pd.DataFrame) -> pd.DataFrame:
    """The conversion report added up over NUTS versions: one row per column and dataset.

    conversion: ``load("conversion")``. Activities of one table and programming periods of one fund
    are added up too. Columns ``column, dataset, versions, first_year, last_year,
    share_recoded_pct, share_split_pct, share_set_aside_pct, conservation_gap, codes_lost``: shares
    of the mass (count, or rate × denominator) of the years converted; the gap is the largest of
    its versions; codes_lost are those without flows.
    """
    frame = conversion.assign(
        column=conversion["column"].str.partition(":")[0],
        dataset=conversion["dataset"].str.partition(" ")[0],
        mass=conversion["mass_before"].abs(),
    )
    shares = ["recoded", "split", "set_aside"]
    for name in shares:
        frame[name] = frame[f"share_{name}"] * frame["mass"]
    keys = ["column", "dataset"]
    grouped = frame.groupby(keys)
    summary = pd.DataFrame(
        {
            "versions": grouped["geo_version"].agg(_joined),
            "first_year": grouped["first_year"].min().astype(int),
            "last_year": grouped["last_year"].max().astype(int),
        }
    )
    mass = grouped["mass"].sum()
    for name in shares:
        summary[f"share_{name}_pct"] = 100 * grouped[name].sum() / mass.where(mass > 0)
    summary["conservation_gap"] = grouped["conservation_gap"].max()
    summary["codes_lost"] = grouped["regions_lost"].agg(_joined)
    return summary.reset_index()


def _joined(words: pd.Series) -> str:
    return " ".join(sorted(set(" ".join(words).split())))


def split_origins(shares: pd.DataFrame) -> pd.DataFrame:
    """Origins whose figures are split over several regions: ``origin, geo, share``.

    shares: origin × destination, as ``Passage.to_2013``. share: part of the origin's people, and so
    of any count, that goes to ``geo``. Regions that share an origin get the same figure per head
    from it: a difference between them cannot be seen in data of that version.
    """
    several = shares[(shares > 0).sum(axis=1) > 1]
    long = several.rename_axis(index="origin", columns="geo").stack().rename("share")
    return long[long > 0].reset_index().sort_values(["origin", "geo"], ignore_index=True)


def matched_change(panel: pd.DataFrame, column: str, year: int) -> pd.DataFrame:
    """Change of country totals from the year before, over the territories known in both years.

    Columns ``country, n_territories, before, now, change_pct``, sorted by country; countries with
    no such territory, or nothing before, are left out.
    """
    wide = panel[panel["year"].isin([year - 1, year])].pivot(
        index=["country", "geo"], columns="year", values=column
    )
    both = wide.reindex(columns=[year - 1, year]).dropna()
    totals = both.groupby(level="country").sum().set_axis(["before", "now"], axis=1)
    totals.insert(0, "n_territories", both.groupby(level="country").size())
    totals = totals[totals["before"] > 0]
    return totals.assign(change_pct=100 * (totals["now"] / totals["before"] - 1)).reset_index()


def robust_z(values: pd.Series, by: pd.Series) -> pd.Series:
    """Distance from the group's median in robust standard deviations (1.4826 × median deviation).

    Missing where the group's median deviation is zero. Unlike mean and standard deviation, median
    and median deviation are not moved by the outliers sought (Hampel 1974, Journal of the American
    Statistical Association 69:383-393).
    """
    distance = values - values.groupby(by).transform("median")
    spread = _MAD_TO_SD * distance.abs().groupby(by).transform("median")
    return (distance / spread.where(spread > 0)).rename("robust_z")


def unusual(
    panel: pd.DataFrame, column: str, view: str, inside: pd.Series, count: int = 2
) -> pd.DataFrame:
    """The territories furthest from the others at each end, in level or in yearly growth.

    panel: one level of ``load("regions")``, the crowd to compare with. view: ``level`` or
    ``growth``; both in logs and by year (``robust_z``). inside: rows of the sample. A territory
    stands with its furthest year. Columns ``view, geo, name, year, value, change, z``, from the
    highest z to the lowest; change is the log growth in per cent.

    Raises CompendiumError for another view.
    """
    if view not in ("level", "growth"):
        raise CompendiumError(f"no view '{view}' of {column}; there are: level, growth")
    change = growth(panel, column)
    values = change if view == "growth" else np.log(panel[column].where(panel[column] > 0))
    rows = panel[["geo", "name", "year"]].assign(
        value=panel[column], change=change, z=robust_z(values, panel["year"])
    )
    rows.insert(0, "view", view)
    rows = rows[inside & rows["z"].notna()].sort_values(["z", "geo", "year"])
    low = rows[rows["z"] < 0].drop_duplicates("geo").head(count)
    high = rows[rows["z"] > 0].iloc[::-1].drop_duplicates("geo").head(count)
    return pd.concat([high, low.iloc[::-1]], ignore_index=True)


def usable(panel: pd.DataFrame, questions: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """What is left of the panel when every column a question needs must have a figure.

    Columns ``question, first_year, last_year, countries, territories, cells, years_each``;
    years_each is the median number of years per territory; years are missing where no cell is left.
    """
    rows = []
    for question, columns in questions.items():
        complete = panel[panel[list(columns)].notna().all(axis=1)]
        rows.append(
            {
                "question": question,
                "first_year": complete["year"].min(),
                "last_year": complete["year"].max(),
                "countries": complete["country"].nunique(),
                "territories": complete["geo"].nunique(),
                "cells": len(complete),
                "years_each": complete.groupby("geo").size().median(),
            }
        )
    return pd.DataFrame(rows).astype({"first_year": "Int64", "last_year": "Int64"})
