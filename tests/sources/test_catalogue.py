"""The ledger: the files are what it says, and a file that is not is refused."""

import hashlib
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from analysis import CompendiumError, paths
from analysis.sources import catalogue, listing, read
from analysis.sources.observations import COLUMNS, SCHEMA

SMALL = "erdf_clusters"


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A copy of the ledger and of one small table."""
    for name in ("catalogue.yaml", f"{SMALL}.parquet"):
        shutil.copy(paths.RAW / name, tmp_path / name)
    return tmp_path


def test_ledger_and_folder_hold_the_same_tables() -> None:
    files = {path.stem for path in paths.RAW.glob("*.parquet")}
    assert files == set(catalogue().tables)


def test_every_table_is_what_the_ledger_says() -> None:
    for name, entry in catalogue().tables.items():
        data = (paths.RAW / f"{name}.parquet").read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry.sha256, name
        assert len(data) == entry.bytes, name
        schema = pq.read_schema(paths.RAW / f"{name}.parquet")
        assert {field.name: str(field.type) for field in schema} == entry.columns, name
        frame = read(name)
        assert len(frame) == entry.rows, name
        if entry.kind == "observations":
            assert sum(dataset.rows for dataset in entry.datasets) == entry.rows, name


def test_observation_tables_hold_the_schema_and_the_key() -> None:
    for name, entry in catalogue().tables.items():
        if entry.kind == "observations":
            frame = read(name)
            assert tuple(frame.columns) == COLUMNS
            SCHEMA.validate(frame)
            key = ["dataset", "geo", "year", "indicator", "unit", "vintage"]
            assert not frame.duplicated(key).any(), name
            assert set(frame["dataset"]) == {dataset.code for dataset in entry.datasets}


def test_folder_is_small_enough_to_carry() -> None:
    assert sum(path.stat().st_size for path in paths.RAW.iterdir()) < 12e6


def test_every_dataset_names_its_publisher_licence_and_address() -> None:
    for entry in catalogue().tables.values():
        for dataset in entry.datasets:
            assert dataset.publisher and dataset.licence and dataset.citation
            assert dataset.address.startswith("https://")
            assert dataset.note and dataset.taken_from and dataset.vintage


@pytest.mark.parametrize("position", [0, 1000, -1])
def test_a_flipped_byte_is_refused(raw: Path, position: int) -> None:
    assert len(read(SMALL, raw))
    path = raw / f"{SMALL}.parquet"
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    expected = catalogue(raw).tables[SMALL].sha256
    with pytest.raises(CompendiumError) as error:
        read(SMALL, raw)
    message = str(error.value)
    assert f"table {SMALL}" in message
    assert expected in message
    assert hashlib.sha256(data).hexdigest() in message
    assert f"git checkout data/raw/{SMALL}.parquet" in message


def test_missing_file_says_how_to_restore_it(raw: Path) -> None:
    (raw / f"{SMALL}.parquet").unlink()
    with pytest.raises(CompendiumError, match=rf"table {SMALL}: .*missing; restore it with"):
        read(SMALL, raw)


def test_unknown_table_names_its_neighbours() -> None:
    with pytest.raises(CompendiumError, match=r"no table 'eurostat_patent'.*eurostat_patents"):
        read("eurostat_patent")
    with pytest.raises(CompendiumError, match=r"no table 'zzzz'.*there are eurostat_rd_money"):
        read("zzzz")


def test_ledger_missing_or_malformed(tmp_path: Path) -> None:
    with pytest.raises(CompendiumError, match="no catalogue; restore it"):
        catalogue(tmp_path)
    (tmp_path / "catalogue.yaml").write_text("tables: {gdp: {titel: x}}", encoding="utf-8")
    with pytest.raises(CompendiumError, match="not a catalogue"):
        catalogue(tmp_path)


def test_ledger_changed_on_disk_is_read_anew(raw: Path) -> None:
    before = catalogue(raw).tables[SMALL].title
    ledger = raw / "catalogue.yaml"
    ledger.write_text(ledger.read_text("utf-8").replace(before, "Another title"), "utf-8")
    assert catalogue(raw).tables[SMALL].title == "Another title"


def test_listing_reads_no_table(raw: Path) -> None:
    (raw / f"{SMALL}.parquet").unlink()
    listed = listing(raw)
    assert len(listed) == sum(len(entry.datasets) for entry in catalogue(raw).tables.values())
    gerd = listed.set_index("dataset").loc["rd_e_gerdreg"]
    assert gerd[["table", "first_year", "last_year", "geos"]].tolist() == [
        "eurostat_rd_money", 2008, 2016, 288,
    ]  # fmt: skip
    assert 0 <= listed["missing_share"].min() <= listed["missing_share"].max() < 1


def test_text_of_documents_and_private_addresses_are_not_carried() -> None:
    for table in ("poles_facts", "policy_effects"):
        frame = read(table)
        assert "quote" not in frame.columns
        assert not frame["where_read"].str.contains("canalblog|letowski").any()
