"""A figure of how far a new release of a dataset revised the earlier one."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from analysis.languages import catalogue
from analysis.report.figures import heatmap
from analysis.sources.revisions import Revisions, median_change, shares


def revision_figure(revised: Revisions, dataset: str, lang: str) -> Figure:
    """Heat map, country × year, of the median absolute relative change in per cent.

    The medians are over all figures that stand in both releases; cells without any are hatched.
    The shades end at the 95th percentile of the cells, so that one outlier does not bleach them.
    """
    words = catalogue("refresh", lang)
    title = words.text("figure.title", dataset=dataset)
    grid = 100 * median_change(revised)
    if grid.empty:
        figure, axes = plt.subplots()
        axes.text(0.5, 0.5, words.text("figure.none"), ha="center", va="center")
        axes.set_axis_off()
        axes.set_title(title)
        return figure
    top = float(grid.stack().quantile(0.95))
    return heatmap(
        grid,
        label=words.text("figure.scale"),
        xlabel=words.text("figure.year"),
        ylabel=words.text("figure.country"),
        title=title,
        vmin=0.0,
        vmax=top if top > 0 else 1.0,
    )


def revision_sentence(revised: Revisions, dataset: str, lang: str) -> str:
    """One sentence: the shares of figures changed and withdrawn, and how many are new."""
    words = catalogue("refresh", lang)
    counts = {kind: words.number(count) for kind, count in revised.counts.items()}
    if revised.before == 0:
        return words.text("summary.empty", dataset=dataset, new=counts["new"])
    share = {kind: words.percent(100 * s, decimals=1) for kind, s in shares(revised).items()}
    return words.text("summary", dataset=dataset, before=words.number(revised.before),
                      new=counts["new"], flag=counts["flag"], **share)  # fmt: skip


def revision_words(revised: Revisions, dataset: str, source: str, lang: str) -> dict[str, str]:
    """The caption, source line and alternative text of the figure."""
    words = catalogue("refresh", lang)
    grid = median_change(revised)
    return {
        "caption": revision_sentence(revised, dataset, lang),
        "source": source,
        "alt": words.text("figure.alt", countries=len(grid), years=grid.shape[1]),
    }
