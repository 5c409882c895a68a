"""Estimates say which rows they rest on."""

import numpy as np
import pandas as pd

from analysis.models import Specification, fit


def panel() -> pd.DataFrame:
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"geo": np.repeat(list("ABCDEF"), 6), "year": np.tile(range(2000, 2006), 6)}
    )
    frame["x"] = random.normal(size=36)
    frame["y"] = frame["x"] + random.normal(size=36)
    frame["count"] = np.where(frame["geo"] == "B", 0, random.poisson(3, 36))
    return frame


def sample_of(frame: pd.DataFrame, **options) -> set[tuple[str, int]]:
    spec = Specification(regressors=("x",), absorb=("geo", "year"), **options)
    sample = fit(spec, frame).sample
    assert sample is not None and list(sample.columns) == ["geo", "year"]
    assert len(sample) == fit(spec, frame).facts.n_obs
    return set(sample.itertuples(index=False, name=None))


def test_the_rows_used_are_named_whatever_their_order():
    frame = panel()
    frame.loc[[3, 17], "x"] = np.nan
    expected = set(frame.drop([3, 17])[["geo", "year"]].itertuples(index=False, name=None))
    assert sample_of(frame, outcome="y") == expected
    assert sample_of(frame.sample(frac=1, random_state=2), outcome="y") == expected


def test_groups_without_counts_are_not_in_a_poisson_sample():
    geos = {geo for geo, _ in sample_of(panel(), outcome="count", estimator="poisson")}
    assert geos == set("ACDEF")


def test_an_unnamed_row_has_no_sample():
    assert fit(Specification(outcome="y", regressors=("x",)), panel()).sample is None
