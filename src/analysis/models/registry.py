"""The estimators that a study may name, and the one way to call them with plain values.

To add an estimator: one line in :data:`ESTIMATORS`. Its function takes the frame first and the rest
by keyword, ``estimator(frame, *, outcome, ...) -> Estimates``, with column names and plain values
(text, numbers, truth values, lists, mappings, or a frame) so that a YAML mapping can be passed.
Modules are imported when an estimator is first called.
"""

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import pandas as pd

from analysis.models.estimates import Estimates
from analysis.models.specification import ModelError

#: Name in a study -> "module:function".
ESTIMATORS: dict[str, str] = {
    "ols": "analysis.models.linear:ols",
    "iv": "analysis.models.regression:iv",
    "iv_gmm": "analysis.models.iv:iv_gmm",
    "poisson": "analysis.models.regression:poisson",
    "shift_share": "analysis.models.iv:shift_share",
    "dynamic_panel_gmm": "analysis.models.dynamic:dynamic_panel_gmm",
    "within": "analysis.models.linear:within",
    "between": "analysis.models.linear:between",
    "first_differences": "analysis.models.linear:first_differences",
    "random_effects": "analysis.models.linear:random_effects",
    "two_way_random_effects": "analysis.models.linear:two_way_random_effects",
    "random_effects_iv": "analysis.models.linear:random_effects_iv",
    "hausman_taylor": "analysis.models.linear:hausman_taylor",
    "fama_macbeth": "analysis.models.linear:fama_macbeth",
    "effects_f_test": "analysis.models.linear:effects_f_test",
    "breusch_pagan_lm": "analysis.models.linear:breusch_pagan_lm",
    "hausman_test": "analysis.models.linear:hausman_test",
    "count_regression": "analysis.models.counts:count_regression",
    "binary_regression": "analysis.models.counts:binary_regression",
    "hurdle": "analysis.models.counts:hurdle",
    "zero_inflated": "analysis.models.counts:zero_inflated",
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

#: Arguments whose values a module explains for every estimator that takes them.
EXPLAINED_IN: dict[str, str] = {
    "parameters": "analysis.models.linear.covariances",
    "matrix_options": "analysis.models.spatial.weights",
}
#: Usual names of methods that are options here -> what to write instead, for the error message.
ESTIMATOR_GUESSES: dict[str, str] = {
    "panel_ols": "ols",
    "reg": "ols",
    "lm": "ols",
    "plm": "within or random_effects or between or first_differences or ols",
    "xtreg": "within or random_effects or between",
    "reghdfe": "ols with absorb",
    "areg": "ols with absorb",
    "fixest": "ols with absorb",
    "felm": "ols with absorb",
    "pooled": "ols",
    "pooled_ols": "ols",
    "wls": "ols with weights",
    "feols": "ols with absorb",
    "fixed_effects": "within",
    "fe": "within",
    "twfe": "ols with absorb",
    "lsdv": "ols with absorb",
    "newey_west": "ols with vcov: newey_west",
    "driscoll_kraay": "ols with vcov: driscoll_kraay",
    "pcse": "ols with vcov: pcse",
    "fd": "first_differences",
    "re": "random_effects",
    "twoways": "two_way_random_effects or within with absorb",
    "gls": "random_effects",
    "g2sls": "random_effects_iv",
    "xtpcse": "ols with vcov: pcse",
    "xtscc": "within with vcov: driscoll_kraay",
    "fe2sls": "iv with absorb",
    "xtivreg": "iv with absorb or random_effects_iv",
    "ec2sls": "random_effects_iv with transformation: baltagi",
    "hausman": "hausman_test",
    "2sls": "iv",
    "tsls": "iv",
    "ivreg": "iv",
    "ivreg2": "iv_gmm",
    "ivregress": "iv or iv_gmm",
    "ivreghdfe": "iv with absorb",
    "gmm": "iv_gmm",
    "liml": "iv_gmm with method: liml",
    "pgmm": "dynamic_panel_gmm",
    "xtabond": "dynamic_panel_gmm",
    "xtabond2": "dynamic_panel_gmm",
    "xtdpdsys": "dynamic_panel_gmm with equations: system",
    "difference_gmm": "dynamic_panel_gmm",
    "arellano_bond": "dynamic_panel_gmm",
    "system_gmm": "dynamic_panel_gmm with equations: system",
    "blundell_bond": "dynamic_panel_gmm with equations: system",
    "ppml": "poisson",
    "ppmlhdfe": "poisson with absorb",
    "xtpoisson": "poisson with absorb",
    "fepois": "poisson with absorb",
    "negative_binomial": "count_regression with distribution: nb2",
    "negbin": "count_regression with distribution: nb2",
    "nbreg": "count_regression with distribution: nb2",
    "zero_truncated": "count_regression with truncated: true",
    "logit": "binary_regression with link: logit",
    "zeroinfl": "zero_inflated",
    "zip": "zero_inflated",
    "zinb": "zero_inflated with distribution: nb2",
    "logistic": "binary_regression with link: logit",
    "probit": "binary_regression with link: probit",
    "did": "two_period_did",
    "bacon": "goodman_bacon",
    "att_gt": "callaway_santanna",
    "sunab": "sun_abraham",
    "did_imputation": "imputation_did",
    "csdid": "callaway_santanna",
    "did2s": "two_stage_did",
    "lpdid": "local_projections_did",
    "synth": "synthetic_control",
    "sdid": "synthetic_did",
    "rdd": "regression_discontinuity",
    "rdrobust": "regression_discontinuity",
    "lagsarlm": "spatial_lag",
    "errorsarlm": "spatial_error",
    "sar": "spatial_lag",
    "sem": "spatial_error",
    "sdm": "spatial_lag with spatial_lags: all",
    "slx": "spatial_ols with spatial_lags: all",
    "rma": "meta_analysis",
    "metafor": "meta_analysis",
    "metareg": "meta_analysis with regressors",
    "xthtaylor": "hausman_taylor",
    "pet_peese": "small_study_effects",
    "dea": "data_envelopment",
    "sfa": "stochastic_frontier",
    "oaxaca": "oaxaca_blinder",
    "shapley": "shapley_r_squared",
    "dominance": "shapley_r_squared",
}
#: Usual names of arguments -> theirs here.
ARGUMENT_GUESSES: dict[str, str] = {
    "dependent": "outcome",
    "y": "outcome",
    "x": "regressors",
    "exogenous": "regressors",
    "fe": "absorb",
    "fixed_effects": "absorb",
    "effects": "absorb",
    "entity": "unit",
    "group": "unit",
    "id": "unit",
    "year": "time",
    "period": "time",
    "clusters": "cluster",
    "covariance": "vcov",
    "cov_type": "vcov",
    "errors": "vcov",
    "robust": "vcov",
    "se": "vcov",
    "constant": "intercept",
    "df": "inference",
    "ssc": "small_sample",
    "lags": "vcov_options",
    "kernel": "vcov_options",
    "weight": "weights",
    "excluded": "instruments",
    "model": "method",
    "estimator": "method",
    "family": "distribution",
}

#: Arguments, of any estimator, whose texts are terms: a column or an expression of columns. Texts
#: in other arguments are passed on as they are.
TERM_ARGUMENTS = frozenset(
    {
        "absorb",
        "after",
        "cells",
        "cluster",
        "controls",
        "covariates",
        "endogenous",
        "exogenous",
        "first_treated",
        "group",
        "inputs",
        "instruments",
        "offset",
        "outcome",
        "outputs",
        "regressors",
        "running",
        "sampling_variance",
        "shift_share",
        "standard_error",
        "treated",
        "treatment",
        "variables",
        "weights",
        "zero_regressors",
    }
)


def load(name: str) -> Callable[..., Estimates]:
    """The function of an estimator; `ModelError` lists the names if there is none."""
    if name not in ESTIMATORS:
        hint = did_you_mean(name, ESTIMATORS, ESTIMATOR_GUESSES)
        listed = ", ".join(sorted(ESTIMATORS))
        raise ModelError(
            f"no estimator {name!r}; {hint}{'There' if hint else 'there'} are {listed}"
        )
    module, _, function = ESTIMATORS[name].partition(":")
    estimator: Callable[..., Estimates] = getattr(importlib.import_module(module), function)
    return estimator


def did_you_mean(name: str, known: Iterable[str], guesses: Mapping[str, str]) -> str:
    """``"did you mean ...? "`` with the name meant or the nearest of ``known``, or nothing."""
    plain = "_".join(name.lower().replace("-", " ").split())
    meant = guesses.get(plain, plain)
    near = [meant] if plain in guesses or plain in known else get_close_matches(meant, known, n=3)
    return f"did you mean {', '.join(near)}? " if near else ""


def explanation(name: str) -> str:
    """What an estimator is and what its arguments may be, as its documentation says."""
    modules = [module for key, module in EXPLAINED_IN.items() if key in arguments_of(name)]
    documented = [load(name), *(importlib.import_module(module) for module in modules)]
    return "\n\n".join(inspect.getdoc(one) or "" for one in documented)


def arguments_of(name: str) -> dict[str, inspect.Parameter]:
    """Keyword arguments of an estimator by name, without the frame."""
    parameters = inspect.signature(load(name)).parameters
    return {key: value for key, value in parameters.items() if key != "frame"}


def check_arguments(name: str, given: Mapping[str, Any]) -> None:
    """Refuse an argument the estimator has not, or the lack of one it needs."""
    allowed = arguments_of(name)
    unknown = sorted(set(given) - set(allowed))
    if unknown:
        named = ", ".join(_with_hint(key, allowed) for key in unknown)
        raise ModelError(
            f"estimator {name!r} has no argument {named}; allowed: {', '.join(sorted(allowed))}"
        )
    required = [key for key, value in allowed.items() if value.default is inspect.Parameter.empty]
    missing = sorted(set(required) - set(given))
    if missing:
        raise ModelError(f"estimator {name!r} needs {', '.join(missing)}")


def _with_hint(key: str, allowed: Mapping[str, object]) -> str:
    guesses = {guess: meant for guess, meant in ARGUMENT_GUESSES.items() if meant in allowed}
    hint = did_you_mean(key, allowed, guesses).strip()
    return f"{key!r} ({hint})" if hint else repr(key)


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
