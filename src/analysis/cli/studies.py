"""``compendium studies``: list, run, show, new, estimators."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.cli.application import EXIT_FAILED
from analysis.cli.application import app as root
from analysis.cli.printing import new_table, open_console

if TYPE_CHECKING:
    from analysis.studies.compare import Report

app = typer.Typer(
    no_args_is_help=True,
    help="Published studies: compute their printed numbers again and compare digit by digit.",
)
root.add_typer(app, name="studies")

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Folder with the data of studies, one folder per study.",
    ),
]
Studies = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID|PATH]...", help="Studies by id or folder; all by default."),
]


@app.command("list", epilog="Example: [bold]compendium studies list[/]")
def list_studies() -> None:
    """Show the studies, with where their data come from."""
    from analysis.studies.folders import find_studies
    from analysis.studies.published import read_published
    from analysis.studies.schema import read_study

    table = new_table("study", "title", "numbers", "data", numbers=("numbers",))
    for folder in find_studies([]):
        study = read_study(folder)
        sources = [one.package or one.url or one.file or "" for one in study.study.data.values()]
        data = ", ".join(source for source in sources if source)
        count = len(read_published(study.published_file))
        table.add_row(study.study.id, study.study.title, str(count), data)
    open_console().print(table)


@app.command(
    "run",
    epilog="Examples:\n\n[bold]compendium studies run[/]\n\n"
    "[bold]compendium studies run card1995_schooling my/folder/smith2020 --data-dir data[/]",
)
def run(
    studies: Studies = None,
    data_dir: DataDir = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print counts and every number as JSON.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Studies at a time; default: processors."),
    ] = None,
) -> None:
    """Compute studies and compare them with what is printed.

    Exit status 1 when a number that ran is different without a known reason, when a printed number
    is claimed by no model, or when something failed. Data that are not on the machine are not a
    failure, and their numbers are never counted as reproduced.
    """
    from analysis.studies.folders import find_studies
    from analysis.studies.run import run_studies

    folders = find_studies(studies or [])
    with _progress(len(folders)) as notify:
        reports = run_studies(folders, data_dir, jobs or os.cpu_count() or 1, notify)
    if as_json:
        _print_json(reports)
    else:
        _print_reports(reports)
    if any(report.failed for report in reports):
        raise typer.Exit(EXIT_FAILED)


@app.command(
    "show", epilog="Example: [bold]compendium studies show card1995_schooling --data-dir data[/]"
)
def show(
    study: Annotated[str, typer.Argument(metavar="ID|PATH", help="A study by id or folder.")],
    data_dir: DataDir = None,
) -> None:
    """Show every printed number of a study beside ours."""
    from analysis.studies.folders import find_studies
    from analysis.studies.pages import comparison_frame
    from analysis.studies.run import run_study

    report = run_study(find_studies([study])[0], data_dir)
    console = open_console()
    frame = comparison_frame(report)
    places, sizes = ("column", "row", "statistic"), ("printed", "computed", "difference")
    for name, rows in frame.groupby("table", sort=False):
        table = new_table(*places, *sizes, "verdict", numbers=sizes)
        table.title, table.title_justify = str(name), "left"
        for row in rows.to_dict("records"):
            difference = row["relative difference"]
            shown = "" if difference != difference else f"{difference:+.1e}"
            cells = [row[key] for key in ("column", "row", "statistic", "printed", "computed")]
            table.add_row(*map(_escape, cells), shown, _coloured(row["verdict"]))
        console.print(table)
    _print_reports([report])
    if report.failed:
        raise typer.Exit(EXIT_FAILED)


@app.command("new", epilog="Example: [bold]compendium studies new smith2020_clusters[/]")
def new(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Name of the new study.")],
) -> None:
    """Begin a study: write a commented study.yaml and an empty published.csv."""
    from analysis.studies.folders import studies_folder
    from analysis.studies.template import new_study

    folder = new_study(identifier, studies_folder())
    open_console().print(f"{folder}", soft_wrap=True, highlight=False, markup=False)


@app.command("estimators", epilog="Example: [bold]compendium studies estimators ols[/]")
def estimators(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show one estimator in full.")
    ] = None,
) -> None:
    """Show what a study can estimate, and with which options."""
    import inspect

    from analysis.models import registry

    console = open_console()
    if name is not None:
        arguments = ", ".join(map(str, registry.arguments_of(name).values()))
        text = f"{name}({arguments})\n\n{registry.explanation(name)}"
        console.print(text, highlight=False, markup=False)
        return
    table = new_table("estimator", "what it is", "arguments")
    for one in sorted(registry.ESTIMATORS):
        summary = (inspect.getdoc(registry.load(one)) or "").partition("\n\n")[0]
        table.add_row(
            one, _escape(" ".join(summary.split())), ", ".join(registry.arguments_of(one))
        )
    console.print(table)


# --- printing ----------------------------------------------------------------------------------


@contextmanager
def _progress(total: int) -> "Iterator[Callable[[Report], None]]":
    """A bar on the terminal's error stream while studies run; nothing off a terminal."""
    from rich.progress import Progress

    console = open_console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("computing studies", total=total)
        yield lambda report: bar.update(task, advance=1, description=report.study)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _coloured(verdict: str) -> str:
    colours = {
        "exact": "green",
        "rounded twice": "yellow",
        "last digit": "yellow",
        "different": "red",
        "unmapped": "red",
    }
    return f"[{colours[verdict]}]{verdict}[/]" if verdict in colours else verdict


def _print_json(reports: "list[Report]") -> None:
    import json

    counts = _totals(reports)
    result = {
        "counts": counts,
        "numbers": sum(counts.values()),
        "studies": [report.as_dict() for report in reports],
    }
    typer.echo(json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False))


def _totals(reports: "list[Report]") -> dict[str, int]:
    from analysis.studies.compare import VERDICTS

    return {verdict: sum(report.counts[verdict] for report in reports) for verdict in VERDICTS}


def _print_reports(reports: "list[Report]") -> None:
    from analysis.studies.pages import WORDS

    totals = _totals(reports)
    verdicts = [verdict for verdict in totals if totals[verdict] or verdict == "exact"]
    console = open_console()
    counted = ("numbers", *(WORDS[verdict] for verdict in verdicts), "seconds")
    table = new_table("study", *counted, numbers=counted)
    table.columns[0].no_wrap = True
    for report in reports:
        counts = [str(report.counts[verdict] or "") for verdict in verdicts]
        seconds = f"{report.seconds:.1f}"
        table.add_row(report.study, str(len(report.comparisons)), *counts, seconds)
    if len(reports) > 1:
        table.add_section()
        shown = [str(totals[verdict]) for verdict in verdicts]
        table.add_row("all", str(sum(totals.values())), *shown, "")
    console.print(table)
    for report in reports:
        for line in _remarks(report):
            console.print(line, soft_wrap=True, highlight=False, markup=False)


def _remarks(report: "Report") -> list[str]:
    """What needs saying of a study besides its counts."""
    if report.absent:
        return [f"not run: {report.absent}"]
    lines = [f"problem: {error}" for error in report.errors]
    failed = set(report.errors)
    for one in report.comparisons:
        if one.verdict == "exact" or one.reason in failed:
            continue
        what = f"{report.study}: {one.table} | {one.row} | {one.column} | {one.statistic}"
        numbers = f"printed {one.printed}"
        if one.computed == one.computed:
            numbers += f", computed {one.computed:.10g}"
        lines.append(f"{one.verdict.replace('_', ' ')}: {what}: {numbers}. {one.reason}".rstrip())
    return lines
