"""The notebooks as papers: text, mathematics, tables and figures, with the code folded away.

Papers are written in English; the frame round them is in the language of the site.
"""

import html
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from PIL import Image

from analysis import CompendiumError
from analysis.languages import catalogue
from analysis.report import markup
from analysis.report.site.chrome import Page
from analysis.report.site.content import Content, Paper, Run
from analysis.report.site.publish import FileContent

SECTION = "nav.papers"
#: Formats in which tables and figures are offered, in the order shown.
FORMATS = {"tables": ("csv", "xlsx", "tex", "docx", "html"), "figures": ("png", "svg")}
#: Other files of a run that are offered, by key of what they are called.
EXTRAS = {
    "notebook.ipynb": "paper.file.notebook",
    "estimates.parquet": "paper.file.estimates",
    "sentences.json": "paper.file.sentences",
}
#: Holds the place of folded code.
_CODE = re.compile(r"<!--code (\d+)-->")
#: Width and height a figure has at most in a list of papers, in pixels.
_THUMBNAIL = (640, 640)


def pages(content: Content, lang: str) -> Iterator[Page]:
    """The list of papers and one page for each."""
    yield Page("papers/index.html", "papers.html.j2", SECTION, {"papers": content.papers})
    publishers = content.statistics.publishers if content.statistics else []
    for place, paper in enumerate(content.papers):
        extras = [(n, key) for n, key in EXTRAS.items() if (paper.run.folder / n).is_file()]
        yield Page(
            f"papers/{paper.name}.html",
            "paper.html.j2",
            SECTION,
            {
                "paper": paper,
                "record": paper.run.record,
                "before": content.papers[place - 1] if place else None,
                "after": content.papers[place + 1] if place + 1 < len(content.papers) else None,
                "publishers": publishers,
                "extras": extras,
            },
        )


def files(content: Content) -> Iterator[tuple[str, FileContent]]:
    """What is offered for download, and the small figures."""
    for paper in content.papers:
        folder = paper.run.folder
        for file in _downloads(folder):
            yield f"files/{paper.name}/{file.relative_to(folder).as_posix()}", file
        if paper.thumbnail:
            yield f"files/{paper.name}/thumbnail.png", paper.thumbnail


def _downloads(folder: Path) -> list[Path]:
    found = [folder / name for name in EXTRAS]
    found += [f for s in ("json", "parquet") for f in (folder / "evidence").glob(f"*.{s}")]
    for kind, suffixes in FORMATS.items():
        found += [f for suffix in suffixes for f in (folder / kind).glob(f"*.{suffix}")]
    return sorted(file for file in found if file.is_file())


def read(run: Run) -> Paper:
    """The executed notebook of a run as a paper."""
    text, code = _body(_read_cells(run.folder / "notebook.ipynb"))
    soup = BeautifulSoup(text, "html.parser")
    heading = soup.find("h1")
    title = heading.get_text().strip() if heading else str(run.record["title"])
    if heading:
        heading.decompose()
    _order_headings(soup)
    _number_figures(soup)
    _link_files(soup, run)
    answer = soup.find(class_="answer")
    return Paper(
        run=run,
        title=title,
        answer=_excerpt(answer or soup.find("p")),
        body=_CODE.sub(lambda match: code[int(match[1])], str(soup)),
        contents=[(str(h["id"]), h.get_text()) for h in soup.find_all("h2")],
        thumbnail=_thumbnail(soup, run.folder),
        n_tables=len(soup.find_all("figure", class_="table")),
        n_figures=len(soup.find_all("figure", class_="figure")),
    )


def _read_cells(path: Path) -> list[dict[str, Any]]:
    try:
        return list(nbformat.read(path, as_version=4).cells)
    except Exception as error:  # nbformat raises its own and json's errors
        raise CompendiumError(f"{path} is not a readable notebook: {error}") from None


def _body(cells: Sequence[Mapping[str, Any]]) -> tuple[str, list[str]]:
    """The cells as HTML: text as it is, and where code was folded above what it showed.

    The code of cells that showed nothing is folded together with that of the next one. Folded code
    is given apart, with a comment that holds its place: there is much of it, and nothing in it to
    look at again.
    """
    parts: list[str] = []
    code: list[str] = []
    pending: list[str] = []

    def unfold() -> None:
        if pending:
            parts.append(f"<!--code {len(code)}-->")
            code.append(_folded(pending))
            pending.clear()

    for cell in cells:
        tags = cell["metadata"].get("tags", [])
        role = "answer" if "answer" in tags else "cell"
        if cell["cell_type"] == "markdown":
            unfold()
            text = markup.markdown(cell["source"], cell.get("attachments"))
            parts.append(f'<div class="{role}">{text}</div>')
        elif cell["cell_type"] == "code" and cell["source"].strip():
            pending.append(cell["source"])
            shown = "".join(markup.output_html(output) for output in cell["outputs"])
            if shown:
                unfold()
                mark = " data-thumbnail" if "thumbnail" in tags else ""
                parts.append(f'<div class="{role}"{mark}>{shown}</div>')
    unfold()
    return "\n".join(parts), code


def _folded(sources: Sequence[str]) -> str:
    blocks = "".join(markup.code(source) for source in sources)
    summary = html.escape(catalogue("site", "en").text("paper.code"))
    return f'<details class="code"><summary>{summary}</summary>{blocks}</details>'


def _order_headings(soup: Any) -> None:
    """Unique ids, and no heading that skips a level on the way down."""
    level, seen = 1, set()
    for heading in soup.find_all(["h1", "h2", "h3", "h4", "h5", "h6"]):
        level = min(max(int(heading.name[1]), 2), level + 1)
        heading.name = f"h{level}"
        slug, count = str(heading.get("id") or "section"), 2
        unique = slug
        while unique in seen:
            unique, count = f"{slug}-{count}", count + 1
        heading["id"] = unique
        seen.add(unique)


def _number_figures(soup: Any) -> None:
    for kind, key in (("table", "paper.table"), ("figure", "paper.figure")):
        for number, figure in enumerate(soup.find_all("figure", class_=kind), start=1):
            figure["id"] = f"{kind}-{number}"
            caption = figure.find("figcaption")
            if caption is None:
                continue
            label = soup.new_tag("span", attrs={"class": "label"})
            label.string = catalogue("site", "en").text(key, number=number) + " "
            caption.insert(0, label)


def _link_files(soup: Any, run: Run) -> None:
    """Figures as files of their own, and below each table and figure links to its files."""
    for figure in soup.find_all("figure", attrs={"data-name": True}):
        kind = "tables" if "table" in figure["class"] else "figures"
        stem, folder = figure["data-name"], run.folder / kind
        address = f"../../files/{run.name}/{kind}/{stem}"
        there = [suffix for suffix in FORMATS[kind] if (folder / f"{stem}.{suffix}").is_file()]
        image = figure.find("img")
        if image is not None and "png" in there:
            _refer(image, folder / f"{stem}.png", f"{address}.png")
        line = soup.new_tag("p", attrs={"class": "downloads"})
        for suffix in there:
            link = soup.new_tag("a", attrs={"href": f"{address}.{suffix}"})
            link["aria-label"] = f"{stem}.{suffix}"
            link.string = suffix.upper()
            line.append(link)
            line.append(" ")
        if there:
            figure.append(line)


def _refer(image: Any, file: Path, address: str) -> None:
    """Point an image to its file, with its size, so that the page is small and does not jump."""
    with Image.open(file) as picture:
        image["width"], image["height"] = map(str, picture.size)
    image["src"], image["loading"] = address, "lazy"


def _excerpt(part: Any) -> str:
    """The paragraphs of an answer as HTML for lists, without figures or code."""
    if part is None:
        return ""
    if part.name == "p":
        return str(part)
    return "".join(str(p) for p in part.find_all("p") if p.find_parent("figure") is None)


def _thumbnail(soup: Any, folder: Path) -> bytes:
    """The first figure of the cell tagged ``thumbnail``, or of the paper, as a small PNG."""
    marked = soup.find(attrs={"data-thumbnail": True}) or soup
    chosen = marked.find("figure", class_="figure") or soup.find("figure", class_="figure")
    stem = chosen.get("data-name") if chosen else None
    path = folder / "figures" / f"{stem}.png" if stem else None
    if path is None or not path.is_file():
        return b""
    with Image.open(path) as image:
        small = image.convert("RGB")
        small.thumbnail(_THUMBNAIL, Image.Resampling.LANCZOS, reducing_gap=2.0)
        buffer = io.BytesIO()
        small.quantize(64, dither=Image.Dither.NONE).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
