"""Every printed number beside ours, with a verdict."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis import CompendiumError
from analysis.studies.agreement import (
    DIFFERENT,
    EXACT,
    LAST_DIGIT,
    ROUNDED_TWICE,
    compare,
    in_last_digits,
    relative_difference,
    rounded_first,
)
from analysis.studies.compute import Results
from analysis.studies.published import PublishedNumber
from analysis.studies.schema import KnownDifference, Model, Place, Study, Target
from analysis.studies.targets import NotComputedError, claimed_target, computed_value

NOT_RUN, UNMAPPED = "not_run", "unmapped"
VERDICTS = (EXACT, ROUNDED_TWICE, LAST_DIGIT, DIFFERENT, NOT_RUN, UNMAPPED)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One printed number, ours, and the verdict.

    ``computed``, ``difference`` (relative) and ``last_digits`` (the difference in units of the last
    printed digit) are missing where nothing was computed. ``reason`` says why a number was not run
    or is unmapped, explains a known difference (``explained``), says why a number was rounded
    twice, or how a number in percent would agree.
    """

    table: str
    row: str
    column: str
    statistic: str
    printed: str
    computed: float
    difference: float
    last_digits: float
    verdict: str
    model: str = ""
    reason: str = ""
    explained: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one study.

    ``absent`` says how to get data that are not on this machine; ``errors`` are problems of the
    study or of an estimator, which make a run fail.
    """

    study: str
    title: str = ""
    citation: str = ""
    doi: str = ""
    notes: str = ""
    comparisons: tuple[Comparison, ...] = ()
    absent: str = ""
    errors: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def counts(self) -> dict[str, int]:
        """How many numbers have each verdict, all verdicts present."""
        counted = Counter(one.verdict for one in self.comparisons)
        return {verdict: counted[verdict] for verdict in VERDICTS}

    @property
    def unexplained(self) -> tuple[Comparison, ...]:
        """Numbers that differ, or that no model claims, without a reason in the study."""
        return tuple(
            one
            for one in self.comparisons
            if one.verdict in (DIFFERENT, UNMAPPED) and not one.explained
        )

    @property
    def failed(self) -> bool:
        """Whether a command that ran this study must say so in its exit status."""
        return bool(self.errors or self.unexplained)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is missing is null."""
        return {
            "study": self.study,
            "title": self.title,
            "citation": self.citation,
            "doi": self.doi,
            "counts": self.counts,
            "absent": self.absent,
            "errors": list(self.errors),
            "numbers": [_plain(one) for one in self.comparisons],
        }


def compare_study(
    study: Study, published: Sequence[PublishedNumber], results: Results
) -> tuple[Comparison, ...]:
    """Each of ``published`` beside what ``results`` hold for it, in the order printed."""
    return tuple(_compared(study, number, results) for number in published)


def not_run(published: Sequence[PublishedNumber], reason: str) -> tuple[Comparison, ...]:
    """Comparisons of a study that could not be run at all."""
    return tuple(_without_value(number, NOT_RUN, reason) for number in published)


def _compared(study: Study, number: PublishedNumber, results: Results) -> Comparison:
    found = _claims(study, number)
    if len(found) != 1:
        return _without_value(number, UNMAPPED, _unclear([model.id for model, _ in found]))
    model, target = found[0]
    try:
        computed = computed_value(target, model, number.statistic, results)
        verdict = _verdict(computed, target, number)
    except NotComputedError as error:
        return _without_value(number, NOT_RUN, str(error), model.id)
    except CompendiumError as error:
        return _without_value(number, UNMAPPED, f"model {model.id}: {error}", model.id)
    known = _known(study, number) if verdict in (LAST_DIGIT, DIFFERENT) else None
    reason = known.reason if known else ""
    if verdict == ROUNDED_TWICE and target.rounded is not None:
        reason = target.rounded.reason
    hint = _scale_hint(target, model, number, results) if verdict == DIFFERENT else ""
    return Comparison(
        number.table,
        number.row,
        number.column,
        number.statistic,
        number.text,
        computed,
        relative_difference(number.printed, computed),
        in_last_digits(number.printed, computed),
        verdict,
        model.id,
        reason or hint,
        bool(reason),
    )


def _verdict(computed: float, target: Target, number: PublishedNumber) -> str:
    verdict = compare(number.printed, computed)
    if target.rounded is None:
        return verdict
    once = rounded_first(computed, target.rounded.decimals, target.scale, number.printed)
    agrees = verdict != EXACT and compare(number.printed, once) == EXACT
    return ROUNDED_TWICE if agrees else verdict


def _scale_hint(target: Target, model: Model, number: PublishedNumber, results: Results) -> str:
    """What to write where a number differs only by being in percent.

    A print of one digit is left alone: numbers that have nothing to do with it would round to it.
    """
    if abs(number.printed.value) < 10 * number.printed.unit:
        return ""
    for factor in (0.01, 100.0):
        scale = target.scale * factor
        rescaled = target.model_copy(update={"scale": scale})
        computed = computed_value(rescaled, model, number.statistic, results)
        if compare(number.printed, computed) == EXACT:
            return f"With scale: {scale:g} it would be exact: is one of the two in percent?"
    return ""


def _unclear(models: Sequence[str]) -> str:
    """Why a number that not exactly one place claims has no computed one."""
    if not models:
        return "no model claims it"
    if len(set(models)) > 1:
        return f"claimed by more than one model: {', '.join(dict.fromkeys(models))}"
    return f"claimed by more than one place of model {models[0]}: give them table, column or only"


def _claims(study: Study, number: PublishedNumber) -> list[tuple[Model, Target]]:
    """What claims a number; within a model a place with ``only`` goes before one without."""
    found: list[tuple[Model, Target]] = []
    for model in study.models:
        here = [(place, _claimed(place, number)) for place in model.places]
        claims = [(place, target) for place, target in here if target is not None]
        particular = [(place, target) for place, target in claims if place.only]
        found += [(model, target) for _, target in particular or claims]
    return found


def _claimed(place: Place, number: PublishedNumber) -> Target | None:
    if place.table is not None and place.table not in number.table:
        return None
    if place.columns and number.column not in place.columns:
        return None
    return claimed_target(place, number.row, number.statistic)


def _known(study: Study, number: PublishedNumber) -> KnownDifference | None:
    def matches(known: KnownDifference) -> bool:
        return (
            (known.table is None or known.table in number.table)
            and known.column in (None, number.column)
            and known.row in (None, number.row)
            and known.statistic in (None, number.statistic)
        )

    return next((known for known in study.known_differences if matches(known)), None)


def _without_value(
    number: PublishedNumber, verdict: str, reason: str, model: str = ""
) -> Comparison:
    return Comparison(
        number.table,
        number.row,
        number.column,
        number.statistic,
        number.text,
        math.nan,
        math.nan,
        math.nan,
        verdict,
        model,
        reason,
    )


def _plain(one: Comparison) -> dict[str, Any]:
    values = {name: getattr(one, name) for name in Comparison.__dataclass_fields__}
    for name in ("computed", "difference", "last_digits"):
        number = values[name]
        values[name] = float(f"{number:.11e}") if math.isfinite(number) else None
    return values
