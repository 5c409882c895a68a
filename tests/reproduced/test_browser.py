"""The site in a browser, opened from disk: every kind of page, by mouse and by keyboard."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

#: One page of each kind.
KINDS = (
    *("index.html", "claims/C08.html", "claims/C16.html", "explore.html"),
    *("territories/index.html#?text=fr1", "territories/FR10.html"),
    *("papers/index.html", "papers/10_territorial_reform.html"),
    *("studies/index.html", "studies/grunfeld1958.html", "data.html#?text=patent", "methods.html"),
)
LANGUAGES = ("en", "fr")
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
#: Milliseconds to the first paint that a busy machine is allowed.
FIRST_PAINT = 3_000
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def site(reproduced: Path) -> Path:
    return reproduced / "reports" / "site"


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Pages whose every request and complaint is noted; both must stay as they should."""
    made = browser.new_context(viewport=DESK, color_scheme="light")
    asked: list[str] = []
    complaints: list[str] = []
    made.on("request", lambda request: asked.append(request.url))
    made.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
    made.on("weberror", lambda error: complaints.append(str(error.error)))
    made.set_default_timeout(60_000)
    yield made
    made.close()
    assert not complaints
    assert asked and not [url for url in asked if not url.startswith(("file:", "data:"))]


def is_complaint(said) -> bool:
    return said.type in ("error", "warning")


def opened(context: BrowserContext, site: Path, path: str) -> Page:
    page = context.new_page()
    file, _, choice = path.partition("#")
    page.goto(f"{(site / file).as_uri()}#{choice}")
    return page


def grave_violations(page: Page, only: Sequence[str] = ()) -> list[str]:
    """What axe finds wrong that is serious or worse, by all of its rules or some."""
    options = {"preload": False, "resultTypes": ["violations"]}
    if only:
        options["runOnly"] = list(only)
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:200]}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"][:3]
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


# ---------------------------------------------------------------- every kind of page


def first_paint(page: Page) -> float:
    """Milliseconds to the first paint; asked again until there was one.

    Playwright's own waiting for a condition evaluates text in the page, which the pages forbid.
    """
    for _ in range(600):
        times = page.evaluate("performance.getEntriesByType('paint').map(one => one.startTime)")
        if times:
            return min(times)
        page.wait_for_timeout(50)
    raise AssertionError("nothing was painted")


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_sound_at_a_desk_and_on_a_phone(
    context: BrowserContext, site: Path, kind: str, lang: str
) -> None:
    page = opened(context, site, f"{lang}/{kind}")
    assert page.locator("html").get_attribute("lang") == lang
    expect(page.locator("h1")).to_have_count(1)
    assert first_paint(page) < FIRST_PAINT
    if lang == "en":
        assert grave_violations(page) == []
    else:  # the same page but for words: what may differ is the contrast of the dark colours
        page.emulate_media(color_scheme="dark")
        assert grave_violations(page, only=["color-contrast", "html-lang-valid"]) == []
    assert overflow(page) <= 0
    page.set_viewport_size(PHONE)
    assert overflow(page) <= 0


def test_the_first_page_leads_to_a_language(context: BrowserContext, site: Path) -> None:
    page = opened(context, site, "index.html")
    page.wait_for_url("**/en/index.html")
    assert (site / "en" / "index.html").stat().st_size < 1_000_000


def test_without_scripts_the_register_can_be_read(browser: Browser, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = opened(context, site, "index.html")
    page.get_by_role("link", name="Français").click()
    expect(page.locator("#claims tbody tr")).to_have_count(30)
    expect(page.locator("form.filters")).to_be_hidden()
    context.close()


# ---------------------------------------------------------------- the register


def test_the_register_is_filtered_and_sorted(context: BrowserContext, site: Path) -> None:
    page = opened(context, site, "en/index.html")
    rows, count = page.locator("#claims tbody tr:visible"), page.locator(".count")
    expect(count).to_have_text("Shown: 30 of 30")
    page.get_by_label("Search the claims").fill("RESEARCH money")
    shown = rows.count()
    assert 1 <= shown < 30
    expect(count).to_have_text(f"Shown: {shown} of 30")
    for text in rows.all_inner_texts():
        assert "research" in text.lower() and "money" in text.lower()
    page.get_by_label("Search the claims").fill("")
    page.locator("select[name=theme]").select_option("05_cluster_funding")
    assert {row.get_attribute("data-theme") for row in rows.all()} == {"05_cluster_funding"}
    heading = page.locator("#claims th", has_text="No.")
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    page.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "descending")
    ids = [row.locator("td").first.inner_text() for row in rows.all()]
    assert ids == sorted(ids, reverse=True) and "C08" in ids


def test_the_language_changes_and_the_place_stays(context: BrowserContext, site: Path) -> None:
    page = opened(context, site, "en/index.html")
    page.locator("select[name=theme]").select_option("05_cluster_funding")
    shown = page.locator("#claims tbody tr:visible").count()
    page.locator("a.language").click()
    page.wait_for_url("**/fr/index.html#*")
    expect(page.locator("#claims tbody tr:visible")).to_have_count(shown)
    expect(page.locator("h1")).to_contain_text("innovantes")
    page.locator("#claims a[href$='C08.html']").click()
    page.locator("a.language").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/en/claims/C08.html")


def test_the_colours_chosen_are_kept(context: BrowserContext, site: Path) -> None:
    page = opened(context, site, "en/index.html")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("button", name="Dark").click()
    dark = page.evaluate(background)
    assert dark != light
    page.goto((site / "fr" / "methods.html").as_uri())
    assert page.evaluate(background) == dark
    expect(page.get_by_role("button", name="Sombre")).to_have_attribute("aria-pressed", "true")


def test_a_page_is_printed_light_whatever_was_chosen(context: BrowserContext, site: Path) -> None:
    page = opened(context, site, "fr/territories/FR10.html")
    ink = "getComputedStyle(document.querySelector('.brief')).color"
    light = page.evaluate(ink)
    page.get_by_role("button", name="Sombre").click()
    assert page.evaluate(ink) != light
    page.emulate_media(media="print")
    assert page.evaluate(ink) == light


# ---------------------------------------------------------------- the curve


def numbers(text: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", text)]


def test_the_curve_is_filtered_by_choice(context: BrowserContext, site: Path) -> None:
    page = opened(context, site, "en/claims/C08.html")
    summary = page.locator("#curve-summary")
    shown, every, *_ = numbers(summary.inner_text())
    assert shown == every > 10_000
    choice = page.locator("fieldset[data-choice=effects]")
    boxes = choice.get_by_role("checkbox")
    boxes.first.uncheck()
    left = numbers(summary.inner_text())[0]
    boxes.first.check()
    boxes.last.uncheck()
    assert left + numbers(summary.inner_text())[0] == every
    boxes.first.uncheck()
    expect(summary).to_have_text("No specification makes all of these choices.")
    page.get_by_role("button", name="All choices").click()
    assert numbers(summary.inner_text())[0] == every


def test_a_specification_is_shown_by_mouse_and_by_keyboard(
    context: BrowserContext, site: Path
) -> None:
    page = opened(context, site, "en/claims/C08.html")
    panel, plot = page.locator(".specification"), page.locator("canvas.plot")
    before = panel.inner_text()
    plot.hover(position={"x": 200, "y": 100})
    pointed = panel.inner_text()
    assert pointed != before and "Fixed effects" in pointed and "Effect" in pointed
    place = numbers(pointed)[0]
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    assert numbers(panel.inner_text())[0] == place + 1
    page.keyboard.press("End")
    place, last = numbers(panel.inner_text())[:2]
    assert place == last
    drawn = "canvas => canvas.getContext('2d').getImageData(0, 0, 900, 300).data.some(x => x > 0)"
    assert plot.evaluate(drawn)


# ---------------------------------------------------------------- the map and the chart


def test_the_map_shows_any_indicator_and_leads_to_territories(
    context: BrowserContext, site: Path
) -> None:
    page = opened(context, site, "en/explore.html")
    title, tip = page.locator(".map .map-title"), page.locator(".map-tip")
    expect(title).to_contain_text("EPO patent applications per million inhabitants")
    page.locator("#map-form select").select_option("tertiary_pct")
    expect(title).to_contain_text("Tertiary education")
    year = page.locator("#map-form input[name=year]")
    first = page.locator("#ranking tbody tr").first.inner_text()
    year.focus()
    page.keyboard.press("Home")
    expect(page.locator("#map-form output")).to_have_text(year.get_attribute("min"))
    page.get_by_text("The same as a list").click()
    expect(page.locator("#ranking tbody tr").first).not_to_have_text(first)
    page.get_by_label("Find a region").fill("FR10")
    expect(tip).to_contain_text("FR10")
    page.locator("a[data-geo=DE21]").hover()
    expect(tip).to_contain_text("DE21")
    page.locator("a[data-geo][tabindex='0']").focus()
    best = tip.inner_text()
    page.keyboard.press("ArrowRight")
    second = tip.inner_text()
    assert second != best and re.search(r"\b2 of \d+ regions", second)
    page.keyboard.press("Enter")
    page.wait_for_url("**/en/territories/*.html")
    assert page.locator("h1").inner_text().split()[0] in second


def test_the_map_ranks_as_the_pages_do_and_finds_what_it_does_not_draw(
    context: BrowserContext, site: Path
) -> None:
    page = opened(context, site, "en/explore.html")
    page.locator("#map-form select").select_option("employment_rate_pct")
    year, tip = page.locator("#map-form input[name=year]"), page.locator(".map-tip")
    year.focus()
    page.keyboard.press("End")
    for geo, name in (("FR10", "Île de France"), ("FRA1", "Guadeloupe")):
        page.get_by_label("Find a region").fill(geo)
        expect(tip).to_contain_text(name)
        told = numbers(tip.locator("p").last.inner_text())
        there = opened(context, site, f"en/territories/{geo}.html")
        row = there.locator("tr", has=there.get_by_text("Employment rate 15-64", exact=True))
        assert numbers(row.locator("td").nth(2).inner_text()) == [
            int(page.locator("#map-form output").inner_text())
        ]
        assert numbers(row.locator("td").nth(3).inner_text()) == told
        there.close()


def test_the_map_keeps_its_choice_in_the_other_language(
    context: BrowserContext, site: Path
) -> None:
    page = opened(context, site, "en/explore.html")
    page.locator("#map-form select").select_option("gdp_pps_per_head")
    page.wait_for_url("**#?*indicator=gdp_pps_per_head*")
    page.locator("a.language").click()
    page.wait_for_url("**/fr/explore.html#?*")
    expect(page.locator(".map .map-title")).to_contain_text("PIB par habitant")


def test_the_chart_switches_between_countries(context: BrowserContext, site: Path) -> None:
    page = opened(context, site, "fr/explore.html")
    lines, tip = page.locator(".chart-frame path.line"), page.locator(".chart-tip")
    expect(lines).to_have_count(5)
    page.get_by_label("Autriche").check()
    expect(lines).to_have_count(6)
    for name in ("Allemagne", "France", "Italie", "Espagne", "Pologne"):
        page.get_by_label(name, exact=True).uncheck()
    expect(lines).to_have_count(1)
    page.locator("#chart-form select").select_option("gdp_pps_per_head")
    expect(page.locator(".chart .map-title")).to_contain_text("PIB par habitant")
    expect(tip).to_contain_text("Autriche")
    last = numbers(tip.inner_text())[0]
    page.locator(".chart-frame svg").focus()
    page.keyboard.press("ArrowLeft")
    expect(tip).to_contain_text(f"{last - 1} ·")
    page.get_by_text("La même chose en tableau").click()
    expect(page.locator("#chart-table thead th")).to_have_text(["Autriche"])
    page.locator(".chart-frame svg").hover(position={"x": 60, "y": 100})
    assert numbers(tip.inner_text())[0] < last - 1


def test_a_territory_is_found_by_name_without_accents(context: BrowserContext, site: Path) -> None:
    page = opened(context, site, "fr/territories/index.html")
    page.get_by_label("Chercher par nom ou code").fill("ile de france")
    page.locator("select[name=level]").select_option("2")
    rows = page.locator("#territories tbody tr:visible")
    expect(rows).to_have_count(1)
    rows.get_by_role("link").click()
    page.wait_for_url("**/fr/territories/FR10.html")
