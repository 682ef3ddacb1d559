"""JSON records one by one: a list, a document of a REST or GraphQL answer, or JSON lines."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import ijson

from springtide.connectors.tabular.cells import UnreadableFile, shown_name
from springtide.kit.errors import N_, Refusal

#: Where records lie in documents: keys on the way to their list.
_WAY = {"data", "orders", "customers", "products", "edges", "nodes", "items", "results"}
_NAMES = ("orders", "customers", "products")
_LINE_MAX = 16 * 2**20
_LONE_MAX = 16 * 2**20
_DEPTH_MAX = 40
_CHILDREN_MAX = 50_000
#: Children of a record of a bulk export, which follow it and name it in ``__parentId``.
CHILDREN = "__children"
_PARENT = "__parentId"


class BrokenJson(Refusal):
    """A file of JSON that breaks off or is wrong somewhere."""

    code = "broken_json"
    text = N_("{file}: the JSON is broken after record {number}: {why}")


def is_json(start: bytes) -> bool:
    """Tell JSON by its first bytes."""
    return start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def first_record(path: Path) -> tuple[str | None, Mapping[str, Any]]:
    """Return what a file's records are called, if it says so, and the first of them."""
    place = _place(path)
    name = next((part for part in place.split(".") if part in _NAMES), None) if place else None
    record = next(json_records(path), None)
    if record is None:
        raise UnreadableFile(file=shown_name(path), why=N_("it holds no records"))
    return name, record


def json_records(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield a file's records; ``BrokenJson`` says after which it breaks off."""
    number = 0
    try:
        for record in _records(path):
            if not isinstance(record, dict):
                raise UnreadableFile(file=shown_name(path), why=N_("it holds no records"))
            number += 1
            yield record
    except (ijson.JSONError, ValueError, RecursionError) as error:
        why = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise BrokenJson(file=shown_name(path), number=number, why=why) from error


def _records(path: Path) -> Iterator[Any]:
    place = _place(path)
    if place is None:
        yield from _lines(path)
        return
    with path.open("rb") as file:
        _skip_mark(file)
        if place == "":
            if path.stat().st_size > _LONE_MAX:
                raise ValueError("one record of more than 16 MB")
            yield json.load(file, parse_float=Decimal)
            return
        for record in ijson.items(file, place):
            is_edge = isinstance(record, dict) and set(record) <= {"node", "cursor"}
            yield record.get("node") if is_edge else record


def _lines(path: Path) -> Iterator[Any]:
    """Yield the records of JSON lines, those of a bulk export with their children."""
    parent: dict[str, Any] | None = None
    with path.open("rb") as file:
        _skip_mark(file)
        while line := file.readline(_LINE_MAX):
            if len(line) == _LINE_MAX:
                raise ValueError("a line of more than 16 MB")
            if not line.strip():
                continue
            record = json.loads(line, parse_float=Decimal)
            if not isinstance(record, dict) or _PARENT not in record:
                if parent is not None:
                    yield parent
                if not isinstance(record, dict):
                    raise ValueError("a line that is no record")
                parent = record
            elif parent is not None:
                children = parent.setdefault(CHILDREN, [])
                if len(children) >= _CHILDREN_MAX:
                    raise ValueError("a record of more than 50,000 children")
                children.append(record)
    if parent is not None:
        yield parent


def _place(path: Path) -> str | None:
    """Return where the records lie in a document; "" for one record alone, None for JSON lines."""
    with path.open("rb") as file:
        _skip_mark(file)
        line = file.readline(_LINE_MAX)
        while line and not line.strip():
            line = file.readline(_LINE_MAX)
        if line.lstrip().startswith(b"{") and _is_whole(line) and file.read(64).strip():
            return None
    with path.open("rb") as file:
        _skip_mark(file)
        try:
            for prefix, event, _ in ijson.parse(file):
                if prefix.count(".") > _DEPTH_MAX:
                    raise ValueError("nested too deep")
                if event == "start_array" and set(prefix.split(".")) - {""} <= _WAY:
                    return f"{prefix}.item" if prefix else "item"
                if event == "end_map" and not prefix:
                    break
        except (ijson.JSONError, ValueError, RecursionError) as error:
            why = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
            raise BrokenJson(file=shown_name(path), number=0, why=why) from error
    return ""


def _is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _skip_mark(file: BinaryIO) -> None:
    if file.read(3) != b"\xef\xbb\xbf":
        file.seek(0)
