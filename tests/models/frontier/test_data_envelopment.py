"""Data envelopment: worked examples, relations between models, bootstrap, errors."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.models.frontier import data_envelopment
from analysis.models.specification import ModelError

OPTIONS: dict[str, Any] = {"inputs": "x", "outputs": "y", "unit": "firm"}


def five() -> pd.DataFrame:
    """Five firms, one input and one output."""
    return pd.DataFrame({"firm": list("ABCDE"), "x": [2.0, 3, 6, 4, 8], "y": [1.0, 3, 5, 2, 5]})


def many(n: int = 25, seed: int = 0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    x = generator.uniform(1, 5, (n, 2))
    y = x.prod(axis=1) ** 0.4 * np.exp(-np.abs(generator.normal(0, 0.3, n)))
    other = y * generator.uniform(0.5, 1.5, n)
    return pd.DataFrame({"x1": x[:, 0], "x2": x[:, 1], "y1": y, "y2": other, "firm": range(n)})


TWO: dict[str, Any] = {"inputs": ["x1", "x2"], "outputs": ["y1", "y2"], "unit": "firm"}


def scores(frame: pd.DataFrame, **options: Any) -> np.ndarray:
    return data_envelopment(frame, **options).coefficients["estimate"].to_numpy()


def test_one_input_and_output_by_hand() -> None:
    constant = [0.5, 1, 5 / 6, 0.5, 0.625]
    np.testing.assert_allclose(scores(five(), **OPTIONS, returns="constant"), constant)
    variable = [1, 1, 1, 2.5 / 4, 0.75]
    np.testing.assert_allclose(scores(five(), **OPTIONS), variable)
    output = [1, 1, 1, (3 + 2 / 3) / 2, 1]
    np.testing.assert_allclose(scores(five(), **OPTIONS, orientation="output"), output)
    peers = data_envelopment(five(), **OPTIONS).details["peers"].query("term == 'D'")
    assert dict(zip(peers["peer"], peers["value"], strict=True)) == pytest.approx(
        {"A": 0.5, "B": 0.5}
    )


def test_relations_between_assumptions() -> None:
    frame = many()
    by = {
        name: scores(frame, **TWO, returns=name)
        for name in ("constant", "variable", "non_increasing", "non_decreasing")
    }
    np.testing.assert_allclose(
        np.minimum(by["non_increasing"], by["non_decreasing"]), by["constant"], atol=1e-7
    )
    assert (by["constant"] <= by["variable"] + 1e-9).all()
    assert by["variable"].max() <= 1 + 1e-9
    output = scores(frame, **TWO, returns="constant", orientation="output")
    np.testing.assert_allclose(output, 1 / by["constant"], rtol=1e-7)
    scale = data_envelopment(frame, **TWO).details["efficiency"]["scale"]
    np.testing.assert_allclose(scale, by["constant"] / by["variable"], rtol=1e-7)


def test_order_and_units_do_not_matter() -> None:
    frame = many()
    moved = frame.sample(frac=1, random_state=1).assign(x1=lambda f: 1e4 * f["x1"])
    np.testing.assert_allclose(scores(moved, **TWO), scores(frame, **TWO), atol=1e-8)


@pytest.mark.parametrize("orientation", ["input", "output"])
def test_bootstrap_corrects_towards_less_efficiency(orientation: str) -> None:
    one = data_envelopment(many(), **TWO, orientation=orientation, draws=40, seed=1)
    table = one.details["efficiency"]
    sign = 1 if orientation == "input" else -1
    assert (sign * table["bias_corrected"] < sign * table["value"]).all()
    assert (table["ci_low"] < table["ci_high"]).all()
    assert (one.coefficients["std_error"] > 0).all()
    again = data_envelopment(many(), **TWO, orientation=orientation, draws=40, seed=1)
    pd.testing.assert_frame_equal(table, again.details["efficiency"])
    other = data_envelopment(many(), **TWO, orientation=orientation, draws=40, seed=2)
    assert not table["bias"].equals(other.details["efficiency"]["bias"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": 0.0}, "A has an input of zero"),
        ({"y": 0.0}, "A has no output"),
        ({"y": -1.0}, "'y' has negative values"),
        ({"firm": "B"}, "but B has more"),
    ],
)
def test_bad_rows(change: dict[str, Any], message: str) -> None:
    frame = five()
    for name, value in change.items():
        frame.loc[0, name] = value
    with pytest.raises(ModelError, match=message):
        data_envelopment(frame, **OPTIONS)


@pytest.mark.parametrize("option", ["orientation", "returns"])
def test_unknown_options(option: str) -> None:
    with pytest.raises(ModelError, match=f"{option}: 'odd' is not one of"):
        data_envelopment(five(), **OPTIONS, **{option: "odd"})
