"""Absorbing two effects exactly: against dummies and pyfixest, in any order, on any threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.models import ModelError, absorption, two_way
from analysis.models.absorption import absorb, count_effects
from analysis.models.two_way import GroundedLaplacian, absorb_exactly, group_rows

some = settings(max_examples=40)
seeds = st.integers(0, 2**32 - 1)


def without_gaps(codes):
    return np.unique(codes, return_inverse=True)[1]


def table(seed, n=120, units=15, years=7, islands=1, spread=1.0):
    """Columns (n, 3), effects (n, 2), weights: unbalanced, cells repeated, singletons, islands.

    Units and years fall into ``islands`` that share no observation; ``spread`` is the standard
    deviation of the logarithm of the weights.
    """
    random = np.random.default_rng(seed)
    unit = np.minimum(random.geometric(2 / units, n), 3 * units)
    year = random.integers(0, years, n) // islands * islands + unit % islands
    effects = np.column_stack([without_gaps(unit), without_gaps(year)])
    columns = random.normal(size=(n, 3)) + effects @ random.normal(size=(2, 3)) + [0, 100, -5]
    return columns, effects, np.exp(spread * random.normal(size=n))


def with_dummies(columns, effects, weights):
    dummies = np.column_stack([codes[:, None] == np.arange(codes.max() + 1) for codes in effects.T])
    root = np.sqrt(weights)[:, None]
    fit = np.linalg.lstsq(dummies * root, columns * root, rcond=1e-12)[0]
    return columns - dummies @ fit


@given(seed=seeds, islands=st.integers(1, 3), spread=st.sampled_from([0.0, 1.0, 2.0]))
@some
def test_equals_a_regression_on_dummies_and_the_iterative_solver(seed, islands, spread):
    columns, effects, weights = table(seed, islands=islands, spread=spread)
    ours = absorb(columns, effects, weights)
    root = np.sqrt(weights / weights.max())[:, None]  # a light row is known less exactly
    for other in (
        with_dummies(columns, effects, weights),
        absorption._absorb_iteratively(columns, effects, weights),
    ):
        np.testing.assert_allclose(ours * root, other * root, atol=1e-9)
    swapped = absorb(columns, effects[:, ::-1], weights)
    np.testing.assert_allclose(ours, swapped, atol=1e-11)


@given(seed=seeds)
@some
def test_one_effect_takes_out_weighted_means(seed):
    columns, effects, weights = table(seed)
    residuals = absorb(columns, effects[:, :1], weights)
    expected = with_dummies(columns, effects[:, :1], weights)
    np.testing.assert_allclose(residuals, expected, atol=1e-10)


@given(seed=seeds, factors=st.tuples(*[st.sampled_from([1e-12, 1.0, 1e9])] * 3))
@some
def test_each_column_has_its_own_scale(seed, factors):
    columns, effects, weights = table(seed)
    plain = absorb(columns, effects, weights)
    scaled = absorb(columns * factors, effects, weights) / factors
    np.testing.assert_allclose(scaled, plain, atol=1e-11)


@given(seed=seeds)
@some
def test_order_of_rows_is_irrelevant(seed):
    columns, effects, weights = table(seed)
    order = np.random.default_rng(seed).permutation(len(weights))
    np.testing.assert_allclose(
        absorb(columns[order], effects[order], weights[order]),
        absorb(columns, effects, weights)[order],
        atol=1e-11,
    )


def test_a_chain_of_units_each_seen_in_two_neighbouring_years():
    """The years are connected by one thread: the worst condition number of a given size."""
    first = np.repeat(np.arange(400), 2)
    effects = np.column_stack([first, first + np.tile([0, 1], 400)])
    columns = np.random.default_rng(1).normal(size=(800, 2)) + np.arange(800)[:, None]
    weights = np.ones(800)
    expected = with_dummies(columns, effects, weights)
    np.testing.assert_allclose(absorb(columns, effects, weights), expected, atol=1e-9)


def test_weights_of_very_different_size():
    columns, effects, weights = table(3, spread=0.0)
    weights[::3] *= 1e12
    residuals = absorb(columns, effects, weights)
    for codes in effects.T:
        sums = np.array([np.bincount(codes, weights * column) for column in residuals.T])
        sizes = np.array([np.bincount(codes, weights * abs(column)) for column in columns.T])
        assert (np.abs(sums) <= 1e-9 * sizes).all()


def test_many_levels_on_both_sides_go_to_the_iterative_solver(monkeypatch):
    columns, effects, weights = table(5)
    exact = absorb(columns, effects, weights)
    monkeypatch.setattr(two_way, "MOST_LEVELS", 3)
    assert group_rows(effects) is None
    np.testing.assert_allclose(absorb(columns, effects, weights), exact, atol=1e-9)


def test_inexact_residuals_are_an_error(monkeypatch):
    columns, effects, weights = table(6)
    monkeypatch.setattr(GroundedLaplacian, "solve", lambda self, right: right * 0 + 1.0)
    with pytest.raises(ModelError, match="could not be absorbed to the required accuracy"):
        absorb(columns, effects, weights)


def test_input_is_kept_unless_it_may_be_overwritten():
    columns, effects, weights = table(7)
    order = np.lexsort(effects.T[::-1])
    columns, effects, weights = columns[order], effects[order], weights[order]
    before = columns.copy()
    kept = absorb(columns, effects, weights)
    np.testing.assert_array_equal(columns, before)
    overwritten = absorb_exactly(columns, group_rows(effects), weights)
    assert np.shares_memory(overwritten, columns)
    np.testing.assert_array_equal(overwritten, kept)


def test_no_byte_depends_on_the_number_of_threads(monkeypatch):
    columns, effects, weights = table(8, n=two_way.LARGE + 1, units=20_000, years=25)
    results = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(two_way.config, "NUMBA_NUM_THREADS", threads)
        results.append(absorb(columns, effects, weights).tobytes())
    assert len(set(results)) == 1
    monkeypatch.setattr(two_way, "LARGE", 10**9)
    in_one_piece = absorb(columns, effects, weights)
    np.testing.assert_allclose(np.frombuffer(results[0]), in_one_piece.ravel(), atol=1e-10)


@given(seed=seeds, islands=st.integers(1, 4))
@some
def test_number_of_effects_is_the_rank_of_their_dummies(seed, islands):
    _, effects, _ = table(seed, n=40, islands=islands)
    dummies = np.column_stack([codes[:, None] == np.arange(codes.max() + 1) for codes in effects.T])
    assert count_effects(effects) == np.linalg.matrix_rank(dummies)
