"""From a folder to verdicts: computing, targets, claims, independence of the printed numbers."""

import ast
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from printed_lines import line

from analysis.models import registry
from analysis.studies import compute, run_study
from analysis.studies.errors import StudyError
from analysis.studies.folders import find_studies
from analysis.studies.run import compute_study, run_studies
from analysis.studies.schema import read_study

MODEL = {"id": "ols", "column": "OLS", "estimator": "ols", "formula": "y ~ x", "rows": {"X": "x"}}


def verdicts(report):
    return {(one.row, one.statistic): one.verdict for one in report.comparisons}


def only(report):
    (one,) = report.comparisons
    return one


def computed(small_study, target, statistic="coef", **keys):
    """What ``target`` computes in the small study, with the reason when it does not."""
    model = {**MODEL, "rows": {"X": target}, **keys}
    one = only(run_study(small_study(line("X", statistic, "0"), models=[model])))
    return one.computed if one.verdict not in ("unmapped", "not_run") else one.reason


@pytest.fixture
def by_hand(small_frame):
    """Least squares of y on x with numpy: coefficients, covariance, n."""
    rows = small_frame.dropna()
    x = np.column_stack([np.ones(len(rows)), rows["x"]])
    beta, rss, *_ = np.linalg.lstsq(x, rows["y"], rcond=None)
    return beta, np.linalg.inv(x.T @ x) * rss[0] / (len(rows) - 2), len(rows)


def test_a_study_is_computed_and_compared(small_study, by_hand):
    beta, covariance, n = by_hand
    printed = line("X", "coef", f"{beta[1]:.3f}") + line(
        "X", "se", f"{covariance[1, 1] ** 0.5:.4f}"
    )
    printed += line("X", "t", f"{beta[1] / covariance[1, 1] ** 0.5 + 0.01:.2f}")
    report = run_study(small_study(printed + line("N", "n", str(n + 5))))
    assert list(verdicts(report).values()) == ["exact", "exact", "last_digit", "different"]
    assert report.counts == {
        "exact": 2,
        "rounded_twice": 0,
        "last_digit": 1,
        "different": 1,
        "not_run": 0,
        "unmapped": 0,
    }
    assert report.failed and [one.row for one in report.unexplained] == ["N"]
    assert report.comparisons[3].difference == pytest.approx(-5 / (n + 5))


def test_a_known_difference_is_still_different_but_no_failure(small_study):
    known = {"known_differences": [{"row": "N", "reason": "They dropped two firms."}]}
    report = run_study(small_study(line("N", "n", "48"), **known))
    assert report.counts["different"] == 1 and not report.failed
    assert only(report).reason == "They dropped two firms."


def test_a_printed_number_that_no_model_or_more_than_one_claims(small_study):
    report = run_study(small_study(line("Z", "coef", "1")))
    assert (only(report).verdict, only(report).reason) == ("unmapped", "no model claims it")
    assert report.failed
    twice = [MODEL, {**MODEL, "id": "again"}]
    report = run_study(small_study(line("X", "coef", "1"), models=twice))
    assert only(report).reason == "claimed by more than one model: ols, again"
    report = run_study(small_study(line("X", "coef", "1", column="IV")))
    assert only(report).verdict == "unmapped"


def test_only_and_table_say_which_of_several_models_is_meant(small_study):
    models = [
        {**MODEL, "id": "classical", "only": ["se"], "table": "Table 1"},
        {**MODEL, "id": "robust", "only": ["se_robust"], "vcov": "hc1"},
        {**MODEL, "id": "elsewhere", "table": "Table 2"},
    ]
    printed = line("X", "se", "0.1") + line("X", "se_robust", "0.1") + line("X", "coef", "2")
    report = run_study(small_study(printed, models=models))
    assert [one.model for one in report.comparisons] == ["classical", "robust", ""]
    assert report.comparisons[0].computed != report.comparisons[1].computed


def test_a_label_may_be_a_row_and_a_statistic(small_study):
    model = {**MODEL, "statistics": {"X": "n_obs"}}
    report = run_study(small_study(line("X", "coef", "2") + line("X", "n", "58"), models=[model]))
    assert report.comparisons[0].computed != 58 and report.comparisons[1].computed == 58


def test_targets(small_study, by_hand):
    beta, covariance, n = by_hand
    se = covariance[1, 1] ** 0.5
    results = {
        "x": beta[1],
        " x ": beta[1],
    }
    for target, expected in results.items():
        assert computed(small_study, target) == pytest.approx(expected)
    assert computed(small_study, {"term": "x", "value": "std_error"}) == pytest.approx(se)
    assert computed(small_study, "x", "se_cluster2") == pytest.approx(se)
    assert computed(small_study, {"statistic": "n_obs"}) == n
    assert computed(small_study, {"statistic": "rmse"}) > 0
    expression = "100 * (exp(estimate('x')) - 1) + 0 * covariance('Intercept', 'x')"
    assert computed(small_study, {"expression": expression}) == pytest.approx(
        100 * math.expm1(beta[1])
    )
    assert computed(small_study, {"expression": "covariance('x', 'Intercept')"}) == pytest.approx(
        covariance[1, 0]
    )
    assert computed(small_study, {"expression": "wald_f('x')"}) == pytest.approx(
        (beta[1] / se) ** 2
    )
    assert computed(small_study, {"expression": "wald_p('x')"}) < 1e-6


def test_a_scale_changes_units_and_a_negative_one_turns_the_interval(small_study, by_hand):
    beta, covariance, _ = by_hand
    se = covariance[1, 1] ** 0.5
    for statistic, expected in [
        ("coef", -100 * beta[1]),
        ("se", 100 * se),
        ("t", -beta[1] / se),
    ]:
        value = computed(small_study, {"term": "x", "scale": -100.0}, statistic)
        assert value == pytest.approx(expected)
    plain = computed(small_study, "x", "ci_upper")
    assert computed(small_study, {"term": "x", "scale": -1.0}, "ci_lower") == pytest.approx(-plain)
    assert computed(small_study, {"term": "x", "scale": -1.0}, "p") == computed(
        small_study, "x", "p"
    )


@pytest.mark.parametrize(
    ("target", "statistic", "message"),
    [
        ("z", "coef", "model ols: no such term: ['z']; the terms are Intercept, x"),
        ("x", "LM", "the statistic 'LM' does not say which column"),
        ({"statistic": "sargan"}, "chi2", "no statistic 'sargan'; there are adj_r_squared"),
        ({"statistic": "R2"}, "r2", "no statistic 'R2'; did you mean r_squared? There are"),
        ({"statistic": "rmsee"}, "s", "no statistic 'rmsee'; did you mean rmse"),
        ({"table": "weights", "term": "x"}, "weight", "no table 'weights'; there are none"),
        ({"expression": "1.42"}, "coef", "uses no result of the model"),
        ({"expression": "estimate(x)"}, "coef", "no column 'x'"),
        ({"expression": "estimate('x', model='iv')"}, "coef", "no model 'iv'; there are ols"),
        ({"expression": "open('x')"}, "coef", "open is not a function"),
    ],
)
def test_targets_that_name_nothing_are_unmapped(small_study, target, statistic, message):
    assert message in computed(small_study, target, statistic)


def test_details_are_found_by_term_and_column(small_study, monkeypatch):
    def weights(frame: pd.DataFrame, *, outcome: str) -> object:
        estimates = registry.call("ols", frame, {"outcome": outcome})
        details = {"weights": pd.DataFrame({"term": ["a", "b"], "value": [0.2, 0.8]})}
        return type(estimates)(
            estimates.coefficients, estimates.covariance, estimates.facts, {}, details
        )

    monkeypatch.setitem(registry.ESTIMATORS, "weights", f"{__name__}:weights")
    monkeypatch.setattr(
        registry, "load", lambda n, load=registry.load: weights if n == "weights" else load(n)
    )
    keys = {"estimator": "weights", "formula": None, "outcome": "y"}
    assert computed(small_study, {"table": "weights", "term": "b"}, "weight", **keys) == 0.8
    message = computed(small_study, {"table": "weights", "term": "c"}, "weight", **keys)
    assert "table 'weights' has 0 rows 'c'; its terms are a, b" in message


def test_a_lag_looks_beyond_the_sample(small_study):
    keys = {"panel": {"unit": "firm", "time": "year"}, "samples": {"last": "year == 2006"}}
    model = {**MODEL, "formula": "y ~ lag(x)", "rows": {"X": "lag(x)"}, "sample": "last"}
    model["statistics"] = {"N": "n_obs"}
    report = run_study(small_study(line("N", "n", "9"), models=[model], **keys))
    assert only(report).verdict == "exact"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"estimator": "olss"}, "no estimator 'olss'; did you mean ols? There are"),
        (
            {"robust": True},
            "estimator 'ols' has no argument 'robust' (did you mean vcov?); allowed: absorb",
        ),
        ({"vcov": "hac"}, "vcov: 'hac' is not one of classical"),
        ({"formula": "y ~ xx"}, "models: ols: no column 'xx'"),
        ({"weights": "wt"}, "models: ols: weights: no column 'wt'"),
        ({"outcome": "y"}, "outcome given both in the formula and by name"),
        ({"formula": None}, "estimator 'ols' needs outcome"),
        ({"sample": "none"}, "sample 'none' (year > 3000) is empty"),
        ({"sample": "wrong"}, "sample 'wrong': expected a condition"),
        ({"cluster": {"table": "other"}, "vcov": "cluster"}, "cluster: no table 'other'"),
    ],
)
def test_a_model_that_cannot_be_estimated_fails_alone(small_study, change, message):
    samples = {"none": "year > 3000", "wrong": "year"}
    models = [{**MODEL, **change}, {**MODEL, "id": "good", "column": "B"}]
    printed = line("X", "coef", "2") + line("X", "coef", "2", column="B")
    report = run_study(small_study(printed, models=models, samples=samples))
    assert [one.verdict == "not_run" for one in report.comparisons] == [True, False]
    assert message in report.errors[0] and report.errors[0].startswith("small: models: ols: ")
    assert report.failed


def test_an_estimator_that_breaks_is_reported_and_not_raised(small_study, monkeypatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(registry, "call", broken)
    report = run_study(small_study())
    assert "estimator 'ols' failed: ZeroDivisionError: by zero" in report.errors[0]
    assert report.counts["not_run"] == 2


def test_absent_data_are_not_run_and_no_failure(small_study):
    folder = small_study()
    (folder / "data.csv").unlink()
    report = run_study(folder)
    assert report.counts["not_run"] == 2 and report.counts["exact"] == 0
    assert not report.failed and "--data-dir" in report.absent


def test_a_broken_study_is_an_error_of_its_own(small_study):
    folder = small_study("small,too,few\n")
    assert "line 2: expected 9 values" in run_study(folder).errors[0]
    folder = small_study(line("X", "coef", "abc"))
    assert "line 2: 'abc' is not a number" in run_study(folder).errors[0]
    folder = small_study(line("X", "coef", "1") * 2)
    assert "lines 2 and 3 are the same place" in run_study(folder).errors[0]
    (folder / "published.csv").unlink()
    assert "cannot read" in run_study(folder).errors[0]


def test_printed_numbers_never_reach_the_computation(small_study):
    first = run_study(small_study(line("X", "coef", "1.5") + line("N", "n", "58")))
    second = run_study(small_study(line("X", "coef", "-9") + line("N", "n", "1")))
    assert [a.computed for a in first.comparisons] == [b.computed for b in second.comparisons]
    assert verdicts(first) != verdicts(second)
    folder = small_study()
    (folder / "published.csv").unlink()
    results = compute_study(read_study(folder), None)
    assert results["ols"].row("x")["estimate"] == first.comparisons[0].computed


def test_what_computes_knows_nothing_of_what_is_printed():
    """No module on the way from data to estimates imports one that reads published.csv."""
    room = Path(compute.__file__).parent
    for name in ("compute", "tables", "terms", "expressions"):
        tree = ast.parse((room / f"{name}.py").read_text(encoding="utf-8"))
        imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        forbidden = {f"analysis.studies.{m}" for m in ("published", "compare", "run", "agreement")}
        assert not imported & forbidden
        text = (room / f"{name}.py").read_text(encoding="utf-8")
        assert "published_file" not in text and "PUBLISHED_FILE" not in text


def test_studies_in_processes_give_the_same_reports_in_the_same_order(small_study, tmp_path):
    first = small_study()
    folders = [first]
    for name in ("smallb", "smallc"):
        folder = tmp_path / name
        folder.mkdir()
        for file in first.iterdir():
            text = file.read_text(encoding="utf-8").replace("id: small\n", f"id: {name}\n")
            (folder / file.name).write_text(text, encoding="utf-8")
        folders.append(folder)
    alone, seen = run_studies(folders), []
    together = run_studies(folders, jobs=2, notify=lambda report: seen.append(report.study))
    assert together == alone and sorted(seen) == ["small", "smallb", "smallc"]


def test_studies_are_found_by_id_or_folder(small_study):
    folder = small_study()
    assert find_studies([str(folder)]) == [folder]
    assert find_studies([str(folder / "study.yaml"), str(folder)]) == [folder]
    assert [path.name for path in find_studies(["card1995_schooling"])] == ["card1995_schooling"]
    assert len(find_studies([])) > 1
    with pytest.raises(StudyError, match=r"no study 'nothing' .* the studies are .*card1995"):
        find_studies(["nothing"])


def test_a_number_rounded_twice_is_no_exact_one_and_no_failure(small_study):
    ours = {"expression": "2.4449 * statistic('n_obs') / 58"}
    rounded = {"decimals": 3, "reason": "The screen shows three decimals."}
    (plain, twice, needless, wrong) = (
        run_study(small_study(line("X", "coef", printed), models=[MODEL | {"rows": {"X": target}}]))
        for printed, target in [
            ("2.45", ours),
            ("2.45", ours | {"rounded": rounded}),
            ("2.44", {"expression": "2.4429 * statistic('n_obs') / 58", "rounded": rounded}),
            ("2.445", ours | {"rounded": rounded}),
        ]
    )
    assert only(plain).verdict == "last_digit"
    assert only(twice).verdict == "rounded_twice" and only(twice).reason == rounded["reason"]
    assert only(twice).computed == pytest.approx(2.4449)
    assert not twice.failed and twice.counts["exact"] == 0
    assert only(needless).verdict == "exact" and not only(needless).reason
    assert only(wrong).verdict == "unmapped" and "3 decimals does not explain" in only(wrong).reason


@pytest.mark.parametrize(
    ("spelled", "value"),
    [
        *[(name, "estimate") for name in ("Coef.", "coefficient", "estimate", "beta")],
        *[(name, "std_error") for name in ("SE", "s.e.", "std_error", "Std. err.", "SE cluster")],
        *[(name, "statistic") for name in ("t-stat", "tval", "z value", "zval", "t")],
        *[(name, "p_value") for name in ("p-value", "P value", "pval", "p.value")],
        *[(name, "ci_low") for name in ("ci.lb", "ci_low", "CI lower")],
        *[(name, "ci_high") for name in ("ci.ub", "ci_high", "CI upper")],
    ],
)
def test_a_statistic_may_be_called_as_programs_call_it(small_study, spelled, value):
    assert computed(small_study, "x", spelled) == computed(
        small_study, {"term": "x", "value": value}
    )


def test_a_statistic_nearly_spelled_right_is_told_how(small_study):
    assert "did you mean std_error" in computed(small_study, "x", "std_eror")
    assert "did you mean" not in computed(small_study, "x", "LM")


def test_a_p_value_beside_a_named_statistic_may_be_called_pval(small_study):
    target = {"statistic": "wald_chi2"}
    assert computed(small_study, target, "pval") == computed(
        small_study, {"statistic": "wald_chi2_p"}
    )


def test_a_place_with_only_goes_before_one_without_in_the_same_model(small_study):
    place = {"only": ["se"], "rows": {"X": {"term": "x", "scale": 10.0}}}
    printed = line("X", "se", "1") + line("X", "coef", "2")
    report = run_study(small_study(printed, models=[{**MODEL, "also": [place]}]))
    error, coefficient = (one.computed for one in report.comparisons)
    assert error == pytest.approx(10 * computed(small_study, "x", "se"))
    assert coefficient == computed(small_study, "x", "coef")
    twice = {**MODEL, "also": [{"rows": {"X": "x"}}]}
    report = run_study(small_study(line("X", "se", "1"), models=[twice]))
    assert only(report).reason.startswith("claimed by more than one place of model ols: give them")


def test_a_number_in_percent_is_told_its_scale(small_study, by_hand):
    beta = by_hand[0][1]
    for printed, scale in ((f"{beta:.3f}%", "0.01"), (f"{100 * beta:.2f}", "100")):
        report = run_study(small_study(line("X", "coef", printed)))
        one = only(report)
        assert (one.verdict, one.explained) == ("different", False) and report.failed
        assert f"With scale: {scale} it would be exact" in one.reason
        model = {**MODEL, "rows": {"X": {"term": "x", "scale": float(scale)}}}
        report = run_study(small_study(line("X", "coef", printed), models=[model]))
        assert only(report).verdict == "exact"


def test_a_scale_is_not_proposed_where_it_changes_nothing_or_one_digit_is_printed(small_study):
    p_value = computed(small_study, {"expression": "p_value('Intercept')"})
    model = {**MODEL, "rows": {"X": "Intercept"}}
    report = run_study(small_study(line("X", "p", f"{100 * p_value:.3f}"), models=[model]))
    assert (only(report).verdict, only(report).reason) == ("different", "")
    n = run_study(small_study(line("N", "n", "1")))  # 58 observations: 0.58 rounds to 1
    assert (only(n).verdict, only(n).reason) == ("different", "")


def test_rows_and_statistics_may_be_a_list_where_labels_are_names(small_study):
    model = {**MODEL, "rows": ["Intercept", "x"], "statistics": ["n_obs"], "also": []}
    printed = line("x", "coef", "2") + line("Intercept", "se", "2") + line("n_obs", "n", "58")
    report = run_study(small_study(printed, models=[model]))
    long = {"Intercept": "Intercept", "x": "x"}
    same = run_study(
        small_study(printed, models=[{**model, "rows": long, "statistics": {"n_obs": "n_obs"}}])
    )
    assert report.comparisons == same.comparisons and report.counts["unmapped"] == 0


def test_a_column_without_a_heading_is_named_by_an_empty_text(small_study):
    printed = line("X", "coef", "2", column="") + line("X", "coef", "2", column="B")
    models = [{**MODEL, "column": ""}, {**MODEL, "id": "b", "column": ["B"], "vcov": "hc1"}]
    report = run_study(small_study(printed, models=models))
    assert [one.model for one in report.comparisons] == ["ols", "b"]


def test_an_interaction_with_a_level_too_many_is_told_to_name_its_base(small_study):
    model = {**MODEL, "formula": "y ~ z + factor(sector):z2", "rows": {}, "statistics": {}}
    keys = {"derive": {"z": "2 * x", "z2": "x"}}
    report = run_study(small_study(line("X", "coef", "2"), models=[model], **keys))
    assert "write factor(sector, base=level) in the interaction" in report.errors[0]
    model["formula"] = "y ~ z + z2"
    report = run_study(small_study(line("X", "coef", "2"), models=[model], **keys))
    assert "cannot be estimated" in report.errors[0] and "base=" not in report.errors[0]


def test_a_text_outcome_is_told_to_become_an_indicator(small_study):
    model = {**MODEL, "formula": "sector ~ x"}
    report = run_study(small_study(line("X", "coef", "2"), models=[model]))
    assert "as with indicator(sector == 'yes')" in report.errors[0]
