"""Studies as tables and as text in Markdown, for the notebook and the report."""

from collections.abc import Sequence

import pandas as pd

from analysis.studies.agreement import DIFFERENT, EXACT, LAST_DIGIT, ROUNDED_TWICE
from analysis.studies.compare import NOT_RUN, UNMAPPED, Comparison, Report

WORDS = {
    EXACT: "exact",
    ROUNDED_TWICE: "rounded twice",
    LAST_DIGIT: "last digit",
    DIFFERENT: "different",
    NOT_RUN: "not run",
    UNMAPPED: "unmapped",
}


def summary_frame(reports: Sequence[Report]) -> pd.DataFrame:
    """One row per study: numbers printed and how many have each verdict."""
    rows = [
        {
            "study": report.study,
            "title": report.title,
            "numbers": len(report.comparisons),
            **{WORDS[verdict]: count for verdict, count in report.counts.items()},
        }
        for report in reports
    ]
    columns = ["study", "title", "numbers", *WORDS.values()]
    return pd.DataFrame(rows, columns=columns)


def comparison_frame(report: Report) -> pd.DataFrame:
    """One row per printed number of a study, in the order printed.

    ``relative difference`` is missing where nothing was computed.
    """
    rows = [
        {
            "table": one.table,
            "column": one.column,
            "row": one.row,
            "statistic": one.statistic,
            "printed": one.printed,
            "computed": computed_text(one),
            "relative difference": one.difference,
            "verdict": WORDS[one.verdict],
        }
        for one in report.comparisons
    ]
    columns = ["table", "column", "row", "statistic", "printed", "computed", "relative difference"]
    return pd.DataFrame(rows, columns=[*columns, "verdict"])


def computed_text(one: Comparison) -> str:
    """Our number with a few digits more than the print; nothing where there is none."""
    return "" if pd.isna(one.computed) else f"{one.computed:.{_digits(one) + 3}g}"


def study_markdown(report: Report) -> str:
    """What became of a study: citation, verdict in one sentence, notes, and what is not exact."""
    lines = [f"### {_escaped(report.title or report.study)}", ""]
    if report.citation:
        address = f" <https://doi.org/{report.doi}>" if report.doi else ""
        lines += [f"{_escaped(report.citation)}.{address}", ""]
    lines += [verdict_sentence(report), ""]
    if report.notes:
        lines += [_escaped(" ".join(report.notes.split())), ""]
    for one in report.comparisons:
        if one.verdict in (ROUNDED_TWICE, LAST_DIGIT, DIFFERENT):
            reason = one.reason or "No explanation is given."
            where = f"{one.table}, {one.row}, {one.column} ({one.statistic})"
            numbers = f"printed {one.printed}, here {computed_text(one)}"
            lines.append(f"- {_escaped(where)}: {numbers}. {_escaped(reason)}")
    return "\n".join(lines).rstrip() + "\n"


def verdict_sentence(report: Report) -> str:
    """How many of the printed numbers agree, in one sentence, or why nothing was run."""
    counts = report.counts
    if report.absent:
        return (
            f"Not run, so that none of its {len(report.comparisons)} numbers is counted as "
            f"reproduced: {_escaped(report.absent)}"
        )
    sentence = f"{counts[EXACT]} of {len(report.comparisons)} printed numbers agree to every digit"
    others = [
        f"{counts[verdict]} {words}"
        for verdict, words in (
            (ROUNDED_TWICE, "when rounded twice"),
            (LAST_DIGIT, "off by one in the last digit"),
            (DIFFERENT, "different"),
            (NOT_RUN, "not run"),
            (UNMAPPED, "claimed by no model"),
        )
        if counts[verdict]
    ]
    errors = f" Problems: {_escaped('; '.join(report.errors))}." if report.errors else ""
    return sentence + (f"; {', '.join(others)}." if others else ".") + errors


def _digits(one: Comparison) -> int:
    """Significant digits of the printed text."""
    digits = "".join(character for character in one.printed if character.isdigit()).lstrip("0")
    return max(len(digits), 1)


def _escaped(text: str) -> str:
    """Text whose characters mean nothing to Markdown."""
    for character in "\\`*_|<>[]$":
        text = text.replace(character, f"\\{character}")
    return text
