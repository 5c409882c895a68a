"""Leaving out clusters from moments against refitting the rows."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.models import ModelError, Specification, fit
from analysis.robustness.influence import effective_clusters, influence, sign_reversal
from analysis.robustness.jackknife import jackknife, leave_one_out
from analysis.robustness.moments import moments_of

CONTROLS = ("a", "b")
COLUMNS = ["y", "x", *CONTROLS]


def panel(seed: int = 1, regions: int = 15) -> pd.DataFrame:
    """Two units a region, three regions a country, unbalanced."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"unit": np.repeat(np.arange(2 * regions), 7)})
    frame["year"] = np.tile(np.arange(7), 2 * regions)
    frame["region"] = [f"R{unit // 2:02d}" for unit in frame["unit"]]
    frame["country"] = [f"C{unit // 6}" for unit in frame["unit"]]
    frame = frame[random.random(len(frame)) < 0.8].reset_index(drop=True)
    for name in ("a", "b", "x", "noise"):
        common = random.normal(size=regions)[pd.factorize(frame["region"])[0]]
        frame[name] = random.normal(size=len(frame)) + common
    frame["y"] = 0.2 * frame["x"] - 0.5 * frame["a"] + frame["noise"]
    frame["w"] = random.uniform(0.5, 2, size=len(frame))
    return frame


def refit(frame: pd.DataFrame, absorb: tuple[str, ...], weights: str | None) -> pd.Series:
    specification = Specification(
        outcome="y",
        regressors=("x", *CONTROLS),
        absorb=absorb,
        weights=weights,
        vcov="cluster",
        cluster=("region",),
    )
    return fit(specification, frame).coefficients.set_index("term").loc["x"]


@pytest.mark.parametrize("absorb", [(), ("unit",), ("year",), ("unit", "year")])
@pytest.mark.parametrize("weights", [None, "w"])
def test_leaving_out_a_cluster_is_refitting_without_it(absorb, weights):
    frame = panel()
    moments = moments_of(frame, COLUMNS, cluster="region", absorb=absorb, weights=weights)
    table = leave_one_out(moments, "y", "x", CONTROLS)
    full = refit(frame, absorb, weights)["estimate"]
    assert table["cluster"].tolist() == sorted(frame["region"].unique())
    for row in table.itertuples():
        expected = refit(frame[frame["region"] != row.cluster], absorb, weights)["estimate"]
        assert row.estimate == pytest.approx(expected, rel=1e-9)
        assert row.change == pytest.approx(expected - full, rel=1e-6, abs=1e-12)


def test_leaving_out_a_country_needs_no_other_moments():
    frame = panel()
    moments = moments_of(frame, COLUMNS, cluster="region", absorb=("unit", "year"))
    countries = frame.groupby("region")["country"].first().to_dict()
    table = leave_one_out(moments, "y", "x", CONTROLS, groups=countries)
    assert table["cluster"].tolist() == ["C0", "C1", "C2", "C3", "C4"]
    for row in table.itertuples():
        expected = refit(frame[frame["country"] != row.cluster], ("unit", "year"), None)
        assert row.estimate == pytest.approx(expected["estimate"], rel=1e-9)


def test_a_dummy_that_only_one_cluster_needs_leaves_with_it():
    frame = panel()
    late = frame[frame["region"] == "R03"].assign(year=99)
    frame = pd.concat([frame, late], ignore_index=True)
    moments = moments_of(frame, COLUMNS, cluster="region", absorb=("unit", "year"))
    table = leave_one_out(moments, "y", "x", CONTROLS).set_index("cluster")
    expected = refit(frame[frame["region"] != "R03"], ("unit", "year"), None)["estimate"]
    assert table.loc["R03", "estimate"] == pytest.approx(expected, rel=1e-9)


def test_cluster_jackknife_variance_is_its_definition():
    frame = panel()
    moments = moments_of(frame, COLUMNS, cluster="region", absorb=("unit", "year"))
    result, table = (
        jackknife(moments, "y", "x", CONTROLS),
        leave_one_out(moments, "y", "x", CONTROLS),
    )
    g = len(table)
    error = np.sqrt((g - 1) / g * (table["change"] ** 2).sum())
    assert result.std_error == pytest.approx(error, rel=1e-10)
    assert result.p_value == pytest.approx(2 * stats.t.sf(abs(result.estimate / error), g - 1))
    assert result.ci_high == pytest.approx(result.estimate + stats.t.isf(0.025, g - 1) * error)
    lowest = table.loc[table["estimate"].idxmin()]
    assert (result.lowest, result.lowest_without) == (lowest["estimate"], lowest["cluster"])


def test_cluster_jackknife_equals_hc3_with_clusters_of_one_row():
    """For single rows the leave-one-out change is residual / (1 - h): CV3 is (n - 1) / n HC3."""
    frame = panel().assign(row=lambda rows: np.arange(len(rows)))
    moments = moments_of(frame, COLUMNS, cluster="row")
    hc3 = fit(Specification(outcome="y", regressors=("x", *CONTROLS), vcov="hc3"), frame)
    expected = hc3.coefficients.set_index("term").loc["x", "std_error"]
    n = len(frame)
    error = jackknife(moments, "y", "x", CONTROLS).std_error
    assert error == pytest.approx(expected * np.sqrt((n - 1) / n), rel=1e-9)


def test_a_treatment_of_one_cluster_cannot_be_jackknifed():
    frame = panel().assign(x=lambda rows: (rows["region"] == "R04") * (rows["year"] > 3) * 1.0)
    moments = moments_of(frame, COLUMNS, cluster="region", absorb=("unit", "year"))
    table = leave_one_out(moments, "y", "x", CONTROLS)
    assert table.loc[table["estimate"].isna(), "cluster"].tolist() == ["R04"]
    with pytest.raises(ModelError, match="without cluster 'R04' the regressor 'x' does not vary"):
        jackknife(moments, "y", "x", CONTROLS)


def test_groups_must_cover_the_clusters():
    moments = moments_of(panel(), COLUMNS, cluster="region")
    with pytest.raises(ModelError, match="no group for 15 clusters, such as 'R00'"):
        leave_one_out(moments, "y", "x", groups={})
    with pytest.raises(ModelError, match="at least two are needed"):
        leave_one_out(moments, "y", "x", groups=dict.fromkeys(moments.clusters, "all"))


# --- Influence -----------------------------------------------------------------------------------


def test_influence_by_its_definition():
    frame = panel()
    moments = moments_of(frame, COLUMNS, cluster="region", absorb=("unit", "year"))
    table = influence(moments, "y", "x", CONTROLS)
    error = refit(frame, ("unit", "year"), None)["std_error"]
    np.testing.assert_allclose(table["dfbeta"], table["change"] / error, rtol=1e-8)
    assert table["n_rows"].tolist() == frame.groupby("region").size().tolist()
    assert table["leverage"].sum() == pytest.approx(1, rel=1e-10)
    assert (table["leverage"] > 0).all()


def test_effective_clusters_are_all_clusters_when_they_are_alike():
    base = pd.DataFrame({"x": [0.0, 1.0, 2.0, 4.0], "y": [1.0, 0.0, 2.0, 3.0]})
    frame = pd.concat([base.assign(region=region) for region in range(9)], ignore_index=True)
    assert effective_clusters(
        moments_of(frame, ["y", "x"], cluster="region"), "y", "x"
    ) == pytest.approx(9)
    with pytest.raises(ModelError, match="no cluster moves the estimate"):
        jackknife(moments_of(frame, ["y", "x"], cluster="region"), "y", "x")
    frame.loc[frame["region"] == 0, "x"] *= 30
    assert effective_clusters(moments_of(frame, ["y", "x"], cluster="region"), "y", "x") < 1.2


def test_sign_reversal_is_confirmed_by_refitting():
    frame = panel(seed=5)
    moments = moments_of(frame, COLUMNS, cluster="region", absorb=("unit", "year"))
    result = sign_reversal(moments, "y", "x", CONTROLS, most=0.8)
    for steps, row in enumerate(result.path.itertuples(), start=1):
        gone = result.path["cluster"].iloc[:steps]
        expected = refit(frame[~frame["region"].isin(gone)], ("unit", "year"), None)["estimate"]
        assert row.estimate == pytest.approx(expected, rel=1e-8)
    assert result.reversed == (
        np.sign(result.path["estimate"].iloc[-1]) != np.sign(result.estimate)
    )
    assert (np.sign(result.path["estimate"].iloc[:-1]) == np.sign(result.estimate)).all()
    with pytest.raises(ModelError, match="most: expected a share"):
        sign_reversal(moments, "y", "x", most=2)
