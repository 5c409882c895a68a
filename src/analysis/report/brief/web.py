"""The brief as HTML: a page of its own that needs nothing else, or a piece of another page."""

import html
from collections.abc import Callable
from functools import cache
from pathlib import Path

from analysis.report.brief.drawings import OWN, PEER, PLAIN, Picture
from analysis.report.brief.lines import Brief
from analysis.report.brief.page import Page, page
from analysis.report.figures import FAINT, INK, MUTED

Link = Callable[[str], str | None]

#: Colours of the pictures by their names in the style sheet, which has them for dark pages too.
_COLOURS = {
    INK: "ink",
    OWN: "own",
    PEER: "peer",
    PLAIN: "plain",
    MUTED: "muted",
    FAINT: "line",
    "white": "paper",
}
#: Of a page of its own: light or dark as the reader has it, light on paper.
_PAGE_STYLE = """:root { color-scheme: light dark; }
body { margin: 0; background: light-dark(#ffffff, #1b1f27); }
@media print { :root { color-scheme: light; } }
"""


@cache
def style() -> str:
    """The style sheet of :func:`html_fragment`; every rule begins with ``.brief``."""
    return Path(__file__).with_name("brief.css").read_text(encoding="utf-8")


def render_html(brief: Brief, lang: str) -> str:
    """A self-contained page, in print one A4 page."""
    content = page(brief, lang)
    return (
        f'<!doctype html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(content.heading)}</title>\n"
        f'<meta name="description" content="{html.escape(content.description)}">\n'
        f"<style>\n{_PAGE_STYLE}{style()}</style>\n</head>\n"
        f"<body>\n<main>\n{_article(brief, content, 1, None)}\n</main>\n</body>\n</html>\n"
    )


def html_fragment(brief: Brief, lang: str, *, level: int = 1, link: Link | None = None) -> str:
    """The brief as an ``<article class="brief">``, to stand in a page with ``style()``.

    level: of its title among the headings. link: code → address of a territory's page, or None
    where it has none; peers then are links.
    """
    return _article(brief, page(brief, lang), level, link)


def _article(brief: Brief, content: Page, level: int, link: Link | None) -> str:
    inner = f"h{level + 1}"
    chart, *charts = content.pictures
    parts = "\n".join(
        f'<section class="part">{_tag(inner, title)}\n<ul>\n'
        + "\n".join(_tag("li", line) for line in lines)
        + "\n</ul></section>"
        for title, lines in content.parts
    )
    headings = {name: _about(inner, text) for name, text in content.headings.items()}
    notes = "\n".join(
        f"<p><strong>{html.escape(content.headings[name])}.</strong> {html.escape(text)}</p>"
        for name, text in (("definitions", content.definitions), ("sources", content.sources))
    )
    return "\n".join(
        [
            f'<article class="brief" lang="{content.lang}">',
            f'<h{level} class="title">{html.escape(content.name)} '
            f"<small>{html.escape(content.subtitle)}</small></h{level}>",
            '<div class="head"><div>',
            _tag("p", content.portrait),
            headings["peers"],
            _peers(brief, content, link),
            headings["confidence"],
            _tag("p", content.confidence),
            f"</div>\n{_picture(chart)}</div>",
            f'<div class="parts">\n{parts}\n</div>',
            '<div class="charts">',
            *(f"<div>{_about(inner, one.title)}\n{_picture(one)}</div>" for one in charts),
            f'</div>\n<div class="notes">\n{notes}\n</div>\n</article>',
        ]
    )


def _peers(brief: Brief, content: Page, link: Link | None) -> str:
    if not content.peers:
        return _tag("p", content.no_peers)
    items = []
    for (geo, _), text in zip(brief.peers, content.peers, strict=True):
        address = link(geo) if link is not None else None
        shown = html.escape(text)
        if address is not None:
            shown = f'<a href="{html.escape(address)}">{shown}</a>'
        items.append(f"<li>{shown}</li>")
    return f'<ol class="peers">{"".join(items)}</ol>'


def _picture(picture: Picture) -> str:
    if not picture.svg:
        return _tag("p", picture.alt)
    named = f'<svg role="img" aria-label="{html.escape(picture.alt)}" '
    svg = picture.svg.replace("<svg ", named, 1)
    for colour, name in _COLOURS.items():
        svg = svg.replace(f'"{colour}"', f'"var(--{name})"')
    return f'<figure class="picture">{svg}</figure>'


def _about(tag: str, text: str) -> str:
    return f'<{tag} class="about">{html.escape(text)}</{tag}>'


def _tag(tag: str, text: str) -> str:
    return f"<{tag}>{html.escape(text)}</{tag}>"
