"""Copying results to where they are looked for."""

from pathlib import Path

from analysis.runs.reproduce import mirror


def test_mirror_copies_what_differs_and_removes_the_rest(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "maps").mkdir(parents=True)
    (source / "a.png").write_text("new")
    (source / "maps" / "b.png").write_text("b")
    (target / "old").mkdir(parents=True)
    (target / "old" / "c.png").write_text("c")
    (target / "a.png").write_text("old")
    (target / ".a.png.123").write_text("half")
    mirror(source, target)
    files = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert files == {"a.png", "maps/b.png"}
    assert (target / "a.png").read_text() == "new"
    assert not (target / "old").exists()


def test_equal_files_are_not_touched(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "a.png").write_text("same")
    mirror(source, target)
    before = (target / "a.png").stat()
    mirror(source, target)
    assert (target / "a.png").stat().st_ino == before.st_ino


def test_no_figures_leave_no_folder(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "a.png").touch()
    mirror(tmp_path / "nowhere", target)
    assert not target.exists()
    mirror(tmp_path / "nowhere", target)
