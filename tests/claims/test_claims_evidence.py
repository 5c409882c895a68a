"""What notebooks keep of a claim for those that look at all claims at once."""

import numpy as np
import pandas as pd
import pytest
from test_claims_headline import DESIGN, made_panel

from analysis.claims import ClaimError
from analysis.claims.evidence import (
    KEPT,
    KINDS,
    compare_inference,
    country_weights,
    curve_evidence,
    headline_evidence,
    joint_evidence,
    kept_choices,
    null_draws,
    read_kept,
    without_each,
    without_evidence,
)
from analysis.claims.headline import estimate_headline
from analysis.models import Specification, fit
from analysis.report import Output
from analysis.robustness.choices import Curve
from analysis.robustness.curve import curve_parts, run_curve
from analysis.robustness.joint_test import joint_test
from analysis.robustness.summary import summarise
from analysis.robustness.wild_bootstrap import share_as_extreme, wild_bootstrap

CURVE = Curve.of(
    {
        "outcomes": ["y"],
        "focus": "x",
        "controls": {"any of": ["x_1", "x_2"]},
        "effects": [["geo", "year"], ["geo", "country_year"]],
        "clusters": ["geo", "country"],
    }
)


@pytest.fixture(scope="module")
def panel():
    return made_panel(0.1)


@pytest.fixture(scope="module")
def result(panel):
    return run_curve(CURVE, panel)


def test_a_kept_curve_gives_the_summary_of_the_curve(result):
    kept = curve_evidence("C08", result.table)["curve_C08"]
    assert kept_choices(kept) == ["effects", "cluster", "with_x_1", "with_x_2"]
    assert tuple(kept.columns[-len(KEPT) :]) == KEPT
    before, after = summarise(result.table, 1), summarise(kept, 1)
    assert after.share_significant == before.share_significant
    assert after.median == pytest.approx(before.median, rel=1e-5)


def test_a_kept_curve_comes_back_from_disk_as_it_was(result, tmp_path):
    joint = joint_test(curve_parts(result, "country"), draws=99, seed=1)
    frames = curve_evidence("C08", result.table, joint)
    Output(tmp_path).keep(frames)
    found = read_kept([tmp_path], "curve")
    pd.testing.assert_frame_equal(found["C08"], frames["curve_C08"], check_dtype=False)
    assert read_kept([tmp_path], "joint")["C08"]["p_median"].item() == pytest.approx(
        joint.p_median, rel=1e-5
    )
    assert list(joint_evidence("C08", joint)) == ["joint_C08"]


def test_the_same_claim_in_two_runs_is_refused(result, tmp_path):
    for name in ("a", "b"):
        Output(tmp_path / name).keep(curve_evidence("C08", result.table))
    with pytest.raises(ClaimError, match="two runs"):
        read_kept([tmp_path / "a", tmp_path / "b"], "curve")


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "curve_C08.parquet").write_bytes(b"nothing")
    with pytest.raises(ClaimError, match=r"curve_C08\.parquet"):
        read_kept([tmp_path], "curve")


def test_a_grid_is_significant_where_its_interval_leaves_out_the_null():
    grid = pd.DataFrame(
        {
            "measure": ["a", "a", "b", "b"],
            "same": "all",
            "estimate": [52.0, 60.0, 40.0, 50.0],
            "ci_low": [48.0, 51.0, np.nan, 45.0],
            "ci_high": [53.0, 90.0, np.nan, 55.0],
        }
    )
    kept = curve_evidence("C10", grid, null=50)["curve_C10"]
    assert kept_choices(kept) == ["measure"]
    assert kept["effect"].tolist() == [2, 10, -10, 0]
    assert (kept["p_value"] < 0.05).tolist() == [False, True, False, False]
    assert kept["p_value"].isna().tolist() == [False, False, True, False]
    assert summarise(kept, 1).share_significant == 0.25


def test_an_estimate_outside_its_own_interval_has_no_p_value():
    grid = pd.DataFrame(
        {
            "way": list("abc"),
            "estimate": [7.0, 7.0, 0.0],
            "ci_low": [12.0, 2.0, 1.0],
            "ci_high": 76.0,
        }
    )
    p = curve_evidence("C11", grid)["curve_C11"]["p_value"]
    assert p.isna().tolist() == [True, False, True] and p[1] < 0.05


def test_every_kind_of_inference_is_that_of_the_models(panel):
    found = compare_inference(DESIGN, panel, draws=199).set_index("kind")
    assert list(found.index) == list(KINDS) and (found["why"] == "").all()
    clusters = {"region": ("geo",), "country": ("country",), "region and year": ("geo", "year")}
    for kind, names in clusters.items():
        spec = Specification(
            outcome="y", regressors=("x",), absorb=DESIGN.effects, vcov="cluster", cluster=names
        )
        row = fit(spec, panel).row("x")
        assert found.loc[kind, "estimate"] == pytest.approx(2 * row["estimate"])
        assert found.loc[kind, "ci_low"] == pytest.approx(2 * row["ci_low"], rel=1e-6), kind
    headline = estimate_headline_inference(panel)
    assert found.loc["conley", "ci_low"] == pytest.approx(headline["spatial errors"], rel=1e-9)


def estimate_headline_inference(panel):
    from analysis.claims import register

    found = estimate_headline(register()["C08"], DESIGN, panel, label="made", seed=1)
    return found.inference.set_index("inference")["ci_low"]


def test_countries_as_units_have_no_clusters_of_regions(panel):
    nations = panel.groupby(["country", "year"], as_index=False)[["x", "y"]].mean()
    design = type(DESIGN)(outcome="y", focus="x", effects=("country", "year"), cluster="country")
    found = compare_inference(design, nations, draws=99).set_index("kind")
    assert "region" not in found.index and np.isfinite(found.loc["country", "ci_low"])
    assert "coordinates" in found.loc["conley", "why"]


def test_too_few_countries_are_said_and_leave_no_draws(panel):
    few = panel[panel["country"].isin(["C00", "C01"])]
    frames = headline_evidence("C08", DESIGN, few, draws=99)
    assert list(frames) == ["inference_C08"]
    table = frames["inference_C08"].set_index("kind")
    assert "too few" in table.loc["wild bootstrap", "why"]
    assert np.isfinite(table.loc["region", "ci_low"])


def test_without_each_country_is_a_regression_without_its_rows(panel):
    found = without_each(DESIGN, panel).set_index("country")["estimate"]
    rest = panel[panel["country"] != "C03"]
    spec = Specification(outcome="y", regressors=("x",), absorb=DESIGN.effects)
    assert found["C03"] == pytest.approx(2 * fit(spec, rest).row("x")["estimate"])
    assert len(found) == 8


def test_null_draws_are_a_wild_bootstrap_by_country(panel):
    drawn = null_draws(DESIGN, panel, draws=1_999)["statistic"].to_numpy()
    exceeding = (np.abs(drawn[1:]) >= abs(drawn[0])).sum()
    p_value = share_as_extreme(exceeding, 1_999, contains_sample=False)
    from analysis.robustness.moments import moments_of

    moments = moments_of(panel, ["y", "x"], cluster="country", absorb=DESIGN.effects)
    exact = wild_bootstrap(moments, "y", "x", draws=9_999, seed=1).p_value  # all 2^8 signs
    assert p_value == pytest.approx(exact, abs=0.04)


def test_a_country_has_its_weights_whoever_else_is_there():
    assert set(country_weights("FR", 500)) == {-1, 1}
    assert abs(country_weights("FR").mean()) < 0.1
    together = np.array([country_weights("FR"), country_weights("DE")], dtype=float)
    assert abs(np.corrcoef(together)[0, 1]) < 0.1
    assert (country_weights("FR", 100) == country_weights("FR", 100)).all()


def test_claims_whose_draws_share_countries_are_drawn_together(panel):
    twice = panel.assign(y=3 * panel["y"] + 1)
    first, second = (null_draws(DESIGN, frame, draws=99) for frame in (panel, twice))
    assert np.allclose(first, second)
    half = null_draws(DESIGN, panel[panel["country"] != "C07"], draws=999)["statistic"]
    whole = null_draws(DESIGN, panel, draws=999)["statistic"]
    assert np.corrcoef(half[1:], whole[1:])[0, 1] > 0.5


def test_estimates_by_country_left_out_are_sorted():
    kept = without_evidence("C02", {"FR": 2.0, "DE": 1.0})["without_C02"]
    assert kept["country"].tolist() == ["DE", "FR"]


def test_kept_frames_do_not_depend_on_the_order_of_rows(panel):
    shuffled = panel.sample(frac=1, random_state=3)
    for name, frame in headline_evidence("C08", DESIGN, panel, draws=99).items():
        again = headline_evidence("C08", DESIGN, shuffled, draws=99)[name]
        pd.testing.assert_frame_equal(frame, again, rtol=1e-5)
