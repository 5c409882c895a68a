"""Eurostat's own files of carried datasets, and files as statistical offices publish them."""

import pandas as pd
import pytest
from openpyxl import Workbook

from analysis.intake.check import check
from analysis.intake.declaration import Declaration
from analysis.intake.problems import sentence

#: Sectors, so that the file covers what is carried; one year is enough for the form.
GERD = (
    "freq,sectperf,unit,geo\\TIME_PERIOD\t2016 \t2017 \n"
    "A,TOTAL,PC_GDP,FR10\t2.9 b\t3.1 \n"
    "A,TOTAL,PC_GDP,DE30\t: \t3.5 ep\n"
    "A,BES,PC_GDP,FR10\t: c\t1.9 \n"
    "A,TOTAL,MIO_EUR,FR10\t20 \t21 \n"
)


def read(path, content: str, **said):
    path.write_text(content, encoding="utf-8")
    return check(path, Declaration.model_validate(said))


def cells(checked) -> dict[tuple, tuple]:
    keys = ["geo", "year", "indicator", "unit"]
    rows = checked.observations.set_index(keys)[["value", "flag"]].itertuples()
    return {row[0]: (None if pd.isna(row[1]) else row[1], row[2]) for row in rows}


def test_a_tsv_is_a_vintage_where_its_code_is_said(tmp_path):
    checked = read(
        tmp_path / "gerd.tsv", GERD, dataset="rd_e_gerdreg", accept=["vintage.withdrawn"]
    )
    assert not checked.errors and not checked.questions
    assert (checked.recognised.code, checked.recognised.evidence) == (
        "rd_e_gerdreg", "its code is said",
    )  # fmt: skip
    assert cells(checked) == {
        ("FR10", 2016, "TOTAL", "PC_GDP"): (2.9, "b"),
        ("FR10", 2017, "TOTAL", "PC_GDP"): (3.1, ""),
        ("DE30", 2017, "TOTAL", "PC_GDP"): (3.5, "ep"),
        ("FR10", 2016, "BES", "PC_GDP"): (None, "c"),
        ("FR10", 2017, "BES", "PC_GDP"): (1.9, ""),
    }
    rows = checked.observations.set_index(["geo", "year", "indicator"])["source_row"]
    assert rows.to_dict() == {
        ("FR10", 2016, "TOTAL"): 2, ("FR10", 2017, "TOTAL"): 2, ("DE30", 2017, "TOTAL"): 3,
        ("FR10", 2016, "BES"): 4, ("FR10", 2017, "BES"): 4,
    }  # fmt: skip
    counts = checked.counts
    assert (counts.rows, counts.rows_used, counts.rows_aside) == (4, 3, 1)
    assert (counts.cells, counts.cells_used, counts.cells_aside) == (8, 5, 3)
    aside = checked.aside[["row", "rule"]].to_numpy().tolist()
    assert sorted(aside) == [[3, "value.empty"], [5, "row.not-carried"], [5, "row.not-carried"]]


def test_a_tsv_that_does_not_say_its_code_is_ones_own(tmp_path):
    checked = read(tmp_path / "estat_rd_e_gerdreg.tsv", GERD)
    assert checked.recognised is None
    assert checked.notes[-1] == (
        "the file does not say which dataset it is: taken as figures of your own; if it is a newer "
        "vintage of a carried one, say --dataset rd_e_gerdreg"
    )
    other = read(tmp_path / "mine.tsv", GERD)
    assert other.notes[-1].endswith("say --dataset CODE")
    own = read(tmp_path / "own.tsv", GERD, dataset="own")
    assert own.recognised is None and own.notes == ()


@pytest.mark.parametrize(
    "head, first",
    [
        ("DATAFLOW", "ESTAT:PAT_EP_RTOT(1.0)"),
        ("STRUCTURE,STRUCTURE_ID", "dataflow,ESTAT:PAT_EP_RTOT(1.0)"),
    ],
)
def test_an_sdmx_csv_says_which_dataset_it_is(tmp_path, head, first):
    content = (
        f"{head},LAST UPDATE,freq,unit,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG,CONF_STATUS\n"
        f"{first},01/01/26,A,NR,FR10,2012,100.5,,\n"
        f"{first},01/01/26,A,NR,FR10,2013,:,u,\n"
        f"{first},01/01/26,A,NR,DE30,2013,200,p,\n"
    )
    checked = read(tmp_path / "answer.csv", content)
    assert checked.recognised.code == "pat_ep_rtot"
    assert cells(checked) == {
        ("FR10", 2012, "EPO", "NR"): (100.5, ""),
        ("FR10", 2013, "EPO", "NR"): (None, "u"),
        ("DE30", 2013, "EPO", "NR"): (200.0, "p"),
    }
    (question,) = checked.questions
    assert sentence(question) == (
        "answer.csv: 102464 of 103075 carried figures are of what the file does not have (years "
        "1977, 1978, …, 2011 (35); countries AT, BE, …, UK (29); series EPO GDP_BEUR, EPO P_MACT, "
        "EPO P_MHAB); give the whole dataset, or let these figures leave the panel with --accept "
        "vintage.withdrawn [vintage.withdrawn]"
    )
    other = read(tmp_path / "other.csv", content.replace("PAT_EP_RTOT", "HTEC_TRD"))
    assert other.recognised is None
    assert "htec_trd is no dataset the compendium carries: taken as figures of your own" in (
        other.notes
    )


def test_a_stray_cell_of_a_tsv_is_named_by_its_row(tmp_path):
    checked = read(tmp_path / "gerd.tsv", GERD.replace("3.5 ep", "3,5 ep"), dataset="rd_e_gerdreg")
    assert [sentence(each) for each in checked.errors] == [
        "gerd.tsv, row 3, column value: '3,5': not a number as the publisher writes them; write "
        "digits and a decimal point [number.unreadable]"
    ]


def test_a_year_out_of_all_bounds_is_refused(shared_data, tmp_path):
    frame = pd.read_csv(shared_data / "eurostat/tgs00007.csv", dtype=str, keep_default_na=False)
    frame.loc[0, "time"] = "2204"
    frame.to_csv(tmp_path / "f.csv", index=False)
    checked = check(tmp_path / "f.csv", Declaration(dataset="tgs00007"))
    assert [sentence(each) for each in checked.errors] == [
        "f.csv, row 2, column time: '2204': not a year (2007) or a period (2007-2013) within "
        "1950-2035; write it so [year.unreadable]"
    ]


def workbook_of_eurostat(path) -> None:
    """As the data browser gives it: a summary, two header lines, flags in unnamed columns."""
    book = Workbook()
    book.active.title = "Summary"
    for row in (["Dataset:", "GERD [rd_e_gerdreg]"], [], ["Contents", "Unit of measure"],
                ["Sheet 1", "Percentage of gross domestic product (GDP)"]):  # fmt: skip
        book.active.append(row)
    sheet = book.create_sheet("Sheet 1")
    for row in (
        ["Data extracted on 12/03/2026 from [ESTAT]"],
        ["Unit of measure", None, "Percentage of gross domestic product (GDP)"],
        [],
        ["TIME", "2022", None, "2023", None],
        ["GEO (Labels)", None, None, None, None],
        ["Piemonte", 2.1, "b", 2.2, "ep"],
        ["Lombardia", ":", "c", 1.4, None],
        [],
        ["Special value"],
        [":", "not available"],
    ):
        sheet.append(row)
    book.save(path)


def test_a_workbook_of_eurostat(tmp_path):
    workbook_of_eurostat(tmp_path / "gerd.xlsx")
    checked = check(tmp_path / "gerd.xlsx", Declaration(name="gerd_new"))
    assert not checked.errors and not checked.questions
    assert cells(checked) == {
        ("ITC1", 2022, "gerd_new", "PC_GDP"): (2.1, "b"),
        ("ITC1", 2023, "gerd_new", "PC_GDP"): (2.2, "ep"),
        ("ITC4", 2022, "gerd_new", "PC_GDP"): (None, ":c"),
        ("ITC4", 2023, "gerd_new", "PC_GDP"): (1.4, ""),
    }
    assert checked.notes[0] == "sheet Summary is not read: it has no figures"
    assert "columns not used" not in dict(checked.understood)


def test_countries_with_one_region_are_countries_among_countries(tmp_path):
    names = ["France", "Germany", "Luxembourg", "Malta", "Estonia", "Kosovo", "Cyprus", "Türkiye"]
    lines = [f"{name},2015,{at}" for at, name in enumerate(names)]
    checked = read(tmp_path / "f.csv", "\n".join(["Country,Year,Rate (%)", *lines, ""]))
    assert not checked.errors
    assert set(checked.observations["nuts_level"]) == {0}
    regional = read(
        tmp_path / "g.csv",
        "Région;Année;Taux (%)\nNamur;2015;2\nHainaut;2015;3\nLiège;2015;4\nLuxembourg;2015;5\n",
        country="BE",
    )
    assert set(regional.observations["geo"]) == {"BE35", "BE32", "BE33", "BE34"}


def test_polish_in_the_encoding_of_its_windows(tmp_path):
    text = "Województwo;Rok;Wartość (%)\nŁódzkie;2012;2,5\nŚląskie;2012;3,5\nMałopolskie;2012;1\n"
    (tmp_path / "gus.csv").write_bytes(text.encode("cp1250"))
    checked = check(tmp_path / "gus.csv")
    assert dict(checked.understood)["encoding"] == "Windows-1250"
    assert set(checked.observations["geo"]) == {"PL11", "PL22", "PL21"}
    french = "Région;Année;Part (%)\nCœur de l'Œuvre ³;2012;1\nÎle-de-France;2012;2\n"
    (tmp_path / "fr.csv").write_bytes(french.encode("cp1252"))
    assert dict(check(tmp_path / "fr.csv").understood)["encoding"] == "Windows-1252"


def test_a_total_row_may_hold_formulas_without_results(tmp_path):
    book = Workbook()
    for row in (["Région", "Année", "Aide (k€)"], ["Alsace", 2012, 5], ["Bretagne", 2012, 6],
                ["Total", 2012, "=SUM(C2:C3)"]):  # fmt: skip
        book.active.append(row)
    book.save(tmp_path / "f.xlsx")
    checked = check(tmp_path / "f.xlsx")
    assert not checked.errors
    assert (checked.counts.rows_used, checked.counts.rows_aside) == (2, 1)


def test_the_multiplier_of_sdmx_is_asked_about(tmp_path):
    content = (
        "REF_AREA,TIME_PERIOD,OBS_VALUE,UNIT_MEASURE,UNIT_MULT\n"
        "FRA,2012,5,EUR,6\nDEU,2012,7,EUR,6\nITA,2012,7,EUR,0\n"
    )
    checked = read(tmp_path / "oecd.csv", content, name="aid")
    assert [sentence(each) for each in checked.questions] == [
        "oecd.csv, row 2, column UNIT_MULT: '6': the figures are in units times ten to this power "
        "(2 of 3 rows); say the unit with its multiple, as in --unit M€, and --accept "
        "unit.multiplier [unit.multiplier]"
    ]
    assert not read(
        tmp_path / "oecd.csv", content, name="aid", accept=["unit.multiplier"]
    ).questions


def test_what_will_not_find_a_place_is_said_beforehand(tmp_path):
    panel = pd.DataFrame({"geo": ["PT11"], "year": [2021], "population": [3.6e6]})
    path = tmp_path / "f.csv"
    path.write_text("geo,year,Firms (number)\nPT1A,2021,5\nPT11,2023,7\nPT1D,2021,3\n")
    assert check(path, Declaration(), panel).notes == (
        "residents of regions are known up to 2021: the figures of 2023 to 2023 join the panel, "
        "but not per head",
        "2 figures of regions new in NUTS 2024 (PT1A, PT1D) will find no place: no flows between "
        "NUTS 2024 and NUTS 2013 are published",
    )
