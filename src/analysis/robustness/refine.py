"""Specifications that the moments cannot give to full accuracy, estimated anew from the rows.

Moments square the condition number: with a smallest pivot p (the share of a column's squares that
the columns before it leave) they lose a factor 1 / p of the digits, QR on the rows only its root.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from analysis.robustness.batch import Designs
from analysis.robustness.fits import Fits
from analysis.robustness.moments import Floats, Ints, Moments
from analysis.robustness.variances import Errors, variances_from_scores

Flags = NDArray[np.object_]

NEAR_SINGULAR = 1e-5
NEARLY_EXACT = 1e-6
NOTHING_LEFT = 1e-12
COLLINEARITY_TOLERANCE = 1e-9
WITHOUT_ROWS = " without rows"
WARNINGS = ("near singular", "nearly exact fit")


def refine(
    moments: Moments,
    designs: Designs,
    fits: Fits,
    variances: Floats,
    flags: Flags,
    errors: Errors,
) -> NDArray[np.bool_]:
    """Replace, in place, the doubtful ones among specifications not flagged yet, and flag them.

    Returns which specifications (S,) have no estimate: those flagged before, and collinear ones.

    Doubtful are a pivot below ``NEAR_SINGULAR``, and a residual below ``NEARLY_EXACT`` of the
    squares of the outcome, whose sum of squares is a difference of nearly equal numbers.
    """
    exact = fits.residual_squares * fits.shrinkage[designs.outcomes] < NEARLY_EXACT
    near = (fits.pivots < NEAR_SINGULAR)[designs.of_specification]
    missing = flags != ""
    doubtful = (exact | near) & ~missing
    flags[doubtful] = np.where(near[doubtful], *WARNINGS)
    for design in np.unique(designs.of_specification[doubtful]).tolist():
        chosen = np.arange(designs.first[design], designs.first[design + 1])
        chosen = chosen[doubtful[chosen]]
        if moments.rows is not None:
            collinear = _from_rows(moments, designs, fits, variances, errors, design, chosen)
        else:
            collinear = int(fits.weakest[design]) if fits.pivots[design] < NOTHING_LEFT else None
            flags[chosen] += WITHOUT_ROWS
        if collinear is not None:
            reason = "no variation" if fits.shrinkage[collinear] < NOTHING_LEFT else "collinear"
            flags[chosen] = f"{reason}: {moments.columns[collinear]}"
            missing[chosen] = True
    return missing


def _from_rows(
    moments: Moments,
    designs: Designs,
    fits: Fits,
    variances: Floats,
    errors: Errors,
    design: int,
    chosen: Ints,
) -> int | None:
    """QR for the ``chosen`` specifications of a design; the first collinear column, if any."""
    rows = moments.rows
    assert rows is not None
    values = rows.values / fits.scale * np.sqrt(rows.weights)[:, None]
    columns = designs.regressors[design, : designs.n_regressors[design]]
    exogenous = designs.instruments[design, : designs.n_instruments[design]]
    basis, triangle = linalg.qr(values[:, exogenous], mode="economic")
    collinear = _first_collinear(triangle, exogenous, fits.shrinkage)
    if designs.two_stage[design] and collinear is None:
        projected = basis @ (basis.T @ values[:, columns])
        basis, triangle = linalg.qr(projected, mode="economic")
        collinear = _first_collinear(triangle, columns, fits.shrinkage)
    if collinear is not None:
        return collinear
    direction = basis @ linalg.solve_triangular(triangle, np.eye(len(columns))[0], trans="T")
    outcomes = values[:, designs.outcomes[chosen]]
    coefficients = linalg.solve_triangular(triangle, basis.T @ outcomes)
    residuals = outcomes - values[:, columns] @ coefficients
    bread = float(direction @ direction)
    fits.coefficients[chosen, : len(columns)] = coefficients.T
    fits.residual_squares[chosen] = (residuals**2).sum(axis=0)
    fits.bread[design] = bread
    if errors.vcov == "classical":
        variances[chosen] = bread * fits.residual_squares[chosen]
    else:
        scores = direction[:, None] * residuals
        variances[chosen] = variances_from_scores(moments, scores, errors)
    return None


def _first_collinear(triangle: Floats, columns: Ints, shrinkage: Floats) -> int | None:
    sizes = np.abs(np.diag(triangle)) * np.sqrt(shrinkage[columns])
    small = np.flatnonzero(sizes < COLLINEARITY_TOLERANCE)
    return int(columns[small[0]]) if len(small) else None
