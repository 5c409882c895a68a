"""Sentences about a verdict, in English and French, from templates and the verdict's numbers.

No text stands here: the messages are those of the domain ``claims``, see
:mod:`analysis.languages`. Every number that a sentence shows is one of the verdict's findings or
of :meth:`Verdict.numbers`, rounded.
"""

import math
from collections.abc import Mapping

from analysis.claims.declaration import ClaimError, Text
from analysis.claims.findings import CHECKS, Check, Finding
from analysis.claims.rule import NOT_RUN, WORDS
from analysis.claims.verdict import Change, Verdict, null_of
from analysis.languages import Catalogue, catalogue, typeset
from analysis.panel.codebook import variables

#: Beyond so many times the information it is said to be out of reach, not in units to be counted.
FARTHEST = 20
_ROBUSTNESS = ("curves", "together", "influence")


def texts(lang: str) -> Catalogue:
    """The messages about claims in a language."""
    return catalogue("claims", lang)


def answer(verdict: Verdict, lang: str) -> str:
    """Three sentences: the claim and its verdict, the estimate, how far to rely on it."""
    first = _fill(lang, f"claim.{verdict.word}", claim=_bare(verdict.claim.claim, lang))
    if not verdict.findings:
        return f"{first} {not_testable(verdict, lang)}"
    return f"{first} {estimate(verdict, lang)} {reliance(verdict, lang)}"


def not_testable(verdict: Verdict, lang: str) -> str:
    """Why a claim cannot be tested, at all or in this run, and with what it could."""
    declared = verdict.claim.not_testable
    why = declared.reason.of(lang) if declared is not None else unavailable(verdict, lang)
    data = declared.data if declared is not None else verdict.claim.data
    assert data is not None
    sentence = _capital(why).rstrip(".") + "."
    return _fill(lang, "not_testable", reason=sentence, data=data.of(lang))


def unavailable(verdict: Verdict, lang: str) -> str:
    """Why a run has no estimate of a claim; what is said in English alone is quoted."""
    why = verdict.unavailable
    assert why is not None
    if why.en != why.fr:
        return why.of(lang)
    return _fill(lang, "unavailable", problem=_bare(why, lang))


def estimate(verdict: Verdict, lang: str) -> str:
    """The headline in words: estimand, estimate, interval, sample."""
    headline = verdict.headline
    shown = {
        "estimate": _size(verdict, headline.estimate, lang),
        "low": _bound(verdict, headline.ci_low, lang),
        "high": _bound(verdict, headline.ci_high, lang),
    }
    words = {"Estimand": estimand(verdict, lang), "sample": sample(headline, lang)}
    return _fill(lang, "estimate", **words, **shown)


def estimand(verdict: Verdict, lang: str) -> str:
    """The estimand with its names filled in."""
    template = verdict.claim.estimand
    assert template is not None
    given = {
        name: value.of(lang) if isinstance(value, Text) else texts(lang).number(value)
        for name, value in verdict.claim.given.items()
    }
    return typeset(template.of(lang).format_map(given), lang)


def sample(finding: Finding, lang: str) -> str:
    """Regions, countries and years behind a finding, as far as they are known."""
    say, places = texts(lang), []
    if finding.n_regions is not None:
        places.append(say.plural("regions", finding.n_regions))
    if finding.n_countries is not None:
        places.append(say.plural("countries", finding.n_countries))
    if not places:
        return say.plural("observations", finding.n_obs)
    where = places[0]
    if len(places) == 2:
        where = say.text("regions in countries", regions=places[0], countries=places[1])
    if finding.first_year is None or finding.last_year is None:
        return where
    years = say.years(finding.first_year, finding.last_year)
    return say.text("sample", places=where, years=years)


def reliance(verdict: Verdict, lang: str) -> str:
    """How far the estimate can be relied on: curve, failed checks, cause or association."""
    parts = [_curve(verdict, lang)]
    failed = [check_name(check, lang) for check in verdict.checks if not check.passed]
    if failed:
        parts.append(_fill(lang, "failed_checks", names=", ".join(failed)))
    if verdict.wording != "pattern":
        design = verdict.claim.design
        fields = {"design": design.of(lang)} if verdict.wording == "effect" and design else {}
        parts.append(_fill(lang, f"wording.{verdict.wording}", **fields))
    return _capital(texts(lang).listed(parts)) + "."


def _curve(verdict: Verdict, lang: str) -> str:
    agreement = verdict.agreement
    if agreement is None:
        return _fill(lang, "no_curve")
    return _fill(
        lang,
        "curve",
        n=texts(lang).number(agreement.n_specifications),
        support=texts(lang).percent(100 * agreement.significant_for),
        oppose=texts(lang).percent(100 * agreement.significant_against),
    )


def changes(verdict: Verdict, lang: str) -> list[str]:
    """What would change the verdict, a sentence each."""
    return [_change(verdict, change, lang) for change in verdict.changes]


def _change(verdict: Verdict, change: Change, lang: str) -> str:
    numbers, key = change.numbers, change.key
    answer = {"word": word(change.word, lang)} if change.word else {}
    if key == "precision":
        return _precision(verdict, change, lang, **answer)
    fields = dict(answer)
    for name in ("bound", "null", "limit"):
        if name in numbers:
            fields[name] = _size(verdict, numbers[name], lang)
    for name in ("share (%)", "limit (%)", "level (%)"):
        if name in numbers:
            fields[name.removesuffix(" (%)")] = texts(lang).percent(numbers[name])
    for name in ("opposing", "failed"):
        if name in numbers:
            fields[name] = texts(lang).number(numbers[name])
    return _fill(lang, f"changes.{key}", **fields)


def _precision(verdict: Verdict, change: Change, lang: str, **answer: str) -> str:
    headline, factor = verdict.headline, change.numbers["times the information"]
    if factor > FARTHEST:
        times = texts(lang).number(factor, decimals=0)
        return _fill(lang, "changes.precision far", times=times)
    for name, now in (("regions", headline.n_regions), ("countries", headline.n_countries)):
        if f"{name} needed" in change.numbers:
            needed = texts(lang).plural(name, int(change.numbers[f"{name} needed"]))
            counts = {"needed": needed, "now": texts(lang).number(now or 0)}
            return _fill(lang, f"changes.precision {name}", **counts, **answer)
    times = texts(lang).number(factor, decimals=1)
    return _fill(lang, "changes.precision", times=times, **answer)


def check_name(check: Check, lang: str) -> str:
    """What a check asks for, in words."""
    if isinstance(check.name, tuple):
        return typeset(Text(*check.name).of(lang), lang)
    if check.name not in CHECKS:
        raise ClaimError(
            f"unknown check {check.name!r}; give [English, French] or one of {', '.join(CHECKS)}"
        )
    return texts(lang).text(f"check.{check.name}")


def finding_name(finding: Finding, lang: str) -> str:
    """What a finding is an estimate of.

    The label itself if it comes in both languages; otherwise the words of the catalogue or of the
    codebook that the English label has. Raises ClaimError where there are none.
    """
    if isinstance(finding.label, tuple):
        return typeset(Text(*finding.label).of(lang), lang)
    if lang == "en":
        return finding.label
    declared = {variable.label_en: variable.label_fr for variable in variables().values()}
    if finding.label in declared:
        return typeset(declared[finding.label], lang)
    try:
        return texts(lang).text(f"finding.{finding.label}")
    except KeyError:
        raise ClaimError(
            f"finding {finding.label!r} has no words in {lang!r}: give label=(English, French)"
        ) from None


def label(key: str, lang: str) -> str:
    """A heading."""
    return texts(lang).text(f"label.{key}")


def word(verdict_word: str, lang: str) -> str:
    """A verdict's word in ``lang``."""
    return texts(lang).text(f"word.{verdict_word}")


def multiplicity(q_value: float, lang: str) -> str:
    """That a verdict does not survive the adjustment over the register."""
    return _fill(lang, "multiplicity", q=texts(lang).number(q_value, decimals=3))


def summary(counts: Mapping[str, int], lang: str) -> str:
    """The register as a whole in three sentences, from the numbers of ``assembly.tally``."""
    shown = {name: texts(lang).number(count) for name, count in counts.items()}
    words = [
        _fill(lang, "tally.word", n=shown[name], word=word(name, lang))
        for name in (*WORDS, NOT_RUN)
        if counts[name]
    ]
    parts = [
        _fill(lang, "tally.counts", claims=shown["claims"], tested=shown["tested"]),
        _fill(lang, "tally.words", words=", ".join(words)),
        together(counts["only alone"], lang),
    ]
    return " ".join(parts)


def together(only_alone: int, lang: str) -> str:
    """How many verdicts would not hold if all claims were tested together."""
    if only_alone == 0:
        return texts(lang).text("tally.all_together")
    return texts(lang).plural("tally.together", only_alone)


def robustness(counts: Mapping[str, int], lang: str) -> str:
    """All curves and headlines in three sentences, from ``claims.robustness.counts``."""
    shown = {name: texts(lang).number(count) for name, count in counts.items()}
    return " ".join(_fill(lang, f"robustness.{part}", **shown) for part in _ROBUSTNESS)


# --- numbers -----------------------------------------------------------------------------------


def decimals_of(finding: Finding) -> int:
    """Decimals that show two significant digits of the interval's half-width."""
    half = (finding.ci_high - finding.ci_low) / 2
    return 2 if half <= 0 else min(6, max(0, 1 - math.floor(math.log10(half))))


def _size(verdict: Verdict, value: float, lang: str) -> str:
    """A value on the headline's scale with its unit; with a sign where the null is zero."""
    unit = verdict.claim.unit
    assert unit is not None
    return texts(lang).with_unit(_plain_size(verdict, value, lang), unit.of(lang))


def _bound(verdict: Verdict, value: float, lang: str) -> str:
    """An end of the interval beside the estimate, whose unit is repeated only if it is short."""
    unit = verdict.claim.unit
    assert unit is not None
    short = len(unit.of(lang)) <= len("EUR")
    return _size(verdict, value, lang) if short else _plain_size(verdict, value, lang)


def _plain_size(verdict: Verdict, value: float, lang: str) -> str:
    signed = null_of(verdict.claim, verdict.headline) == 0
    return texts(lang).number(value, decimals=decimals_of(verdict.headline), signed=signed)


# --- words -------------------------------------------------------------------------------------


def _fill(lang: str, key: str, **fields: str) -> str:
    """A message with its fields, which may be declared texts not typeset yet."""
    if "Estimand" in fields:
        fields["Estimand"] = _capital(fields["Estimand"])
    return texts(lang).text(key, **{name: typeset(text, lang) for name, text in fields.items()})


def _bare(text: Text, lang: str) -> str:
    """A sentence without its full stop, to stand inside another."""
    return text.of(lang).rstrip(".")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
