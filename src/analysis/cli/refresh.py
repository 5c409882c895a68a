"""``compendium data fetch`` and ``compendium data diff``: new releases, and what they change."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis import paths
from analysis.cli.application import EXIT_FAILED, Language, data_app
from analysis.cli.printing import complain, new_table, open_console

if TYPE_CHECKING:
    import pandas as pd

    from analysis.sources.comparison import Compared
    from analysis.sources.fetch.refresh import Outcome

FETCHED = paths.ROOT / "data" / "fetched"
DOWNLOADS = paths.ROOT / "data" / "downloads"


@data_app.command(
    "fetch",
    epilog="Examples:\n\n[bold]compendium data fetch --list[/]\n\n"
    "[bold]compendium data fetch rd_e_gerdreg worldbank_wdi[/]\n\n"
    "[bold]compendium data fetch nama_10r_2gdp --adopt[/]",
)
def data_fetch(
    datasets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DATASET]…", help="Codes of datasets or tables; default: all."),
    ] = None,
    show_list: Annotated[
        bool, typer.Option("--list", help="Show how each dataset is fetched, or why it is not.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody; use the answers at hand, say how old.")
    ] = False,
    from_cache: Annotated[
        bool, typer.Option("--from-cache", help="Ask only for what is not at hand already.")
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Folder of fetched tables; default data/fetched."),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Publishers asked at a time.")
    ] = 4,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Then put the figures into data/raw.")
    ] = False,
) -> None:
    """Fetch datasets anew from their publishers, into a folder beside data/raw.

    The carried figures in data/raw stay as they are unless [bold]--adopt[/] is given, which first
    shows what changes. A dataset that cannot be fetched leaves what there was; the others go on,
    and the exit status is 1.
    """
    from analysis.sources.declared import declaration
    from analysis.sources.fetch.refresh import Folders, fetch_listing, refresh

    if show_list:
        _print_listing(fetch_listing(declaration()))
        return
    folders = Folders(paths.RAW, to or FETCHED, DOWNLOADS)
    try:
        outcomes = refresh(
            datasets or [],
            folders,
            declaration(),
            offline=offline,
            from_cache=from_cache,
            jobs=jobs,
            notify=_print_outcome,
        )
    except KeyboardInterrupt:
        complain("Interrupted. What was fetched is kept.")
        raise
    done = [outcome for outcome in outcomes if outcome.entry is not None]
    if offline or from_cache:
        _print_ages(done)
    open_console().print(
        f"{len(done)} of {len(outcomes)} datasets are in {folders.fetched}", soft_wrap=True,
        highlight=False, markup=False,
    )  # fmt: skip
    if adopt:
        for outcome in done:
            _adopt(outcome, folders.fetched)
    failed = [outcome for outcome in outcomes if outcome.entry is None]
    if failed:
        complain("\n".join(["Not fetched:", *(_failure(outcome) for outcome in failed)]))
        raise typer.Exit(EXIT_FAILED)


def _print_listing(listing: "pd.DataFrame") -> None:
    table = new_table("table", "dataset", "carried", "fetched from", "query, or why not")
    for row in listing.to_dict("records"):
        table.add_row(row["table"], row["dataset"], row["vintage"], row["client"], row["how"])
    open_console().print(table)


def _print_outcome(outcome: "Outcome") -> None:
    """One line as soon as a dataset is done, with the account of its figures."""
    entry = outcome.entry
    if entry is None:
        return
    parts = [f"{entry.rows} figures of {entry.vintage}"]
    parts += [f"{count} set aside: {reason}" for reason, count in entry.set_aside.items()]
    parts += [f"{entry.not_asked} rows of other codes than those asked for"] * bool(entry.not_asked)
    parts += [f"not in the answer: {', '.join(entry.absent)}"] * bool(entry.absent)
    line = f"{outcome.place.dataset.code}: {'; '.join(parts)}"
    open_console().print(line, soft_wrap=True, highlight=False, markup=False)


def _print_ages(done: "list[Outcome]") -> None:
    """How old the answers are that were used again."""
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    for outcome in done:
        assert outcome.entry is not None
        fetched = datetime.fromisoformat(outcome.entry.fetched)
        line = (
            f"{outcome.place.dataset.code}: answer of {fetched:%Y-%m-%d %H:%M} UTC, "
            f"{(now - fetched).days} days old"
        )
        open_console().print(line, soft_wrap=True, highlight=False, markup=False)


def _failure(outcome: "Outcome") -> str:
    return f"  {outcome.place.dataset.code}: {outcome.failure}"


def _adopt(outcome: "Outcome", fetched: Path) -> None:
    """Show what changes, then replace the carried figures."""
    from analysis.sources.comparison import compare
    from analysis.sources.fetch.adopt import adopt

    code = outcome.place.dataset.code
    for compared in compare(paths.RAW, fetched, [code]):
        _print_compared(compared, Language.en)
    table = adopt(code, outcome.place.position, fetched, paths.RAW)
    line = f"{code}: adopted into data/raw ({table.rows} rows in its table); build the data anew"
    open_console().print(line, soft_wrap=True, highlight=False, markup=False)


# --- data diff -------------------------------------------------------------------------------


@data_app.command(
    "diff",
    epilog="Examples:\n\n[bold]compendium data diff[/]\n\n"
    "[bold]compendium data diff nama_10r_2gdp --out revisions[/]\n\n"
    "[bold]compendium data diff --against ../older/data/raw --json[/]",
)
def data_diff(
    datasets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DATASET]…", help="Codes of datasets; default: all in both."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against", metavar="DIR", help="Tables to compare with; default data/fetched."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write CSV files and figures there."),
    ] = None,
    lang: Annotated[Language, typer.Option("--lang", help="Language.")] = Language.en,
) -> None:
    """Show what another release changes in the carried figures.

    [bold]--against[/] takes a folder of fetched tables or another data/raw. Values count as equal
    to the precision that both releases print.
    """
    from analysis.sources.comparison import compare, summary

    compared = compare(paths.RAW, against or FETCHED, datasets or [])
    if as_json:
        import json

        rows = [summary(each) for each in compared]
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        for each in compared:
            _print_compared(each, lang)
    if out is not None:
        _write_revisions(compared, out, lang)


def _print_compared(compared: "Compared", lang: Language) -> None:
    from analysis.report.revision_figure import revision_sentence
    from analysis.sources.revisions import KINDS, largest, tally

    console = open_console()
    title = f"{compared.code} ({compared.before} → {compared.after})"
    sentence = revision_sentence(compared.revised, title, lang.value)
    console.print(sentence, soft_wrap=True, highlight=False, markup=False)
    if compared.revised.series_gone:
        gone = ", ".join(compared.revised.series_gone)
        console.print(f"not in the other release: {gone}", soft_wrap=True, highlight=False,
                      markup=False)  # fmt: skip
    if compared.revised.differences.empty:
        return
    for by in ("country", "year"):
        table = new_table(by, *KINDS, "median change", numbers=(*KINDS, "median change"))
        for row in tally(compared.revised, by).to_dict("records"):
            counts = [str(row[kind]) for kind in KINDS]
            table.add_row(str(row[by]), *counts, _percent(row["median_relative_change"]))
        console.print(table)
    _print_largest(largest(compared.revised))


def _print_largest(rows: "pd.DataFrame") -> None:
    table = new_table("largest", "unit", "place", "year", "before", "after", "change",
                      numbers=("before", "after", "change"))  # fmt: skip
    for row in rows.to_dict("records"):
        values = [f"{row['value_before']:.10g}", f"{row['value_after']:.10g}"]
        change = _percent(row["relative_change"])
        cells = [row["indicator"], row["unit"], row["geo"], str(row["year"]), *values, change]
        table.add_row(*cells)
    if len(rows):
        open_console().print(table)


def _percent(share: float) -> str:
    return "" if share != share else f"{100 * share:.2f} %"


def _write_revisions(compared: "list[Compared]", out: Path, lang: Language) -> None:
    """Per dataset: all differences and the counts as CSV files, and the figure."""
    import matplotlib as mpl

    mpl.use("agg")
    from analysis.atomic import write_atomically
    from analysis.report import Output, theme
    from analysis.report.revision_figure import revision_figure, revision_words
    from analysis.report.tables import csv_text
    from analysis.sources.revisions import tally

    theme()
    output = Output(out, draft=True)
    for each in compared:
        tables = {"differences": each.revised.differences}
        tables |= {f"by-{by}": tally(each.revised, by) for by in ("country", "year")}
        for name, table in tables.items():
            path = out / "tables" / f"{each.code}.{name}.csv"
            write_atomically(path, csv_text(table).encode())
        words = revision_words(each.revised, each.code, each.source, lang.value)
        output.figure(each.code, revision_figure(each.revised, each.code, lang.value), **words)
    open_console().print(f"written to {out}", soft_wrap=True, highlight=False, markup=False)
