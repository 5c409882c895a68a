"""The map of categories: one marker each, counts in the legend, clear errors."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from analysis import CompendiumError
from analysis.report.category_map import category_map

PLACES = pd.DataFrame(
    {
        "geo": ["FR10", "DE30", "ITC4", "ES70", "PL12"],
        "lon": [2.5, 13.4, 9.8, -15.7, 21.0],
        "lat": [48.7, 52.5, 45.6, 28.3, 52.2],
        "type": [1.0, 2.0, 1.0, 2.0, np.nan],
    }
)
LABELS = {1: "dense", 2: "rural"}


def draw(frame: pd.DataFrame = PLACES, labels: dict[int, str] = LABELS) -> plt.Figure:
    return category_map(frame, category="type", labels=labels, legend_title="Type")


def test_legend_counts_every_region_and_the_hollow_ones():
    figure = draw()
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["dense (2)", "rural (2)", "no type (1)"]
    markers = [handle.get_marker() for handle in figure.legends[0].legend_handles]
    assert markers[0] != markers[1]
    plt.close(figure)


def test_regions_outside_the_window_are_named():
    figure = draw()
    notes = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert "ES70" in notes
    plt.close(figure)


def test_refuses_unknown_categories_too_many_and_missing_columns():
    with pytest.raises(CompendiumError, match=r"no label for the categories \[2\.0\]"):
        draw(labels={1: "dense"})
    with pytest.raises(CompendiumError, match="9 categories; at most 8"):
        draw(labels={key: str(key) for key in range(1, 10)})
    with pytest.raises(CompendiumError, match="lacks the columns lat"):
        draw(PLACES.drop(columns="lat"))
