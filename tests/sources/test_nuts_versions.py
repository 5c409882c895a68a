"""Which NUTS version a published code belongs to."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.sources.territories import (
    VERSIONS,
    code_lists,
    detect_versions,
    greece_as_el,
    latest_version,
    version_of_codes,
)

# France: FR21 until 2013, FRF2 after. Slovenia: SI01 until 2010, SI03 after. AT11 in all.
# XY99 names two territories: one of 2006, one of 2021.
LISTS = {
    "1999": frozenset({"AT11", "FR21"}),
    "2003": frozenset({"AT11", "FR21", "BG11"}),
    "2006": frozenset({"AT11", "FR10", "FR21", "FR22", "SI01", "SI02", "XY99"}),
    "2010": frozenset({"AT11", "FR10", "FR21", "FR22", "SI01", "SI02"}),
    "2013": frozenset({"AT11", "FR10", "FR21", "FR22", "SI03", "SI04"}),
    "2016": frozenset({"AT11", "FR10", "FRF2", "FRE2", "SI03", "SI04"}),
    "2021": frozenset({"AT11", "FR10", "FRF2", "FRE2", "SI03", "SI04", "XY99"}),
    "2024": frozenset({"AT11", "FR10", "FRF2", "FRE2", "SI03", "SI04", "XY99"}),
}


def detect(codes: list[str], default: str = "2013", valued: list[bool] | None = None) -> list[str]:
    geo = pd.Series(codes, dtype=str)
    has_value = pd.Series(valued if valued is not None else [True] * len(codes))
    return detect_versions(geo, geo.str[:2] + "|2010", has_value, default, LISTS).tolist()


@pytest.mark.parametrize(
    ("codes", "default", "version"),
    [
        (["FRF2", "FRE2", "FR10"], "2013", "2016"),  # most codes, though not the default
        (["AT11"], "2010", "2010"),  # in every list: the default
        (["SI01", "SI02"], "2016", "2010"),  # 2006 and 2010 tie: the nearest to the default
        (["SI03"], "2006", "2013"),
        (["FR21", "FR22", "FRF2"], "2021", "2013"),  # two against one
        (["SI01", "SI03"], "2013", "2013"),  # a tie the default is part of
        (["EU28", "ZZ"], "2013", ""),
    ],
)
def test_version_with_most_codes_wins(codes: list[str], default: str, version: str) -> None:
    assert version_of_codes(codes, default, LISTS) == version


def test_later_of_two_equally_near_versions() -> None:
    lists = dict.fromkeys(VERSIONS, frozenset()) | {
        "2010": frozenset({"AA11"}),
        "2016": frozenset({"AA11"}),
    }
    assert version_of_codes(["AA11"], "2013", lists) == "2016"


def test_code_outside_the_version_of_its_group_gets_the_latest_that_holds_it() -> None:
    assert detect(["FR10", "FR21", "FR22", "FRF2"]) == ["2013", "2013", "2013", "2024"]
    assert detect(["FR10", "FRE2", "FRF2", "FR21"], "2016") == ["2016", "2016", "2016", "2013"]


def test_reused_code_follows_its_group() -> None:
    assert detect(["XY99"], "2006") == ["2006"]
    assert detect(["XY99"], "2021") == ["2021"]


def test_aggregates_and_old_codes() -> None:
    assert detect(["EU28", "BG11", "ATZZ", "AT11"]) == ["", "2003", "", "2013"]


def test_countries_do_not_vote_for_each_other() -> None:
    assert detect(["FRF2", "FRE2", "SI01"], "2013") == ["2016", "2016", "2010"]


def test_codes_without_a_value_have_no_vote() -> None:
    codes = ["FR21", "FR22", "FRF2"]
    assert detect(codes, "2010", [False, False, True]) == ["2013", "2013", "2016"]
    assert detect(codes, "2010", [False, False, False]) == ["2010", "2010", "2024"]


def test_index_is_kept() -> None:
    geo = pd.Series(["SI03", "SI01"], index=[7, 3], dtype=str)
    group = pd.Series(["a", "b"], index=[7, 3])
    has_value = pd.Series(True, index=[7, 3])
    found = detect_versions(geo, group, has_value, "2013", LISTS)
    assert found.to_dict() == {7: "2013", 3: "2010"}


def test_greece() -> None:
    codes = pd.Series(["GR", "GR11", "EL30", "FR10", "AGR1"], dtype=str)
    assert greece_as_el(codes).tolist() == ["EL", "EL11", "EL30", "FR10", "AGR1"]


def test_code_lists_leave_out_extra_regio_codes() -> None:
    names = pd.DataFrame({"nuts_version": ["2006", "2013"], "nuts_id": ["GR11", "EL51"]})
    codes_2003 = ["GR11", "ATZ", "ATZZ", "ATZZZ", "ATXX", ""]
    changes = pd.DataFrame({"code_1999": ["GR"] * 6, "code_2003": codes_2003})
    lists = code_lists(names, changes)
    assert list(lists) == ["1999", "2003", *VERSIONS]
    assert lists["2003"] == {"EL11"}
    assert lists["2006"] == {"EL11"}
    assert lists["2013"] == {"EL51"}


CODES = st.lists(
    st.sampled_from([*sorted(frozenset().union(*LISTS.values())), "EU28", "ATZZ"]),
    min_size=1,
    max_size=12,
)


@given(CODES, st.sampled_from(VERSIONS), st.randoms(use_true_random=False))
def test_detection_properties(codes: list[str], default: str, random: object) -> None:
    found = dict(zip(codes, detect(codes, default), strict=True))
    for code, version in found.items():
        # A version holds its code, and only codes of no version have none.
        assert code in LISTS[version] if version else latest_version(code, LISTS) == ""
    # Order and repetition of rows do not matter.
    shuffled = codes * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert dict(zip(shuffled, detect(shuffled, default), strict=True)) == found


@given(CODES, st.sampled_from(VERSIONS))
def test_no_version_holds_more_codes_than_the_chosen(codes: list[str], default: str) -> None:
    chosen = version_of_codes(codes, default, LISTS)
    most = max(len(set(codes) & LISTS[version]) for version in VERSIONS)
    assert most == (len(set(codes) & LISTS[chosen]) if chosen else 0)
