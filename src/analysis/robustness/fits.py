"""Coefficients of every specification from the moments of all rows."""

from dataclasses import dataclass

import numpy as np

from analysis.robustness import kernels
from analysis.robustness.batch import Designs
from analysis.robustness.moments import Floats, Ints, Moments


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Fits:
    """S specifications in D designs, every column divided by its ``scale`` (K,).

    Attributes
    ----------
    shrinkage
        (K,) share left of the squares from which the moments of each column were computed: what
        cancelled in taking out the dummies. Pivots are judged relative to it.
    coefficients
        (S, width) in the order of ``Designs.regressors``; the focus is first.
    residual_squares
        (S,), relative to the squares of the outcome.
    weights
        (D, width) of the focus coefficient on the instruments: ``a`` of the scores ``a' M_g c``.
    bread
        (D,) diagonal of the inverse that belongs to the focus.
    pivots, weakest
        (D,) smallest pivot and the column it belongs to.
    """

    scale: Floats
    shrinkage: Floats
    coefficients: Floats
    residual_squares: Floats
    weights: Floats
    bread: Floats
    pivots: Floats
    weakest: Ints


def fit_designs(moments: Moments, designs: Designs) -> Fits:
    """Ordinary or two-stage least squares of every specification on moments without dummies."""
    diagonal = np.maximum(np.diagonal(moments.total), 0.0)
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    total = moments.total / np.outer(scale, scale)
    n_specifications, n_designs = len(designs.order), len(designs.n_regressors)
    fits = Fits(
        scale=scale,
        shrinkage=diagonal / np.where(moments.squares > 0, moments.squares, 1.0),
        coefficients=np.zeros((n_specifications, designs.regressors.shape[1])),
        residual_squares=np.zeros(n_specifications),
        weights=np.zeros((n_designs, designs.instruments.shape[1])),
        bread=np.zeros(n_designs),
        pivots=np.zeros(n_designs),
        weakest=np.zeros(n_designs, dtype=np.int64),
    )
    estimator = kernels.two_stage if designs.two_stage.any() else kernels.least_squares
    estimator(
        total,
        fits.shrinkage,
        designs.regressors,
        designs.n_regressors,
        designs.instruments,
        designs.n_instruments,
        designs.first,
        designs.outcomes,
        fits.coefficients,
        fits.residual_squares,
        fits.weights,
        fits.bread,
        fits.pivots,
        fits.weakest,
    )
    return fits
