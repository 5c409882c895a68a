"""Territory briefs of a small made-up map: peers, lines, verdicts, pages, files."""

import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pypdf
import pytest

from analysis import CompendiumError
from analysis.claims import Finding, Verdict, register
from analysis.claims.assembly import Entry
from analysis.claims.rule import WORDS
from analysis.panel.industries import INDUSTRIES
from analysis.report.brief import (
    MapChanges,
    UnknownTerritoryError,
    compose,
    html_fragment,
    prepare,
    render_html,
    render_pdf,
    style,
    write_briefs,
)
from analysis.report.brief.context import COLUMNS, INDICATORS, NATIONAL
from analysis.report.brief.drawings import pictures
from analysis.report.brief.lines import PARTS, Place
from analysis.report.brief.page import page
from analysis.report.brief.register import INSTRUMENTS
from analysis.report.brief.text import Language

COUNTRY = "DE"
REGIONS = [f"DE{n}{m}" for n in range(1, 4) for m in range(1, 5)]
YEARS = range(2005, 2020)
AWKWARD = 'Ober "Land" #panic("x") $y$ <b>&amp; \\ * _ é'


def regions() -> pd.DataFrame:
    random = np.random.default_rng(11)
    rows = []
    for place, geo in enumerate([COUNTRY, *REGIONS]):
        level = random.lognormal(1, 0.4, len(COLUMNS))
        for year in YEARS:
            values = level * (1 + 0.02 * (year - 2005) * random.normal(1, 1, len(COLUMNS)))
            rows.append(
                {
                    "geo": geo,
                    "year": year,
                    "level": 0 if geo == COUNTRY else 2,
                    "name": "DEUTSCHLAND" if geo == COUNTRY else f"Region {geo}",
                    "lon": 8.0 + place / 3,
                    "lat": 50.0 + place % 4,
                    "employment_ths": 900.0 + place,
                    **dict(zip(COLUMNS, np.abs(values), strict=True)),
                }
            )
    frame = pd.DataFrame(rows)
    frame["population"] *= 1e5
    # One region of which nothing is published but how many live there.
    silent = [name for name in COLUMNS if name not in ("population", "density")]
    frame.loc[frame["geo"] == REGIONS[-1], [*silent, "employment_ths"]] = np.nan
    return frame


def industries() -> pd.DataFrame:
    random = np.random.default_rng(12)
    rows = [
        (geo, year, industry, 0 if geo == COUNTRY else 2, random.lognormal(4, 0.5))
        for geo in [COUNTRY, *REGIONS[:-1]]
        for year in range(2008, 2016)
        for industry in INDUSTRIES
    ]
    return pd.DataFrame(rows, columns=["geo", "year", "industry", "level", "employed_ths"])


def nuts3() -> pd.DataFrame:
    rows = [
        (f"{geo}{n}", year, f"Kreis {geo}{n}", 10.0 * n + place)
        for place, geo in enumerate(REGIONS)
        for n in (1, 2)
        for year in (2009, 2010)
    ]
    return pd.DataFrame(rows, columns=["nuts3", "year", "name", "patents_per_million"])


def changes() -> MapChanges:
    flows = pd.DataFrame(
        [
            ("DE1X", REGIONS[0], "2016", "2013", 2, 100.0),
            ("DE2X", REGIONS[1], "2016", "2013", 2, 75.0),
            ("DE2X", REGIONS[2], "2016", "2013", 2, 25.0),
        ],
        columns=["from_code", "to_code", "from_version", "to_version", "level", "pop11"],
    )
    names = pd.DataFrame(
        [("2016", "DEY1", 2, "DE", "REGION DE14"), ("2013", "DE14", 2, "DE", "Region DE14")],
        columns=["version", "code", "level", "country", "name_latin"],
    )
    return MapChanges(flows, names)


def entry(name: str, word: str, wording: str = "association") -> Entry:
    claim = register()[name]
    finding = Finding(
        label=("a", "b"), estimate=2.5, ci_low=1.5, ci_high=3.5, n_obs=50, n_regions=40
    )
    verdict = Verdict(claim=claim, word=word, wording=wording, findings=(finding,))
    return Entry(claim=claim, verdict=verdict, run="r", q_value=0.01)


def entries(word: str) -> list[Entry]:
    return [entry(name, word) for name in register()]


SOURCES = (
    ("Eurostat", "rd_e_gerdreg", "2020"),
    ("European Commission, DG REGIO", "tc55-7ysv", "2025-12"),
    ("OECD", "sti_msti_rd", "2025-12"),
)


def made(found: list[Entry]):
    table = regions()
    national = table[table["geo"] == COUNTRY].rename(columns={"geo": "country"})
    tables = {
        "regions": table,
        "industries": industries(),
        "nuts3": nuts3(),
        "countries": national[["country", "year", *NATIONAL]],
    }
    return prepare(tables, found, changes(), SOURCES)


@pytest.fixture(scope="module")
def context():
    return made(entries("inconclusive"))


def keys(brief, part: str) -> list[str]:
    return [clause.key for line in brief.parts[part] for clause in line.clauses]


# ---------------------------------------------------------------- what a brief says


def test_no_indicator_compared_is_in_the_distance():
    """Peers stay the same whatever the indicators are."""
    first, table = made(entries("mixed")), regions()
    other = table.assign(**{name: table[name].to_numpy()[::-1] for name in INDICATORS})
    tables = {
        "regions": other,
        "industries": industries(),
        "nuts3": nuts3(),
        "countries": table.rename(columns={"geo": "country"})[["country", "year", *NATIONAL]].iloc[
            : len(YEARS)
        ],
    }
    second = prepare(tables, entries("mixed"), changes(), SOURCES)
    assert first.likeness.peers == second.likeness.peers


def test_lines_stand_where_the_figures_put_them(context):
    seen = set()
    for geo in REGIONS:
        brief = compose(context, geo)
        for part in ("advances", "obstacles"):
            for line in brief.parts[part]:
                clause = line.clauses[0]
                if clause.key.startswith("position."):
                    rank, of = clause.fields["rank"].value, clause.fields["of"].value
                    passed = of - rank if part == "advances" else rank - 1
                    assert passed >= 0.75 * (of - 1)
                    seen.add(part)
                if clause.key.startswith("moved."):
                    change = clause.fields["change"].value
                    assert change > 0 if part == "advances" else change < 0
                    assert line.clauses[1].fields["n"].value >= 0.75 * (
                        line.clauses[1].fields["of"].value
                    )
                    seen.add("moved")
    assert seen == {"advances", "obstacles", "moved"}


def test_the_year_in_which_a_source_is_incomplete_is_not_told(context):
    place = next(p for p in compose(context, "DE11").positions if p.column == "patents_per_million")
    assert place.year == 2011  # patents of 2012 are truncated


def test_a_territory_without_figures_says_so(context):
    brief = compose(context, REGIONS[-1])
    assert keys(brief, "advances") == ["nothing.compared"] == keys(brief, "obstacles")
    assert brief.peers == () and brief.sectors == () and brief.trend is None
    assert brief.confidence[0].key == "confidence.weak"
    assert len(pages(render_pdf(brief, "fr"))) == 1
    render_html(brief, "en")


def test_a_small_territory_has_its_patents_and_its_regions_figures(context):
    brief, whole = compose(context, "DE112"), compose(context, "DE11")
    assert brief.level == 3 and brief.of == "DE11" and brief.parts == whole.parts
    patents, inside = brief.portrait[:2]
    assert patents.fields["value"].value == 20.0
    # More have 11 of the second small territories, with 21 to 31, and the last of the first, 21.
    assert (patents.fields["rank"].value, patents.fields["of"].value) == (13, 24)
    assert "DE11" in Language("en").clause(inside)
    assert "DE11" in render_html(brief, "fr")


def test_names_in_capitals_are_written_as_names(context):
    assert compose(context, COUNTRY).name == "Deutschland"


# ---------------------------------------------------------------- nothing but verdicts


@pytest.mark.parametrize("word", [*WORDS, "not run"])
def test_every_verdict_has_its_words_and_only_support_recommends(word):
    found = entries(word)
    if word == "not run":
        found = [Entry(claim=one.claim) for one in found]
    brief = compose(made(found), "DE11")
    told = keys(brief, "measures")
    assert f"instruments.{word}" in told
    assert ("instruments.none" in told) == (word != "supported")
    implied = [key for key in keys(brief, "solutions") if key.startswith("implies.")]
    assert bool(implied) == (word == "supported")
    assert f"says.{word}" in keys(brief, "solutions")
    for lang in ("en", "fr"):
        assert all(Language(lang).clause(clause) for clause in brief.clauses())


def test_one_supported_instrument_is_named_and_no_other():
    found = [entry(n, "supported" if n == "C14" else "inconclusive") for n in register()]
    brief = compose(made(found), "DE11")
    line = next(
        line for line in brief.parts["measures"] if line.clauses[0].key == "instruments.supported"
    )
    assert line.claims == ("C14",)
    assert "C14" in Language("fr").line(line) and "C15" not in Language("fr").line(line)


def test_solutions_and_measures_name_the_claims_behind_them(context):
    for geo in (COUNTRY, *REGIONS):
        brief = compose(context, geo)
        for part in ("solutions", "measures"):
            for line in brief.parts[part]:
                assert line.claims or line.clauses[0].key == "figures"
                assert set(line.claims) <= set(register())
    assert set(INSTRUMENTS) <= set(register())


def test_a_reform_of_france_is_no_measure_elsewhere(context):
    claims = {c for line in compose(context, "DE11").parts["measures"] for c in line.claims}
    assert "C20" not in claims


# ---------------------------------------------------------------- pages


def pages(pdf: bytes):
    return pypdf.PdfReader(io.BytesIO(pdf)).pages


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_pdf_is_one_tagged_page_with_language_title_and_the_same_bytes(context, lang):
    brief = compose(context, "DE11")
    made_twice = [render_pdf(brief, lang) for _ in range(2)]
    assert made_twice[0] == made_twice[1]
    reader = pypdf.PdfReader(io.BytesIO(made_twice[0]))
    assert len(reader.pages) == 1
    width, height = (float(n) for n in reader.pages[0].mediabox[2:])
    assert (round(width), round(height)) == (595, 842)  # A4 in points
    root = reader.trailer["/Root"]
    assert root["/Lang"] == lang and root["/MarkInfo"]["/Marked"]
    assert "DE11" in reader.metadata.title
    assert alternatives(root["/StructTreeRoot"]) == 4  # the map and three charts


def alternatives(node) -> int:
    """Structure elements with an alternative text."""
    node = node.get_object()
    if not isinstance(node, dict):
        return sum(map(alternatives, node)) if isinstance(node, list) else 0
    return bool(node.get("/Alt")) + (alternatives(node["/K"]) if "/K" in node else 0)


def test_names_are_text_and_never_code(context):
    brief = replace(compose(context, "DE11"), name=AWKWARD, peers=(("DE12", AWKWARD),))
    text = pages(render_pdf(brief, "en"))[0].extract_text()
    assert re.sub(r"\s", "", AWKWARD) in re.sub(r"\s", "", text)
    page = render_html(brief, "en")
    assert "<b>" not in page and "&lt;b&gt;&amp;amp;" in page


def test_a_page_needs_nothing_else(context):
    page = render_html(compose(context, "DE11"), "fr")
    assert '<html lang="fr">' in page and "<script" not in page
    assert not re.findall(r'(?:src|href)="|url\(|@import', page)
    assert page.count('role="img"') == 4 == page.count('aria-label="')
    assert page.count("<h1") == 1


def test_countries_are_named_in_the_language_of_the_page(context):
    brief = replace(compose(context, COUNTRY), peers=(("EL", "Elláda"), ("FR", "France")))
    assert page(brief, "fr").name == "Allemagne" and page(brief, "en").name == "Germany"
    assert page(brief, "fr").peers == ("1 Grèce (EL)", "2 France (FR)")
    assert "ses pairs Grèce, France" in pictures(brief, Language("fr"))[0].alt
    assert page(compose(context, "DE11"), "fr").name == compose(context, "DE11").name


def test_charts_of_a_small_territory_say_whose_they_are(context):
    brief = compose(context, "DE112")
    assert [brief.name in picture.alt for picture in pictures(brief, Language("en"))] == [False] * 4
    assert "Place of DE11 among its peers" in pictures(brief, Language("en"))[1].alt


def test_the_median_of_the_trend_says_how_many_peers_it_is_of(context):
    brief = compose(context, "DE11")
    assert brief.trend is not None and brief.trend.median
    peers = {len(number.cells) for number in brief.trend.median.values()}
    chart = pictures(brief, Language("en"))[2]
    assert len(peers) == 1 and f"median of the same {peers.pop()} peers" in chart.svg
    alone = replace(brief, trend=replace(brief.trend, median={}))
    assert "peers" not in pictures(alone, Language("en"))[2].alt
    assert pictures(alone, Language("fr"))[2].alt.count(".") == 1


def test_territories_off_the_map_are_named_within_its_breadth(context):
    far = [Place(f"PT{n}0", -25.0, 38.0, "peer", n) for n in range(1, 8)]
    off = replace(compose(context, "DE11"), places=(*far, Place("PT20", -28.0, 38.0, "own")))
    lines = re.findall(r"<text[^>]*>(Off the map[^<]*|[^<]*PT[^<]*)</text>", _map_of(off))
    assert lines[0].startswith("Off the map: PT20, 1\u00a0(PT10), 2") and len(lines) > 1
    assert max(map(len, lines)) <= 44 and all(re.search(r"\),?$", line) for line in lines)


def _map_of(brief) -> str:
    return pictures(brief, Language("en"))[0].svg


def test_a_page_is_as_dark_as_its_reader_has_it(context):
    shown = render_html(compose(context, "DE11"), "en")
    drawn = re.findall(r'(?:fill|stroke)="([^"]*)"', shown)
    names = {found[1] for one in drawn if (found := re.fullmatch(r"var\((--\w+)\)", one))}
    assert {one for one in drawn if not one.startswith("var(")} == {"none"}
    assert names and all(f"{name}: light-dark(" in style() for name in names)
    assert shown.count("color-scheme: light") == 3  # of the page, and twice on paper


def test_a_fragment_fits_into_another_page_with_links(context):
    fragment = html_fragment(
        compose(context, "DE11"),
        "en",
        level=2,
        link=lambda code: f"{code}.html" if code != "DE12" else None,
    )
    assert fragment.startswith('<article class="brief" lang="en">') and "<h1" not in fragment
    peers = {code for code, _ in compose(context, "DE11").peers} - {"DE12"}
    assert set(re.findall(r'href="(\w+)\.html"', fragment)) == peers


def test_files_do_not_depend_on_the_number_of_processes(context, tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.report.brief.write._WORTH_SHARING", 3)
    options = {"langs": ("en", "fr"), "formats": ("html", "pdf")}
    one = list(write_briefs(context, REGIONS[:3], tmp_path / "one", **options))
    two = list(write_briefs(context, REGIONS[:3], tmp_path / "two", jobs=2, **options))
    assert [file.name for file in one] == [file.name for file in two]
    assert one[0].name == "DE11.en.html" and len(one) == 12
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(one, two, strict=True))


def test_a_brief_too_long_for_a_page_is_refused(context):
    brief = compose(context, "DE11")
    long = {part: brief.parts[part] * 8 for part in PARTS}
    with pytest.raises(CompendiumError, match=r"DE11 \(en\) cannot be set on one page"):
        render_pdf(replace(brief, parts=long), "en")


# ---------------------------------------------------------------- codes


def test_groups_and_codes(context):
    territories = context.territories
    assert territories.chosen(["de11", "DE11 "], changes()) == ["DE11"]
    assert territories.chosen(["all-nuts2"], changes()) == REGIONS
    assert len(territories.chosen(["ALL"], changes())) == 1 + len(REGIONS) + 24


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("DE1X", "that is DE11 (Region DE11)"),
        ("DE2X", "its people lived in DE12 (Region DE12, 75 % of them), DE13"),
        ("DEY1", "that is DE14"),
        ("DE1", "did you mean DE11 (Region DE11), DE111"),
        ("Regoin DE21", "did you mean DE21"),
        ("?!", "codes are those of NUTS 2013"),
    ],
)
def test_a_code_that_is_not_known_is_refused_with_a_hint(context, code, hint):
    with pytest.raises(UnknownTerritoryError) as refused:
        context.territories.chosen(["DE11", code], changes())
    assert hint in str(refused.value) and code in str(refused.value)
