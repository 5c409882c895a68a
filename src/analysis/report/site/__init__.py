"""The site: what people look at, as plain files that open from disk without a network.

:func:`build_site` makes it from finished runs alone. Every page is there in English and in French
(``en/``, ``fr/``); the papers themselves are English and say so. The same runs give the same bytes,
so neither times nor paths of this machine appear.

One module per kind of page: ``front`` (the question, the answer, the register), ``claim_pages``,
``territories``, ``explore`` (map and chart), ``study_pages``, ``data_page``, ``methods``,
``papers``; ``chrome`` is what all pages share and ``publish`` writes the files.
"""

from analysis.report.site.build import build_site

__all__ = ["build_site"]
