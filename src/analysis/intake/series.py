"""Units and names of the series of a file."""

from collections.abc import Iterable
from pathlib import PurePath

import pandas as pd

from analysis.intake.checked import Indicator
from analysis.intake.declaration import Declaration, DeclaredIndicator
from analysis.intake.meaning import accepts, shown
from analysis.intake.problems import Problem, shortened
from analysis.intake.sheets import Sheet
from analysis.intake.units import (
    Unit,
    is_bare_multiple,
    is_other_money,
    parse_unit,
    unit_in_header,
    unit_in_lines,
)
from analysis.intake.words import plain, slug

UNIT_HELP = (
    "say it with --unit, as in --unit EUR, --unit k€, --unit %, --unit '% of GDP' or --unit number"
)
UNIT_OF_ONE = "say it in the declaration under indicators (--write-declaration leaves room for it)"
#: What stands in a column UNIT_MULT where a figure is in its unit.
NO_POWER = ("", "0", "0.0", "_Z")
GENERIC = frozenset({"", "value", "valeur", "values", "valeurs", "obs value", "wert", "valor"})


def read_units(
    cells: pd.DataFrame, sheet: Sheet, said: Declaration
) -> tuple[list[Indicator], list[Problem]]:
    """Find the unit of every series; fill ``indicator`` and ``unit``, apply the factor.

    A series with several units in its unit column is several indicators.
    """
    indicators: list[Indicator] = []
    problems: list[Problem] = []
    cells["unit"] = pd.Series([None] * len(cells), index=cells.index, dtype=object)
    cells["indicator"] = ""
    pairs = cells[["series", "unit_text"]].drop_duplicates().itertuples(index=False)
    groups = [(series, text) for series, text in pairs]
    texts_of: dict[str, list[str]] = {}
    for series, text in groups:
        texts_of.setdefault(series, []).append(text)
    single = len(texts_of) == 1
    for series, text in groups:
        mine = (cells["series"] == series) & (cells["unit_text"] == text)
        spoken = said.indicators.get(series, DeclaredIndicator())
        written, found = _unit_of(cells[mine], sheet, said, spoken)
        problems += found
        unit = _known_unit(written, spoken.kind or said.kind)
        several = len([each for each in texts_of[series] if each]) > 1
        name = _name(series, spoken, said, sheet.file, single)
        name = f"{name}_{slug(written)}"[:60] if several and name else name
        if unit is None or not name:
            todo = UNIT_HELP if single else UNIT_OF_ONE
            problems += _missing_facts(sheet, series, written, unit, name, cells[mine], todo)
            # The file is refused; what else is wrong with it is looked for all the same.
            cells.loc[mine, "indicator"] = name or series
            blank = Unit(written, "count")
            cells.loc[mine, "unit"] = pd.Series([blank] * int(mine.sum()), cells.index[mine])
            continue
        denominator = spoken.denominator or said.denominator or unit.denominator
        if unit.kind == "rate" and not denominator:
            denominator = "population"
        # Two series of one name are a problem below; they must not look like repeats besides.
        twins = sum(each.name == name for each in indicators)
        cells.loc[mine, "indicator"] = f"{name}#{twins}" if twins else name
        cells.loc[mine, "unit"] = pd.Series([unit] * int(mine.sum()), index=cells.index[mine])
        if unit.factor != 1:
            cells.loc[mine, "value"] *= unit.factor
        indicators.append(
            Indicator(name, series, unit.name, unit.kind, written, unit.factor, denominator)
        )
    problems += _same_names(sheet, indicators)
    return indicators, problems


def _unit_of(
    mine: pd.DataFrame, sheet: Sheet, said: Declaration, spoken: DeclaredIndicator
) -> tuple[str, list[Problem]]:
    """The unit text of a series, from the first place that says one; contradictions are asked."""
    header = sheet.header[int(mine["column"].iloc[0])]
    series = str(mine["series"].iloc[0])
    numbers = mine[mine["value"].notna()]
    percent = bool(len(numbers)) and bool(numbers["percent"].any())
    suffixes = sorted({each for each in numbers["suffix"] if each})
    lines = unit_in_lines((*sheet.above, *sheet.below))
    places = [
        ("the declaration", spoken.unit or said.unit),
        ("the unit column", str(mine["unit_text"].iloc[0])),
        ("the header", unit_in_header(series) or unit_in_header(header)),
        ("the cells", "%" if percent else (suffixes[0] if len(suffixes) == 1 else "")),
        ("the lines around the table", lines[0] if len(lines) == 1 else ""),
    ]
    spoken_for = [(place, text) for place, text in places if text]
    if not spoken_for:
        return "", _partly_percent(mine, sheet, said)
    (first, written), *rest = spoken_for
    asked = _partly_percent(mine, sheet, said)
    for place, text in rest:
        one, other = parse_unit(written), parse_unit(text)
        if one and other and not _agree(one, other) and not accepts(said, "unit.contradicted"):
            asked.append(
                Problem(
                    sheet.file,
                    "unit.contradicted",
                    f"{first} says {written!r} but {place} says {text!r}",
                    "correct one, or keep the first with --accept unit.contradicted",
                    "question",
                    sheet.name,
                    None,
                    header,
                )
            )
    return written, asked


def multiplied(sheet: Sheet, said: Declaration) -> list[Problem]:
    """A question where a column of SDMX says that figures stand for multiples of their unit."""
    position = next((at for at, name in enumerate(sheet.header) if name == "UNIT_MULT"), None)
    if position is None or accepts(said, "unit.multiplier"):
        return []
    powers = [(at, shown(row[position])) for at, row in enumerate(sheet.cells)]
    odd = [(at, power) for at, power in powers if power not in NO_POWER]
    if not odd:
        return []
    at, power = odd[0]
    return [
        Problem(
            sheet.file,
            "unit.multiplier",
            f"the figures are in units times ten to this power ({len(odd)} of {len(powers)} rows)",
            "say the unit with its multiple, as in --unit M€, and --accept unit.multiplier",
            "question",
            sheet.name,
            sheet.rows[at],
            sheet.column_name(position),
            power,
        )
    ]


def _agree(one: Unit, other: Unit) -> bool:
    """Equal, or both percentages, of which one does not say of what."""
    both_percent = one.name.startswith("PC") and other.name.startswith("PC")
    return one == other or (both_percent and "PC" in (one.name, other.name))


def _partly_percent(mine: pd.DataFrame, sheet: Sheet, said: Declaration) -> list[Problem]:
    numbers = mine[mine["value"].notna() & (mine["value"] != 0)]
    if not numbers["percent"].any() or numbers["percent"].all():
        return []
    if accepts(said, "unit.partly-percent"):
        return []
    odd = numbers[numbers["percent"] != (numbers["percent"].mean() > 0.5)].iloc[0]
    return [
        Problem(
            sheet.file,
            "unit.partly-percent",
            f"{int(numbers['percent'].sum())} of {len(numbers)} cells have a percent sign",
            "write all alike, or accept that all are percentages with --accept unit.partly-percent",
            "question",
            sheet.name,
            sheet.rows[int(odd["at"])],
            sheet.column_name(int(odd["column"])),
            shown(odd["raw"]),
        )
    ]


def _known_unit(written: str, kind: str | None) -> Unit | None:
    unit = parse_unit(written) if written else None
    if unit is not None:
        return unit
    if written and kind and not is_other_money(written) and not is_bare_multiple(written):
        return Unit(written, kind)  # type: ignore[arg-type]
    return None


def _missing_facts(
    sheet: Sheet, series: str, written: str, unit: Unit | None, name: str, mine: pd.DataFrame,
    todo: str,
) -> list[Problem]:  # fmt: skip
    header = sheet.header[int(mine["column"].iloc[0])]
    what = f"series {series!r}" if series else "the figures"
    faults = []
    if unit is None:
        faults.append(_unit_fault(what, written, todo))
    if not name:
        faults.append(
            (
                "indicator.name",
                f"{what}: no name of two letters a to z or more",
                "name it with --name, or in the declaration under indicators",
            )
        )
    return [
        Problem(sheet.file, *fault, sheet=sheet.name, column=header, value=shortened(written))
        for fault in faults
    ]


def _unit_fault(what: str, written: str, todo: str) -> tuple[str, str, str]:
    if not written:
        return "unit.missing", f"{what}: no unit is given", todo
    if is_other_money(written):
        return (
            "unit.currency",
            f"{what}: not in euros",
            "convert to euros first; nothing is guessed",
        )
    if is_bare_multiple(written):
        return "unit.multiple", f"{what}: a multiple, but of what?", todo
    return (
        "unit.unknown",
        f"{what}: this unit is not known",
        "say what it is with --kind count, money, rate or index, or another --unit",
    )


def _name(
    series: str, spoken: DeclaredIndicator, said: Declaration, file: str, single: bool
) -> str:
    if spoken.name or (single and said.name):
        return spoken.name or said.name
    unit = unit_in_header(series)
    bare = series.replace(f"({unit})", "").replace(f"[{unit}]", "") if unit else series
    if plain(bare) in GENERIC:
        bare = PurePath(file).name.split(".")[0] if single else ""
    name = slug(bare)[:60].rstrip("_")
    return name if len(name) > 1 and any(letter.isalpha() for letter in name[1:]) else ""


def _same_names(sheet: Sheet, indicators: Iterable[Indicator]) -> list[Problem]:
    first: dict[str, Indicator] = {}
    problems = []
    for each in indicators:
        if each.name in first:
            problems.append(
                Problem(
                    sheet.file,
                    "indicator.name",
                    f"series {first[each.name].label!r} and {each.label!r} have one name, "
                    f"{each.name}",
                    "name them in the declaration under indicators",
                    sheet=sheet.name,
                )
            )
        first.setdefault(each.name, each)
    return problems
