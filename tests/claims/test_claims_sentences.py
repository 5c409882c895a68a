"""Sentences: both languages complete, numbers from the verdict and nowhere else."""

import re

import pytest
from babel.messages.pofile import read_po
from made_up import curve, finding

from analysis.claims import Check, ClaimError, judge, register, sentences
from analysis.claims.findings import CHECKS
from analysis.languages import LOCALE, NARROW, WIDE, typeset
from analysis.panel.codebook import variables

CLAIM = register()["C08"]
LANGS = ("en", "fr")


def test_no_message_carries_a_number_of_its_own():
    for lang in LANGS:
        with (LOCALE / lang / "LC_MESSAGES" / "claims.po").open("rb") as file:
            messages = {str(message.id): str(message.string) for message in read_po(file)}
        del messages[""]
        told = {k: text for k, text in messages.items() if not k.startswith("finding.")}
        assert len(told) > 90
        numbered = [k for k, text in told.items() if re.search(r"\d", re.sub(r"{[^}]*}", "", text))]
        assert numbered == []


VERDICTS = {
    "supported": judge(CLAIM, [finding(5)], curve=curve(0.7, 0.02)),
    "contradicted": judge(CLAIM, [finding(-5)], checks=[Check.not_rejected("pre-trends", 0.4)]),
    "nothing": judge(CLAIM, [finding(0.3, 0.9)]),
    "vague": judge(CLAIM, [finding(0.3, 4.123)]),
    "vague countries": judge(CLAIM, [finding(0.3, 4.123, n_regions=None)]),
    "vague observations": judge(CLAIM, [finding(1.3, 4.123, n_regions=None, n_countries=None)]),
    "far": judge(CLAIM, [finding(0.01, 40)]),
    "mixed": judge(CLAIM, [finding(5), finding(-5)], curve=curve(0.4, 0.3)),
    "mixed curve": judge(CLAIM, [finding(5)], curve=curve(0.4, 0.3)),
    "weak curve": judge(CLAIM, [finding(12345, 1234)], curve=curve(0.2)),
    "failed": judge(register()["C05"], [finding(50)], checks=[Check("placebo date", False, 0.01)]),
    "designed": judge(register()["C05"], [finding(50, n_countries=1, n_regions=1)]),
    "pattern": judge(register()["C02"], [finding(61.25, 3, first_year=2010, last_year=2010)]),
    "turned": judge(register()["C07"], [finding(-4)], curve=curve(0.6, 0.01, sign=-1)),
    "not testable": judge(register()["C16"]),
}


def printed_numbers(text: str, lang: str) -> list[str]:
    """Numbers as they stand in a text."""
    thousands, decimal = (",", r"\.") if lang == "en" else (NARROW, ",")
    pattern = rf"[+−]?\d{{1,3}}(?:{thousands}\d{{3}})+(?:{decimal}\d+)?|[+−]?\d+(?:{decimal}\d+)?"
    return re.findall(pattern, text)


def is_among(shown: str, lang: str, values: list[float]) -> bool:
    """Whether a printed number is one of the values, rounded as it is printed."""
    plain = shown.replace("−", "-").replace("+", "").replace(NARROW, "")
    plain = plain.replace(",", "." if lang == "fr" else "")
    decimals = len(plain.partition(".")[2])
    return any(abs(round(value, decimals) - float(plain)) < 1e-9 for value in values)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", VERDICTS)
def test_every_number_of_every_sentence_is_a_row_of_the_verdict(name, lang):
    verdict = VERDICTS[name]
    rows = verdict.rows()
    values = [v for c in ("estimate", "ci_low", "ci_high") for v in rows[c].dropna()]
    for text in [sentences.answer(verdict, lang), *sentences.changes(verdict, lang)]:
        shown = printed_numbers(text, lang)
        assert [s for s in shown if not is_among(s, lang, values)] == [], text
    if verdict.findings:
        assert len(printed_numbers(sentences.answer(verdict, lang), lang)) >= 3


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", VERDICTS)
def test_an_answer_is_three_sentences(name, lang):
    text = sentences.answer(VERDICTS[name], lang)
    ends = re.findall(r"[.](?= [A-ZÀÉÎ]|$)", text)
    assert len(ends) == 3, text
    assert "{" not in text and "  " not in text
    assert text.endswith(".")


def test_what_was_found_is_said_in_both_languages():
    english = sentences.answer(VERDICTS["supported"], "en")
    assert "the figures support this." in english
    assert "is +5.0 %, with a margin of error from +4.0 % to +6.0 %" in english.replace(WIDE, " ")
    assert "(250 regions in 27 countries, 2000 to 2011)" in english
    assert "Computed in 1,234 defensible ways" in english
    assert "this says what goes together, not what causes what." in english
    french = sentences.answer(VERDICTS["supported"], "fr")
    assert f"est de +5,0{NARROW}%, avec une marge d’erreur de +4,0{NARROW}% à" in french
    assert f"Calculé de 1{NARROW}234 façons" in french


def test_causal_words_need_a_design_whose_tests_were_passed():
    assert "read as an effect" in sentences.answer(VERDICTS["designed"], "en")
    failed = sentences.answer(VERDICTS["failed"], "en")
    assert "read as an effect" not in failed
    assert "what goes together" in failed
    assert "a test that it should have passed it did not: nothing at an earlier date" in failed
    assert "what goes together" not in sentences.answer(VERDICTS["pattern"], "en")


def test_what_would_change_is_computed():
    (bound, keeps) = sentences.changes(VERDICTS["supported"], "en")
    assert "nearer end of the interval is +4.0" in bound and "“inconclusive”" in bound
    assert keeps.startswith(f"70{WIDE}% of the ways") and f"below 50{WIDE}%" in keeps
    (precision,) = sentences.changes(VERDICTS["vague"], "en")
    half = 4.123 * 1.6448536 / 1.9599640
    needed = 250 * (half / (2 - 0.3)) ** 2
    assert f"some {int(needed) + 1:,} regions in place of 250" in precision
    assert "no effect of a size that matters" in precision
    (times,) = sentences.changes(VERDICTS["vague observations"], "en")
    assert "times as many observations" in times and "“supported”" in times


def test_a_curve_that_parts_says_where_it_would_not():
    split = judge(CLAIM, [finding(0.3, 4.0)], curve=curve(0.3, 0.15))
    assert split.word == "mixed"
    assert f"at least 15{WIDE}% of them" in sentences.changes(split, "en")[-1]
    found = judge(CLAIM, [finding(0.1, 0.2)], curve=curve(0.6))
    assert found.word == "mixed"
    text = sentences.changes(found, "fr")[-1]
    assert "d’un même côté" in text and "60" in text


def test_what_is_out_of_reach_is_not_counted_in_regions():
    far = judge(CLAIM, [finding(0.01, 40)])
    (text,) = sentences.changes(far, "en")
    assert "regions" not in text and "times the information to tell" in text


def test_a_long_unit_is_named_once():
    text = sentences.estimate(judge(register()["C28"], [finding(0.3, 0.1)]), "en")
    assert text.count("percentage points a year") == 1
    assert "from +0.20 to +0.40 (" in text


def test_an_unknown_check_names_those_there_are():
    verdict = judge(CLAIM, [finding(5)], checks=[Check("pretrends", False)])
    with pytest.raises(ClaimError, match=r"unknown check 'pretrends'.*pre-trends, placebo outcome"):
        sentences.answer(verdict, "en")
    named = judge(CLAIM, [finding(5)], checks=[Check(("a test", "un test"), False)])
    assert "un test" in sentences.answer(named, "fr")


@pytest.mark.parametrize("lang", LANGS)
def test_every_check_has_words(lang):
    words = [sentences.check_name(Check(name, True), lang) for name in CHECKS]
    assert len(set(words)) == len(CHECKS) and all(words)


def test_a_finding_is_named_in_both_languages():
    own = finding(5, label=("my sample", "l'échantillon"))
    assert sentences.finding_name(own, "en") == "my sample" == own.name
    assert sentences.finding_name(own, "fr") == "l’échantillon"
    listed = finding(5, label="no capitals")
    assert sentences.finding_name(listed, "fr") == "sans les capitales"
    column = finding(5, label=variables()["gdp_pps_per_head"].label_en)
    assert sentences.finding_name(column, "fr") == typeset(
        variables()["gdp_pps_per_head"].label_fr, "fr"
    )


def test_a_finding_without_words_in_french_is_refused():
    unnamed = finding(5, label="made up")
    assert sentences.finding_name(unnamed, "en") == "made up"
    with pytest.raises(ClaimError, match=r"'made up' has no words in 'fr': give label=\(English"):
        sentences.finding_name(unnamed, "fr")


def test_what_would_not_hold_together_is_counted_or_said_not_to_be():
    assert sentences.together(0, "en").startswith("All verdicts that say yes or no would hold")
    assert "1 ne tiendrait pas" in sentences.together(1, "fr")
    assert "2 ne tiendraient pas" in sentences.together(2, "fr")
