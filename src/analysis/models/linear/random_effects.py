"""Random effects: feasible generalised least squares of one-way error components."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.models.design import Design
from analysis.models.estimates import Estimates, tabulate
from analysis.models.least_squares import Solution, solve_ols
from analysis.models.linear.covariances import VcovChoice, choose_vcov
from analysis.models.linear.least_squares import correlation_r_squared
from analysis.models.linear.panel import Columns, between, check_choice, read_panel
from analysis.models.linear.results import (
    adjusted,
    least_squares_estimates,
    panel_groups,
    residual_r_squared,
)
from analysis.models.linear.variance_components import Components, estimate_components

Floats = NDArray[np.float64]

SCALES = ("residual", "idiosyncratic")


def random_effects(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns,
    unit: str,
    time: str | None = None,
    variance_components: str = "swamy_arora",
    degrees_of_freedom: str = "auto",
    unbalanced: str = "baltagi_chang",
    scale: str = "residual",
    intercept: bool = True,
    vcov: str = "classical",
    cluster: Columns = (),
    small_sample: str | None = None,
    parameters: str | int = "all",
    inference: str | float = "normal",
    vcov_options: Mapping[str, object] | None = None,
) -> Estimates:
    r"""One-way random-effects estimator of a panel, balanced or not.

    .. math:: y_{it} = x_{it}'b + u_i + e_{it}

    by least squares of :math:`y_{it} - \theta_i \bar y_i` on :math:`x_{it} - \theta_i \bar x_i`,
    :math:`\theta_i = 1 - \sqrt{\sigma_e^2 / (\sigma_e^2 + T_i \sigma_u^2)}` (Fuller and Battese
    1974; Baltagi 2021, eq. 2.20, and 9.5 when unbalanced). For random time effects name the time
    column as ``unit``.

    Parameters
    ----------
    variance_components, degrees_of_freedom, unbalanced
        ``swamy_arora`` (default), ``wallace_hussain``, ``amemiya`` or ``nerlove``, and their
        conventions: see :mod:`analysis.models.linear.variance_components`. ``degrees_of_freedom``
        is ``auto`` (default), ``exact`` or ``consistent``; the defaults are plm's. ``unbalanced``:
        ``"harmonic_mean"`` is Stata's default for Swamy-Arora, ``"baltagi_chang"`` its option
        ``sa``; they agree on balanced panels.
    scale
        Variance in the classical covariance: ``"residual"`` (default) that of the transformed
        regression's residuals, ``"idiosyncratic"`` the component.
    vcov, cluster, small_sample, parameters, inference, vcov_options
        See :mod:`analysis.models.linear.covariances`.

    Returns
    -------
    Estimates
        ``facts.r_squared`` is of the transformed regression. ``statistics``: ``sigma_u``,
        ``sigma_e``, ``rho``, ``theta`` (median over units), ``theta_min``, ``theta_max``,
        ``sigma2_u_unrestricted`` (negative where ``sigma_u`` was set to zero), squared correlations
        ``r_squared_within``, ``r_squared_between``, ``r_squared_overall``, and those of
        :func:`ols`.

    Raises
    ------
    ModelError
        If a component cannot be estimated, a column is collinear, or an option is unknown.
    """
    check_choice("scale", scale, SCALES)
    choice = choose_vcov(vcov, small_sample, parameters, inference, vcov_options)
    panel = read_panel(
        frame,
        outcome=outcome,
        regressors=regressors,
        unit=unit,
        time=time,
        cluster=cluster,
        intercept=intercept,
    )
    components = estimate_components(panel, variance_components, degrees_of_freedom, unbalanced)
    quasi = quasi_demeaned(panel, components)
    solution = solve_ols(quasi.outcome, quasi.regressors, quasi.effects, quasi.weights, quasi.terms)
    label = f"random_effects ({variance_components})"
    return component_estimates(panel, quasi, solution, components, choice, label, scale, intercept)


def quasi_demeaned(panel: Design, components: Components) -> Design:
    """The panel with ``theta_i`` times the unit mean taken from every column."""
    assert panel.units is not None
    units = panel.units
    theta = components.theta(np.bincount(units))[units]

    def transform(columns: Floats) -> Floats:
        share = theta if columns.ndim == 1 else theta[:, None]
        return columns - share * between(columns, units)

    return replace(
        panel,
        outcome=transform(panel.outcome),
        exogenous=transform(panel.exogenous),
        endogenous=transform(panel.endogenous) if panel.endogenous.shape[1] else panel.endogenous,
        instruments=transform(panel.instruments)
        if panel.instruments.shape[1]
        else panel.instruments,
    )


def component_estimates(
    panel: Design,
    quasi: Design,
    solution: Solution,
    components: Components,
    choice: VcovChoice,
    estimator: str,
    scale: str = "residual",
    intercept: bool = True,
) -> Estimates:
    """Estimates of a regression on quasi-demeaned columns, with the error components."""
    assert panel.units is not None
    estimates = least_squares_estimates(
        panel,
        solution,
        panel_groups(panel),
        choice,
        estimator,
        component_statistics(components, np.bincount(panel.units)),
    )
    statistics = {
        **estimates.statistics,
        **correlation_r_squared(panel, solution.coefficients),
    }
    facts = estimates.facts
    if not panel.endogenous.shape[1]:
        r_squared = residual_r_squared(
            quasi.outcome, solution.residuals, solution.weights, intercept
        )
        facts = replace(facts, r_squared=r_squared)
        parameters = len(solution.coefficients)
        statistics["adj_r_squared"] = adjusted(r_squared, len(quasi.outcome), parameters, intercept)
    estimates = replace(estimates, facts=facts, statistics=statistics)
    if scale == "idiosyncratic" and choice.kind == "classical":
        return _rescaled(estimates, components.idiosyncratic / statistics["rmse"] ** 2)
    return estimates


def component_statistics(components: Components, sizes: NDArray[np.int64]) -> dict[str, float]:
    """Standard deviations of the components, their share and theta."""
    theta = components.theta(sizes)
    return {
        "sigma_u": math.sqrt(components.unit),
        "sigma_e": math.sqrt(components.idiosyncratic),
        "rho": components.unit / (components.unit + components.idiosyncratic),
        "theta": float(np.median(theta)),
        "theta_min": float(theta.min()),
        "theta_max": float(theta.max()),
        "sigma2_u_unrestricted": components.unit_unrestricted,
    }


def _rescaled(estimates: Estimates, factor: float) -> Estimates:
    """The same coefficients with their covariance multiplied by ``factor``."""
    terms = estimates.coefficients["term"].tolist()
    values = estimates.coefficients["estimate"].to_numpy()
    covariance = estimates.covariance.to_numpy() * factor
    result = tabulate(terms, values, covariance, estimates.facts)
    scaled = {"f_statistic": 1 / factor, "wald_chi2": 1 / factor}
    statistics = {
        name: value * scaled.get(name, 1.0) for name, value in estimates.statistics.items()
    }
    if "f_statistic" in statistics:
        count = statistics["f_df1"]
        statistics["wald_chi2_p"] = float(stats.chi2.sf(statistics["wald_chi2"], count))
        statistics["f_p_value"] = _wald_p(result, terms)
    return replace(result, statistics=statistics)


def _wald_p(estimates: Estimates, terms: list[str]) -> float:
    """p-value of the Wald test that every coefficient but the intercept is zero."""
    return estimates.wald([term for term in terms if term != "Intercept"]).p_value
