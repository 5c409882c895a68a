"""Rows of a dataset in the form in which its publisher would serve them."""

import json
import re

import numpy as np
import pandas as pd
from publisher_server import Publisher, Reply

from analysis.sources.declared import DeclaredDataset

LAST_UPDATE = "15/11/26 11:00:00"
LAST_MODIFIED = {"Last-Modified": "Sun, 15 Nov 2026 10:00:00 GMT"}


def newer(carried: pd.DataFrame, dataset: DeclaredDataset) -> pd.DataFrame:
    """The last two carried years of each indicator asked for, a year later and revised."""
    assert dataset.query is not None
    last = carried.groupby("indicator")["year"].transform("max")
    rows = carried[carried["year"] >= last - 1]
    if dataset.query.series:
        rows = rows[rows["indicator"].isin(dataset.query.series)]
    if dataset.query.client in ("oecd", "cohesion"):
        rows = rows.assign(flag="")
    rows = rows[rows["value"].notna()]
    return rows.assign(year=(rows["year"] + 1).astype(np.int16), value=rows["value"] * 1.25)


def serve(publisher: Publisher, dataset: DeclaredDataset, rows: pd.DataFrame) -> None:
    """Let the publisher answer the query of a dataset with these rows."""
    assert dataset.query is not None
    {"eurostat": _eurostat, "oecd": _oecd, "worldbank": _worldbank, "cohesion": _cohesion}[
        dataset.query.client
    ](publisher, dataset, rows)


def _csv(columns: dict[str, object], **headers: str) -> Reply:
    return Reply(pd.DataFrame(columns).to_csv(index=False).encode(), headers=headers)


def _eurostat(publisher: Publisher, dataset: DeclaredDataset, rows: pd.DataFrame) -> None:
    assert dataset.query is not None and dataset.layout is not None
    fixed = {name: codes[0] for name, codes in (dataset.query.where | dataset.layout.where).items()}
    (measure,) = dataset.layout.measures
    columns = (
        {"DATAFLOW": "x", "LAST UPDATE": LAST_UPDATE, "freq": "A"}
        | fixed
        | _dimensions(measure.indicator, rows["indicator"])
        | _dimensions(measure.unit, rows["unit"])
        | {"geo": rows["geo"], "TIME_PERIOD": rows["year"], "OBS_VALUE": rows["value"].map(repr)}
        | {"OBS_FLAG": rows["flag"], "CONF_STATUS": ""}
    )
    path = f"/sdmx/3.0/data/dataflow/ESTAT/{dataset.query.code}/1.0"
    publisher.on(path, _csv(columns))


def _dimensions(template: str, values: pd.Series) -> dict[str, pd.Series]:
    """The codes that filled a template such as ``{isced11}.{sex}``."""
    names = re.findall(r"\{([^}]+)\}", template)
    pattern = re.sub(r"\\\{[^}]+\\\}", "(.+?)", re.escape(template)) + "$"
    if not names:
        return {}
    codes = values.str.extract(pattern)
    return {name: codes[place] for place, name in enumerate(names)}


def _oecd(publisher: Publisher, dataset: DeclaredDataset, rows: pd.DataFrame) -> None:
    assert dataset.query is not None
    names = rows["indicator"].map(dataset.query.series).str.split(".", expand=True)
    measures, units = (
        "+".join(sorted({name.split(".")[place] for name in dataset.query.series.values()}))
        for place in (0, 1)
    )
    columns = {
        "REF_AREA": rows["geo"], "FREQ": "A", "MEASURE": names[0], "UNIT_MEASURE": names[1],
        "PRICE_BASE": "_Z", "TRANSFORMATION": "_Z", "TIME_PERIOD": rows["year"],
        "OBS_VALUE": rows["value"].map(repr), "OBS_STATUS": "A", "UNIT_MULT": "0",
    }  # fmt: skip
    publisher.on(f"/data/{dataset.query.code},/.A.{measures}.{units}..",
                 _csv(columns, **LAST_MODIFIED))  # fmt: skip


def _worldbank(publisher: Publisher, dataset: DeclaredDataset, rows: pd.DataFrame) -> None:
    for indicator, group in rows.groupby("indicator"):
        figures = [
            {"countryiso3code": geo, "date": str(year), "value": value, "obs_status": flag}
            for geo, year, value, flag in zip(
                group["geo"], group["year"], group["value"], group["flag"], strict=True
            )
        ]
        head = {"page": 1, "pages": 1, "total": len(figures), "lastupdated": "2026-11-15"}
        body = json.dumps([head, figures]).encode()
        publisher.on(f"/country/all/indicator/{indicator}", Reply(body, type="application/json"))


def _cohesion(publisher: Publisher, dataset: DeclaredDataset, rows: pd.DataFrame) -> None:
    assert dataset.query is not None
    parts = rows["indicator"].str.extract(r"^(?P<fund>[^.]+)\.(?P<period>[^.]+)\.(?P<kind>.+)$")
    wide = pd.concat([rows, parts], axis=1).pivot(
        index=["geo", "year", "fund", "period"], columns="kind", values="value"
    )
    text = wide.map(lambda value: "" if np.isnan(value) else repr(value)).reset_index()
    columns = {
        "nuts2_id": text["geo"], "fund": text["fund"], "year": text["year"],
        "programming_period": text["period"], "eu_payment_annual": text["payment"],
        "modelled_annual_expenditure": text["modelled"],
        "standard_error_of_modelled": text["modelled_se"],
    }  # fmt: skip
    publisher.on(f"/resource/{dataset.query.code}.csv", _csv(columns, **LAST_MODIFIED))
