"""Several outcomes on all instruments at once, with the joint covariance of the coefficients."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from analysis.models.absorption import absorb
from analysis.models.covariance import cluster_meat
from analysis.models.design import Design

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ReducedForm:
    """Excluded instruments' coefficients of m outcomes.

    ``coefficients`` (l, m); ``covariance`` (m l, m l), outcome by outcome; ``cross_product`` (l, l)
    of the excluded instruments and ``variation`` (m, m) of the outcomes, both net of the exogenous
    regressors and effects.
    """

    coefficients: Floats
    covariance: Floats
    cross_product: Floats
    variation: Floats


def reduced_form(design: Design, outcomes: Floats, vcov: str, n_parameters: int) -> ReducedForm:
    """Regress ``outcomes`` (n, m) on exogenous regressors, instruments and effects.

    The covariance follows :mod:`analysis.models`; ``n_parameters`` is K of these regressions.
    """
    columns = np.column_stack([outcomes, design.instruments, design.exogenous])
    within = absorb(columns, design.effects, design.weights) * np.sqrt(design.weights)[:, None]
    m, n_instruments = outcomes.shape[1], design.instruments.shape[1]
    net = net_of(within[:, : m + n_instruments], within[:, m + n_instruments :])
    left, right = net[:, :m], net[:, m:]
    basis, triangle = linalg.qr(right, mode="economic")
    influence = linalg.solve_triangular(triangle, basis.T).T
    coefficients = influence.T @ left
    errors = left - right @ coefficients
    bread = influence.T @ influence
    covariance = _joint(errors, influence, bread, design, vcov, n_parameters)
    return ReducedForm(coefficients, covariance, triangle.T @ triangle, left.T @ left)


def net_of(columns: Floats, regressors: Floats) -> Floats:
    """Residuals of ``columns`` (n, m) from least squares on ``regressors`` (n, 0..k)."""
    if not regressors.shape[1]:
        return columns
    basis = linalg.qr(regressors, mode="economic")[0]
    return np.asarray(columns - basis @ (basis.T @ columns))


def _joint(
    errors: Floats, influence: Floats, bread: Floats, design: Design, vcov: str, n_parameters: int
) -> Floats:
    n = len(errors)
    if vcov == "classical":
        return np.asarray(np.kron(errors.T @ errors / (n - n_parameters), bread), dtype=float)
    scores = np.hstack([influence * error[:, None] for error in errors.T])
    if vcov == "cluster":
        return cluster_meat(scores, design.clusters) * (n - 1) / (n - n_parameters)
    return scores.T @ scores * (n / (n - n_parameters) if vcov == "hc1" else 1.0)
