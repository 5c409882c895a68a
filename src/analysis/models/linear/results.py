"""From a solved least-squares problem to :class:`analysis.models.estimates.Estimates`."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, stats

from analysis.models.absorption import count_effects, count_singletons
from analysis.models.design import Design
from analysis.models.estimates import Estimates, Facts, tabulate, wald_test
from analysis.models.fit_statistics import weighted_squares
from analysis.models.least_squares import Solution
from analysis.models.linear.covariances import (
    Groups,
    VcovChoice,
    cluster_counts,
    coefficient_covariance,
    small_sample_text,
)
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]


def panel_groups(panel: Design) -> Groups:
    """The groups of the rows of ``panel``, when they are the rows of the regression."""
    return Groups(panel.clusters, panel.effects, panel.units, panel.periods)


def least_squares_estimates(
    panel: Design,
    solution: Solution,
    groups: Groups,
    choice: VcovChoice,
    estimator: str,
    statistics: Mapping[str, float] | None = None,
    terms: tuple[str, ...] = (),
) -> Estimates:
    """Coefficients, covariance, facts and the statistics every linear estimator shares.

    ``facts.n_parameters`` and the statistics count every parameter, whatever the covariance does.
    """
    n, spec = len(solution.residuals), panel.specification
    n_parameters = len(solution.coefficients) + count_effects(groups.effects)
    if n <= n_parameters:
        raise ModelError(
            f"{n} complete rows cannot estimate {n_parameters} parameters (absorbed effects "
            f"included): {spec.formula}"
        )
    matrix, df_t = coefficient_covariance(solution, groups, choice)
    facts = Facts(
        outcome=spec.outcome,
        estimator=estimator,
        vcov=choice.kind,
        formula=spec.formula,
        absorb=" + ".join(spec.absorb),
        cluster=" + ".join(spec.cluster),
        weights=spec.weights or "",
        sample=spec.sample,
        small_sample=small_sample_text(choice),
        n_obs=len(panel.outcome),
        n_dropped=panel.n_dropped,
        n_singletons=count_singletons(panel.effects),
        n_parameters=n_parameters,
        n_units=_count(panel.units),
        n_periods=_count(panel.periods),
        n_clusters=min(cluster_counts(groups), default=None),
        df_t=df_t,
        outcome_mean=float(panel.outcome.mean()),
    )
    estimates = tabulate(list(terms or panel.terms), solution.coefficients, matrix, facts)
    shared = regression_statistics(estimates, solution, n_parameters)
    return replace(estimates, statistics={**shared, **(statistics or {})})


def regression_statistics(
    estimates: Estimates, solution: Solution, n_parameters: int
) -> dict[str, float]:
    """``rss``, ``rmse`` with n - K, ``df_residual``, and :func:`slopes_test`."""
    rss = weighted_squares(solution.residuals, solution.weights)
    df_residual = len(solution.residuals) - n_parameters
    fit = {"rss": rss, "rmse": math.sqrt(rss / df_residual), "df_residual": float(df_residual)}
    return fit | slopes_test(estimates)


def slopes_test(estimates: Estimates) -> dict[str, float]:
    """Wald test that every coefficient but the intercept is zero: ``f_statistic`` with ``f_df1``,
    ``f_df2``, ``f_p_value``, and ``wald_chi2`` with ``wald_chi2_p``; nothing without slopes."""
    slopes = [term for term in estimates.coefficients["term"] if term != "Intercept"]
    if not slopes:
        return {}
    test = estimates.wald(slopes)
    chi2 = test.statistic * len(slopes)
    return {
        "f_statistic": test.statistic,
        "f_df1": float(len(slopes)),
        "f_df2": test.df_denominator,
        "f_p_value": test.p_value,
        "wald_chi2": chi2,
        "wald_chi2_p": float(stats.chi2.sf(chi2, len(slopes))),
    }


def adjusted(r_squared: float, n: int, n_parameters: int, intercept: bool = True) -> float:
    """Adjusted R-squared, ``1 - (1 - R2)(n - 1)/(n - K)``; n instead of n - 1 without intercept."""
    return 1 - (1 - r_squared) * (n - int(intercept)) / (n - n_parameters)


def residual_r_squared(outcome: Floats, residuals: Floats, weights: Floats, centred: bool) -> float:
    """``1 - RSS/TSS``, the total around the mean, or around zero without an intercept."""
    centre = np.average(outcome, weights=weights) if centred else 0.0
    total = float(weights @ (outcome - centre) ** 2)
    if total <= 1e-18 * float(weights @ outcome**2):
        raise ModelError("the outcome does not vary")
    return 1 - float(weights @ residuals**2) / total


def squared_correlation(first: Floats, second: Floats) -> float:
    """Squared correlation; missing when one of the two does not vary."""
    if min(np.ptp(first), np.ptp(second)) <= 1e-12 * max(np.abs(first).max(), np.abs(second).max()):
        return math.nan
    return float(np.corrcoef(first, second)[0, 1] ** 2)


def quadratic_form(
    difference: Floats, covariance: Floats, label: str
) -> tuple[float, int, float, int]:
    """``d'V^{-1}d``, its degrees of freedom (the rank of V), p-value, and how many eigenvalues of
    V are negative.

    V, the difference of two covariances, need not be positive semi-definite in a sample. As long
    as the statistic is positive it is the one printed in practice; a negative one is a
    `ModelError`.
    """
    scale = np.sqrt(np.abs(np.diag(covariance)))
    if not (scale > 0).all():
        raise ModelError(f"{label}: a variance of the compared coefficients is zero")
    values, vectors = linalg.eigh(covariance / np.outer(scale, scale))
    kept = np.abs(values) > 1e-8
    projected = vectors[:, kept].T @ (difference / scale)
    statistic = float(projected @ (projected / values[kept]))
    if statistic < 0:
        raise ModelError(
            f"{label}: the difference of the two covariances is not positive semi-definite and the "
            "statistic negative; use method='regression', or variance='efficient'"
        )
    df = int(kept.sum())
    return statistic, df, float(stats.chi2.sf(statistic, df)), int((values < -1e-8).sum())


def joint_test(estimates: Estimates, terms: list[str], prefix: str) -> dict[str, float]:
    """Wald statistics of ``terms`` named ``{prefix}_chi2``, ``_df``, ``_p``, ``_f``, ``_f_p``."""
    chosen = estimates.coefficients.set_index("term").loc[terms, "estimate"].to_numpy()
    test = wald_test(chosen, estimates.covariance.loc[terms, terms].to_numpy(), math.inf)
    chi2 = test.statistic * len(terms)
    f_test = estimates.wald(terms)
    return {
        f"{prefix}_chi2": chi2,
        f"{prefix}_df": float(len(terms)),
        f"{prefix}_p": test.p_value,
        f"{prefix}_f": f_test.statistic,
        f"{prefix}_f_p": f_test.p_value,
    }


def _count(codes: NDArray[np.int64] | None) -> int | None:
    return None if codes is None else len(np.unique(codes))
