"""Two-stage least squares and Poisson as functions with plain arguments.

They are :func:`analysis.models.fit` under the convention of :mod:`analysis.models`, and let other
conventions be chosen by name, because printed standard errors follow many of them:
``small_sample`` (``"none"`` is what ``ivregress`` of Stata does without its option ``small``),
``parameters`` and ``inference`` mean what they mean for least squares, see
:mod:`analysis.models.linear.covariances`.
"""

from dataclasses import replace

import pandas as pd
from scipy.special import xlogy

from analysis.models.estimates import Estimates, tabulate
from analysis.models.fit import Solved, solve
from analysis.models.linear.covariances import (
    Groups,
    choose_vcov,
    coefficient_covariance,
    small_sample_text,
)
from analysis.models.linear.panel import Columns, column_names
from analysis.models.linear.results import adjusted, slopes_test
from analysis.models.specification import Specification


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
    small_sample: str | None = None,
    parameters: str | int = "all",
    inference: str | float = "t",
    sample: str = "all",
) -> Estimates:
    """Two-stage least squares; ``instruments`` are the excluded ones.

    The first arguments are those of :class:`analysis.models.Specification`, the last those of this
    module; ``vcov`` is ``classical``, ``hc0``, ``hc1`` or ``cluster``. Among the statistics,
    ``r_squared_structural`` is one minus the sum of squared structural residuals over the total: it
    may be negative and is no measure of fit, but is often printed, as is
    ``adj_r_squared_structural``. The strength of the instruments is in the facts.
    """
    spec = Specification(
        outcome=outcome,
        regressors=column_names(regressors),
        estimator="iv",
        endogenous=column_names(endogenous),
        instruments=column_names(instruments),
        absorb=column_names(absorb),
        intercept=intercept,
        weights=weights,
        vcov=vcov,
        cluster=column_names(cluster),
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
    small_sample: str | None = None,
    parameters: str | int = "all",
    inference: str | float = "normal",
    sample: str = "all",
) -> Estimates:
    """Poisson (pseudo) maximum likelihood, ``E[y] = exp(a + X b + effects)``.

    Arguments as in :func:`iv`; inference is normal by default, as is usual for likelihoods. The
    statistic ``deviance`` is ``2 sum(w (y log(y / mu) - y + mu))``. With
    one absorbed effect the statistic ``conditional_log_likelihood`` is the likelihood given each
    group's total (Hausman, Hall and Griliches 1984, eq. 2.8), which has the same maximum.
    """
    spec = Specification(
        outcome=outcome,
        regressors=column_names(regressors),
        estimator="poisson",
        absorb=column_names(absorb),
        intercept=intercept,
        weights=weights,
        vcov=vcov,
        cluster=column_names(cluster),
        unit=unit,
        time=time,
        sample=sample,
    )
    return _estimated(spec, frame, small_sample, parameters, inference)


def _estimated(
    spec: Specification,
    frame: pd.DataFrame,
    small_sample: str | None,
    parameters: str | int,
    inference: str | float,
) -> Estimates:
    """`fit` with covariance and inference under the convention asked for."""
    choice = choose_vcov(spec.vcov, small_sample, parameters, inference)
    found = solve(spec, frame)
    design = found.design
    groups = Groups(design.clusters, design.effects, design.units, design.periods)
    matrix, df_t = coefficient_covariance(found.solution, groups, choice)
    facts = replace(
        found.facts, df_t=df_t, small_sample=small_sample_text(choice, found.solution.fitted)
    )
    result = tabulate(list(design.terms), found.solution.coefficients, matrix, facts)
    statistics = {**found.statistics, **_further(found), **slopes_test(result)}
    return replace(result, statistics=statistics)


def _further(found: Solved) -> dict[str, float]:
    """What programs print of these estimators besides the statistics of every fit."""
    design, fitted = found.design, found.solution.fitted
    n, n_parameters = len(design.outcome), found.facts.n_parameters
    if fitted is not None:
        outcome = design.outcome
        terms = xlogy(outcome, outcome) - xlogy(outcome, fitted) - outcome + fitted
        return {"deviance": 2 * float(design.weights @ terms)}
    assert n_parameters is not None
    share = found.statistics["r_squared_structural"]
    intercept = design.specification.intercept
    return {"adj_r_squared_structural": adjusted(share, n, n_parameters, intercept)}
