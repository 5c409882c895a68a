"""The methods page: the rule of the verdicts, the conventions, the robustness engine."""

import re
from collections.abc import Iterator

from analysis.claims.assembly import tally
from analysis.claims.rule import DEFAULT
from analysis.models.registry import ESTIMATORS, explanation
from analysis.report.site.chrome import Page
from analysis.report.site.content import Content
from analysis.report.site.publish import FileContent

SECTION = "nav.methods"
#: Code and formulas in a description.
_LITERAL = re.compile(r"(?::math:)?(?<!`)`{1,2}([^`]+)`{1,2}")


def pages(content: Content, lang: str) -> Iterator[Page]:
    """One page."""
    del lang
    agreements = [entry.verdict.agreement for entry in content.entries if entry.verdict]
    curves = [one.n_specifications for one in agreements if one is not None]
    yield Page(
        "methods.html",
        "methods.html.j2",
        SECTION,
        {
            "rule": DEFAULT,
            "counts": tally(content.entries),
            "n_curves": len(curves),
            "n_specifications": sum(curves),
            "estimators": [(name, _first_words(name)) for name in sorted(ESTIMATORS)],
        },
    )


def files(content: Content) -> Iterator[tuple[str, FileContent]]:
    """None."""
    yield from ()


def _first_words(estimator: str) -> list[tuple[str, bool]]:
    """What an estimator is, in the first paragraph of its own description: texts, and whether each
    is code.
    """
    words = " ".join(explanation(estimator).partition("\n\n")[0].split())
    pieces = _LITERAL.split(words)
    return [(piece, place % 2 == 1) for place, piece in enumerate(pieces) if piece]
