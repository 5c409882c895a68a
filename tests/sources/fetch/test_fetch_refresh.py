"""From the publishers to the folder of fetched tables, the differences, and data/raw."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from publisher_server import NOW, Publisher, Reply
from typer.testing import CliRunner

from analysis import CompendiumError, paths
from analysis.cli import refresh as command
from analysis.cli.application import app
from analysis.sources import catalogue, read
from analysis.sources.comparison import compare
from analysis.sources.declared import DeclaredDataset, declaration
from analysis.sources.fetch import refresh as room
from analysis.sources.fetch.addresses import MIRRORS, interfaces
from analysis.sources.fetch.adopt import adopt
from analysis.sources.fetch.carried import carried_rows, chosen
from analysis.sources.fetch.http import Line
from analysis.sources.fetch.problems import FetchError
from analysis.sources.fetch.refresh import Folders, fetch_listing, refresh
from analysis.sources.fetch.session import Session
from analysis.sources.fetch.tables import contents, read_fetched

GERD = "/eurostat/sdmx/3.0/data/dataflow/ESTAT/rd_e_gerdreg/1.0"
VOLUME = "/eurostat/sdmx/3.0/data/dataflow/ESTAT/nama_10r_2gvagr/1.0"
SKILLS = "/eurostat/sdmx/3.0/data/dataflow/ESTAT/edat_lfse_04/1.0"
HEAD = "DATAFLOW,LAST UPDATE,freq,sectperf,unit,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG"


def gerd_csv(rows: pd.DataFrame, *more: str, day: str = "20/10/26") -> Reply:
    """An answer of Eurostat with the given observations."""
    values = rows["value"].map(lambda value: "" if np.isnan(value) else repr(value))
    lines = (
        "x," + day + " 11:00:00,A," + rows["indicator"] + "," + rows["unit"] + "," + rows["geo"]
        + "," + rows["year"].astype(str) + "," + values + "," + rows["flag"]
    )  # fmt: skip
    return Reply("\n".join([HEAD, *lines, *more]).encode())


@pytest.fixture(scope="module")
def carried() -> pd.DataFrame:
    (place,) = chosen(["rd_e_gerdreg"], declaration())
    return carried_rows(place, paths.RAW)


@pytest.fixture
def revised(carried: pd.DataFrame) -> pd.DataFrame:
    """The carried figures with one changed, one withdrawn, one flagged and one new."""
    new = carried.copy()
    new.loc[0, "value"] += 0.5
    new.loc[2, "flag"] = "p"
    new = pd.concat([new, new.iloc[[3]].assign(year=np.int16(2024))], ignore_index=True)
    return new.drop(index=1)


def run(names: list[str], folders: Folders, line: Line) -> dict[str, str]:
    outcomes = refresh(names, folders, declaration(), line=line)
    return {outcome.place.dataset.code: outcome.failure for outcome in outcomes}


# ---------------------------------------------------------------- what is fetched


def test_every_dataset_is_fetched_or_says_why_not() -> None:
    tables = declaration().tables.values()
    datasets = [dataset for table in tables for dataset in table.datasets]
    undecided = [d.code for d in datasets if d.query is None and d.not_fetched is None]
    assert undecided == []
    listing = fetch_listing(declaration())
    assert len(listing) == len(datasets)
    assert (listing["how"] != "").all()
    assert set(listing["client"]) == {"", *room.CLIENTS}


def test_a_dataset_has_one_way_to_be_refreshed() -> None:
    dataset = declaration().tables["eurostat_rd_money"].datasets[0].model_dump()
    with pytest.raises(ValueError, match="give query or not_fetched, not both"):
        DeclaredDataset.model_validate(dataset | {"not_fetched": "no"})
    with pytest.raises(ValueError, match="what is fetched needs a layout"):
        DeclaredDataset.model_validate(dataset | {"layout": None})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rd_e_gerdregg",
         "no dataset or table 'rd_e_gerdregg'; did you mean rd_e_gerdreg, rd_p_persreg?"),
        ("qqqqqq", "no dataset or table 'qqqqqq'; see compendium data fetch --list"),
        ("tgs00038",
         "tgs00038 cannot be fetched: the release of May 2011 is carried for its early years, on "
         "NUTS 2006: the interface serves only the current one"),
    ],
)  # fmt: skip
def test_names_that_cannot_be_fetched(name: str, message: str) -> None:
    with pytest.raises(FetchError) as error:
        chosen([name], declaration())
    assert str(error.value) == message


def test_a_table_stands_for_its_datasets_and_the_current_release_is_meant() -> None:
    picked = chosen(["eurostat_gdp", "nama_10r_2gdp"], declaration())
    assert [(p.dataset.code, p.position) for p in picked] == [("nama_10r_2gdp", 0), ("tgs00003", 2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "COMPENDIUM_PUBLISHERS: FILE must map publishers to addresses"),
        ("eurostat: 3", "COMPENDIUM_PUBLISHERS: FILE must map publishers to addresses"),
        ("{", "COMPENDIUM_PUBLISHERS: FILE cannot be read as YAML"),
        ("insee: https://e.org",
         "COMPENDIUM_PUBLISHERS: FILE names insee; publishers are eurostat, commission, oecd, "
         "worldbank"),
        ("oecd: ftp://e.org", "oecd: 'ftp://e.org' is not an http or https address"),
        ("oecd: https://me:hunter2@e.org",
         "oecd: the address on e.org may hold no user name, password or query"),
    ],
)  # fmt: skip
def test_mirrors_that_cannot_be_used(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mirrors.yaml"
    file.write_text(text)
    monkeypatch.setenv(MIRRORS, str(file))
    with pytest.raises(FetchError) as error:
        interfaces(declaration())
    assert str(error.value).replace(str(file), "FILE") == message


def test_the_publishers_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRRORS, raising=False)
    assert set(interfaces(declaration())) == {"eurostat", "commission", "oecd", "worldbank"}
    assert all(base.startswith("https://") for base in interfaces(declaration()).values())


# ---------------------------------------------------------------- one fetch


def test_one_failure_leaves_the_others_and_what_was_there(
    mirrored: Publisher, folders: Folders, line: Line, revised: pd.DataFrame
) -> None:
    mirrored.on(GERD, gerd_csv(revised))
    assert run(["rd_e_gerdreg"], folders, line) == {"rd_e_gerdreg": ""}
    before = read_fetched("rd_e_gerdreg", folders.fetched)
    mirrored.on(GERD, Reply(b"<html><title>Sorry</title>", type="text/html"))
    mirrored.on(SKILLS, Reply(
        b"LAST UPDATE,isced11,age,sex,unit,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG\n"
        b"01/09/26,ED5-8,Y25-64,T,PC,AT11,2024,35.1,b\n"))  # fmt: skip
    found = run(["rd_e_gerdreg", "edat_lfse_04"], folders, line)
    assert found["edat_lfse_04"] == ""
    assert found["rd_e_gerdreg"].endswith("a web page (Sorry) came in the place of the data")
    pd.testing.assert_frame_equal(read_fetched("rd_e_gerdreg", folders.fetched), before)
    assert read_fetched("edat_lfse_04", folders.fetched)["vintage"].tolist() == ["2026-09-01"]


def test_a_full_disk_is_said_so(
    mirrored: Publisher,
    folders: Folders,
    line: Line,
    revised: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    mirrored.on(GERD, gerd_csv(revised))
    monkeypatch.setattr(room, "write_fetched", full)
    found = run(["rd_e_gerdreg"], folders, line)
    assert found == {"rd_e_gerdreg": f"{folders.fetched.parent}: No space left on device"}


def test_publishers_go_on_without_each_other(
    mirrored: Publisher, folders: Folders, line: Line, revised: pd.DataFrame
) -> None:
    mirrored.on(GERD, gerd_csv(revised))
    found = run(["tc55-7ysv", "wdi_2026", "sti_gbard", "rd_e_gerdreg"], folders, line)
    assert [code for code, failure in found.items() if not failure] == ["rd_e_gerdreg"]
    assert all("answered 404 (not found)" in failure for failure in found.values() if failure)


def test_a_server_that_is_down_is_not_tried_for_every_dataset(
    folders: Folders, line: Line, waits: list[float], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    file = tmp_path / "mirrors.yaml"
    file.write_text("eurostat: http://127.0.0.1:9\n")
    monkeypatch.setenv(MIRRORS, str(file))
    found = run(["rd_e_gerdreg", "edat_lfse_04", "tgs00007"], folders, line)
    first, *others = found.values()
    assert first.endswith("compress=true: the server cannot be reached (tried 3 times)")
    assert others == ["not tried: the publisher's server could not be reached a moment ago"] * 2
    assert len(waits) == 2


def test_the_same_answers_give_the_same_bytes(
    mirrored: Publisher, folders: Folders, line: Line, revised: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    def still(session: Session, **changes: object) -> Session:
        return replace(session, now=lambda: NOW, **changes)  # type: ignore[arg-type]

    monkeypatch.setattr(room, "replace", still)
    other = replace(folders, fetched=tmp_path / "b", downloads=tmp_path / "d")
    mirrored.on(GERD, gerd_csv(revised))
    run(["rd_e_gerdreg"], folders, line)
    mirrored.on(GERD, gerd_csv(revised.sample(frac=1, random_state=3)))
    run(["rd_e_gerdreg"], other, line)
    names = sorted(path.name for path in folders.fetched.iterdir())
    assert names == ["fetched.yaml", "rd_e_gerdreg.parquet"]
    for name in names:
        assert (folders.fetched / name).read_bytes() == (other.fetched / name).read_bytes()


def test_what_is_set_aside_is_written_and_no_formula_in_it(
    mirrored: Publisher, folders: Folders, line: Line, revised: pd.DataFrame
) -> None:
    bad = "x,20/10/26 11:00:00,A,BES,PC_GDP,=HYPERLINK(1),2024,1.5,"
    mirrored.on(GERD, gerd_csv(revised, bad))
    run(["rd_e_gerdreg"], folders, line)
    entry = contents(folders.fetched).datasets["rd_e_gerdreg"]
    assert entry.set_aside == {"unknown territory": 1}
    assert entry.cells == entry.rows + 1 + entry.empty
    aside = pd.read_csv(folders.fetched / "rd_e_gerdreg.set-aside.csv")
    assert aside["geo"].tolist() == ["'=HYPERLINK(1)"]
    mirrored.on(GERD, gerd_csv(revised))
    run(["rd_e_gerdreg"], folders, line)
    assert not (folders.fetched / "rd_e_gerdreg.set-aside.csv").exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "fetched.yaml").unlink(),
         "DIR/fetched.yaml: no fetched tables; fetch them with compendium data fetch"),
        (lambda folder: (folder / "fetched.yaml").write_text("datasets: 3"),
         "DIR/fetched.yaml: not a list of fetched tables; fetch them anew"),
        (lambda folder: (folder / "rd_e_gerdreg.parquet").write_bytes(b"x"),
         "DIR/rd_e_gerdreg.parquet is not what fetched.yaml describes; fetch rd_e_gerdreg anew"),
        (lambda folder: (folder / "rd_e_gerdreg.parquet").unlink(),
         "DIR/rd_e_gerdreg.parquet is missing; fetch rd_e_gerdreg anew"),
        (lambda folder: (folder / "fetched.yaml").write_text("datasets: {}"),
         "rd_e_gerdreg has not been fetched into DIR; there are none"),
    ],
)  # fmt: skip
def test_a_spoilt_folder_is_refused(
    spoil: object, message: str, mirrored: Publisher, folders: Folders, line: Line,
    revised: pd.DataFrame,
) -> None:  # fmt: skip
    mirrored.on(GERD, gerd_csv(revised.head(20)))
    run(["rd_e_gerdreg"], folders, line)
    spoil(folders.fetched)  # type: ignore[operator]
    with pytest.raises(FetchError) as error:
        read_fetched("rd_e_gerdreg", folders.fetched)
    assert str(error.value).replace(str(folders.fetched), "DIR") == message


# ---------------------------------------------------------------- comparing and adopting


@pytest.fixture
def own(tmp_path: Path, folders: Folders) -> Folders:
    """A data/raw of one's own."""
    raw = tmp_path / "data" / "raw"
    shutil.copytree(paths.RAW, raw)
    return replace(folders, raw=raw)


def test_adopting_replaces_the_figures_and_their_entry_only(
    mirrored: Publisher, own: Folders, line: Line, revised: pd.DataFrame
) -> None:
    mirrored.on(GERD, gerd_csv(revised))
    run(["rd_e_gerdreg"], own, line)
    before, entries = read("eurostat_rd_money", own.raw), catalogue(own.raw).tables
    (compared,) = compare(own.raw, own.fetched, [])
    assert compared.revised.counts == {"new": 1, "changed": 1, "withdrawn": 1, "flag": 1}
    adopt("rd_e_gerdreg", 0, own.fetched, own.raw)
    after = read("eurostat_rd_money", own.raw)
    other = before["dataset"] == "tgs00042"
    pd.testing.assert_frame_equal(
        after[after["dataset"] == "tgs00042"].reset_index(drop=True),
        before[other].reset_index(drop=True),
    )
    entry = catalogue(own.raw).tables["eurostat_rd_money"].datasets[0]
    assert (entry.vintage, entry.last_year, entry.rows) == ("2026-10-20", 2024, len(revised))
    assert entry.taken_from.startswith(f"{mirrored.base}/eurostat/sdmx/3.0/data/dataflow/ESTAT/")
    assert entry.note.startswith("Fetched from the publisher on 20")
    assert catalogue(own.raw).tables["eurostat_gdp"] == entries["eurostat_gdp"]
    (again,) = compare(own.raw, own.fetched, ["rd_e_gerdreg"])
    assert again.revised.differences.empty
    assert [path.name for path in own.raw.parent.iterdir()] == ["raw"]


def test_adopting_again_after_a_second_fetch(
    mirrored: Publisher, own: Folders, line: Line, revised: pd.DataFrame
) -> None:
    for day in ("20/10/26", "21/11/26"):
        mirrored.on(GERD, gerd_csv(revised, day=day))
        run(["rd_e_gerdreg"], own, line)
        adopt("rd_e_gerdreg", 0, own.fetched, own.raw)
    entry = catalogue(own.raw).tables["eurostat_rd_money"].datasets[0]
    assert entry.vintage == "2026-11-21"
    assert entry.note.count("Fetched from the publisher") == 1
    assert entry.rows == len(revised)


def test_series_that_were_not_fetched_stay(mirrored: Publisher, own: Folders, line: Line) -> None:
    body = (
        "REF_AREA,FREQ,MEASURE,UNIT_MEASURE,TIME_PERIOD,OBS_VALUE,OBS_STATUS,UNIT_MULT\n"
        "FRA,A,C,PT_B1GQ,2025,0.66,P,0\n"
    )
    reply = Reply(body.encode(), headers={"Last-Modified": "Mon, 02 Nov 2026 10:00:00 GMT"})
    mirrored.on("/oecd/data/OECD.STI.STP,DSD_MSTI@DF_MSTI,/.A.C.PT_B1GQ..", reply)
    before = read("oecd_gbard", own.raw)
    assert run(["sti_gbard"], own, line) == {"sti_gbard": ""}
    adopt("sti_gbard", 0, own.fetched, own.raw)
    after = read("oecd_gbard", own.raw)
    assert after.query("indicator == 'C_XGDP'")["vintage"].tolist() == ["2026-11-02"]
    kept = before.query("indicator != 'C_XGDP'").reset_index(drop=True)
    there = after.query("indicator != 'C_XGDP'").reset_index(drop=True)
    pd.testing.assert_frame_equal(there, kept)
    assert catalogue(own.raw).tables["oecd_gbard"].datasets[0].vintage == "2025-12, 2026-11-02"


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (["rd_e_gerdreg", "x"], "RAW has no dataset of observations x; it has rd_e_gerdreg, "),
        (["tgs00096"], "DIR has no dataset of observations tgs00096; it has rd_e_gerdreg"),
    ],
)
def test_comparing_what_is_not_there(
    codes: list[str], message: str, mirrored: Publisher, folders: Folders, line: Line,
    revised: pd.DataFrame,
) -> None:  # fmt: skip
    mirrored.on(GERD, gerd_csv(revised.head(5)))
    run(["rd_e_gerdreg"], folders, line)
    with pytest.raises(CompendiumError) as error:
        compare(folders.raw, folders.fetched, codes)
    said = str(error.value).replace(str(folders.fetched), "DIR").replace(str(folders.raw), "RAW")
    assert said.startswith(message)


def test_a_folder_without_tables_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(CompendiumError) as error:
        compare(paths.RAW, tmp_path, [])
    assert str(error.value) == (
        f"{tmp_path}: neither fetched tables (fetched.yaml) nor carried ones (catalogue.yaml); "
        "fetch with compendium data fetch"
    )


def test_a_folder_compared_with_itself_has_no_differences() -> None:
    (compared,) = compare(paths.RAW, paths.RAW, ["tgs00042"])
    assert compared.revised.differences.empty
    assert compared.revised.before == compared.revised.after > 1000


# ---------------------------------------------------------------- the commands


@pytest.fixture
def project(own: Folders, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """The commands work in a project of one's own, and never wait."""
    monkeypatch.setattr(paths, "RAW", own.raw)
    monkeypatch.setattr(command, "FETCHED", own.fetched)
    monkeypatch.setattr(command, "DOWNLOADS", own.downloads)
    monkeypatch.setattr(room, "Limits", lambda: replace(Line.__dataclass_fields__["limits"]
                        .default_factory(), attempts=1))  # type: ignore[misc]  # fmt: skip
    return own


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["data", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_fetch_and_adopt_from_the_command_line(
    mirrored: Publisher, project: Folders, revised: pd.DataFrame
) -> None:
    mirrored.on(GERD, gerd_csv(revised))
    raw = {path.name: path.read_bytes() for path in project.raw.iterdir()}
    code, out, err = invoke("fetch", "rd_e_gerdreg", "wdi_2026")
    assert code == 1
    assert f"rd_e_gerdreg: {len(revised)} figures of 2026-10-20" in out
    assert f"1 of 2 datasets are in {project.fetched}" in out
    assert err.startswith("Not fetched:\n  wdi_2026: ")
    assert raw == {path.name: path.read_bytes() for path in project.raw.iterdir()}
    code, out, err = invoke("fetch", "rd_e_gerdreg", "--offline", "--adopt")
    assert (code, err) == (0, "")
    assert "0 days old" in out
    assert "1 are new" in out and "adopted into data/raw" in out
    assert len(mirrored.asked) == 2
    assert read("eurostat_rd_money", project.raw)["vintage"].isin(["2026-10-20"]).sum() > 7000


def _heed_interrupts() -> None:
    """Ctrl-C reaches the command even if the tests were started where it is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interruption_does_not_wait_for_a_silent_server(
    mirrored: Publisher, own: Folders
) -> None:
    mirrored.on(GERD, Reply(delay=300.0))
    process = subprocess.Popen(
        [sys.executable, "-m", "analysis.cli", "data", "fetch", "rd_e_gerdreg"],
        env=os.environ | {"COMPENDIUM_ROOT": str(own.raw.parents[1])},
        stderr=subprocess.PIPE,
        preexec_fn=_heed_interrupts,
    )
    while not mirrored.asked:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=40)  # a read is given up after 60 seconds
    assert process.returncode == 130
    assert errors.decode().strip() == "Interrupted. What was fetched is kept."


def test_offline_without_answers(project: Folders, mirrored: Publisher) -> None:
    code, _, err = invoke("fetch", "rd_e_gerdreg", "--offline")
    assert code == 1 and mirrored.asked == []
    assert err.endswith("compress=true: not among the answers at hand, and offline\n")


def test_the_list_of_what_can_be_fetched() -> None:
    code, out, _ = invoke("fetch", "--list")
    assert code == 0
    assert "regional patent statistics" in out and "OECD.STI.STP" in out


def test_differences_from_the_command_line(
    mirrored: Publisher, project: Folders, revised: pd.DataFrame, tmp_path: Path
) -> None:
    austria = revised[revised["geo"].str.startswith("AT")]  # a small figure is drawn faster
    mirrored.on(GERD, gerd_csv(austria))
    invoke("fetch", "rd_e_gerdreg")
    code, out, _ = invoke("diff", "--out", str(tmp_path / "out"), "--lang", "fr")
    assert code == 0
    assert "rd_e_gerdreg (2020 → 2026-10-20)\u00a0: sur" in out and "chiffres" in out
    written = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*"))
    assert written == [
        "figures/rd_e_gerdreg.png",
        "figures/rd_e_gerdreg.svg",
        "tables/rd_e_gerdreg.by-country.csv",
        "tables/rd_e_gerdreg.by-year.csv",
        "tables/rd_e_gerdreg.differences.csv",
    ]
    table = pd.read_csv(tmp_path / "out" / "tables" / "rd_e_gerdreg.differences.csv")
    assert table["kind"].value_counts().drop("withdrawn").to_dict() == {
        "new": 1, "changed": 1, "flag": 1
    }  # fmt: skip
    assert table["kind"].eq("withdrawn").sum() > 1000
    code, out, _ = invoke("diff", "--json")
    (row,) = json.loads(out)
    assert (row["counts"]["new"], row["counts"]["changed"]) == (1, 1)
    assert row["largest"][0]["change"] == 0.5
