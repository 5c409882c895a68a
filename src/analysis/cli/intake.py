"""``compendium data check``: what a file of one's own says, and all that is wrong with it."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.cli.application import EXIT_FAILED, data_app
from analysis.cli.printing import new_table, open_console

if TYPE_CHECKING:
    from analysis.intake.checked import Checked
    from analysis.intake.declaration import Declaration
    from analysis.intake.problems import UnreadableFile

#: Problems of one severity that are printed; --out writes them all.
SHOWN = 100

FilePath = Annotated[
    Path, typer.Argument(help="CSV, TSV, XLSX, Parquet, SDMX-CSV or Eurostat TSV.")
]


def _option(help_: str, *names: str) -> Any:
    return typer.Option(*names, help=help_, show_default=False)


@data_app.command(
    "check",
    epilog="Example: [bold]compendium data check aides.xlsx --unit k€ --name cluster_aid[/]. "
    "What the options say can also stand in FILE.yaml beside the file.",
)
def data_check(
    file: FilePath,
    sheet: Annotated[str, _option("Sheet of a workbook.")] = "",
    layout: Annotated[str, _option("long, years (one column each) or indicators.")] = "",
    geo: Annotated[str, _option("Column of territories.")] = "",
    year: Annotated[str, _option("Column of years.")] = "",
    value: Annotated[list[str] | None, _option("Column of figures; repeatable.")] = None,
    indicator: Annotated[str, _option("Column that names the series.")] = "",
    name: Annotated[str, _option("Name of the one series.")] = "",
    unit: Annotated[str, _option("Unit of the figures: EUR, k€, %, '% of GDP', number.")] = "",
    kind: Annotated[str, _option("count, money, rate or index, for a unit not known.")] = "",
    denominator: Annotated[str, _option("Panel column a rate is averaged by.")] = "",
    nuts: Annotated[str, _option("NUTS version of the codes: 2006 to 2024.")] = "",
    territories: Annotated[
        str, _option("Bare numbers: departements, regions-2015 or regions-2016.")
    ] = "",
    level: Annotated[int | None, _option("NUTS level of names: 0 to 3.")] = None,
    country: Annotated[str, _option("Country of names that several have: BE.")] = "",
    decimal: Annotated[str, _option("Decimal sign: , or .")] = "",
    aggregate: Annotated[str, _option("sum: add up rows of one territory and year.")] = "",
    periods: Annotated[str, _option("first or last: year that stands for 2014-2020.")] = "",
    dataset: Annotated[str, _option("Carried dataset the file is a vintage of, or own.")] = "",
    vintage: Annotated[str, _option("When the figures were published.")] = "",
    accept: Annotated[list[str] | None, _option("Rule of a question answered.")] = None,
    as_json: Annotated[bool, _option("Print JSON.", "--json")] = False,
    out: Annotated[
        Path | None, _option("Folder for figures, what is set aside, and problems.")
    ] = None,
    write_declaration: Annotated[
        bool, _option("Write FILE.yaml with what was understood.", "--write-declaration")
    ] = False,
) -> None:
    """Show what a file was understood to say, and every problem; nothing is changed.

    Exit status 0: ready to use. 1: refused, or questions are open. 2: wrong usage.
    """
    from analysis.intake.check import check
    from analysis.intake.declaration import read_declaration
    from analysis.intake.problems import UnreadableFile

    options = {
        "sheet": sheet, "layout": layout, "geo": geo, "year": year, "value": value,
        "indicator": indicator, "name": name, "unit": unit, "kind": kind,
        "denominator": denominator, "nuts": nuts, "territories": territories, "level": level,
        "country": country, "decimal": decimal, "aggregate": aggregate, "periods": periods,
        "dataset": dataset, "vintage": vintage, "accept": accept,
    }  # fmt: skip
    said = _with_options(read_declaration(file), options)
    try:
        checked = check(file, said, _panel())
    except UnreadableFile as refusal:
        _report_unreadable(refusal, file, out, as_json)
        raise
    if out is not None:
        _write_all(checked, out)
    if write_declaration:
        _write_sidecar(checked, file)
    if as_json:
        typer.echo(json.dumps(_as_data(checked), ensure_ascii=False, indent=1))
    else:
        _show(checked, file)
    if checked.errors or checked.questions:
        raise typer.Exit(EXIT_FAILED)


def _with_options(said: "Declaration", options: dict[str, Any]) -> "Declaration":
    """The declaration with the options in its place; wrong ones are wrong usage."""
    from analysis import CompendiumError
    from analysis.runs.parameters import UsageError

    try:
        return said.with_options(**options)
    except CompendiumError as error:
        raise UsageError(str(error)) from error


def _report_unreadable(
    refusal: "UnreadableFile", file: Path, out: Path | None, as_json: bool
) -> None:
    """All problems of a file without a table, where they were asked for."""
    problems = [asdict(each) for each in refusal.problems]
    text = json.dumps(
        {"file": file.name, "problems": problems, "status": "refused"},
        ensure_ascii=False,
        indent=1,
    )
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        _write(out / f"{file.name}.problems.json", text + "\n")
    if as_json:
        typer.echo(text)


def _panel() -> Any:
    """The panel's regions where they are built: scales are compared with them."""
    from analysis import paths

    regions = paths.PROCESSED / "regions.parquet"
    if not regions.is_file():
        return None
    import pandas as pd

    return pd.read_parquet(regions)


def _show(checked: "Checked", file: Path) -> None:
    console = open_console()
    table = new_table("understood", "")
    for question, answer in checked.understood:
        table.add_row(question, _plain(answer))
    console.print(table)
    counts = checked.counts
    lines = [
        *checked.notes,
        f"{counts.rows} rows in = {counts.rows_used} used + {counts.rows_aside} set aside; "
        f"{counts.cells} cells = {counts.cells_used} used + {counts.cells_aside} set aside",
        *_set_aside_by_rule(checked),
        *_problem_lines(checked),
        _verdict(checked, file),
    ]
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text("".join(char if char.isprintable() else " " for char in text))


def _set_aside_by_rule(checked: "Checked") -> list[str]:
    rules = checked.aside.groupby("rule", sort=True)["message"].agg(["size", "first"])
    return [f"  {row['size']} × {rule}: {row['first']}" for rule, row in rules.iterrows()]


def _problem_lines(checked: "Checked") -> list[str]:
    from analysis.intake.problems import sentence

    titles = {"error": "problem", "question": "question", "aside": "set aside"}
    lines: list[str] = []
    for severity, title in titles.items():
        mine = [each for each in checked.problems if each.severity == severity]
        plural = "s" if len(mine) > 1 and severity != "aside" else ""
        lines += [f"{len(mine)} {title}{plural}:"] if mine else []
        lines += [f"  {sentence(each)}" for each in mine[:SHOWN]]
        if len(mine) > SHOWN:
            lines.append(f"  … and {len(mine) - SHOWN} more; --out DIR writes them all")
    return lines


def _verdict(checked: "Checked", file: Path) -> str:
    if checked.errors or checked.questions:
        refused = "refused" if checked.errors else "usable once the questions are answered"
        return (
            f"{checked.file}: {refused}. What has to be said can stand in {file.name}.yaml "
            f"(written by --write-declaration):\n{checked.sidecar}"
        )
    figures = len(checked.observations)
    if checked.recognised:
        return f"{checked.file}: a vintage of {checked.recognised.code}, {figures} figures."
    return f"{checked.file}: ready to use, {figures} figures."


def _as_data(checked: "Checked") -> dict[str, Any]:
    return {
        "file": checked.file,
        "sha256": checked.sha256,
        "recognised": asdict(checked.recognised) if checked.recognised else None,
        "understood": [list(pair) for pair in checked.understood],
        "notes": list(checked.notes),
        "nuts_version": checked.nuts_version,
        "nuts_evidence": list(checked.nuts_evidence),
        "indicators": [asdict(each) for each in checked.indicators],
        "counts": asdict(checked.counts),
        "problems": [asdict(each) for each in checked.problems],
        "figures": len(checked.observations),
        "status": "refused" if checked.errors else "questions" if checked.questions else "ready",
    }


def _write_all(checked: "Checked", folder: Path) -> None:
    """Figures, what is set aside and the problems, as CSV and JSON, each put in place whole."""
    from analysis.intake.aside import csv_text

    folder.mkdir(parents=True, exist_ok=True)
    stem = checked.file
    texts = {
        f"{stem}.figures.csv": csv_text(checked.observations),
        f"{stem}.set-aside.csv": csv_text(checked.aside),
        f"{stem}.problems.json": json.dumps(_as_data(checked), ensure_ascii=False, indent=1) + "\n",
    }
    for name, text in texts.items():
        _write(folder / name, text)


def _write(path: Path, text: str) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    scratch.write_text(text, encoding="utf-8", newline="\n")
    scratch.replace(path)


def _write_sidecar(checked: "Checked", file: Path) -> None:
    from analysis import CompendiumError
    from analysis.intake.declaration import sidecar_path

    sidecar = sidecar_path(file)
    if sidecar.exists():
        raise CompendiumError(f"{sidecar} exists; change it by hand or remove it first")
    _write(sidecar, checked.sidecar)
