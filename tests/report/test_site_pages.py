"""The site of made-up runs: papers, register, links, bytes."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from typer.testing import CliRunner

import analysis.cli.site  # noqa: F401, it registers the command
from analysis import CompendiumError, paths
from analysis.cli.application import app
from analysis.languages import LANGUAGES
from analysis.report import Output
from analysis.report.site import build, build_site
from analysis.report.site.publish import MANIFEST, publish

KEY = "d74c72d5ca28cc1dbe2914a289853047350ea2abc73708441303a98a65c6cdbf"


def shown(html: str) -> Any:
    return nbformat.v4.new_output("execute_result", {"text/html": html, "text/plain": "object"})


def cell(source: str, *outputs: Any, tags: tuple[str, ...] = ()) -> Any:
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})


def make_run(folder: Path, name: str, title: str = "Do regions *innovate*?") -> Path:
    """A run as the engine leaves it, with synthetic content."""
    out = Output(folder)
    frame = pd.DataFrame({"geo": ["FR10"], "x": [1 / 3]})
    table = out.table("levels", frame, title="Levels & more", source="synthetic")
    figure, axes = plt.subplots()
    axes.plot([0, 1], [1, 0])
    drawn = out.figure("fall", figure, caption="A fall", alt="A falling line", source="synthetic")
    said = out.say("It falls by **{by:.1f}**.", by=1.0)
    text = nbformat.v4.new_output("execute_result", {"text/markdown": said.data})
    warning = nbformat.v4.new_output("stream", name="stderr", text="FutureWarning: soon\n")
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell(f"# {title}\n\nFirst words. See [other](02_b.ipynb)."),
            cell("years = [2000, 2012]", tags=("parameters",)),
            nbformat.v4.new_markdown_cell("## Answer"),
            cell("out.say(...)", text, tags=("answer",)),
            nbformat.v4.new_markdown_cell("## Model\n\n#### Deep\n\n$$y = \\beta x$$\n\n## Model"),
            cell("import numpy"),
            cell("out.table(...)", warning, shown(table._repr_html_())),
            cell("out.figure(...)", shown(drawn._repr_html_())),
        ]
    )
    nbformat.write(notebook, folder / "notebook.ipynb")
    record = {
        "name": name,
        "title": "unused",
        "key": KEY,
        "status": "complete",
        "parameters": {"years": [2000, 2012], "countries": ["FR"]},
        "inputs": {},
        "outputs": {},
        "versions": {"python": "3.11.7"},
        "seed": 7,
        "started": "2026-01-02T03:04:05",
        "timings": {"seconds": 987.125},
    }
    (folder / "record.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Runs of a project that carries no data."""
    monkeypatch.setattr(paths, "RAW", tmp_path / "raw")
    monkeypatch.setattr(build, "read_studies", dict)
    return [
        make_run(tmp_path / "runs" / "a", "01_a"),
        make_run(tmp_path / "runs" / "b", "02_b", "Second"),
    ]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path]:
    """Two runs and their site, to be read only."""
    folder = tmp_path_factory.mktemp("once")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "RAW", folder / "raw")
        patch.setattr(build, "read_studies", dict)
        made = [make_run(folder / "a", "01_a"), make_run(folder / "b", "02_b", "Second")]
        return made, build_site(made, folder / "site").parent


@pytest.fixture
def site(once: tuple[list[Path], Path]) -> Path:
    return once[1]


def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def pages(site: Path) -> list[Path]:
    """Pages of the site; the tables for download are files of their own."""
    return sorted(page for page in site.rglob("*.html") if "files" not in page.parts)


def test_every_page_is_there_in_both_languages(site: Path) -> None:
    english, french = (
        {page.relative_to(site / lang).as_posix() for page in pages(site / lang)}
        for lang in LANGUAGES
    )
    assert english == french
    assert {"index.html", "methods.html", "papers/index.html", "papers/01_a.html"} <= english
    assert {f"claims/C{number:02}.html" for number in range(1, 31)} <= english
    for page in pages(site / "fr"):
        assert soup(page).html["lang"] == "fr"
        switch = soup(page).select_one("a.language")
        assert (page.parent / switch["href"]).resolve() == site / "en" / page.relative_to(
            site / "fr"
        )


def test_sections_without_content_are_not_in_the_menu(site: Path) -> None:
    menu = [link.get_text() for link in soup(site / "en" / "index.html").select(".bar li a")]
    assert menu == ["Claims", "Papers", "Methods"]


def test_nothing_is_asked_of_the_network(site: Path) -> None:
    for path in pages(site):
        page = soup(path)
        for tag in page.find_all(["script", "img", "link", "iframe"]):
            address = str(tag.get("src") or tag.get("href") or "data:")
            assert not re.match(r"(https?:)?//", address), tag
            if tag.name == "script":
                assert not tag.get_text().strip(), "the policy forbids scripts in the page"
        assert not page.find_all(style=True) and not page.find_all("style")
        policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
        assert "default-src 'none'" in policy and "connect-src" not in policy.replace(
            "connect-src 'none'", ""
        )


def test_every_local_link_leads_somewhere(site: Path) -> None:
    for path in pages(site):
        page = soup(path)
        for tag in page.find_all(["a", "link", "script", "img"]):
            address = str(tag.get("href") or tag.get("src") or "")
            target, _, fragment = address.partition("#")
            if not re.match(r"https?:|data:", address):
                there = (path.parent / target).resolve() if target else path
                assert there.is_file(), (path, tag)
                assert not fragment or soup(there).find(id=fragment), (path, tag)


def test_pages_have_landmarks_ordered_headings_and_unique_ids(site: Path) -> None:
    for path in pages(site / "fr"):
        page = soup(path)
        assert all(page.find(landmark) for landmark in ("header", "nav", "main", "footer"))
        assert len(page.find_all("h1")) == 1
        levels = [int(heading.name[1]) for heading in page.find_all(re.compile("^h[1-6]$"))]
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), path
        ids = [tag["id"] for tag in page.find_all(id=True)]
        assert len(ids) == len(set(ids))
        assert all(image.has_attr("alt") for image in page.find_all("img"))


def test_the_list_of_papers_shows_their_answers(site: Path) -> None:
    cards = soup(site / "en" / "papers" / "index.html").select(".card")
    assert [card.find("h2").get_text() for card in cards] == ["Do regions innovate?", "Second"]
    assert "It falls by 1.0." in cards[0].get_text()
    assert "1 table · 1 figure" in cards[0].get_text()
    french = soup(site / "fr" / "papers" / "index.html").select_one(".card")
    assert "1 tableau · 1 figure" in french.get_text()
    assert french.select_one("[lang=en]").get_text() == "Do regions innovate?"


def test_a_paper_shows_text_mathematics_results_and_folds_the_rest(site: Path) -> None:
    page = soup(site / "fr" / "papers" / "01_a.html")
    body = page.select_one(".paper")
    assert body["lang"] == "en" and "en anglais" in page.select_one(".note").get_text()
    assert page.select_one(".answer").get_text().strip() == "It falls by 1.0."
    assert page.find("math")["display"] == "block"
    assert page.select_one("details.code summary").get_text() == "Show code"
    assert "FutureWarning" in page.select_one("details.messages").get_text()
    captions = [caption.get_text() for caption in body.find_all("figcaption")]
    assert captions == ["Table 1. Levels & more", "Figure 1. A fall"]
    assert page.select_one("td.number").get_text() == "0.333"
    image = page.select_one("figure.figure img")
    assert image["alt"] == "A falling line" and int(image["width"]) > 100
    assert image["src"] == "../../files/01_a/figures/fall.png"


def test_code_that_shows_nothing_is_folded_with_the_next(site: Path) -> None:
    folds = soup(site / "en" / "papers" / "01_a.html").select("details.code")
    assert [len(fold.select(".highlight")) for fold in folds] == [1, 1, 2, 1]
    assert "import numpy" in folds[2].get_text() and "out.table" in folds[2].get_text()


def test_a_paper_says_where_it_comes_from(site: Path) -> None:
    page = soup(site / "en" / "papers" / "01_a.html")
    footer = page.find("footer").get_text()
    assert KEY in footer and "python 3.11.7" in footer and "01_a.ipynb" in footer
    rows = [row.get_text(" ", strip=True) for row in page.select(".parameters tbody tr")]
    assert rows == ['countries ["FR"]', "years [2000, 2012]"]
    assert "987" not in footer and "2026-01-02" not in page.get_text()


def test_files_for_download_are_the_runs_files(once: tuple[list[Path], Path]) -> None:
    runs, site = once
    for name in ("tables/levels.csv", "tables/levels.tex", "figures/fall.png"):
        assert (site / "files" / "01_a" / name).read_bytes() == (runs[0] / name).read_bytes()
    links = soup(site / "en" / "papers" / "01_a.html").select(".downloads a")
    assert links[0]["href"] == "../../files/01_a/tables/levels.csv"
    assert [link.get_text() for link in links][-2:] == ["PNG", "SVG"]


def test_a_claim_without_a_run_says_so(site: Path) -> None:
    row = soup(site / "en" / "index.html").select_one("#claims tbody tr")
    assert "not run" in row.get_text()
    page = soup(site / "fr" / "claims" / "C08.html").get_text()
    assert "n’a pas été exécuté" in page and "compendium reproduce" in page


# ---------------------------------------------------------------- again, and wrong


def test_the_same_runs_give_the_same_bytes_wherever_they_are(
    runs: list[Path], tmp_path: Path
) -> None:
    first = build_site(runs, tmp_path / "here").parent
    again = build_site(runs[::-1], tmp_path / "elsewhere").parent
    assert tree(again) == tree(first)


def test_only_what_changed_is_written(runs: list[Path], tmp_path: Path) -> None:
    site = build_site(runs, tmp_path / "site").parent
    whole = tree(site)
    before = {path: path.stat().st_mtime_ns for path in site.rglob("*") if path.is_file()}
    build_site(runs, site)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    (site / "en" / "papers" / "01_a.html").write_text("damaged")
    (site / "files" / "02_b" / "tables" / "levels.csv").unlink()
    (site / "mine.txt").write_text("keep me")
    build_site(runs, site)
    assert tree(site) == whole | {"mine.txt": b"keep me"}
    build_site(runs[:1], site)
    assert not (site / "en" / "papers" / "02_b.html").exists()
    assert not (site / "files" / "02_b").exists()
    assert (site / "mine.txt").read_text() == "keep me"
    assert "Second" not in (site / "en" / "papers" / "01_a.html").read_text()


def test_a_manifest_cannot_make_a_file_elsewhere_go(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    site = tmp_path / "site"
    site.mkdir()
    (site / MANIFEST).write_text(json.dumps({"inputs": "", "files": {"../outside.txt": "0"}}))
    publish({"index.html": b"new"}, "inputs", site)
    assert outside.read_text() == "mine" and (site / "index.html").read_bytes() == b"new"


def test_a_report_of_one_run_leaves_the_territories_out(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the data of the project
    monkeypatch.setattr(build, "read_studies", dict)
    site = build_site(runs[:1], tmp_path / "site", territories=False).parent
    assert (
        not (site / "en" / "territories").exists() and not (site / "en" / "explore.html").exists()
    )
    data = soup(site / "fr" / "data.html").get_text()
    assert "rd_e_gerdreg" in data and "Millésimes des données" in data
    footer = soup(site / "en" / "papers" / "01_a.html").find("footer").get_text()
    assert re.search(r"Eurostat: .*2020", footer)
    codebook = (site / "downloads" / "codebook.csv").read_bytes()
    assert codebook == (paths.PROCESSED / "codebook.csv").read_bytes()


def test_unfinished_and_broken_runs_are_refused(runs: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "site"
    with pytest.raises(CompendiumError, match="01_a is given twice"):
        build_site([runs[0], runs[0]], target)
    (runs[0] / "notebook.ipynb").write_text("{")
    with pytest.raises(CompendiumError, match=r"a/notebook\.ipynb is not a readable notebook"):
        build_site(runs, target)
    (runs[0] / "record.json").write_text("[]")
    with pytest.raises(CompendiumError, match=r"record\.json is not a run record"):
        build_site(runs, target)
    (runs[0] / "record.json").unlink()
    with pytest.raises(CompendiumError, match=r"a is not a finished run: it has no record\.json"):
        build_site(runs, target)
    assert not target.exists()


def test_the_command_prints_the_address(runs: list[Path], tmp_path: Path) -> None:
    options = [text for run in runs for text in ("--runs", str(run))]
    done = CliRunner().invoke(app, ["site", *options, "--out", str(tmp_path / "here")])
    index = tmp_path / "here" / "index.html"
    assert done.exit_code == 0 and f"site: {index.as_uri()}" in done.output
    assert index.is_file()


def test_the_command_without_any_run_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.runs.record.current_inputs", lambda: None)
    monkeypatch.setattr("analysis.runs.reproduce.finished_runs", lambda inputs: [])
    done = CliRunner().invoke(app, ["site", "--out", str(tmp_path / "here")])
    assert isinstance(done.exception, CompendiumError)
    assert "compendium reproduce" in str(done.exception)
    assert not (tmp_path / "here").exists()
