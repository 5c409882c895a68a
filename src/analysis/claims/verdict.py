"""A verdict: the word, what it rests on, and what would change it, as plain numbers.

Nothing here knows a language; :mod:`analysis.claims.sentences` turns a verdict into words.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from analysis.claims.declaration import Claim, ClaimError, Text
from analysis.claims.findings import LEVEL, Agreement, Check, Finding
from analysis.claims.rule import (
    CONTRADICTED,
    DEFAULT,
    INCONCLUSIVE,
    MIXED,
    NO_EFFECT,
    NOT_TESTABLE,
    SUPPORTED,
    Hypothesis,
    Rule,
    decide,
    significant_side,
)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that would change the verdict: a key of ``changes`` in the sentences, numbers,
    and the word that would come out (empty when that depends).
    """

    key: str
    numbers: dict[str, float]
    word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a claim in one run.

    wording: ``effect`` when causal words are allowed (a claim about an effect, estimated with a
    design, every check passed), ``association`` for other claims about effects, ``pattern``
    otherwise. findings: the headline first. headline_word: what the headline says alone. figure:
    name of the figure of the run that shows it best. unavailable: why this run has no estimate of
    a claim that others can test.
    """

    claim: Claim
    word: str
    wording: str
    findings: tuple[Finding, ...] = ()
    agreement: Agreement | None = None
    checks: tuple[Check, ...] = ()
    headline_word: str = ""
    reasons: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    figure: str = ""
    unavailable: Text | None = None

    @property
    def headline(self) -> Finding:
        """The finding that the verdict rests on; ClaimError when the claim is not tested."""
        if not self.findings:
            raise ClaimError(f"{self.claim.id} is not testable: it has no headline estimate")
        return self.findings[0]

    @property
    def p_value(self) -> float:
        """Two-sided p-value of the headline against the null; NaN when there is none."""
        return self.headline.p(null_of(self.claim, self.headline)) if self.findings else math.nan

    def numbers(self) -> dict[str, float]:
        """Every number that a sentence about this verdict may show, by name.

        These are the rows of ``estimates.parquet``, beside one row per finding.
        """
        if not self.findings:
            return {}
        smallest = self.claim.smallest
        numbers: dict[str, float] = {"confidence level (%)": 100 * LEVEL}
        numbers |= {"smallest size of interest": smallest.size if smallest else math.nan}
        numbers |= {"null": null_of(self.claim, self.headline)}
        numbers |= _sample_numbers(self.headline) | _agreement_numbers(self.agreement)
        numbers |= {
            f"given {name}": float(value)
            for name, value in self.claim.given.items()
            if isinstance(value, int | float)
        }
        for place, check in enumerate(self.checks, start=1):
            numbers[f"check {place}: p-value"] = check.p_value
        for change in self.changes:
            numbers |= {f"change {change.key}: {name}": n for name, n in change.numbers.items()}
        return {name: float(number) for name, number in numbers.items() if not math.isnan(number)}

    def rows(self) -> pd.DataFrame:
        """One row per finding and per number: ``term`` and the columns of a coefficient table."""
        empty = dict.fromkeys(
            ("estimate", "std_error", "statistic", "p_value", "ci_low", "ci_high"), math.nan
        )
        rows = []
        for place, finding in enumerate(self.findings):
            name = "headline" if place == 0 else f"finding {place + 1}: {finding.name}"
            null = null_of(self.claim, finding)
            shown = {"estimate": finding.estimate, "p_value": finding.p(null)}
            shown |= {"ci_low": finding.ci_low, "ci_high": finding.ci_high}
            rows.append({"term": f"{self.claim.id}: {name}", **empty, **shown})
        for name, number in self.numbers().items():
            rows.append({"term": f"{self.claim.id}: {name}", **empty, "estimate": number})
        return pd.DataFrame(rows, columns=["term", *empty])


def judge(
    claim: Claim,
    findings: Sequence[Finding] = (),
    *,
    curve: Agreement | None = None,
    checks: Sequence[Check] = (),
    figure: str = "",
    unavailable: str | tuple[str, str] = "",
    rule: Rule = DEFAULT,
) -> Verdict:
    """The verdict on ``claim`` from its findings, the headline first, by the one rule.

    curve: how the specification curve or grid relates to the claim. checks: tests that could have
    shown the estimate wrong. A claim that is not testable takes no findings. unavailable: why the
    parameters of this run leave nothing to estimate a claim from, as one sentence or as
    ``(English, French)``; then there are no findings and the claim is not testable in this run.
    """
    if unavailable:
        if findings:
            raise ClaimError(f"{claim.id}: give findings, or the reason why there are none")
        why = Text(unavailable, unavailable) if isinstance(unavailable, str) else Text(*unavailable)
        return Verdict(claim=claim, word=NOT_TESTABLE, wording=claim.about, unavailable=why)
    if claim.not_testable is not None:
        if findings:
            raise ClaimError(
                f"{claim.id} is declared not testable but has findings: change claims.yaml first"
            )
        return Verdict(claim=claim, word=NOT_TESTABLE, wording=claim.about)
    if not findings:
        raise ClaimError(f"{claim.id}: expected findings, the headline first")
    if curve is not None and curve.sign != claim.sign:
        raise ClaimError(
            f"{claim.id}: the curve is summarised for the sign {curve.sign:+d}, "
            f"the claim has {claim.sign:+d}"
        )
    headline, *others = findings
    about = hypothesis_of(claim, headline)
    decision = decide(about, headline, others, curve, checks, rule)
    verdict = Verdict(
        claim=claim,
        word=decision.word,
        wording=wording(claim, checks),
        findings=tuple(findings),
        agreement=curve,
        checks=tuple(checks),
        headline_word=decision.headline,
        reasons=decision.reasons,
        figure=figure,
    )
    return replace(verdict, changes=tuple(what_would_change(verdict, rule)))


def null_of(claim: Claim, finding: Finding) -> float:
    """The finding's own null value, or the claim's."""
    return claim.null_value if finding.null is None else finding.null


def hypothesis_of(claim: Claim, headline: Finding) -> Hypothesis:
    """What the rule needs of ``claim``."""
    if claim.smallest is None:
        raise ClaimError(f"{claim.id} has no smallest size of interest")
    return Hypothesis(
        null=null_of(claim, headline),
        sign=claim.sign,
        smallest=claim.smallest.size,
        is_effect=claim.about == "effect",
    )


def wording(claim: Claim, checks: Sequence[Check]) -> str:
    """``effect``, ``association`` or ``pattern``: see :class:`Verdict`."""
    if claim.about == "pattern":
        return "pattern"
    causal = claim.design is not None and all(check.passed for check in checks)
    return "effect" if causal else "association"


def _sample_numbers(headline: Finding) -> dict[str, float]:
    counts = {
        "number of observations": headline.n_obs,
        "number of regions": headline.n_regions,
        "number of countries": headline.n_countries,
        "first year": headline.first_year,
        "last year": headline.last_year,
    }
    return {name: count for name, count in counts.items() if count is not None}


def _agreement_numbers(agreement: Agreement | None) -> dict[str, float]:
    if agreement is None:
        return {}
    return {
        "number of specifications": agreement.n_specifications,
        "specifications with the claimed sign (%)": 100 * agreement.claimed_sign,
        "specifications significantly for (%)": 100 * agreement.significant_for,
        "specifications significantly against (%)": 100 * agreement.significant_against,
        "median specification": agreement.median,
        "5 % quantile of specifications": agreement.low,
        "95 % quantile of specifications": agreement.high,
    }


# --- what would change the verdict -----------------------------------------------------------


def what_would_change(verdict: Verdict, rule: Rule = DEFAULT) -> list[Change]:
    """The changes nearest to the verdict, computed: bounds, precision, findings, curve, checks."""
    about = hypothesis_of(verdict.claim, verdict.headline)
    unchanged = verdict.word == verdict.headline_word
    changes = _headline_changes(verdict, about, rule) if unchanged else []
    if "findings" in verdict.reasons:
        sides = [significant_side(f, about, rule.alpha) for f in verdict.findings[1:]]
        changes.append(Change("findings", {"opposing": sum(side != 0 for side in sides)}))
    changes += _curve_changes(verdict, rule)
    failed = sum(not check.passed for check in verdict.checks)
    if failed:
        changes.append(Change("checks", {"failed": failed}))
    return changes


def _headline_changes(verdict: Verdict, about: Hypothesis, rule: Rule) -> list[Change]:
    if verdict.headline_word in (SUPPORTED, CONTRADICTED):
        return [_bound_at_null(verdict.headline, about, rule)]
    if verdict.headline_word == NO_EFFECT:
        return [_bound_at_smallest(verdict.headline, about, rule)]
    return _precision(verdict.headline, about, rule)


def _bound_at_null(headline: Finding, about: Hypothesis, rule: Rule) -> Change:
    low, high = headline.interval(1 - rule.alpha)
    bound = low if low > about.null else high
    numbers = {"bound": bound, "null": about.null, "distance": abs(bound - about.null)}
    return Change("bound at null", numbers, INCONCLUSIVE)


def _bound_at_smallest(headline: Finding, about: Hypothesis, rule: Rule) -> Change:
    low, high = headline.interval(1 - 2 * rule.alpha)
    bound = max((low, high), key=lambda end: abs(end - about.null))
    limit = about.null + math.copysign(about.smallest, bound - about.null)
    numbers = {"bound": bound, "limit": limit, "distance": abs(limit - bound)}
    numbers["level (%)"] = 100 * (1 - 2 * rule.alpha)
    return Change("bound at smallest", numbers, INCONCLUSIVE)


def _precision(headline: Finding, about: Hypothesis, rule: Rule) -> list[Change]:
    """How many times the information would decide, were the estimate to stay where it is.

    The half-width of an interval shrinks with the square root of the number of independent units.
    """
    distance = headline.estimate - about.null
    low, high = headline.interval(1 - rule.alpha)
    towards_null = headline.estimate - low if distance > 0 else high - headline.estimate
    narrow_low, narrow_high = headline.interval(1 - 2 * rule.alpha)
    outward = narrow_high - headline.estimate if distance > 0 else headline.estimate - narrow_low
    side = SUPPORTED if about.sign * distance > 0 else CONTRADICTED
    candidates = []
    room = about.smallest - abs(distance)
    if room > 0:
        candidates.append((max(1.0, (outward / room) ** 2), NO_EFFECT))
    if distance != 0:
        candidates.append((max(1.0, (towards_null / abs(distance)) ** 2), side))
    if not candidates:
        return []
    factor, word = min(candidates)
    numbers = {"times the information": factor}
    if headline.n_regions is not None:
        numbers["regions needed"] = math.ceil(factor * headline.n_regions)
    elif headline.n_countries is not None:
        numbers["countries needed"] = math.ceil(factor * headline.n_countries)
    return [Change("precision", numbers, word)]


def _curve_changes(verdict: Verdict, rule: Rule) -> list[Change]:
    agreement, alone = verdict.agreement, verdict.headline_word
    if agreement is None:
        return []
    if alone not in (SUPPORTED, CONTRADICTED):
        return _split_curve(verdict, agreement, rule) if "curve" in verdict.reasons else []
    support, oppose = agreement.significant_for, agreement.significant_against
    if alone == CONTRADICTED:
        support, oppose = oppose, support
    if oppose >= rule.mixed_from:
        numbers = {"share (%)": 100 * oppose, "limit (%)": 100 * rule.mixed_from}
        return [Change("curve opposes", numbers, alone)]
    numbers = {"share (%)": 100 * support, "limit (%)": 100 * rule.kept_from}
    key = "curve keeps" if support >= rule.kept_from else "curve is weak"
    return [Change(key, numbers, INCONCLUSIVE if key == "curve keeps" else alone)]


def _split_curve(verdict: Verdict, agreement: Agreement, rule: Rule) -> list[Change]:
    """What keeps a curve from leaving an unclear or negligible headline as it is."""
    sides = (agreement.significant_for, agreement.significant_against)
    if verdict.headline_word == INCONCLUSIVE:
        key, share, limit = "curve splits", min(sides), rule.mixed_from
    else:
        key, share, limit = "curve finds", max(sides), rule.kept_from
    numbers = {"share (%)": 100 * share, "limit (%)": 100 * limit}
    return [Change(key, numbers, verdict.headline_word)]


# --- as data -----------------------------------------------------------------------------------


def as_evidence(verdict: Verdict) -> dict[str, Any]:
    """The verdict as plain data for ``evidence/<id>.json``; NaN and infinity as None."""
    claim = verdict.claim
    restated = {
        "given": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in claim.given.items()
        },
        "claim": list(claim.claim),
        "unit": list(claim.unit) if claim.unit else None,
        "smallest": claim.smallest.size if claim.smallest else None,
    }
    return _plain(
        {
            "id": claim.id,
            "restated": restated,
            "word": verdict.word,
            "findings": [asdict(finding) for finding in verdict.findings],
            "agreement": asdict(verdict.agreement) if verdict.agreement else None,
            "checks": [asdict(check) for check in verdict.checks],
            "figure": verdict.figure,
            "unavailable": list(verdict.unavailable) if verdict.unavailable else "",
        }
    )


def of_evidence(data: dict[str, Any], claims: dict[str, Claim]) -> Verdict:
    """The verdict that :func:`as_evidence` wrote, judged again from its numbers.

    Raises ClaimError when the evidence is of no claim of the register or its word is not what the
    rule now says: it was made by other code.
    """
    try:
        claim = claims[data["id"]]
        if claim.not_testable is None:
            restated = data["restated"]
            claim = claim.restated(
                claim=restated["claim"],
                unit=restated["unit"],
                smallest=restated["smallest"],
                **restated["given"],
            )
        agreement = data["agreement"]
        verdict = judge(
            claim,
            [Finding(**_numbers(finding)) for finding in data["findings"]],
            curve=Agreement(**_numbers(agreement)) if agreement else None,
            checks=[Check(**_numbers(check)) for check in data["checks"]],
            figure=data["figure"],
            unavailable=data["unavailable"],
        )
    except (KeyError, TypeError) as error:
        raise ClaimError(f"this is no evidence on a claim ({error!r}); run its notebook") from None
    if verdict.word != data["word"]:
        raise ClaimError(
            f"{claim.id}: the evidence says {data['word']!r}, the rule now {verdict.word!r}; "
            "run its notebook again"
        )
    return verdict


def _plain(value: Any) -> Any:
    """Numbers to twelve significant digits, NaN and infinity as text JSON has not."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.12g}") if math.isfinite(value) else None
    return value


def _numbers(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a dataclass without those that are None: they take their defaults."""
    known = {name: value for name, value in fields.items() if value is not None}
    return {name: tuple(v) if isinstance(v, list) else v for name, v in known.items()}


__all__ = [
    "CONTRADICTED",
    "INCONCLUSIVE",
    "MIXED",
    "NOT_TESTABLE",
    "NO_EFFECT",
    "SUPPORTED",
    "Change",
    "Verdict",
    "as_evidence",
    "judge",
    "of_evidence",
    "what_would_change",
]
