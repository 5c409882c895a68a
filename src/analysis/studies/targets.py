"""Which computed number a printed one stands for.

The language of targets, in ``expression``, is that of :mod:`analysis.studies.expressions` without
columns and with ``estimate('term')``, ``std_error('term')``, ``t_value('term')``,
``p_value('term')``, ``ci_low('term')``, ``ci_high('term')``, ``covariance('a', 'b')``,
``statistic('name')``, ``wald_f('a', 'b', ...)``, ``wald_chi2(...)`` and ``wald_p(...)`` (all these
terms zero). Each takes ``model='id'`` to look at another model. An expression must use at least one
of them, so that it cannot be a number by itself.
"""

import math
import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from analysis.models.estimates import Estimates, Facts
from analysis.models.registry import did_you_mean
from analysis.studies.compute import Failure, Results
from analysis.studies.errors import StudyError
from analysis.studies.expressions import ExpressionError, Function, evaluate_number
from analysis.studies.schema import Model, Place, Target

#: What the statistic column of published.csv means for a row that is a coefficient: the column of
#: the coefficient table and how it may be called, in small letters with _ for any other sign.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "estimate": ("coef", "coeff", "coefficient", "estimate", "est", "b", "beta", "att", "mean"),
    "std_error": ("se", "s_e", "std_error", "std_err", "stderr", "standard_error"),
    "statistic": (
        *("t", "t_stat", "t_statistic", "t_value", "t_val", "tstat", "tvalue", "tval"),
        *("z", "z_stat", "z_statistic", "z_value", "z_val", "zstat", "zvalue", "zval"),
    ),
    "p_value": ("p", "p_value", "p_val", "pvalue", "pval"),
    "ci_low": ("ci_lower", "ci_low", "ci_lb", "ci_lo"),
    "ci_high": ("ci_upper", "ci_high", "ci_ub", "ci_hi"),
}
COEFFICIENT_STATISTICS = {
    spelling: column for column, spellings in SPELLINGS.items() for spelling in spellings
}
#: What a printed number beside a named statistic is, by the ending of its name.
COMPANIONS = {
    **dict.fromkeys(SPELLINGS["p_value"], ("p", "p_value")),
    **dict.fromkeys(SPELLINGS["std_error"], ("std_error",)),
    "df": ("df",),
}
#: Usual names of numbers -> theirs here, for the error message.
STATISTIC_GUESSES = {
    "adj_r2": "adj_r_squared",
    "adjusted_r2": "adj_r_squared",
    "adjusted_r_squared": "adj_r_squared",
    "chi2": "wald_chi2",
    "f": "f_statistic",
    "f_stat": "f_statistic",
    "groups": "n_units",
    "j": "hansen",
    "ll": "log_likelihood",
    "log_lik": "log_likelihood",
    "loglik": "log_likelihood",
    "n": "n_obs",
    "nobs": "n_obs",
    "obs": "n_obs",
    "observations": "n_obs",
    "p_value_f": "f_p_value",
    "r2": "r_squared",
    "r_squared_adj": "adj_r_squared",
    "r2_within": "within_r_squared",
    "see": "rmse",
    "ser": "rmse",
    "sigma": "rmse",
    "ssr": "rss",
    "t": "n_periods",
    "wald": "wald_chi2",
    "wald_f": "f_statistic",
    "wald_p": "f_p_value",
}
FACTS = frozenset(fact.name for fact in fields(Facts))
MIRRORED = {"ci_low": "ci_high", "ci_high": "ci_low"}


class NotComputedError(StudyError):
    """The model behind a number could not be computed."""


def coefficient_value(statistic: str) -> str | None:
    """The column of the coefficient table that a printed statistic is; se_cluster is an se."""
    spelled = _plain(statistic)
    if spelled.startswith("se_"):
        return "std_error"
    return COEFFICIENT_STATISTICS.get(spelled)


def _plain(statistic: str) -> str:
    """``P-value``, ``p value`` and ``p.value`` as ``p_value``."""
    return re.sub(r"\W+", "_", statistic.lower()).strip("_")


def claimed_target(place: Place, row: str, statistic: str) -> Target | None:
    """What ``place`` says row and statistic are, None if it claims no such number.

    A label both among the rows and the statistics is a row for the statistics of a coefficient and
    a statistic for all others.
    """
    if place.only and statistic not in place.only:
        return None
    value = coefficient_value(statistic)
    if row in place.rows and (value is not None or row not in place.statistics):
        target = place.rows[row]
        return Target(term=target) if isinstance(target, str) else target
    if row in place.statistics:
        target = place.statistics[row]
        return Target(statistic=target) if isinstance(target, str) else target
    return None


def computed_value(target: Target, model: Model, statistic: str, results: Results) -> float:
    """The number a target names.

    Raises
    ------
    NotComputedError
        If the model failed.
    StudyError
        If the target names nothing that the model has.
    """
    if target.expression is not None:
        return target.scale * _expressed(target.expression, model.id, results)
    estimates = _estimates(model.id, results)
    if target.table is not None and target.term is not None:
        return target.scale * _detail(estimates, target.table, target.term, target.column)
    if target.statistic is not None:
        companion = _companion(target.statistic, statistic, estimates)
        if companion is not None:
            return named_statistic(estimates, companion)
        return target.scale * named_statistic(estimates, target.statistic)
    value = target.value or coefficient_value(statistic)
    if value is None:
        raise StudyError(
            f"the statistic {statistic!r} does not say which column of the coefficients it is; "
            f"{did_you_mean(_plain(statistic), COEFFICIENT_STATISTICS, {})}"
            f"otherwise give value: one of {', '.join(SPELLINGS)}"
        )
    assert target.term is not None
    return _scaled(estimates, target.term, value, target.scale)


def named_statistic(estimates: Estimates, name: str) -> float:
    """A statistic or fact by name; `StudyError` lists them if there is none."""
    if name in estimates.statistics:
        return float(estimates.statistics[name])
    value = getattr(estimates.facts, name) if name in FACTS else None
    if isinstance(value, int | float):
        return float(value)
    present = [
        fact
        for fact in sorted(FACTS)
        if isinstance(known := getattr(estimates.facts, fact), int | float)
        and not math.isnan(known)
    ]
    known = [*sorted(estimates.statistics), *present]
    guesses = {guess: meant for guess, meant in STATISTIC_GUESSES.items() if meant in known}
    hint = did_you_mean(name, known, guesses)
    listed = ", ".join(known)
    raise StudyError(f"no statistic {name!r}; {hint}{'There' if hint else 'there'} are {listed}")


def _companion(name: str, statistic: str, estimates: Estimates) -> str | None:
    """The p-value, degrees of freedom or standard error that belongs to a statistic, if printed.

    ``sargan`` printed as ``p`` is ``sargan_p``; ``lr_chi2`` as ``df`` is ``lr_df``.
    """
    stems = (name, name.rpartition("_")[0])
    endings = COMPANIONS.get(_plain(statistic), ())
    found = [f"{stem}_{ending}" for stem in stems for ending in endings]
    return next((one for one in found if one in estimates.statistics), None)


def _scaled(estimates: Estimates, term: str, value: str, scale: float) -> float:
    """A coefficient's number in other units: a negative scale turns an interval around."""
    if value == "p_value":
        return _coefficient(estimates, term, value)
    if value == "std_error":
        return abs(scale) * _coefficient(estimates, term, value)
    if value == "statistic":
        return math.copysign(1, scale) * _coefficient(estimates, term, value)
    if scale < 0:
        value = MIRRORED.get(value, value)
    return scale * _coefficient(estimates, term, value)


def _coefficient(estimates: Estimates, term: str, value: str) -> float:
    return float(estimates.row(_matching(term, estimates))[value])


def _matching(term: str, estimates: Estimates) -> str:
    """The term as the estimator spells it: spaces do not matter."""
    spelled = {"".join(name.split()): name for name in estimates.coefficients["term"]}
    return spelled.get("".join(term.split()), term)


def _detail(estimates: Estimates, name: str, term: str, column: str) -> float:
    if name not in estimates.details:
        listed = ", ".join(sorted(estimates.details)) or "none"
        raise StudyError(f"no table {name!r}; there are {listed}")
    table = estimates.details[name]
    found = table[table["term"].astype(str) == term]
    if len(found) != 1:
        listed = ", ".join(map(str, table["term"]))
        raise StudyError(f"table {name!r} has {len(found)} rows {term!r}; its terms are {listed}")
    if column not in table.columns:
        listed = ", ".join(map(str, table.columns))
        raise StudyError(f"table {name!r} has no column {column!r}; there are {listed}")
    return float(found[column].iloc[0])


def _estimates(model: str, results: Results) -> Estimates:
    if model not in results:
        raise StudyError(f"no model {model!r}; there are {', '.join(results)}")
    result = results[model]
    if isinstance(result, Failure):
        raise NotComputedError(result.message)
    return result


def _expressed(expression: str, model: str, results: Results) -> float:
    used: list[str] = []

    def function(compute: Callable[[Estimates, list[str]], float], most: int = 1) -> Function:
        def apply(_: Any, arguments: list[Any], options: dict[str, Any]) -> float:
            if not all(isinstance(argument, str) for argument in arguments):
                raise ExpressionError(f"terms and names stand in quotes: {expression!r}")
            used.append(expression)
            return compute(_estimates(options.get("model", model), results), arguments)

        return Function(apply, 1, most, ("model",))

    def coefficient(value: str) -> Function:
        return function(lambda estimates, terms: _coefficient(estimates, terms[0], value))

    def wald(number: Callable[[Any], float]) -> Function:
        def compute(estimates: Estimates, terms: list[str]) -> float:
            return number(estimates.wald([_matching(term, estimates) for term in terms]))

        return function(compute, most=100)

    functions = {
        "estimate": coefficient("estimate"),
        "std_error": coefficient("std_error"),
        "t_value": coefficient("statistic"),
        "p_value": coefficient("p_value"),
        "ci_low": coefficient("ci_low"),
        "ci_high": coefficient("ci_high"),
        "covariance": function(_covariance, most=2),
        "statistic": function(lambda estimates, names: named_statistic(estimates, names[0])),
        "wald_f": wald(lambda test: test.statistic),
        "wald_chi2": wald(lambda test: test.statistic * test.df_numerator),
        "wald_p": wald(lambda test: test.p_value),
    }
    value = evaluate_number(expression, functions)
    if not used:
        raise StudyError(
            f"expression {expression!r} uses no result of the model; a number written into a "
            "study would agree with itself"
        )
    return value


def _covariance(estimates: Estimates, terms: list[str]) -> float:
    first, second = (_matching(term, estimates) for term in (terms[0], terms[-1]))
    for term in (first, second):
        estimates.row(term)
    return float(estimates.covariance.loc[first, second])
