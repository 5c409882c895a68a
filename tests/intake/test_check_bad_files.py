"""Files whose meaning is wrong or doubtful: each gets exactly this message, and loses no row."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from analysis.intake.check import check
from analysis.intake.declaration import Declaration
from analysis.intake.problems import sentence


@dataclass(frozen=True)
class Bad:
    """A bad text file, the first problem it must get, and what the user declared."""

    name: str
    text: str
    severity: str
    message: str
    said: dict[str, Any] = field(default_factory=dict)


BAD_FILES = tuple(
    Bad(**entry)
    for entry in yaml.safe_load(
        Path(__file__).with_name("bad_meanings.yaml").read_text(encoding="utf-8")
    )
)


def test_the_bad_files_are_many_and_distinct():
    assert len({each.text for each in BAD_FILES}) >= 50
    assert len({each.message.rsplit("[", 1)[1] for each in BAD_FILES}) >= 35


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.name)
def test_a_bad_file_is_told_what_is_wrong(bad, tmp_path):
    path = tmp_path / "f.csv"
    path.write_text(bad.text, encoding="utf-8")
    checked = check(path, Declaration.model_validate(bad.said))
    standing = [each for each in checked.problems if each.severity != "aside"]
    assert (standing[0].severity, sentence(standing[0])) == (bad.severity, bad.message)
    counts = checked.counts
    assert counts.rows == len(bad.text.splitlines()) - 1
    assert counts.rows == counts.rows_used + counts.rows_aside
    assert counts.cells == counts.cells_used + counts.cells_aside
    if checked.errors:
        assert checked.observations.empty and counts.rows_used == 0


@pytest.mark.parametrize(
    "bad",
    [bad for bad in BAD_FILES if "--accept" in bad.message],
    ids=lambda bad: bad.name,
)
def test_what_is_accepted_is_no_longer_asked(bad, tmp_path):
    path = tmp_path / "f.csv"
    path.write_text(bad.text, encoding="utf-8")
    rule = bad.message.rsplit("[", 1)[1].removesuffix("]")
    assert f"--accept {rule}" in bad.message
    said = Declaration.model_validate(bad.said | {"accept": [rule]})
    checked = check(path, said)
    assert rule not in {each.rule for each in (*checked.errors, *checked.questions)}
