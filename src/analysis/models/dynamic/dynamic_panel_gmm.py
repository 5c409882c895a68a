"""``dynamic_panel_gmm``: difference and system GMM for panels with a lagged outcome."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.models.dynamic.diagnostics import difference_in_hansen, serial_correlation
from analysis.models.dynamic.instruments import read_gmm_styles, read_iv_styles
from analysis.models.dynamic.linear_gmm import (
    GmmStep,
    criterion,
    invert_weight,
    moment_covariance,
    robust_covariance,
    solve_step,
    windmeijer_covariance,
)
from analysis.models.dynamic.problem import Options, Problem, build_problem, check_options
from analysis.models.estimates import Estimates, Facts, tabulate, wald_test
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]


def dynamic_panel_gmm(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Sequence[str],
    unit: str,
    time: str,
    gmm_instruments: Sequence[Mapping[str, Any]] = (),
    iv_instruments: Sequence[str | Mapping[str, Any]] = (),
    equations: str = "difference",
    transformation: str = "first_differences",
    steps: int = 2,
    vcov: str = "robust",
    initial_weight: str = "full",
    time_dummies: bool = False,
    time_dummy_equation: str | None = None,
    intercept: bool | None = None,
    small_sample: str = "none",
    sigma2_df: str = "residual",
    serial_correlation_scores: str = "all",
    max_order: int = 2,
    sample: str = "all",
) -> Estimates:
    """Difference or system GMM of a panel with effects of the units.

    The model is ``y[i,t] = x[i,t]'b + a[i] + v[i,t]`` where x may hold lags of y. Transformed
    rows remove a[i]; with ``equations="system"`` rows in levels are stacked below them. With the
    stacked instruments Z, the coefficients minimise ``g' W g``, ``g = Z'(y - X b)``. The first step
    has ``W = (sum Z_i' H Z_i)^-1``, the second ``W = (sum Z_i' e_i e_i' Z_i)^-1`` with the
    residuals of the first.

    Parameters
    ----------
    frame
        One row per unit and time. Rows where the outcome, a regressor or an ``iv_instruments``
        column is missing are left out, but their other values still serve as instruments: pass
        every year there is, not only those estimated.
    regressors
        Columns; lags are columns of their own, such as one derived by ``lag(n, 1)``.
    unit, time
        Columns naming a row; times are whole numbers. Gaps stay gaps.
    gmm_instruments
        Mappings with ``columns``; ``lags`` ``[first, last]`` of the column itself, last null for
        all (default ``[2, null]``, or ``[1, 1]`` of the difference for the level equation);
        ``collapse`` for one instrument per lag instead of one per lag and period; ``equation``
        ``both``, ``difference`` or ``level``. In a system ``both`` means levels at these lags for
        the transformed rows, and the difference at lag ``first - 1`` for the level rows.
    iv_instruments
        Columns, or mappings with ``columns``, ``equation`` as above (``both`` is one instrument
        with a part in each equation) and ``transform``, false to use the column as it stands in
        the transformed rows. Exogenous regressors instrument themselves only if listed.
    transformation
        ``first_differences`` or ``orthogonal_deviations`` (forward).
    steps, vcov
        One or two; ``robust`` is the sandwich in one step and Windmeijer's correction in two,
        ``classical`` the homoskedastic covariance in one step and the uncorrected one in two.
    initial_weight
        H of the first step: ``full`` (``fsm="G"`` and ``"full"`` of plm, ``h(3)`` of xtabond2),
        ``block`` (``"GI"``, ``h(2)``), ``identity`` (``"I"``, ``h(1)``).
    time_dummies, time_dummy_equation
        A dummy for each period but the first one used (in a system without intercept, for all),
        transformed like the regressors, and instrumented by itself in the named equation: by
        default ``level`` in a system, as in plm and as Roodman (2009) advises.
    intercept
        An intercept in the level equation, instrumented there; by default exactly in a system.
    small_sample
        ``none``: normal distribution and chi-squared tests. ``full``: robust covariances times
        ``G/(G-1) (n-1)/(n-k)``, as in xtabond2; t with G - 1 degrees of freedom, or n - k under
        the classical covariance.
    sigma2_df
        What the first-step sum of squares, half of it for first differences, is divided by in the
        classical covariance and the Sargan test: ``residual``, transformed rows less coefficients
        (Stata's xtabond); ``observations``, ``facts.n_obs`` (xtabond2).
    serial_correlation_scores
        ``all`` stacked residuals enter the covariance between coefficients and residuals in m1, m2;
        ``difference``: those in levels are put to zero there, as ``plm::mtest`` does in a system.
    max_order
        Serial correlation is tested up to this order.
    sample
        What the rows of the frame are, for the reader.

    Returns
    -------
    Estimates
        ``facts.n_obs`` counts level rows in a system and transformed rows otherwise. Statistics:
        ``m1, m1_p, ...``; ``sargan`` (first step, sigma-squared weight) and ``hansen`` (two-step
        minimum), each with ``_df`` and ``_p``; ``hansen_at_estimates``, the second-step weight at
        the coefficients reported, which is ``plm::sargan``; ``wald_coefficients`` and
        ``wald_time_dummies`` (chi-squared, with ``_df`` and ``_p``), under the reported covariance;
        ``sigma2``; ``n_instruments`` (rank), ``weight_rank``, ``n_transformed``, ``n_level``,
        ``n_stacked``. A ``weight_rank`` below ``n_instruments`` means fewer units than moments: the
        pseudo-inverse is used, packages differ, and neither test can be trusted.
        ``details["difference_in_hansen"]``: a test of each block of instruments.

    Raises
    ------
    ModelError
        If a column, an option or a lag is wrong, or the instruments do not identify a coefficient.

    References
    ----------
    Arellano and Bond (1991), Review of Economic Studies 58; Arellano and Bover (1995) and Blundell
    and Bond (1998), Journal of Econometrics 68 and 87; Windmeijer (2005), Journal of Econometrics
    126; Roodman (2009), Stata Journal 9.
    """
    system = equations == "system"
    options = Options(
        outcome=outcome,
        regressors=tuple(regressors),
        unit=unit,
        time=time,
        gmm=read_gmm_styles(gmm_instruments, system),
        iv=read_iv_styles(iv_instruments, system),
        equations=equations,
        transformation=transformation,
        steps=steps,
        vcov=vcov,
        initial_weight=initial_weight,
        time_dummies=bool(time_dummies),
        time_dummy_equation=time_dummy_equation or ("level" if system else "difference"),
        intercept=system if intercept is None else bool(intercept),
        small_sample=small_sample,
        sigma2_df=sigma2_df,
        serial_correlation_scores=serial_correlation_scores,
        max_order=max_order,
        sample=sample,
    )
    check_options(options)
    problem = build_problem(frame, options)
    first, second = _solve(problem)
    step = first if steps == 1 else second
    facts = _facts(problem, options)
    covariance = _covariance(problem, options, first, second)
    estimates = tabulate(problem.terms, step.coefficients, covariance, facts)
    statistics = _statistics(problem, options, first, second, covariance)
    hansen = float(statistics["hansen"])
    tests = difference_in_hansen(problem.moments, problem.blocks, first.residuals, hansen)
    return replace(estimates, statistics=statistics, details={"difference_in_hansen": tests})


def _solve(problem: Problem) -> tuple[GmmStep, GmmStep]:
    moments = problem.moments
    spread = problem.root.T @ moments.instruments
    first = solve_step(moments, invert_weight(spread.T @ spread)[0])
    second = solve_step(moments, invert_weight(moment_covariance(moments, first))[0])
    return first, second


def _sigma2(problem: Problem, first: GmmStep, options: Options) -> float:
    """Variance of v from the transformed residuals of the first step.

    Each has the variance of v times the diagonal of H, which is two for first differences.
    """
    n, k = len(problem.transformed), len(problem.terms)
    residuals = first.residuals[:n]
    doubled = options.transformation == "first_differences" and options.initial_weight != "identity"
    df = n - k if options.sigma2_df == "residual" else len(problem.estimated)
    return float(residuals @ residuals / df / (2 if doubled else 1))


def _covariance(problem: Problem, options: Options, first: GmmStep, second: GmmStep) -> Floats:
    moments = problem.moments
    n, n_groups, k = len(problem.estimated), problem.n_units, len(problem.terms)
    factor = 1.0
    if options.small_sample == "full":
        factor = n_groups / (n_groups - 1) * (n - 1) / (n - k)
    if options.vcov == "robust" and options.steps == 1:
        return robust_covariance(moments, first) * factor
    if options.vcov == "robust":
        return windmeijer_covariance(moments, first, second) * factor
    if options.steps == 1:
        return first.bread * _sigma2(problem, first, options)
    return second.bread * factor


def _facts(problem: Problem, options: Options) -> Facts:
    n, n_units, k = len(problem.estimated), problem.n_units, len(problem.terms)
    if min(len(problem.transformed) - k, n_units - 1) < 1:
        raise ModelError(
            f"{len(problem.transformed)} transformed rows of {n_units} units cannot estimate {k} "
            "coefficients; more rows and at least 2 units are needed"
        )
    small = options.small_sample == "full"
    df_t = (n_units - 1 if options.vcov == "robust" else n - k) if small else math.inf
    corrected = options.vcov == "robust" and options.steps == 2
    return Facts(
        outcome=options.outcome,
        sample=options.sample,
        estimator=f"{options.equations} GMM, {('one', 'two')[options.steps - 1]}-step",
        vcov="windmeijer" if corrected else options.vcov,
        formula=f"{options.outcome} ~ {' + '.join(problem.terms)}",
        cluster=options.unit if options.vcov == "robust" else "",
        small_sample="G/(G - 1) x (n - 1)/(n - k)" if small else "none",
        n_obs=n,
        n_dropped=problem.n_dropped,
        n_parameters=k,
        n_units=n_units,
        n_periods=len(np.unique(problem.estimated.period)),
        n_clusters=n_units if options.vcov == "robust" else None,
        df_t=float(df_t),
        outcome_mean=float(problem.moments.outcome[-n:].mean()),
    )


def _statistics(
    problem: Problem, options: Options, first: GmmStep, second: GmmStep, covariance: Floats
) -> dict[str, float]:
    moments, step = problem.moments, first if options.steps == 1 else second
    moment_weight, weight_rank = invert_weight(moment_covariance(moments, first))
    n_instruments, k = moments.instruments.shape[1], len(problem.terms)
    sigma2 = _sigma2(problem, first, options)
    result = _correlation_tests(problem, options, step, covariance)
    for name, value in {
        "sargan": criterion(moments, first, first.weight) / sigma2,
        "hansen": criterion(moments, second, moment_weight),
        "hansen_at_estimates": criterion(moments, step, moment_weight),
    }.items():
        result |= _chi_squared(name, value, n_instruments - k)
    result |= _wald_tests(problem, options, step, covariance)
    return result | {
        "sigma2": sigma2,
        "n_instruments": n_instruments,
        "weight_rank": weight_rank,
        "n_transformed": len(problem.transformed),
        "n_level": 0 if problem.level is None else len(problem.level),
        "n_stacked": len(moments.outcome),
    }


def _correlation_tests(
    problem: Problem, options: Options, step: GmmStep, covariance: Floats
) -> dict[str, float]:
    scored = np.ones(len(problem.moments.outcome), dtype=bool)
    if options.serial_correlation_scores == "difference":
        scored[len(problem.transformed) :] = False
    result: dict[str, float] = {}
    for order in range(1, options.max_order + 1):
        z = serial_correlation(
            problem.moments, step, covariance, problem.differences, order, scored
        )
        result |= {f"m{order}": z, f"m{order}_p": float(2 * stats.norm.sf(abs(z)))}
    return result


def _wald_tests(
    problem: Problem, options: Options, step: GmmStep, covariance: Floats
) -> dict[str, float]:
    n_regressors = len(options.regressors)
    sets = {"wald_coefficients": range(n_regressors)}
    if options.time_dummies:
        # With the intercept, which is the effect of the period without a dummy.
        sets["wald_time_dummies"] = range(n_regressors, len(problem.terms))
    result: dict[str, float] = {}
    for name, positions in sets.items():
        chosen = np.array(positions, dtype=int)
        block = covariance[np.ix_(chosen, chosen)]
        test = wald_test(step.coefficients[chosen], block, math.inf)
        result |= _chi_squared(name, test.statistic * test.df_numerator, test.df_numerator)
    return result


def _chi_squared(name: str, value: float, df: int) -> dict[str, float]:
    p_value = float(stats.chi2.sf(value, df)) if df > 0 else math.nan
    return {name: value, f"{name}_df": df, f"{name}_p": p_value}
