"""Files in gzip or ZIP, unpacked for as long as they are read, and never without bounds."""

import errno
import gzip
import lzma
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from springtide.connectors.tabular.cells import EmptyFile, UnreadableFile, shown_name
from springtide.kit.errors import N_

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
WORKBOOK_PART = "xl/workbook.xml"
_OTHERS = {
    b"Rar!": N_("it is packed as RAR: unpack it, or pack it as ZIP"),
    b"7z\xbc\xaf": N_("it is packed as 7z: unpack it, or pack it as ZIP"),
}
UNPACKED_MAX = 8 * 2**30
# Tables shrink to a tenth or so; what grows a thousandfold is a trap.
_RATIO_MAX = 200
_RATIO_FROM = 64 * 2**20
_CHUNK = 2**20
_MEMBERS_MAX = 50
_PARTS_MAX = 10_000
_UTF8_FLAG = 0x800
#: What reading a damaged archive comes to, beside an OSError of its own.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError,
    RuntimeError, ValueError, KeyError, OverflowError,
)  # fmt: skip


def members(path: Path, start: bytes) -> tuple[str, ...]:
    """Return the names of the files that are packed in one; nothing if it is not packed.

    Refuses an archive with nothing in it, one for other programs, and other kinds of archives.
    """
    for mark, why in _OTHERS.items():
        if start.startswith(mark):
            raise UnreadableFile(file=shown_name(path), why=why)
    if start.startswith(GZIP):
        return ("",)
    if not start.startswith(ZIP):
        return ()
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (*DAMAGE, OSError) as error:
        raise damaged(path, error) from error
    names = [info.filename for info in infos]
    if WORKBOOK_PART in names:
        return ()
    why = ""
    if len(names) > _PARTS_MAX:
        why = N_("it holds too many files")
    elif {"[Content_Types].xml", "mimetype"} & set(names):
        why = N_("it is not an XLSX workbook: save it as XLSX or CSV")
    elif any(info.flag_bits & 1 for info in infos):
        why = N_("it is protected by a password")
    found = [info for info in infos if _is_table(info)]
    if not why and len(found) > _MEMBERS_MAX:
        why = N_("it holds more than 50 files: unpack it and choose those to import")
    if why:
        raise UnreadableFile(file=shown_name(path), why=why)
    if not found:
        raise EmptyFile(file=shown_name(path))
    return tuple(info.filename for info in found)


def damaged(path: Path, error: Exception) -> Exception:
    """Return the refusal of a damaged archive, or the error if it is the disk that fails."""
    # An archive that names a place before its beginning is an invalid argument.
    is_disk = isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)
    if is_disk and not isinstance(error, gzip.BadGzipFile):
        return error
    return UnreadableFile(file=shown_name(path), why=N_("it is damaged"))


def shown_member(path: Path, member: str) -> str:
    """Return the name of a file in an archive as its maker wrote it."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(member)
    name = member
    if not info.flag_bits & _UTF8_FLAG:
        try:
            # Without the flag names are read as CP437; in China they are GBK.
            name = member.encode("cp437").decode("gb18030")
        except UnicodeError:
            name = member
    return name.rpartition("/")[2].encode("utf-8", "replace").decode()


@contextmanager
def opened(path: Path, member: str | None, folder: Path | None) -> Iterator[Path]:
    """Give the place of a file's content: its own, or one in ``folder`` while it is unpacked."""
    if member is None:
        yield path
        return
    with tempfile.TemporaryDirectory(dir=folder) as place:
        unpacked = Path(place) / path.name
        _unpack(path, member, unpacked)
        yield unpacked


def _unpack(path: Path, member: str, unpacked: Path) -> None:
    size = path.stat().st_size
    room = min(UNPACKED_MAX, shutil.disk_usage(unpacked.parent).free // 2)
    written = 0
    try:
        with _stream(path, member) as packed, unpacked.open("wb") as file:
            while chunk := packed.read(_CHUNK):
                written += len(chunk)
                if written > room:
                    why = N_("it unpacks to more than there is room for")
                    raise UnreadableFile(file=shown_name(path), why=why)
                if written > max(_RATIO_FROM, size * _RATIO_MAX):
                    why = N_("it unpacks to more than 200 times its size")
                    raise UnreadableFile(file=shown_name(path), why=why)
                file.write(chunk)
    except (*DAMAGE, OSError) as error:
        raise damaged(path, error) from error
    if not written:
        raise EmptyFile(file=shown_name(path))


@contextmanager
def _stream(path: Path, member: str) -> Iterator[IO[bytes]]:
    if not member:
        with gzip.open(path) as stream:
            yield stream  # type: ignore[misc]
        return
    with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
        yield stream


def _is_table(info: zipfile.ZipInfo) -> bool:
    """Tell a file that may be a table from folders and from what systems add."""
    name = info.filename.rpartition("/")[2]
    is_added = info.filename.startswith("__MACOSX/") or name.startswith(".")
    return bool(name) and not is_added and info.file_size > 0
