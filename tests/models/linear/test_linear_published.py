"""Printed numbers: Grunfeld and Munnell (Baltagi's book), Hausman-Taylor, Petersen."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.datasets
from linearmodels.datasets import munnell

from analysis.models.linear import (
    between,
    breusch_pagan_lm,
    effects_f_test,
    fama_macbeth,
    hausman_taylor,
    hausman_test,
    ols,
    random_effects,
    within,
)

MODEL = {"outcome": "invest", "regressors": ["value", "capital"], "unit": "firm"}


@pytest.fixture(scope="module")
def grunfeld() -> pd.DataFrame:
    frame = statsmodels.datasets.grunfeld.load_pandas().data
    return frame[frame["firm"] != "American Steel"].reset_index(drop=True)


@pytest.fixture(scope="module")
def unbalanced(grunfeld) -> pd.DataFrame:
    return grunfeld[~((grunfeld["firm"] == "Diamond Match") & (grunfeld["year"] == 1954))]


# Output of plm 2.2-0, tests/test_Estimators.Rout.save: variances, intercept and its error, value
# and its error, capital and its error.
PLM = [
    (0, "firm", "wallace_hussain", 3089.07, 5690.18, -57.553864, 25.335537, 0.010181, 0.017272),
    (0, "firm", "swamy_arora", 2784.46, 7089.80, -57.834415, 28.898935, 0.010493, 0.017180),
    (0, "firm", "amemiya", 2755.15, 6477.30, -57.771054, 27.961477, 0.010421, 0.017200),
    (0, "firm", "nerlove", 2617.39, 7350.06, -57.907362, 30.106995, 0.010576, 0.017158),
    (0, "year", "wallace_hussain", 9522.69, 0.0, -42.7143694, 9.5116760, 0.005836, 0.025476),
    (0, "year", "swamy_arora", 9623.4, 0.0, -42.7143694, 9.5116760, 0.005836, 0.025476),
    (0, "year", "nerlove", 8564.86, 234.38, -42.4667890, 10.1886847, 0.005864, 0.026354),
    (1, "firm", "wallace_hussain", 2900.88, 7663.69, -57.874183, 29.422867, 0.010552, 0.017216),
    (1, "firm", "swamy_arora", 2799.34, 7124.82, -57.846046, 28.969526, 0.010519, 0.017224),
    (1, "firm", "amemiya", 2799.34, 6994.34, -57.831814, 28.748169, 0.010503, 0.017229),
    (1, "year", "wallace_hussain", 9666.19, 0.0, -43.0915664, 9.5781503, 0.005851, 0.025551),
    (1, "year", "amemiya", 9671.53, 0.0, -43.0915664, 9.5781503, 0.005851, 0.025551),
]


@pytest.mark.parametrize("row", PLM, ids=lambda row: f"{row[2]}-{row[1]}-{row[0]}")
def test_random_effects_equal_plm(grunfeld, unbalanced, row):
    drop, unit, method, idiosyncratic, unit_variance, intercept, error, *slope_errors = row
    frame = unbalanced if drop else grunfeld
    estimates = random_effects(frame, **{**MODEL, "unit": unit}, variance_components=method)
    assert estimates.statistics["sigma_e"] ** 2 == pytest.approx(idiosyncratic, rel=5e-6)
    assert estimates.statistics["sigma_u"] ** 2 == pytest.approx(unit_variance, rel=5e-6)
    assert estimates.row("Intercept")["estimate"] == pytest.approx(intercept, abs=1e-6)
    assert estimates.row("Intercept")["std_error"] == pytest.approx(error, abs=1e-6)
    for name, expected in zip(("value", "capital"), slope_errors, strict=True):
        assert estimates.row(name)["std_error"] == pytest.approx(expected, abs=1e-6)


def test_between_and_within_equal_plm(grunfeld, unbalanced):
    means, deviations = between(grunfeld, **MODEL), within(grunfeld, **MODEL)
    assert means.row("capital")["estimate"] == pytest.approx(0.032031, abs=1e-6)
    assert means.row("Intercept")["std_error"] == pytest.approx(47.515308, abs=1e-6)
    assert means.facts.r_squared == pytest.approx(0.85777, abs=1e-5)
    assert means.statistics["f_statistic"] == pytest.approx(21.1077, abs=1e-4)
    assert deviations.facts.within_r_squared == pytest.approx(0.76676, abs=1e-5)
    assert deviations.statistics["adj_within_r_squared"] == pytest.approx(0.75311, abs=1e-5)
    assert between(unbalanced, **MODEL).row("Intercept")["std_error"] == pytest.approx(
        47.497067, abs=1e-6
    )
    assert within(unbalanced, **MODEL).row("capital")["std_error"] == pytest.approx(
        0.017401, abs=1e-6
    )


def test_lagrange_multipliers_equal_plm_and_eviews(grunfeld, unbalanced):
    """plm's test_plmtest_unbalanced.Rout.save."""
    expected = {
        "lm": (798.16155, 796.66152),
        "honda": (28.251753, 28.225193),
        "lm_time": (6.4538816, 6.4545778),
        "honda_time": (-2.5404491, -2.5405861),
        "lm_two_way": (804.61543, 803.1161),
        "honda_two_way": (18.180637, 18.16176),
        "king_wu": (21.832209, 21.810252),
        "gourieroux_holly_monfort": (798.16155, 796.66152),
    }
    for place, frame in enumerate((grunfeld, unbalanced)):
        statistics = breusch_pagan_lm(frame, **MODEL, time="year").statistics
        for name, values in expected.items():
            assert statistics[name] == pytest.approx(values[place], rel=1e-7), name


def test_specification_tests_of_baltagi(grunfeld):
    """Baltagi, Econometric Analysis of Panel Data: F(9, 188) = 49.18, Hausman 2.33; Munnell's
    F(47, 764) = 75.82, Hausman 9.53, LM 4134.96."""
    slopes = {"outcome": "invest", "regressors": ["value", "capital"]}
    f_test = effects_f_test(grunfeld, **slopes, absorb="firm").statistics
    assert (round(f_test["effects_f"], 2), f_test["effects_f_df1"], f_test["effects_f_df2"]) == (
        49.18,
        9,
        188,
    )
    hausman = hausman_test(grunfeld, **MODEL).statistics
    assert round(hausman["hausman_chi2"], 2) == 2.33
    assert hausman["hausman_df"] == 2
    assert hausman["hausman_negative_eigenvalues"] == 0
    # Baltagi reports 2.131 for the contrast between and random effects, the same by theory.
    regression = hausman_test(grunfeld, **MODEL, method="regression").statistics
    assert regression["hausman_chi2"] == pytest.approx(2.131, abs=5e-4)

    states = munnell.load()
    for name in ("GSP", "P_CAP", "PC", "EMP"):
        states[f"l{name}"] = np.log(states[name])
    model = {"outcome": "lGSP", "regressors": ["lP_CAP", "lPC", "lEMP", "UNEMP"], "unit": "STATE"}
    assert round(hausman_test(states, **model).statistics["hausman_chi2"], 2) == 9.53
    assert round(breusch_pagan_lm(states, **model).statistics["lm"], 2) == 4134.96
    model.pop("unit")
    states_f = effects_f_test(states, **model, absorb="STATE").statistics["effects_f"]
    assert round(states_f, 2) == 75.82


@pytest.fixture()
def wages(shared_data) -> pd.DataFrame:
    frame = pd.read_csv(shared_data / "studies" / "cornwellrupert1988_wages" / "data.csv")
    for name in ("bluecol", "smsa", "south", "married", "union", "black"):
        frame[name] = (frame[name] == "yes").astype(int)
    frame["female"] = (frame["sex"] == "female").astype(int)
    frame["exp2"] = frame["exp"] ** 2
    return frame


HAUSMAN_TAYLOR = {
    "outcome": "lwage",
    "regressors": ["bluecol", "south", "smsa", "ind", "female", "black"],
    "endogenous": ["wks", "married", "union", "exp", "exp2", "ed"],
    "unit": "id",
    "time": "t",
}


@pytest.mark.parametrize(
    ("method", "coefficient", "error"),
    [
        ("hausman_taylor", 0.1379, 0.0212),
        ("amemiya_macurdy", 0.1372, 0.0206),
        ("breusch_mizon_schmidt", 0.2206, 0.0198),
    ],
)
def test_hausman_taylor_return_to_schooling(wages, method, coefficient, error):
    """Return to schooling under the three instrument sets (Baltagi 2021, Table 7.6)."""
    row = hausman_taylor(wages, **HAUSMAN_TAYLOR, method=method).row("ed")
    assert row["estimate"] == pytest.approx(coefficient, abs=1e-4)
    assert row["std_error"] == pytest.approx(error, abs=1e-4)


def test_hausman_taylor_against_within(wages):
    """5.26 in Baltagi (2021, p. 175)."""
    chosen = {**HAUSMAN_TAYLOR}
    endogenous = chosen.pop("endogenous")
    estimates = hausman_test(
        wages, **chosen, efficient="hausman_taylor", options={"endogenous": endogenous}
    )
    assert estimates.statistics["hausman_chi2"] == pytest.approx(5.2577, abs=2e-3)


PETERSEN = [
    ({"vcov": "classical"}, 0.0284, 0.0286),
    ({"vcov": "hc1"}, 0.0284, 0.0284),
    ({"vcov": "cluster", "cluster": "firm"}, 0.067013, 0.050596),
    ({"vcov": "cluster", "cluster": "firm", "small_sample": "none"}, 0.066939, 0.050540),
    ({"vcov": "cluster", "cluster": "year"}, 0.0234, 0.0334),
    (
        {
            "vcov": "cluster",
            "cluster": ["firm", "year"],
            "vcov_options": {"intersection": "hc0"},
        },
        0.065066,
        0.053561,
    ),
    ({"vcov": "driscoll_kraay", "small_sample": "none"}, 0.024357, 0.028163),
    ({"vcov": "pcse"}, 0.022201, 0.025276),
]


@pytest.mark.parametrize(("options", "intercept", "slope"), PETERSEN, ids=str)
def test_petersen_standard_errors(shared_data, options, intercept, slope):
    frame = pd.read_csv(shared_data / "studies" / "petersen2009" / "data.csv")
    model = {"outcome": "y", "regressors": "x", "unit": "firm", "time": "year"}
    estimates = ols(frame, **model, **options)
    digits = 4 if intercept == round(intercept, 4) else 6
    assert round(estimates.row("Intercept")["std_error"], digits) == intercept
    assert round(estimates.row("x")["std_error"], digits) == slope


@pytest.mark.parametrize(
    ("unbalanced", "expected"),
    [("pairwise", (0.022070, 0.025338)), ("casewise", (0.022603, 0.025241))],
)
def test_panel_corrected_errors_of_an_unbalanced_panel(shared_data, unbalanced, expected):
    frame = pd.read_csv(shared_data / "studies" / "petersen2009" / "data.csv")
    frame = frame[~((frame["firm"] == 1) & (frame["year"] == 10))]
    estimates = ols(
        frame,
        outcome="y",
        regressors="x",
        unit="firm",
        time="year",
        vcov="pcse",
        vcov_options={"unbalanced": unbalanced},
    )
    assert estimates.coefficients["std_error"].round(6).tolist() == list(expected)


def test_fama_macbeth_of_petersen(shared_data):
    frame = pd.read_csv(shared_data / "studies" / "petersen2009" / "data.csv")
    table = fama_macbeth(frame, outcome="y", regressors="x", time="year").coefficients
    assert table["estimate"].round(4).tolist() == [0.0313, 1.0356]
    assert table["std_error"].round(4).tolist() == [0.0234, 0.0333]
