"""Every bad file is refused or questioned in the words promised, and never with a traceback."""

import os
import socket
from pathlib import Path

import pytest
from bad_files import BAD_FILES, GOOD, BadFile

from analysis import CompendiumError
from analysis.intake.formats.recognise import read_file
from analysis.intake.problems import Problem, UnreadableFile, all_sentences, sentence


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.name)
def test_a_bad_file_is_answered_word_for_word(bad: BadFile, tmp_path):
    path = tmp_path / bad.file
    path.write_bytes(bad.content())
    try:
        problems = read_file(path, sheet=bad.sheet).problems
    except UnreadableFile as refusal:
        problems = refusal.problems
    assert all_sentences(problems) == bad.message
    assert {problem.severity for problem in problems} == {bad.severity}


def test_the_catalogue_has_no_file_twice():
    assert len({bad.name for bad in BAD_FILES}) == len(BAD_FILES) >= 60


def refusal(path: Path | str) -> str:
    with pytest.raises(UnreadableFile) as caught:
        read_file(path)
    return str(caught.value)


def test_no_such_file(tmp_path):
    path = tmp_path / "absent.csv"
    assert refusal(path) == f"absent.csv: no such file ({path}); check the path [file.absent]"


def test_a_folder(tmp_path):
    assert refusal(tmp_path) == f"{tmp_path.name}: a folder; give one file in it [file.folder]"


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert refusal(path) == (
        "pipe: not a regular file (a pipe, a socket or a device); "
        "write the data to a file first [file.special]"
    )


def test_a_socket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert "not a regular file" in refusal("socket")


def test_a_file_of_several_gigabytes_is_not_opened(tmp_path, monkeypatch):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(5_000_000_000)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("opened"))
    assert refusal(path) == (
        "huge.csv: 5,000 MB is more than the 100 MB that are read at once; keep the rows and "
        "columns you need, or split the file (by year, say) [file.too_large]"
    )


def test_a_file_one_may_not_read(tmp_path, monkeypatch):
    path = tmp_path / "locked.csv"
    path.write_bytes(GOOD)

    def denied(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert refusal(path) == (
        "locked.csv: the file may not be read; give yourself the right to read it [file.permission]"
    )


def test_a_path_that_no_system_takes(tmp_path):
    name = "x" * 300 + ".csv"
    assert refusal(tmp_path / name) == (
        f"{name}: the file cannot be opened (File name too long); check the path [file.unopenable]"
    )
    assert "[file.unopenable]" in refusal("nul\0.csv")


def test_a_link_that_turns_in_a_circle(tmp_path):
    path = tmp_path / "loop.csv"
    path.symlink_to(path)
    assert "[file.unopenable]" in refusal(path)


def test_all_problems_are_told_at_once_and_a_long_list_says_where_the_rest_is():
    problems = [Problem("f.csv", "r", f"number {n}", "repair it") for n in range(25)]
    lines = str(UnreadableFile(problems)).split("\n")
    assert len(lines) == 21
    assert lines[-1] == (
        "… and 5 more; compendium data check FILE --out DIR writes the whole list to a file"
    )
    assert isinstance(UnreadableFile(problems), CompendiumError)


def test_every_short_row_is_listed(tmp_path):
    path = tmp_path / "short.csv"
    path.write_text("geo;year;value\n" + "FR10;2015\nFR21;2015;3\n" * 30, encoding="utf-8")
    rows = [problem.row for problem in read_file(path).problems]
    assert rows == list(range(2, 62, 2))


def test_of_thousands_of_problems_the_first_are_listed_and_the_rest_counted(tmp_path):
    path = tmp_path / "short.csv"
    path.write_text("geo;year;value\n" + "FR10;2015\n" * 2500, encoding="utf-8")
    problems = read_file(path).problems
    assert len(problems) == 1000
    assert problems[-1].message == ("2 cells where the header has 3 (and 1,500 more of this kind)")


def test_a_sentence_is_one_printable_line():
    hostile = "\x1b[31mred\nnext\u202eline"
    problem = Problem(hostile, "r", "m", "s", sheet=hostile, column=hostile, value=hostile)
    assert sentence(problem).isprintable()


def test_a_long_value_is_cut():
    assert Problem("f", "r", "m", "s", value="x" * 100).value == "x" * 79 + "…"
