"""What the columns, estimators and standard errors of a regression table are called."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.languages import Catalogue, catalogue, typeset
from analysis.panel.codebook import variables

if TYPE_CHECKING:
    from analysis.models import Estimates

Models = Mapping[str, "Estimates"]
_ESTIMATORS = ("ols", "poisson", "iv", "sharp rd", "fuzzy rd")
_ERRORS = (
    *("classical", "nn", "information", "bootstrap", "jackknife", "placebo", "none"),
    "influence function",
)
#: Columns of panels that are no variables of the codebook and have a name all the same.
_COLUMNS = ("geo", "country", "year", "period", "country_year", "country_period")


def printed_name(name: str, labels: Mapping[str, str], lang: str = "en") -> str:
    """What a column is called: in ``labels``, or as one of :data:`_COLUMNS`, or in the codebook."""
    if name in labels:
        return labels[name]
    if name in _COLUMNS:
        return catalogue("tables", lang).text(f"column.{name}")
    if name in variables():
        variable = variables()[name]
        return typeset(variable.label_fr, lang) if lang == "fr" else variable.label_en
    return name


def estimator_name(name: str, words: Catalogue) -> str:
    """What an estimator is called."""
    return words.text(f"estimator.{name}") if name in _ESTIMATORS else name.replace("_", " ")


def errors_note(
    panels: Mapping[str, Models],
    labels: Mapping[str, str],
    *,
    below: str = "std_error",
    lang: str = "en",
) -> str:
    """One sentence naming the kind of standard errors, by column (and panel) where they differ."""
    words = catalogue("tables", lang)
    kinds: dict[str, list[str]] = {}
    for title, models in panels.items():
        for heading, model in models.items():
            place = f"{title}, {heading}" if title else heading
            kinds.setdefault(_errors_kind(model, labels, words), []).append(place)
    if len(kinds) == 1:
        return words.text(f"below.{below}", kinds=next(iter(kinds)))
    parts = [
        words.text("errors of columns", kind=kind, columns=", ".join(places))
        for kind, places in kinds.items()
    ]
    return words.text(f"below.{below}", kinds=words.listed(parts))


def _errors_kind(model: "Estimates", labels: Mapping[str, str], words: Catalogue) -> str:
    vcov = model.facts.vcov
    if vcov == "cluster":
        names = [printed_name(name, labels, words.lang) for name in names_in(model.facts.cluster)]
        both = names[0] if len(names) == 1 else words.text("two clusters", **_pair(names))
        return words.text("errors.cluster", names=both)
    if vcov.startswith("hc"):
        return words.text("errors.robust", kind=vcov.upper())
    if vcov in _ERRORS:
        return words.text(f"errors.{vcov}")
    return words.text("errors.other", kind=vcov)


def _pair(names: Sequence[str]) -> dict[str, str]:
    return {"first": ", ".join(names[:-1]), "second": names[-1]}


def names_in(joined: str) -> list[str]:
    """Column names out of a fact such as ``"geo + year"``."""
    return [name for name in joined.split(" + ") if name]
