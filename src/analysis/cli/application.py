"""The application the commands belong to, and what its exit statuses mean."""

from enum import StrEnum
from typing import Annotated

import typer

EXIT_FAILED, EXIT_USAGE = 1, 2


class Language(StrEnum):
    """Languages in which results are printed."""

    en = "en"
    fr = "fr"


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
data_app = typer.Typer(no_args_is_help=True, help="See, build, check and refresh the data.")
app.add_typer(data_app, name="data")


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
