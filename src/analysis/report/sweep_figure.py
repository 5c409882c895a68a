"""How a headline moves over the runs of a sweep: one panel per quantity.

Up to ``FEW`` runs are named one by one with their intervals; more are drawn in the order of their
estimates, over marks for the values of each parameter that varies.
"""

from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import CompendiumError
from analysis.languages import Catalogue, catalogue
from analysis.report.figures import FAINT, INK, MUTED, PALETTE, require_columns

#: Runs drawn by name, values of a parameter told apart, panels of one figure.
FEW, MOST_VALUES, MOST_PANELS = 40, 12, 6
_NEEDED = ("subject", "unit", "estimate", "ci_low", "ci_high", "null")
_PARAMETER = "param_"


@dataclass(frozen=True)
class SweepFigure:
    """A figure and what it shows, in words."""

    figure: Figure
    caption: str
    source: str
    alt: str


def sweep_figure(headlines: pd.DataFrame, *, notebook: str, lang: str = "en") -> SweepFigure:
    """The figure of a sweep.

    headlines: a row per run and quantity, in the order of the grid, with the columns ``subject,
    unit, estimate, ci_low, ci_high, null`` and ``param_<name>`` for each parameter. Quantities are
    told apart by subject and unit: with another unit the numbers cannot be laid side by side.
    CompendiumError when there is no row with an estimate.
    """
    require_columns(headlines, _NEEDED, "sweep_figure")
    texts = catalogue("sweep", lang)
    drawn = headlines[headlines["estimate"].notna()]
    if drawn.empty:
        raise CompendiumError("sweep_figure: no run has a headline estimate")
    varying = _varying(drawn)
    panels = list(drawn.groupby(["subject", "unit"], sort=False, dropna=False))
    shown = panels[:MOST_PANELS]
    heights = [_height(rows, varying) for _, rows in shown]
    figure, axes = plt.subplots(
        len(shown), 1, figsize=(7.4, sum(heights)), height_ratios=heights, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for panel, ((subject, unit), rows) in zip(axes[:, 0], shown, strict=True):
        panel.set_title(str(subject))
        draw = _named if len(rows) <= FEW else _ordered
        draw(panel, rows, varying, texts, _axis_label(unit, texts))
    caption = texts.text("caption", notebook=notebook, runs=texts.number(_runs(drawn)))
    left_out = len(panels) - len(shown)
    if left_out:
        caption += " " + texts.plural("left_out", left_out)
    alt = " ".join([caption, *(_sentence(key, rows, texts) for key, rows in shown)])
    source = texts.text("source", notebook=notebook)
    return SweepFigure(figure, caption, source, alt)


def _runs(rows: pd.DataFrame) -> int:
    return int(rows["run"].nunique()) if "run" in rows else len(rows)


def _varying(rows: pd.DataFrame) -> list[str]:
    """Names of the parameters that do not have the same value in all rows."""
    names = [name for name in rows.columns if name.startswith(_PARAMETER)]
    return [name for name in names if rows[name].nunique(dropna=False) > 1]


def _height(rows: pd.DataFrame, varying: list[str]) -> float:
    if len(rows) <= FEW:
        return 1.2 + 0.24 * len(rows)
    return 3.0 + 0.2 * sum(min(rows[name].nunique(), MOST_VALUES) for name in varying)


def _axis_label(unit: Any, texts: Catalogue) -> str:
    if isinstance(unit, str) and unit:
        return texts.text("estimate.unit", unit=unit)
    return texts.text("estimate")


def _value(value: Any, texts: Catalogue) -> str:
    return texts.text("all") if value == "" else str(value)


def _named(
    axes: Axes, rows: pd.DataFrame, varying: list[str], texts: Catalogue, label: str
) -> None:
    """A line per run, in the order of the grid."""
    at = np.arange(len(rows))
    estimate = rows["estimate"].to_numpy(float)
    low = estimate - rows["ci_low"].to_numpy(float)
    high = rows["ci_high"].to_numpy(float) - estimate
    axes.errorbar(
        estimate, at, xerr=np.vstack([low, high]), fmt="o", color=PALETTE[0], elinewidth=1.2
    )
    axes.axvline(float(rows["null"].iloc[0]), color=MUTED, linewidth=0.8, zorder=0)
    labels = [
        ", ".join(f"{name.removeprefix(_PARAMETER)} {_value(row[name], texts)}" for name in varying)
        for row in rows.to_dict("records")
    ]
    axes.set_yticks(at, labels)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_xlabel(label)


def _ordered(
    axes: Axes, rows: pd.DataFrame, varying: list[str], texts: Catalogue, label: str
) -> None:
    """Runs by size of the estimate, with marks for their parameters below."""
    rows = rows.sort_values("estimate", kind="stable")
    at = np.arange(len(rows))
    band = rows[["ci_low", "ci_high"]].to_numpy(float)
    axes.fill_between(at, band[:, 0], band[:, 1], color=FAINT, linewidth=0, step="mid")
    axes.plot(at, rows["estimate"], color=PALETTE[0], marker="", linestyle="-")
    axes.axhline(float(rows["null"].iloc[0]), color=MUTED, linewidth=0.8, zorder=0)
    axes.set_xticks([])
    axes.set_ylabel(label)
    marked = [
        (name, value)
        for name in varying
        if rows[name].nunique(dropna=False) <= MOST_VALUES
        for value in sorted(rows[name].unique(), key=str)
    ]
    if not marked:
        return
    share = 0.055 * len(marked)
    below = axes.inset_axes((0.0, -share - 0.03, 1.0, share), sharex=axes)
    for line, (name, value) in enumerate(marked):
        chosen = at[(rows[name] == value).to_numpy()]
        below.plot(chosen, np.full(len(chosen), line), "|", color=INK, markersize=4)
    names = [f"{name.removeprefix(_PARAMETER)}: {_value(value, texts)}" for name, value in marked]
    below.set_yticks(range(len(marked)), names)
    below.set_ylim(len(marked) - 0.5, -0.5)
    below.tick_params(axis="y", length=0)
    below.set_xticks([])


def _sentence(key: Any, rows: pd.DataFrame, texts: Catalogue) -> str:
    """The range of a quantity, and how often its interval lies on one side of the null."""
    subject, unit = key
    estimate = rows["estimate"]
    above = int((rows["ci_low"] > rows["null"]).sum())
    below = int((rows["ci_high"] < rows["null"]).sum())
    named = f"{subject} ({unit})" if isinstance(unit, str) and unit else str(subject)
    return texts.text(
        "range",
        subject=named,
        low=texts.number(float(estimate.min()), significant=3),
        middle=texts.number(float(estimate.median()), significant=3),
        high=texts.number(float(estimate.max()), significant=3),
        runs=texts.number(len(rows)),
        above=texts.number(above),
        below=texts.number(below),
    )
