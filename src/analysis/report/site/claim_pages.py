"""A page per claim: verdict, estimate, checks, the interactive curve, what would change it."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.claims import sentences
from analysis.claims.assembly import Entry, changes, reason
from analysis.claims.declaration import sources
from analysis.claims.sentences import finding_name
from analysis.claims.verdict import Verdict, null_of
from analysis.languages import catalogue, country, typeset
from analysis.report.site import curves, labels, pictures
from analysis.report.site.chrome import Page, script
from analysis.report.site.content import Content
from analysis.report.site.publish import FileContent

SECTION = "nav.register"
#: Shares of variance shown at most.
MOST_CHOICES = 12
#: Keys of why a verdict is not simply what its headline says.
_STEPS = {"findings": "why.findings", "curve": "why.curve", "checks": "why.checks"}


def pages(content: Content, lang: str) -> Iterator[Page]:
    """One page for each claim of the register."""
    entries = content.entries
    for place, entry in enumerate(entries):
        yield Page(
            f"claims/{entry.claim.id}.html",
            "claim.html.j2",
            SECTION,
            {
                **_basics(entry, lang),
                **_tested(content, entry, lang),
                "paper": entry.claim.notebook if _has_paper(content, entry) else "",
                "before": entries[place - 1].claim.id if place else "",
                "after": entries[place + 1].claim.id if place + 1 < len(entries) else "",
            },
        )


def files(content: Content) -> Iterator[tuple[str, FileContent]]:
    """The curves as scripts."""
    signs = {entry.claim.id: entry.claim.sign for entry in content.entries}
    for name, table in content.curves.items():
        if table["effect"].notna().any():
            data = curves.curve_script(table, signs[name])
            yield f"data/curve_{name}.js", script("CURVE", data)


def _has_paper(content: Content, entry: Entry) -> bool:
    return entry.claim.notebook in {paper.name for paper in content.papers}


def _basics(entry: Entry, lang: str) -> dict[str, Any]:
    claim, verdict = entry.claim, entry.verdict
    return {
        "id": claim.id,
        "claim": typeset(claim.claim.of(lang), lang),
        "hypothesis": typeset(claim.hypothesis.of(lang), lang),
        "word": sentences.word(entry.word, lang),
        "tone": pictures.TONES[entry.word],
        "theme": labels.theme(claim.notebook, lang),
        "source": catalogue("site", lang).listed(
            typeset(sources()[name].what.of(lang), lang) for name in claim.source
        ),
        "reason": typeset(reason(entry, lang) or "", lang),
        "answer": sentences.answer(verdict, lang) if verdict is not None else "",
        "changes": changes(entry, lang),
        "tested": entry.is_tested,
    }


def _tested(content: Content, entry: Entry, lang: str) -> dict[str, Any]:
    """What only a claim with estimates has."""
    verdict = entry.verdict
    if verdict is None or not verdict.findings:
        return {"curve": None}
    claim = verdict.claim
    assert claim.smallest is not None and claim.unit is not None
    design = claim.design.of(lang) if claim.design else sentences.label("association", lang)
    told = catalogue("site", lang)
    return {
        "estimate": sentences.estimate(verdict, lang),
        "reliance": sentences.reliance(verdict, lang),
        "picture": pictures.interval(entry, lang, width=560, height=40, axis=True),
        "why": _why(verdict, lang),
        "findings": _findings(verdict, lang),
        "unit": typeset(claim.unit.of(lang), lang),
        "checks": [_check(check, lang) for check in verdict.checks],
        "smallest": told.with_unit(told.number(claim.smallest.size), claim.unit.of(lang)),
        "smallest_reason": typeset(claim.smallest.reason.of(lang), lang),
        "design": typeset(design, lang),
        "wording": verdict.wording,
        "sample": sentences.sample(verdict.headline, lang),
        "q": told.p_value(entry.q_value),
        "influence": _influence(content.without.get(claim.id), verdict, lang),
        "figure": _figure(entry),
        "evidence": _evidence(entry),
        "curve": _curve(content, verdict, lang),
    }


def _why(verdict: Verdict, lang: str) -> list[str]:
    """The steps of the rule from the headline to the word."""
    texts = catalogue("site", lang)
    word = sentences.word(verdict.headline_word, lang)
    steps = [texts.text("why.headline", word=word)]
    steps += [texts.text(_STEPS[step]) for step in verdict.reasons]
    if not verdict.reasons:
        steps.append(texts.text("why.nothing"))
    return steps


def _findings(verdict: Verdict, lang: str) -> list[dict[str, str]]:
    """Headline and other findings as printed, with the sample of each."""
    rows = []
    for place, finding in enumerate(verdict.findings):
        decimals = sentences.decimals_of(finding)
        sizes = {"estimate": finding.estimate, "low": finding.ci_low, "high": finding.ci_high}
        shown = {
            name: catalogue("site", lang).number(size, decimals=decimals, signed=True)
            if null_of(verdict.claim, finding) == 0
            else catalogue("site", lang).number(size, decimals=decimals)
            for name, size in sizes.items()
        }
        label = sentences.label("headline", lang) if place == 0 else finding_name(finding, lang)
        p = catalogue("site", lang).p_value(finding.p(null_of(verdict.claim, finding)), named=False)
        rows.append({"label": label, **shown, "p": p, "sample": sentences.sample(finding, lang)})
    return rows


def _check(check: Any, lang: str) -> dict[str, Any]:
    p = catalogue("site", lang).p_value
    return {
        "name": typeset(sentences.check_name(check, lang), lang),
        "passed": check.passed,
        "result": sentences.label("passed" if check.passed else "failed", lang),
        "p": "" if check.p_value != check.p_value else p(check.p_value),
    }


def _influence(without: pd.DataFrame | None, verdict: Verdict, lang: str) -> str:
    """How far the headline goes when any one country is left out, in a sentence."""
    if without is None or without["estimate"].notna().sum() < 2:
        return ""
    known = without.dropna(subset=["estimate"]).sort_values("estimate", kind="stable")
    decimals = sentences.decimals_of(verdict.headline)
    number = catalogue("site", lang).number
    low, high = known.iloc[0], known.iloc[-1]
    return catalogue("site", lang).text(
        "claim.influence",
        n=number(len(known)),
        low=number(low["estimate"], decimals=decimals),
        high=number(high["estimate"], decimals=decimals),
        first=country(low["country"], lang),
        last=country(high["country"], lang),
    )


def _figure(entry: Entry) -> str:
    """The address, below the folder of files, of the figure that the notebook named."""
    if entry.folder is None or entry.verdict is None or not entry.verdict.figure:
        return ""
    name = f"figures/{entry.verdict.figure}.png"
    there = (entry.folder / name).is_file()
    return f"{entry.claim.notebook}/{name}" if there else ""


def _evidence(entry: Entry) -> list[tuple[str, str]]:
    """Address below the folder of files, and format, of what the run kept of the claim."""
    if entry.folder is None:
        return []
    name, folder = entry.claim.id, entry.folder / "evidence"
    wanted = (f"{name}.json", f"curve_{name}.parquet")
    there = [file for file in wanted if (folder / file).is_file()]
    return [(f"{entry.claim.notebook}/evidence/{file}", file) for file in there]


def _curve(content: Content, verdict: Verdict, lang: str) -> dict[str, Any] | None:
    claim = verdict.claim
    table = content.curves.get(claim.id)
    if table is None or not table["effect"].notna().any():
        return None
    shares = content.importance[content.importance["id"] == claim.id].head(MOST_CHOICES)
    codes = curves.verdict_codes(curves.ordered(table), claim.sign)
    return {
        "n": len(codes),
        "shares": [100 * float((codes == code).mean()) for code in range(4)],
        "unit": curves.effect_unit(claim, lang),
        "choices": curves.choices(table, lang, claim.id),
        "importance": [
            (labels.choice(str(name), lang, claim.id), 100 * float(share))
            for name, share in zip(shares["choice"], shares["share"], strict=True)
        ],
    }
