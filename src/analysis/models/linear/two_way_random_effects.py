r"""Random effects of units and of periods in a balanced panel.

With :math:`W` the two-way deviations, :math:`U` and :math:`L` the means of units and of periods
about the grand mean, and :math:`J` the grand mean, every column is
:math:`Wx + Ux + Lx + Jx`, and the error :math:`u_i + l_t + e_{it}` has in these four parts the
variances :math:`s_e`, :math:`s_e + T s_u`, :math:`s_e + N s_l` and
:math:`s_e + T s_u + N s_l` (Baltagi 2021, section 3.3).
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.design import Design
from analysis.models.estimates import Estimates
from analysis.models.least_squares import solve_ols
from analysis.models.linear.covariances import choose_vcov
from analysis.models.linear.panel import (
    Columns,
    between,
    check_one_row_per_period,
    read_panel,
)
from analysis.models.linear.results import (
    adjusted,
    least_squares_estimates,
    panel_groups,
    residual_r_squared,
)
from analysis.models.linear.variance_components import independent_columns
from analysis.models.specification import ModelError

Floats = NDArray[np.float64]


def two_way_random_effects(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns,
    unit: str,
    time: str,
    vcov: str = "classical",
    cluster: Columns = (),
    small_sample: str | None = None,
    parameters: str | int = "all",
    inference: str | float = "normal",
    vcov_options: Mapping[str, object] | None = None,
) -> Estimates:
    r"""Feasible generalised least squares of ``y_it = x_it'b + u_i + l_t + e_it``, all random.

    The components are those of Swamy and Arora (1972; Baltagi 2021, eq. 3.17-3.19): residual
    variances of the two-way within regression, of that of unit means and of that of period means.

    Parameters
    ----------
    unit, time
        Columns that name a row; the panel must be balanced, with more periods and more units than
        coefficients.
    vcov, cluster, small_sample, parameters, inference, vcov_options
        See :mod:`analysis.models.linear.covariances`.

    Returns
    -------
    Estimates
        ``facts.r_squared`` is of the transformed regression. ``statistics``: standard deviations
        ``sigma_u``, ``sigma_time``, ``sigma_e``; ``theta``, ``theta_time``, ``theta_total`` in
        ``y_it - theta ybar_i - theta_time ybar_t + theta_total ybar``; ``sigma2_u_unrestricted``
        and ``sigma2_time_unrestricted``, negative where the component was set to zero; and those
        of :func:`analysis.models.linear.ols` but the information criteria.

    Raises
    ------
    ModelError
        If the panel is not balanced or a component cannot be estimated, or as :func:`ols`.
    """
    choice = choose_vcov(vcov, small_sample, parameters, inference, vcov_options)
    panel = read_panel(
        frame, outcome=outcome, regressors=regressors, unit=unit, time=time, cluster=cluster
    )
    sizes = _balanced(panel)
    variances = _part_variances(panel, sizes)
    own, shares, components = variances[0], _shares(variances), _components(variances, sizes)
    quasi = replace(
        panel,
        outcome=shares @ _parts(panel, panel.outcome),
        exogenous=np.tensordot(shares, _parts(panel, panel.exogenous), axes=1),
    )
    solution = solve_ols(quasi.outcome, quasi.regressors, quasi.effects, quasi.weights, quasi.terms)
    statistics = {**components, "sigma_e": math.sqrt(own)}
    statistics["theta"], statistics["theta_time"] = 1 - shares[1], 1 - shares[2]
    statistics["theta_total"] = 1 - shares[1] - shares[2] + shares[3]
    label, groups = "two_way_random_effects", panel_groups(panel)
    estimates = least_squares_estimates(panel, solution, groups, choice, label, statistics)
    r_squared = residual_r_squared(quasi.outcome, solution.residuals, solution.weights, True)
    share = adjusted(r_squared, len(quasi.outcome), len(solution.coefficients))
    return replace(
        estimates,
        facts=replace(estimates.facts, r_squared=r_squared),
        statistics={**estimates.statistics, "adj_r_squared": share},
    )


def _balanced(panel: Design) -> tuple[int, int]:
    """Numbers of units and periods; `ModelError` unless every unit is there in every period."""
    assert panel.units is not None and panel.periods is not None
    check_one_row_per_period(panel.units, panel.periods, "two_way_random_effects")
    units, periods = len(np.unique(panel.units)), len(np.unique(panel.periods))
    if units * periods != len(panel.outcome):
        raise ModelError(
            f"two_way_random_effects needs a balanced panel: {units} units and {periods} periods "
            f"are {units * periods} rows, there are {len(panel.outcome)} complete ones. Keep the "
            "units with every period, or use random_effects with period dummies"
        )
    if min(units, periods) < 2:
        raise ModelError("two_way_random_effects needs at least 2 units and 2 periods")
    return units, periods


def _parts(panel: Design, columns: Floats) -> Floats:
    """The four parts (4, n) or (4, n, k) of ``columns`` that :math:`W, U, L, J` give."""
    assert panel.units is not None and panel.periods is not None
    total = np.broadcast_to(columns.mean(axis=0), columns.shape)
    of_units = between(columns, panel.units) - total
    of_periods = between(columns, panel.periods) - total
    return np.stack([columns - of_units - of_periods - total, of_units, of_periods, total])


def _part_variances(panel: Design, sizes: tuple[int, int]) -> list[float]:
    """Residual variances of the regressions in the parts W, U and L."""
    units, periods = sizes
    slopes = panel.exogenous[:, 1:]
    outcomes, columns = _parts(panel, panel.outcome), _parts(panel, slopes)
    variances = []
    for place, rank in enumerate([(units - 1) * (periods - 1), units - 1, periods - 1]):
        own = columns[place][:, independent_columns(columns[place], slopes)]
        left = rank - own.shape[1]
        if left <= 0:
            raise ModelError(
                f"{units} units and {periods} periods leave no degrees of freedom for the "
                f"{own.shape[1]} slopes {('within', 'between units', 'between periods')[place]}; "
                "use random_effects with period dummies"
            )
        residual = outcomes[place] - own @ np.linalg.lstsq(own, outcomes[place], rcond=None)[0]
        variances.append(float(residual @ residual) / left)
    return variances


def _components(variances: list[float], sizes: tuple[int, int]) -> dict[str, float]:
    """Standard deviations of unit and period effects, and variances before zero was a bound."""
    unit = (variances[1] - variances[0]) / sizes[1]
    period = (variances[2] - variances[0]) / sizes[0]
    return {
        "sigma_u": math.sqrt(max(unit, 0.0)),
        "sigma_time": math.sqrt(max(period, 0.0)),
        "sigma2_u_unrestricted": unit,
        "sigma2_time_unrestricted": period,
    }


def _shares(variances: list[float]) -> Floats:
    """What generalised least squares leaves (4,) of W, U, L and J: ``sqrt(s_e / variance)``."""
    own = variances[0]
    of_units, of_periods = max(variances[1], own), max(variances[2], own)
    return np.sqrt(own / np.array([own, of_units, of_periods, of_units + of_periods - own]))
