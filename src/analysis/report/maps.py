"""Maps of European regions, drawn from their centroids: no boundaries are needed or carried.

Regions are dots in the projection of the official European maps. A pale disc under each dot,
reaching to its neighbours, suggests the land and makes the continent recognisable.
"""

import textwrap
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import BoundaryNorm, Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from scipy.spatial import cKDTree

from analysis import CompendiumError
from analysis.report.figures import MUTED, require_columns, sequential

_WINDOW = {"lon": (-11.0, 34.0), "lat": (34.0, 71.0)}
_HEIGHT = 1.05  # of the frame, for a width of one
#: Area in points² of the largest dot, and of the smallest.
_LARGEST, _SMALLEST = 340, 6
_EQUAL = 42.0  # of every dot, where size says nothing


def bubble_map(
    frame: pd.DataFrame,
    *,
    label: str,
    value: str = "value",
    size: str | None = "population",
    size_label: str = "Population",
    classes: int = 6,
    diverging_at: float | None = None,
    title: str = "",
) -> Figure:
    """Regions as dots at their centroids: shade for ``value``, area for ``size``.

    ``frame`` has ``lon`` and ``lat`` in degrees, ``value`` and ``size``, one row per region.
    Classes hold equal numbers of regions; ``diverging_at`` puts a class border at that value and
    uses a two-sided scale. Regions without a value are small hollow dots; a region without a size
    gets the smallest dot. The window is the European mainland and the islands near it; regions
    outside it are named below the map (by ``geo``, or counted where there is no such column).
    """
    require_columns(frame, ["lon", "lat", value, *([size] if size else [])], "bubble_map")
    inside = in_window(frame)
    drawn = frame[inside]
    known = drawn[drawn[value].notna()]
    if known.empty:
        raise CompendiumError(f"bubble_map: no region in the window has a value in '{value}'")
    figure = plt.figure(figsize=(7.4, 6.8), layout="none")
    axes = figure.add_axes((0.02, 0.02, 0.80, 0.93))
    draw_frame(axes, drawn)
    draw_ground(axes, drawn)
    empty = drawn[drawn[value].isna()]
    axes.scatter(
        *project(empty["lon"], empty["lat"]),
        s=9,
        facecolors="none",
        edgecolors="#9aa3b0",
        linewidths=0.6,
    )
    colours, norm = _classes(known[value].to_numpy(dtype=float), classes, diverging_at)
    areas = _areas(known[size]) if size else np.full(len(known), _EQUAL)
    order = np.lexsort((known["lon"], known["lat"], -areas))  # small dots over large ones
    x, y = project(known["lon"], known["lat"])
    axes.scatter(
        x[order],
        y[order],
        s=areas[order],
        c=known[value].to_numpy(dtype=float)[order],
        cmap=colours,
        norm=norm,
        edgecolors="white",
        linewidths=0.5,
    )
    _map_legend(figure, colours, norm, label)
    _size_legend(axes, known[size] if size else None, len(empty), size_label)
    axes.set_title(title)
    note_outside(axes, frame[~inside])
    return figure


# ---------------------------------------------------------------- parts of the map


def in_window(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows lie in the window of the maps: the European mainland and the islands near it."""
    return frame["lon"].between(*_WINDOW["lon"]) & frame["lat"].between(*_WINDOW["lat"])


def project(lon: Any, lat: Any) -> tuple[np.ndarray, np.ndarray]:
    """Degrees to thousands of km: Lambert azimuthal equal-area about 52° N 10° E, on a sphere.

    The projection of the official European maps (Snyder 1987, equations 24-2 to 24-4).
    """
    turn = np.deg2rad(np.asarray(lon, dtype=float) - 10.0)
    phi, middle = np.deg2rad(np.asarray(lat, dtype=float)), np.deg2rad(52.0)
    across = np.cos(phi) * np.sin(turn)
    up = np.cos(middle) * np.sin(phi) - np.sin(middle) * np.cos(phi) * np.cos(turn)
    toward = np.sin(middle) * np.sin(phi) + np.cos(middle) * np.cos(phi) * np.cos(turn)
    scale = 6.371 * np.sqrt(2 / (1 + toward))
    return scale * across, scale * up


def draw_frame(axes: Axes, regions: pd.DataFrame) -> None:
    """A frame round the regions, of equal scale, with faint lines every ten degrees."""
    if regions.empty:
        raise CompendiumError("map: no region lies in the window of the European mainland")
    along = np.linspace(0, 1, 60)
    meridians = [project(lon, 30 + 45 * along) for lon in range(-20, 51, 10)]
    parallels = [project(-35 + 95 * along, lat) for lat in range(30, 71, 10)]
    for line in (*meridians, *parallels):
        axes.plot(*line, color="#e5e8ec", lw=0.5, ls="-", marker="", zorder=0.8)
    x, y = project(regions["lon"], regions["lat"])
    half = max(np.ptp(x) / 2 + 0.18, (np.ptp(y) / 2 + 0.18) / _HEIGHT, 0.4)
    middle = (x.min() + x.max()) / 2, (y.min() + y.max()) / 2
    axes.set_xlim(middle[0] - half, middle[0] + half)
    axes.set_ylim(middle[1] - half * _HEIGHT, middle[1] + half * _HEIGHT)
    axes.set_aspect("equal")
    axes.set_axis_off()


def draw_ground(axes: Axes, regions: pd.DataFrame) -> None:
    """A pale disc round every centroid, reaching to its neighbours: together they suggest land."""
    places = np.column_stack(project(regions["lon"], regions["lat"]))
    if len(places) < 4:
        return
    nearest = cKDTree(places).query(places, k=4)[0][:, 1:].mean(axis=1)
    radii = np.clip(0.75 * nearest, 0.04, 0.13)
    discs = [Circle(place, radius) for place, radius in zip(places, radii, strict=True)]
    axes.add_collection(PatchCollection(discs, facecolor="#eef0f3", edgecolor="none", zorder=0.5))


def _areas(size: pd.Series) -> np.ndarray:
    """Dot areas in points², proportional to size, between the smallest and the largest dot."""
    values = size.fillna(0).to_numpy(dtype=float)
    share = values / values.max() if values.max() > 0 else np.zeros(len(values))
    return np.clip(_LARGEST * share, _SMALLEST, None)


def _classes(
    values: np.ndarray, classes: int, diverging_at: float | None
) -> tuple[Colormap, BoundaryNorm]:
    """Colours and borders of classes with (nearly) equal counts of regions."""
    if diverging_at is None:
        edges = np.unique(np.quantile(values, np.linspace(0, 1, classes + 1)))
        shades = sequential()(np.linspace(0, 1, len(edges) - 1))
    else:
        edges, shades = _two_sided(values, classes, diverging_at)
    if len(edges) < 2:  # one value only
        edges, shades = np.array([edges[0] - 0.5, edges[0] + 0.5]), sequential()([0.5])
    return ListedColormap(shades), BoundaryNorm(edges, len(edges) - 1)


def _two_sided(values: np.ndarray, classes: int, middle: float) -> tuple[np.ndarray, np.ndarray]:
    half = max(classes // 2, 1)
    below, above = values[values < middle], values[values >= middle]
    low = np.quantile(below, np.linspace(0, 1, half + 1))[:-1] if len(below) else np.array([])
    high = np.quantile(above, np.linspace(0, 1, half + 1))[1:] if len(above) else np.array([])
    low, high = np.unique(low), np.unique(high[high > middle])
    cmap = mpl.colormaps["PuOr_r"]
    cool = cmap(np.linspace(0.05, 0.4, len(low))) if len(low) else np.empty((0, 4))
    warm = cmap(np.linspace(0.6, 0.95, len(high))) if len(high) else np.empty((0, 4))
    return np.concatenate([low, [middle], high]), np.vstack([cool, warm])


def _map_legend(figure: Figure, colours: Colormap, norm: BoundaryNorm, label: str) -> None:
    bar = figure.colorbar(
        ScalarMappable(norm=norm, cmap=colours),
        cax=figure.add_axes((0.84, 0.52, 0.022, 0.42)),
        spacing="uniform",
        drawedges=True,
    )
    bar.set_ticks(list(norm.boundaries), labels=[_three_digits(edge) for edge in norm.boundaries])
    bar.ax.tick_params(length=0, labelsize=7.5)
    bar.dividers.set_color("white")
    bar.outline.set_visible(False)
    bar.set_label(label, fontsize=8)


def _three_digits(value: float) -> str:
    """A number with three significant digits and no exponent."""
    decimals = 0 if value == 0 else max(0, 2 - int(np.floor(np.log10(abs(value)))))
    return f"{value:,.{min(decimals, 6)}f}".replace("-", "−")


def _size_legend(axes: Axes, sizes: pd.Series | None, n_empty: int, size_label: str) -> None:
    """Three dots with their sizes, and what a hollow dot means."""
    handles = []
    if sizes is not None and sizes.max() > 0:
        largest = float(sizes.max())
        for share in (1.0, 0.25, 0.05):
            rounded = float(f"{largest * share:.1g}")
            diameter = np.sqrt(max(_LARGEST * rounded / largest, _SMALLEST))
            handles.append(_dot(diameter, "#b9c0cb", "white", _compact(rounded)))
    title = size_label if handles else None
    if n_empty:
        handles.append(_dot(3.4, "none", "#9aa3b0", f"no data ({n_empty})"))
    if handles:
        axes.legend(
            handles=handles,
            title=title,
            loc="lower left",
            bbox_to_anchor=(1.0, 0.02),
            labelspacing=0.9,
            alignment="left",
        )


def _dot(diameter: float, face: str, edge: str, label: str) -> Line2D:
    return Line2D(
        [],
        [],
        marker="o",
        linestyle="",
        markersize=diameter,
        markerfacecolor=face,
        markeredgecolor=edge,
        markeredgewidth=0.6,
        label=label,
    )


def _compact(number: float) -> str:
    for limit, word in ((1e9, "bn"), (1e6, "million"), (1e3, "thousand")):
        if number >= limit:
            return f"{number / limit:g} {word}"
    return f"{number:g}"


def note_outside(axes: Axes, outside: pd.DataFrame) -> None:
    """Name below the map the regions that are not on it."""
    if outside.empty:
        return
    names = ", ".join(sorted(outside["geo"].astype(str))) if "geo" in outside else len(outside)
    text = textwrap.fill(f"Not drawn (outside the window or without a centroid): {names}", 115)
    axes.text(0, -0.01, text, transform=axes.transAxes, fontsize=7, color=MUTED, va="top")
