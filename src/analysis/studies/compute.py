"""From a study and its tables to estimates. Nothing here knows a printed number.

The functions below get the study's models and the data, and no path; the printed numbers stay in a
file which only :mod:`analysis.studies.published` reads, after everything is computed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis import CompendiumError
from analysis.models import registry
from analysis.models.estimates import Estimates
from analysis.models.specification import CollinearError
from analysis.studies.errors import StudyError
from analysis.studies.expressions import Panel, condition
from analysis.studies.schema import Model, Study
from analysis.studies.terms import Expansion, TermError, expand_terms, formula_arguments, split

#: Arguments whose terms may become several columns, sharing one intercept.
EXPANDED = (
    *("regressors", "endogenous", "instruments", "exogenous", "covariates", "controls"),
    "zero_regressors",
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A model that could not be computed, and why."""

    message: str


Results = Mapping[str, Estimates | Failure]


def compute_models(
    study: Study, tables: Mapping[str, pd.DataFrame], panels: Mapping[str, Panel | None]
) -> dict[str, Estimates | Failure]:
    """Every model of ``study`` by its id; one that fails does not stop the others."""
    results: dict[str, Estimates | Failure] = {}
    for model in study.models:
        where = f"{study.id}: models: {model.id}"
        try:
            results[model.id] = compute_model(model, study.samples, tables, panels[model.data])
        except CompendiumError as error:
            results[model.id] = Failure(f"{where}: {error}")
        except Exception as error:  # of whatever library, and not to stop the other models
            results[model.id] = Failure(
                f"{where}: estimator {model.estimator!r} failed: {type(error).__name__}: {error}"
            )
    return results


def compute_model(
    model: Model,
    samples: Mapping[str, str],
    tables: Mapping[str, pd.DataFrame],
    panel: Panel | None,
) -> Estimates:
    """Estimate one model.

    Terms are evaluated on the whole table, so that a lag looks beyond the sample, and then the rows
    of the sample are taken.

    Raises
    ------
    CompendiumError
        Naming the argument and the term, or as the estimator does.
    """
    arguments = _arguments(model, panel)
    registry.check_arguments(model.estimator, arguments)
    frame = tables[model.data]
    rows = pd.Series(True, index=frame.index)
    if model.sample is not None:
        try:
            rows = condition(samples[model.sample], frame, panel)
        except StudyError as error:
            raise StudyError(f"sample {model.sample!r}: {error}") from None
        if not rows.any():
            raise StudyError(f"sample {model.sample!r} ({samples[model.sample]}) is empty")
    expansion = Expansion(frame, panel)
    arguments = {
        name: _with_columns(name, value, expansion, tables) for name, value in arguments.items()
    }
    arguments |= _expanded(arguments, expansion, rows)
    try:
        return registry.call(model.estimator, expansion.result(rows), arguments)
    except CollinearError as error:
        raise TermError(f"{error}{_base_hint(error.terms)}") from None


def _base_hint(collinear: list[str]) -> str:
    """How to leave a level out of an interaction that holds one too many."""
    for term in collinear:
        parts = split(term, ":")
        factor = next((part for part in parts if part.startswith("factor(")), None)
        if factor is not None and len(parts) > 1:
            name = factor[: factor.rindex(")[")]
            return f"; to leave a level out, write {name}, base=level) in the interaction"
    return ""


def _arguments(model: Model, panel: Panel | None) -> dict[str, Any]:
    """Arguments as written and of the formula; unit, time and sample where they are taken."""
    arguments = model.arguments
    if model.formula is not None:
        from_formula = formula_arguments(model.formula)
        both = sorted(set(from_formula) & set(arguments))
        if both:
            raise TermError(f"{', '.join(both)} given both in the formula and by name")
        arguments = from_formula | arguments
    taken = registry.arguments_of(model.estimator)
    given = {"sample": model.sample}
    if panel is not None:
        given |= {"unit": panel.unit, "time": panel.time}
    known = {k: v for k, v in given.items() if v is not None and k in taken}
    return known | arguments


def _with_columns(
    name: str, value: Any, expansion: Expansion, tables: Mapping[str, pd.DataFrame]
) -> Any:
    """``value`` with ``{table: name}`` replaced by that table and single terms by their column."""
    if isinstance(value, dict) and set(value) == {"table"}:
        if value["table"] not in tables:
            raise StudyError(f"{name}: no table {value['table']!r}; there are {', '.join(tables)}")
        return tables[value["table"]]
    if name not in registry.TERM_ARGUMENTS:
        return value
    if name in EXPANDED:
        return [value] if isinstance(value, str) else value
    try:
        if isinstance(value, str):
            return expansion.column(value)
        if isinstance(value, list):
            return [expansion.column(term) for term in value]
    except StudyError as error:
        raise StudyError(f"{name}: {error}") from None
    return value


def _expanded(
    arguments: Mapping[str, Any], expansion: Expansion, rows: pd.Series
) -> dict[str, list[str]]:
    terms = {name: arguments[name] for name in EXPANDED if isinstance(arguments.get(name), list)}
    for name, listed in terms.items():
        if not all(isinstance(term, str) for term in listed):
            raise TermError(f"{name}: expected a list of terms, got {listed!r}")
    used = [
        arguments[name]
        for name in sorted(registry.TERM_ARGUMENTS - set(terms))
        if arguments.get(name) is not None
    ]
    columns = [name for value in used for name in ([value] if isinstance(value, str) else value)]
    complete = rows.copy()
    for name in columns:
        complete &= expansion.added.get(name, expansion.frame.get(name)).notna()
    intercept = bool(arguments.get("intercept", True))
    return expand_terms(terms, expansion, complete, intercept)
