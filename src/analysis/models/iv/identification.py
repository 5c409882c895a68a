"""Weak instruments: the Kleibergen-Paap statistic and the Anderson-Rubin test and set."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg

from analysis.models.iv.confidence_sets import accepted_intervals
from analysis.models.iv.reduced_form import ReducedForm

Floats = NDArray[np.float64]


def kleibergen_paap(first_stage: ReducedForm) -> float:
    """Wald statistic that the first stage has less than full rank (Kleibergen and Paap 2006).

    Their rk with the smallest singular value, the coefficients scaled to canonical
    correlations. Asymptotically chi-squared with l - m + 1 degrees of freedom for l instruments and
    m endogenous regressors. With one endogenous regressor it is the Wald statistic of the first
    stage; under homoskedasticity l times the statistic of Cragg and Donald.
    """
    m = first_stage.coefficients.shape[1]
    of_instruments = linalg.cholesky(first_stage.cross_product)
    of_outcomes = linalg.inv(linalg.cholesky(first_stage.variation))
    scaled = of_instruments @ first_stage.coefficients @ of_outcomes
    rotation = np.kron(of_outcomes.T, of_instruments)
    covariance = rotation @ first_stage.covariance @ rotation.T
    left, _, right = linalg.svd(scaled)
    left, right = left[:, m - 1 :], right[m - 1 :].T
    selection = np.kron(right.T, left.T)
    gap = selection @ scaled.T.ravel()
    return float(gap @ linalg.solve(selection @ covariance @ selection.T, gap, assume_a="sym"))


def anderson_rubin(reduced: ReducedForm, null: Floats) -> float:
    """Wald statistic that the instruments do not explain ``y - Y null`` (Anderson and Rubin 1949).

    ``reduced`` has the outcome first and the endogenous regressors after it, as many as ``null``
    (m,). Chi-squared with l degrees of freedom when ``null`` is true, however weak the instruments.
    """
    n_instruments = len(reduced.coefficients)
    contrast = np.concatenate([[1.0], -null])
    combine = np.kron(contrast, np.eye(n_instruments))
    gap = reduced.coefficients @ contrast
    return float(gap @ linalg.solve(combine @ reduced.covariance @ combine.T, gap, assume_a="sym"))


def anderson_rubin_set(reduced: ReducedForm, critical: float) -> pd.DataFrame:
    """Every value of one endogenous coefficient that :func:`anderson_rubin` does not reject.

    ``critical`` is the value of the Wald statistic beyond which it rejects. The set ends where
    ``critical V(b) - d(b) d(b)'`` is singular, with ``d(b)`` the reduced form of ``y - b x`` and
    ``V(b)`` its covariance: a quadratic eigenvalue problem, solved exactly. Columns ``lower,
    upper``.
    """
    # In units where both first-stage and reduced-form coefficients have size one.
    sizes = np.sqrt(np.diag(reduced.variation))
    size = len(reduced.coefficients)
    d0, d1 = (reduced.coefficients / sizes).T
    whiten = linalg.inv(linalg.cholesky(reduced.covariance[:size, :size] / sizes[0] ** 2)).T
    d0, d1 = whiten @ d0, whiten @ d1
    stretch = np.kron(np.diag(1 / sizes), whiten)
    joint = critical * (stretch @ reduced.covariance @ stretch.T)
    v00, v01, v11 = joint[:size, :size], joint[:size, size:], joint[size:, size:]
    constant = np.block([[v00, d0[:, None]], [d0[None], np.ones((1, 1))]])
    linear = np.block([[-v01 - v01.T, -d1[:, None]], [-d1[None], np.zeros((1, 1))]])
    square = np.block([[v11, np.zeros((size, 1))], [np.zeros((1, size + 1))]])
    roots = _real_quadratic_eigenvalues(constant, linear, square)
    unit = sizes[0] / sizes[1]

    def accepts(value: float) -> bool:
        return anderson_rubin(reduced, np.array([value])) <= critical

    return accepted_intervals(roots * unit, accepts)


def _real_quadratic_eigenvalues(constant: Floats, linear: Floats, square: Floats) -> Floats:
    """Real b where ``constant + b linear + b^2 square`` is singular, by linearisation."""
    size = len(constant)
    identity, zero = np.eye(size), np.zeros((size, size))
    left = np.block([[zero, identity], [-constant, -linear]])
    right = np.block([[identity, zero], [zero, square]])
    numerator, denominator = linalg.eig(left, right, right=False, homogeneous_eigvals=True)
    finite = np.abs(denominator) > 1e-12 * np.hypot(np.abs(numerator), np.abs(denominator))
    values = numerator[finite] / denominator[finite]
    real = np.abs(values.imag) <= 1e-7 * (1 + np.abs(values.real))
    return np.asarray(values.real[real & np.isfinite(values.real)])


def is_positive_definite(covariance: Floats) -> bool:
    """Whether ``covariance`` (k, k) can be inverted, whatever the units of its coefficients."""
    variances = np.diag(covariance)
    if not (variances > 0).all():
        return False
    scale = np.sqrt(variances)
    return bool(linalg.eigvalsh(covariance / np.outer(scale, scale))[0] > 1e-10)
