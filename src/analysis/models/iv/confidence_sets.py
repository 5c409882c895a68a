"""Confidence sets found by inverting a test: intervals, possibly unbounded, several or none."""

import itertools
import math
from collections.abc import Callable, Iterable

import pandas as pd


def accepted_intervals(
    boundaries: Iterable[float], accepts: Callable[[float], bool]
) -> pd.DataFrame:
    """Where a test accepts on the real line, given every point at which its verdict can change.

    Returns
    -------
    DataFrame
        ``lower, upper``, one row per interval in ascending order, infinite where unbounded; no row
        when the set is empty.
    """
    points = sorted(set(boundaries))
    edges = [-math.inf, *points, math.inf]
    rows: list[list[float]] = []
    for lower, upper in itertools.pairwise(edges):
        if not accepts(_between(lower, upper)):
            continue
        if rows and rows[-1][1] == lower:
            rows[-1][1] = upper
        else:
            rows.append([lower, upper])
    return pd.DataFrame(rows, columns=["lower", "upper"], dtype=float)


def hull(intervals: pd.DataFrame) -> tuple[float, float]:
    """Smallest interval that holds the set; missing for an empty set."""
    if intervals.empty:
        return math.nan, math.nan
    return float(intervals["lower"].iloc[0]), float(intervals["upper"].iloc[-1])


def _between(lower: float, upper: float) -> float:
    if math.isinf(lower) and math.isinf(upper):
        return 0.0
    if math.isinf(lower):
        return upper - 1 - abs(upper)
    if math.isinf(upper):
        return lower + 1 + abs(lower)
    return (lower + upper) / 2
