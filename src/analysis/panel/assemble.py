"""The tables of the panel, assembled from the raw tables and checked; and the codebook."""

from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis import CompendiumError
from analysis.panel.codebook import Variable, variables
from analysis.panel.countries import build_countries
from analysis.panel.eligibility import build_eligibility
from analysis.panel.evaluations import build_evaluations
from analysis.panel.industries import build_industries
from analysis.panel.links import build_links
from analysis.panel.nuts3 import build_nuts3
from analysis.panel.performers import build_performers
from analysis.panel.regions import build_regions
from analysis.panel.schemas import KEYS, check
from analysis.panel.technologies import build_technologies
from analysis.panel.territories import Passage

CONSERVATION_TOLERANCE = 1e-9


def assemble(
    raw: Mapping[str, pd.DataFrame], also: Collection[int] = ()
) -> dict[str, pd.DataFrame]:
    """Every table of data/processed from the raw tables, each checked against its schema.

    also: years that regions and countries are to have besides those of the published figures.

    Raises CompendiumError when a conversion does not conserve its total.
    """
    passage = Passage(raw["nuts_flows"])
    regions, quality = build_regions(raw, passage, also)
    industries, industry_quality = build_industries(raw, passage, _people(regions))
    built = {
        "regions": regions,
        "nuts3": build_nuts3(raw),
        "countries": build_countries(raw, also),
        "industries": industries,
        "technologies": build_technologies(raw),
        "performers": build_performers(raw),
        "eligibility": build_eligibility(raw, passage),
        "links": build_links(raw, passage),
        "evaluations": build_evaluations(raw),
    }
    tables = {
        name: check(name, _in_codebook_order(name, frame)).sort_values(
            KEYS[name], ignore_index=True
        )
        for name, frame in built.items()
    }
    return tables | {"conversion": _conversion([quality, industry_quality])}


def _people(regions: pd.DataFrame) -> pd.DataFrame:
    finest = regions[regions["level"] == 2]
    return finest.pivot(index="geo", columns="year", values="population")


def _in_codebook_order(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    declared = [name for name, variable in variables().items() if table in variable.tables]
    missing = [name for name in declared if name not in frame]
    if missing:
        raise CompendiumError(f"{table}: declared in variables.yaml but not built: {missing}")
    extra = [name for name in frame if name not in declared]
    return frame[declared + extra]


def _conversion(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """The conversion report of every series, one row per origin version."""
    report = pd.concat(parts, ignore_index=True)
    first = ["column", "dataset", "geo_version"]
    report = report[first + [name for name in report if name not in first]]
    worst = report.loc[report["conservation_gap"].idxmax()]
    if worst["conservation_gap"] > CONSERVATION_TOLERANCE:
        raise CompendiumError(
            f"converting {worst['column']} ({worst['dataset']}, NUTS {worst['geo_version']}) to "
            f"NUTS 2013 changes its total by {worst['conservation_gap']:.1e}"
        )
    return report.sort_values(first, ignore_index=True)


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet: same frame, same bytes."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, path, compression="zstd", write_statistics=False, store_schema=False)


def write_tables(
    tables: Mapping[str, pd.DataFrame], folder: Path, declared: Mapping[str, Variable]
) -> dict[str, int]:
    """Write every table and ``codebook.csv``, the columns as ``declared``; rows by table."""
    for name, frame in tables.items():
        write_table(frame, folder / f"{name}.parquet")
    codebook = codebook_with_coverage(tables, declared)
    codebook.to_csv(folder / "codebook.csv", index=False, lineterminator="\n")
    return {name: len(frame) for name, frame in tables.items()}


def span(tables: Mapping[str, pd.DataFrame]) -> list[int]:
    """First and last year of the panel of regions."""
    years = tables["regions"]["year"]
    return [int(years.min()), int(years.max())]


def codebook_with_coverage(
    tables: Mapping[str, pd.DataFrame], declared: Mapping[str, Variable]
) -> pd.DataFrame:
    """One row per table and column: the declaration and the coverage found."""
    rows = []
    for table in KEYS:
        frame = tables[table]
        finest = frame[frame["level"] == frame["level"].max()] if "level" in frame else frame
        for name in frame.columns:
            rows.append({"table": table, **_declared(declared[name]), **_coverage(finest, name)})
    return pd.DataFrame(rows)


def _declared(variable: Variable) -> dict[str, str]:
    return {
        "column": variable.name,
        "label_en": variable.label_en,
        "label_fr": variable.label_fr,
        "unit_en": variable.unit_en,
        "unit_fr": variable.unit_fr,
        "kind": variable.kind,
        "denominator": variable.denominator,
        "roles": " ".join(variable.roles),
        "source": variable.source,
        "transformation": variable.transformation,
    }


def _coverage(frame: pd.DataFrame, name: str) -> dict[str, object]:
    known = frame[frame[name].notna()]
    years = known["year"] if "year" in frame else pd.Series(dtype="int16")
    unit = next((key for key in ("geo", "nuts3", "country") if key in frame), None)
    return {
        "first_year": int(years.min()) if len(years) else "",
        "last_year": int(years.max()) if len(years) else "",
        "n_units": known[unit].nunique() if unit else "",
        "n_values": len(known),
        "share_missing": round(1 - len(known) / len(frame), 4) if len(frame) else "",
    }
