"""Tests between pooled, fixed-effects and random-effects models."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.models.absorption import count_effects
from analysis.models.design import Design
from analysis.models.estimates import Estimates, tabulate
from analysis.models.least_squares import solve_ols
from analysis.models.linear.covariances import choose_vcov
from analysis.models.linear.hausman_taylor import hausman_taylor
from analysis.models.linear.least_squares import ols
from analysis.models.linear.least_squares import within as within_estimator
from analysis.models.linear.panel import (
    Columns,
    check_choice,
    column_names,
    read_panel,
    varies_within,
    within,
)
from analysis.models.linear.random_effects import quasi_demeaned, random_effects
from analysis.models.linear.results import (
    joint_test,
    least_squares_estimates,
    panel_groups,
    quadratic_form,
)
from analysis.models.linear.variance_components import (
    estimate_components,
    independent_columns,
)
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

HAUSMAN_METHODS = ("contrast", "regression")
HAUSMAN_VARIANCES = ("own", "efficient", "consistent")


def effects_f_test(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns,
    absorb: Columns,
    given: Columns = (),
) -> Estimates:
    """F test that absorbed effects are jointly zero (Baltagi 2021, eq. 2.12 and 3.6-3.7).

    ``F = ((RSS_0 - RSS_1) / q) / (RSS_1 / (n - K))`` of pooled least squares against one or two
    columns of effects, ``absorb``. ``given``: those that both models have, among ``absorb``;
    the others are tested.

    Returns
    -------
    Estimates
        As :func:`ols` with the effects, and in ``statistics`` the test of the effects:
        ``effects_f``, ``effects_f_df1``, ``effects_f_df2``, ``effects_f_p``.
    """
    absorbed, kept = column_names(absorb), column_names(given)
    if not absorbed or not set(kept) < set(absorbed):
        raise ModelError(f"absorb {absorbed} must be more than those given, {kept}")
    full = ols(frame, outcome=outcome, regressors=regressors, absorb=absorbed)
    panel = read_panel(frame, outcome=outcome, regressors=regressors, absorb=absorbed)
    slopes, places = panel.regressors, [absorbed.index(name) for name in kept]
    design = slopes if kept else np.column_stack([np.ones(len(slopes)), slopes])
    terms = panel.terms if kept else ("Intercept", *panel.terms)
    remaining = panel.effects[:, places]
    restricted = solve_ols(panel.outcome, design, remaining, panel.weights, terms)
    squares = float(restricted.residuals @ restricted.residuals)
    parameters = design.shape[1] + count_effects(remaining)
    numerator = (full.facts.n_parameters or 0) - parameters
    if numerator < 1:
        raise ModelError(f"the effects {absorbed} add no parameter to test")
    denominator = full.statistics["df_residual"]
    value = (squares - full.statistics["rss"]) / numerator / full.statistics["rmse"] ** 2
    statistics = {
        "effects_f": value,
        "effects_f_df1": float(numerator),
        "effects_f_df2": denominator,
        "effects_f_p": float(stats.f.sf(value, numerator, denominator)),
    }
    return replace(full, statistics={**full.statistics, **statistics})


def breusch_pagan_lm(
    frame: pd.DataFrame, *, outcome: str, regressors: Columns, unit: str, time: str | None = None
) -> Estimates:
    r"""Lagrange-multiplier tests for error components, from pooled least-squares residuals.

    With :math:`A_g = \sum_j (\sum_{r \in j} e_r)^2 / \sum e_r^2 - 1` over the groups j of a factor
    and :math:`M_g = \sum_j n_j^2`, :math:`z_g = A_g\, n / \sqrt{2 (M_g - n)}`; Breusch and Pagan
    (1980) is :math:`z_g^2`, Honda (1985) the one-sided :math:`z_g`. Balanced or not (Baltagi and Li
    1990; Baltagi 2021, section 4.2). With ``time``, the two-way tests: Breusch-Pagan
    :math:`z_1^2 + z_2^2`, Honda :math:`(z_1 + z_2)/\sqrt 2`, King and Wu (1997)
    :math:`(\sqrt{M_1 - n} z_1 + \sqrt{M_2 - n} z_2)/\sqrt{M_1 + M_2 - 2n}`, and Gourieroux, Holly
    and Monfort (1982) :math:`\max(0, z_1)^2 + \max(0, z_2)^2`, a mixture of chi-squared.

    Returns
    -------
    Estimates
        Of pooled least squares; ``statistics`` ``lm`` and ``lm_p`` (chi-squared 1), ``honda``,
        ``honda_p`` for ``unit``; with ``time`` also ``lm_time, lm_time_p, honda_time,
        honda_time_p``, ``lm_two_way, lm_two_way_p`` (chi-squared 2), ``honda_two_way, king_wu,
        gourieroux_holly_monfort`` and their ``_p``.
    """
    pooled = ols(frame, outcome=outcome, regressors=regressors, unit=unit, time=time)
    panel = read_panel(frame, outcome=outcome, regressors=regressors, unit=unit, time=time)
    fit = solve_ols(panel.outcome, panel.regressors, panel.effects, panel.weights, panel.terms)
    assert panel.units is not None
    first, weight = _honda(fit.residuals, panel.units, unit)
    result = _one_way("", first)
    if panel.periods is not None:
        second, other = _honda(fit.residuals, panel.periods, str(time))
        result |= _one_way("_time", second) | _two_way(first, second, weight, other)
    return replace(pooled, statistics={**pooled.statistics, **result})


def hausman_test(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns,
    unit: str,
    time: str | None = None,
    method: str = "contrast",
    variance: str = "own",
    efficient: str = "random_effects",
    options: Mapping[str, Any] | None = None,
    vcov: str = "classical",
    cluster: Columns = (),
    small_sample: str | None = None,
    parameters: str | int = "all",
    inference: str | float = "normal",
    vcov_options: Mapping[str, object] | None = None,
) -> Estimates:
    r"""Hausman (1978) test that unit effects are uncorrelated with the regressors.

    ``method="contrast"`` (default)
        :math:`d'(V_W - V_E)^{-1}d` with :math:`d = b_W - b_E` on the terms both have. ``variance``:
        ``"own"`` (default) each covariance with its own residual variance, ``"efficient"`` both
        with that of the efficient estimator (Stata's sigmamore), ``"consistent"`` both with the
        within one (sigmaless). Covariances are the classical ones.
    ``method="regression"``
        Wald test of the unit means (within deviations, equivalently) added to the quasi-demeaned
        regression (Arellano 1993; Baltagi 2021, section 4.3), with the covariance that ``vcov``,
        ``cluster``, ``small_sample`` and ``vcov_options`` say, so also a robust one.

    ``efficient``: ``"random_effects"`` or ``"hausman_taylor"``, called with ``options`` (such as
    ``variance_components``, or ``endogenous``, whose columns ``regressors`` then leaves out).

    Returns
    -------
    Estimates
        For a contrast, one row per common term holding ``d`` with covariance :math:`V_W - V_E`; for
        a regression, its coefficients, the tested terms called ``within(name)``. ``statistics``:
        ``hausman_chi2``, ``hausman_df``, ``hausman_p``; the regression adds ``hausman_f``,
        ``hausman_f_p``, the contrast ``hausman_negative_eigenvalues``, which is above zero when
        :math:`V_W - V_E` is not positive semi-definite and the test rests on shaky ground.

    Raises
    ------
    ModelError
        If the contrast's statistic is negative, or nothing varies within units.
    """
    check_choice("method", method, HAUSMAN_METHODS)
    check_choice("variance", variance, HAUSMAN_VARIANCES)
    check_choice("efficient", efficient, ("random_effects", "hausman_taylor"))
    common: dict[str, Any] = {"outcome": outcome, "unit": unit, "time": time}
    given = dict(options or {})
    if method == "contrast":
        if vcov != "classical" or column_names(cluster):
            raise ModelError("the Hausman contrast needs classical covariances; use 'regression'")
        model = random_effects if efficient == "random_effects" else hausman_taylor
        second = model(frame, regressors=regressors, **common, **given)
        slopes = (*column_names(regressors), *column_names(given.get("endogenous", ())))
        first = _within_of_varying(frame, common, slopes)
        return _contrast(first, second, variance)
    if efficient != "random_effects":
        raise ModelError("method='regression' is defined for efficient='random_effects'")
    choice = choose_vcov(vcov, small_sample, parameters, inference, vcov_options)
    panel = read_panel(frame, **common, regressors=regressors, cluster=cluster)
    components = estimate_components(
        panel, given.pop("variance_components", "swamy_arora"), **given
    )
    quasi, terms = _with_deviations(quasi_demeaned(panel, components), panel)
    fit = solve_ols(quasi.outcome, quasi.regressors, quasi.effects, quasi.weights, quasi.terms)
    estimates = least_squares_estimates(quasi, fit, panel_groups(quasi), choice, "hausman_test")
    statistics = {**estimates.statistics, **joint_test(estimates, terms, "hausman")}
    return replace(estimates, statistics=statistics)


def _within_of_varying(
    frame: pd.DataFrame, common: dict[str, Any], slopes: tuple[str, ...]
) -> Estimates:
    panel = read_panel(frame, **common, regressors=slopes)
    assert panel.units is not None
    varying = varies_within(panel.regressors, panel.units)
    names = [term for term, kept in zip(panel.terms, varying, strict=True) if kept]
    complete = frame.dropna(subset=[common["outcome"], *slopes])
    return within_estimator(complete, **common, regressors=names)


def _contrast(first: Estimates, second: Estimates, variance: str) -> Estimates:
    terms = [t for t in first.coefficients["term"] if t in set(second.coefficients["term"])]
    values = first.coefficients.set_index("term").loc[terms, "estimate"].to_numpy()
    values = values - second.coefficients.set_index("term").loc[terms, "estimate"].to_numpy()
    scale = (second.statistics["rmse"] / first.statistics["rmse"]) ** 2
    wide = first.covariance.loc[terms, terms].to_numpy() * (scale if variance == "efficient" else 1)
    narrow = second.covariance.loc[terms, terms].to_numpy()
    covariance = wide - narrow / (scale if variance == "consistent" else 1)
    chi2, df, p_value, negative = quadratic_form(values, covariance, "hausman_test")
    facts = replace(second.facts, estimator="hausman_test", df_t=math.inf, r_squared=math.nan)
    statistics = {
        "hausman_chi2": chi2,
        "hausman_df": float(df),
        "hausman_p": p_value,
        "hausman_negative_eigenvalues": float(negative),
    }
    return replace(tabulate(terms, values, covariance, facts), statistics=statistics)


def _with_deviations(quasi: Design, panel: Design) -> tuple[Design, list[str]]:
    """The quasi-demeaned panel with the within deviations of its columns as further columns."""
    assert panel.units is not None
    varying = varies_within(panel.regressors, panel.units)
    deviations = within(panel.regressors, panel.units)[:, varying]
    every = np.column_stack([quasi.regressors, deviations])
    originals = np.column_stack([panel.regressors, panel.regressors[:, varying]])
    # A column without variation between units, such as a period dummy, cannot be tested.
    keep = independent_columns(every, originals)[quasi.regressors.shape[1] :]
    names = [term for term, kept in zip(panel.terms, varying, strict=True) if kept]
    terms = [f"within({term})" for term, kept in zip(names, keep, strict=True) if kept]
    if not terms:
        raise ModelError("hausman_test: no regressor varies both within and between units")
    widened = np.column_stack([quasi.exogenous, deviations[:, keep]])
    widened_terms = (*quasi.exogenous_terms, *terms)
    return replace(quasi, exogenous=widened, exogenous_terms=widened_terms), terms


def _honda(residuals: Floats, codes: Codes, column: str) -> tuple[float, float]:
    """The statistic z and ``M - n``."""
    n, sizes = len(residuals), np.bincount(codes)
    excess = float(np.sum(sizes.astype(float) ** 2) - n)
    if excess <= 0:
        raise ModelError(f"breusch_pagan_lm: every level of {column!r} has a single row")
    share = float(np.sum(np.bincount(codes, residuals) ** 2) / (residuals @ residuals)) - 1
    return share * n / math.sqrt(2 * excess), excess


def _one_way(suffix: str, z: float) -> dict[str, float]:
    return {
        f"lm{suffix}": z**2,
        f"lm{suffix}_p": float(stats.chi2.sf(z**2, 1)),
        f"honda{suffix}": z,
        f"honda{suffix}_p": float(stats.norm.sf(z)),
    }


def _two_way(first: float, second: float, weight: float, other: float) -> dict[str, float]:
    both = first**2 + second**2
    honda = (first + second) / math.sqrt(2)
    king_wu = (math.sqrt(weight) * first + math.sqrt(other) * second) / math.sqrt(weight + other)
    mixture = max(first, 0.0) ** 2 + max(second, 0.0) ** 2
    tail = stats.chi2.sf(mixture, 1) / 2 + stats.chi2.sf(mixture, 2) / 4
    return {
        "lm_two_way": both,
        "lm_two_way_p": float(stats.chi2.sf(both, 2)),
        "honda_two_way": honda,
        "honda_two_way_p": float(stats.norm.sf(honda)),
        "king_wu": king_wu,
        "king_wu_p": float(stats.norm.sf(king_wu)),
        "gourieroux_holly_monfort": mixture,
        "gourieroux_holly_monfort_p": float(tail) if mixture > 0 else 1.0,
    }
