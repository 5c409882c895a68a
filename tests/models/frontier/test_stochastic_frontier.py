"""Stochastic frontiers: the likelihood by numerical integration, recovery, invariances, errors."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from analysis.models.estimates import Estimates
from analysis.models.frontier import stochastic_frontier
from analysis.models.specification import ModelError

OPTIONS: dict[str, Any] = {"outcome": "y", "regressors": "x"}
PANEL: dict[str, Any] = {"unit": "unit", "time": "time"}


def data(n_units: int = 150, n_periods: int = 4, eta: float = 0.1, seed: int = 0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    unit, time = np.indices((n_units, n_periods))
    x, z = generator.normal(size=unit.shape), generator.uniform(size=unit.shape)
    v = 0.2 * generator.normal(size=unit.shape)
    one = np.abs(generator.normal(size=(n_units, 1)))
    arrays = {
        "x": x,
        "z": z,
        "y": 1 + 0.5 * x + v - 0.6 * np.abs(generator.normal(size=unit.shape)),
        "panel": 1 + 0.5 * x + v - 0.6 * np.exp(-eta * (time - n_periods + 1)) * one,
        "shifted": 1
        + 0.5 * x
        + v
        - stats.truncnorm.rvs(-(2 * z) / 0.5, np.inf, 2 * z, 0.5, random_state=generator),
        "unit": unit,
        "time": time,
    }
    return pd.DataFrame({name: array.ravel() for name, array in arrays.items()})


def integrated(frame: pd.DataFrame, result: Estimates, outcome: str) -> float:
    """Log likelihood of unit panels by integrating inefficiency out."""
    value = result.coefficients.set_index("term")["estimate"]
    sigma_u, sigma_v = result.statistics["sigma_u"], result.statistics["sigma_v"]
    mu, eta = value.get("mu", 0.0), value.get("eta", 0.0)
    grid = np.linspace(0, 8, 8001)
    prior = stats.norm.pdf(grid, mu, sigma_u) / stats.norm.cdf(mu / sigma_u)
    total = 0.0
    for _, rows in frame.groupby("unit"):
        residual = (rows[outcome] - value["Intercept"] - value["x"] * rows["x"]).to_numpy()
        decay = np.exp(-eta * (rows["time"] - rows["time"].max()).to_numpy())
        noise = stats.norm.pdf(residual[:, None] + np.outer(decay, grid), scale=sigma_v)
        total += math.log(integrate.simpson(noise.prod(axis=0) * prior, x=grid))
    return total


@pytest.mark.parametrize("decays", [False, True])
@pytest.mark.parametrize("distribution", ["half_normal", "truncated_normal"])
def test_panel_likelihood_is_the_integral(distribution: str, decays: bool) -> None:
    frame = data()
    result = stochastic_frontier(
        frame,
        **PANEL,
        outcome="panel",
        regressors="x",
        panel=True,
        time_varying=decays,
        distribution=distribution,
    )
    expected = integrated(frame, result, "panel")
    assert result.facts.log_likelihood == pytest.approx(expected, abs=1e-5)
    if decays:
        eta = result.row("eta")
        assert eta["estimate"] == pytest.approx(0.1, abs=3 * eta["std_error"])


def test_half_normal_is_the_skew_normal_likelihood_at_its_maximum() -> None:
    """Aigner, Lovell and Schmidt (1977), equation (8)."""
    frame = data()
    result = stochastic_frontier(frame, **OPTIONS)
    value = result.coefficients.set_index("term")["estimate"]

    def likelihood(b0: float, b1: float, sigma: float, lam: float) -> float:
        e = (frame["y"] - b0 - b1 * frame["x"]).to_numpy() / sigma
        return float(
            (math.log(2 / sigma) + stats.norm.logpdf(e) + stats.norm.logcdf(-e * lam)).sum()
        )

    best = [value["Intercept"], value["x"], math.sqrt(value["sigma2"]), result.statistics["lambda"]]
    top = likelihood(*best)
    assert result.facts.log_likelihood == pytest.approx(top, abs=1e-8)
    for place in range(4):
        for step in (-0.003, 0.003):
            moved = [number + step * (i == place) for i, number in enumerate(best)]
            assert likelihood(*moved) < top


def test_shifters_of_inefficiency_are_recovered() -> None:
    result = stochastic_frontier(
        data(600, 4), outcome="shifted", regressors="x", inefficiency="z", **PANEL
    )
    row = result.row("inefficiency:z")
    assert row["estimate"] == pytest.approx(2, abs=3 * row["std_error"])
    assert result.statistics["lr_df"] == 3
    assert result.statistics["lr_p"] < 0.01


def test_efficiency_is_the_mean_over_the_conditional_distribution() -> None:
    frame = data(40, 3)
    result = stochastic_frontier(frame, **OPTIONS, **PANEL)
    value, grid = result.coefficients.set_index("term")["estimate"], np.linspace(0, 8, 8001)
    row = frame.iloc[7]
    residual = row["y"] - value["Intercept"] - value["x"] * row["x"]
    sigma_u, sigma_v = result.statistics["sigma_u"], result.statistics["sigma_v"]
    density = stats.norm.pdf(residual + grid, scale=sigma_v) * stats.norm.pdf(grid, 0, sigma_u)
    density /= integrate.simpson(density, x=grid)
    ours = result.details["efficiency"].set_index("term").loc["2:1"]
    assert ours["value"] == pytest.approx(integrate.simpson(np.exp(-grid) * density, x=grid))
    assert ours["inefficiency"] == pytest.approx(integrate.simpson(grid * density, x=grid))


def test_cost_is_production_mirrored_and_units_do_not_matter() -> None:
    frame = data()
    one = stochastic_frontier(frame, **OPTIONS)
    mirrored = frame.assign(y=-frame["y"], x=-frame["x"]).sample(frac=1, random_state=0)
    cost = stochastic_frontier(mirrored, **OPTIONS, frontier="cost")
    assert cost.row("x")["estimate"] == pytest.approx(one.row("x")["estimate"], abs=1e-5)
    assert cost.statistics["lambda"] == pytest.approx(one.statistics["lambda"], rel=1e-4)
    scaled = stochastic_frontier(frame.assign(y=100 * frame["y"], x=1e3 * frame["x"]), **OPTIONS)
    assert scaled.row("x")["estimate"] == pytest.approx(0.1 * one.row("x")["estimate"], rel=1e-5)
    assert scaled.row("x")["std_error"] == pytest.approx(0.1 * one.row("x")["std_error"], rel=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frontier": "profit"}, "frontier: 'profit' is not one of"),
        ({"distribution": "gamma"}, "distribution: 'gamma' is not one of"),
        ({"panel": True}, "panel needs the column unit"),
        ({"time_varying": True, "unit": "unit"}, "time_varying needs the column time"),
        ({"panel": True, "inefficiency": "z"}, "leave out panel"),
        ({"regressors": ["x", "x2"]}, "regressors: collinear"),
        ({"frontier": "cost"}, "skewed the wrong way"),
    ],
)
def test_frontier_errors(change: dict[str, Any], message: str) -> None:
    frame = data().assign(x2=lambda f: 2 * f["x"])
    with pytest.raises(ModelError, match=message):
        stochastic_frontier(frame, **(OPTIONS | change))
