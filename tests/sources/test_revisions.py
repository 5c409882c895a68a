"""What changed between two releases of the same figures."""

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import CompendiumError
from analysis.report.revision_figure import revision_figure, revision_sentence, revision_words
from analysis.sources.revisions import (
    FIGURE,
    largest,
    median_change,
    printed_decimals,
    revisions,
    shares,
    tally,
)

MISSING = math.nan


def figures(*rows: tuple[str, int, float, str], indicator: str = "GDP") -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["geo", "year", "value", "flag"])
    frame = frame.astype({"value": "float64", "geo": str, "flag": str, "year": "int16"})
    return frame.assign(indicator=indicator, unit="MIO_EUR", geo_version="2013")


def kinds(before: pd.DataFrame, after: pd.DataFrame) -> dict[tuple[str, int], str]:
    rows = revisions(before, after).differences
    return dict(zip(zip(rows["geo"], rows["year"], strict=True), rows["kind"], strict=True))


def test_every_kind_of_difference() -> None:
    before = figures(
        ("AT11", 2010, 1.5, ""), ("AT11", 2011, 2.5, ""), ("AT11", 2012, 3.5, ""),
        ("AT11", 2013, MISSING, "c"), ("AT11", 2014, 4.5, ""), ("AT11", 2015, 5.5, ""),
        ("AT11", 2016, MISSING, "c"),
    )  # fmt: skip
    after = figures(
        ("AT11", 2010, 1.5, ""), ("AT11", 2011, 2.75, ""), ("AT11", 2012, 3.5, "p"),
        ("AT11", 2013, 9.5, ""), ("AT11", 2014, MISSING, "c"), ("AT11", 2016, MISSING, "u"),
        ("AT11", 2017, 8.5, ""),
    )  # fmt: skip
    assert kinds(before, after) == {
        ("AT11", 2011): "changed",
        ("AT11", 2012): "flag",
        ("AT11", 2013): "new",
        ("AT11", 2014): "withdrawn",
        ("AT11", 2015): "withdrawn",
        ("AT11", 2016): "flag",
        ("AT11", 2017): "new",
    }
    found = revisions(before, after)
    assert (found.before, found.after) == (5, 5)
    assert shares(found) == {"changed": 0.2, "withdrawn": 0.4}
    changed = found.differences.query("kind == 'changed'").iloc[0]
    assert (changed["change"], changed["relative_change"]) == (0.25, 0.1)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ((77.4, 10.0), (77.38, 10.0), True),  # one decimal against two
        ((77.4, 10.0), (77.45, 10.01), True),  # half a unit of the coarser one
        ((77.4, 10.0), (77.46, 10.0), False),
        ((0.1, 0.2), (0.1, 0.30000000000000004 - 0.1), True),  # a double, not a revision
        ((77.4, 10.25), (77.5, 10.25), False),  # the finest figure of a series says its precision
        ((100.0, 3.0), (101.0, 3.0), False),
    ],
)
def test_values_are_equal_to_the_precision_both_print(
    before: tuple[float, float], after: tuple[float, float], same: bool
) -> None:
    pairs = [
        figures(("AT11", 2010, first, ""), ("AT11", 2011, second, ""))
        for first, second in (before, after)
    ]
    assert revisions(*pairs).differences.empty is same


@pytest.mark.parametrize(
    ("value", "decimals"),
    [(0.69, 2), (3000.0, 0), (1e-7, 7), (1.5e300, 0), (0.1 + 0.2, 17), (-2.50, 1)],
)
def test_printed_decimals(value: float, decimals: int) -> None:
    assert printed_decimals(value) == decimals
    assert math.isnan(printed_decimals(MISSING))


def test_a_series_that_is_gone_is_named_and_not_counted() -> None:
    before = pd.concat([figures(("AT11", 2010, 1.0, "")),
                        figures(("AT11", 2010, 1.0, ""), indicator="OLD")])  # fmt: skip
    found = revisions(before, figures(("AT11", 2010, 1.0, "")))
    assert found.series_gone == ["OLD [MIO_EUR]"]
    assert found.differences.empty and found.before == 1


def test_no_relative_change_from_zero() -> None:
    found = revisions(figures(("AT11", 2010, 0.0, "")), figures(("AT11", 2010, 3.0, "")))
    assert found.counts["changed"] == 1
    assert math.isnan(found.differences["relative_change"].iloc[0])
    assert largest(found)["geo"].tolist() == ["AT11"]
    assert median_change(found).empty


def test_counts_by_country_and_year_and_the_largest() -> None:
    before = figures(("AT11", 2010, 10.0, ""), ("AT12", 2010, 10.0, ""), ("FRZZ", 2011, 10.0, ""))
    after = figures(("AT11", 2010, 11.0, ""), ("AT12", 2010, 7.0, ""), ("FRZZ", 2011, 10.0, "p"))
    found = revisions(before, after.assign(geo_version=["2013", "2016", ""]))
    by_country = tally(found, "country").set_index("country")
    assert by_country.loc["AT", ["new", "changed", "withdrawn", "flag"]].tolist() == [0, 2, 0, 0]
    assert by_country.loc["AT", "median_relative_change"] == pytest.approx(0.2)
    assert by_country.loc["FR", "flag"] == 1
    assert tally(found, "year")["year"].tolist() == [2010, 2011]
    assert largest(found)["geo"].tolist() == ["AT12", "AT11"]
    assert median_change(found).loc["AT", 2010] == pytest.approx(0.2)
    assert median_change(found).loc["FR", 2011] == 0


def test_countries_by_their_own_codes() -> None:
    frame = figures(("FRA", 2010, 1.0, "")).assign(geo_version="ISO3")
    assert median_change(revisions(frame, frame)).index.tolist() == ["FRA"]


def test_what_cannot_be_compared() -> None:
    good = figures(("AT11", 2010, 1.0, ""))
    with pytest.raises(CompendiumError) as error:
        revisions(good, good.drop(columns="flag"))
    assert str(error.value) == "the figures after have no column flag"
    with pytest.raises(CompendiumError) as error:
        revisions(pd.concat([good, good]), good)
    assert str(error.value) == (
        "the figures before have a figure twice: {'indicator': 'GDP', 'unit': 'MIO_EUR', "
        "'geo': 'AT11', 'year': 2010}"
    )


CELLS = st.dictionaries(
    st.tuples(st.sampled_from(["AT11", "AT12", "FR10"]), st.integers(2000, 2004)),
    st.tuples(st.one_of(st.just(MISSING), st.integers(-40, 40).map(lambda n: n / 4)),
              st.sampled_from(["", "p"])),
    max_size=12,
)  # fmt: skip


@settings(max_examples=15)
@given(CELLS, CELLS)
def test_every_figure_is_accounted_for(before: dict, after: dict) -> None:
    old, new = (
        figures(*((geo, year, value, flag) for (geo, year), (value, flag) in cells.items()))
        for cells in (before, after)
    )
    found = revisions(old, new)
    if new.empty:
        assert found.differences.empty
        return
    held = found.before - found.counts["withdrawn"]
    assert held == found.after - found.counts["new"] == len(found.compared)
    assert found.counts["changed"] <= held
    assert not found.differences.duplicated(FIGURE).any()
    shuffled = revisions(old.sample(frac=1, random_state=1), new.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(shuffled.differences, found.differences)
    if not old.empty:
        back, counts = revisions(new, old).counts, found.counts
        assert (back["new"], back["changed"]) == (counts["withdrawn"], counts["changed"])


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_sentence_and_the_figure(lang: str) -> None:
    before = figures(("AT11", 2010, 10.0, ""), ("AT12", 2010, 10.0, ""))
    found = revisions(before, figures(("AT11", 2010, 11.0, ""), ("AT13", 2010, 1.0, "")))
    expected = {
        "en": "GDP: of 2 figures 50.0\u00a0% have changed and 50.0\u00a0% are withdrawn; "
        "1 are new, and 0 have another flag only.",
        "fr": "GDP\u00a0: sur 2 chiffres, 50,0\u202f% ont changé et 50,0\u202f% sont retirés\u202f"
        "; 1 sont nouveaux, et 0 n’ont changé que de marque.",
    }
    assert revision_sentence(found, "GDP", lang) == expected[lang]
    words = revision_words(found, "GDP", "Eurostat", lang)
    assert words["source"] == "Eurostat" and "(1)" in words["alt"]
    image = revision_figure(found, "GDP", lang).axes[0].images[0].get_array()
    assert image.tolist() == [[pytest.approx(10.0)]]


def test_a_figure_of_nothing() -> None:
    found = revisions(figures(), figures(("AT11", 2010, 1.0, "")))
    assert revision_sentence(found, "GDP", "en") == (
        "GDP: no figure of the earlier release can be compared; 1 are new."
    )
    texts = [text.get_text() for text in revision_figure(found, "GDP", "en").axes[0].texts]
    assert texts == ["No figure stands in both releases"]
