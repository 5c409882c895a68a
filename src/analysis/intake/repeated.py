"""Several figures for one territory, year and series: added up, taken once, or refused."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis.intake.checked import Indicator
from analysis.intake.declaration import Declaration
from analysis.intake.layout import Roles
from analysis.intake.meaning import accepts, counted, shown
from analysis.intake.problems import Problem
from analysis.intake.sheets import Sheet
from analysis.intake.words import declared, plain

KEY = ["geo", "geo_version", "year", "indicator"]


@dataclass(frozen=True)
class Settled:
    """One figure per key. is_list: the figures are sums over the rows of a list, in which a
    territory without a row has nothing booked.
    """

    figures: pd.DataFrame
    problems: list[Problem]
    notes: list[str] = field(default_factory=list)
    is_list: bool = False


def is_list_of_operations(cells: pd.DataFrame, sheet: Sheet, roles: Roles) -> bool:
    """Whether rows are operations: money, a column of numbers or titles of their own, repeats.

    cells: figures in use. The identifying column must tell at least nine rows in ten apart.
    """
    units = [unit for unit in cells["unit"] if unit is not None]
    if not roles.ids or not any(unit.kind == "money" for unit in units):
        return False
    if not cells.duplicated(KEY).any():
        return False
    at = sorted(set(cells["at"]))
    distinct = max(len({str(sheet.cells[each][column]) for each in at}) for column in roles.ids)
    return distinct >= 0.9 * len(at)


def settle_repeats(
    cells: pd.DataFrame, sheet: Sheet, roles: Roles, said: Declaration,
    indicators: list[Indicator],
) -> Settled:  # fmt: skip
    """One figure per key.

    cells: the long table; cells not in use (``rule``) are left alone, those found to be repeats
    get a rule. Figures added up have the row of their first cell; missing ones count as nothing
    booked unless all are missing.
    """
    used = cells[cells["rule"] == ""]
    operations = is_list_of_operations(used, sheet, roles)
    if not operations and said.aggregate != "sum":
        problems = _take_once(cells, used, sheet)
        return Settled(cells[cells["rule"] == ""], problems)
    repeated = used.duplicated(KEY, keep=False)
    rates = {each.name for each in indicators if each.kind in ("rate", "index")}
    problems = [
        _no_sum(sheet, name) for name in sorted(set(used.loc[repeated, "indicator"]) & rates)
    ]
    problems += _same_operation_twice(used, sheet, roles, said)
    problems += _totals_among(used, sheet, roles, said)
    if not operations:
        problems += _parts_of_years(used, sheet, said)
    figures = used.groupby(KEY, sort=False, as_index=False).agg(
        value=("value", lambda values: values.sum(min_count=1)),
        flag=("flag", lambda flags: "".join(sorted(set("".join(flags))))),
        nuts_level=("nuts_level", "first"),
        at=("at", "first"),
        column=("column", "first"),
        unit=("unit", "first"),
        n=("value", "size"),
    )
    rows = len(set(used["at"]))
    notes = [f"{rows} rows are added up by territory and year ({len(figures)} figures)"]
    is_list = operations or (len(figures) < len(used) and not used["parts"].any())
    if is_list and any(each.kind == "money" for each in indicators):
        notes.append("a territory of the list without a row in a year has nothing booked then: 0")
    return Settled(figures, problems, notes, is_list)


def _parts_of_years(used: pd.DataFrame, sheet: Sheet, said: Declaration) -> list[Problem]:
    """Years that would be counted twice, or of which parts are missing, when parts are added up."""
    found = used[used["value"].notna()].groupby(KEY, sort=False, as_index=False).agg(
        at=("at", "first"), column=("column", "first"), lengths=("parts", "nunique"),
        wanted=("parts", "max"), known=("part", "nunique"),
    )  # fmt: skip
    twice = found[found["lengths"] > 1]
    lacking = found[(found["lengths"] == 1) & (found["known"] < found["wanted"])]
    problems = []
    if len(twice):
        what = "a figure of the whole year and of parts of it, or of parts of two lengths"
        problems.append(_about_parts(sheet, twice, "year.overlapping", what, "leave one out"))
    if len(lacking) and not accepts(said, "year.incomplete"):
        first = lacking.iloc[0]
        what = f"{first['known']} of the {first['wanted']} parts of the year"
        todo = "add the others, or accept it with --accept year.incomplete"
        problems.append(_about_parts(sheet, lacking, "year.incomplete", what, todo))
    return problems


def _about_parts(sheet: Sheet, years: pd.DataFrame, rule: str, what: str, todo: str) -> Problem:
    first = years.iloc[0]
    others = f" (and {counted(len(years) - 1, 'more such year')})" if len(years) > 1 else ""
    return Problem(
        sheet.file,
        rule,
        f"{first['geo']} has in {first['year']} ({first['indicator']}) {what}{others}",
        todo,
        "error" if rule == "year.overlapping" else "question",
        sheet.name,
        sheet.rows[int(first["at"])],
        sheet.column_name(int(first["column"])),
    )


def _take_once(cells: pd.DataFrame, used: pd.DataFrame, sheet: Sheet) -> list[Problem]:
    """Set equal repeats aside; a problem for each key with different figures."""
    problems = []
    repeated = used[used.duplicated(KEY, keep=False)]
    for _, group in repeated.groupby(KEY, sort=False):
        numbers = group["value"].dropna()
        first = group.loc[numbers.index[0]] if len(numbers) else group.iloc[0]
        others = group.drop(index=first.name)
        equal = np.isclose(others["value"], first["value"], rtol=1e-12, atol=0)
        differing = others[others["value"].notna() & ~equal]
        if len(differing):
            problems.append(_different(sheet, first, differing.iloc[0], len(group)))
        cells.loc[others.index, "rule"] = "duplicate.equal"
        cells.loc[differing.index, "rule"] = "duplicate.different"
    return problems


def _different(sheet: Sheet, one: pd.Series, other: pd.Series, n: int) -> Problem:
    rows = f"rows {sheet.rows[int(one['at'])]} and {sheet.rows[int(other['at'])]}"
    if one["at"] == other["at"]:
        columns = (sheet.column_name(int(each["column"])) for each in (one, other))
        rows = f"row {sheet.rows[int(one['at'])]}, columns {' and '.join(columns)}"
    return Problem(
        sheet.file,
        "duplicate.different",
        f"{n} figures for {one['geo']} in {one['year']} ({one['indicator']}): {rows} "
        f"say {one['raw']} and {other['raw']}",
        "keep one, add them up with --aggregate sum, or name the column that tells the series "
        "apart with --indicator",
        sheet=sheet.name,
        row=sheet.rows[int(other["at"])],
        column=sheet.column_name(int(other["column"])),
        value=str(other["raw"]),
    )


def _no_sum(sheet: Sheet, name: str) -> Problem:
    return Problem(
        sheet.file,
        "aggregate.rate",
        f"{name} is a rate: rates are not added up",
        "give one figure per territory and year, or amounts instead of rates",
        sheet=sheet.name,
    )


def _totals_among(
    used: pd.DataFrame, sheet: Sheet, roles: Roles, said: Declaration
) -> list[Problem]:
    """A column in which some rows are the total of others: added up they would count twice."""
    if accepts(said, "aggregate.total"):
        return []
    words = {plain(word) for word in declared("places")["totals"]} | {"t", "tot", "all", "tous"}
    at = sorted(set(used["at"]))
    problems = []
    for column in range(len(sheet.header)):
        if column in (roles.geo, *roles.ids):
            continue
        texts = {row: shown(sheet.cells[row][column]) for row in at}
        called = {text for text in set(texts.values()) if plain(text) in words}
        totals = [row for row, text in texts.items() if text in called]
        if not 0 < len(totals) < len(at):
            continue
        problems.append(
            Problem(
                sheet.file,
                "aggregate.total",
                f"a total among the rows that are added up ({counted(len(totals), 'such row')})",
                "delete the totals, or accept that they are none with --accept aggregate.total",
                "question",
                sheet.name,
                sheet.rows[totals[0]],
                sheet.column_name(column),
                shown(sheet.cells[totals[0]][column]),
            )
        )
    return problems


def _same_operation_twice(
    used: pd.DataFrame, sheet: Sheet, roles: Roles, said: Declaration
) -> list[Problem]:
    """Rows equal in every column: an operation entered twice would be counted twice."""
    if accepts(said, "operation.repeated"):
        return []
    rows = pd.Series(sorted(set(used["at"])))
    contents = rows.map(lambda at: str(sheet.cells[at]))
    twice = rows[contents.duplicated()]
    if twice.empty:
        return []
    at = int(twice.iloc[0])
    before = int(rows[contents == contents[twice.index[0]]].iloc[0])
    return [
        Problem(
            sheet.file,
            "operation.repeated",
            f"equal to row {sheet.rows[before]} in every column "
            f"({counted(len(twice), 'such row')}); all are added up",
            "delete the repeats, or accept them with --accept operation.repeated",
            "question",
            sheet.name,
            sheet.rows[at],
        )
    ]
