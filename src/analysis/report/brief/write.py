"""Briefs written to files, many at a time, by processes that share what was computed once."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from analysis.atomic import write_atomically
from analysis.report.brief.compose import compose
from analysis.report.brief.context import Context
from analysis.report.brief.pdf import render_pdf
from analysis.report.brief.web import render_html

FORMATS = ("html", "pdf")
#: Below so many briefs, starting processes costs more than they save.
_WORTH_SHARING = 40
#: Briefs handed to a process at a time.
_CHUNK = 8


@dataclass(frozen=True)
class _Order:
    """What to write, and where."""

    context: Context
    folder: Path
    langs: Sequence[str]
    formats: Sequence[str]

    def write(self, code: str) -> list[Path]:
        """One territory's files."""
        brief = compose(self.context, code)
        files = []
        for lang in self.langs:
            for kind in self.formats:
                file = self.folder / f"{code}.{lang}.{kind}"
                made = render_pdf(brief, lang) if kind == "pdf" else render_html(brief, lang)
                write_atomically(file, made if isinstance(made, bytes) else made.encode())
                files.append(file)
        return files


def write_briefs(
    context: Context,
    codes: Sequence[str],
    folder: Path,
    *,
    langs: Sequence[str] = ("en",),
    formats: Sequence[str] = ("html",),
    jobs: int = 1,
) -> Iterator[Path]:
    """Write ``<code>.<lang>.<format>`` into ``folder`` for each code; yields each file as it is.

    Files are replaced whole; the order and the bytes do not depend on ``jobs``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    order = _Order(context, folder, langs, formats)
    if jobs == 1 or len(codes) < _WORTH_SHARING:
        for code in codes:
            yield from order.write(code)
        return
    # Spawned, not forked: a process that has compiled a page has threads a copy would lack.
    with ProcessPoolExecutor(
        jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_take,
        initargs=(order,),
    ) as pool:
        for files in pool.map(_write, codes, chunksize=_CHUNK):
            yield from files


_order: _Order


def _take(order: _Order) -> None:
    """Keep the order in this process, so that it is sent once and not with every code."""
    global _order
    _order = order


def _write(code: str) -> list[Path]:
    return _order.write(code)
