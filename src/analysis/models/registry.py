"""The estimators that a study may name, and the one way to call them with plain values.

To add an estimator: one line in :data:`ESTIMATORS`. Its function takes the frame first and the rest
by keyword, ``estimator(frame, *, outcome, ...) -> Estimates``, with column names and plain values
(text, numbers, truth values, lists, mappings, or a frame) so that a YAML mapping can be passed.
Modules are imported when an estimator is first called.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from analysis.models.estimates import Estimates
from analysis.models.specification import ModelError

#: Name in a study -> "module:function".
ESTIMATORS: dict[str, str] = {
    "ols": "analysis.models.regression:ols",
    "iv": "analysis.models.regression:iv",
    "iv_gmm": "analysis.models.iv:iv_gmm",
    "poisson": "analysis.models.regression:poisson",
    "shift_share": "analysis.models.iv:shift_share",
    "dynamic_panel_gmm": "analysis.models.dynamic:dynamic_panel_gmm",
    "panel_ols": "analysis.models.linear:panel_ols",
    "within": "analysis.models.linear:within",
    "between": "analysis.models.linear:between",
    "first_differences": "analysis.models.linear:first_differences",
    "random_effects": "analysis.models.linear:random_effects",
    "random_effects_iv": "analysis.models.linear:random_effects_iv",
    "hausman_taylor": "analysis.models.linear:hausman_taylor",
    "fama_macbeth": "analysis.models.linear:fama_macbeth",
    "effects_f_test": "analysis.models.linear:effects_f_test",
    "breusch_pagan_lm": "analysis.models.linear:breusch_pagan_lm",
    "hausman_test": "analysis.models.linear:hausman_test",
    "count_regression": "analysis.models.counts:count_regression",
    "binary_regression": "analysis.models.counts:binary_regression",
    "hurdle": "analysis.models.counts:hurdle",
    "meta_analysis": "analysis.models.synthesis:meta_analysis",
    "small_study_effects": "analysis.models.synthesis:small_study_effects",
    "event_study": "analysis.models.event_study:event_study",
    "summary_statistics": "analysis.models.description:summary_statistics",
    "regression_discontinuity": "analysis.models.regression_discontinuity:regression_discontinuity",
    "two_period_did": "analysis.models.designs:two_period_did",
    "goodman_bacon": "analysis.models.designs:goodman_bacon",
    "callaway_santanna": "analysis.models.designs:callaway_santanna",
    "sun_abraham": "analysis.models.designs:sun_abraham",
    "two_stage_did": "analysis.models.designs:two_stage_did",
    "imputation_did": "analysis.models.designs:imputation_did",
    "local_projections_did": "analysis.models.designs:local_projections_did",
    "rd_density": "analysis.models.designs:rd_density",
    "synthetic_control": "analysis.models.designs:synthetic_control",
    "synthetic_did": "analysis.models.designs:synthetic_did",
    "data_envelopment": "analysis.models.frontier:data_envelopment",
    "stochastic_frontier": "analysis.models.frontier:stochastic_frontier",
    "shapley_r_squared": "analysis.models.decomposition:shapley_r_squared",
    "oaxaca_blinder": "analysis.models.decomposition:oaxaca_blinder",
    "moran": "analysis.models.spatial:moran",
    "spatial_error": "analysis.models.spatial:spatial_error",
    "spatial_lag": "analysis.models.spatial:spatial_lag",
    "spatial_ols": "analysis.models.spatial:spatial_ols",
}

#: Arguments, of any estimator, whose texts are terms: a column or an expression of columns. Texts
#: in other arguments are passed on as they are.
TERM_ARGUMENTS = frozenset(
    {
        "absorb",
        "cells",
        "cluster",
        "controls",
        "covariates",
        "endogenous",
        "exogenous",
        "instruments",
        "offset",
        "outcome",
        "regressors",
        "running",
        "sampling_variance",
        "standard_error",
        "treatment",
        "variables",
        "weights",
        "zero_regressors",
    }
)


def load(name: str) -> Callable[..., Estimates]:
    """The function of an estimator; `ModelError` lists the names if there is none."""
    if name not in ESTIMATORS:
        raise ModelError(f"no estimator {name!r}; there are {', '.join(sorted(ESTIMATORS))}")
    module, _, function = ESTIMATORS[name].partition(":")
    estimator: Callable[..., Estimates] = getattr(importlib.import_module(module), function)
    return estimator


def arguments_of(name: str) -> dict[str, inspect.Parameter]:
    """Keyword arguments of an estimator by name, without the frame."""
    parameters = inspect.signature(load(name)).parameters
    return {key: value for key, value in parameters.items() if key != "frame"}


def check_arguments(name: str, given: Mapping[str, Any]) -> None:
    """Refuse an argument the estimator has not, or the lack of one it needs."""
    allowed = arguments_of(name)
    unknown = sorted(set(given) - set(allowed))
    if unknown:
        raise ModelError(
            f"estimator {name!r} has no argument {', '.join(map(repr, unknown))}; "
            f"allowed: {', '.join(sorted(allowed))}"
        )
    required = [key for key, value in allowed.items() if value.default is inspect.Parameter.empty]
    missing = sorted(set(required) - set(given))
    if missing:
        raise ModelError(f"estimator {name!r} needs {', '.join(missing)}")


def call(name: str, frame: pd.DataFrame, arguments: Mapping[str, Any]) -> Estimates:
    """Estimate with the named estimator; lists are passed on as tuples.

    Raises
    ------
    ModelError
        If the estimator or an argument is unknown, or the model cannot be estimated.
    """
    check_arguments(name, arguments)
    plain = {key: _tuples(value) for key, value in arguments.items()}
    return load(name)(frame, **plain)


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value
