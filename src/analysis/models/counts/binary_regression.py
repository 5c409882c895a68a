"""``binary_regression``: logit, probit and complementary log-log by maximum likelihood."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.counts.covariances import VCOVS, likelihood_covariance
from analysis.models.counts.distributions import BINARY_DENSITIES
from analysis.models.counts.maximum_likelihood import Likelihood, Optimum, maximise
from analysis.models.counts.sample import (
    Columns,
    as_tuple,
    build_sample,
    check_choice,
    check_covariance_options,
    chi_squared,
    information_criteria,
    model_facts,
)
from analysis.models.estimates import Estimates, tabulate
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]


def binary_regression(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns = (),
    link: str = "logit",
    intercept: bool = True,
    offset: str | None = None,
    weights: str | None = None,
    vcov: str = "classical",
    cluster: Columns = (),
    small_sample: str = "full",
    inference: str = "normal",
    unit: str | None = None,
    time: str | None = None,
    sample: str = "all",
) -> Estimates:
    """Estimate ``P(y = 1) = F(a + X b + offset)`` by maximum likelihood, y zero or one.

    ``link``: ``"logit"``, ``"probit"`` or ``"cloglog"`` (``F = 1 - exp(-exp(.))``). ``vcov`` may
    also be ``"expected"``: the inverse of the expected information, as R's ``glm`` has it; with
    logit the same as ``"classical"``. The other arguments are those of
    :func:`analysis.models.counts.count_regression`.

    Returns
    -------
    Estimates
        Statistics: ``log_likelihood_null``, ``lr_chi2, lr_df, lr_p`` (a model with an intercept),
        ``aic``, ``bic``. ``facts.pseudo_r_squared`` is McFadden's.

    Raises
    ------
    ModelError
        For an outcome that is not zero or one or never varies, collinear regressors or separation.
    """
    check_choice("link", link, tuple(BINARY_DENSITIES))
    names, clusters = as_tuple(regressors), as_tuple(cluster)
    check_covariance_options(vcov, (*VCOVS, "expected"), small_sample, inference, clusters)
    rows = build_sample(
        frame,
        outcome=outcome,
        regressors=names,
        offset=offset,
        weights=weights,
        cluster=clusters,
        unit=unit,
        time=time,
        sample=sample,
    )
    design = rows.design
    if set(np.unique(design.outcome)) != {0.0, 1.0}:
        raise ModelError(f"{outcome!r} must hold zeros and ones, and both")
    block, terms = rows.block(names, intercept)
    likelihood = Likelihood(
        design.outcome, block, rows.offset, design.weights, terms, BINARY_DENSITIES[link]
    )
    optimum = fit_binary(likelihood)
    statistics = _statistics(likelihood, optimum)
    facts = model_facts(
        rows,
        estimator="binary_regression",
        formula=rows.specification.formula + ("" if intercept else " - 1"),
        vcov=vcov,
        small_sample=small_sample,
        inference=inference,
        n_parameters=len(terms),
        log_likelihood=optimum.log_likelihood,
        pseudo_r_squared=1
        - optimum.log_likelihood / statistics.get("log_likelihood_null", math.nan),
    )
    expected = vcov == "expected"
    matrix = likelihood_covariance(
        _expected_information(likelihood, optimum) if expected else optimum.information,
        optimum.scores,
        "classical" if expected else vcov,
        small_sample,
        design.clusters,
    )
    return replace(tabulate(list(terms), optimum.parameters, matrix, facts), statistics=statistics)


def fit_binary(likelihood: Likelihood) -> Optimum:
    """The optimum, from a predictor of zero."""
    return maximise(likelihood, likelihood.offset)


def _expected_information(likelihood: Likelihood, optimum: Optimum) -> Floats:
    """Sum of ``x x'`` times the mean of the squared score over both outcomes."""
    ones = np.ones_like(likelihood.outcome)
    one, zero = (
        likelihood.density(outcome, optimum.predictor, 0.0) for outcome in (ones, 0 * ones)
    )
    mean = np.exp(one.value) * one.eta**2 + np.exp(zero.value) * zero.eta**2
    x = likelihood.regressors
    return np.asarray((x.T * (likelihood.weights * mean)) @ x)


def _statistics(likelihood: Likelihood, optimum: Optimum) -> dict[str, float]:
    n, count = len(likelihood.outcome), len(likelihood.terms)
    result = information_criteria(optimum.log_likelihood, n, count)
    if likelihood.terms[0] != "Intercept":
        return result
    only = replace(likelihood, regressors=likelihood.regressors[:, :1], terms=("Intercept",))
    null = fit_binary(only).log_likelihood if count > 1 else optimum.log_likelihood
    result["log_likelihood_null"] = null
    if count > 1:
        result |= chi_squared("lr", 2 * (optimum.log_likelihood - null), count - 1)
    return result
