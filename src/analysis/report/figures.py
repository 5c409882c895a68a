"""Figures in one style: readable in grey, units on the axes, the same bytes every time.

Every function takes arrays or frames and returns a matplotlib figure; ``Output.figure`` writes it
with its caption, alternative text and source line. Colours come from one ordered palette whose
lightness falls steadily, and series differ in marker and line style as well.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis import CompendiumError
from analysis.models import event_times

if TYPE_CHECKING:
    from analysis.models import Estimates

# Dark to light: equal steps of lightness, told apart in grey print and by colour-blind readers.
PALETTE = ("#1b2a49", "#a32f24", "#3a8f86", "#c98a2b", "#a9b8cc")
MARKERS = ("o", "s", "^", "D", "v")
LINESTYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
INK, MUTED, FAINT = "#1b2a49", "#6b7280", "#c9ced6"


def theme() -> None:
    """Set the project's style for every figure drawn after it."""
    sns.set_theme(
        context="notebook",
        style="ticks",
        palette=list(PALETTE),
        rc={
            "font.family": "DejaVu Sans",  # shipped with matplotlib, so the same everywhere
            "font.size": 9,
            "axes.titlesize": 10,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.labelsize": 9,
            "axes.labelcolor": INK,
            "axes.edgecolor": MUTED,
            "axes.linewidth": 0.6,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.unicode_minus": True,
            "axes.prop_cycle": cycler(color=PALETTE, marker=MARKERS, linestyle=LINESTYLES),
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "xtick.major.width": 0.6,
            "ytick.major.width": 0.6,
            "xtick.major.size": 3,
            "ytick.major.size": 3,
            "grid.color": FAINT,
            "grid.linewidth": 0.4,
            "lines.linewidth": 1.4,
            "lines.markersize": 4.5,
            "legend.frameon": False,
            "legend.fontsize": 8,
            "legend.title_fontsize": 8,
            "figure.figsize": (7.0, 4.2),
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "svg.fonttype": "path",
            "svg.hashsalt": "compendium",
        },
    )


def coefficient_plot(
    models: Mapping[str, "Estimates | pd.DataFrame"],
    *,
    xlabel: str,
    terms: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    title: str = "",
) -> Figure:
    """Estimates and 95 % intervals, terms down the side, one marker per model.

    ``models`` maps legend entries to estimates or to frames with the columns ``term, estimate,
    ci_low, ci_high``. ``terms`` chooses and orders the terms (all, by default).
    """
    frames = {heading: _coefficients(model) for heading, model in models.items()}
    shown = list(terms or dict.fromkeys(t for f in frames.values() for t in f["term"]))
    labels = labels or {}
    height = 1.2 + 0.32 * len(shown) * max(1.0, 0.6 * len(frames))
    figure, axes = plt.subplots(figsize=(7.0, height))
    offsets = _dodge(len(frames))
    for i, (heading, frame) in enumerate(frames.items()):
        rows = frame[frame["term"].isin(shown)]
        at = np.array([shown.index(t) for t in rows["term"]]) + offsets[i]
        _intervals(axes, rows, at, i, heading, horizontal=True)
    axes.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(shown)), [labels.get(t, t) for t in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set(xlabel=f"{xlabel} (bars: 95 % confidence interval)", title=title)
    if len(frames) > 1:
        _legend_outside(axes)
    return figure


def event_study_plot(
    models: Mapping[str, "Estimates | pd.DataFrame"],
    *,
    ylabel: str,
    xlabel: str = "Years since the event",
    reference: int = -1,
    title: str = "",
) -> Figure:
    """Effects by relative time with 95 % intervals; the reference period is drawn at zero.

    ``models`` maps legend entries to the estimates of an event study, or to frames with the columns
    ``event_time, estimate, ci_low, ci_high`` in the order of time.
    """
    figure, axes = plt.subplots()
    offsets = _dodge(len(models))
    for i, (heading, model) in enumerate(models.items()):
        rows = model if isinstance(model, pd.DataFrame) else event_times(model, reference)
        require_columns(rows, ["event_time", "estimate", "ci_low", "ci_high"], "event_study_plot")
        at = rows["event_time"].to_numpy() + offsets[i]
        axes.plot(at, rows["estimate"], color=PALETTE[i % 5], lw=0.8, marker="", alpha=0.7)
        _intervals(axes, rows, at, i, heading, horizontal=False)
    axes.axhline(0, color=MUTED, linewidth=0.8, zorder=0)
    axes.axvline(reference + 0.5, color=MUTED, linewidth=0.8, linestyle=":", zorder=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=16))
    axes.grid(axis="y")
    axes.set(
        xlabel=f"{xlabel} (reference: {minus(reference)})", ylabel=_wrapped(ylabel), title=title
    )
    if len(models) > 1:
        _legend_outside(axes)
    return figure


def binned_scatter(
    x: "pd.Series | np.ndarray",
    y: "pd.Series | np.ndarray",
    *,
    xlabel: str,
    ylabel: str,
    controls: "pd.DataFrame | np.ndarray | None" = None,
    bins: int = 20,
    title: str = "",
) -> Figure:
    """Means of ``y`` in equal-count bins of ``x`` over the raw points, with the linear fit.

    With ``controls`` (shape n × k) both variables are first residualised on them and their means
    added back (Frisch-Waugh-Lovell), so the line's slope is the multiple-regression coefficient.
    Rows with a missing value are left out; the number used is printed in the figure.
    """
    xs, ys = _complete(x, y, controls)
    figure, axes = plt.subplots()
    axes.plot(xs, ys, "o", color=FAINT, markersize=2, alpha=0.6, rasterized=len(xs) > 2000)
    means = _bin_means(xs, ys, bins)
    axes.plot(means["x"], means["y"], MARKERS[0], color=PALETTE[0], ms=5.5, label="bin mean")
    slope, intercept = np.polyfit(xs, ys, 1)
    ends = np.array([xs.min(), xs.max()])
    line = f"linear fit: slope {slope:.3g}".replace("-", "−")
    axes.plot(ends, intercept + slope * ends, "--", color=PALETTE[1], marker="", label=line)
    low, high = np.quantile(ys, [0.005, 0.995])
    pad = 0.1 * (high - low)
    axes.set_ylim(low - pad, high + pad)
    axes.set(xlabel=xlabel, ylabel=_wrapped(ylabel), title=title)
    axes.legend(title=f"{len(xs):,} observations, {len(means)} bins")
    return figure


def regression_discontinuity_plot(
    running: "pd.Series | np.ndarray",
    outcome: "pd.Series | np.ndarray",
    *,
    xlabel: str,
    ylabel: str,
    cutoff: float = 0.0,
    bandwidth: float | None = None,
    bins: int = 20,
    order: int = 1,
    title: str = "",
) -> Figure:
    """Bin means either side of a cutoff, with a polynomial fitted on each side.

    ``bins`` equal-count bins per side; marker area grows with the number of observations.
    ``bandwidth`` restricts the fits (triangular weights) and is shaded; without it they use all
    observations equally.
    """
    xs, ys = _complete(running, outcome, None)
    figure, axes = plt.subplots()
    for side, inside in enumerate((xs < cutoff, xs >= cutoff)):
        if inside.sum() < order + 2:
            raise CompendiumError(
                f"regression discontinuity: only {int(inside.sum())} observations "
                f"{'below' if side == 0 else 'at or above'} the cutoff {cutoff:g}; "
                f"a fit of order {order} needs {order + 2}"
            )
        _one_side(axes, xs[inside], ys[inside], side, cutoff, bandwidth, bins, order)
    axes.axvline(cutoff, color=MUTED, linewidth=1.0, linestyle=":")
    if bandwidth is not None:
        axes.axvspan(cutoff - bandwidth, cutoff + bandwidth, color=FAINT, alpha=0.25, lw=0)
    axes.set(xlabel=xlabel, ylabel=_wrapped(ylabel), title=title)
    axes.legend()
    return figure


def heatmap(
    coverage: pd.DataFrame,
    *,
    label: str,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    vmin: float | None = None,
    vmax: float | None = None,
    annotate: str | None = None,
) -> Figure:
    """A frame as a grid of shades, rows down and columns across; missing cells are hatched.

    ``label`` names the quantity and its unit beside the colour scale; ``annotate`` is a format
    spec for numbers printed in the cells.
    """
    rows, columns = coverage.shape
    figure, axes = plt.subplots(figsize=(7.4, 1.1 + 0.22 * max(rows, 6)))
    values = np.ma.masked_invalid(coverage.to_numpy(dtype=float))
    axes.add_patch(
        plt.Rectangle(
            (-0.5, -0.5), columns, rows, fill=False, hatch="////", ec=FAINT, lw=0, zorder=-1
        )
    )
    image = axes.imshow(values, cmap=sequential(), aspect="auto", vmin=vmin, vmax=vmax)
    step = max(1, round(columns / 24))
    axes.set_xticks(range(0, columns, step), [str(c) for c in coverage.columns[::step]])
    axes.tick_params(axis="x", rotation=90 if columns > 12 else 0)
    axes.set_yticks(range(rows), [str(r) for r in coverage.index])
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(-0.5, columns), minor=True)
    axes.set_yticks(np.arange(-0.5, rows), minor=True)
    axes.grid(which="minor", color="white", linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if annotate is not None:
        _annotate_cells(axes, values, image, annotate)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02, label=label)
    bar.outline.set_visible(False)
    axes.set(xlabel=xlabel, ylabel=_wrapped(ylabel), title=title)
    return figure


# ---------------------------------------------------------------- parts of figures


def sequential() -> Colormap:
    """Light to dark in steady steps of lightness, so that grey print keeps the order."""
    full = sns.color_palette("mako_r", as_cmap=True)
    return ListedColormap(full(np.linspace(0.1, 0.95, 256)))  # the ends drown in paper and ink


def _coefficients(model: Any) -> pd.DataFrame:
    frame = model if isinstance(model, pd.DataFrame) else model.coefficients
    require_columns(frame, ["estimate", "ci_low", "ci_high"], "estimates")
    return frame


def require_columns(frame: pd.DataFrame, columns: Sequence[str], where: str) -> None:
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise CompendiumError(
            f"{where}: the frame lacks the columns {', '.join(missing)}; "
            f"it has {', '.join(map(str, frame.columns))}"
        )


def _dodge(n: int) -> np.ndarray:
    """Offsets that set ``n`` series side by side within half a step."""
    return (np.arange(n) - (n - 1) / 2) * 0.5 / n


def _intervals(
    axes: Axes, rows: pd.DataFrame, at: np.ndarray, i: int, heading: str, *, horizontal: bool
) -> None:
    estimate = rows["estimate"].to_numpy()
    bars = np.vstack([estimate - rows["ci_low"], rows["ci_high"] - estimate])
    look: dict[str, Any] = {
        "fmt": MARKERS[i % 5],
        "color": PALETTE[i % 5],
        "elinewidth": 1.2,
        "capsize": 0,
    }
    if horizontal:
        axes.errorbar(estimate, at, xerr=bars, label=heading, **look)
    else:
        axes.errorbar(at, estimate, yerr=bars, label=heading, **look)


def _legend_outside(axes: Axes) -> None:
    """The legend between the plot and its title."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2)
    axes.set_title(axes.get_title(loc="left"), pad=24)


def _wrapped(label: str) -> str:
    """An axis label on lines that fit the height of a figure."""
    return "\n".join(textwrap.fill(line, 48) for line in label.split("\n"))


def minus(number: float) -> str:
    return f"{number:g}".replace("-", "−")


def _complete(x: Any, y: Any, controls: Any) -> tuple[np.ndarray, np.ndarray]:
    """Complete rows of both variables, residualised on the controls when there are any."""
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if xs.shape != ys.shape or xs.ndim != 1:
        raise CompendiumError(f"x and y must be equally long vectors: {xs.shape}, {ys.shape}")
    others = np.empty((len(xs), 0)) if controls is None else np.asarray(controls, dtype=float)
    others = others.reshape(len(xs), -1)
    keep = np.isfinite(xs) & np.isfinite(ys) & np.isfinite(others).all(axis=1)
    if keep.sum() < 3:
        raise CompendiumError(f"only {int(keep.sum())} complete observations to draw; 3 needed")
    xs, ys, others = xs[keep], ys[keep], others[keep]
    if others.shape[1] == 0:
        return xs, ys
    design = np.column_stack([np.ones(len(xs)), others])
    both = np.column_stack([xs, ys])
    residuals = both - design @ np.linalg.lstsq(design, both, rcond=None)[0] + both.mean(axis=0)
    return residuals[:, 0], residuals[:, 1]


def _bin_means(xs: np.ndarray, ys: np.ndarray, bins: int) -> pd.DataFrame:
    """Means of x and y and counts ``n`` in bins of (nearly) equal count."""
    edges = np.unique(np.quantile(xs, np.linspace(0, 1, min(bins, len(xs)) + 1)))
    bin_of = np.clip(np.searchsorted(edges, xs) - 1, 0, None)  # equal values share a bin
    grouped = pd.DataFrame({"x": xs, "y": ys}).groupby(bin_of)
    return grouped.mean().assign(n=grouped.size())


def _one_side(
    axes: Axes,
    xs: np.ndarray,
    ys: np.ndarray,
    side: int,
    cutoff: float,
    bandwidth: float | None,
    bins: int,
    order: int,
) -> None:
    means = _bin_means(xs, ys, bins)
    name = ("below", "at or above")[side]
    axes.scatter(
        means["x"],
        means["y"],
        s=14 + 30 * means["n"] / means["n"].max(),
        marker=MARKERS[side],
        color=PALETTE[side],
        label=f"bin mean, {name} ({len(xs):,} observations)",
        zorder=3,
    )
    weights = np.ones(len(xs))
    if bandwidth is not None:
        weights = np.clip(1 - np.abs(xs - cutoff) / bandwidth, 0, None)
    used = weights > 0
    if used.sum() < order + 2:
        raise CompendiumError(
            f"regression discontinuity: {int(used.sum())} observations {name} the cutoff within "
            f"the bandwidth {bandwidth:g}; a fit of order {order} needs {order + 2}"
        )
    # polyfit squares its weights
    fit = np.polyfit(xs[used] - cutoff, ys[used], order, w=np.sqrt(weights[used]))
    far = xs[used].min() if side == 0 else xs[used].max()
    grid = np.linspace(far, cutoff, 60)
    axes.plot(
        grid,
        np.polyval(fit, grid - cutoff),
        LINESTYLES[side],
        marker="",
        lw=1.8,
        color=PALETTE[side],
    )


def _annotate_cells(axes: Axes, values: np.ma.MaskedArray, image: Any, spec: str) -> None:
    for (i, j), value in np.ma.ndenumerate(values):  # passes masked cells over
        dark = np.dot(image.cmap(image.norm(value))[:3], (0.299, 0.587, 0.114)) < 0.5
        axes.text(
            j,
            i,
            format(value, spec).replace("-", "−"),
            ha="center",
            va="center",
            fontsize=7,
            color="white" if dark else INK,
        )
