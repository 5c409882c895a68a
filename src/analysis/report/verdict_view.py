"""How a verdict is shown in a notebook and written beside it."""

import html
import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.claims import sentences
from analysis.claims.assembly import Entry, row
from analysis.claims.findings import Finding
from analysis.claims.verdict import Verdict, as_evidence, null_of
from analysis.languages import typeset
from analysis.models import Estimates
from analysis.models.estimates import COEFFICIENT_COLUMNS, Facts
from analysis.report.shown import Shown
from analysis.report.tables import MISSING, Cell, Table

_MISSING = Cell(MISSING, math.nan)


def as_estimates(verdict: Verdict, further: Mapping[str, float] | None = None) -> Estimates:
    """The verdict's findings and numbers, and ``further`` ones by name, as coefficients.

    The facts are those of the headline.
    """
    names = {f"{verdict.claim.id}: {name}": number for name, number in (further or {}).items()}
    rows = pd.concat([verdict.rows(), number_rows(names)], ignore_index=True)
    tested = bool(verdict.findings)
    facts = Facts(
        outcome=verdict.headline.outcome if tested else "",
        estimator="verdict",
        vcov="",
        formula="",
        n_obs=verdict.headline.n_obs if tested else 0,
        df_t=verdict.headline.df if tested else np.nan,
        n_units=verdict.headline.n_regions if tested else None,
        sample=verdict.word,
    )
    terms = rows["term"].tolist()
    blank = pd.DataFrame(np.nan, index=terms, columns=terms)
    return Estimates(rows, blank, facts)


def number_rows(numbers: Mapping[str, float]) -> pd.DataFrame:
    """Plain numbers as rows of a coefficient table, without errors."""
    rows = pd.DataFrame(np.nan, index=range(len(numbers)), columns=COEFFICIENT_COLUMNS)
    return rows.assign(term=list(numbers), estimate=list(map(float, numbers.values())))


def number_estimates(numbers: Mapping[str, float]) -> Estimates:
    """Numbers that belong to no estimator, such as counts, as estimates without errors."""
    rows = number_rows(numbers)
    facts = Facts(outcome="", estimator="count", vcov="", formula="", n_obs=0, df_t=np.nan)
    blank = pd.DataFrame(np.nan, index=rows["term"], columns=rows["term"])
    return Estimates(rows, blank, facts)


def evidence_text(verdict: Verdict) -> str:
    """``evidence/<id>.json``."""
    data = as_evidence(verdict)
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def sentences_of(verdict: Verdict, lang: str) -> list[str]:
    """What would change the verdict; for a claim that is not tested, why."""
    if not verdict.findings:
        return [sentences.not_testable(verdict, lang)]
    return sentences.changes(verdict, lang)


def findings_table(verdict: Verdict, lang: str) -> tuple[Table, pd.DataFrame]:
    """The findings as they are printed, and as numbers."""
    frame = findings_frame(verdict, lang)
    say, cells = sentences.texts(lang), []
    for finding, numbers in zip(verdict.findings, frame.to_dict("records"), strict=True):
        decimals = sentences.decimals_of(finding)
        sizes = [numbers["estimate"], numbers["ci_low"], numbers["ci_high"]]
        cells.append([
            Cell(numbers["finding"]),
            *(Cell(say.number(size, decimals=decimals), size) for size in sizes),
            Cell(say.number(numbers["p_value"], decimals=3), numbers["p_value"]),
            Cell(say.number(numbers["n_obs"]), numbers["n_obs"]),
        ])  # fmt: skip
    claim = verdict.claim
    assert claim.unit is not None
    table = Table(
        name=f"verdict_{claim.id}",
        title=f"{say.colon(claim.id)} {sentences.estimand(verdict, lang)}",
        header=[list(headings(lang).values())],
        rows=cells,
        align="lrrrrr",
        units=claim.unit.of(lang),
        lang=lang,
    )
    return table, frame


def register_table(entries: Sequence[Entry], lang: str) -> tuple[Table, pd.DataFrame]:
    """The register as it is printed, one claim a row, and as data."""
    frame = pd.DataFrame([row(entry, lang) for entry in entries])
    keys = ("claim", "verdict", "estimate", "low", "high", "unit", "agreement", "q", "notebook")
    table = Table(
        name="register",
        title=sentences.label("register", lang),
        header=[["", *(sentences.label(key, lang) for key in keys)]],
        rows=[_register_cells(entry, lang) for entry in entries],
        align="lllrrrlrrl",
        source=sentences.label("data_of_runs", lang),
        lang=lang,
    )
    columns = [name for name in frame if name not in ("sentences", "what_would_change", "years")]
    return table, frame[columns]


def _register_cells(entry: Entry, lang: str) -> list[Cell]:
    say = sentences.texts(lang)
    claim, data = entry.claim, row(entry, lang)
    unit = claim.unit.of(lang) if claim.unit and entry.is_tested else ""
    sizes = [_MISSING] * 3
    if entry.verdict is not None and entry.verdict.findings:
        headline = entry.verdict.headline
        decimals = sentences.decimals_of(headline)
        values = (headline.estimate, headline.ci_low, headline.ci_high)
        sizes = [Cell(say.number(value, decimals=decimals), value) for value in values]
    share, q = data["agreement_share"], data["q_value"]
    return [
        Cell(claim.id),
        Cell(typeset(claim.claim.of(lang), lang)),
        Cell(sentences.word(entry.word, lang)),
        *sizes,
        Cell(unit),
        _MISSING if share is None else Cell(say.percent(100 * share), 100 * share),
        _MISSING if q is None else Cell(say.number(q, decimals=3), q),
        Cell(claim.notebook),
    ]


def findings_frame(verdict: Verdict, lang: str) -> pd.DataFrame:
    """One row per finding, the headline first: label, estimate, interval, p, observations."""
    return pd.DataFrame([
        {
            "finding": _finding_name(finding, lang, headline=place == 0),
            "estimate": finding.estimate,
            "ci_low": finding.ci_low,
            "ci_high": finding.ci_high,
            "p_value": finding.p(null_of(verdict.claim, finding)),
            "n_obs": finding.n_obs,
        }
        for place, finding in enumerate(verdict.findings)
    ])  # fmt: skip


def _finding_name(finding: Finding, lang: str, *, headline: bool) -> str:
    """What was estimated, the headline marked as such where its name does not say it."""
    name = sentences.finding_name(finding, lang)
    if not headline or finding.name == "headline":
        return name
    return f"{name} ({sentences.label('headline', lang)})"


def headings(lang: str) -> dict[str, str]:
    """Printed names of the columns of :func:`findings_frame`."""
    keys = {
        "finding": "finding",
        "estimate": "estimate",
        "ci_low": "low",
        "ci_high": "high",
        "p_value": "p",
        "n_obs": "observations",
    }
    return {column: sentences.label(key, lang) for column, key in keys.items()}


def shown(verdict: Verdict, lang: str, said: list[str], table: str) -> Shown:
    """The verdict as a box: word, claim, table of findings, checks, what would change it."""
    claim, word = verdict.claim, sentences.word(verdict.word, lang)
    name = sentences.texts(lang).colon(claim.id)
    heading = "what_would_change" if verdict.findings else "reason"
    parts = [
        f'<section class="verdict" data-claim="{claim.id}" lang="{lang}">',
        f"<p><strong>{name} {html.escape(word)}.</strong> "
        f"{html.escape(typeset(claim.claim.of(lang), lang))}</p>",
        table,
        _checks(verdict, lang),
        f"<p><strong>{html.escape(sentences.label(heading, lang))}</strong></p>",
        "<ul>" + "".join(f"<li>{html.escape(text)}</li>" for text in said) + "</ul>",
        "</section>",
    ]
    text = f"[{name} {word}] {' '.join(said)}"
    return Shown("\n".join(part for part in parts if part), text)


def entry_shown(entry: Entry, lang: str, said: list[str]) -> Shown:
    """An entry of the register: word, answer, what would change it, where it comes from."""
    claim, (answer, *changes) = entry.claim, said
    name = sentences.texts(lang).colon(claim.id)
    word = html.escape(sentences.word(entry.word, lang))
    items = "".join(f"<li>{html.escape(text)}</li>" for text in changes)
    heading = html.escape(sentences.label("what_would_change", lang))
    parts = [
        f'<section class="verdict" data-claim="{claim.id}" lang="{lang}">',
        f"<h3>{name} {word}</h3>",
        f"<p>{html.escape(answer)}</p>",
        f"<p><strong>{heading}</strong></p><ul>{items}</ul>" if items else "",
        "</section>",
    ]
    return Shown("\n".join(part for part in parts if part), f"[{name} {word}] {answer}")


def _checks(verdict: Verdict, lang: str) -> str:
    if not verdict.checks:
        return ""
    items = []
    for check in verdict.checks:
        result = sentences.label("passed" if check.passed else "failed", lang)
        p = "" if np.isnan(check.p_value) else f" ({sentences.texts(lang).p_value(check.p_value)})"
        name = sentences.texts(lang).colon(sentences.check_name(check, lang))
        items.append(f"<li>{html.escape(name)} {html.escape(result)}{p}</li>")
    heading = html.escape(sentences.label("checks", lang))
    return f"<p><strong>{heading}</strong></p><ul>{''.join(items)}</ul>"
