"""Small territories (NUTS 3 of 2010) × years: patent applications, the one series this fine."""

from collections.abc import Mapping

import pandas as pd

from analysis.panel.codes import COUNTRIES
from analysis.panel.series import Published, select

Raw = Mapping[str, pd.DataFrame]

#: The map on which the applications are published; they are not converted.
NUTS3_VERSION = "2010"


def build_nuts3(raw: Raw) -> pd.DataFrame:
    """Long panel ``nuts3, year, name, country, patents, patents_per_million``; as published.

    A year without a row had no figure. Applications of unknown place (codes in Z) are left out.
    """
    patents = raw["eurostat_patents"]

    def column(name: str, unit: str) -> pd.DataFrame:
        rows = select(
            patents, Published(name, "eurostat_patents", "pat_ep_rtot", "EPO", unit, "2024-01")
        )
        small = rows["geo"].str.len().eq(5) & rows["geo_version"].eq(NUTS3_VERSION)
        inside = rows["geo"].str[:2].isin(COUNTRIES) & ~rows["geo"].str.endswith("ZZ")
        kept = rows[small & inside].rename(columns={"geo": "nuts3", "value": name})
        return kept[["nuts3", "year", name]]

    frame = column("patents", "NR").merge(
        column("patents_per_million", "P_MHAB"), on=["nuts3", "year"], how="left"
    )
    names = raw["nuts_names"]
    names = names[names["version"].eq(NUTS3_VERSION) & names["level"].eq(3)]
    frame["name"] = frame["nuts3"].map(names.set_index("code")["name_latin"])
    frame["country"] = frame["nuts3"].str[:2]
    return frame.astype({"year": "int16"}).sort_values(["nuts3", "year"], ignore_index=True)
