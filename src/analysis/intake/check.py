"""What a brought file says: checked against what it may mean, all problems at once."""

import hashlib
from pathlib import Path

import pandas as pd

from analysis.intake import aside, carried
from analysis.intake.check_carried import check_carried
from analysis.intake.check_own import NO_TERRITORY, check_own
from analysis.intake.checked import OBSERVATION_COLUMNS, CarriedDataset, Checked
from analysis.intake.declaration import Declaration
from analysis.intake.draft import Draft
from analysis.intake.eurostat import with_dimensions_apart
from analysis.intake.formats.recognise import read_file
from analysis.intake.gazetteer import gazetteer
from analysis.intake.meaning import accepts
from analysis.intake.native import in_carried_form
from analysis.intake.problems import Problem, UnreadableFile
from analysis.intake.sheets import FileRead, Sheet

NO_DECLARATION = Declaration()


def check(
    path: Path | str, declaration: Declaration = NO_DECLARATION,
    panel: pd.DataFrame | None = None,
) -> Checked:  # fmt: skip
    """Read a file and understand it, or say why not.

    panel: the panel's table of regions, to compare the scale of a column of the same name with.

    Raises UnreadableFile where there is no table to be understood; every other problem is in the
    result.
    """
    path = Path(path)
    read = read_file(path, sheet=declaration.sheet or None)
    native = in_carried_form(with_dimensions_apart(_one_sheet(read)), declaration.dataset)
    sheet, found = native.sheet, native.found
    known = gazetteer()
    problems: list[Problem] = []
    if found is None:
        found, problems = carried.recognise(sheet, declaration.dataset, known.code_lists)
    if problems:
        draft = Draft.of_nothing(sheet, problems)
    elif found:
        draft = check_carried(sheet, found, declaration, known)
    else:
        draft = check_own(sheet, declaration, known, panel)
    draft.notes += native.notes
    return _finished(draft, read, sheet, found, declaration, _sha256(path))


def _one_sheet(read: FileRead) -> Sheet:
    if len(read.sheets) == 1:
        return read.sheets[0]
    names = ", ".join(sheet.name for sheet in read.sheets)
    raise UnreadableFile(
        [
            Problem(
                read.sheets[0].file if read.sheets else "",
                "sheet.several",
                f"several sheets hold a table: {names}",
                "say which with --sheet",
            )
        ]
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _finished(
    draft: Draft, read: FileRead, sheet: Sheet, found: CarriedDataset | None,
    said: Declaration, sha256: str,
) -> Checked:  # fmt: skip
    """The account of the file, and its figures unless a problem refuses it."""
    unneeded = _rows_of_no_territory(draft, sheet)
    of_reading = [
        each
        for each in read.problems
        if not (each.severity == "question" and accepts(said, each.rule))
        and not (each.rule == "cell.formula_without_value" and each.row in unneeded)
    ]
    problems = _sorted((*of_reading, *draft.problems))
    figures = draft.figures
    if any(each.severity == "error" for each in problems):
        aside.refuse_all(draft.cells)
        figures = pd.DataFrame(columns=list(OBSERVATION_COLUMNS))
    counts = aside.account(sheet, draft.cells)
    understood = (*_understood(read, sheet), *draft.understood)
    return Checked(
        file=sheet.file,
        observations=figures,
        aside=aside.set_aside(sheet, draft.cells, draft.not_places),
        problems=problems,
        recognised=found,
        indicators=tuple(draft.indicators),
        counts=counts,
        nuts_version=draft.nuts_version,
        nuts_evidence=draft.nuts_evidence,
        understood=understood,
        notes=(*read.notes, *draft.notes),
        sha256=sha256,
        sidecar=draft.sidecar(said, sheet),
        is_list=draft.is_list,
    )


def _rows_of_no_territory(draft: Draft, sheet: Sheet) -> set[int]:
    """Rows of totals and the like, set aside whatever their cells hold."""
    used = draft.cells.loc[~draft.cells["rule"].isin(NO_TERRITORY), "at"]
    return {sheet.rows[at] for at in set(draft.cells["at"]) - set(used)}


def _sorted(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Problems of the file first, then by row; errors before questions at the same place."""
    order = {"error": 0, "question": 1, "aside": 2}
    return tuple(
        sorted(
            dict.fromkeys(problems),
            key=lambda each: (
                each.row or 0,
                order[each.severity],
                each.rule,
                each.column,
                each.value,
                each.message,
            ),
        )
    )


def _understood(read: FileRead, sheet: Sheet) -> list[tuple[str, str]]:
    """How the file was read: pairs of question and answer."""
    pairs = [("format", read.kind), ("sheet", sheet.name), ("encoding", sheet.encoding)]
    names = {"\t": "tab", ";": "semicolon", ",": "comma", "|": "bar"}
    pairs.append(("separator", names.get(sheet.delimiter, sheet.delimiter)))
    decimal = {",": "comma", ".": "point"}.get(sheet.decimal, "")
    evidence = f" ({sheet.decimal_evidence})" if sheet.decimal_evidence else ""
    pairs.append(("decimal sign", f"{decimal}{evidence}" if decimal else ""))
    for place, lines in (("above the table", sheet.above), ("below the table", sheet.below)):
        pairs.append((place, " / ".join(lines)))
    return [(question, answer) for question, answer in pairs if answer]
