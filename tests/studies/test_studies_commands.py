"""The command line of studies."""

import json

import pytest
from printed_lines import line
from typer.testing import CliRunner

from analysis import paths
from analysis.cli.studies import app
from analysis.studies.errors import StudyError
from analysis.studies.schema import read_study
from analysis.studies.template import new_study

KNOWN = {"known_differences": [{"row": "N", "reason": "Two firms left out."}]}


def call(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_run_prints_counts_and_what_is_not_exact(small_study):
    result = call("run", small_study(line("N", "n", "57"), **KNOWN))
    assert result.exit_code == 0
    assert "last digit: small: Table 1 | N | OLS | n: printed 57, computed 58. Two firms" in (
        result.stdout
    )


@pytest.mark.parametrize(
    ("printed", "keys", "status"),
    [
        (line("N", "n", "58"), {}, 0),
        (line("N", "n", "40"), {}, 1),
        (line("N", "n", "40"), KNOWN, 0),
        (line("Q", "n", "58"), {}, 1),
        (line("Q", "n", "58"), KNOWN, 1),
    ],
)
def test_exit_status(small_study, printed, keys, status):
    assert call("run", small_study(printed, **keys)).exit_code == status


def test_json_holds_counts_and_every_number(small_study):
    folder = small_study(line("X", "coef", "2") + line("N", "n", "58") + line("Q", "n", "58"))
    result = call("run", folder, "--json")
    values = json.loads(result.stdout)
    assert values["numbers"] == 3 and sum(values["counts"].values()) == 3
    assert values["counts"]["unmapped"] == 1
    assert values["studies"][0]["numbers"][1]["computed"] == 58
    assert values["studies"][0]["numbers"][2]["computed"] is None


def test_data_that_are_absent_are_said_and_not_counted(small_study, tmp_path):
    folder = small_study()
    data = tmp_path / "data" / "small"
    data.mkdir(parents=True)
    (folder / "data.csv").rename(data / "data.csv")
    result = call("run", folder)
    assert result.exit_code == 0 and "not run: small: data: main: data.csv is not in" in (
        result.stdout
    )
    values = json.loads(call("run", folder, "--json", "--data-dir", tmp_path / "data").stdout)
    assert values["counts"]["not_run"] == 0
    assert call("run", folder, "--data-dir", tmp_path / "nowhere").exit_code == 2


def test_show_sets_every_number_beside_ours(small_study):
    result = call("show", small_study())
    assert result.exit_code in (0, 1)
    for word in ("Table 1", "X", "coef", "2.0", "58", "exact"):
        assert word in result.stdout


def test_list_and_estimators():
    result = call("list")
    assert result.exit_code == 0 and "card1995_schooling" in result.stdout
    result = call("estimators")
    assert result.exit_code == 0 and "regression_discontinuity" in result.stdout
    shown = call("estimators", "ols").stdout
    assert "small_sample" in shown and "``nonnested``" in shown
    assert "``inverse_distance``" in call("estimators", "spatial_lag").stdout.replace('"', "")


def test_a_new_study_can_be_read_and_is_never_overwritten(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    assert call("new", "smith2020").exit_code == 0
    study = read_study(tmp_path / "studies" / "smith2020").study
    assert study.id == "smith2020" and study.models[0].estimator == "ols"
    header = (tmp_path / "studies" / "smith2020" / "published.csv").read_text(encoding="utf-8")
    assert header.startswith("study,table,row_label,column_label,statistic,printed_value")
    with pytest.raises(StudyError, match="exists already"):
        new_study("smith2020", tmp_path / "studies")
    with pytest.raises(StudyError, match="small letters"):
        new_study("../x", tmp_path / "studies")
    assert sorted(path.name for path in (tmp_path / "studies").iterdir()) == ["smith2020"]
