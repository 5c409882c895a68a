"""Countries × years × fields of technology: PCT patent applications (OECD)."""

from collections.abc import Mapping

import pandas as pd

from analysis.panel.territories import country_from_iso3

Raw = Mapping[str, pd.DataFrame]

#: Field → variable code of the OECD. The fields overlap (a patent on batteries for cars counts in
#: energy and in transport) and leave most of chemistry and mechanics out: they are no partition.
FIELDS = {
    "ai": "PCTAI_NB",
    "biotechnology": "PCTBIOT_NB",
    "buildings": "PCTBUILD_NB",
    "carbon_capture": "PCTGHG_NB",
    "climate_adaptation": "PCTADAPT_NB",
    "energy": "PCTENE_NB",
    "goods_production": "PCTMAN_NB",
    "ict": "PCTICT_NB",
    "medical": "PCTMEDT_NB",
    "nanotechnology": "PCTNANO_NB",
    "pharmaceuticals": "PCTPHARM_NB",
    "transport": "PCTTRA_NB",
}


def build_technologies(raw: Raw) -> pd.DataFrame:
    """Long panel ``country, year, technology, pct_patents``, sorted; as published.

    Countries of the OECD's table, by Eurostat's code or ISO 3166 alpha-3.
    """
    patents = raw["oecd_patents"]
    names = {code: field for field, code in FIELDS.items()}
    keep = patents["dataset"].eq("sti_patents") & patents["geo_version"].eq("ISO3")
    rows = patents[keep & patents["indicator"].isin(list(names)) & patents["value"].notna()]
    iso3 = rows["geo"].astype(str)
    frame = pd.DataFrame(
        {
            "country": country_from_iso3(iso3).fillna(iso3),
            "year": rows["year"].astype("int16"),
            "technology": rows["indicator"].astype(str).map(names),
            "pct_patents": rows["value"].astype(float),
        }
    )
    return frame.sort_values(["country", "year", "technology"], ignore_index=True)
