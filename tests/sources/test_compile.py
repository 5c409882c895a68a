"""Compiling ``data/raw`` from the source files."""

import csv
import gzip
from pathlib import Path

import pytest
import yaml

from analysis import CompendiumError, paths
from analysis.sources import catalogue, compile, declared, read


def digest(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def write_csv(path: Path, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


SMALL = """
publishers:
  eurostat: {name: Eurostat, licence: CC BY 4.0, citation: Eurostat}
tables:
  gdp:
    title: GDP
    kind: observations
    datasets:
    - {code: gdp, title: GDP, publisher: eurostat, vintage: '2020', address: https://e.org,
       taken_from: x, note: n, file: gdp.csv, source_rows: 2,
       layout: {geo: geo, year: time, nuts: '2013',
                measures: [{column: value, indicator: GDP, unit: MIO_EUR}]}}
  nuts_names:
    title: Names
    kind: territories
    datasets:
    - {code: names, title: Names, publisher: eurostat, vintage: '2024', address: https://e.org,
       taken_from: x, note: n, file: names.csv, source_rows: 2}
    - {code: labels, title: Labels, publisher: eurostat, vintage: '2026', address: https://e.org,
       taken_from: x, note: n, file: labels.csv, source_rows: 1, fills: label_2026}
  nuts_changes:
    title: Changes
    kind: territories
    datasets:
    - {code: changes, title: Changes, publisher: eurostat, vintage: '2022', address: https://e.org,
       taken_from: x, note: n, file: changes.csv, source_rows: 1}
"""


@pytest.fixture
def small() -> declared.Declaration:
    return declared.Declaration.model_validate(yaml.safe_load(SMALL))


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Source files for three small tables."""
    folder = tmp_path / "sources"
    write_csv(
        folder / "gdp.csv", [["geo", "time", "value"], ["AT11", "2010", "5"], ["AT12", "2010", ""]]
    )
    names = ["nuts_version", "nuts_id", "level", "country", "name_latin", "name_national"]
    write_csv(
        folder / "names.csv",
        [names, ["2013", "AT11", "2", "AT", "B", "B"], ["2013", "AT12", "2", "AT", "N", "N"]],
    )
    write_csv(folder / "labels.csv", [["geo", "name"], ["AT11", "Burgenland"]])
    versions = ["1999", "2003", "2006", "2010", "2013", "2016", "2021"]
    head = ["typology", *(f"code_{v}" for v in versions), *(f"change_{v}" for v in versions[1:])]
    write_csv(folder / "changes.csv", [head, ["nuts_level_2", *["AT11"] * 7, *[""] * 6]])
    return folder


def test_small_tables(sources: Path, tmp_path: Path, small: declared.Declaration) -> None:
    target = tmp_path / "raw"
    compile.compile_tables(sources, target, small)
    gdp = read("gdp", target)
    assert gdp[["geo", "geo_version", "year", "value"]].to_numpy().tolist() == [
        ["AT11", "2013", 2010, 5.0]
    ]
    (entry,) = catalogue(target).tables["gdp"].datasets
    assert (entry.rows, entry.empty_cells, entry.versions) == (1, 1, {"2013": 1})
    labels = catalogue(target).tables["nuts_names"].datasets[1]
    assert labels.rows == 1


def test_compiling_twice_changes_no_byte_and_drops_stale_tables(
    sources: Path, tmp_path: Path, small: declared.Declaration
) -> None:
    target = tmp_path / "raw"
    compile.compile_tables(sources, target, small)
    first = digest(target)
    (target / "old.parquet").write_bytes(b"x")
    compile.compile_tables(sources, target, small)
    assert digest(target) == first
    assert not list(tmp_path.glob(".compile-*"))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("gdp.csv", "geo,time\nAT11,2010\nAT12,2010\n", r"gdp\.csv: no column value"),
        ("gdp.csv", "geo,time,value\nAT11,2010,1\n", r"gdp\.csv: 1 rows found, 2 expected"),
        ("gdp.csv", "geo,time,value\nAT11,2010,1\nAT11,2010,2\n", r"gdp\.csv: 2 rows share"),
        ("gdp.csv", "geo,time,value\nAT11,2010,1\nAT12,1010,2\n", r"table gdp: .*in_range"),
        ("labels.csv", "geo,label\nAT11,x\n", r"labels\.csv: no column name"),
    ],
)
def test_a_bad_source_leaves_everything_as_it_was(
    sources: Path,
    tmp_path: Path,
    small: declared.Declaration,
    file: str,
    content: str,
    message: str,
) -> None:
    target = tmp_path / "raw"
    compile.compile_tables(sources, target, small)
    before = digest(target)
    (sources / file).write_text(content, encoding="utf-8")
    with pytest.raises(CompendiumError, match=message):
        compile.compile_tables(sources, target, small)
    assert digest(target) == before
    assert not list(tmp_path.glob(".compile-*"))


def test_command_line_without_sources(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = compile.main(["--from", str(tmp_path / "nowhere"), "--to", str(tmp_path / "raw")])
    assert status == 1
    assert "no such folder; give the source files with --from" in capsys.readouterr().err
    assert not (tmp_path / "raw").exists()


def test_committed_tables_are_what_the_sources_give(shared_data: Path, tmp_path: Path) -> None:
    target = tmp_path / "raw"
    assert compile.main(["--from", str(shared_data), "--to", str(target)]) == 0
    found, committed = digest(target), digest(paths.RAW)
    assert set(found) == {name for name in committed if name.endswith((".parquet", ".yaml"))}
    assert [name for name in found if found[name] != committed[name]] == []


def test_totals_of_the_source_files_are_kept(shared_data: Path) -> None:
    """Counted and added up with nothing of our own code."""

    def cells(file: str, column: str) -> list[float]:
        opened = gzip.open if file.endswith(".gz") else open
        with opened(shared_data / file, "rt", encoding="utf-8", newline="") as text:
            return [float(row[column]) for row in csv.DictReader(text) if row[column]]

    payments = cells("cohesion/historic_eu_payments_nuts2_1986_2022.csv.gz", "EU_Payment_annual")
    table = read("commission_payments").query("indicator.str.endswith('.payment')")
    assert (len(table), table["value"].sum()) == (len(payments), sum(payments))

    links = cells("cohesion/interreg_2000_2013_edges_nuts2_period.csv", "n_shared_projects")
    early = read("interreg_links").query("dataset == 'keep_2000_2013'")
    assert (len(early), early["n_projects"].sum()) == (len(links), sum(links))

    for table_name, code, file in [
        ("oecd_rd", "sti_msti_rd", "oecd/sti_msti_rd.csv.gz"),
        ("eurostat_rd_people", "rd_p_persreg", "eurostat/rd_p_persreg.csv"),
        ("eurostat_gdp_vintages", "regacc", "eurostat/regacc_gdp_vintages.csv.gz"),
    ]:
        values = cells(file, "value")
        frame = read(table_name)
        frame = frame[frame["dataset"] == code]
        assert frame["value"].notna().sum() == len(values), table_name
        assert frame["value"].sum() == pytest.approx(sum(values), rel=1e-12), table_name
