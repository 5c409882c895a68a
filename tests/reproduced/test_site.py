"""The site of the whole project: what it says is what runs and data say."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from analysis.claims import sentences
from analysis.claims.assembly import Entry, assemble
from analysis.claims.evidence import CURVE, kept_choices, read_kept
from analysis.languages import LANGUAGES, catalogue
from analysis.report.site import labels
from analysis.report.site.explore import INDICATORS
from analysis.robustness.enumeration import WITH
from analysis.sources import catalogue as ledger


@pytest.fixture(scope="module")
def site(reproduced: Path) -> Path:
    return reproduced / "reports" / "site"


@pytest.fixture(scope="module")
def entries(reproduced: Path) -> dict[str, Entry]:
    folders = sorted(path.parent for path in (reproduced / "runs").glob("*/*/record.json"))
    return {entry.claim.id: entry for entry in assemble(folders)}


@pytest.fixture(scope="module")
def curves(reproduced: Path) -> dict[str, pd.DataFrame]:
    return read_kept(sorted((reproduced / "runs").glob("*/*/")), CURVE)


@pytest.fixture(scope="module")
def regions(reproduced: Path) -> pd.DataFrame:
    return pd.read_parquet(reproduced / "data" / "processed" / "regions.parquet")


def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def script(path: Path) -> dict:
    text = path.read_text(encoding="utf-8")
    return json.loads(text.partition(" = ")[2].rstrip().removesuffix(";"))


def test_the_first_screen_is_what_the_register_says(site: Path, entries: dict) -> None:
    verdict = entries["C08"].verdict
    for lang in LANGUAGES:
        page = soup(site / lang / "index.html")
        first = page.select_one(".first").get_text(" ", strip=True)
        assert sentences.estimate(verdict, lang) in first
        assert sentences.reliance(verdict, lang) in first
        ways = [e.verdict.agreement for e in entries.values() if e.verdict and e.verdict.agreement]
        total = sum(one.n_specifications for one in ways)
        assert catalogue("site", lang).number(total) in first
        assert len(page.select("svg.counts rect")) == len(entries)
    assert (site / "en" / "index.html").stat().st_size < 1_000_000


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_register_has_every_estimate(site: Path, entries: dict, lang: str) -> None:
    page = soup(site / lang / "index.html")
    rows = {row.td.get_text(): row for row in page.select("#claims tbody tr")}
    assert list(rows) == list(entries)
    for name, entry in entries.items():
        text = rows[name].get_text(" ", strip=True)
        assert sentences.word(entry.word, lang) in text
        assert bool(rows[name].svg) == entry.is_tested
        if entry.is_tested:
            headline = entry.verdict.headline
            decimals = sentences.decimals_of(headline)
            number = catalogue("site", lang).number
            for size in (headline.estimate, headline.ci_low, headline.ci_high):
                assert number(abs(size), decimals=decimals) in text, name


def test_a_curve_on_the_page_is_the_curve_of_the_verdict(
    site: Path, entries: dict, curves: dict
) -> None:
    tested = [e for e in entries.values() if e.is_tested and e.claim.id in curves]
    assert len(tested) > 20
    for entry in tested:
        name, agreement = entry.claim.id, entry.verdict.agreement
        shown, kept = script(site / "data" / f"curve_{name}.js"), curves[name]
        says = pd.Series(list(shown["says"]))
        assert len(says) + shown["missing"] == len(kept)
        assert (says == "0").mean() == pytest.approx(agreement.significant_for), name
        assert (says == "3").mean() == pytest.approx(agreement.significant_against), name
        effects = np.sort(kept["effect"].dropna().to_numpy())
        assert np.allclose(shown["effect"], effects, rtol=1e-3, atol=1e-12)


def test_everything_a_curve_chooses_has_a_name(curves: dict) -> None:
    unnamed = {
        str(value)
        for table in curves.values()
        for choice in kept_choices(table)
        for value in ([choice[len(WITH) :]] if choice.startswith(WITH) else table[choice].unique())
        if not labels.is_named(value)
    }
    assert not unnamed


def test_every_p_value_of_a_curve_is_one_and_agrees_with_its_interval(curves: dict) -> None:
    for name, table in curves.items():
        known = table.dropna(subset=["effect_low", "effect_high", "p_value"])
        assert known["p_value"].between(0, 1).all(), name
        outside = (known["effect_low"] > 0) | (known["effect_high"] < 0)
        unlike = outside != (known["p_value"] < 0.05)
        assert not (unlike & ~np.isclose(known["p_value"], 0.05, atol=0.005)).any(), name


def test_publishers_are_named_in_the_language_of_the_page(site: Path) -> None:
    names = {entry.publisher for table in ledger().tables.values() for entry in table.datasets}
    panel = soup(site / "fr" / "index.html").find("section", attrs={"aria-labelledby": "from"})
    assert all(labels.publisher(name, "fr") in panel.get_text() for name in names)
    assert [name for name in sorted(names) if labels.publisher(name, "fr") == name] == ["Eurostat"]


def test_the_map_has_the_panels_figures(site: Path, regions: pd.DataFrame) -> None:
    for name in INDICATORS:
        data = script(site / "data" / f"indicator_{name}.js")
        assert data["name"] == name
        table = regions.set_index(["geo", "year"])[name]
        years = range(data["first"], data["first"] + max(map(len, data["values"].values())))
        for geo in ("FR10", "DE21", "MT", "ITC", "PL"):
            expected = table.reindex([(geo, year) for year in years]).to_numpy()
            shown = data["values"].get(geo, [None] * len(expected))
            shown = np.array([np.nan if value is None else value for value in shown])
            assert np.allclose(shown, expected, rtol=1e-3, equal_nan=True), (name, geo)


@pytest.mark.parametrize("geo", ["FR10", "DE21", "RO11", "ITC", "MT"])
def test_a_territory_shows_the_panels_last_figures(
    site: Path, regions: pd.DataFrame, geo: str
) -> None:
    page = soup(site / "fr" / "territories" / f"{geo}.html")
    mine = regions[regions["geo"] == geo].set_index("year")
    shown = 0
    for row in page.select("table.indicators tbody tr"):
        cells = [cell.get_text(strip=True) for cell in row.find_all(["th", "td"])]
        name = next(n for n in INDICATORS if labels_fr(n) == cells[0])
        value = mine.loc[int(cells[3]), name]
        assert cells[1] == catalogue("site", "fr").number(value, significant=3), name
        shown += 1
    assert shown > 15


def labels_fr(name: str) -> str:
    from analysis.panel.codebook import variables
    from analysis.report.site.explore import described

    return described(variables()[name], "fr")["label"]


def test_every_region_of_the_panel_has_a_page(site: Path, regions: pd.DataFrame) -> None:
    expected = set(regions["geo"])
    for lang in LANGUAGES:
        there = {page.stem for page in (site / lang / "territories").glob("*.html")} - {"index"}
        assert there == expected


def test_every_local_link_leads_somewhere(site: Path) -> None:
    """Every page but the territories', of which the tests look at one in fifty."""
    pages = [p for p in sorted(site.glob("??/**/*.html")) if p.parent.name != "territories"]
    pages += sorted(site.glob("??/territories/*.html"))[::50]
    for path in pages:
        for address in re.findall(r'(?:href|src)="([^"]*)"', path.read_text(encoding="utf-8")):
            target = address.partition("#")[0]
            if target and not re.match(r"https?:|data:|mailto:", target):
                assert (path.parent / target).is_file(), (path, address)


def test_the_tables_for_download_are_the_panel(site: Path, regions: pd.DataFrame) -> None:
    again = pd.read_csv(site / "downloads" / "regions.csv", low_memory=False)
    assert list(again) == list(regions) and len(again) == len(regions)
    assert np.allclose(again["patents"], regions["patents"], equal_nan=True)
