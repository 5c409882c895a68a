"""Least squares, two-stage least squares and Poisson as functions with plain arguments.

They are :func:`analysis.models.fit` under the convention of :mod:`analysis.models`, and let other
conventions be chosen by name, because printed standard errors follow many of them:

``small_sample``
    ``"full"``: the factors of :mod:`analysis.models`. ``"clusters"``: only ``G / (G - 1)``, without
    ``(n - 1) / (n - K)``. ``"none"``: no factor at all: the residual variance is divided by ``n``
    (as ``ivregress`` of Stata does without its option ``small``), and ``hc1`` equals ``hc0``.
``parameters``
    What ``K`` counts. ``"all"``: every parameter, absorbed effects included. ``"nonnested"``: an
    absorbed effect whose levels each lie in one cluster is not counted, except for one intercept,
    as in ``reghdfe`` and ``xtreg, fe`` of Stata. ``"terms"``: the terms reported, no absorbed
    effect. A number is K itself, as when a program counted redundant columns.
``inference``
    ``"t"`` with ``G - 1`` or ``n - K`` degrees of freedom, or ``"normal"``.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.design import build_design
from analysis.models.estimates import Estimates, tabulate
from analysis.models.fit import drop_separated, fit
from analysis.models.specification import ModelError, Specification

SMALL_SAMPLES = ("full", "clusters", "none")
PARAMETERS = ("all", "nonnested", "terms")
INFERENCES = ("t", "normal")
Columns = str | Sequence[str]
Codes = NDArray[np.int64]


def ols(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns = (),
    absorb: Columns = (),
    intercept: bool = True,
    weights: str | None = None,
    vcov: str = "classical",
    cluster: Columns = (),
    unit: str | None = None,
    time: str | None = None,
    small_sample: str = "full",
    parameters: str | int = "all",
    inference: str = "t",
    sample: str = "all",
) -> Estimates:
    """Ordinary or weighted least squares, ``y = a + X b + effects + e``.

    The first arguments are those of :class:`analysis.models.Specification`, the last those of this
    module. The statistics are the sum of squared residuals ``rss``, ``rmse`` (root of
    ``rss / (n - K)``), ``adj_r_squared``, ``f_statistic`` and ``f_p_value`` (all slopes zero, with
    the covariance of the model), ``aic`` and ``bic`` (of the Gaussian likelihood, the variance not
    counted as a parameter).

    Raises
    ------
    ModelError
        As :func:`analysis.models.fit`, and for an option that is not allowed.
    """
    spec = Specification(
        outcome=outcome,
        regressors=_tuple(regressors),
        absorb=_tuple(absorb),
        intercept=intercept,
        weights=weights,
        vcov=vcov,
        cluster=_tuple(cluster),
        unit=unit,
        time=time,
        sample=sample,
    )
    return _estimated(spec, frame, small_sample, parameters, inference)


def iv(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns = (),
    endogenous: Columns,
    instruments: Columns,
    absorb: Columns = (),
    intercept: bool = True,
    weights: str | None = None,
    vcov: str = "classical",
    cluster: Columns = (),
    unit: str | None = None,
    time: str | None = None,
    small_sample: str = "full",
    parameters: str | int = "all",
    inference: str = "t",
    sample: str = "all",
) -> Estimates:
    """Two-stage least squares; ``instruments`` are the excluded ones.

    Arguments as in :func:`ols`. Among the statistics, ``r_squared_structural`` is one minus the sum
    of squared structural residuals over the total: it may be negative and is no measure of fit, but
    is often printed. The strength of the instruments is in the facts.
    """
    spec = Specification(
        outcome=outcome,
        regressors=_tuple(regressors),
        estimator="iv",
        endogenous=_tuple(endogenous),
        instruments=_tuple(instruments),
        absorb=_tuple(absorb),
        intercept=intercept,
        weights=weights,
        vcov=vcov,
        cluster=_tuple(cluster),
        unit=unit,
        time=time,
        sample=sample,
    )
    return _estimated(spec, frame, small_sample, parameters, inference)


def poisson(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns = (),
    absorb: Columns = (),
    intercept: bool = True,
    weights: str | None = None,
    vcov: str = "classical",
    cluster: Columns = (),
    unit: str | None = None,
    time: str | None = None,
    small_sample: str = "full",
    parameters: str | int = "all",
    inference: str = "normal",
    sample: str = "all",
) -> Estimates:
    """Poisson (pseudo) maximum likelihood, ``E[y] = exp(a + X b + effects)``.

    Arguments as in :func:`ols`; inference is normal by default, as is usual for likelihoods. With
    one absorbed effect the statistic ``conditional_log_likelihood`` is the likelihood given each
    group's total (Hausman, Hall and Griliches 1984, eq. 2.8), which has the same maximum.
    """
    spec = Specification(
        outcome=outcome,
        regressors=_tuple(regressors),
        estimator="poisson",
        absorb=_tuple(absorb),
        intercept=intercept,
        weights=weights,
        vcov=vcov,
        cluster=_tuple(cluster),
        unit=unit,
        time=time,
        sample=sample,
    )
    return _estimated(spec, frame, small_sample, parameters, inference)


def _estimated(
    spec: Specification,
    frame: pd.DataFrame,
    small_sample: str,
    parameters: str | int,
    inference: str,
) -> Estimates:
    """`fit` with covariance and inference under the convention asked for."""
    _check("small_sample", small_sample, SMALL_SAMPLES)
    if isinstance(parameters, str):
        _check("parameters", parameters, PARAMETERS)
    _check("inference", inference, INFERENCES)
    estimates = fit(spec, frame)
    n_parameters = _count_parameters(spec, frame, estimates, parameters)
    facts, factor = estimates.facts, _rescaling(estimates, small_sample, n_parameters)
    df_t = facts.df_t if facts.vcov == "cluster" else float(facts.n_obs - n_parameters)
    facts = replace(
        facts,
        df_t=math.inf if inference == "normal" else df_t,
        small_sample=_described(facts.small_sample, small_sample, parameters),
    )
    terms = estimates.coefficients["term"].tolist()
    values = estimates.coefficients["estimate"].to_numpy()
    result = tabulate(terms, values, estimates.covariance.to_numpy() * factor, facts)
    return replace(result, statistics={**estimates.statistics, **_slopes_test(result)})


def _described(default: str, small_sample: str, parameters: str | int) -> str:
    if (small_sample, parameters) == ("full", "all"):
        return default
    return f"{default}; small_sample={small_sample}, parameters={parameters}"


def _count_parameters(
    spec: Specification, frame: pd.DataFrame, estimates: Estimates, parameters: str | int
) -> int:
    counted, n = estimates.facts.n_parameters, estimates.facts.n_obs
    assert counted is not None
    if isinstance(parameters, int):
        if not 0 <= parameters < n:
            raise ModelError(f"parameters: expected a number below the {n} rows, got {parameters}")
        return parameters
    if parameters == "all" or not spec.absorb:
        return counted
    terms = len(estimates.coefficients)
    if parameters == "terms":
        return terms
    design = build_design(spec, frame)
    if spec.estimator == "poisson":
        design = drop_separated(design)
    nested = [_is_nested(effect, design.clusters) for effect in design.effects.T]
    if not any(nested):
        return counted
    others = [effect for effect, inside in zip(design.effects.T, nested, strict=True) if not inside]
    return terms + 1 + sum(int(effect.max()) for effect in others)


def _is_nested(effect: Codes, clusters: Codes) -> bool:
    """Whether every level of ``effect`` (n,) lies in one cluster of some column of ``clusters``."""
    levels = int(effect.max()) + 1
    return any(
        len(np.unique(np.column_stack([effect, column]), axis=0)) == levels for column in clusters.T
    )


def _rescaling(estimates: Estimates, small_sample: str, n_parameters: int) -> float:
    """What the covariance of `fit` is multiplied by to follow another convention."""
    facts = estimates.facts
    n, counted = facts.n_obs, facts.n_parameters
    assert counted is not None
    if facts.vcov in ("hc0", "hc2", "hc3") or facts.small_sample == "none":
        return 1.0
    other_parameters = (n - counted) / (n - n_parameters)
    if small_sample == "full":
        return other_parameters
    if facts.vcov != "cluster":
        return (n - counted) / n if small_sample == "none" else other_parameters
    no_parameters = (n - counted) / (n - 1)
    if small_sample == "clusters":
        return no_parameters
    if "+" in facts.cluster:
        raise ModelError(
            "small_sample='none' is not available with two cluster columns, whose three terms have "
            "their own G / (G - 1); use 'full' or 'clusters'"
        )
    assert facts.n_clusters is not None
    return no_parameters * (facts.n_clusters - 1) / facts.n_clusters


def _slopes_test(estimates: Estimates) -> dict[str, float]:
    slopes = [term for term in estimates.coefficients["term"] if term != "Intercept"]
    if not slopes:
        return {}
    test = estimates.wald(slopes)
    return {"f_statistic": test.statistic, "f_p_value": test.p_value}


def _tuple(columns: Columns) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else tuple(columns)


def _check(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ModelError(f"{option}: {value!r} is not one of {', '.join(allowed)}")
