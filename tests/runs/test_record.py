"""The record: what the key counts, when a run is valid, what may be replaced."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_project import Planner

from analysis import CompendiumError, paths
from analysis.runs.parameters import UsageError
from analysis.runs.record import (
    RunSpec,
    canonical_json,
    code_hash,
    data_hashes,
    hash_file,
    hash_files,
    new_record,
    read_record,
    valid_record,
    write_record,
)

Project = Callable[..., Path]


def finished(spec: RunSpec) -> Path:
    """A finished run of ``spec``, written by hand."""
    (spec.folder / "tables").mkdir(parents=True)
    (spec.folder / "notebook.ipynb").write_text("{}")
    (spec.folder / "tables" / "t.csv").write_text("x\n1\n")
    write_record(spec.folder, new_record(spec, spec.folder, {}, "2026-01-01T00:00:00+00:00"))
    return spec.folder


def test_same_parameters_same_key(project: Project, planned: Planner) -> None:
    project(a=[])
    spec = planned("a", countries="FR,DE")
    assert spec.key == planned("a", countries=["DE", "FR"], cell_timeout=5).key
    assert spec.folder == paths.RUNS / "a" / spec.key[:16]


def test_everything_that_changes_results_changes_the_key(
    project: Project, planned: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project(a=[])
    keys = [planned("a").key, planned("a", seed=2).key]
    (root / "requirements.lock").write_text("synthetic==2.0\n")
    keys.append(planned("a").key)
    (root / "notebooks/a.ipynb").write_text(
        (root / "notebooks/a.ipynb").read_text().replace("Question a", "Answer a")
    )
    keys.append(planned("a").key)
    table = paths.PROCESSED / "regions.csv"
    table.write_text("geo,year\nFR10,2001\n")
    from synthetic_project import build

    build()
    keys.append(planned("a").key)
    monkeypatch.setattr("analysis.runs.record.code_hash", lambda: "other code")
    keys.append(planned("a").key)
    assert len(set(keys)) == len(keys)


def test_code_hash_ignores_bytecode_and_hidden_files(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    before = hash_files(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("")
    (tmp_path / ".a.py.swp").write_text("")
    assert hash_files(tmp_path) == before
    assert list(before) == ["a.py"]
    assert len(code_hash()) == 64


def test_canonical_json_has_one_text_per_value() -> None:
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == '{"a":"é","b":[1,2.5]}'
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))


def test_data_must_be_built_and_untouched(project: Project) -> None:
    project(a=[])
    (paths.PROCESSED / "regions.csv").write_text("geo,year\n")
    with pytest.raises(CompendiumError, match=r"regions\.csv changed or vanished"):
        data_hashes(paths.PROCESSED)
    (paths.PROCESSED / "build.json").write_text("{}")
    with pytest.raises(CompendiumError, match="not a build manifest"):
        data_hashes(paths.PROCESSED)
    (paths.PROCESSED / "build.json").unlink()
    with pytest.raises(CompendiumError, match="compendium data build"):
        data_hashes(paths.PROCESSED)


def test_the_lock_must_be_there(project: Project, planned: Planner) -> None:
    (project(a=[]) / "requirements.lock").unlink()
    with pytest.raises(CompendiumError, match=r"requirements\.lock is missing"):
        planned("a")


def test_a_record_round_trips_and_is_valid(project: Project, planned: Planner) -> None:
    project(a=[])
    spec = planned("a", seed=3)
    record = valid_record(finished(spec), spec.key)
    assert record is not None
    assert (record.title, record.seed, record.status) == ("Question a", 3, "complete")
    assert list(record.outputs) == ["notebook.ipynb", "tables/t.csv"]
    assert record.versions["papermill"]


def _flip(folder: Path) -> None:
    (folder / "tables/t.csv").write_text("x\n2\n")


def _remove(folder: Path) -> None:
    (folder / "tables/t.csv").unlink()


def _no_record(folder: Path) -> None:
    (folder / "record.json").unlink()


def _half_record(folder: Path) -> None:
    (folder / "record.json").write_text((folder / "record.json").read_text()[:50])


def _other_parameters(folder: Path) -> None:
    content = json.loads((folder / "record.json").read_text())
    content["parameters"]["seed"] = 99
    (folder / "record.json").write_text(json.dumps(content))


def _no_outputs(folder: Path) -> None:
    content = json.loads((folder / "record.json").read_text()) | {"outputs": {}}
    (folder / "record.json").write_text(json.dumps(content))


def _outputs_as_list(folder: Path) -> None:
    content = json.loads((folder / "record.json").read_text())
    content["outputs"] = list(content["outputs"])
    (folder / "record.json").write_text(json.dumps(content))


def _output_elsewhere(folder: Path) -> None:
    (folder.parent / "stolen").write_text("")
    content = json.loads((folder / "record.json").read_text())
    content["outputs"]["../stolen"] = hash_file(folder.parent / "stolen")
    (folder / "record.json").write_text(json.dumps(content))


def _not_a_number(folder: Path) -> None:
    content = json.loads((folder / "record.json").read_text())
    content["timings"]["seconds"] = float("nan")
    (folder / "record.json").write_text(json.dumps(content))


def _nested_beyond_reason(folder: Path) -> None:
    (folder / "record.json").write_text("[" * 100_000)


@pytest.mark.parametrize(
    "tamper",
    [
        *(_flip, _remove, _no_record, _half_record, _other_parameters, _no_outputs),
        *(_outputs_as_list, _output_elsewhere, _not_a_number, _nested_beyond_reason),
    ],
)
def test_a_tampered_run_does_not_count(
    project: Project, planned: Planner, tamper: Callable[[Path], None]
) -> None:
    project(a=[])
    spec = planned("a")
    tamper(finished(spec))
    assert valid_record(spec.folder, spec.key) is None


def test_another_key_does_not_count(project: Project, planned: Planner) -> None:
    project(a=[])
    spec = planned("a")
    finished(spec)
    assert valid_record(spec.folder, planned("a", seed=2).key) is None


def test_only_empty_folders_and_own_runs_are_replaced(
    project: Project, planned: Planner, tmp_path: Path
) -> None:
    project(a=[])
    out = tmp_path / "out"
    out.mkdir()
    spec = planned("a", out=out)
    out.rmdir()
    finished(replace(spec, folder=out))
    assert read_record(out) is not None
    planned("a", out=out, seed=2)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert planned("a", out=tmp_path / "link").folder == tmp_path / "elsewhere"

    (out / "mine").symlink_to(tmp_path)
    with pytest.raises(UsageError, match=r"mine is not part of the run there and would be lost"):
        planned("a", out=out)
    (out / "mine").unlink()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"notes\.txt is not part of the run"):
        planned("a", out=out)
    (out / "record.json").unlink()
    with pytest.raises(UsageError, match="not empty and holds no run"):
        planned("a", out=out)
    with pytest.raises(UsageError, match="this is a file"):
        planned("a", out=out / "notes.txt")
