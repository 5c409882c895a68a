"""Figures about the data themselves: coverage, revisions, chained releases, kinds of figures.

Like those of ``figures``, they take frames and return a matplotlib figure.
"""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import CompendiumError
from analysis.report.figures import FAINT, LINESTYLES, MARKERS, PALETTE, sequential

_BLANK = "#f1f2f4"
_ACROSS = 3


def coverage_grid(shares: Mapping[str, pd.DataFrame], *, label: str) -> Figure:
    """Several heat maps of per cent side by side, on the same rows and the same years.

    shares: title → frame (rows × years, 0 to 100), all with the same index and columns; missing
    cells are left blank. label: of the colour scale.
    """
    if not shares:
        raise CompendiumError("coverage_grid: no frame to draw")
    rows, years = next((frame.index, frame.columns) for frame in shares.values())
    down = -(-len(shares) // _ACROSS)
    figure, grid = plt.subplots(
        down,
        _ACROSS,
        figsize=(7.6, 1.0 + down * (0.5 + 0.115 * max(len(rows), 6))),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for axes, (title, frame) in zip(grid.flat, shares.items(), strict=False):
        if not (frame.index.equals(rows) and frame.columns.equals(years)):
            raise CompendiumError(f"coverage_grid: '{title}' has other rows or years")
        image = axes.imshow(
            np.ma.masked_invalid(frame.to_numpy(dtype=float)),
            cmap=sequential(),
            aspect="auto",
            interpolation="nearest",
            vmin=0,
            vmax=100,
        )
        axes.set_facecolor(_BLANK)
        axes.set_title(title, fontsize=8)
        axes.tick_params(length=0, labelsize=7)
        axes.tick_params(axis="x", rotation=90)
        axes.spines[:].set_visible(False)
        if len(rows) > 8:
            axes.tick_params(axis="y", labelsize=6)
    step = max(1, round(len(years) / 7))
    grid[0, 0].set_yticks(range(len(rows)), list(rows))  # shared by all the others
    grid[0, 0].set_xticks(range(0, len(years), step), list(years)[::step])
    for axes in list(grid.flat)[len(shares) :]:
        axes.set_axis_off()
    bar = figure.colorbar(image, ax=grid, location="bottom", shrink=0.45, aspect=45, pad=0.02)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(length=0, labelsize=7)
    bar.outline.set_visible(False)
    return figure


def revision_lines(
    panels: Mapping[str, Mapping[str, pd.DataFrame]], *, xlabels: Mapping[str, str]
) -> Figure:
    """Median (filled) and 90th percentile (hollow) of absolute revisions, one panel per figure.

    panels: title → legend entry → summary as ``panel.quality.revision_summary`` returns, its first
    column on the horizontal axis. xlabels: title → label of that axis.
    """
    if not panels:
        raise CompendiumError("revision_lines: no revision to draw")
    figure, grid = plt.subplots(1, len(panels), figsize=(3.8 * len(panels), 3.4), squeeze=False)
    for axes, (title, lines) in zip(grid.flat, panels.items(), strict=True):
        for i, (entry, size) in enumerate(lines.items()):
            x = size.iloc[:, 0]
            look = {"color": PALETTE[i], "linestyle": LINESTYLES[i], "marker": MARKERS[i]}
            axes.plot(x, size["median_abs"], ms=4, label=f"median, {entry}", **look)
            axes.plot(x, size["p90_abs"], ms=4, mfc="white", label=f"nine in ten, {entry}", **look)
        axes.set(xlabel=xlabels[title], ylabel="Absolute distance, %", title=title)
        axes.set_ylim(0, axes.get_ylim()[1] * (1.0 + 0.07 * 2 * len(lines)))
        _whole_numbers(axes, pd.concat([size.iloc[:, 0] for size in lines.values()]))
        axes.grid(axis="y")
        axes.legend(loc="upper center", ncols=len(lines), fontsize=7, columnspacing=1.0)
    return figure


def chain_plot(
    older: pd.DataFrame, newer: pd.DataFrame, chained: pd.DataFrame, *, ylabel: str
) -> Figure:
    """Two releases of a few territories and the series chained from them.

    older, newer, chained: territory × year, at most five territories in the same order.
    """
    if len(newer) > len(MARKERS):
        raise CompendiumError(f"chain_plot: {len(newer)} territories; at most {len(MARKERS)}")
    figure, axes = plt.subplots(figsize=(7.0, 4.2))
    for i, name in enumerate(newer.index):
        colour, marker = PALETTE[i], MARKERS[i]
        chain, old, new = (f.loc[name].dropna() for f in (chained, older, newer))
        axes.plot(chain.index, chain, "-", color=colour, marker="", lw=3.5, alpha=0.25)
        axes.plot(old.index, old, ":", color=colour, marker=marker, mfc="white", lw=1)
        axes.plot(new.index, new, "-", color=colour, marker=marker, lw=1, label=name)
    axes.set(xlabel="Year", ylabel=ylabel, ylim=(0, None))
    _whole_numbers(axes, chained.dropna(axis=1, how="all").columns)
    axes.grid(axis="y")
    _key_of_releases(axes)
    return figure


def _key_of_releases(axes: Axes) -> None:
    """Legend of the territories, and of what filled, hollow and broad mean."""
    axes.plot([], [], "-o", color="0.4", lw=1, label="newer release")
    axes.plot([], [], ":o", color="0.4", mfc="white", lw=1, label="older release")
    axes.plot([], [], "-", color="0.4", marker="", lw=3.5, alpha=0.3, label="chain")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _whole_numbers(axes: Axes, values: pd.Index | pd.Series) -> None:
    """Ticks on whole years only, also where there are one or two of them."""
    low, high = int(values.min()), int(values.max())
    step = max(1, -(-(high - low) // 8))
    axes.set_xticks(range(low, high + 1, step))
    axes.set_xlim(low - 0.6, high + 0.6)


def stacked_bars(
    counts: pd.DataFrame, *, ylabel: str, xlabel: str = "Year", missing: str | None = None
) -> Figure:
    """Stacked bars by year, light to dark in the order of the columns.

    counts: year × kind. missing: the column drawn as an empty hatched bar.
    """
    kinds = [kind for kind in counts.columns if kind != missing]
    shades = sequential()(np.linspace(0.05, 1, max(len(kinds), 2)))
    colours: dict[object, object] = dict(zip(kinds, shades, strict=False))
    figure, axes = plt.subplots(figsize=(7.4, 3.4))
    bottom = np.zeros(len(counts))
    for kind in counts.columns:
        empty = kind == missing
        axes.bar(
            counts.index,
            counts[kind],
            bottom=bottom,
            width=0.86,
            color="white" if empty else colours[kind],
            hatch="////" if empty else None,
            edgecolor=FAINT if empty else "white",
            linewidth=0.2,
            label=kind,
        )
        bottom += counts[kind].to_numpy(dtype=float)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    _whole_numbers(axes, counts.index)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), reverse=True)
    return figure
