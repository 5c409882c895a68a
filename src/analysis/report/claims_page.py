"""The page of the register, in English and in French: every claim with what became of it."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.claims import sentences
from analysis.claims.assembly import EVIDENCE, Entry, assemble, changes, reason, tally
from analysis.claims.declaration import LANGUAGES, sources
from analysis.claims.verdict import Verdict, null_of

if TYPE_CHECKING:
    from jinja2 import Environment

#: File names by language.
PAGES = {"en": "claims.html", "fr": "claims.fr.html"}
#: Width and height of the picture of an interval; multiples of the smallest size it reaches to.
_WIDTH, _HEIGHT, _REACH = 480, 44, 4.0


@dataclass(frozen=True, slots=True)
class Shown:
    """One claim as the template shows it: text only."""

    id: str
    claim: str
    hypothesis: str
    word: str
    tone: str
    answer: str
    picture: str
    facts: list[tuple[str, str]]
    checks: list[str]
    changes: list[str]
    figure: str
    notebook: str


def has_evidence(folders: Sequence[Path]) -> bool:
    """Whether any of the runs says something about a claim."""
    return any(any((folder / EVIDENCE).glob("*.json")) for folder in folders)


def claims_pages(
    folders: Sequence[Path], environment: "Environment", shared: dict[str, Any]
) -> dict[str, bytes]:
    """Both pages by file name, from finished runs; ``shared`` is what every template gets."""
    entries = assemble(folders)
    template = environment.get_template("claims.html.j2")
    site = {}
    for lang in LANGUAGES:
        other = next(name for name in LANGUAGES if name != lang)
        text = template.render(
            lang=lang,
            other={"lang": other, "page": PAGES[other]},
            labels=sentences.catalogue(lang)["labels"],
            summary=sentences.summary(tally(entries), lang),
            claims=[_shown(entry, lang) for entry in entries],
            claims_page=PAGES[lang],
            **shared,
        )
        site[PAGES[lang]] = text.encode()
    return site


def _shown(entry: Entry, lang: str) -> Shown:
    claim, verdict = entry.claim, entry.verdict
    answer = reason(entry, lang) if verdict is None else sentences.answer(verdict, lang)
    return Shown(
        id=claim.id,
        claim=sentences.typeset(claim.claim.of(lang), lang),
        hypothesis=sentences.typeset(claim.hypothesis.of(lang), lang),
        word=sentences.word(entry.word, lang),
        tone=entry.word.split()[0],
        answer=answer or "",
        picture=interval_picture(verdict, lang) if verdict and verdict.findings else "",
        facts=_facts(entry, lang),
        checks=_checks(verdict, lang),
        changes=changes(entry, lang),
        figure=_figure(entry),
        notebook=claim.notebook if entry.folder is not None else "",
    )


def _facts(entry: Entry, lang: str) -> list[tuple[str, str]]:
    claim, verdict = entry.claim, entry.verdict
    facts = []
    if verdict is not None and verdict.findings:
        facts += _estimate_facts(entry, verdict, lang)
    if claim.smallest is not None and claim.unit is not None:
        size = sentences.with_unit(
            sentences.number(claim.smallest.size, lang), claim.unit.of(lang), lang
        )
        facts.append(("smallest", f"{size}. {claim.smallest.reason.of(lang)}"))
    if claim.smallest is not None:
        association = sentences.label("association", lang)
        facts.append(("design", claim.design.of(lang) if claim.design else association))
    facts.append(("source", "; ".join(sources()[name].what.of(lang) for name in claim.source)))
    return [
        (sentences.label(key, lang), sentences.typeset(text, lang)) for key, text in facts if text
    ]


def _estimate_facts(entry: Entry, verdict: Verdict, lang: str) -> list[tuple[str, str]]:
    facts = [("sample", sentences.sample(verdict.headline, lang))]
    if verdict.agreement is not None:
        agreement = verdict.agreement
        counts = sentences.number(agreement.n_specifications, lang)
        support = sentences.percent(100 * agreement.significant_for, lang)
        facts.append(
            ("agreement", f"{support} ({sentences.label('specifications', lang)} {counts})")
        )
    facts.append(("q", sentences.number(entry.q_value, lang, decimals=3)))
    return facts


def _checks(verdict: Verdict | None, lang: str) -> list[str]:
    if verdict is None:
        return []
    results = {True: sentences.label("passed", lang), False: sentences.label("failed", lang)}
    return [
        f"{sentences.typeset(sentences.check_name(check, lang), lang)}: {results[check.passed]}"
        for check in verdict.checks
    ]


def _figure(entry: Entry) -> str:
    """The address, from the page, of the figure that the notebook named."""
    if entry.folder is None or entry.verdict is None or not entry.verdict.figure:
        return ""
    for suffix in ("svg", "png"):
        name = f"figures/{entry.verdict.figure}.{suffix}"
        if (entry.folder / name).is_file():
            return f"{entry.claim.notebook}/{name}"
    return ""


def interval_picture(verdict: Verdict, lang: str) -> str:
    """The headline's interval as a line over the band where nothing matters, as inline SVG.

    The claimed side is to the right; an interval that leaves the picture ends at its edge.
    """
    claim, headline = verdict.claim, verdict.headline
    assert claim.smallest is not None
    null = null_of(claim, headline)

    def across(value: float) -> float:
        position = claim.sign * (value - null) / claim.smallest.size  # type: ignore[union-attr]
        return round(_WIDTH / 2 * (1 + min(max(position, -_REACH), _REACH) / _REACH), 1)

    ends = sorted((across(headline.ci_low), across(headline.ci_high)))
    band = _WIDTH / _REACH
    left, middle = (_WIDTH - band) / 2, _HEIGHT / 2
    words = html.escape(sentences.estimate(verdict, lang), quote=True)
    return (
        f'<svg class="interval" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{words}">'
        f'<rect class="band" x="{left:g}" y="4" width="{band:g}" height="{_HEIGHT - 8}"/>'
        f'<line class="null" x1="{_WIDTH / 2:g}" x2="{_WIDTH / 2:g}" y1="0" y2="{_HEIGHT}"/>'
        f'<line class="bar" x1="{ends[0]:g}" x2="{ends[1]:g}" y1="{middle:g}" y2="{middle:g}"/>'
        f'<circle cx="{across(headline.estimate):g}" cy="{middle:g}" r="6"/></svg>'
    )
