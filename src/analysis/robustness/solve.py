"""Thousands of least-squares specifications from one set of moments.

A specification is an outcome, a focus regressor and a set of controls, with instruments if it is
estimated by two-stage least squares. Its coefficients solve a small system cut from the moments
of all rows. With A the moments of its regressors and ``a = A^-1 e`` for the focus, the score of the
focus coefficient in cluster g is ``s_g = a' M_g c`` with c = (1, -b) on outcome and regressors, and
every clustered variance is a quadratic form in the scores. No row is read again, except for
heteroskedastic and two-way clustered errors and for near-singular designs.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from analysis.models.covariance import ROUNDING
from analysis.robustness.batch import Batch, Designs, check_batch, group_by_design
from analysis.robustness.fits import Fits, fit_designs
from analysis.robustness.moments import Floats, Ints, Moments, without_dummies
from analysis.robustness.refine import NOTHING_LEFT, Flags, refine
from analysis.robustness.threads import one_blas_thread
from analysis.robustness.variances import (
    Errors,
    check_errors,
    cluster_count,
    parameter_factor,
    variances_from_moments,
)

__all__ = ["Batch", "solve"]

CONFIDENCE_LEVEL = 0.95


@one_blas_thread
def solve(
    moments: Moments, batch: Batch, *, vcov: str = "cluster", kernel: Floats | None = None
) -> pd.DataFrame:
    """Estimate every specification of ``batch``.

    Parameters
    ----------
    vcov
        ``"cluster"`` (two-way, V1 + V2 - V12, when the moments know a second cluster),
        ``"conley"`` with ``kernel`` (G, G), the symmetric weights of pairs of clusters in the order
        of ``moments.clusters`` (Conley 1999: ``s' K s``, with the factor of one-way clusters),
        ``"hc0"``, ``"hc1"`` or ``"classical"``. All follow :mod:`analysis.models`.

    Returns
    -------
    DataFrame
        One row per specification in the order of the batch: estimate, std_error, statistic,
        p_value, ci_low, ci_high (95 %), n_obs, n_clusters (missing without clusters; the smaller of
        two), df of the t distribution, r_squared and partial_r_squared of the focus (missing for
        2SLS), within_r_squared (missing without effects and for 2SLS), flag.

        ``flag`` is empty, or says why numbers are missing (``no degrees of freedom``,
        ``not identified``, ``no variation: name``, ``collinear: name``; and only errors are missing
        with ``too few clusters`` and ``variance not positive``: negative, or zero but for rounding,
        as where the focus varies within one cluster only), or warns about numbers that are there:
        ``near singular`` and ``nearly exact fit`` were estimated from the rows by QR and are
        accurate, unless ``without rows`` follows: then digits are lost.

    Raises
    ------
    ModelError
        If the batch does not fit the moments, or the moments do not serve ``vcov``.
    """
    errors = Errors(vcov, kernel)
    check_errors(moments, errors)
    check_batch(moments, batch)
    within = without_dummies(moments)
    designs = group_by_design(batch)
    fits = fit_designs(within, designs)
    variances = variances_from_moments(within, designs, fits, errors)
    flags = _flags(within, designs, fits)
    missing = refine(within, designs, fits, variances, flags, errors)
    columns = _numbers(within, designs, fits, variances, missing, flags, errors)
    back = np.argsort(designs.order)
    return pd.DataFrame({name: values[back] for name, values in columns.items()})


def _flags(moments: Moments, designs: Designs, fits: Fits) -> Flags:
    """(S,) why a specification cannot be estimated whatever the accuracy; empty for the others."""
    flags = np.full(len(designs.order), "", dtype=object)
    constant = fits.shrinkage <= NOTHING_LEFT
    for s in np.flatnonzero(constant[designs.outcomes]):
        flags[s] = f"no variation: {moments.columns[designs.outcomes[s]]}"
    design = designs.of_specification
    flags[(designs.n_instruments < designs.n_regressors)[design]] = "not identified"
    left_by_first_stage = moments.n_obs - moments.n_parameters - designs.n_instruments[design]
    flags[np.minimum(left_by_first_stage, _remaining(moments, designs)) <= 0] = (
        "no degrees of freedom"
    )
    return flags


def _remaining(moments: Moments, designs: Designs) -> Ints:
    """(S,) n - K."""
    n_parameters = moments.n_parameters + designs.n_regressors
    return (moments.n_obs - n_parameters)[designs.of_specification]


def _numbers(
    moments: Moments,
    designs: Designs,
    fits: Fits,
    variances: Floats,
    missing: NDArray[np.bool_],
    flags: Flags,
    errors: Errors,
) -> dict[str, NDArray]:
    """The columns of the result, in the units of the data and the order of the designs."""
    n_clusters = cluster_count(moments, errors)
    remaining = _remaining(moments, designs)
    rounding = ROUNDING * fits.bread[designs.of_specification] * fits.residual_squares
    uncertain = missing | ~(variances > np.maximum(rounding, 0))
    variances = variances * parameter_factor(errors, moments.n_obs, remaining)
    flags[uncertain & ~missing] = "variance not positive"
    if n_clusters is not None and n_clusters < 2:
        flags[~missing] = "too few clusters"
        uncertain[:] = True
    focus = designs.regressors[designs.of_specification, 0]
    unit = fits.scale[designs.outcomes] / fits.scale[focus]
    estimate = np.where(missing, np.nan, fits.coefficients[:, 0] * unit)
    std_error = np.sqrt(np.where(uncertain, np.nan, variances)) * unit
    df = remaining if n_clusters is None else np.full(len(remaining), n_clusters - 1)
    return {
        **_inference(estimate, std_error, df),
        "n_obs": np.full(len(df), moments.n_obs),
        "n_clusters": np.full(len(df), np.nan if n_clusters is None else n_clusters),
        "df": np.where(df > 0, df, np.nan),
        **_r_squared(moments, designs, fits, missing),
        "flag": flags,
    }


def _inference(estimate: Floats, std_error: Floats, df: Ints) -> dict[str, Floats]:
    """Statistic, p-value and interval (S,) from the t distribution."""
    statistic = estimate / std_error
    distinct, which = np.unique(df, return_inverse=True)
    quantile = special.stdtrit(np.where(distinct > 0, distinct, np.nan), (1 + CONFIDENCE_LEVEL) / 2)
    half_width = quantile[which] * std_error
    return {
        "estimate": estimate,
        "std_error": std_error,
        "statistic": statistic,
        "p_value": 2 * special.stdtr(df.astype(np.float64), -np.abs(statistic)),
        "ci_low": estimate - half_width,
        "ci_high": estimate + half_width,
    }


def _r_squared(
    moments: Moments, designs: Designs, fits: Fits, missing: NDArray[np.bool_]
) -> dict[str, Floats]:
    """Shares of variance explained (S,), without a meaning in two stages.

    The partial one is what the focus explains of what the other regressors leave.
    """
    design = designs.of_specification
    undefined = missing | designs.two_stage[design]
    residual = np.where(undefined, np.nan, fits.residual_squares)
    total = np.where(moments.total_squares > 0, moments.total_squares, np.nan)
    share = (fits.scale**2 / total)[designs.outcomes]
    explained = fits.coefficients[:, 0] ** 2
    left = residual * np.where(undefined, np.nan, fits.bread[design])
    return {
        "r_squared": 1 - residual * share,
        "within_r_squared": 1 - residual if moments.absorbed else np.full(len(design), np.nan),
        "partial_r_squared": explained / (explained + left),
    }
