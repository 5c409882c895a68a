"""Tables as HTML and LaTeX (booktabs)."""

import html
from itertools import accumulate

from analysis.report.tables import Line, Table

_HTML_ALIGN = {"l": "left", "c": "center", "r": "right"}
#: What a table looks like in a file of its own, before anyone styles it.
_STYLE = (
    "body{font:15px/1.45 Georgia,serif;margin:2rem}"
    "figure{margin:0;max-width:max-content}"
    "table{border-collapse:collapse;border-top:2px solid;border-bottom:2px solid;margin:.6rem 0}"
    "th,td{padding:.2rem .7rem;font-weight:400;vertical-align:top}"
    "thead tr:last-child>*{border-bottom:1px solid}"
    "tr.groups th{border-bottom:1px solid}"
    "tr.rule>*{border-top:1px solid}"
    "tr.panel th{font-style:italic}"
    "p{font-size:.85rem;margin:.2rem 0}"
)


def to_html(table: Table) -> str:
    """A ``<figure>`` with the table; alignment is inline so that JupyterLab shows it too."""
    lines = table.lines(table.shown())
    head = "\n".join(_html_line(line) for line in lines if line.kind in ("groups", "header"))
    body = "\n".join(_html_line(line) for line in lines if line.kind in ("panel", "body"))
    foot = "".join(
        f'<p class="{kind}"><em>{html.escape(lead)}:</em> {html.escape(text)}</p>'
        for kind, lead, text in table.footer()
    )
    caption = f"caption-{table.name}"
    return (
        f'<figure class="table" data-name="{table.name}">\n'
        f'<figcaption id="{caption}"><strong>{html.escape(table.title)}</strong></figcaption>\n'
        f'<table aria-labelledby="{caption}">\n'
        f"<thead>\n{head}\n</thead>\n<tbody>\n{body}\n</tbody>\n</table>\n{foot}\n</figure>"
    )


def to_html_page(table: Table) -> str:
    """The table as an HTML file that opens by itself."""
    return (
        f'<!doctype html>\n<html lang="{table.lang}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(table.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<main>\n{to_html(table)}\n</main>\n</body>\n</html>\n"
    )


_SCOPES = {"groups": "colgroup", "header": "col", "panel": "rowgroup"}


def _html_line(line: Line) -> str:
    """One row; a text in the first column heads its row, an empty cell heads nothing."""
    parts = []
    for place, (cell, width, side) in enumerate(
        zip(line.cells, line.widths, line.align, strict=True)
    ):
        scope = _SCOPES.get(line.kind, "row" if place == 0 and side == "l" else "")
        tag = "th" if scope and cell.text else "td"
        mark = f' scope="{scope}"' if tag == "th" else ""
        mark += f' colspan="{width}"' if width > 1 else ""
        mark += f' style="text-align:{_HTML_ALIGN[side]}"'
        parts.append(f"<{tag}{mark}>{html.escape(cell.text)}</{tag}>")
    classes = [line.kind] if line.kind in ("groups", "panel") else []
    classes += ["rule"] if line.is_ruled else []
    mark = f' class="{" ".join(classes)}"' if classes else ""
    return f"<tr{mark}>{''.join(parts)}</tr>"


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
    lines = table.lines(table.shown())
    head = [text for line in lines if line.kind in ("groups", "header") for text in _latex(line)]
    body = [text for line in lines if line.kind in ("panel", "body") for text in _latex(line)]
    notes = r"\par ".join(
        rf"\emph{{{latex_escape(lead)}:}} {latex_escape(text)}" for _, lead, text in table.footer()
    )
    below = [r"\par\smallskip", rf"\parbox{{\linewidth}}{{\footnotesize {notes}}}"]
    parts = [
        r"\begin{table}[htbp]",
        r"\centering",
        rf"\caption{{{latex_escape(table.title)}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{@{{}}{table.align}@{{}}}}",
        r"\toprule",
        *head,
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        *(below if notes else []),
        r"\end{table}",
    ]
    return "\n".join(parts) + "\n"


def _latex(line: Line) -> list[str]:
    """One row, with the rule above it or, for headings that span columns, those under them."""
    cells = [latex_escape(cell.text) for cell in line.cells]
    if line.kind == "panel":
        cells = [rf"\multicolumn{{{line.widths[0]}}}{{@{{}}l@{{}}}}{{\emph{{{cells[0]}}}}}"]
    if line.kind == "groups":
        wide = zip(line.widths, cells, strict=True)
        cells = [rf"\multicolumn{{{width}}}{{c}}{{{cell}}}" for width, cell in wide]
    text = " & ".join(cells) + r" \\"
    return [*([r"\midrule"] if line.is_ruled else []), text, *_latex_rules(line)]


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
