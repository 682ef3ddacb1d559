"""XLS workbooks by hand: the least of the records and of the container that Excel 97 writes."""

import struct
from collections.abc import Mapping, Sequence

_SECTOR = 512
_FAT, _LAST, _FREE = 0xFFFFFFFD, 0xFFFFFFFE, 0xFFFFFFFF


def old_workbook(
    sheets: Mapping[str, Sequence[Sequence[str | float | None]]], hidden: Sequence[str] = ()
) -> bytes:
    """Return a workbook of these sheets."""
    start = _record(0x0809, struct.pack("<4H2I", 0x0600, 0x0005, 0, 0, 0, 6))
    length = len(start) + sum(12 + 2 * len(name) for name in sheets) + 4
    heads, bodies = b"", b""
    for name, rows in sheets.items():
        place = struct.pack("<IBB", length + len(bodies), name in hidden, 0)
        heads += _record(
            0x0085, place + struct.pack("<BB", len(name), 1) + name.encode("utf-16-le")
        )
        bodies += _sheet(rows)
    return _container(start + heads + _record(0x000A, b"") + bodies)


def _sheet(rows: Sequence[Sequence[str | float | None]]) -> bytes:
    width = max((len(row) for row in rows), default=0)
    found = _record(0x0809, struct.pack("<4H2I", 0x0600, 0x0010, 0, 0, 0, 6))
    found += _record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0))
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            at = struct.pack("<3H", number, place, 0)
            if isinstance(cell, str):
                text = struct.pack("<HB", len(cell), 1) + cell.encode("utf-16-le")
                found += _record(0x0204, at + text)
            elif cell is not None:
                found += _record(0x0203, at + struct.pack("<d", cell))
    return found + _record(0x000A, b"")


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _container(stream: bytes) -> bytes:
    """Return an OLE file with one stream: the table of sectors, the directory, the stream."""
    size = max(len(stream), 4_096)
    count = -(-size // _SECTOR)
    if count > 126:
        raise ValueError("a table of one sector holds no more")
    stream = stream.ljust(count * _SECTOR, b"\x00")
    table = [_FAT, _LAST, *range(3, count + 2), _LAST]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<5H6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<9I", 0, 1, 1, 0, 4_096, _LAST, 0, _LAST, 0)
    header += struct.pack("<109I", 0, *[_FREE] * 108)
    entries = _entry("Root Entry", 5, _LAST, 0, child=1) + _entry("Workbook", 2, 2, size)
    return (
        header
        + struct.pack("<128I", *table, *[_FREE] * (128 - len(table)))
        + entries.ljust(_SECTOR, b"\x00")
        + stream
    )


def _entry(name: str, kind: int, start: int, size: int, child: int = _FREE) -> bytes:
    text = name.encode("utf-16-le")
    found = text.ljust(64, b"\x00") + struct.pack("<HBB", len(text) + 2, kind, 1)
    found += struct.pack("<3I", _FREE, _FREE, child) + bytes(36)
    return found + struct.pack("<IQ", start, size)
