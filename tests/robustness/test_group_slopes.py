"""Slopes by group against separate regressions."""

import numpy as np
import pandas as pd
import pytest

from analysis.models import ModelError, Specification, fit
from analysis.robustness.group_slopes import group_slopes


@pytest.fixture
def frame() -> pd.DataFrame:
    """Two countries of six regions with slopes 1 and 3, one of two regions; eight years."""
    draw = np.random.default_rng(3)
    index = pd.MultiIndex.from_product([range(14), range(2000, 2008)], names=["region", "year"])
    frame = index.to_frame(index=False)
    frame["geo"] = "R" + frame["region"].astype(str).str.zfill(2)
    frame["country"] = np.select([frame["region"] < 6, frame["region"] < 12], ["A", "B"], "C")
    for name in ("x", "z"):
        frame[name] = draw.normal(size=len(frame))
    slope = frame["country"].map({"A": 1.0, "B": 3.0, "C": 5.0})
    frame["y"] = slope * frame["x"] + draw.normal(size=14)[frame["region"]]
    frame["y"] += 0.1 * draw.normal(size=len(frame))
    return frame


def test_each_slope_is_that_of_its_own_regression(frame):
    table = group_slopes(frame, outcome="y", focuses=["x", "z"])
    assert table[["focus", "country"]].values.tolist() == [
        ["x", "A"], ["x", "B"], ["z", "A"], ["z", "B"],
    ]  # fmt: skip
    for row in table.itertuples():
        model = fit(
            Specification(
                outcome="y",
                regressors=(row.focus,),
                absorb=("geo", "year"),
                vcov="cluster",
                cluster=("geo",),
            ),
            frame[frame["country"] == row.country],
        ).row(row.focus)
        assert row.estimate == pytest.approx(model["estimate"])
        assert row.std_error == pytest.approx(model["std_error"])
        assert (row.n_units, row.n_obs) == (6, 48)


def test_the_jackknife_leaves_the_slope_and_changes_the_error(frame):
    plain = group_slopes(frame, outcome="y", focuses=["x"])
    careful = group_slopes(frame, outcome="y", focuses=["x"], errors="jackknife")
    assert np.allclose(plain["estimate"], careful["estimate"])
    assert not np.allclose(plain["std_error"], careful["std_error"])


def test_a_slope_that_does_not_exist_is_left_out(frame):
    frame.loc[frame["country"] == "A", "z"] = 1.0
    table = group_slopes(frame, outcome="y", focuses=["x", "z"])
    assert table.loc[table["focus"] == "z", "country"].tolist() == ["B"]


def test_no_group_large_enough_is_an_error(frame):
    with pytest.raises(ModelError, match="at least 20 units"):
        group_slopes(frame, outcome="y", focuses=["x"], least_units=20)
    with pytest.raises(ModelError, match="not 'cluster' or 'jackknife'"):
        group_slopes(frame, outcome="y", focuses=["x"], errors="hc1")
