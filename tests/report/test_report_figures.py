"""Figures: what is drawn is what was given."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from analysis import CompendiumError
from analysis.models import Estimates, Specification, event_study, fit
from analysis.report import (
    binned_scatter,
    bubble_map,
    coefficient_plot,
    event_study_plot,
    heatmap,
    regression_discontinuity_plot,
)
from analysis.report.figures import PALETTE, _bin_means, _complete, sequential
from analysis.report.maps import _classes, project

pytestmark = pytest.mark.usefixtures("style")


@pytest.fixture
def estimates() -> Estimates:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(80, 3)), columns=["y", "a", "b"])
    return fit(Specification(outcome="y", regressors=("a", "b")), frame)


def brightness(colour: tuple[float, ...]) -> float:
    return float(np.dot(colour[:3], (0.299, 0.587, 0.114)))


def test_the_scale_darkens_steadily_in_grey() -> None:
    grey = [brightness(colour) for colour in sequential()(np.linspace(0, 1, 20))]
    assert all(earlier > later for earlier, later in itertools.pairwise(grey))


def test_the_palette_is_told_apart_in_grey() -> None:
    grey = sorted(brightness(to_rgb(colour)) for colour in PALETTE)
    assert min(np.diff(grey)) > 0.1


def test_coefficient_plot_draws_each_estimate_at_its_value(estimates: Estimates) -> None:
    figure = coefficient_plot({"all": estimates}, terms=["b", "a"], labels={"a": "A"}, xlabel="β")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "A"]
    marks = next(line for line in axes.lines if line.get_marker() == "o").get_xydata()
    expected = {(estimates.row("b")["estimate"], 0.0), (estimates.row("a")["estimate"], 1.0)}
    assert {tuple(map(float, mark)) for mark in marks} == expected
    assert "95 %" in axes.get_xlabel()


def test_coefficient_plot_names_a_missing_column() -> None:
    with pytest.raises(CompendiumError, match="lacks the columns ci_low"):
        coefficient_plot(
            {"m": pd.DataFrame({"term": ["a"], "estimate": [1.0], "ci_high": [2.0]})}, xlabel="x"
        )


def test_event_study_plot_has_the_reference_at_zero() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"geo": np.repeat(range(30), 12), "year": np.tile(range(12), 30)})
    frame["first"] = np.where(frame["geo"] < 15, 6.0, np.nan)
    frame["y"] = rng.normal(size=360)
    result = event_study(
        frame, outcome="y", unit="geo", time="year", first_treated="first", window=(-3, 3)
    )
    axes = event_study_plot({"all": result}, ylabel="y").axes[0]
    path = next(line for line in axes.lines if len(line.get_xydata()) == 7)
    drawn = {int(x): float(y) for x, y in path.get_xydata()}
    assert drawn[-1] == 0.0
    assert drawn[2] == result.row("event_time=2")["estimate"]


def test_binned_scatter_draws_the_multiple_regression_slope() -> None:
    rng = np.random.default_rng(4)
    z = rng.normal(size=400)
    x = z + rng.normal(size=400)
    y = 2 * x - 3 * z + rng.normal(size=400)
    x[0] = np.nan
    figure = binned_scatter(x, y, controls=pd.DataFrame({"z": z}), xlabel="x", ylabel="y")
    line = next(line for line in figure.axes[0].lines if line.get_linestyle() == "--")
    (x0, y0), (x1, y1) = line.get_xydata()
    design = np.column_stack([np.ones(399), x[1:], z[1:]])
    slope = np.linalg.lstsq(design, y[1:], rcond=None)[0][1]
    assert (y1 - y0) / (x1 - x0) == pytest.approx(slope, rel=1e-9)
    assert "399 observations" in figure.axes[0].get_legend().get_title().get_text()


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=200),
    st.integers(min_value=2, max_value=30),
)
def test_bin_means_weighted_by_count_give_the_mean(values: list[float], bins: int) -> None:
    xs = np.array(values)
    means = _bin_means(xs, 2 * xs, bins)
    assert means["n"].sum() == len(xs)
    assert np.average(means["y"], weights=means["n"]) == pytest.approx(
        2 * xs.mean(), rel=1e-9, abs=1e-6
    )


def test_vectors_of_different_length_are_refused() -> None:
    with pytest.raises(CompendiumError, match="equally long"):
        _complete([1, 2, 3], [1, 2], None)
    with pytest.raises(CompendiumError, match="only 1 complete"):
        _complete([1, np.nan, 3], [1, 2, np.nan], None)


def test_discontinuity_plot_shows_the_jump_of_the_local_fit() -> None:
    x = np.linspace(-1, 1, 401)
    y = 1 + 0.5 * x + 2.0 * (x >= 0)
    figure = regression_discontinuity_plot(x, y, xlabel="x", ylabel="y", bandwidth=0.5)
    left, right = [line for line in figure.axes[0].lines if len(line.get_xydata()) == 60]
    assert right.get_ydata()[-1] - left.get_ydata()[-1] == pytest.approx(2.0)
    assert left.get_xdata().min() > -0.5 - 1e-12


def test_discontinuity_plot_needs_both_sides() -> None:
    with pytest.raises(CompendiumError, match="only 0 observations below the cutoff 0"):
        regression_discontinuity_plot(np.arange(9), np.arange(9), xlabel="x", ylabel="y")
    with pytest.raises(CompendiumError, match=r"within the bandwidth 0\.1"):
        regression_discontinuity_plot(
            np.arange(-9, 9), np.arange(18), xlabel="x", ylabel="y", bandwidth=0.1
        )


def test_heatmap_hatches_what_is_missing() -> None:
    frame = pd.DataFrame([[0.1, np.nan], [0.5, 1.0]], index=["FR", "DE"], columns=[2000, 2001])
    figure = heatmap(frame, label="Share", annotate=".1f")
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.1", "0.5", "1.0"]
    assert figure.axes[0].images[0].get_array().mask.tolist() == [[False, True], [False, False]]


# ---------------------------------------------------------------- the map


REGIONS = pd.DataFrame(
    {
        "geo": ["FR10", "DE30", "ES30", "SE11", "PL12", "FRA1"],
        "lon": [2.5, 13.4, -3.7, 18.0, 21.0, -61.5],
        "lat": [48.7, 52.5, 40.5, 59.4, 52.2, 16.2],
        "value": [1.0, 2.0, np.nan, 4.0, 5.0, 6.0],
        "population": [12e6, 3.5e6, 6.5e6, 2e6, 5e6, 0.4e6],
    }
)


def test_the_map_draws_known_regions_hollow_ones_and_names_those_outside() -> None:
    axes = bubble_map(REGIONS, label="Patents per million").axes[0]
    sizes = sorted(len(collection.get_offsets()) for collection in axes.collections)
    assert sizes[-2:] == [1, 4]
    assert "Not drawn (outside the window or without a centroid): FRA1" in axes.texts[0].get_text()
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend[-1] == "no data (1)" and legend[0] == "10 million"


def test_dot_areas_are_proportional_to_population() -> None:
    axes = bubble_map(REGIONS, label="x").axes[0]
    areas = max(axes.collections, key=lambda c: len(c.get_offsets())).get_sizes()
    assert areas.max() / areas.min() == pytest.approx(12 / 2)


def test_the_projection_keeps_its_centre_and_areas() -> None:
    x, y = project([10.0], [52.0])
    assert (x[0], y[0]) == (0.0, 0.0)
    for lat in (36.0, 52.0, 68.0):  # a small cell has the area it has on the globe
        step = 0.01
        (a, b, c), (d, e, f) = project([20, 20 + step, 20], [lat, lat, lat + step])
        area = abs((b - a) * (f - d) - (c - a) * (e - d))
        globe = (6.371 * np.deg2rad(step)) ** 2 * np.cos(np.deg2rad(lat))
        assert area == pytest.approx(globe, rel=1e-3)


def test_the_map_closes_in_on_a_few_countries() -> None:
    whole = bubble_map(REGIONS, label="x").axes[0]
    part = bubble_map(REGIONS.iloc[[0, 1]], label="x").axes[0]
    assert np.ptp(part.get_xlim()) < 0.6 * np.ptp(whole.get_xlim())
    x, y = project(REGIONS["lon"][:2], REGIONS["lat"][:2])
    for values, (low, high) in ((x, part.get_xlim()), (y, part.get_ylim())):
        assert low < values.min() and values.max() < high


def test_the_map_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(CompendiumError, match="lacks the columns lat"):
        bubble_map(REGIONS.drop(columns="lat"), label="x")
    with pytest.raises(CompendiumError, match="no region in the window has a value"):
        bubble_map(REGIONS.assign(value=np.nan), label="x")


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60), st.integers(2, 8))
def test_map_classes_cover_every_value(values: list[float], classes: int) -> None:
    array = np.array(values)
    for middle in (None, 0.0):
        colours, norm = _classes(array, classes, middle)
        assert norm.boundaries[0] <= array.min() and array.max() <= norm.boundaries[-1]
        assert len(norm.boundaries) - 1 == colours.N
        if middle is not None and array.min() < middle < array.max():
            assert middle in norm.boundaries
