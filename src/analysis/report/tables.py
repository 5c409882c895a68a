"""Tables before they are written: frames laid out as cells, numbers as text, and the CSV.

A frame or a set of estimates becomes a :class:`Table`. Every cell is the text that is printed and,
where it shows a number, that number unrounded; :mod:`analysis.report.table_markup` writes HTML,
:mod:`~analysis.report.table_latex` LaTeX, :mod:`~analysis.report.word` Word and
:mod:`~analysis.report.spreadsheet` spreadsheets. Missing values are printed as an en dash
everywhere.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import CompendiumError
from analysis.inert import inert
from analysis.languages import NARROW, catalogue

MISSING = "–"
SIGNIFICANT_DIGITS = 12
#: Whole numbers beyond this lose digits as doubles, which is what a spreadsheet makes of them.
_LARGEST_INTEGER = 2**53


class Cell(NamedTuple):
    """What is printed, and the number behind it: None for a text, NaN where a number is missing."""

    text: str
    number: float | int | None = None


class Line(NamedTuple):
    """One line of a table: ``groups``, ``header``, ``panel`` or ``body``; ruled: a rule above it.

    ``widths``: the columns that each cell spans.
    """

    kind: str
    cells: Sequence[Cell]
    widths: Sequence[int]
    align: str
    is_ruled: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table ready to print.

    ``header`` holds one or more rows of headings and ``rows`` the body, all as wide as ``align``,
    a string of ``l``, ``c`` and ``r``. ``groups`` are headings above the headings, each with the
    number of columns it spans, all columns together. A thin rule is drawn above the body rows
    numbered in ``rules``; ``panels`` gives the rows above which the title of a panel stands.
    ``printed``: body rows in printed forms, where not all; the CSV and the spreadsheet have all.
    """

    name: str
    title: str
    header: Sequence[Sequence[str]]
    rows: Sequence[Sequence[Cell]]
    align: str
    groups: Sequence[tuple[str, int]] = ()
    rules: Sequence[int] = ()
    panels: Mapping[int, str] | None = None
    printed: int | None = None
    units: str = ""
    note: str = ""
    source: str = ""
    lang: str = "en"

    def shown(self) -> Sequence[Sequence[Cell]]:
        """The body rows of printed forms."""
        return self.rows[: self.printed]

    def lines(self, rows: Sequence[Sequence[Cell]]) -> list[Line]:
        """The headings and then ``rows``, from top to bottom."""
        single, width = [1] * len(self.align), len(self.align)
        lines = []
        if self.groups:
            titles, widths = zip(*self.groups, strict=True)
            lines.append(Line("groups", list(map(Cell, titles)), widths, "c" * len(widths)))
        for heading in self.header:
            lines.append(Line("header", list(map(Cell, heading)), single, self.align))
        for place, row in enumerate(rows):
            is_ruled, panel = place in self.rules, (self.panels or {}).get(place)
            if panel:
                lines.append(Line("panel", [Cell(panel)], [width], "l", is_ruled))
            lines.append(Line("body", row, single, self.align, is_ruled and not panel))
        return lines

    def footer(self) -> list[tuple[str, str, str]]:
        """The lines under the printed table: (kind, lead with its colon, text), none empty."""
        words = catalogue("tables", self.lang)
        note = self.note
        if len(self.shown()) < len(self.rows):
            counts = {"shown": len(self.shown()), "all": len(self.rows)}
            cut = {name: words.number(count) for name, count in counts.items()}
            note = f"{note} {words.text('cut', **cut)}".strip()
        lines = {"units": self.units, "note": note, "source": self.source}
        leads = {kind: words.colon(words.text(f"lead.{kind}")) for kind in lines}
        return [(kind, leads[kind], text) for kind, text in lines.items() if text]


# ---------------------------------------------------------------- numbers as text


def number_text(value: Any, spec: str, lang: str = "en") -> str:
    """One number under a format spec, with a true minus sign; missing is an en dash."""
    if pd.isna(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = format(value, spec).replace("-", "−")
    return text.replace(",", NARROW).replace(".", ",") if lang == "fr" else text


def float_spec(values: pd.Series) -> str:
    """Fixed decimals giving the column's median magnitude three significant digits (0 to 4)."""
    size = values.abs()
    size = size[(size > 0) & np.isfinite(size)]
    if size.empty:
        return ".0f"
    decimals = 2 - math.floor(math.log10(size.median()))
    return f",.{min(max(decimals, 0), 4)}f"


def column_cells(
    values: pd.Series, spec: str | None = None, *, typical: int | None = None, lang: str = "en"
) -> list[Cell]:
    """The cells of one column; ``spec`` overrides the default number format.

    The default follows the magnitude of the first ``typical`` values (all). Whole numbers get a
    thousands separator only from 10,000 on, so that years stay years.
    """
    if pd.api.types.is_bool_dtype(values):
        words = {
            yes: catalogue("tables", lang).text("yes" if yes else "no") for yes in (True, False)
        }
        return [Cell(MISSING if pd.isna(v) else words[bool(v)]) for v in values]
    if pd.api.types.is_integer_dtype(values) and spec is None:
        return [_number(v, ",d" if _is_grouped(v) else "d", lang) for v in values]
    if pd.api.types.is_numeric_dtype(values):
        usual = spec or float_spec(values.head(typical or len(values)))
        return [_number(v, spec or _not_zero(v, usual), lang) for v in values]
    return [Cell(MISSING if _is_missing(v) else str(v), _number_in(v)) for v in values]


def _number(value: Any, spec: str, lang: str) -> Cell:
    if pd.isna(value):
        return Cell(MISSING, math.nan)
    return Cell(number_text(value, spec, lang), _number_in(value))


def _number_in(value: Any) -> float | int | None:
    """The number that a value is, if a spreadsheet can hold it."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        return None
    if isinstance(value, int | np.integer):
        return int(value) if abs(int(value)) <= _LARGEST_INTEGER else None
    return float(value) if math.isfinite(value) else None


def _is_grouped(value: Any) -> bool:
    return not pd.isna(value) and abs(value) >= 10_000


def _not_zero(value: Any, spec: str) -> str:
    """The spec, or one significant digit where the spec would print a small number as zero."""
    hidden = not pd.isna(value) and value != 0 and float(format(value, spec).replace(",", "")) == 0
    return ".0e" if hidden else spec


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value != value


# ---------------------------------------------------------------- frames


def frame_table(
    name: str,
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    formats: Mapping[str, str] | None = None,
    max_rows: int = 60,
    title: str,
    units: str = "",
    note: str = "",
    source: str = "",
    lang: str = "en",
) -> Table:
    """Lay out a frame: numbers to the right, text to the left, ``max_rows`` rows printed.

    ``labels`` gives printed headings and ``formats`` number formats by column; both refuse
    columns that are not there.
    """
    labels, formats = labels or {}, formats or {}
    for argument, given in (("labels", labels), ("formats", formats)):
        unknown = sorted(set(given) - set(map(str, frame.columns)))
        if unknown:
            raise CompendiumError(
                f"table '{name}': {argument} names columns that are not in the frame: "
                f"{', '.join(unknown)}; the columns are {', '.join(map(str, frame.columns))}"
            )
    columns = [
        column_cells(frame[c], formats.get(str(c)), typical=max_rows, lang=lang)
        for c in frame.columns
    ]
    return Table(
        name=name,
        header=[[labels.get(str(c), str(c)) for c in frame.columns]],
        rows=list(zip(*columns, strict=True)),
        align="".join("r" if _is_number(frame[c]) else "l" for c in frame.columns),
        printed=max_rows,
        title=title,
        units=units,
        note=note,
        source=source,
        lang=lang,
    )


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def plain_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with a meaningful index turned into columns and column levels joined."""
    named = isinstance(frame.index, pd.RangeIndex) and frame.index.name is None
    flat = frame if named else frame.reset_index()
    if isinstance(flat.columns, pd.MultiIndex):
        flat = flat.copy()
        flat.columns = pd.Index(
            [" · ".join(str(level) for level in c if str(level)) for c in flat.columns]
        )
    if not flat.columns.is_unique:
        twice = sorted(set(flat.columns[flat.columns.duplicated()].astype(str)))
        raise CompendiumError(f"columns appear twice: {', '.join(twice)}; rename them")
    return flat


def csv_text(frame: pd.DataFrame) -> str:
    """CSV of the frame: floats with 12 significant digits, missing cells empty, ``\\n`` ends.

    The last bits of a double depend on the processor and its thread count; twelve digits do not.
    Text is written as it is, except that an apostrophe is put before one that a spreadsheet would
    run as a formula (see :func:`analysis.inert.is_formula`).
    """
    written = pd.DataFrame(
        {inert(c): _csv_column(frame[c]) for c in frame.columns},
        columns=map(inert, frame.columns),
    )
    return str(written.to_csv(index=False, lineterminator="\n"))


def _csv_column(values: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(values) or (
        values.dtype == object and any(isinstance(v, float) for v in values)
    ):
        return values.map(_csv_float)
    is_text = values.dtype == object or pd.api.types.is_string_dtype(values)
    return values.map(inert) if is_text else values


def _csv_float(value: Any) -> Any:
    if _is_missing(value):
        return ""
    if not isinstance(value, float | np.floating):
        return inert(value)
    return format(float(value) + 0.0, f".{SIGNIFICANT_DIGITS}g")  # + 0.0 turns -0 into 0


def rounded(value: float) -> float:
    """A float to the digits of the CSV; -0 becomes 0."""
    return float(f"{value + 0.0:.{SIGNIFICANT_DIGITS}g}")
