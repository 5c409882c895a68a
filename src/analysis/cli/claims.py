"""``compendium claims``: the register with its verdicts."""

from pathlib import Path
from typing import Annotated, Any

import typer

from analysis.cli.application import EXIT_FAILED, Language, app
from analysis.cli.printing import complain, new_table, open_console


@app.command(
    epilog="Examples:\n\n[bold]compendium claims[/]\n\n"
    "[bold]compendium claims --lang fr --json > verdicts.json[/]\n\n"
    "[bold]compendium claims --runs results/france/05 --runs results/france/07[/]"
)
def claims(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one row per claim.")] = False,
    lang: Annotated[Language, typer.Option("--lang", help="Language.")] = Language.en,
    runs: Annotated[
        list[Path] | None,
        typer.Option("--runs", metavar="DIR", help="Folder of a run to read; may be repeated."),
    ] = None,
) -> None:
    """Print the register of claims with the verdicts of the finished runs.

    Without [bold]--runs[/] the runs of [bold]compendium reproduce[/] are read. Exit status 1 when
    a claim that can be tested has no verdict because its notebook has not been run.
    """
    from analysis.claims.assembly import assemble, row

    entries = assemble(runs if runs else _reproduced())
    rows = [row(entry, lang.value) for entry in entries]
    if as_json:
        import json

        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        _print_claims(rows, lang.value)
    if any(entry.verdict is None for entry in entries):
        raise typer.Exit(EXIT_FAILED)


def _reproduced() -> list[Path]:
    """Folders of the finished default runs; none where the data have not been built."""
    from analysis.runs.record import current_inputs
    from analysis.runs.reproduce import finished_runs

    return finished_runs(current_inputs())


def _print_claims(rows: list[dict[str, Any]], lang: str) -> None:
    from analysis.claims.sentences import label, texts

    names = ("claim", "verdict", "estimate", "interval", "unit", "agreement", "q", "notebook")
    table = new_table("", *(label(name, lang) for name in names))
    for row in rows:
        sizes = [row["estimate"], row["ci_low"], row["ci_high"]]
        shown = ["" if size is None else texts(lang).number(size, significant=3) for size in sizes]
        interval = f"{shown[1]} … {shown[2]}" if shown[1] else ""
        share = row["agreement_share"]
        agreement = "" if share is None else texts(lang).percent(100 * share)
        q = "" if row["q_value"] is None else texts(lang).number(row["q_value"], decimals=3)
        cells = [row["id"], row["claim"], row["verdict_word"], shown[0], interval]
        table.add_row(*cells, row["unit"] or "", agreement, q, row["notebook"])
    open_console().print(table)
    for reason in sorted({row["reason"] for row in rows if row["verdict"] is None}):
        ids = [row["id"] for row in rows if row["verdict"] is None and row["reason"] == reason]
        complain(f"{reason} ({', '.join(ids)})")
