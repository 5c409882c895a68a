"""Linear GMM on stacked moments, one and two steps, for errors correlated within units."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

RANK_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True)
class Moments:
    """``outcome`` (n,), ``regressors`` (n, k), ``instruments`` (n, l) and ``unit`` (n,) codes.

    The instruments are an orthonormal basis of what the specification lists: GMM does not change
    under a change of basis, rounding and singular weights do.
    """

    outcome: Floats
    regressors: Floats
    instruments: Floats
    unit: Indices
    n_units: int

    def unit_sums(self, errors: Floats) -> Floats:
        """``Z_i' e_i`` for every unit, (units, l)."""
        by_row = self.instruments * errors[:, None]
        sums = sparse.csr_matrix(
            (np.ones(len(self.unit)), (self.unit, np.arange(len(self.unit)))),
            shape=(self.n_units, len(self.unit)),
        )
        return np.asarray(sums @ by_row)


@dataclass(frozen=True, slots=True)
class GmmStep:
    """Solution for one weight: ``coefficients`` (k,), ``weight`` (l, l), ``bread`` (k, k).

    ``bread`` is the inverse of ``X'Z W Z'X``, ``influence`` (k, l) is ``bread X'Z W`` so that
    coefficients minus truth are ``influence Z'u``.
    """

    coefficients: Floats
    weight: Floats
    bread: Floats
    influence: Floats
    residuals: Floats


def orthonormal_basis(instruments: Floats) -> Floats:
    """Basis (n, rank) of the columns of ``instruments`` (n, l), whatever their units."""
    norms = np.linalg.norm(instruments, axis=0)
    scaled = instruments[:, norms > 0] / norms[norms > 0]
    if not scaled.shape[1]:
        raise ModelError("no instrument has a value in the rows used; check the lags")
    # Pivoting only the triangle, which is small, gives the same rank many times faster.
    basis, triangle = linalg.qr(scaled, mode="economic")
    turn, triangle, _ = linalg.qr(triangle, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    return np.asarray(basis @ turn[:, diagonal > RANK_TOLERANCE * diagonal[0]])


def invert_weight(matrix: Floats) -> tuple[Floats, int]:
    """Inverse of a covariance of moments and its rank; the pseudo-inverse when it is singular."""
    inverse, rank = linalg.pinvh(matrix, rtol=RANK_TOLERANCE, return_rank=True)
    return inverse, int(rank)


def solve_step(moments: Moments, weight: Floats) -> GmmStep:
    """Minimise ``g' W g`` with ``g = Z'(y - X b)``."""
    cross = moments.instruments.T @ moments.regressors
    weighted = cross.T @ weight
    bread = linalg.inv(weighted @ cross)
    influence = bread @ weighted
    coefficients = influence @ (moments.instruments.T @ moments.outcome)
    residuals = moments.outcome - moments.regressors @ coefficients
    return GmmStep(coefficients, weight, bread, influence, residuals)


def moment_covariance(moments: Moments, step: GmmStep) -> Floats:
    """Sum over units of ``Z_i' e_i e_i' Z_i``, (l, l)."""
    sums = moments.unit_sums(step.residuals)
    return sums.T @ sums


def robust_covariance(moments: Moments, step: GmmStep) -> Floats:
    """Sandwich covariance (k, k), robust to heteroskedasticity and correlation within units."""
    return step.influence @ moment_covariance(moments, step) @ step.influence.T


def windmeijer_covariance(moments: Moments, first: GmmStep, second: GmmStep) -> Floats:
    """Two-step covariance corrected for the estimated weight: Windmeijer (2005)."""
    errors = moments.unit_sums(first.residuals)
    gap = second.weight @ (moments.instruments.T @ second.residuals)
    drift = np.empty_like(second.bread)
    for index, column in enumerate(moments.regressors.T):
        shifted = moments.unit_sums(column)
        # The derivative of the moment covariance to coefficient `index`, with the sign reversed.
        derivative = shifted.T @ (errors @ gap) + errors.T @ (shifted @ gap)
        drift[:, index] = second.influence @ derivative
    robust = robust_covariance(moments, first)
    cross = drift @ second.bread
    return second.bread + cross + cross.T + drift @ robust @ drift.T


def criterion(moments: Moments, step: GmmStep, weight: Floats) -> float:
    """``g' W g`` at the coefficients of ``step`` under ``weight`` (l, l)."""
    moment = moments.instruments.T @ step.residuals
    return float(moment @ weight @ moment)
