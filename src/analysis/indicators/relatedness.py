"""Which activities go together, how close a region's activities are to one it lacks, and entry.

Tables are those of :func:`analysis.indicators.activity_table`: index (period, region), one column
per activity. Specialisation is 1 or 0, missing where the location quotient is.
"""

import numpy as np
import pandas as pd

from analysis.indicators.concentration import IndicatorError


def specialised(quotients: pd.DataFrame, threshold: float = 1.0) -> pd.DataFrame:
    """1 where a location quotient exceeds ``threshold``, 0 where not, missing where unknown."""
    return (quotients > threshold).astype(float).where(quotients.notna())


def proximity(specialisation: pd.DataFrame) -> pd.DataFrame:
    """Proximity of every two activities, activities × activities, from 0 to 1.

    .. math:: \\phi_{ij} = \\min\\{P(x_i = 1 \\mid x_j = 1),\\; P(x_j = 1 \\mid x_i = 1)\\}

    (Hidalgo, Klinger, Barabási and Hausmann 2007, Science 317:482-487.) Probabilities are shares of
    the rows in which both activities are known. The diagonal is zero, since an activity says
    nothing about itself; a pair is missing where either is nobody's specialisation.
    """
    values = _binary(specialisation)
    known = (~np.isnan(values)).astype(float)
    present = np.where(np.isnan(values), 0.0, values)
    both = present.T @ present
    having = present.T @ known  # rows with the first activity in which the second is known too
    with np.errstate(invalid="ignore", divide="ignore"):
        closeness = both / np.maximum(having, having.T)
    closeness[(having == 0) | (having.T == 0)] = np.nan
    np.fill_diagonal(closeness, 0.0)
    names = specialisation.columns
    return pd.DataFrame(closeness, index=names, columns=names.rename(None))


def relatedness_density(
    specialisation: pd.DataFrame, by: str | None = "year", base: pd.DataFrame | None = None
) -> pd.DataFrame:
    """How much of what is close to an activity the region is specialised in, from 0 to 1.

    .. math:: d_{ir} = \\sum_{j \\ne i} \\phi_{ij} x_{jr} \\Big/ \\sum_{j \\ne i} \\phi_{ij}

    (Hidalgo et al. 2007; for regions Boschma, Minondo and Navarro 2013, Economic Geography
    89:29-51.) Sums run over the activities known in the region. Whether the region has the activity
    itself does not enter.

    Parameters
    ----------
    by
        Index level whose groups get a proximity of their own, such as ``"year"``; None for one.
    base
        A proximity (activities × activities) to use for all rows instead.

    Returns
    -------
    DataFrame
        Shape of ``specialisation``; missing where no related activity is known.
    """
    if base is not None:
        return _density(specialisation, base)
    if by is None:
        return _density(specialisation, proximity(specialisation))
    groups = specialisation.groupby(level=by, sort=True)
    parts = [_density(part, proximity(part)) for _, part in groups]
    return pd.concat(parts).reindex(specialisation.index)


def specialisation_changes(
    specialisation: pd.DataFrame, lag: int, period: str = "year", region: str = "geo"
) -> pd.DataFrame:
    """Entries and exits over ``lag`` periods, one row per starting period, region and activity.

    Columns ``period, region, activity, specialised, entry, exit`` under the names of the index
    levels and of the columns. ``entry`` is 1 or 0 where there was no specialisation at the start,
    ``exit`` where there was one; otherwise missing. Only pairs of periods exactly ``lag`` apart in
    which both are known are listed. A crossing of the threshold by a hair counts as any other:
    compare thresholds.
    """
    if lag < 1:
        raise IndicatorError(f"lag: expected 1 or more, got {lag}")
    activity = specialisation.columns.name or "industry"
    _binary(specialisation)
    stacked = specialisation.rename_axis(columns=activity).stack().dropna()
    long = stacked.rename("specialised").reset_index()
    later = long.assign(**{period: long[period] - lag}).rename(columns={"specialised": "later"})
    keys = [period, region, activity]
    pairs = long.merge(later, on=keys, how="inner").sort_values(keys, ignore_index=True)
    before = pairs["specialised"] == 1
    pairs["entry"] = pairs["later"].where(~before)
    pairs["exit"] = (1 - pairs["later"]).where(before)
    return pairs[[*keys, "specialised", "entry", "exit"]]


def _density(specialisation: pd.DataFrame, proximities: pd.DataFrame) -> pd.DataFrame:
    names = list(specialisation.columns)
    if sorted(map(str, proximities.columns)) != sorted(map(str, names)):
        raise IndicatorError(
            f"relatedness density: proximity is of {list(proximities.columns)}, not of {names}"
        )
    values = _binary(specialisation)
    weights = np.nan_to_num(proximities.loc[names, names].to_numpy(dtype=float))
    np.fill_diagonal(weights, 0.0)
    around = (~np.isnan(values)).astype(float) @ weights
    with np.errstate(invalid="ignore", divide="ignore"):
        density = np.nan_to_num(values) @ weights / around
    density[around == 0] = np.nan
    return pd.DataFrame(density, index=specialisation.index, columns=specialisation.columns)


def _binary(specialisation: pd.DataFrame) -> np.ndarray:
    values = specialisation.to_numpy(dtype=float)
    if not np.isin(values[~np.isnan(values)], (0.0, 1.0)).all():
        raise IndicatorError("specialisation: expected 1, 0 or missing; see `specialised`")
    return values
