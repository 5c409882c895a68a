"""Pages: from executed notebooks to a report that opens from disk."""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from analysis import CompendiumError, paths
from analysis.report import Output
from analysis.report.pages import build_report

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
    monkeypatch.setattr(paths, "RAW", tmp_path / "raw")
    return [
        make_run(tmp_path / "runs" / "a", "01_a"),
        make_run(tmp_path / "runs" / "b", "02_b", "Second"),
    ]


@pytest.fixture
def reports(runs: list[Path], tmp_path: Path) -> Path:
    return build_report(runs, tmp_path / "reports").parent


def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_there_is_a_page_per_run_and_an_index(reports: Path) -> None:
    assert {path.name for path in reports.glob("*.html")} == {
        "index.html",
        "01_a.html",
        "02_b.html",
    }
    cards = soup(reports / "index.html").select(".card")
    assert [card.find("h2").get_text() for card in cards] == ["Do regions innovate?", "Second"]
    assert "It falls by 1.0." in cards[0].get_text()
    assert "1 table · 1 figure" in cards[0].get_text()
    assert cards[0].find("img")["src"].startswith("data:image/png;base64,")


@pytest.mark.parametrize("page", ["index.html", "01_a.html"])
def test_nothing_is_fetched(reports: Path, page: str) -> None:
    found = soup(reports / page)
    for tag in found.find_all(True):
        for name in ("src", "srcset", "data", "poster", "action"):
            assert str(tag.get(name, "data:")).startswith("data:"), tag
        if tag.name != "a" and tag.get("href"):
            assert tag["href"].startswith("data:"), tag
    assert not found.find_all(["script", "iframe"])
    assert "@import" not in found.text and "url(" not in str(found.find("style"))


def test_every_local_link_leads_somewhere(reports: Path) -> None:
    for page in reports.glob("*.html"):
        for link in soup(page).find_all("a"):
            target, _, fragment = link["href"].partition("#")
            if not target.startswith("http"):
                there = reports / (target or page.name)
                assert there.is_file(), link
                assert not fragment or soup(there).find(id=fragment), link


def test_the_page_is_accessible(reports: Path) -> None:
    page = soup(reports / "01_a.html")
    assert page.html["lang"] == "en"
    assert all(page.find(landmark) for landmark in ("header", "nav", "main", "footer"))
    assert len(page.find_all("h1")) == 1
    levels = [int(heading.name[1]) for heading in page.find_all(re.compile("^h[1-6]$"))]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert [image["alt"] for image in page.find_all("img")] == ["A falling line"]


def test_the_page_shows_text_mathematics_results_and_folds_the_rest(reports: Path) -> None:
    page = soup(reports / "01_a.html")
    assert page.select_one(".answer").get_text().strip() == "It falls by 1.0."
    assert page.find("math")["display"] == "block"
    assert page.select_one("details.code summary").get_text() == "Show code"
    assert "FutureWarning" in page.select_one("details.messages").get_text()
    captions = [caption.get_text() for caption in page.find_all("figcaption")]
    assert captions == ["Table 1. Levels & more", "Figure 1. A fall"]
    assert page.select_one("td.number").get_text() == "0.333"


def test_code_that_shows_nothing_is_folded_with_the_next(reports: Path) -> None:
    folds = soup(reports / "01_a.html").select("details.code")
    assert [len(fold.select(".highlight")) for fold in folds] == [1, 1, 2, 1]
    assert "import numpy" in folds[2].get_text() and "out.table" in folds[2].get_text()


def test_the_page_says_where_it_comes_from(reports: Path) -> None:
    page = soup(reports / "01_a.html")
    footer = page.find("footer").get_text()
    assert KEY in footer and "python 3.11.7" in footer and "01_a.ipynb" in footer
    rows = [row.get_text(" ", strip=True) for row in page.select(".parameters tbody tr")]
    assert rows == ['countries ["FR"]', "years [2000, 2012]"]
    assert "987" not in footer and "2026-01-02" not in page.get_text()


def test_files_for_download_are_the_runs_files(runs: list[Path], reports: Path) -> None:
    for name in (
        "tables/levels.csv",
        "tables/levels.tex",
        "tables/levels.docx",
        "figures/fall.png",
    ):
        assert (reports / "01_a" / name).read_bytes() == (runs[0] / name).read_bytes()
    links = [link["href"] for link in soup(reports / "01_a.html").select(".downloads a")]
    assert links[:3] == [f"01_a/tables/levels.{suffix}" for suffix in ("csv", "tex", "docx")]


def test_data_vintages_come_from_the_catalogue(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    if not (paths.RAW / "catalogue.yaml").is_file():
        pytest.fail("data/raw/catalogue.yaml is part of the project and must be there")
    index = build_report(runs, tmp_path / "reports")
    assert "rd_e_gerdreg" in soup(index).get_text()
    footer = soup(index.with_name("01_a.html")).find("footer").get_text()
    assert re.search(r"Eurostat: .*2020", footer)


# ---------------------------------------------------------------- again, and wrong


def test_the_same_runs_give_the_same_bytes_wherever_they_are(
    runs: list[Path], reports: Path, tmp_path: Path
) -> None:
    again = build_report(runs[::-1], tmp_path / "elsewhere").parent
    assert tree(again) == tree(reports)


def test_nothing_is_written_when_nothing_changed(runs: list[Path], reports: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in reports.rglob("*") if path.is_file()}
    build_report(runs, reports)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_damaged_page_is_made_again(runs: list[Path], reports: Path) -> None:
    whole = tree(reports)
    (reports / "01_a.html").write_text("damaged")
    (reports / "02_b" / "tables" / "levels.csv").unlink()
    build_report(runs, reports)
    assert tree(reports) == whole


def test_what_is_no_longer_made_goes_and_other_files_stay(runs: list[Path], reports: Path) -> None:
    (reports / "mine.txt").write_text("keep me")
    build_report(runs[:1], reports)
    assert not (reports / "02_b.html").exists()
    assert not (reports / "02_b" / "tables" / "levels.csv").exists()
    assert (reports / "mine.txt").read_text() == "keep me"
    assert "Second" not in (reports / "01_a.html").read_text()


def test_unfinished_and_broken_runs_are_refused(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(CompendiumError, match="01_a is given twice"):
        build_report([runs[0], runs[0]], tmp_path / "reports")
    (runs[0] / "notebook.ipynb").write_text("{")
    with pytest.raises(CompendiumError, match=r"a/notebook\.ipynb is not a readable notebook"):
        build_report(runs, tmp_path / "reports")
    (runs[0] / "record.json").write_text("[]")
    with pytest.raises(CompendiumError, match=r"record\.json is not a run record"):
        build_report(runs, tmp_path / "reports")
    (runs[0] / "record.json").unlink()
    with pytest.raises(CompendiumError, match=r"a is not a finished run: it has no record\.json"):
        build_report(runs, tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_importing_the_pages_stays_light() -> None:
    code = (
        "import sys, analysis.report.pages;"
        "heavy = {'pandas', 'matplotlib', 'nbconvert', 'jinja2', 'bs4'} & set(sys.modules);"
        "print(*sorted(heavy))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("\n", "")
