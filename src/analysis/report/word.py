"""Tables as Word documents."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt

from analysis.report.stable_zip import stable_zip
from analysis.report.tables import Line, Table

#: Text stands to the left by itself.
_ALIGN = {"c": WD_ALIGN_PARAGRAPH.CENTER, "r": WD_ALIGN_PARAGRAPH.RIGHT}
_HEADINGS = ("groups", "header")


def to_docx(table: Table) -> bytes:
    """A Word document holding the table, its title and its notes; equal input, equal bytes."""
    document = Document()
    document.core_properties.title = table.title
    document.core_properties.author = ""
    document.core_properties.comments = ""
    document.core_properties.language = table.lang
    document.styles["Normal"].font.name = "Calibri"
    document.styles["Normal"].font.size = Pt(10)
    document.styles["Normal"].paragraph_format.space_after = Pt(1)
    title = document.add_paragraph()
    title.add_run(table.title).bold = True
    title.paragraph_format.keep_with_next = True

    lines = table.lines(table.shown())
    grid = document.add_table(rows=len(lines), cols=len(table.align))
    grid.alignment = WD_TABLE_ALIGNMENT.CENTER
    for line, row in zip(lines, grid.rows, strict=True):
        _write_line(line, row.cells)
    _draw_rules(grid, lines)

    for _, lead, text in table.footer():
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.space_after = Pt(2)
        paragraph.add_run(f"{lead} ").italic = True
        paragraph.add_run(text)
        for run in paragraph.runs:
            run.font.size = Pt(8)
    return stable_zip(document.save)


def _write_line(line: Line, cells: Sequence[Any]) -> None:
    ends = accumulate(line.widths)
    for cell, width, end, align in zip(line.cells, line.widths, ends, line.align, strict=True):
        last = cells[end - 1]
        paragraph = (cells[end - width].merge(last) if width > 1 else last).paragraphs[0]
        run = paragraph.add_run(cell.text)
        if line.kind == "panel":
            run.italic = True
        if align in _ALIGN:
            paragraph.alignment = _ALIGN[align]


def _draw_rules(grid: Any, lines: Sequence[Line]) -> None:
    """Journal rules: thick at top and bottom, thin under the header and between blocks."""
    rows = list(grid.rows)
    n_header = sum(line.kind in _HEADINGS for line in lines)
    for row in rows[:n_header]:  # repeated where the table breaks over a page
        row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    edges = [(0, "top", 12), (n_header - 1, "bottom", 6), (len(rows) - 1, "bottom", 12)]
    edges += [(place, "top", 4) for place, line in enumerate(lines) if line.is_ruled]
    for place, edge, size in edges:
        merged_once = {id(cell._tc): cell for cell in rows[place].cells}
        for cell in merged_once.values():
            _cell_border(cell, edge, size)
    if lines[0].kind == "groups":
        _underline_groups(rows[0].cells, lines[0])


def _underline_groups(cells: Sequence[Any], line: Line) -> None:
    for title, end in zip(line.cells, accumulate(line.widths), strict=True):
        if title.text:
            _cell_border(cells[end - 1], "bottom", 4)


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
