"""ZIP archives that come from outside: one table is taken out of them, in memory.

Nothing is written under a name that an archive gives; one that tries to leave its folder is
refused as a whole all the same, since whoever made it is not to be trusted.
"""

import io
import stat
import zipfile
import zlib
from pathlib import PurePosixPath, PureWindowsPath

from analysis.sources.fetch.http import Limits
from analysis.sources.fetch.problems import FetchError

ZIP_MAGIC = b"PK\x03\x04"
TABLES = (".csv", ".tsv", ".json")
#: Files about the table, which the World Bank packs with it.
ABOUT = "metadata_"
MOST_MEMBERS = 100


def only_table(body: bytes, where: str, limits: Limits) -> bytes:
    """The one table in a ZIP archive.

    Raises FetchError for unsafe names, links, encryption, unusual packing, too many or too large
    members, damaged data, and archives that hold no table or several.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = archive.infolist()
            _refuse_unsafe(members, where)
            _refuse_large(members, len(body), where, limits)
            return archive.read(_table(members, where))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise FetchError(f"{where}: the ZIP archive is damaged ({error})") from error


def _refuse_unsafe(members: list[zipfile.ZipInfo], where: str) -> None:
    for member in members:
        name = member.orig_filename
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts:
            raise FetchError(f"{where}: the archive names a file outside itself ({name!r})")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise FetchError(f"{where}: the archive holds a link ({name!r})")
        if member.flag_bits & 1:
            raise FetchError(f"{where}: the archive is encrypted ({name!r})")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FetchError(f"{where}: the archive is packed in an unusual way ({name!r})")


def _refuse_large(members: list[zipfile.ZipInfo], packed: int, where: str, limits: Limits) -> None:
    if len(members) > MOST_MEMBERS:
        raise FetchError(f"{where}: the archive holds {len(members)} files; at most {MOST_MEMBERS}")
    size = sum(member.file_size for member in members)
    allowed = limits.most_bytes(packed)
    if size > allowed:
        raise FetchError(f"{where}: the archive grows to {size} bytes, beyond {allowed}; a bomb?")


def _table(members: list[zipfile.ZipInfo], where: str) -> zipfile.ZipInfo:
    tables = [
        member
        for member in members
        if member.filename.lower().endswith(TABLES)
        and not PurePosixPath(member.filename).name.lower().startswith(ABOUT)
    ]
    if len(tables) != 1:
        names = ", ".join(member.filename for member in members[:5]) or "nothing"
        raise FetchError(f"{where}: the archive holds {len(tables)} tables, not one ({names})")
    return tables[0]
