"""Tables as HTML."""

import html

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
        f'<p class="{kind}"><em>{html.escape(lead)}</em> {html.escape(text)}</p>'
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
