"""A server, a connection that never waits, and folders of one's own."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from publisher_server import NOW, Publisher, QuietServer, handler_for

from analysis import paths
from analysis.sources.declared import declaration
from analysis.sources.fetch.addresses import MIRRORS
from analysis.sources.fetch.http import Limits, Line, new_client
from analysis.sources.fetch.ledger import Ledger
from analysis.sources.fetch.refresh import Folders
from analysis.sources.fetch.session import Session


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """A server on 127.0.0.1, at a free port."""
    made = Publisher()
    server = QuietServer(("127.0.0.1", 0), handler_for(made))
    made.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def waits() -> list[float]:
    """The waits between tries, in seconds, of which none is really waited."""
    return []


LIMITS = Limits(attempts=3, read_time=5.0, download_bytes=2_000_000, decoded_bytes=8_000_000)


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    """One client for all: to make one takes a tenth of a second."""
    with new_client(LIMITS) as made:
        yield made


@pytest.fixture
def line(client: httpx.Client, waits: list[float]) -> Line:
    """A connection that waits in no time; three attempts, small limits."""
    return Line(client, LIMITS, sleep=waits.append, seed=1)


@pytest.fixture
def session(line: Line, tmp_path: Path) -> Session:
    return Session(line, Ledger.open(tmp_path / "downloads"), now=lambda: NOW)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """The carried tables as they are, and empty folders for the rest."""
    return Folders(paths.RAW, tmp_path / "fetched", tmp_path / "downloads")


@pytest.fixture
def mirrored(publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publisher:
    """All publishers of the declaration are this one."""
    names = [name for name, each in declaration().publishers.items() if each.interface]
    file = tmp_path / "mirrors.yaml"
    file.write_text(yaml.safe_dump({name: f"{publisher.base}/{name}" for name in names}))
    monkeypatch.setenv(MIRRORS, str(file))
    return publisher
