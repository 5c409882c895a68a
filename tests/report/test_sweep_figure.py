"""The figure of a sweep says which runs there are, what they found and what they did not."""

import warnings

import numpy as np
import pandas as pd
import pytest

from analysis import CompendiumError
from analysis.report.sweep_figure import FEW, sweep_figure

NO_ESTIMATE = {"estimate": np.nan, "ci_low": np.nan, "ci_high": np.nan, "n_obs": np.nan}


def headlines(runs: int, countries: str = "AT+BE+DE+ES+FR+IT+NL+PL+PT+SE") -> pd.DataFrame:
    """A run per lag, countries in turn; the first has no estimate."""
    at = np.arange(runs)
    table = pd.DataFrame(
        {
            "run": at.astype(str),
            "param_countries": np.where(at % 2, countries, ""),
            "param_lag": at,
            "param_lang": "en",
            "subject": "C06",
            "claim": "Spreading money over too many places hurts.",
            "unit": "%",
            "verdict": "inconclusive",
            "estimate": at - 3.0,
            "ci_low": at - 3.5,
            "ci_high": at - 2.5,
            "null": 0.0,
            "n_obs": 1000.0 + at,
        }
    )
    return table.assign(**{name: table[name].where(at > 0, value) for name, value in
                           {**NO_ESTIMATE, "verdict": "not testable"}.items()})  # fmt: skip


def words(figure) -> list[str]:
    """Every text that is drawn, in no order."""
    figure.canvas.draw()
    found = [text for part in [figure, *figure.subfigs] for axes in part.axes
             for text in [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label,
                          *axes.texts, *axes.get_yticklabels()]]  # fmt: skip
    return [text.get_text() for text in found]


def test_few_runs_are_named_with_verdicts_and_observations_those_without_estimate_too():
    drawn = sweep_figure(headlines(5), notebook="06_concentration")
    said = words(drawn.figure)
    assert "C06: Spreading money over too many places hurts." in " ".join(said).replace("\n", " ")
    assert "countries all, lag 0" in said and "not testable" in said
    assert "countries AT+BE+DE+ES+FR+IT+NL+PL+PT+SE, lag 3" in [t.replace("\n", " ") for t in said]
    assert "inconclusive, n = 1,004" in said
    assert any("Estimate, % (bar: 95\u00a0% interval" in text for text in said)
    assert drawn.caption.endswith("What differs between them: countries, lag.")
    assert "from −2 to 1, median −0.5, in 4 runs" in drawn.alt
    assert "above the null hypothesis in 1 of them and below it in 2." in drawn.alt
    assert drawn.alt.endswith("One more run has no estimate of it.")


def test_long_names_are_broken_not_cut():
    drawn = sweep_figure(headlines(4, countries="+".join(["FR"] * 30)), notebook="a")
    names = [text for text in words(drawn.figure) if "lag 3" in text.replace("\n", " ")]
    assert names and max(map(len, names[0].split("\n"))) <= 50


def test_many_runs_stand_in_order_over_marks_of_their_parameters():
    drawn = sweep_figure(headlines(FEW + 10), notebook="a")
    above, below = drawn.figure.subfigs[0].axes
    estimates = above.lines[0].get_ydata()
    assert len(estimates) == FEW + 9 and (np.diff(estimates) > 0).all()
    labels = [text.get_text() for text in below.get_yticklabels()]
    assert labels == ["countries all", "countries AT+BE+DE+ES+FR+IT+NL+PL+PT+SE"]
    assert len(below.lines[0].get_xdata()) + len(below.lines[1].get_xdata()) == FEW + 9


def test_a_parameter_with_too_many_values_has_no_marks_and_nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = sweep_figure(headlines(60).assign(param_countries=""), notebook="a", lang="fr")
        drawn.figure.canvas.draw()
    assert "Ce qui les distingue\u00a0: lag." in drawn.caption


def test_other_units_are_other_panels():
    other = headlines(3).assign(unit="points")
    drawn = sweep_figure(pd.concat([headlines(3), other]), notebook="a")
    assert len(drawn.figure.subfigs) == 2


def test_nothing_to_draw_is_said():
    with pytest.raises(CompendiumError, match="no run has a headline estimate"):
        sweep_figure(headlines(1), notebook="a")
    with pytest.raises(CompendiumError, match="lacks the columns claim"):
        sweep_figure(headlines(2).drop(columns="claim"), notebook="a")


@pytest.mark.parametrize("runs", [4, 60])
def test_dollar_signs_in_a_value_are_no_mathematics(runs):
    table = headlines(runs).assign(param_countries=[r"$\frac{", "$1$"] * (runs // 2))
    drawn = sweep_figure(table, notebook="a")
    assert any(r"\$\frac{" in text for text in words(drawn.figure))
