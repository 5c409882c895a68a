"""Gaps, revisions and conversion quality on small cases whose answers are known by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import CompendiumError
from analysis.panel.quality import (
    GAPS,
    conversion_summary,
    gap_kinds,
    matched_change,
    publication_rhythm,
    release_agreement,
    releases_on_one_map,
    revision_summary,
    revisions,
    robust_z,
    split_origins,
    unusual,
    usable,
)
from analysis.panel.series import Published
from analysis.panel.territories import Passage


def grid(values: dict[str, list[float]], first_year: int = 2000) -> pd.DataFrame:
    """A panel of one level from territory → yearly values."""
    rows = [
        {"geo": geo, "country": geo[:2], "year": first_year + i, "x": value}
        for geo, series in values.items()
        for i, value in enumerate(series)
    ]
    return pd.DataFrame(rows)


NAN = np.nan


@pytest.fixture
def gappy() -> pd.DataFrame:
    return grid(
        {
            "AA11": [NAN, NAN, 1.0, NAN, 3.0, NAN],  # AA: first 2002, skips 2003, last 2004
            "AA12": [NAN, NAN, 1.0, NAN, NAN, NAN],
            "AA13": [NAN, NAN, NAN, NAN, NAN, NAN],
            "BB11": [NAN, 1.0, 1.0, 1.0, 1.0, 1.0],
            "CC11": [NAN, NAN, NAN, NAN, NAN, NAN],
        }
    )


def test_each_gap_has_its_widest_cause(gappy):
    kinds = gap_kinds(gappy, "x").groupby(gappy["geo"]).agg(list)
    nobody, country, before, after, skipped, never, alone = GAPS
    assert kinds["AA11"] == [nobody, before, "", skipped, "", after]
    assert kinds["AA12"] == [nobody, before, "", skipped, alone, after]
    assert kinds["AA13"] == [nobody, before, never, skipped, never, after]
    assert kinds["BB11"] == [nobody, "", "", "", "", ""]
    assert kinds["CC11"] == [nobody, country, country, country, country, country]


def test_gap_kinds_do_not_depend_on_row_order(gappy):
    shuffled = gappy.sample(frac=1, random_state=1)
    assert gap_kinds(shuffled, "x").sort_index().equals(gap_kinds(gappy, "x"))


def test_rhythm_counts_the_years_a_country_skips(gappy):
    rhythm = publication_rhythm(gappy, "x").set_index("country")
    assert rhythm.loc["AA"].to_list() == [2002, 2004, 2, 1]
    assert rhythm.loc["BB"].to_list() == [2001, 2005, 5, 0]
    assert "CC" not in rhythm.index


def releases(*rows: tuple[str, int, int, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["geo", "year", "release", "value"])


def test_revisions_by_hand():
    table = revisions(
        releases(
            ("A", 2010, 2012, 90.0),
            ("A", 2010, 2013, 120.0),
            ("A", 2010, 2014, 100.0),
            ("B", 2010, 2012, 50.0),  # skips 2013: its next release is 2014
            ("B", 2010, 2014, 40.0),
            ("C", 2010, 2012, 7.0),  # not in the last release
        )
    )
    assert table[["geo", "release", "lag"]].to_numpy().tolist() == [
        ["A", 2012, 2],
        ["A", 2013, 3],
        ["B", 2012, 2],
    ]
    assert table["from_next_pct"].to_list() == pytest.approx([-25.0, 20.0, 25.0])
    assert table["from_last_pct"].to_list() == pytest.approx([-10.0, 20.0, 25.0])


def test_small_last_figures_are_left_out():
    pair = releases(
        ("A", 2010, 2012, 1.0), ("A", 2010, 2014, 4.0), ("B", 2010, 2012, 9.0),
        ("B", 2010, 2014, 10.0),
    )  # fmt: skip
    assert revisions(pair, minimum=5)["geo"].to_list() == ["B"]
    assert revisions(pair)["geo"].to_list() == ["A", "B"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            releases(("A", 2010, 2012, 1.0), ("B", 2010, 2014, 1.0)),
            "no figure of an earlier release",
        ),
        (releases(("A", 2010, 2012, 1.0)), "two releases"),
        (releases(("A", 2010, 2012, NAN), ("A", 2010, 2014, 1.0)), "two releases"),
        (releases(), "two releases"),
    ],
)
def test_nothing_to_compare_is_said(rows, message):
    with pytest.raises(CompendiumError, match=message):
        revisions(rows)


def test_a_figure_given_twice_is_refused():
    twice = releases(("A", 2010, 2012, 1.0), ("A", 2010, 2012, 1.0))
    with pytest.raises(CompendiumError, match="one row per territory"):
        revisions(twice)


def test_summary_separates_bias_from_size():
    revised = pd.DataFrame({"lag": [2, 2, 2, 3], "from_last_pct": [-10.0, 4.0, -2.0, 1.0]})
    summary = revision_summary(revised, "lag", "from_last_pct").set_index("lag")
    assert summary.loc[2].to_list() == pytest.approx([3, -2.0, 4.0, 8.8])
    assert summary.loc[3].to_list() == [1, 1.0, 1.0, 1.0]


def test_agreement_of_a_release_with_itself_and_with_noise():
    rng = np.random.default_rng(0)
    true = rng.normal(0, 1, (200, 1)) + rng.normal(0, 0.1, (200, 6)).cumsum(axis=1)
    frames = [
        pd.DataFrame(np.exp(true + rng.normal(0, 0.05, true.shape)), columns=range(2000, 2006))
        for _ in range(2)
    ]
    same = release_agreement(frames[0], frames[0])
    assert same["r_levels"] == pytest.approx(1) and same["r_changes"] == pytest.approx(1)
    noisy = release_agreement(*frames)
    # Reliability of changes: 0.1² / (0.1² + 2 × 0.05²) = 2/3; of levels nearly one.
    assert noisy["r_changes"] == pytest.approx(2 / 3, abs=0.05)
    assert noisy["r_levels"] > 0.99
    assert noisy["n_levels"] == 1200 and noisy["n_changes"] == 1000


def test_changes_never_bridge_a_gap_and_few_cells_give_no_correlation():
    first = pd.DataFrame([[1.0, 2.0, 4.0]], index=["A"], columns=[2000, 2002, 2003])
    result = release_agreement(first, first)
    assert result["n_levels"] == 3 and result["n_changes"] == 1
    assert np.isnan(result["r_levels"])


def test_agreement_of_releases_without_common_years():
    first = pd.DataFrame([[1.0]], index=["A"], columns=[2000])
    second = pd.DataFrame([[1.0]], index=["A"], columns=[2001])
    assert release_agreement(first, second)["n_levels"] == 0


def test_conversion_is_weighted_by_mass():
    report = pd.DataFrame(
        {
            "column": ["jobs:A", "jobs:B", "gdp"],
            "dataset": ["lfs", "lfs", "nama 2023"],
            "geo_version": ["2010", "2013", "2021"],
            "first_year": [2008.0, 2010.0, 2000.0],
            "last_year": [2009.0, 2015.0, 2021.0],
            "mass_before": [100.0, 300.0, 10.0],
            "share_recoded": [0.2, 0.0, 0.1],
            "share_split": [0.4, 0.0, 0.0],
            "share_set_aside": [0.0, 0.1, 0.0],
            "conservation_gap": [0.0, 1e-16, 0.0],
            "regions_lost": ["X2 X1", "", ""],
        }
    )
    summary = conversion_summary(report).set_index("column")
    assert summary.loc["jobs", "versions"] == "2010 2013"
    assert summary.loc["jobs", "codes_lost"] == "X1 X2"
    assert summary.loc["jobs", ["first_year", "last_year"]].to_list() == [2008, 2015]
    shares = ["share_recoded_pct", "share_split_pct", "share_set_aside_pct"]
    assert summary.loc["jobs", shares].to_list() == pytest.approx([5.0, 10.0, 7.5])
    assert summary.loc["gdp", "dataset"] == "nama"


def test_only_origins_with_several_destinations_are_split():
    shares = pd.DataFrame(
        [[1.0, 0.0, 0.0], [0.0, 0.3, 0.7]], index=["A", "B"], columns=["A", "B1", "B2"]
    )
    assert split_origins(shares).to_numpy().tolist() == [["B", "B1", 0.3], ["B", "B2", 0.7]]
    assert split_origins(shares.iloc[:1]).empty


def test_matched_change_compares_the_same_territories():
    panel = grid({"AA11": [10.0, 8.0], "AA12": [5.0, NAN], "BB11": [NAN, 3.0]})
    change = matched_change(panel, "x", 2001)
    assert change.to_numpy().tolist() == [["AA", 1, 10.0, 8.0, pytest.approx(-20.0)]]
    assert matched_change(panel, "x", 2010).empty


@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=30), st.floats(0.5, 100))
def test_robust_z_ignores_location_and_scale(values, scale):
    x = pd.Series(values).round(3)
    group = pd.Series(0, index=x.index)
    z, moved = robust_z(x, group), robust_z(scale * x + 7, group)
    pd.testing.assert_series_equal(z, moved, rtol=1e-5, atol=1e-5)


def test_robust_z_by_hand_and_without_spread():
    x = pd.Series([1.0, 2.0, 3.0, 4.0, 100.0, 5.0, 5.0, 5.0])
    z = robust_z(x, pd.Series([0] * 5 + [1] * 3))
    assert z[4] == pytest.approx(97 / 1.4826)
    assert z[5:].isna().all()


def test_releases_are_compared_on_one_map():
    """The older release has X1 whole; the map of 2013 has it in two parts, X2 and X3."""
    flows = pd.DataFrame(
        [
            ("FRX1", "FRX2", "2006", 30.0), ("FRX1", "FRX3", "2006", 70.0),
            ("FRX2", "FRX2", "2013", 30.0), ("FRX3", "FRX3", "2013", 70.0),
        ],
        columns=["from_code", "to_code", "from_version", "pop11"],
    ).assign(to_version="2013", level=2)  # fmt: skip
    back = flows[flows["from_version"] == "2006"].rename(
        columns={"from_code": "to_code", "to_code": "from_code"}
    )
    flows = pd.concat([flows, back.assign(from_version="2013", to_version="2006")])
    observed = pd.DataFrame(
        [
            ("FRX1", "2006", "2011", 5.0), ("FRX2", "2013", "2024", 4.0),
            ("FRX3", "2013", "2024", 6.0),
        ],
        columns=["geo", "geo_version", "vintage", "value"],
    ).assign(dataset="d", indicator="i", unit="u", year=2005)  # fmt: skip
    series = {
        2011: Published("x", "t", "d", "i", "u", "2011"),
        2024: Published("x", "t", "d", "i", "u", "2024"),
    }
    people = pd.DataFrame([[NAN, 30.0], [NAN, 70.0]], index=["FRX2", "FRX3"], columns=[2005, 2006])
    rows = releases_on_one_map(observed, series, Passage(flows), people)
    wide = rows.pivot(index="geo", columns="release", values="value")
    assert wide[2011].to_list() == [5.0, 5.0]
    assert wide[2024].to_list() == [4.0, 6.0]


def test_unusual_finds_both_ends_and_only_inside():
    series = {f"AA{i:02d}": [10.0 + i, 10.0 + i] for i in range(20)}
    panel = grid(series | {"BB01": [900.0, 900.0], "BB02": [0.01, 5000.0], "CC01": [1e9, 1e9]})
    panel["name"] = panel["geo"]
    inside = panel["country"].ne("CC")
    level = unusual(panel, "x", "level", inside, count=1)
    assert level[["geo", "year"]].to_numpy().tolist() == [["BB02", 2001], ["BB02", 2000]]
    assert level["z"].iloc[0] > 0 > level["z"].iloc[1]
    assert level["change"].iloc[0] == pytest.approx(100 * np.log(5000 / 0.01))
    with pytest.raises(CompendiumError, match="no view 'levels'"):
        unusual(panel, "x", "levels", inside)


def test_unusual_growth_is_not_size():
    steady = {f"AA{i:02d}": [10.0, 10.0 + i] for i in range(21)}
    panel = grid(steady | {"BB01": [1e6, 1e6 * 1.5]})
    panel["name"] = panel["geo"]
    found = unusual(panel, "x", "growth", pd.Series(True, index=panel.index), count=1)
    assert found["geo"].to_list() == ["AA20", "AA00"]


def test_usable_counts_complete_cells():
    panel = grid({"AA11": [1.0, NAN, 2.0], "BB11": [NAN, NAN, 3.0]}).assign(y=1.0, none=NAN)
    table = usable(panel, {"x and y": ["x", "y"], "nothing": ["none"]})
    assert table.iloc[0].to_list() == ["x and y", 2000, 2002, 2, 2, 3, 1.5]
    assert table.iloc[1]["cells"] == 0 and table["first_year"].isna().to_list() == [False, True]
