"""Links between territories: shared projects of Interreg (regions) and Horizon 2020 (countries)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.panel.codes import COUNTRIES
from analysis.panel.territories import Passage

Raw = Mapping[str, pd.DataFrame]


def build_links(raw: Raw, passage: Passage) -> pd.DataFrame:
    """Undirected links, one row per network, theme, period, year and pair, sorted.

    Columns ``source, theme, period, year, from_geo, to_geo, n_projects`` with from_geo < to_geo.
    Interreg pairs are on the map of NUTS 2013; a code of another version is split by population,
    which can give fractions of a project.
    """
    regional = _interreg(raw, passage)
    national = raw["cordis_country_links"].rename(
        columns={"country_a": "from_geo", "country_b": "to_geo"}
    )
    national = national.assign(source="h2020", theme="all", period="2014-2020")
    columns = ["source", "theme", "period", "year", "from_geo", "to_geo", "n_projects"]
    frame = pd.concat([regional[columns], national[columns]], ignore_index=True)
    frame = frame.astype({"year": "int16", "n_projects": float})
    swap = frame["from_geo"] > frame["to_geo"]
    pair = frame[["from_geo", "to_geo"]].to_numpy()
    frame[["from_geo", "to_geo"]] = np.where(swap.to_numpy()[:, None], pair[:, ::-1], pair)
    frame = frame[frame["from_geo"] != frame["to_geo"]]
    return frame.groupby(columns[:-1], as_index=False)["n_projects"].sum()


def _interreg(raw: Raw, passage: Passage) -> pd.DataFrame:
    links = raw["interreg_links"]
    inside = links["geo_a"].str[:2].isin(COUNTRIES) & links["geo_b"].str[:2].isin(COUNTRIES)
    links = links[inside].assign(source="interreg")
    moved = []
    for version, group in links.groupby("geo_version", sort=True):
        if version == "":
            continue
        shares = passage.to_2013(str(version))
        long = shares.rename_axis(index="origin", columns="geo").stack().rename("share")
        long = long[long > 0].reset_index()
        both = group.merge(long, left_on="geo_a", right_on="origin")
        both = both.merge(long, left_on="geo_b", right_on="origin", suffixes=("_from", "_to"))
        both["n_projects"] = both["n_projects"] * both["share_from"] * both["share_to"]
        moved.append(both.rename(columns={"geo_from": "from_geo", "geo_to": "to_geo"}))
    return pd.concat(moved, ignore_index=True)
