"""A map of regions by category: a marker and a shade each, told apart in grey print too."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandas import DataFrame

from analysis import CompendiumError
from analysis.report.figures import MARKERS, PALETTE, require_columns
from analysis.report.maps import draw_frame, draw_ground, in_window, note_outside, project

_SHAPES = (*MARKERS, "P", "X", "*")
_HOLLOW = "#9aa3b0"


def category_map(
    frame: DataFrame,
    *,
    category: str,
    labels: Mapping[int, str],
    legend_title: str,
    title: str = "",
) -> Figure:
    """Regions as markers at their centroids, one shape and colour per category.

    ``frame`` has ``lon``, ``lat`` in degrees and ``category``, a key of ``labels`` or missing, one
    row per region. The first category of ``labels`` has the plainest marker; at most eight.
    Regions without a category are small hollow dots; those outside the window are named below.
    """
    require_columns(frame, ["lon", "lat", category], "category_map")
    if len(labels) > len(_SHAPES):
        raise CompendiumError(
            f"category_map: {len(labels)} categories; at most {len(_SHAPES)} can be told apart"
        )
    unknown = sorted(set(frame[category].dropna()) - set(labels))
    if unknown:
        raise CompendiumError(f"category_map: no label for the categories {unknown}")
    inside = in_window(frame)
    drawn = frame[inside]
    figure = plt.figure(figsize=(7.4, 7.4), layout="none")
    axes = figure.add_axes((0.02, 0.14, 0.96, 0.82))
    draw_frame(axes, drawn)
    draw_ground(axes, drawn)
    empty = drawn[drawn[category].isna()]
    hollow: dict[str, Any] = {"facecolors": "none", "edgecolors": _HOLLOW, "linewidths": 0.6}
    axes.scatter(*project(empty["lon"], empty["lat"]), s=10, **hollow)
    handles = []
    for number, (key, label) in enumerate(labels.items()):
        members = drawn[drawn[category].eq(key)]
        look: dict[str, Any] = {"marker": _SHAPES[number], "color": PALETTE[number % len(PALETTE)]}
        place = project(members["lon"], members["lat"])
        axes.scatter(*place, s=44, edgecolors="white", linewidths=0.5, zorder=2, **look)
        text = f"{label} ({int(frame[category].eq(key).sum())})"
        handles.append(Line2D([], [], linestyle="", markersize=6.5, label=text, **look))
    if len(empty):
        ring: dict[str, Any] = {
            "marker": "o",
            "markerfacecolor": "none",
            "markeredgecolor": _HOLLOW,
        }
        handles.append(Line2D([], [], linestyle="", label=f"no type ({len(empty)})", **ring))
    figure.legend(
        handles=handles,
        title=legend_title,
        loc="lower left",
        bbox_to_anchor=(0.02, 0.0),
        ncols=2,
        alignment="left",
    )
    axes.set_title(title)
    note_outside(axes, frame[~inside])
    return figure
