"""JSON record by record: lists in documents of any shape, and JSON lines; numbers are exact.

A value is decoded where it stands in a buffer that grows until the value is whole, so memory holds
one record and never the file. Records are the objects of the first lists that are met on the way
down from the root (``[...]``, ``{"orders": [...]}``, GraphQL's ``edges`` and ``nodes``), or the
root itself where it begins with an ``id``. In JSON lines a line with ``__parentId`` is a child of
a line above it: children stand in their parent's list ``__children``.
"""

import codecs
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from springtide.connectors.tabular.cells import UnreadableFile, shown_name
from springtide.domain.imports.ports import BadRecord
from springtide.kit.errors import N_
from springtide.kit.ids import joined

Record = Mapping[str, Any]

CHILDREN = "__children"
PARENT = "__parentId"
#: The longest record, with its children, in characters.
RECORD_MAX = 16 * 2**20
_CHUNK = 2**18
_DEPTH_MAX = 8
_NAME_MAX = 100
_BLANKS = re.compile(r"[ \t\r\n]*")
_BEGINS = re.compile(rb'\s*(\[\s*(\{|\[|\]|\Z)|\{\s*("|\}|\Z))')
_BEGINS_WITH_ID = re.compile(r'\{\s*"id"\s*:')
#: Keys that say how a list is packed, and not what is in it.
_PACKING = {
    "data", "edges", "nodes", "node", "items", "list", "records", "rows", "result", "results",
    "response", "content", "[]",
}  # fmt: skip


class BrokenJson(UnreadableFile):
    """A JSON file that stops being JSON somewhere."""

    text = N_("{file}: it is not JSON from line {line}, character {column}: {why}")


class Found(NamedTuple):
    """A record: the list it stands in, its number there (or its line), and itself.

    ``record`` is the reason if it cannot be used.
    """

    place: str
    number: int
    record: Record | str


def is_json(start: bytes) -> bool:
    """Tell a list or an object by a file's first bytes."""
    return _BEGINS.match(start.removeprefix(codecs.BOM_UTF8)) is not None


def is_lines(path: Path) -> bool:
    """Tell whether each line of a file is a record: the first is one, and more follows it."""
    with _opened(path) as file:
        try:
            first = file.readline(RECORD_MAX)
            while first and not first.strip():
                first = file.readline(RECORD_MAX)
            record = _decoder.decode(first.strip())
            follows = bool(file.read(_CHUNK).strip())
        except (ValueError, InvalidOperation, RecursionError):
            return False  # not JSON, or not in UTF-8: reading it tells where
    is_named = path.suffix.lower() in (".jsonl", ".ndjson")
    return isinstance(record, dict) and (is_named or follows)


def read_document(path: Path) -> Iterator[Found]:
    """Yield the records of all lists of a document, in order."""
    try:
        with _opened(path) as file:
            text = _Text(file, shown_name(path))
            yield from _walk(text, "", 0)
            if text.peek():
                text.refuse(N_("more follows where it should end"))
    except UnicodeError as error:
        raise UnreadableFile(file=shown_name(path), why=N_("it is not in UTF-8")) from error


def read_lines(path: Path) -> Iterator[Found]:
    """Yield the records of a file with one on each line, children within their parents."""
    try:
        with _opened(path) as file:
            yield from _families(_lines(file, shown_name(path)))
    except UnicodeError as error:
        raise UnreadableFile(file=shown_name(path), why=N_("it is not in UTF-8")) from error


def called(place: str) -> str | None:
    """Return what a list is called, by the nearest key that says what is in it.

    >>> called("data.orders.edges"), called("data.items"), called("")
    ('orders', None, None)
    """
    names = [name for name in place.split(".") if name and name not in _PACKING]
    return names[-1] if names else None


def keys(record: Record) -> tuple[str, ...]:
    """Return a record's keys but those of its children."""
    return tuple(str(key) for key in record if key != CHILDREN)


def cell(value: object) -> str | None:
    """Return a value as the text of a cell; lists and records as JSON.

    >>> cell(True), cell(Decimal("1.10")), cell(None), cell({"a": Decimal("1.0")})
    ('true', '1.10', None, '{"a": "1.0"}')
    """
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        try:
            return json.dumps(value, ensure_ascii=False, default=str)
        except RecursionError as error:
            raise BadRecord(N_("nested too deep")) from error
    return str(value)


def shown(record: Record) -> str:
    """Return the beginning of a record for a person to find it by."""
    try:
        return json.dumps(dict(islice(record.items(), 4)), ensure_ascii=False, default=str)
    except RecursionError:
        return ""


def flat(names: tuple[str, ...]) -> Callable[[Record], Iterator[tuple[object, ...]]]:
    """Return what makes one row of a record: the values under these keys."""

    def rows(record: Record) -> Iterator[tuple[object, ...]]:
        yield tuple(record.get(name) for name in names)

    return rows


def _exact(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > 1_000:
        raise InvalidOperation
    return number


def _constant(text: str) -> NoReturn:
    raise ValueError(text)


_decoder = json.JSONDecoder(parse_float=_exact, parse_constant=_constant)


def _opened(path: Path) -> io.TextIOWrapper:
    return path.open(encoding="utf-8-sig", newline="")


class _Text:
    """A text of which only what is being decoded is held."""

    def __init__(self, file: io.TextIOBase, name: str) -> None:
        self._file = file
        self._name = name
        self._buffer = ""
        self._at = 0
        self._line = 1
        self._column = 1

    def peek(self) -> str:
        """Return the next character that is no blank; nothing at the end."""
        while True:
            match = _BLANKS.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def take(self, wanted: str) -> None:
        """Go over a character; refuse the file where it is another."""
        if self.peek() != wanted:
            self.refuse(N_("something is missing"))
        self._at += 1

    def starts_with_id(self) -> bool:
        """Tell whether the object that begins here names itself first."""
        while len(self._buffer) - self._at < _CHUNK and self._more():
            pass
        return _BEGINS_WITH_ID.match(self._buffer, self._at) is not None

    def value(self) -> Any:
        """Return the whole value that begins here."""
        self.peek()
        while True:
            try:
                value, end = _decoder.raw_decode(self._buffer, self._at)
            except RecursionError:
                self.refuse(N_("nested too deep"))
            except (ValueError, InvalidOperation) as error:
                if len(self._buffer) - self._at > RECORD_MAX:
                    self.refuse(N_("a record is broken, or longer than 16 million characters"))
                if not self._more():
                    if isinstance(error, json.JSONDecodeError):
                        self._at = error.pos
                    self.refuse(N_("a value is broken or cut off"))
            else:
                # A number at the end of the buffer may go on.
                if end < len(self._buffer) or not self._more():
                    self._at = end
                    return value

    def refuse(self, why: str) -> NoReturn:
        """Refuse the file at this place."""
        line, column = self._place(self._at)
        raise BrokenJson(file=self._name, line=line, column=column, why=why)

    def _more(self) -> bool:
        left = len(self._buffer) - self._at
        chunk = self._file.read(max(_CHUNK, left))
        if not chunk:
            return False
        self._line, self._column = self._place(self._at)
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        return True

    def _place(self, at: int) -> tuple[int, int]:
        breaks = self._buffer.count("\n", 0, at)
        if not breaks:
            return self._line, self._column + at
        return self._line + breaks, at - self._buffer.rfind("\n", 0, at)


def _walk(text: _Text, place: str, depth: int) -> Iterator[Found]:
    first = text.peek()
    if first == "[":
        yield from _walk_list(text, place, depth)
    elif first == "{" and text.starts_with_id():
        yield Found(place, 1, text.value())
    elif first == "{" and depth < _DEPTH_MAX:
        text.take("{")
        while text.peek() != "}":
            key = text.value()
            if not isinstance(key, str):
                text.refuse(N_("something is missing"))
            text.take(":")
            key = joined(key, length_max=_NAME_MAX)
            yield from _walk(text, f"{place}.{key}" if place else key, depth + 1)
            if text.peek() != "}":
                text.take(",")
        text.take("}")
    else:
        text.value()


def _walk_list(text: _Text, place: str, depth: int) -> Iterator[Found]:
    text.take("[")
    number = 0
    while text.peek() != "]":
        if text.peek() == "{":
            number += 1
            record = text.value()
            node = record.get("node")
            is_edge = place.rpartition(".")[2] == "edges" and isinstance(node, dict)
            yield Found(place, number, node if is_edge else record)
        elif text.peek() == "[" and depth < _DEPTH_MAX:
            yield from _walk_list(text, f"{place}.[]", depth + 1)
        else:
            text.value()
        if text.peek() != "]":
            text.take(",")
    text.take("]")


def _lines(file: io.TextIOBase, name: str) -> Iterator[tuple[Found, int]]:
    """Yield what stands on each line, and how long the line is."""
    number = 0
    while line := file.readline(RECORD_MAX + 1):
        number += 1
        if len(line) > RECORD_MAX:
            raise UnreadableFile(
                file=name, why=N_("a record is broken, or longer than 16 million characters")
            )
        if not line.strip():
            continue
        record: Record | str
        try:
            record = _decoder.decode(line.strip())
            if not isinstance(record, dict):
                record = N_("it is not a record")
        except (ValueError, InvalidOperation):
            record = N_("it is not JSON")
        except RecursionError:
            record = N_("nested too deep")
        yield Found("", number, record), len(line)


def _families(lines: Iterator[tuple[Found, int]]) -> Iterator[Found]:
    """Give each record the lines that name it, or one of its own, as their parent."""
    head: Found | None = None
    known: dict[object, dict[str, Any]] = {}
    held = 0
    for found, length in lines:
        record = found.record
        if not isinstance(record, dict):
            yield found
            continue
        named, parent = record.get("id"), record.get(PARENT)
        is_key = isinstance(named, str | int)
        if parent is None:
            if head:
                yield head
            head, known, held = found, {named: record} if is_key else {}, length
        elif not isinstance(parent, str | int) or parent not in known:
            yield found._replace(record=N_("its parent is not among the lines above it"))
        elif held + length > RECORD_MAX:
            yield found._replace(record=N_("its parent is longer than 16 million characters"))
        else:
            known[parent].setdefault(CHILDREN, []).append(record)
            held += length
            if is_key:
                known[named] = record
    if head:
        yield head
