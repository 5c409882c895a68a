"""The OECD's SDMX interface, for the Main Science and Technology Indicators.

The carried variables (``G_XGDP``) are named there by a measure and a unit (``G.PT_B1GQ``). Prices
and transformations are left out of the key: the shares and counts asked for have none.
"""

from urllib.parse import quote

import pandas as pd

from analysis.sources.declared import DeclaredDataset, Query
from analysis.sources.fetch.grid import grid_of, require
from analysis.sources.fetch.problems import FetchError
from analysis.sources.fetch.published import Published
from analysis.sources.fetch.session import CSV, Question, Session

#: Columns of the answer, of which REF_AREA … OBS_VALUE must be there.
NEEDED = ["REF_AREA", "FREQ", "MEASURE", "UNIT_MEASURE", "TIME_PERIOD", "OBS_VALUE"]
PLAIN = ("", "_Z")


def fetch(query: Query, base: str, dataset: DeclaredDataset, session: Session) -> Published:
    """All observations of the series of ``query``, yearly, for every country, latest version."""
    measures, units = (
        "+".join(sorted({name.split(".")[place] for name in query.series.values()}))
        for place in (0, 1)
    )
    address = (
        f"{base}/data/{quote(query.code, safe=',@.')},/.A.{measures}.{units}.."
        "?dimensionAtObservation=AllDimensions&format=csvfile"
    )
    where = f"OECD {query.code}"
    accept = "text/csv, application/vnd.sdmx.data+csv, */*;q=0.1"
    answer = session.answer(Question(address, dataset.code, accept, CSV))
    frame = grid_of(answer.text, where)
    require(frame, NEEDED, where)
    return Published(_carried_form(frame, query, where), answer.updated)


def _carried_form(frame: pd.DataFrame, query: Query, where: str) -> pd.DataFrame:
    """Rows of the series asked for, under the names of the carried columns."""
    carried = {name: variable for variable, name in query.series.items()}
    variable = (frame["MEASURE"] + "." + frame["UNIT_MEASURE"]).map(carried)
    frame = frame.assign(var=variable)[variable.notna()].reset_index(drop=True)
    for column, plain in (("UNIT_MULT", ("", "0")), ("PRICE_BASE", PLAIN),
                          ("TRANSFORMATION", PLAIN)):  # fmt: skip
        _refuse_scaled(frame, column, plain, where)
    flags = [frame.get(f"OBS_STATUS{n}", pd.Series("", frame.index)) for n in ("", "_2", "_3")]
    return pd.DataFrame(
        {
            "location": frame["REF_AREA"],
            "time": frame["TIME_PERIOD"],
            "var": frame["var"],
            "value": frame["OBS_VALUE"],
            "flag": sum(flags[1:], flags[0]).where(lambda flag: flag != "A", ""),
            "flag2": "",
            "unit_measure": "",
            "unit_mult": "",
        }
    )


def _refuse_scaled(frame: pd.DataFrame, column: str, plain: tuple[str, ...], where: str) -> None:
    """The carried units have no multiplier, price base or transformation: nor may the answer."""
    if column not in frame:
        return
    other = frame[~frame[column].isin(plain)]
    if len(other):
        first = other.iloc[0]
        raise FetchError(
            f"{where}: {column} is {first[column]} for {first['var']} "
            f"({first['REF_AREA']}, {first['TIME_PERIOD']}); the carried figures have none"
        )
