"""Running a curve: agreement with one fit at a time, rows, passes, order, flags, units."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.models import ModelError, fit
from analysis.panel import measures
from analysis.robustness.choices import Curve, CurveError
from analysis.robustness.curve import (
    EFFECTS,
    RESULTS,
    CurveResult,
    curve_parts,
    pass_batch,
    pass_moments,
    run_curve,
)
from analysis.robustness.joint_test import joint_test
from analysis.robustness.plan import plan_curve, specification
from analysis.robustness.solve import solve
from analysis.robustness.summary import summarise, summarise_by_choice

CURVE: dict[str, Any] = {
    "outcomes": ["log(patents)", {"column": "unemployment", "sign": -1}],
    "focus": [{"column": "funds"}, {"column": "funds", "transform": "log1p", "lag": 1}],
    "controls": {"always": ["density"], "any of": ["skills", "rd", "industry"]},
    "samples": {"no capitals": {"is_capital": False}, "late": {"year": {"from": 2004}}},
    "weights": ["none", "population"],
    "effects": ["none", ["geo", "year"], ["geo", "country_year"]],
    "clusters": ["geo", ["geo", "year"], "hc1"],
}


def made_panel(seed: int = 1) -> pd.DataFrame:
    """Thirty regions in six countries over ten years, with gaps and years that are absent."""
    rng = np.random.default_rng(seed)
    geo, year = np.repeat(np.arange(30), 10), np.tile(np.arange(2000, 2010), 30)
    common = rng.normal(size=30)[geo] + 0.1 * (year - 2000)
    frame = pd.DataFrame(
        {
            "geo": [f"{'ABCDEF'[g // 5]}{g}" for g in geo],
            "country": [f"{'ABCDEF'[g // 5]}" for g in geo],
            "year": year,
            "is_capital": geo % 5 == 0,
            "population": rng.uniform(0.5, 5, size=30)[geo],
            "funds": np.exp(rng.normal(size=300) + 0.3 * common),
            "density": rng.normal(size=300) + common,
            "skills": rng.normal(size=300) + 0.5 * common,
            "rd": rng.normal(size=300),
            "industry": rng.normal(size=300),
        }
    )
    frame["patents"] = np.exp(0.2 * np.log(frame["funds"]) + common + rng.normal(size=300))
    frame["unemployment"] = 10 - 0.3 * frame["funds"] - common + rng.normal(size=300)
    frame["country_year"] = frame["country"] + frame["year"].astype(str)
    for column, share in {"patents": 0.05, "skills": 0.15, "rd": 0.1, "population": 0.02}.items():
        frame.loc[rng.random(300) < share, column] = np.nan
    return frame[rng.random(300) > 0.03].reset_index(drop=True)


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return made_panel()


@pytest.fixture(scope="module")
def result(panel: pd.DataFrame) -> CurveResult:
    return run_curve(Curve.of(CURVE), panel)


def refitted(result: CurveResult, panel: pd.DataFrame, position: int) -> tuple[Any, Any]:
    """The coefficient and facts that one separate fit gives, from the rows of the sample."""
    spec = specification(result.plan.enumeration, position)
    inside = {
        "all": np.ones(len(panel), dtype=bool),
        "no capitals": ~panel["is_capital"].to_numpy(),
        "late": (panel["year"] >= 2004).to_numpy(),
    }[spec.sample]
    estimates = fit(spec, result.plan.columns[inside])
    return estimates.row((spec.endogenous or spec.regressors)[0]), estimates.facts


def test_a_random_fifth_agrees_with_separate_fits(result: CurveResult, panel: pd.DataFrame) -> None:
    table = result.table
    assert len(table) == 2 * 2 * 8 * 2 * 2 * 3 * 3
    assert (table["flag"] == "").mean() > 0.95
    rng = np.random.default_rng(7)
    estimated = table.index[np.isfinite(table["std_error"])]
    for position in rng.choice(estimated, len(table) // 5, replace=False):
        row = table.loc[position]
        expected, facts = refitted(result, panel, int(position))
        assert row["estimate"] == pytest.approx(expected["estimate"], rel=1e-9)
        for name in ("std_error", "statistic", "ci_low", "ci_high"):
            assert row[name] == pytest.approx(expected[name], rel=1e-8), name
        assert row["p_value"] == pytest.approx(expected["p_value"], rel=1e-7, abs=1e-14)
        assert (row["n_obs"], row["n_units"]) == (facts.n_obs, facts.n_units)
        assert pd.isna(row["n_clusters"]) == (facts.n_clusters is None)
        if facts.n_clusters is not None:
            assert row["n_clusters"] == facts.n_clusters
        assert row["r_squared"] == pytest.approx(facts.r_squared, rel=1e-9)
        assert row["within_r_squared"] == pytest.approx(
            facts.within_r_squared, rel=1e-8, nan_ok=True
        )


def test_the_table_has_a_column_per_choice_and_result(result: CurveResult) -> None:
    assert list(result.table.columns) == [
        *("outcome", "focus", "transform", "average", "lag", "sample", "weights", "effects"),
        *("cluster", "estimator", "instruments", "controls"),
        *("with_skills", "with_rd", "with_industry"),
        *RESULTS,
        *EFFECTS,
    ]
    assert list(result.table["sample"].cat.categories) == ["no capitals", "late"]


def test_bytes_do_not_depend_on_the_order_of_rows_or_columns(panel: pd.DataFrame) -> None:
    curve = Curve.of({**CURVE, "samples": {"all": {}}, "clusters": ["geo", "hc1"]})
    shuffled = panel.sample(frac=1, random_state=3)[list(panel.columns[::-1])]
    first, second = run_curve(curve, panel), run_curve(curve, shuffled)
    pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)
    pd.testing.assert_frame_equal(first.passes, second.passes)


def test_no_sum_over_rows_is_in_the_order_they_came(panel: pd.DataFrame) -> None:
    random = np.random.default_rng(7)
    placed = panel.assign(lon=random.uniform(0, 20, len(panel)), lat=50 + panel["rd"].fillna(0))
    declared = {"outcomes": "unemployment", "focus": "share(funds)", "standardise": "percent"}
    curve = Curve.of({**declared, "clusters": ["country", "geo within 400 km"]})
    first = run_curve(curve, placed).table
    for seed in range(3):
        again = run_curve(curve, placed.sample(frac=1, random_state=seed)).table
        pd.testing.assert_frame_equal(first, again, check_exact=True)


def test_passes_are_few_shown_and_account_for_every_specification(
    result: CurveResult, panel: pd.DataFrame
) -> None:
    passes = result.passes
    assert passes["n_specifications"].sum() == len(result.table)
    every = np.concatenate([one.specifications for one in result.plan.passes])
    assert sorted(every) == list(range(len(result.table)))
    # Skills and R&D have gaps, which makes four patterns for each outcome and lag.
    by_kind = passes.groupby(["sample", "weights", "effects", "cluster"]).size()
    assert (by_kind == 2 * 2 * 4).all()
    first = passes["rows_decided_by"].head(8).tolist()
    assert first[:4] == [
        "log(patents)",
        "log(patents), rd",
        "log(patents), skills",
        "log(patents), skills, rd",
    ]
    alone = passes[passes["rows_decided_by"] == "the sample alone"]
    provincial = panel[~panel["is_capital"]]
    assert alone["n_obs"].max() == len(provincial)
    assert set(alone["n_columns"]) == {4}  # with industry, which has no gaps
    assert result.seconds > 0 and "seconds" not in result.table


def test_specifications_with_the_same_rows_share_a_pass(panel: pd.DataFrame) -> None:
    complete = panel.dropna()
    curve = Curve.of({**CURVE, "focus": "funds", "clusters": "geo"})
    plan = plan_curve(curve, complete)
    assert len(plan.passes) == 2 * 2 * 3
    assert set(plan.table()["rows_decided_by"]) == {"the sample alone"}
    assert f"{len(plan.enumeration):,} specifications" in str(plan) and "12 passes" in str(plan)


@pytest.mark.parametrize(("complete", "distinct"), [("controls", 4), ("common", 1)])
def test_rows_can_be_held_fixed(panel: pd.DataFrame, complete: str, distinct: int) -> None:
    curve = Curve.of(
        {
            **CURVE,
            "complete": complete,
            "samples": {"all": {}},
            "weights": "none",
            "clusters": "geo",
        }
    )
    result = run_curve(curve, panel)
    by_outcome = result.table.groupby(["outcome", "lag"], observed=True)["n_obs"]
    assert (by_outcome.nunique() == 1).all()
    assert result.table["n_obs"].nunique() <= distinct
    if complete == "common":
        used = result.plan.columns.notna().all(axis=1)
        assert set(result.table["n_obs"]) == {int(used.sum())}


def test_measures_are_those_of_the_panel_room(panel: pd.DataFrame) -> None:
    curve = Curve.of(
        {
            "outcomes": ["growth(patents)", "difference(patents)", "share(patents)"],
            "focus": [
                {"column": "funds", "average": 3, "transform": "log1p", "lag": 2, "times": 100},
                "L1.stock(funds)",
                {"column": "funds", "transform": "ihs", "lag": -1},
            ],
            "clusters": "geo",
        }
    )
    columns = plan_curve(curve, panel).columns
    mean = panel.assign(m=measures.moving_average(panel, "funds", 3))
    expected = measures.lag(mean.assign(v=measures.log_with_rule(mean["m"], "plus_one")), "v", 2)
    found = columns["L2.log1p(mean3(funds)) × 100"]
    np.testing.assert_array_equal(found, 100 * expected)
    lead = measures.lag(panel.assign(v=np.arcsinh(panel["funds"])), "v", -1)
    np.testing.assert_array_equal(columns["L-1.ihs(funds)"], lead)
    np.testing.assert_array_equal(columns["growth(patents)"], measures.growth(panel, "patents"))
    share = panel["patents"] / panel.groupby("year")["patents"].transform("sum")
    np.testing.assert_allclose(columns["share(patents)"], 100 * share)
    changes = panel["patents"] - measures.lag(panel, "patents")
    np.testing.assert_array_equal(columns["difference(patents)"], changes)


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ({"country": ["A", "B"]}, lambda p: p["country"].isin(["A", "B"])),
        ({"country": {"not": "A"}}, lambda p: p["country"] != "A"),
        ({"geo": {"not starting with": ["A", "B6"]}}, lambda p: ~p["geo"].str.match("A|B6")),
        ({"year": {"from": 2003, "to": 2005}}, lambda p: p["year"].between(2003, 2005)),
        ({"rd": {"above": 0, "below": 1}}, lambda p: (p["rd"] > 0) & (p["rd"] < 1)),
        (
            {"funds": {"mean from": 1.5}, "is_capital": False},
            lambda p: (p.groupby("geo")["funds"].transform("mean") >= 1.5) & ~p["is_capital"],
        ),
    ],
)
def test_samples_are_what_their_conditions_say(
    panel: pd.DataFrame, condition: dict[str, Any], kept: Any
) -> None:
    curve = Curve.of(
        {"outcomes": "density", "focus": "funds", "clusters": "geo", "samples": {"s": condition}}
    )
    table = run_curve(curve, panel).table
    assert table.loc[0, "n_obs"] == int(kept(panel).sum()) > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outcomes": "patent"}, "the frame lacks the columns patent; it has geo"),
        ({"outcomes": "country"}, "column 'country' is str, expected numbers"),
        ({"samples": {"s": {"yaer": 2000}}}, "samples: s: yaer: the frame has no such column"),
        ({"samples": {"s": {"country": {"from": 3}}}}, "s: country: from: the column is str"),
        ({"samples": {"s": {"country": [False]}}}, "country: False cannot be a value"),
        ({"samples": {"s": {"year": "2001"}}}, "year: '2001' cannot be a value"),
        ({"weights": "rd"}, "weights 'rd': .* values are zero or negative"),
        ({"focus": "L1.funds", "time": "date"}, "needs the columns 'geo' and 'date'"),
        ({"focus": "L1.funds", "time": "country"}, "needs years as numbers; column 'country' is"),
    ],
)
def test_a_curve_that_does_not_fit_the_frame_is_refused(
    panel: pd.DataFrame, changes: dict[str, Any], message: str
) -> None:
    declared = {"outcomes": "patents", "focus": "funds", "clusters": "geo", **changes}
    with pytest.raises((CurveError, ModelError), match=message):
        run_curve(Curve.of(declared), panel)


def test_an_infinite_value_is_refused(panel: pd.DataFrame) -> None:
    broken = panel.assign(funds=panel["funds"].where(panel.index > 0, np.inf))
    curve = Curve.of({"outcomes": "patents", "focus": "funds", "clusters": "geo"})
    with pytest.raises(CurveError, match="funds has 1 infinite values"):
        run_curve(curve, broken)


def test_what_cannot_be_estimated_is_flagged_and_kept(panel: pd.DataFrame) -> None:
    frame = panel.assign(twice=2 * panel["skills"], fixed=panel["is_capital"].astype(float))
    curve = Curve.of(
        {
            "outcomes": "density",
            "focus": ["funds", "fixed"],
            "controls": {"always": ["skills"], "any of": ["twice"]},
            "samples": {"all": {}, "nowhere": {"country": "Z"}, "one": {"country": "A"}},
            "effects": ["geo"],
            "clusters": "country",
        }
    )
    table = run_curve(curve, frame).table
    assert len(table) == 12
    flags = table.set_index([table["focus"], table["sample"], "with_twice"])["flag"].to_dict()
    assert flags["funds", "all", False] == ""
    assert flags["funds", "all", True] == "collinear: twice"
    assert flags["fixed", "all", False] == "no variation: fixed"
    assert flags["funds", "nowhere", False] == "no rows"
    assert flags["funds", "one", False] == "too few clusters"
    failed = table["flag"].isin(["no rows", "collinear: twice", "no variation: fixed"])
    assert table.loc[failed, ["estimate", "effect", "p_value"]].isna().all(axis=None)
    assert (table.loc[table["flag"] == "no rows", "n_obs"] == 0).all()


def test_two_stage_least_squares_agrees_with_separate_fits(panel: pd.DataFrame) -> None:
    curve = Curve.of(
        {
            "outcomes": ["log(patents)", "unemployment"],
            "focus": "log(funds)",
            "controls": ["density", "skills"],
            "estimator": ["ols", "iv"],
            "instruments": {"one": ["L1.log(funds)"], "two": ["L1.log(funds)", "rd"]},
            "weights": ["none", "population"],
            "effects": [["geo", "year"], "none"],
            "clusters": "geo",
        }
    )
    result = run_curve(curve, panel)
    assert len(result.table) == 2 * 4 * 2 * 2 * 3 and (result.table["flag"] == "").all()
    assert result.table["r_squared"].isna().equals(result.table["estimator"] == "iv")
    for position in range(len(result.table)):
        expected, facts = refitted(result, panel, position)
        row = result.table.loc[position]
        assert row["estimate"] == pytest.approx(expected["estimate"], rel=1e-9)
        assert row["std_error"] == pytest.approx(expected["std_error"], rel=1e-8)
        assert row["n_obs"] == facts.n_obs


def test_errors_by_distance_are_a_double_sum_over_places(panel: pd.DataFrame) -> None:
    rng = np.random.default_rng(9)
    places = pd.DataFrame(
        {"lon": rng.uniform(0, 20, 30), "lat": rng.uniform(40, 60, 30)}, index=panel["geo"].unique()
    )
    frame = panel.join(places, on="geo")
    curve = Curve.of(
        {
            "outcomes": "unemployment",
            "focus": "funds",
            "controls": {"always": ["density"]},
            "effects": [["geo", "year"]],
            "clusters": ["geo", "geo within 500 km", "geo within 0.001 km"],
        }
    )
    table = run_curve(curve, frame).table.set_index("cluster")
    assert table["estimate"].nunique() == 1 and (table["n_clusters"] == 30).all()
    assert table["std_error"].iloc[2] == pytest.approx(table["std_error"].iloc[0], rel=1e-12)
    design = pd.get_dummies(frame[["geo", "year"]].astype(str), dtype=float).drop(
        columns="year_2000"
    )
    design = np.column_stack([frame[["funds", "density"]], design])
    slopes = np.linalg.lstsq(design, frame["unemployment"], rcond=None)[0]
    residual = frame["unemployment"].to_numpy() - design @ slopes
    scores = (np.linalg.inv(design.T @ design)[0] @ design.T) * residual
    by_place = pd.Series(scores).groupby(frame["geo"]).sum().reindex(places.index).to_numpy()
    east, north = np.radians(places.to_numpy()).T
    cosine = np.sin(north) * np.sin(north)[:, None] + np.cos(north) * np.cos(north)[:, None] * (
        np.cos(east - east[:, None])
    )
    weight = np.maximum(0, 1 - 6371.0088 * np.arccos(np.clip(cosine, -1, 1)) / 500)
    n, k = design.shape
    variance = by_place @ weight @ by_place * 30 / 29 * (n - 1) / (n - k)
    assert (weight > 0).sum() > 30
    assert table["std_error"].iloc[1] == pytest.approx(np.sqrt(variance), rel=1e-7)
    with pytest.raises(ModelError, match="the frame lacks the columns lon, lat"):
        run_curve(curve, panel)


def test_effects_are_in_the_unit_asked_and_turned_by_the_sign(panel: pd.DataFrame) -> None:
    declared = {
        "outcomes": [
            {"column": "patents", "transform": ["level", "log"]},
            {"column": "patents", "transform": "log", "times": 50, "label": "half"},
            {"column": "unemployment", "sign": -1},
        ],
        "focus": "funds",
        "clusters": "geo",
    }
    kept = panel.dropna(subset=["patents"])
    wanted = {
        "none": [1, 1, 1, -1],
        "percent": [100 / kept["patents"].mean(), 100, 2, -100 / panel["unemployment"].mean()],
        "outcome sd": [
            *(1 / kept["patents"].std(), 1 / np.log(kept["patents"]).std()),
            *(1 / (50 * np.log(kept["patents"]).std()), -1 / panel["unemployment"].std()),
        ],
    }
    wanted["both sd"] = [
        factor * rows["funds"].std()
        for factor, rows in zip(wanted["outcome sd"], [kept, kept, kept, panel], strict=True)
    ]
    for unit, factors in wanted.items():
        result = run_curve(Curve.of({**declared, "standardise": unit}), panel)
        table = result.table
        np.testing.assert_allclose(table["effect"], table["estimate"] * factors, rtol=1e-12)
        assert (table["effect_low"] < table["effect"]).all()
        assert (table["effect"] < table["effect_high"]).all()
        width = (table["effect_high"] - table["effect_low"]) / np.abs(factors)
        np.testing.assert_allclose(width, table["ci_high"] - table["ci_low"], rtol=1e-10)


def test_what_is_multiplied_by_less_than_zero_is_turned_in_every_unit(panel: pd.DataFrame) -> None:
    outcomes = [{"column": "patents", "transform": ["level", "log", "growth"], "times": -2}]
    for unit in ("none", "percent", "outcome sd"):
        declared = {"focus": "funds", "clusters": "geo", "standardise": unit}
        table = run_curve(Curve.of({**declared, "outcomes": outcomes}), panel).table
        assert (np.sign(table["effect"]) == np.sign(table["estimate"])).all()


@pytest.mark.parametrize("unit", ["percent", "outcome sd", "both sd"])
def test_what_does_not_vary_has_no_unit(panel: pd.DataFrame, unit: str) -> None:
    frame = panel.assign(nothing=0.0, one=1.0)
    declared = {"outcomes": ["nothing", "patents"], "focus": ["one", "funds"], "clusters": "geo"}
    result = run_curve(Curve.of({**declared, "standardise": unit}), frame)
    known = (result.table["outcome"] == "patents") & (result.table["focus"] == "funds")
    assert (known == np.isfinite(result.table["effect"])).all()
    assert (known == (result.table["flag"] == "")).all()
    test = joint_test(curve_parts(result, "geo"), draws=19, seed=1)
    assert (test.n_used, test.n_flagged) == (4, 3)
    assert test.median == pytest.approx(result.table.loc[known, "effect"].item(), rel=1e-9)


def test_per_cent_of_a_mean_of_zero_is_refused(panel: pd.DataFrame) -> None:
    frame = panel.assign(gap=panel["density"] - panel["density"].mean())
    declared = {"outcomes": "gap", "focus": "funds", "clusters": "geo", "standardise": "percent"}
    with pytest.raises(CurveError, match="percent of gap has no meaning; its mean is 0 in the sam"):
        run_curve(Curve.of(declared), frame)


def test_moments_of_a_pass_can_be_made_again(result: CurveResult) -> None:
    one = result.plan.passes[3]
    moments = pass_moments(result.plan, one)
    again = solve(moments, pass_batch(result.plan, one, moments))
    np.testing.assert_array_equal(
        again["estimate"], result.table.loc[one.specifications, "estimate"]
    )


def test_parts_of_a_curve_serve_the_joint_test(panel: pd.DataFrame) -> None:
    curve = Curve.of({**CURVE, "samples": {"all": {}}, "clusters": ["geo", "country"]})
    result = run_curve(curve, panel)
    parts = curve_parts(result, "country")
    chosen = result.table[result.table["cluster"] == "country"]
    assert sum(len(part.batch.outcome) for part in parts) == len(chosen)
    test = joint_test(parts, draws=19, seed=1)
    assert test.median == pytest.approx(chosen["effect"].median(), rel=1e-9)
    with pytest.raises(CurveError, match="'year' is not among geo, country"):
        curve_parts(result, "year")


@settings(max_examples=15)
@given(factor=st.floats(1e-3, 1e3), shift=st.floats(-100, 100))
def test_the_unit_of_a_column_does_not_matter(factor: float, shift: float) -> None:
    panel = made_panel()
    curve = Curve.of(
        {
            "outcomes": "unemployment",
            "focus": "funds",
            "controls": ["density", "skills"],
            "effects": [["geo", "year"]],
            "clusters": "geo",
        }
    )
    scaled = panel.assign(
        funds=panel["funds"] * factor,
        unemployment=panel["unemployment"] + shift,
        density=panel["density"] * -7 + 3,
    )
    first, second = run_curve(curve, panel).table, run_curve(curve, scaled).table
    np.testing.assert_allclose(first["estimate"], second["estimate"] * factor, rtol=1e-9)
    np.testing.assert_allclose(first["p_value"], second["p_value"], rtol=1e-7)


def test_a_summary_counts_what_the_table_shows(result: CurveResult) -> None:
    table = result.table[result.table["cluster"] == "geo"]
    summary = summarise(table)
    assert (summary.n_specifications, summary.n_estimated) == (len(table), len(table))
    positive, significant = table["effect"] > 0, table["p_value"] < 0.05
    assert summary.share_sign == pytest.approx(positive.mean())
    assert summary.share_significant == pytest.approx((positive & significant).mean())
    assert summary.share_opposite == pytest.approx((~positive & significant).mean())
    assert summary.median == pytest.approx(table["effect"].median())
    turned = summarise(table, sign=-1)
    assert turned.share_significant == summary.share_opposite
    by_choice = summarise_by_choice(table)
    assert by_choice.groupby("choice")["n_specifications"].sum().eq(len(table)).all()
    late = by_choice.set_index(["choice", "option"]).loc[("sample", "late")]
    assert late["median"] == pytest.approx(table.loc[table["sample"] == "late", "effect"].median())
    with pytest.raises(Exception, match="sign: expected 1 or -1"):
        summarise(table, sign=0)
    with pytest.raises(Exception, match=r"could be estimated \(1: no rows"):
        summarise(table.head(1).assign(effect=np.nan, flag="no rows"))
