"""The tables of all runs: every form is there, spreadsheets hold what the CSV holds."""

import csv
import io
from pathlib import Path

import pytest
from openpyxl import load_workbook

from analysis.claims import assemble
from analysis.claims.sentences import finding_name
from analysis.report.tables import SIGNIFICANT_DIGITS

FORMS = {".csv", ".xlsx", ".tex", ".html", ".docx"}
#: Tables whose CSV has other columns than are printed.
OTHER_COLUMNS = ("verdict_", "register")


def run_folders(root: Path) -> list[Path]:
    return sorted(record.parent for record in (root / "runs").glob("*/*/record.json"))


def is_same(held: object, text: str) -> bool:
    """Whether a cell of a spreadsheet is what the CSV says."""
    if held is None or text == "":
        return text == "" and held in (None, "–")
    if isinstance(held, int | float):
        return float(f"{held:.{SIGNIFICANT_DIGITS}g}") == float(text)
    return {"yes": "True", "no": "False"}.get(str(held), str(held)) == text or str(held) == text


def test_every_table_has_every_form(reproduced: Path) -> None:
    stems = {
        file.with_suffix("") for run in run_folders(reproduced) for file in run.glob("tables/*")
    }
    assert len(stems) > 60
    missing = [f"{s}{form}" for s in stems for form in FORMS if not Path(f"{s}{form}").is_file()]
    assert sorted(missing) == []


def test_spreadsheets_hold_the_numbers_of_the_csv(reproduced: Path) -> None:
    compared = 0
    for run in run_folders(reproduced):
        for path in sorted(run.glob("tables/*.xlsx")):
            if path.stem.startswith(OTHER_COLUMNS):
                continue
            book = load_workbook(io.BytesIO(path.read_bytes()), read_only=True)
            rows = list(csv.reader(path.with_suffix(".csv").open(encoding="utf-8")))[1:]
            sheet = book["numbers"] if "numbers" in book.sheetnames else book["table"]
            held = list(sheet.iter_rows(values_only=True))[-len(rows) :] if rows else []
            for place, (cells, texts) in enumerate(zip(held, rows, strict=True)):
                pairs = list(zip(cells, texts, strict=True))
                assert all(is_same(*pair) for pair in pairs), f"{path}, row {place}: {pairs}"
                compared += len(pairs)
    assert compared > 5_000


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_finding_has_a_name_in_both_languages(reproduced: Path, lang: str) -> None:
    names = [
        finding_name(finding, lang)
        for entry in assemble(run_folders(reproduced))
        if entry.verdict is not None
        for finding in entry.verdict.findings
    ]
    assert len(names) > 60 and all(names)
