"""From a French spreadsheet to a run: checked, joined, run, recorded; nothing secret written."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joined_project import at, root

from analysis import CompendiumError, paths
from analysis.cli import main
from analysis.cli.new import subject
from analysis.intake.bring import bring
from analysis.intake.overlay import join
from analysis.runs import engine, record
from analysis.runs.new_notebook import new_notebook
from analysis.runs.notebooks import find_notebook
from analysis.runs.parameters import ParameterError, validate
from analysis.runs.record import current_inputs, plan, valid_record

SECRET = "marker-5f1c-never-to-be-written"
REGIONS = {
    "Île-de-France": 900, "Champagne-Ardenne": 80, "Picardie": 75, "Haute-Normandie": 90,
    "Centre": 95, "Basse-Normandie": 60, "Bourgogne": 70, "Nord-Pas-de-Calais": 120,
    "Lorraine": 110, "Alsace": 130, "Franche-Comté": 85, "Pays de la Loire": 140,
    "Bretagne": 150, "Poitou-Charentes": 65, "Aquitaine": 160, "Midi-Pyrénées": 210,
    "Limousin": 40, "Rhône-Alpes": 350, "Auvergne": 60, "Languedoc-Roussillon": 120,
    "Provence-Alpes-Côte d'Azur": 260,
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data of the session's project, and a place of its own for notebooks and runs."""
    for name in ("NOTEBOOKS", "RUNS", "FIGURES"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    monkeypatch.setattr(record, "code_hash", lambda: "0" * 64)  # somebody may be editing it
    monkeypatch.setenv("SECRET_TOKEN", SECRET)
    root().joinpath("requirements.lock").write_text("made-up==1\n")
    with at(root()):
        yield tmp_path


def french_spreadsheet(path: Path) -> Path:
    """What a French Excel saves as CSV: semicolons, decimal commas, no-break spaces, cp1252."""
    chance = np.random.default_rng(5)
    lines = ["Aides aux grappes d'entreprises;;", ";;", "Région;Année;Montant (k€)"]
    for name, size in REGIONS.items():
        for year in range(2000, 2011):
            amount = 10 * size * chance.uniform(0.4, 1.6)
            written = f"{amount:,.1f}".replace(",", "\u00a0").replace(".", ",")
            lines.append(f"{name};{year};{written}")
    lines += [";;", "Source : enquête annuelle;;"]
    path.write_bytes("\r\n".join(lines).encode("cp1252"))
    return path


def test_from_a_spreadsheet_to_a_record(project):
    file = french_spreadsheet(project / "aides.csv")
    (one,) = bring([file], {"name": "aides"})
    assert one.checked.counts.rows_aside == 0
    joined = join([one])
    own = new_notebook("aides", "Les aides vont-elles avec des brevets ?", subject(one.checked))
    with pytest.raises(ParameterError, match="'aides_per_head' explains nothing in the codebook"):
        validate("aides", {})
    with paths.reading(joined.processed):
        parameters = validate("aides", {"lags": "1-2", "lang": "fr"})
        spec = plan(find_notebook("aides"), parameters, current_inputs())
        made = engine.run(spec)
    assert spec.processed == joined.processed
    assert valid_record(spec.folder, spec.key) == made

    assert made.title == "Les aides vont-elles avec des brevets ?"
    (brought,) = made.brought
    assert brought["file"] == "aides.csv"
    assert brought["bytes"] == file.stat().st_size
    assert brought["declared"] == {"name": "aides"}
    assert brought["counts"]["rows"] == len(REGIONS) * 11
    assert {
        "data/01_aides.observations.csv",
        "data/01_aides.set_aside.csv",
        "data/changes.csv",
    } <= (set(made.outputs))
    figures = pd.read_csv(spec.folder / "data" / "01_aides.observations.csv")
    account = pd.read_csv(spec.folder / "data" / "conversion.csv")
    assert account["mass_after"].sum() == pytest.approx(figures["value"].sum(), rel=1e-12)
    answer = json.loads((spec.folder / "sentences.json").read_text(encoding="utf-8"))[0]["text"]
    assert answer.startswith("Une unité de plus de Montant, par habitant")
    estimates = pd.read_parquet(spec.folder / "estimates.parquet")
    assert np.isfinite(estimates.loc[estimates["model"].eq("Alone"), "estimate"]).all()

    for path in [*spec.folder.rglob("*"), *joined.folder.rglob("*"), own]:
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
            assert file.read_bytes() != path.read_bytes(), "the user's file is not copied"


def test_options_are_about_one_file(project):
    files = [french_spreadsheet(project / name) for name in ("a.csv", "b.csv")]
    with pytest.raises(CompendiumError) as error:
        bring(files, {"unit": "EUR"})
    assert str(error.value) == (
        "--unit says something of one file, and there are 2: write it into a.csv.yaml beside the "
        "file it is about"
    )


def test_problems_of_all_files_are_told_at_once(project):
    good = french_spreadsheet(project / "good.csv")
    texts = {"no_unit.csv": "geo,year,value\nFR10,2005,3\n", "empty.csv": ""}
    for name, text in texts.items():
        project.joinpath(name).write_text(text)
    with pytest.raises(CompendiumError) as error:
        bring([good, *(project / name for name in texts)], {})
    message = str(error.value)
    assert "no_unit.csv" in message
    assert "empty.csv" in message
    assert "good.csv" not in message
    assert message.endswith("compendium data check FILE … --write-declaration`.")


def typed(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["compendium", *arguments])
    with pytest.raises(SystemExit) as leaving:
        main()
    return int(leaving.value.code or 0)


def test_a_file_is_swept_over_as_it_is_typed(project, monkeypatch, capsys):
    file = french_spreadsheet(project / "aides.csv")
    assert typed(monkeypatch, "new", "aides", "--title", "Aides", "--data", str(file)) == 0
    assert typed(monkeypatch, "params", "aides", "--data", str(file)) == 0
    told = capsys.readouterr().out
    assert "aides.csv: 231 rows, 231 used" in told
    assert "montant_per_head" in told

    out = project / "swept"
    grid = ["--grid", "lag=0,1", "--grid", "lags=1", "--out", str(out), "--jobs", "1"]
    assert typed(monkeypatch, "sweep", "aides", "--data", str(file), *grid) == 0
    told = capsys.readouterr()
    assert "aides.csv: 231 rows, 231 used" in told.out, told.err
    assert json.loads((out / "sweep.json").read_text())["brought"][0]["file"] == "aides.csv"
    estimates = pd.read_parquet(out / "estimates.parquet")
    assert set(estimates["param_lag"]) == {0, 1}
    assert set(estimates["param_regressors"]) == {"montant_per_head"}
    assert np.isfinite(estimates.loc[estimates["model"].eq("Alone"), "estimate"]).all()
    figures = sorted(paths.RUNS.glob("aides/*/figures/*.svg"))
    assert figures
    for figure in figures:
        assert "aides.csv" in figure.read_text(encoding="utf-8"), "the source names the file"

    assert typed(monkeypatch, "sweep", "aides", "--out", str(out), "--resume") == 2
    assert "holds a sweep with other --data files" in capsys.readouterr().err
