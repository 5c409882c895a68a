"""The one result type: tidy coefficients, their covariance, and the facts of the fit."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, stats

from analysis.models.specification import ModelError

CONFIDENCE_LEVEL = 0.95
COEFFICIENT_COLUMNS = (
    "term",
    "estimate",
    "std_error",
    "statistic",
    "p_value",
    "ci_low",
    "ci_high",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a reader must know of a fit besides its coefficients.

    A fact that has no meaning for an estimator is missing (NaN or None), never zero.
    ``n_units`` counts the levels of the unit column, or of the first absorbed effect if no unit is
    named; ``n_periods`` likewise with the time column or second effect. ``n_clusters`` is the
    smaller number with two-way clustering. ``n_dropped`` counts rows left out for a missing value,
    ``n_separated`` those that a Poisson model with effects cannot use because every outcome of
    their group is zero. ``r_squared`` is missing for 2SLS, where it has no meaning.
    ``first_stage_f`` is the smallest, over the endogenous regressors, F statistic of the excluded
    instruments under the model's own covariance; ``effective_f`` that of Montiel Olea and Pflueger
    (2013), for one endogenous regressor; ``cragg_donald_f`` the minimum-eigenvalue statistic.
    """

    outcome: str
    estimator: str
    vcov: str
    formula: str
    n_obs: int
    df_t: float
    absorb: str = ""
    cluster: str = ""
    weights: str = ""
    sample: str = "all"
    small_sample: str = ""
    n_dropped: int = 0
    n_separated: int = 0
    n_singletons: int = 0
    n_parameters: int | None = None
    n_units: int | None = None
    n_periods: int | None = None
    n_clusters: int | None = None
    outcome_mean: float = math.nan
    r_squared: float = math.nan
    within_r_squared: float = math.nan
    pseudo_r_squared: float = math.nan
    log_likelihood: float = math.nan
    first_stage_f: float = math.nan
    effective_f: float = math.nan
    cragg_donald_f: float = math.nan
    pretrend_f: float = math.nan
    pretrend_p_value: float = math.nan
    cutoff: float = math.nan
    bandwidth: float = math.nan
    bias_bandwidth: float = math.nan
    n_left: int | None = None
    n_right: int | None = None


@dataclass(frozen=True, slots=True)
class WaldTest:
    """F test that several coefficients are all zero."""

    statistic: float
    df_numerator: int
    df_denominator: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Estimates:
    """Result of any estimator.

    Attributes
    ----------
    coefficients
        One row per term with the columns ``term, estimate, std_error, statistic, p_value, ci_low,
        ci_high``; the interval covers 95 %.
    covariance
        Square, terms in the same order on both axes.
    facts
        See :class:`Facts`.
    statistics
        Further numbers by name that only some estimators have: test statistics, variance
        components, information criteria.
    details
        Further tables by name that only some estimators have, such as the weights of a synthetic
        control; the estimator's docstring says what they hold.
    sample
        Unit and period of each row used, in columns named as the frame's own; None where the
        estimator does not say.
    """

    coefficients: pd.DataFrame
    covariance: pd.DataFrame
    facts: Facts
    statistics: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    sample: pd.DataFrame | None = None

    def row(self, term: str) -> pd.Series:
        """The coefficient row of ``term``; `ModelError` lists the terms if there is none."""
        _check_terms([term], self.coefficients["term"].tolist())
        return self.coefficients.set_index("term").loc[term]

    def frame(self) -> pd.DataFrame:
        """One row per term: coefficient columns, then every fact, the same columns each time."""
        result = self.coefficients.copy()
        for fact in fields(Facts):
            result[fact.name] = _fact_column(fact.type, getattr(self.facts, fact.name), result)
        return result

    def wald(self, terms: list[str]) -> WaldTest:
        """Test jointly that ``terms`` are zero, with F(len(terms), df_t).

        The statistic is missing when the covariance of the terms is not positive definite, as it
        is when there are more terms than clusters.
        """
        _check_terms(terms, self.coefficients["term"].tolist())
        values = self.coefficients.set_index("term").loc[terms, "estimate"].to_numpy()
        covariance = self.covariance.loc[terms, terms].to_numpy()
        return wald_test(values, covariance, self.facts.df_t)


def tabulate(
    terms: list[str],
    estimates: NDArray[np.float64],
    covariance: NDArray[np.float64],
    facts: Facts,
) -> Estimates:
    """Estimates from coefficients (k,) and covariance (k, k), t inference with ``facts.df_t``."""
    variances = np.diag(covariance)
    # A two-way clustered covariance need not be positive: such a variance is undefined, not zero.
    std_errors = np.sqrt(np.where(variances > 0, variances, np.nan))
    statistics = estimates / std_errors
    half_width = stats.t.ppf((1 + CONFIDENCE_LEVEL) / 2, facts.df_t) * std_errors
    columns = (
        list(terms),
        estimates,
        std_errors,
        statistics,
        2 * stats.t.sf(np.abs(statistics), facts.df_t),
        estimates - half_width,
        estimates + half_width,
    )
    coefficients = pd.DataFrame(dict(zip(COEFFICIENT_COLUMNS, columns, strict=True)))
    return Estimates(coefficients, pd.DataFrame(covariance, index=terms, columns=terms), facts)


def wald_test(
    values: NDArray[np.float64], covariance: NDArray[np.float64], df_denominator: float
) -> WaldTest:
    """F form of the Wald test that ``values`` (q,), with ``covariance`` (q, q), are all zero."""
    count = len(values)
    scale = np.sqrt(np.where(np.diag(covariance) > 0, np.diag(covariance), np.nan))
    correlation = covariance / np.outer(scale, scale)
    undefined = WaldTest(math.nan, count, df_denominator, math.nan)
    # Scaling to correlations makes the test for singularity independent of units.
    if not np.isfinite(correlation).all() or linalg.eigvalsh(correlation).min() < 1e-10:
        return undefined
    standardised = values / scale
    statistic = float(standardised @ linalg.solve(correlation, standardised, assume_a="pos"))
    statistic /= count
    if math.isinf(df_denominator):
        p_value = float(stats.chi2.sf(statistic * count, count))
    else:
        p_value = float(stats.f.sf(statistic, count, df_denominator))
    return WaldTest(statistic, count, df_denominator, p_value)


def round_significant(frame: pd.DataFrame, digits: int = 12) -> pd.DataFrame:
    """Round every float column to ``digits`` significant digits, for writing.

    The last bits of a double depend on the linear-algebra library, its threads and the processor;
    twelve digits are far more than any estimate deserves and are the same everywhere. Estimates in
    memory keep full precision.
    """
    result = frame.copy()
    for column in result.select_dtypes("floating").columns:
        values = result[column].to_numpy()
        result[column] = [float(f"{value:.{digits - 1}e}") for value in values]
    return result


def _fact_column(kind: object, value: object, rows: pd.DataFrame) -> pd.Series:
    dtype = {str: "str", float: "float64"}.get(kind, "Int64")  # type: ignore[call-overload]
    return pd.Series([value] * len(rows), index=rows.index, dtype=dtype)


def _check_terms(asked: list[str], present: list[str]) -> None:
    missing = [term for term in asked if term not in present]
    if missing or not asked:
        raise ModelError(f"no such term: {missing}; the terms are {', '.join(present)}")
