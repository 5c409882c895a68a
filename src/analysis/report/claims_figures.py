"""The register of claims as pictures: one line per claim, and the words under other thresholds."""

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import CompendiumError
from analysis.claims import sentences
from analysis.claims.assembly import Entry
from analysis.claims.rule import (
    CONTRADICTED,
    DEFAULT,
    INCONCLUSIVE,
    MIXED,
    NO_EFFECT,
    SUPPORTED,
)
from analysis.claims.verdict import null_of
from analysis.languages import typeset
from analysis.report.figures import FAINT, INK, MUTED, PALETTE

#: Colour and marker of each verdict; told apart in grey by the marker.
MARKS = {
    SUPPORTED: (PALETTE[2], "o"),
    CONTRADICTED: (PALETTE[1], "X"),
    NO_EFFECT: (PALETTE[0], "s"),
    MIXED: (PALETTE[3], "D"),
    INCONCLUSIVE: (MUTED, "P"),
}
#: Distance, in smallest sizes that matter, beyond which an interval is cut off and shown cut.
WIDEST = 100.0
#: The smallest adjusted p-value that is printed.
LEAST_Q = 0.001
#: Level and multiple of the smallest size under which the register stands.
OWN = (DEFAULT.alpha, 1.0)


def in_smallest_sizes(entry: Entry) -> tuple[float, float, float]:
    """Estimate and interval as multiples of the smallest size, the claimed side positive."""
    verdict, smallest = entry.verdict, entry.claim.smallest
    if verdict is None or smallest is None or not verdict.findings:
        raise CompendiumError(f"{entry.claim.id} has no estimate to draw")
    headline = verdict.headline
    values = np.array([headline.estimate, headline.ci_low, headline.ci_high])
    scaled = entry.claim.sign * (values - null_of(entry.claim, headline)) / smallest.size
    return float(scaled[0]), float(min(scaled[1:])), float(max(scaled[1:]))


def register_plot(entries: Sequence[Entry], *, lang: str = "en") -> Figure:
    """Estimate and 95 % interval of every tested claim, in smallest sizes that matter.

    The axis is linear between -1 and 1, where nothing matters (grey), and logarithmic beyond.
    A hollow mark is a verdict that does not hold when all claims are tested together.
    """
    tested = [entry for entry in entries if entry.is_tested]
    if not tested:
        raise CompendiumError("no claim has been tested: there is nothing to draw")
    figure, axes = plt.subplots(figsize=(8.4, 1.4 + 0.29 * len(tested)))
    axes.axvspan(-1, 1, color=FAINT, alpha=0.5, lw=0)
    axes.axvline(0, color=INK, lw=0.7)
    for position, entry in enumerate(tested):
        _draw(axes, entry, position, lang)
    _scale(axes, max(abs(x) for entry in tested for x in in_smallest_sizes(entry)), lang)
    axes.set_ylim(len(tested) - 0.4, -0.6)
    axes.set_yticks(range(len(tested)), [_line(entry, lang) for entry in tested], fontsize=7)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(sentences.label("smallest", lang) + " = 1")
    _legend(axes, [entry.word for entry in tested], lang)
    return figure


def _draw(axes: Axes, entry: Entry, position: int, lang: str) -> None:
    estimate, low, high = np.clip(in_smallest_sizes(entry), -WIDEST, WIDEST)
    colour, marker = MARKS[entry.word]
    axes.plot([low, high], [position, position], color=colour, lw=1.4, ls="-", marker="")
    hollow = "white" if entry.only_alone else colour
    axes.plot([estimate], [position], marker=marker, color=colour, markerfacecolor=hollow, ls="")
    q = max(entry.q_value, LEAST_Q)
    sign = "=" if entry.q_value >= LEAST_Q else "<"
    axes.annotate(
        f"q {sign} {sentences.texts(lang).number(q, decimals=3)}",
        (1.01, position),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=7,
        color=MUTED,
    )


def _scale(axes: Axes, widest: float, lang: str) -> None:
    """A symmetric logarithmic axis with round ticks on both sides."""
    axes.set_xscale("symlog", linthresh=1)
    limit = 1.15 * min(WIDEST, max(3.0, widest))
    steps = [step for step in (1, 3, 10, 30, 100) if step <= limit]
    ticks = [-step for step in reversed(steps)] + [0, *steps]
    axes.set_xticks(ticks, [sentences.texts(lang).number(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlim(-limit, limit)


def _line(entry: Entry, lang: str) -> str:
    """Id and beginning of a claim, to stand left of its interval."""
    text = typeset(entry.claim.claim.of(lang), lang).rstrip(".")
    return f"{textwrap.shorten(text, 62, placeholder=' …')}  {entry.claim.id}"


def _legend(axes: Axes, words: list[str], lang: str) -> None:
    handles = [
        Line2D([], [], color=colour, marker=marker, label=sentences.word(word, lang))
        for word, (colour, marker) in MARKS.items()
        if word in words
    ]
    axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)


def sensitivity_plot(grid: pd.DataFrame, *, lang: str = "en") -> Figure:
    """Verdict of each claim (rows) under each pair of thresholds (columns), the rule's own shaded.

    grid: ``id, alpha, times_smallest, word`` as from ``claims.assembly.sensitivity``.
    """
    claims = list(dict.fromkeys(grid["id"]))
    pairs = sorted(set(zip(grid["alpha"], grid["times_smallest"], strict=True)))
    figure, axes = plt.subplots(figsize=(7.2, 1.6 + 0.24 * len(claims)))
    if OWN in pairs:
        axes.axvspan(pairs.index(OWN) - 0.5, pairs.index(OWN) + 0.5, color=FAINT, alpha=0.5, lw=0)
    for after in range(1, len(pairs)):
        if pairs[after][0] != pairs[after - 1][0]:
            axes.axvline(after - 0.5, color=FAINT, lw=0.7)
    for row in grid.itertuples():
        colour, marker = MARKS[row.word]
        place = pairs.index((row.alpha, row.times_smallest)), claims.index(row.id)
        axes.plot(*place, marker=marker, color=colour, ls="", markersize=7)
    axes.set_xlim(-0.6, len(pairs) - 0.4)
    axes.set_ylim(len(claims) - 0.4, -0.6)
    ticks = [
        f"α = {sentences.texts(lang).number(alpha)}\n× {sentences.texts(lang).number(times)}"
        for alpha, times in pairs
    ]
    axes.set_xticks(range(len(pairs)), ticks, fontsize=7)
    axes.set_yticks(range(len(claims)), claims)
    axes.tick_params(length=0)
    _legend(axes, list(grid["word"]), lang)
    return figure
