"""The register as it is declared."""

import re
from string import Formatter

import pytest

from analysis.claims import ClaimError, codebook_text, register
from analysis.claims.declaration import Claim, Text, _claim, sources
from analysis.robustness.choices import Curve
from analysis.robustness.enumeration import count_candidates

CLAIMS = register()
TESTED = [claim for claim in CLAIMS.values() if claim.not_testable is None]


def by_id(claim: Claim) -> str:
    return claim.id


def test_there_are_thirty_claims_in_order_and_at_most_six_are_not_testable():
    assert list(CLAIMS) == [f"C{number:02d}" for number in range(1, 31)]
    assert len(CLAIMS) - len(TESTED) <= 6
    assert {"C16", "C26", "C29"} <= {c.id for c in CLAIMS.values() if c.not_testable}


def texts_of(claim: Claim) -> list[Text]:
    texts = [claim.claim, claim.hypothesis, claim.estimand, claim.unit, claim.data, claim.design]
    texts += [claim.smallest.reason] if claim.smallest else []
    texts += [claim.not_testable.reason, claim.not_testable.data] if claim.not_testable else []
    return [text for text in texts if text is not None]


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=by_id)
def test_no_number_stands_in_a_text_that_could_enter_a_sentence(claim):
    """Numbers in sentences come from the run: those of an estimand are given as fields."""
    for text in (claim.claim, claim.estimand, claim.design, *(claim.given.values())):
        if isinstance(text, Text):
            assert not re.search(r"\d", "".join(text)), text


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=by_id)
def test_english_and_french_say_the_same_fields_and_differ(claim):
    for text in texts_of(claim):
        fields = [{name for _, name, *_ in Formatter().parse(words) if name} for words in text]
        assert fields[0] == fields[1], text
    assert claim.claim.en != claim.claim.fr
    assert claim.hypothesis.en != claim.hypothesis.fr


@pytest.mark.parametrize("claim", TESTED, ids=by_id)
def test_a_tested_claim_has_a_headline_and_a_curve_that_can_be_read(claim):
    assert re.fullmatch(r"\d\d_[a-z_]+", claim.notebook)
    assert "outcome" in claim.headline
    assert (claim.curve is None) != (claim.grid is None)
    if claim.curve is not None:
        assert 50 <= count_candidates(Curve.of(claim.curve, claim.id)) <= 50_000


@pytest.mark.parametrize("claim", TESTED, ids=by_id)
def test_the_reason_of_the_smallest_size_is_a_sentence(claim):
    for words in claim.smallest.reason:
        assert words.endswith(".") and len(words) > 40


def test_sources_are_named_by_file():
    assert {source for claim in CLAIMS.values() for source in claim.source} == set(sources())
    assert all(source.file.endswith(".txt") for source in sources().values())


def test_restated_fills_the_estimand_with_the_parameters_of_a_run():
    claim = CLAIMS["C08"].restated(lag=4, outcome="berd_eur_per_head", unit=("EUR", "EUR"))
    assert claim.given["lag"] == 4
    assert claim.given["outcome"] == codebook_text("berd_eur_per_head")
    assert claim.unit == Text("EUR", "EUR")
    assert CLAIMS["C08"].given["lag"] == 2
    assert claim.restated(unit="patents_per_million", smallest=3).smallest.size == 3


def test_restated_refuses_names_the_estimand_does_not_have():
    with pytest.raises(ClaimError, match=r"C08: the estimand has no delay; it has outcome, "):
        CLAIMS["C08"].restated(delay=2)
    with pytest.raises(ClaimError, match="'patent' is no column of the codebook"):
        CLAIMS["C08"].restated(outcome="patent")


def test_a_wrong_entry_names_its_place():
    with pytest.raises(ClaimError, match=r"claims.yaml: C99: .*needs estimand, unit, smallest"):
        _claim(
            "C99",
            {
                "source": ["S0"],
                "notebook": "02_landscape",
                "about": "effect",
                "claim": ["a", "b"],
                "hypothesis": ["a", "b"],
            },
        )
