"""``count_regression``: Poisson and negative binomial models by maximum likelihood."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, special, stats

from analysis.models.counts.covariances import VCOVS, likelihood_covariance
from analysis.models.counts.distributions import COUNT_DENSITIES, zero_truncated
from analysis.models.counts.maximum_likelihood import Likelihood, Optimum, maximise
from analysis.models.counts.sample import (
    Columns,
    Sample,
    as_tuple,
    build_sample,
    check_choice,
    check_counts,
    check_covariance_options,
    chi_squared,
    information_criteria,
    model_facts,
)
from analysis.models.estimates import Estimates, tabulate
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]


def count_regression(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns = (),
    distribution: str = "poisson",
    truncated: bool = False,
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
    """Estimate ``E[y] = mu = exp(a + X b + offset)`` by maximum likelihood.

    Parameters
    ----------
    distribution
        ``"poisson"`` (variance mu), ``"nb1"`` (variance ``(1 + delta) mu``), ``"nb2"`` (variance
        ``mu + alpha mu^2``; what programs call the negative binomial) or ``"geometric"`` (nb2 with
        alpha = 1).
    truncated
        True if zeros are not observed: the density given that y is positive.
    offset
        Column added to the predictor, such as the logarithm of the exposure.
    weights
        Column that multiplies each row's log likelihood, as frequencies do.
    vcov
        ``"classical"`` (inverse observed information), ``"opg"``, ``"hc0"``, ``"hc1"``,
        ``"cluster"``: see :mod:`analysis.models.counts.covariances`, also for ``small_sample``.
        ``"expected"`` (nb2 only): expected information of the coefficients and observed one of
        alpha, taken as unrelated, as ``glm.nb`` of R's MASS does. ``"quasi"`` (Poisson only):
        classical times the Pearson dispersion.
    inference
        ``"normal"``, or ``"t"`` with ``n - K`` (``G - 1``) degrees of freedom.

    Returns
    -------
    Estimates
        Terms: ``Intercept``, the regressors, and ``delta`` or ``alpha``. Statistics:
        ``log_likelihood_null`` (only an intercept, offset and dispersion), ``lr_chi2, lr_df, lr_p``
        against it (a model with an intercept); ``aic``, ``bic``; not truncated: ``deviance``,
        ``pearson_chi2`` and ``pearson_dispersion`` (over ``n - K`` of the coefficients);
        negative binomial: ``overdispersion_lr_chi2`` and ``overdispersion_lr_p`` against Poisson,
        p halved as the null is at the boundary; nb2: ``theta = 1 / alpha``, ``theta_std_error``;
        Poisson: t statistics ``overdispersion_nb1_t`` and ``overdispersion_nb2_t`` with one-sided p
        ``..._p`` of ``((y - mu)^2 - y) / mu`` regressed on 1 and on mu (Cameron and Trivedi 1990).
        ``facts.pseudo_r_squared`` is McFadden's.

    Raises
    ------
    ModelError
        For an option or column that is not allowed, an outcome that is no count, collinear
        regressors, separation, or a negative binomial model without overdispersion.
    """
    check_choice("distribution", distribution, tuple(COUNT_DENSITIES))
    allowed = VCOVS + {"poisson": ("quasi",), "nb2": ("expected",)}.get(distribution, ())
    clusters, names = as_tuple(cluster), as_tuple(regressors)
    check_covariance_options(vcov, allowed, small_sample, inference, clusters)
    if truncated and vcov in ("expected", "quasi"):
        raise ModelError(f"vcov={vcov!r} is not defined for a truncated model")
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
    _check_outcome(rows, distribution, truncated)
    likelihood = _likelihood(rows, names, distribution, truncated, intercept)
    optimum = fit_count(likelihood, distribution, truncated)
    statistics = _statistics(likelihood, optimum, distribution, truncated)
    null = statistics.get("log_likelihood_null", math.nan)
    facts = model_facts(
        rows,
        estimator="count_regression",
        formula=rows.specification.formula + ("" if intercept else " - 1"),
        vcov=vcov,
        small_sample=small_sample,
        inference=inference,
        n_parameters=len(optimum.parameters),
        log_likelihood=optimum.log_likelihood,
        pseudo_r_squared=1 - optimum.log_likelihood / null,
    )
    matrix = _covariance(likelihood, optimum, vcov, small_sample, rows, statistics)
    table = tabulate(list(likelihood.all_terms), optimum.parameters, matrix, facts)
    return replace(table, statistics=statistics | _theta(table, distribution))


def fit_count(likelihood: Likelihood, distribution: str, truncated: bool) -> Optimum:
    """The optimum; a negative binomial starts from the Poisson fit and its dispersion."""
    y = likelihood.outcome
    if distribution in ("poisson", "geometric"):
        start = np.log((y + np.average(y, weights=likelihood.weights)) / 2)
        return maximise(likelihood, start)
    poisson = fit_count(_as_poisson(likelihood, truncated), "poisson", truncated)
    mu = np.exp(poisson.predictor)
    excess = (y - mu) ** 2 - mu
    divisor = mu if distribution == "nb1" else mu**2
    dispersion = max(float(np.average(excess / divisor, weights=likelihood.weights)), 0.1)
    # A few rows with tiny means would make the moment estimate absurd.
    return maximise(likelihood, poisson.predictor, min(dispersion, 10 * (1 + float(y.mean()))))


def _as_poisson(likelihood: Likelihood, truncated: bool) -> Likelihood:
    density = COUNT_DENSITIES["poisson"][0]
    return replace(
        likelihood, density=zero_truncated(density) if truncated else density, dispersion=""
    )


def _likelihood(
    rows: Sample, names: tuple[str, ...], distribution: str, truncated: bool, intercept: bool
) -> Likelihood:
    density, dispersion = COUNT_DENSITIES[distribution]
    regressors, terms = rows.block(names, intercept)
    if dispersion in terms:
        raise ModelError(
            f"a regressor is called {dispersion!r} like the dispersion parameter; rename it"
        )
    return Likelihood(
        rows.design.outcome,
        regressors,
        rows.offset,
        rows.design.weights,
        terms,
        zero_truncated(density) if truncated else density,
        dispersion,
    )


def _check_outcome(rows: Sample, distribution: str, truncated: bool) -> None:
    y, outcome = rows.design.outcome, rows.specification.outcome
    if distribution != "poisson" or truncated:
        check_counts(outcome, y)
    if not y.any():
        raise ModelError(f"every outcome {outcome!r} is zero")
    if truncated and (y == 0).any():
        raise ModelError(
            f"a zero-truncated model needs positive outcomes; {outcome!r} has {int((y == 0).sum())}"
            " zeros: leave them out, or use the estimator hurdle"
        )


def _statistics(
    likelihood: Likelihood, optimum: Optimum, distribution: str, truncated: bool
) -> dict[str, float]:
    n, value = len(likelihood.outcome), optimum.log_likelihood
    result = information_criteria(value, n, len(optimum.parameters))
    result |= _against_null(likelihood, optimum, distribution, truncated)
    if distribution.startswith("nb"):
        poisson = fit_count(_as_poisson(likelihood, truncated), "poisson", truncated)
        gain = 2 * (value - poisson.log_likelihood)
        result["overdispersion_lr_chi2"] = gain
        result["overdispersion_lr_p"] = float(stats.chi2.sf(gain, 1)) / 2
    elif distribution == "poisson" and not truncated:
        result |= _overdispersion(likelihood, np.exp(optimum.predictor))
    if not truncated:
        result |= _residual_statistics(likelihood, optimum, distribution)
    return result


def _against_null(
    likelihood: Likelihood, optimum: Optimum, distribution: str, truncated: bool
) -> dict[str, float]:
    if likelihood.terms[0] != "Intercept":
        return {}
    slopes = len(likelihood.terms) - 1
    if not slopes:
        return {"log_likelihood_null": optimum.log_likelihood}
    only = replace(likelihood, regressors=likelihood.regressors[:, :1], terms=("Intercept",))
    null = fit_count(only, distribution, truncated).log_likelihood
    gain = 2 * (optimum.log_likelihood - null)
    return {"log_likelihood_null": null, **chi_squared("lr", gain, slopes)}


def _overdispersion(likelihood: Likelihood, mu: Floats) -> dict[str, float]:
    """Cameron and Trivedi (1990): least squares through the origin of the excess variance."""
    excess = ((likelihood.outcome - mu) ** 2 - likelihood.outcome) / mu
    result = {}
    for name, regressor in (("nb1", np.ones_like(mu)), ("nb2", mu)):
        squares = float(regressor @ regressor)
        slope = float(regressor @ excess) / squares
        residuals = excess - slope * regressor
        error = math.sqrt(float(residuals @ residuals) / (len(mu) - 1) / squares)
        result[f"overdispersion_{name}_t"] = slope / error
        result[f"overdispersion_{name}_p"] = float(stats.norm.sf(slope / error))
    return result


def _residual_statistics(
    likelihood: Likelihood, optimum: Optimum, distribution: str
) -> dict[str, float]:
    y, weights, mu = likelihood.outcome, likelihood.weights, np.exp(optimum.predictor)
    variance = _variance(mu, optimum, distribution)
    pearson = float(weights @ ((y - mu) ** 2 / variance))
    result = {
        "pearson_chi2": pearson,
        "pearson_dispersion": pearson / (len(y) - len(likelihood.terms)),
    }
    if distribution == "nb1":  # no exponential family, and so no deviance
        return result
    terms = special.xlogy(y, y / mu) - (y - mu)
    if distribution != "poisson":
        alpha = optimum.parameters[-1] if distribution == "nb2" else 1.0
        terms = special.xlogy(y, y / mu) - (y + 1 / alpha) * np.log(
            (1 + alpha * y) / (1 + alpha * mu)
        )
    return {**result, "deviance": 2 * float(weights @ terms)}


def _variance(mu: Floats, optimum: Optimum, distribution: str) -> Floats:
    if distribution == "poisson":
        return mu
    dispersion = 1.0 if distribution == "geometric" else optimum.parameters[-1]
    return mu * (1 + dispersion) if distribution == "nb1" else mu + dispersion * mu**2


def _covariance(
    likelihood: Likelihood,
    optimum: Optimum,
    vcov: str,
    small_sample: str,
    rows: Sample,
    statistics: dict[str, float],
) -> Floats:
    if vcov == "expected":
        return _expected(likelihood, optimum)
    kind = "classical" if vcov == "quasi" else vcov
    matrix = likelihood_covariance(
        optimum.information, optimum.scores, kind, small_sample, rows.design.clusters
    )
    return matrix * statistics["pearson_dispersion"] if vcov == "quasi" else matrix


def _expected(likelihood: Likelihood, optimum: Optimum) -> Floats:
    """Fisher information of NB2: zero between coefficients and alpha (Lawless 1987)."""
    mu, alpha = np.exp(optimum.predictor), optimum.parameters[-1]
    x = likelihood.regressors
    information = (x.T * (likelihood.weights * mu / (1 + alpha * mu))) @ x
    return np.asarray(linalg.block_diag(linalg.inv(information), 1 / optimum.information[-1, -1]))


def _theta(table: Estimates, distribution: str) -> dict[str, float]:
    if distribution != "nb2":
        return {}
    alpha = table.row("alpha")
    return {
        "theta": 1 / float(alpha["estimate"]),
        "theta_std_error": float(alpha["std_error"]) / float(alpha["estimate"]) ** 2,
    }
