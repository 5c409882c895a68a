"""What stands on the page, as plain text and pictures: the same for HTML and PDF."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from analysis.report.brief.drawings import Picture, pictures
from analysis.report.brief.lines import PARTS, Brief, Clause
from analysis.report.brief.text import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A brief in one language. parts: (title, lines). pictures: the map, then three charts.

    heading: the whole title, for the file; name and subtitle: the same in two parts.
    """

    lang: str
    heading: str
    description: str
    author: str
    name: str
    subtitle: str
    portrait: str
    peers: tuple[str, ...]
    no_peers: str
    parts: tuple[tuple[str, tuple[str, ...]], ...]
    pictures: tuple[Picture, ...]
    confidence: str
    definitions: str
    sources: str
    headings: dict[str, str]

    def as_data(self) -> dict[str, object]:
        """Plain data for the PDF's template."""
        parts = [{"title": title, "lines": list(lines)} for title, lines in self.parts]
        return {**asdict(self), "parts": parts}


def page(brief: Brief, lang: str) -> Page:
    """The brief put into words; CompendiumError for an unknown language."""
    language = Language(lang)

    def sentences(clauses: Sequence[Clause]) -> str:
        return " ".join(language.clause(clause) for clause in clauses)

    name = language.territory(brief.geo, brief.name)
    level = language.text(f"level.{brief.level}")
    title = language.text("title")
    return Page(
        lang=lang,
        heading=language.text("file_title", name=name, code=brief.geo),
        description=language.text("description", name=name, code=brief.geo),
        author="Cluster compendium",
        name=name,
        subtitle=" · ".join([f"{brief.geo}, {level}", title, *_figures_of(brief, language)]),
        portrait=sentences(brief.portrait),
        peers=tuple(
            f"{n} {language.territory(*peer)} ({peer[0]})" for n, peer in enumerate(brief.peers, 1)
        ),
        no_peers=language.text("peers.none"),
        parts=tuple(
            (
                language.text(f"part.{part}"),
                tuple(language.line(line) for line in brief.parts[part]),
            )
            for part in PARTS
        ),
        pictures=pictures(brief, language),
        confidence=sentences(brief.confidence),
        definitions=sentences(brief.definitions),
        sources=f"{sentences(brief.sources)} {language.text('trace')}",
        headings={
            name: language.text(f"heading.{name}")
            for name in ("peers", "confidence", "definitions", "sources")
        },
    )


def _figures_of(brief: Brief, language: Language) -> list[str]:
    """Whose figures these are, where they are not the territory's own."""
    if brief.of == brief.geo:
        return []
    return [language.text("figures_of", code=brief.of)]
