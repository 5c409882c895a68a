"""Figures that can be read but hardly believed: asked about, never changed."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis.intake.checked import Indicator
from analysis.intake.declaration import Declaration
from analysis.intake.meaning import accepts, counted
from analysis.intake.problems import Problem
from analysis.intake.sheets import Sheet

#: A figure so many times another is asked about ("a thousand times", with room for growth).
THOUSANDFOLD = 300.0
#: Figures in common with the carried column, below which scales are not compared.
ENOUGH = 5


def suspicions(
    figures: pd.DataFrame, indicators: Sequence[Indicator], sheet: Sheet, said: Declaration,
    panel: pd.DataFrame | None = None,
) -> list[Problem]:  # fmt: skip
    """A question for each thing that is hard to believe and that nobody accepted.

    figures: ``geo, year, indicator, value, at, column``. panel: ``geo, year`` and the carried
    columns; one that has the name of an indicator is compared with it.
    """
    problems = []
    for indicator in indicators:
        mine = figures[(figures["indicator"] == indicator.name) & figures["value"].notna()]
        if mine.empty:
            continue
        for test in (_beyond_one, _negative, _all_zero, _jumps, _outlying):
            problems += [_question(sheet, *found) for found in test(mine, indicator)]
        if panel is not None and indicator.name in panel.columns:
            problems += [_question(sheet, *each) for each in _other_scale(mine, panel, indicator)]
    return [each for each in problems if not accepts(said, each.rule)]


Found = tuple[str, str, "pd.Series | None"]


def _question(sheet: Sheet, rule: str, message: str, cell: "pd.Series | None") -> Problem:
    row = sheet.rows[int(cell["at"])] if cell is not None else None
    column = sheet.column_name(int(cell["column"])) if cell is not None else ""
    value = "" if cell is None else _text(sheet.cells[int(cell["at"])][int(cell["column"])])
    return Problem(
        sheet.file,
        rule,
        message,
        f"correct it, or accept it with --accept {rule}",
        "question",
        sheet.name,
        row,
        column,
        value,
    )


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)


def _beyond_one(mine: pd.DataFrame, indicator: Indicator) -> Iterator[Found]:
    limits = {"SHARE": (1.0, "a share above 1"), "PC": (100.0, "a percentage above 100")}
    name = "PC" if indicator.unit.startswith("PC_") else indicator.unit
    if name in limits and (beyond := mine[mine["value"] > limits[name][0]]).size:
        yield "scale.share", f"{limits[name][1]} ({counted(len(beyond))})", beyond.iloc[0]
    small = mine["value"].abs().max()
    if indicator.unit == "PC" and 0 < small <= 1 and len(mine) >= ENOUGH:
        yield (
            "scale.fraction",
            f"{indicator.name}: no percentage is above 1; shares (0 to 1) taken for percentages?",
            None,
        )


def _negative(mine: pd.DataFrame, indicator: Indicator) -> Iterator[Found]:
    below = mine[mine["value"] < 0]
    if indicator.kind in ("count", "money") and len(below):
        what = "count" if indicator.kind == "count" else "amount"
        yield f"negative.{what}", f"a negative {what} ({counted(len(below))})", below.iloc[0]


def _all_zero(mine: pd.DataFrame, indicator: Indicator) -> Iterator[Found]:
    if len(mine) > 1 and (mine["value"] == 0).all():
        yield "zero.all", f"{indicator.name}: all {len(mine)} figures are 0", None


def _jumps(mine: pd.DataFrame, indicator: Indicator) -> Iterator[Found]:
    """A territory's figure a thousand times that of the year before or after."""
    ordered = mine[mine["value"] > 0].sort_values(["geo", "year"])
    ratio = ordered["value"] / ordered.groupby("geo")["value"].shift()
    jump = ordered[(ratio >= THOUSANDFOLD) | (ratio <= 1 / THOUSANDFOLD)]
    if len(jump):
        first = jump.iloc[0]
        size = float(ratio[jump.index[0]])
        words = f"{size:,.0f} times" if size > 1 else f"1/{1 / size:,.0f} of"
        yield (
            "scale.jump",
            f"{first['geo']} {first['year']} is {words} its year before ({counted(len(jump))})",
            first,
        )


def _outlying(mine: pd.DataFrame, indicator: Indicator) -> Iterator[Found]:
    """A territory a thousand times the median and far above the next largest."""
    typical = mine[mine["value"] > 0].groupby("geo")["value"].median().sort_values()
    if len(typical) < ENOUGH:
        return
    largest, second = float(typical.iloc[-1]), float(typical.iloc[-2])
    if largest >= THOUSANDFOLD * float(typical.median()) and largest >= 50 * second:
        cell = mine[mine["geo"] == typical.index[-1]].iloc[0]
        yield (
            "scale.outlier",
            f"{typical.index[-1]} is {largest / float(typical.median()):,.0f} times the median "
            "of the territories",
            cell,
        )


def _other_scale(mine: pd.DataFrame, panel: pd.DataFrame, indicator: Indicator) -> Iterator[Found]:
    """All figures a power of a thousand (or a hundred) times those of the carried column."""
    others = panel[["geo", "year", indicator.name]]
    others = others.rename(columns={indicator.name: "value_carried"})
    both = mine.merge(others, on=["geo", "year"])
    both = both[(both["value"] > 0) & (both["value_carried"] > 0)]
    if len(both) < ENOUGH:
        return
    ratio = float((both["value"] / both["value_carried"]).median())
    for power in (1e-9, 1e-6, 1e-3, 1e-2, 1e2, 1e3, 1e6, 1e9):
        if abs(np.log10(ratio / power)) < 0.25:
            words = f"{power:,.0f} times" if power > 1 else f"1/{1 / power:,.0f} of"
            yield (
                "scale.column",
                f"{indicator.name}: the figures are about {words} the carried ones "
                f"({len(both)} in common)",
                None,
            )
