"""``compendium compare``: two runs of one notebook side by side."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.cli.application import Language, app
from analysis.cli.printing import new_table, open_console

if TYPE_CHECKING:
    from analysis.report.comparison import Comparison

#: Rows of estimates printed at most; the page and the JSON have all.
SHOWN = 20
Run = Annotated[str, typer.Argument(help="Folder of a run, or NOTEBOOK/KEY, or KEY.")]


@app.command(
    epilog="Examples:\n\n"
    "[bold]compendium compare 05_cluster_funding/a63d 05_cluster_funding/77b4[/]\n\n"
    "[bold]compendium compare results/before results/after --out results/comparison[/]"
)
def compare(
    run_a: Run,
    run_b: Run,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for comparison.html and .json."),
    ] = None,
    lang: Annotated[Language, typer.Option("--lang", help="Language of the page.")] = Language.en,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two runs of one notebook: inputs, estimates, verdicts, observations.

    Differences of estimates are B minus A, in standard errors of A. The beginning of a key is
    enough where it is the only one that begins so.
    """
    from analysis.atomic import write_atomically
    from analysis.report.comparison import compare_runs, comparison_page
    from analysis.runs.record import find_run

    comparison = compare_runs(find_run(run_a), find_run(run_b))
    text = json.dumps(comparison.as_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if out is not None:
        write_atomically(out / "comparison.json", text.encode())
        page = out / "comparison.html"
        write_atomically(page, comparison_page(comparison, lang.value).encode())
        open_console().print(f"page: {page.absolute().as_uri()}", soft_wrap=True, markup=False)
    if as_json:
        typer.echo(text, nl=False)
    elif out is None:
        _print(comparison)


def _print(comparison: "Comparison") -> None:
    console = open_console()
    for title, frame in (("parameters", comparison.parameters), ("versions", comparison.versions)):
        if len(frame):
            table = new_table(title, "A", "B")
            for row in frame.itertuples(index=False):
                table.add_row(*row)
            console.print(table)
    changed = comparison.inputs[comparison.inputs["state"] != "same"]
    words = [f"{row.name or row.input} {row.state}" for row in changed.itertuples()]
    console.print(f"inputs: {', '.join(words) or 'the same'}", highlight=False, markup=False)
    _print_verdicts(comparison)
    _print_estimates(comparison)
    moved = comparison.observations[["entered", "left"]].gt(0).any(axis=1)
    for row in comparison.observations[moved].itertuples():
        console.print(
            f"{row.model}: {row.both} observations in both, {row.entered} entered, {row.left} left",
            highlight=False,
            markup=False,
        )


def _print_verdicts(comparison: "Comparison") -> None:
    if not len(comparison.verdicts):
        return
    sizes = ("estimate A", "estimate B")
    table = new_table("claim", "verdict A", "verdict B", *sizes, "", numbers=sizes)
    for row in comparison.verdicts.itertuples():
        numbers = (_number(row.estimate_a), _number(row.estimate_b))
        state = "" if row.state == "same" else row.state
        table.add_row(row.claim, row.word_a, row.word_b, *numbers, state)
    open_console().print(table)


def _number(value: float) -> str:
    return "" if value != value else f"{value:.4g}"


def _print_estimates(comparison: "Comparison") -> None:
    moved = comparison.estimates[comparison.estimates["state"] != "same"]
    console = open_console()
    if not len(moved):
        console.print("estimates: the same", highlight=False)
        return
    sizes = ("A", "(error)", "B", "(error)", "B - A in errors")
    table = new_table("model", "term", *sizes, "", numbers=sizes)
    first = moved.sort_values("in_std_errors", key=abs, ascending=False, kind="stable").head(SHOWN)
    for row in first.itertuples():
        values = (row.estimate_a, row.std_error_a, row.estimate_b, row.std_error_b)
        shown = map(_number, values)
        gap = "" if row.in_std_errors != row.in_std_errors else f"{row.in_std_errors:+.2f}"
        table.add_row(row.model, row.term, *shown, gap, "" if row.state == "changed" else row.state)
    console.print(table)
    if len(moved) > SHOWN:
        console.print(f"{len(moved) - SHOWN} more: --json or --out shows all", highlight=False)
