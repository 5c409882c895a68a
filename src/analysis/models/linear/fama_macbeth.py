"""Fama and MacBeth (1973): the mean of one cross-sectional regression per period."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.design import Design
from analysis.models.estimates import Estimates, Facts, tabulate
from analysis.models.least_squares import solve_ols
from analysis.models.linear.covariances import KERNELS, kernel_autocovariance, resolve_lags
from analysis.models.linear.panel import Columns, check_choice, read_panel
from analysis.models.linear.results import residual_r_squared
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]

_DF = {"periods": lambda count: float(count - 1), "normal": lambda count: math.inf}


def fama_macbeth(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns,
    time: str,
    unit: str | None = None,
    lags: int | str = 0,
    kernel: str = "bartlett",
    small_sample: str = "full",
    df: str = "periods",
) -> Estimates:
    r"""Mean over periods of cross-sectional coefficients, and its standard error.

    .. math:: \bar b = \frac1T \sum_t b_t, \qquad
              \hat V = \frac{c}{T^2} \sum_{s,t} k(|s-t|) (b_s - \bar b)(b_t - \bar b)'

    (Fama and MacBeth 1973; Petersen 2009, eq. 11).

    Parameters
    ----------
    lags, kernel
        Autocovariances of the coefficients counted, as in
        :mod:`analysis.models.linear.covariances`; 0 is the original estimator.
    small_sample
        ``"full"`` (default): ``c = T/(T - 1)``; ``"none"``: ``c = 1``.
    df
        ``"periods"`` (default), T - 1, or ``"normal"``.

    Returns
    -------
    Estimates
        ``facts.r_squared`` is the mean over periods. ``details["periods"]``: the coefficients of
        each period, in order of time, one column per term.

    Raises
    ------
    ModelError
        If a period has too few rows or a collinear regressor, or there is only one period.
    """
    check_choice("small_sample", small_sample, ("full", "none"))
    check_choice("kernel", kernel, KERNELS)
    check_choice("df", df, tuple(_DF))
    panel = read_panel(frame, outcome=outcome, regressors=regressors, unit=unit, time=time)
    coefficients, r_squared = _by_period(panel, time)
    count = len(coefficients)
    if count < 2:
        raise ModelError(f"fama_macbeth needs at least 2 periods in {time!r}, got {count}")
    mean = coefficients.mean(axis=0)
    total = kernel_autocovariance(coefficients - mean, resolve_lags(lags, count), kernel)
    factor = count / (count - 1) if small_sample == "full" else 1.0
    facts = Facts(
        outcome=outcome,
        estimator="fama_macbeth",
        vcov="fama_macbeth",
        formula=panel.specification.formula,
        small_sample="T/(T - 1)" if small_sample == "full" else "none",
        n_obs=len(panel.outcome),
        n_dropped=panel.n_dropped,
        n_parameters=len(mean),
        n_units=None if panel.units is None else len(np.unique(panel.units)),
        n_periods=count,
        df_t=_DF[df](count),
        outcome_mean=float(panel.outcome.mean()),
        r_squared=float(r_squared.mean()),
    )
    estimates = tabulate(list(panel.terms), mean, factor * total / count**2, facts)
    details = {"periods": pd.DataFrame(coefficients, columns=list(panel.terms))}
    return replace(estimates, details=details)


def _by_period(panel: Design, time: str) -> tuple[Floats, Floats]:
    assert panel.periods is not None
    order = np.argsort(panel.periods, kind="stable")
    coefficients, r_squared = [], []
    for number, rows in enumerate(np.split(order, np.cumsum(np.bincount(panel.periods))[:-1])):
        try:
            solution = solve_ols(
                panel.outcome[rows],
                panel.regressors[rows],
                panel.effects[rows],
                panel.weights[rows],
                panel.terms,
            )
        except ModelError as error:
            raise ModelError(f"period number {number + 1} of {time!r}: {error}") from None
        coefficients.append(solution.coefficients)
        r_squared.append(
            residual_r_squared(panel.outcome[rows], solution.residuals, panel.weights[rows], True)
        )
    return np.array(coefficients), np.array(r_squared)
