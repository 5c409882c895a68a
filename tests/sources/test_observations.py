"""From a source file to observations."""

import math
from pathlib import Path

import pandas as pd
import pytest

from analysis import CompendiumError
from analysis.sources.declared import DeclaredDataset
from analysis.sources.observations import COLUMNS, SCHEMA, observations
from analysis.sources.tabular import numbers, read_text_table, years

LISTS = {
    version: frozenset({"AT11", "EL11", "UKI1"})
    for version in ("1999", "2003", "2006", "2010", "2013", "2016", "2021", "2024")
}


def dataset(layout: dict[str, object], **changes: object) -> DeclaredDataset:
    described = {
        "code": "rd_e_gerdreg",
        "title": "GERD",
        "publisher": "eurostat",
        "vintage": "2020",
        "address": "https://example.org",
        "taken_from": "somewhere",
        "note": "",
        "file": "gerd.csv",
        "source_rows": 3,
        "layout": layout,
    }
    return DeclaredDataset.model_validate(described | changes)


SECTORS = {
    "geo": "geo",
    "year": "time",
    "nuts": "2013",
    "flags": ["flag"],
    "measures": [{"column": "value", "indicator": "{sectperf}.{sex}", "unit": "{unit}"}],
}


def table(rows: list[tuple[str, ...]]) -> pd.DataFrame:
    columns = ["geo", "time", "unit", "sectperf", "sex", "value", "flag"]
    return pd.DataFrame(rows, columns=columns, dtype=str)


def test_one_row_per_cell_with_every_column() -> None:
    found = observations(
        table([("AT11", "2010", "PC_GDP", "BES", "T", "0.5", "e")]), dataset(SECTORS), LISTS
    )
    assert found.frame.columns.tolist() == list(COLUMNS)
    row = ("rd_e_gerdreg", "AT11", "2013", 2010, "BES.T", "PC_GDP", 0.5, "e", "2020")
    assert found.frame.iloc[0].tolist() == list(row)
    assert str(found.frame["year"].dtype) == "int16"
    SCHEMA.validate(found.frame)


def test_zero_is_kept_missing_is_not_and_a_flag_keeps_its_cell() -> None:
    source = table(
        [
            ("AT11", "2010", "PC_GDP", "BES", "T", "0", ""),
            ("AT11", "2010", "PC_GDP", "GOV", "T", "", ""),
            ("AT11", "2010", "PC_GDP", "HES", "T", "", "c"),
        ]
    )
    found = observations(source, dataset(SECTORS), LISTS)
    assert (found.cells, found.empty, found.undated) == (3, 1, 0)
    assert found.frame["indicator"].tolist() == ["BES.T", "HES.T"]
    assert found.frame["value"].iloc[0] == 0.0
    assert math.isnan(found.frame["value"].iloc[1])
    assert found.frame["flag"].tolist() == ["", "c"]


def test_greek_codes_and_aggregates() -> None:
    source = table(
        [
            ("GR11", "2010", "PC_GDP", "BES", "T", "1", ""),
            ("EU28", "2010", "PC_GDP", "BES", "T", "2", ""),
        ]
    )
    frame = observations(source, dataset(SECTORS), LISTS).frame
    assert dict(zip(frame["geo"], frame["geo_version"], strict=True)) == {
        "EL11": "2013",
        "EU28": "",
    }


def test_wide_files_measures_and_periods() -> None:
    source = pd.DataFrame(
        {
            "region": ["AT11", "AT11"],
            "period": ["2007-2013", ""],
            "currency": ["EUR", "EUR"],
            "n": ["3", "1"],
            "amount": ["10.5", "2"],
        }
    )
    layout = {
        "geo": "region",
        "year": "period",
        "nuts": "2006",
        "measures": [
            {"column": "n", "indicator": "{period}.n", "unit": "NR"},
            {"column": "amount", "indicator": "amount", "unit": "{currency}"},
        ],
    }
    found = observations(source, dataset(layout), LISTS)
    assert (found.cells, found.undated) == (4, 2)
    cells = found.frame.set_index("indicator")
    assert cells.loc["2007-2013.n", ["year", "unit", "value"]].tolist() == [2007, "NR", 3.0]
    assert cells.loc["amount", ["year", "unit", "value"]].tolist() == [2007, "EUR", 10.5]


def test_rows_selected_by_file_and_by_measure() -> None:
    source = pd.DataFrame(
        {
            "geo": ["AT11"] * 3,
            "time": ["2010"] * 3,
            "age": ["Y_GE15", "Y_GE15", "Y15-24"],
            "unit": ["MIO_EUR", "POP", "MIO_EUR"],
            "value": ["1", "2", "3"],
        }
    )
    layout = {
        "geo": "geo",
        "year": "time",
        "geo_version": "ISO2",
        "where": {"age": ["Y_GE15"]},
        "measures": [
            {
                "column": "value",
                "indicator": "GDP",
                "unit": "{unit}",
                "where": {"unit": ["MIO_EUR"]},
            },
            {"column": "value", "indicator": "POP", "unit": "{unit}", "where": {"unit": ["POP"]}},
        ],
    }
    frame = observations(source, dataset(layout), LISTS).frame
    assert frame[["indicator", "value"]].to_numpy().tolist() == [["GDP", 1.0], ["POP", 2.0]]
    assert frame["geo_version"].unique().tolist() == ["ISO2"]


def test_dots_around_empty_codes_go_and_flags_join() -> None:
    source = pd.DataFrame(
        {
            "geo": ["DEU", "FRA", "ITA"],
            "time": ["2010"] * 3,
            "measure": ["USD_PPP", "USD_PPP", ""],
            "mult": ["6", "", ""],
            "value": ["1", "2", "3"],
            "flag": ["B", "", "B"],
            "flag2": ["D", "", ""],
        }
    )
    layout = {
        "geo": "geo",
        "year": "time",
        "geo_version": "ISO3",
        "flags": ["flag", "flag2"],
        "measures": [{"column": "value", "indicator": "GERD", "unit": "{measure}.{mult}"}],
    }
    frame = observations(source, dataset(layout), LISTS).frame
    assert frame["unit"].tolist() == ["", "USD_PPP", "USD_PPP.6"]
    assert frame["flag"].tolist() == ["B", "", "BD"]


def test_recoded_countries_and_groups_of_countries() -> None:
    source = pd.DataFrame({"geo": ["ROM", "WLD"], "time": ["2010"] * 2, "value": ["1", "2"]})
    layout = {
        "geo": "geo",
        "year": "time",
        "geo_version": "ISO3",
        "recodes": {"ROM": "ROU"},
        "aggregates": ["WLD"],
        "measures": [{"column": "value", "indicator": "GERD", "unit": ""}],
    }
    frame = observations(source, dataset(layout), LISTS).frame
    assert frame[["geo", "geo_version"]].to_numpy().tolist() == [["ROU", "ISO3"], ["WLD", ""]]


def test_a_series_has_one_set_of_regions_for_all_its_years() -> None:
    lists = LISTS | {"2010": frozenset({"SI01", "SI02"}), "2013": frozenset({"SI03", "SI04"})}
    source = pd.DataFrame(
        {
            "geo": ["SI01", "SI02", "SI03", "SI04", "SI03"],
            "time": ["2015", "2016", "2015", "2015", "2016"],
            "period": ["2014-2020"] * 2 + ["2007-2013"] * 3,
            "value": ["1"] * 5,
        }
    )
    layout = {
        "geo": "geo",
        "year": "time",
        "nuts": "2013",
        "series": "{period}",
        "measures": [{"column": "value", "indicator": "{period}", "unit": "EUR"}],
    }
    frame = observations(source, dataset(layout), lists).frame
    assert frame.groupby("indicator")["geo_version"].unique().map(list).to_dict() == {
        "2007-2013": ["2013"],
        "2014-2020": ["2010"],
    }


def test_rows_of_one_key_are_an_error_unless_the_layout_sums_them() -> None:
    source = table([("AT11", "2010", "PC_GDP", "BES", "T", value, "") for value in ("1", "2")])
    with pytest.raises(CompendiumError, match=r"gerd\.csv: 2 rows share their key.*AT11"):
        observations(source, dataset(SECTORS), LISTS)
    frame = observations(source, dataset(SECTORS | {"sum_rows": True}), LISTS).frame
    assert frame["value"].tolist() == [3.0]


def test_row_order_does_not_matter() -> None:
    source = table(
        [
            (geo, year, "PC_GDP", "BES", "T", "1", "")
            for geo in ("UKI1", "AT11")
            for year in ("2011", "2010")
        ]
    )
    forward = observations(source, dataset(SECTORS), LISTS).frame
    backward = observations(source.iloc[::-1].reset_index(drop=True), dataset(SECTORS), LISTS).frame
    pd.testing.assert_frame_equal(forward, backward)


def test_missing_column_is_named() -> None:
    source = table([("AT11", "2010", "PC_GDP", "BES", "T", "1", "")]).drop(columns="sectperf")
    with pytest.raises(CompendiumError, match=r"gerd\.csv: no column sectperf; it has geo, time"):
        observations(source, dataset(SECTORS), LISTS)


def test_text_in_a_number_or_a_year_is_located() -> None:
    source = table(
        [
            ("AT11", "2010", "PC_GDP", "BES", "T", "1", ""),
            ("AT11", "2011", "PC_GDP", "BES", "T", "1,5", ""),
        ]
    )
    with pytest.raises(CompendiumError, match=r"gerd\.csv: row 3, column value: '1,5'"):
        observations(source, dataset(SECTORS), LISTS)
    with pytest.raises(CompendiumError, match=r"x\.csv: row 2, column time: '20l0' is not a year"):
        years(pd.Series(["20l0"], name="time"), "x.csv")


def test_numbers_keep_missing_apart_from_zero() -> None:
    parsed = numbers(pd.Series(["", "0", "-1e3"], name="value"), "x.csv")
    assert parsed.isna().tolist() == [True, False, False]
    assert parsed.tolist()[1:] == [0.0, -1000.0]


def test_not_a_number_text_is_refused() -> None:
    with pytest.raises(CompendiumError, match="'nan' is not a number"):
        numbers(pd.Series(["nan"], name="value"), "x.csv")


def test_file_absent_or_of_another_length(tmp_path: Path) -> None:
    with pytest.raises(CompendiumError, match=r"gdp\.csv: no such file in .*--from"):
        read_text_table(tmp_path, "gdp.csv", 1)
    (tmp_path / "gdp.csv").write_text("geo,value\nAT,1\nNA,2\n", encoding="utf-8")
    with pytest.raises(CompendiumError, match=r"gdp\.csv: 2 rows found, 3 expected"):
        read_text_table(tmp_path, "gdp.csv", 3)
    assert read_text_table(tmp_path, "gdp.csv", 2)["geo"].tolist() == ["AT", "NA"]


def test_unreadable_file(tmp_path: Path) -> None:
    (tmp_path / "gdp.csv.gz").write_bytes(b"not gzip at all")
    with pytest.raises(CompendiumError, match=r"gdp\.csv\.gz: cannot be read as CSV"):
        read_text_table(tmp_path, "gdp.csv.gz", 1)
