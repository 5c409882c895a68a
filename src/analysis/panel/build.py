"""From data/raw to data/processed: read, convert, check, write; all or nothing.

The build is a function of the raw tables and of the code of the ``sources`` and ``panel`` rooms;
``build.json`` records both with the hash of every table written, so a build that is still valid is
not done again, and a table altered by hand is noticed.
"""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from analysis import CompendiumError, paths
from analysis.panel.manifest import OWN, changed_tables, read_manifest, write_manifest

TABLES = (
    *("regions", "nuts3", "countries", "industries", "technologies", "performers", "eligibility"),
    *("links", "evaluations", "conversion"),
)
#: The tables of data/raw that the panel is made of.
RAW_TABLES = (
    *("eurostat_rd_money", "eurostat_rd_people", "eurostat_patents", "eurostat_gdp"),
    *("eurostat_gdp_volume", "eurostat_gdp_vintages", "eurostat_population", "eurostat_labour"),
    *("eurostat_skills", "eurostat_industries", "commission_payments", "commission_eligibility"),
    *("erdf_clusters", "oecd_rd", "oecd_gbard", "oecd_tax_vc", "oecd_human_capital"),
    *("oecd_patents", "oecd_publications", "oecd_innovation_survey", "worldbank_wdi"),
    *("cordis_h2020", "cordis_country_links", "interreg_links", "interreg_participations"),
    *("policy_effects", "nuts_names", "nuts_flows", "nuts2_centroids"),
)


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """What a build did. rows: table → number of rows; built: False when it was still valid."""

    folder: Path
    rows: dict[str, int]
    built: bool


def build(force: bool = False) -> BuildSummary:
    """Make data/processed unless a valid build of the same raw tables and code is there."""
    target = paths.PROCESSED
    if (target / OWN).is_file():
        return _as_joined(target)
    key = build_key()
    manifest = read_manifest(target)
    if (
        not force
        and manifest
        and manifest["key"] == key
        and not changed_tables(target, manifest["files"])
    ):
        return BuildSummary(target, manifest["rows"], built=False)
    clear_leftovers(target.parent, f"{target.name}.*-*")
    work = target.with_name(f"{target.name}.tmp-{os.getpid()}")
    work.mkdir(parents=True)
    try:
        rows, years = _write_tables(work)
        write_manifest(work, key, rows, years)
        replace_folder(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return BuildSummary(target, rows, built=True)


def _as_joined(target: Path) -> BuildSummary:
    """A copy of the data with a user's files is never rebuilt from the published tables alone."""
    manifest = read_manifest(target)
    if manifest is None or changed_tables(target, manifest["files"]):
        raise CompendiumError(
            f"{target}: tables changed or vanished since your files were joined to the data; "
            "remove the folder and give the files again with --data"
        )
    return BuildSummary(target, manifest["rows"], built=False)


def build_key() -> str:
    """Hash of the raw tables' ledger and of the code that turns them into the panel."""
    digest = hashlib.sha256((paths.RAW / "catalogue.yaml").read_bytes())
    package = Path(__file__).resolve().parents[1]
    for room in ("sources", "panel"):
        for path in sorted((package / room).glob("*")):
            if path.suffix in (".py", ".yaml"):
                digest.update(f"{room}/{path.name}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _write_tables(folder: Path) -> tuple[dict[str, int], list[int]]:
    # Imported here: a build that is still valid needs no pandas.
    from analysis import sources
    from analysis.panel.assemble import assemble, span, write_tables
    from analysis.panel.codebook import variables

    tables = assemble({name: sources.read(name) for name in RAW_TABLES})
    return write_tables(tables, folder, variables()), span(tables)


def clear_leftovers(parent: Path, pattern: str) -> None:
    """Remove the work folders (``…-PID``) that processes which were killed have left."""
    for folder in parent.glob(pattern):
        process = folder.name.rpartition("-")[2]
        if process.isdigit() and not _is_running(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(process: int) -> bool:
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def replace_folder(new: Path, target: Path) -> None:
    """Put ``new`` in the place of ``target``; killed in between, the next build starts afresh."""
    old = target.with_name(f"{target.name}.old-{os.getpid()}")
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)
