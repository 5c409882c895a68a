"""Persistence measures recover known processes, and chance is told from persistence."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.indicators import (
    IndicatorError,
    half_life,
    permutation_test,
    rank_autocorrelation,
    transition_matrix,
)


def autoregression(
    rho: float, noise: float = 0.0, units: int = 4000, years: int = 8, seed: int = 99
) -> pd.DataFrame:
    """Stationary positions with persistence ``rho``, common shocks, and sampling noise."""
    random = np.random.default_rng(seed)
    columns = [random.normal(size=units)]
    for _ in range(years - 1):
        columns.append(rho * columns[-1] + math.sqrt(1 - rho**2) * random.normal(size=units))
    observed = [
        column + year + noise * random.normal(size=units) for year, column in enumerate(columns)
    ]
    return pd.DataFrame(np.column_stack(observed), columns=range(2008, 2008 + years))


def test_half_life_of_a_known_process():
    decay = half_life(autoregression(0.8))
    assert abs(decay.rho - 0.8) < 3 * decay.std_error < 0.03
    assert decay.half_life == pytest.approx(math.log(0.5) / math.log(decay.rho))
    assert decay.half_life_low < math.log(0.5) / math.log(0.8) < decay.half_life_high
    assert (decay.n_pairs, decay.n_units) == (4000 * 7, 4000)


def test_noise_shortens_the_half_life_and_the_instrument_mends_it():
    noisy = autoregression(0.8, noise=0.7)
    plain, mended = half_life(noisy), half_life(noisy, errors_in_variables=True)
    assert plain.rho == pytest.approx(0.8 / (1 + 0.49), abs=0.02)
    assert abs(mended.rho - 0.8) < 3 * mended.std_error
    assert mended.n_pairs == 4000 * 6


def test_standard_error_equals_a_clustered_regression():
    import statsmodels.api as sm

    positions = autoregression(0.6, units=60, years=4)
    decay = half_life(positions)
    pairs = [
        pd.DataFrame({"unit": range(60), "x": positions[t], "y": positions[t + 1], "t": t})
        for t in (2008, 2009, 2010)
    ]
    frame = pd.concat(pairs)
    design = pd.get_dummies(frame["t"], dtype=float).assign(x=frame["x"])
    groups = {"groups": frame["unit"], "use_correction": True, "df_correction": False}
    fitted = sm.OLS(frame["y"], design).fit(cov_type="cluster", cov_kwds=groups)
    n, k = design.shape
    assert decay.rho == pytest.approx(fitted.params["x"], rel=1e-10)
    factor = math.sqrt((n - 1) / (n - k))
    assert decay.std_error == pytest.approx(fitted.bse["x"] / factor, rel=1e-8)


def test_half_life_at_the_ends():
    trend = pd.DataFrame({2000: [1.0, 2.0, 3.0], 2001: [2.0, 4.0, 6.1]})
    assert half_life(trend).half_life == math.inf
    assert half_life(-trend * [1, -1]).half_life == 0.0


def test_transitions_by_hand():
    positions = pd.DataFrame({2000: [0.4, 0.9, 1.5, np.nan], 2001: [0.6, 1.0, 0.2, 1.1]})
    result = transition_matrix(positions, thresholds=[0.5, 1.0])
    assert result.counts.to_numpy().tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert result.mobility == 1.5
    assert result.counts.index.tolist() == [1, 2, 3]


def test_an_empty_origin_is_missing_not_zero():
    positions = pd.DataFrame({2000: [0.1, 0.2], 2001: [0.1, 3.0]})
    result = transition_matrix(positions, thresholds=[1.0])
    assert result.probabilities.loc[1].tolist() == [0.5, 0.5]
    assert result.probabilities.loc[2].isna().all()


def test_quantile_states_are_equal_and_rows_sum_to_one():
    positions = autoregression(0.9, units=400)
    result = transition_matrix(positions, quantiles=4)
    assert result.counts.sum(axis=1).tolist() == [100 * 7] * 4
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1)
    assert transition_matrix(positions, quantiles=4, lag=5).mobility > result.mobility
    frozen = positions[[2008]].assign(**{"2009": positions[2008]}).set_axis([2008, 2009], axis=1)
    assert transition_matrix(frozen, quantiles=4).mobility == 0


def test_rank_autocorrelation_falls_with_the_lag():
    table = rank_autocorrelation(autoregression(0.8))
    assert table["lag"].tolist() == list(range(1, 8))
    # Spearman's coefficient of a bivariate normal pair with correlation 0.8 ** lag
    expected = 6 / np.pi * np.arcsin(0.8 ** table["lag"] / 2)
    np.testing.assert_allclose(table["rank_correlation"], expected, atol=0.02)
    assert table["n_pairs"].tolist() == [4000 * years for years in range(7, 0, -1)]


def test_rank_autocorrelation_equals_scipy_and_respects_gaps():
    from scipy.stats import spearmanr

    positions = autoregression(0.5, units=30)[[2008, 2009, 2012]]
    positions.iloc[3, 0] = np.nan
    table = rank_autocorrelation(positions).set_index("lag")
    pair = positions[[2008, 2009]].dropna()
    assert table.loc[1, "rank_correlation"] == pytest.approx(spearmanr(*pair.T.to_numpy())[0])
    assert np.isnan(table.loc[2, "rank_correlation"]) and table.loc[2, "n_pairs"] == 0
    assert table.loc[4, "n_pairs"] == 29


def lag_one(positions: pd.DataFrame) -> float:
    return float(rank_autocorrelation(positions, lags=[1])["rank_correlation"].iloc[0])


def test_permutation_tells_chance_from_persistence():
    persistent = autoregression(0.5, units=50)
    options = {"draws": 199, "seed": 1, "name": "lag one"}
    test = permutation_test(persistent, lag_one, **options)
    assert test.p_value == 1 / 200
    assert test.null_low < 0 < test.null_high < test.observed
    options["draws"] = 39
    chance = [
        permutation_test(autoregression(0.0, units=30, years=3, seed=seed), lag_one, **options)
        for seed in range(20)
    ]
    # Under the null p-values are uniform: mean 1/2 with standard error 0.065.
    assert 0.3 < np.mean([test.p_value for test in chance]) < 0.7


def test_permutation_depends_on_seed_and_name_only():
    positions = autoregression(0.1, units=20)
    options = {"draws": 19, "seed": 1, "name": "a"}
    first = permutation_test(positions, lag_one, **options)
    shuffled = positions.sample(frac=1, random_state=3)
    assert permutation_test(shuffled, lag_one, **options) == first
    assert permutation_test(positions, lag_one, **(options | {"name": "b"})) != first
    assert permutation_test(positions, lag_one, **(options | {"seed": 2})) != first


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: transition_matrix(p), "either quantiles or thresholds"),
        (lambda p: transition_matrix(p, quantiles=1), "at least 2 quantiles"),
        (lambda p: transition_matrix(p, thresholds=[1, 1]), "thresholds must ascend"),
        (lambda p: transition_matrix(p, quantiles=3, lag=0), "lag: expected 1 or more"),
        (lambda p: half_life(p * np.inf), "infinite positions"),
        (lambda p: half_life(p[[2008, 2010]]), "too few units"),
        (lambda p: half_life(p[[2008]]), "at least two periods"),
        (lambda p: half_life(p.add_prefix("y")), "columns must be distinct periods"),
    ],
)
def test_refused(call, message):
    with pytest.raises(IndicatorError, match=message):
        call(autoregression(0.5, units=10) + 1)
