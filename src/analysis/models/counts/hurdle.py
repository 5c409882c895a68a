"""``hurdle``: whether a count is positive, and how large it is if so."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg

from analysis.models.counts.binary_regression import fit_binary
from analysis.models.counts.count_regression import fit_count
from analysis.models.counts.covariances import VCOVS, likelihood_covariance
from analysis.models.counts.distributions import (
    BINARY_DENSITIES,
    COUNT_DENSITIES,
    zero_truncated,
)
from analysis.models.counts.maximum_likelihood import Likelihood, Optimum
from analysis.models.counts.sample import (
    Columns,
    Sample,
    as_tuple,
    build_sample,
    check_choice,
    check_counts,
    check_covariance_options,
    information_criteria,
    model_facts,
)
from analysis.models.estimates import Estimates, tabulate
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]


def hurdle(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns = (),
    zero_regressors: Columns | None = None,
    distribution: str = "poisson",
    zero: str = "logit",
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
    """Hurdle model (Mullahy 1986): ``P(y > 0) = F(Z g)``, and ``y | y > 0`` a truncated count.

    Both parts have an intercept. As the likelihood is the product of the two, each is estimated by
    itself; robust and clustered covariances are of both together.

    Parameters
    ----------
    regressors, zero_regressors
        Columns X of the positive counts and Z of the hurdle; Z is X if not given.
    distribution
        ``"poisson"``, ``"nb1"``, ``"nb2"`` or ``"geometric"``, truncated at zero.
    zero
        ``"logit"``, ``"probit"`` or ``"cloglog"`` (a Poisson hurdle) of a positive count.
    offset
        Column added to the predictor of the counts only.

    The other arguments are those of :func:`analysis.models.counts.count_regression`.

    Returns
    -------
    Estimates
        Terms ``count: x``, ``count: alpha`` (or ``delta``), ``zero: x``. Statistics:
        ``log_likelihood_count``, ``log_likelihood_zero``, ``n_positive``, ``aic``, ``bic``; with
        nb2 ``theta = 1 / alpha``.

    Raises
    ------
    ModelError
        As for the two parts; also if there is no zero, or no positive count.
    """
    check_choice("distribution", distribution, tuple(COUNT_DENSITIES))
    check_choice("zero", zero, tuple(BINARY_DENSITIES))
    names, clusters = as_tuple(regressors), as_tuple(cluster)
    zero_names = names if zero_regressors is None else as_tuple(zero_regressors)
    check_covariance_options(vcov, VCOVS, small_sample, inference, clusters)
    rows = build_sample(
        frame,
        outcome=outcome,
        regressors=tuple(dict.fromkeys((*names, *zero_names))),
        offset=offset,
        weights=weights,
        cluster=clusters,
        unit=unit,
        time=time,
        sample=sample,
    )
    check_counts(outcome, rows.design.outcome)
    if rows.design.outcome.all():
        raise ModelError(
            f"{outcome!r} is never zero, so there is no hurdle; use count_regression with "
            "truncated=True"
        )
    count_terms, count = _count_part(rows, names, distribution)
    zero_terms, hurdle_part = _zero_part(rows, zero_names, zero)
    terms = [f"count: {term}" for term in count_terms] + [f"zero: {term}" for term in zero_terms]
    log_likelihood = count.log_likelihood + hurdle_part.log_likelihood
    facts = model_facts(
        rows,
        estimator="hurdle",
        formula=f"{outcome} ~ {' + '.join(names) or '1'} | {' + '.join(zero_names) or '1'}",
        vcov=vcov,
        small_sample=small_sample,
        inference=inference,
        n_parameters=len(terms),
        log_likelihood=log_likelihood,
    )
    matrix = _joint_covariance(rows, count, hurdle_part, vcov, small_sample)
    parameters = np.concatenate([count.parameters, hurdle_part.parameters])
    statistics = {
        "log_likelihood_count": count.log_likelihood,
        "log_likelihood_zero": hurdle_part.log_likelihood,
        "n_positive": float((rows.design.outcome > 0).sum()),
        **information_criteria(log_likelihood, facts.n_obs, len(terms)),
    }
    if distribution == "nb2":
        statistics["theta"] = 1 / float(count.parameters[-1])
    return replace(tabulate(terms, parameters, matrix, facts), statistics=statistics)


def _count_part(
    rows: Sample, names: tuple[str, ...], distribution: str
) -> tuple[tuple[str, ...], Optimum]:
    positive = rows.design.outcome > 0
    density, dispersion = COUNT_DENSITIES[distribution]
    block, terms = rows.block(names, intercept=True)
    likelihood = Likelihood(
        rows.design.outcome[positive],
        block[positive],
        rows.offset[positive],
        rows.design.weights[positive],
        terms,
        zero_truncated(density),
        dispersion,
    )
    return likelihood.all_terms, fit_count(likelihood, distribution, truncated=True)


def _zero_part(rows: Sample, names: tuple[str, ...], link: str) -> tuple[tuple[str, ...], Optimum]:
    block, terms = rows.block(names, intercept=True)
    likelihood = Likelihood(
        (rows.design.outcome > 0).astype(float),
        block,
        np.zeros(len(block)),
        rows.design.weights,
        terms,
        BINARY_DENSITIES[link],
    )
    return terms, fit_binary(likelihood)


def _joint_covariance(
    rows: Sample, count: Optimum, hurdle_part: Optimum, vcov: str, small_sample: str
) -> Floats:
    scores = np.zeros((len(rows.offset), count.scores.shape[1]))
    scores[rows.design.outcome > 0] = count.scores
    return likelihood_covariance(
        linalg.block_diag(count.information, hurdle_part.information),
        np.column_stack([scores, hurdle_part.scores]),
        vcov,
        small_sample,
        rows.design.clusters,
    )
