"""The register with its verdicts, assembled from the evidence that runs left.

The p-values of all tested claims are adjusted together for the false discovery rate by the method
of Benjamini and Yekutieli (2001, Annals of Statistics 29:1165-1188), which holds whatever the
dependence between the tests: the claims share data, so independence cannot be assumed. The
adjustment changes no word; a verdict that stands on its own and not after it says so.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.claims import sentences
from analysis.claims.declaration import Claim, ClaimError, register
from analysis.claims.rule import CONTRADICTED, DEFAULT, NOT_RUN, SUPPORTED, WORDS, Rule, decide
from analysis.claims.verdict import Verdict, hypothesis_of, judge, of_evidence

EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A claim with what became of it; ``verdict`` is None when no run gave an estimate.

    run: key of the run of its notebook, if there is one. folder: where that run is. q_value: of
    the headline against its null, adjusted over all tested claims.
    """

    claim: Claim
    verdict: Verdict | None = None
    run: str = ""
    folder: Path | None = None
    q_value: float = math.nan

    @property
    def word(self) -> str:
        """The verdict's word, or ``not run``."""
        return self.verdict.word if self.verdict is not None else NOT_RUN

    @property
    def is_tested(self) -> bool:
        """Whether there are estimates."""
        return self.verdict is not None and bool(self.verdict.findings)

    @property
    def only_alone(self) -> bool:
        """Whether the verdict stands on its own but not after the adjustment."""
        definite = self.word in (SUPPORTED, CONTRADICTED)
        return definite and not self.q_value < DEFAULT.alpha


def assemble(folders: Sequence[Path]) -> list[Entry]:
    """The whole register, in its order, with the evidence of the finished runs in ``folders``.

    Raises ClaimError when two runs give evidence on the same claim, or evidence cannot be read.
    """
    claims = register()
    found: dict[str, Entry] = {}
    runs = {}
    for folder in folders:
        record = _read(folder / "record.json")
        runs[str(record.get("name"))] = str(record.get("key"))
        for entry in _entries(folder, str(record.get("key")), claims):
            if entry.claim.id in found:
                raise ClaimError(
                    f"{entry.claim.id} has evidence in {found[entry.claim.id].folder} and in "
                    f"{folder}: give one of the two"
                )
            found[entry.claim.id] = entry
    entries = [
        found.get(name) or _without_estimate(claim, runs.get(claim.notebook, ""))
        for name, claim in claims.items()
    ]
    return _adjusted(entries)


def _without_estimate(claim: Claim, run: str) -> Entry:
    verdict = judge(claim) if claim.not_testable is not None else None
    return Entry(claim=claim, verdict=verdict, run=run)


def _entries(folder: Path, run: str, claims: dict[str, Claim]) -> list[Entry]:
    """What a run found; an entry's claim is the one that the run restated."""
    verdicts = [
        of_evidence(_read(file), claims) for file in sorted((folder / EVIDENCE).glob("*.json"))
    ]
    return [Entry(claim=v.claim, verdict=v, run=run, folder=folder) for v in verdicts]


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ClaimError(f"{file} cannot be read ({error}); run its notebook again") from None
    if not isinstance(content, dict):
        raise ClaimError(f"{file}: expected a mapping; run its notebook again")
    return content


def _adjusted(entries: list[Entry]) -> list[Entry]:
    p_values = [e.verdict.p_value for e in entries if e.is_tested and e.verdict is not None]
    q_values = iter(adjusted(p_values))
    return [
        replace(entry, q_value=next(q_values)) if entry.is_tested else entry for entry in entries
    ]


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Benjamini-Yekutieli adjusted p-values, in the order given."""
    if not p_values:
        return []
    return [float(q) for q in stats.false_discovery_control(np.asarray(p_values), method="by")]


def row(entry: Entry, lang: str = "en") -> dict[str, Any]:
    """One claim as plain data: what ``compendium claims --json`` prints."""
    claim, verdict = entry.claim, entry.verdict
    headline = verdict.headline if verdict is not None and verdict.findings else None
    agreement = verdict.agreement if verdict is not None else None
    years = None
    if headline is not None and headline.first_year is not None:
        years = [headline.first_year, headline.last_year]
    return {
        "id": claim.id,
        "claim": claim.claim.of(lang),
        "verdict": None if verdict is None else verdict.word,
        "verdict_word": sentences.word(entry.word, lang),
        "estimate": headline and headline.estimate,
        "ci_low": headline and headline.ci_low,
        "ci_high": headline and headline.ci_high,
        "unit": claim.unit.of(lang) if claim.unit else None,
        "null": claim.null_value if claim.smallest else None,
        "smallest_of_interest": claim.smallest.size if claim.smallest else None,
        "p_value": verdict.p_value if verdict is not None and headline else None,
        "q_value": entry.q_value if headline else None,
        "agreement_share": _agreeing(verdict),
        "n_specifications": agreement and agreement.n_specifications,
        "n_observations": headline and headline.n_obs,
        "n_regions": headline and headline.n_regions,
        "n_countries": headline and headline.n_countries,
        "years": years,
        "design": claim.design.of(lang) if claim.design else sentences.label("association", lang),
        "wording": verdict.wording if verdict is not None else None,
        "reason": reason(entry, lang),
        "notebook": claim.notebook,
        "run": entry.run or None,
        "sentences": sentences.answer(verdict, lang) if verdict is not None else None,
        "what_would_change": changes(entry, lang),
    }


def _agreeing(verdict: Verdict | None) -> float | None:
    """Share of specifications that are significant on the headline's side of the null."""
    if verdict is None or verdict.agreement is None:
        return None
    distance = verdict.headline.estimate - verdict.claim.null_value
    claimed = verdict.claim.sign * distance > 0
    agreement = verdict.agreement
    return agreement.significant_for if claimed else agreement.significant_against


def reason(entry: Entry, lang: str) -> str | None:
    """Why there is no estimate: not run, nothing to estimate it with, or not testable."""
    if entry.verdict is None:
        return sentences.label("no_verdict" if entry.run else "not_run", lang)
    declared = entry.claim.not_testable
    if declared is not None:
        return declared.reason.of(lang)
    return None if entry.verdict.unavailable is None else sentences.unavailable(entry.verdict, lang)


def changes(entry: Entry, lang: str) -> list[str]:
    """What would change the verdict, with what the adjustment over the register says."""
    if entry.verdict is None or not entry.verdict.findings:
        return []
    adjusted_only = [sentences.multiplicity(entry.q_value, lang)] if entry.only_alone else []
    return [*sentences.changes(entry.verdict, lang), *adjusted_only]


def sensitivity(
    entries: Sequence[Entry],
    alphas: Sequence[float] = (0.01, 0.05, 0.1),
    times_smallest: Sequence[float] = (0.5, 1.0, 2.0),
) -> pd.DataFrame:
    """Words of the tested claims under other thresholds: ``id, alpha, times_smallest, word``.

    The shares of the curve stay those at 5 %: they were counted when the curve was run.
    """
    rows = []
    for entry in entries:
        if not entry.is_tested or entry.verdict is None:
            continue
        verdict = entry.verdict
        about = hypothesis_of(entry.claim, verdict.headline)
        for alpha, times in product(alphas, times_smallest):
            decision = decide(
                replace(about, smallest=times * about.smallest),
                verdict.headline,
                verdict.findings[1:],
                verdict.agreement,
                verdict.checks,
                Rule(alpha=alpha),
            )
            rows.append((entry.claim.id, alpha, times, decision.word))
    return pd.DataFrame(rows, columns=["id", "alpha", "times_smallest", "word"])


def tally(entries: Sequence[Entry]) -> dict[str, int]:
    """How many claims there are, how many are tested, and how many have each word."""
    words = [entry.word for entry in entries]
    counts = {word: words.count(word) for word in (*WORDS, NOT_RUN)}
    return {
        "claims": len(entries),
        "tested": sum(entry.is_tested for entry in entries),
        "only alone": sum(entry.only_alone for entry in entries),
        **counts,
    }
