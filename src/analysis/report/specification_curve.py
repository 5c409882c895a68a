"""Specification curves: all estimates in order, over what each of them chose.

Every function takes the ``table`` of a curve (:attr:`analysis.robustness.curve.CurveResult.table`)
and returns a matplotlib figure. Up to ``POINTS`` specifications are drawn one by one; more of them
as ribbons and strips of density, so that a hundred thousand stay readable.
"""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from analysis import CompendiumError
from analysis.report.figures import FAINT, INK, MUTED, PALETTE, require_columns
from analysis.robustness.enumeration import WITH, varying_choices
from analysis.robustness.summary import LEVEL

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = Mapping[str, str]

POINTS = 300
FEW = 60
#: Places along the order of many specifications, at most and at least, and how many are in each.
STRIPS, FEWEST_STRIPS, PER_STRIP = 240, 40, 25
#: What a specification says of a hypothesis, with its colour; dark says "significant".
VERDICTS = {
    "hypothesised sign, significant at 5 %": PALETTE[0],
    "hypothesised sign": PALETTE[4],
    "opposite sign": "#e3b7a5",
    "opposite sign, significant at 5 %": PALETTE[1],
}
CHOICES = {
    "outcome": "Outcome",
    "focus": "Measure",
    "transform": "Transformation",
    "average": "Years averaged",
    "lag": "Lag (years)",
    "sample": "Sample",
    "weights": "Weights",
    "effects": "Fixed effects",
    "cluster": "Clusters",
    "estimator": "Estimator",
    "instruments": "Instruments",
    "controls": "Controls",
}
_NEEDED = ("effect", "effect_low", "effect_high", "p_value")


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the dashboard: a heading, or an option and where in the order it is chosen."""

    label: str
    chosen: Flags | None = None


def specification_curve_plot(
    table: pd.DataFrame,
    *,
    ylabel: str,
    sign: int = 1,
    labels: Labels | None = None,
    title: str = "",
) -> Figure:
    """Effects in ascending order with 95 % intervals, above a dashboard of the choices made.

    ``ylabel`` names the effect and its unit; ``sign`` is the hypothesised one; ``labels`` maps
    choices and options to printed names. At the right of the dashboard stands the median effect
    with each option. Specifications that could not be estimated are counted in the figure.

    Raises
    ------
    CompendiumError
        If the table lacks a column, or no specification was estimated.
    """
    ordered = _ordered(table, "specification_curve_plot")
    rows = _dashboard(ordered, labels or {})
    heights = [2.6, max(0.155 * len(rows), 0.2)]
    figure, (above, below) = plt.subplots(
        nrows=2, figsize=(7.4, 0.9 + sum(heights)), height_ratios=heights, sharex=True
    )
    if len(ordered) <= POINTS:
        _points(above, ordered, sign)
        _marks(below, rows)
    else:
        _ribbons(above, ordered, sign)
        _strips(below, rows, len(ordered))
    above.axhline(0, color=MUTED, linewidth=0.8, zorder=0)
    above.set(ylabel=textwrap.fill(ylabel, 36), title=title)
    above.tick_params(axis="x", length=0)
    above.grid(axis="y")
    _legend_above(above, _counted(table, ordered))
    _name_rows(below, rows, ordered["effect"].to_numpy())
    return figure


def effect_histogram(
    table: pd.DataFrame, *, xlabel: str, sign: int = 1, bins: int = 40, title: str = ""
) -> Figure:
    """Histogram of the effects, split by sign and significance; the legend gives the shares."""
    ordered = _ordered(table, "effect_histogram")
    verdicts = _verdicts(ordered, sign)
    effect = ordered["effect"].to_numpy()
    low, high = _inner_range(effect, 0.001)
    width = (max(high, 0.0) - min(low, 0.0)) / bins or 1.0
    # Zero is an edge, so that no bar holds both signs.
    edges = width * np.arange(np.floor(low / width), np.floor(high / width) + 2)
    names = list(VERDICTS)
    parts = [np.clip(effect[verdicts == place], low, high) for place in range(len(names))]
    shares = [
        f"{name}: {len(part) / len(effect):.0%}" for name, part in zip(names, parts, strict=True)
    ]
    figure, axes = plt.subplots(figsize=(7.0, 3.6))
    axes.hist(parts, bins=edges.tolist(), stacked=True, color=list(VERDICTS.values()), label=shares)
    axes.axvline(0, color=INK, linewidth=1.0)
    axes.axvline(float(np.median(effect)), color=INK, linewidth=1.0, linestyle=":", label="median")
    axes.set(xlabel=xlabel, ylabel="Specifications", title=title)
    _legend_above(axes, _counted(table, ordered))
    return figure


def importance_chart(
    importance: pd.DataFrame, *, labels: Labels | None = None, most: int = 20, title: str = ""
) -> Figure:
    """Bars of the share of variance each choice accounts for, the largest on top.

    ``importance`` as :func:`analysis.robustness.importance.importance` gives it. The hollow mark
    adds the interactions the choice takes part in (``total``).
    """
    require_columns(importance, ["choice", "share", "total"], "importance_chart")
    shown = importance.head(most)
    names = [_choice_label(choice, labels or {}) for choice in shown["choice"]]
    figure, axes = plt.subplots(figsize=(7.0, 1.1 + 0.27 * len(shown)))
    at = np.arange(len(shown))
    axes.barh(at, shown["share"], height=0.62, color=PALETTE[0], label="by itself")
    axes.plot(
        shown["total"], at, "D", markersize=4.5, markerfacecolor="white", color=PALETTE[1],
        label="with interactions",
    )  # fmt: skip
    axes.set_yticks(at, names)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(axis="x")
    axes.set(xlabel="Share of the variance of the effects over specifications", title=title)
    axes.legend(loc="lower right")
    return figure


def curve_data(table: pd.DataFrame, *, digits: int = 4) -> dict[str, Any]:
    """The curve as plain lists, in ascending order of effect, for a page that draws it.

    ``effect``, ``low``, ``high``, ``p`` to ``digits`` significant digits; ``choices`` is a list of
    ``{name, options, codes}`` with one code per specification; ``n_not_estimated`` counts the rest.
    Everything is JSON as it stands.
    """
    ordered = _ordered(table, "curve_data")
    columns = {"effect": "effect", "low": "effect_low", "high": "effect_high", "p": "p_value"}
    choices = []
    for choice in varying_choices(ordered):
        options = _options(ordered[choice])
        codes = pd.Categorical(ordered[choice], categories=options).codes
        choices.append(
            {"name": choice, "options": [str(o) for o in options], "codes": codes.tolist()}
        )
    return {
        **{name: _rounded(ordered[column].to_numpy(), digits) for name, column in columns.items()},
        "choices": choices,
        "n_not_estimated": len(table) - len(ordered),
    }


# ---------------------------------------------------------------- parts of figures


def _ordered(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Estimated specifications by effect; ties in the order of the table."""
    require_columns(table, list(_NEEDED), where)
    known = table[np.isfinite(table["effect"])]
    if known.empty:
        raise CompendiumError(f"{where}: none of the {len(table)} specifications was estimated")
    return known.sort_values("effect", kind="stable", ignore_index=True)


def _counted(table: pd.DataFrame, ordered: pd.DataFrame) -> str:
    missing = len(table) - len(ordered)
    text = f"{len(ordered):,} specifications"
    return text + (f" ({missing:,} more could not be estimated)" if missing else "")


def _verdicts(ordered: pd.DataFrame, sign: int) -> NDArray[np.int64]:
    """Place in ``VERDICTS`` of each specification; an effect of exactly zero counts as opposite."""
    right = (sign * ordered["effect"] > 0).to_numpy()
    significant = (ordered["p_value"] < LEVEL).to_numpy()
    return np.where(right, np.where(significant, 0, 1), np.where(significant, 3, 2))


def _points(axes: Axes, ordered: pd.DataFrame, sign: int) -> None:
    verdicts, at = _verdicts(ordered, sign), np.arange(len(ordered))
    for place, (name, colour) in enumerate(VERDICTS.items()):
        these = ordered[verdicts == place]
        if these.empty:
            continue
        where = at[verdicts == place]
        axes.vlines(
            where, these["effect_low"], these["effect_high"], color=colour, lw=0.9, zorder=1
        )
        axes.plot(
            where, these["effect"], linestyle="", marker="o" if place in (0, 3) else "s",
            markersize=2.6, color=colour, label=name, zorder=2,
        )  # fmt: skip


def _ribbons(axes: Axes, ordered: pd.DataFrame, sign: int) -> None:
    bins = _rank_bins(len(ordered))
    at = np.array([part.mean() for part in _split(np.arange(len(ordered)), bins)])
    at[[0, -1]] = 0, len(ordered) - 1
    low, high = (_split(ordered[c].to_numpy(), bins) for c in ("effect_low", "effect_high"))
    axes.fill_between(
        at, [np.nanquantile(part, 0.05) for part in low],
        [np.nanquantile(part, 0.95) for part in high],
        color=FAINT, alpha=0.5, lw=0, label="95 % intervals: nine in ten",
    )  # fmt: skip
    axes.fill_between(
        at, [np.nanmedian(part) for part in low], [np.nanmedian(part) for part in high],
        color=PALETTE[4], alpha=0.8, lw=0, label="95 % interval: the median one",
    )  # fmt: skip
    effect = ordered["effect"].to_numpy()
    axes.plot(np.arange(len(effect)), effect, color=INK, lw=1.4, marker="", label="effect")
    bounds = _inner_range(ordered[["effect_low", "effect_high"]].to_numpy().ravel(), 0.01)
    pad = 0.05 * (bounds[1] - bounds[0])
    axes.set_ylim(min(bounds[0], effect.min()) - 2 * pad, max(bounds[1], effect.max()) + pad)
    shares = np.bincount(_verdicts(ordered, sign), minlength=4) / len(ordered)
    for share, (name, colour) in zip(shares, VERDICTS.items(), strict=True):
        axes.plot([], [], "s", color=colour, label=f"{name}: {share:.0%}")
    _verdict_band(axes, _verdicts(ordered, sign), bins)


def _verdict_band(axes: Axes, verdicts: NDArray[np.int64], bins: NDArray[np.int64]) -> None:
    """A strip along the foot of the curve: which verdict prevails at each place in the order."""
    from matplotlib.colors import to_rgba

    colours = np.array([to_rgba(colour) for colour in VERDICTS.values()])
    shares = np.array(
        [np.bincount(part, minlength=4) / len(part) for part in _split(verdicts, bins)]
    )
    strip = axes.inset_axes((0, 0, 1, 0.035))
    strip.imshow((shares @ colours)[None], aspect="auto", extent=(0, 1, 0, 1))
    strip.set_axis_off()


def _dashboard(ordered: pd.DataFrame, labels: Labels) -> list[_Row]:
    """Headings and options of every choice that varies; of a control only that it is in."""
    rows: list[_Row] = []
    choices = varying_choices(ordered)
    for choice in (name for name in choices if not name.startswith(WITH)):
        rows.append(_Row(_choice_label(choice, labels)))
        for option in _options(ordered[choice]):
            text = labels.get(str(option), str(option))
            rows.append(_Row(text, (ordered[choice] == option).to_numpy()))
    held = [name for name in choices if name.startswith(WITH)]
    if held:
        rows.append(_Row(labels.get("controls", CHOICES["controls"])))
    for name in held:
        rows.append(_Row(_choice_label(name, labels), ordered[name].to_numpy(dtype=bool)))
    return rows


def _marks(axes: Axes, rows: list[_Row]) -> None:
    for place, row in enumerate(rows):
        if row.chosen is not None:
            at = np.flatnonzero(row.chosen)
            few = len(row.chosen) <= FEW
            axes.plot(at, np.full(len(at), place), "o" if few else "|", color=INK, markersize=4)


def _strips(axes: Axes, rows: list[_Row], size: int) -> None:
    """Share of an option among the specifications at each place in the order, light to dark."""
    bins = _rank_bins(size)
    image = np.full((len(rows), len(bins) - 1), np.nan)
    for place, row in enumerate(rows):
        if row.chosen is not None:
            image[place] = [part.mean() for part in _split(row.chosen, bins)]
    shades = sns.light_palette(INK, as_cmap=True)
    axes.imshow(
        np.ma.masked_invalid(image), cmap=shades, vmin=0, vmax=1, aspect="auto",
        extent=(-0.5, size - 0.5, len(rows) - 0.5, -0.5), interpolation="nearest",
    )  # fmt: skip
    for place in range(len(rows)):
        axes.axhline(place + 0.5, color="white", linewidth=1.2)


def _name_rows(axes: Axes, rows: list[_Row], effect: Floats) -> None:
    many = len(effect) > POINTS
    explained = "; the darker, the more of them make the choice" if many else ""
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    for tick, row in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_fontsize(7)
        tick.set_fontweight("bold" if row.chosen is None else "normal")
    axes.set_ylim(len(rows) - 0.5, -0.9)
    axes.set_xlim(-0.5 - 0.01 * len(effect), len(effect) - 0.5 + 0.01 * len(effect))
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_xlabel("Specifications in the order of their effect" + explained)
    across = axes.get_yaxis_transform()
    axes.text(1.01, -0.9, "median", transform=across, fontsize=7, color=MUTED, va="bottom")
    for place, row in enumerate(rows):
        if row.chosen is not None and row.chosen.any():
            median = f"{np.median(effect[row.chosen]):.2g}".replace("-", "−")
            axes.text(1.01, place, median, transform=across, fontsize=7, color=INK, va="center")


def _legend_above(axes: Axes, heading: str) -> None:
    """The legend between the plot and its title, where it covers nothing."""
    entries = len(axes.get_legend_handles_labels()[0])
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2,
        title=heading, alignment="left",
    )  # fmt: skip
    axes.set_title(axes.get_title(loc="left"), pad=20 + 14 * -(-entries // 2))


def _choice_label(choice: str, labels: Labels) -> str:
    name = choice.removeprefix(WITH)
    return labels.get(choice, labels.get(name, CHOICES.get(name, name)))


def _options(column: pd.Series) -> list[Any]:
    """Options in the order declared (text) or of size (numbers)."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        present = set(column.unique())
        return [option for option in column.cat.categories if option in present]
    return sorted(column.unique().tolist())


def _rank_bins(size: int) -> NDArray[np.int64]:
    count = int(np.clip(size // PER_STRIP, FEWEST_STRIPS, STRIPS))
    return np.linspace(0, size, count + 1).round().astype(np.int64)


def _split(values: NDArray, bins: NDArray[np.int64]) -> list[NDArray]:
    return np.split(values, bins[1:-1])


def _inner_range(values: Floats, tail: float) -> tuple[float, float]:
    """Quantiles that leave out ``tail`` at each end: wild intervals must not set the scale."""
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _rounded(values: Floats, digits: int) -> list[float | None]:
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values]
