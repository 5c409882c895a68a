"""Downloads over a bad line: every failure has its message, none loses what was there."""

import contextlib
import gzip
import hashlib
import io
import json
import stat
import zipfile
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
from publisher_server import NOW, Publisher, Reply

from analysis.sources.fetch.http import Limits, Line, download, new_client
from analysis.sources.fetch.ledger import Ledger
from analysis.sources.fetch.problems import FetchError
from analysis.sources.fetch.session import CSV, Question, Session

TABLE = b"geo,value\nAT11,1\nAT12,2\n"
BIG = b"geo,value\n" + b"AT11,1\n" * 20_000
HTML = b"<!DOCTYPE html><html><head><title>Site\n under maintenance</title></head></html>"


def ask(session: Session, address: str) -> str:
    return session.answer(Question(address, "gdp", "text/csv", CSV)).text


def refused(session: Session, address: str) -> str:
    with pytest.raises(FetchError) as error:
        ask(session, address)
    return str(error.value).replace(address, "ADDRESS")


def zipped(
    *members: tuple[str, bytes], link: bool = False, method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            if link:
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, body)
    return buffer.getvalue()


def encrypted() -> bytes:
    """An archive whose member says that it is encrypted, in both of its headers."""
    data = bytearray(zipped(("a.csv", TABLE)))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


BOMB = gzip.compress(bytes(5_000_000), 9, mtime=0)
ZIP_BOMB = zipped(("a.csv", bytes(7_000_000)))
ONE_ANSWER = [
    (Reply(status=404, body=b"<S:Fault><faultstring>ERR_NOT_FOUND: no such\n flow</faultstring>"),
     "ADDRESS: answered 404 (not found): ERR_NOT_FOUND: no such flow"),
    (Reply(status=404, body=b"NoRecordsFound", type="text/plain"),
     "ADDRESS: answered 404 (not found): NoRecordsFound"),
    (Reply(status=413, body=HTML, type="text/html"), "ADDRESS: answered 413 (request too large)"),
    (Reply(status=403), "ADDRESS: answered 403 (forbidden)"),
    (Reply(status=204, headers={"Content-Length": "0"}), "ADDRESS: answered 204 (no data)"),
    (Reply(status=302, headers={"Location": "http://a..b/"}),
     "ADDRESS: no address, or redirected to what is none (encoding with 'idna' codec failed "
     "(UnicodeError: label empty or too long))"),
    (Reply(status=500), "ADDRESS: answered 500 (server error) (tried 3 times)"),
    (Reply(status=429, headers={"Retry-After": "3600"}),
     "ADDRESS: answered 429 (too many requests) and asks to wait 3600 seconds; try again then"),
    (Reply(TABLE, type="image/png"),
     "ADDRESS: came as image/png, not as application/csv or application/vnd.sdmx.data+csv or "
     "text/csv or text/plain or text/tab-separated-values; not used"),
    (Reply(HTML, type="text/html"),
     "ADDRESS: a web page (Site under maintenance) came in the place of the data"),
    (Reply(HTML), "ADDRESS: a web page (Site under maintenance) came in the place of the data"),
    (Reply(gzip.compress(HTML)),
     "ADDRESS: a web page (Site under maintenance) came in the place of the data"),
    (Reply(b" \n"), "ADDRESS: the answer is empty"),
    (Reply(b""), "ADDRESS: the answer is empty"),
    (Reply("Île,é".encode("latin-1")), "ADDRESS: not UTF-8 text (byte 0)"),
    (Reply(BIG, cut=5_000), "ADDRESS: the answer broke off after 5000 bytes (tried 3 times)"),
    (Reply(bytes(3_000_000)),
     "ADDRESS: announces 3.0 MB, above the limit of 2.0 MB for one download"),
    (Reply(BOMB), f"ADDRESS: the gzip data grow beyond {len(BOMB) * 250} bytes; a bomb?"),
    (Reply(BOMB, headers={"Content-Encoding": "gzip"}),
     f"ADDRESS: the gzip data grow beyond {len(BOMB) * 250} bytes; a bomb?"),
    (Reply(gzip.compress(BIG)[:-4]), "ADDRESS: the gzip data break off"),
    (Reply(gzip.compress(TABLE)[:-8] + bytes(8)),
     "ADDRESS: the gzip data are damaged (CRC check failed 0x0 != 0x511f5d86)"),
    (Reply(gzip.compress(gzip.compress(gzip.compress(TABLE)))),
     "ADDRESS: packed more than twice over; not unpacked"),
    (Reply(ZIP_BOMB),
     f"ADDRESS: the archive grows to 7000000 bytes, beyond {len(ZIP_BOMB) * 250}; a bomb?"),
    (Reply(zipped(("../../home/a.csv", TABLE))),
     "ADDRESS: the archive names a file outside itself ('../../home/a.csv')"),
    (Reply(zipped(("..\\a.csv", TABLE))),
     "ADDRESS: the archive names a file outside itself ('..\\\\a.csv')"),
    (Reply(zipped(("/etc/passwd", TABLE), ("a.csv", TABLE))),
     "ADDRESS: the archive names a file outside itself ('/etc/passwd')"),
    (Reply(zipped(("C:/a.csv", TABLE))),
     "ADDRESS: the archive names a file outside itself ('C:/a.csv')"),
    (Reply(zipped(("a.csv", b"/etc/passwd"), link=True)),
     "ADDRESS: the archive holds a link ('a.csv')"),
    (Reply(zipped(("a.csv", TABLE), method=zipfile.ZIP_LZMA)),
     "ADDRESS: the archive is packed in an unusual way ('a.csv')"),
    (Reply(encrypted()), "ADDRESS: the archive is encrypted ('a.csv')"),
    (Reply(zipped(("a.csv", TABLE), ("b.tsv", TABLE))),
     "ADDRESS: the archive holds 2 tables, not one (a.csv, b.tsv)"),
    (Reply(zipped(("readme.txt", TABLE))),
     "ADDRESS: the archive holds 0 tables, not one (readme.txt)"),
    (Reply(zipped(*((f"{n}.csv", b"") for n in range(101)))),
     "ADDRESS: the archive holds 101 files; at most 100"),
    (Reply(zipped(("a.csv", TABLE))[:40]),
     "ADDRESS: the ZIP archive is damaged (File is not a zip file)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "message"), ONE_ANSWER, ids=[message[9:60] for _, message in ONE_ANSWER]
)
def test_a_bad_answer_is_refused_and_nothing_of_it_kept(
    reply: Reply, message: str, publisher: Publisher, session: Session
) -> None:
    address = publisher.on("/gdp", reply)
    assert refused(session, address) == message
    assert session.ledger.answer(address) is None
    (entry,) = session.ledger.of("gdp")
    assert entry.failure.replace(address, "ADDRESS") == message
    assert not [file for file in session.ledger.folder.iterdir() if file.suffix == ".bin"]


@pytest.mark.parametrize(
    "body",
    [
        TABLE,
        gzip.compress(TABLE),
        gzip.compress(gzip.compress(TABLE)),
        gzip.compress(TABLE[:9]) + gzip.compress(TABLE[9:]),
        zipped(("a.csv", TABLE), ("Metadata_Country.csv", b"x")),
        b"\xef\xbb\xbf" + TABLE,
    ],
    ids=["plain", "gzip", "gzip twice", "gzip members", "zip", "byte order mark"],
)
def test_packed_answers_are_unpacked(body: bytes, publisher: Publisher, session: Session) -> None:
    assert ask(session, publisher.on("/gdp", Reply(body))) == TABLE.decode()


def test_a_content_coding_that_was_not_asked_for(publisher: Publisher, session: Session) -> None:
    reply = Reply(gzip.compress(TABLE), headers={"Content-Encoding": "gzip"})
    assert ask(session, publisher.on("/gdp", reply)) == TABLE.decode()
    assert publisher.headers[0]["accept-encoding"] == "identity"


def test_a_size_that_is_not_announced_is_limited_too(line: Line, tmp_path: Path) -> None:
    endless = httpx.Response(200, content=(bytes(100_000) for _ in range(50)))
    client = httpx.Client(transport=httpx.MockTransport(lambda _: endless))
    with pytest.raises(FetchError, match=r"went on beyond the limit of 2\.0 MB for one download"):
        download("https://e.org/x", tmp_path / "x.part", Line(client, line.limits))
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- waiting


def test_a_server_that_recovers(publisher: Publisher, session: Session, waits: list[float]) -> None:
    address = publisher.on("/gdp", Reply(status=500), Reply(status=503), Reply(TABLE))
    assert ask(session, address) == TABLE.decode()
    assert len(publisher.asked) == 3
    assert 1 <= waits[0] <= 2 and 2 <= waits[1] <= 4


def test_the_waits_follow_from_the_seed(publisher: Publisher, tmp_path: Path) -> None:
    address = publisher.on("/gdp", Reply(status=502))
    recorded: list[list[float]] = []
    for seed in (1, 1, 2):
        waits: list[float] = []
        with new_client(Limits()) as client:
            line = Line(client, Limits(attempts=8, longest_wait=20), waits.append, seed)
            with pytest.raises(FetchError, match=r"502 \(server error\) \(tried 8 times\)"):
                download(address, tmp_path / "x.part", line)
        recorded.append(waits)
    assert recorded[0] == recorded[1] != recorded[2]
    assert max(recorded[0]) == 20


def test_the_wish_of_a_busy_server_is_honoured(
    publisher: Publisher, session: Session, waits: list[float]
) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    address = publisher.on(
        "/gdp",
        Reply(status=429, headers={"Retry-After": "7"}),
        Reply(status=503, headers={"Retry-After": later}),
        Reply(TABLE),
    )
    assert ask(session, address) == TABLE.decode()
    assert waits[0] == 7.0
    assert 25 < waits[1] <= 30


@pytest.mark.parametrize(
    "wish", ["soon", "", "\xb2", "9" * 400, "Mon, 02 Nov 2026 10:00:00 +9999999999999999999999"]
)
def test_a_wish_that_makes_no_sense_is_passed_over(
    wish: str, publisher: Publisher, session: Session, waits: list[float]
) -> None:
    address = publisher.on("/gdp", Reply(status=503, headers={"Retry-After": wish}), Reply(TABLE))
    assert ask(session, address) == TABLE.decode()
    assert 1 <= waits[0] <= 2


def test_a_slow_server(publisher: Publisher, tmp_path: Path) -> None:
    address = publisher.on("/gdp", Reply(TABLE, delay=3.0))
    limits = Limits(attempts=2, read_time=0.1)
    with new_client(limits) as client, pytest.raises(FetchError) as error:
        download(address, tmp_path / "x.part", Line(client, limits, sleep=lambda _: None))
    assert str(error.value) == f"{address}: nothing came for 0.1 seconds (tried 2 times)"


@pytest.mark.parametrize("status", [200, 404])
def test_a_server_that_drips(status: int, tmp_path: Path) -> None:
    limits = Limits(attempts=2, total_time=-1.0)
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=iter([b"ab"])))
    client = httpx.Client(transport=transport)
    with pytest.raises(FetchError) as error:
        download("https://e.org/x", tmp_path / "x.part", Line(client, limits, lambda _: None))
    assert str(error.value) == (
        "https://e.org/x: not complete after -1 seconds (2 bytes) (tried 2 times)"
    )


def test_nobody_there_and_no_secret_told(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:hunter2@127.0.0.1:9")
    monkeypatch.setenv("SOME_TOKEN", "hunter2")
    ledger = Ledger.open(tmp_path / "downloads")
    with new_client(line.limits) as client:
        session = Session(Line(client, line.limits, lambda _: None), ledger, now=lambda: NOW)
        address = "http://statistics.invalid/gdp"
        message = refused(session, address)
    assert message == "ADDRESS: the server cannot be reached (tried 3 times)"
    written = b"".join(file.read_bytes() for file in ledger.folder.iterdir())
    assert b"hunter2" not in written


# ---------------------------------------------------------------- redirects


def test_a_redirect_is_followed_and_written_down(publisher: Publisher, session: Session) -> None:
    there = publisher.on("/new", Reply(TABLE))
    address = publisher.on("/old", Reply(status=302, headers={"Location": "/new"}))
    assert ask(session, address) == TABLE.decode()
    assert session.used[0].final_address == there


def test_a_redirect_loop(publisher: Publisher, session: Session) -> None:
    address = publisher.on("/a", Reply(status=302, headers={"Location": "/b"}))
    publisher.on("/b", Reply(status=302, headers={"Location": "/a"}))
    assert refused(session, address) == "ADDRESS: redirected in a circle, back to ADDRESS"
    assert len(publisher.asked) == 2


def test_too_many_redirects(publisher: Publisher, session: Session) -> None:
    for n in range(10):
        publisher.on(f"/{n}", Reply(status=301, headers={"Location": f"/{n + 1}"}))
    assert refused(session, f"{publisher.base}/0") == "ADDRESS: redirected more than 5 times"


@pytest.mark.parametrize(
    ("start", "location", "message"),
    [
        ("https://e.org/x", "http://e.org/x",
         "https://e.org/x: redirected from https to http, which is refused"),
        ("https://e.org/x", "file:///etc/passwd",
         "https://e.org/x: redirected to the scheme 'file', which is refused"),
        ("http://e.org/x", "ftp://e.org/x",
         "http://e.org/x: redirected to the scheme 'ftp', which is refused"),
    ],
)  # fmt: skip
def test_redirects_that_leave_safety(
    start: str, location: str, message: str, tmp_path: Path
) -> None:
    answer = httpx.Response(302, headers={"Location": location})
    client = httpx.Client(transport=httpx.MockTransport(lambda _: answer))
    with pytest.raises(FetchError) as error:
        download(start, tmp_path / "x.part", Line(client))
    assert str(error.value) == message


# ---------------------------------------------------------------- going on


def partial(body: bytes, etag: str, *, ignore: bool = False) -> "object":
    """A reply that serves ranges of ``body`` as long as the tag is the one asked for."""

    def reply(headers: dict[str, str]) -> Reply:
        asked = headers.get("range", "")
        if ignore or not asked or headers.get("if-range") != etag:
            return Reply(body, headers={"ETag": etag})
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        fields = {"ETag": etag, "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
        return Reply(body[start:], status=206, headers=fields)

    return reply


CUT = Reply(BIG, cut=50_000, headers={"ETag": '"one"'})


def test_a_broken_download_goes_on_where_it_stopped(publisher: Publisher, session: Session) -> None:
    address = publisher.on("/gdp", CUT, partial(BIG, '"one"'))
    assert ask(session, address) == BIG.decode()
    assert publisher.headers[1]["range"] == "bytes=50000-"
    assert publisher.headers[1]["if-range"] == '"one"'


def test_a_file_that_changed_meanwhile_is_received_anew(
    publisher: Publisher, session: Session
) -> None:
    other = BIG.replace(b"AT11", b"BE10")
    address = publisher.on("/gdp", CUT, partial(other, '"two"'))
    assert ask(session, address) == other.decode()


def test_a_server_that_knows_no_ranges(publisher: Publisher, session: Session) -> None:
    address = publisher.on("/gdp", CUT, partial(BIG, '"one"', ignore=True))
    assert ask(session, address) == BIG.decode()


@pytest.mark.parametrize(
    "second",
    [
        Reply(BIG[:100], status=206, headers={"Content-Range": "bytes 0-99/140010"}),
        Reply(
            BIG[50_000:],
            status=206,
            headers={"ETag": '"two"', "Content-Range": "bytes 50000-140009/140010"},
        ),
        Reply(
            BIG[50_000:50_010],
            status=206,
            headers={"ETag": '"one"', "Content-Range": "bytes 50000-50009/140010"},
        ),
        Reply(
            BIG[50_000:],
            status=206,
            headers={"ETag": '"one"', "Content-Range": "bytes 50000-140009/*"},
        ),
        Reply(status=416),
    ],
    ids=["another part", "another file", "not to the end", "no end said", "no such part"],
)
def test_a_wrong_part_is_not_appended(
    second: Reply, publisher: Publisher, session: Session
) -> None:
    address = publisher.on("/gdp", CUT, second, Reply(BIG))
    assert ask(session, address) == BIG.decode()
    assert "range" not in publisher.headers[2]


def test_a_weak_tag_is_no_promise(publisher: Publisher, session: Session) -> None:
    weak = Reply(BIG, cut=50_000, headers={"ETag": 'W/"one"'})
    address = publisher.on("/gdp", weak, Reply(BIG))
    assert ask(session, address) == BIG.decode()
    assert "range" not in publisher.headers[1]


def test_the_next_fetch_goes_on_with_what_an_interrupted_one_left(
    publisher: Publisher, session: Session, line: Line, tmp_path: Path
) -> None:
    address = publisher.on("/gdp", CUT, Reply(status=503))
    assert refused(session, address) == "ADDRESS: answered 503 (server error) (tried 3 times)"
    publisher.on("/gdp", partial(BIG, '"one"'))
    again = Session(line, Ledger.open(tmp_path / "downloads"), now=lambda: NOW)
    assert ask(again, address) == BIG.decode()
    assert publisher.headers[-1]["range"] == "bytes=50000-"
    assert sorted(file.suffix for file in again.ledger.folder.iterdir()) == [".bin", ".json"]


# ---------------------------------------------------------------- the ledger


def test_the_ledger_says_what_was_received(publisher: Publisher, session: Session) -> None:
    reply = Reply(
        TABLE, headers={"ETag": '"one"', "Last-Modified": "Mon, 02 Nov 2026 10:00:00 GMT"}
    )
    address = publisher.on("/gdp", reply)
    ask(session, address)
    (row,) = json.loads((session.ledger.folder / "ledger.json").read_text())
    assert row == {
        "address": address,
        "dataset": "gdp",
        "tried": "2026-11-23T12:00:00+00:00",
        "fetched": "2026-11-23T12:00:00+00:00",
        "status": 200,
        "bytes": len(TABLE),
        "sha256": hashlib.sha256(TABLE).hexdigest(),
        "content_type": "text/csv",
        "etag": '"one"',
        "last_modified": "Mon, 02 Nov 2026 10:00:00 GMT",
        "final_address": address,
        "failure": "",
    }


def test_an_answer_that_still_holds_is_not_sent_again(
    publisher: Publisher, session: Session
) -> None:
    address = publisher.on("/gdp", Reply(TABLE, headers={"ETag": '"one"'}), Reply(status=304))
    assert ask(session, address) == ask(session, address) == TABLE.decode()
    assert publisher.headers[1]["if-none-match"] == '"one"'
    assert [entry.status for entry in session.used] == [200, 304]


def test_a_failure_leaves_the_answer_of_before(publisher: Publisher, session: Session) -> None:
    address = publisher.on("/gdp", Reply(TABLE), Reply(status=500))
    ask(session, address)
    assert refused(session, address) == "ADDRESS: answered 500 (server error) (tried 3 times)"
    kept = session.ledger.answer(address)
    assert kept is not None and kept[1] == TABLE
    assert kept[0].failure.endswith("answered 500 (server error) (tried 3 times)")


def test_offline_nobody_is_asked(publisher: Publisher, session: Session) -> None:
    address = publisher.on("/gdp", Reply(TABLE))
    ask(session, address)
    offline = Session(session.line, session.ledger, offline=True)
    assert ask(offline, address) == TABLE.decode()
    other = f"{publisher.base}/other"
    assert refused(offline, other) == "ADDRESS: not among the answers at hand, and offline"
    assert len(publisher.asked) == 1


def test_an_answer_that_was_changed_on_disk_counts_as_absent(
    publisher: Publisher, session: Session
) -> None:
    address = publisher.on("/gdp", Reply(TABLE))
    ask(session, address)
    session.ledger.file(session.used[0]).write_bytes(b"geo,value\nAT11,9\n")
    offline = Session(session.line, session.ledger, offline=True)
    assert refused(offline, address) == "ADDRESS: not among the answers at hand, and offline"
    assert ask(Session(session.line, session.ledger, from_cache=True), address) == TABLE.decode()


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_killed_at_any_step_there_is_an_answer_still(
    steps: int, publisher: Publisher, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = publisher.on("/gdp", Reply(TABLE), Reply(BIG))
    ask(session, address)
    replace, done = Path.replace, iter(range(steps))

    def replace_until_killed(self: Path, target: Path) -> Path:
        if next(done, None) is None:
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as killed:
        killed.setattr(Path, "replace", replace_until_killed)
        with contextlib.suppress(KeyboardInterrupt):
            ask(session, address)
    folder = session.ledger.folder
    offline = Session(session.line, Ledger.open(folder), offline=True)
    assert ask(offline, address) == (BIG if steps == 2 else TABLE).decode()
    publisher.on("/gdp", Reply(TABLE))
    assert ask(session, address) == TABLE.decode()
    assert sorted(file.suffix for file in folder.iterdir()) == [".bin", ".json"]


def test_two_fetches_at_a_time_keep_the_answers_of_both(
    publisher: Publisher, session: Session, line: Line
) -> None:
    one, two = publisher.on("/one", Reply(TABLE)), publisher.on("/two", Reply(TABLE))
    other = Session(line, Ledger.open(session.ledger.folder), now=lambda: NOW)
    ask(session, one)
    ask(other, two)
    again = Ledger.open(session.ledger.folder)
    assert again.answer(one) is not None and again.answer(two) is not None


@pytest.mark.parametrize("text", ["{", "[1]", '[{"address": "a", "size": 3}]', "\udcff"])
def test_a_damaged_ledger_is_said_so(text: str, tmp_path: Path) -> None:
    (tmp_path / "ledger.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(FetchError) as error:
        Ledger.open(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}/ledger.json: not a ledger of downloads; "
        f"move {tmp_path} away to fetch everything anew"
    )
