"""Joint tests of a curve and corrections for many hypotheses."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.models import ModelError
from analysis.robustness.joint_test import CurvePart, joint_test
from analysis.robustness.moments import moments_of
from analysis.robustness.solve import Batch, solve
from analysis.robustness.stepdown import adjusted_p_values, romano_wolf, stepdown
from analysis.robustness.wild_bootstrap import wild_bootstrap

CONTROLS = ("a", "b", "c")
OUTCOMES = ("y1", "y2")


def panel(effect: float = 0.0, seed: int = 1, regions: int = 24) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"region": np.repeat(np.arange(regions), 8)})
    frame["year"] = np.tile(np.arange(8), regions)
    for name in ("x", *CONTROLS, *OUTCOMES):
        frame[name] = random.normal(size=len(frame)) + random.normal(size=regions)[frame["region"]]
    for name in OUTCOMES:
        frame[name] += effect * frame["x"] + 0.3 * frame["a"]
    return frame


def part(frame: pd.DataFrame, scale=None, outcomes=OUTCOMES) -> CurvePart:
    columns = [*outcomes, "x", *CONTROLS]
    moments = moments_of(frame, columns, cluster="region", absorb=["region", "year"])
    sets = [chosen for k in range(4) for chosen in itertools.combinations(CONTROLS, k)]
    batch = Batch.named(moments, [(y, "x", chosen) for y in outcomes for chosen in sets])
    return CurvePart(moments, batch, scale)


def test_statistics_of_the_sample_are_those_of_the_curve():
    one = part(panel(effect=0.1))
    curve = solve(one.moments, one.batch)
    result = joint_test([one], draws=99, seed=1)
    z = stats.norm.ppf(stats.t.cdf(curve["statistic"], 23))
    assert result.median == pytest.approx(curve["estimate"].median(), rel=1e-9)
    assert result.stouffer_z == pytest.approx(z.sum() / math.sqrt(16), rel=1e-9)
    significant = (curve["p_value"] < 0.05) & (curve["estimate"] > 0)
    assert result.share_significant == significant.mean()
    assert (result.n_specifications, result.n_used, result.n_flagged) == (16, 16, 0)
    np.testing.assert_allclose(result.null_curve["estimate"], np.sort(curve["estimate"]))


def test_a_curve_of_one_specification_is_its_bootstrap():
    one = part(panel(effect=0.1), outcomes=("y1",))
    single = CurvePart(one.moments, Batch.named(one.moments, [("y1", "x", ("a",))]))
    joint = joint_test([single], sign=0, draws=499, seed=1, name="same")
    test = wild_bootstrap(one.moments, "y1", "x", ("a",), draws=499, seed=1, name="same")
    assert joint.p_stouffer == pytest.approx(test.p_value, abs=1e-12)


def test_an_effect_is_found_in_its_direction_only():
    strong = [part(panel(effect=0.5))]
    for sign in (1, 0):
        result = joint_test(strong, sign=sign, draws=199, seed=1)
        assert result.p_median == result.p_stouffer == 1 / 200
        assert result.share_significant == 1 and result.p_share_significant < 0.03
    against = joint_test(strong, sign=-1, draws=199, seed=1)
    assert min(against.p_median, against.p_stouffer) > 0.9 and against.share_significant == 0


def test_a_negative_scale_turns_the_curve_round():
    frame = panel(effect=0.3)
    scale = np.repeat([2.0, -4.0], 8)
    turned = frame.assign(y1=frame["y1"] / 2, y2=-frame["y2"] / 4)
    one = joint_test([part(frame, scale)], draws=99, seed=1)
    two = joint_test([part(turned)], draws=99, seed=1)
    assert one.median == pytest.approx(two.median, rel=1e-9)
    assert one.stouffer_z == pytest.approx(two.stouffer_z, rel=1e-9)
    assert (one.p_median, one.p_stouffer) == (two.p_median, two.p_stouffer)


def test_parts_share_the_draws_of_their_clusters():
    """Splitting a curve into parts with the same rows changes nothing; other samples may differ."""
    frame = panel(effect=0.1)
    whole = joint_test([part(frame)], draws=199, seed=1)
    halves = [part(frame, outcomes=("y1",)), part(frame, outcomes=("y2",))]
    split = joint_test(halves, draws=199, seed=1)
    assert split.median == pytest.approx(whole.median, rel=1e-9)
    assert (split.p_median, split.p_stouffer) == (whole.p_median, whole.p_stouffer)
    fewer = joint_test([part(frame), part(frame[frame["region"] > 3])], draws=199, seed=1)
    assert fewer.n_used == 32 and 0 < fewer.p_median < 1


def test_a_random_sample_of_a_long_curve():
    one = part(panel(effect=0.1))
    first, again = (joint_test([one], max_specifications=5, draws=49, seed=1) for _ in range(2))
    assert (first.n_specifications, first.n_used) == (16, 5)
    assert first.median == again.median and first.p_median == again.p_median


def test_flagged_specifications_are_counted_and_left_out():
    frame = panel().assign(c=lambda rows: 2 * rows["a"])
    result = joint_test([part(frame)], draws=49, seed=1)
    assert (result.n_used, result.n_flagged) == (16, 4)
    assert len(result.null_curve) == 12


@pytest.mark.parametrize("statistic", ["p_median", "p_stouffer"])
def test_p_values_are_uniform_without_effect(statistic):
    values = [
        getattr(joint_test([part(panel(seed=seed))], draws=99, seed=1), statistic)
        for seed in range(60)
    ]
    assert stats.kstest(values, "uniform").pvalue > 0.01


def test_messages():
    one = part(panel())
    with pytest.raises(ModelError, match="expected sign -1, 0 or 1"):
        joint_test([one], sign=2, seed=1)
    with pytest.raises(ModelError, match="at least one specification"):
        joint_test([], seed=1)
    with pytest.raises(ModelError, match="scale: expected one finite number other than zero"):
        joint_test([CurvePart(one.moments, one.batch, np.zeros(16))], seed=1)
    instrumented = Batch.named(
        one.moments, [("y1", "x", ("a",))], endogenous=["x"], instruments=["b"]
    )
    with pytest.raises(ModelError, match="two-stage least squares"):
        joint_test([CurvePart(one.moments, instrumented)], seed=1)


# --- Many hypotheses -----------------------------------------------------------------------------


def romano_wolf_by_definition(statistics, null):
    """Step by step, as in Romano and Wolf (2016)."""
    order = sorted(range(len(statistics)), key=lambda j: -abs(statistics[j]))
    adjusted, before = {}, 0.0
    for step, j in enumerate(order):
        largest = np.abs(null[order[step:]]).max(axis=0)
        share = (1 + (largest >= abs(statistics[j])).sum()) / (1 + null.shape[1])
        before = max(before, share)
        adjusted[j] = before
    return [adjusted[j] for j in range(len(statistics))]


def test_romano_wolf_by_its_definition():
    random = np.random.default_rng(1)
    statistics = random.normal(scale=2, size=7)
    null = random.normal(size=(7, 300)) + random.normal(size=300)
    np.testing.assert_allclose(
        romano_wolf(statistics, null), romano_wolf_by_definition(statistics, null)
    )


def test_romano_wolf_of_one_hypothesis_repeated_is_its_p_value():
    null = np.random.default_rng(1).normal(size=99)
    alone = romano_wolf(np.array([1.9]), null[None])
    repeated = romano_wolf(np.full(5, 1.9), np.tile(null, (5, 1)))
    np.testing.assert_array_equal(repeated, np.repeat(alone, 5))


def test_stepdown_of_outcomes():
    one = part(panel(effect=0.25))
    batch = Batch.named(one.moments, [(y, "x", CONTROLS) for y in OUTCOMES])
    table = stepdown([CurvePart(one.moments, batch)], draws=499, seed=1)
    assert table["outcome"].tolist() == list(OUTCOMES) and set(table["focus"]) == {"x"}
    for row in table.itertuples():
        test = wild_bootstrap(
            one.moments, row.outcome, "x", CONTROLS, draws=499, seed=1, name="stepdown"
        )
        assert row.p_value == pytest.approx(test.p_value, abs=1e-12)
        assert row.std_error == pytest.approx(test.std_error, rel=1e-12)
    assert (table["romano_wolf"] >= table["p_value"]).all()
    assert (table["romano_wolf"] <= table["holm"] + 1 / 500).all()
    assert table["romano_wolf"].max() == table.loc[table["p_value"].idxmax(), "romano_wolf"]


def test_adjusted_p_values_of_a_published_example():
    """Benjamini and Hochberg (1995), section 3.2: fifteen p-values, four rejected at 5 %."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    p += [0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    adjusted = adjusted_p_values(np.array(p))
    assert (adjusted["benjamini_hochberg"] <= 0.05).sum() == 4
    assert (adjusted["holm"] <= 0.05).sum() == 3
    assert (adjusted["benjamini_yekutieli"] >= adjusted["benjamini_hochberg"]).all()


def test_a_family_with_a_hole_is_refused():
    frame = panel().assign(c=lambda rows: 2 * rows["a"])
    with pytest.raises(ModelError, match="a hypothesis cannot be tested: c cannot be a control"):
        stepdown([part(frame)], seed=1)
    with pytest.raises(ModelError, match="2 statistics but draws of shape"):
        romano_wolf(np.zeros(2), np.zeros((3, 4)))


def test_draws_that_fit_exactly_in_both_directions_count():
    """With two clusters a draw can leave no residual: its z are infinite, here of both signs."""
    frame = pd.DataFrame({"region": [0, 1] * 3, "x": [0.0, 0.0, -1.0, -1.0, -1.0, 1.0]})
    frame["y1"] = frame["y2"] = [1.0, -1.0, 1.0, 1.0, 1.0, 1.0]
    frame["y3"] = -frame["y1"]
    outcomes = ("y1", "y2", "y3")
    moments = moments_of(frame, [*outcomes, "x"], cluster="region")
    batch = Batch.named(moments, [(outcome, "x", ()) for outcome in outcomes])
    # Of the four draws, one is the sample, one its opposite, and two have no aggregate.
    assert joint_test([CurvePart(moments, batch)], sign=-1, seed=1).p_stouffer == 3 / 4
