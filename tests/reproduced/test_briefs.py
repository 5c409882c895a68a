"""Briefs of the real regions: every number in them is the panel's or the run's."""

import html
import io
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pypdf
import pytest

from analysis.claims.assembly import assemble, row
from analysis.languages import LANGUAGES, catalogue
from analysis.report.brief import MapChanges, compose, prepare, render_html, render_pdf
from analysis.report.brief.context import PEERS, TABLES, structure, vintages
from analysis.report.brief.drawings import pictures
from analysis.report.brief.lines import Brief, Cell, Clause, Number, Words, Years
from analysis.report.brief.register import INSTRUMENTS
from analysis.report.brief.text import Language

KEYS = {"regions": "geo", "countries": "country", "nuts3": "nuts3"}
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
SAMPLE = ("FR10", "RO11", "MT00", "LI00", "FR", "DE2", "FR101", "UKI3")


@pytest.fixture(scope="module")
def tables(reproduced) -> dict[str, pd.DataFrame]:
    folder = reproduced / "data" / "processed"
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}


@pytest.fixture(scope="module")
def entries(reproduced) -> list:
    return assemble(sorted(file.parent for file in reproduced.glob("runs/*/*/record.json")))


@pytest.fixture(scope="module")
def context(reproduced, tables, entries):
    raw = reproduced / "data" / "raw"
    changes = MapChanges(
        *(pd.read_parquet(raw / f"{name}.parquet") for name in ("nuts_flows", "nuts_names"))
    )
    return prepare(tables, entries, changes, vintages())


@pytest.fixture(scope="module")
def briefs(context) -> dict[str, Brief]:
    levels = context.territories.levels
    small = [code for code, level in sorted(levels.items()) if level == 3][::40]
    large = [code for code, level in sorted(levels.items()) if level < 3]
    return {code: compose(context, code) for code in [*large, *small]}


# ---------------------------------------------------------------- every number made again


class Figures:
    """The tables as they stand on disk, and the plain arithmetic of the briefs."""

    def __init__(self, tables: dict[str, pd.DataFrame], entries: list) -> None:
        self.tables = tables
        self.claims = {entry.claim.id: row(entry) for entry in entries}
        self.columns: dict[tuple[str, str], dict] = {}

    def at(self, cell: Cell) -> float:
        if cell.table == "claims":
            return float(self.claims[cell.geo][cell.column])
        key = (cell.table, cell.column)
        if key not in self.columns:
            frame = self.tables[cell.table]
            places = zip(frame[KEYS[cell.table]], frame["year"].astype(int), strict=True)
            self.columns[key] = dict(zip(places, frame[cell.column], strict=True))
        return float(self.columns[key][cell.geo, cell.year])

    @cache  # noqa: B019
    def quotients(self, industry: str, year: int, level: int) -> pd.Series:
        jobs, regions = self.tables["industries"], self.tables["regions"]
        chosen = jobs["industry"].eq(industry) & jobs["year"].eq(year) & jobs["level"].eq(level)
        x = jobs[chosen].set_index("geo")["employed_ths"].dropna()
        total = regions[regions["year"].eq(year)].set_index("geo")["employment_ths"]
        total = total.reindex(x.index).dropna()
        x = x.reindex(total.index)
        total = np.maximum(total, x)
        return (x / total) / (x.sum() / total.sum())

    def within(self, number: Number, cells: list[Cell]) -> float:
        values = [self.at(c) for c in cells] if number.within != "location quotient" else []
        if number.within == "value":
            (value,) = values
            return value
        if number.within == "mean":
            return sum(values) / len(values)
        if number.within == "change":
            first, last = values
            return last - first
        (cell,) = cells
        return self.quotients(cell.industry, cell.year, len(cell.geo) - 2)[cell.geo]

    def made_again(self, number: Number) -> float:
        territories: dict[str, list[Cell]] = {}
        for cell in number.cells:
            territories.setdefault(cell.geo, []).append(cell)
        values = np.array([self.within(number, cells) for cells in territories.values()])
        return {
            "own": lambda: values[0],
            "median": lambda: np.median(values),
            "rank": lambda: 1 + (values > values[0]).sum(),
            "below": lambda: (values[1:] < values[0]).sum(),
            "above": lambda: (values[1:] > values[0]).sum(),
            "count": lambda: len(values),
        }[number.across]()


def numbers_of(brief: Brief) -> list[Number]:
    told = [n for clause in brief.clauses() for n in clause.fields.values()]
    drawn = [n for place in brief.positions for n in (place.own, place.median, place.rank)]
    drawn += [sector.quotient for sector in brief.sectors]
    if brief.trend is not None:
        drawn += [*brief.trend.own.values(), *brief.trend.median.values()]
    return [n for n in (*told, *drawn) if isinstance(n, Number) and n.across != "constant"]


def test_every_number_is_the_panels_or_the_runs(briefs, tables, entries):
    figures, checked = Figures(tables, entries), 0
    for geo, brief in briefs.items():
        for number in numbers_of(brief):
            again = figures.made_again(number)
            assert again == pytest.approx(number.value, rel=1e-9, abs=1e-9), (geo, number)
            checked += 1
    assert checked > 40 * len(briefs)


# ---------------------------------------------------------------- nothing else is printed

DIGITS = re.compile(r"\d(?:[\d\u202f\u00a0,.]*\d)?")


def printed(number: Number, lang: str) -> str:
    """A number as it should be printed, without the catalogue."""
    text = f"{abs(number.value):,.{number.decimals}f}"
    return text if lang == "en" else text.replace(",", "\u202f").replace(".", ",")


def unaccounted(clause: Clause, language: Language) -> set[str]:
    """Numbers in a sentence that are neither its figures, their years, nor its own words."""
    known = set(DIGITS.findall(template(clause.key, language.lang)))
    cells = [c for n in clause.fields.values() if isinstance(n, Number) for c in n.cells]
    for value in clause.fields.values():
        if isinstance(value, Number):
            known.add(printed(value, language.lang))
        elif isinstance(value, Words):
            known |= set(DIGITS.findall(language.words(value)))
        elif isinstance(value, Years) and cells:
            known |= {str(c.year) for c in cells} & {str(value.first), str(value.last)}
        elif isinstance(value, Years):
            known |= {str(value.first), str(value.last)}
    return set(DIGITS.findall(language.clause(clause))) - known


@cache
def template(key: str, lang: str) -> str:
    messages = catalogue("brief", lang)._messages
    try:
        return messages.gettext(key)
    except KeyError:
        return messages.ngettext(key, key, 1) + messages.ngettext(key, key, 2)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_sentence_has_a_number_that_is_not_referenced(briefs, lang):
    language = Language(lang)
    for geo, brief in briefs.items():
        for clause in brief.clauses():
            assert not unaccounted(clause, language), (geo, language.clause(clause))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_picture_has_a_number_that_is_not_referenced(briefs, lang):
    language = Language(lang)
    for geo in [*SAMPLE, *sorted(briefs)[::9]]:
        brief = briefs.get(geo)
        for picture in pictures(brief, language) if brief is not None else ():
            shown = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", picture.svg))
            assert set(DIGITS.findall(html.unescape(shown))) <= drawn(brief, language), geo


def drawn(brief: Brief, language: Language) -> set[str]:
    """The numbers that pictures may show: values, their years, numbers of peers, codes, units."""
    numbers = [n for p in brief.positions for n in (p.own, p.median)]
    numbers += [sector.quotient for sector in brief.sectors]
    if brief.trend is not None:
        numbers += [*brief.trend.own.values(), *brief.trend.median.values()]
    words = [f"axis.{place.column}" for place in brief.positions]
    known = {printed(n, language.lang) for n in numbers}
    known |= {str(cell.year) for n in numbers for cell in n.cells}
    known |= {d for key in words for d in DIGITS.findall(template(key, language.lang))}
    known |= {str(n) for n in range(1, PEERS + 1)}
    return known | {d for place in brief.places for d in DIGITS.findall(place.geo)}


def test_a_number_that_is_not_referenced_is_noticed():
    number = Number(12.34, (Cell("regions", "gerd_pct_gdp", "FR10", 2013),), decimals=1)
    clause = Clause("sources", {"publisher": number, "datasets": Words("name", ("x 2013",))})
    assert unaccounted(clause, Language("fr")) == set()
    wrong = Clause("sources", {"publisher": number, "datasets": Years(2013, 2014)})
    assert unaccounted(wrong, Language("en")) == {"2014"}


# ---------------------------------------------------------------- peers, verdicts, pages


@pytest.mark.parametrize("geo", ["FR10", "RO11", "MT00"])
def test_peers_are_the_nearest_by_the_distance_on_the_page(context, tables, geo):
    blocks = structure(tables["regions"], tables["industries"], context.structure_years)
    regions = [code for code, level in context.territories.levels.items() if level == 2]
    squared = pd.DataFrame(index=regions)
    for name, block in blocks.items():
        block = block.reindex(regions)
        scores = (block - block.mean()) / block.std(ddof=0)
        squared[name] = ((scores - scores.loc[geo]) ** 2).mean(axis=1)
    distance = squared.mean(axis=1)[squared.notna().sum(axis=1) >= 4].drop(geo)
    assert tuple(distance.sort_values().index[:PEERS]) == context.likeness.peers[geo]


def test_nothing_is_recommended_that_no_verdict_supports(briefs, entries):
    words = {entry.claim.id: entry.word for entry in entries}
    for brief in briefs.values():
        for part in ("solutions", "measures"):
            for line in brief.parts[part]:
                for clause in line.clauses:
                    _, _, word = clause.key.partition(".")
                    if clause.key.startswith(("says.", "instruments.")) and word != "none":
                        assert {words[claim] for claim in line.claims} == {word}
                    if clause.key.startswith("implies."):
                        assert [words[claim] for claim in line.claims] == ["supported"]
        told = {claim for line in brief.parts["measures"] for claim in line.claims}
        assert told >= set(INSTRUMENTS) - {"C20"}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_pages_of_very_different_territories_are_one_page(context, lang):
    for geo in SAMPLE:
        pdf = pypdf.PdfReader(io.BytesIO(render_pdf(compose(context, geo), lang)))
        assert len(pdf.pages) == 1, geo


def test_in_print_the_web_page_is_one_page(context, browser):
    page = browser.new_page()
    for geo in SAMPLE:
        page.set_content(render_html(compose(context, geo), "fr"))
        pdf = pypdf.PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
        assert len(pdf.pages) == 1, geo


def command(root: Path, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "analysis.cli", "brief", *words],
        env=os.environ | {"COMPENDIUM_ROOT": str(root)},
        cwd=root.parent,
        text=True,
        capture_output=True,
        timeout=300,
    )


def test_the_command_writes_the_files(reproduced, tmp_path):
    options = ("--lang", "both", "--format", "both", "--out", str(tmp_path))
    done = command(reproduced, "FR10", "fr101", *options)
    assert done.returncode == 0, done.stderr
    written = sorted(file.name for file in tmp_path.iterdir())
    endings = ("en.html", "en.pdf", "fr.html", "fr.pdf")
    assert written == sorted(f"{code}.{end}" for code in ("FR10", "FR101") for end in endings)
    assert "C08" in (tmp_path / "FR10.fr.html").read_text(encoding="utf-8")


def test_a_code_of_another_map_is_refused_with_the_one_here(reproduced, tmp_path):
    done = command(reproduced, "FRK2", "XX99", "--out", str(tmp_path / "none"))
    assert done.returncode == 2 and not (tmp_path / "none").exists()
    assert "FRK2" in done.stderr and "FR71 (Rhône-Alpes)" in done.stderr
    assert "XX99" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(not NIGHTLY, reason="six hundred pages: nightly")
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_region_is_one_page(context, lang):
    for geo, level in context.territories.levels.items():
        if level == 2:
            pdf = pypdf.PdfReader(io.BytesIO(render_pdf(compose(context, geo), lang)))
            assert len(pdf.pages) == 1, geo
