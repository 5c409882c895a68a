"""A comparison as one page that opens from disk: verdicts, estimates, inputs, observations."""

from collections.abc import Callable, Iterable
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from analysis.languages import Catalogue, catalogue
from analysis.report.comparison.compare import SAME, Comparison

_HERE = Path(__file__).parent
#: Estimates drawn, those that moved most first; rows of observations listed by unit.
DRAWN = 24
LISTED = 200
ROW, LEFT_EDGE, WIDTH, REACH = 22, 250, 720, 4.0

Cell = tuple[str, bool]


def comparison_page(comparison: Comparison, lang: str) -> str:
    """The page as HTML, all in one file; the same comparison gives the same text."""
    words = catalogue("compare", lang)
    moved = _moved_estimates(comparison)
    first = moved.sort_values("in_std_errors", key=abs, ascending=False, kind="stable")
    changed = comparison.inputs[comparison.inputs["state"] != SAME]
    tables = {
        "verdicts": _table(words, _verdict_rows(comparison.verdicts, words)),
        "estimates": _table(words, _estimate_rows(first, words)),
        "parameters": _table(words, _plain_rows(comparison.parameters)),
        "inputs": _table(words, _state_rows(changed, words)),
        "versions": _table(words, _plain_rows(comparison.versions)),
        "observations": _table(words, _observation_rows(comparison.observations, words)),
        "moved": _table(words, _moved_rows(comparison.moved, words)),
        "outputs": _table(words, _state_rows(comparison.outputs, words)),
    }
    return _template().render(
        lang=lang,
        text=words.text,
        title=comparison.title,
        notebook=comparison.notebook,
        keys=[record["key"] for record in comparison.records],
        summary=_summary(comparison, words),
        picture=_picture(first.dropna(subset=["in_std_errors"]).head(DRAWN), words),
        tables=tables,
    )


@cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


def _summary(comparison: Comparison, words: Catalogue) -> list[str]:
    """What a reader wants to know first, in three sentences."""
    verdicts, estimates = comparison.verdicts, _moved_estimates(comparison)
    changed = verdicts[verdicts["state"] != SAME]
    largest = estimates["in_std_errors"].abs().max()
    moved = len(estimates)
    kept = comparison.observations
    sentences = []
    if len(verdicts):
        fields = {"all": words.number(len(verdicts)), "claims": ", ".join(changed["claim"])}
        key = "summary.verdicts" if len(changed) else "summary.no_verdict"
        sentences.append(words.plural(key, len(changed) or len(verdicts), **fields))
    if moved:
        size = words.number(largest, decimals=2)
        sentences.append(words.plural("summary.estimates", moved, size=size))
    else:
        sentences.append(words.text("summary.no_estimate"))
    if len(kept):
        entered, left = (int(kept[side].sum()) for side in ("entered", "left"))
        numbers = {"entered": words.number(entered), "left": words.number(left)}
        sentences.append(words.text("summary.observations", **numbers))
    else:
        sentences.append(words.text("summary.observations_unknown"))
    return sentences


def _moved_estimates(comparison: Comparison) -> pd.DataFrame:
    """Estimates that are not the same and have an error: not the numbers of a verdict."""
    estimates = comparison.estimates
    with_error = estimates[["std_error_a", "std_error_b"]].notna().any(axis=1)
    return estimates[with_error & (estimates["state"] != SAME)]


# --- rows: the first is the heading; a cell is its text and whether it is a number ---------------


def _heading(words: Catalogue, *names: str) -> list[Cell]:
    return [(words.text(f"column.{name}") if name else "", False) for name in names]


def _verdict_rows(verdicts: pd.DataFrame, words: Catalogue) -> Iterable[list[Cell]]:
    if not len(verdicts):
        return
    yield _heading(words, "claim", "verdict_a", "verdict_b", "headline_a", "headline_b", "state")
    for row in verdicts.itertuples():
        yield [
            (str(row.claim), False),
            (_word(row.word_a, words), False),
            (_word(row.word_b, words), False),
            (_with_interval(row.estimate_a, row.ci_low_a, row.ci_high_a, words), True),
            (_with_interval(row.estimate_b, row.ci_low_b, row.ci_high_b, words), True),
            (words.text(f"state.{row.state}"), False),
        ]


def _word(word: object, words: Catalogue) -> str:
    return catalogue("claims", words.lang).text(f"word.{word}") if word else ""


def _with_interval(estimate: float, low: float, high: float, words: Catalogue) -> str:
    if estimate != estimate:
        return ""
    size, *ends = (words.number(value, significant=3) for value in (estimate, low, high))
    return f"{size} [{ends[0]}; {ends[1]}]"


def _estimate_rows(estimates: pd.DataFrame, words: Catalogue) -> Iterable[list[Cell]]:
    if not len(estimates):
        return
    names = ("model", "term", "a", "error", "b", "error", "n_a", "n_b", "gap", "state")
    yield _heading(words, *names)
    for row in estimates.itertuples():
        sizes = (row.estimate_a, row.std_error_a, row.estimate_b, row.std_error_b)
        counts = (row.n_obs_a, row.n_obs_b)
        yield [
            (str(row.model), False),
            (str(row.term), False),
            *((_number(value, words), True) for value in sizes),
            *((_number(value, words), True) for value in counts),
            (_number(row.in_std_errors, words, decimals=2, signed=True), True),
            (words.text(f"state.{row.state}"), False),
        ]


def _number(value: float, words: Catalogue, **options: Any) -> str:
    if value != value:
        return ""
    return words.number(value, **(options or {"significant": 4}))


def _plain_rows(frame: pd.DataFrame) -> Iterable[list[Cell]]:
    if len(frame):
        yield [("", False), ("A", False), ("B", False)]
        yield from ([(str(value), False) for value in row] for row in frame.itertuples(index=False))


def _state_rows(frame: pd.DataFrame, words: Catalogue) -> Iterable[list[Cell]]:
    """Rows of names with a state; what has no name of its own goes by the first column."""
    if len(frame):
        yield _heading(words, "what", "state")
    for row in frame.itertuples(index=False):
        *names, state = (str(value) for value in row)
        yield [(" / ".join(filter(None, names)), False), (words.text(f"state.{state}"), False)]


def _observation_rows(frame: pd.DataFrame, words: Catalogue) -> Iterable[list[Cell]]:
    if len(frame):
        yield _heading(words, "model", "both", "entered", "left")
    for row in frame.itertuples():
        counts = (row.both, row.entered, row.left)
        yield [(str(row.model), False), *((_number(count, words), True) for count in counts)]


def _moved_rows(moved: pd.DataFrame, words: Catalogue) -> Iterable[list[Cell]]:
    """Rows that entered or left, the periods of a unit together; the longest lists are cut."""
    grouped = moved.groupby(["model", "unit", "state"], sort=True)["period"]
    periods = grouped.agg(lambda found: ", ".join(sorted(map(str, found)))).reset_index()
    if len(periods):
        yield _heading(words, "model", "unit", "state", "periods")
    for row in periods.head(LISTED).itertuples():
        state = words.text(f"state.{row.state}")
        yield [(str(row.model), False), (str(row.unit), False), (state, False), (row.period, False)]
    if len(periods) > LISTED:
        more = words.text("more", n=words.number(len(periods) - LISTED))
        yield [(more, False), *[("", False)] * 3]


def _table(words: Catalogue, rows: Iterable[list[Cell]]) -> str:
    """Rows as an HTML table, the first as its head; a sentence where there are none."""
    found = list(rows)
    if not found:
        return f"<p>{escape(words.text('nothing'))}</p>"
    head, *body = found
    right = [' class="number"' if number else "" for _, number in body[0]]
    top = "".join(
        f'<th scope="col"{mark}>{escape(text)}</th>'
        for (text, _), mark in zip(head, right, strict=True)
    )
    lines = [f"<table>\n<thead><tr>{top}</tr></thead>\n<tbody>"]
    for (first, _), *others in body:
        cells = "".join(
            f'<td class="number">{escape(text)}</td>' if number else f"<td>{escape(text)}</td>"
            for text, number in others
        )
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>')
    return "\n".join([*lines, "</tbody>\n</table>"])


# --- the picture -------------------------------------------------------------------------------


def _picture(estimates: pd.DataFrame, words: Catalogue) -> str:
    """How far estimates moved, in standard errors of A: a line each, the farthest first."""
    if not len(estimates):
        return ""
    height = ROW * (len(estimates) + 1) + 8
    across = _across()
    ticks = "".join(_tick(tick, across(tick), height, words) for tick in (-4, -2, 0, 2, 4))
    lines = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(words.text("picture"))}">{ticks}'
    ]
    for place, row in enumerate(estimates.itertuples()):
        y = ROW * place + ROW // 2 + 4
        x = across(float(row.in_std_errors))
        name = f"{row.model}: {row.term}"
        label = escape(name if len(name) < 38 else f"{name[:37]}…")
        mark = "far" if abs(row.in_std_errors) > 1 else "near"
        lines.append(
            f'<text x="{LEFT_EDGE - 10}" y="{y + 4}" text-anchor="end">{label}</text>'
            f'<path d="M{across(0):.1f} {y}H{x:.1f}" class="{mark}"/>'
            f'<circle cx="{x:.1f}" cy="{y}" r="4" class="{mark}"/>'
        )
    return "\n".join([*lines, "</svg>"])


def _across() -> Callable[[float], float]:
    """Standard errors to pixels; what lies beyond the reach is drawn at its edge."""
    middle = (LEFT_EDGE + WIDTH) / 2
    scale = (WIDTH - LEFT_EDGE - 24) / 2 / REACH
    return lambda size: middle + scale * min(max(size, -REACH), REACH)


def _tick(tick: int, x: float, height: int, words: Catalogue) -> str:
    number = escape(words.number(tick, signed=True))
    return (
        f'<path d="M{x:.1f} 0V{height - ROW}" class="tick"/>'
        f'<text x="{x:.1f}" y="{height - 6}" text-anchor="middle">{number}</text>'
    )
