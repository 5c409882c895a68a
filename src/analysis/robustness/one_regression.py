"""One least-squares specification on moments: what the resampling methods start from.

With W the controls and dummies, ``c_y`` and ``c_x`` are the vectors over all K columns that turn
the rows into the residuals of outcome and focus on W. Then (Frisch, Waugh and Lovell) the estimate
is ``c_x' M c_y / c_x' M c_x``, the score of cluster g for the focus ``c_x' M_g (c_y - b c_x)``, and
the residuals of the regression that imposes the coefficient r are those of ``c_y - r c_x``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from analysis.models import ModelError
from analysis.robustness.kernels import factorise, solve_lower, solve_upper
from analysis.robustness.moments import Moments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SMALLEST_PIVOT = 1e-11
#: Squares of scores that are so small a share of those of focus times outcome are rounding.
NO_SCORES = 1e-18


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Regression:
    """One specification with its clustered error under the convention of :mod:`analysis.models`.

    ``focus`` and ``outcome`` are positions among the columns, ``others`` (k - 1,) those of controls
    and dummies. ``outcome_residual`` and ``focus_residual`` (K,) are ``c_y`` and ``c_x``,
    ``focus_squares`` is ``c_x' M c_x`` and ``leverages`` (G, K) are ``M_g c_x``;
    ``inverse_others`` (k - 1, k - 1) is the inverse of ``W'W``. ``factor`` is the small-sample
    factor of the clustered variance and ``n_parameters`` the K of the convention. ``std_error`` is
    missing where the scores of every cluster are zero: the focus varies in one cluster only, say.
    """

    outcome: int
    focus: int
    others: Ints
    outcome_residual: Floats
    focus_residual: Floats
    focus_squares: float
    leverages: Floats
    inverse_others: Floats
    estimate: float
    std_error: float
    factor: float
    n_parameters: int
    df_residual: int

    @property
    def statistic(self) -> float:
        """Estimate over clustered standard error."""
        return self.estimate / self.std_error

    def require_error(self) -> None:
        """`ModelError` if there is no standard error to test with."""
        if math.isnan(self.std_error):
            raise ModelError(
                "there is no clustered error: the scores add up to zero in every cluster, as when "
                "the focus varies within one cluster only or the outcome is fitted exactly"
            )


def regression_on(
    moments: Moments, outcome: str, focus: str, controls: Sequence[str] = ()
) -> Regression:
    """The regression of ``outcome`` on ``focus``, ``controls`` and the dummies of the moments.

    Raises ModelError if a column is unknown or used twice, a control is collinear, the focus does
    not vary given the controls, or there are fewer than two clusters or no degrees of freedom.
    """
    used = [outcome, focus, *controls]
    repeated = sorted({name for name in used if used.count(name) > 1})
    if repeated:
        raise ModelError(f"columns used more than once in a specification: {', '.join(repeated)}")
    places = moments.index(used)
    return regression_at(moments, int(places[0]), int(places[1]), places[2:])


def regression_at(moments: Moments, outcome: int, focus: int, controls: Ints) -> Regression:
    """`regression_on` by positions."""
    moments.require("errors only", "a clustered error")
    others = np.concatenate([moments.dummies, controls]).astype(np.int64)
    n_parameters = moments.n_absorbed + len(others) + 1
    df_residual = moments.n_obs - n_parameters
    n_clusters = len(moments.clusters)
    if n_clusters < 2 or df_residual < 1:
        raise ModelError(
            f"{moments.n_obs} rows in {n_clusters} clusters cannot give {n_parameters} parameters "
            "and their clustered errors; at least two clusters and one row more are needed"
        )
    inverse = _inverse(moments, others)
    residuals = np.zeros((len(moments.columns), 2))
    residuals[others] = -inverse @ moments.total[others][:, [outcome, focus]]
    residuals[[outcome, focus], [0, 1]] = 1.0
    outcome_residual, focus_residual = residuals.T
    leverages = moments.blocks @ focus_residual
    projected = leverages.sum(axis=0)
    squares = float(focus_residual @ projected)
    _check_pivot(moments, focus, squares)
    estimate = float(outcome_residual @ projected) / squares
    scores = leverages @ (outcome_residual - estimate * focus_residual)
    score_squares = float(scores @ scores)
    known = score_squares > NO_SCORES * squares * moments.squares[outcome]
    factor = n_clusters / (n_clusters - 1) * (moments.n_obs - 1) / df_residual
    return Regression(
        outcome=outcome,
        focus=focus,
        others=others,
        outcome_residual=outcome_residual,
        focus_residual=focus_residual,
        focus_squares=squares,
        leverages=leverages,
        inverse_others=inverse,
        estimate=estimate,
        std_error=math.sqrt(factor * score_squares) / squares if known else math.nan,
        factor=factor,
        n_parameters=n_parameters,
        df_residual=df_residual,
    )


def _inverse(moments: Moments, others: Ints) -> Floats:
    """Inverse of the moments of ``others``; a collinear column is an error, by name."""
    if not len(others):
        return np.empty((0, 0))
    scale = np.sqrt(moments.squares[others])
    scale = np.where(scale > 0, scale, 1.0)
    matrix = moments.total[np.ix_(others, others)] / np.outer(scale, scale)
    inverse, pivots = inverse_and_pivots(matrix)
    small = np.flatnonzero(~(pivots > SMALLEST_PIVOT))
    if len(small):
        raise ModelError(
            f"{moments.columns[others[small[0]]]} cannot be a control: it does not vary within the "
            "absorbed effects, or is a combination of the dummies and the controls before it. "
            "Leave it out"
        )
    return np.asarray(inverse / np.outer(scale, scale))


@njit(cache=True)
def inverse_and_pivots(matrix: Floats) -> tuple[Floats, Floats]:
    """Inverse of a positive definite matrix and the pivots of its factorisation.

    A pivot that is not positive is zero, and the inverse is then of no use. Compiled, because
    threads of the linear algebra library cost more than so small a matrix.
    """
    k = len(matrix)
    factor, inverse = matrix.copy(), np.eye(k)
    factorise(factor, k)
    for row in inverse:
        solve_lower(factor, k, row)
        solve_upper(factor, k, row)
    return inverse, np.diag(factor) ** 2


def _check_pivot(moments: Moments, focus: int, squares: float) -> None:
    if not squares > SMALLEST_PIVOT * moments.squares[focus]:
        raise ModelError(
            f"{moments.columns[focus]} cannot be the focus: it does not vary given the absorbed "
            "effects, the dummies and the controls"
        )
