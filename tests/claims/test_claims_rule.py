"""The rule: every word can be reached, and what it must never do it never does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import curve, finding

from analysis.claims import Check
from analysis.claims.rule import (
    CONTRADICTED,
    INCONCLUSIVE,
    MIXED,
    NO_EFFECT,
    SUPPORTED,
    Hypothesis,
    Rule,
    decide,
)

EFFECT = Hypothesis(null=0.0, sign=1, smallest=1.0, is_effect=True)
PATTERN = Hypothesis(null=0.0, sign=1, smallest=1.0, is_effect=False)
PASSED, FAILED = Check("pre-trends", True, 0.6), Check("pre-trends", False, 0.01)

FOR, AGAINST, NOTHING, VAGUE = finding(3), finding(-3), finding(0, 0.5), finding(0.5, 3)

TABLE = [
    # headline, others, curve, checks, word
    (FOR, [], None, [], SUPPORTED),
    (AGAINST, [], None, [], CONTRADICTED),
    (NOTHING, [], None, [], NO_EFFECT),
    (VAGUE, [], None, [], INCONCLUSIVE),
    # precise but too small to matter, though different from zero
    (finding(0.5, 0.2), [], None, [], NO_EFFECT),
    # significant, and not shown to be too small
    (finding(1.05, 1), [], None, [], SUPPORTED),
    # a permutation test that disagrees with the interval
    (finding(3, p_value=0.3), [], None, [], INCONCLUSIVE),
    # the other findings
    (FOR, [FOR, VAGUE], None, [], SUPPORTED),
    (FOR, [AGAINST], None, [], MIXED),
    (AGAINST, [FOR], None, [], MIXED),
    (VAGUE, [FOR], None, [], INCONCLUSIVE),
    (VAGUE, [FOR, AGAINST], None, [], MIXED),
    (NOTHING, [FOR], None, [], MIXED),
    (NOTHING, [finding(0.2, 0.1, smallest=1.0)], None, [], NO_EFFECT),
    # one of ten is significant at 5 % by chance: Holm does not hear it
    (FOR, [finding(-1.1)] + 9 * [VAGUE], None, [], SUPPORTED),
    # the curve
    (FOR, [], curve(0.5), [], SUPPORTED),
    (FOR, [], curve(0.49), [], INCONCLUSIVE),
    (FOR, [], curve(0.8, 0.1), [], MIXED),
    (AGAINST, [], curve(0.0, 0.5), [], CONTRADICTED),
    (AGAINST, [], curve(0.1, 0.8), [], MIXED),
    (NOTHING, [], curve(0.4, 0.3), [], NO_EFFECT),
    (NOTHING, [], curve(0.5), [], MIXED),
    (VAGUE, [], curve(0.9), [], INCONCLUSIVE),
    (VAGUE, [], curve(0.1, 0.1), [], MIXED),
    # the checks
    (FOR, [], curve(0.9), [PASSED], SUPPORTED),
    (FOR, [], curve(0.9), [PASSED, FAILED], INCONCLUSIVE),
    (NOTHING, [], None, [FAILED], INCONCLUSIVE),
    (FOR, [AGAINST], None, [FAILED], MIXED),
]


@pytest.mark.parametrize(("headline", "others", "agreement", "checks", "word"), TABLE)
def test_the_rule_by_cases(headline, others, agreement, checks, word):
    assert decide(EFFECT, headline, others, agreement, checks).word == word


def test_a_failed_check_changes_nothing_for_a_pattern():
    assert decide(PATTERN, FOR, checks=[FAILED]).word == SUPPORTED


def test_the_steps_that_changed_the_word_are_named():
    decision = decide(EFFECT, FOR, [], curve(0.2), [FAILED])
    assert (decision.headline, decision.word) == (SUPPORTED, INCONCLUSIVE)
    assert decision.reasons == ("curve",)
    assert decide(EFFECT, FOR, [AGAINST]).reasons == ("findings",)
    assert decide(EFFECT, FOR, checks=[FAILED]).reasons == ("checks",)


def test_the_null_need_not_be_zero():
    about = Hypothesis(null=50, sign=1, smallest=5, is_effect=False)
    assert decide(about, finding(60, 5)).word == SUPPORTED
    assert decide(about, finding(51, 2)).word == NO_EFFECT
    assert decide(about, finding(40, 5)).word == CONTRADICTED


def test_another_level_changes_the_interval():
    borderline = finding(1.1, 1)
    assert decide(EFFECT, borderline).word == SUPPORTED
    assert decide(EFFECT, borderline, rule=Rule(alpha=0.01)).word == INCONCLUSIVE


sizes = st.floats(-5, 5, allow_nan=False).filter(lambda x: abs(x) > 1e-9)
halves = st.floats(0.01, 5)
shares = st.floats(0, 0.5)
cases = st.fixed_dictionaries({
    "headline": st.builds(finding, sizes, halves),
    "others": st.lists(st.builds(finding, sizes, halves), max_size=4),
    "agreement": st.none() | st.builds(curve, shares, shares),
    "checks": st.lists(st.sampled_from([PASSED, FAILED]), max_size=2),
})  # fmt: skip


@given(cases, st.floats(1, 10))
def test_a_wider_interval_never_supports_what_was_not_supported(case, factor):
    about = EFFECT
    narrow = decide(about, **case)
    headline = case["headline"]
    half = (headline.ci_high - headline.ci_low) / 2
    wide = decide(about, **{**case, "headline": finding(headline.estimate, factor * half)})
    if narrow.word == INCONCLUSIVE:
        assert wide.word not in (SUPPORTED, CONTRADICTED, NO_EFFECT)
    if wide.word == NO_EFFECT:
        assert narrow.headline == NO_EFFECT


@given(cases)
def test_turning_the_claim_round_exchanges_supported_and_contradicted(case):
    about = EFFECT
    turned = Hypothesis(null=0.0, sign=-1, smallest=1.0, is_effect=True)
    agreement = case["agreement"]
    if agreement is not None:
        agreement = curve(agreement.significant_against, agreement.significant_for, sign=-1)
    exchange = {SUPPORTED: CONTRADICTED, CONTRADICTED: SUPPORTED}
    word = decide(about, **case).word
    assert decide(turned, **{**case, "agreement": agreement}).word == exchange.get(word, word)


@given(cases)
def test_flipped_estimates_exchange_supported_and_contradicted(case):
    def flipped(one):
        return finding(-one.estimate, (one.ci_high - one.ci_low) / 2)

    agreement = case["agreement"]
    if agreement is not None:
        agreement = curve(agreement.significant_against, agreement.significant_for)
    exchange = {SUPPORTED: CONTRADICTED, CONTRADICTED: SUPPORTED}
    word = decide(EFFECT, **case).word
    mirrored = decide(
        EFFECT,
        flipped(case["headline"]),
        [flipped(other) for other in case["others"]],
        agreement,
        case["checks"],
    )
    assert mirrored.word == exchange.get(word, word)


@given(cases, st.randoms())
def test_the_order_of_other_findings_and_checks_does_not_matter(case, random):
    shuffled = {**case, "others": list(case["others"]), "checks": list(case["checks"])}
    random.shuffle(shuffled["others"])
    random.shuffle(shuffled["checks"])
    assert decide(EFFECT, **shuffled) == decide(EFFECT, **case)


@given(cases)
def test_a_failed_check_never_makes_an_answer_definite(case):
    more = decide(EFFECT, **{**case, "checks": [*case["checks"], FAILED]})
    assert more.word in (INCONCLUSIVE, MIXED)


@given(cases)
def test_units_do_not_matter(case):
    """The same in another unit, smallest size and all, is the same answer."""
    scale = 8.0  # a power of two, so that rounding plays no part

    def scaled(one):
        return finding(scale * one.estimate, scale * (one.ci_high - one.ci_low) / 2)

    about = Hypothesis(null=0.0, sign=1, smallest=scale, is_effect=True)
    mapped = {
        **case,
        "headline": scaled(case["headline"]),
        "others": [scaled(other) for other in case["others"]],
    }
    assert decide(about, **mapped).headline == decide(EFFECT, **case).headline


def test_every_word_of_the_vocabulary_is_reached():
    words = {decide(EFFECT, *case[:2], *case[2:4]).word for case in TABLE}
    assert words == {SUPPORTED, CONTRADICTED, NO_EFFECT, INCONCLUSIVE, MIXED}
