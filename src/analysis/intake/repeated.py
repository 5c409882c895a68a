"""Several figures for one territory, year and series: added up, taken once, or refused."""

import numpy as np
import pandas as pd

from analysis.intake.checked import Indicator
from analysis.intake.declaration import Declaration
from analysis.intake.layout import Roles
from analysis.intake.meaning import accepts, counted
from analysis.intake.problems import Problem
from analysis.intake.sheets import Sheet

KEY = ["geo", "geo_version", "year", "indicator"]


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
) -> tuple[pd.DataFrame, list[Problem], list[str]]:  # fmt: skip
    """One figure per key: the figures, problems, and what was understood.

    cells: the long table; cells not in use (``rule``) are left alone, those found to be repeats
    get a rule. Figures added up have the row of their first cell; missing ones count as nothing
    booked unless all are missing.
    """
    used = cells[cells["rule"] == ""]
    sums = said.aggregate == "sum" or is_list_of_operations(used, sheet, roles)
    if not sums:
        problems = _take_once(cells, used, sheet)
        return cells[cells["rule"] == ""], problems, []
    repeated = used.duplicated(KEY, keep=False)
    rates = {each.name for each in indicators if each.kind in ("rate", "index")}
    problems = [
        _no_sum(sheet, name) for name in sorted(set(used.loc[repeated, "indicator"]) & rates)
    ]
    problems += _same_operation_twice(used, sheet, roles, said)
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
    note = f"{rows} rows are added up by territory and year ({len(figures)} figures)"
    return figures, problems, [note]


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
