"""The grid of forecasts: scores are of rows the rule has not seen, and noise scores chance."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import CompendiumError
from analysis.indicators.clustered_discrimination import clustered_discrimination
from analysis.indicators.entry import entries
from analysis.robustness.entry_grid import entry_grid, feature_sets

GRID = {
    "thresholds": [1.0],
    "lags": [1],
    "lasting": ["one year"],
    "held out": ["later years", "other countries"],
    "controls": {"any of": ["relatedness_density", "skills"]},
    "effects": [[], ["industry", "year"]],
    "samples": ["all"],
    "clusters": ["geo", "country"],
}


def made(strength: float, years: int = 6) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Regions whose quotients wander, upwards the more skilled they are."""
    draw = np.random.default_rng(3)
    regions, names = 80, list("ABCD")
    skills = draw.normal(size=regions)
    push = strength * np.outer(skills, [1, -1, 1, -1])
    level, tables, factors = draw.normal(size=(regions, 4)), [], []
    geo = [f"R{number:02d}" for number in range(regions)]
    for year in range(2008, 2008 + years):
        level = 0.8 * level + 0.2 * push + 0.6 * draw.normal(size=level.shape)
        index = pd.MultiIndex.from_product([[year], geo], names=["year", "geo"])
        tables.append(pd.DataFrame(np.exp(level), index=index, columns=names))
        factors.append(pd.DataFrame({"year": year, "geo": geo, "skills": skills}))
    known = pd.concat(factors, ignore_index=True)
    known["country"] = "C" + (known["geo"].str[1:].astype(int) % 8).astype(str)
    known["is_capital"] = False
    return pd.concat(tables).rename_axis(columns="industry"), known


def test_every_set_of_features_is_listed_once():
    assert feature_sets(3).sum(axis=1).tolist() == [1, 1, 1, 2, 2, 2, 3]
    assert len(np.unique(feature_sets(5), axis=0)) == 31


def test_scores_of_other_countries_are_those_of_least_squares_without_the_country():
    activity, factors = made(1.0)
    table = entry_grid(activity, factors, GRID, years=(2008, 2013))
    ours = table[
        (table["estimator"] == "other countries") & (table["effects"] == "none")
        & table["with_skills"] & table["with_relatedness_density"] & (table["cluster"] == "geo")
    ]  # fmt: skip
    rows = entries(activity, lag=1).dropna(subset=["entry"]).merge(factors, on=["year", "geo"])
    x = rows[["relatedness_density", "skills"]].to_numpy()
    x, scores = (x - x.mean(axis=0)) / x.std(axis=0), np.zeros(len(rows))
    for country in sorted(rows["country"].unique()):
        held = (rows["country"] == country).to_numpy()
        design = np.column_stack([np.ones(len(x)), x])[~held]
        scores[held] = x[held] @ np.linalg.lstsq(design, rows["entry"][~held])[0][1:]
    theirs = clustered_discrimination(rows["entry"], scores, rows["geo"])
    assert ours["estimate"].item() == pytest.approx(100 * theirs.auc)
    assert ours["std_error"].item() == pytest.approx(100 * theirs.std_error)


def test_later_years_never_score_what_they_learned_from():
    activity, factors = made(1.0)
    first = entry_grid(activity, factors, GRID, years=(2008, 2013))
    later = first[first["estimator"] == "earlier years"]
    everything = entries(activity, lag=1)["entry"].notna().sum()
    unseen = entries(activity, lag=1).query("year > 2008")["entry"].notna().sum()
    assert (later["n_obs"] == unseen).all() and unseen < everything


def test_noise_scores_chance_and_a_longer_lag_than_the_data_is_refused():
    activity, factors = made(0.0)
    factors["skills"] = np.random.default_rng(9).normal(size=len(factors))
    table = entry_grid(activity, factors, GRID, years=(2008, 2013))
    alone = table[table["with_skills"] & ~table["with_relatedness_density"]]
    assert (alone["effect"].abs() < 6).all()
    with pytest.raises(CompendiumError, match="no forecast of the grid"):
        entry_grid(activity, factors, GRID | {"lags": [9]}, years=(2008, 2013))


def test_p_values_are_those_of_the_intervals():
    table = entry_grid(*made(1.0), GRID, years=(2008, 2013))
    outside = (table["effect_low"] > 0) | (table["effect_high"] < 0)
    assert ((table["p_value"] < 0.05) == outside).all()
    one = table.iloc[0]
    t = abs(one["effect"]) / one["std_error"]
    assert one["p_value"] == pytest.approx(2 * stats.t.sf(t, one["n_clusters"] - 1))
    assert table["p_value"].nunique() > 2
