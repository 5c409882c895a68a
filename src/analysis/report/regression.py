"""Regression tables: estimates side by side, laid out as journals print them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from analysis import CompendiumError
from analysis.languages import Catalogue, catalogue
from analysis.report.regression_names import (
    Models,
    errors_note,
    estimator_name,
    names_in,
    printed_name,
)
from analysis.report.tables import MISSING, Cell, Table, float_spec, number_text

if TYPE_CHECKING:
    from analysis.models import Estimates

_STARS = ((0.01, "***"), (0.05, "**"), (0.10, "*"))
#: Fact of a fit (``labels`` may rename it) and its format; None: three digits.
_FACTS: tuple[tuple[str, str | None], ...] = (
    ("n_obs", ",d"),
    ("n_units", ",d"),
    ("n_clusters", ",d"),
    ("outcome_mean", None),
    ("r_squared", ".3f"),
    ("within_r_squared", ".3f"),
    ("pseudo_r_squared", ".3f"),
    ("first_stage_f", ",.1f"),
    ("effective_f", ",.1f"),
    ("bandwidth", None),
    ("n_left", ",d"),
    ("n_right", ",d"),
)
_NUMBERS = ("estimate", "std_error", "p_value", "ci_low", "ci_high")
#: What may stand below a coefficient.
BELOW = ("std_error", "interval", "statistic")

Row = list[Cell]


@dataclass(frozen=True)
class Style:
    """How a journal sets a regression table; all have standard errors below the coefficients.

    stars: marks of significance. numbered: the columns carry (1), (2), … below their headings.
    capitals: the title is set in capitals.
    """

    stars: bool = False
    numbered: bool = False
    capitals: bool = False


#: The house's own style; the American Economic Review and Econometrica, which want no stars; the
#: Quarterly Journal of Economics, whose authors use them.
STYLES = {
    "plain": Style(),
    "aer": Style(numbered=True),
    "econometrica": Style(numbered=True, capitals=True),
    "qje": Style(stars=True, numbered=True, capitals=True),
}


@dataclass(frozen=True)
class _Layout:
    """What every row of one table needs to know."""

    labels: Mapping[str, str]
    stars: bool
    below: str
    lang: str

    @property
    def words(self) -> Catalogue:
        return catalogue("tables", self.lang)

    def label(self, name: str) -> str:
        return printed_name(name, self.labels, self.lang)

    def number(self, value: Any, spec: str, before: str = "", after: str = "") -> Cell:
        if value is None or pd.isna(value):
            return Cell(MISSING, math.nan)
        number = float(value) if isinstance(value, float) else int(value)
        finite = number if math.isfinite(number) else None
        return Cell(f"{before}{number_text(value, spec, self.lang)}{after}", finite)


def regression_layout(
    name: str,
    models: Models | Mapping[str, Models],
    *,
    labels: Mapping[str, str],
    terms: Sequence[str] | None = None,
    stars: bool | None = None,
    below: str = "std_error",
    groups: Sequence[tuple[str, int]] = (),
    style: str = "plain",
    title: str,
    note: str = "",
    source: str = "",
    lang: str = "en",
) -> Table:
    """Lay out models in columns: coefficients over standard errors, then the facts of each fit.

    Parameters
    ----------
    models
        Estimates by column heading; or, for panels one under the other, such mappings by the title
        of the panel, all with the same headings.
    labels
        Printed names of terms, outcomes, effects and facts.
    terms
        The coefficients to show, in order (all).
    stars
        Marks of significance; None: as the style has it.
    below
        What stands below a coefficient: ``std_error`` or ``statistic`` in parentheses, or the 95 %
        ``interval`` in brackets.
    groups
        Headings that span columns of models, each with its number of columns, all columns together;
        an empty heading spans without a title.
    style
        One of :data:`STYLES`.

    A row of facts appears when at least one model has the fact. Outcomes stand below the headings,
    or in the note when all are the same; the kinds of standard errors are named in the note.
    Fixed effects, estimators and weights that are the same in all panels stand once, at the foot.
    """
    panels = _panels(name, models)
    headings = list(next(iter(panels.values())))
    _check_choices(name, below, style, groups, len(headings))
    setting = STYLES[style]
    marked = setting.stars if stars is None else stars
    layout = _Layout(labels=labels, stars=marked, below=below, lang=lang)
    shown = _shown_terms(name, panels, terms)
    body = _body(panels, shown, layout)
    outcomes = _outcomes(panels, layout)
    shared = outcomes[0] if len(set(outcomes)) == 1 and outcomes[0] else ""
    notes = [note, layout.words.text("outcome", name=shared) if shared else ""]
    notes += [errors_note(panels, labels, below=below, lang=lang)]
    notes += [layout.words.text("stars")] if marked else []
    header = [["", *headings]]
    header += [] if shared or not any(outcomes) else [["", *outcomes]]
    header += [["", *(f"({n})" for n in range(1, len(headings) + 1))]] if setting.numbered else []
    return replace(
        body,
        name=name,
        title=title.upper() if setting.capitals else title,
        header=header,
        align="l" + "c" * len(headings),
        groups=[("", 1), *groups] if groups else (),
        note=" ".join(filter(None, notes)),
        source=source,
        lang=lang,
    )


def _panels(name: str, models: Models | Mapping[str, Models]) -> dict[str, Models]:
    """The models by panel; one panel without a title if they come without panels."""
    if not models:
        raise CompendiumError(f"table '{name}' has no models: give at least one")
    nested = [isinstance(value, Mapping) for value in models.values()]
    if not any(nested):
        return {"": cast("Models", models)}
    if not all(nested):
        raise CompendiumError(f"table '{name}': give either models or panels of models, not both")
    panels = dict(cast("Mapping[str, Models]", models))
    headings = [list(panel) for panel in panels.values()]
    if any(other != headings[0] for other in headings) or not headings[0]:
        raise CompendiumError(
            f"table '{name}': every panel needs the same columns; they have "
            f"{'; '.join(', '.join(columns) or 'none' for columns in headings)}"
        )
    return panels


def _check_choices(
    name: str, below: str, style: str, groups: Sequence[tuple[str, int]], n_models: int
) -> None:
    if below not in BELOW:
        raise CompendiumError(f"table '{name}': below={below!r} is not one of {', '.join(BELOW)}")
    if style not in STYLES:
        raise CompendiumError(f"table '{name}': style={style!r} is not one of {', '.join(STYLES)}")
    spanned = sum(width for _, width in groups)
    if groups and spanned != n_models:
        raise CompendiumError(
            f"table '{name}': the groups span {spanned} columns, there are {n_models} models"
        )


def _body(panels: Mapping[str, Models], terms: Sequence[str], layout: _Layout) -> Table:
    """Rows, rules and panel titles, without headings."""
    rows: list[Row] = []
    rules, titles = [], {}
    feet = [_method_rows(p, layout) + _effect_rows(p, layout) for p in panels.values()]
    at_foot = len(panels) > 1 and all(foot == feet[0] for foot in feet)
    for place, ((title, models), foot) in enumerate(zip(panels.items(), feet, strict=True)):
        if title:
            letter = chr(ord("A") + place)
            titles[len(rows)] = layout.words.text("panel", letter=letter, title=title)
            rules += [len(rows)] if rows else []
        own = [term for term in terms if term in _all_terms(models)]
        rows += [row for term in own for row in _term_rows(term, models, layout)]
        for block in ([] if at_foot else foot, _fact_rows(models, layout)):
            rules += [len(rows)] if block else []
            rows += block
    if at_foot and feet[0]:
        rules.append(len(rows))
        rows += feet[0]
    return Table(name="", title="", header=[], rows=rows, align="", rules=rules, panels=titles)


def _outcomes(panels: Mapping[str, Models], layout: _Layout) -> list[str]:
    """The outcome of each column; empty where the panels differ."""
    by_panel = [[layout.label(m.facts.outcome) for m in p.values()] for p in panels.values()]
    same = [len(set(column)) == 1 for column in zip(*by_panel, strict=True)]
    return [name if is_same else "" for name, is_same in zip(by_panel[0], same, strict=True)]


def regression_csv(models: Models | Mapping[str, Models]) -> pd.DataFrame:
    """The unrounded numbers: one row per term and statistic, one column per model."""
    panels = _panels("", models)
    frames = [_panel_csv(panel) for panel in panels.values()]
    if len(panels) > 1 or "" not in panels:
        for title, frame in zip(panels, frames, strict=True):
            frame.insert(0, "panel", title)
    return pd.concat(frames, ignore_index=True)


def _panel_csv(models: Models) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for term in _all_terms(models):
        found = {heading: _coefficient(m, term) for heading, m in models.items()}
        for number in _NUMBERS:
            cells = {h: None if c is None else c[number] for h, c in found.items()}
            rows.append({"row": term, "statistic": number, **cells})
    for fact, _ in _FACTS:
        facts = {heading: _fact(model, fact) for heading, model in models.items()}
        rows.append({"row": "fit", "statistic": fact, **facts})
    for fact in ("outcome", "estimator", "vcov"):
        names = {heading: getattr(model.facts, fact) for heading, model in models.items()}
        rows.append({"row": "fit", "statistic": fact, **names})
    return pd.DataFrame(rows, dtype=object)


# ---------------------------------------------------------------- coefficients


def _shown_terms(name: str, panels: Mapping[str, Models], terms: Sequence[str] | None) -> list[str]:
    models = dict(enumerate(chain.from_iterable(panel.values() for panel in panels.values())))
    known = _all_terms(models)
    unknown = [term for term in terms or () if term not in known]
    if unknown:
        raise CompendiumError(
            f"table '{name}': no model has the terms {', '.join(unknown)}; "
            f"the terms are {', '.join(known)}"
        )
    return known if terms is None else list(terms)


def _all_terms(models: Mapping[Any, "Estimates"]) -> list[str]:
    """Terms in order of first appearance, the constant last."""
    seen = dict.fromkeys(t for m in models.values() for t in m.coefficients["term"])
    constants = [t for t in seen if t.strip("()").lower() in ("intercept", "const", "constant")]
    return [t for t in seen if t not in constants] + constants


def _term_rows(term: str, models: Models, layout: _Layout) -> list[Row]:
    """The coefficients of a term, and below them their errors."""
    found = [_coefficient(model, term) for model in models.values()]
    spec = _coefficient_spec([c["std_error"] for c in found if c is not None])
    above, below = [Cell(layout.label(term))], [Cell("")]
    for c in found:
        mark = _star(c["p_value"]) if layout.stars and c is not None else ""
        above.append(Cell("") if c is None else layout.number(c["estimate"], spec, after=mark))
        below.append(Cell("") if c is None else _below(c, spec, layout))
    return [above, below]


def _below(coefficient: Mapping[str, Any], spec: str, layout: _Layout) -> Cell:
    if layout.below == "interval":
        ends = [layout.number(coefficient[end], spec).text for end in ("ci_low", "ci_high")]
        return Cell(f"[{ends[0]}; {ends[1]}]")
    if layout.below == "statistic":
        return layout.number(coefficient["statistic"], ".2f", "(", ")")
    return layout.number(coefficient["std_error"], spec, "(", ")")


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


# ---------------------------------------------------------------- facts of the fits


def _method_rows(models: Models, layout: _Layout) -> list[Row]:
    """Estimator and weights, where not every model is unweighted least squares."""
    words, rows = layout.words, []
    estimators = [m.facts.estimator for m in models.values()]
    weights = [m.facts.weights for m in models.values()]
    if set(estimators) != {"ols"}:
        known = [estimator_name(e, words) for e in estimators]
        rows.append([Cell(text) for text in (words.text("estimator"), *known)])
    if any(weights):
        used = [layout.label(w) if w else words.text("unweighted") for w in weights]
        rows.append([Cell(text) for text in (words.text("weights"), *used)])
    return rows


def _effect_rows(models: Models, layout: _Layout) -> list[Row]:
    effects = dict.fromkeys(column for m in models.values() for column in names_in(m.facts.absorb))
    rows = []
    for effect in effects:
        absorbed = [effect in names_in(m.facts.absorb) for m in models.values()]
        marks = [layout.words.text("yes" if there else "no") for there in absorbed]
        heading = layout.words.text("fixed effects", name=layout.label(effect))
        rows.append([Cell(text) for text in (heading, *marks)])
    return rows


def _fact_rows(models: Models, layout: _Layout) -> list[Row]:
    rows = []
    for fact, spec in _FACTS:
        values = [_fact(model, fact) for model in models.values()]
        if any(value is not None for value in values):
            chosen = spec or float_spec(pd.Series(values, dtype=float))
            heading = layout.labels.get(fact) or layout.words.text(f"fact.{fact}")
            rows.append([Cell(heading), *(layout.number(value, chosen) for value in values)])
    return rows


def _fact(model: "Estimates", fact: str) -> Any:
    value = getattr(model.facts, fact)
    return None if value is None or pd.isna(value) else value
