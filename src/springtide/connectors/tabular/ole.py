"""XLS workbooks looked at for traps: the chains of their sectors, and how far their cells spread.

Sources: [MS-CFB] and [MS-XLS]. The reader of workbooks follows chains without end, and sets aside
memory for whatever a record promises, so both are followed and counted here first.
"""

import mmap
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path

from springtide.kit.errors import N_

SIZE_MAX = 2**28
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_LAST = 0xFFFFFFFA  # sector numbers from here on are marks
_NO_SECTOR = 0xFFFFFFFE
_STREAMS = ("workbook", "book")
_DIMENSIONS, _SHARED_TEXTS, _PASSWORD, _SHEET = 0x0200, 0x00FC, 0x002F, 0x0085
# Sheets that are said to begin at one place are each looked through from there.
_SCANNED_MIN = 2**20
_SPANS = {0x00BD, 0x00BE}  # several cells of a row: the last column stands at the end
_CELLS = {
    0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x0007, 0x0201, 0x0203, 0x0204, 0x0205, 0x0206,
    0x0207, 0x00D6, 0x00FD, 0x027E, 0x0406,
}  # fmt: skip
_DAMAGED = N_("it is damaged")
_TOO_WIDE = N_("its sheet spans more than 30 million cells: save it as CSV")


class _DamagedError(Exception):
    """The file contradicts itself."""


def trap(path: Path, cells_max: int) -> str | None:
    """Return why an OLE file must not be opened as a workbook."""
    if path.stat().st_size > SIZE_MAX:
        return N_("it is larger than 256 MB: save it as CSV")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(_ENCRYPTED) >= 0:
            return N_("it is protected by a password")
        try:
            stream = _Container(content).workbook()
        except (_DamagedError, struct.error, ValueError):
            return _DAMAGED
        return N_("it is not a workbook") if stream is None else _records_trap(stream, cells_max)


class _Container:
    """The streams of an OLE file; every chain in it is known to end."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        shift, small_shift = struct.unpack_from("<HH", content, 30)
        if shift not in (9, 12) or small_shift != 6:
            raise _DamagedError
        self._size = 1 << shift
        tables, directory = struct.unpack_from("<II", content, 44)
        self._cutoff, small_table, _, more, _ = struct.unpack_from("<5I", content, 56)
        self._next = self._numbers(self._tables(more)[:tables])
        self._small_next = self._numbers(self._chain(small_table, self._next))
        self._directory = b"".join(map(self._sector, self._chain(directory, self._next)))

    def workbook(self) -> bytes | None:
        """Return the stream of the workbook; follows the chains of all the others, too."""
        streams: dict[str, bytes] = {}
        small = b""
        for number, (name, kind, start, size) in enumerate(self._entries()):
            is_small = size < self._cutoff and number > 0
            if kind not in (2, 5) or start >= _LAST:
                continue
            chain = self._chain(start, self._small_next if is_small else self._next)
            if number == 0:
                small = b"".join(map(self._sector, chain))
            elif name.casefold() in _STREAMS:
                parts = (
                    (small[64 * place : 64 * place + 64] for place in chain)
                    if is_small
                    else map(self._sector, chain)
                )
                streams[name.casefold()] = b"".join(parts)[:size]
        return next((streams[name] for name in _STREAMS if name in streams), None)

    def _entries(self) -> Iterator[tuple[str, int, int, int]]:
        for place in range(0, len(self._directory) - 127, 128):
            entry = self._directory[place : place + 128]
            (length,) = struct.unpack_from("<H", entry, 64)
            name = entry[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
            start, size = struct.unpack_from("<II", entry, 116)
            yield name, entry[66], start, size

    def _sector(self, number: int) -> bytes:
        start = (number + 1) * self._size
        return self._content[start : start + self._size]

    def _tables(self, more: int) -> list[int]:
        """Return the sectors of the table of sectors: 109 in the header, the rest in a chain."""
        found = [
            number for number in struct.unpack_from("<109I", self._content, 76) if number < _LAST
        ]
        seen = set()
        while more < _LAST:
            if more in seen:
                raise _DamagedError
            seen.add(more)
            *numbers, more = struct.unpack(f"<{self._size // 4}I", self._sector(more))
            found += [number for number in numbers if number < _LAST]
        return found

    def _numbers(self, sectors: list[int]) -> "array[int]":
        numbers = array("I")
        for number in sectors:
            numbers.frombytes(self._sector(number))
        return numbers

    def _chain(self, start: int, following: "array[int]") -> list[int]:
        chain: list[int] = []
        while start < _LAST:
            if start >= len(following) or len(chain) > len(following):
                raise _DamagedError
            chain.append(start)
            start = following[start]
        return chain


def _records_trap(stream: bytes, cells_max: int) -> str | None:
    """Look through the records from the start, and from each place where a sheet begins."""
    starts = {0}
    budget = 4 * len(stream) + _SCANNED_MIN
    seen: set[int] = set()
    while starts - seen:
        start = (starts - seen).pop()
        seen.add(start)
        rows = columns = 0
        for kind, data in _records(stream, start):
            budget -= len(data) + 4
            if budget < 0:
                return _DAMAGED
            if kind == _SHEET and len(data) >= 4:
                starts.add(struct.unpack_from("<I", data)[0])
            elif why := _record_trap(kind, data, len(stream), cells_max):
                return why
            elif kind in _CELLS or kind in _SPANS:
                row, column = struct.unpack_from("<HH", data)
                if kind in _SPANS:
                    (column,) = struct.unpack_from("<H", data, len(data) - 2)
                rows, columns = max(rows, row + 1), max(columns, column + 1)
        if rows * columns > cells_max:
            return _TOO_WIDE
    return None


def _records(stream: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    while place + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, place)
        yield kind, stream[place + 4 : place + 4 + length]
        place += 4 + length


def _record_trap(kind: int, data: bytes, size: int, cells_max: int) -> str | None:
    """Return why a record by itself is a trap."""
    if kind == _PASSWORD:
        return N_("it is protected by a password")
    if kind == _DIMENSIONS and len(data) >= 8:
        form = "<IIHH" if len(data) >= 12 else "<4H"
        first_row, last_row, first, last = struct.unpack_from(form, data)
        if last_row < first_row or last < first:
            return _DAMAGED
        return _TOO_WIDE if (last_row - first_row + 1) * (last - first + 1) > cells_max else None
    if kind == _SHARED_TEXTS and len(data) >= 8:
        (count,) = struct.unpack_from("<I", data, 4)
        return _DAMAGED if count * 3 > size else None
    is_cut = (kind in _CELLS or kind in _SPANS) and len(data) < 6
    return _DAMAGED if is_cut else None
