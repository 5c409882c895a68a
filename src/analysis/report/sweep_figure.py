"""How a headline moves over the runs of a sweep: one panel per quantity.

Up to ``FEW`` runs are named one by one with their intervals, verdicts and observations, those
without an estimate too; more are drawn in the order of their estimates, over marks for the values
of each parameter that varies.
"""

import textwrap
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from analysis import CompendiumError
from analysis.claims import sentences
from analysis.languages import Catalogue, catalogue
from analysis.report.figures import FAINT, INK, MUTED, PALETTE, require_columns

#: Runs drawn by name, values of a parameter told apart, panels of one figure.
FEW, MOST_VALUES, MOST_PANELS = 40, 12, 6
_NEEDED = ("run", "subject", "claim", "unit", "verdict", "estimate", "ci_low", "ci_high", "null")
_PARAMETER = "param_"
#: Letters of a line of text; lines a name may have; inches of a line of marks.
_WIDTH, _MOST_LINES, _MARK = 50, 3, 0.19


@dataclass(frozen=True)
class SweepFigure:
    """A figure and what it shows, in words."""

    figure: Figure
    caption: str
    source: str
    alt: str


def sweep_figure(headlines: pd.DataFrame, *, notebook: str, lang: str = "en") -> SweepFigure:
    """The figure of a sweep.

    headlines: a row per run and quantity, in the order of the grid, with the columns ``run,
    subject, claim, unit, verdict, estimate, ci_low, ci_high, null, n_obs`` and ``param_<name>``
    for each parameter. Quantities are told apart by subject, claim and unit: with another unit the
    numbers cannot be laid side by side. CompendiumError when there is no row with an estimate.
    """
    require_columns(headlines, [*_NEEDED, "n_obs"], "sweep_figure")
    texts = catalogue("sweep", lang)
    panels = _panels(headlines)
    if not panels:
        raise CompendiumError("sweep_figure: no run has a headline estimate")
    varying = _varying(headlines)
    shown = panels[:MOST_PANELS]
    heights = [_height(rows, varying, texts) for rows in shown]
    figure = plt.figure(figsize=(7.4, sum(heights)), layout="constrained")
    parts = figure.subfigures(len(shown), 1, height_ratios=heights, squeeze=False)[:, 0]
    for part, rows in zip(parts, shown, strict=True):
        draw = _named if len(rows) <= FEW else _ordered
        draw(part, rows, varying, texts).set_title(_title(rows, texts), loc="left")
    caption = _caption(headlines, varying, len(panels) - len(shown), notebook, texts)
    alt = " ".join([caption, *(_sentence(rows, texts) for rows in shown)])
    return SweepFigure(figure, caption, texts.text("source", notebook=notebook), alt)


def _panels(headlines: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of each quantity that any run has an estimate of, as they come."""
    quantities = headlines.groupby(["subject", "claim", "unit"], sort=False, dropna=False)
    return [rows for _, rows in quantities if rows["estimate"].notna().any()]


def _varying(rows: pd.DataFrame) -> list[str]:
    """Names of the parameters that do not have the same value in all rows."""
    names = [name for name in rows.columns if name.startswith(_PARAMETER)]
    return [name for name in names if rows[name].nunique(dropna=False) > 1]


def _height(rows: pd.DataFrame, varying: list[str], texts: Catalogue) -> float:
    """Inches that the panel of a quantity takes."""
    around = 1.3 + 0.2 * _title(rows, texts).count("\n")
    if len(rows) > FEW:
        return around + 2.7 + _MARK * len(_marks(rows, varying))
    names = (_name(row, varying, texts) for row in rows.to_dict("records"))
    return around + len(rows) * (0.12 + 0.14 * max(name.count("\n") + 1 for name in names))


# --- words -------------------------------------------------------------------------------------


def _title(rows: pd.DataFrame, texts: Catalogue) -> str:
    subject, claim = rows["subject"].iloc[0], rows["claim"].iloc[0]
    title = texts.text("title", subject=subject, claim=claim) if claim else str(subject)
    return textwrap.fill(title, _WIDTH)


def _caption(
    headlines: pd.DataFrame, varying: list[str], left_out: int, notebook: str, texts: Catalogue
) -> str:
    runs = texts.number(headlines["run"].nunique())
    names = ", ".join(name.removeprefix(_PARAMETER) for name in varying)
    caption = texts.text("caption", notebook=notebook, runs=runs)
    if varying:
        caption += " " + texts.text("varying", names=names)
    if left_out:
        caption += " " + texts.plural("left_out", left_out)
    return caption


def _axis_label(rows: pd.DataFrame, kind: str, texts: Catalogue) -> str:
    """What the numbers are, what the bars or the band are, where the line lies."""
    unit = rows["unit"].iloc[0]
    named = texts.text("estimate.unit", unit=unit) if unit else texts.text("estimate")
    null = " / ".join(texts.number(value) for value in _nulls(rows))
    return textwrap.fill(texts.text(f"axis.{kind}", estimate=named, null=null), _WIDTH)


def _nulls(rows: pd.DataFrame) -> list[float]:
    return sorted(float(value) for value in rows["null"].dropna().unique())


def _value(value: Any, texts: Catalogue) -> str:
    # Between two dollar signs matplotlib would read mathematics.
    return texts.text("all") if value == "" else str(value).replace("$", r"\$")


def _name(row: Any, varying: list[str], texts: Catalogue) -> str:
    """How a run differs from the others, over as many lines as it takes."""
    parts = [f"{name.removeprefix(_PARAMETER)} {_value(row[name], texts)}" for name in varying]
    return _wrapped(", ".join(parts), _MOST_LINES)


def _wrapped(text: str, lines: int) -> str:
    """Text over several lines; a list may be broken after each of its items."""
    broken = textwrap.wrap(
        text.replace("+", "+ "), _WIDTH, max_lines=lines, placeholder="…", break_on_hyphens=False
    )
    return "\n".join(broken).replace("+ ", "+")


def _beside(row: Any, texts: Catalogue) -> str:
    """What stands at the end of a run's line: its verdict, and how many observations it has."""
    parts = [sentences.word(row["verdict"], texts.lang)] if row["verdict"] else []
    if pd.notna(row["n_obs"]):
        parts.append(texts.text("observations", n=texts.number(row["n_obs"])))
    return ", ".join(parts)


def _sentence(rows: pd.DataFrame, texts: Catalogue) -> str:
    """The range of a quantity, how often its interval lies on one side, how many runs lack it."""
    estimate = rows["estimate"].dropna()
    unit = rows["unit"].iloc[0]
    text = texts.text(
        "range",
        subject=f"{rows['subject'].iloc[0]} ({unit})" if unit else rows["subject"].iloc[0],
        low=texts.number(float(estimate.min()), significant=3),
        middle=texts.number(float(estimate.median()), significant=3),
        high=texts.number(float(estimate.max()), significant=3),
        runs=texts.number(len(estimate)),
        above=texts.number(int((rows["ci_low"] > rows["null"]).sum())),
        below=texts.number(int((rows["ci_high"] < rows["null"]).sum())),
    )
    lacking = len(rows) - len(estimate)
    return f"{text} {texts.plural('lacking', lacking)}" if lacking else text


# --- drawing -----------------------------------------------------------------------------------


def _named(part: SubFigure, rows: pd.DataFrame, varying: list[str], texts: Catalogue) -> Axes:
    """A line per run, in the order of the grid."""
    axes: Axes = part.subplots()
    at = np.arange(len(rows))
    estimate = rows["estimate"].to_numpy(float)
    low = estimate - rows["ci_low"].to_numpy(float)
    high = rows["ci_high"].to_numpy(float) - estimate
    axes.errorbar(
        estimate, at, xerr=np.vstack([low, high]), fmt="o", color=PALETTE[0], elinewidth=1.2
    )
    for value in _nulls(rows):
        axes.axvline(value, color=MUTED, linewidth=0.8, zorder=0)
    records = rows.to_dict("records")
    _name_lines(axes, [_name(row, varying, texts) for row in records])
    for line, row in enumerate(records):
        axes.text(
            1.01, line, _beside(row, texts), transform=axes.get_yaxis_transform(), va="center",
            fontsize="small", color=MUTED,
        )  # fmt: skip
    axes.grid(axis="x")
    axes.set_xlabel(_axis_label(rows, "bars", texts))
    return axes


def _ordered(part: SubFigure, rows: pd.DataFrame, varying: list[str], texts: Catalogue) -> Axes:
    """Runs by size of the estimate, with marks for their parameters below."""
    rows = rows[rows["estimate"].notna()].sort_values("estimate", kind="stable")
    marks = _marks(rows, varying)
    heights = [2.7, 0.1 + _MARK * len(marks)]
    axes, below = part.subplots(2, 1, sharex=True, height_ratios=heights)
    at = np.arange(len(rows))
    band = rows[["ci_low", "ci_high"]].to_numpy(float)
    axes.fill_between(at, band[:, 0], band[:, 1], color=FAINT, linewidth=0, step="mid")
    axes.plot(at, rows["estimate"], color=PALETTE[0], marker="", ls="-", drawstyle="steps-mid")
    for value in _nulls(rows):
        axes.axhline(value, color=MUTED, linewidth=0.8, zorder=1)
    axes.set_ylabel(_axis_label(rows, "band", texts))
    for line, (name, value) in enumerate(marks):
        chosen = np.flatnonzero((rows[name] == value).to_numpy())
        below.plot(chosen, np.full(len(chosen), line), "|", color=INK, markersize=5)
    names = [f"{name.removeprefix(_PARAMETER)} {_value(value, texts)}" for name, value in marks]
    _name_lines(below, [_wrapped(name, 1) for name in names])
    below.set_xlim(-0.5, len(rows) - 0.5)
    below.set_xticks([])
    below.set_xlabel(texts.text("runs_in_order"))
    return axes


def _name_lines(axes: Axes, names: list[str]) -> None:
    """Names at the left, the first at the top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


def _marks(rows: pd.DataFrame, varying: list[str]) -> list[tuple[str, Any]]:
    """Parameters that vary and their values in order; not those too many to be told apart."""
    return [
        (name, value)
        for name in varying
        for value in sorted(rows[name].unique())
        if rows[name].nunique() <= MOST_VALUES
    ]
