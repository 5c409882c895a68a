"""A copy of the data with a user's files joined to it, made once for the same files and rules.

Beside ``data/processed``, in ``data/processed-own/<key>``: ``raw`` (the published tables, with
replaced ones), ``processed`` (the panel built from them, with the new columns) and ``report`` (what
was used, set aside and changed). The key is a hash of the published data, of this code, of the
files' bytes and of what was declared; nothing of the project's own data is ever altered.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import CompendiumError, paths, sources
from analysis.inert import inert
from analysis.intake.aside import csv_text
from analysis.intake.carried import declared_dataset, text_frame
from analysis.intake.changes import by_country_and_year, changed_figures, changes_page
from analysis.intake.checked import Checked
from analysis.intake.declaration import Declaration
from analysis.intake.eurostat import with_dimensions_apart
from analysis.intake.existing import OWN_SERIES, Rule, already_there, put, without_unused
from analysis.intake.formats.recognise import read_file
from analysis.intake.gazetteer import gazetteer
from analysis.intake.join import ACCOUNT, UNPLACED, Placed, place, without_strangers
from analysis.intake.native import in_carried_form
from analysis.intake.own import Column, columns_of, per_head_lost, with_column
from analysis.intake.vintage import recompiled
from analysis.languages import LANGUAGES
from analysis.panel.assemble import assemble, span, write_tables
from analysis.panel.build import RAW_TABLES, TABLES, build_key, clear_leftovers
from analysis.panel.codebook import Variable, as_declared, variables
from analysis.panel.manifest import OWN, changed_tables, read_manifest, write_manifest
from analysis.sources.catalogue import LEDGER, Catalogue, catalogue
from analysis.sources.compile import write_ledger, write_table

KEY_LENGTH = 16
Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Brought:
    """A file, what the user said of it, and what the check found."""

    path: Path
    checked: Checked
    declared: Declaration
    questions_accepted: bool = False


@dataclass(frozen=True)
class Joined:
    """Where the joined data are: ``processed`` is the folder of tables a run reads."""

    folder: Path

    @property
    def processed(self) -> Path:
        return self.folder / "processed"

    @property
    def changed(self) -> int:
        """How many figures of the panel are new, changed or withdrawn."""
        return len(pd.read_csv(self.folder / "report" / "changes.csv", usecols=["kind"]))

    def unplaced(self, checked: Checked) -> int:
        """How many figures of a file found no place in the panel."""
        rows = pd.read_csv(self.folder / "report" / "not_placed.csv", dtype=str)
        return int(rows["file"].eq(inert(checked.file)).sum())


@dataclass(frozen=True)
class Rules:
    """How files are joined: what becomes of an indicator the panel has, and whether figures of
    NUTS 1 are given to the regions they consist of.
    """

    existing: Rule = "refuse"
    spread: bool = False


DEFAULT = Rules()


def join(files: Sequence[Brought], rules: Rules = DEFAULT) -> Joined:
    """The data with ``files`` joined to them, made now unless they are there already.

    The project's data must be built.

    Raises CompendiumError, leaving nothing behind, when a file is to be refused or does not fit.
    """
    for one in files:
        one.checked.require_usable(one.questions_accepted)
    _require_distinct(files)
    folder = paths.ROOT / "data" / "processed-own" / _key(files, rules)[:KEY_LENGTH]
    if _is_whole(folder):
        return Joined(folder)
    clear_leftovers(folder.parent, ".*.tmp-*")
    work = folder.with_name(f".{folder.name}.tmp-{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    try:
        _make(work, files, rules)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            work.rename(folder)
        except OSError:  # somebody else has just made the same
            if not _is_whole(folder):
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Joined(folder)


def _require_distinct(files: Sequence[Brought]) -> None:
    """Two files may not give the same indicator or the same dataset."""
    seen: dict[str, str] = {}
    for one in files:
        carried = one.checked.recognised
        names = [f"dataset {carried.table}/{carried.code}"] if carried else []
        names = names or [indicator.name for indicator in one.checked.indicators]
        for name in names:
            if name in seen:
                raise CompendiumError(
                    f"{name} is in {seen[name]} and in {one.checked.file}: give it once, or under "
                    "two names"
                )
            seen[name] = one.checked.file


def _key(files: Sequence[Brought], rules: Rules) -> str:
    code = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*")):
        if path.suffix in (".py", ".yaml"):
            code.update(path.name.encode() + b"\0" + path.read_bytes())
    content = {
        "data": build_key(),
        "code": code.hexdigest(),
        "rules": asdict(rules),
        "files": [_described(one) for one in files],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _described(one: Brought) -> dict[str, Any]:
    """What a record keeps of a file: its name, size and hash, what was said, what was found."""
    checked, carried = one.checked, one.checked.recognised
    return {
        "file": one.path.name,
        "bytes": one.path.stat().st_size,
        "sha256": checked.sha256,
        "declared": one.declared.model_dump(mode="json", exclude_defaults=True),
        "questions_accepted": sorted({each.rule for each in checked.questions}),
        "levels": sorted({int(level) for level in checked.observations["nuts_level"]}),
        "newer_vintage_of": f"{carried.table}/{carried.code} ({carried.vintage})"
        if carried
        else "",
        "indicators": [asdict(indicator) for indicator in checked.indicators],
        "nuts_version": checked.nuts_version,
        "counts": asdict(checked.counts),
    }


def _is_whole(folder: Path) -> bool:
    manifest = read_manifest(folder / "processed")
    return manifest is not None and not changed_tables(folder / "processed", manifest["files"])


# --- making it ------------------------------------------------------------------------------------


def _make(work: Path, files: Sequence[Brought], rules: Rules) -> None:
    known = variables()
    if rules.existing == "refuse":
        _refuse_known(files, known)
    before: Tables = {name: _built(name) for name in TABLES}
    years = _years_beyond(files, before)
    again = bool(years) or _touches_published(files, known)
    raw = {name: sources.read(name) for name in (RAW_TABLES if again else ("nuts_flows",))}
    replaced = _with_vintages(raw, files)
    tables = assemble(raw | _of_panel(replaced), years) if years or replaced else before
    placed = _placed(files, raw["nuts_flows"], tables, rules.spread)
    taken = [at for at, (_, figures) in enumerate(placed) if figures.indicator.name in known]
    for at in taken:
        one, figures = placed[at]
        changed = put(figures, one.checked.file, rules.existing, raw | replaced, tables)
        rows = one.checked.observations
        placed[at] = one, without_unused(figures, rows, rules.existing, tables, changed)
        replaced |= changed
    if taken:
        tables = assemble(raw | _of_panel(replaced), years)
    changes = changed_figures(before if replaced else {}, tables)
    added: list[Variable] = []
    for one, figures in placed:
        if figures.indicator.name not in known:
            tables, new = _with_own(tables, one, figures)
            added += new
    _write(work, files, rules, tables, added, replaced)
    _report(work / "report", files, placed, changes, known, tables)


def _refuse_known(files: Sequence[Brought], known: Mapping[str, Variable]) -> None:
    for one in files:
        for indicator in one.checked.indicators:
            if indicator.name in known:
                raise already_there(indicator.name, one.checked.file)


def _years_beyond(files: Sequence[Brought], tables: Tables) -> list[int]:
    """Years of one's own figures that the panel does not have yet."""
    first, last = span(tables)
    own = [one.checked.observations for one in files if one.checked.recognised is None]
    years = {int(year) for rows in own for year in rows.loc[rows["value"].notna(), "year"]}
    return sorted(year for year in years if not first <= year <= last)


def _touches_published(files: Sequence[Brought], known: Mapping[str, Variable]) -> bool:
    """Whether the panel must be built again, and not only be given columns."""
    names = [indicator.name for one in files for indicator in one.checked.indicators]
    return any(one.checked.recognised for one in files) or any(name in known for name in names)


def _built(name: str) -> pd.DataFrame:
    return pd.read_parquet(paths.PROCESSED / f"{name}.parquet")


def _of_panel(replaced: Mapping[str, pd.DataFrame]) -> Tables:
    panel = (*RAW_TABLES, OWN_SERIES)
    return {name: frame for name, frame in replaced.items() if name in panel}


def _with_vintages(raw: Tables, files: Sequence[Brought]) -> Tables:
    """The raw tables that newer vintages replace."""
    replaced: Tables = {}
    for one in files:
        carried = one.checked.recognised
        if carried is None:
            continue
        (sheet,) = read_file(one.path, sheet=one.declared.sheet or None).sheets
        native = in_carried_form(with_dimensions_apart(sheet), one.declared.dataset)
        table = carried.table
        before = replaced.get(table, raw.get(table))
        replaced[table] = recompiled(
            table,
            declared_dataset(carried),
            text_frame(native.sheet),
            one.checked.file,
            sources.read(table) if before is None else before,
            gazetteer().code_lists,
        )
    return replaced


def _placed(
    files: Sequence[Brought], flows: pd.DataFrame, tables: Tables, spread: bool
) -> list[tuple[Brought, Placed]]:
    regions = tables["regions"]
    countries = {*tables["countries"]["country"], *regions["country"]}
    found = []
    for one in files:
        rows = one.checked.observations
        for indicator in () if one.checked.recognised else one.checked.indicators:
            figures = place(one.checked, indicator, flows, regions, spread)
            found.append((one, without_strangers(figures, rows, countries)))
    return found


def _with_own(tables: Tables, one: Brought, figures: Placed) -> tuple[Tables, list[Variable]]:
    """The tables with an indicator's columns, and their declarations."""
    if all(wide.empty for wide in figures.levels.values()):
        raise CompendiumError(
            f"{one.checked.file}: no figure of {figures.indicator.name!r} finds a place in the "
            f"panel: {'; '.join(sorted(figures.unplaced['why'].unique())) or 'there is none'}"
        )
    columns: list[Column] = columns_of(one.checked, figures.indicator, one.declared)
    for column in columns:
        joined = {
            name: with_column(tables[name], column, figures) for name in column.variable.tables
        }
        tables = tables | joined
    return tables, [column.variable for column in columns]


# --- writing it -----------------------------------------------------------------------------------


def _write(
    work: Path,
    files: Sequence[Brought],
    rules: Rules,
    tables: Tables,
    added: Sequence[Variable],
    replaced: Mapping[str, pd.DataFrame],
) -> None:
    _write_raw(work / "raw", replaced, [one.checked.file for one in files])
    processed = work / "processed"
    processed.mkdir(parents=True)
    declared = variables() | {variable.name: variable for variable in added}
    rows = write_tables(tables, processed, declared)
    own = {
        "files": [_described(one) for one in files],
        "rules": asdict(rules),
        "variables": [as_declared(variable) for variable in added],
    }
    text = json.dumps(own, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    (processed / OWN).write_text(text + "\n", encoding="utf-8")
    write_manifest(processed, f"{build_key()} with {len(files)} files", rows, span(tables))


def _write_raw(folder: Path, replaced: Mapping[str, pd.DataFrame], files: list[str]) -> None:
    """The published tables: those that stay as links to the same bytes, the others written."""
    folder.mkdir(parents=True)
    ledger = catalogue()
    for name in ledger.tables:
        if name not in replaced:
            _link(paths.RAW / f"{name}.parquet", folder / f"{name}.parquet")
    entries = dict(ledger.tables)
    for name, frame in replaced.items():
        if name == OWN_SERIES:  # in the report, with the rest of the file
            continue
        path = folder / f"{name}.parquet"
        write_table(frame, path)
        data = path.read_bytes()
        entries[name] = entries[name].model_copy(
            update={
                "rows": len(frame),
                "bytes": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "title": f"{entries[name].title} [with figures of {', '.join(files)}]",
            }
        )
    write_ledger(Catalogue(tables=entries), folder / LEDGER)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def _report(
    folder: Path,
    files: Sequence[Brought],
    placed: Sequence[tuple[Brought, Placed]],
    changes: pd.DataFrame,
    declared: Mapping[str, Variable],
    tables: Tables,
) -> None:
    """What was used, what was set aside and what changed, for people and for programs."""
    folder.mkdir(parents=True)
    for number, one in enumerate(files, start=1):
        stem = folder / f"{number:02d}_{_safe_stem(one.path)}"
        _write_csv(one.checked.observations, stem.with_suffix(".observations.csv"))
        _write_csv(one.checked.aside, stem.with_suffix(".set_aside.csv"))
    unplaced = [pd.DataFrame(columns=[*UNPLACED, "file"])]
    for one, figures in placed:
        lost = figures.unplaced
        if figures.indicator.name not in declared:
            lost = pd.concat([lost, per_head_lost(figures, tables["regions"])])
        unplaced.append(lost.assign(file=one.checked.file))
    _write_csv(pd.concat(unplaced, ignore_index=True), folder / "not_placed.csv")
    accounts = [pd.DataFrame(columns=list(ACCOUNT)), *(figures.account for _, figures in placed)]
    _write_csv(pd.concat(accounts, ignore_index=True), folder / "conversion.csv")
    _write_csv(changes, folder / "changes.csv")
    _write_csv(by_country_and_year(changes), folder / "changes_by_country_and_year.csv")
    names = [one.checked.file for one in files]
    for lang in LANGUAGES:
        page = changes_page(names, changes, declared, lang)
        (folder / f"changes.{lang}.html").write_text(page, encoding="utf-8")


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    path.write_text(csv_text(frame), encoding="utf-8")


def _safe_stem(path: Path) -> str:
    kept = "".join(char if char.isascii() and char.isalnum() else "_" for char in path.stem)
    return kept[:40] or "file"
