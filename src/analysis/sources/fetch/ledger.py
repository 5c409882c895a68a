"""The answers at hand, and the ledger that says what each is: address, time, size, SHA-256.

``ledger.json`` has one entry per address, sorted; the bytes received lie beside it, named by the
hashes of their address and of themselves. An answer whose bytes are not those of its entry counts
as absent.
"""

import hashlib
import json
import threading
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from analysis.atomic import write_atomically
from analysis.sources.fetch.problems import FetchError

LEDGER = "ledger.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer: ``status`` is the last one, ``failure`` the reason where the last try failed.

    ``fetched`` and ``tried`` are times in UTC (ISO 8601); without ``sha256`` there is no answer.
    """

    address: str
    dataset: str
    tried: str
    fetched: str = ""
    status: int | None = None
    bytes: int = 0
    sha256: str = ""
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""
    final_address: str = ""
    failure: str = ""


@dataclass
class Ledger:
    """The folder of downloads. Its methods may be called from several threads."""

    folder: Path
    _entries: dict[str, Entry] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, folder: Path) -> "Ledger":
        """The ledger of ``folder``, empty where there is none; FetchError where it is damaged."""
        return cls(folder, _entries(folder))

    def part(self, address: str) -> Path:
        """Where the bytes of an address are received."""
        return self.folder / f"{hashlib.sha256(address.encode()).hexdigest()[:24]}.part"

    def file(self, entry: Entry) -> Path:
        """Where the bytes of an entry are kept; other bytes of its address lie elsewhere."""
        return self.part(entry.address).with_suffix(f".{entry.sha256[:16]}.bin")

    def answer(self, address: str) -> tuple[Entry, bytes] | None:
        """The entry and the bytes of an address, if they are those of the ledger."""
        entry = self._entries.get(address)
        if entry is None or not entry.sha256:
            return None
        try:
            body = self.file(entry).read_bytes()
        except OSError:
            return None
        return (entry, body) if hashlib.sha256(body).hexdigest() == entry.sha256 else None

    def keep(self, entry: Entry, body: bytes) -> Entry:
        """Put an answer into place, write it down, and only then remove the one before."""
        digest = hashlib.sha256(body).hexdigest()
        kept = replace(entry, bytes=len(body), sha256=digest, failure="")
        with self._lock:
            write_atomically(self.file(kept), body)
            self._write(kept)
        for other in self.folder.glob(f"{self.part(kept.address).stem}.*.bin"):
            if other != self.file(kept):
                other.unlink(missing_ok=True)
        return kept

    def note(self, entry: Entry) -> None:
        """Write down a try that brought no new bytes; what is kept stays."""
        with self._lock:
            self._write(entry)

    def failed(self, address: str, dataset: str, tried: str, reason: str) -> None:
        """Write down that a try failed, beside the answer kept from before."""
        before = self._entries.get(address, Entry(address, dataset, tried))
        self.note(replace(before, tried=tried, failure=reason))

    def of(self, dataset: str) -> list[Entry]:
        """The entries of a dataset, by address."""
        return [e for _, e in sorted(self._entries.items()) if e.dataset == dataset]

    def _write(self, entry: Entry) -> None:
        # read anew: another fetch may have written its own meanwhile
        self._entries = _entries(self.folder) | {entry.address: entry}
        rows = [asdict(self._entries[address]) for address in sorted(self._entries)]
        text = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
        write_atomically(self.folder / LEDGER, text.encode())


def _entries(folder: Path) -> dict[str, Entry]:
    """The entries of the ledger in ``folder`` by address; FetchError where it is damaged."""
    path = folder / LEDGER
    try:
        entries = [Entry(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        raise FetchError(
            f"{path}: not a ledger of downloads; move {folder} away to fetch everything anew"
        ) from error
    return {entry.address: entry for entry in entries}
