"""Spatial lag and spatial error models, each with or without spatial lags of the regressors."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.models.estimates import Estimates, tabulate
from analysis.models.least_squares import solve_ols
from analysis.models.linear.panel import Columns, check_choice, column_names
from analysis.models.spatial.diagnostics import remaining_error_test
from analysis.models.spatial.impacts import ImpactOptions, impact_table
from analysis.models.spatial.likelihood import Likelihood, maximise_error, maximise_lag
from analysis.models.spatial.moments import Moments, instrument_lag, moments_error
from analysis.models.spatial.results import (
    gaussian_log_likelihood,
    spatial_facts,
    weights_statistics,
)
from analysis.models.spatial.sample import SpatialSample, read_sample
from analysis.models.specification import ModelError

METHODS = ("ml", "gmm")
BIAS_CORRECTIONS = ("none", "lee_yu")
SMALL_SAMPLES = ("none", "full")


def spatial_lag(
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
    method: str = "ml",
    bias_correction: str = "none",
    log_determinant: str = "auto",
    instrument_lags: int = 2,
    vcov: str = "classical",
    cluster: Columns = (),
    small_sample: str = "none",
    impacts: str = "delta",
    draws: int = 1000,
    seed: int = 1,
) -> Estimates:
    """Spatial lag (SAR) and, with ``spatial_lags``, spatial Durbin model (SDM).

    ``y = rho W y + X b + W X t + effects + e``. In a panel W acts within periods.

    Parameters
    ----------
    unit, time, matrix, matrix_options, spatial_lags, absorb, effects_convention, impacts, draws,
    seed
        As in :func:`spatial_ols`; ``spatial_lags="all"`` is the spatial Durbin model.
    method
        ``"ml"``: exact maximum likelihood; ``"gmm"``: spatial two-stage least squares.
    bias_correction
        For ML with effects: ``"lee_yu"`` corrects for them (Lee and Yu 2010); needs a balanced
        panel and, with time effects, row-standardised weights.
    log_determinant
        For ML: ``"auto"``, ``"eigenvalues"`` or ``"lu"``.
    instrument_lags, vcov, cluster, small_sample
        For GMM: instruments are the spatial lags of the regressors up to this order (one more in a
        Durbin model); ``"classical"``, ``"hc0"``, ``"hc1"`` or ``"cluster"``; the classical
        variance divides by n (``"none"``) or n - K (``"full"``).

    Returns
    -------
    Estimates
        Terms: regressors, ``W.x``, and ``rho``; inference is normal. ML standard errors come
        from the expected information. ``statistics``: ``rho``, ``sigma2`` (ML: over n),
        ``squared_correlation`` of the outcome with ``y - e`` (without effects), and
        ``n_links, mean_neighbours, n_islands``; ML: ``aic``, ``bic`` (spatial parameter counted,
        variance not), ``lr_chi2`` and ``lr_p`` against ``rho = 0``, and ``lm_remaining_error`` with
        ``_p`` against a spatial error besides; GMM: ``sargan``, ``sargan_df``,
        ``sargan_p``, ``n_instruments``. ``facts.log_likelihood`` is the maximum, before any
        correction of bias. ``details["impacts"]``.

    Raises
    ------
    ModelError
        If weights, columns or options are not usable, or the likelihood has no interior maximum.
    """
    _check_options(method, bias_correction, small_sample)
    check_choice("vcov", vcov, ("classical", "hc0", "hc1", "cluster"))
    _check_covariance(method, vcov, column_names(cluster))
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
    _check_bias_correction(sample, method, bias_correction)
    fitted: Likelihood | Moments
    if method == "ml":
        fitted = maximise_lag(sample, log_determinant, bias_correction)
    else:
        fitted = instrument_lag(sample, instrument_lags, vcov, small_sample)
    kind = vcov if method == "gmm" else "information"
    estimates = _estimates(sample, fitted, "spatial_lag", "rho", kind, small_sample)
    return _with_impacts(estimates, sample, fitted, "rho", options)


def spatial_error(
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
    method: str = "ml",
    bias_correction: str = "none",
    log_determinant: str = "auto",
    small_sample: str = "none",
    impacts: str = "delta",
    draws: int = 1000,
    seed: int = 1,
) -> Estimates:
    """Spatial error (SEM) and, with ``spatial_lags``, spatial Durbin error model (SDEM).

    ``y = X b + W X t + effects + u``, ``u = lambda W u + e``. Arguments as in :func:`spatial_lag`;
    ``method="gmm"`` is the generalised-moments estimator of Kelejian and Prucha (1999), which gives
    no standard error of ``lambda``. With effects the panel must be balanced and, with time
    effects, the weights row-standardised, so that effects and filter can change places.

    Returns
    -------
    Estimates
        As :func:`spatial_lag`, the spatial term being ``lambda``, without ``lm_remaining_error``.

    Raises
    ------
    ModelError
        If weights, columns or options are not usable, or the likelihood has no interior maximum.
    """
    _check_options(method, bias_correction, small_sample)
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
    )
    _check_bias_correction(sample, method, bias_correction)
    _check_exchangeable(sample, "spatial_error with effects")
    fitted: Likelihood | Moments
    if method == "ml":
        fitted = maximise_error(sample, log_determinant, bias_correction)
    else:
        fitted = moments_error(sample, small_sample)
    kind = "classical" if method == "gmm" else "information"
    estimates = _estimates(sample, fitted, "spatial_error", "lambda", kind, small_sample)
    return _with_impacts(estimates, sample, fitted, None, options)


def _check_options(method: str, bias_correction: str, small_sample: str) -> None:
    check_choice("method", method, METHODS)
    check_choice("bias_correction", bias_correction, BIAS_CORRECTIONS)
    check_choice("small_sample", small_sample, SMALL_SAMPLES)
    if method == "ml" and small_sample != "none":
        raise ModelError("small_sample='full' has no effect with method='ml'; leave it out")


def _check_covariance(method: str, vcov: str, clusters: tuple[str, ...]) -> None:
    if method == "ml" and vcov != "classical":
        raise ModelError(
            f"vcov={vcov!r} is for method='gmm'; maximum likelihood uses the information matrix"
        )
    if (vcov == "cluster") != bool(clusters):
        raise ModelError("vcov='cluster' and cluster columns go together; give both or neither")


def _check_bias_correction(sample: SpatialSample, method: str, bias_correction: str) -> None:
    if bias_correction == "none":
        return
    if method != "ml" or not sample.n_effects:
        raise ModelError("bias_correction='lee_yu' is for method='ml' with effects")
    if sample.panel.periods is None or int(sample.panel.periods.max()) < 1:
        raise ModelError("bias_correction='lee_yu' needs two periods or more")
    _check_exchangeable(sample, "bias_correction='lee_yu'")


def _check_exchangeable(sample: SpatialSample, purpose: str) -> None:
    """Refuse effects that a spatial filter does not leave in the span of the effects."""
    specification = sample.panel.specification
    if not specification.absorb:
        return
    if not sample.balanced:
        raise ModelError(
            f"{purpose} needs a balanced panel; {len(sample.blocks)} different sets of units are "
            "seen in the periods. Keep the units seen in every period"
        )
    if specification.time in specification.absorb and not sample.row_standardised:
        raise ModelError(
            f"{purpose} needs row-standardised weights without islands when time effects are "
            "absorbed; use standardise: row"
        )


def _estimates(
    sample: SpatialSample,
    fitted: Likelihood | Moments,
    estimator: str,
    parameter: str,
    vcov: str,
    small_sample: str,
) -> Estimates:
    if parameter in sample.terms:
        raise ModelError(
            f"{parameter!r} is the name of the spatial parameter; call the regressor differently"
        )
    n, k = len(sample.outcome), len(sample.terms) + 1 + sample.n_effects
    statistics = {parameter: float(fitted.values[-1]), "sigma2": fitted.sigma2}
    facts = spatial_facts(
        sample,
        estimator,
        vcov,
        "n - K" if small_sample == "full" else "none",
        n_parameters=k,
        n_clusters=min((int(c.max()) + 1 for c in sample.panel.clusters.T), default=None),
    )
    if not sample.n_effects:
        predicted = sample.outcome - fitted.residuals
        statistics["squared_correlation"] = float(np.corrcoef(sample.outcome, predicted)[0, 1] ** 2)
    if isinstance(fitted, Likelihood):
        panel = sample.panel
        restricted = gaussian_log_likelihood(
            solve_ols(
                sample.outcome, sample.regressors, sample.effects, panel.weights, sample.terms
            ).residuals
        )
        ratio = max(2 * (fitted.log_likelihood - restricted), 0.0)
        statistics |= {
            "aic": 2 * k - 2 * fitted.log_likelihood,
            "bic": k * float(np.log(n)) - 2 * fitted.log_likelihood,
            "lr_chi2": ratio,
            "lr_p": float(stats.chi2.sf(ratio, 1)),
        }
        if parameter == "rho":
            variance = float(fitted.covariance[-1, -1])
            statistics |= remaining_error_test(
                sample, fitted.residuals, statistics["rho"], variance
            )
        facts = replace(facts, log_likelihood=fitted.log_likelihood)
    else:
        statistics |= fitted.statistics
    statistics |= weights_statistics(sample)
    terms = [*sample.terms, parameter]
    return replace(tabulate(terms, fitted.values, fitted.covariance, facts), statistics=statistics)


def _with_impacts(
    estimates: Estimates,
    sample: SpatialSample,
    fitted: Likelihood | Moments,
    rho: str | None,
    options: ImpactOptions,
) -> Estimates:
    if options.method == "none" or set(sample.terms) <= {"Intercept"}:
        return estimates
    terms = [*sample.terms, *([rho] if rho else [])]
    k = len(terms)
    covariances = fitted.covariance[:k, :k]
    table = impact_table(sample, terms, fitted.values[:k], covariances, rho, options)
    return replace(estimates, details={"impacts": table})
