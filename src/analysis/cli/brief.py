"""``compendium brief``: one page on each territory."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from analysis.cli.application import app
from analysis.cli.printing import open_console, processors

#: Territories whose files are named one by one.
_FEW = 10


class Languages(StrEnum):
    """Languages of briefs."""

    en = "en"
    fr = "fr"
    both = "both"


class Formats(StrEnum):
    """Formats of briefs."""

    html = "html"
    pdf = "pdf"
    both = "both"


@app.command(
    epilog="Examples:\n\n[bold]compendium brief FR10 --lang fr --format pdf[/]\n\n"
    "[bold]compendium brief FR10 DE21 RO11 --runs results/france/05[/]\n\n"
    "[bold]compendium brief all-nuts2 --lang both --format pdf[/]"
)
def brief(
    codes: Annotated[
        list[str],
        typer.Argument(
            metavar="CODE…",
            help="Codes of NUTS 2013, level 0 to 3, or all, all-nuts0, … all-nuts3.",
        ),
    ],
    lang: Annotated[Languages, typer.Option("--lang", help="Language.")] = Languages.en,
    kind: Annotated[Formats, typer.Option("--format", help="Format.")] = Formats.html,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder; default: reports/briefs."),
    ] = None,
    runs: Annotated[
        list[Path] | None,
        typer.Option("--runs", metavar="DIR", help="Folder of a run to read; may be repeated."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Default: processors.")
    ] = None,
) -> None:
    """Write a page on each territory: advances, obstacles, solutions, measures.

    Figures come from the panel and verdicts from finished runs: those of [bold]compendium
    reproduce[/] unless [bold]--runs[/] names others. A code of another NUTS map is refused with
    the code it has here.
    """
    from analysis import paths
    from analysis.report.brief import UnknownTerritoryError, load, write_briefs
    from analysis.report.brief.context import map_changes
    from analysis.runs.parameters import UsageError
    from analysis.runs.record import current_inputs
    from analysis.runs.reproduce import finished_runs

    context = load(runs or finished_runs(current_inputs()))
    try:
        chosen = context.territories.chosen(codes, map_changes())
    except UnknownTerritoryError as error:
        raise UsageError(str(error)) from None
    langs = ("en", "fr") if lang is Languages.both else (lang.value,)
    formats = ("html", "pdf") if kind is Formats.both else (kind.value,)
    folder = out if out is not None else paths.REPORTS / "briefs"
    written = write_briefs(
        context, chosen, folder, langs=langs, formats=formats, jobs=jobs or processors()
    )
    files = [file.name for file in written]
    console = open_console()
    for name in files if len(chosen) <= _FEW else ():
        console.print(name, highlight=False, markup=False)
    console.print(f"{len(files)} files: {folder}", soft_wrap=True, highlight=False, markup=False)
