"""Least squares with spatial lags of the regressors (SLX) and tests for spatial dependence."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.models.covariance import covariance
from analysis.models.estimates import Estimates, tabulate
from analysis.models.least_squares import Solution, solve_ols
from analysis.models.linear.panel import Columns, check_choice, column_names
from analysis.models.spatial.diagnostics import lagrange_multiplier_tests, residual_moran
from analysis.models.spatial.impacts import ImpactOptions, impact_table
from analysis.models.spatial.results import (
    gaussian_log_likelihood,
    spatial_facts,
    weights_statistics,
)
from analysis.models.spatial.sample import SpatialSample, read_sample
from analysis.models.specification import ModelError

VCOVS = ("classical", "hc0", "hc1", "hc2", "hc3", "cluster")


def spatial_ols(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns = (),
    unit: str,
    time: str | None = None,
    matrix: pd.DataFrame | None = None,
    matrix_options: Mapping[str, Any] | None = None,
    spatial_lags: Columns = "none",
    absorb: Columns = (),
    effects_convention: str = "dummies",
    intercept: bool = True,
    vcov: str = "classical",
    cluster: Columns = (),
    parameters: str = "all",
    impacts: str = "delta",
    draws: int = 1000,
    seed: int = 1,
) -> Estimates:
    """Least squares, ``y = X b + W X t + effects + e``, with tests for spatial dependence.

    Parameters
    ----------
    unit, time
        Columns that name a row. Without ``time`` a cross-section; with it, the weights hold within
        each period, and the panel may be unbalanced.
    matrix, matrix_options
        The weights; see :mod:`analysis.models.spatial.weights`.
    spatial_lags
        ``"none"``, ``"all"`` or the regressors whose spatial lags ``W.x`` are added (SLX).
    absorb, effects_convention
        Columns absorbed: the unit, the time, or both; and whether spatial lags are taken before
        (``"dummies"``) or after (``"demeaned"``), see :mod:`analysis.models.spatial.sample`.
    vcov, cluster
        ``"classical"``, ``"hc0"`` to ``"hc3"`` or ``"cluster"``, as in :mod:`analysis.models`.
    parameters
        What K counts: ``"all"``, absorbed effects included, or ``"terms"``, only the terms
        reported, as Elhorst (2014) does for the t values of Table 3.1.
    impacts, draws, seed
        See :mod:`analysis.models.spatial.impacts`; ``"none"`` leaves the table out.

    Returns
    -------
    Estimates
        ``facts.r_squared``, ``facts.within_r_squared`` and ``facts.log_likelihood`` (normal, the
        variance concentrated out). ``statistics``: ``rss``, ``sigma2`` with n - K,
        ``sigma2_ml`` with n, ``aic`` and ``bic`` (variance not counted), ``lm_lag``,
        ``lm_error``, ``robust_lm_lag``, ``robust_lm_error``, ``lm_sarma``, each with ``_p``;
        without effects ``moran_i, moran_expectation, moran_variance, moran_z, moran_p``;
        ``n_links``, ``mean_neighbours``, ``n_islands``. ``details["impacts"]``.

    Raises
    ------
    ModelError
        If weights, columns or options are not usable.
    """
    check_choice("vcov", vcov, VCOVS)
    check_choice("parameters", parameters, ("all", "terms"))
    if (vcov == "cluster") != bool(column_names(cluster)):
        raise ModelError("vcov='cluster' and cluster columns go together; give both or neither")
    options = ImpactOptions(impacts, draws, seed)
    sample = read_sample(
        frame,
        outcome=outcome,
        regressors=regressors,
        spatial_lags=spatial_lags,
        unit=unit,
        time=time,
        absorb=absorb,
        effects_convention=effects_convention,
        intercept=intercept,
        matrix=matrix,
        matrix_options=matrix_options,
        cluster=cluster,
    )
    panel = sample.panel
    solution = solve_ols(
        sample.outcome, sample.regressors, sample.effects, panel.weights, sample.terms
    )
    k = len(sample.terms) + (sample.n_effects if parameters == "all" else 0)
    if len(sample.outcome) <= k:
        raise ModelError(f"{len(sample.outcome)} rows cannot estimate {k} parameters")
    estimates = _tabulated(sample, solution, vcov, k)
    details = {}
    if impacts != "none" and set(sample.terms) != {"Intercept"}:
        values = solution.coefficients
        matrix_ = estimates.covariance.to_numpy()
        details["impacts"] = impact_table(sample, sample.terms, values, matrix_, None, options)
    tests = lagrange_multiplier_tests(sample, solution)
    moran = {} if column_names(absorb) else residual_moran(sample, solution)
    extra = {**tests, **moran, **weights_statistics(sample)}
    return replace(estimates, statistics={**estimates.statistics, **extra}, details=details)


def _tabulated(sample: SpatialSample, solution: Solution, vcov: str, k: int) -> Estimates:
    panel, n = sample.panel, len(sample.outcome)
    covariances = covariance(solution, vcov, k, panel.clusters, panel.effects)
    groups = [int(codes.max()) + 1 for codes in panel.clusters.T]
    rss = float(solution.residuals @ solution.residuals)
    within = float((sample.within(sample.outcome[:, None]) ** 2).sum())
    centre = panel.outcome.mean() if "Intercept" in sample.terms or sample.n_effects else 0.0
    log_likelihood = gaussian_log_likelihood(solution.residuals)
    facts = spatial_facts(
        sample,
        "spatial_ols",
        vcov,
        f"K counts {k} parameters",
        n_parameters=k,
        n_clusters=min(groups, default=None),
        df_t=float(min(groups) - 1 if groups else n - k),
        r_squared=1 - rss / float(((panel.outcome - centre) ** 2).sum()),
        within_r_squared=1 - rss / within if sample.n_effects else math.nan,
        log_likelihood=log_likelihood,
    )
    statistics = {
        "rss": rss,
        "sigma2": rss / (n - k),
        "sigma2_ml": rss / n,
        "aic": 2 * k - 2 * log_likelihood,
        "bic": k * float(np.log(n)) - 2 * log_likelihood,
    }
    table = tabulate(list(sample.terms), solution.coefficients, covariances, facts)
    return replace(table, statistics=statistics)
