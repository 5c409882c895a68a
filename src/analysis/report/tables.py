"""Tables as text: one plain layout, written as HTML, LaTeX (booktabs) and Word.

A frame or a set of estimates becomes a :class:`Table` of formatted cells; ``to_html``,
``to_latex`` and ``to_docx`` then differ only in their mark-up. Missing values are shown as an
en dash everywhere. The unrounded numbers go to the CSV, see :func:`csv_text`.
"""

import html
import io
import math
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt

from analysis import CompendiumError

MISSING = "–"
SIGNIFICANT_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table ready to print: every cell is text.

    ``header`` holds one or more header rows and ``rows`` the body, all as wide as ``align``, a
    string of ``l``, ``c`` and ``r``. A thin rule is drawn above the body rows numbered in
    ``rules``.
    """

    name: str
    title: str
    header: Sequence[Sequence[str]]
    rows: Sequence[Sequence[str]]
    align: str
    rules: Sequence[int] = ()
    units: str = ""
    note: str = ""
    source: str = ""

    def footer(self) -> list[tuple[str, str]]:
        """The lines under the table as (lead, text) pairs, empty ones left out."""
        lines = [("Units", self.units), ("Note", self.note), ("Source", self.source)]
        return [(lead, text) for lead, text in lines if text]


# ---------------------------------------------------------------- numbers as text


def number_text(value: Any, spec: str) -> str:
    """One number under a format spec, with a true minus sign; missing is an en dash."""
    if pd.isna(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return format(value, spec).replace("-", "−")


def float_spec(values: pd.Series) -> str:
    """Fixed decimals giving the column's median magnitude three significant digits (0 to 4)."""
    size = values.abs()
    size = size[(size > 0) & np.isfinite(size)]
    if size.empty:
        return ".0f"
    decimals = 2 - math.floor(math.log10(size.median()))
    return f",.{min(max(decimals, 0), 4)}f"


def column_text(values: pd.Series, spec: str | None = None) -> list[str]:
    """The cells of one column as text; ``spec`` overrides the default number format.

    Whole numbers get a thousands separator only from 10,000 on, so that years stay years.
    """
    if pd.api.types.is_bool_dtype(values):
        return [MISSING if pd.isna(v) else "yes" if v else "no" for v in values]
    if pd.api.types.is_integer_dtype(values) and spec is None:
        return [
            number_text(v, ",d" if not pd.isna(v) and abs(v) >= 10_000 else "d") for v in values
        ]
    if pd.api.types.is_numeric_dtype(values):
        return [number_text(v, spec or _not_zero(v, float_spec(values))) for v in values]
    return [MISSING if _is_missing(v) else str(v) for v in values]


def _not_zero(value: Any, spec: str) -> str:
    """The spec, or one significant digit where the spec would print a small number as zero."""
    hidden = not pd.isna(value) and value != 0 and float(format(value, spec).replace(",", "")) == 0
    return ".0e" if hidden else spec


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value != value


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
) -> Table:
    """Lay out a frame: numbers to the right, text to the left, at most ``max_rows`` rows.

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
    shown = frame.head(max_rows)
    columns = [column_text(shown[c], formats.get(str(c))) for c in frame.columns]
    if len(frame) > len(shown):
        cut = f"The first {len(shown):,} of {len(frame):,} rows; the CSV file has them all."
        note = f"{note} {cut}".strip()
    return Table(
        name=name,
        header=[[labels.get(str(c), str(c)) for c in frame.columns]],
        rows=list(zip(*columns, strict=True)),
        align="".join("r" if _is_number(frame[c]) else "l" for c in frame.columns),
        title=title,
        units=units,
        note=note,
        source=source,
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
    """
    written = pd.DataFrame(
        {c: frame[c].map(_csv_float) if _is_float(frame[c]) else frame[c] for c in frame.columns},
        columns=frame.columns,
    )
    return str(written.to_csv(index=False, lineterminator="\n"))


def _is_float(values: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(values) or (
        values.dtype == object and any(isinstance(v, float) for v in values)
    )


def _csv_float(value: Any) -> Any:
    if _is_missing(value):
        return ""
    if not isinstance(value, float | np.floating):
        return value
    return format(float(value) + 0.0, f".{SIGNIFICANT_DIGITS}g")  # + 0.0 turns -0 into 0


# ---------------------------------------------------------------- HTML

_HTML_ALIGN = {"l": "left", "c": "center", "r": "right"}


def to_html(table: Table) -> str:
    """A ``<figure>`` with the table; alignment is inline so that JupyterLab shows it too."""
    rules = set(table.rules)
    head = "\n".join(f"<tr>{_html_cells(row, table.align, 'col')}</tr>" for row in table.header)
    marks = [' class="rule"' if i in rules else "" for i in range(len(table.rows))]
    body = "\n".join(
        f"<tr{mark}>{_html_cells(row, table.align)}</tr>"
        for mark, row in zip(marks, table.rows, strict=True)
    )
    foot = "".join(
        f'<p class="{lead.lower()}"><em>{lead}:</em> {html.escape(text)}</p>'
        for lead, text in table.footer()
    )
    return (
        f'<figure class="table" data-name="{table.name}">\n'
        f"<figcaption><strong>{html.escape(table.title)}</strong></figcaption>\n"
        f"<table>\n<thead>\n{head}\n</thead>\n<tbody>\n{body}\n</tbody>\n</table>\n{foot}\n</figure>"
    )


def _html_cells(cells: Sequence[str], align: str, scope: str = "") -> str:
    """The cells of one row; a text in the first column heads its row."""
    tags = [f'th scope="{scope}"' if scope else "td" for _ in cells]
    if not scope and align[0] == "l":
        tags[0] = 'th scope="row"'
    return "".join(
        f'<{tag} style="text-align:{_HTML_ALIGN[a]}">{html.escape(cell)}</{tag[:2]}>'
        for tag, cell, a in zip(tags, cells, align, strict=True)
    )


# ---------------------------------------------------------------- LaTeX

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "[": "{[}",  # a bracket that opens a line after \\ would be read as its optional argument
    "]": "{]}",
    "\u00a0": "~",
    "\u202f": r"\,",
    "−": "$-$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "±": r"$\pm$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "≠": r"$\neq$",
    "→": r"$\rightarrow$",
    "∞": r"$\infty$",
    "²": r"\textsuperscript{2}",
    "³": r"\textsuperscript{3}",
    "€": r"\texteuro{}",
    "Δ": r"$\Delta$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "δ": r"$\delta$",
    "ε": r"$\varepsilon$",
    "λ": r"$\lambda$",
    "ρ": r"$\rho$",
    "σ": r"$\sigma$",
    "χ": r"$\chi$",
}
_LATEX_TABLE = str.maketrans(_LATEX)


def latex_escape(text: str) -> str:
    """Plain text as LaTeX text: special characters escaped, signs pdfTeX lacks spelt out."""
    return text.translate(_LATEX_TABLE)


def to_latex(table: Table) -> str:
    """A self-standing ``table`` environment; the document needs only ``booktabs``."""
    rules = set(table.rules)
    lines = [
        r"\begin{table}[htbp]",
        r"\centering",
        rf"\caption{{{latex_escape(table.title)}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{@{{}}{table.align}@{{}}}}",
        r"\toprule",
        *(_latex_row(row) for row in table.header),
        r"\midrule",
    ]
    for i, row in enumerate(table.rows):
        lines += [r"\midrule"] if i in rules else []
        lines.append(_latex_row(row))
    lines += [r"\bottomrule", r"\end{tabular}"]
    if table.footer():
        notes = r"\par ".join(
            rf"\emph{{{lead}:}} {latex_escape(text)}" for lead, text in table.footer()
        )
        lines += [r"\par\smallskip", rf"\parbox{{\linewidth}}{{\footnotesize {notes}}}"]
    return "\n".join([*lines, r"\end{table}", ""])


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(latex_escape(cell) for cell in cells) + r" \\"


# ---------------------------------------------------------------- Word

_DOCX_ALIGN = {
    "l": WD_ALIGN_PARAGRAPH.LEFT,
    "c": WD_ALIGN_PARAGRAPH.CENTER,
    "r": WD_ALIGN_PARAGRAPH.RIGHT,
}


def to_docx(table: Table) -> bytes:
    """A Word document holding the table, its title and its notes; equal input, equal bytes."""
    document = Document()
    document.core_properties.title = table.title
    document.core_properties.author = ""
    document.core_properties.comments = ""
    document.styles["Normal"].font.name = "Calibri"
    document.styles["Normal"].font.size = Pt(10)
    title = document.add_paragraph()
    title.add_run(table.title).bold = True
    title.paragraph_format.keep_with_next = True

    rows = [*table.header, *table.rows]
    grid = document.add_table(rows=len(rows), cols=len(table.align))
    grid.alignment = WD_TABLE_ALIGNMENT.CENTER
    for cells, row in zip(rows, grid.rows, strict=True):
        for text, cell, align in zip(cells, row.cells, table.align, strict=True):
            paragraph = cell.paragraphs[0]
            paragraph.add_run(text)
            paragraph.alignment = _DOCX_ALIGN[align]
            paragraph.paragraph_format.space_after = Pt(1)
    _rule_docx(grid, len(table.header), table.rules)

    for lead, text in table.footer():
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.space_after = Pt(2)
        paragraph.add_run(f"{lead}: ").italic = True
        paragraph.add_run(text)
        for run in paragraph.runs:
            run.font.size = Pt(8)
    return _stable_zip(document.save)


def _rule_docx(grid: Any, n_header: int, rules: Sequence[int]) -> None:
    """Journal rules: thick at top and bottom, thin under the header and between blocks."""
    for row in grid.rows[:n_header]:  # repeated where the table breaks over a page
        row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    edges = [(0, "top", 12), (n_header - 1, "bottom", 6), (len(grid.rows) - 1, "bottom", 12)]
    for index, edge, size in [*edges, *((n_header + i, "top", 4) for i in rules)]:
        for cell in grid.rows[index].cells:
            _cell_border(cell, edge, size)


def _cell_border(cell: Any, edge: str, size: int) -> None:
    properties = cell._tc.get_or_add_tcPr()
    borders = properties.find(qn("w:tcBorders"))
    if borders is None:
        borders = OxmlElement("w:tcBorders")
        properties.append(borders)
    line = OxmlElement(f"w:{edge}")
    for key, value in (("val", "single"), ("sz", str(size)), ("color", "auto")):
        line.set(qn(f"w:{key}"), value)
    borders.insert(0 if edge == "top" else len(borders), line)  # the schema's order


def _stable_zip(save: Callable[[io.BytesIO], None]) -> bytes:
    """The zip archive that ``save`` writes, with the time of day taken out of its entries."""
    first, second = io.BytesIO(), io.BytesIO()
    save(first)
    with zipfile.ZipFile(first) as source, zipfile.ZipFile(second, "w") as target:
        for name in sorted(source.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(name))
    return second.getvalue()
