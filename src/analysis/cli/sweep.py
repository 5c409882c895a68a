"""``compendium sweep``: one notebook over a grid of parameters."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.cli.application import EXIT_FAILED, app
from analysis.cli.notebooks import (
    AcceptOption,
    DataOption,
    DeclareOption,
    EngineOption,
    Existing,
    ExistingOption,
    SpreadOption,
    joined,
)
from analysis.cli.printing import complain, new_table, open_console, processors, shown
from analysis.runs.launchers import Engine

if TYPE_CHECKING:
    import pandas as pd

    from analysis.runs.sweep import Result, Sweep

#: Failures printed one by one; the table has all.
_SHOWN = 10
_COUNTED = ("runs", "done", "up to date", "failed", "headlines", "without an estimate")
_AS_IS: dict[str, Any] = {"soft_wrap": True, "highlight": False, "markup": False}


@app.command(
    epilog="Examples:\n\n"
    "[bold]compendium sweep 03_knowledge_production --grid countries=FR,DE,IT "
    "--grid lag=1,2,3[/]\n\n"
    "[bold]compendium sweep 05_cluster_funding --grid countries=FR+DE,IT+ES "
    "-p years=2000-2012 --jobs 4 --shard 1/3[/]\n\n"
    "[bold]compendium sweep 05_cluster_funding --resume --out results/sweep[/]"
)
def sweep(
    notebook: Annotated[str, typer.Argument(help="Name of a notebook, as 05_cluster_funding.")],
    grid: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            metavar="KEY=A,B",
            help="A run for each value, all combinations of several --grid; + joins the items of "
            "a list, as in countries=FR+DE,IT.",
        ),
    ] = None,
    p: Annotated[
        list[str] | None,
        typer.Option("-p", metavar="KEY=VALUE", help="The same value in all runs; repeatable."),
    ] = None,
    params_file: Annotated[
        Path | None,
        typer.Option(
            "--params-file",
            metavar="FILE",
            help="YAML or JSON: lists of values by name; CSV: a column per parameter, a row per "
            "run.",
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Runs at a time; default: processors.")
    ] = None,
    shard: Annotated[
        str, typer.Option("--shard", metavar="I/N", help="Only every N-th run, from the I-th.")
    ] = "1/1",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the sweep in --out, on the same data.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for the tables, new or empty."),
    ] = None,
    estimate: Annotated[
        str,
        typer.Option(
            "--estimate",
            metavar="MODEL:TERM",
            help="Follow this estimate; default: the headlines of the claims.",
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the grid, say what would be run, stop.")
    ] = False,
    timeout: Annotated[
        int, typer.Option("--timeout", metavar="SECONDS", min=1, help="Longest a cell may take.")
    ] = 600,
    engine: EngineOption = Engine.forked,
    data: DataOption = None,
    existing: ExistingOption = Existing.refuse,
    spread: SpreadOption = False,
    declare: DeclareOption = None,
    accept_questions: AcceptOption = False,
) -> None:
    """Run a notebook over a grid of parameters; tables and a figure of what came of it.

    The whole grid is checked before anything starts. A run that an earlier command made is not
    made again; one that fails is listed, and the others go on (exit status 1). Stopped with
    Ctrl-C, the same command goes on from there. Files given with [bold]--data[/] join the panel
    for all runs.
    """
    from analysis.runs.notebooks import notebook_name
    from analysis.runs.record import current_inputs
    from analysis.runs.reproduce import DATA, prepare
    from analysis.runs.sweep import Request, check, read_shard, requested

    request = Request(
        notebook_name(notebook),
        axes=grid or [],
        fixed=p or [],
        file=params_file,
        shard=read_shard(shard),
        resume=resume,
        out=out,
        estimate=estimate,
        cell_timeout=timeout,
    )
    if not data:
        check(request)  # before the data are built
    with shown([DATA]) as notify:
        prepare(notify=notify)
    with joined(data or [], declare or [], existing, spread, accept_questions):
        planned = requested(request, current_inputs())
        _announce(planned, jobs or processors())
        if not dry_run:
            _run(planned, jobs or processors(), engine)


def _announce(sweep: "Sweep", jobs: int) -> None:
    """How many runs there are, how many are there already, how long the others may take."""
    from analysis.runs.progress import duration
    from analysis.runs.sweep import finished, usual_seconds

    there = len(finished(sweep))
    left = len(sweep.specs) - there
    text = f"{sweep.name}: {len(sweep.specs):,} runs, {there:,} of them up to date"
    usual = usual_seconds(sweep.name)
    if left and usual is not None:
        text += f"; the others may take {duration(usual * left / min(jobs, left))}"
    elif left:
        text += "; how long one takes is not known yet"
    open_console().print(text, markup=False, highlight=False)


def _run(sweep: "Sweep", jobs: int, engine: Engine) -> None:
    from analysis.runs.progress import sweep_display
    from analysis.runs.sweep import run_sweep
    from analysis.runs.sweep_tables import write_results

    console = open_console()
    try:
        with sweep_display(console, len(sweep.specs)) as notify:
            result = run_sweep(sweep, jobs=jobs, engine=engine, notify=notify)
    except KeyboardInterrupt:
        complain("Interrupted. What was finished is kept; the same command goes on from there.")
        raise
    headlines = write_results(sweep, result)
    _print_result(sweep, result, headlines)
    if result.failed:
        raise typer.Exit(EXIT_FAILED)


def _print_result(sweep: "Sweep", result: "Result", headlines: "pd.DataFrame") -> None:
    console = open_console()
    table = new_table(*_COUNTED, numbers=_COUNTED)
    runs = (len(sweep.specs), len(result.done), len(result.current), len(result.failed))
    estimated = headlines["estimate"].count()
    table.add_row(*(f"{count:,}" for count in (*runs, estimated, len(headlines) - estimated)))
    console.print(table)
    for message in list(result.failed.values())[:_SHOWN]:
        complain(message)
    if len(result.failed) > _SHOWN:
        complain(f"and {len(result.failed) - _SHOWN:,} more, in failures.csv")
    if headlines.empty:
        console.print(
            "no headline: the notebook weighs no claim; follow a number with --estimate model:term",
            highlight=False,
        )
    for reason, count in headlines["reason"][headlines["reason"] != ""].value_counts().items():
        console.print(f"without an estimate, {count:,} times: {reason}", **_AS_IS)
    console.print(f"results: {sweep.folder}", **_AS_IS)
