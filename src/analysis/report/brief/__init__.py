"""The territory brief: one page on a territory, each line made from figures and verdicts.

``load`` reads the panel and the evidence of runs into a :class:`Context` that all briefs share;
``compose`` makes a territory's :class:`Brief`, in no language; ``render_html``, ``html_fragment``
and ``render_pdf`` put it into English or French, and ``write_briefs`` into files.
"""

from analysis.report.brief.codes import GROUPS, MapChanges, Territories, UnknownTerritoryError
from analysis.report.brief.compose import compose
from analysis.report.brief.context import Context, load, prepare
from analysis.report.brief.lines import Brief
from analysis.report.brief.pdf import render_pdf
from analysis.report.brief.web import html_fragment, render_html, style
from analysis.report.brief.write import FORMATS, write_briefs

__all__ = [
    "FORMATS",
    "GROUPS",
    "Brief",
    "Context",
    "MapChanges",
    "Territories",
    "UnknownTerritoryError",
    "compose",
    "html_fragment",
    "load",
    "prepare",
    "render_html",
    "render_pdf",
    "style",
    "write_briefs",
]
