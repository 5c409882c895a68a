"""Regression tables: estimates side by side, laid out as journals print them."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis import CompendiumError
from analysis.report.tables import MISSING, Table, float_spec, number_text

if TYPE_CHECKING:
    from analysis.models import Estimates

_STARS = ((0.01, "***"), (0.05, "**"), (0.10, "*"))
_STARS_NOTE = "*** p < 0.01, ** p < 0.05, * p < 0.10."
# Heading (``labels`` may replace it under the fact's name), fact, format; None: three digits.
_FACTS: tuple[tuple[str, str, str | None], ...] = (
    ("Observations", "n_obs", ",d"),
    ("Units", "n_units", ",d"),
    ("Clusters", "n_clusters", ",d"),
    ("Mean of the outcome", "outcome_mean", None),
    ("R²", "r_squared", ".3f"),
    ("Within R²", "within_r_squared", ".3f"),
    ("Pseudo R²", "pseudo_r_squared", ".3f"),
    ("First-stage F", "first_stage_f", ".1f"),
    ("Effective F", "effective_f", ".1f"),
    ("Bandwidth", "bandwidth", None),
    ("Observations below the cutoff", "n_left", ",d"),
    ("Observations above the cutoff", "n_right", ",d"),
)
_ESTIMATORS = {
    "ols": "OLS",
    "poisson": "Poisson",
    "iv": "2SLS",
    "sharp rd": "Sharp RD",
    "fuzzy rd": "Fuzzy RD",
}
_ROBUST = {"classical": "classical", "nn": "nearest-neighbour"}
_NUMBERS = ("estimate", "std_error", "p_value", "ci_low", "ci_high")


def regression_layout(
    name: str,
    models: Mapping[str, "Estimates"],
    *,
    labels: Mapping[str, str],
    terms: Sequence[str] | None = None,
    stars: bool = False,
    title: str,
    note: str = "",
    source: str = "",
) -> Table:
    """Lay out models in columns: coefficients over standard errors, then the facts of each fit.

    A row of facts appears when at least one model has the fact. Outcomes stand below the headings,
    or in the note when all are the same; the kinds of standard errors are appended to the note.
    """
    if not models:
        raise CompendiumError(f"table '{name}' has no models: give at least one")
    shown = _shown_terms(name, models, terms)
    coefficients = [row for term in shown for row in _term_rows(term, models, labels, stars)]
    effects = _method_rows(models) + _effect_rows(models, labels)
    facts = _fact_rows(models, labels)
    outcomes = [_label(model.facts.outcome, labels) for model in models.values()]
    shared = f"Outcome: {outcomes[0]}." if len(set(outcomes)) == 1 else ""
    note = " ".join(filter(None, [note, shared, errors_note(models, labels)]))
    starts = [len(coefficients), len(coefficients) + len(effects)]
    return Table(
        name=name,
        header=[["", *models]] if shared else [["", *models], ["", *outcomes]],
        rows=[*coefficients, *effects, *facts],
        align="l" + "c" * len(models),
        rules=starts if effects else starts[:1],
        note=f"{note} {_STARS_NOTE}" if stars else note,
        title=title,
        source=source,
    )


def regression_csv(models: Mapping[str, "Estimates"]) -> pd.DataFrame:
    """The unrounded numbers: one row per term and statistic, one column per model."""
    rows: list[dict[str, Any]] = []
    for term in _all_terms(models):
        found = {heading: _coefficient(m, term) for heading, m in models.items()}
        for number in _NUMBERS:
            cells = {h: None if c is None else c[number] for h, c in found.items()}
            rows.append({"row": term, "statistic": number, **cells})
    for _, fact, _ in _FACTS:
        rows.append(
            {"row": "fit", "statistic": fact, **{h: _fact(m, fact) for h, m in models.items()}}
        )
    for fact in ("outcome", "estimator", "vcov"):
        rows.append(
            {
                "row": "fit",
                "statistic": fact,
                **{h: getattr(m.facts, fact) for h, m in models.items()},
            }
        )
    return pd.DataFrame(rows, dtype=object)


def errors_note(models: Mapping[str, "Estimates"], labels: Mapping[str, str]) -> str:
    """One sentence naming the kind of standard errors, by column where they differ."""
    kinds: dict[str, list[str]] = {}
    for heading, model in models.items():
        kinds.setdefault(_errors_kind(model, labels), []).append(heading)
    if len(kinds) == 1:
        return f"Standard errors in parentheses: {next(iter(kinds))}."
    parts = (f"{kind} in {', '.join(headings)}" for kind, headings in kinds.items())
    return f"Standard errors in parentheses: {'; '.join(parts)}."


def _errors_kind(model: "Estimates", labels: Mapping[str, str]) -> str:
    vcov = model.facts.vcov
    if vcov == "cluster":
        return "clustered by " + " and ".join(
            _label(c, labels) for c in _names(model.facts.cluster)
        )
    return _ROBUST.get(vcov, f"robust to heteroskedasticity ({vcov.upper()})")


def _names(joined: str) -> list[str]:
    """Column names out of a fact such as ``"geo + year"``."""
    return [name for name in joined.split(" + ") if name]


def _shown_terms(
    name: str, models: Mapping[str, "Estimates"], terms: Sequence[str] | None
) -> list[str]:
    known = _all_terms(models)
    unknown = [term for term in terms or () if term not in known]
    if unknown:
        raise CompendiumError(
            f"table '{name}': no model has the terms {', '.join(unknown)}; "
            f"the terms are {', '.join(known)}"
        )
    return known if terms is None else list(terms)


def _all_terms(models: Mapping[str, "Estimates"]) -> list[str]:
    """Terms in order of first appearance, the constant last."""
    seen = dict.fromkeys(t for m in models.values() for t in m.coefficients["term"])
    constants = [t for t in seen if t.strip("()").lower() in ("intercept", "const", "constant")]
    return [t for t in seen if t not in constants] + constants


def _term_rows(
    term: str, models: Mapping[str, "Estimates"], labels: Mapping[str, str], stars: bool
) -> list[list[str]]:
    found = [_coefficient(model, term) for model in models.values()]
    spec = _coefficient_spec([c["std_error"] for c in found if c is not None])
    above, below = [_label(term, labels)], [""]
    for c in found:
        mark = _star(c["p_value"]) if stars and c is not None else ""
        above.append("" if c is None else number_text(c["estimate"], spec) + mark)
        below.append("" if c is None else f"({number_text(c['std_error'], spec)})")
    return [above, below]


def _coefficient(model: "Estimates", term: str) -> Mapping[str, Any] | None:
    rows = model.coefficients.loc[model.coefficients["term"] == term]
    return None if rows.empty else dict(zip(rows.columns, rows.iloc[0], strict=True))


def _coefficient_spec(std_errors: Sequence[float]) -> str:
    """Decimals for one term: three, more (or fewer) where its smallest standard error asks."""
    positive = [s for s in std_errors if s and math.isfinite(s)]
    if not positive:
        return ".3f"
    magnitude = math.floor(math.log10(min(positive)))
    decimals = max(3, 1 - magnitude) if magnitude < 0 else max(0, 2 - magnitude)
    return f",.{min(decimals, 10)}f"


def _star(p_value: float) -> str:
    return next((mark for limit, mark in _STARS if p_value < limit), "")


def _method_rows(models: Mapping[str, "Estimates"]) -> list[list[str]]:
    """Estimator and weights, where not every model is unweighted least squares."""
    estimators = [m.facts.estimator for m in models.values()]
    weights = [m.facts.weights for m in models.values()]
    rows = []
    if set(estimators) != {"ols"}:
        rows.append(["Estimator", *(_ESTIMATORS.get(e, e) for e in estimators)])
    if any(weights):
        rows.append(["Weights", *(w or "none" for w in weights)])
    return rows


def _effect_rows(models: Mapping[str, "Estimates"], labels: Mapping[str, str]) -> list[list[str]]:
    effects = dict.fromkeys(column for m in models.values() for column in _names(m.facts.absorb))
    return [
        [
            f"Fixed effects: {_label(effect, labels)}",
            *("yes" if effect in _names(m.facts.absorb) else "no" for m in models.values()),
        ]
        for effect in effects
    ]


def _fact_rows(models: Mapping[str, "Estimates"], labels: Mapping[str, str]) -> list[list[str]]:
    rows = []
    for heading, fact, spec in _FACTS:
        values = [_fact(model, fact) for model in models.values()]
        if any(value is not None for value in values):
            chosen = spec or float_spec(pd.Series(values, dtype=float))
            cells = (MISSING if v is None else number_text(v, chosen) for v in values)
            rows.append([labels.get(fact, heading), *cells])
    return rows


def _fact(model: "Estimates", fact: str) -> Any:
    value = getattr(model.facts, fact)
    return None if value is None or pd.isna(value) else value


def _label(name: str, labels: Mapping[str, str]) -> str:
    return labels.get(name, name)
