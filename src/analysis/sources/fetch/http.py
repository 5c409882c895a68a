"""Downloads over an unsure line: time-outs, retries with back-off, resume, limits.

The bytes are received as they travel (no content coding is asked for), so that a broken download
goes on where it stopped, provided the server says that the file is still the same.
"""

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from analysis.sources.fetch.problems import FetchError, PassingError, UnreachableError

USER_AGENT = "cluster-compendium (statistics for research; one request at a time)"
#: Statuses of a server that is busy or ailing, not of a wrong request.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
NO_SERVER = (httpx.ConnectTimeout, httpx.ConnectError, httpx.ProxyError)
REASONS = {400: "bad request", 401: "not authorised", 403: "forbidden", 404: "not found",
           410: "gone", 413: "request too large", 429: "too many requests"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much; times in seconds, sizes in bytes."""

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 120.0
    redirects: int = 5
    connect_time: float = 15.0
    read_time: float = 60.0
    total_time: float = 1800.0
    #: The largest answer asked for is a tenth of this.
    download_bytes: int = 100_000_000
    decoded_bytes: int = 100_000_000
    #: A text compresses 20- to 60-fold; a bomb a thousandfold.
    compression_ratio: int = 250

    def most_bytes(self, packed: int) -> int:
        """How much packed data may grow: by the ratio, from a megabyte to the limit."""
        return min(max(packed * self.compression_ratio, 1_000_000), self.decoded_bytes)


@dataclass(frozen=True)
class Line:
    """A connection and its manners. ``sleep`` and ``seed`` make the waits testable."""

    client: httpx.Client
    limits: Limits = field(default_factory=Limits)
    sleep: Callable[[float], None] = time.sleep
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Received:
    """What came: the headers that matter and where it came from in the end."""

    status: int
    address: str
    content_type: str
    etag: str
    last_modified: str


def new_client(limits: Limits) -> httpx.Client:
    """A client that follows no redirect by itself and asks for the bytes as they are."""
    return httpx.Client(
        follow_redirects=False,
        timeout=httpx.Timeout(limits.read_time, connect=limits.connect_time),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
    )


def download(
    address: str,
    part: Path,
    line: Line,
    *,
    accept: str = "*/*",
    known: dict[str, str] | None = None,
) -> Received:
    """Receive ``address`` into the file ``part``, going on with what it holds already.

    ``known`` are the validators (``etag``, ``last_modified``) of a copy at hand: status 304 says
    that it still holds, and ``part`` is not written. Raises FetchError when the server refuses,
    or still fails after the last attempt.
    """
    retrying = Retrying(
        stop=stop_after_attempt(line.limits.attempts),
        wait=lambda state: _wait(state, address, line),
        retry=retry_if_exception_type(PassingError),
        sleep=line.sleep,
        reraise=True,
    )
    try:
        return retrying(_attempt, address, part, line, accept, known or {})
    except PassingError as error:  # what came so far is kept for the next time
        tried = retrying.statistics.get("attempt_number", 1)
        unreachable = isinstance(error.__cause__, NO_SERVER)
        kind = UnreachableError if unreachable else FetchError
        raise kind(f"{error} (tried {tried} times)") from error
    except FetchError:
        _forget(part)
        raise


def _wait(state: RetryCallState, address: str, line: Line) -> float:
    """The server's wish, else 1, 2, 4, … seconds and up to as much again by the seed."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, PassingError) else None
    if asked is not None:
        return asked
    base = line.limits.first_wait * 2.0 ** (state.attempt_number - 1)
    jitter = random.Random(f"{line.seed} {address} {state.attempt_number}").random()
    return float(min(base * (1 + jitter), line.limits.longest_wait))


def _attempt(address: str, part: Path, line: Line, accept: str, known: dict[str, str]) -> Received:
    held = _held(part, address)
    headers = {"Accept": accept} | (_range(held, part) if held else _conditions(known))
    try:
        with _opened(address, headers, line) as response:
            if response.status_code != httpx.codes.NOT_MODIFIED:
                _refuse_status(response, address, part, line.limits)
                _receive(response, part, held, address, line.limits)
            return _received(response)
    except httpx.HTTPError as error:
        raise PassingError(_fault(error, address, part, line.limits)) from error


def _fault(error: httpx.HTTPError, address: str, part: Path, limits: Limits) -> str:
    """The fault in our words: those of the library may show a proxy and its password."""
    if isinstance(error, NO_SERVER):
        return f"{address}: the server cannot be reached"
    if isinstance(error, httpx.TimeoutException):
        return f"{address}: nothing came for {limits.read_time:g} seconds"
    if isinstance(error, httpx.ReadError | httpx.RemoteProtocolError):
        got = part.stat().st_size if part.exists() else 0
        return f"{address}: the answer broke off after {got} bytes"
    return f"{address}: the request failed ({type(error).__name__})"


# ---------------------------------------------------------------- redirects


@contextmanager
def _opened(address: str, headers: dict[str, str], line: Line) -> Iterator[httpx.Response]:
    """The response at the end of the redirects, of which none may leave a secure connection."""
    visited = [address]
    while True:
        try:
            request = line.client.build_request("GET", visited[-1], headers=headers)
            response = line.client.send(request, stream=True)
        except (httpx.InvalidURL, ValueError) as error:  # as for a host of 300 letters
            raise FetchError(
                f"{address}: no address, or redirected to what is none ({error})"
            ) from error
        try:
            if not response.has_redirect_location:
                yield response
                return
            visited.append(_next(response, visited, line.limits))
        finally:
            response.close()


def _next(response: httpx.Response, visited: list[str], limits: Limits) -> str:
    here = visited[-1]
    there = urljoin(here, response.headers["location"])
    before, after = urlsplit(here).scheme, urlsplit(there).scheme
    if after not in ("http", "https"):
        raise FetchError(f"{visited[0]}: redirected to the scheme {after!r}, which is refused")
    if before == "https" and after != "https":
        raise FetchError(f"{visited[0]}: redirected from https to http, which is refused")
    if there in visited:
        raise FetchError(f"{visited[0]}: redirected in a circle, back to {there}")
    if len(visited) > limits.redirects:
        raise FetchError(f"{visited[0]}: redirected more than {limits.redirects} times")
    return there


# ---------------------------------------------------------------- what is held already


@dataclass(frozen=True, slots=True)
class _Held:
    """The beginning of a download, and what says that the file is still the same."""

    size: int
    validator: str


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _held(part: Path, address: str) -> _Held | None:
    """What an interrupted download left, if it can be gone on with; else nothing is kept."""
    try:
        note = json.loads(_note(part).read_text(encoding="utf-8"))
        size = part.stat().st_size
        if size and note["address"] == address and note["validator"]:
            return _Held(size, str(note["validator"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    _forget(part)
    return None


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _range(held: _Held, part: Path) -> dict[str, str]:
    return {"Range": f"bytes={part.stat().st_size}-", "If-Range": held.validator}


def _conditions(known: dict[str, str]) -> dict[str, str]:
    names = {"etag": "If-None-Match", "last_modified": "If-Modified-Since"}
    return {names[key]: value for key, value in known.items() if key in names and value}


def _validator(response: httpx.Response) -> str:
    """A strong entity tag or a date; weak tags do not promise the same bytes."""
    etag = str(response.headers.get("etag", ""))
    return etag if etag and not etag.startswith("W/") else response.headers.get("last-modified", "")


# ---------------------------------------------------------------- receiving


def _refuse_status(response: httpx.Response, address: str, part: Path, limits: Limits) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        _forget(part)
        raise PassingError(f"{address}: the server cannot go on where the download stopped")
    usual = "server error" if status >= 500 else "no data"
    reason = f"{address}: answered {status} ({REASONS.get(status, usual)})"
    if status not in PASSING:
        raise FetchError(reason + _explanation(response, address, limits))
    wait = _retry_after(response.headers.get("retry-after", ""))
    if wait is not None and wait > limits.longest_wait:
        raise FetchError(f"{reason} and asks to wait {wait:.0f} seconds; try again then")
    raise PassingError(reason, wait)


def _explanation(response: httpx.Response, address: str, limits: Limits) -> str:
    """What the publisher says about a refusal: the fault text of an XML or plain answer."""
    body = b""
    for chunk in _in_time(response, address, limits):
        body += chunk
        if len(body) > 4000:
            break
    text = body[:4000].decode("utf-8", "replace")
    _, found, rest = text.partition("<faultstring>")
    said = rest.partition("</faultstring>")[0] if found else ("" if "<" in text else text)
    words = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return f": {words[:200]}" if words else ""


def _retry_after(value: str) -> float | None:
    """Seconds from now, from a number or a date; None where there is neither."""
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _receive(
    response: httpx.Response, part: Path, held: _Held | None, address: str, limits: Limits
) -> None:
    """Write the body to ``part``, after what it holds where the server goes on from there."""
    goes_on = response.status_code == httpx.codes.PARTIAL_CONTENT
    if goes_on and (held is None or not _fits(response, held)):
        _forget(part)
        raise PassingError(f"{address}: the server went on with another part of the file")
    if not goes_on:
        _forget(part)
    size = held.size if goes_on and held else 0
    announced = size + int(response.headers.get("content-length") or 0)
    if announced > limits.download_bytes:
        raise FetchError(f"{address}: announces {_mb(announced)}, above {_limit(limits)}")
    part.parent.mkdir(parents=True, exist_ok=True)
    note = {"address": address, "validator": _validator(response)}
    _note(part).write_text(json.dumps(note), encoding="utf-8")
    with part.open("ab" if goes_on else "wb") as file:
        for chunk in _in_time(response, address, limits):
            size += len(chunk)
            if size > limits.download_bytes:
                raise FetchError(f"{address}: went on beyond {_limit(limits)}")
            file.write(chunk)
    _note(part).unlink()


def _in_time(response: httpx.Response, address: str, limits: Limits) -> Iterator[bytes]:
    """The pieces of a body, of which the last must come in time."""
    until = time.monotonic() + limits.total_time
    size = 0
    for chunk in response.iter_raw():
        size += len(chunk)
        if time.monotonic() > until:
            raise PassingError(
                f"{address}: not complete after {limits.total_time:g} seconds ({size} bytes)"
            )
        yield chunk


def _fits(response: httpx.Response, held: _Held) -> bool:
    """Whether a partial answer is of the same file, from the end of the held part to its own."""
    said = re.fullmatch(
        r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", response.headers.get("content-range", "")
    )
    if said is None or _validator(response) not in ("", held.validator):
        return False
    first, last, whole = map(int, said.groups())
    return first == held.size and last + 1 == whole


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _limit(limits: Limits) -> str:
    return f"the limit of {_mb(limits.download_bytes)} for one download"


def _received(response: httpx.Response) -> Received:
    headers = response.headers
    return Received(
        status=response.status_code,
        address=str(response.url),
        content_type=str(headers.get("content-type", "")).partition(";")[0].strip().lower(),
        etag=str(headers.get("etag", "")),
        last_modified=str(headers.get("last-modified", "")),
    )
