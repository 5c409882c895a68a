"""``compendium site``: the site, from finished runs."""

from pathlib import Path
from typing import Annotated

import typer

from analysis.cli.application import app
from analysis.cli.printing import open_console


@app.command(
    epilog="Examples:\n\n[bold]compendium site[/]\n\n"
    "[bold]compendium site --out hand_over --runs results/france/05 --runs results/france/07[/]"
)
def site(
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Where to write; default: reports/site."),
    ] = None,
    runs: Annotated[
        list[Path] | None,
        typer.Option("--runs", metavar="DIR", help="Folder of a run to read; may be repeated."),
    ] = None,
) -> None:
    """Build the site that people look at, in English and French, from finished runs.

    Without [bold]--runs[/] the runs of [bold]compendium reproduce[/] are read. Nothing is computed,
    and nothing is written when nothing has changed. It opens from disk, without a network.
    """
    from analysis import CompendiumError, paths
    from analysis.report.site import build_site
    from analysis.runs.record import current_inputs
    from analysis.runs.reproduce import finished_runs

    folders = runs or finished_runs(current_inputs())
    if not folders:
        raise CompendiumError("no finished run to make a site of; start with: compendium reproduce")
    index = build_site(folders, out or paths.REPORTS / "site")
    address = index.absolute().as_uri()
    open_console().print(f"site: {address}", soft_wrap=True, highlight=False, markup=False)
