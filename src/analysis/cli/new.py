"""``compendium new``: a notebook for a question of one's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.cli.application import app
from analysis.cli.printing import open_console

if TYPE_CHECKING:
    from analysis.intake.checked import Checked


@app.command(
    epilog="Examples:\n\n"
    '[bold]compendium new incubators --title "Do incubators raise employment?"[/]\n\n'
    "[bold]compendium new grants --data grants.csv[/]"
)
def new(
    name: Annotated[str, typer.Argument(help="Name of the notebook: letters, digits, - and _.")],
    title: Annotated[str, typer.Option("--title", help="Its heading, in one line.")] = "",
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FILE", help="A file of your own it is to be about."),
    ] = None,
) -> None:
    """Make a notebook that reads like a short paper and runs like the others.

    With [bold]--data[/] the file is checked first, and its first indicator becomes the outcome, or
    the regressor when it is money.
    """
    from analysis.runs.new_notebook import new_notebook

    defaults = _defaults(data) if data is not None else {}
    path = new_notebook(name, title, defaults)
    console = open_console()
    console.print(f"written: {path}", soft_wrap=True, highlight=False, markup=False)
    with_data = f" --data {data}" if data is not None else ""
    command = f"run it:  compendium run {name}{with_data}"
    console.print(command, soft_wrap=True, highlight=False, markup=False)


def _defaults(data: Path) -> dict[str, Any]:
    """Values for the cell of parameters that make the file's first indicator the subject."""
    from analysis.intake.bring import bring

    (one,) = bring([data], {}, accept_questions=True)
    return subject(one.checked)


def subject(checked: "Checked") -> dict[str, Any]:
    """The parameters that ask about the first indicator of a file."""
    from analysis.intake.own import main_column

    if not checked.indicators:
        return {}
    first = checked.indicators[0]
    found = checked.observations[checked.observations["indicator"].eq(first.name)]
    years = [int(found["year"].min()), int(found["year"].max())]
    level = min(2, int(found["nuts_level"].max()))
    column = main_column(first)
    if first.kind == "money":
        return {"regressors": [column], "years": years, "level": level}
    return {"outcome": column, "years": years, "level": level}
