"""How strong would an unobserved confounder have to be? Oster (2019), Cinelli and Hazlett (2020).

Both compare the unobserved with the observed. Oster asks how much selection on unobservables,
relative to selection on the controls, would move the estimate to a target; Cinelli and Hazlett what
share of the residual variance of treatment and outcome a confounder must explain to do so.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.models import ModelError
from analysis.robustness.moments import Moments
from analysis.robustness.one_regression import Regression, regression_on

Floats = NDArray[np.float64]

R_MAX_RULE = 1.3
IMAGINARY = 1e-8


# --- Oster (2019) --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionFacts:
    """What Oster's bounds need: the regressions without and with controls.

    ``short`` is the estimate without controls and ``short_r_squared`` its R², ``long`` and
    ``long_r_squared`` those with controls; ``outcome_variance``, ``focus_variance`` and
    ``focus_residual_variance`` (of the focus given the controls) share one divisor.
    """

    short: float
    short_r_squared: float
    long: float
    long_r_squared: float
    outcome_variance: float
    focus_variance: float
    focus_residual_variance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OsterBound:
    """Selection on unobservables as a multiple ``delta`` of selection on the controls.

    ``delta_for_target`` is the multiple at which the effect is ``target`` (NaN if no multiple is:
    the estimate then does not move). ``beta_star`` is the effect if the multiple is ``delta``;
    ``roots`` are all effects compatible with it, from the one nearest to the controlled estimate.
    ``identified_set`` runs from ``beta_star`` to the controlled estimate, ordered.
    """

    facts: SelectionFacts
    r_max: float
    target: float
    delta_for_target: float
    delta: float
    beta_star: float
    roots: tuple[float, ...]
    identified_set: tuple[float, float]


def oster(
    moments: Moments,
    outcome: str,
    focus: str,
    controls: Sequence[str],
    *,
    always: Sequence[str] = (),
    r_max: float | None = None,
    target: float = 0.0,
    delta: float = 1.0,
) -> OsterBound:
    """Oster's bounds for the coefficient of ``focus``; ``controls`` are the observed confounders.

    Absorbed effects, dummies and the columns ``always`` are in both regressions and are partialled
    out first, so that every R² is of what they leave. ``r_max`` is the R² of a regression that also
    has the unobserved confounders; by default ``min(1.3 R², 1)`` of the controlled regression.

    Raises ModelError without controls, or if ``r_max`` is below the controlled R² or above one.
    """
    if not controls:
        raise ModelError("oster needs controls: selection on them is what the bound compares with")
    short = regression_on(moments, outcome, focus, always)
    long = regression_on(moments, outcome, focus, (*always, *controls))
    total = float(short.outcome_residual @ moments.total @ short.outcome_residual)
    facts = SelectionFacts(
        short=short.estimate,
        short_r_squared=1 - _residual_squares(moments, short) / total,
        long=long.estimate,
        long_r_squared=1 - _residual_squares(moments, long) / total,
        outcome_variance=total / moments.n_obs,
        focus_variance=short.focus_squares / moments.n_obs,
        focus_residual_variance=long.focus_squares / moments.n_obs,
    )
    if r_max is None:
        r_max = min(R_MAX_RULE * facts.long_r_squared, 1.0)
    return oster_bound(facts, r_max=r_max, target=target, delta=delta)


def oster_bound(
    facts: SelectionFacts, *, r_max: float, target: float = 0.0, delta: float = 1.0
) -> OsterBound:
    """Oster (2019), propositions 2 and 3, exactly.

    With ν = controlled estimate − effect, the variances of the unobserved and of the observed index
    and their covariances with the focus follow from the two regressions; proportional selection
    ``delta = (s_2x / s_22) / (s_1x / s_11)`` then is a ratio of cubics in ν. For a given delta its
    real roots are the effects compatible with the data; the one nearest to the controlled estimate
    is taken among those where the bias of the observed index keeps its sign (her assumption 3), or
    among all if none does.
    """
    if not facts.long_r_squared <= r_max <= 1:
        raise ModelError(
            f"r_max: expected between the controlled R² {facts.long_r_squared:.4f} and 1, got "
            f"{r_max}"
        )
    numerator, denominator, covariance = _selection_polynomials(facts, r_max)
    nu = facts.long - target
    below = float(np.polyval(denominator, nu))
    delta_for_target = float(np.polyval(numerator, nu)) / below if below else math.nan
    roots = _real_roots(numerator - delta * denominator)
    moved = covariance[1] * np.polyval(covariance, roots) >= 0
    candidates = roots[moved] if moved.any() else roots
    beta_star = facts.long - float(candidates[0])
    return OsterBound(
        facts=facts,
        r_max=r_max,
        target=target,
        delta_for_target=delta_for_target,
        delta=delta,
        beta_star=beta_star,
        roots=tuple((facts.long - roots).tolist()),
        identified_set=(min(beta_star, facts.long), max(beta_star, facts.long)),
    )


def _selection_polynomials(facts: SelectionFacts, r_max: float) -> tuple[Floats, Floats, Floats]:
    """Numerator and denominator of delta, and the covariance of focus and observed index, in ν."""
    gap = facts.short - facts.long
    var_x, var_left = facts.focus_variance, facts.focus_residual_variance
    unexplained = (r_max - facts.long_r_squared) * facts.outcome_variance
    gained = (facts.long_r_squared - facts.short_r_squared) * facts.outcome_variance
    hidden_covariance = np.array([var_left, 0.0])
    observed_covariance = np.array([var_x - var_left, gap * var_x])
    hidden_variance = np.array([var_left, 0.0, unexplained])
    observed_variance = np.array([var_x - var_left, 2 * gap * var_x, gained + gap**2 * var_x])
    return (
        np.polymul(hidden_covariance, observed_variance),
        np.polymul(observed_covariance, hidden_variance),
        observed_covariance,
    )


def _real_roots(polynomial: Floats) -> Floats:
    """Real roots, the smallest in absolute value first; leading rounding errors count as zero."""
    size = np.abs(polynomial).max()
    if not size:
        return np.zeros(1)
    roots = np.roots(np.where(np.abs(polynomial) > 1e-14 * size, polynomial, 0.0))
    real = roots.real[np.abs(roots.imag) <= IMAGINARY * (1 + np.abs(roots))]
    if not len(real):
        raise ModelError(
            "no effect is compatible with this delta and r_max; choose a smaller delta"
        )
    return np.asarray(real[np.lexsort([real, np.abs(real)])])


def _residual_squares(moments: Moments, regression: Regression) -> float:
    """Sum of squared residuals, from the residuals rather than as a difference of R²."""
    residual = regression.outcome_residual - regression.estimate * regression.focus_residual
    return float(residual @ moments.total @ residual)


# --- Cinelli and Hazlett (2020) ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """Sensitivity of one estimate to omitted variables.

    ``statistic`` and ``std_error`` are the classical ones, on which the partial R² rest. A
    confounder that explains ``robustness_value`` of the residual variance of both focus and outcome
    moves the estimate by the share ``q`` of itself; ``robustness_value_alpha`` is enough to make
    that difference insignificant at ``alpha``. ``partial_r_squared`` is the share of the outcome's
    residual variance that the focus explains: how much of the focus's residual variance a
    confounder explaining all of the outcome's must explain to bring the estimate to zero.
    """

    estimate: float
    std_error: float
    statistic: float
    df: int
    q: float
    alpha: float
    partial_r_squared: float
    robustness_value: float
    robustness_value_alpha: float


def sensitivity(
    moments: Moments,
    outcome: str,
    focus: str,
    controls: Sequence[str] = (),
    *,
    q: float = 1.0,
    alpha: float = 0.05,
) -> Sensitivity:
    """Robustness values of the coefficient of ``focus``."""
    return sensitivity_of(*_classical(moments, outcome, focus, controls), q=q, alpha=alpha)


def sensitivity_of(
    estimate: float, std_error: float, df: int, *, q: float = 1.0, alpha: float = 0.05
) -> Sensitivity:
    """Robustness values from a published estimate, its classical error and residual df."""
    if not (std_error > 0 and df > 1 and q > 0 and 0 < alpha < 1):
        raise ModelError(
            "sensitivity: expected std_error > 0, df > 1, q > 0 and alpha between 0 and 1, got "
            f"{std_error}, {df}, {q}, {alpha}"
        )
    statistic = estimate / std_error
    return Sensitivity(
        estimate=estimate,
        std_error=std_error,
        statistic=statistic,
        df=df,
        q=q,
        alpha=alpha,
        partial_r_squared=statistic**2 / (statistic**2 + df),
        robustness_value=robustness_value(statistic, df, q=q),
        robustness_value_alpha=robustness_value(statistic, df, q=q, alpha=alpha),
    )


def robustness_value(
    statistic: float, df: float, *, q: float = 1.0, alpha: float | None = None
) -> float:
    """Equal partial R² with focus and outcome that moves the estimate by the share ``q`` of itself.

    With ``alpha``: that makes the difference insignificant at this level (Cinelli and Hazlett 2020,
    equations 18 and 19, where f is the partial f of Cohen). When a confounder so strong would need
    less than its whole allowance on the outcome's side, the bound is interior: there the t
    statistic is lowest at a partial R² with the outcome below that with the focus.
    """
    f = q * abs(statistic) / math.sqrt(df)
    critical = 0.0
    if alpha is not None:
        critical = float(stats.t.isf(alpha / 2, df - 1)) / math.sqrt(df - 1)
    excess = f - critical
    if excess <= 0:
        return 0.0
    if critical and f > 1 / critical:
        return (f**2 - critical**2) / (1 + f**2)
    return (math.sqrt(excess**4 + 4 * excess**2) - excess**2) / 2


def confounder_bounds(
    moments: Moments,
    outcome: str,
    focus: str,
    controls: Sequence[str],
    benchmarks: Sequence[str | tuple[str, ...]],
    *,
    multiples: Sequence[float] = (1.0, 2.0, 3.0),
    alpha: float = 0.05,
) -> pd.DataFrame:
    """What a confounder ``multiples`` times as strong as an observed control would do.

    A benchmark is one of ``controls`` or a tuple of some, taken together. Bounds on the partial R²
    follow Cinelli and Hazlett (2020, section 4.4) with the same multiple for focus and outcome.

    Returns
    -------
    DataFrame
        ``benchmark, multiple, r2_focus, r2_outcome, estimate, std_error, statistic, ci_low,
        ci_high``: partial R² of the confounder with the focus given the controls, with the outcome
        given focus and controls, and the estimate it would leave. Missing where the bound on the
        focus reaches one: no such confounder can exist.
    """
    estimate, std_error, df = _classical(moments, outcome, focus, controls)
    rows = []
    for benchmark in benchmarks:
        group = (benchmark,) if isinstance(benchmark, str) else tuple(benchmark)
        absent = [name for name in group if name not in controls]
        if absent or not group:
            raise ModelError(f"benchmarks must be among the controls; {absent} are not")
        rest = [name for name in controls if name not in group]
        with_focus = _gain(moments, focus, rest, group)
        with_outcome = _gain(moments, outcome, [*rest, focus], group)
        for multiple in multiples:
            r2 = _benchmark_bound(with_focus, with_outcome, multiple)
            adjusted = _adjusted(estimate, std_error, df, *r2, alpha)
            rows.append((" + ".join(group), float(multiple), *r2, *adjusted))
    names = ["benchmark", "multiple", "r2_focus", "r2_outcome"]
    adjusted_names = ["estimate", "std_error", "statistic", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=[*names, *adjusted_names])


def confounder_contours(
    moments: Moments,
    outcome: str,
    focus: str,
    controls: Sequence[str] = (),
    *,
    limit: float = 0.4,
    points: int = 41,
) -> pd.DataFrame:
    """Estimate and t statistic left by a confounder, on a grid of its two partial R².

    Returns ``r2_focus, r2_outcome, estimate, statistic``, ``points``² rows from zero to ``limit``,
    for a contour plot.
    """
    if not (0 < limit < 1 and points >= 2):
        raise ModelError(f"expected 0 < limit < 1 and points >= 2, got {limit} and {points}")
    estimate, std_error, df = _classical(moments, outcome, focus, controls)
    shares = np.linspace(0, limit, points)
    r2_focus, r2_outcome = (grid.ravel() for grid in np.meshgrid(shares, shares, indexing="ij"))
    left, error = _left(estimate, std_error, df, r2_focus, r2_outcome)
    return pd.DataFrame(
        {
            "r2_focus": r2_focus,
            "r2_outcome": r2_outcome,
            "estimate": left,
            "statistic": left / error,
        }
    )


def _classical(
    moments: Moments, outcome: str, focus: str, controls: Sequence[str]
) -> tuple[float, float, int]:
    """Estimate, classical standard error and residual degrees of freedom."""
    regression = regression_on(moments, outcome, focus, controls)
    variance = _residual_squares(moments, regression) / regression.df_residual
    error = math.sqrt(variance / regression.focus_squares)
    return regression.estimate, error, regression.df_residual


def _gain(moments: Moments, outcome: str, controls: Sequence[str], group: Sequence[str]) -> float:
    """Partial R² of ``group`` with ``outcome`` given ``controls``: one column after the other."""
    unexplained = 1.0
    for position, name in enumerate(group):
        regression = regression_on(moments, outcome, name, (*controls, *group[:position]))
        left = _residual_squares(moments, regression)
        unexplained *= left / (left + regression.estimate**2 * regression.focus_squares)
    return 1 - unexplained


def _benchmark_bound(
    with_focus: float, with_outcome: float, multiple: float
) -> tuple[float, float]:
    r2_focus = multiple * with_focus / (1 - with_focus)
    if r2_focus >= 1:
        return math.nan, math.nan
    shared = multiple * with_focus**2 / ((1 - multiple * with_focus) * (1 - with_focus))
    if not 0 <= shared < 1:
        return r2_focus, 1.0
    strength = (math.sqrt(multiple) + math.sqrt(shared)) / math.sqrt(1 - shared)
    return r2_focus, min(strength**2 * with_outcome / (1 - with_outcome), 1.0)


def _left(
    estimate: float, std_error: float, df: int, r2_focus: Floats, r2_outcome: Floats
) -> tuple[Floats, Floats]:
    """Estimate reduced by the confounder, and its error (equations 12 and 14)."""
    bias = std_error * np.sqrt(df * r2_outcome * r2_focus / (1 - r2_focus))
    error = std_error * np.sqrt((1 - r2_outcome) / (1 - r2_focus) * df / (df - 1))
    return math.copysign(1.0, estimate) * (abs(estimate) - bias), error


def _adjusted(
    estimate: float, std_error: float, df: int, r2_focus: float, r2_outcome: float, alpha: float
) -> tuple[float, ...]:
    left, error = (
        float(value)
        for value in _left(estimate, std_error, df, np.array(r2_focus), np.array(r2_outcome))
    )
    margin = float(stats.t.isf(alpha / 2, df - 1)) * error
    statistic = left / error if error else math.copysign(math.inf, left)
    return left, error, statistic, left - margin, left + margin
