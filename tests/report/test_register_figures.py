"""Figures of all claims at once, on made-up numbers."""

import numpy as np
import pandas as pd
import pytest

from analysis import CompendiumError
from analysis.report.register_figures import (
    MOST_COUNTRIES,
    _squeezed,
    corrections_plot,
    curves_plot,
    inference_plot,
    influence_plot,
)

pytestmark = pytest.mark.usefixtures("style")


def test_the_axis_is_linear_then_logarithmic_and_ends() -> None:
    assert _squeezed([-3.0, 0.0, 4.0]).tolist() == [-3, 0, 4]
    far = _squeezed([4.0, 8.0, 16.0, 30.0, 1000.0])
    assert far[1] - far[0] == pytest.approx(far[2] - far[1]) and far[3] == far[4]


def test_the_bars_are_the_shares_of_the_curve() -> None:
    values = np.array([3.0, 2.5, 1.0, -1.0, -2.5, -0.5, 0.5, 0.2])
    figure = curves_plot({"C01": values, "C02": np.array([])}, {"C01": 2.0})
    bars = [patch.get_width() for patch in figure.axes[1].patches]
    assert bars == [2 / 8, 3 / 8, 2 / 8, 1 / 8]
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert labels == ["C01  (8)"]


def test_one_value_many_times_is_a_stem() -> None:
    figure = curves_plot({"C01": np.full(5, 1.5)}, {})
    figure.canvas.draw()
    assert len(figure.axes[0].lines) >= 3


def test_no_curve_is_said() -> None:
    with pytest.raises(CompendiumError, match="nothing to draw"):
        curves_plot({"C01": np.array([])}, {})


def test_each_kind_of_inference_has_its_line_and_an_open_end_is_cut() -> None:
    table = pd.DataFrame(
        {
            "id": ["C01"] * 3,
            "kind": ["judged", "region", "wild bootstrap"],
            "scaled": [2.0, 2.0, 2.0],
            "scaled_low": [1.0, 1.0, -np.inf],
            "scaled_high": [3.0, 3.0, 4.0],
        }
    )
    figure = inference_plot(table)
    figure.canvas.draw()
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["Clusters: regions", "Wild bootstrap over countries"]
    with pytest.raises(CompendiumError):
        inference_plot(table.iloc[:0])


def influence(countries: int) -> pd.DataFrame:
    rows = [("C01", f"X{i:02d}", 0.01 * i, i == 3) for i in range(countries)]
    return pd.DataFrame(rows, columns=["id", "country", "moved", "turned"])


def test_countries_stand_in_the_order_of_what_they_move_and_the_least_are_left_out() -> None:
    axes = influence_plot(influence(50)).axes[0]
    names = [tick.get_text() for tick in axes.get_xticklabels()]
    assert names[0] == "X49" and len(names) == MOST_COUNTRIES
    assert "14 that move" in axes.get_xlabel()
    small = influence_plot(influence(5)).axes[0]
    assert "not shown" not in small.get_xlabel() and len(small.lines) == 2  # the ring
    with pytest.raises(CompendiumError):
        influence_plot(influence(0))


def test_a_correction_is_drawn_where_it_is() -> None:
    table = pd.DataFrame({"id": ["C01", "C02"], "alone": [0.01, 0.3], "together": [0.04, 1.0]})
    axes = corrections_plot(table, ["alone", "together"]).axes[0]
    drawn = next(line for line in axes.lines if line.get_label() == "together")
    assert list(drawn.get_xdata()) == [0.04, 1.0]
    assert "0.05" in [tick.get_text() for tick in axes.get_xticklabels()]
