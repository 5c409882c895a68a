"""The columns a user's indicator becomes: names, labels, units, and what they may serve as."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from analysis import CompendiumError
from analysis.intake.checked import Checked, Indicator
from analysis.intake.declaration import Declaration, DeclaredIndicator
from analysis.intake.join import UNPLACED, Placed, as_column
from analysis.languages import LANGUAGES, catalogue
from analysis.panel.codebook import Variable, variables
from analysis.panel.territories import NUTS_VERSION

PER_MILLION, PER_HEAD = "per_million", "per_head"
#: Beginnings that the notebooks give to columns they compute.
_TAKEN = ("log_", "level_", "growth_", "x_", "dose", "lag_", "erdf_x_")
_SHORTEST = 3
_CONTROL = 32


@dataclass(frozen=True)
class Column:
    """A new column of the panel: its declaration, and how it comes from the placed figures.

    per: persons by which the figures are divided, 0 for the figures themselves.
    """

    variable: Variable
    per: int = 0


def columns_of(checked: Checked, indicator: Indicator, declared: Declaration) -> list[Column]:
    """The columns an indicator becomes.

    Money: itself and per head, which may serve as the fund (``treatment``). A count: itself and
    per million inhabitants. A rate or an index: itself.

    Raises CompendiumError for a name that the notebooks use for something else.
    """
    name = indicator.name
    if len(name) < _SHORTEST or name.startswith(_TAKEN):
        raise CompendiumError(
            f"{checked.file}: {name!r} cannot be the name of an indicator: give three letters or "
            f"more, not beginning with {', '.join(_TAKEN)} (name: in the declaration)"
        )
    labels = _labels(indicator, declared)
    units = {lang: _unit(indicator.unit, lang) for lang in LANGUAGES}
    tables = ("regions", "countries")
    made = {
        "money": [(name, 0, ("control",)), (f"{name}_{PER_HEAD}", 1, ("treatment", "input"))],
        "count": [
            (name, 0, ("outcome",)),
            (f"{name}_{PER_MILLION}", 1_000_000, ("outcome", "input", "control")),
        ],
    }.get(indicator.kind, [(name, 0, _roles_of_rate(indicator))])
    return [
        Column(_variable(checked, indicator, column, per, roles, labels, units, tables), per)
        for column, per, roles in made
    ]


def main_column(indicator: Indicator) -> str:
    """The column that a question about the indicator is asked of: per head where it is a sum."""
    ending = {"money": f"_{PER_HEAD}", "count": f"_{PER_MILLION}"}.get(indicator.kind, "")
    return indicator.name + ending


def _roles_of_rate(indicator: Indicator) -> tuple[str, ...]:
    """Money per head is a fund; what is a fund is nothing to be explained."""
    money = indicator.unit in ("EUR_HAB", "PPS_HAB")
    return ("treatment", "input", "control") if money else ("outcome", "input", "control")


def _variable(
    checked: Checked,
    indicator: Indicator,
    name: str,
    per: int,
    roles: tuple[str, ...],
    labels: Mapping[str, str],
    units: Mapping[str, str],
    tables: tuple[str, ...],
) -> Variable:
    form = {0: "", 1: PER_HEAD, 1_000_000: PER_MILLION}[per]
    said = {}
    for lang in LANGUAGES:
        words = catalogue("intake", lang)
        label, unit = labels[lang], units[lang]
        if form:
            label = words.text(f"own.label_{form}", label=label)
            unit = words.text(f"own.unit_{form}", unit=unit)
        said[lang] = (label, unit)
    kind = {"money": "count"}.get(indicator.kind, indicator.kind)
    return Variable(
        name=name,
        label_en=said["en"][0],
        label_fr=said["fr"][0],
        unit_en=said["en"][1],
        unit_fr=said["fr"][1],
        kind="derived" if per else kind,
        source=f"{_plain(checked.file)} (SHA-256 {checked.sha256[:12]})",
        transformation=f"{indicator.name} / population" if per else _transformation(indicator),
        denominator="" if per else indicator.denominator,
        roles=roles,
        tables=tables,
    )


def _transformation(indicator: Indicator) -> str:
    if indicator.kind in ("rate", "index"):
        return f"brought; averaged by {indicator.denominator or 'population'}"
    return "brought; split by population"


def _labels(indicator: Indicator, declared: Declaration) -> dict[str, str]:
    """The labels declared, else the file's own words, else the name."""
    said = next(
        (
            one
            for key, one in declared.indicators.items()
            if key == indicator.label or one.name == indicator.name
        ),
        DeclaredIndicator(),
    )
    fallback = _plain(_without_unit(indicator)) or indicator.name
    return {
        "en": _plain(said.label_en) or _plain(said.label_fr) or fallback,
        "fr": _plain(said.label_fr) or _plain(said.label_en) or fallback,
    }


def _without_unit(indicator: Indicator) -> str:
    """The file's words without the unit in brackets, which the figures may no longer be in."""
    words, _, unit = indicator.label.rstrip(" )]").rpartition(
        "(" if "(" in indicator.label else "["
    )
    return words if words and unit == indicator.written_unit else indicator.label


def _plain(text: str) -> str:
    """Text of a user fit for titles and tables: one line, no mark-up, no formula at its head."""
    line = "".join(
        char if ord(char) >= _CONTROL and char not in "<>`$\\{}" else " " for char in text
    )
    return " ".join(line.split()).lstrip("=+-@ ")[:120]


def _unit(unit: str, lang: str) -> str:
    words = catalogue("intake", lang)
    try:
        return words.text(f"unit.{unit}")
    except KeyError:  # a unit said in the user's own words
        return _plain(unit)


def per_head_lost(placed: Placed, regions: pd.DataFrame) -> pd.DataFrame:
    """Figures that stand in the panel as they are but not per head (``join.UNPLACED``).

    The residents of their year are not known.
    """
    indicator = placed.indicator
    column = main_column(indicator)
    if column == indicator.name or column not in regions or indicator.name not in regions:
        return pd.DataFrame(columns=list(UNPLACED))
    lost = regions[regions[indicator.name].notna() & regions["population"].isna()]
    lost = lost[lost["level"].eq(lost["level"].max())]
    return pd.DataFrame(
        {
            "indicator": column,
            "geo": lost["geo"],
            "geo_version": NUTS_VERSION,
            "nuts_level": lost["level"],
            "year": lost["year"],
            "value": lost[indicator.name],
            "source_row": pd.NA,
            "why": f"residents of that year are not known: {indicator.name} is there, not {column}",
        }
    ).reindex(columns=list(UNPLACED))


def with_column(table: pd.DataFrame, column: Column, placed: Placed) -> pd.DataFrame:
    """A panel table with the column at its end; CompendiumError where the name is taken."""
    name = column.variable.name
    if name in table or name in variables():
        raise CompendiumError(
            f"{name!r} is a column of the panel already; give the indicator another name"
        )
    unit = "geo" if "geo" in table else "country"
    values = as_column(placed.levels, table, unit)
    if column.per:
        values = column.per * values / table["population"].to_numpy(dtype=float)
    return table.assign(**{name: values})
