"""The World Bank's interface, version 2: one indicator at a time, JSON in pages."""

import json
import re
from typing import Any
from urllib.parse import quote

import pandas as pd

from analysis.sources.declared import DeclaredDataset, Query
from analysis.sources.fetch.problems import FetchError
from analysis.sources.fetch.published import Published
from analysis.sources.fetch.session import JSON, Question, Session

PER_PAGE = 20_000
MOST_PAGES = 200
#: What a figure must have for a row of ours.
NEEDED = ("countryiso3code", "date", "value")
_COUNT = re.compile(r"[0-9]{1,9}")


def fetch(query: Query, base: str, dataset: DeclaredDataset, session: Session) -> Published:
    """All figures of the indicators of ``query``, for every country and group of countries."""
    frames, days = [], []
    for indicator, code in query.series.items():
        rows, updated = _pages(base, code, dataset, session)
        frames.append(_frame(rows, indicator, code))
        days.append(updated)
    return Published(pd.concat(frames, ignore_index=True), max(days))


def _pages(
    base: str, code: str, dataset: DeclaredDataset, session: Session
) -> tuple[list[dict[str, Any]], str]:
    """Every figure of an indicator, and the day of its last update."""
    rows: list[dict[str, Any]] = []
    page = pages = 1
    updated, total = "", 0
    while page <= pages:
        address = (
            f"{base}/country/all/indicator/{quote(code)}"
            f"?format=json&per_page={PER_PAGE}&page={page}"
        )
        answer = session.answer(Question(address, dataset.code, "application/json", JSON))
        head, figures = _read(answer.text, code)
        pages, total = int(head["pages"]), int(head["total"])
        if pages > MOST_PAGES:
            raise FetchError(f"World Bank {code}: {pages} pages announced, at most {MOST_PAGES}")
        updated = str(head.get("lastupdated") or answer.updated)
        rows += figures
        page += 1
    if len(rows) != total:
        raise FetchError(f"World Bank {code}: {len(rows)} figures came, {total} were announced")
    return rows, updated


def _read(text: str, code: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The head and the figures of a page; numbers stay as printed."""
    where = f"World Bank {code}"
    try:
        page = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise FetchError(f"{where}: not JSON ({error})") from error
    if isinstance(page, list) and page and isinstance(page[0], dict) and "message" in page[0]:
        said = json.dumps(page[0]["message"], ensure_ascii=False)[:200]
        raise FetchError(f"{where}: refused by the publisher: {said}")
    if not (isinstance(page, list) and len(page) == 2 and _is_head(page[0])):
        raise FetchError(f"{where}: not a page of figures (a head and a list)")
    figures = page[1] or []
    for row in figures:
        if not isinstance(row, dict) or any(key not in row for key in NEEDED):
            raise FetchError(f"{where}: a figure without {', '.join(NEEDED)}: {str(row)[:100]}")
    return page[0], figures


def _is_head(head: Any) -> bool:
    counts = (head.get("pages"), head.get("total")) if isinstance(head, dict) else (None,)
    return all(isinstance(count, str) and _COUNT.fullmatch(count) for count in counts)


def _frame(rows: list[dict[str, Any]], indicator: str, code: str) -> pd.DataFrame:
    if not rows:
        raise FetchError(f"World Bank {code}: no figures in the answer")
    cells = [
        {
            "country_iso3": _place(row),
            "time": str(row["date"]),
            "indicator": indicator,
            "value": "" if row["value"] is None else str(row["value"]),
            "flag": str(row.get("obs_status") or ""),
        }
        for row in rows
    ]
    return pd.DataFrame(cells, dtype=str)


def _place(row: dict[str, Any]) -> str:
    """The ISO 3166 code; groups without one go by the publisher's own code."""
    country = row.get("country")
    own = country.get("id") if isinstance(country, dict) else None
    return str(row["countryiso3code"] or own or "?")
