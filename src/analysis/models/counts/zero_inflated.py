"""``zero_inflated``: a count that is always zero for some, as estimated by statsmodels."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg
from statsmodels.discrete.count_model import ZeroInflatedNegativeBinomialP, ZeroInflatedPoisson
from statsmodels.tools.numdiff import approx_fprime

from analysis.models.counts.covariances import VCOVS, likelihood_covariance
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
from analysis.models.least_squares import solve_ols
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
MODELS = {"poisson": ZeroInflatedPoisson, "nb2": ZeroInflatedNegativeBinomialP}
NEWTON_STEPS = 25
#: Squared distance to the optimum, in standard errors, that is no longer one.
TOLERANCE = 1e-12
#: Information below this, of columns scaled to length one, is that of a coefficient at infinity.
NO_INFORMATION = 1e-10


def zero_inflated(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns = (),
    zero_regressors: Columns | None = None,
    distribution: str = "poisson",
    offset: str | None = None,
    vcov: str = "classical",
    cluster: Columns = (),
    small_sample: str = "full",
    inference: str = "normal",
    unit: str | None = None,
    time: str | None = None,
    sample: str = "all",
) -> Estimates:
    """Zero-inflated counts (Lambert 1992): ``y = 0`` with probability ``F(Z g)``, else a count.

    ``F`` is logistic. The arguments are those of :func:`analysis.models.counts.hurdle`, but
    ``distribution`` is ``"poisson"`` or ``"nb2"``, and there are no weights. The sign of the second
    part is the other way round: it is the probability of a zero that is certain.

    Returns
    -------
    Estimates
        Terms ``count: x``, ``count: alpha`` with nb2, ``zero: x``. Statistics: ``n_zero``, ``aic``,
        ``bic``; with nb2 ``theta = 1 / alpha``.

    Raises
    ------
    ModelError
        If there is no zero, a column is collinear, or the likelihood has no interior maximum.
    """
    check_choice("distribution", distribution, tuple(MODELS))
    names, clusters = as_tuple(regressors), as_tuple(cluster)
    zero_names = names if zero_regressors is None else as_tuple(zero_regressors)
    check_covariance_options(vcov, VCOVS, small_sample, inference, clusters)
    rows = build_sample(
        frame,
        outcome=outcome,
        regressors=tuple(dict.fromkeys((*names, *zero_names))),
        offset=offset,
        weights=None,
        cluster=clusters,
        unit=unit,
        time=time,
        sample=sample,
    )
    model = _model(rows, names, zero_names, distribution)
    found, information = _maximum(model)
    order = np.roll(np.arange(len(found)), -1 - len(zero_names))  # statsmodels has the zeros first
    dispersion = ("alpha",) if distribution == "nb2" else ()
    terms = [f"count: {term}" for term in ("Intercept", *names, *dispersion)]
    terms += [f"zero: {term}" for term in ("Intercept", *zero_names)]
    facts = model_facts(
        rows,
        estimator="zero_inflated",
        formula=f"{outcome} ~ {' + '.join(names) or '1'} | {' + '.join(zero_names) or '1'}",
        vcov=vcov,
        small_sample=small_sample,
        inference=inference,
        n_parameters=len(terms),
        log_likelihood=float(model.loglike(found)),
    )
    matrix = likelihood_covariance(
        information[np.ix_(order, order)],
        np.asarray(model.score_obs(found))[:, order],
        vcov,
        small_sample,
        rows.design.clusters,
    )
    statistics = {
        "n_zero": float((rows.design.outcome == 0).sum()),
        **information_criteria(facts.log_likelihood, facts.n_obs, len(terms)),
    }
    if dispersion:
        statistics["theta"] = 1 / float(found[-1])
    return replace(tabulate(terms, found[order], matrix, facts), statistics=statistics)


def _model(
    rows: Sample,
    names: tuple[str, ...],
    zero_names: tuple[str, ...],
    distribution: str,
) -> ZeroInflatedPoisson:
    outcome, counts = rows.specification.outcome, rows.design.outcome
    check_counts(outcome, counts)
    if counts.all():
        raise ModelError(f"{outcome!r} is never zero: use count_regression")
    blocks, none = [], np.empty((len(counts), 0), dtype=np.int64)
    for chosen in (names, zero_names):
        block, terms = rows.block(chosen, intercept=True)
        solve_ols(counts, block, none, rows.design.weights, terms)  # names what is collinear
        blocks.append(block)
    return MODELS[distribution](
        counts, blocks[0], exog_infl=blocks[1], offset=rows.offset, inflation="logit"
    )


def _maximum(model: ZeroInflatedPoisson) -> tuple[Floats, Floats]:
    """Parameters where the likelihood is largest, and minus its second derivatives there.

    The search of statsmodels stops early; steps of Newton go on from there.
    """
    overdispersed = isinstance(model, ZeroInflatedNegativeBinomialP)
    lengths = np.linalg.norm(np.column_stack([model.exog_infl, model.exog]), axis=0)
    if overdispersed:
        lengths = np.append(lengths, 1.0)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what they warn of is checked below
        found = np.asarray(model.fit(method="bfgs", maxiter=1000, disp=0).params, dtype=float)
        for _ in range(NEWTON_STEPS):
            information, score = _information(model, found), np.asarray(model.score(found))
            if not _has_curvature(information, lengths) or (overdispersed and found[-1] <= 0):
                break
            step = linalg.solve(information, score, assume_a="pos")
            if float(score @ step) < TOLERANCE:
                return found, information
            found = found + step
    raise ModelError(
        "the likelihood has no maximum where every coefficient is finite: the zeros may not be "
        "more than the counts explain, or a regressor separates them. Use count_regression or "
        "hurdle, or fewer zero_regressors"
    )


def _information(model: ZeroInflatedPoisson, at: Floats) -> Floats:
    """Minus the second derivatives, from differences of the exact first ones.

    The formula that statsmodels 0.15 has for them is off by percents with some distributions.
    """
    slopes = np.asarray(approx_fprime(at, model.score, centered=True))
    return -(slopes + slopes.T) / 2


def _has_curvature(information: Floats, lengths: Floats) -> bool:
    scaled = information / np.outer(lengths, lengths)
    return bool(np.isfinite(scaled).all() and linalg.eigvalsh(scaled)[0] > NO_INFORMATION)
