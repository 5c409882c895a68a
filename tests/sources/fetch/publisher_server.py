"""A publisher on this machine that answers well and badly."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

#: A test that asks more often than this has run away.
MOST_REQUESTS = 60
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Reply:
    """An answer. ``cut`` bytes are sent of the body before the line drops; ``delay`` in seconds."""

    body: bytes = b""
    status: int = 200
    type: str = "text/csv"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    delay: float = 0.0


Make = Callable[[dict[str, str]], Reply]


@dataclass
class Publisher:
    """Replies by path, one after the other, the last for ever; and what was asked."""

    base: str = ""
    replies: dict[str, list[Reply | Make]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def on(self, path: str, *replies: Reply | Make) -> str:
        """Answer ``path`` in this way; returns its address."""
        self.replies[path] = list(replies)
        return f"{self.base}{path}"

    def reply(self, target: str, headers: dict[str, str]) -> Reply:
        self.asked.append(unquote(target))
        self.headers.append(headers)
        if len(self.asked) > MOST_REQUESTS:
            return Reply(b"too many requests for a test", status=403, type="text/plain")
        waiting = self.replies.get(unquote(urlsplit(target).path), [Reply(b"nothing", status=404)])
        found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return found(headers) if callable(found) else found


def handler_for(publisher: Publisher) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            reply = publisher.reply(self.path, {k.lower(): v for k, v in self.headers.items()})
            if reply.delay:
                publisher.released.wait(reply.delay)
            self.send_response(reply.status)
            fields = {"Content-Type": reply.type, "Content-Length": str(len(reply.body))}
            for name, value in (fields | reply.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
            self.close_connection = reply.cut is not None

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what some tests want."""
