"""The tables and the figure of a sweep, from the folders of its runs, one run in memory at a time.

Every row has the key of its run (``run``) and its parameters (``param_<name>``), as typed in a
grid. ``estimates``: the notebooks' estimates, all models and terms, under their own columns.
``headlines``: per claim a run weighed, or for the one estimate asked for, the number the run
stands on with its 95 % interval and, for claims, the verdict. ``failures``: what failed, and why.
Tables are Parquet and CSV with the same rows; a text that a spreadsheet would take for a formula
begins with an apostrophe in the CSV.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as pc
import pyarrow.parquet as pq

from analysis import CompendiumError
from analysis.claims import Entry, assemble
from analysis.claims.assembly import reason
from analysis.claims.verdict import null_of
from analysis.inert import inert
from analysis.runs.record import KEY_LENGTH, RunSpec, write_json
from analysis.runs.sweep import PLAN, Result, Sweep, failed_rows

HEADLINE_COLUMNS = {
    "subject": pa.string(),
    "claim": pa.string(),
    "unit": pa.string(),
    "verdict": pa.string(),
    "estimate": pa.float64(),
    "ci_low": pa.float64(),
    "ci_high": pa.float64(),
    "null": pa.float64(),
    "n_obs": pa.int64(),
    "reason": pa.string(),
}
_TEXTS = ("claim", "unit", "verdict", "reason")


def write_results(sweep: Sweep, result: Result) -> pd.DataFrame:
    """Write all tables, the figure and ``sweep.json`` of a sweep that has been run; its headlines.

    Raises CompendiumError when no run has the estimate to follow.
    """
    there = [spec for spec in sweep.specs if spec.key not in result.failed]
    estimated = [spec for spec in there if _file(spec).is_file()]
    schema = _estimates_schema(sweep, estimated)
    _write(sweep.folder / "estimates", schema, (_estimates(sweep, s, schema) for s in estimated))
    if sweep.estimate:
        rows = [row for spec in estimated for row in _chosen(sweep, spec)]
        if estimated and not rows:
            raise CompendiumError(_no_such_estimate(estimated[0], sweep.estimate))
    else:
        rows = [row for spec in there for row in _headlines(sweep, spec, _language(sweep))]
    headlines = _write_rows(sweep, "headlines", HEADLINE_COLUMNS, rows)
    _write_rows(sweep, "failures", {"reason": pa.string()}, failed_rows(sweep, result))
    drawn = headlines.to_pandas()
    _write_outcome(sweep, result, _draw(sweep, drawn))
    return drawn


def _write_rows(
    sweep: Sweep, name: str, columns: dict[str, pa.DataType], rows: list[dict[str, Any]]
) -> pa.Table:
    own = [pa.field(column, kind) for column, kind in columns.items()]
    schema = pa.schema([*_parameter_fields(sweep), *own])
    table = pa.Table.from_pylist(rows, schema)
    _write(sweep.folder / name, schema, [table])
    return table


def _draw(sweep: Sweep, headlines: pd.DataFrame) -> dict[str, str]:
    """Draw ``figures/headlines``; its caption and alternative text, nothing without estimates."""
    import matplotlib as mpl

    from analysis.report import Output, theme
    from analysis.report.sweep_figure import sweep_figure

    for drawn_before in sweep.folder.glob("figures/headlines.*"):
        drawn_before.unlink()
    if headlines["estimate"].notna().sum() == 0:
        return {}
    mpl.use("agg")
    theme()
    drawn = sweep_figure(headlines, notebook=sweep.name, lang=_language(sweep))
    output = Output(sweep.folder, draft=True)
    output.figure(
        "headlines", drawn.figure, caption=drawn.caption, source=drawn.source, alt=drawn.alt
    )
    return {"caption": drawn.caption, "alt": drawn.alt}


def _language(sweep: Sweep) -> str:
    """The language the runs are in, English where they differ."""
    spoken = {spec.parameters.get("lang", "en") for spec in sweep.specs}
    return spoken.pop() if len(spoken) == 1 else "en"


def _write_outcome(sweep: Sweep, result: Result, figure: dict[str, str]) -> None:
    description = sweep.description() | {"figure": figure}
    for run in description["runs"]:
        run["status"] = "failed" if run["key"] in result.failed else "complete"
    write_json(sweep.folder / PLAN, description)


# --- estimates ---------------------------------------------------------------------------------


def _file(spec: RunSpec) -> Path:
    return spec.folder / "estimates.parquet"


def _parameter_fields(sweep: Sweep) -> list[pa.Field]:
    first = sweep.parameters(sweep.specs[0]) if sweep.specs else {}
    kinds = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    columns = [pa.field(name, kinds[type(value)]) for name, value in first.items()]
    return [pa.field("run", pa.string()), *columns]


def _estimates_schema(sweep: Sweep, specs: Sequence[RunSpec]) -> pa.Schema:
    """Columns that hold the estimates of all runs: an integer here may be missing there."""
    schema = pa.schema([])
    for spec in specs:
        theirs = pq.read_schema(_file(spec)).remove_metadata()
        if not schema.equals(theirs):
            schema = pa.unify_schemas([schema, theirs], promote_options="permissive")
    return pa.schema([*_parameter_fields(sweep), *schema])


def _estimates(sweep: Sweep, spec: RunSpec, schema: pa.Schema) -> pa.Table:
    table = pq.read_table(_file(spec))
    own = {"run": spec.key[:KEY_LENGTH], **sweep.parameters(spec)}
    columns = []
    for wanted in schema:
        if wanted.name in own:
            column = pa.array([own[wanted.name]] * len(table), wanted.type)
        elif wanted.name in table.column_names:
            column = table[wanted.name].cast(wanted.type)
        else:
            column = pa.nulls(len(table), wanted.type)
        columns.append(column)
    return pa.table(columns, schema=schema)


# --- headlines ---------------------------------------------------------------------------------


def _headlines(sweep: Sweep, spec: RunSpec, lang: str) -> list[dict[str, Any]]:
    """A row per claim that the run weighed: its estimate, or the reason why it has none."""
    if not (spec.folder / "evidence").is_dir():
        return []
    own = {"run": spec.key[:KEY_LENGTH], **sweep.parameters(spec)}
    return [own | _headline(entry, lang) for entry in assemble([spec.folder]) if entry.folder]


def _headline(entry: Entry, lang: str) -> dict[str, Any]:
    claim, verdict = entry.claim, entry.verdict
    said = {
        "subject": claim.id,
        "claim": claim.claim.of(lang),
        "unit": claim.unit.of(lang) if claim.unit else "",
        "verdict": entry.word,
        "null": claim.null_value,
        "reason": reason(entry, lang) or "",
    }
    if verdict is None or not verdict.findings:
        return said
    headline = verdict.headline
    numbers = {name: getattr(headline, name) for name in ("estimate", "ci_low", "ci_high", "n_obs")}
    return said | numbers | {"null": null_of(claim, headline)}


def _chosen(sweep: Sweep, spec: RunSpec) -> list[dict[str, Any]]:
    """The row of the run for the estimate to follow, none when it has no such estimate."""
    model, _, term = sweep.estimate.partition(":")
    filters = [("model", "==", model), ("term", "==", term)]
    found = pq.read_table(_file(spec), filters=filters).to_pylist()
    own = {"subject": sweep.estimate, "null": 0.0, **dict.fromkeys(_TEXTS, "")}
    numbers = ("estimate", "ci_low", "ci_high", "n_obs")
    return [
        {"run": spec.key[:KEY_LENGTH], **sweep.parameters(spec), **own}
        | {name: row.get(name) for name in numbers}
        for row in found
    ]


def _no_such_estimate(spec: RunSpec, estimate: str) -> str:
    table = pq.read_table(_file(spec), columns=["model", "term"]).to_pylist()
    names = list(dict.fromkeys(f"{row['model']}:{row['term']}" for row in table))
    more = f" and {len(names) - 30} more" if len(names) > 30 else ""
    return f"--estimate {estimate}: no run has it; there are {', '.join(names[:30])}{more}"


# --- files -------------------------------------------------------------------------------------


def _write(stem: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    """Write the rows of ``tables`` to ``<stem>.parquet`` and ``<stem>.csv``, all or nothing."""
    targets = [stem.with_name(f"{stem.name}.{kind}") for kind in ("parquet", "csv")]
    stem.parent.mkdir(parents=True, exist_ok=True)
    halves = [path.with_name(f".{path.name}.{os.getpid()}") for path in targets]
    try:
        with ExitStack() as stack:
            parquet = stack.enter_context(pq.ParquetWriter(halves[0], schema, compression="zstd"))
            text = stack.enter_context(pc.CSVWriter(halves[1], schema))
            for table in _in_batches(tables):
                parquet.write_table(table)
                text.write_table(_without_formulas(table))
        for half, target in zip(halves, targets, strict=True):
            half.replace(target)
    finally:
        for half in halves:
            with suppress(FileNotFoundError):
                half.unlink()


def _in_batches(tables: Iterable[pa.Table], rows: int = 20_000) -> Iterator[pa.Table]:
    """The same rows in tables of ``rows`` and more: a row group for every run would be slow."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(map(len, waiting)) >= rows:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _without_formulas(table: pa.Table) -> pa.Table:
    """Texts that a spreadsheet would compute begin with an apostrophe."""
    for position, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            texts = table.column(position).combine_chunks().dictionary_encode()
            safe = pa.array(map(inert, texts.dictionary.to_pylist()), field.type)
            table = table.set_column(position, field, safe.take(texts.indices))
    return table
