"""Does the density of the running variable jump at the cutoff?

The local polynomial density test of Cattaneo, Jansson and Ma (2020, "CJM"), in the place of
McCrary's (2008) binned one: a jump suggests that units sorted themselves across the cutoff.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, stats

from analysis.models.designs.did_panel import check_choice, check_columns, numeric
from analysis.models.estimates import Estimates, Facts, tabulate
from analysis.models.regression_discontinuity import KERNELS
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

GRID = 2000


@dataclass(frozen=True, slots=True)
class Density:
    """Density at the cutoff from one side and the contribution (n,) of every row to it."""

    value: float
    contributions: Floats


def rd_density(
    frame: pd.DataFrame,
    *,
    running: str,
    cutoff: float = 0.0,
    bandwidth: float | tuple[float, float] | None = None,
    kernel: str = "triangular",
    order: int = 2,
    sample: str = "all",
) -> Estimates:
    """Test that the density of ``running`` is continuous at ``cutoff``.

    On each side the empirical distribution function is regressed on a polynomial in the distance to
    the cutoff, with kernel weights; the slope at the cutoff is the density (CJM). The
    densities reported are of degree ``order``, those of the test of degree ``order + 1`` at the
    same bandwidth, which removes the leading bias (CJM).

    Parameters
    ----------
    bandwidth
        One for both sides or a pair (below, above). By default a plug-in minimises, on each side,
        the mean squared error of the density of degree ``order`` (CJM): its variance at
        the density, and its bias at the derivative of that density, of a pilot of one degree more
        whose bandwidth is optimal for a normal distribution.
    kernel, order
        As in `regression_discontinuity`; ``order`` at least 1.

    Returns
    -------
    Estimates
        Terms ``density_below`` and ``density_above`` of degree ``order``; ``density_jump``, the
        difference above less below of degree ``order + 1``: its statistic is the test. Standard
        errors are the jackknife ones of CJM's package: root of the summed squared contributions of
        the rows, not centred, the sides independent given their sizes. Inference is normal. Facts
        count the rows on each side within the bandwidth. ``statistics``: ``bandwidth_below``,
        ``bandwidth_above``, ``n_below``, ``n_above`` (all rows) and ``binomial_p``, the exact test
        that a row within the smaller bandwidth is equally likely on both sides.

    Raises
    ------
    ModelError
        If a column or option is unusable or a side has too few distinct values.
    """
    check_choice("kernel", kernel, tuple(KERNELS))
    if order < 1:
        raise ModelError(f"order: expected 1 or more, got {order}")
    check_columns(frame, [running])
    values = numeric(frame, running)
    distance = np.sort(values[~np.isnan(values)]) - cutoff
    sides = {"below": distance < 0, "above": distance >= 0}
    for name, side in sides.items():
        _check_support(distance[side], order, f"{name} the cutoff")
    widths = _bandwidths(distance, bandwidth, kernel, order)
    found = {}
    for degree in (order, order + 1):
        for (name, side), width in zip(sides.items(), widths, strict=True):
            inside = side & (np.abs(distance) <= width)
            _check_support(distance[inside], order, f"{name} the cutoff within {width:g}")
            found[name, degree] = _density(distance, side, width, kernel, degree)
    below, above = found["below", order + 1], found["above", order + 1]
    jump = Density(above.value - below.value, above.contributions - below.contributions)
    densities = [found["below", order], found["above", order], jump]
    matrix = np.column_stack([density.contributions for density in densities])
    near = min(widths)
    counts = [int((side & (np.abs(distance) <= near)).sum()) for side in sides.values()]
    facts = Facts(
        outcome=running,
        estimator="rd density",
        vcov="jackknife",
        formula=f"density of {running} at {cutoff:g}",
        sample=sample,
        small_sample="none",
        n_obs=len(distance),
        n_dropped=len(frame) - len(distance),
        df_t=math.inf,
        cutoff=float(cutoff),
        bandwidth=near if widths[0] == widths[1] else math.nan,
        n_left=int((sides["below"] & (distance >= -widths[0])).sum()),
        n_right=int((sides["above"] & (distance <= widths[1])).sum()),
    )
    estimates = tabulate(
        ["density_below", "density_above", "density_jump"],
        np.array([density.value for density in densities]),
        matrix.T @ matrix,
        facts,
    )
    statistics = {
        "bandwidth_below": widths[0],
        "bandwidth_above": widths[1],
        "n_below": float(sides["below"].sum()),
        "n_above": float(sides["above"].sum()),
        "binomial_p": float(stats.binomtest(counts[0], sum(counts)).pvalue),
    }
    return Estimates(estimates.coefficients, estimates.covariance, facts, statistics=statistics)


def _density(
    distance: Floats,
    side: NDArray[np.bool_],
    width: float,
    kernel: str,
    degree: int,
    derivative: int = 1,
) -> Density:
    """Derivative of the distribution function at the cutoff from one side.

    Ranks within the side over n - 1, so that the slope is the density of the whole sample. Row j
    contributes the regression weights of the rows above it within the bandwidth.
    """
    own = distance[side]
    inside = np.abs(own) <= width
    u = own[inside] / width
    basis = np.vander(u, degree + 1, increasing=True)
    weighted = basis * KERNELS[kernel](u)[:, None]
    solve = linalg.inv(weighted.T @ basis)
    ranks = np.searchsorted(own, own[inside], side="right") - 1.0
    scale = math.factorial(derivative) / width**derivative / (len(distance) - 1)
    row = (weighted @ solve[derivative]) * scale
    # Ties count as below each other, but no row as below itself.
    reached = np.searchsorted(u, u, side="left")
    contributions = np.zeros(len(distance))
    contributions[np.flatnonzero(side)[inside]] = np.cumsum(row[::-1])[::-1][reached] - row
    return Density(float(row @ ranks), contributions)


def _bandwidths(
    distance: Floats, given: float | tuple[float, float] | None, kernel: str, order: int
) -> tuple[float, float]:
    if given is None:
        sides = (distance < 0, distance >= 0)
        below, above = (_optimal(distance, side, kernel, order) for side in sides)
        return below, above
    pair = (given, given) if isinstance(given, int | float) else tuple(given)
    if len(pair) != 2 or not all(width > 0 for width in pair):
        raise ModelError(f"bandwidth: expected a positive number or two, got {given}")
    return float(pair[0]), float(pair[1])


def _optimal(distance: Floats, side: NDArray[np.bool_], kernel: str, order: int) -> float:
    """Bandwidth of one side: (V f / (2 p n (B F^(p+1))^2))^(1 / (2p + 1))."""
    reach = float(np.abs(distance[side]).max())
    nearest = float(np.sort(np.abs(distance[side]))[min(int(side.sum()) - 1, 20 + order)])
    centre, spread = float(distance.mean()), float(distance.std(ddof=1))
    pilot_order = order + 1
    normal = _normal_derivative(-centre / spread, pilot_order) / spread ** (pilot_order + 1)
    level = _normal_derivative(-centre / spread, 0) / spread
    pilot = _plug_in(level, normal, len(distance), kernel, pilot_order)
    pilot = float(np.clip(pilot, nearest, reach))
    level = _density(distance, side, pilot, kernel, pilot_order).value
    slope = _density(distance, side, pilot, kernel, pilot_order, derivative=order + 1).value
    if level <= 0:
        raise ModelError(
            "the density at the cutoff is estimated as zero or negative; give a bandwidth"
        )
    return float(np.clip(_plug_in(level, slope, len(distance), kernel, order), nearest, reach))


def _plug_in(level: float, derivative: float, n: int, kernel: str, order: int) -> float:
    bias, variance = _constants(kernel, order)
    bias *= derivative / math.factorial(order + 1)
    if bias == 0:
        return math.inf
    return float((variance * level / (2 * order * n * bias**2)) ** (1 / (2 * order + 1)))


def _constants(kernel: str, order: int) -> tuple[float, float]:
    """Bias and variance constants of the slope at a boundary, on [0, 1] (CJM)."""
    u = (np.arange(GRID) + 0.5) / GRID
    weighted = np.vander(u, order + 1, increasing=True) * KERNELS[kernel](u)[:, None] / GRID
    solve = linalg.inv(weighted.T @ np.vander(u, order + 1, increasing=True))
    bias = solve[1] @ (weighted.T @ u ** (order + 1))
    tail = np.cumsum((weighted @ solve[1])[::-1])[::-1]
    return float(bias), float((tail**2).sum() / GRID)


def _normal_derivative(z: float, times: int) -> float:
    """The derivative of that order of the standard normal density at ``z``."""
    hermite = np.polynomial.hermite_e.hermeval(z, np.eye(times + 1)[times])
    return float((-1) ** times * hermite * stats.norm.pdf(z))


def _check_support(distance: Floats, order: int, where: str) -> None:
    distinct = len(np.unique(distance))
    if distinct < order + 3:
        raise ModelError(
            f"rd density: only {distinct} distinct values {where}; at least {order + 3} are needed"
        )
