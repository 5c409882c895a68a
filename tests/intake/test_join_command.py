"""``compendium run --data`` and ``compendium new`` as they are typed."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from joined_project import at, root

from analysis import paths
from analysis.cli import main


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root().joinpath("requirements.lock").write_text("made-up==1\n")
    (tmp_path / "notebooks").mkdir()
    source = paths.NOTEBOOKS / "03_knowledge_production.ipynb"
    (tmp_path / "notebooks" / source.name).write_bytes(source.read_bytes())
    for name in ("NOTEBOOKS", "RUNS", "FIGURES"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    with at(root()):
        yield tmp_path


def typed(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["compendium", *arguments])
    with pytest.raises(SystemExit) as leaving:
        main()
    return int(leaving.value.code or 0)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            ["--declare", "unit=EUR"],
            "--declare says something of a file: give the file with --data",
        ),
        (
            ["--existing", "extend"],
            "--existing says something of a file: give the file with --data",
        ),
        (["--spread"], "--spread says something of a file: give the file with --data"),
        (
            ["--accept-questions"],
            "--accept-questions says something of a file: give the file with --data",
        ),
    ],
)
def test_what_is_said_of_a_file_needs_one(option, message, monkeypatch, capsys):
    assert typed(monkeypatch, "run", "03_knowledge_production", *option) == 2
    assert capsys.readouterr().err.strip() == message


def test_a_refused_file_runs_nothing(project, monkeypatch, capsys):
    file = project / "bad.csv"
    file.write_text("geo,year,value\nFR10,2005,3\nQQ10,2005,x\n")
    assert typed(monkeypatch, "run", "03_knowledge_production", "--data", str(file)) == 1
    said = capsys.readouterr().err
    assert said.startswith("bad.csv cannot be used:")
    assert "row 3" in said
    assert "Traceback" not in said
    assert not paths.RUNS.exists()


def test_an_unknown_outcome_is_told_the_columns_of_the_file_too(project, monkeypatch, capsys):
    file = project / "firms.csv"
    file.write_text(
        "geo,year,firms (number)\n" + "".join(f"FR10,{y},{y}\n" for y in range(2000, 2010))
    )
    arguments = ["--data", str(file), "--declare", "name=firms", "-p", "outcome=firms_per_milion"]
    assert typed(monkeypatch, "run", "03_knowledge_production", *arguments) == 2
    found = capsys.readouterr()
    assert "firms.csv: 10 rows, 10 used" in found.out
    assert "did you mean 'firms_per_million'?" in found.err
    assert not paths.RUNS.exists()


def test_what_a_file_cannot_say_is_said_to_params_too(project, monkeypatch, capsys):
    file = project / "patents.csv"
    file.write_text("geo,year,value\nFR10,2005,3\n")
    arguments = ["params", "03_knowledge_production", "--data", str(file)]
    assert typed(monkeypatch, *arguments) == 1
    assert "said here with --declare" in capsys.readouterr().err
    arguments += ["--declare", "unit=number", "--declare", "name=patents"]
    assert typed(monkeypatch, *arguments) == 1
    assert "say --existing replace" in capsys.readouterr().err
    assert typed(monkeypatch, *arguments, "--existing", "extend") == 0
    told = capsys.readouterr().out
    assert "1 figure found no place in the panel (data/not_placed.csv)" in told
    assert "figures of the panel that change: none (data/changes.csv)" in told


def test_a_declaration_that_is_none_is_refused(project, monkeypatch, capsys):
    file = project / "firms.csv"
    file.write_text("geo,year,value\nFR10,2000,1\n")
    arguments = ["--data", str(file), "--declare", "unit_of=EUR"]
    assert typed(monkeypatch, "run", "03_knowledge_production", *arguments) == 1
    assert "unit_of: unknown key" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_one_line(project, monkeypatch, capsys):
    assert typed(monkeypatch, "run", "03_knowledge_production", "--data", "no/such.csv") == 1
    assert "such.csv" in capsys.readouterr().err


def test_a_new_notebook_about_a_file(project, monkeypatch, capsys):
    file = project / "aids.csv"
    file.write_text("geo,year,aid (EUR)\nFR10,2001,5\nFR21,2004,6\n")
    monkeypatch.setattr(sys, "argv", ["compendium", "new", "aids", "--data", str(file)])
    with pytest.raises(SystemExit) as leaving:
        main()
    assert not leaving.value.code
    assert f"run it:  compendium run aids --data {file}" in capsys.readouterr().out
    text = (paths.NOTEBOOKS / "aids.ipynb").read_text(encoding="utf-8")
    assert 'regressors = [\\"aid_per_head\\"]' in text
    assert "years = [2001, 2004]" in text
