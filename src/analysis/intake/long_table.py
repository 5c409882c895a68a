"""The cells of the value columns as one long table, whatever the layout of the sheet."""

from collections.abc import Callable

import pandas as pd

from analysis.intake.layout import STATISTICAL, Roles
from analysis.intake.sheets import Cell, Sheet, cell_text

#: Columns of the long table. ``at`` is the position of the row in the sheet, ``column`` that of
#: the value, ``series`` the header, the text of the indicator column, or both.
CELL_COLUMNS = ("at", "column", "geo", "country", "period", "series", "unit_text", "flag", "raw")


def long_table(sheet: Sheet, roles: Roles) -> pd.DataFrame:
    """One row per cell of the value columns: ``CELL_COLUMNS``, in the order of the file."""
    blocks = []
    for position in roles.values:
        period_of, label = _period_reader(roles, position)
        header = sheet.header[position] if not roles.years else label
        beside = roles.flag_beside.get(position)
        flags = roles.flags if beside is None else (*roles.flags, beside)
        blocks.append(
            pd.DataFrame(
                {
                    "at": range(len(sheet.cells)),
                    "column": position,
                    "geo": [cell_text(row[roles.geo]) for row in sheet.cells],
                    "country": _texts(sheet, roles.country),
                    "period": pd.Series([period_of(row) for row in sheet.cells], dtype=object),
                    "series": _series(sheet, roles, header),
                    "unit_text": _texts(sheet, roles.unit),
                    "flag": [
                        "".join(cell_text(row[each]) for each in flags) for row in sheet.cells
                    ],
                    "raw": pd.Series([row[position] for row in sheet.cells], dtype=object),
                }
            )
        )
    table = pd.concat(blocks, ignore_index=True)
    return table.sort_values(["at", "column"], ignore_index=True)


def _period_reader(roles: Roles, position: int) -> tuple[Callable[[tuple[Cell, ...]], Cell], str]:
    if roles.years:
        text, label = roles.years[position]
        return (lambda row: text), label
    year = roles.year
    return (lambda row: row[year] if year is not None else None), ""


def _series(sheet: Sheet, roles: Roles, header: str) -> list[str]:
    """Name of the series of each row: of the indicator columns, else of the header."""
    if not roles.indicator:
        return [header] * len(sheet.cells)
    several = len(roles.values) > 1 and (not roles.years or header)
    # A dimension's value says little without its name: sex F, not F.
    names = [
        f"{sheet.header[each]} " if sheet.kind in STATISTICAL else "" for each in roles.indicator
    ]
    columns = list(zip(names, roles.indicator, strict=True))
    texts = [
        ".".join(f"{name}{cell_text(row[each])}" for name, each in columns if cell_text(row[each]))
        for row in sheet.cells
    ]
    return [f"{text}.{header}" for text in texts] if several else texts


def _texts(sheet: Sheet, position: int | None) -> list[str]:
    if position is None:
        return [""] * len(sheet.cells)
    return [cell_text(row[position]) for row in sheet.cells]
