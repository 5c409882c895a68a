"""Spatial regressions: values of another package, identities, and what must not matter."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lattices import EDGES, lattice

from analysis.models.spatial import moran, spatial_error, spatial_lag, spatial_ols
from analysis.models.specification import ModelError

FRAME, LINKS = lattice()
PANEL, _ = lattice(side=5, periods=4)
_, PANEL_LINKS = lattice(side=5)
CROSS = {
    "outcome": "y",
    "regressors": ["x", "z"],
    "unit": "cell",
    "matrix": LINKS,
    "matrix_options": EDGES,
}
PANELS = {**CROSS, "matrix": PANEL_LINKS, "time": "year"}

# spreg 1.9.0 with libpysal 4.14.1, row-standardised weights: ML_Lag and ML_Error with
# method="full" (their method="ord" takes another trace), GM_Lag, GM_Error. Coefficients, then
# standard errors; theirs of ML are found to about eight digits.
SPREG = {
    "lag": (
        spatial_lag,
        {},
        [1.15439996, 0.72730694, -0.38618346, 0.32223951],
        [0.21109961, 0.09793808, 0.08244203, 0.11820267],
    ),
    "durbin": (
        spatial_lag,
        {"spatial_lags": "all"},
        [0.87099245, 0.73111118, -0.26806543, -0.11248041, 0.39236059, 0.48889354],
        [0.25518192, 0.11861473, 0.08669644, 0.28840991, 0.09597832, 0.14636574],
    ),
    "error": (
        spatial_error,
        {},
        [1.70355443, 0.80769167, -0.40220545, 0.58977336],
        [0.13626505, 0.09466377, 0.05317455, 0.13139055],
    ),
    "two stages": (
        spatial_lag,
        {"method": "gmm"},
        [1.27141658, 0.75349665, -0.36682516, 0.25321664],
        [0.33086494, 0.11488611, 0.098736, 0.19127136],
    ),
    "two stages, first order": (
        spatial_lag,
        {"method": "gmm", "instrument_lags": 1},
        [1.57684979, 0.82185622, -0.31629674, 0.07305526],
        [0.38434311, 0.12586268, 0.10691866, 0.22304868],
    ),
    "two stages, robust": (
        spatial_lag,
        {"method": "gmm", "vcov": "hc0"},
        [1.27141658, 0.75349665, -0.36682516, 0.25321664],
        [0.28138572, 0.09754039, 0.09417496, 0.15909259],
    ),
    "moments": (
        spatial_error,
        {"method": "gmm"},
        [1.70230374, 0.81607668, -0.39055984, 0.45390943],
        [0.10641699, 0.09349439, 0.05910821, np.nan],
    ),
}


@pytest.mark.parametrize("name", SPREG)
def test_estimates_equal_those_of_spreg(name):
    estimator, options, values, errors = SPREG[name]
    table = estimator(FRAME, **CROSS, **options).coefficients
    np.testing.assert_allclose(table["estimate"], values, rtol=2e-7)
    np.testing.assert_allclose(table["std_error"], errors, rtol=2e-7)


def test_likelihoods_equal_those_of_spreg():
    assert spatial_lag(FRAME, **CROSS).facts.log_likelihood == pytest.approx(-31.81529970376978)
    assert spatial_error(FRAME, **CROSS).facts.log_likelihood == pytest.approx(-26.423854998503515)


def test_diagnostics_equal_those_of_spreg():
    statistics = spatial_ols(FRAME, **CROSS).statistics
    expected = {
        "lm_lag": 6.970206532108523,
        "lm_error": 16.99507657881354,
        "robust_lm_lag": 1.009576166488384,
        "robust_lm_error": 11.034446213193402,
        "lm_sarma": 18.00465274530192,
        "moran_i": 0.456743025591274,
        "moran_z": 4.553128007620722,
    }
    assert {name: statistics[name] for name in expected} == pytest.approx(expected, rel=1e-10)
    assert 2 * statistics["moran_p"] == pytest.approx(5.285409000105804e-06)


def weights_matrix(links: pd.DataFrame, n: int) -> np.ndarray:
    matrix = np.zeros((n, n))
    matrix[links["start"], links["end"]] = 1
    return matrix / matrix.sum(axis=1, keepdims=True)


def test_impacts_are_average_derivatives_and_their_errors_follow_numerically():
    fit = spatial_lag(FRAME, **CROSS, spatial_lags="all")
    matrix, terms = weights_matrix(LINKS, 49), list(fit.coefficients["term"])

    def impacts(values: np.ndarray) -> np.ndarray:
        named = dict(zip(terms, values, strict=True))
        inverse = np.linalg.inv(np.eye(49) - named["rho"] * matrix)
        effect = inverse @ (named["x"] * np.eye(49) + named["W.x"] * matrix)
        direct, total = np.trace(effect) / 49, effect.sum() / 49
        return np.array([direct, total - direct, total])

    values = fit.coefficients["estimate"].to_numpy()
    steps = 1e-6 * np.eye(len(values))
    slopes = np.array([(impacts(values + s) - impacts(values - s)) / 2e-6 for s in steps]).T
    errors = np.sqrt(np.diag(slopes @ fit.covariance.to_numpy() @ slopes.T))
    row = fit.details["impacts"].set_index("term").loc["x"]
    kinds = ["direct", "indirect", "total"]
    np.testing.assert_allclose(row[kinds].astype(float), impacts(values), rtol=1e-10)
    np.testing.assert_allclose(
        row[[f"{kind}_std_error" for kind in kinds]].astype(float), errors, rtol=1e-6
    )


def test_simulated_impacts_are_near_the_delta_method_and_repeat():
    few = {**CROSS, "spatial_lags": "none", "draws": 4000}
    exact = spatial_lag(FRAME, **few).details["impacts"]
    drawn = spatial_lag(FRAME, **few, impacts="simulation", seed=3).details["impacts"]
    again = spatial_lag(FRAME, **few, impacts="simulation", seed=3).details["impacts"]
    pd.testing.assert_frame_equal(drawn, again)
    np.testing.assert_allclose(drawn["direct_std_error"], exact["direct_std_error"], rtol=0.08)
    np.testing.assert_allclose(drawn["total"], exact["total"], rtol=1e-12)


@pytest.mark.parametrize("estimator", [spatial_lag, spatial_error])
def test_sparse_factors_and_eigenvalues_give_the_same(estimator):
    eigenvalues = estimator(FRAME, **CROSS, log_determinant="eigenvalues")
    factors = estimator(FRAME, **CROSS, log_determinant="lu")
    np.testing.assert_allclose(
        eigenvalues.coefficients["estimate"], factors.coefficients["estimate"], rtol=1e-10
    )
    assert eigenvalues.facts.log_likelihood == pytest.approx(
        factors.facts.log_likelihood, rel=1e-12
    )


def test_weights_that_are_not_symmetric_even_after_scaling():
    options = {"kind": "nearest", "k": 3, "coordinates": ["row", "column"], "metric": "euclidean"}
    arguments = {**CROSS, "matrix": None, "matrix_options": options}
    eigenvalues = spatial_lag(FRAME, **arguments)
    factors = spatial_lag(FRAME, **arguments, log_determinant="lu")
    assert eigenvalues.statistics["rho"] == pytest.approx(factors.statistics["rho"], rel=1e-9)


def with_dummies(frame: pd.DataFrame, effects: list[str]) -> tuple[pd.DataFrame, list[str]]:
    dummies = pd.get_dummies(frame[effects].astype(str), drop_first=True, dtype=float)
    return pd.concat([frame, dummies], axis=1), list(dummies.columns)


@pytest.mark.parametrize("effects", [["cell"], ["year"], ["cell", "year"]])
@pytest.mark.parametrize(
    ("estimator", "method"), [(spatial_lag, "ml"), (spatial_lag, "gmm"), (spatial_error, "ml")]
)
def test_absorbed_effects_are_dummies(estimator, method, effects):
    # Spatial lags of dummies are combinations of dummies here, so they are no instruments.
    absorbed = estimator(PANEL, **PANELS, absorb=effects, method=method)
    frame, dummies = with_dummies(PANEL, effects)
    plain = {**PANELS, "regressors": ["x", "z", *dummies]}
    written_out = estimator(frame, **plain, method=method, impacts="none")
    assert len(absorbed.coefficients) == 3
    for term in absorbed.coefficients["term"]:
        np.testing.assert_allclose(
            absorbed.row(term)[["estimate", "std_error"]].astype(float),
            written_out.row(term)[["estimate", "std_error"]].astype(float),
            rtol=1e-7,
        )
    assert absorbed.statistics["sigma2"] == pytest.approx(written_out.statistics["sigma2"])


def test_moments_with_unit_effects_are_those_with_dummies():
    absorbed = spatial_error(PANEL, **PANELS, absorb=["cell"], method="gmm")
    frame, dummies = with_dummies(PANEL, ["cell"])
    plain = {**PANELS, "regressors": ["x", "z", *dummies]}
    written_out = spatial_error(frame, **plain, method="gmm", impacts="none")
    for term in ("x", "z", "lambda"):
        expected = written_out.row(term)["estimate"]
        assert absorbed.row(term)["estimate"] == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("effects", [["cell"], ["cell", "year"]])
def test_an_unbalanced_panel_is_estimated_as_with_dummies(effects):
    frame = PANEL[~((PANEL["cell"] == 7) & (PANEL["year"] == 2))].reset_index(drop=True)
    absorbed = spatial_lag(frame, **PANELS, absorb=effects, spatial_lags=["x"])
    wide, dummies = with_dummies(frame, effects)
    plain = {**PANELS, "regressors": ["x", "z", *dummies]}
    written_out = spatial_lag(wide, **plain, spatial_lags=["x"], impacts="none")
    for term in ("x", "W.x", "rho"):
        assert absorbed.row(term)["estimate"] == pytest.approx(
            written_out.row(term)["estimate"], rel=1e-7
        )
        assert absorbed.row(term)["std_error"] == pytest.approx(
            written_out.row(term)["std_error"], rel=1e-7
        )
    tests = spatial_ols(frame, **PANELS, absorb=effects).statistics
    expected = spatial_ols(wide, **plain, impacts="none").statistics
    for name in ("lm_lag", "lm_error", "robust_lm_lag", "robust_lm_error"):
        assert tests[name] == pytest.approx(expected[name], rel=1e-6)


def test_the_two_conventions_agree_for_unit_effects_and_differ_for_time_effects():
    def rho(effects: list[str], convention: str) -> float:
        fit = spatial_lag(PANEL, **PANELS, absorb=effects, effects_convention=convention)
        return fit.statistics["rho"]

    assert rho(["cell"], "dummies") == pytest.approx(rho(["cell"], "demeaned"), rel=1e-9)
    assert abs(rho(["year"], "dummies") - rho(["year"], "demeaned")) > 1e-6


def test_lee_yu_leaves_the_slopes_of_unit_effects_and_scales_their_variance():
    plain = spatial_lag(PANEL, **PANELS, absorb=["cell"])
    corrected = spatial_lag(PANEL, **PANELS, absorb=["cell"], bias_correction="lee_yu")
    np.testing.assert_allclose(
        corrected.coefficients["estimate"], plain.coefficients["estimate"], rtol=1e-12
    )
    assert corrected.statistics["sigma2"] == pytest.approx(plain.statistics["sigma2"] * 4 / 3)


def test_lee_yu_removes_most_of_the_bias_of_time_effects():
    generator = np.random.default_rng(8)
    side, periods, rho = 5, 8, 0.4
    matrix = weights_matrix(PANEL_LINKS, 25)
    inverse = np.linalg.inv(np.eye(25) - rho * matrix)
    found = []
    for _ in range(60):
        frame, _ = lattice(side, periods)
        x = generator.normal(size=(periods, 25))
        signal = x + generator.normal(size=(1, 25)) + generator.normal(size=(periods, 1))
        frame["x"] = x.ravel()
        frame["y"] = ((signal + generator.normal(size=x.shape)) @ inverse.T).ravel()
        arguments = {**PANELS, "regressors": ["x"], "absorb": ["cell", "year"], "impacts": "none"}
        found.append(
            [
                spatial_lag(frame, **arguments, bias_correction=kind).statistics["rho"]
                for kind in ("none", "lee_yu")
            ]
        )
    bias = np.mean(found, axis=0) - rho
    assert bias[0] < -0.03
    assert abs(bias[1]) < 0.35 * abs(bias[0])


def test_the_true_parameters_are_found():
    generator = np.random.default_rng(11)
    frame, links = lattice(side=20)
    matrix = weights_matrix(links, 400)
    frame["x"] = generator.normal(size=400)
    noise = generator.normal(size=400)
    lag = np.linalg.inv(np.eye(400) - 0.5 * matrix)
    arguments = {**CROSS, "regressors": ["x"], "matrix": links}
    frame["y"] = lag @ (1 + 2 * frame["x"].to_numpy() + noise)
    for method in ("ml", "gmm"):
        row = spatial_lag(frame, **arguments, method=method).row("rho")
        assert abs(row["estimate"] - 0.5) < 3 * row["std_error"] < 0.5
    frame["y"] = 1 + 2 * frame["x"] + lag @ noise
    assert spatial_error(frame, **arguments).statistics["lambda"] == pytest.approx(0.5, abs=0.15)
    gmm = spatial_error(frame, **arguments, method="gmm")
    assert gmm.statistics["lambda"] == pytest.approx(0.5, abs=0.15)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.01, 100))
def test_row_order_units_of_measurement_and_names_of_regions_do_not_matter(seed, scale):
    generator = np.random.default_rng(seed)
    names = {cell: f"region {name}" for cell, name in enumerate(generator.permutation(25))}
    frame = PANEL.sample(frac=1, random_state=seed % 2**32)
    renamed = frame.assign(cell=frame["cell"].map(names), y=frame["y"] * scale)
    links = PANEL_LINKS.sample(frac=1, random_state=seed % 2**32).map(names.get)
    for estimator, parameter in ((spatial_lag, "rho"), (spatial_error, "lambda")):
        base = estimator(PANEL, **PANELS, absorb=["cell"])
        shuffled = estimator(frame, **PANELS, absorb=["cell"])
        np.testing.assert_array_equal(
            base.coefficients["estimate"], shuffled.coefficients["estimate"]
        )
        other = estimator(renamed, **{**PANELS, "matrix": links}, absorb=["cell"])
        assert other.row("x")["estimate"] == pytest.approx(scale * base.row("x")["estimate"])
        assert other.row("x")["p_value"] == pytest.approx(base.row("x")["p_value"])
        assert other.row(parameter)["estimate"] == pytest.approx(base.row(parameter)["estimate"])


def test_a_period_repeated_changes_the_errors_by_the_root_of_two_only():
    twice = pd.concat([FRAME, FRAME.assign(year=1)])
    one = spatial_lag(FRAME, **CROSS).coefficients
    two = spatial_lag(twice, **CROSS, time="year").coefficients
    np.testing.assert_allclose(one["estimate"], two["estimate"], rtol=1e-9)
    np.testing.assert_allclose(one["std_error"], two["std_error"] * np.sqrt(2), rtol=1e-9)


def test_slx_is_least_squares_on_lagged_regressors():
    fit = spatial_ols(FRAME, **CROSS, spatial_lags="all")
    lagged = weights_matrix(LINKS, 49) @ FRAME[["x", "z"]].to_numpy()
    design = np.column_stack([np.ones(49), FRAME[["x", "z"]], lagged])
    expected = np.linalg.lstsq(design, FRAME["y"], rcond=None)[0]
    np.testing.assert_allclose(fit.coefficients["estimate"], expected, rtol=1e-9)
    assert list(fit.coefficients["term"]) == ["Intercept", "x", "z", "W.x", "W.z"]
    impacts = fit.details["impacts"].set_index("term")
    assert impacts.loc["x", "indirect"] == pytest.approx(fit.row("W.x")["estimate"])
    assert impacts.loc["x", "total_std_error"] == pytest.approx(
        np.sqrt(fit.covariance.loc[["x", "W.x"], ["x", "W.x"]].to_numpy().sum())
    )


def test_moran_of_variables_by_its_permutation_moments():
    arguments = {"unit": "cell", "matrix": LINKS, "matrix_options": EDGES}
    table = moran(FRAME, variables=["y", "x"], permutations=999, **arguments).details["moran"]
    matrix = weights_matrix(LINKS, 49)
    deviations = (FRAME["y"] - FRAME["y"].mean()).to_numpy()
    index = deviations @ matrix @ deviations / (deviations @ deviations)
    generator = np.random.default_rng(5)
    orders = generator.permuted(np.tile(deviations, (20000, 1)), axis=1)
    drawn = np.einsum("ij,jk,ik->i", orders, matrix, orders) / (deviations @ deviations)
    assert table.loc[0, "moran_i"] == pytest.approx(index)
    assert table.loc[0, "expectation"] == pytest.approx(-1 / 48)
    assert table.loc[0, "variance"] == pytest.approx(drawn.var(), rel=0.05)
    assert table.loc[0, "permutation_p"] < 0.02
    normal = moran(FRAME, variables="y", variance="normality", **arguments)
    constant_only = spatial_ols(FRAME, **{**CROSS, "regressors": []})
    assert normal.statistics["variance"] == pytest.approx(
        constant_only.statistics["moran_variance"]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "bayes"}, "method: 'bayes' is not one of ml, gmm"),
        ({"log_determinant": "chebyshev"}, "is not one of auto, eigenvalues, lu"),
        ({"effects_convention": "x"}, "is not one of dummies, demeaned"),
        ({"absorb": ["row"]}, "row is neither unit nor time"),
        ({"spatial_lags": ["q"]}, "q is no regressor; expected none, all, or some of x, z"),
        ({"bias_correction": "lee_yu"}, "is for method='ml' with effects"),
        ({"small_sample": "full"}, "has no effect with method='ml'"),
        ({"vcov": "hc0"}, "is for method='gmm'"),
        ({"method": "gmm", "vcov": "cluster"}, "cluster columns go together"),
        ({"impacts": "jackknife"}, "is not one of delta, simulation, none"),
        ({"draws": 3}, "expected 100 or more"),
        ({"method": "gmm", "instrument_lags": 0}, "instrument_lags: expected 1 or more"),
        ({"regressors": [], "method": "gmm"}, "no spatial lag of a regressor"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ModelError, match=message):
        spatial_lag(FRAME, **{**CROSS, **options})


def test_bad_samples_are_refused():
    with pytest.raises(ModelError, match="repeat a pair"):
        spatial_lag(PANEL, **{**PANELS, "time": None})
    unbalanced = PANEL.iloc[1:]
    with pytest.raises(ModelError, match=r"spatial_error with effects needs a balanced panel; 2"):
        spatial_error(unbalanced, **PANELS, absorb=["cell"])
    raw = {**PANELS, "matrix_options": {**EDGES, "standardise": "none"}}
    with pytest.raises(ModelError, match="needs row-standardised weights"):
        spatial_error(PANEL, **raw, absorb=["year"])
    with pytest.raises(ModelError, match="no column 'q'"):
        spatial_lag(FRAME, **{**CROSS, "regressors": ["q"]})
    with pytest.raises(ModelError, match="'rho' is the name of the spatial parameter"):
        spatial_lag(FRAME.rename(columns={"x": "rho"}), **{**CROSS, "regressors": ["rho"]})
    with pytest.raises(ModelError, match="x2 cannot be estimated"):
        spatial_error(FRAME.assign(x2=FRAME["x"] * 2), **{**CROSS, "regressors": ["x", "x2"]})


def test_missing_rows_are_counted_and_leave_the_network():
    frame = FRAME.assign(x=FRAME["x"].where(FRAME["cell"] != 10))
    fit = spatial_lag(frame, **CROSS)
    assert (fit.facts.n_obs, fit.facts.n_dropped) == (48, 1)
    without = spatial_lag(FRAME[FRAME["cell"] != 10], **CROSS)
    pd.testing.assert_frame_equal(fit.coefficients, without.coefficients)
