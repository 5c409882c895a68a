"""``compendium params``, ``run`` and ``reproduce``: notebooks with parameters."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.cli.application import EXIT_FAILED, app
from analysis.cli.printing import complain, new_table, open_console, processors, shown
from analysis.runs.launchers import Engine

if TYPE_CHECKING:
    from analysis.intake.checked import Checked
    from analysis.intake.overlay import Joined
    from analysis.runs.record import RunRecord
    from analysis.runs.reproduce import Reproduction


class Existing(Enum):
    """What becomes of an indicator that the panel has already."""

    refuse = "refuse"
    replace = "replace"
    extend = "extend"


EngineOption = Annotated[
    Engine,
    typer.Option("--engine", help="Kernels forked from a warm process, or started one by one."),
]
DataOption = Annotated[
    list[Path] | None,
    typer.Option("--data", metavar="FILE", help="Figures of your own; may be repeated."),
]
ExistingOption = Annotated[
    Existing, typer.Option("--existing", help="When the panel has an indicator of the file.")
]
SpreadOption = Annotated[
    bool, typer.Option("--spread", help="Give figures of NUTS 1 to the regions inside.")
]
DeclareOption = Annotated[
    list[str] | None,
    typer.Option("--declare", metavar="KEY=VALUE", help="Say something of the file."),
]
AcceptOption = Annotated[
    bool, typer.Option("--accept-questions", help="Use a file that raises questions.")
]


@app.command(
    epilog="Examples:\n\n[bold]compendium params 05_cluster_funding[/]\n\n"
    "[bold]compendium params 05_cluster_funding --data grants.csv[/]"
)
def params(
    notebook: Annotated[str, typer.Argument(help="Name of a notebook, as 05_cluster_funding.")],
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", metavar="FILE", help="Count indicators of your file among them."),
    ] = None,
    existing: ExistingOption = Existing.refuse,
    declare: DeclareOption = None,
) -> None:
    """Show what may be set in a notebook: types, defaults, allowed values."""
    from rich.text import Text

    from analysis.runs.notebooks import notebook_name
    from analysis.runs.parameters import describe, model_of
    from analysis.runs.reproduce import DATA, prepare

    name = notebook_name(notebook)
    if data:
        with shown([DATA]) as notify:
            prepare(notify=notify)
    with joined(data or [], declare or [], existing, spread=False, accept=bool(data)):
        rows = describe(name)
    console = open_console()
    console.print(f"{name}: {model_of(name).__doc__}", highlight=False, markup=False)
    table = new_table("parameter", "default", "meaning and allowed values")
    for row in rows:
        meaning = Text.assemble(f"{row.description} ({row.kind})\n", (row.allowed, "dim"))
        table.add_row(row.name, Text(row.default), meaning)
    console.print(table)


@app.command(
    epilog="Examples:\n\n"
    "[bold]compendium run 05_cluster_funding -p countries=FR,DE,IT -p years=2000-2012 "
    "-p outcome=patents_per_million[/]\n\n"
    "[bold]compendium run 03_knowledge_production --params mine.yaml --out results/mine[/]\n\n"
    "[bold]compendium run 05_cluster_funding --data grants.csv -p treatment=grants_per_head[/]"
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
    engine: EngineOption = Engine.forked,
    data: DataOption = None,
    existing: ExistingOption = Existing.refuse,
    spread: SpreadOption = False,
    declare: DeclareOption = None,
    accept_questions: AcceptOption = False,
) -> None:
    """Run one notebook with your parameters into a folder of its own.

    Parameters are checked before anything starts; those not given keep their defaults.
    See them with [bold]compendium params NOTEBOOK[/].

    With [bold]--data[/] a file of yours is checked as by [bold]compendium data check[/] and its
    indicators join the panel for this run; what was used, set aside and changed is in
    [bold]data/[/] of the results.
    """
    from analysis.runs.engine import run as execute
    from analysis.runs.notebooks import find_notebook, notebook_name
    from analysis.runs.parameters import read_values, validate
    from analysis.runs.record import current_inputs, plan
    from analysis.runs.reproduce import DATA, prepare

    name, values = notebook_name(notebook), read_values(p or [], params)
    if not data:
        validate(name, values)  # before the data are built
    source = find_notebook(name)
    with shown([DATA, source.name]) as notify:
        prepare(notify=notify)
        with joined(data or [], declare or [], existing, spread, accept_questions):
            spec = plan(
                source, validate(name, values), current_inputs(), out=out, cell_timeout=timeout
            )
            record = execute(spec, force=force, engine=engine, notify=notify)
    _print_results(record, spec.folder)


@contextmanager
def joined(
    files: "Sequence[Path]",
    declare: "Sequence[str]",
    existing: Existing,
    spread: bool,
    accept: bool,
) -> "Iterator[None]":
    """Inside the block the data are the project's own with ``files`` joined to them."""
    if not files:
        _require_none(declare, existing, spread, accept)
        yield
        return
    from analysis import paths
    from analysis.intake.bring import bring
    from analysis.intake.overlay import Rules, join
    from analysis.runs.parameters import read_values

    brought = bring(files, read_values(declare, option="--declare"), accept)
    tables = join(brought, Rules(existing.value, spread))
    for one in brought:
        _print_account(one.checked, tables, existing, spread)
    with paths.reading(tables.processed):
        yield


def _print_account(checked: "Checked", tables: "Joined", existing: Existing, spread: bool) -> None:
    """What became of the rows of a file: nothing is left out unsaid."""
    from analysis.intake.check_own import not_inside
    from analysis.intake.gazetteer import gazetteer
    from analysis.intake.meaning import counted

    counts = checked.counts
    text = f"{checked.file}: {counts.rows} rows, {counts.rows_used} used"
    if counts.rows_aside:
        text += f", {counts.rows_aside} set aside (data/*.set_aside.csv)"
    if unplaced := tables.unplaced(checked):
        found = counted(unplaced, "figure")
        text += f"; {found} found no place in the panel (data/not_placed.csv)"
    if checked.recognised is not None or existing is not Existing.refuse:
        text += f"; figures of the panel that change: {tables.changed or 'none'} (data/changes.csv)"
    if checked.recognised is None and not spread:
        text = "; ".join([text, *not_inside(checked.observations, gazetteer())])
    open_console().print(text, soft_wrap=True, highlight=False, markup=False)


def _require_none(declare: "Sequence[str]", existing: Existing, spread: bool, accept: bool) -> None:
    """Refuse what is said about files when there are none."""
    from analysis.runs.parameters import UsageError

    said = {
        "--declare": declare,
        "--existing": existing is not Existing.refuse,
        "--spread": spread,
        "--accept-questions": accept,
    }
    for option, given in said.items():
        if given:
            raise UsageError(f"{option} says something of a file: give the file with --data")


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
    engine: EngineOption = Engine.forked,
) -> None:
    """Build the data, run every notebook, draw the figures, write the report.

    What an earlier run already covers is not done again, so it may be stopped and restarted.
    """
    from analysis.runs.notebooks import notebook_name
    from analysis.runs.parameters import REGISTRY
    from analysis.runs.reproduce import DATA, REPORT
    from analysis.runs.reproduce import reproduce as reproduce_all

    names = [notebook_name(name) for name in only or REGISTRY]
    with shown([DATA, *names, REPORT]) as notify:
        result = reproduce_all(
            names, jobs=jobs or processors(), force=force, engine=engine, notify=notify
        )
    _print_summary(result)
    if result.failed:
        raise typer.Exit(EXIT_FAILED)


def _print_results(record: "RunRecord", folder: Path) -> None:
    console = open_console()
    counts = ", ".join(f"{_count(record, kind)} {kind}" for kind in ("tables", "figures"))
    console.print(f"{record.title}: {counts}", highlight=False, markup=False)
    console.print(f"results: {folder}", soft_wrap=True, highlight=False, markup=False)


def _count(record: "RunRecord", kind: str) -> int:
    """How many tables or figures a run wrote; one that comes in several formats counts once."""
    return len({Path(name).stem for name in record.outputs if name.startswith(f"{kind}/")})


def _print_summary(result: "Reproduction") -> None:
    from analysis.runs.progress import WORDS

    counted = ("seconds", "figures", "tables")
    table = new_table("notebook", "result", *counted, numbers=counted)
    for outcome in result.outcomes:
        record = outcome.record
        seconds = f"{outcome.seconds:.1f}" if outcome.seconds else ""
        counts = [str(_count(record, kind)) if record else "" for kind in ("figures", "tables")]
        table.add_row(outcome.spec.name, WORDS[outcome.status], seconds, *counts)
    console = open_console()
    console.print(table)
    for outcome in result.outcomes:
        if outcome.message:
            complain(outcome.message)
    if result.index is not None:
        address = result.index.absolute().as_uri()
        console.print(f"report: {address}", soft_wrap=True, highlight=False, markup=False)
