"""From cells to figures: years, numbers and units of the long table, or why a cell is not used."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from analysis.intake.declaration import Declaration
from analysis.intake.layout import Roles
from analysis.intake.numbers import EXPLAINED, Parsed, parse_number
from analysis.intake.periods import Period, parse_period
from analysis.intake.problems import Problem, Severity
from analysis.intake.sheets import Sheet
from analysis.intake.units import parse_unit

#: What is wrong with a year, and what to do.
YEAR_RULES = {
    "year.unreadable": ("not a year", "write four digits, as in 2015"),
    "year.two-digits": ("a year of two digits", "write four digits: 2015, not 15"),
    "year.out-of-range": ("a year before 1950 or after 2035", "correct it"),
    "year.empty": ("no year", "write the year of the figure"),
    "year.period": (
        "a period of several years",
        "give yearly figures, or say which year stands for it with --periods first or last",
    ),
    "year.part": (
        "a part of a year",
        "give yearly figures, add the parts up with --aggregate sum, or set them aside with "
        "--accept year.part",
    ),
}


def severity(rule: str, said: Declaration) -> Severity:
    """Errors and questions that the declaration accepts are only counted as set aside."""
    return "aside" if accepts(said, rule) else "error"


def counted(n: int, what: str = "cell") -> str:
    """``1 cell``, ``2 cells``."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def accepts(said: Declaration, rule: str) -> bool:
    return rule in said.accept or "all" in said.accept


def report(
    sheet: Sheet, cells: pd.DataFrame, rule: str, texts: Callable[[str], tuple[str, str]],
    what: str, column: Callable[[int], int], severity: Severity,
) -> list[Problem]:  # fmt: skip
    """One problem per distinct text of ``what`` among ``cells``, at its first row.

    texts: the text → (message, suggestion). column: position of the value column → of the column
    at fault.
    """
    problems = []
    written = pd.DataFrame({"text": [shown(cell) for cell in cells[what]]}, index=cells.index)
    written[["at", "column"]] = cells[["at", "column"]]
    rows_of = written.drop_duplicates(["text", "at"])["text"].value_counts()
    for text, at, position in written.drop_duplicates("text").itertuples(index=False):
        others = int(rows_of[text]) - 1
        message, suggestion = texts(text)
        message += f" (and {counted(others, 'more row')})" if others else ""
        problems.append(
            Problem(
                sheet.file,
                rule,
                message,
                suggestion,
                severity,
                sheet.name,
                sheet.rows[at],
                sheet.column_name(column(position)),
                text,
            )
        )
    return problems


def shown(cell: object) -> str:
    """A cell as a problem quotes it."""
    return "" if cell is None else str(cell)


# --- years -----------------------------------------------------------------------------------


def read_years(
    cells: pd.DataFrame, sheet: Sheet, roles: Roles, said: Declaration
) -> tuple[list[Problem], list[str]]:
    """Fill ``year``, ``part``, ``parts`` and, where there is no year, ``rule``; problems, and what
    was understood.
    """
    distinct = {_key(cell): _period(cell, said) for cell in cells["period"]}
    periods = [distinct[_key(cell)] for cell in cells["period"]]
    cells["year"] = pd.array([each.year for each in periods], dtype="Int16")
    cells["part"] = [each.part for each in periods]
    cells["parts"] = [each.parts for each in periods]
    rules = np.array([each.rule for each in periods], dtype=object)
    cells["rule"] = np.where(cells["rule"] == "", rules, cells["rule"])
    problems: list[Problem] = []
    column = _year_column(roles)
    for rule in sorted({each for each in rules if each}):
        mine = cells[cells["rule"] == rule]
        texts = partial(_year_texts, rule)
        problems += report(sheet, mine, rule, texts, "period", column, severity(rule, said))
    forms = np.array([each.form for each in periods])
    serial = cells[(forms == "serial") & (cells["rule"] == "")]
    if len(serial) and not accepts(said, "year.serial"):
        first = serial.iloc[0]
        problems.append(
            Problem(
                sheet.file,
                "year.serial",
                f"a day number of a spreadsheet? read as {first['year']} ({counted(len(serial))})",
                "format the column as dates, or accept it with --accept year.serial",
                "question",
                sheet.name,
                sheet.rows[int(first["at"])],
                sheet.column_name(column(int(first["column"]))),
                shown(first["period"]),
            )
        )
    dates = int((forms == "date").sum())
    notes = [f"the year is taken from {dates} dates"] if dates else []
    if said.periods and (forms == "range").any():
        notes.append(f"a period of several years stands at its {said.periods} year")
    return problems, notes


def _year_texts(rule: str, text: str) -> tuple[str, str]:
    return YEAR_RULES[rule]


def _year_column(roles: Roles) -> Callable[[int], int]:
    return lambda value: value if roles.year is None else roles.year


def _key(cell: object) -> tuple[str, object]:
    return type(cell).__name__, cell


def _period(cell: object, said: Declaration) -> Period:
    if cell is None:
        return Period(None, rule="year.empty")
    period = parse_period(cell)
    if period.form == "range":
        year = {"first": period.year, "last": period.last}.get(said.periods)
        return Period(year, "range", period.last, "" if year else "year.period")
    if period.form == "part" and said.aggregate != "sum":
        return Period(None, "part", rule="year.part")
    return period


# --- numbers ---------------------------------------------------------------------------------


def read_numbers(cells: pd.DataFrame, sheet: Sheet, said: Declaration) -> None:
    """Fill ``value``, ``flag``, ``percent``, ``suffix`` and ``number_rule`` of every cell."""
    parsed: list[Parsed] = []
    read: dict[tuple[object, ...], Parsed] = {}
    for column, raw in zip(cells["column"], cells["raw"], strict=True):
        decimal = said.decimal or (sheet.decimals[column] if sheet.decimals else sheet.decimal)
        key = (*_key(raw), decimal)
        if key not in read:
            read[key] = parse_number(raw, decimal)
        parsed.append(read[key])
    cells["value"] = np.array(
        [np.nan if each.value is None else each.value for each in parsed], dtype=float
    )
    flags = pd.Series([each.flag for each in parsed], index=cells.index, dtype=object)
    cells["flag"] = [
        own if own == beside else own + beside
        for own, beside in zip(flags, cells["flag"], strict=True)
    ]
    cells["percent"] = [each.percent for each in parsed]
    cells["suffix"] = [each.suffix for each in parsed]
    cells["number_rule"] = [each.rule for each in parsed]


def judge_numbers(cells: pd.DataFrame, sheet: Sheet, said: Declaration) -> list[Problem]:
    """Give the cells that are no numbers, or empty, their rule; a problem for each bad cell.

    Comes after the units: a unit in the cell (``12 k€``) is right where it is that of the series.
    """
    right_unit = (cells["number_rule"] == "number.unit") & np.array(
        [
            unit is not None and parse_unit(suffix) == unit
            for suffix, unit in zip(cells["suffix"], cells["unit"], strict=True)
        ],
        dtype=bool,
    )
    bad = (cells["number_rule"] != "") & ~right_unit & (cells["rule"] == "")
    cells.loc[bad, "rule"] = cells.loc[bad, "number_rule"]
    empty = cells["value"].isna() & (cells["flag"] == "") & (cells["rule"] == "")
    cells.loc[empty, "rule"] = "value.empty"
    problems = []
    for _, cell in cells[bad].iterrows():
        rule = str(cell["rule"])
        message, suggestion = EXPLAINED[rule]
        problems.append(
            Problem(
                sheet.file,
                rule,
                message,
                suggestion,
                severity(rule, said),
                sheet.name,
                sheet.rows[int(cell["at"])],
                sheet.column_name(int(cell["column"])),
                shown(cell["raw"]),
            )
        )
    return problems
