"""The front page: what was asked, what was found, how sure, from what data; then the register."""

from collections.abc import Iterator, Sequence
from typing import Any

from analysis.claims import sentences
from analysis.claims.assembly import Entry, tally
from analysis.claims.rule import (
    CONTRADICTED,
    INCONCLUSIVE,
    MIXED,
    NO_EFFECT,
    NOT_TESTABLE,
    SUPPORTED,
    WORDS,
)
from analysis.claims.verdict import null_of
from analysis.languages import catalogue, typeset
from analysis.report.site import labels, pictures
from analysis.report.site.chrome import Page
from analysis.report.site.content import Content, Statistics
from analysis.report.site.publish import FileContent

SECTION = "nav.register"
#: The claim behind the question that the front page asks first.
FIRST = "C08"
#: Key of the answer to it, by verdict.
_ANSWERS = {
    SUPPORTED: "front.answer.supported",
    CONTRADICTED: "front.answer.contradicted",
    NO_EFFECT: "front.answer.no_effect",
    INCONCLUSIVE: "front.answer.inconclusive",
    MIXED: "front.answer.mixed",
    NOT_TESTABLE: "front.answer.not_testable",
    "not run": "front.answer.not_run",
}
#: Verdicts that say something, one way or another.
_DEFINITE = (SUPPORTED, CONTRADICTED, NO_EFFECT, MIXED)


def pages(content: Content, lang: str) -> Iterator[Page]:
    """The front page."""
    first = _first(content.entries)
    counts = tally(content.entries)
    by_word = {word: counts[word] for word in (*WORDS, "not run") if counts[word]}
    told = catalogue("site", lang)
    words = [
        (pictures.TONES[word], count, sentences.word(word, lang)) for word, count in by_word.items()
    ]
    listed = told.listed(told.text("front.count", word=word, n=count) for _, count, word in words)
    yield Page(
        "index.html",
        "front.html.j2",
        SECTION,
        {
            "first": first.claim.id,
            "question": told.text("front.question" if first.claim.id == FIRST else "front.title"),
            "answer": told.text(_ANSWERS[first.word]),
            "estimate": _estimate_sentence(first, lang),
            "picture": pictures.interval(first, lang, width=460, height=34, axis=True)
            if first.is_tested
            else "",
            "reliance": _reliance(first, lang),
            "counts": counts,
            "together": sentences.together(counts["only alone"], lang),
            "bar": pictures.counts_bar(by_word, listed),
            "words": words,
            "n_specifications": _n_specifications(content),
            "data": _data(content.statistics, lang),
            "rows": [_row(entry, lang) for entry in content.entries],
            "themes": _themes(content, lang),
            "verdicts": [(tone, word) for tone, _, word in words],
            "definite": [_definite(e, lang) for e in content.entries if e.word in _DEFINITE],
        },
    )


def _first(entries: Sequence[Entry]) -> Entry:
    """The claim behind the main question; where these runs do not test it, the first they test."""
    main = next(entry for entry in entries if entry.claim.id == FIRST)
    tested = [entry for entry in entries if entry.is_tested]
    return main if main.is_tested or not tested else tested[0]


def files(content: Content) -> Iterator[tuple[str, FileContent]]:
    """None: everything is in the page."""
    yield from ()


def _estimate_sentence(entry: Entry, lang: str) -> str:
    return sentences.estimate(entry.verdict, lang) if entry.verdict and entry.is_tested else ""


def _reliance(entry: Entry, lang: str) -> str:
    return sentences.reliance(entry.verdict, lang) if entry.verdict and entry.is_tested else ""


def _n_specifications(content: Content) -> int:
    """Ways of computing behind all verdicts together."""
    agreements = [entry.verdict.agreement for entry in content.entries if entry.verdict]
    return sum(one.n_specifications for one in agreements if one is not None)


def _data(statistics: Statistics | None, lang: str) -> dict[str, Any] | None:
    """Size of the panel: regions of the lowest level, countries, years, datasets, publishers."""
    if statistics is None:
        return None
    regions = statistics.regions
    publishers = (labels.publisher(name, lang) for name, _ in statistics.publishers)
    return {
        "regions": int(regions.loc[regions["level"] == 2, "geo"].nunique()),
        "countries": int(regions["country"].nunique()),
        "first": int(regions["year"].min()),
        "last": int(regions["year"].max()),
        "datasets": len(statistics.datasets),
        "publishers": list(dict.fromkeys(publishers)),
    }


def _themes(content: Content, lang: str) -> list[tuple[str, str]]:
    notebooks = dict.fromkeys(entry.claim.notebook for entry in content.entries)
    return [(name, labels.theme(name, lang)) for name in sorted(notebooks)]


def _definite(entry: Entry, lang: str) -> dict[str, str]:
    """A claim to which the figures have an answer."""
    return {
        "id": entry.claim.id,
        "claim": typeset(entry.claim.claim.of(lang), lang),
        "word": sentences.word(entry.word, lang),
        "tone": pictures.TONES[entry.word],
    }


def _row(entry: Entry, lang: str) -> dict[str, Any]:
    """One claim as a row of the register."""
    claim = entry.claim
    return {
        "id": claim.id,
        "claim": typeset(claim.claim.of(lang), lang),
        "word": sentences.word(entry.word, lang),
        "tone": pictures.TONES[entry.word],
        "rank": list(pictures.TONES).index(entry.word),
        "theme": claim.notebook,
        "theme_label": labels.theme(claim.notebook, lang),
        **_sizes(entry, lang),
    }


def _sizes(entry: Entry, lang: str) -> dict[str, Any]:
    """The picture and the estimate with its interval; empty where there is none."""
    if not entry.is_tested or entry.verdict is None:
        return {"picture": "", "estimate": "", "interval": "", "unit": "", "scaled": None}
    headline, claim = entry.verdict.headline, entry.claim
    signed = null_of(claim, headline) == 0
    low, middle, high = (
        catalogue("site", lang).number(
            size, decimals=sentences.decimals_of(headline), signed=signed
        )
        for size in (headline.ci_low, headline.estimate, headline.ci_high)
    )
    assert claim.unit is not None
    return {
        "picture": pictures.interval(entry, lang),
        "estimate": middle,
        "interval": catalogue("site", lang).text("register.interval", low=low, high=high),
        "unit": typeset(claim.unit.of(lang), lang),
        "scaled": round(pictures.squeezed(pictures.in_smallest_sizes(entry)[0]), 4),
    }
