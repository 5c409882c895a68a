"""Zero-inflated counts; the golden values of pscl are in test_against_r."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

from analysis.models.counts import zero_inflated
from analysis.models.specification import ModelError


def visits(n: int = 500) -> pd.DataFrame:
    draw = np.random.default_rng(11)
    frame = pd.DataFrame({"x": draw.normal(size=n), "group": np.arange(n) % 25})
    certain = draw.uniform(size=n) < expit(-0.5 + frame["x"])
    return frame.assign(y=np.where(certain, 0, draw.poisson(np.exp(0.8 + 0.4 * frame["x"]))))


FRAME = visits()
OPTIONS = {"outcome": "y", "regressors": "x"}


def test_the_likelihood_is_that_of_the_mixture_and_flat_at_the_estimates():
    found = zero_inflated(FRAME, **OPTIONS)
    y, x = FRAME["y"].to_numpy(), np.column_stack([np.ones(len(FRAME)), FRAME["x"]])

    def value(parameters):
        certain, mean = expit(x @ parameters[2:]), np.exp(x @ parameters[:2])
        density = (1 - certain) * stats.poisson.pmf(y, mean) + certain * (y == 0)
        return np.log(density).sum()

    at = found.coefficients["estimate"].to_numpy()
    assert value(at) == pytest.approx(found.facts.log_likelihood, rel=1e-12)
    for step in 1e-3 * np.eye(4):
        assert value(at) > max(value(at + step), value(at - step))
    assert list(found.coefficients["term"]) == [
        *("count: Intercept", "count: x"),
        *("zero: Intercept", "zero: x"),
    ]


@pytest.mark.parametrize("options", [{"vcov": "hc0"}, {"vcov": "cluster", "cluster": "group"}])
def test_the_order_of_rows_does_not_matter(options):
    shuffled = FRAME.sample(frac=1, random_state=1)
    found, other = (zero_inflated(one, **OPTIONS, **options) for one in (FRAME, shuffled))
    pd.testing.assert_frame_equal(found.coefficients, other.coefficients)


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (FRAME.assign(y=FRAME["y"] + 1), {}, "'y' is never zero"),
        (FRAME.assign(z=2 * FRAME["x"]), {"zero_regressors": ["x", "z"]}, "z cannot be estimated"),
        (FRAME, {"distribution": "nb1"}, "is not one of poisson, nb2"),
        (FRAME.assign(s=(FRAME["y"] > 0) * 1.0), {"zero_regressors": "s"}, "no maximum"),
    ],
)
def test_refusals(frame, options, message):
    with pytest.raises(ModelError, match=message):
        zero_inflated(frame, **OPTIONS, **options)
