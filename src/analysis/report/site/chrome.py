"""What every page shares: templates, texts, links between pages and languages."""

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from analysis.claims import sentences
from analysis.languages import LANGUAGES, catalogue, typeset

HERE = Path(__file__).parent
TEMPLATES = HERE.parent / "templates"
#: Stylesheet and scripts, copied as they are.
ASSETS = HERE / "assets"
#: The sections of the site in the order of the menu: first page of each, by key of its name.
SECTIONS = {
    "nav.register": "index.html",
    "nav.territories": "territories/index.html",
    "nav.explore": "explore.html",
    "nav.papers": "papers/index.html",
    "nav.studies": "studies/index.html",
    "nav.data": "data.html",
    "nav.methods": "methods.html",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page in one language: its path below the folder of the language, template and content."""

    path: str
    template: str
    section: str
    content: Mapping[str, Any]


def render(page: Page, lang: str, absent: Set[str] = frozenset()) -> bytes:
    """The page as HTML, with a menu of the sections that are not ``absent``."""
    up = "../" * page.path.count("/")
    other = next(name for name in LANGUAGES if name != lang)
    texts = catalogue("site", lang)
    return (
        _template(page.template)
        .render(
            lang=lang,
            other=other,
            switch=f"{up}../{other}/{page.path}",
            home=up,
            root=f"{up}../",
            path=page.path,
            section=page.section,
            sections={key: first for key, first in SECTIONS.items() if key not in absent},
            text=texts.text,
            plural=texts.plural,
            number=texts.number,
            percent=texts.percent,
            colon=texts.colon,
            label=lambda key: sentences.label(key, lang),
            typeset=lambda words: typeset(words, lang),
            **page.content,
        )
        .encode()
    )


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["canonical"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.get_template(name)


def script(variable: str, value: Any) -> bytes:
    """Data as a classic script: pages opened from disk may not fetch, but may load this."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f"window.{variable} = {text};\n".encode()
