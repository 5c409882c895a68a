"""From received bytes to text one may trust: unpacked within limits, and data, not a web page."""

import gzip
import io
import re
import zlib

from analysis.sources.fetch.archive import ZIP_MAGIC, only_table
from analysis.sources.fetch.http import Limits
from analysis.sources.fetch.problems import FetchError

GZIP_MAGIC = b"\x1f\x8b"
#: Kinds of content that say nothing of what is inside.
WRAPPINGS = frozenset(
    {"application/gzip", "application/x-gzip", "application/octet-stream", "application/zip",
     "application/x-zip-compressed", "binary/octet-stream", ""}
)  # fmt: skip
_PAGE = re.compile(rb"\s*(<!doctype html|<html)", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def text_of(
    body: bytes, where: str, content_type: str, kinds: frozenset[str], limits: Limits
) -> str:
    """The text of an answer, of one of the ``kinds`` of content asked for.

    gzip and ZIP are unpacked, at most twice over. Raises FetchError for another kind of content,
    a web page in the place of data, an empty answer, text that is not UTF-8, and archives that
    are too large or unsafe.
    """
    _refuse_page(body, where)
    if content_type not in kinds | WRAPPINGS:
        raise FetchError(
            f"{where}: came as {content_type}, not as {' or '.join(sorted(kinds))}; not used"
        )
    for _ in range(2):
        body = _unpacked(body, where, limits)
    if body.startswith((GZIP_MAGIC, ZIP_MAGIC)):
        raise FetchError(f"{where}: packed more than twice over; not unpacked")
    _refuse_page(body, where)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FetchError(f"{where}: not UTF-8 text (byte {error.start})") from error
    if not text.strip():
        raise FetchError(f"{where}: the answer is empty")
    return text


def _refuse_page(body: bytes, where: str) -> None:
    """Errors of publishers often come as a page with status 200."""
    if not _PAGE.match(body[:2000]):
        return
    title = _TITLE.search(body[:20_000])
    words = " ".join(title[1].decode("utf-8", "replace").split())[:80] if title else "no title"
    raise FetchError(f"{where}: a web page ({words}) came in the place of the data")


def _unpacked(body: bytes, where: str, limits: Limits) -> bytes:
    if body.startswith(GZIP_MAGIC):
        return gunzipped(body, where, limits)
    if body.startswith(ZIP_MAGIC):
        return only_table(body, where, limits)
    return body


def gunzipped(body: bytes, where: str, limits: Limits) -> bytes:
    """The members of a gzip file, one after the other, within the limits of size and ratio."""
    allowed = limits.most_bytes(len(body))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
            out = packed.read(allowed + 1)
    except EOFError as error:
        raise FetchError(f"{where}: the gzip data break off") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FetchError(f"{where}: the gzip data are damaged ({error})") from error
    if len(out) > allowed:
        raise FetchError(f"{where}: the gzip data grow beyond {allowed} bytes; a bomb?")
    return out
