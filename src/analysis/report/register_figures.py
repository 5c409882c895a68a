"""All claims on one page: their curves, their errors, and what single countries do to them.

The frames are those of :mod:`analysis.claims.robustness`. The claimed side is to the right, or
positive, everywhere.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, SymLogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike, NDArray
from scipy.stats import gaussian_kde

from analysis import CompendiumError
from analysis.claims.evidence import KINDS
from analysis.claims.robustness import Z95
from analysis.report.figures import FAINT, INK, MARKERS, MUTED, PALETTE, require_columns
from analysis.report.specification_curve import VERDICTS

Floats = NDArray[np.float64]

#: Where the axis of standardised effects turns from linear to logarithmic, and where it ends.
LINEAR, WIDEST = 4.0, 30.0
#: Distance, in smallest sizes that matter, beyond which an interval is cut off.
WIDEST_INTERVAL = 100.0
MOST_COUNTRIES = 36
_GRID = 400
#: Colour and marker of each kind of inference; told apart in grey by the marker.
_KIND_MARKS = tuple(zip((*PALETTE[:4], MUTED, "#8a5a83"), (*MARKERS, "P"), strict=True))


def curves_plot(z_values: Mapping[str, Floats], headlines: Mapping[str, float]) -> Figure:
    """A ridge per claim of its standardised effects, beside the shares by sign and significance.

    ``z_values``: by claim, what :func:`analysis.claims.robustness.z_values` gives.
    ``headlines``: the same of each headline, drawn as a diamond. The axis is linear up to
    four standard errors and logarithmic beyond; ridges are scaled to the same height.

    Raises CompendiumError when there is no curve.
    """
    drawn = {name: values for name, values in z_values.items() if len(values)}
    if not drawn:
        raise CompendiumError("no claim has a curve: there is nothing to draw")
    figure, (left, right) = plt.subplots(
        ncols=2, figsize=(8.4, 1.5 + 0.36 * len(drawn)), width_ratios=[3.2, 1], sharey=True
    )
    left.axvspan(-Z95, Z95, color=FAINT, alpha=0.35, lw=0, zorder=0)
    left.axvline(0, color=INK, lw=0.7, zorder=0)
    for place, (name, values) in enumerate(drawn.items()):
        _ridge(left, values, place)
        _ridge_marks(left, values, headlines.get(name, np.nan), place)
        _shares(right, values, place)
    labels = [f"{name}  ({len(values):,})" for name, values in drawn.items()]
    left.set_yticks(range(len(drawn)), labels)
    left.set_ylim(len(drawn) - 0.4, -1.05)
    limit = float(_squeezed(max(float(np.abs(values).max()) for values in drawn.values())))
    left.set_xlim(-limit - 0.7, limit + 0.7)
    ticks = np.array([-30, -10, -4, -2, 0, 2, 4, 10, 30])
    ticks = ticks[np.abs(_squeezed(ticks)) <= limit]
    left.set_xticks(_squeezed(ticks), [f"{tick}".replace("-", "−") for tick in ticks])
    left.set_xlabel("Effect over its standard error, the claimed side to the right")
    left.tick_params(axis="y", length=0)
    right.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    right.set(xlim=(0, 1), xlabel="Specifications")
    right.tick_params(axis="y", length=0)
    _curves_legend(figure, left)
    return figure


def _squeezed(z: ArrayLike) -> Floats:
    """Linear to ``LINEAR``, then logarithmic, joined with the same slope; cut at ``WIDEST``."""
    size = np.minimum(np.abs(z), WIDEST)
    beyond = LINEAR * (1 + np.log(np.maximum(size, LINEAR) / LINEAR))
    return np.asarray(np.sign(z) * np.where(size <= LINEAR, size, beyond), dtype=np.float64)


def _ridge(axes: Axes, values: Floats, place: int) -> None:
    """Density of the squeezed values, coloured by side; a stem when they are all the same."""
    at = _squeezed(values)
    if len(at) < 3 or np.ptp(at) < 1e-9:
        axes.plot([at.mean()] * 2, [place, place - 0.8], color=PALETTE[0], lw=1.2, marker="")
        return
    smooth = gaussian_kde(at)
    margin = 3 * float(np.sqrt(smooth.covariance[0, 0]))
    line = np.linspace(at.min() - margin, at.max() + margin, _GRID)
    density = smooth(line)
    height = place - 0.86 * density / density.max()
    for side, colour in ((line >= 0, PALETTE[4]), (line <= 0, "#e3b7a5")):
        axes.fill_between(line, place, height, where=side, color=colour, lw=0, zorder=2)
    for side, colour in ((line >= Z95, PALETTE[0]), (line <= -Z95, PALETTE[1])):
        axes.fill_between(line, place, height, where=side, color=colour, lw=0, zorder=2)
    axes.plot(line, height, color=INK, lw=0.7, ls="-", marker="", zorder=3)


def _ridge_marks(axes: Axes, values: Floats, headline: float, place: int) -> None:
    low, median, high = _squeezed(np.quantile(values, [0.05, 0.5, 0.95]))
    axes.plot([low, high], [place + 0.07] * 2, color=INK, lw=1.3, ls="-", marker="", zorder=4)
    axes.plot([median], [place + 0.07], marker="|", color=INK, ms=8, mew=1.6, ls="", zorder=5)
    if np.isfinite(headline):
        axes.plot(
            [float(_squeezed(headline))], [place + 0.07], marker="D", ms=4, ls="", zorder=6,
            markerfacecolor="white", markeredgecolor=INK,
        )  # fmt: skip


def _shares(axes: Axes, values: Floats, place: int) -> None:
    """Stacked shares in the order and colours of a specification curve."""
    parts = (values > Z95, (values > 0) & (values <= Z95), (values <= 0) & (values >= -Z95))
    shares = [float(part.mean()) for part in (*parts, values < -Z95)]
    start = 0.0
    for share, colour in zip(shares, VERDICTS.values(), strict=True):
        axes.barh(place - 0.25, share, left=start, height=0.5, color=colour, lw=0)
        start += share


def _curves_legend(figure: Figure, axes: Axes) -> None:
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in VERDICTS.values()]
    names = [*VERDICTS, "median, and 5 to 95 %", "headline"]
    line = plt.Line2D([], [], color=INK, lw=1.3, marker="|", ms=8, mew=1.6, ls="-")
    mark = plt.Line2D([], [], marker="D", ms=4, ls="", markerfacecolor="white", markeredgecolor=INK)
    figure.legend([*handles, line, mark], names, loc="outside upper left", ncols=3, fontsize=7.5)


def inference_plot(table: pd.DataFrame) -> Figure:
    """Intervals of each headline by kind of inference, in smallest sizes that matter.

    ``table``: ``id, kind, scaled, scaled_low, scaled_high`` of
    :func:`analysis.claims.robustness.inference_table`. Linear between -1 and 1, where nothing
    matters (grey), and logarithmic beyond.
    """
    require_columns(table, ["id", "kind", "scaled", "scaled_low", "scaled_high"], "inference_plot")
    claims = list(dict.fromkeys(table["id"]))
    if not claims:
        raise CompendiumError("no claim has other kinds of inference: there is nothing to draw")
    kinds = [kind for kind in KINDS if kind in set(table["kind"])]
    figure, axes = plt.subplots(figsize=(7.6, 1.3 + (0.16 + 0.085 * len(kinds)) * len(claims)))
    axes.axvspan(-1, 1, color=FAINT, alpha=0.5, lw=0)
    axes.axvline(0, color=INK, lw=0.7)
    offsets = np.linspace(-0.3, 0.3, len(kinds)) if len(kinds) > 1 else np.zeros(1)
    for number, (kind, offset) in enumerate(zip(kinds, offsets, strict=True)):
        part = table[table["kind"] == kind]
        at = np.array([claims.index(name) for name in part["id"]]) + offset
        colour, marker = _KIND_MARKS[number % len(_KIND_MARKS)]
        low, high = (
            part[end].fillna(sign * np.inf).clip(-WIDEST_INTERVAL, WIDEST_INTERVAL)
            for end, sign in (("scaled_low", -1), ("scaled_high", 1))
        )
        axes.hlines(at, low, high, color=colour, lw=1.1)
        axes.plot(part["scaled"], at, marker, color=colour, ms=3.4, ls="", label=KINDS[kind])
    widest = table[["scaled_low", "scaled_high"]].abs().replace(np.inf, np.nan).max(axis=None)
    _smallest_sizes(axes, float(np.nan_to_num(widest, nan=WIDEST_INTERVAL)))
    for place in range(1, len(claims)):
        axes.axhline(place - 0.5, color=FAINT, lw=0.5)
    axes.set_yticks(range(len(claims)), claims)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(claims) - 0.5, -0.5)
    axes.set_xlabel("Headline and 95 % interval; the smallest size that matters = 1")
    figure.legend(loc="outside upper left", ncols=3)
    return figure


def _smallest_sizes(axes: Axes, widest: float) -> None:
    axes.set_xscale("symlog", linthresh=1)
    limit = 1.15 * min(WIDEST_INTERVAL, max(3.0, widest))
    steps = [step for step in (1, 3, 10, 30, 100) if step <= limit]
    ticks = [*(-step for step in reversed(steps)), 0, *steps]
    axes.set_xticks(ticks, [f"{tick}".replace("-", "−") for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlim(-limit, limit)


def influence_plot(influence: pd.DataFrame) -> Figure:
    """Claims by countries: how far each headline moves, in its standard errors, without a country.

    ``influence``: ``id, country, moved, turned`` of
    :func:`analysis.claims.robustness.influence_table`. A ring marks a sign that turns; a cell is
    hatched where the country is not in the sample. Countries are ordered by their largest effect,
    the first 36 shown.
    """
    require_columns(influence, ["id", "country", "moved", "turned"], "influence_plot")
    if influence.empty:
        raise CompendiumError("no claim has been estimated without each country")
    wide = influence.pivot(index="id", columns="country", values="moved")
    wide = wide.reindex(index=list(dict.fromkeys(influence["id"])))
    order = wide.abs().max().sort_values(ascending=False, kind="stable").index
    wide = wide[order[:MOST_COUNTRIES]]
    figure, axes = plt.subplots(
        figsize=(max(4.5, 1.4 + 0.235 * wide.shape[1]), 1.5 + 0.26 * len(wide))
    )
    shades = LinearSegmentedColormap.from_list("sides", [PALETTE[1], "#f7f5f2", PALETTE[0]])
    largest = max(1.0, float(wide.abs().max(axis=None)))
    norm = SymLogNorm(linthresh=0.25, vmin=-largest, vmax=largest)
    axes.add_patch(
        plt.Rectangle((0, 0), wide.shape[1], len(wide), fill=False, hatch="////", ec=FAINT, lw=0)
    )
    image = axes.pcolormesh(
        np.ma.masked_invalid(wide.to_numpy(float)), cmap=shades, norm=norm,
        edgecolors="white", linewidth=0.6,
    )  # fmt: skip
    turned = influence[influence["turned"].astype(bool) & influence["country"].isin(wide.columns)]
    for row in turned.itertuples():
        place = wide.columns.get_loc(row.country) + 0.5, wide.index.get_loc(row.id) + 0.5
        axes.plot(*place, "o", ms=4.5, markerfacecolor="none", markeredgecolor="white", mew=2.4)
        axes.plot(*place, "o", ms=4.5, markerfacecolor="none", markeredgecolor=INK, mew=1.1)
    axes.set_xticks(np.arange(wide.shape[1]) + 0.5, list(wide.columns), fontsize=6.5)
    axes.set_yticks(np.arange(len(wide)) + 0.5, list(wide.index))
    axes.tick_params(length=0)
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    ticks = [tick for tick in (-5, -2, -1, -0.5, 0, 0.5, 1, 2, 5) if abs(tick) <= largest]
    bar = figure.colorbar(image, ax=axes, ticks=ticks, pad=0.02, aspect=14)
    bar.ax.set_yticklabels([f"{tick:+g}".replace("-", "−") if tick else "0" for tick in ticks])
    bar.ax.minorticks_off()
    bar.set_label("Change in standard errors", fontsize=8)
    bar.outline.set_visible(False)
    hidden = len(order) - wide.shape[1]
    rest = f"; {hidden} that move every claim less are not shown" if hidden else ""
    axes.set_xlabel(f"Country left out (ring: the sign turns{rest})")
    return figure


def corrections_plot(table: pd.DataFrame, columns: Sequence[str]) -> Figure:
    """p-values of the headlines, one mark per correction, on a logarithmic axis.

    ``table`` has ``id`` and one column per correction, named as they are to be shown.
    """
    require_columns(table, ["id", *columns], "corrections_plot")
    if table.empty:
        raise CompendiumError("no claims have been tested together")
    figure, axes = plt.subplots(figsize=(7.0, 1.4 + 0.24 * len(table)))
    at = np.arange(len(table))
    axes.axvline(0.05, color=MUTED, lw=0.8, ls="--")
    values = table[list(columns)].astype(float).clip(lower=1e-4)
    axes.hlines(at, values.min(axis=1), values.max(axis=1), color=FAINT, lw=1.2)
    for number, column in enumerate(columns):
        colour, marker = PALETTE[number % 5], MARKERS[number % 5]
        face = colour if number else "white"
        axes.plot(
            values[column], at, marker, ls="", ms=5, color=colour, markerfacecolor=face,
            label=column, zorder=3,
        )  # fmt: skip
    axes.set_xscale("log")
    least = min(0.05, float(values.min(axis=None)))
    ticks = [tick for tick in (0.0001, 0.001, 0.01, 0.05, 0.2, 1) if tick >= least / 3]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_yticks(at, table["id"])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlabel("p-value, as it stands and corrected for the number of claims")
    figure.legend(loc="outside upper left", ncols=3)
    return figure
