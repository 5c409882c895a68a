"""Direct, indirect and total impacts (LeSage and Pace 2009, section 2.7).

With ``V = (I - rho W)^-1`` the derivative of the outcomes with respect to regressor r is
``S = V (b_r I + t_r W)``, ``t_r`` the coefficient of its spatial lag. The average direct impact is
``tr(S)/n``, the total ``1'S1/n``, the indirect the difference; n counts rows, so with an unbalanced
panel they are averages over what was observed.

Standard errors: ``"delta"`` with the exact derivatives, or ``"simulation"``, the standard deviation
over draws of the parameters from their normal distribution, with percentile intervals. Draws
where ``I - rho W`` is not invertible or rho lies outside its interval are left out and counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse, stats
from scipy.sparse.linalg import splu

from analysis.models.spatial.determinants import LogDeterminant, log_determinant, multiplier
from analysis.models.spatial.sample import SpatialSample
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

METHODS = ("delta", "simulation", "none")
KINDS = ("direct", "indirect", "total")


@dataclass(frozen=True, slots=True)
class ImpactOptions:
    """How impacts get standard errors; ``draws`` and ``seed`` are for simulation only."""

    method: str
    draws: int
    seed: int

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ModelError(f"impacts: {self.method!r} is not one of {', '.join(METHODS)}")
        if self.draws < 100:
            raise ModelError(f"draws: expected 100 or more, got {self.draws}")


def impact_table(
    sample: SpatialSample,
    terms: Sequence[str],
    values: Floats,
    covariance: Floats,
    rho: str | None,
    options: ImpactOptions,
) -> pd.DataFrame:
    """One row per regressor; ``term`` and, for direct, indirect and total, ``{kind}``,
    ``{kind}_std_error``, ``{kind}_statistic``, ``{kind}_p_value``, ``{kind}_ci_low``,
    ``{kind}_ci_high``.

    ``values`` (k,) and ``covariance`` (k, k) are those of ``terms``; ``rho`` is the term of the
    spatial lag of the outcome, None without one.
    """
    names = [name for name in terms if _is_regressor(name, terms, rho)]
    first = np.array([terms.index(name) for name in names], dtype=int)
    second = [terms.index(f"W.{name}") if f"W.{name}" in terms else -1 for name in names]
    place = None if rho is None else list(terms).index(rho)
    layout = _Layout(first, np.array(second, dtype=int), place)
    sums = _sums(sample, 0.0 if place is None else float(values[place]))
    point = layout.impacts(values, sums)
    if options.method == "delta":
        gradient = layout.gradient(values, sums)
        variance = np.einsum("ark,kl,arl->ar", gradient, covariance, gradient)
        errors = np.sqrt(np.where(variance > 0, variance, np.nan))
        half = stats.norm.ppf(0.975) * errors
        low, high = point - half, point + half
    else:
        draws = _draws(sample, layout, values, covariance, options)
        errors = draws.std(axis=0, ddof=1)
        low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    table = {"term": names}
    for place_, kind in enumerate(KINDS):
        statistic = point[place_] / errors[place_]
        table |= {
            kind: point[place_],
            f"{kind}_std_error": errors[place_],
            f"{kind}_statistic": statistic,
            f"{kind}_p_value": 2 * stats.norm.sf(np.abs(statistic)),
            f"{kind}_ci_low": low[place_],
            f"{kind}_ci_high": high[place_],
        }
    return pd.DataFrame(table)


def _is_regressor(name: str, terms: Sequence[str], rho: str | None) -> bool:
    lag = name.startswith("W.") and name.removeprefix("W.") in terms
    return not lag and name not in ("Intercept", rho)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Traces and sums over all entries, per row, of V, WV, and their derivatives in rho."""

    trace: Floats  # (2,): V, G = WV
    total: Floats
    trace_slope: Floats  # (2,): dV/drho = VG, dG/drho = GG
    total_slope: Floats


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where coefficients stand: own (r,), spatially lagged (r,) or -1, and rho or None."""

    own: NDArray[np.int64]
    lagged: NDArray[np.int64]
    rho: int | None

    def coefficients(self, values: Floats) -> Floats:
        """(r, 2): own and lagged coefficient, zero where there is no lag."""
        lagged = np.where(self.lagged >= 0, values[self.lagged], 0.0)
        return np.column_stack([values[self.own], lagged])

    def impacts(self, values: Floats, sums: _Sums) -> Floats:
        """(3, r): direct, indirect, total."""
        pairs = self.coefficients(values)
        direct, total = pairs @ sums.trace, pairs @ sums.total
        return np.array([direct, total - direct, total])

    def gradient(self, values: Floats, sums: _Sums) -> Floats:
        """(3, r, k): derivatives of the impacts in the parameters."""
        result = np.zeros((3, len(self.own), len(values)))
        per_kind = (sums.trace, sums.total - sums.trace, sums.total)
        slopes = (
            sums.trace_slope,
            sums.total_slope - sums.trace_slope,
            sums.total_slope,
        )
        rows, has_lag = np.arange(len(self.own)), self.lagged >= 0
        pairs = self.coefficients(values)
        for kind in range(3):
            result[kind, rows, self.own] = per_kind[kind][0]
            result[kind, rows[has_lag], self.lagged[has_lag]] = per_kind[kind][1]
            if self.rho is not None:
                result[kind, :, self.rho] = pairs @ slopes[kind]
        return result


def _sums(sample: SpatialSample, rho: float) -> _Sums:
    sums = np.zeros((4, 2))
    inverses = multiplier(sample, rho).inverses
    for inverse, block in zip(inverses, sample.blocks, strict=True):
        lagged = block.weights @ inverse
        right, ones = inverse.sum(axis=1), np.ones(len(inverse))
        left_inverse, left_lagged = ones @ inverse, ones @ lagged
        right_lagged = lagged.sum(axis=1)
        one_block = [
            [np.trace(inverse), np.trace(lagged)],
            [right.sum(), right_lagged.sum()],
            [(inverse * lagged.T).sum(), (lagged * lagged.T).sum()],
            [left_inverse @ right_lagged, left_lagged @ right_lagged],
        ]
        sums += len(block.rows) * np.array(one_block)
    return _Sums(*(sums / len(sample.outcome)))


def _draws(
    sample: SpatialSample,
    layout: _Layout,
    values: Floats,
    covariance: Floats,
    options: ImpactOptions,
) -> Floats:
    """(draws, 3, r) simulated impacts."""
    generator = np.random.default_rng(options.seed)
    draws = generator.multivariate_normal(values, covariance, options.draws, method="eigh")
    if layout.rho is None:
        sums = _sums(sample, 0.0)
        return np.array([layout.impacts(draw, sums) for draw in draws])
    determinant = log_determinant(sample, "eigenvalues")
    rho = draws[:, layout.rho]
    draws = draws[(rho > determinant.lowest) & (rho < determinant.highest)]
    if len(draws) < options.draws / 2:
        raise ModelError(
            f"impacts: {options.draws - len(draws)} of {options.draws} draws of rho lie outside "
            "its interval; use impacts: delta"
        )
    return np.array(
        [
            layout.impacts(draw, _sums_for_levels(sample, determinant, float(draw[layout.rho])))
            for draw in draws
        ]
    )


def _sums_for_levels(sample: SpatialSample, determinant: LogDeterminant, rho: float) -> _Sums:
    """Traces from eigenvalues and sums by one sparse solution; no derivatives."""
    assert determinant.eigenvalues is not None
    trace, total = np.zeros(2), np.zeros(2)
    for values, block in zip(determinant.eigenvalues, sample.blocks, strict=True):
        periods, size = len(block.rows), block.weights.shape[0]
        shares = 1 / (1 - rho * values)
        trace += periods * np.array([shares.real.sum(), (values * shares).real.sum()])
        system = sparse.csc_matrix(sparse.eye_array(size) - rho * block.weights)
        right = splu(system).solve(np.ones(size))
        total += periods * np.array([right.sum(), (block.weights @ right).sum()])
    count = len(sample.outcome)
    return _Sums(trace / count, total / count, np.zeros(2), np.zeros(2))
