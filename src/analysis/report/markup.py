"""From notebook cells to HTML that needs nothing from outside the page.

Mathematics becomes MathML, code is coloured by class, and whatever a cell printed is cleaned:
no scripts, no styles of its own, no address that would be fetched.
"""

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

from bs4 import BeautifulSoup, Tag
from bs4.element import PreformattedString
from latex2mathml.converter import convert
from nbconvert.filters import strip_ansi
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from analysis.languages import catalogue

_REMOVED = ["script", "style", "link", "meta", "base", "iframe", "object", "embed", "form"]
_REMOVED += ["input", "button", "video", "audio", "source", "template"]
_REMOVED += ["set", "animate", "animatemotion", "animatetransform"]  # they can write an address
_FETCHED = ("src", "srcset", "poster", "background", "data", "xlink:href", "action")
_SAFE_LINK = re.compile(r"(https?:|mailto:|#|[\w./-]+(#|$))", re.ASCII)
_NAMESPACE = ' xmlns="http://www.w3.org/1998/Math/MathML"'  # HTML knows it without being told
_FUNCTION = re.compile(r"<m[io](?: movablelimits=\"true\")?>([A-Za-z]{2,})</m[io]>")
_NUMBER = re.compile(r"[−+-]?(\d[\d,.\u202f ]*)(e[−+-]?\d+)?\s?%?|[−-]?(inf|∞)|NaN|–")
_ALIGN = re.compile(r"text-align:\s*(left|center|right)")


def _words(key: str, **fields: str) -> str:
    """A text of the site; papers are English."""
    return catalogue("site", "en").text(key, **fields)


# ---------------------------------------------------------------- text and mathematics


def mathml(tex: str, *, block: bool = False) -> str:
    """TeX as MathML; what cannot be converted is shown as its source."""
    source = " ".join(tex.split())
    braces = re.sub(r"\\[{}]", "", source)
    try:
        markup = str(convert(source, display="block" if block else "inline"))
    except Exception:  # the converter raises many kinds of error on malformed TeX
        markup = "\\"
    unknown = "\\" in html.unescape(markup)  # a command it does not know is passed on as text
    if unknown or braces.count("{") != braces.count("}"):
        return f'<code class="tex">{html.escape(source)}</code>'
    label = html.escape(source, quote=True)
    markup = markup.replace("<mi>&#x0007E;</mi>", "<mo>&#x0223C;</mo>")  # \\sim is a relation
    markup = _FUNCTION.sub(r'<mo lspace="0.17em" rspace="0.17em">\1</mo>', markup)
    return markup.replace(_NAMESPACE, f' alttext="{label}"', 1)


def _block(tex: str) -> str:
    """A formula on a line of its own, which the keyboard can scroll where it is too wide."""
    return f'<div class="math" tabindex="0">{mathml(tex, block=True)}</div>'


class _Renderer(IPythonRenderer):
    """Markdown to HTML with MathML, slugs on headings and links between notebooks as pages."""

    def __init__(self, attachments: dict[str, Any]) -> None:
        super().__init__(escape=False, exclude_anchor_links=True, attachments=attachments)

    def inline_math(self, body: str) -> str:
        return mathml(body)

    def block_math(self, body: str) -> str:
        return f"{_block(body)}\n"

    def latex_environment(self, name: str, body: str) -> str:
        starred = name if name.endswith("*") else f"{name}*"  # no numbers: each would begin at (1)
        return self.block_math(f"\\begin{{{starred}}}{body}\\end{{{starred}}}")

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        plain = html.unescape(re.sub(r"<[^>]+>", "", text))
        slug = re.sub(r"\W+", "-", plain.lower()).strip("-")
        return f'<h{level} id="{html.escape(slug, quote=True)}">{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        return super().link(text, re.sub(r"^(?!\w+:)(.*)\.ipynb(?=#|$)", r"\1.html", url), title)


def markdown(source: str, attachments: dict[str, Any] | None = None) -> str:
    """Markdown with ``$…$`` and ``$$…$$`` as clean HTML."""
    return clean(MarkdownWithMath(renderer=_Renderer(attachments or {})).render(source))


def code(source: str) -> str:
    """Python source as HTML with Pygments' short classes."""
    return str(highlight(source, PythonLexer(), HtmlFormatter(cssclass="highlight")))


# ---------------------------------------------------------------- cleaning


def clean(markup: str) -> str:
    """HTML without scripts, styles, handlers or anything fetched; tables in our own dress."""
    soup = BeautifulSoup(markup, "html.parser")
    for tag in soup.find_all(_REMOVED):
        tag.decompose()
    # What is a comment here may end earlier in a browser: ``<!--><img …>-->``.
    for comment in soup.find_all(string=lambda text: isinstance(text, PreformattedString)):
        comment.extract()
    for tag in soup.find_all(True):
        _clean_attributes(tag)
    for image in soup.find_all("img"):
        if not image.get("src"):
            described = str(image.get("alt") or _words("paper.image.undescribed"))
            image.replace_with(_words("paper.image.absent", description=described))
        elif not image.get("alt"):
            image["alt"] = _words("paper.image")
    for table in soup.find_all("table"):
        _dress_table(soup, table)
    return str(soup)


def _clean_attributes(tag: Tag) -> None:
    align = _ALIGN.search(str(tag.get("style", "")))
    for name, value in list(tag.attrs.items()):
        text = str(value)
        fetched = name in _FETCHED and not text.startswith("data:image/")
        unsafe = name == "href" and (tag.name != "a" or not _SAFE_LINK.match(text))
        if name.startswith("on") or name in ("style", "border") or fetched or unsafe:
            del tag[name]
    if align and tag.name in ("td", "th"):
        tag["class"] = {"left": "text", "center": "middle", "right": "number"}[align.group(1)]


def _dress_table(soup: BeautifulSoup, table: Tag) -> None:
    """Align cells that say nothing, show NaN as a dash, and let a wide table scroll."""
    plain = table.find_parent("figure") is None
    for cell in table.find_all(["td", "th"]) if plain else []:
        text = cell.get_text().strip()
        if text in ("NaN", "NaT", "None", "<NA>"):
            cell.string = "–"
        is_number = cell.name == "td" and _NUMBER.fullmatch(text)
        cell["class"] = "number" if is_number else "text"
    for heading, numeric in _plain_headings(table) if plain else ():
        heading["class"] = "number" if numeric else "text"
    figure = table.find_parent("figure")
    caption = figure.find("figcaption") if figure else None
    label = caption.get_text(" ", strip=True) if caption else _words("paper.table.unnamed")
    attributes = {"class": "scroll", "role": "region", "tabindex": "0", "aria-label": label}
    table.wrap(soup.new_tag("div", attrs=attributes))


def _plain_headings(table: Tag) -> Iterator[tuple[Tag, bool]]:
    """Column headings of a plain table, and whether the last body row has a number there."""
    body = [row.find_all(["td", "th"]) for row in table.find_all("tr") if row.find("td")]
    head = table.find("thead")
    last_heading = head.find_all("tr")[-1].find_all("th") if head else []
    if body and len(last_heading) == len(body[-1]):
        for heading, cell in zip(last_heading, body[-1], strict=True):
            yield heading, cell.get("class") == "number"


# ---------------------------------------------------------------- outputs


def output_html(output: dict[str, Any]) -> str:
    """One output of a code cell: streams, errors and displayed objects."""
    kind = output["output_type"]
    if kind == "stream":
        return _stream(output["name"], strip_ansi(output["text"]))
    if kind == "error":
        trace = strip_ansi("\n".join(output["traceback"]))
        return f'<pre class="error">{html.escape(trace)}</pre>'
    data = output.get("data", {})
    for mime, render in _RENDER.items():
        if mime in data:
            return render(data[mime])
    return ""


def _stream(name: str, text: str) -> str:
    if name != "stderr":
        return f"<pre>{html.escape(text)}</pre>"
    lines = len(text.strip().splitlines())
    summary = catalogue("site", "en").plural("paper.messages", lines)
    return (
        f'<details class="messages"><summary>{html.escape(summary)}</summary>'
        f"<pre>{html.escape(text)}</pre></details>"
    )


def _image(mime: str) -> Callable[[str], str]:
    def render(data: str) -> str:
        encoded = re.sub(r"\s", "", data)
        return clean(f'<figure class="figure"><img src="data:{mime};base64,{encoded}"></figure>')

    return render


def _text(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>"


#: What to show of an object that offers several forms, best first.
_RENDER: dict[str, Callable[[str], str]] = {
    "text/html": clean,
    "text/markdown": markdown,
    "image/png": _image("image/png"),
    "image/jpeg": _image("image/jpeg"),
    "text/latex": lambda tex: _block(tex.strip("$ ")),
    "text/plain": _text,
}
