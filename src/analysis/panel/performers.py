"""Countries × years × kinds of organisation: who takes part in Horizon 2020 and with what money."""

from collections.abc import Mapping

import pandas as pd

Raw = Mapping[str, pd.DataFrame]

#: Measure of CORDIS → column.
MEASURES = {
    "ec_contribution": "h2020_eur",
    "participations": "h2020_participations",
    "projects": "h2020_projects",
    "coordinations": "h2020_coordinations",
    "organisations": "h2020_organisations",
}


def build_performers(raw: Raw) -> pd.DataFrame:
    """One row per country, start year and kind of organisation that takes part, sorted.

    Kinds: HES higher education, REC research institutes, PRC firms, PUB public bodies, OTH others.
    Every country in CORDIS, by its two-letter code; a combination without a row had no participant.
    """
    rows = raw["cordis_h2020"]
    rows = rows[rows["dataset"] == "h2020_country"].astype({"geo": str, "indicator": str})
    parts = rows["indicator"].str.split(".", n=1, expand=True)
    rows = rows.assign(organisation_type=parts[0], measure=parts[1].map(MEASURES))
    keys = ["geo", "year", "organisation_type"]
    wide = rows.pivot(index=keys, columns="measure", values="value")[list(MEASURES.values())]
    frame = wide.rename_axis(columns=None).reset_index().rename(columns={"geo": "country"})
    return frame.astype({"year": "int16"})
