"""Conversion between NUTS versions: conservation, identity, missing values, aggregation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import CompendiumError, sources
from analysis.panel.codes import FRENCH_REGIONS_2016
from analysis.panel.series import splice, to_nuts_2013
from analysis.panel.territories import (
    Passage,
    aggregate,
    convert,
    country_from_iso3,
)


def flows(rows: list[tuple[str, str, str, float]]) -> pd.DataFrame:
    """Synthetic JRC flows: (from_version, from_code, to_code, people), all towards NUTS 2013."""
    return pd.DataFrame(
        [(v, a, "2013", b, 2, n) for v, a, b, n in rows],
        columns=["from_version", "from_code", "to_version", "to_code", "level", "pop11"],
    )


FLOWS = flows(
    [
        ("2010", "FR10", "FR10", 1000.0),
        ("2010", "FR21", "FR21", 997.0),
        ("2010", "FR21", "FR22", 3.0),  # under half a per cent: boundary noise
        ("2010", "UKI1", "UKI3", 300.0),
        ("2010", "UKI1", "UKI4", 700.0),
        ("2010", "EL11", "EL51", 50.0),
        ("2010", "SI01", "SI03", 900.0),
        ("2010", "SI02", "SI03", 100.0),
        ("2010", "SI02", "SI04", 900.0),
        ("2010", "FR22", "FR22", 10.0),
    ]
)
SHARES = Passage(FLOWS).to_2013("2010")


def wide(values: dict[str, float]) -> pd.DataFrame:
    return pd.DataFrame({2010: pd.Series(values, dtype=float)})


def test_shares_add_up_to_one_and_negligible_flows_stay_home():
    assert np.allclose(SHARES.sum(axis=1), 1.0)
    assert SHARES.loc["FR21", "FR21"] == 1.0
    assert SHARES.loc["UKI1", "UKI4"] == pytest.approx(0.7)


def test_an_unchanged_region_converts_to_itself_exactly():
    done = convert(wide({"FR10": 123.456}), SHARES)
    assert done.values.loc["FR10", 2010] == 123.456
    assert done.recoded[2010] == 0.0


def test_counts_are_split_by_population():
    done = convert(wide({"UKI1": 10.0}), SHARES)
    assert done.values.loc["UKI3", 2010] == pytest.approx(3.0)
    assert done.values.loc["UKI4", 2010] == pytest.approx(7.0)
    assert done.split[2010] == 10.0


def test_rates_are_averaged_by_their_denominator():
    done = convert(
        wide({"SI01": 10.0, "SI02": 20.0}), SHARES, wide({"SI01": 900.0, "SI02": 2000.0})
    )
    # SI02 sends a tenth of its 2000 to SI03, which has 900 of its own.
    assert done.values.loc["SI03", 2010] == pytest.approx((10 * 900 + 20 * 200) / 1100)
    assert done.values.loc["SI04", 2010] == pytest.approx(20.0)


def test_a_region_with_a_missing_origin_is_missing_and_its_mass_is_set_aside():
    done = convert(wide({"SI02": 20.0}), SHARES)
    assert np.isnan(done.values.loc["SI03", 2010])
    assert done.values.loc["SI04", 2010] == pytest.approx(18.0)
    assert done.set_aside[2010] == pytest.approx(2.0)


def test_a_code_without_flows_is_reported_lost():
    assert convert(wide({"FR10": 1.0, "TR10": 5.0}), SHARES).lost == ("TR10",)


@given(
    st.dictionaries(st.sampled_from(list(SHARES.index)), st.floats(0, 1e9), min_size=1, max_size=8)
)
def test_conversion_conserves_the_total(values):
    done = convert(wide(values), SHARES)
    total = sum(values.values())
    assert done.before[2010] == pytest.approx(total)
    assert done.after[2010] + done.set_aside[2010] == pytest.approx(total, rel=1e-12)


@given(
    st.dictionaries(st.sampled_from(list(SHARES.index)), st.floats(0, 100), min_size=1),
    st.floats(1, 1e6),
)
def test_a_converted_rate_stays_within_the_range_of_its_origins(values, size):
    weights = wide(dict.fromkeys(values, size))
    done = convert(wide(values), SHARES, weights)
    known = done.values[2010].dropna()
    assert (known >= min(values.values()) - 1e-9).all()
    assert (known <= max(values.values()) + 1e-9).all()


def rows(version: str, values: dict[str, float], year: int = 2010) -> pd.DataFrame:
    return pd.DataFrame(
        [("x", "table", geo, version, year, value) for geo, value in values.items()],
        columns=["column", "dataset", "geo", "geo_version", "year", "value"],
    )


def test_one_territory_under_two_codes_is_counted_once():
    twice = pd.concat([rows("2010", {"EL11": 5.0}), rows("2013", {"EL51": 6.0, "EL52": 1.0})])
    identity = flows([("2013", "EL51", "EL51", 50.0), ("2013", "EL52", "EL52", 50.0)])
    passage = Passage(pd.concat([FLOWS, identity]))
    series = to_nuts_2013(twice, passage)
    assert series.values["x"].loc["EL51", 2010] == 6.0  # NUTS 2013 covers more of the country
    assert series.quality["duplicate_cells_set_aside"].tolist() == [1, 1]
    booked = to_nuts_2013(twice, passage, ledger=True)
    assert booked.values["x"].loc["EL51", 2010] == 11.0  # two lines of one ledger


def test_a_ledger_adds_what_is_there():
    done = convert(wide({"SI02": 20.0}), SHARES, ledger=True)
    assert done.values.loc["SI03", 2010] == pytest.approx(2.0)
    assert done.set_aside[2010] == 0.0
    assert np.isnan(done.values.loc["FR10", 2010])


def test_an_unknown_version_is_an_error():
    with pytest.raises(CompendiumError, match="no JRC flows from NUTS 1995 to NUTS 2013"):
        Passage(FLOWS).to_2013("1995")


PEOPLE = wide({"FR10": 100.0, "FR21": 60.0, "FR22": 40.0, "FRA5": 0.5})


def test_aggregation_needs_every_part():
    full = wide({"FR10": 1.0, "FR21": 2.0, "FR22": 3.0, "FRA5": 0.0})
    assert aggregate(full, 0, PEOPLE).loc["FR", 2010] == 6.0
    assert np.isnan(aggregate(full.drop(index="FR22"), 0, PEOPLE).loc["FR", 2010])
    assert np.isnan(aggregate(full.drop(index="FR22"), 1, PEOPLE).loc["FR2", 2010])
    assert aggregate(full.drop(index="FR22"), 1, PEOPLE).loc["FR1", 2010] == 1.0


def test_a_very_small_missing_part_does_not_hide_its_country():
    known = wide({"FR10": 1.0, "FR21": 2.0, "FR22": 3.0})
    assert aggregate(known, 0, PEOPLE).loc["FR", 2010] == 6.0
    assert np.isnan(aggregate(known, 1, PEOPLE).loc["FRA", 2010])


def test_a_missing_population_hides_only_its_own_parent():
    people = PEOPLE.assign(**{"2011": PEOPLE[2010]}).set_axis([2010, 2011], axis=1)
    people.loc["FR10", 2011] = np.nan
    known = pd.DataFrame({2011: {"FR10": 1.0, "FR21": 2.0, "FR22": 3.0, "FRA5": 0.0}})
    assert aggregate(known, 0, people).loc["FR", 2011] == 6.0


def test_aggregated_rates_are_weighted():
    weights = wide({"FR10": 3.0, "FR21": 1.0})
    rates = wide({"FR10": 10.0, "FR21": 20.0})
    assert aggregate(rates, 0, weights, weights).loc["FR", 2010] == pytest.approx(12.5)


def test_country_codes_follow_eurostat():
    assert country_from_iso3(pd.Series(["GRC", "GBR", "FRA"])).tolist() == ["EL", "UK", "FR"]
    assert country_from_iso3(pd.Series(["USA"])).isna().all()


def series(values: list[float], first: int = 2000) -> pd.DataFrame:
    return pd.DataFrame([values], index=["FR10"], columns=range(first, first + len(values)))


def test_splice_keeps_the_newer_vintage_and_links_the_older_by_ratio():
    newer = series([np.nan, np.nan, 20.0, 22.0, np.nan])
    older = series([12.0, 14.0, 16.0, 17.6, 19.2])
    spliced = splice(newer, older).loc["FR10"]
    assert spliced.tolist() == pytest.approx([15.0, 17.5, 20.0, 22.0, 24.0])


def test_splice_leaves_gaps_and_regions_without_overlap_missing():
    inside = splice(series([1.0, np.nan, 3.0]), series([1.0, 2.0, 3.0])).loc["FR10"]
    assert np.isnan(inside[2001])
    apart = splice(series([np.nan, 5.0]), series([4.0, np.nan])).loc["FR10"]
    assert np.isnan(apart[2000])


def test_splice_refuses_releases_that_contradict_each_other():
    spliced = splice(series([np.nan, 20.0, 20.0]), series([8.0, 5.0, 5.0])).loc["FR10"]
    assert np.isnan(spliced[2000])


def test_the_french_regions_of_2016_are_those_of_the_flows_of_people():
    names = sources.read("nuts_names")
    regions = names[names["version"].eq("2013") & names["level"].eq(2) & names["country"].eq("FR")]
    declared = {old: new for new, olds in FRENCH_REGIONS_2016.items() for old in olds}
    assert sorted(declared) == sorted(regions["code"][~regions["code"].str.endswith("ZZ")])
    flows = sources.read("nuts_flows")
    moved = flows[
        flows["from_version"].eq("2013") & flows["to_version"].eq("2021") & flows["level"].eq(2)
    ]
    moved = moved[moved["from_code"].isin(list(declared))]
    main = moved.loc[moved.groupby("from_code")["pop11"].idxmax()]
    for old, destination in zip(main["from_code"], main["to_code"], strict=True):
        assert destination.startswith(declared[old])
    assert len(FRENCH_REGIONS_2016) == 18
