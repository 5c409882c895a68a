"""A newer vintage of a carried dataset is recognised by its columns and figures."""

import csv
import gzip

import pandas as pd
import pytest

from analysis import sources
from analysis.intake.carried import declared_dataset
from analysis.intake.changes import changed_figures
from analysis.intake.check import check
from analysis.intake.checked import CarriedDataset
from analysis.intake.declaration import Declaration
from analysis.intake.gazetteer import gazetteer
from analysis.intake.words import declared
from analysis.panel.assemble import assemble
from analysis.panel.build import RAW_TABLES
from analysis.sources.declared import declaration
from analysis.sources.observations import observations

#: One of every kind of builder and of every way columns are told apart.
VINTAGES = {
    "eurostat/vintage2011/tgs00042.csv": ("eurostat_rd_money", "tgs00042", "2011-05", "time"),
    "eurostat/vintage2020/tgs00040.csv": ("eurostat_patents", "tgs00040", "2020-12", "time"),
    "worldbank/wdi_eu27_2024.csv": ("worldbank_wdi", "wdi_eu27_2024", "2024-06", "time"),
    "cordis/uk_h2020_nuts2_year.csv": ("cordis_h2020", "uk_h2020_nuts2", "2020-12", "year"),
    "cohesion/interreg_2014_2020_closed_projects_nuts2_year.csv": (
        "interreg_participations", "keep_2014_2020", "2020", "start_year",
    ),
    "cohesion/interreg_2014_2020_closed_projects_edges_nuts2_year.csv": (
        "interreg_links", "keep_2014_2020", "2020", "start_year",
    ),
    "cohesion/nuts2_eligibility_2007_2013_2014_2020.csv": (
        "commission_eligibility", "eligibility", "2015", "",
    ),
    "clusters/erdf_2007_2013_cluster_funding_region_year.csv": (
        "erdf_clusters", "erdf_clusters_2007_2013", "2016", "year",
    ),
}  # fmt: skip


def test_the_declared_columns_are_those_of_the_source_files(shared_data):
    declared_columns = {
        (each["table"], each["code"], each["vintage"]): each["columns"]
        for each in declared("carried")["datasets"]
    }
    for table, entry in declaration().tables.items():
        for dataset in entry.datasets:
            path = shared_data / dataset.file
            unpack = gzip.open if path.suffix == ".gz" else open
            with unpack(path, "rt", encoding="utf-8") as stream:
                header = next(csv.reader(stream))
            assert declared_columns.pop((table, dataset.code, dataset.vintage)) == header
    assert not declared_columns


def newer(frame, year):
    """Another vintage: figures revised by 3 %, a year more, rows and columns in another order."""
    frame = frame.copy()
    for column in frame.columns:
        numbers = pd.to_numeric(frame[column], errors="coerce")
        if (
            column not in (year, "geo")
            and numbers.notna().sum() > 0.3 * (frame[column] != "").sum()
        ):
            revised = (numbers * 1.03).round(6).astype(str)
            frame[column] = revised.where(numbers.notna(), frame[column])
    if year:
        last = frame[frame[year] == frame[year].max()]
        frame = pd.concat([frame, last.assign(**{year: str(int(last[year].iloc[0]) + 1)})])
    return frame.iloc[::-1, ::-1]


@pytest.mark.parametrize("file", VINTAGES)
def test_a_newer_vintage_is_recognised(file, shared_data, tmp_path):
    table, code, vintage, year = VINTAGES[file]
    frame = newer(pd.read_csv(shared_data / file, dtype=str, keep_default_na=False), year)
    path = tmp_path / "download.csv"
    frame.to_csv(path, index=False)
    checked = check(path)
    found = checked.recognised
    assert found is not None
    assert (found.table, found.code, found.vintage) == (table, code, vintage)
    assert not checked.errors and not checked.questions
    counts = checked.counts
    assert counts.rows == len(frame) == counts.rows_used + counts.rows_aside
    assert len(checked.aside) >= counts.rows_aside


@pytest.mark.parametrize(
    "file",
    [file for file, (table, *_) in VINTAGES.items() if table in ("erdf_clusters", "cordis_h2020")],
)
def test_figures_are_those_the_compiler_makes_and_rows_are_right(file, shared_data):
    checked = check(shared_data / file)
    frame = pd.read_csv(shared_data / file, dtype=str, keep_default_na=False)
    dataset = declared_dataset(checked.recognised)
    compiled = observations(frame, dataset, gazetteer().code_lists).frame
    columns = [column for column in compiled.columns if column != "dataset"]
    pd.testing.assert_frame_equal(checked.observations[columns], compiled[columns])
    geo = dataset.layout.geo
    rows = checked.observations["source_row"].to_numpy() - 2
    assert (frame[geo].to_numpy()[rows] == checked.observations["geo"].to_numpy()).all()


def test_a_vintage_that_changes_nothing_in_the_panel_says_so(shared_data):
    note = "no column of the panel is made of {}: with this file its figures stay as they are"
    for file, (_, code, *_) in list(VINTAGES.items())[:3]:
        told = check(shared_data / file, Declaration(dataset=code, accept="all")).notes
        assert any(each.startswith(note.format(code)) for each in told) == (code != "tgs00042")


def test_datasets_said_to_be_unused_change_nothing_in_the_panel():
    unused = declared("carried")["not_in_panel"]
    codes = {each["code"] for each in declared("carried")["datasets"]}
    assert set(unused) <= codes
    raw = {name: sources.read(name) for name in RAW_TABLES}
    without = {
        name: frame[~frame["dataset"].isin(unused)] if "dataset" in frame else frame
        for name, frame in raw.items()
    }
    assert sum(len(raw[name]) - len(without[name]) for name in raw) > 10_000
    assert changed_figures(assemble(raw), assemble(without)).empty


def test_a_file_of_ones_own_with_the_columns_of_a_dataset_is_ones_own(tmp_path):
    path = tmp_path / "aid.csv"
    path.write_text("geo,time,unit,value\nFR10,2015,EUR,5\nDE30,2015,EUR,6\n")
    checked = check(path)
    assert checked.recognised is None
    assert [each.name for each in checked.indicators] == ["aid"]


def test_a_vintage_with_bad_cells_is_refused_with_every_cell(shared_data, tmp_path):
    frame = pd.read_csv(shared_data / "eurostat/rd_e_gerdreg.csv", dtype=str)
    frame.loc[3, "value"], frame.loc[7, "time"], frame.loc[9, "value"] = "many", "MMX", "1,5"
    frame.to_csv(tmp_path / "f.csv", index=False)
    checked = check(tmp_path / "f.csv", Declaration(dataset="rd_e_gerdreg"))
    assert [(each.row, each.column, each.rule) for each in checked.errors] == [
        (5, "value", "number.unreadable"),
        (9, "time", "year.unreadable"),
        (11, "value", "number.unreadable"),
    ]
    assert checked.counts.rows_used == 0 and checked.observations.empty


def test_a_vintage_in_another_unit_is_asked(shared_data, tmp_path):
    frame = pd.read_csv(shared_data / "eurostat/vintage2020/tgs00003.csv", dtype=str)
    frame["value"] = (pd.to_numeric(frame["value"]) * 1e6).map("{:.0f}".format)
    frame.to_csv(tmp_path / "f.csv", index=False)
    (question,) = check(tmp_path / "f.csv", Declaration(dataset="tgs00003")).questions
    assert question.rule == "scale.column" and "1e+06 times the carried ones" in question.message


def test_an_unknown_dataset_is_refused_with_the_codes_there_are(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("geo,year,aid\nFR10,2015,5\n")
    (problem,) = check(path, Declaration(dataset="rd_x")).errors
    assert problem.message == "no carried dataset has the code 'rd_x'"
    assert "rd_e_gerdreg" in problem.suggestion


def test_a_dataset_that_is_not_declared_is_said():
    with pytest.raises(Exception, match=r"datasets\.yaml has no tgs00003 of 1999"):
        declared_dataset(CarriedDataset("eurostat_gdp", "tgs00003", "1999", ""))
