"""How long a position lasts: transitions, rank autocorrelation, half-life, and what chance gives.

Positions come as a frame of units by periods: one row per unit (a region, or a region and
industry), one column per period, columns numeric and ascending, missing allowed.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.indicators.concentration import IndicatorError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Transitions:
    """Moves between states ``lag`` periods apart.

    ``counts`` and ``probabilities`` are origin states by destination states; a row of probabilities
    sums to one, or is missing if no unit was in that state. ``mobility`` is Shorrocks' (1978) index
    ``(states - trace) / (states - 1)``: 0 if nobody moves, 1 if the origin says nothing.
    """

    counts: pd.DataFrame
    probabilities: pd.DataFrame
    mobility: float


@dataclass(frozen=True, slots=True)
class AutoregressiveDecay:
    """First-order persistence ``rho`` per period and the half-life it implies, in periods."""

    rho: float
    std_error: float
    half_life: float
    half_life_low: float
    half_life_high: float
    n_pairs: int
    n_units: int


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """Observed statistic against its distribution when units are shuffled within each period."""

    observed: float
    null_mean: float
    null_low: float
    null_high: float
    p_value: float
    draws: int


def transition_matrix(
    positions: pd.DataFrame,
    *,
    lag: int = 1,
    quantiles: int | None = None,
    thresholds: Sequence[float] | None = None,
) -> Transitions:
    """Moves between states over all pairs of periods ``lag`` apart (Quah 1993).

    Parameters
    ----------
    quantiles
        Number of equal-sized states, cut anew in every period: relative positions.
    thresholds
        Ascending bounds between states instead, such as ``[0.5, 1, 1.25]`` for location quotients;
        a value equal to a bound is in the upper state. State 1 is the lowest.
    """
    _check_positions(positions)
    if (quantiles is None) == (thresholds is None):
        raise IndicatorError("transition matrix: give either quantiles or thresholds")
    if quantiles is not None:
        states, count = _quantile_states(positions, quantiles), quantiles
    else:
        bounds = np.asarray(thresholds, dtype=float)
        if not (np.diff(bounds) > 0).all():
            raise IndicatorError(f"transition matrix: thresholds must ascend, got {thresholds}")
        values = positions.to_numpy(dtype=float)
        states = np.where(np.isnan(values), -1, np.searchsorted(bounds, values, side="right"))
        count = len(bounds) + 1
    moves = np.zeros((count, count), dtype=np.int64)
    for start, end in _pairs(positions, lag):
        seen = (states[:, start] >= 0) & (states[:, end] >= 0)
        np.add.at(moves, (states[seen, start], states[seen, end]), 1)
    names = pd.RangeIndex(1, count + 1)
    counts = pd.DataFrame(moves, index=names.rename("from"), columns=names.rename("to"))
    totals = counts.sum(axis=1)
    probabilities = counts.div(totals.where(totals > 0), axis=0)
    trace = float(np.trace(probabilities.to_numpy()))
    return Transitions(counts, probabilities, (count - trace) / (count - 1))


def rank_autocorrelation(
    positions: pd.DataFrame, lags: Sequence[int] | None = None
) -> pd.DataFrame:
    """Spearman correlation of positions ``lag`` periods apart, averaged over starting periods.

    Each pair of periods is ranked over the units seen in both and weighted by their number.

    Returns
    -------
    DataFrame
        Columns ``lag``, ``rank_correlation``, ``n_pairs`` (units times periods).
    """
    _check_positions(positions)
    columns = positions.columns.to_numpy(dtype=float)
    longest = int(columns[-1] - columns[0])
    rows = []
    for lag in lags if lags is not None else range(1, longest + 1):
        correlations, counts = [], []
        for start, end in _pairs(positions, lag):
            pair = positions.iloc[:, [start, end]].dropna()
            ranks = pair.rank().to_numpy()
            if len(pair) > 2 and (ranks.std(axis=0) > 0).all():
                correlations.append(float(np.corrcoef(ranks.T)[0, 1]))
                counts.append(len(pair))
        mean = float(np.average(correlations, weights=counts)) if counts else math.nan
        rows.append({"lag": lag, "rank_correlation": mean, "n_pairs": sum(counts)})
    return pd.DataFrame(rows, columns=["lag", "rank_correlation", "n_pairs"])


def half_life(positions: pd.DataFrame, errors_in_variables: bool = False) -> AutoregressiveDecay:
    """Half-life of deviations from the period mean, from a pooled first-order autoregression.

    .. math:: x_{i,t+1} = a_t + \\rho x_{it} + e_{i,t+1}, \\qquad h = \\ln 0.5 / \\ln \\rho

    Pass log location quotients to speak of proportional advantages. There is a constant per period
    and none per unit: rho is the decay towards the common mean, not towards a unit's own. The
    standard error is clustered by unit; the interval transforms the 95 % bounds of rho.

    Sampling noise in the positions lowers rho. With ``errors_in_variables`` the position is
    instrumented by the one a period earlier, which noise independent over time leaves unbiased.

    Returns
    -------
    AutoregressiveDecay
        ``half_life`` is infinite for rho >= 1 and zero for rho <= 0.
    """
    _check_positions(positions)
    values = positions.to_numpy(dtype=float)
    if not np.isfinite(values[~np.isnan(values)]).all():
        raise IndicatorError(
            "half-life: infinite positions (the logarithm of zero?); drop them first"
        )
    blocks = []
    for start, end in _pairs(positions, 1):
        if errors_in_variables and (start == 0 or not _adjacent(positions, start - 1)):
            continue
        instrument = values[:, start - 1] if errors_in_variables else values[:, start]
        block = np.column_stack([values[:, end], values[:, start], instrument])
        seen = ~np.isnan(block).any(axis=1)
        centred = block[seen] - block[seen].mean(axis=0) if seen.any() else block[seen]
        blocks.append(np.column_stack([centred, np.flatnonzero(seen)]))
    stacked = np.vstack(blocks) if blocks else np.empty((0, 4))
    units = len(np.unique(stacked[:, 3]))
    if units < 2 or len(stacked) < 3 or not (stacked[:, 2] @ stacked[:, 1]) ** 2 > 0:
        raise IndicatorError("half-life: too few units seen in neighbouring periods")
    return _decay(stacked[:, 0], stacked[:, 1], stacked[:, 2], stacked[:, 3].astype(int))


def permutation_test(
    positions: pd.DataFrame,
    statistic: Callable[[pd.DataFrame], float],
    *,
    draws: int = 999,
    seed: int,
    name: str,
) -> PermutationTest:
    """Is ``statistic(positions)`` larger than when units are shuffled within each period?

    Shuffling keeps each period's distribution and its missing values' number, and destroys all
    persistence. The generator is seeded by ``seed`` and ``name`` together, so that no result
    depends on what was computed before it. One-sided p-value ``(1 + #{null >= observed}) /
    (draws + 1)`` (Phipson and Smyth 2010); the interval is the null's central 95 %.
    """
    _check_positions(positions)
    random = np.random.default_rng(np.random.SeedSequence([seed, *name.encode()]))
    ordered = positions.sort_index()
    observed = float(statistic(ordered))
    values = ordered.to_numpy(dtype=float)
    null = np.empty(draws)
    for draw in range(draws):
        shuffled = random.permuted(values, axis=0)
        null[draw] = statistic(pd.DataFrame(shuffled, index=ordered.index, columns=ordered.columns))
    low, high = np.quantile(null, [0.025, 0.975])
    p_value = (1 + int((null >= observed).sum())) / (draws + 1)
    return PermutationTest(observed, float(null.mean()), float(low), float(high), p_value, draws)


def _decay(
    later: Floats, earlier: Floats, instrument: Floats, units: NDArray[np.int64]
) -> AutoregressiveDecay:
    strength = float(instrument @ earlier)
    rho = float(instrument @ later) / strength
    codes = np.unique(units, return_inverse=True)[1]
    groups = int(codes.max()) + 1
    scores = np.bincount(codes, instrument * (later - rho * earlier))
    error = math.sqrt(groups / (groups - 1) * float(scores @ scores)) / abs(strength)
    low, middle, high = (_half_life_of(rho + step * error) for step in (-1.96, 0.0, 1.96))
    return AutoregressiveDecay(rho, error, middle, low, high, len(later), groups)


def _half_life_of(rho: float) -> float:
    if rho <= 0:
        return 0.0
    return math.inf if rho >= 1 else math.log(0.5) / math.log(rho)


def _quantile_states(positions: pd.DataFrame, count: int) -> NDArray[np.int64]:
    """State 0..count-1 per unit and period from average ranks; ties share a state; -1 missing."""
    if count < 2:
        raise IndicatorError(f"transition matrix: at least 2 quantiles, got {count}")
    ranks = positions.rank(method="average")
    sizes = positions.notna().sum()
    scaled = np.floor((ranks - 0.5) / sizes * count)
    return scaled.fillna(-1).to_numpy(dtype=np.int64)


def _pairs(positions: pd.DataFrame, lag: int) -> list[tuple[int, int]]:
    """Column numbers of every two periods exactly ``lag`` apart."""
    if lag < 1:
        raise IndicatorError(f"lag: expected 1 or more, got {lag}")
    place = {period: column for column, period in enumerate(positions.columns)}
    return [
        (column, place[period + lag]) for period, column in place.items() if period + lag in place
    ]


def _adjacent(positions: pd.DataFrame, column: int) -> bool:
    return bool(positions.columns[column + 1] - positions.columns[column] == 1)


def _check_positions(positions: pd.DataFrame) -> None:
    columns = positions.columns
    if not (pd.api.types.is_numeric_dtype(columns) and columns.is_unique):
        raise IndicatorError(
            f"positions: columns must be distinct periods, got {list(columns)[:5]}"
        )
    if not columns.is_monotonic_increasing or len(columns) < 2:
        raise IndicatorError("positions: at least two periods in ascending order are needed")
