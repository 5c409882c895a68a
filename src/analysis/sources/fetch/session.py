"""One fetch: answers from the publishers or from those at hand, every try in the ledger."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from analysis.sources.fetch.content import text_of
from analysis.sources.fetch.http import Line, Received, download
from analysis.sources.fetch.ledger import Entry, Ledger
from analysis.sources.fetch.problems import FetchError

CSV = frozenset({"text/csv", "application/csv", "text/plain", "application/vnd.sdmx.data+csv",
                 "text/tab-separated-values"})  # fmt: skip
JSON = frozenset({"application/json", "text/json"})
XML = frozenset({"application/xml", "text/xml", "application/soap+xml"})


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: an address, of which dataset, and the kinds of content that may come.

    ``follow`` is given the text of the answer and may return that of another one, where the first
    is only a ticket for it.
    """

    address: str
    dataset: str
    accept: str
    kinds: frozenset[str]
    follow: Callable[["Session", str], tuple[str, bytes] | None] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The text of an answer and its entry in the ledger."""

    text: str
    entry: Entry

    @property
    def updated(self) -> str:
        """The day (ISO 8601) the server says it last changed, else the day it was fetched."""
        try:
            return parsedate_to_datetime(self.entry.last_modified).date().isoformat()
        except ValueError:
            return self.entry.fetched[:10]


@dataclass(frozen=True)
class Session:
    """How answers are got. ``offline``: only those at hand; ``from_cache``: those at hand first."""

    line: Line
    ledger: Ledger
    offline: bool = False
    from_cache: bool = False
    now: Callable[[], datetime] = _now
    used: list[Entry] = field(default_factory=list)

    def answer(self, question: Question) -> Answer:
        """The answer to a question; FetchError where there is none that may be used."""
        at_hand = self.ledger.answer(question.address)
        if at_hand is not None and (self.offline or self.from_cache):
            entry, body = at_hand
        elif self.offline:
            raise FetchError(f"{question.address}: not among the answers at hand, and offline")
        else:
            entry, body = self._asked(question, at_hand)
        self.used.append(entry)
        return Answer(self._text(body, question, entry.content_type), entry)

    def _asked(
        self, question: Question, at_hand: tuple[Entry, bytes] | None
    ) -> tuple[Entry, bytes]:
        tried = self.now().isoformat(timespec="seconds")
        try:
            return self._received(question, at_hand, tried)
        except FetchError as error:
            self.ledger.failed(question.address, question.dataset, tried, str(error))
            raise

    def _received(
        self, question: Question, at_hand: tuple[Entry, bytes] | None, tried: str
    ) -> tuple[Entry, bytes]:
        known = {} if at_hand is None else _validators(at_hand[0])
        received, body = self.body(question.address, question.accept, known)
        if received.status == 304 and at_hand is not None:
            entry = replace(at_hand[0], tried=tried, status=304, failure="")
            self.ledger.note(entry)
            return entry, at_hand[1]
        content_type = received.content_type
        if question.follow is not None:
            followed = question.follow(self, self._text(body, question, content_type))
            if followed is not None:  # the validators are those of the ticket, not of the data
                content_type, body = followed
                received = replace(received, etag="", last_modified="")
        self._text(body, question, content_type)  # what is not to be used is not kept
        return self.ledger.keep(_entry(question, received, content_type, tried), body), body

    def body(
        self, address: str, accept: str, known: dict[str, str] | None = None
    ) -> tuple[Received, bytes]:
        """The bytes of an address as received, past the ledger."""
        part = self.ledger.part(address)
        received = download(address, part, self.line, accept=accept, known=known)
        body = part.read_bytes() if part.exists() and received.status != 304 else b""
        part.unlink(missing_ok=True)
        return received, body

    def _text(self, body: bytes, question: Question, content_type: str) -> str:
        limits = self.line.limits
        return text_of(body, question.address, content_type, question.kinds, limits)


def _validators(entry: Entry) -> dict[str, str]:
    return {"etag": entry.etag, "last_modified": entry.last_modified}


def _entry(question: Question, received: Received, content_type: str, tried: str) -> Entry:
    return Entry(
        address=question.address,
        dataset=question.dataset,
        tried=tried,
        fetched=tried,
        status=received.status,
        content_type=content_type,
        etag=received.etag,
        last_modified=received.last_modified,
        final_address=received.address,
    )


def open_session(
    folder: Path, line: Line, *, offline: bool = False, from_cache: bool = False
) -> Session:
    """A session on the downloads in ``folder``."""
    return Session(line, Ledger.open(folder), offline=offline, from_cache=from_cache)
