"""Good files of every layout and format: the figures, their rows, and what is said of them."""

import gzip

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from openpyxl import Workbook

from analysis.intake.check import check
from analysis.intake.checked import ASIDE_COLUMNS, OBSERVATION_COLUMNS
from analysis.intake.declaration import Declaration


def read(path, content=None, **said):
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    checked = check(path, Declaration.model_validate(said))
    assert tuple(checked.observations.columns) == OBSERVATION_COLUMNS
    assert tuple(checked.aside.columns) == ASIDE_COLUMNS
    assert checked.counts.rows == checked.counts.rows_used + checked.counts.rows_aside
    return checked


def figures(checked):
    frame = checked.observations
    return {
        (row.geo, row.geo_version, row.year, row.indicator): row.value
        for row in frame.itertuples(index=False)
    }


FRENCH = (
    "Aides aux pôles;;;\nRégion;Année;Montant programmé (k€);Remarque\nGrand Est;2015;1 234,5;x\n"
    "Bretagne;2015;12,3;\nPACA;2015;n.d.;\nTotal;2015;9 999,1;\nÎle-de-France;2015;;\n"
    "Source : service instructeur;;;\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_the_csv_of_a_french_spreadsheet(tmp_path, encoding):
    checked = read(tmp_path / "aides.csv", FRENCH.replace("1 234", "1\u00a0234").encode(encoding))
    assert not checked.errors and not checked.questions
    found = figures(checked)
    assert found[("FRF", "2016", 2015, "montant_programme")] == 1_234_500
    assert found[("FRH", "2016", 2015, "montant_programme")] == 12_300
    assert pd.isna(found[("FRL", "2016", 2015, "montant_programme")])
    by_row = checked.observations.set_index("source_row")
    assert by_row.loc[5, "flag"] == "n.d." and by_row.loc[3, "geo"] == "FRF"
    assert list(checked.aside["rule"]) == ["territory.total", "value.empty"]
    assert list(checked.aside["row"]) == [6, 7]
    (indicator,) = checked.indicators
    assert (indicator.unit, indicator.factor, indicator.kind) == ("EUR", 1000.0, "money")
    said = dict(checked.understood)
    assert said["columns not used"] == "Remarque"
    assert said["below the table"] == "Source : service instructeur"


def test_a_workbook_with_dates_and_numbers(tmp_path):
    book = Workbook()
    book.active.append(["Code INSEE région", "Exercice", "Nombre de projets", "Aide (M€)"])
    for row in ([84, 2019, 3, 1.5], [44, 2019, 5, 0.25], [11, 2019, 7, 2]):
        book.active.append(row)
    book.save(tmp_path / "projets.xlsx")
    checked = read(tmp_path / "projets.xlsx", geo="Code INSEE région")
    assert figures(checked) == {
        ("FRK", "2016", 2019, "nombre_de_projets"): 3, ("FRK", "2016", 2019, "aide"): 1.5e6,
        ("FRF", "2016", 2019, "nombre_de_projets"): 5, ("FRF", "2016", 2019, "aide"): 0.25e6,
        ("FR1", "2016", 2019, "nombre_de_projets"): 7, ("FR1", "2016", 2019, "aide"): 2e6,
    }  # fmt: skip
    assert set(checked.observations["source_column"]) == {"Nombre de projets (C)", "Aide (M€) (D)"}


def test_parquet(tmp_path):
    frame = pd.DataFrame({"nuts2": ["FR10", "DE30"], "year": [2010, 2010], "erdf_eur": [5.0, 6.5]})
    frame.to_parquet(tmp_path / "f.parquet")
    checked = read(tmp_path / "f.parquet")
    assert figures(checked) == {
        ("FR10", "2013", 2010, "erdf_eur"): 5.0,
        ("DE30", "2013", 2010, "erdf_eur"): 6.5,
    }


TSV = (
    "freq,unit,geo\\TIME_PERIOD\t2014 \t2015 \nA,MIO_EUR,FR10\t12.3 b\t: \n"
    "A,MIO_EUR,FRK2\t1.5 \t2 p\nA,EUR_HAB,FR10\t12.3 \t: c\nA,EUR_HAB,EU27_2020\t1.5 \t2 p\n"
)


@pytest.mark.parametrize("packed", [False, True])
def test_eurostat_tsv(tmp_path, packed):
    content = gzip.compress(TSV.encode()) if packed else TSV.encode()
    checked = read(tmp_path / "gdp.tsv", content)
    found = figures(checked)
    assert found[("FR10", "2016", 2014, "gdp_mio_eur")] == 12.3e6
    assert found[("FRK2", "2016", 2015, "gdp_mio_eur")] == 2e6
    assert found[("FR10", "2016", 2014, "gdp_eur_hab")] == 12.3
    flags = checked.observations.set_index(["geo", "year", "indicator"])["flag"]
    assert flags[("FRK2", 2015, "gdp_mio_eur")] == "p"
    assert flags[("FR10", 2015, "gdp_eur_hab")] == "c"
    assert list(checked.aside["rule"]) == ["territory.group"]


def test_sdmx_csv(tmp_path):
    content = (
        "DATAFLOW,LAST UPDATE,freq,sex,unit,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG\n"
        "ESTAT:X(1.0),01/01/24,A,T,PC_ACT,FR10,2014,12.5,b\n"
        "ESTAT:X(1.0),01/01/24,A,F,PC_ACT,FR10,2014,13.5,\n"
    )
    checked = read(tmp_path / "rates.csv", content)
    assert figures(checked) == {
        ("FR10", "2013", 2014, "sex_t"): 12.5,
        ("FR10", "2013", 2014, "sex_f"): 13.5,
    }


def test_wide_by_year_with_several_series(tmp_path):
    content = (
        "NUTS;Région;Montant 2014 (k€);Montant 2015 (k€);Projets 2014;Projets 2015\n"
        "FR10;Île de France;1,5;2;3;4\nFRK2;Rhône-Alpes;1;2;3;4\n"
    )
    checked = read(tmp_path / "f.csv", content, indicators={"Projets": {"unit": "number"}})
    assert figures(checked)[("FR10", "2016", 2014, "montant")] == 1500
    assert figures(checked)[("FRK2", "2016", 2015, "projets")] == 4
    assert len(checked.observations) == 8


@pytest.mark.parametrize("header", ["2014;2015", "2014 b;2015 (p)", "Année 2014;Année 2015"])
def test_years_in_the_header_in_several_forms(tmp_path, header):
    content = f"Code région;{header}\n11;1,5;2,5\n93;1,25;2\n44;1;2\n"
    checked = read(tmp_path / "taux.csv", content, unit="%")
    assert figures(checked)[("FRF", "2016", 2015, "taux")] == 2


@pytest.mark.parametrize(
    "header, rule",
    [("2015-2016", "year.period"), ("2015Q1", "year.part"), ("Taux", "layout.year")],
)
def test_headers_that_are_no_single_year_are_refused(tmp_path, header, rule):
    checked = read(tmp_path / "taux.csv", f"geo;{header}\nFR10;1\nFR21;2\n", unit="%")
    assert rule in {each.rule for each in checked.errors}


def test_a_year_that_is_a_version_or_a_base_heads_no_figures(tmp_path):
    content = "NUTS 2016;Nom (2016);2014;2015\nFR10;x;1;2\nFRK2;y;3;4\n"
    checked = read(tmp_path / "taux.csv", content, unit="%")
    assert not checked.errors and len(checked.observations) == 4
    checked = read(tmp_path / "taux.csv", "geo;Indice (2015 = 100)\nFR10;101\nFR21;99\n")
    assert [each.rule for each in checked.errors] == ["layout.year"]


def test_an_indicator_column_with_units(tmp_path):
    content = "geo,year,indicator,unit,value\nFR10,2014,aid,k€,5\nFR10,2014,firms,number,6\n"
    checked = read(tmp_path / "f.csv", content)
    assert figures(checked) == {
        ("FR10", "2013", 2014, "aid"): 5000,
        ("FR10", "2013", 2014, "firms"): 6,
    }


def test_german_headers_and_thousands(tmp_path):
    content = "Bundesland;Jahr;Wert (Mio. €)\nBayern;2015;1.234,5\nHessen;2015;2,25\n"
    checked = read(tmp_path / "foerderung.csv", content)
    assert figures(checked)[("DE2", "2013", 2015, "foerderung")] == 1_234.5e6


def test_countries_by_name_and_by_three_letters(tmp_path):
    names = (
        "Pays;Année;DIRD (% du PIB)\nAllemagne;2015;2,9\nÉtats-Unis;2015;2,7\nLuxembourg;2015;1,3\n"
    )
    letters = "Country,Year,DIRD (% of GDP)\nDEU,2015,2.9\nUSA,2015,2.7\nLUX,2015,1.3\n"
    one, other = read(tmp_path / "a.csv", names), read(tmp_path / "b.csv", letters)
    assert figures(one) == figures(other)
    assert figures(one)[("USA", "ISO3", 2015, "dird")] == 2.7
    assert one.indicators[0].denominator == "gdp_mio_eur"


OPERATIONS = (
    "N° opération;Intitulé;Bénéficiaire;Département;Date de décision;Montant UE (€)\n"
    + "".join(
        f"OP{n};Projet {n};B{n % 7};{1 + n % 9};0{1 + n % 9}/03/{2014 + n % 2};{1000 + n}\n"
        for n in range(90)
    )
)


def test_a_list_of_operations_is_added_up_and_said(tmp_path):
    checked = read(tmp_path / "operations.csv", OPERATIONS)
    assert not checked.errors and not checked.questions
    assert checked.observations["value"].sum() == sum(1000 + n for n in range(90))
    assert len(checked.observations) == 18 and checked.counts.cells_used == 90
    assert "90 rows are added up by territory and year (18 figures)" in checked.notes
    assert "the year is taken from 90 dates" in checked.notes


def test_rows_are_not_added_up_without_a_word(tmp_path):
    content = "geo;year;aide (k€)\nFR10;2015;1\nFR10;2015;2\n"
    assert [each.rule for each in read(tmp_path / "f.csv", content).errors] == [
        "duplicate.different"
    ]
    checked = read(tmp_path / "f.csv", content, aggregate="sum")
    assert figures(checked) == {("FR10", "2013", 2015, "aide"): 3000}


def test_equal_repeats_are_used_once_and_counted(tmp_path):
    checked = read(
        tmp_path / "f.csv", "geo;year;aide (k€)\nFR10;2015;1\nFR10;2015;1\nFR21;2015;2\n"
    )
    assert not checked.errors
    assert (checked.counts.rows_used, checked.counts.rows_aside) == (2, 1)
    assert list(checked.aside["rule"]) == ["duplicate.equal"]


def test_a_declared_period_stands_at_its_first_or_last_year(tmp_path):
    content = "geo;Période;aide (k€)\nFR10;2014-2020;1\n"
    assert [each.rule for each in read(tmp_path / "f.csv", content).errors] == ["year.period"]
    assert set(read(tmp_path / "f.csv", content, periods="first").observations["year"]) == {2014}
    assert set(read(tmp_path / "f.csv", content, periods="last").observations["year"]) == {2020}


def test_accepted_unknown_territories_are_set_aside_and_counted(tmp_path):
    content = "Région;Année;aide (k€)\nAlsase;2015;1\nBretagne;2015;2\nPicardie;2015;3\n"
    checked = read(tmp_path / "f.csv", content, accept=["territory.unknown"])
    assert not checked.errors and checked.counts.rows_aside == 1
    assert checked.aside["value"].tolist() == ["Alsase"]
    assert "nearest: alsace" in checked.aside["message"].iloc[0]


def test_row_order_does_not_matter(tmp_path):
    head, *rows = FRENCH.splitlines()[1:-1]
    one = read(tmp_path / "aides.csv", "\n".join([head, *rows]) + "\n")
    other = read(tmp_path / "aides.csv", "\n".join([head, *reversed(rows)]) + "\n")
    pd.testing.assert_frame_equal(
        one.observations.drop(columns="source_row"), other.observations.drop(columns="source_row")
    )


def test_the_suggested_declaration_reads_the_file_alike(tmp_path):
    for name, content in (("aides.csv", FRENCH), ("operations.csv", OPERATIONS), ("gdp.tsv", TSV)):
        plain = read(tmp_path / name, content)
        said = read(tmp_path / name, **yaml.safe_load(plain.sidecar))
        assert said.sidecar == plain.sidecar or name == "gdp.tsv"
        pd.testing.assert_frame_equal(said.observations, plain.observations)


def test_a_scale_unlike_the_carried_column_is_asked(tmp_path):
    codes = ["FR10", "FR21", "FR22", "FR23", "FR24", "FR25"]
    panel = pd.DataFrame({"geo": codes, "year": 2010, "gdp_mio_eur": [600.0, 30, 40, 50, 60, 35]})
    content = "geo;year;gdp (€)\n" + "".join(
        f"{geo};2010;{value * 1e6:.0f}\n"
        for geo, value in zip(codes, panel["gdp_mio_eur"], strict=True)
    )
    path = tmp_path / "f.csv"
    path.write_text(content)
    (question,) = check(path, Declaration(name="gdp_mio_eur"), panel).questions
    assert question.rule == "scale.column"
    assert "about 1,000,000 times the carried ones (6 in common)" in question.message


QUARTERS = "geo,period,grants (EUR)\n" + "".join(f"FR10,2010-Q{q},{q}0\n" for q in (1, 2, 3, 4))


def test_quarters_are_added_up_when_all_are_there(tmp_path):
    checked = read(tmp_path / "q.csv", QUARTERS, aggregate="sum")
    assert not checked.errors and not checked.questions
    assert figures(checked) == {("FR10", "2013", 2010, "grants"): 100.0}
    assert not checked.is_list, "a year of which no quarter is given is missing, not zero"


@pytest.mark.parametrize("more", ["FR10,2011-Q1,9\n", "FR10,2011T2,:\nFR10,2011T1,9\n"])
def test_a_year_with_quarters_missing_is_asked(more, tmp_path):
    (question,) = read(tmp_path / "q.csv", QUARTERS + more, aggregate="sum").questions
    assert question.rule == "year.incomplete"
    assert question.message == "FR10 has in 2011 (grants) 1 of the 4 parts of the year"
    accepted = read(tmp_path / "q.csv", aggregate="sum", accept="year.incomplete")
    assert figures(accepted)[("FR10", "2013", 2011, "grants")] == 9.0


@pytest.mark.parametrize("more", ["FR10,2010,100\n", "FR10,2010-S1,30\n"])
def test_a_year_is_not_added_to_its_quarters(more, tmp_path):
    (error,) = read(tmp_path / "q.csv", QUARTERS + more, aggregate="sum").errors
    assert (error.rule, error.row) == ("year.overlapping", 2)
    assert error.message.startswith("FR10 has in 2010 (grants) a figure of the whole year and of")


def test_a_list_of_operations_says_what_an_absent_row_means(tmp_path):
    rows = "Projet;Région;Mois;Aide (€)\nP1;FR10;2010;5\nP2;FR10;2010;7\nP3;FR21;2011;1\n"
    checked = read(tmp_path / "list.csv", rows)
    assert checked.is_list
    assert "a territory of the list without a row in a year has nothing booked then: 0" in (
        checked.notes
    )


def test_of_rows_that_differ_the_second_is_not_said_to_be_the_same(tmp_path):
    checked = read(tmp_path / "f.csv", "geo,year,jobs (number)\nFR10,2010,5\nFR10,2010,6\n")
    assert list(checked.aside["rule"]) == ["file.refused", "duplicate.different"]


def test_a_series_called_share_may_be_a_percentage(tmp_path):
    rows = "geo,year,indicator,unit,value\nFR10,2010,share,%,3\nFR10,2010,firms,number,4\n"
    checked = read(tmp_path / "f.csv", rows)
    assert not checked.questions
    assert {each.name: each.unit for each in checked.indicators} == {"share": "PC", "firms": "NR"}


def test_a_parquet_column_with_few_figures_is_one_of_figures(tmp_path):
    frame = pa.table({"geo": ["FR10", "FR21", "FR22"], "year": [2010] * 3, "firms": [2.0] * 3})
    frame = frame.set_column(2, "firms", pa.array([float("nan"), float("nan"), 2.0]))
    pq.write_table(frame, tmp_path / "f.parquet")
    checked = read(tmp_path / "f.parquet", unit="number")
    assert figures(checked) == {("FR22", "2013", 2010, "firms"): 2.0}
    assert list(checked.aside["rule"]) == ["value.empty"] * 2


def test_a_total_among_the_rows_that_are_added_up_is_asked(tmp_path):
    rows = "id;geo;year;sector;grants (M€)\n1;FR10;2010;Total;10\n2;FR10;2010;firms;6\n"
    (question,) = read(tmp_path / "f.csv", rows + "3;FR10;2010;state;4\n").questions
    assert (question.rule, question.row, question.column) == ("aggregate.total", 2, "sector")
    same = rows.replace("firms", "total")
    assert not read(tmp_path / "f.csv", same).questions, "every row is of the total of something"


def test_a_row_of_sdmx_that_deletes_a_figure_gives_none(tmp_path):
    rows = (
        "STRUCTURE,STRUCTURE_ID,ACTION,REF_AREA,TIME_PERIOD,OBS_VALUE\n"
        "dataflow,X:Y(1.0),I,FRA,2010,43.5\ndataflow,X:Y(1.0),D,DEU,2010,70.0\n"
    )
    checked = read(tmp_path / "f.csv", rows, unit="number", name="firms")
    assert figures(checked) == {("FR", "2013", 2010, "firms"): 43.5}
    assert list(checked.aside["rule"]) == ["row.deleted"]


def test_one_of_several_series_without_a_unit_is_to_be_said_in_the_declaration(tmp_path):
    rows = "Région;Année;Aides (k€);Projets\nAlsace;2010;5;2\nBretagne;2010;6;3\n"
    (error,) = read(tmp_path / "f.csv", rows).errors
    assert error.rule == "unit.missing"
    assert error.suggestion.startswith("say it in the declaration under indicators")
