"""The figures about the data show what they are given, and refuse what they cannot draw."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from analysis import CompendiumError
from analysis.report.data_figures import chain_plot, coverage_grid, revision_lines, stacked_bars
from analysis.report.figures import theme


@pytest.fixture(autouse=True)
def drawn_in_our_style():
    theme()
    yield
    plt.close("all")


def share(rows=("AT", "BE"), years=(2000, 2001, 2002)):
    values = np.arange(len(rows) * len(years), dtype=float).reshape(len(rows), len(years))
    values[0, 0] = np.nan
    return pd.DataFrame(values, index=list(rows), columns=list(years))


def test_coverage_grid_draws_one_heat_map_per_frame():
    figure = coverage_grid({t: share() for t in "abcd"}, label="%")
    drawn = [axes for axes in figure.axes if axes.get_images()]
    assert [axes.get_title(loc="left") for axes in drawn] == list("abcd")
    array = drawn[0].get_images()[0].get_array()
    assert array.mask[0, 0] and array[1, 2] == 5


def test_coverage_grid_refuses_other_rows_and_nothing():
    with pytest.raises(CompendiumError, match="'b' has other rows"):
        coverage_grid({"a": share(), "b": share(rows=("AT", "CH"))}, label="%")
    with pytest.raises(CompendiumError, match="no frame"):
        coverage_grid({}, label="%")


def test_revision_lines_draw_both_percentiles():
    size = pd.DataFrame({"lag": [2, 3], "median_abs": [1.0, 0.5], "p90_abs": [4.0, 3.0]})
    figure = revision_lines({"GDP": {"to the last": size}}, xlabels={"GDP": "Years"})
    (axes,) = figure.axes
    assert [list(line.get_ydata()) for line in axes.lines] == [[1.0, 0.5], [4.0, 3.0]]
    assert axes.get_xlabel() == "Years"
    with pytest.raises(CompendiumError, match="no revision"):
        revision_lines({}, xlabels={})


def test_chain_plot_leaves_out_missing_years():
    newer = pd.DataFrame([[np.nan, 2.0, 3.0]], index=["A"], columns=[2000, 2001, 2002])
    older = pd.DataFrame([[1.0, np.nan]], index=["A"], columns=[2000, 2001])
    figure = chain_plot(older, newer, newer, ylabel="%")
    drawn = [list(line.get_xdata()) for line in figure.axes[0].lines[:3]]
    assert drawn == [[2001, 2002], [2000], [2001, 2002]]


def test_chain_plot_refuses_more_territories_than_markers():
    six = pd.DataFrame(1.0, index=list("abcdef"), columns=[2000])
    with pytest.raises(CompendiumError, match="6 territories; at most 5"):
        chain_plot(six, six, six, ylabel="%")


def test_stacked_bars_reach_the_total():
    counts = pd.DataFrame({"paid": [3, 1], "missing": [1, 4]}, index=[2000, 2001])
    axes = stacked_bars(counts, ylabel="Regions", missing="missing").axes[0]
    tops = [bar.get_y() + bar.get_height() for bar in axes.patches]
    assert tops == [3, 1, 4, 5]
    assert axes.patches[2].get_hatch() == "////" and axes.patches[0].get_hatch() is None


def test_a_single_year_has_a_single_tick():
    counts = pd.DataFrame({"paid": [3]}, index=[2005])
    axes = stacked_bars(counts, ylabel="Regions").axes[0]
    assert list(axes.get_xticks()) == [2005]
