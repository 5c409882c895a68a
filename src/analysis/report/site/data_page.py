"""The data page: datasets with vintage and licence, what the panel covers, tables to download."""

from collections.abc import Iterator
from typing import Any

from analysis import panel, paths
from analysis.languages import catalogue, typeset
from analysis.report.site.chrome import Page
from analysis.report.site.content import Content, Statistics
from analysis.report.site.publish import FileContent

SECTION = "nav.data"
#: Where the tables lie in the site.
FOLDER = "downloads"
CODEBOOK = "codebook.csv"


def pages(content: Content, lang: str) -> Iterator[Page]:
    """One page."""
    statistics = content.statistics
    if statistics is None:
        return
    yield Page(
        "data.html",
        "data.html.j2",
        SECTION,
        {
            "datasets": statistics.datasets,
            "publishers": statistics.publishers,
            "coverage": _coverage(statistics, lang),
            "downloads": _downloads(statistics),
        },
    )


def files(content: Content) -> Iterator[tuple[str, FileContent]]:
    """The codebook as it is, and every table of the panel as CSV."""
    if content.statistics is None:
        return
    yield f"{FOLDER}/{CODEBOOK}", paths.PROCESSED / CODEBOOK
    for name in panel.TABLES:
        frame = panel.load(name)
        yield f"{FOLDER}/{name}.csv", frame.to_csv(index=False, lineterminator="\n").encode()


def _coverage(statistics: Statistics, lang: str) -> list[dict[str, Any]]:
    """Columns of the panel that are measured, with years, units and share missing."""
    codebook = statistics.codebook
    measured = codebook[(codebook["kind"] != "attribute") & (codebook["n_values"] != "")]
    number, percent = catalogue("site", lang).number, catalogue("site", lang).percent
    return [
        {
            "table": row["table"],
            "column": row["column"],
            "label": typeset(row[f"label_{lang}"], lang),
            "unit": typeset(row[f"unit_{lang}"], lang),
            "years": _years(row, lang),
            "units": number(float(row["n_units"] or "nan")),
            "missing": percent(100 * float(row["share_missing"])),
            "missing_share": float(row["share_missing"]),
            "source": row["source"],
            "transformation": row["transformation"],
        }
        for row in measured.to_dict("records")
    ]


def _years(row: dict[str, Any], lang: str) -> str:
    first, last = row["first_year"], row["last_year"]
    known = first != "" and last != ""
    return catalogue("site", lang).years(float(first), float(last)) if known else ""


def _downloads(statistics: Statistics) -> list[dict[str, Any]]:
    """Each table offered, with its size."""
    return [
        {"name": name, "columns": columns, "rows": rows}
        for name, (rows, columns) in statistics.sizes.items()
    ]
