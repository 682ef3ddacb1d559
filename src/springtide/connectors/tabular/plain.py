"""CSV files in which nothing is odd, in UTF-8: those that DuckDB reads as we do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from springtide.domain.facts.ports import Head

_CHUNK = 2**22
_ODD = (b"\x00", b"\n\n", b"\n\r\n")
_BORDER = 64
_LONE_RETURN = re.compile(rb"\r[^\n]")


@contextmanager
def plain_copy(head: Head, folder: Path) -> Iterator[Path | None]:
    """Give a CSV file as UTF-8, itself where it is so already; None when something is odd.

    Odd are characters that are not in its encoding, NUL, empty lines (each is a row, which DuckDB
    leaves out), lines that end in two ways (it loses some), blanks beside a quote (it takes them
    off), and a quote that is never closed.
    """
    path = head.path
    if head.encoding not in ("utf-8", "utf-8-sig"):
        path = folder / "utf8.csv"
        if not _encode(head, path):
            yield None
            return
    yield None if _is_odd(path, head.delimiter) else path


def _encode(head: Head, path: Path) -> bool:
    try:
        with (
            head.path.open(encoding=head.encoding, newline="") as source,
            path.open("w", encoding="utf-8", newline="") as target,
        ):
            while text := source.read(_CHUNK):
                target.write(text)
    except UnicodeError:
        return False
    return True


def _is_odd(path: Path, delimiter: str) -> bool:
    """Look through the bytes of a file, those on the border of two chunks twice."""
    border = rb"[\r\n" + re.escape(delimiter.encode()) + rb"]"
    blank_beside_quote = re.compile(border + rb"[ \t]+\"|\"[ \t]+" + border)
    text = b"\n"  # an empty first line is one too
    quotes = lines = returns = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            text = text[-_BORDER:] + chunk
            if any(odd in text for odd in _ODD) or _LONE_RETURN.search(text):
                return True
            if b'"' in chunk and blank_beside_quote.search(text):
                return True
            quotes += chunk.count(b'"')
            lines += chunk.count(b"\n")
            returns += chunk.count(b"\r")
    # An odd number of quotes leaves one open.
    return text.endswith(b"\r") or quotes % 2 == 1 or returns not in (0, lines)
