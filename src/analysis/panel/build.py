"""From data/raw to data/processed: read, convert, check, write; all or nothing.

The build is a function of the raw tables and of the code of the ``sources`` and ``panel`` rooms;
``build.json`` records both with the hash of every table written, so a build that is still valid is
not done again, and a table altered by hand is noticed.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis import paths

TABLES = (
    *("regions", "nuts3", "countries", "industries", "technologies", "performers", "eligibility"),
    *("links", "evaluations", "conversion"),
)
_RAW_TABLES = (
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
    key = _key()
    manifest = read_manifest(target)
    if (
        not force
        and manifest
        and manifest["key"] == key
        and not changed_tables(target, manifest["files"])
    ):
        return BuildSummary(target, manifest["rows"], built=False)
    _clear_leftovers(target)
    work = target.with_name(f"{target.name}.tmp-{os.getpid()}")
    work.mkdir(parents=True)
    try:
        rows = _write_tables(work)
        files = {path.name: _sha256(path) for path in sorted(work.iterdir())}
        text = json.dumps({"key": key, "rows": rows, "files": files}, indent=1, sort_keys=True)
        (work / "build.json").write_text(text + "\n", encoding="utf-8")
        _replace_folder(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return BuildSummary(target, rows, built=True)


def read_manifest(folder: Path) -> dict | None:
    """The content of build.json, or None where there is no readable build."""
    try:
        return json.loads((folder / "build.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def changed_tables(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Which of ``files`` (name → SHA-256 when written) are gone or have other bytes, sorted."""
    return [
        name
        for name, digest in sorted(files.items())
        if not (folder / name).is_file() or _sha256(folder / name) != digest
    ]


def _key() -> str:
    """Hash of the raw tables' ledger and of the code that turns them into the panel."""
    digest = hashlib.sha256((paths.RAW / "catalogue.yaml").read_bytes())
    package = Path(__file__).resolve().parents[1]
    for room in ("sources", "panel"):
        for path in sorted((package / room).glob("*")):
            if path.suffix in (".py", ".yaml"):
                digest.update(f"{room}/{path.name}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_tables(folder: Path) -> dict[str, int]:
    # Imported here: a build that is still valid needs no pandas.
    from analysis import sources
    from analysis.panel.assemble import assemble, codebook_with_coverage, write_table

    raw = {name: sources.read(name) for name in _RAW_TABLES}
    tables = assemble(raw)
    for name, frame in tables.items():
        write_table(frame, folder / f"{name}.parquet")
    codebook_with_coverage(tables).to_csv(folder / "codebook.csv", index=False, lineterminator="\n")
    return {name: len(frame) for name, frame in tables.items()}


def _clear_leftovers(target: Path) -> None:
    """Remove what builds that were killed have left beside the target."""
    for folder in target.parent.glob(f"{target.name}.*-*"):
        if not _is_running(int(folder.name.rpartition("-")[2])):
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(process: int) -> bool:
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def _replace_folder(new: Path, target: Path) -> None:
    """Put ``new`` in the place of ``target``; killed in between, the next build starts afresh."""
    old = target.with_name(f"{target.name}.old-{os.getpid()}")
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)
