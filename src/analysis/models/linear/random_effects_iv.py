"""Random-effects instrumental variables: G2SLS and EC2SLS."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.models.estimates import Estimates
from analysis.models.least_squares import solve_iv
from analysis.models.linear.covariances import choose_vcov
from analysis.models.linear.panel import Columns, between, check_choice, read_panel, within
from analysis.models.linear.random_effects import component_estimates, quasi_demeaned
from analysis.models.linear.variance_components import estimate_components, independent_columns

TRANSFORMATIONS = ("balestra_krishnakumar", "baltagi")


def random_effects_iv(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Columns = (),
    endogenous: Columns,
    instruments: Columns,
    unit: str,
    time: str | None = None,
    transformation: str = "balestra_krishnakumar",
    degrees_of_freedom: str = "exact",
    unbalanced: str = "baltagi_chang",
    vcov: str = "classical",
    cluster: Columns = (),
    small_sample: str | None = None,
    parameters: str | int = "all",
    inference: str | float = "normal",
    vcov_options: Mapping[str, object] | None = None,
) -> Estimates:
    r"""Two-stage least squares of a one-way error-components model.

    The model of :func:`analysis.models.linear.random_effects`, some regressors correlated with
    :math:`e_{it}`. Outcome and regressors are quasi-demeaned with :math:`\theta_i`; the instruments
    are, with ``Z`` all exogenous columns,

    ``balestra_krishnakumar`` (default)
        ``Z`` quasi-demeaned likewise: G2SLS (Balestra and Varadharajan-Krishnakumar 1987).
    ``baltagi``
        ``QZ`` and ``PZ`` separately: EC2SLS (Baltagi 1981; Baltagi 2021, eq. 7.9).

    Variance components are Swamy-Arora's from within and between 2SLS residuals;
    ``degrees_of_freedom`` is ``"exact"`` (default) or ``"consistent"`` (n - N and N, without the
    coefficients), ``unbalanced`` as in :func:`analysis.models.linear.random_effects`.

    Returns
    -------
    Estimates
        Terms in the order intercept, regressors, endogenous. ``statistics`` as
        :func:`analysis.models.linear.random_effects`, and ``n_instruments``.

    Raises
    ------
    ModelError
        If within or between units there are fewer independent instruments than coefficients, or a
        column or option cannot be used.
    """
    check_choice("transformation", transformation, TRANSFORMATIONS)
    choice = choose_vcov(vcov, small_sample, parameters, inference, vcov_options)
    panel = read_panel(
        frame,
        outcome=outcome,
        regressors=regressors,
        endogenous=endogenous,
        instruments=instruments,
        unit=unit,
        time=time,
        cluster=cluster,
    )
    assert panel.units is not None
    components = estimate_components(panel, "swamy_arora", degrees_of_freedom, unbalanced)
    quasi = quasi_demeaned(panel, components)
    if transformation == "baltagi":
        columns = np.column_stack([panel.exogenous, panel.instruments])
        originals = np.column_stack([columns, columns])
        columns = np.column_stack([within(columns, panel.units), between(columns, panel.units)])
    else:
        columns = np.column_stack([quasi.exogenous, quasi.instruments])
        originals = np.column_stack([panel.exogenous, panel.instruments])
    columns = columns[:, independent_columns(columns, originals)]
    solution = solve_iv(
        quasi.outcome, quasi.regressors, columns, quasi.effects, quasi.weights, quasi.terms
    )
    estimates = component_estimates(
        panel, quasi, solution, components, choice, f"random_effects_iv ({transformation})"
    )
    statistics = {**estimates.statistics, "n_instruments": float(columns.shape[1])}
    return replace(estimates, statistics=statistics)
