"""Specifications that moments cannot give."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.models import fit
from analysis.robustness.choices import Curve
from analysis.robustness.curve import curve_parts, run_curve
from analysis.robustness.plan import plan_curve, specification

CURVE: dict[str, Any] = {
    "outcomes": "patents",
    "focus": "log(funds)",
    "controls": ["skills"],
    "estimator": ["ols", "poisson"],
    "weights": ["none", "population"],
    "effects": [["geo", "year"], "none"],
    "clusters": ["geo", "hc3"],
    "never together": [{"estimator": "poisson", "cluster": "hc3"}],
    "standardise": "percent",
}


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    geo, year = np.repeat(np.arange(20), 8), np.tile(np.arange(8), 20)
    frame = pd.DataFrame(
        {
            "geo": geo,
            "year": year,
            "population": rng.uniform(1, 5, 20)[geo],
            "funds": np.exp(rng.normal(size=160)),
            "skills": rng.normal(size=160),
        }
    )
    mean = np.exp(0.3 * np.log(frame["funds"]) + rng.normal(size=20)[geo])
    frame["patents"] = np.where(geo == 3, 0, rng.poisson(mean))
    frame.loc[rng.random(160) < 0.1, "skills"] = np.nan
    return frame


def test_refits_are_what_a_separate_fit_gives(panel: pd.DataFrame) -> None:
    result = run_curve(Curve.of(CURVE), panel)
    table = result.table
    assert len(table) == 2 * 2 * 2 * 3
    assert (table["engine"] == "refit").equals(
        (table["estimator"] == "poisson") | (table["cluster"] == "hc3")
    )
    for position, row in table[table["engine"] == "refit"].iterrows():
        spec = specification(result.plan.enumeration, int(position))
        estimates = fit(spec, result.plan.columns)
        expected = estimates.row("log(funds)")
        for name in ("estimate", "std_error", "p_value", "ci_low", "ci_high"):
            assert row[name] == pytest.approx(expected[name], rel=1e-12)
        assert (row["n_obs"], row["n_units"]) == (estimates.facts.n_obs, estimates.facts.n_units)
        assert row["flag"] == ""
    poisson = table[table["estimator"] == "poisson"]
    np.testing.assert_allclose(poisson["effect"], 100 * poisson["estimate"])
    # Regions without any patent say nothing in a Poisson model with their own effect.
    silent = (panel.groupby("geo")["patents"].sum() == 0).sum()
    alone = poisson[(poisson["effects"] == "geo + year") & ~poisson["with_skills"]]
    assert silent >= 1 and (alone["n_units"] == 20 - silent).all()


def test_the_number_of_processes_does_not_matter(panel: pd.DataFrame) -> None:
    curve = Curve.of(CURVE)
    alone, two = run_curve(curve, panel, workers=1), run_curve(curve, panel, workers=2)
    pd.testing.assert_frame_equal(alone.table, two.table, check_exact=True)


def test_the_plan_counts_refits_apart_from_passes(panel: pd.DataFrame) -> None:
    plan = plan_curve(Curve.of(CURVE), panel)
    assert "16 refits" in str(plan) and "8 passes" in str(plan)


def test_a_refit_that_fails_is_flagged_with_the_reason(panel: pd.DataFrame) -> None:
    curve = Curve.of({**CURVE, "samples": {"zeros": {"geo": 3}}, "estimator": "poisson"})
    table = run_curve(curve, panel).table
    assert table["flag"].str.contains("every outcome is zero").any()
    assert table["estimate"].isna().all() and (table["flag"] != "").all()


def test_joint_tests_leave_refits_out(panel: pd.DataFrame) -> None:
    parts = curve_parts(run_curve(Curve.of(CURVE), panel), "geo")
    assert sum(len(part.batch.outcome) for part in parts) == 8
