"""``compendium params``, ``run`` and ``reproduce``: notebooks with parameters."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.cli.application import EXIT_FAILED, app
from analysis.cli.printing import complain, new_table, open_console, processors, shown

if TYPE_CHECKING:
    from analysis.runs.record import RunRecord
    from analysis.runs.reproduce import Reproduction


@app.command(epilog="Example: [bold]compendium params 05_cluster_funding[/]")
def params(
    notebook: Annotated[str, typer.Argument(help="Name of a notebook, as 05_cluster_funding.")],
) -> None:
    """Show what may be set in a notebook: types, defaults, allowed values."""
    from analysis.runs.notebooks import notebook_name
    from analysis.runs.parameters import describe, model_of

    name = notebook_name(notebook)
    console = open_console()
    console.print(f"{name}: {model_of(name).__doc__}", highlight=False, markup=False)
    table = new_table("parameter", "default", "meaning and allowed values")
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
    with shown([DATA, source.name]) as notify:
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
    with shown([DATA, *names, REPORT]) as notify:
        result = reproduce_all(names, jobs=jobs or processors(), force=force, notify=notify)
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
