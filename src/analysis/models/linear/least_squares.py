"""Pooled, within, between and first-difference least squares."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.design import Design
from analysis.models.estimates import Estimates
from analysis.models.fit import goodness_of_fit
from analysis.models.fit_statistics import fit_statistics, sums_of_squares
from analysis.models.least_squares import Solution, solve_ols
from analysis.models.linear.covariances import Groups, choose_vcov
from analysis.models.linear.panel import (
    Columns,
    check_choice,
    check_one_row_per_period,
    column_names,
    group_means,
    read_panel,
)
from analysis.models.linear.results import (
    adjusted,
    least_squares_estimates,
    panel_groups,
    residual_r_squared,
    squared_correlation,
)
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def ols(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns = (),
    absorb: Columns = (),
    intercept: bool = True,
    weights: str | None = None,
    unit: str | None = None,
    time: str | None = None,
    vcov: str = "classical",
    cluster: Columns = (),
    small_sample: str | None = None,
    parameters: str | int = "all",
    inference: str | float = "t",
    vcov_options: Mapping[str, object] | None = None,
    sample: str = "all",
) -> Estimates:
    """Ordinary or weighted least squares, ``y = a + X b + effects + e``.

    Pooled if ``absorb`` is empty; with one or two columns absorbed, the least-squares
    dummy-variable estimator. By default the convention is that of :mod:`analysis.models`. The
    covariances, and what ``small_sample``, ``parameters``, ``inference`` and ``vcov_options`` may
    be: see :mod:`analysis.models.linear.covariances`.

    Returns
    -------
    Estimates
        ``facts.r_squared`` counts what absorbed effects explain, ``facts.within_r_squared`` does
        not; without intercept the total is around zero. ``statistics``: the sum of squared
        residuals ``rss``, ``rmse`` (root of ``rss / (n - K)``), ``df_residual``,
        ``adj_r_squared``, ``adj_within_r_squared``, the test that all slopes are zero, with the
        covariance of the model, as F (``f_statistic, f_df1, f_df2, f_p_value``) and chi-squared
        (``wald_chi2, wald_chi2_p``), and ``aic`` and ``bic`` (of the Gaussian likelihood, the
        variance not counted as a parameter).

    Raises
    ------
    ModelError
        If a column is absent or unusable, collinear, or an option is unknown.
    """
    choice = choose_vcov(vcov, small_sample, parameters, inference, vcov_options)
    panel = read_panel(
        frame,
        outcome=outcome,
        regressors=regressors,
        absorb=absorb,
        weights=weights,
        intercept=intercept,
        unit=unit,
        time=time,
        cluster=cluster,
        sample=sample,
    )
    solution = solve_ols(panel.outcome, panel.regressors, panel.effects, panel.weights, panel.terms)
    estimates = least_squares_estimates(panel, solution, panel_groups(panel), choice, "ols")
    return _with_goodness_of_fit(estimates, panel, solution)


def within(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns,
    unit: str,
    time: str | None = None,
    absorb: Columns = (),
    vcov: str = "classical",
    cluster: Columns = (),
    small_sample: str | None = None,
    parameters: str | int = "all",
    inference: str | float = "t",
    vcov_options: Mapping[str, object] | None = None,
) -> Estimates:
    """Fixed-effects (within) estimator of a panel, balanced or not.

    ``(y_it - mean_i y) = (x_it - mean_i x)' b + e`` with as many degrees of freedom as with the
    dummies written out (Baltagi 2021, eq. 2.7). ``absorb``: the columns absorbed; default
    ``unit``; ``[unit, time]`` is the two-way estimator.

    Returns
    -------
    Estimates
        As :func:`ols` with ``absorb``, and ``statistics`` ``intercept``, the mean over rows
        of ``y - x'b`` (what Stata prints as constant), ``sigma_e`` with n - K degrees of freedom,
        ``sigma_u`` the standard deviation over units of the unit means of ``y - x'b``, ``rho`` its
        share of the variance, ``correlation_effects`` over rows of those means with ``x'b``, and
        the squared correlations of ``x'b`` with the outcome ``r_squared_within``,
        ``r_squared_between``, ``r_squared_overall``.
    """
    absorbed = column_names(absorb) or (unit,)
    choice = choose_vcov(vcov, small_sample, parameters, inference, vcov_options)
    panel = read_panel(
        frame,
        outcome=outcome,
        regressors=regressors,
        absorb=absorbed,
        unit=unit,
        time=time,
        cluster=cluster,
    )
    solution = solve_ols(panel.outcome, panel.regressors, panel.effects, panel.weights, panel.terms)
    estimates = least_squares_estimates(panel, solution, panel_groups(panel), choice, "within")
    estimates = _with_goodness_of_fit(estimates, panel, solution)
    extra = _effects_statistics(panel, solution, estimates.statistics["rmse"])
    return replace(estimates, statistics={**estimates.statistics, **extra})


def between(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns,
    unit: str,
    weighted: bool = False,
    intercept: bool = True,
    vcov: str = "classical",
    small_sample: str | None = None,
    parameters: str | int = "all",
    inference: str | float = "t",
    vcov_options: Mapping[str, object] | None = None,
) -> Estimates:
    """Between estimator: least squares of unit means on unit means (Baltagi 2021, eq. 2.26).

    ``weighted``: each unit counts as often as it has rows; default each counts once. Covariances
    over the units as rows: ``classical`` and ``hc0`` to ``hc3``.

    Returns
    -------
    Estimates
        ``facts.n_obs`` is the number of rows behind the means, ``facts.n_units`` that of the means;
        ``facts.r_squared`` and ``statistics`` (see :func:`ols`) are of the regression of
        means; ``r_squared_within`` and ``r_squared_overall`` are squared correlations.
    """
    choice = choose_vcov(vcov, small_sample, parameters, inference, vcov_options)
    check_choice("vcov of between", choice.kind, ("classical", "hc0", "hc1", "hc2", "hc3"))
    panel = read_panel(
        frame, outcome=outcome, regressors=regressors, unit=unit, intercept=intercept
    )
    assert panel.units is not None
    means = group_means(np.column_stack([panel.outcome, panel.regressors]), panel.units)
    sizes = np.bincount(panel.units).astype(float)
    weights = sizes * len(sizes) / sizes.sum() if weighted else np.ones(len(sizes))
    none = np.empty((len(means), 0), dtype=np.int64)
    solution = solve_ols(means[:, 0], means[:, 1:], none, weights, panel.terms)
    groups = Groups(none, none, None, None)
    estimates = least_squares_estimates(panel, solution, groups, choice, "between")
    r_squared = residual_r_squared(means[:, 0], solution.residuals, weights, intercept)
    statistics = {
        **estimates.statistics,
        "adj_r_squared": adjusted(r_squared, len(means), means.shape[1] - 1, intercept),
        **correlation_r_squared(panel, solution.coefficients),
    }
    facts = replace(estimates.facts, r_squared=r_squared)
    return replace(estimates, facts=facts, statistics=statistics)


def first_differences(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns,
    unit: str,
    time: str,
    intercept: bool = True,
    gaps: str = "skip",
    vcov: str = "classical",
    cluster: Columns = (),
    small_sample: str | None = None,
    parameters: str | int = "all",
    inference: str | float = "t",
    vcov_options: Mapping[str, object] | None = None,
) -> Estimates:
    """Least squares of first differences within units (Wooldridge 2010, eq. 10.63).

    ``y_it - y_i,t-1 = a + (x_it - x_i,t-1)' b + (e_it - e_i,t-1)``. The intercept ``a`` is a common
    trend. ``gaps``: ``"skip"`` (default) differences neighbouring periods of the panel only,
    ``"bridge"`` neighbouring rows of the unit, whatever lies between. A regressor that never
    changes is collinear and an error. Rows of the regression are the differences and belong to the
    cluster and period of their later row.

    Returns
    -------
    Estimates
        As :func:`ols`; ``facts.n_obs`` and R-squared are of the differences.
    """
    check_choice("gaps", gaps, ("skip", "bridge"))
    choice = choose_vcov(vcov, small_sample, parameters, inference, vcov_options)
    levels = read_panel(
        frame, outcome=outcome, regressors=regressors, unit=unit, time=time, cluster=cluster
    )
    panel = _differenced(levels, intercept, gaps)
    solution = solve_ols(panel.outcome, panel.regressors, panel.effects, panel.weights, panel.terms)
    estimates = least_squares_estimates(
        panel, solution, panel_groups(panel), choice, "first_differences"
    )
    return _with_goodness_of_fit(estimates, panel, solution)


def correlation_r_squared(panel: Design, coefficients: Floats) -> dict[str, float]:
    """Squared correlations of ``x'b`` with the outcome: within, between and overall, as Stata's."""
    assert panel.units is not None
    both = np.column_stack([panel.outcome, panel.regressors @ coefficients])
    means = group_means(both, panel.units)
    deviations = both - means[panel.units]
    return {
        "r_squared_within": squared_correlation(*deviations.T),
        "r_squared_between": squared_correlation(*means.T),
        "r_squared_overall": squared_correlation(*both.T),
    }


def _with_goodness_of_fit(estimates: Estimates, panel: Design, solution: Solution) -> Estimates:
    spec, n_parameters = panel.specification, estimates.facts.n_parameters or 0
    squares = sums_of_squares(spec, panel, solution)
    facts = replace(estimates.facts, **goodness_of_fit(spec, panel, solution, squares))
    statistics = {
        **estimates.statistics,
        **fit_statistics(spec, panel, squares, n_parameters, facts.log_likelihood),
    }
    if spec.absorb:
        share = facts.within_r_squared
        statistics["adj_within_r_squared"] = adjusted(share, len(panel.outcome), n_parameters)
    return replace(estimates, facts=facts, statistics=statistics)


def _effects_statistics(panel: Design, solution: Solution, sigma: float) -> dict[str, float]:
    assert panel.units is not None
    fitted = panel.regressors @ solution.coefficients
    effects = group_means(panel.outcome - fitted, panel.units)
    spread = float(effects.std(ddof=1)) if len(effects) > 1 else math.nan
    return {
        "intercept": float((panel.outcome - fitted).mean()),
        "sigma_e": sigma,
        "sigma_u": spread,
        "rho": spread**2 / (spread**2 + sigma**2),
        "correlation_effects": float(np.corrcoef(effects[panel.units], fitted)[0, 1]),
        **correlation_r_squared(panel, solution.coefficients),
    }


def _differenced(levels: Design, intercept: bool, gaps: str) -> Design:
    units, periods = levels.units, levels.periods
    assert units is not None and periods is not None
    check_one_row_per_period(units, periods, "first_differences")
    later = np.flatnonzero(units[1:] == units[:-1]) + 1
    if gaps == "skip":
        later = later[periods[later] - periods[later - 1] == 1]
    if not len(later):
        raise ModelError("first_differences: no unit has two neighbouring periods")
    slopes = levels.exogenous[:, 1:]
    changes = slopes[later] - slopes[later - 1]
    constant = np.ones((len(later), int(intercept)))
    return replace(
        levels,
        specification=replace(levels.specification, intercept=intercept),
        outcome=levels.outcome[later] - levels.outcome[later - 1],
        exogenous=np.column_stack([constant, changes]),
        endogenous=levels.endogenous[later],
        instruments=levels.instruments[later],
        weights=levels.weights[later],
        effects=levels.effects[later],
        clusters=_consecutive(levels.clusters[later]),
        units=units[later],
        periods=periods[later],
        exogenous_terms=levels.exogenous_terms[1 - int(intercept) :],
    )


def _consecutive(codes: Codes) -> Codes:
    columns = [np.unique(column, return_inverse=True)[1] for column in codes.T]
    return np.column_stack(columns) if columns else codes
