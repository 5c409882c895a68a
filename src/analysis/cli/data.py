"""``compendium data``: what there is, and building the panel from it."""

from typing import Annotated, Any

import typer

from analysis.cli.application import data_app
from analysis.cli.printing import new_table, open_console


@data_app.command("list", epilog="Example: [bold]compendium data list[/]")
def data_list() -> None:
    """Show the published datasets carried in data/raw, with what they cover."""
    from analysis import sources

    listing = sources.listing()
    columns = ("table", "dataset", "title", "vintage", "years", "places", "rows", "publisher")
    table = new_table(*columns, numbers=("places", "rows"))
    for row in listing.to_dict("records"):
        years = "–".join(_cell(row[column]) for column in ("first_year", "last_year")).strip("–")
        cells = [row["table"], row["dataset"], row["title"], row["vintage"], years]
        table.add_row(*map(_cell, [*cells, row["geos"], row["rows"], row["publisher"]]))
    open_console().print(table)


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
    table = new_table("table", "rows", numbers=("rows",))
    for name, rows in summary.rows.items():
        table.add_row(name, f"{rows}")
    console = open_console()
    console.print(table)
    state = "built" if summary.built else "up to date"
    console.print(f"{state}: {summary.folder}", soft_wrap=True, highlight=False, markup=False)
