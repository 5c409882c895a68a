"""Measures made from panel columns: lags, stocks, logs, growth, interpolation.

Every function takes a long panel sorted or not, and returns a column aligned to its index. A lag
or a growth rate looks at calendar years, never at the previous row: a gap in the years gives a
missing value.
"""

import numpy as np
import pandas as pd

from analysis import CompendiumError


def _wide(frame: pd.DataFrame, column: str, unit: str, time: str) -> pd.DataFrame:
    if column not in frame:
        raise CompendiumError(f"no column '{column}' in the panel")
    if frame.duplicated([unit, time]).any():
        raise CompendiumError(
            f"({unit}, {time}) is not unique: one row per {unit} and {time} needed"
        )
    if frame.empty:
        return pd.DataFrame(dtype=float)
    wide = frame.pivot(index=unit, columns=time, values=column)
    years = range(int(frame[time].min()), int(frame[time].max()) + 1)
    return wide.reindex(columns=pd.Index(years, name=time)).astype(float)


def _long(wide: pd.DataFrame, frame: pd.DataFrame, unit: str, time: str, name: str) -> pd.Series:
    rows = wide.index.get_indexer(frame[unit])
    columns = wide.columns.get_indexer(frame[time])
    return pd.Series(wide.to_numpy()[rows, columns], index=frame.index, name=name)


def lag(
    frame: pd.DataFrame, column: str, years: int = 1, unit: str = "geo", time: str = "year"
) -> pd.Series:
    """Value ``years`` calendar years earlier (negative: a lead)."""
    shifted = _wide(frame, column, unit, time).shift(years, axis=1)
    return _long(shifted, frame, unit, time, f"{column}_lag{years}")


def moving_average(
    frame: pd.DataFrame, column: str, years: int, unit: str = "geo", time: str = "year"
) -> pd.Series:
    """Mean of the current and the ``years - 1`` earlier years; missing if any of them is."""
    mean = _wide(frame, column, unit, time).T.rolling(years, min_periods=years).mean().T
    return _long(mean, frame, unit, time, f"{column}_ma{years}")


def growth(
    frame: pd.DataFrame, column: str, years: int = 1, unit: str = "geo", time: str = "year"
) -> pd.Series:
    """Mean annual log growth in per cent over ``years`` years; missing for values ≤ 0."""
    wide = _wide(frame, column, unit, time)
    logs = np.log(wide.where(wide > 0))
    change = 100 * (logs - logs.shift(years, axis=1)) / years
    return _long(change, frame, unit, time, f"{column}_growth")


def log_with_rule(values: pd.Series, zero: str = "missing") -> pd.Series:
    """Natural logarithm with a stated rule for zeros.

    zero: ``missing`` (zeros leave the sample), ``plus_one`` (log(1 + x)), ``half_minimum``
    (zeros become half of the smallest positive value) or ``asinh`` (inverse hyperbolic sine).
    Negative values are always missing.
    """
    positive = values.where(values >= 0)
    if zero == "missing":
        return np.log(positive.where(positive > 0))
    if zero == "plus_one":
        return np.log1p(positive)
    if zero == "half_minimum":
        return np.log(positive.mask(positive == 0, positive[positive > 0].min() / 2))
    if zero == "asinh":
        return np.arcsinh(positive)
    allowed = "missing, plus_one, half_minimum, asinh"
    raise CompendiumError(f"unknown rule for zeros '{zero}'; allowed: {allowed}")


def knowledge_stock(
    frame: pd.DataFrame,
    column: str,
    depreciation: float = 0.15,
    unit: str = "geo",
    time: str = "year",
) -> pd.Series:
    """Knowledge capital by perpetual inventory: K_t = (1 - δ) K_{t-1} + R_t.

    The first stock is R_0 / (g + δ), with g the unit's mean log growth of R over its observed run
    and g + δ not below δ / 2 (Griliches 1979, Bell Journal of Economics 10:92-116; Hall and
    Mairesse 1995, Journal of Econometrics 65:263-293). A run of R ends at the first missing year;
    what comes after a gap is missing, since the stock cannot be followed across it.
    """
    if not 0 < depreciation < 1:
        raise CompendiumError(f"depreciation must lie between 0 and 1, not {depreciation}")
    flow = _wide(frame, column, unit, time)
    values = flow.to_numpy()
    stock = np.full_like(values, np.nan)
    for row in range(len(values)):
        known = np.flatnonzero(~np.isnan(values[row]))
        if known.size:
            stop = known[0] + np.argmin(np.append(~np.isnan(values[row, known[0] :]), False))
            stock[row, known[0] : stop] = _inventory(values[row, known[0] : stop], depreciation)
    return _long(
        pd.DataFrame(stock, index=flow.index, columns=flow.columns),
        frame,
        unit,
        time,
        f"{column}_stock",
    )


def _inventory(flow: np.ndarray, depreciation: float) -> np.ndarray:
    positive = flow[flow > 0]
    growth_rate = np.log(positive[-1] / positive[0]) / (len(flow) - 1) if len(positive) > 1 else 0.0
    stock = np.empty_like(flow)
    stock[0] = flow[0] / max(growth_rate + depreciation, depreciation / 2)
    for year in range(1, len(flow)):
        stock[year] = (1 - depreciation) * stock[year - 1] + flow[year]
    return stock


def interpolate(
    frame: pd.DataFrame, column: str, max_gap: int = 1, unit: str = "geo", time: str = "year"
) -> pd.Series:
    """Fill gaps of at most ``max_gap`` years linearly between two known values.

    Never beyond the first or last known value. A choice the user names: the panel holds published
    values only.
    """
    wide = _wide(frame, column, unit, time)
    filled = wide.interpolate(axis=1, limit_area="inside")
    missing = wide.isna()
    run = missing.apply(lambda row: row.groupby((~row).cumsum()).transform("sum"), axis=1)
    return _long(filled.where(~missing | (run <= max_gap)), frame, unit, time, column)
