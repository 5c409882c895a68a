"""What is read from a fit: does its interval, its confidence set, its test accept the truth?"""

import math
from collections.abc import Callable
from typing import NamedTuple

from analysis.models.estimates import Estimates

LEVEL = 0.95


class Draw(NamedTuple):
    """One procedure on one sample; an estimate or error that does not exist is NaN."""

    estimate: float
    std_error: float
    covers: float


class Target(NamedTuple):
    """What is read from a fit: the row's label, the kind of row, and the reading itself."""

    label: str
    kind: str
    truth: str
    read: Callable[[Estimates, float], Draw]


def interval(label: str, term: str, truth: str) -> Target:
    """Whether the 95 % interval of ``term`` holds the truth."""

    def read(estimates: Estimates, value: float) -> Draw:
        found = estimates.coefficients
        position = found["term"].tolist().index(term)
        columns = ("estimate", "std_error", "ci_low", "ci_high")
        estimate, std_error, low, high = (found[name].to_numpy()[position] for name in columns)
        if not math.isfinite(high - low):
            return Draw(estimate, math.nan, math.nan)
        return Draw(estimate, std_error, float(low <= value <= high))

    return Target(label, "interval", truth, read)


def confidence_set(label: str, p_value: str, truth: str) -> Target:
    """Whether the set of values not rejected holds the truth, from the test of the truth."""

    def read(estimates: Estimates, value: float) -> Draw:
        return Draw(math.nan, math.nan, _accepted(estimates.statistics[p_value]))

    return Target(label, "confidence set", truth, read)


def specification_test(label: str, p_value: str) -> Target:
    """Whether a test of a true hypothesis accepts it at 5 %."""

    def read(estimates: Estimates, value: float) -> Draw:
        named = estimates.statistics
        found = named[p_value] if p_value in named else getattr(estimates.facts, p_value)
        return Draw(math.nan, math.nan, _accepted(found))

    return Target(label, "test", "", read)


def _accepted(p_value: float) -> float:
    return math.nan if math.isnan(p_value) else float(p_value > 1 - LEVEL)
