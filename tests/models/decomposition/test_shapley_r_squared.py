"""Shapley shares of R²: closed forms, all orders by brute force, invariances, errors."""

from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.models.decomposition import shapley_r_squared
from analysis.models.linear import ols
from analysis.models.specification import ModelError

NAMES = ["a", "b", "c", "d"]


def data(seed: int = 0, n: int = 80) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 4)) @ generator.normal(size=(4, 4))
    frame = pd.DataFrame(x, columns=NAMES)
    weights = generator.uniform(0.5, 2, n)
    return frame.assign(y=x @ generator.normal(size=4) + generator.normal(size=n), w=weights)


def r_squared(frame: pd.DataFrame, names: list[str], weights: str | None) -> float:
    if not names:
        return 0.0
    return ols(frame, outcome="y", regressors=tuple(names), weights=weights).facts.r_squared


@pytest.mark.parametrize("weights", [None, "w"])
def test_mean_over_all_orders(weights: str | None) -> None:
    frame = data()
    gains = {name: 0.0 for name in NAMES}
    for order in permutations(NAMES):
        for place, name in enumerate(order):
            with_it = r_squared(frame, list(order[: place + 1]), weights)
            gains[name] += with_it - r_squared(frame, list(order[:place]), weights)
    result = shapley_r_squared(frame, outcome="y", regressors=NAMES, weights=weights)
    expected = [gains[name] / 24 for name in NAMES]
    np.testing.assert_allclose(result.coefficients["estimate"], expected, rtol=1e-9)
    assert result.statistics["r_squared"] == pytest.approx(r_squared(frame, NAMES, weights))


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_shares_add_up_and_follow_neither_order_nor_units(seed: int) -> None:
    frame = data(seed)
    one = shapley_r_squared(frame, outcome="y", regressors=NAMES, controls="w")
    total = one.statistics["r_squared"] - one.statistics["r_squared_controls"]
    assert one.coefficients["estimate"].sum() == pytest.approx(total)
    moved = frame.sample(frac=1, random_state=seed).assign(a=lambda f: 1e4 * f["a"] - 3)
    other = shapley_r_squared(moved, outcome="y", regressors=NAMES[::-1], controls="w")
    for name in NAMES:
        assert other.row(name)["estimate"] == pytest.approx(one.row(name)["estimate"], abs=1e-9)


def test_groups_and_dominance() -> None:
    generator = np.random.default_rng(0)
    x = np.linalg.qr(generator.normal(size=(50, 5)) - 0.0)[0]
    x = np.linalg.qr(np.column_stack([np.ones(50), x]))[0][:, 1:]
    frame = pd.DataFrame(x[:, :4], columns=NAMES).assign(y=x @ [4.0, 3, 2, 1, 1])
    result = shapley_r_squared(
        frame, outcome="y", regressors=NAMES, groups={"first two": ["a", "b"]}
    )
    expected = {"first two": 25 / 31, "c": 4 / 31, "d": 1 / 31}
    for term, value in expected.items():
        assert result.row(term)["estimate"] == pytest.approx(value)
    table = result.details["dominance"].set_index("term")
    assert table.loc["first two", "c"] == "complete"
    assert table.loc["d", "c"] == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": {"g": ["z"]}}, "z not among the regressors"),
        ({"groups": {"g": ["a"], "h": ["a"]}}, "a in more than one group"),
        ({"regressors": []}, "expected 1 to 15 groups"),
        ({"regressors": ["a", "twice"]}, "collinear regressors among"),
        ({"regressors": ["a", "one"]}, "collinear regressors among one"),
        ({"regressors": ["missing"]}, "no column 'missing'"),
    ],
)
def test_errors(change: dict[str, Any], message: str) -> None:
    frame = data().assign(twice=lambda f: 2 * f["a"], one=1.0)
    with pytest.raises(ModelError, match=message):
        shapley_r_squared(frame, **({"outcome": "y", "regressors": NAMES} | change))
