"""What the tables of the panel must look like, checked before they are written and after reading.

Bounds are physical, not statistical: a rate in per cent lies in [0, 100], a count is not negative
(payments may be: recoveries), a territory and year occur once.
"""

import pandas as pd
from pandera.errors import SchemaErrors
from pandera.pandas import Check, Column, DataFrameSchema

from analysis import CompendiumError
from analysis.panel.codebook import variables
from analysis.panel.codes import COUNTRIES

KEYS = {
    "regions": ["level", "geo", "year"],
    "nuts3": ["nuts3", "year"],
    "countries": ["country", "year"],
    "industries": ["level", "geo", "industry", "year"],
    "technologies": ["country", "year", "technology"],
    "performers": ["country", "year", "organisation_type"],
    "eligibility": ["geo", "period"],
    "links": ["source", "theme", "period", "year", "from_geo", "to_geo"],
    "evaluations": ["study", "outcome", "effect_unit"],
}

#: Columns that may be negative: recoveries of payments, signed distances, reported effects.
SIGNED = ("running_centred", "estimate")
_SIGNED_ENDINGS = ("_eur", "_eur_per_head")
#: Rates in per cent that are not shares of a whole and may exceed 100.
_OPEN_RATES = ("real_gdp_index", "running", "gdp_usd_per_head", "disposable_income_pps_per_head")


def schema(table: str, columns: list[str]) -> DataFrameSchema:
    """The pandera schema of one table for the columns it has."""
    return DataFrameSchema(
        {name: _column(name) for name in columns}, unique=KEYS[table], strict=True, ordered=True
    )


def _column(name: str) -> Column:
    variable = variables()[name]
    if variable.kind == "attribute":
        return _attribute(name)
    checks = []
    if name not in SIGNED and not name.endswith(_SIGNED_ENDINGS):
        checks.append(Check.ge(0))
    if variable.kind == "rate" and name not in _OPEN_RATES:
        checks.append(Check.le(100))
    return Column(float, checks, nullable=True)


def _attribute(name: str) -> Column:
    kinds: dict[str, tuple[object, list[Check]]] = {
        "year": ("int16", [Check.in_range(1960, 2100)]),
        "level": ("int8", [Check.isin([0, 1, 2])]),
        "is_capital": (bool, []),
        "lon": (float, [Check.in_range(-180, 180)]),
        "lat": (float, [Check.in_range(-90, 90)]),
    }
    if name in kinds:
        dtype, checks = kinds[name]
        return Column(dtype, checks, nullable=name in ("lon", "lat"))
    if name == "geo":
        return Column(str, [Check.str_matches(f"^({'|'.join(COUNTRIES)})[0-9A-Z]{{0,2}}$")])
    return Column(str, nullable=True)


def check(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame, when it keeps to its schema; CompendiumError naming columns and rows if not."""
    undeclared = [name for name in frame.columns if name not in variables()]
    if undeclared:
        raise CompendiumError(f"{table}: columns not declared in variables.yaml: {undeclared}")
    try:
        return schema(table, list(frame.columns)).validate(frame, lazy=True)
    except SchemaErrors as problem:
        cases = problem.failure_cases[["column", "check", "failure_case", "index"]]
        shown = cases.head(8).to_string(index=False)
        raise CompendiumError(
            f"table '{table}' breaks its schema in {len(cases)} places; the first:\n{shown}"
        ) from None
