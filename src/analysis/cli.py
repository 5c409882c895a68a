"""The command line: every command is one call into a room; errors are one paragraph.

Rooms are imported inside the commands, so that ``compendium --help`` answers at once.
"""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis import CompendiumError
from analysis.studies.commands import app as studies_app

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from analysis.runs.engine import Notify
    from analysis.runs.record import RunRecord
    from analysis.runs.reproduce import Reproduction

EXIT_FAILED, EXIT_USAGE = 1, 2


class Language(StrEnum):
    """Languages in which verdicts are printed."""

    en = "en"
    fr = "fr"


#: Columns of a table printed to a file or a pipe.
PLAIN_WIDTH = 200

app = typer.Typer(
    name="compendium",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Cluster funding, R&D and innovation in European regions: "
    "rebuild the data, run the notebooks, read the report.",
    epilog="Start with [bold]compendium reproduce[/]; then ask your own question, as in "
    "[bold]compendium run 05_cluster_funding -p countries=FR,DE,IT -p years=2000-2012[/].",
)
data_app = typer.Typer(no_args_is_help=True, help="See and build the data.")
app.add_typer(data_app, name="data")
app.add_typer(studies_app, name="studies")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"compendium {version('cluster-compendium')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Options of the command line as a whole."""


# --- data ------------------------------------------------------------------------------------


@data_app.command("list", epilog="Example: [bold]compendium data list[/]")
def data_list() -> None:
    """Show the published datasets carried in data/raw, with what they cover."""
    from analysis import sources

    listing = sources.listing()
    table = _table("table", "dataset", "title", "vintage", "years", "places", "rows", "publisher")
    for row in listing.to_dict("records"):
        years = "–".join(_cell(row[column]) for column in ("first_year", "last_year")).strip("–")
        cells = [row["table"], row["dataset"], row["title"], row["vintage"], years]
        table.add_row(*map(_cell, [*cells, row["geos"], row["rows"], row["publisher"]]))
    _console().print(table)


def _cell(value: Any) -> str:
    """A value for a table; nothing for what is missing."""
    import pandas as pd

    if pd.isna(value):
        return ""
    return f"{value:,}".replace(",", " ") if isinstance(value, int) and value > 9999 else str(value)


@data_app.command("build", epilog="Example: [bold]compendium data build --force[/]")
def data_build(
    force: Annotated[bool, typer.Option("--force", help="Build even if nothing changed.")] = False,
) -> None:
    """Build data/processed from data/raw, unless a valid build is there."""
    from analysis import panel

    summary = panel.build(force=force)
    table = _table("table", "rows")
    for name, rows in summary.rows.items():
        table.add_row(name, f"{rows}")
    console = _console()
    console.print(table)
    state = "built" if summary.built else "up to date"
    console.print(f"{state}: {summary.folder}", soft_wrap=True, highlight=False, markup=False)


# --- notebooks -------------------------------------------------------------------------------


@app.command(epilog="Example: [bold]compendium params 05_cluster_funding[/]")
def params(
    notebook: Annotated[str, typer.Argument(help="Name of a notebook, as 05_cluster_funding.")],
) -> None:
    """Show what may be set in a notebook: types, defaults, allowed values."""
    from analysis.runs.notebooks import notebook_name
    from analysis.runs.parameters import describe, model_of

    name = notebook_name(notebook)
    console = _console()
    console.print(f"{name}: {model_of(name).__doc__}", highlight=False, markup=False)
    table = _table("parameter", "default", "meaning and allowed values")
    for row in describe(name):
        meaning = f"{row.description} ({row.kind})\n[dim]{row.allowed}[/]"
        table.add_row(row.name, row.default, meaning)
    console.print(table)


@app.command(
    epilog="Examples:\n\n"
    "[bold]compendium run 05_cluster_funding -p countries=FR,DE,IT -p years=2000-2012 "
    "-p outcome=patents_per_million[/]\n\n"
    "[bold]compendium run 03_knowledge_production --params mine.yaml --out results/mine[/]"
)
def run(
    notebook: Annotated[str, typer.Argument(help="Name of a notebook, as 05_cluster_funding.")],
    p: Annotated[
        list[str] | None,
        typer.Option("-p", metavar="KEY=VALUE", help="Set a parameter; may be repeated."),
    ] = None,
    params: Annotated[
        Path | None,
        typer.Option("--params", metavar="FILE", help="YAML or JSON file of parameters."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for the results, new or empty."),
    ] = None,
    timeout: Annotated[
        int, typer.Option("--timeout", metavar="SECONDS", min=1, help="Longest a cell may take.")
    ] = 600,
    force: Annotated[bool, typer.Option("--force", help="Run even if nothing changed.")] = False,
) -> None:
    """Run one notebook with your parameters into a folder of its own.

    Parameters are checked before anything starts; those not given keep their defaults.
    See them with [bold]compendium params NOTEBOOK[/].
    """
    from analysis.runs import engine
    from analysis.runs.notebooks import find_notebook, notebook_name
    from analysis.runs.parameters import read_values, validate
    from analysis.runs.record import plan
    from analysis.runs.reproduce import DATA, prepare

    parameters = validate(notebook_name(notebook), read_values(p or [], params))
    source = find_notebook(notebook)
    with _shown([DATA, source.name]) as notify:
        inputs = prepare(notify=notify)
        spec = plan(source, parameters, inputs, out=out, cell_timeout=timeout)
        record = engine.run(spec, force=force, notify=notify)
    _print_results(record, spec.folder)


@app.command(
    epilog="Examples:\n\n[bold]compendium reproduce[/]\n\n"
    "[bold]compendium reproduce --jobs 4 --only 02_landscape --only 05_cluster_funding[/]"
)
def reproduce(
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Notebooks at a time; default: processors."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="Run this notebook; may be repeated."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Do everything anew.")] = False,
) -> None:
    """Build the data, run every notebook, draw the figures, write the report.

    What an earlier run already covers is not done again, so it may be stopped and restarted.
    """
    from analysis.runs.notebooks import notebook_name
    from analysis.runs.parameters import REGISTRY
    from analysis.runs.reproduce import DATA, REPORT
    from analysis.runs.reproduce import reproduce as reproduce_all

    names = [notebook_name(name) for name in only or REGISTRY]
    with _shown([DATA, *names, REPORT]) as notify:
        result = reproduce_all(names, jobs=jobs or _processors(), force=force, notify=notify)
    _print_summary(result)
    if result.failed:
        raise typer.Exit(EXIT_FAILED)


# --- claims ----------------------------------------------------------------------------------


@app.command(
    epilog="Examples:\n\n[bold]compendium claims[/]\n\n"
    "[bold]compendium claims --lang fr --json > verdicts.json[/]\n\n"
    "[bold]compendium claims --runs results/france/05 --runs results/france/07[/]"
)
def claims(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one row per claim.")] = False,
    lang: Annotated[Language, typer.Option("--lang", help="Language.")] = Language.en,
    runs: Annotated[
        list[Path] | None,
        typer.Option("--runs", metavar="DIR", help="Folder of a run to read; may be repeated."),
    ] = None,
) -> None:
    """Print the register of claims with the verdicts of the finished runs.

    Without [bold]--runs[/] the runs of [bold]compendium reproduce[/] are read. Exit status 1 when
    a claim that can be tested has no verdict because its notebook has not been run.
    """
    from analysis.claims.assembly import assemble, row

    entries = assemble(runs if runs else _reproduced())
    rows = [row(entry, lang.value) for entry in entries]
    if as_json:
        import json

        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        _print_claims(rows, lang.value)
    if any(entry.verdict is None for entry in entries):
        raise typer.Exit(EXIT_FAILED)


def _reproduced() -> list[Path]:
    """Folders of the finished default runs; none where the data have not been built."""
    from analysis.runs.record import current_inputs
    from analysis.runs.reproduce import finished_runs

    return finished_runs(current_inputs())


def _print_claims(rows: list[dict[str, Any]], lang: str) -> None:
    from analysis.claims.sentences import label, number, percent

    names = ("claim", "verdict", "estimate", "interval", "unit", "agreement", "q", "notebook")
    table = _table("", *(label(name, lang) for name in names))
    for row in rows:
        sizes = [row["estimate"], row["ci_low"], row["ci_high"]]
        shown = ["" if size is None else number(float(f"{size:.3g}"), lang) for size in sizes]
        interval = f"{shown[1]} … {shown[2]}" if shown[1] else ""
        share = row["agreement_share"]
        agreement = "" if share is None else percent(100 * share, lang)
        q = "" if row["q_value"] is None else number(row["q_value"], lang, decimals=3)
        cells = [row["id"], row["claim"], row["verdict_word"], shown[0], interval]
        table.add_row(*cells, row["unit"] or "", agreement, q, row["notebook"])
    _console().print(table)
    for reason in sorted({row["reason"] for row in rows if row["verdict"] is None}):
        ids = [row["id"] for row in rows if row["verdict"] is None and row["reason"] == reason]
        _complain(f"{reason} ({', '.join(ids)})")


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not every system tells
        return os.cpu_count() or 1


# --- printing --------------------------------------------------------------------------------


def _console(stderr: bool = False) -> "Console":
    from rich.console import Console

    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=PLAIN_WIDTH)


def _table(*columns: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, highlight=False)
    for column in columns:
        number = column in ("rows", "places", "seconds", "figures", "tables")
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    return table


@contextmanager
def _shown(names: Sequence[str]) -> "Iterator[Notify]":
    """Show progress while the block runs; say what an interruption leaves."""
    from analysis.runs.progress import display

    try:
        with display(_console(), names) as notify:
            yield notify
    except KeyboardInterrupt:
        _complain("Interrupted. What was finished is kept; the same command goes on from there.")
        raise


def _print_results(record: "RunRecord", folder: Path) -> None:
    console = _console()
    counts = ", ".join(f"{_count(record, kind)} {kind}" for kind in ("tables", "figures"))
    console.print(f"{record.title}: {counts}", highlight=False, markup=False)
    console.print(f"results: {folder}", soft_wrap=True, highlight=False, markup=False)


def _count(record: "RunRecord", kind: str) -> int:
    """How many tables or figures a run wrote; one that comes in several formats counts once."""
    return len({Path(name).stem for name in record.outputs if name.startswith(f"{kind}/")})


def _print_summary(result: "Reproduction") -> None:
    from analysis.runs.progress import WORDS

    table = _table("notebook", "result", "seconds", "figures", "tables")
    for outcome in result.outcomes:
        record = outcome.record
        seconds = f"{outcome.seconds:.1f}" if outcome.seconds else ""
        counts = [str(_count(record, kind)) if record else "" for kind in ("figures", "tables")]
        table.add_row(outcome.spec.name, WORDS[outcome.status], seconds, *counts)
    console = _console()
    console.print(table)
    for outcome in result.outcomes:
        if outcome.message:
            _complain(outcome.message)
    if result.index is not None:
        address = result.index.absolute().as_uri()
        console.print(f"report: {address}", soft_wrap=True, highlight=False, markup=False)


def _complain(message: str) -> None:
    from rich.text import Text

    _console(stderr=True).print(Text(message, style="red"), soft_wrap=True)


def main() -> None:
    """Run the command line; problems become one paragraph and an exit status, never a traceback.

    Exit status: 0 done, 1 something failed, 2 wrong usage or parameters, 130 interrupted,
    128 + signal when terminated.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    try:
        app(prog_name="compendium")
    except CompendiumError as error:
        from analysis.runs.parameters import UsageError

        _complain(str(error))
        sys.exit(EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED)
    except OSError as error:
        _complain(f"{error.strerror or error}: {error.filename or ''}".rstrip(": "))
        sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main()
