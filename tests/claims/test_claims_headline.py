"""The headline of a claim and its tests, on panels whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from analysis.claims import register
from analysis.claims.headline import Design, estimate_headline, leads_p_value, spatial_kernel
from analysis.models import ModelError, Specification, fit
from analysis.robustness.moments import moments_of
from analysis.robustness.wild_bootstrap import wild_bootstrap

CLAIM = register()["C08"]
DESIGN = Design(
    outcome="y", focus="x", effects=("geo", "country_year"), leads=("x_1", "x_2"), scale=2.0
)


def made_panel(effect: float, lead: float = 0.0, countries: int = 8, seed: int = 1) -> pd.DataFrame:
    """``y = effect x + lead x_1`` with noise, region and country-year effects."""
    draw = np.random.default_rng(seed)
    regions, years = 5 * countries, 10
    index = pd.MultiIndex.from_product([range(regions), range(2000, 2000 + years)])
    frame = index.to_frame(name=["region", "year"], index=False)
    frame["geo"] = "R" + frame["region"].astype(str).str.zfill(3)
    frame["country"] = "C" + (frame["region"] // 5).astype(str).str.zfill(2)
    frame["country_year"] = frame["country"] + frame["year"].astype(str)
    frame["lon"] = (frame["region"] % 10) * 1.0
    frame["lat"] = 45 + (frame["region"] // 10) * 1.0
    for name in ("x", "x_1", "x_2"):
        frame[name] = draw.normal(size=len(frame))
    common = draw.normal(size=frame["country_year"].nunique())
    shock = common[pd.factorize(frame["country_year"])[0]]
    own = draw.normal(size=regions)[frame["region"]]
    noise = draw.normal(size=len(frame))
    frame["y"] = effect * frame["x"] + lead * frame["x_1"] + shock + own + noise
    return frame


def checks_of(headline):
    return {check.name: check for check in headline.checks}


def test_the_headline_is_the_regression_and_its_rows_are_counted():
    frame = made_panel(3.0)
    frame.loc[:3, "y"] = np.nan
    found = estimate_headline(CLAIM, DESIGN, frame, label="made", seed=1)
    model = fit(
        Specification(
            outcome="y", regressors=("x",), absorb=DESIGN.effects, vcov="cluster", cluster=("geo",)
        ),
        frame,
    )
    assert found.finding.estimate == pytest.approx(2 * model.row("x")["estimate"])
    assert found.finding.ci_low == pytest.approx(2 * model.row("x")["ci_low"])
    assert found.finding.n_obs == len(found.rows) == len(frame) - 4
    assert found.finding.n_countries == 8 and found.finding.n_regions == 40


def test_a_true_effect_passes_every_test():
    found = estimate_headline(CLAIM, DESIGN, made_panel(3.0), label="made", seed=1)
    names = ["pre-trends", "wild bootstrap", "spatial errors", "leave one country out"]
    assert list(checks_of(found)) == names
    assert all(check.passed for check in found.checks) and not found.omitted
    assert found.inference["inference"].tolist() == ["headline", "wild bootstrap", "spatial errors"]
    assert np.allclose(found.inference["estimate"], found.finding.estimate)


def test_money_after_the_outcome_fails_the_test_of_leads():
    found = estimate_headline(CLAIM, DESIGN, made_panel(3.0, lead=1.0), label="made", seed=1)
    assert not checks_of(found)["pre-trends"].passed


def test_one_country_that_makes_the_result_is_noticed():
    frame = made_panel(0.0, countries=20)
    frame.loc[frame["country"] == "C03", "y"] += 40 * frame["x"]
    found = estimate_headline(CLAIM, DESIGN, frame, label="made", seed=1)
    assert not checks_of(found)["leave one country out"].passed
    assert found.without["country"].iloc[0] == "C03"
    assert found.without["estimate"].is_monotonic_increasing


def test_the_interval_of_the_bootstrap_can_be_the_headline():
    frame = made_panel(1.0)
    by_country = Design(
        outcome="y", focus="x", effects=DESIGN.effects, cluster="country", bootstrap=True
    )
    found = estimate_headline(CLAIM, by_country, frame, label="made", seed=7)
    moments = moments_of(frame, ["y", "x"], cluster="country", absorb=DESIGN.effects)
    test = wild_bootstrap(moments, "y", "x", weights="webb", seed=7)
    assert (found.finding.ci_low, found.finding.ci_high) == pytest.approx(
        (test.ci_low, test.ci_high)
    )
    assert found.finding.p_value == test.p_value
    assert "wild bootstrap" not in checks_of(found)


def test_few_countries_leave_tests_out_and_say_why():
    found = estimate_headline(CLAIM, DESIGN, made_panel(3.0, countries=2), label="made", seed=1)
    assert "2 countries are too few" in found.omitted["wild bootstrap"]
    assert "leave one country out" not in checks_of(found) and found.without.empty


def test_a_headline_that_cannot_be_estimated_is_an_error():
    frame = made_panel(1.0).assign(x=1.0)
    with pytest.raises(ModelError):
        estimate_headline(CLAIM, DESIGN, frame, label="made", seed=1)


def test_leads_are_tested_beside_the_lags():
    frame = made_panel(3.0)
    frame["x_1"] = frame["x_1"] + frame["x"]  # alone it would carry the effect of x
    assert leads_p_value(DESIGN, frame) > 0.05


def test_the_kernel_falls_to_zero_with_distance():
    places = pd.DataFrame({"lon": [0.0, 0.0, 90.0], "lat": [0.0, 1.0, 0.0]})
    kernel = spatial_kernel(places, 500)
    degree = 6371 * np.pi / 180
    assert np.allclose(np.diag(kernel), 1) and np.allclose(kernel, kernel.T)
    assert kernel[0, 1] == pytest.approx(1 - degree / 500) and kernel[0, 2] == 0
