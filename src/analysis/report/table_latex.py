"""Tables as LaTeX (booktabs) that fit on a page.

Texts too long for the page are broken into lines, the letters shrink where that is not enough, and
what is higher than a page goes on over the next ones.
"""

import textwrap
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from analysis.report.tables import Cell, Line, Table

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


# ---------------------------------------------------------------- what fits


class _Size(NamedTuple):
    """Letters of a size: how many stand in a line of the class ``article``, how many between two
    columns with the space there, and how many lines on a page.
    """

    name: str
    letters: float
    gap: float
    space: str
    lines: int


_SIZES = (
    _Size("normalsize", 67, 2.4, "6pt", 36),
    _Size("small", 71, 1.3, "3pt", 40),
    _Size("footnotesize", 77, 1.4, "3pt", 46),
    _Size("scriptsize", 80, 1.5, "3pt", 52),
)
#: Texts are not broken into shorter lines than this while smaller letters are left.
_NARROWEST = 12
#: A longer word, such as an address, is broken anywhere.
_LONGEST_WORD = 24


def _fitted(table: Table, lines: Sequence[Line]) -> tuple[_Size, list[int]]:
    """The largest letters in which the columns fit, and the letters each column has room for."""
    columns = [
        [line.cells[place] for line in lines if line.kind in ("header", "body")]
        for place in range(len(table.align))
    ]
    natural = [max(len(cell.text) for cell in cells) for cells in columns]
    least = [max(map(_unbreakable, cells)) for cells in columns]
    for size in _SIZES:
        room = size.letters - size.gap * (len(columns) - 1)
        shortest = 1 if size is _SIZES[-1] else _NARROWEST
        for cap in range(max(*natural, shortest), shortest - 1, -1):
            widths = [min(n, max(cap, m)) for n, m in zip(natural, least, strict=True)]
            if sum(widths) <= room:
                return size, widths
    return _SIZES[-1], least


def _unbreakable(cell: Cell) -> int:
    """Letters of a number, or of the longest word of a text that must not be broken."""
    if cell.number is not None:
        return len(cell.text)
    return min(max(map(len, cell.text.split(" "))), _LONGEST_WORD)


def _broken(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 1)) or [""]


# ---------------------------------------------------------------- the table


def to_latex(table: Table) -> str:
    """A self-standing ``table``; the document needs ``booktabs``, and ``longtable`` for a table
    that is higher than a page, which is one. More columns than a page has room for run over its
    edge: such a table is to be set sideways.
    """
    lines = table.lines(table.shown())
    size, widths = _fitted(table, lines)
    head = [
        text for line in lines if line.kind in ("groups", "header") for text in _row(line, widths)
    ]
    body = [text for line in lines if line.kind in ("panel", "body") for text in _row(line, widths)]
    columns = rf"{{@{{}}{table.align}@{{}}}}"
    title = [rf"\caption{{{latex_escape(table.title)}}}", rf"\label{{tab:{table.name}}}"]
    letters = (
        [] if size is _SIZES[0] else [rf"\{size.name}\setlength{{\tabcolsep}}{{{size.space}}}"]
    )
    if sum(_height(line, widths) for line in lines) > size.lines:
        parts = [
            *(r"\begingroup", *letters, rf"\begin{{longtable}}{columns}", *title, r"\\"),
            *(r"\toprule", *head, r"\midrule", r"\endhead", *body, r"\bottomrule"),
            *(r"\end{longtable}", *_notes(table), r"\endgroup"),
        ]
    else:
        parts = [
            *(r"\begin{table}[htbp]", r"\centering", *title, *letters),
            *(rf"\begin{{tabular}}{columns}", r"\toprule", *head, r"\midrule", *body),
            *(r"\bottomrule", r"\end{tabular}", *_notes(table), r"\end{table}"),
        ]
    return "\n".join(parts) + "\n"


def _notes(table: Table) -> list[str]:
    notes = r"\par ".join(
        rf"\emph{{{latex_escape(lead)}}} {latex_escape(text)}" for _, lead, text in table.footer()
    )
    if not notes:
        return []
    return [r"\par\smallskip", rf"\noindent\parbox{{\linewidth}}{{\footnotesize {notes}}}"]


def _height(line: Line, widths: Sequence[int]) -> int:
    """How many lines of letters a line of the table takes."""
    if line.kind in ("groups", "panel"):
        return 1
    return max(len(_broken(c.text, w)) for c, w in zip(line.cells, widths, strict=True))


def _row(line: Line, widths: Sequence[int]) -> list[str]:
    """One row, with the rule above it or, for headings that span columns, those under them."""
    if line.kind == "panel":
        title = latex_escape(line.cells[0].text)
        cells = [rf"\multicolumn{{{line.widths[0]}}}{{@{{}}l@{{}}}}{{\emph{{{title}}}}}"]
    elif line.kind == "groups":
        wide = zip(line.widths, line.cells, strict=True)
        cells = [rf"\multicolumn{{{width}}}{{c}}{{{latex_escape(c.text)}}}" for width, c in wide]
    else:
        place = "b" if line.kind == "header" else "t"
        each = zip(line.cells, widths, line.align, strict=True)
        cells = [_cell(_broken(cell.text, width), side, place) for cell, width, side in each]
    text = " & ".join(cells) + r" \\"
    return [*([r"\midrule"] if line.is_ruled else []), text, *_latex_rules(line)]


def _cell(texts: Sequence[str], side: str, place: str) -> str:
    """A text, in lines one below the other where there are several."""
    escaped = [latex_escape(text) for text in texts]
    if len(escaped) == 1:
        return escaped[0]
    inside = r" \\ ".join(escaped)
    return rf"\begin{{tabular}}[{place}]{{@{{}}{side}@{{}}}}{inside}\end{{tabular}}"


def _latex_rules(line: Line) -> list[str]:
    """A short rule under each group of columns that has a title."""
    if line.kind != "groups":
        return []
    ends = list(accumulate(line.widths))
    spans = zip(line.cells, line.widths, ends, strict=True)
    rules = [
        rf"\cmidrule(lr){{{end - width + 1}-{end}}}" for cell, width, end in spans if cell.text
    ]
    return ["".join(rules)] if rules else []
