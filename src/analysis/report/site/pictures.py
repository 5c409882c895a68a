"""Small pictures made of text: SVG that lies in the page and takes its colours from it."""

import html
import math
from collections.abc import Mapping, Sequence

from analysis.claims.assembly import Entry
from analysis.claims.rule import (
    CONTRADICTED,
    INCONCLUSIVE,
    MIXED,
    NO_EFFECT,
    NOT_TESTABLE,
    SUPPORTED,
)
from analysis.languages import catalogue
from analysis.report.claims_figures import WIDEST, in_smallest_sizes

#: What the stylesheet calls each verdict.
TONES = {
    SUPPORTED: "supported",
    CONTRADICTED: "contradicted",
    NO_EFFECT: "none",
    MIXED: "mixed",
    INCONCLUSIVE: "inconclusive",
    NOT_TESTABLE: "untested",
    "not run": "untested",
}
#: Marks on the axis of a large picture, in smallest sizes that matter.
_TICKS = (-100, -10, -1, 0, 1, 10, 100)
_FARTHEST = 1 + math.log10(WIDEST)


def squeezed(size: float) -> float:
    """Between -1 and 1: linear where nothing matters, the middle third, and logarithmic beyond."""
    far = min(abs(size), WIDEST)
    at = far if far <= 1 else 1 + math.log10(far)
    return math.copysign(at / _FARTHEST, size)


def interval(
    entry: Entry, lang: str, *, width: int = 180, height: int = 22, axis: bool = False
) -> str:
    """Estimate and 95 % interval of a tested claim against nothing and the smallest size.

    The claimed side is to the right; an interval that leaves the picture ends in an arrow. With an
    ``axis``, marks in smallest sizes stand below.
    """
    estimate, low, high = in_smallest_sizes(entry)
    middle, reach = width / 2, width / 2 - (16 if axis else 6)

    def across(size: float) -> str:
        return f"{middle + reach * squeezed(size):.1f}"

    centre = height / 2
    first, last = reach * squeezed(-1), 2 * reach * squeezed(1)
    texts = catalogue("site", lang)
    shown = {
        name: texts.number(size, significant=2, signed=True)
        for name, size in (("estimate", estimate), ("low", low), ("high", high))
    }
    words = html.escape(texts.text("picture.interval", **shown), quote=True)
    parts = [
        f'<rect class="band" x="{middle + first:.1f}" y="1" width="{last:.1f}" '
        f'height="{height - 2}"/>',
        f'<line class="null" x1="{middle:g}" x2="{middle:g}" y1="0" y2="{height}"/>',
        f'<line class="bar" x1="{across(low)}" x2="{across(high)}" y1="{centre}" y2="{centre}"/>',
        *(_arrow(size, middle, reach, centre) for size in (low, high) if abs(size) > WIDEST),
        f'<circle cx="{across(estimate)}" cy="{centre}" r="4.5"/>',
    ]
    foot = 16 if axis else 0
    if axis:
        parts += [_tick(tick, across(tick), height, texts.number(tick)) for tick in _TICKS]
    tone = TONES[entry.word]
    return (
        f'<svg class="interval {tone}" viewBox="0 0 {width} {height + foot}" width="{width}" '
        f'height="{height + foot}" role="img" aria-label="{words}">{"".join(parts)}</svg>'
    )


def _arrow(size: float, middle: float, reach: float, centre: float) -> str:
    """The tip of an interval that goes on beyond the picture."""
    side = math.copysign(1, size)
    tip, back = middle + side * (reach + 5), middle + side * (reach - 1)
    return f'<path class="tip" d="M{tip:g} {centre}L{back:g} {centre - 4}V{centre + 4}Z"/>'


def _tick(tick: float, x: str, height: int, shown: str) -> str:
    return (
        f'<line class="tick" x1="{x}" x2="{x}" y1="{height}" y2="{height + 4}"/>'
        f'<text x="{x}" y="{height + 14}" text-anchor="middle">{shown}</text>'
    )


def counts_bar(counts: Mapping[str, int], words: str) -> str:
    """How many claims have each verdict, as one bar of as many cells; ``words`` describe it."""
    tones = [TONES[word] for word, count in counts.items() for _ in range(count)]
    cells = "".join(
        f'<rect class="{tone}" x="{20 * place}" y="0" width="18" height="18" rx="3"/>'
        for place, tone in enumerate(tones)
    )
    return (
        f'<svg class="counts" viewBox="0 0 {20 * len(tones) - 2} 18" role="img" '
        f'aria-label="{html.escape(words, quote=True)}">{cells}</svg>'
    )


def spark(values: Sequence[float | None], words: str, *, width: int = 96, height: int = 22) -> str:
    """A series over consecutive years as a line with gaps, its last value as a dot."""
    known = [(i, v) for i, v in enumerate(values) if v is not None]
    if not known:
        return ""
    low, high = min(v for _, v in known), max(v for _, v in known)
    span, step = (high - low) or 1.0, (width - 8) / max(len(values) - 1, 1)

    def point(place: int, value: float) -> str:
        return f"{4 + step * place:.1f} {height - 4 - (height - 8) * (value - low) / span:.1f}"

    years = dict(known)
    path = "".join(("L" if i - 1 in years else "M") + point(i, v) for i, v in known)
    alone = [point(i, v).split() for i, v in known if not {i - 1, i + 1} & set(years)]
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="1"/>' for x, y in alone)
    x, y = point(*known[-1]).split()
    label = html.escape(words, quote=True)
    return (
        f'<svg class="spark" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{label}"><path d="{path}"/>{dots}'
        f'<circle cx="{x}" cy="{y}" r="2.5"/></svg>'
    )
