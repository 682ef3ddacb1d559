"""Files in a gzip or ZIP wrapping: unpacked beside the lake, with bounds."""

import gzip
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from springtide.connectors.tabular.cells import UnreadableFile, shown_name
from springtide.connectors.tabular.workbooks import ZIP
from springtide.kit.errors import N_

_GZIP = b"\x1f\x8b"
_CHUNK = 2**20
# No export packs so well; what does is made to fill disks.
_RATIO_MAX = 200
_SMALL = 100 * 2**20
_DAMAGED = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError)


@contextmanager
def unpacked(path: Path, folder: Path) -> Iterator[Path]:
    """Give the file that a packed one holds, for a time; one that is not packed is its own."""
    start = _start(path)
    if not start.startswith((_GZIP, ZIP)) or _is_workbook(path):
        yield path
        return
    with tempfile.TemporaryDirectory(dir=folder) as place:
        try:
            if start.startswith(_GZIP):
                target = Path(place) / (path.stem if path.suffix == ".gz" else path.name)
                with gzip.open(path) as source:
                    _unpack(source, target, path)
            else:
                target = _unzip(path, Path(place))
        except (*_DAMAGED, RuntimeError) as error:
            raise UnreadableFile(file=shown_name(path), why=N_("it is damaged")) from error
        yield target


def _start(path: Path) -> bytes:
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(4)
    except OSError:
        return b""  # looking at it says why


def _is_workbook(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.startswith(("xl/", "[Content_Types]")) for name in archive.namelist())


def _unzip(path: Path, place: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        files = [
            info
            for info in archive.infolist()
            if not info.is_dir() and not info.filename.startswith("__MACOSX/")
        ]
        if len(files) != 1:
            why = N_("it holds several files: unpack it and bring them in one by one")
            raise UnreadableFile(file=shown_name(path), why=why)
        target = place / f"unpacked{Path(files[0].filename).suffix[:12]}"
        with archive.open(files[0]) as source:
            _unpack(source, target, path)
        return target


def _unpack(source: IO[bytes] | gzip.GzipFile, target: Path, path: Path) -> None:
    limit = max(_SMALL, path.stat().st_size * _RATIO_MAX)
    written = 0
    with target.open("wb") as file:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > limit or written > shutil.disk_usage(target.parent).free:
                why = N_("it unpacks to more than it can be: unpack it yourself")
                raise UnreadableFile(file=shown_name(path), why=why)
            file.write(chunk)
