"""Declaring a curve: what is accepted, what is refused and where, and how many there are."""

import itertools
from math import comb
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from analysis.robustness.choices import Curve, CurveError, Measure, flat
from analysis.robustness.enumeration import count_candidates, enumerate_curve

PLAIN: dict[str, Any] = {"outcomes": ["y"], "focus": "x", "clusters": "geo"}


def declared(**changes: Any) -> Curve:
    return Curve.of({**PLAIN, **changes})


def test_a_curve_is_read_from_yaml() -> None:
    text = """
    outcomes: [log(patents), {column: unemployment, sign: -1, label: Jobless}]
    focus: {column: erdf, average: [1, 3], transform: [level, log1p], lag: [0, 2], times: 0.01}
    controls: {always: [population], any of: [log(density), L1.skills], blocks: {industry: [a, b]}}
    samples: {all: {}, recent: {year: {from: 2004, to: 2010}}, some: {country: [FR, DE]}}
    weights: [none, population]
    effects: [none, geo, [geo, year]]
    clusters: {regions: geo, both: [geo, year]}
    """
    curve = Curve.of(yaml.safe_load(text))
    assert [m.name for m in flat(curve.outcomes)] == ["log(patents)", "Jobless"]
    assert [m.sign for m in flat(curve.outcomes)] == [1, -1]
    assert [m.name for m in flat(curve.focus)][:4] == [
        "erdf × 0.01",
        "L2.erdf × 0.01",
        "mean3(erdf) × 0.01",
        "L2.mean3(erdf) × 0.01",
    ]
    assert flat(curve.controls.any_of)[1] == Measure("skills", lag=1)
    assert list(curve.effects) == ["none", "geo", "geo + year"]
    assert curve.clusters == {"regions": ["geo"], "both": ["geo", "year"]}
    assert len(enumerate_curve(curve)) == 2 * 8 * 8 * 3 * 2 * 3 * 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outcome": "y"}, "curve: outcome: 'outcome' is not one of .* did you mean outcomes"),
        ({"outcomes": ["log(y"]}, "curve: outcomes: cannot read the measure 'log.y'"),
        ({"focus": {"column": "x", "transform": "lg"}}, "focus: entry 1: transform: .*, got 'lg'"),
        ({"focus": {"column": "x", "lags": 1}}, "focus: entry 1: lags: .* did you mean lag"),
        ({"focus": {"column": ["x", "z"], "label": "A"}}, "label names one measure"),
        ({"focus": {"column": "x", "times": 0}}, "times must be a number other than zero"),
        ({"focus": {"column": "x", "times": float("nan")}}, "other than zero, got nan"),
        ({"focus": ["x", "x"]}, "x is given twice in focus"),
        ({"samples": {"s": {"year": {"form": 1}}}}, "samples: s: year: form: .* mean from"),
        ({"samples": {"s": {"year": {}}}}, "samples: s: year: a condition needs one of is, not"),
        ({"samples": {}}, "samples: .*at least 1"),
        ({"effects": [["a", "b", "c"]]}, "effects: a . b . c: at most 2"),
        ({"clusters": [["geo", "hc1"]]}, "clusters: geo . hc1: hc1 stands alone"),
        ({"clusters": ["geo within 0 km"]}, "the distance must be above 0 km"),
        ({"clusters": ["geo", "geo"]}, "clusters: geo is given twice"),
        ({"controls": ["a", "b", "a"]}, "controls: a is among the controls twice"),
        ({"controls": {"any of": ["a"], "at least": 2}}, "at least 2 of 1"),
        ({"controls": {"anyof": ["a"]}}, "controls: anyof: .* did you mean any of"),
        ({"estimator": "iv"}, "estimator iv and instruments go together"),
        ({"never together": [{"efects": "a", "lag": 0}]}, "'efects' is not one of outcome"),
        ({"never together": [["a", "b"]]}, "never together: controls: 'a' is not one of"),
        ({"never together": [{"lag": 0}]}, "must name two choices"),
        ({"estimator": "poisson", "standardise": "both sd"}, "poisson estimates are relative"),
        ({"weights": ["none", "none"]}, "none is given twice in weights"),
        ({"limit": 0}, "limit: .*greater than or equal to 1"),
    ],
)
def test_a_wrong_declaration_is_refused_by_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CurveError, match=message):
        declared(**changes)


def test_every_problem_is_named_at_once_with_the_place() -> None:
    with pytest.raises(CurveError) as error:
        Curve.of({"focus": "x", "samples": 3}, "claims.yaml: C08: curve")
    lines = str(error.value).splitlines()
    assert len(lines) == 3 and all(line.startswith("claims.yaml: C08: curve: ") for line in lines)


@given(
    n_controls=st.integers(0, 6),
    n_blocks=st.integers(0, 2),
    n_sets=st.integers(0, 3),
    sizes=st.tuples(st.integers(0, 8), st.integers(0, 8)).map(sorted),
    lengths=st.tuples(*[st.integers(1, 3)] * 5),
)
def test_counts_are_those_of_the_closed_form(
    n_controls: int, n_blocks: int, n_sets: int, sizes: list[int], lengths: tuple[int, ...]
) -> None:
    optional = n_controls + n_blocks
    least, most = min(sizes[0], optional), sizes[1]
    outcomes, lags, samples, weights, clusters = lengths
    curve = declared(
        outcomes=[f"y{i}" for i in range(outcomes)],
        focus={"column": "x", "lag": list(range(lags)), "transform": ["level", "log1p"]},
        controls={
            "always": ["a"],
            "any of": [f"c{i}" for i in range(n_controls)],
            "blocks": {f"block {i}": [f"d{i}", f"e{i}"] for i in range(n_blocks)},
            "one of": {f"set {i}": [f"f{i}"] for i in range(n_sets)},
            "at least": least,
            "at most": most,
        },
        samples={f"s{i}": {} for i in range(samples)},
        weights=[f"w{i}" for i in range(weights)],
        clusters=[f"g{i}" for i in range(clusters)],
    )
    subsets = sum(comb(optional, size) for size in range(least, min(most, optional) + 1))
    expected = outcomes * lags * 2 * samples * weights * clusters * max(n_sets, 1) * subsets
    enumeration = enumerate_curve(curve)
    assert count_candidates(curve) == len(enumeration) == expected
    assert enumeration.n_excluded == 0
    assert not enumeration.choices.duplicated().any()


def test_control_sets_hold_what_is_declared() -> None:
    curve = declared(
        controls={
            "always": ["a"],
            "any of": ["b"],
            "blocks": {"skills": ["c", "log(d)"]},
            "one of": {"none": [], "full": ["e"]},
        }
    )
    sets = enumerate_curve(curve).control_sets
    held = [
        {m.formula for m, inside in zip(sets.measures, row, strict=True) if inside}
        for row in sets.columns
    ]
    optional = [set(), {"b"}, {"c", "log(d)"}, {"b", "c", "log(d)"}]
    assert held == [{"a"} | one for one in optional] + [{"a", "e"} | one for one in optional]
    assert sets.labels()[:2] == ["none", "none + b"] and sets.labels()[-1] == "full + b + skills"


def test_rules_leave_out_what_they_name_and_nothing_else() -> None:
    curve = declared(
        focus={"column": "x", "lag": [0, 1], "transform": ["level", "log"]},
        controls=["a", "b", "c"],
        effects=[["geo", "year"], ["geo", "country_year"]],
        **{
            "never together": [
                ["a", "b"],
                {"lag": 0, "effects": "geo + country_year"},
                {"transform": "log", "controls": "c"},
            ]
        },
    )
    chosen = enumerate_curve(curve).choices
    every = itertools.product((0, 1), ("level", "log"), (0, 1), *[(False, True)] * 3)
    allowed = [
        (lag, transform, effects, a, b, c)
        for lag, transform, effects, a, b, c in every
        if not (a and b) and not (lag == 0 and effects == 1) and not (transform == "log" and c)
    ]
    found = chosen[["lag", "transform", "effects", "with_a", "with_b", "with_c"]].astype(
        {"transform": str, "effects": str}
    )
    found["effects"] = (found["effects"] == "geo + country_year").astype(int)
    assert sorted(map(tuple, found.to_numpy().tolist())) == sorted(allowed)
    assert enumerate_curve(curve).n_excluded == 2 * 2 * 2 * 8 - len(allowed)


def test_a_control_that_is_the_outcome_or_the_focus_is_left_out() -> None:
    curve = declared(
        outcomes=["y", "log(z)"], focus=["x", "z"], controls=["log(y)", "L1.y", "log(x)", "c"]
    )
    chosen = enumerate_curve(curve).choices
    assert not ((chosen["outcome"] == "y") & chosen["with_log(y)"]).any()
    assert not ((chosen["focus"] == "x") & chosen["with_log(x)"]).any()
    assert not ((chosen["outcome"] == "log(z)") & (chosen["focus"] == "z")).any()
    assert ((chosen["outcome"] == "y") & chosen["with_L1.y"]).any()
    # y on x: log(y), log(x) out; y on z: log(y) out; log(z) on x: log(x) out; log(z) on z: none.
    assert len(chosen) == 4 + 8 + 8


def test_poisson_takes_outcomes_as_they_stand() -> None:
    curve = declared(outcomes=["y", "log(y)"], estimator=["ols", "poisson"])
    chosen = enumerate_curve(curve).choices
    pairs = set(zip(chosen["outcome"], chosen["estimator"], strict=True))
    assert pairs == {("y", "ols"), ("y", "poisson"), ("log(y)", "ols")}


def test_errors_by_leverage_are_for_least_squares() -> None:
    curve = declared(
        estimator=["ols", "iv", "poisson"], instruments={"one": "z"}, clusters=["geo", "hc2", "hc3"]
    )
    chosen = enumerate_curve(curve).choices
    by_leverage = chosen["cluster"].isin(["hc2", "hc3"])
    assert set(chosen["estimator"][by_leverage]) == {"ols"}
    assert chosen["estimator"][~by_leverage].tolist() == ["ols", "iv", "poisson"]


def test_a_control_that_is_an_instrument_is_left_out() -> None:
    curve = declared(
        estimator=["ols", "iv"], instruments={"one": "z", "two": "w"}, controls=["z", "log(w)"]
    )
    chosen = enumerate_curve(curve).choices
    assert not ((chosen["instruments"] == "one") & chosen["with_z"]).any()
    assert chosen["instruments"].value_counts().to_dict() == {"none": 4, "one": 2, "two": 4}


def test_measures_that_differ_have_names_that_differ() -> None:
    curve = declared(
        focus=[{"column": "x", "times": 0.1234567}, {"column": "x", "times": 0.1234568}]
    )
    assert [m.name for m in flat(curve.focus)] == ["x × 0.1234567", "x × 0.1234568"]


def test_a_curve_too_large_is_refused_before_it_is_listed() -> None:
    many = declared(controls=[f"c{i}" for i in range(60)])
    with pytest.raises(CurveError, match=r"1,152,921,504,606,846,976 control sets.*'at most'"):
        enumerate_curve(many)
    with pytest.raises(CurveError, match=r"16 specifications \(16 control sets\) are more than 10"):
        enumerate_curve(declared(controls=["a", "b", "c", "d"], limit=10))


def test_a_curve_of_which_rules_leave_nothing_is_refused() -> None:
    with pytest.raises(CurveError, match="the rules leave none of the 1 combinations"):
        enumerate_curve(declared(outcomes=["x"]))
