"""The event study recovers a known path exactly, and tests what lies before the event."""

import numpy as np
import pandas as pd
import pytest

from analysis.models import ModelError, Specification, event_study, event_times, fit

PATH = {-3: 0.0, -2: 0.0, -1: 0.0, 0: 1.0, 1: 2.0, 2: 4.0, 3: 4.5}
NAMES = {"outcome": "y", "unit": "geo", "time": "year", "first_treated": "first"}


def simulated(noise: float, units: int = 40, path: dict[int, float] | None = None) -> pd.DataFrame:
    """Three cohorts and a never-treated group; effects follow ``path``, constant at its ends."""
    random = np.random.default_rng(11)
    frame = pd.MultiIndex.from_product(
        [range(units), range(2000, 2013)], names=["geo", "year"]
    ).to_frame(index=False)
    first = np.array([2003.0, 2005.0, 2008.0, np.nan])[frame["geo"] % 4]
    path = path or PATH
    relative = pd.Series(frame["year"] - first).clip(min(path), max(path))
    level = random.normal(size=units)[frame["geo"]] + np.sin(frame["year"])
    effect = relative.map(path).fillna(0.0)
    return frame.assign(first=first, y=level + effect + noise * random.normal(size=len(frame)))


def test_a_known_path_is_recovered_exactly():
    estimates = event_study(simulated(noise=0.0), **NAMES, window=(-3, 3))
    path = event_times(estimates)
    assert path["event_time"].tolist() == sorted(PATH)
    np.testing.assert_allclose(path["estimate"], list(PATH.values()), atol=1e-10)
    assert np.isnan(path.set_index("event_time").loc[-1, "std_error"])


@pytest.mark.parametrize("never", [0, 9999, np.inf])
def test_never_treated_units_may_be_marked_by_a_number(never):
    """Zero must not be read as a treatment in the year zero."""
    frame = simulated(noise=1.0)
    marked = frame.assign(first=frame["first"].fillna(never))
    options = {"never": never} if never == 9999 else {}
    expected = event_study(frame, **NAMES, window=(-3, 3)).coefficients
    found = event_study(marked, **NAMES, **options, window=(-3, 3)).coefficients
    pd.testing.assert_frame_equal(found, expected)


def test_equals_the_regression_on_dummies_written_out():
    frame = simulated(noise=1.0)
    estimates = event_study(frame, **NAMES, window=(-2, 1))
    relative = frame["year"] - frame["first"]
    written = frame.assign(
        before=(relative <= -2) * 1.0, at=(relative == 0) * 1.0, after=(relative >= 1) * 1.0
    )
    spec = Specification(
        outcome="y",
        regressors=("before", "at", "after"),
        absorb=("geo", "year"),
        vcov="cluster",
        cluster=("geo",),
    )
    other = fit(spec, written)
    np.testing.assert_allclose(estimates.covariance, other.covariance, rtol=1e-12)
    terms = [f"event_time={k}" for k in (-2, 0, 1)]
    assert estimates.coefficients["term"].tolist() == terms
    lead = other.row("before")
    assert estimates.facts.pretrend_f == pytest.approx(lead["statistic"] ** 2)
    assert estimates.facts.pretrend_p_value == pytest.approx(lead["p_value"])


def test_a_pretrend_is_found_and_its_absence_is_not():
    quiet = event_study(simulated(noise=1.0), **NAMES, window=(-3, 3))
    assert quiet.facts.pretrend_p_value > 0.05
    rising = PATH | {-3: -3.0, -2: -1.5}
    trending = event_study(simulated(noise=1.0, path=rising), **NAMES, window=(-3, 3))
    assert trending.facts.pretrend_p_value < 1e-4


def test_other_reference_and_controls():
    frame = simulated(noise=0.0).assign(x=lambda rows: np.cos(rows.index))
    frame["y"] += 2.5 * frame["x"]
    estimates = event_study(frame, **NAMES, window=(-3, 3), reference=-2, controls=("x",))
    assert estimates.coefficients["term"].tolist()[-1] == "x"
    assert estimates.row("x")["estimate"] == pytest.approx(2.5)
    path = event_times(estimates, reference=-2)
    np.testing.assert_allclose(path["estimate"], list(PATH.values()), atol=1e-10)


def test_units_never_treated_keep_their_rows():
    estimates = event_study(simulated(noise=1.0), **NAMES)
    assert (estimates.facts.n_obs, estimates.facts.n_dropped) == (40 * 13, 0)
    assert (estimates.facts.n_units, estimates.facts.n_periods) == (40, 13)


def test_a_period_without_an_outcome_has_no_coefficient():
    frame = simulated(noise=0.0)
    early = frame["year"] - frame["first"] <= -3
    frame["y"] = frame["y"].mask(early)
    estimates = event_study(frame, **NAMES, window=(-3, 3))
    path = event_times(estimates).set_index("event_time")["estimate"]
    assert path.index.tolist() == [-2, -1, 0, 1, 2, 3]
    np.testing.assert_allclose(path, [PATH[k] for k in path.index], atol=1e-10)
    assert estimates.facts.n_dropped == early.sum()


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"window": (0, 5)}, r"window\[0\] <= reference < 0 <= window\[1\]"),
        ({}, {"reference": 1}, "reference=1"),
        ({}, {"first_treated": "when"}, "no column when"),
        ({"first": "2003"}, {}, "'first' must be numeric"),
        (
            {"first": lambda rows: rows["year"] - 1.0},
            {},
            "one value per 'geo'.*differs within 0, 1",
        ),
        ({"first": np.nan}, {}, r"treated units must be observed.*relative periods present: \[\]"),
        ({"first": 2030.0}, {}, "treated units must be observed"),
    ],
)
def test_impossible_studies_are_refused(change, options, message):
    frame = simulated(noise=1.0).assign(**change)
    with pytest.raises(ModelError, match=message):
        event_study(frame, **(NAMES | options))
