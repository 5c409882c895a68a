"""Batched specifications agree with one fit each, and those they cannot estimate are flagged."""

import itertools

import numpy as np
import pandas as pd
import pyfixest
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.models import ModelError, Specification, fit
from analysis.robustness import variances
from analysis.robustness.moments import moments_of
from analysis.robustness.solve import Batch, solve

OUTCOMES = ("y1", "y2")
CONTROLS = ("c1", "c2", "c3", "c4")
COLUMNS = (*OUTCOMES, "x", *CONTROLS, "z1", "z2")
NUMBERS = ("estimate", "std_error", "statistic", "p_value", "ci_low", "ci_high")


def panel(
    seed: int = 0, n_units: int = 30, n_years: int = 8, missing: float = 0.15
) -> pd.DataFrame:
    """Units in countries, unbalanced, effects in every column, an endogenous x and instruments."""
    random = np.random.default_rng(seed)
    n = n_units * n_years
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(n_units), n_years),
            "country": np.repeat([f"C{i % 7}" for i in range(n_units)], n_years),
            "year": np.tile(np.arange(2000, 2000 + n_years), n_units),
            "w": random.uniform(0.2, 4, n),
        }
    )
    effects = random.normal(size=n_units).repeat(n_years)
    effects += np.tile(random.normal(size=n_years), n_units)
    for name in (*CONTROLS, "z1", "z2"):
        frame[name] = effects + random.normal(size=n)
    common = random.normal(size=n)
    frame["x"] = frame["z1"] - 0.5 * frame["z2"] + 0.3 * frame["c1"] + common
    for place, name in enumerate(OUTCOMES):
        frame[name] = 0.4 * frame["x"] + place * frame["c2"] + common + random.normal(size=n)
    return frame[random.random(n) >= missing].reset_index(drop=True)


def all_subsets() -> list[tuple[str, str, tuple[str, ...]]]:
    subsets = [s for k in range(5) for s in itertools.combinations(CONTROLS, k)]
    return [(outcome, "x", subset) for outcome in OUTCOMES for subset in subsets]


def one_fit(frame: pd.DataFrame, spec: tuple[str, str, tuple[str, ...]], **choices) -> pd.Series:
    """The row of x of a single fit, with the facts."""
    outcome, focus, controls = spec
    if choices.get("estimator") == "iv":
        choices |= {"endogenous": (focus,), "instruments": ("z1", "z2"), "regressors": controls}
    else:
        choices |= {"regressors": (focus, *controls)}
    estimates = fit(Specification(outcome=outcome, **choices), frame)
    return estimates.frame().set_index("term").loc[focus]


def assert_agree(result: pd.DataFrame, expected: list[pd.Series]) -> None:
    table = pd.DataFrame(expected)
    assert result["flag"].eq("").all()
    for name in NUMBERS:
        tolerance = 1e-9 if name == "estimate" else 1e-8
        np.testing.assert_allclose(
            result[name], table[name].astype(float), rtol=tolerance, atol=1e-12, err_msg=name
        )
    np.testing.assert_array_equal(result["n_obs"], table["n_obs"])
    np.testing.assert_array_equal(result["df"], table["df_t"].astype(float))
    for name in ("r_squared", "within_r_squared"):
        np.testing.assert_allclose(result[name], table[name].astype(float), atol=1e-10)


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("absorb", [(), ("unit",), ("year",), ("unit", "year")])
@pytest.mark.parametrize("cluster", ["unit", "country"])
def test_agrees_with_single_fits(
    weights: str | None, absorb: tuple[str, ...], cluster: str
) -> None:
    frame = panel()
    moments = moments_of(frame, COLUMNS, cluster=cluster, absorb=absorb, weights=weights)
    chosen = all_subsets()
    result = solve(moments, Batch.named(moments, chosen))
    choices = {"absorb": absorb, "weights": weights, "vcov": "cluster", "cluster": (cluster,)}
    assert_agree(result.iloc[::3], [one_fit(frame, spec, **choices) for spec in chosen[::3]])
    assert result["n_clusters"].eq(len(moments.clusters)).all()


@pytest.mark.parametrize("vcov", ["hc0", "hc1", "classical"])
@pytest.mark.parametrize("absorb", [(), ("unit", "year")])
@pytest.mark.parametrize("cluster", [None, "country"])
def test_errors_without_clusters_agree(
    vcov: str, absorb: tuple[str, ...], cluster: str | None
) -> None:
    frame = panel(1)
    moments = moments_of(frame, COLUMNS, cluster=cluster, absorb=absorb, weights="w")
    chosen = all_subsets()[::4]
    result = solve(moments, Batch.named(moments, chosen), vcov=vcov)
    choices = {"absorb": absorb, "weights": "w", "vcov": vcov}
    assert_agree(result, [one_fit(frame, spec, **choices) for spec in chosen])
    assert result["n_clusters"].isna().all()


@pytest.mark.parametrize("absorb", [(), ("unit", "year")])
@pytest.mark.parametrize("vcov", ["cluster", "hc1", "classical"])
def test_two_stage_least_squares_agrees(absorb: tuple[str, ...], vcov: str) -> None:
    frame = panel(2)
    moments = moments_of(frame, COLUMNS, cluster="country", absorb=absorb, weights="w")
    chosen = all_subsets()[::3]
    batch = Batch.named(moments, chosen, endogenous=("x",), instruments=("z1", "z2"))
    cluster = ("country",) if vcov == "cluster" else ()
    choices = {"estimator": "iv", "absorb": absorb, "weights": "w", "vcov": vcov}
    result = solve(moments, batch, vcov=vcov)
    expected = [one_fit(frame, spec, cluster=cluster, **choices) for spec in chosen]
    assert_agree(result, expected)
    assert result["r_squared"].isna().all() and result["partial_r_squared"].isna().all()


def test_focus_may_be_exogenous_and_a_control_endogenous() -> None:
    frame = panel(2)
    moments = moments_of(frame, COLUMNS, cluster="country", absorb=("unit",))
    batch = Batch.named(
        moments, [("y1", "c1", ("x",))], endogenous=("x",), instruments=("z1", "z2")
    )
    spec = Specification(
        outcome="y1",
        regressors=("c1",),
        endogenous=("x",),
        instruments=("z1", "z2"),
        estimator="iv",
        absorb=("unit",),
        vcov="cluster",
        cluster=("country",),
    )
    expected = fit(spec, frame).row("c1")
    result = solve(moments, batch).iloc[0]
    assert result["estimate"] == pytest.approx(expected["estimate"], rel=1e-9)
    assert result["std_error"] == pytest.approx(expected["std_error"], rel=1e-8)


def test_ordinary_and_two_stage_specifications_mix_in_one_batch() -> None:
    frame = panel(2)
    moments = moments_of(frame, COLUMNS, cluster="unit", absorb=("year",))
    chosen = all_subsets()[:6]
    ols, iv = (
        Batch.named(moments, chosen),
        Batch.named(moments, chosen, endogenous=("x",), instruments=("z1", "z2")),
    )
    assert iv.endogenous is not None and iv.instruments is not None
    none = np.zeros_like(ols.controls)
    mixed = Batch(
        outcome=np.concatenate([ols.outcome, iv.outcome]),
        focus=np.concatenate([ols.focus, iv.focus]),
        controls=np.concatenate([ols.controls, iv.controls]),
        endogenous=np.concatenate([none, iv.endogenous]),
        instruments=np.concatenate([none, iv.instruments]),
    )
    separately = pd.concat([solve(moments, ols), solve(moments, iv)], ignore_index=True)
    pd.testing.assert_frame_equal(solve(moments, mixed), separately, rtol=1e-11)


@pytest.mark.parametrize("absorb", [(), ("unit", "year")])
@pytest.mark.parametrize("estimator", ["ols", "iv"])
def test_two_way_clusters_agree(absorb: tuple[str, ...], estimator: str) -> None:
    frame = panel(3)
    moments = moments_of(
        frame, COLUMNS, cluster="unit", second_cluster="year", absorb=absorb, weights="w"
    )
    chosen = all_subsets()[::4]
    instruments = {"endogenous": ("x",), "instruments": ("z1", "z2")} if estimator == "iv" else {}
    result = solve(moments, Batch.named(moments, chosen, **instruments))
    choices = {"absorb": absorb, "weights": "w", "vcov": "cluster", "cluster": ("unit", "year")}
    expected = [one_fit(frame, spec, estimator=estimator, **choices) for spec in chosen]
    assert_agree(result, expected)
    assert result["n_clusters"].eq(8).all()


def test_conley_errors_equal_the_double_sum() -> None:
    frame = panel(4)
    random = np.random.default_rng(0)
    place = random.uniform(0, 10, (30, 2))
    distance = np.linalg.norm(place[:, None] - place[None], axis=2)
    kernel = np.maximum(0, 1 - distance / 4)
    moments = moments_of(frame, COLUMNS, cluster="unit", absorb=("unit", "year"), weights="w")
    result = solve(
        moments, Batch.named(moments, [("y1", "x", ("c1", "c2"))]), vcov="conley", kernel=kernel
    )
    spread = pd.get_dummies(frame, columns=["unit", "year"], dtype=float)
    effects = [c for c in spread if c.startswith(("unit_", "year_"))][:-1]
    design = spread[["x", "c1", "c2", *effects]].to_numpy()
    weights = frame["w"].to_numpy()
    bread = np.linalg.inv(design.T @ (design * weights[:, None]))
    residuals = frame["y1"] - design @ (bread @ (design.T @ (weights * frame["y1"])))
    scores = design * (weights * residuals.to_numpy())[:, None]
    meat = sum(
        kernel[frame["unit"][i], frame["unit"][j]] * np.outer(scores[i], scores[j])
        for i in range(len(frame))
        for j in range(len(frame))
    )
    factor = 30 / 29 * (len(frame) - 1) / (len(frame) - design.shape[1])
    expected = np.sqrt(factor * (bread @ meat @ bread)[0, 0])
    assert result["std_error"][0] == pytest.approx(expected, rel=1e-8)


def test_conley_with_the_identity_is_clustering() -> None:
    moments = moments_of(panel(), COLUMNS, cluster="country", absorb=("year",))
    batch = Batch.named(moments, all_subsets())
    pd.testing.assert_frame_equal(
        solve(moments, batch, vcov="conley", kernel=np.eye(7)), solve(moments, batch), rtol=1e-12
    )


def test_agrees_with_pyfixest_and_statsmodels() -> None:
    frame = panel(5)
    moments = moments_of(frame, COLUMNS, cluster="country", absorb=("unit", "year"), weights="w")
    chosen = all_subsets()[::5]
    result = solve(moments, Batch.named(moments, chosen))
    for row, (outcome, focus, controls) in zip(result.itertuples(), chosen, strict=True):
        right = " + ".join((focus, *controls))
        peer = pyfixest.feols(
            f"{outcome} ~ {right} | unit + year",
            frame,
            weights="w",
            vcov={"CRV1": "country"},
            ssc=pyfixest.ssc(k_fixef="full", G_df="conventional"),
            fixef_tol=1e-12,
        )
        assert row.estimate == pytest.approx(peer.coef()[focus], rel=1e-9)
        assert row.std_error == pytest.approx(peer.se()[focus], rel=1e-8)
        dummies = smf.wls(
            f"{outcome} ~ {right} + C(unit) + C(year)", frame, weights=frame["w"]
        ).fit(cov_type="cluster", cov_kwds={"groups": frame["country"]}, use_t=True)
        assert row.estimate == pytest.approx(dummies.params[focus], rel=1e-9)
        assert row.std_error == pytest.approx(dummies.bse[focus], rel=1e-8)
        assert row.r_squared == pytest.approx(dummies.rsquared, rel=1e-9)


def test_partial_r_squared_is_that_of_the_residuals() -> None:
    frame = panel(6)
    moments = moments_of(frame, COLUMNS, cluster="unit", absorb=("unit",))
    result = solve(moments, Batch.named(moments, [("y1", "x", ("c1",))]))
    full = smf.ols("y1 ~ x + c1 + C(unit)", frame).fit()
    expected = full.tvalues["x"] ** 2 / (full.tvalues["x"] ** 2 + full.df_resid)
    assert result["partial_r_squared"][0] == pytest.approx(expected, rel=1e-9)


def test_missing_values_by_pattern() -> None:
    frame = panel(7)
    random = np.random.default_rng(7)
    frame.loc[random.random(len(frame)) < 0.2, "c1"] = np.nan
    for chosen in (("y1", "x", ("c1", "c2")), ("y1", "x", ("c2",))):
        used = [chosen[0], chosen[1], *chosen[2]]
        moments = moments_of(
            frame.dropna(subset=used), used, cluster="unit", absorb=("unit", "year")
        )
        choices = {"absorb": ("unit", "year"), "vcov": "cluster", "cluster": ("unit",)}
        result = solve(moments, Batch.named(moments, [chosen]))
        assert_agree(result, [one_fit(frame, chosen, **choices)])


def test_many_columns_group_correctly() -> None:
    """More than 64 columns: masks span several words."""
    random = np.random.default_rng(0)
    names = [f"c{i:02}" for i in range(70)]
    frame = pd.DataFrame(random.normal(size=(200, 72)), columns=["y", "x", *names])
    frame["g"] = np.arange(200) % 20
    moments = moments_of(frame, ["y", "x", *names], cluster="g")
    chosen = [("y", "x", (a, b)) for a, b in zip(names, reversed(names), strict=True) if a != b]
    result = solve(moments, Batch.named(moments, chosen))
    choices = {"vcov": "cluster", "cluster": ("g",)}
    assert_agree(result, [one_fit(frame, spec, **choices) for spec in chosen])


@pytest.mark.parametrize("noise", [1.0, 3e-3])
@pytest.mark.parametrize("estimator", ["ols", "iv"])
def test_pairs_of_moments_give_the_same_errors_as_scores(
    monkeypatch: pytest.MonkeyPatch, noise: float, estimator: str
) -> None:
    """With little noise the terms cancel, and those specifications go back to their scores."""
    frame = panel(12)
    random = np.random.default_rng(12)
    for name in ("d1", "d2", "d3", "d4"):
        frame[name] = frame["c1"] + 0.05 * random.normal(size=len(frame))
    controls = (*CONTROLS, "d1", "d2", "d3", "d4")
    frame["y1"] = frame["x"] - frame["c1"] + noise * random.normal(size=len(frame))
    moments = moments_of(frame, (*COLUMNS, *controls[4:]), cluster="unit", absorb=("unit", "year"))
    subsets = [s for k in range(9) for s in itertools.combinations(controls, k)]
    instruments = {"endogenous": ("x",), "instruments": ("z1", "z2")} if estimator == "iv" else {}
    batch = Batch.named(
        moments, [(outcome, "x", s) for outcome in OUTCOMES for s in subsets], **instruments
    )
    from_pairs = solve(moments, batch)
    monkeypatch.setattr(variances, "_pairs_pay", lambda *_: False)
    from_scores = solve(moments, batch)
    assert not from_pairs.equals(from_scores)
    pd.testing.assert_frame_equal(from_pairs, from_scores, rtol=1e-9)


# Flags ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vcov", ["cluster", "hc1", "classical"])
def test_near_singular_designs_are_estimated_from_the_rows(vcov: str) -> None:
    """The truth is the fit with the difference of the two columns, which is not singular."""
    frame = panel(8)
    frame["c4"] = frame["c1"] + 1e-5 * np.random.default_rng(8).normal(size=len(frame))
    frame["c3"] = (frame["c4"] - frame["c1"]) * 1e5
    moments = moments_of(frame, COLUMNS, cluster="unit", absorb=("unit", "year"), weights="w")
    chosen = [("y1", "x", ("c1", "c4")), ("y1", "c4", ("c1",)), ("y1", "x", ("c1",))]
    well_posed = [("y1", "x", ("c1", "c3")), ("y1", "c3", ("c1",)), ("y1", "x", ("c1",))]
    result = solve(moments, Batch.named(moments, chosen), vcov=vcov)
    assert result["flag"].tolist() == ["near singular", "near singular", ""]
    result.loc[1, ["estimate", "std_error", "ci_low", "ci_high"]] *= 1e-5
    cluster = ("unit",) if vcov == "cluster" else ()
    choices = {"absorb": ("unit", "year"), "weights": "w", "vcov": vcov, "cluster": cluster}
    expected = [one_fit(frame, spec, **choices) for spec in well_posed]
    assert_agree(result.assign(flag=""), expected)


def test_near_singular_two_stage() -> None:
    frame = panel(8)
    frame["c4"] = frame["c1"] + 1e-4 * np.random.default_rng(8).normal(size=len(frame))
    chosen = [("y1", "x", ("c1", "c4"))]
    moments = moments_of(frame, COLUMNS, cluster="unit", absorb=("unit", "year"))
    batch = Batch.named(moments, chosen, endogenous=("x",), instruments=("z1", "z2"))
    result = solve(moments, batch)
    assert result["flag"].tolist() == ["near singular"]
    choices = {"absorb": ("unit", "year"), "vcov": "cluster", "cluster": ("unit",)}
    assert_agree(result.assign(flag=""), [one_fit(frame, chosen[0], estimator="iv", **choices)])


def test_near_singular_without_rows_says_so() -> None:
    frame = panel(8)
    frame["c4"] = frame["c1"] + 1e-4 * np.random.default_rng(8).normal(size=len(frame))
    moments = moments_of(frame, COLUMNS, cluster="unit", absorb=("unit",), keep_rows=False)
    result = solve(moments, Batch.named(moments, [("y1", "x", ("c1", "c4"))]))
    assert result["flag"].tolist() == ["near singular without rows"]
    assert result["estimate"].notna().all()


@pytest.mark.parametrize("keep_rows", [True, False])
def test_collinear_columns_are_named(keep_rows: bool) -> None:
    frame = panel(9)
    frame["c3"] = frame["c1"] - 2 * frame["c2"]
    frame["c4"] = frame["unit"] * 1.5
    moments = moments_of(
        frame, COLUMNS, cluster="unit", absorb=("unit", "year"), keep_rows=keep_rows
    )
    chosen = [
        ("y1", "x", ("c1", "c2", "c3")),
        ("y1", "x", ("c1", "c3")),
        ("y1", "x", ("c4",)),
        ("y1", "c4", ("c1",)),
        ("c4", "x", ("c1",)),
    ]
    result = solve(moments, Batch.named(moments, chosen))
    assert result["flag"].tolist() == [
        "collinear: c3",
        "",
        "no variation: c4",
        "no variation: c4",
        "no variation: c4",
    ]
    empty = result["flag"] != ""
    assert result.loc[empty, list(NUMBERS)].isna().all(axis=None)
    assert result.loc[~empty, list(NUMBERS)].notna().all(axis=None)


def test_a_linear_trend_has_no_variation_beside_year_dummies() -> None:
    frame = panel(9)
    frame["c1"] = frame["year"] * 2.0
    moments = moments_of(frame, COLUMNS, cluster="unit", absorb=("unit", "year"))
    result = solve(moments, Batch.named(moments, [("y1", "x", ("c1",)), ("c1", "x", ())]))
    assert result["flag"].tolist() == ["no variation: c1", "no variation: c1"]


def test_nearly_exact_fits_are_estimated_from_the_rows() -> None:
    frame = panel(10)
    noise = np.random.default_rng(0).normal(size=len(frame))
    frame["y1"] = 3 * frame["x"] + frame["c1"] + 1e-5 * noise
    chosen = [("y1", "x", ("c1",)), ("y1", "x", ())]
    moments = moments_of(frame, COLUMNS, cluster="unit", absorb=("unit", "year"))
    result = solve(moments, Batch.named(moments, chosen))
    assert result["flag"].tolist() == ["nearly exact fit", ""]
    choices = {"absorb": ("unit", "year"), "vcov": "cluster", "cluster": ("unit",)}
    assert_agree(result.assign(flag=""), [one_fit(frame, spec, **choices) for spec in chosen])


def test_no_degrees_of_freedom_and_collapsed_clusters() -> None:
    frame = panel(11, n_units=3, n_years=3, missing=0)
    moments = moments_of(frame, COLUMNS, cluster="unit", absorb=("unit", "year"))
    chosen = [("y1", "x", CONTROLS[:3]), ("y1", "x", CONTROLS[:2])]
    flags = solve(moments, Batch.named(moments, chosen))["flag"]
    assert flags.tolist() == ["no degrees of freedom", ""]
    single = panel(11).query("country == 'C1'")
    moments = moments_of(single, COLUMNS, cluster="country", absorb=("unit",))
    result = solve(moments, Batch.named(moments, [("y1", "x", ("c1",))])).iloc[0]
    assert result["flag"] == "too few clusters"
    assert np.isfinite(result["estimate"]) and np.isnan(result["std_error"])


def test_fewer_instruments_than_endogenous_regressors() -> None:
    moments = moments_of(panel(), COLUMNS, cluster="unit")
    batch = Batch.named(
        moments, [("y1", "x", ("c1",))], endogenous=("x", "c1"), instruments=("z1",)
    )
    result = solve(moments, batch).iloc[0]
    assert result["flag"] == "not identified" and np.isnan(result["estimate"])


def test_negative_two_way_variance_is_flagged() -> None:
    for seed in range(40):
        frame = panel(seed, n_units=6, n_years=4, missing=0)
        moments = moments_of(frame, COLUMNS, cluster="unit", second_cluster="year")
        result = solve(moments, Batch.named(moments, all_subsets()))
        negative = result[result["flag"] == "variance not positive"]
        if len(negative):
            assert negative["std_error"].isna().all() and negative["estimate"].notna().all()
            return
    raise AssertionError("no sample with a negative two-way variance was drawn")


def in_one_unit(seed: int) -> pd.DataFrame:
    """x varies within one unit only, so that its scores add up to zero in every one of them."""
    frame = panel(seed)
    return frame.assign(x=frame["x"].where(frame["unit"] == 4, 0.0))


@pytest.mark.parametrize("seed", range(12))
def test_an_error_of_rounding_is_no_error(seed: int) -> None:
    frame = in_one_unit(seed)
    moments = moments_of(frame, COLUMNS, cluster="unit", absorb=("unit",), second_cluster=None)
    result = solve(moments, Batch.named(moments, [("y1", "x", ())])).iloc[0]
    assert result["flag"] == "variance not positive"
    assert np.isfinite(result["estimate"]) and np.isnan(result["std_error"])
    choices = {"absorb": ("unit",), "vcov": "cluster", "cluster": ("unit",)}
    alone = one_fit(frame, ("y1", "x", ()), **choices)
    assert np.isnan(alone["std_error"]) and np.isnan(alone["p_value"])
    assert alone["estimate"] == pytest.approx(result["estimate"], rel=1e-9)


def test_a_first_stage_without_degrees_of_freedom_is_flagged() -> None:
    frame = panel(3, missing=0).iloc[:5]
    moments = moments_of(frame, COLUMNS, cluster=None)
    instruments = ("z1", "z2", "c3", "c4")
    specifications = [("y1", "x", ()), ("y1", "x", ("c1",))]
    for count, flags in ((2, ["", ""]), (3, ["", "no degrees of freedom"])):
        batch = Batch.named(
            moments, specifications, endogenous=("x",), instruments=instruments[:count]
        )
        assert solve(moments, batch, vcov="classical")["flag"].tolist() == flags


# Invariance -------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(
    st.integers(0, 10_000),
    st.floats(-6, 6),
    st.floats(-6, 6),
    st.sampled_from([(), ("unit",), ("unit", "year")]),
)
def test_order_units_and_labels_change_nothing(
    seed: int, log_x: float, log_y: float, absorb: tuple[str, ...]
) -> None:
    frame = panel(seed % 7)
    random = np.random.default_rng(seed)
    labels = random.permutation(30)
    other = frame.sample(frac=1, random_state=seed)
    other = other.assign(
        x=other["x"] * 10**log_x, y1=other["y1"] * 10**log_y, unit=labels[other["unit"]]
    )
    results = []
    for rows in (frame, other):
        moments = moments_of(rows, COLUMNS, cluster="unit", absorb=absorb, weights="w")
        results.append(solve(moments, Batch.named(moments, [("y1", "x", ("c1", "c2"))])).iloc[0])
    scale = 10 ** (log_y - log_x)
    assert results[1]["estimate"] == pytest.approx(results[0]["estimate"] * scale, rel=1e-9)
    assert results[1]["std_error"] == pytest.approx(results[0]["std_error"] * scale, rel=1e-8)
    assert results[1]["r_squared"] == pytest.approx(results[0]["r_squared"], rel=1e-9)


def test_specifications_come_back_in_their_order() -> None:
    moments = moments_of(panel(), COLUMNS, cluster="unit", absorb=("year",))
    chosen = all_subsets()
    order = np.random.default_rng(0).permutation(len(chosen))
    straight = solve(moments, Batch.named(moments, chosen))
    shuffled = solve(moments, Batch.named(moments, [chosen[place] for place in order]))
    pd.testing.assert_frame_equal(
        shuffled, straight.iloc[order].reset_index(drop=True), check_exact=True
    )


def test_an_empty_batch_gives_an_empty_table() -> None:
    moments = moments_of(panel(), COLUMNS, cluster="unit")
    assert len(solve(moments, Batch.named(moments, []))) == 0


# Refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        (("y1", "x", ("x", "c1")), r"specification 0 \(y1 on x\): the focus is also a control"),
        (("y1", "x", ("y1",)), "the outcome is also on the right-hand side"),
        (("y1", "x", ("nope",)), "no column 'nope'"),
    ],
)
def test_clashing_roles_are_refused(
    specification: tuple[str, str, tuple[str, ...]], message: str
) -> None:
    moments = moments_of(panel(), COLUMNS, cluster="unit")
    with pytest.raises(ModelError, match=message):
        solve(moments, Batch.named(moments, [specification]))


def test_moments_must_serve_the_errors() -> None:
    frame = panel()
    alone = moments_of(frame, COLUMNS, cluster=None, keep_rows=False)
    batch = Batch.named(alone, [("y1", "x", ())])
    with pytest.raises(ModelError, match="vcov='cluster' needs moments by cluster"):
        solve(alone, batch)
    with pytest.raises(ModelError, match="vcov='hc1' needs the rows"):
        solve(alone, batch, vcov="hc1")
    with pytest.raises(ModelError, match="'hc9' is not one of cluster"):
        solve(alone, batch, vcov="hc9")
    clustered = moments_of(frame, COLUMNS, cluster="unit")
    with pytest.raises(ModelError, match="vcov='conley' needs a kernel"):
        solve(clustered, batch, vcov="conley")
    with pytest.raises(ModelError, match=r"symmetric matrix \(30, 30\), got \(2, 2\)"):
        solve(clustered, batch, vcov="conley", kernel=np.eye(2))


def test_batches_of_the_wrong_shape_are_refused() -> None:
    moments = moments_of(panel(), COLUMNS, cluster="unit")
    with pytest.raises(ModelError, match=r"controls: expected booleans of shape \(1, 9\)"):
        solve(moments, Batch(outcome=np.array([0]), focus=np.array([2]), controls=np.ones((1, 3))))
    with pytest.raises(ModelError, match="focus: expected 1 positions of columns from 0 to 8"):
        solve(
            moments,
            Batch(
                outcome=np.array([0]), focus=np.array([9]), controls=np.zeros((1, 9), dtype=bool)
            ),
        )
