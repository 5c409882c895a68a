"""Tests after GMM on a dynamic panel: serial correlation and over-identification."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, stats

from analysis.models.dynamic.equations import Rows
from analysis.models.dynamic.instruments import InstrumentBlock
from analysis.models.dynamic.linear_gmm import (
    GmmStep,
    Moments,
    invert_weight,
    orthonormal_basis,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Differences:
    """First differences whose residuals are tested: ``outcome`` (n,) and ``regressors`` (n, k)."""

    rows: Rows
    outcome: Floats
    regressors: Floats


def serial_correlation(
    moments: Moments,
    step: GmmStep,
    covariance: Floats,
    differences: Differences,
    order: int,
    scored: NDArray[np.bool_],
) -> float:
    """Arellano and Bond (1991, eq. 8): the m statistic of ``order``, asymptotically normal.

    The residuals are first differences whatever transformation the estimator used. Only rows where
    ``scored`` (n,) is true enter the covariance of coefficients and residuals. NaN when no unit has
    differences that far apart.
    """
    rows = differences.rows
    errors = differences.outcome - differences.regressors @ step.coefficients
    wide = np.zeros((moments.n_units, rows.n_periods))
    wide[rows.unit, rows.period] = errors
    past = np.zeros_like(wide)
    past[:, order:] = wide[:, : max(rows.n_periods - order, 0)]
    by_unit = (wide * past).sum(axis=1)
    if not (wide * past).any():
        return math.nan
    slope = past[rows.unit, rows.period] @ differences.regressors
    scores = moments.unit_sums(np.where(scored, step.residuals, 0.0))
    variance = by_unit @ by_unit - 2 * slope @ step.influence @ (scores.T @ by_unit)
    variance += slope @ covariance @ slope
    return float(by_unit.sum() / math.sqrt(variance)) if variance > 0 else math.nan


def difference_in_hansen(
    moments: Moments, blocks: list[InstrumentBlock], errors: Floats, hansen: float
) -> pd.DataFrame:
    """How much each block of instruments adds to the Hansen statistic (Eichenbaum et al. 1988).

    The statistic without the block uses its part of the same moment covariance, so that it cannot
    exceed the full one. A block that the coefficients need to be identified is left out.

    Returns
    -------
    DataFrame
        ``term, equation, statistic, df, p_value``, one row per testable block.
    """
    # Everything in the coordinates of the full basis: l numbers in place of n.
    regressors = moments.instruments.T @ moments.regressors
    outcome = moments.instruments.T @ moments.outcome
    covariance = moments.unit_sums(errors).T @ moments.unit_sums(errors)
    coordinates = [moments.instruments.T @ block.values for block in blocks]
    rows = []
    for index, block in enumerate(blocks):
        others = [columns for place, columns in enumerate(coordinates) if place != index]
        if not any(columns.any() for columns in others):
            continue
        basis = orthonormal_basis(np.hstack(others))
        df = len(basis) - basis.shape[1]
        if df == 0 or unidentified(basis.T @ regressors, moments.regressors):
            continue
        weight, _ = invert_weight(basis.T @ covariance @ basis)
        reduced = _minimum(basis.T @ outcome, basis.T @ regressors, weight)
        statistic = hansen - reduced
        rows.append((block.name, block.equation, statistic, df, stats.chi2.sf(statistic, df)))
    return pd.DataFrame(rows, columns=["term", "equation", "statistic", "df", "p_value"])


def _minimum(outcome: Floats, regressors: Floats, weight: Floats) -> float:
    """Least ``g' W g`` with ``g`` the moments ``outcome`` (l,) less ``regressors`` (l, k) b."""
    weighted = regressors.T @ weight
    coefficients = linalg.solve(weighted @ regressors, weighted @ outcome, assume_a="sym")
    gap = outcome - regressors @ coefficients
    return float(gap @ weight @ gap)


def unidentified(projected: Floats, regressors: Floats) -> list[int]:
    """Positions of regressors whose projection on the instruments adds nothing to those before.

    ``projected`` (l, k) are the coordinates of ``regressors`` (n, k) in an orthonormal basis.
    """
    norms = np.linalg.norm(regressors, axis=0)
    basis = np.empty((len(projected), 0))
    failing = []
    for index, column in enumerate((projected / np.where(norms > 0, norms, 1.0)).T):
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        size = float(np.linalg.norm(rest))
        if size < 1e-8:
            failing.append(index)
        else:
            basis = np.column_stack([basis, rest / size])
    return failing
