"""What a study.yaml may say, and the messages for what it may not."""

import json
from pathlib import Path

import pytest
import yaml

from analysis.studies.errors import StudyError
from analysis.studies.schema import SCHEMA_FILE, Study, expanded, json_schema, read_study

MODEL = {"id": "ols", "column": "OLS", "estimator": "ols", "formula": "y ~ x", "rows": {"X": "x"}}


def test_the_json_schema_is_that_of_the_models():
    assert SCHEMA_FILE.read_text(encoding="utf-8") == json_schema(), (
        "write it anew: python -c 'from analysis.studies.schema import *; "
        "SCHEMA_FILE.write_text(json_schema())'"
    )
    assert set(Study.model_fields) == set(json.loads(json_schema())["properties"])


def test_what_is_no_key_of_a_model_is_an_argument_of_its_estimator(small_study):
    folder = small_study(models=[{**MODEL, "vcov": "hc1", "cluster": ["a", "b"]}])
    model = read_study(folder).study.models[0]
    assert model.arguments == {"vcov": "hc1", "cluster": ["a", "b"]}


def test_foreach_writes_one_model_per_combination():
    model = {
        "id": "m_{sample}_{year}",
        "foreach": {"sample": ["a {year}", "b"], "year": [1, 2]},
        "rows": {"{sample}": {"term": "x{year}"}},
        "weights": ["{other}"],
        "lags": "{year}",
    }
    models = list(expanded(model))
    assert [one["id"] for one in models] == ["m_a {year}_1", "m_a {year}_2", "m_b_1", "m_b_2"]
    assert models[3]["rows"] == {"b": {"term": "x2"}}
    assert models[3]["weights"] == ["{other}"]
    assert models[3]["lags"] == 2


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"data": {"other": {"file": "a.csv"}}}, "one table must be called main"),
        ({"data": {"main": {"url": "https://a.b/c.csv"}}}, "data: main: a url needs the sha256"),
        ({"data": {"main": {}}}, "data: main: give file, package or url, or else table"),
        ({"data": {"main": {"file": "a", "keep": "x > 1"}}}, "keep goes with table"),
        ({"data": {"main": {"package": "statsmodels"}}}, "package and dataset go together"),
        (
            {"data": {"main": {"package": "sklearn", "dataset": "iris"}}},
            "data: main: package: Input should be 'causaldata'",
        ),
        (
            {"data": {"main": {"file": "a", "derive": {"x": "1"}}}},
            "derive and panel of main stand at the top",
        ),
        (
            {"data": {"main": {"file": "a"}, "b": {"table": "c"}}},
            "data: b: no table 'c' stands before it; there are main",
        ),
        ({"tilte": "x"}, "tilte: unknown key"),
        ({"title": 3}, "title: Input should be a valid string, got 3"),
        ({"models": []}, "models: "),
        ({"models": [MODEL, MODEL]}, "models: id used more than once: ols"),
        (
            {"models": [{**MODEL, "sample": "late"}]},
            "models: ols: no sample 'late'; there are none",
        ),
        ({"models": [{**MODEL, "data": "late"}]}, "models: ols: no table 'late'; there are main"),
        (
            {"models": [{**MODEL, "rows": {"X": {"term": "x", "negate": True}}}]},
            "models: ols: rows: X: negate: unknown key",
        ),
        (
            {"models": [{**MODEL, "rows": {"X": {"term": "x", "statistic": "n_obs"}}}]},
            "models: ols: rows: X: give one of term, statistic, expression",
        ),
        ({"models": [{**MODEL, "rows": ["x", 1990]}]}, "models: ols: rows: a list holds labels"),
        ({"models": [{**MODEL, "rows": {"X": False}}]}, "quote texts that YAML reads otherwise"),
        ({"id": "Small"}, "id: String should match pattern"),
    ],
)
def test_messages_name_the_file_and_the_place(small_study, keys, message):
    folder = small_study(**keys)
    with pytest.raises(StudyError) as caught:
        read_study(folder)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(folder / "study.yaml"))


def test_a_key_given_twice_is_refused_and_a_merged_one_may_be_replaced(small_study):
    folder = small_study()
    path = folder / "study.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "title: Again\n", encoding="utf-8")
    with pytest.raises(StudyError, match=r"line \d+: 'title' is given twice"):
        read_study(folder)
    merged = yaml.safe_dump({"models": [MODEL]}).replace("- column", "- &one\n  column")
    text = text[: text.index("models:")] + merged + "- <<: *one\n  id: second\n  vcov: hc1\n"
    path.write_text(text, encoding="utf-8")
    assert [model.id for model in read_study(folder).study.models] == ["ols", "second"]


def test_files_that_are_no_study(tmp_path: Path, small_study):
    with pytest.raises(StudyError, match="there is no"):
        read_study(tmp_path / "absent")
    folder = small_study()
    (folder / "study.yaml").write_text("models: [", encoding="utf-8")
    with pytest.raises(StudyError, match="not YAML"):
        read_study(folder)
    moved = folder.rename(tmp_path / "elsewhere")
    small_study()
    (moved / "study.yaml").write_text(
        (tmp_path / "small" / "study.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    with pytest.raises(StudyError, match="id is 'small' but the folder is 'elsewhere'"):
        read_study(moved)
