"""Figures as files: PNG and SVG that are the same bytes each time, and their mark-up."""

import base64
import html
import io
import textwrap
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

_PNG_DPI = 200


def print_source(figure: Figure, source: str) -> None:
    """Print the source line below everything drawn, wrapped to the figure's width."""
    figure.canvas.draw()
    figure.set_layout_engine("none")  # what is drawn now is what both files get
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    size = 7.0
    characters = int((box.x1 - box.x0) * 72 / (size * 0.56))
    line = textwrap.fill(f"Source: {source}", max(characters, 40))
    y = (box.y0 - 0.12) / height
    figure.text(box.x0 / width, y, line, fontsize=size, color="0.35", ha="left", va="top",
                parse_math=False)  # fmt: skip


def figure_bytes(figure: Figure, kind: str, metadata: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    style: Any = {
        "svg.hashsalt": "compendium",
        "svg.fonttype": "path",
        "figure.constrained_layout.use": False,  # savefig would otherwise turn it on again
    }
    with mpl.rc_context(style):
        figure.savefig(
            buffer,
            format=kind,
            dpi=_PNG_DPI,
            bbox_inches="tight",
            pad_inches=0.1,
            facecolor="white",
            metadata=metadata,
        )
    return buffer.getvalue()


def figure_html(name: str, kind: str, data: bytes, caption: str, alt: str) -> str:
    uri = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return (
        f'<figure class="figure" data-name="{name}">\n'
        f'<img src="{uri}" alt="{html.escape(alt, quote=True)}" style="max-width:100%">\n'
        f"<figcaption>{html.escape(caption)}</figcaption>\n</figure>"
    )
