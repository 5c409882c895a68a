"""Findings, verdicts, evidence, and the register assembled from runs."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from made_up import curve, finding, write_run
from scipy import stats

from analysis.claims import (
    Agreement,
    Check,
    ClaimError,
    Finding,
    assemble,
    judge,
    register,
    sample_of,
    sentences,
)
from analysis.claims.assembly import adjusted, row, sensitivity, tally
from analysis.claims.verdict import as_evidence, of_evidence
from analysis.models import Specification, fit
from analysis.robustness.summary import CurveSummary

CLAIMS = register()
N_TESTED = sum(claim.not_testable is None for claim in CLAIMS.values())


def panel(slope: float, seed: int = 1) -> pd.DataFrame:
    """A synthetic panel of 40 regions in 4 countries over 10 years."""
    random = np.random.default_rng(seed)
    rows = pd.DataFrame([(f"R{i:02d}", t) for i in range(40) for t in range(2000, 2010)])
    rows.columns = ["geo", "year"]
    rows["country"] = "C" + (rows["geo"].str[1:].astype(int) % 4).astype(str)
    rows["x"] = random.normal(size=len(rows))
    rows["y"] = slope * rows["x"] + random.normal(scale=0.2, size=len(rows))
    return rows


def judged(slope: float):
    rows = panel(slope)
    spec = Specification(
        outcome="y", regressors=("x",), absorb=("geo", "year"), vcov="cluster", cluster=("geo",)
    )
    model = fit(spec, rows)
    found = Finding.of(model, "x", label="synthetic", scale=100, **sample_of(rows))
    return judge(CLAIMS["C08"], [found]), model


def test_a_finding_takes_interval_and_sample_from_the_model_and_its_rows():
    verdict, model = judged(0.1)
    found, coefficient = verdict.headline, model.row("x")
    assert found.estimate == pytest.approx(100 * coefficient["estimate"])
    assert found.ci_low == pytest.approx(100 * coefficient["ci_low"])
    assert (found.n_regions, found.n_countries) == (40, 4)
    assert (found.first_year, found.last_year) == (2000, 2009)
    assert found.p(0.0) == pytest.approx(coefficient["p_value"])
    narrow = found.interval(0.90)
    half = stats.t.ppf(0.95, model.facts.df_t) * 100 * coefficient["std_error"]
    assert narrow[1] - found.estimate == pytest.approx(half)


def test_the_sign_of_the_data_decides_the_verdict():
    assert judged(0.1)[0].word == "supported"
    assert judged(-0.1)[0].word == "contradicted"
    assert judged(0.0)[0].word in ("no effect of a size that matters", "inconclusive")


def test_a_finding_with_a_negative_scale_keeps_low_below_high():
    _, model = judged(0.1)
    turned = Finding.of(model, "x", label="turned", scale=-1)
    assert turned.ci_low < turned.estimate < turned.ci_high < 0


def test_draws_give_percentiles():
    draws = np.linspace(0, 100, 1001)
    found = Finding.of_draws(50, draws, label="draws", n_obs=9)
    assert (found.ci_low, found.ci_high) == pytest.approx((2.5, 97.5))
    assert Finding.of_draws(120, draws, label="draws", n_obs=9).ci_high == 120


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"estimate": math.nan}, "estimate and interval must be numbers"),
        ({"estimate": 3.0}, "the estimate 3 lies outside its interval from 0 to 2"),
        ({"p_value": 1.5}, "1.5 is no p-value"),
    ],
)
def test_a_wrong_finding_is_refused(fields, message):
    given = {"label": "f", "estimate": 1.0, "ci_low": 0.0, "ci_high": 2.0, "n_obs": 5}
    with pytest.raises(ClaimError, match=message):
        Finding(**given | fields)


def test_agreement_from_a_curve_and_from_a_grid():
    summary = CurveSummary(10, 9, 1, -1, 0.8, 0.6, 0.1, -0.3, -0.9, 0.2, -1.0, 0.4)
    taken = Agreement.of(summary)
    assert (taken.sign, taken.n_specifications) == (-1, 9)
    assert (taken.significant_for, taken.significant_against) == (0.6, 0.1)
    grid = pd.DataFrame({
        "estimate": [60, 52, 40, 70], "ci_low": [55, 45, 30, 60], "ci_high": [65, 58, 49, 80]
    })  # fmt: skip
    counted = Agreement.of_findings(grid, null=50, sign=1)
    assert counted.claimed_sign == 0.75
    assert (counted.significant_for, counted.significant_against) == (0.5, 0.25)
    mirrored = Agreement.of_findings(grid, null=50, sign=-1)
    assert (mirrored.significant_for, mirrored.significant_against) == (0.25, 0.5)


def test_a_curve_for_the_other_sign_is_refused():
    with pytest.raises(ClaimError, match=r"C07: the curve is summarised for the sign \+1"):
        judge(CLAIMS["C07"], [finding(1)], curve=curve(0.5))


def test_a_claim_declared_not_testable_takes_no_findings():
    assert judge(CLAIMS["C16"]).word == "not testable"
    with pytest.raises(ClaimError, match="C16 is declared not testable but has findings"):
        judge(CLAIMS["C16"], [finding(1)])
    with pytest.raises(ClaimError, match="C08: expected findings, the headline first"):
        judge(CLAIMS["C08"])


def test_evidence_comes_back_as_the_same_verdict():
    claim = CLAIMS["C08"].restated(lag=3, outcome="berd_eur_per_head")
    checks = [Check.not_rejected("pre-trends", 0.25), Check(("a", "b"), True)]
    verdict = judge(
        claim, [finding(5, p_value=0.01, df=30.0), finding(2)], curve=curve(0.75), checks=checks
    )
    text = json.dumps(as_evidence(verdict), allow_nan=False)
    assert of_evidence(json.loads(text), CLAIMS) == verdict


def test_a_run_without_figures_for_a_claim_says_why():
    why = ("no region of the sample has figures on jobs", "aucune région n'a de chiffres d'emploi")
    verdict = judge(CLAIMS["C18"], unavailable=why)
    assert verdict.word == "not testable"
    assert of_evidence(json.loads(json.dumps(as_evidence(verdict))), CLAIMS) == verdict
    english, french = (sentences.answer(verdict, lang) for lang in ("en", "fr"))
    assert "No region of the sample has figures on jobs. It would take EU funds" in english
    assert "Aucune région n’a de chiffres d’emploi. Il y faudrait" in french
    alone = judge(CLAIMS["C18"], unavailable="there are too few regions, at least 5 are needed")
    assert "There are too few regions, at least 5" in sentences.answer(alone, "en")
    assert "en anglais\u00a0: «\u00a0there are too few regions" in sentences.answer(alone, "fr")
    with pytest.raises(ClaimError, match="C18: give findings, or the reason why there are none"):
        judge(CLAIMS["C18"], [finding(1)], unavailable="nothing")


def test_evidence_that_the_rule_no_longer_yields_is_refused():
    data = as_evidence(judge(CLAIMS["C08"], [finding(5)]))
    with pytest.raises(
        ClaimError, match="C08: the evidence says 'mixed', the rule now 'supported'"
    ):
        of_evidence(data | {"word": "mixed"}, CLAIMS)
    with pytest.raises(ClaimError, match="this is no evidence on a claim"):
        of_evidence({"id": "C08"}, CLAIMS)


def test_benjamini_yekutieli():
    p_values = [0.01, 0.04, 0.03]
    harmonic = 1 + 1 / 2 + 1 / 3
    assert adjusted(p_values) == pytest.approx(
        [min(1, 0.01 * 3 * harmonic), 0.04 * harmonic, 0.04 * harmonic]
    )
    assert adjusted([]) == []


def test_the_whole_register_is_assembled(all_runs):
    entries = assemble(all_runs())
    assert [entry.claim.id for entry in entries] == list(CLAIMS)
    counts = tally(entries)
    assert counts["supported"] == counts["tested"] == N_TESTED
    assert counts["not testable"] == len(CLAIMS) - N_TESTED and counts["not run"] == 0
    rows = [row(entry) for entry in entries]
    for one in rows:
        assert one["verdict"] is not None
        if one["verdict"] == "not testable":
            assert one["reason"] and one["estimate"] is None
        else:
            assert one["ci_low"] < one["estimate"] < one["ci_high"]
            assert one["n_regions"] == 250 and one["years"] == [2000, 2011]
            assert one["p_value"] <= one["q_value"] <= 1
            assert one["run"] == f"key of {one['notebook']}"


def test_a_verdict_that_stands_only_alone_says_so(all_runs):
    weak = judge(CLAIMS["C08"], [finding(2.5, 2.45)])
    others = {
        name: judge(claim, [finding(claim.null_value, 10 * claim.smallest.size)])
        for name, claim in CLAIMS.items()
        if claim.not_testable is None
    }
    entries = {e.claim.id: e for e in assemble(all_runs(**others | {"C08": weak}))}
    assert entries["C08"].word == "supported" and entries["C08"].only_alone
    assert "adjusted q-value 1.000" in row(entries["C08"])["what_would_change"][-1]
    assert "valeur q ajustée" in row(entries["C08"], "fr")["what_would_change"][-1]


def test_claims_without_runs_have_a_reason(tmp_path):
    entries = {entry.claim.id: entry for entry in assemble([])}
    assert row(entries["C08"])["verdict"] is None
    assert "compendium reproduce" in row(entries["C08"])["reason"]
    assert row(entries["C16"])["verdict"] == "not testable"
    folder = write_run(tmp_path / "run", "05_cluster_funding", [])
    ran = {entry.claim.id: entry for entry in assemble([folder])}
    assert "its data gave no estimate" in row(ran["C08"])["reason"]


def test_two_runs_of_one_claim_are_refused(tmp_path):
    verdict = judge(CLAIMS["C08"], [finding(5)])
    folders = [write_run(tmp_path / name, "05_cluster_funding", [verdict]) for name in "ab"]
    with pytest.raises(ClaimError, match=r"C08 has evidence in .*a and in .*b: give one"):
        assemble(folders)


def test_sensitivity_has_the_registers_own_word_in_the_middle(all_runs):
    grid = sensitivity(assemble(all_runs()))
    own = grid[(grid["alpha"] == 0.05) & (grid["times_smallest"] == 1)]
    assert len(grid) == 9 * N_TESTED and set(own["word"]) == {"supported"}
    wide = grid[grid["times_smallest"] == 2.0]
    assert "supported" in set(wide["word"])


def test_a_claim_restated_for_another_case_keeps_its_words_in_the_evidence():
    claims = register()
    other = claims["C05"].restated(claim=("What began there changed it.", "Cela l'a changé."))
    finding = Finding(label="a", estimate=3.0, ci_low=1.0, ci_high=5.0, n_obs=50)
    verdict = judge(other, [finding])
    assert (
        of_evidence(as_evidence(verdict), claims).claim.claim.en == "What began there changed it."
    )
