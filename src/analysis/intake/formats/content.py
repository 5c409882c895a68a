"""The bytes of a brought file, and what they are: never more than a stated size, never by name."""

import io
import lzma
import re
import stat
import zipfile
import zlib
from gzip import BadGzipFile, GzipFile
from pathlib import Path

from analysis.intake.problems import Problem, UnreadableFile

MAX_BYTES = 100_000_000
"""Largest file that is read, as it is stored and as it is unpacked."""
MAX_CELLS = 5_000_000
"""Largest table that is read: rows times columns."""
MAX_COLUMNS = 16_384
"""Columns of a spreadsheet; no table of territories is wider."""
_MAX_PART = 10_000_000
"""Largest part of a workbook that is neither a sheet, nor its texts, nor a picture."""

_REDUCE = "keep the rows and columns you need, or split the file (by year, say)"
_EXPORT = "open it in a spreadsheet program and save it as .xlsx or as CSV (UTF-8)"
_UNPACK = "unpack it and give the file inside"

_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF document", "copy the table into a spreadsheet, or ask for the data"),
    (b"{\\rtf", "a word processor's document (RTF)", "copy the table into a spreadsheet"),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ\x00", "an xz archive", _UNPACK),
    (b"(\xb5/\xfd", "a Zstandard archive", _UNPACK),
    (b"7z\xbc\xaf'\x1c", "a 7z archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"\x89PNG", "a picture (PNG)", "give the table itself"),
    (b"\xff\xd8\xff", "a picture (JPEG)", "give the table itself"),
    (b"GIF8", "a picture (GIF)", "give the table itself"),
    (b"PARE", "an encrypted Parquet file", "write it without encryption"),
    (b"ARROW1", "an Arrow (Feather) file", "write it as Parquet or CSV"),
    (b"SQLite format 3\x00", "an SQLite data base", "export the table as CSV"),
    (b"\x89HDF", "an HDF5 file", "export the table as CSV or Parquet"),
    (b"<stata_dta>", "a Stata file", "in Stata: export delimited using FILE.csv"),
    (b"$FL2", "an SPSS file", "export the table as CSV"),
    (b"RDX", "an R data file", 'in R: write.csv(table, "FILE.csv", row.names = FALSE)'),
    (b"\x93NUMPY", "a NumPy array", "write the table as CSV or Parquet"),
)
_ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(ValueError, RuntimeError, NotImplementedError),
)
"""What zipfile raises for archives that are damaged, encrypted or of an unknown compression."""
_XML_ENCODINGS = ("ascii", "utf-16-le", "utf-16-be")
_LARGE_PARTS = ("xl/worksheets/", "xl/sharedStrings")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_GZIP = b"\x1f\x8b"
_MARKUP = re.compile(r"\s*<(\?xml|!doctype|!--|[a-z][\w:-]*[\s>/])", re.IGNORECASE)
_HTML = re.compile(r"<(!doctype html|html|head|body|table|meta|div)\b", re.IGNORECASE)
_JSON = re.compile(r'\s*(\{\s*["}]|\[\s*[\[{"])')


def refused(
    file: str,
    rule: str,
    message: str,
    suggestion: str,
    *,
    sheet: str = "",
    row: int | None = None,
    value: str = "",
) -> UnreadableFile:
    """The refusal of a file for one reason."""
    problem = Problem(file, rule, message, suggestion, sheet=sheet, row=row, value=value)
    return UnreadableFile([problem])


def read_bytes(path: Path) -> tuple[bytes, bool]:
    """The bytes of a file, unpacked if it is a gzip archive, and whether it was one.

    Raises
    ------
    UnreadableFile
        If there is no such regular file, it cannot be opened, is empty, or is too large.
    """
    file = path.name or str(path)
    try:
        _require_regular_file(path, file)
        data = path.read_bytes()
    except FileNotFoundError:
        raise refused(file, "file.absent", f"no such file ({path})", "check the path") from None
    except PermissionError:
        message, advice = "the file may not be read", "give yourself the right to read it"
        raise refused(file, "file.permission", message, advice) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"the file cannot be opened ({reason})"
        raise refused(file, "file.unopenable", message, "check the path") from None
    if not data.startswith(_GZIP):
        return data, False
    return _unpacked(data, file), True


def _require_regular_file(path: Path, file: str) -> None:
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise refused(file, "file.folder", "a folder", "give one file in it")
    if not stat.S_ISREG(status.st_mode):
        message = "not a regular file (a pipe, a socket or a device)"
        raise refused(file, "file.special", message, "write the data to a file first")
    if status.st_size == 0:
        raise refused(file, "file.empty", "the file is empty (0 bytes)", "export it again")
    if status.st_size > MAX_BYTES:
        raise too_large(file, f"{status.st_size / 1e6:,.0f} MB")


def too_large(file: str, size: str, limit: int = MAX_BYTES) -> UnreadableFile:
    """The refusal of a file, or of a part of one, beyond its limit in bytes."""
    message = f"{size} is more than the {limit / 1e6:.0f} MB that are read at once"
    return refused(file, "file.too_large", message, _REDUCE)


def too_many_cells(file: str, sheet: str = "") -> UnreadableFile:
    """The refusal of a table beyond ``MAX_CELLS``."""
    message = f"the table has more than {MAX_CELLS / 1e6:.0f} million cells"
    return refused(file, "file.too_many_cells", message, _REDUCE, sheet=sheet)


def too_many_columns(file: str, row: int | None = None) -> UnreadableFile:
    """The refusal of a table beyond ``MAX_COLUMNS``."""
    message = f"more than the {MAX_COLUMNS:,} columns of a spreadsheet"
    return refused(file, "file.too_many_columns", message, _REDUCE, row=row)


def _unpacked(data: bytes, file: str) -> bytes:
    try:
        with GzipFile(fileobj=io.BytesIO(data)) as archive:
            content = archive.read(MAX_BYTES + 1)
    except (BadGzipFile, EOFError, zlib.error):
        message = "a gzip archive that is damaged or cut off"
        raise refused(file, "gzip.damaged", message, "fetch it again") from None
    if len(content) > MAX_BYTES:
        raise too_large(file, "the unpacked content")
    if content.startswith(_GZIP):
        raise refused(file, "gzip.nested", "a gzip archive inside a gzip archive", _UNPACK)
    if not content:
        raise refused(file, "file.empty", "the gzip archive holds nothing", "export it again")
    return content


def binary_kind(data: bytes, file: str) -> str:
    """``"xlsx"`` or ``"parquet"`` by content; "" for what may be text.

    Raises
    ------
    UnreadableFile
        For a format that is recognised and not read, with what to do instead.
    """
    for signature, what, advice in _SIGNATURES:
        if data.startswith(signature):
            raise refused(file, "content.format", f"the content is {what}", advice)
    if data.startswith(_OLE):
        raise _old_workbook(data, file)
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(data, file)
    return "parquet" if data.startswith(b"PAR1") else ""


def _old_workbook(data: bytes, file: str) -> UnreadableFile:
    if "EncryptedPackage".encode("utf-16-le") in data:
        message, advice = "a workbook protected by a password", "save it without a password"
        return refused(file, "content.encrypted", message, advice)
    message = "an old binary workbook (.xls of Excel 97-2003) or another Office document"
    return refused(file, "content.old_workbook", message, _EXPORT)


def _zip_kind(data: bytes, file: str) -> str:
    """``"xlsx"`` for a workbook; refuses every other archive, and one that unpacks too large."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {member.filename: member for member in archive.infolist()}
            unpacked = sum(member.file_size for member in archive.infolist())
            _refuse_unsafe_members(archive, unpacked, file)
    except _ZIP_ERRORS:
        message = "a workbook or zip archive that is damaged, cut off or protected by a password"
        raise refused(file, "zip.damaged", message, "save or fetch it again") from None
    if "xl/workbook.bin" in members:
        message = "a binary workbook (.xlsb)"
        raise refused(file, "content.format", message, _EXPORT)
    if any(name.startswith("xl/") for name in members):
        return "xlsx"
    if "content.xml" in members and "mimetype" in members:
        message = "an OpenDocument file (.ods or .odt)"
        raise refused(file, "content.format", message, _EXPORT)
    if any(name.startswith(("word/", "ppt/")) for name in members):
        message = "a document of a word processor or a presentation"
        raise refused(file, "content.format", message, "copy the table into a spreadsheet")
    raise refused(file, "content.zip", f"a zip archive of {len(members)} file(s)", _UNPACK)


def _refuse_unsafe_members(archive: zipfile.ZipFile, unpacked: int, file: str) -> None:
    """Sizes are those the archive declares: zipfile reads no more than that."""
    if unpacked > MAX_BYTES:
        raise too_large(file, f"the unpacked content ({unpacked / 1e6:,.0f} MB)")
    for member in archive.infolist():
        part = member.filename
        if not part.endswith((".xml", ".rels")):
            continue
        if member.file_size > _MAX_PART and not part.startswith(_LARGE_PARTS):
            raise too_large(file, f"its part {part} ({member.file_size / 1e6:,.0f} MB)", _MAX_PART)
        if _has_doctype(archive.read(member)):
            message = f"its part {part} declares XML entities, which no workbook does"
            raise refused(file, "xml.entities", message, "do not use this file")


def _has_doctype(xml: bytes) -> bool:
    marks = [mark.encode(code) for mark in ("<!DOCTYPE", "<!ENTITY") for code in _XML_ENCODINGS]
    return any(mark in xml for mark in marks)


def refuse_markup(text: str, file: str) -> None:
    """Raise UnreadableFile if a text is HTML, XML or JSON rather than a table."""
    start = text[:4000]
    if _JSON.match(start):
        raise refused(file, "content.format", "the content is JSON", "export the table as CSV")
    if not _MARKUP.match(start):
        return
    if _HTML.search(start):
        message = "the content is a web page (HTML), whatever the file's name says"
        raise refused(file, "content.html", message, _EXPORT)
    message = "the content is XML"
    advice = "export it as CSV or XLSX (SDMX services offer SDMX-CSV)"
    raise refused(file, "content.format", message, advice)
