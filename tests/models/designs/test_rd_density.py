"""The density test against its authors' software and known truths."""

import numpy as np
import pandas as pd
import pytest

from analysis.models import ModelError
from analysis.models.designs import rd_density


@pytest.mark.parametrize(
    ("bandwidth", "order", "below", "above", "jump", "statistic"),
    [
        # rddensity(margin, c=0, h=..., p=order) prints densities and jump of degree p + 1.
        ((19.841, 27.119), 2, 0.003288, 0.002371, -0.003548, -0.875254),
        (20, 2, 0.003276, 0.002853, -0.003731, -0.858724),
        (20, 1, 0.002010, 0.001796, -0.004201, -1.558399),
    ],
)
def test_senate_elections(shared_data, bandwidth, order, below, above, jump, statistic):
    frame = pd.read_csv(shared_data / "studies" / "cct2014_senate" / "data.csv")
    row = rd_density(frame, running="margin", bandwidth=bandwidth, order=order).row("density_jump")
    assert row["estimate"] == pytest.approx(jump, abs=6e-7)
    assert row["statistic"] == pytest.approx(statistic, abs=6e-7)
    assert row["std_error"] == pytest.approx(np.hypot(below, above), abs=1.2e-6)


def test_densities_of_a_known_distribution():
    values = np.random.default_rng(3).normal(size=20_000)
    estimates = rd_density(pd.DataFrame({"x": values}), running="x", cutoff=0.5)
    truth = np.exp(-0.125) / np.sqrt(2 * np.pi)
    for term in ("density_below", "density_above"):
        row = estimates.row(term)
        assert abs(row["estimate"] - truth) < 4 * row["std_error"] < 0.2 * truth


def test_size_and_power():
    random = np.random.default_rng(11)
    rejected = {"smooth": 0, "sorted": 0}
    for _ in range(60):
        values = random.uniform(-1, 1, 1500)
        moved = (values > -0.1) & (values < 0) & (random.uniform(size=1500) < 0.6)
        for name, x in (("smooth", values), ("sorted", np.where(moved, -values, values))):
            test = rd_density(pd.DataFrame({"x": x}), running="x", bandwidth=0.25)
            rejected[name] += test.row("density_jump")["p_value"] < 0.05
    assert rejected["smooth"] <= 9
    assert rejected["sorted"] >= 45


def test_mirror_scale_and_order():
    values = np.random.default_rng(5).gamma(3, size=800)
    base = rd_density(pd.DataFrame({"x": values}), running="x", cutoff=2.0)
    mirrored = rd_density(pd.DataFrame({"x": -values[::-1]}), running="x", cutoff=-2.0)
    assert mirrored.row("density_jump")["estimate"] == pytest.approx(
        -base.row("density_jump")["estimate"]
    )
    scaled = rd_density(pd.DataFrame({"x": values * 100}), running="x", cutoff=200.0)
    assert scaled.row("density_jump")["statistic"] == pytest.approx(
        base.row("density_jump")["statistic"]
    )
    assert scaled.statistics["bandwidth_below"] == pytest.approx(
        100 * base.statistics["bandwidth_below"]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"running": "z"}, "no column 'z'"),
        ({"kernel": "box"}, "triangular, epanechnikov, uniform"),
        ({"bandwidth": -1}, "positive"),
        ({"cutoff": 100.0}, "at or above|above the cutoff"),
        ({"order": 0}, "1 or more"),
    ],
)
def test_errors(options, message):
    frame = pd.DataFrame({"x": np.linspace(-1, 1, 50)})
    with pytest.raises(ModelError, match=message):
        rd_density(frame, **{"running": "x", **options})
