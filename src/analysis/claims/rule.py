"""The one rule from estimates to a word.

With d the headline's estimate minus its null value, counted positive on the claimed side:

1. **The headline alone.** If its whole 90 % interval lies closer to the null than the smallest
   size of interest, there is *no effect of a size that matters* (two one-sided tests at 5 %:
   Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15:657-680), be it different
   from the null or not. Otherwise it *supports* the claim if its 95 % interval lies beyond the
   null on the claimed side, *contradicts* it if on the other side; a test of its own, such as a
   permutation, must agree. Otherwise it is *inconclusive*.
2. **The other findings**, outcomes or samples named before estimation, are heard with Holm's
   correction for their number. One that is significant on the other side of the null from a
   headline that supports or contradicts makes the answer *mixed*; so do two that are significant
   on different sides beside an inconclusive headline, and one that is significant, and not itself
   below its own smallest size, beside *no effect*.
3. **The curve.** A headline that supports or contradicts is kept if at least half of the
   specifications are significant on its side. If a tenth or more are significant on the other
   side, four times what chance gives, the answer is *mixed*; if neither, the headline owes its
   significance to its choices and the answer is *inconclusive*. An inconclusive headline whose
   curve has a tenth on both sides is *mixed*. *No effect* becomes *mixed* if half of the
   specifications are significant on one side.
4. **The checks.** A failed check (pre-trends, placebo, falsification) takes causal words away. If
   the claim is about an effect, what was estimated is then not the effect: the answer is at most
   *inconclusive*. For a pattern a failed check is reported and changes nothing.

The order is that of the steps, and no step makes an answer more definite than the one before it,
so neither a wider interval nor a further failed check can turn *inconclusive* into *supported*.
The rule treats both sides alike: turning the claimed sign round exchanges *supported* and
*contradicted* and leaves the other words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.claims.findings import Agreement, Check, Finding

SUPPORTED = "supported"
CONTRADICTED = "contradicted"
NO_EFFECT = "no effect of a size that matters"
INCONCLUSIVE = "inconclusive"
MIXED = "mixed"
NOT_TESTABLE = "not testable"
WORDS = (SUPPORTED, CONTRADICTED, NO_EFFECT, INCONCLUSIVE, MIXED, NOT_TESTABLE)
#: What stands in place of a word for a claim whose notebook has not been run.
NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Rule:
    """The thresholds. The defaults were fixed with the register, before estimation."""

    alpha: float = 0.05
    kept_from: float = 0.5
    mixed_from: float = 0.1


DEFAULT = Rule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """What the rule must know of a claim."""

    null: float
    sign: int
    smallest: float
    is_effect: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """word: of ``WORDS``. headline: what the headline says alone. reasons: the steps that changed
    it, of ``findings``, ``curve``, ``checks``.
    """

    word: str
    headline: str
    reasons: tuple[str, ...]


def decide(
    hypothesis: Hypothesis,
    headline: Finding,
    others: Sequence[Finding] = (),
    agreement: Agreement | None = None,
    checks: Sequence[Check] = (),
    rule: Rule = DEFAULT,
) -> Decision:
    """Apply the rule described at the top of this module."""
    alone = headline_word(hypothesis, headline, rule)
    steps = {
        "findings": lambda word: _after_findings(word, hypothesis, others, rule),
        "curve": lambda word: _after_curve(word, agreement, rule),
        "checks": lambda word: _after_checks(word, hypothesis, checks),
    }
    word, reasons = alone, []
    for step, apply in steps.items():
        after = apply(word)
        if after != word:
            reasons.append(step)
        word = after
    return Decision(word, alone, tuple(reasons))


def headline_word(hypothesis: Hypothesis, headline: Finding, rule: Rule = DEFAULT) -> str:
    """What the headline says alone: step 1 of the rule."""
    if is_negligible(headline, hypothesis.null, hypothesis.smallest, rule):
        return NO_EFFECT
    side = significant_side(headline, hypothesis, rule.alpha)
    return {1: SUPPORTED, -1: CONTRADICTED, 0: INCONCLUSIVE}[side]


def is_negligible(finding: Finding, null: float, smallest: float, rule: Rule = DEFAULT) -> bool:
    """Whether the whole 1 - 2α interval lies less than ``smallest`` from ``null``."""
    low, high = finding.interval(1 - 2 * rule.alpha)
    return -smallest < low - null and high - null < smallest


def significant_side(finding: Finding, hypothesis: Hypothesis, alpha: float) -> int:
    """1 if significantly on the claimed side of the null, -1 if on the other, 0 if neither."""
    null = hypothesis.null if finding.null is None else finding.null
    low, high = finding.interval(1 - alpha)
    if finding.p(null) >= alpha or low <= null <= high:
        return 0
    return hypothesis.sign if low > null else -hypothesis.sign


def _sides(others: Sequence[Finding], hypothesis: Hypothesis, alpha: float) -> set[int]:
    """On which sides of the null there are significant findings, by Holm's step-down."""
    found = set()
    nulls = [hypothesis.null if other.null is None else other.null for other in others]
    ordered = sorted(zip(others, nulls, strict=True), key=lambda pair: pair[0].p(pair[1]))
    for rank, (other, null) in enumerate(ordered):
        if other.p(null) >= alpha / (len(others) - rank):
            break
        if other.smallest is None or not is_negligible(other, null, other.smallest):
            found.add(significant_side(other, hypothesis, alpha))
    return found - {0}


def _after_findings(
    word: str, hypothesis: Hypothesis, others: Sequence[Finding], rule: Rule
) -> str:
    sides = _sides(others, hypothesis, rule.alpha)
    disagreeing = {
        SUPPORTED: -1 in sides,
        CONTRADICTED: 1 in sides,
        NO_EFFECT: bool(sides),
        INCONCLUSIVE: len(sides) == 2,
    }
    return MIXED if disagreeing[word] else word


def _after_curve(word: str, agreement: Agreement | None, rule: Rule) -> str:
    if agreement is None or word == MIXED:
        return word
    support, oppose = agreement.significant_for, agreement.significant_against
    if word == CONTRADICTED:
        support, oppose = oppose, support
    if word in (SUPPORTED, CONTRADICTED):
        if oppose >= rule.mixed_from:
            return MIXED
        return word if support >= rule.kept_from else INCONCLUSIVE
    if word == NO_EFFECT:
        return MIXED if max(support, oppose) >= rule.kept_from else word
    return MIXED if min(support, oppose) >= rule.mixed_from else word


def _after_checks(word: str, hypothesis: Hypothesis, checks: Sequence[Check]) -> str:
    failed = any(not check.passed for check in checks)
    return INCONCLUSIVE if failed and hypothesis.is_effect and word != MIXED else word
