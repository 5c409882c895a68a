"""Published studies: every printed number beside ours, as the notebook on replications left them.

A study whose data are not on the machine is listed with how many numbers it prints; none of them
is counted as reproduced.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis.languages import catalogue, typeset
from analysis.report.site.chrome import Page
from analysis.report.site.content import REPLICATIONS, Content, Run
from analysis.report.site.publish import FileContent
from analysis.studies.schema import Study

SECTION = "nav.studies"
#: The beginning of the name of the table of one study.
NUMBERS = "numbers_"
#: Verdicts of the comparison, as the tables name them, and the keys of their names here.
_VERDICTS = {
    "exact": "studies.exact",
    "rounded twice": "studies.rounded_twice",
    "last digit": "studies.last_digit",
    "different": "studies.different",
    "not run": "studies.not_run",
    "unmapped": "studies.unmapped",
}
_PLACES = ["table", "column", "row", "statistic", "printed", "computed", "verdict"]


def pages(content: Content, lang: str) -> Iterator[Page]:
    """The list of studies and one page for each that was run."""
    run = content.replications
    if run is None:
        return
    summary = _read(run, REPLICATIONS)
    rows = [_listed(row, content.studies, run) for row in summary.to_dict("records")]
    verdicts = [(word, catalogue("site", lang).text(key)) for word, key in _VERDICTS.items()]
    shown = {"verdicts": verdicts, "paper": run.name}
    yield Page("studies/index.html", "studies.html.j2", SECTION, {"rows": rows, **shown})
    for row in rows:
        if row["run"]:
            numbers = _read(run, NUMBERS + row["id"])
            tables = [
                (str(name), [_number_row(one, lang) for one in part.to_dict("records")])
                for name, part in numbers.groupby("table", sort=False)
            ]
            path = f"studies/{row['id']}.html"
            yield Page(path, "study.html.j2", SECTION, {"study": row, "tables": tables, **shown})


def files(content: Content) -> Iterator[tuple[str, FileContent]]:
    """None: the tables are among the files of the paper."""
    yield from ()


def _read(run: Run, name: str) -> pd.DataFrame:
    """A table of the run with its text as it stands."""
    path = run.folder / "tables" / f"{name}.csv"
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _listed(row: dict[str, str], declared: Mapping[str, Study], run: Run) -> dict[str, Any]:
    """A study of the summary, with what its own file says of it."""
    name = row["study"]
    study = declared.get(name)
    counts = {word: int(row[word]) for word in _VERDICTS if row.get(word, "")}
    total = int(row["numbers"])
    return {
        "id": name,
        "title": study.title if study else name,
        "citation": study.citation if study else "",
        "doi": (study.doi or "") if study else "",
        "notes": (study.notes or "") if study else "",
        "numbers": total,
        "counts": counts,
        "agree": 100 * counts.get("exact", 0) / total if total else 0.0,
        "run": (run.folder / "tables" / f"{NUMBERS}{name}.csv").is_file(),
    }


def _number_row(row: dict[str, str], lang: str) -> dict[str, str]:
    word = row["verdict"]
    shown = catalogue("site", lang).text(_VERDICTS[word])
    return {**{name: row[name] for name in _PLACES}, "shown": typeset(shown, lang)}
