"""Difference and system GMM: published numbers, another package, identities, properties, errors."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.models import Specification, fit
from analysis.models.dynamic import dynamic_panel_gmm
from analysis.models.estimates import Estimates
from analysis.models.specification import ModelError

REFERENCE = json.loads((Path(__file__).parent / "reference" / "pydynpd.json").read_text())
ALL_LAGS = [{"columns": ["n"], "lags": [2, None]}]


def with_lags(frame: pd.DataFrame, columns: str, unit: str, time: str) -> pd.DataFrame:
    keys = frame.set_index([unit, time])
    result = frame.copy()
    for name in columns.split():
        for lag in (1, 2):
            wanted = pd.MultiIndex.from_arrays([frame[unit], frame[time] - lag])
            result[f"{name}{lag}"] = keys[name].reindex(wanted).to_numpy()
    return result


@pytest.fixture(scope="module")
def firms(shared_data: Path) -> pd.DataFrame:
    frame = pd.read_csv(shared_data / "studies" / "arellanobond1991" / "data.csv")
    logs = {"n": "emp", "w": "wage", "k": "capital", "ys": "output"}
    frame = frame.assign(**{short: np.log(frame[name]) for short, name in logs.items()})
    return with_lags(frame, "n w k ys", "firm", "year")


def panel(seed: int = 1, n_units: int = 60, n_periods: int = 8) -> pd.DataFrame:
    """A panel with rho = 0.5, beta = 1, effects correlated with x, and some rows missing."""
    rng = np.random.default_rng(seed)
    effect = rng.normal(size=n_units)
    y = effect / 0.5 + rng.normal(size=n_units)
    rows = []
    for period in range(-20, n_periods):
        x = 0.5 * effect + rng.normal(size=n_units)
        y = 0.5 * y + x + effect + rng.normal(size=n_units)
        if period >= 0:
            rows.append(pd.DataFrame({"id": range(n_units), "t": 2000 + period, "y": y, "x": x}))
    frame = pd.concat(rows, ignore_index=True)
    frame = frame[rng.random(len(frame)) > 0.05]
    return with_lags(frame.reset_index(drop=True), "y x", "id", "t")


def estimate(frame: pd.DataFrame, **options: Any) -> Estimates:
    defaults: dict[str, Any] = {
        "outcome": "y",
        "regressors": ["y1", "x"],
        "unit": "id",
        "time": "t",
        "gmm_instruments": [{"columns": ["y"], "lags": [2, 4]}],
        "iv_instruments": ["x"],
    }
    return dynamic_panel_gmm(frame, **(defaults | options))


def employment(frame: pd.DataFrame, **options: Any) -> Estimates:
    exogenous = ["w", "w1", "k", "ys", "ys1"]
    defaults: dict[str, Any] = {
        "outcome": "n",
        "regressors": ["n1", "n2", *exogenous],
        "unit": "firm",
        "time": "year",
        "gmm_instruments": ALL_LAGS,
        "iv_instruments": exogenous,
        "time_dummies": True,
    }
    return dynamic_panel_gmm(frame, **(defaults | options))


# Published numbers -------------------------------------------------------------------------------


def test_arellano_bond_1991_table_4_column_b(firms: pd.DataFrame) -> None:
    result = employment(firms, vcov="classical")
    row = result.row("n1")
    assert (round(row["estimate"], 6), round(row["std_error"], 6)) == (0.474151, 0.085303)
    assert round(result.statistics["hansen"], 5) == 30.11247
    assert result.statistics["hansen_df"] == 25
    assert round(result.statistics["m1"], 6) == -2.427829
    assert round(result.statistics["m2"], 7) == -0.3325401
    assert round(result.statistics["wald_time_dummies"], 4) == 26.9045
    assert result.facts.n_obs == 611


def test_windmeijer_correction_as_in_the_plm_manual(firms: pd.DataFrame) -> None:
    assert round(employment(firms).row("n1")["std_error"], 6) == 0.185398


@pytest.mark.parametrize(("df", "sargan"), [("residual", 65.82), ("observations", 67.59)])
def test_sargan_of_xtabond_and_of_xtabond2(firms: pd.DataFrame, df: str, sargan: float) -> None:
    exogenous = ["w", "w1", "k", "k1", "k2", "ys", "ys1", "ys2"]
    result = employment(
        firms,
        regressors=["n1", "n2", *exogenous],
        iv_instruments=exogenous,
        steps=1,
        vcov="classical",
        sigma2_df=df,
    )
    assert round(result.statistics["sargan"], 2) == sargan
    assert result.statistics["sargan_df"] == 25
    # Stata's manual, xtabond, example 1: the homoskedastic standard error of L.n.
    if df == "residual":
        assert round(result.row("n1")["std_error"], 4) == 0.1486


def test_system_of_roodman_2009(firms: pd.DataFrame) -> None:
    """Blundell and Bond's equation as xtabond2 prints it with its option small."""
    result = employment(
        firms,
        regressors=["n1", "w", "w1", "k", "k1"],
        gmm_instruments=[{"columns": ["n", "w", "k"]}],
        iv_instruments=[],
        equations="system",
        steps=1,
        small_sample="full",
        sigma2_df="observations",
    )
    statistics = result.statistics
    assert round(result.row("n1")["estimate"], 6) == 0.935605
    assert round(result.row("n1")["std_error"], 6) == 0.026569
    assert (result.facts.n_obs, statistics["n_instruments"], statistics["sargan_df"]) == (
        891,
        113,
        100,
    )
    printed = {"m1": -5.46, "m2": -0.25, "sargan": 186.90, "hansen": 110.70}
    assert {name: round(statistics[name], 2) for name in printed} == printed
    blocks = result.details["difference_in_hansen"]
    levels = blocks[blocks["term"].eq("gmm(n, w, k)") & blocks["equation"].eq("level")].iloc[0]
    assert (round(levels["statistic"], 2), levels["df"]) == (26.37, 21)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        (
            "collapsed_difference",
            {"gmm_instruments": [{"columns": "n", "lags": [2, 4], "collapse": True}]},
        ),
        (
            "collapsed_system",
            {
                "gmm_instruments": [
                    {"columns": "n", "lags": [2, 4], "collapse": True},
                    {"columns": "w", "lags": [1, 3], "collapse": True},
                ],
                "iv_instruments": ["k"],
                "equations": "system",
            },
        ),
        (
            "orthogonal_deviations",
            {
                "gmm_instruments": [
                    {"columns": "n", "lags": [2, 4]},
                    {"columns": "w", "lags": [2, 3]},
                ],
                "iv_instruments": ["k"],
                "transformation": "orthogonal_deviations",
            },
        ),
    ],
)
def test_agrees_with_pydynpd(firms: pd.DataFrame, name: str, options: dict[str, Any]) -> None:
    expected = REFERENCE["models"][name]
    base: dict[str, Any] = {
        "regressors": ["n1", "n2", "w", "k"],
        "iv_instruments": ["w", "k"],
        "time_dummies": False,
    }
    result = employment(firms, **(base | options))
    table, statistics = result.coefficients, result.statistics
    np.testing.assert_allclose(table["estimate"], expected["estimate"], rtol=1e-7)
    np.testing.assert_allclose(table["std_error"], expected["std_error"], rtol=1e-7)
    assert statistics["hansen_df"] == expected["hansen_df"]
    tests = [statistics["hansen"], statistics["m1"], statistics["m2"]]
    np.testing.assert_allclose(tests, [expected["hansen"], *expected["m"]], rtol=1e-6)


# Identities --------------------------------------------------------------------------------------


def test_orthogonal_deviations_with_own_instruments_is_the_within_estimator() -> None:
    frame = panel()
    result = estimate(
        frame,
        regressors=["x", "x1"],
        gmm_instruments=[],
        iv_instruments=["x", "x1"],
        transformation="orthogonal_deviations",
        steps=1,
        vcov="classical",
    )
    within = fit(
        Specification(outcome="y", regressors=("x", "x1"), absorb=("id",), vcov="classical"), frame
    )
    np.testing.assert_allclose(
        result.coefficients["estimate"], within.coefficients["estimate"], rtol=1e-10
    )
    np.testing.assert_allclose(
        result.coefficients["std_error"], within.coefficients["std_error"], rtol=1e-10
    )


def test_one_instrument_is_the_anderson_hsiao_estimator() -> None:
    frame = panel()
    result = estimate(
        frame,
        regressors=["y1"],
        gmm_instruments=[{"columns": "y", "lags": [2, 2], "collapse": True}],
        iv_instruments=[],
    )
    ordered = frame.sort_values(["id", "t"])
    previous = ordered.groupby("id").shift(1)
    pair = ordered[(ordered["t"] - previous["t"]).eq(1) & ordered["y1"].notna()].index
    step, past = ordered["y"] - ordered["y1"], ordered["y1"] - ordered["y2"]
    rows = ordered.loc[pair, "y2"].dropna().index
    expected = (ordered.loc[rows, "y2"] @ step[rows]) / (ordered.loc[rows, "y2"] @ past[rows])
    np.testing.assert_allclose(result.row("y1")["estimate"], expected, rtol=1e-10)
    assert abs(result.statistics["hansen"]) < 1e-9
    assert np.isnan(result.statistics["hansen_p"])


def test_two_steps_by_loops_over_units() -> None:
    """The estimator once more, from the formulas unit by unit, in an unbalanced panel."""
    frame = panel(n_units=80).dropna(subset=["y1"])
    times = sorted(frame["t"].unique())
    blocks = []
    for _, unit in frame.groupby("id"):
        unit = unit.set_index("t")
        used = [t for t in times if t in unit.index and t - 1 in unit.index]
        z = np.zeros((len(used), 1 + len(times)))
        for i, t in enumerate(used):
            z[i, 0] = unit.loc[t, "x"] - unit.loc[t - 1, "x"]
            z[i, 1 + times.index(t)] = unit["y"].get(t - 2, 0.0)
        dx = np.array(
            [(unit.loc[t, ["y1", "x"]] - unit.loc[t - 1, ["y1", "x"]]).to_numpy() for t in used]
        ).reshape(len(used), 2)
        dy = np.array([unit.loc[t, "y"] - unit.loc[t - 1, "y"] for t in used])
        h = np.array([[2.0 if s == t else -1.0 * (abs(s - t) == 1) for s in used] for t in used])
        if used:
            blocks.append((z, dx.astype(float), dy, h))
    zx, zy = sum(z.T @ x for z, x, _, _ in blocks), sum(z.T @ y for z, _, y, _ in blocks)
    weight = np.linalg.pinv(sum(z.T @ h @ z for z, _, _, h in blocks))
    first = np.linalg.solve(zx.T @ weight @ zx, zx.T @ weight @ zy)
    scores = np.array([z.T @ (y - x @ first) for z, x, y, _ in blocks])
    weight = np.linalg.pinv(scores.T @ scores)
    second = np.linalg.solve(zx.T @ weight @ zx, zx.T @ weight @ zy)
    result = estimate(frame, gmm_instruments=[{"columns": "y", "lags": [2, 2]}], vcov="classical")
    np.testing.assert_allclose(result.coefficients["estimate"], second, rtol=1e-9)
    np.testing.assert_allclose(
        result.covariance.to_numpy(), np.linalg.inv(zx.T @ weight @ zx), rtol=1e-8
    )


def test_recovers_the_truth() -> None:
    frame = panel(seed=7, n_units=1500)
    # x moves with the effects, so that it is no instrument for the rows in levels.
    own = [{"columns": "x", "equation": "difference"}]
    for equations in ("difference", "system"):
        result = estimate(frame, equations=equations, iv_instruments=own)
        for term, truth in (("y1", 0.5), ("x", 1.0)):
            row = result.row(term)
            assert abs(row["estimate"] - truth) < 4 * row["std_error"] < 0.2
        assert result.statistics["m1_p"] < 1e-6 < 0.001 < result.statistics["m2_p"]
        assert result.statistics["hansen_p"] > 0.001


# Properties --------------------------------------------------------------------------------------

OPTIONS: list[dict[str, Any]] = [
    {},
    {"equations": "system", "time_dummies": True},
    {"equations": "system", "transformation": "orthogonal_deviations", "initial_weight": "block"},
    {"steps": 1, "vcov": "classical", "time_dummies": True},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_row_order_and_labels_of_units_do_not_matter(options: dict[str, Any]) -> None:
    frame = panel()
    expected = estimate(frame, **options)
    shuffled = estimate(frame.sample(frac=1, random_state=3), **options)
    pd.testing.assert_frame_equal(shuffled.coefficients, expected.coefficients, check_exact=True)
    assert dict(shuffled.statistics) == dict(expected.statistics)
    labels = frame.assign(id=[f"u{997 * value % 1009}" for value in frame["id"]])
    relabelled = estimate(labels, **options)
    pd.testing.assert_frame_equal(relabelled.coefficients, expected.coefficients, rtol=1e-8)


@settings(max_examples=15)
@given(
    st.sampled_from(OPTIONS), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.integers(-1000, 1000)
)
def test_units_of_measurement(
    options: dict[str, Any], of_y: float, of_x: float, years: int
) -> None:
    frame = panel()
    expected = estimate(frame, **options)
    scaled = frame.assign(
        y=frame["y"] * of_y, y1=frame["y1"] * of_y, x=frame["x"] * of_x, t=frame["t"] + years
    )
    result = estimate(scaled, **options)
    factor = pd.Series({"y1": 1.0, "x": of_y / of_x}).reindex(expected.coefficients["term"])
    factor = factor.fillna(of_y).to_numpy()
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(
            result.coefficients[column], expected.coefficients[column] * factor, rtol=1e-6
        )
    for name in ("m1", "m2", "sargan", "hansen", "wald_coefficients"):
        np.testing.assert_allclose(result.statistics[name], expected.statistics[name], rtol=1e-6)


def test_every_unit_twice_halves_the_robust_covariance() -> None:
    frame = panel()
    once, twice = (
        estimate(data, steps=steps)
        for steps, data in [
            (1, frame),
            (1, pd.concat([frame, frame.assign(id=frame["id"] + 1000)])),
        ]
    )
    np.testing.assert_allclose(
        twice.coefficients["estimate"], once.coefficients["estimate"], rtol=1e-9
    )
    np.testing.assert_allclose(twice.covariance, once.covariance / 2, rtol=1e-8)
    assert twice.statistics["hansen"] == pytest.approx(2 * once.statistics["hansen"])


def test_collapsing_and_lag_limits_count_instruments() -> None:
    frame = panel()

    def count(**entry: Any) -> float:
        style = {"columns": "y", "lags": [2, 4]} | entry
        return estimate(frame, gmm_instruments=[style]).statistics["n_instruments"]

    # Differences at 2002 ... 2007; lag 2 reaches all of them, lags 3 and 4 start one later each.
    assert count() == 6 + 5 + 4 + 1
    assert count(collapse=True) == 3 + 1
    assert count(lags=[2, None], collapse=True) == 6 + 1
    assert count(lags=2) == 6 + 1


def test_every_fifth_year_is_a_panel_without_gaps() -> None:
    frame = panel()
    spread = frame.assign(t=1950 + 5 * (frame["t"] - 2000))
    expected, result = estimate(frame), estimate(spread)
    pd.testing.assert_frame_equal(result.coefficients, expected.coefficients, check_exact=True)


def test_a_gap_is_not_bridged() -> None:
    frame = panel()
    full = estimate(frame).statistics["n_transformed"]
    complete = frame.dropna(subset=["y1"])
    both = set(map(tuple, complete[["id", "t"]].to_numpy()))
    assert full == sum((unit, time - 1) in both for unit, time in both)
    hole = frame[~((frame["id"] == 3) & (frame["t"] == 2004))]
    without = estimate(hole).statistics["n_transformed"]
    assert 1 <= full - without <= 2
    deviations = estimate(hole, transformation="orthogonal_deviations")
    rows = hole.dropna(subset=["y1"]).groupby("id").size()
    assert deviations.statistics["n_transformed"] == (rows - 1).sum()


def test_fewer_units_than_moments_is_shown() -> None:
    result = estimate(panel(n_units=8), gmm_instruments=[{"columns": "y"}])
    assert result.statistics["weight_rank"] <= 8 < result.statistics["n_instruments"]


def test_missing_rows_are_counted() -> None:
    frame = panel()
    result = estimate(frame)
    assert result.facts.n_dropped == int(frame["y1"].isna().sum())


# Errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 3}, "steps: 3 is not one of 1, 2"),
        ({"initial_weight": "G"}, "initial_weight: 'G' is not one of full, block, identity"),
        ({"regressors": ["y1", "z"]}, "no column 'z'"),
        ({"regressors": []}, "regressors: at least one"),
        ({"gmm_instruments": [], "iv_instruments": []}, "no instruments"),
        ({"gmm_instruments": [{"columns": "y", "lag": 2}]}, "expected a mapping with columns"),
        ({"gmm_instruments": [{"columns": "y", "lags": [3, 2]}]}, "last is before the first"),
        ({"gmm_instruments": [{"columns": "y", "equation": "level"}]}, "needs equations='system'"),
        ({"intercept": True}, "needs equations='system'"),
        ({"time_dummy_equation": "level"}, "needs equations='system'"),
        ({"regressors": ["y1", "x", "c"]}, "c not identified by the 16 independent instruments"),
        ({"gmm_instruments": []}, "not identified by the 1 independent instruments"),
        ({"time": "label"}, "'label' must hold whole numbers"),
        ({"outcome": "label"}, "'label' is str"),
        ({"regressors": ["y1", "far"]}, "'far' has 1 infinite values"),
        ({"regressors": ["y1", "never"]}, "no unit of 'id' has two usable rows: 0 rows"),
    ],
)
def test_errors_name_what_is_wrong(options: dict[str, Any], message: str) -> None:
    frame = panel().assign(c=1.0, label="a", far=0.0, never=np.nan)
    frame.loc[5, "far"] = np.inf
    with pytest.raises(ModelError, match=message):
        estimate(frame, **options)


def test_two_rows_of_one_unit_and_time_are_refused() -> None:
    frame = panel()
    with pytest.raises(ModelError, match="occurs twice"):
        estimate(pd.concat([frame, frame.iloc[[4]]]))
