"""Hausman and Taylor (1981): random effects correlated with some of the regressors."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.design import Design
from analysis.models.estimates import Estimates
from analysis.models.least_squares import solve_iv
from analysis.models.linear.covariances import choose_vcov
from analysis.models.linear.panel import (
    Columns,
    between,
    check_choice,
    check_one_row_per_period,
    column_names,
    read_panel,
    varies_within,
    within,
)
from analysis.models.linear.random_effects import component_estimates, quasi_demeaned
from analysis.models.linear.variance_components import (
    Components,
    independent_columns,
    within_solution,
)
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

METHODS = ("hausman_taylor", "amemiya_macurdy", "breusch_mizon_schmidt")


def hausman_taylor(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns,
    endogenous: Columns,
    unit: str,
    time: str | None = None,
    method: str = "hausman_taylor",
    vcov: str = "classical",
    cluster: Columns = (),
    small_sample: str | None = None,
    parameters: str | int = "all",
    inference: str | float = "normal",
    vcov_options: Mapping[str, object] | None = None,
) -> Estimates:
    r"""Random effects with regressors correlated with the unit effect, without outside instruments.

    .. math:: y_{it} = X_{1it} b_1 + X_{2it} b_2 + Z_{1i} g_1 + Z_{2i} g_2 + u_i + e_{it}

    ``regressors`` are :math:`X_1, Z_1`, uncorrelated with :math:`u_i`; ``endogenous`` are
    :math:`X_2, Z_2`, which may be correlated. Which are Z follows from the data: they do not vary
    within units. :math:`\sigma_e^2` is the within residual sum of squares over ``n - N``;
    :math:`\sigma_u^2` follows from the residuals of a 2SLS regression of the unit means of
    :math:`y - Xb_W` on Z with instruments :math:`X_1, Z_1` (Hausman and Taylor 1981, section 3.2).
    The quasi-demeaned model is then estimated by 2SLS with the instruments of ``method``:

    ``hausman_taylor`` (default)
        :math:`QX_1, QX_2, PX_1, Z_1`.
    ``amemiya_macurdy``
        :math:`PX_1` replaced by the values of :math:`X_1` in every period (Amemiya and MaCurdy
        1986). Balanced panels only.
    ``breusch_mizon_schmidt``
        in addition the deviations of :math:`X_2` in every period (Breusch, Mizon and Schmidt 1989).

    Returns
    -------
    Estimates
        Terms in the order intercept, regressors, endogenous; ``statistics`` as
        :func:`analysis.models.linear.random_effects`, and ``n_instruments``.

    Raises
    ------
    ModelError
        If there are fewer :math:`X_1` than :math:`Z_2` (not identified), nothing varies within
        units, or a column or option cannot be used.
    """
    check_choice("method", method, METHODS)
    choice = choose_vcov(vcov, small_sample, parameters, inference, vcov_options)
    exogenous_names, endogenous_names = column_names(regressors), column_names(endogenous)
    panel = read_panel(
        frame,
        outcome=outcome,
        regressors=(*exogenous_names, *endogenous_names),
        unit=unit,
        time=time,
        cluster=cluster,
    )
    assert panel.units is not None
    varying = varies_within(panel.regressors, panel.units)
    exogenous = np.array([term not in endogenous_names for term in panel.terms])
    _check_identified(panel, varying, exogenous)
    components = _components(panel, varying, exogenous)
    quasi = quasi_demeaned(panel, components)
    columns = _instruments(panel, varying, exogenous, method)
    solution = solve_iv(
        quasi.outcome, quasi.regressors, columns, quasi.effects, quasi.weights, quasi.terms
    )
    estimates = component_estimates(
        panel, quasi, solution, components, choice, f"hausman_taylor ({method})"
    )
    # 2SLS residuals do not decompose the outcome, so R-squared has no meaning here.
    facts = replace(estimates.facts, r_squared=float("nan"))
    statistics = {**estimates.statistics, "n_instruments": float(columns.shape[1])}
    del statistics["adj_r_squared"]
    return replace(estimates, facts=facts, statistics=statistics)


def _check_identified(panel: Design, varying: Mask, exogenous: Mask) -> None:
    available = int((varying & exogenous).sum())
    needed = [t for t, v, x in zip(panel.terms, varying, exogenous, strict=True) if not (v or x)]
    if available < len(needed):
        raise ModelError(
            f"hausman_taylor: {', '.join(needed)} do not vary within units and are endogenous; "
            f"that needs at least {len(needed)} exogenous regressors that do vary, got {available}"
        )


def _components(panel: Design, varying: Mask, exogenous: Mask) -> Components:
    assert panel.units is not None
    n, groups = len(panel.outcome), int(panel.units.max()) + 1
    solution, _ = within_solution(panel)
    if n <= groups:
        raise ModelError("hausman_taylor: no unit has more than one row")
    idiosyncratic = float(solution.residuals @ solution.residuals) / (n - groups)
    gap = panel.outcome - panel.regressors[:, varying] @ solution.coefficients
    fixed = panel.regressors[:, ~varying]
    terms = tuple(t for t, varies in zip(panel.terms, varying, strict=True) if not varies)
    columns = panel.regressors[:, exogenous]
    columns = columns[:, independent_columns(columns)]
    stage = solve_iv(between(gap, panel.units), fixed, columns, panel.effects, panel.weights, terms)
    squares = float(stage.residuals @ stage.residuals)
    return Components(idiosyncratic, (squares - groups * idiosyncratic) / n)


def _instruments(panel: Design, varying: Mask, exogenous: Mask, kind: str) -> Floats:
    """Independent instruments (n, l) of the quasi-demeaned model."""
    units, regressors = panel.units, panel.regressors
    assert units is not None
    first, second = regressors[:, varying & exogenous], regressors[:, varying & ~exogenous]
    fixed = regressors[:, ~varying & exogenous]
    blocks = [within(regressors[:, varying], units), fixed]
    originals = [regressors[:, varying], fixed]
    if kind == "hausman_taylor":
        blocks.append(between(first, units))
        originals.append(first)
    else:
        blocks.append(_by_period(panel, first, kind))
        originals.append(blocks[-1])
    if kind == "breusch_mizon_schmidt":
        blocks.append(_by_period(panel, within(second, units), kind))
        originals.append(_by_period(panel, second, kind))
    columns = np.column_stack(blocks)
    return columns[:, independent_columns(columns, np.column_stack(originals))]


def _by_period(panel: Design, columns: Floats, kind: str) -> Floats:
    """Each unit's values in every period, repeated in all its rows: (n, T k)."""
    units, periods = panel.units, panel.periods
    assert units is not None
    if periods is None:
        raise ModelError(f"method={kind!r} needs the time column")
    check_one_row_per_period(units, periods, f"method={kind!r}")
    groups, count = int(units.max()) + 1, int(periods.max()) + 1
    if len(units) != groups * count:
        raise ModelError(f"method={kind!r} is defined for balanced panels only")
    return columns.reshape(groups, count * columns.shape[1])[units]
