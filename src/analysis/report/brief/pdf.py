"""The brief as a PDF of one A4 page: tagged (PDF/UA-1), made to be kept (PDF/A-2a), always the
same bytes.

Text reaches the compiler as data, never as markup: nothing in a name can be read as Typst.
"""

import json
from functools import cache
from pathlib import Path
from typing import Literal

import typst

from analysis import CompendiumError
from analysis.report.brief.drawings import OWN
from analysis.report.brief.lines import Brief
from analysis.report.brief.page import page
from analysis.report.figures import INK, MUTED

#: Sizes of the letters in points, tried from the largest until everything fits on one page.
SIZES = (9.4, 8.8, 8.2, 7.6, 7.0)
_TEMPLATE = Path(__file__).with_name("brief.typ")


@cache
def _compiler() -> typst.Compiler:
    """One compiler per process: it keeps the fonts, which come with it."""
    return typst.Compiler(ignore_system_fonts=True)


def render_pdf(brief: Brief, lang: str) -> bytes:
    """The page as PDF; CompendiumError where it does not fit on one even in small letters."""
    return _compiled(brief, lang, "pdf")


def render_png(brief: Brief, lang: str, ppi: float = 144) -> bytes:
    """The same page as a picture."""
    return _compiled(brief, lang, "png", ppi)


def _compiled(
    brief: Brief, lang: str, file_format: Literal["pdf", "png"], ppi: float | None = None
) -> bytes:
    colours = {"ink": INK, "own": OWN, "muted": MUTED}
    data = {**page(brief, lang).as_data(), "colours": colours, "sizes": SIZES}
    try:
        made = _compiler().compile(
            _TEMPLATE.read_bytes(),
            format=file_format,
            ppi=ppi,
            sys_inputs={"brief": json.dumps(data, ensure_ascii=False)},
            pdf_standards=["ua-1", "a-2a"],
            timestamp=0,
        )
    except typst.TypstError as error:
        raise CompendiumError(
            f"the brief of {brief.geo} ({lang}) cannot be set on one page: {error.message}"
        ) from None
    if not isinstance(made, bytes):
        raise CompendiumError(f"the brief of {brief.geo} ({lang}) takes more than one page")
    return made
