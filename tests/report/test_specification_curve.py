"""Specification curves: what is drawn is what the table holds, few or many."""

import json
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from analysis import CompendiumError
from analysis.report.specification_curve import (
    VERDICTS,
    curve_data,
    effect_histogram,
    importance_chart,
    specification_curve_plot,
)
from analysis.robustness.choices import Curve
from analysis.robustness.enumeration import enumerate_curve

pytestmark = pytest.mark.usefixtures("style")


def made_table(n_controls: int, **changes: Any) -> pd.DataFrame:
    declared = {
        "outcomes": ["a", "b"],
        "focus": {"column": "x", "lag": [1, 2, 3]},
        "controls": [f"c{i}" for i in range(n_controls)],
        "clusters": "geo",
        **changes,
    }
    table = enumerate_curve(Curve.of(declared)).choices
    rng = np.random.default_rng(4)
    effect = rng.normal(size=len(table)) + (table["outcome"] == "b")
    width = rng.uniform(0.5, 3, size=len(table))
    return table.assign(
        effect=effect,
        effect_low=effect - width,
        effect_high=effect + width,
        p_value=np.where(np.abs(effect) > width, 0.01, 0.5),
        flag="",
    )


def labels_of(axes: plt.Axes) -> list[str]:
    return [tick.get_text() for tick in axes.get_yticklabels()]


def test_few_specifications_are_points_at_their_effects() -> None:
    table = made_table(2)
    table.loc[3, ["effect", "effect_low", "effect_high"]] = np.nan
    above = specification_curve_plot(table, ylabel="Effect (%)").axes[0]
    points = [line for line in above.lines if line.get_label() in VERDICTS]
    drawn = sorted((x, y) for line in points for x, y in zip(*line.get_data(), strict=True))
    ordered = table["effect"].dropna().sort_values().to_numpy()
    np.testing.assert_allclose([y for _, y in drawn], ordered)
    assert [x for x, _ in drawn] == list(range(23))
    ends = [segment[:, 1] for lines in above.collections for segment in lines.get_segments()]
    found = sorted(map(tuple, ends))
    known = table.dropna(subset=["effect"])
    np.testing.assert_allclose(found, sorted(zip(known.effect_low, known.effect_high, strict=True)))
    assert "23 specifications (1 more could not" in above.get_legend().get_title().get_text()


def test_points_are_coloured_by_sign_and_significance() -> None:
    table = made_table(3)
    above, _ = specification_curve_plot(table, ylabel="Effect", sign=-1).axes
    counts = {line.get_label(): len(line.get_xdata()) for line in above.lines}
    right, significant = table["effect"] < 0, table["p_value"] < 0.05
    assert counts["hypothesised sign, significant at 5 %"] == (right & significant).sum()
    assert counts["opposite sign"] == (~right & ~significant).sum()
    grey = [np.dot(to_rgb(colour), (0.299, 0.587, 0.114)) for colour in VERDICTS.values()]
    assert max(grey[0], grey[3]) < min(grey[1], grey[2]) - 0.2


def test_the_dashboard_marks_what_each_specification_chose() -> None:
    table = made_table(2)
    _, below = specification_curve_plot(
        table, ylabel="Effect", labels={"a": "Patents", "lag": "Years between", "c1": "Skills"}
    ).axes
    names = ["Outcome", "Patents", "b", "Years between", "1", "2", "3", "Controls", "c0", "Skills"]
    assert labels_of(below) == names
    ordered = table.sort_values("effect", ignore_index=True)
    marks = {int(line.get_ydata()[0]): line.get_xdata() for line in below.lines}
    np.testing.assert_array_equal(marks[1], np.flatnonzero(ordered["outcome"] == "a"))
    np.testing.assert_array_equal(marks[5], np.flatnonzero(ordered["lag"] == 2))
    np.testing.assert_array_equal(marks[9], np.flatnonzero(ordered["with_c1"]))
    medians = [text.get_text() for text in below.texts]
    expected = f"{table.loc[table['outcome'] == 'b', 'effect'].median():.2g}"
    assert medians[0] == "median" and medians[2] == expected.replace("-", "−")


def test_many_specifications_are_ribbons_and_strips() -> None:
    table = made_table(10)
    assert len(table) == 6144
    above, below = specification_curve_plot(table, ylabel="Effect").axes[:2]
    assert len(above.collections) == 2  # two ribbons, not six thousand intervals
    curve = next(line for line in above.lines if line.get_label() == "effect")
    np.testing.assert_allclose(curve.get_ydata(), np.sort(table["effect"]))
    (strips,) = below.images
    image = strips.get_array()
    assert image.shape == (len(labels_of(below)), 240)
    outcome = image[[labels_of(below).index("a"), labels_of(below).index("b")]]
    np.testing.assert_allclose(outcome.sum(axis=0), 1)
    ordered = table.sort_values("effect", ignore_index=True)
    assert outcome[0, 0] == pytest.approx((ordered["outcome"].head(26) == "a").mean())
    shares = [text.get_text() for text in above.get_legend().get_texts()]
    significant = ((table["effect"] > 0) & (table["p_value"] < 0.05)).mean()
    assert f"hypothesised sign, significant at 5 %: {significant:.0%}" in shares


def test_a_hundred_thousand_specifications_make_a_figure_of_few_parts() -> None:
    table = made_table(14)
    figure = specification_curve_plot(table, ylabel="Effect")
    assert len(table) == 98_304
    artists = sum(
        len(axes.lines) + len(axes.collections) + len(axes.images) for axes in figure.axes
    )
    assert artists < 80


def test_the_histogram_splits_by_sign_and_significance() -> None:
    table = made_table(5)
    axes = effect_histogram(table, xlabel="Effect", bins=20).axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == len(table)
    significant = (table["effect"] > 0) & (table["p_value"] < 0.05)
    first = [bar for bar in axes.patches if to_rgb(bar.get_facecolor()) == to_rgb("#1b2a49")]
    assert sum(bar.get_height() for bar in first) == significant.sum()
    assert all(bar.get_x() >= 0 for bar in first if bar.get_height())
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert f"hypothesised sign, significant at 5 %: {significant.mean():.0%}" in texts


def test_the_histogram_of_one_value_has_a_bar() -> None:
    table = made_table(0).assign(effect=2.0, effect_low=1.0, effect_high=3.0)
    axes = effect_histogram(table, xlabel="Effect").axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == len(table)


def test_the_importance_chart_draws_shares_and_totals() -> None:
    frame = pd.DataFrame(
        {
            "choice": ["effects", "with_c0", "lag"],
            "share": [0.5, 0.2, 0.1],
            "total": [0.6, 0.4, 0.1],
        }
    )
    axes = importance_chart(frame, labels={"c0": "Skills"}).axes[0]
    assert labels_of(axes) == ["Fixed effects", "Skills", "Lag (years)"]
    assert [bar.get_width() for bar in axes.patches] == [0.5, 0.2, 0.1]
    np.testing.assert_allclose(axes.lines[0].get_xdata(), frame["total"])
    assert axes.yaxis_inverted()


def test_curve_data_is_json_from_which_the_curve_can_be_drawn() -> None:
    table = made_table(3)
    table.loc[0, ["effect", "p_value"]] = np.nan
    data = json.loads(json.dumps(curve_data(table), allow_nan=False))
    ordered = table.dropna(subset=["effect"]).sort_values("effect", ignore_index=True)
    np.testing.assert_allclose(data["effect"], ordered["effect"], rtol=1e-3)
    np.testing.assert_allclose(data["low"], ordered["effect_low"], rtol=1e-3)
    assert data["n_not_estimated"] == 1
    by_name = {choice["name"]: choice for choice in data["choices"]}
    assert list(by_name) == ["outcome", "lag", "with_c0", "with_c1", "with_c2"]
    decoded = [by_name["lag"]["options"][code] for code in by_name["lag"]["codes"]]
    assert decoded == ordered["lag"].astype(str).tolist()
    decoded = [by_name["outcome"]["options"][code] for code in by_name["outcome"]["codes"]]
    assert decoded == ordered["outcome"].tolist()


def test_a_table_without_results_is_refused() -> None:
    table = made_table(1)
    with pytest.raises(CompendiumError, match="lacks the columns effect_low"):
        specification_curve_plot(table.drop(columns="effect_low"), ylabel="")
    with pytest.raises(CompendiumError, match="none of the 12 specifications was estimated"):
        effect_histogram(table.assign(effect=np.nan), xlabel="")
