"""``compendium data check``: what it prints, writes and returns."""

import csv
import json
import sys

import pytest

from analysis import cli, paths
from analysis.intake.declaration import Declaration, read_declaration

GOOD = "Région;Année;Aide (k€)\nGrand Est;2015;1,5\nBretagne;2015;2,5\nTotal;2015;4,0\n"
DOUBTFUL = "Région;Année;Aide (k€)\nGrand Est;2015;-1,5\nBretagne;2015;2,5\n"
BAD = "Région;Année;Aide\nGrand Est;2015;1,5\nBretagn;2015;2,5\n"


@pytest.fixture
def compendium(monkeypatch, capsys, tmp_path):
    """Run the command in a project that was never built."""
    monkeypatch.setattr(paths, "PROCESSED", tmp_path / "processed")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["compendium", *map(str, arguments)])
        try:
            cli.main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return status, printed.out, printed.err

    return run


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_is_ready(compendium, tmp_path):
    status, out, _ = compendium("data", "check", written(tmp_path / "f.csv", GOOD))
    assert status == 0
    assert "3 rows in = 2 used + 1 set aside; 3 cells = 2 used + 1 set aside" in out
    assert "1 × territory.total: a total over the rows, not a territory" in out
    assert "aide: EUR (money), written in Aide (k€)" not in out
    assert "aide: EUR (money), written in k€" in out
    assert "f.csv: ready to use, 2 figures." in out


def test_questions_and_errors_have_status_1_and_say_what_to_declare(compendium, tmp_path):
    status, out, _ = compendium("data", "check", written(tmp_path / "q.csv", DOUBTFUL))
    assert status == 1
    assert "1 question:" in out and "usable once the questions are answered" in out
    status, out, _ = compendium("data", "check", tmp_path / "q.csv", "--accept", "negative.amount")
    assert status == 0
    status, out, _ = compendium("data", "check", written(tmp_path / "b.csv", BAD))
    assert status == 1
    assert "2 problems:" in out and "b.csv: refused." in out
    assert "q.csv.yaml" not in out and "b.csv.yaml" in out


@pytest.mark.parametrize(
    "option, message",
    [
        (("--nuts", "2015"), "nuts: String should match pattern"),
        (("--layout", "round"), "layout: Input should be 'long', 'years' or 'indicators'"),
        (("--kind", "sum"), "kind: Input should be 'count', 'money', 'rate' or 'index'"),
        (("--name", "Aide 1"), "name: String should match pattern"),
    ],
)
def test_wrong_options_have_status_2(compendium, tmp_path, option, message):
    path = written(tmp_path / "f.csv", GOOD)
    status, _, err = compendium("data", "check", path, *option)
    assert status == 2 and message in err


def test_json_says_all_of_it(compendium, tmp_path):
    status, out, _ = compendium("data", "check", written(tmp_path / "b.csv", BAD), "--json")
    said = json.loads(out)
    assert status == 1 and said["status"] == "refused"
    assert {each["rule"] for each in said["problems"]} == {"territory.unknown", "unit.missing"}
    assert said["counts"]["rows"] == said["counts"]["rows_used"] + said["counts"]["rows_aside"]


def test_out_writes_figures_and_what_is_set_aside_without_formulas(compendium, tmp_path):
    text = GOOD + "=HYPERLINK(x);2015;1\n@SUM(A1);2015;2\n"
    path = written(tmp_path / "f.csv", text)
    status, _, _ = compendium(
        "data", "check", path, "--accept", "territory.unknown", "--out", tmp_path / "out"
    )
    assert status == 0
    names = sorted(each.name for each in (tmp_path / "out").iterdir())
    assert names == ["f.csv.figures.csv", "f.csv.problems.json", "f.csv.set-aside.csv"]
    with (tmp_path / "out" / "f.csv.set-aside.csv").open(encoding="utf-8") as stream:
        values = [row["value"] for row in csv.DictReader(stream)]
    assert values == ["Total", "'=HYPERLINK(x)", "'@SUM(A1)"]
    figures = (tmp_path / "out" / "f.csv.figures.csv").read_text(encoding="utf-8").splitlines()
    assert figures[1].startswith("FRF,2016,1,2015,aide,EUR,1500.0")
    assert path.read_text(encoding="utf-8") == text


def test_the_declaration_beside_the_file_is_written_read_and_kept(compendium, tmp_path):
    path = written(tmp_path / "f.csv", GOOD)
    status, _, _ = compendium("data", "check", path, "--write-declaration")
    assert status == 0
    said = read_declaration(path)
    assert said.geo == "Région" and said.indicators["Aide (k€)"].name == "aide"
    status, _, err = compendium("data", "check", path, "--write-declaration")
    assert status == 1 and "f.csv.yaml exists; change it by hand or remove it first" in err


@pytest.mark.parametrize(
    "text, message",
    [
        ("unit: [", "not a readable YAML file"),
        ("just words", "expected lines such as `unit: EUR`"),
        ("units: EUR", "units: unknown key; known are sheet, layout"),
        ("nuts: 2015", "nuts: String should match pattern"),
        ("a: &a [1]\nb: *a", "aliases (*name) are not allowed"),
        ("!!python/object/apply:os.system ['true']", "not a readable YAML file"),
        ("indicators: {x: {name: Big}}", "indicators.x.name: String should match pattern"),
        ("x: " + "y" * 200_000, "over 100 kB is no declaration"),
    ],
)
def test_a_bad_declaration_is_refused_with_its_key(compendium, tmp_path, text, message):
    path = written(tmp_path / "f.csv", GOOD)
    written(tmp_path / "f.csv.yaml", text)
    status, _, err = compendium("data", "check", path)
    assert status == 1
    assert message in err and "f.csv.yaml" in err


def test_numbers_of_yaml_are_read_as_words():
    assert Declaration.model_validate({"nuts": 2016, "value": [2015]}).value == ("2015",)
    assert Declaration.model_validate({"accept": "nuts.mixed"}).accept == ("nuts.mixed",)


def test_a_file_without_a_table_is_refused_with_the_whole_list(compendium, tmp_path):
    path = tmp_path / "f.csv"
    path.write_bytes(b"%PDF-1.7 not a table")
    status, out, err = compendium("data", "check", path, "--json", "--out", tmp_path / "out")
    assert status == 1 and "f.csv" in err
    said = json.loads(out)
    assert said["status"] == "refused" and said["problems"]
    assert json.loads((tmp_path / "out" / "f.csv.problems.json").read_text("utf-8")) == said


def test_a_long_list_is_cut_on_the_screen_and_whole_in_the_file(compendium, tmp_path):
    rows = "".join(f"FR10;{1900 + n};x{n}\nFR21;2015;y{n}\n" for n in range(120))
    path = written(tmp_path / "f.csv", "geo;year;aide (k€)\n" + rows + "FR22;2015;1\n" * 300)
    status, out, _ = compendium("data", "check", path, "--out", tmp_path / "out", "--value", "aide")
    assert status == 1 and "more; --out DIR writes them all" in out
    said = json.loads((tmp_path / "out" / "f.csv.problems.json").read_text("utf-8"))
    assert len(said["problems"]) > 120


def test_a_file_that_is_not_there_is_one_sentence(compendium, tmp_path):
    status, _, err = compendium("data", "check", tmp_path / "none.csv")
    assert status == 1 and "none.csv" in err
