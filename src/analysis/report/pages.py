"""The report: one self-contained page per executed notebook and an index, as plain files.

``build_report`` reads finished runs and writes HTML that opens from disk without a network: style,
figures and mathematics are in the page; only the files offered for download lie beside it. The same
runs give the same bytes, so neither times nor paths of this machine appear.
"""

import base64
import hashlib
import html
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import CompendiumError, paths
from analysis.report.atomic import write_atomically

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent
_MANIFEST = "report.json"
_FORMATS = {"tables": ("csv", "tex", "docx"), "figures": ("png", "svg")}
_EXTRAS = {
    "notebook.ipynb": "executed notebook",
    "estimates.parquet": "all estimates",
    "sentences.json": "sentences and the numbers in them",
}


@dataclass(frozen=True)
class Page:
    """What the templates show of one run."""

    name: str
    title: str
    record: Mapping[str, Any]
    answer: str
    body: str
    contents: list[tuple[str, str]]
    thumbnail: tuple[str, str] | None
    n_tables: int
    n_figures: int
    extras: list[tuple[str, str]]


def build_report(run_dirs: Sequence[Path], reports: Path) -> Path:
    """Write ``index.html`` and a page per run into ``reports``; return the index's path.

    Parameters
    ----------
    run_dirs
        Folders of finished runs, each with ``notebook.ipynb`` and ``record.json``.
    reports
        Folder to write to. Files of an earlier report that are no longer made are removed; other
        files are left alone. When nothing has changed since, nothing is written.

    Raises
    ------
    CompendiumError
        If a run is not there or incomplete, or two runs are of the same notebook.
    """
    runs = sorted((_read_run(Path(folder)) for folder in run_dirs), key=lambda run: run[1]["name"])
    names = [record["name"] for _, record in runs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CompendiumError(f"a report has one page per notebook; {twice[0]} is given twice")
    inputs = _inputs_digest([folder for folder, _ in runs])
    if not _is_current(reports, inputs):
        _write_site(_build_site(runs), inputs, reports)
    return reports / "index.html"


def _read_run(folder: Path) -> tuple[Path, dict[str, Any]]:
    for needed in ("record.json", "notebook.ipynb"):
        if not (folder / needed).is_file():
            raise CompendiumError(f"{folder} is not a finished run: it has no {needed}")
    try:
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        record["name"], record["title"], record["key"]
    except (ValueError, KeyError, TypeError) as error:
        raise CompendiumError(
            f"{folder / 'record.json'} is not a run record ({error!r}); run the notebook again"
        ) from None
    return folder, record


# ---------------------------------------------------------------- what is already there


def _inputs_digest(folders: Sequence[Path]) -> str:
    """SHA-256 over all that a report is made of: runs, catalogue, and this code."""
    files = [f for folder in folders for f in (folder / "record.json", folder / "notebook.ipynb")]
    files += [f for f in [paths.RAW / "catalogue.yaml"] if f.is_file()]
    for room in (_HERE, _HERE.parent / "claims"):
        files += sorted(f for f in room.rglob("*") if f.suffix in (".py", ".yaml", ".j2", ".css"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _manifest(reports: Path) -> dict[str, Any]:
    """What the last report wrote: its inputs' digest and the SHA-256 of each file."""
    try:
        found = json.loads((reports / _MANIFEST).read_text(encoding="utf-8"))
        return {"inputs": str(found["inputs"]), "files": dict(found["files"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {"inputs": "", "files": {}}


def _is_current(reports: Path, inputs: str) -> bool:
    before = _manifest(reports)
    return before["inputs"] == inputs and all(
        (reports / name).is_file() and _sha256((reports / name).read_bytes()) == sha
        for name, sha in before["files"].items()
    )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write_site(site: Mapping[str, bytes], inputs: str, reports: Path) -> None:
    """Write what changed, the index last, and remove what the last report made and this did not."""
    before = _manifest(reports)["files"]
    for name in sorted(site, key=lambda n: (n == "index.html", n)):
        path = reports / name
        if not path.is_file() or path.read_bytes() != site[name]:
            write_atomically(path, site[name])
    for name in sorted(set(before) - set(site)):
        stale = reports / name
        if reports.resolve() in stale.resolve().parents:
            stale.unlink(missing_ok=True)
    manifest = {"inputs": inputs, "files": {name: _sha256(site[name]) for name in sorted(site)}}
    write_atomically(reports / _MANIFEST, json.dumps(manifest, indent=1).encode())


# ---------------------------------------------------------------- the site


def _build_site(runs: Sequence[tuple[Path, dict[str, Any]]]) -> dict[str, bytes]:
    """Every file of the report by its path relative to the report's folder."""
    pages = [_page(folder, record) for folder, record in runs]
    from analysis.report.claims_page import claims_pages, has_evidence

    environment = _environment()
    datasets = _datasets()
    folders = [folder for folder, _ in runs]
    shared = {
        "pages": pages,
        "datasets": datasets,
        "publishers": _publishers(datasets),
        "has_claims": has_evidence(folders),
    }
    site = claims_pages(folders, environment, shared) if shared["has_claims"] else {}
    site |= {"index.html": environment.get_template("index.html.j2").render(**shared).encode()}
    template = environment.get_template("page.html.j2")
    for i, page in enumerate(pages):
        before = pages[i - 1] if i else None
        after = pages[i + 1] if i + 1 < len(pages) else None
        text = template.render(page=page, previous=before, next=after, **shared)
        site[f"{page.name}.html"] = text.encode()
    for folder, record in runs:
        for file in _downloads(folder):
            site[f"{record['name']}/{file.relative_to(folder).as_posix()}"] = file.read_bytes()
    return site


def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["canonical"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment


def _downloads(folder: Path) -> list[Path]:
    files = [folder / name for name in _EXTRAS]
    for kind, suffixes in _FORMATS.items():
        files += [f for suffix in suffixes for f in (folder / kind).glob(f"*.{suffix}")]
    return sorted(file for file in files if file.is_file())


def _datasets() -> list[Any]:
    """The catalogue's datasets, or none where the project carries no catalogue."""
    if not (paths.RAW / "catalogue.yaml").is_file():
        return []
    from analysis.sources import catalogue

    return [dataset for table in catalogue().tables.values() for dataset in table.datasets]


def _publishers(datasets: Sequence[Any]) -> list[tuple[str, str]]:
    """Each publisher with the vintages of its data."""
    vintages: dict[str, set[str]] = {}
    for dataset in datasets:
        vintages.setdefault(dataset.publisher, set()).add(dataset.vintage)
    return [(publisher, ", ".join(sorted(found))) for publisher, found in sorted(vintages.items())]


# ---------------------------------------------------------------- one page


def _page(folder: Path, record: Mapping[str, Any]) -> Page:
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(_body(_read_cells(folder / "notebook.ipynb")), "html.parser")
    heading = soup.find("h1")
    title = heading.get_text().strip() if heading else str(record["title"])
    if heading:
        heading.decompose()
    _order_headings(soup)
    _number_figures(soup)
    _offer_downloads(soup, folder, str(record["name"]))
    lead = soup.find("p")
    answer = soup.select_one(".answer")
    return Page(
        name=str(record["name"]),
        title=title,
        record=record,
        answer=_excerpt(answer or lead),
        body=str(soup),
        contents=[(str(h["id"]), h.get_text()) for h in soup.find_all("h2")],
        thumbnail=_thumbnail(soup, folder),
        n_tables=len(soup.select("figure.table")),
        n_figures=len(soup.select("figure.figure")),
        extras=[(n, label) for n, label in _EXTRAS.items() if (folder / n).is_file()],
    )


def _read_cells(path: Path) -> list[dict[str, Any]]:
    import nbformat

    try:
        return list(nbformat.read(path, as_version=4).cells)
    except Exception as error:  # nbformat raises its own and json's errors
        raise CompendiumError(f"{path} is not a readable notebook: {error}") from None


def _body(cells: Sequence[Mapping[str, Any]]) -> str:
    """The cells as HTML: text as it is, and code folded above what it showed.

    The code of cells that showed nothing is folded together with that of the next one.
    """
    from analysis.report import markup

    parts: list[str] = []
    pending: list[str] = []

    def unfold() -> None:
        if pending:
            blocks = "".join(markup.code(source) for source in pending)
            summary = "<summary>Show code</summary>"
            parts.append(f'<details class="code">{summary}{blocks}</details>')
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
    return "\n".join(parts)


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
    for kind, word in (("table", "Table"), ("figure", "Figure")):
        for number, figure in enumerate(soup.select(f"figure.{kind}"), start=1):
            figure["id"] = f"{kind}-{number}"
            caption = figure.find("figcaption")
            if caption is None:
                continue
            label = soup.new_tag("span", attrs={"class": "label"})
            label.string = f"{word} {number}. "
            caption.insert(0, label)


def _offer_downloads(soup: Any, folder: Path, name: str) -> None:
    """Below each table and figure, links to its files beside the page."""
    for figure in soup.select("figure[data-name]"):
        kind = "tables" if "table" in figure["class"] else "figures"
        stem = figure["data-name"]
        there = [s for s in _FORMATS[kind] if (folder / kind / f"{stem}.{s}").is_file()]
        line = soup.new_tag("p", attrs={"class": "downloads"})
        for suffix in there:
            link = soup.new_tag("a", attrs={"href": f"{name}/{kind}/{stem}.{suffix}"})
            link["aria-label"] = f"{stem} as {suffix.upper()}"
            link.string = suffix.upper()
            line.append(link)
            line.append(" ")
        if there:
            figure.append(line)


def _excerpt(part: Any) -> str:
    """The paragraphs of an answer as HTML for the index, without figures or code."""
    if part is None:
        return ""
    if part.name == "p":
        return str(part)
    return "".join(str(p) for p in part.find_all("p") if p.find_parent("figure") is None)


def _thumbnail(soup: Any, folder: Path) -> tuple[str, str] | None:
    """The first figure of the cell tagged ``thumbnail``, or of the page, small: (data URI, alt)."""
    from PIL import Image

    chosen = soup.select_one("[data-thumbnail] figure.figure") or soup.select_one("figure.figure")
    stem = chosen.get("data-name") if chosen else None
    path = folder / "figures" / f"{stem}.png" if stem else None
    if path is None or not path.is_file():
        return None
    with Image.open(path) as image:
        small = image.convert("RGB")
        small.thumbnail((640, 640), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        small.quantize(64, dither=Image.Dither.NONE).save(buffer, format="PNG", optimize=True)
    uri = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return uri, html.unescape(str(chosen.find("img").get("alt", "")))
