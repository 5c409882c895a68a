"""The register of claims and the verdicts on them.

``claims.yaml`` fixes thirty hypotheses before estimation. A notebook hands its estimates to one
rule, :func:`judge`; what comes out is words, numbers and sentences in two languages::

    claim = register()["C08"].restated(lag=p.lag, outcome=p.outcome)
    headline = Finding.of(model, "erdf", label="Region and country × year", **sample_of(rows))
    verdict = judge(claim, [headline, *others], curve=Agreement.of(summary), checks=checks)
    out.verdict(verdict, lang=p.lang)
    out.answer([verdict], lang=p.lang)

The statistical libraries behind the rule take a second to import and reading the register does not
need them, so the names below are looked up on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.claims.assembly import Entry, assemble
    from analysis.claims.declaration import Claim, ClaimError, codebook_text, register
    from analysis.claims.findings import Agreement, Check, Finding, sample_of
    from analysis.claims.rule import WORDS, Rule
    from analysis.claims.verdict import Verdict, judge

_HOME = {
    "Agreement": "findings",
    "Check": "findings",
    "Claim": "declaration",
    "ClaimError": "declaration",
    "Entry": "assembly",
    "Finding": "findings",
    "Rule": "rule",
    "Verdict": "verdict",
    "WORDS": "rule",
    "assemble": "assembly",
    "codebook_text": "declaration",
    "judge": "verdict",
    "register": "declaration",
    "sample_of": "findings",
}

__all__ = [
    "WORDS",
    "Agreement",
    "Check",
    "Claim",
    "ClaimError",
    "Entry",
    "Finding",
    "Rule",
    "Verdict",
    "assemble",
    "codebook_text",
    "judge",
    "register",
    "sample_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'analysis.claims' has no attribute {name!r}")
    return getattr(import_module(f"analysis.claims.{_HOME[name]}"), name)
