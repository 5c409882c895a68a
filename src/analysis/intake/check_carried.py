"""A vintage of a carried dataset: read as the catalogue says its columns are to be read."""

import re

import pandas as pd

from analysis import CompendiumError
from analysis.intake import carried
from analysis.intake.checked import OBSERVATION_COLUMNS, CarriedDataset
from analysis.intake.declaration import Declaration
from analysis.intake.draft import Draft
from analysis.intake.gazetteer import Gazetteer
from analysis.intake.meaning import accepts
from analysis.intake.periods import FIRST_YEAR, LAST_YEAR
from analysis.intake.problems import Problem
from analysis.intake.sheets import Sheet
from analysis.sources.declared import DeclaredDataset
from analysis.sources.observations import observations

NOT_IN_PANEL = (
    "no column of the panel is made of {code}: with this file its figures stay as they are; only "
    "what reads the published tables themselves changes"
)
_YEAR = re.compile(r"(\d{4}(-\d{4})?)?")


def check_carried(
    sheet: Sheet, found: CarriedDataset, said: Declaration, known: Gazetteer
) -> Draft:
    """Observations as the compiler of ``data/raw`` makes them, each with its row.

    A table of records (projects, links between regions) has no observations; its rows are all
    used, and its reader judges them when the vintage takes the place of the carried one.
    """
    dataset = carried.declared_dataset(found)
    frame = carried.text_frame(sheet)
    pairs = [("recognised as", f"{found.code} ({found.table}): {found.evidence}")]
    notes = [] if carried.is_in_panel(found) else [NOT_IN_PANEL.format(code=found.code)]
    if dataset.layout is None:
        draft = Draft.of_nothing(sheet, [])
        draft.understood += pairs
        draft.notes += notes
        return draft
    cells = carried.cell_rules(frame, dataset)
    problems = _cell_problems(sheet, frame, cells, dataset)
    positions = {header: position for position, header in enumerate(sheet.header)}
    cells = cells.assign(
        column=cells["column"].map(positions),
        raw=cells["value"].where(cells["value"] != "", None),
        geo=frame[dataset.layout.geo].to_numpy()[cells["at"]],
    )
    draft = Draft(cells, pd.DataFrame(columns=list(OBSERVATION_COLUMNS)), problems)
    draft.understood += pairs
    draft.notes += notes
    if not problems:
        _read_figures(draft, sheet, frame, dataset, known)
        if not draft.figures.empty:
            old = carried.carried_figures(found)
            draft.problems += _scale(draft.figures, old, sheet, said)
            draft.problems += _withdrawn(draft.figures, old, sheet, said)
    return draft


def _cell_problems(
    sheet: Sheet, frame: pd.DataFrame, cells: pd.DataFrame, dataset: DeclaredDataset
) -> list[Problem]:
    """Every cell in use that is no number, every year that is none."""
    layout = dataset.layout
    assert layout is not None
    used = cells[cells["rule"] == ""]
    number = pd.to_numeric(used["value"].where(used["value"] != ""), errors="coerce")
    bad = used[number.isna() & (used["value"] != "")]
    problems = [
        _problem(
            sheet,
            int(cell.at),
            str(cell.column),
            str(cell.value),
            "number.unreadable",
            "not a number as the publisher writes them",
            "write digits and a decimal point",
        )
        for cell in bad.itertuples(index=False)
    ]
    if isinstance(layout.year, str):
        year = frame[layout.year].iloc[sorted(set(used["at"]))]
        wrong = year[~year.map(_is_year)]
        problems += [
            _problem(
                sheet,
                int(at),
                layout.year,
                str(text),
                "year.unreadable",
                f"not a year (2007) or a period (2007-2013) within {FIRST_YEAR}-{LAST_YEAR}",
                "write it so",
            )
            for at, text in wrong.items()
        ]
    return problems


def _is_year(text: str) -> bool:
    years = [int(year) for year in text.split("-") if year] if _YEAR.fullmatch(text) else [0]
    return all(FIRST_YEAR <= year <= LAST_YEAR for year in years)


def _problem(
    sheet: Sheet, at: int, header: str, value: str, rule: str, message: str, todo: str
) -> Problem:
    column = sheet.column_name(sheet.header.index(header))
    return Problem(
        sheet.file, rule, message, todo, "error", sheet.name, sheet.rows[at], column, value
    )


def _read_figures(
    draft: Draft, sheet: Sheet, frame: pd.DataFrame, dataset: DeclaredDataset, known: Gazetteer
) -> None:
    """The observations, or a problem for each key that several rows have."""
    rows = carried.source_rows(frame, dataset, known.code_lists)
    layout = dataset.layout
    assert layout is not None
    twice = rows[rows.map(len) > 1]
    if len(twice) and not layout.sum_rows:
        draft.problems += [_twice(sheet, key, at) for key, at in twice.items()]
        return
    try:
        found = observations(frame, dataset, known.code_lists).frame
    except CompendiumError as error:
        draft.problems.append(
            Problem(sheet.file, "dataset.unreadable", str(error), "correct the file")
        )
        return
    first = rows.map(min).rename("at").reset_index()
    found = found.merge(first, on=["vintage", *carried.KEY], how="left", validate="1:1")
    levels = found["geo"].str.len() - 2
    draft.figures = found.assign(
        nuts_level=levels.clip(0, 3)
        .where(~found["geo_version"].isin(["ISO2", "ISO3"]), 0)
        .astype("int8"),
        source_row=[sheet.rows[int(at)] for at in found["at"]],
        source_column=layout.measures[0].column,
    )[list(OBSERVATION_COLUMNS)]
    draft.understood += _what_it_holds(draft.figures)
    versions = found.loc[found["geo_version"].str.isdigit(), "geo_version"]
    draft.nuts_version = str(versions.mode().iloc[0]) if len(versions) else ""
    codes = found[["geo", "geo_version"]].drop_duplicates()["geo_version"].value_counts()
    draft.nuts_evidence = tuple(
        f"{count} codes of {'NUTS ' if version.isdigit() else ''}{version or 'no version'}"
        for version, count in sorted(codes.items())
    )


def _twice(sheet: Sheet, key: tuple[object, ...], at: list[int]) -> Problem:
    _, geo, year, indicator, unit = key
    one, other = sorted(at)[:2]
    return Problem(
        sheet.file,
        "duplicate.different",
        f"{len(at)} rows for {geo} in {year} ({indicator} {unit}), the first row {sheet.rows[one]}",
        "keep one",
        sheet=sheet.name,
        row=sheet.rows[other],
    )


def _what_it_holds(figures: pd.DataFrame) -> list[tuple[str, str]]:
    series = len(figures[["indicator", "unit"]].drop_duplicates())
    return [
        ("territories", f"{figures['geo'].nunique()} codes"),
        ("years", f"{figures['year'].min()}-{figures['year'].max()}"),
        ("series", f"{series}, in {', '.join(sorted(set(figures['unit'])))}"),
    ]


def _withdrawn(
    figures: pd.DataFrame, old: pd.DataFrame, sheet: Sheet, said: Declaration
) -> list[Problem]:
    """A question where whole years, countries or series that are carried are not in the file."""
    if accepts(said, "vintage.withdrawn"):
        return []
    new, old = (frame[frame["value"].notna()] for frame in (figures, old))
    parts = {
        "years": (new["year"], old["year"]),
        "countries": (new["geo"].str[:2], old["geo"].str[:2]),
        "series": (new["indicator"] + " " + new["unit"], old["indicator"] + " " + old["unit"]),
    }
    if old["geo_version"].isin(["ISO2", "ISO3"]).any():
        parts["countries"] = (new["geo"], old["geo"])
    gone = {what: sorted(set(before) - set(after)) for what, (after, before) in parts.items()}
    lost = pd.concat([before.isin(gone[what]) for what, (_, before) in parts.items()], axis=1)
    if not lost.any(axis=None):
        return []
    listed = "; ".join(f"{what} {_some(found)}" for what, found in gone.items() if found)
    return [
        Problem(
            sheet.file,
            "vintage.withdrawn",
            f"{int(lost.any(axis=1).sum())} of {len(old)} carried figures are of what the file "
            f"does not have ({listed})",
            "give the whole dataset, or let these figures leave the panel with "
            "--accept vintage.withdrawn",
            "question",
            sheet.name,
        )
    ]


def _some(found: list[object]) -> str:
    """The first and last of many, all of a few."""
    texts = [str(each) for each in found]
    if len(texts) > 4:
        return f"{texts[0]}, {texts[1]}, …, {texts[-1]} ({len(texts)})"
    return ", ".join(texts)


def _scale(
    figures: pd.DataFrame, old: pd.DataFrame, sheet: Sheet, said: Declaration
) -> list[Problem]:
    """A question for each series that stands a power of ten from the carried one."""
    if accepts(said, "scale.column"):
        return []
    both = figures.merge(old, on=carried.KEY, suffixes=("", "_carried"))
    both = both[(both["value"] > 0) & (both["value_carried"] > 0)]
    both = both.assign(ratio=both["value"] / both["value_carried"])
    problems = []
    for (indicator, unit), rows in both.groupby(["indicator", "unit"], sort=True):
        ratio = float(rows["ratio"].median())
        if len(rows) >= 5 and not 1 / 50 < ratio < 50:
            problems.append(
                Problem(
                    sheet.file,
                    "scale.column",
                    f"{indicator} ({unit}): the figures are {ratio:.3g} times the carried ones "
                    f"({len(rows)} in common)",
                    "correct the unit, or accept it with --accept scale.column",
                    "question",
                    sheet.name,
                )
            )
    return problems
