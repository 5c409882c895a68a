"""The whole site from finished runs."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis import CompendiumError, paths
from analysis.claims.assembly import assemble
from analysis.claims.evidence import CURVE, WITHOUT, read_kept
from analysis.claims.robustness import choices_table
from analysis.languages import LANGUAGES, LOCALE
from analysis.report import brief
from analysis.report.site import (
    claim_pages,
    data_page,
    explore,
    front,
    methods,
    papers,
    study_pages,
    territory_pages,
)
from analysis.report.site.chrome import ASSETS, TEMPLATES, Page, render
from analysis.report.site.content import Content, Run, read_run, read_statistics, read_studies
from analysis.report.site.publish import FileContent, is_current, publish

_KINDS = (front, claim_pages, territory_pages, explore, papers, study_pages, data_page, methods)
_ROOMS = ("sources", "panel", "claims", "report")
_CODE = (".py", ".yaml", ".j2", ".css", ".js")


def build_site(run_folders: Sequence[Path], target: Path, *, territories: bool = True) -> Path:
    """Write the site into ``target``; return its first page, ``target/index.html``.

    Parameters
    ----------
    run_folders
        Folders of finished runs, each with ``notebook.ipynb`` and ``record.json``.
    target
        Folder to write to. Files of an earlier site that are no longer made are removed; other
        files are left alone. When nothing has changed since, nothing is written.
    territories
        Whether to make the map and a page for each territory, which do not depend on the runs.

    Raises
    ------
    CompendiumError
        If a run is not there or incomplete, or two runs are of the same notebook.
    """
    runs = sorted((read_run(Path(folder)) for folder in run_folders), key=lambda run: run.name)
    names = [run.name for run in runs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CompendiumError(f"the site has one paper per notebook; {twice[0]} is given twice")
    inputs = f"{_inputs_digest([run.folder for run in runs])} {territories}"
    if not is_current(target, inputs):
        publish(_files(_content(runs, territories)), inputs, target)
    return target / "index.html"


def _content(runs: Sequence[Run], territories: bool) -> Content:
    folders = [run.folder for run in runs]
    entries, curves = assemble(folders), read_kept(folders, CURVE)
    statistics = read_statistics()
    return Content(
        runs=tuple(runs),
        entries=tuple(entries),
        curves=curves,
        importance=choices_table(entries, curves),
        without=read_kept(folders, WITHOUT),
        papers=tuple(papers.read(run) for run in runs),
        studies=read_studies(),
        statistics=statistics,
        briefs=brief.load(folders) if territories and statistics else None,
    )


def _files(content: Content) -> dict[str, FileContent]:
    """Every file of the site by its path."""
    site: dict[str, FileContent] = {"index.html": (TEMPLATES / "root.html").read_bytes()}
    for asset in sorted(ASSETS.iterdir()):
        site[f"assets/{asset.name}"] = asset
    for lang in LANGUAGES:
        for page in _pages(content, lang):
            site[f"{lang}/{page.path}"] = render(page, lang, content.absent)
    for kind in _KINDS:
        site |= dict(kind.files(content))
    return site


def _pages(content: Content, lang: str) -> Iterator[Page]:
    for kind in _KINDS:
        yield from kind.pages(content, lang)


def _inputs_digest(folders: Sequence[Path]) -> str:
    """SHA-256 over all that the site is made of: runs, data, texts, and the code that makes it."""
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    files += [f for f in (paths.RAW / "catalogue.yaml", paths.PROCESSED / "build.json")]
    files += sorted((paths.ROOT / "studies").glob("*/study.yaml"))
    package = Path(__file__).parents[2]
    for room in _ROOMS:
        files += sorted(f for f in (package / room).rglob("*") if f.suffix in _CODE)
    files += sorted(LOCALE.rglob("*.po"))
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes() if file.is_file() else b"absent"
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()
