"""Sentences about a verdict, in English and French, from templates and the verdict's numbers.

No text stands here: the templates are ``sentences.en.yaml`` and ``sentences.fr.yaml``. Every number
that a sentence shows is one of the verdict's findings or of :meth:`Verdict.numbers`, rounded.
"""

import math
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from analysis.claims.declaration import LANGUAGES, ClaimError, Text
from analysis.claims.findings import Check, Finding
from analysis.claims.verdict import Change, Verdict, null_of

#: French spaces: narrow before ; ! ? %, wide before the colon and inside quotation marks.
NARROW, WIDE = "\u202f", "\u00a0"
MINUS = "−"
#: Beyond so many times the information it is said to be out of reach, not in units to be counted.
FARTHEST = 20
_ROBUSTNESS = ("curves", "together", "influence")


@cache
def catalogue(lang: str) -> dict[str, Any]:
    """The templates of a language."""
    if lang not in LANGUAGES:
        raise ClaimError(f"unknown language {lang!r}; there are {', '.join(LANGUAGES)}")
    path = Path(__file__).with_name(f"sentences.{lang}.yaml")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def answer(verdict: Verdict, lang: str) -> str:
    """Three sentences: the claim and its verdict, the estimate, how far to rely on it."""
    first = _fill(lang, "claim", verdict.word, claim=_bare(verdict.claim.claim, lang))
    if not verdict.findings:
        return f"{first} {not_testable(verdict, lang)}"
    return f"{first} {estimate(verdict, lang)} {reliance(verdict, lang)}"


def not_testable(verdict: Verdict, lang: str) -> str:
    """Why a claim cannot be tested, at all or in this run, and with what it could."""
    declared = verdict.claim.not_testable
    reason = declared.reason if declared is not None else verdict.unavailable
    data = declared.data if declared is not None else verdict.claim.data
    assert reason is not None and data is not None
    sentence = _capital(reason.of(lang)).rstrip(".") + "."
    return _fill(lang, "not_testable", reason=sentence, data=data.of(lang))


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
        name: value.of(lang) if isinstance(value, Text) else number(value, lang)
        for name, value in verdict.claim.given.items()
    }
    return typeset(template.of(lang).format_map(given), lang)


def sample(finding: Finding, lang: str) -> str:
    """Regions, countries and years behind a finding, as far as they are known."""
    counts = {"regions": finding.n_regions, "countries": finding.n_countries}
    known = [name for name, count in counts.items() if count is not None]
    years = _years(finding, lang)
    key = " and ".join(known) + ("" if years else " without years") if known else "observations"
    fields = {name: counted(name, int(counts[name] or 0), lang) for name in known}
    if not known:
        fields = {"observations": counted("observations", finding.n_obs, lang)}
    elif years:
        fields["years"] = years
    return _fill(lang, "sample", key, **fields)


def reliance(verdict: Verdict, lang: str) -> str:
    """How far the estimate can be relied on: curve, failed checks, cause or association."""
    parts = [_curve(verdict, lang)]
    failed = [check_name(check, lang) for check in verdict.checks if not check.passed]
    if failed:
        parts.append(_fill(lang, "failed_checks", names=", ".join(failed)))
    if verdict.wording != "pattern":
        design = verdict.claim.design
        fields = {"design": design.of(lang)} if verdict.wording == "effect" and design else {}
        parts.append(_fill(lang, "wording", verdict.wording, **fields))
    return typeset(_capital(" ; ".join(parts) if lang == "fr" else "; ".join(parts)) + ".", lang)


def _curve(verdict: Verdict, lang: str) -> str:
    agreement = verdict.agreement
    if agreement is None:
        return _fill(lang, "no_curve")
    return _fill(
        lang,
        "curve",
        n=number(agreement.n_specifications, lang),
        support=percent(100 * agreement.significant_for, lang),
        oppose=percent(100 * agreement.significant_against, lang),
    )


def changes(verdict: Verdict, lang: str) -> list[str]:
    """What would change the verdict, a sentence each."""
    return [_change(verdict, change, lang) for change in verdict.changes]


def _change(verdict: Verdict, change: Change, lang: str) -> str:
    numbers, key = change.numbers, change.key
    word = catalogue(lang)["words"][change.word] if change.word else ""
    if key == "precision":
        return _precision(verdict, change, word, lang)
    fields: dict[str, str] = {"word": word} if word else {}
    for name in ("bound", "null", "limit"):
        if name in numbers:
            fields[name] = _size(verdict, numbers[name], lang)
    for name in ("share (%)", "limit (%)", "level (%)"):
        if name in numbers:
            fields[name.removesuffix(" (%)")] = percent(numbers[name], lang)
    for name in ("opposing", "failed"):
        if name in numbers:
            fields[name] = number(numbers[name], lang)
    return _fill(lang, "changes", key, **fields)


def _precision(verdict: Verdict, change: Change, word: str, lang: str) -> str:
    headline, factor = verdict.headline, change.numbers["times the information"]
    if factor > FARTHEST:
        times = number(factor, lang, decimals=0)
        return _fill(lang, "changes", "precision far", times=times)
    for name, now in (("regions", headline.n_regions), ("countries", headline.n_countries)):
        if f"{name} needed" in change.numbers:
            needed = counted(name, int(change.numbers[f"{name} needed"]), lang)
            fields = {"needed": needed, "now": number(now or 0, lang), "word": word}
            return _fill(lang, "changes", f"precision {name}", **fields)
    times = number(factor, lang, decimals=1)
    return _fill(lang, "changes", "precision", times=times, word=word)


def check_name(check: Check, lang: str) -> str:
    """What a check asks for, in words."""
    if isinstance(check.name, tuple):
        return Text(*check.name).of(lang)
    names = catalogue(lang)["checks"]
    if check.name not in names:
        raise ClaimError(
            f"unknown check {check.name!r}; give [English, French] or one of {', '.join(names)}"
        )
    return str(names[check.name])


def label(key: str, lang: str) -> str:
    """A heading."""
    return typeset(str(catalogue(lang)["labels"][key]), lang)


def word(verdict_word: str, lang: str) -> str:
    """A verdict's word in ``lang``."""
    return typeset(str(catalogue(lang)["words"][verdict_word]), lang)


def multiplicity(q_value: float, lang: str) -> str:
    """That a verdict does not survive the adjustment over the register."""
    return _fill(lang, "multiplicity", q=number(q_value, lang, decimals=3))


def summary(counts: Mapping[str, int], lang: str) -> str:
    """The register as a whole in three sentences, from the numbers of ``assembly.tally``."""
    words = [
        _fill(lang, "tally", "word", n=number(count, lang), word=catalogue(lang)["words"][name])
        for name, count in counts.items()
        if count and name in catalogue(lang)["words"]
    ]
    parts = [
        _fill(
            lang,
            "tally",
            "counts",
            claims=number(counts["claims"], lang),
            tested=number(counts["tested"], lang),
        ),
        _fill(lang, "tally", "words", words=", ".join(words)),
        _fill(lang, "tally", "together", n=number(counts["only alone"], lang)),
    ]
    return " ".join(parts)


def robustness(counts: Mapping[str, int], lang: str) -> str:
    """All curves and headlines in three sentences, from ``claims.robustness.counts``."""
    shown = {name: number(count, lang) for name, count in counts.items()}
    return " ".join(_fill(lang, "robustness", part, **shown) for part in _ROBUSTNESS)


# --- numbers -----------------------------------------------------------------------------------


def number(value: float, lang: str, *, decimals: int | None = None, signed: bool = False) -> str:
    """A number as printed in ``lang``; as many decimals as it has when none are given (at most 6).

    English: 1,234.5 · French: 1 234,5 with a narrow no-break space. The minus is a minus sign.
    """
    if decimals is None:
        text = f"{value:.6f}".rstrip("0").rstrip(".")
        decimals = len(text.partition(".")[2])
    rounded = round(value, decimals) + 0.0  # no minus before a zero
    text = f"{abs(rounded):,.{decimals}f}"
    sign = MINUS if rounded < 0 else "+" if signed and rounded > 0 else ""
    if lang == "fr":
        text = text.replace(",", NARROW).replace(".", ",")
    return sign + text


def percent(value: float, lang: str) -> str:
    """A share in per cent, rounded to whole ones."""
    return with_unit(number(value, lang, decimals=0), "%", lang)


def with_unit(text: str, unit: str, lang: str) -> str:
    """A number and its unit, not to be torn apart at the end of a line."""
    return f"{text}{NARROW if lang == 'fr' and unit.startswith('%') else WIDE}{unit}"


def decimals_of(finding: Finding) -> int:
    """Decimals that show two significant digits of the interval's half-width."""
    half = (finding.ci_high - finding.ci_low) / 2
    return 2 if half <= 0 else min(6, max(0, 1 - math.floor(math.log10(half))))


def counted(name: str, count: int, lang: str) -> str:
    """``1 region``, ``12 regions``, ``1 234 régions``."""
    one, many = catalogue(lang)[name]
    single = count == 1 or (lang == "fr" and count == 0)
    return str(one if single else many).format(n=number(count, lang))


def _size(verdict: Verdict, value: float, lang: str) -> str:
    """A value on the headline's scale with its unit; with a sign where the null is zero."""
    unit = verdict.claim.unit
    assert unit is not None
    return with_unit(_plain_size(verdict, value, lang), unit.of(lang), lang)


def _bound(verdict: Verdict, value: float, lang: str) -> str:
    """An end of the interval beside the estimate, whose unit is repeated only if it is short."""
    unit = verdict.claim.unit
    assert unit is not None
    short = len(unit.of(lang)) <= len("EUR")
    return _size(verdict, value, lang) if short else _plain_size(verdict, value, lang)


def _plain_size(verdict: Verdict, value: float, lang: str) -> str:
    signed = null_of(verdict.claim, verdict.headline) == 0
    return number(value, lang, decimals=decimals_of(verdict.headline), signed=signed)


# --- words -------------------------------------------------------------------------------------


def typeset(text: str, lang: str) -> str:
    """French spacing of punctuation; English as it is."""
    if lang != "fr":
        return text
    text = re.sub(r"[ \u00a0]([;!?%])", NARROW + r"\1", text)
    text = re.sub(r" (:|»)", WIDE + r"\1", text)
    return text.replace("« ", "«" + WIDE).replace("'", "’")


def _fill(lang: str, *place: str, **fields: str) -> str:
    template: Any = catalogue(lang)
    for key in place:
        template = template[key]
    if "Estimand" in fields:
        fields["Estimand"] = _capital(fields["Estimand"])
    return typeset(str(template).format_map(fields), lang)


def _bare(text: Text, lang: str) -> str:
    """A sentence without its full stop, to stand inside another."""
    return text.of(lang).rstrip(".")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _years(finding: Finding, lang: str) -> str:
    """The years as text: a year is a name and takes no thousands separator."""
    first, last = finding.first_year, finding.last_year
    if first is None or last is None:
        return ""
    key = "one_year" if first == last else "years"
    fields = {"first": str(first)} | ({"last": str(last)} if first != last else {})
    return _fill(lang, key, **fields)
