"""Oaxaca-Blinder: identities, another package, resampling, errors."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.oaxaca import OaxacaBlinder

from analysis.models.decomposition import oaxaca_blinder
from analysis.models.specification import ModelError

REFERENCES = ["first", "second", "pooled", "pooled_with_group", "equal", "size"]


def data(seed: int = 0, n: int = 400) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    g = (generator.uniform(size=n) < 0.4).astype(int)
    a, b = generator.normal(size=n) + 0.5 * g, generator.normal(size=n) - 0.9 * g
    y = 1 + a + 0.5 * b + g * (0.3 + 0.4 * a) + generator.normal(size=n) * (1 + g)
    return pd.DataFrame({"y": y, "a": a, "b": b, "g": g})


OPTIONS: dict[str, Any] = {"outcome": "y", "regressors": ["a", "b"], "group": "g"}


@pytest.mark.parametrize("reference", REFERENCES)
def test_parts_add_up(reference: str) -> None:
    frame = data()
    table = oaxaca_blinder(frame, **OPTIONS, reference=reference).coefficients
    value = table.set_index("term")["estimate"]
    means = frame.groupby("g")["y"].mean()
    assert value["difference"] == pytest.approx(means[1] - means[0])
    assert value["explained"] + value["unexplained"] == pytest.approx(value["difference"])
    for part in ("explained", "unexplained"):
        pieces = value[[f"{part}:{name}" for name in ("a", "b", "Intercept")]]
        assert pieces.sum() == pytest.approx(value[part])


@pytest.mark.parametrize(
    ("reference", "kind"),
    [("pooled_with_group", "pooled"), ("pooled", "nuemark"), ("size", "cotton")],
)
def test_two_parts_of_statsmodels(reference: str, kind: str) -> None:
    frame = data()
    regressors = frame[["g", "a", "b"]].assign(const=1.0)
    model = OaxacaBlinder(frame["y"], regressors, "g", hasconst=True, swap=False)
    unexplained, explained, gap = model.two_fold(two_fold_type=kind).params
    ours = oaxaca_blinder(frame, **OPTIONS, reference=reference)
    sign = np.sign(gap * ours.row("difference")["estimate"])
    assert ours.row("explained")["estimate"] == pytest.approx(sign * explained, rel=1e-9)
    assert ours.row("unexplained")["estimate"] == pytest.approx(sign * unexplained, rel=1e-9)


def test_three_parts() -> None:
    frame = data()
    value = oaxaca_blinder(frame, **OPTIONS, reference="threefold").coefficients
    value = value.set_index("term")["estimate"]
    parts = value[["endowments", "coefficients", "interaction"]]
    assert parts.sum() == pytest.approx(value["difference"])
    second = oaxaca_blinder(frame, **OPTIONS, reference="second")
    assert second.row("explained")["estimate"] == pytest.approx(parts["endowments"])


@pytest.mark.parametrize("reference", ["second", "pooled", "pooled_with_group", "threefold"])
def test_standard_errors_are_those_of_the_bootstrap(reference: str) -> None:
    frame = data()
    ours = oaxaca_blinder(frame, **OPTIONS, reference=reference).coefficients
    generator = np.random.default_rng(1)
    draws = [
        oaxaca_blinder(
            frame.iloc[generator.integers(0, len(frame), len(frame))],
            **OPTIONS,
            reference=reference,
        ).coefficients["estimate"]
        for _ in range(250)
    ]
    spread = np.std(draws, axis=0)
    known = ours["std_error"].notna()  # not of the intercept's share of what is explained: zero
    np.testing.assert_allclose(ours["std_error"][known], spread[known], rtol=0.25)
    np.testing.assert_allclose(spread[~known], 0, atol=1e-12)


def test_order_weights_and_clusters() -> None:
    frame = data().assign(row=range(400), w=2.0)
    one = oaxaca_blinder(frame, **OPTIONS)
    other = oaxaca_blinder(frame.sample(frac=1, random_state=3), **OPTIONS, weights="w")
    pd.testing.assert_frame_equal(one.coefficients, other.coefficients, rtol=1e-9)
    twice = pd.concat([frame, frame])
    clustered = oaxaca_blinder(twice, **OPTIONS, cluster="row")
    np.testing.assert_allclose(
        clustered.coefficients["std_error"],
        one.coefficients["std_error"] * np.sqrt(400 / 399),
        rtol=1e-9,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"group": "a"}, "must have two values"),
        ({"reference": "best"}, "reference: 'best' is not one of first"),
        ({"regressors": ["a", "g"]}, "no unique solution"),
        ({"regressors": ["aa"]}, "no column 'aa'"),
    ],
)
def test_errors(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        oaxaca_blinder(data(), **(OPTIONS | change))
