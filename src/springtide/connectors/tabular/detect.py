"""The first look at a file: what it is by its content, and how each table in it begins."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from springtide.connectors.tabular import pages, records, sheets_xml
from springtide.connectors.tabular.cells import (
    EmptyFile,
    Row,
    UnreadableFile,
    calling,
    is_text,
    read_csv,
    shown_name,
    tell_delimiter,
    tell_encoding,
)
from springtide.connectors.tabular.packed import ZIP, members, opened, shown_member
from springtide.connectors.tabular.workbooks import OLE, check_workbook, first_rows, workbook_rows
from springtide.domain.imports.ports import Head
from springtide.kit.errors import N_, NotFound

HEAD_ROWS = 20
_TABLES_MAX = 50


def look(
    path: Path,
    *,
    name: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    folder: Path | None = None,
) -> tuple[Head, ...]:
    """Return the heads of a file's tables; refuse one that is missing, empty or not to be read.

    People call the file ``name``, else as the disk does. A packed file is unpacked in ``folder``
    for the look, and again when it is loaded.
    """
    name = name or shown_name(path)
    with calling(path, name):
        return tuple(
            replace(head, name=name) for head in _tables(path, encoding, delimiter, folder)
        )


def _tables(
    path: Path, encoding: str | None, delimiter: str | None, folder: Path | None
) -> tuple[Head, ...]:
    packed = members(path, _start(path))
    if not packed:
        return _heads(path, encoding, delimiter)
    heads: list[Head] = []
    for member in packed:
        with opened(path, member, folder) as place:
            try:
                found = _heads(place, encoding, delimiter, is_packed=True)
            except EmptyFile:
                if len(packed) == 1:
                    raise
                continue
        name = shown_member(path, member) if len(packed) > 1 else None
        heads += (
            replace(
                head,
                path=path,
                member=member,
                sheet=" / ".join(filter(None, (name, head.sheet))) or None,
                part=head.sheet,
            )
            for head in found
        )
    if not heads:
        raise EmptyFile(file=shown_name(path))
    return tuple(heads[:_TABLES_MAX])


def _heads(
    path: Path, encoding: str | None, delimiter: str | None, *, is_packed: bool = False
) -> tuple[Head, ...]:
    """Return the heads of the tables of a file that is told by its content, not by its name."""
    start = _start(path)
    if is_packed and members(path, start):
        raise UnreadableFile(file=shown_name(path), why=N_("it is packed twice: unpack it first"))
    if start.startswith(b"PAR1"):
        return (Head(path, "parquet", (_parquet_columns(path),)),)
    if start.startswith((ZIP, OLE)):
        check_workbook(path)
        sheets = islice(first_rows(path), _TABLES_MAX)
        heads = (_with_rows(Head(path, "workbook", (), sheet=name), rows) for name, rows in sheets)
        return _not_empty(path, heads)
    if path.suffix.lower() == ".parquet":
        raise UnreadableFile(file=shown_name(path), why=N_("it is not a Parquet file"))
    if sheets_xml.is_xml_workbook(start):
        return _xml_heads(path)
    if pages.is_page(start):
        told = encoding or pages.page_encoding(path, start)
        return _text_heads(Head(path, "page", (), told))
    if records.is_json(start):
        return _json_heads(path)
    if encoding is None and not is_text(start):
        why = N_("it is not text, or in an encoding that has to be named: save it as UTF-8")
        raise UnreadableFile(file=shown_name(path), why=why)
    return _text_heads(Head(path, "csv", (), encoding or tell_encoding(path), delimiter or ""))


def _text_heads(head: Head) -> tuple[Head, ...]:
    try:
        if not head.delimiter:
            head = replace(head, delimiter=tell_delimiter(head.path, head.encoding))
        return _not_empty(head.path, [_with_rows(head)])
    except LookupError as error:
        raise UnreadableFile(file=shown_name(head.path), why=N_("no such encoding")) from error
    except UnicodeError as error:
        raise UnreadableFile(file=shown_name(head.path), why=N_("it is not text")) from error


def _xml_heads(path: Path) -> tuple[Head, ...]:
    tables: dict[str, list[Row]] = {}
    for met in sheets_xml.xml_rows(path):
        if len(tables.setdefault(met.sheet, [])) < HEAD_ROWS:
            tables[met.sheet].append(met.row)
    heads = (
        _with_rows(Head(path, "xml", (), sheet=sheet), rows)
        for sheet, rows in islice(tables.items(), _TABLES_MAX)
    )
    return _not_empty(path, heads)


def _json_heads(path: Path) -> tuple[Head, ...]:
    """Return a head for each list of records: their keys for a header, and the first of them."""
    lists: dict[str, list[Mapping[str, Any]]] = {}
    for found in table_records(path):
        first = lists.setdefault(found.place, []) if len(lists) < _TABLES_MAX else []
        if isinstance(found.record, Mapping) and len(first) < HEAD_ROWS:
            first.append(found.record)
        if not found.place and len(first) >= HEAD_ROWS:
            break
    heads = [
        Head(
            path,
            "json",
            (tuple(dict.fromkeys(key for record in first for key in records.keys(record))),),
            sheet=records.called(place),
            part=place,
            record=first[0],
        )
        for place, first in lists.items()
        if any(map(records.keys, first))
    ]
    if not heads:
        raise UnreadableFile(file=shown_name(path), why=N_("it holds no list of records"))
    return tuple(heads)


def table_records(path: Path) -> Iterator[records.Found]:
    """Yield the records of all lists of a JSON file, document or lines."""
    return records.read_lines(path) if records.is_lines(path) else records.read_document(path)


def table_rows(head: Head) -> Iterator[Row]:
    """Yield the rows of a table, of a file that is not packed."""
    match head.container:
        case "workbook":
            return workbook_rows(head.path, head.sheet or "")
        case "page":
            return pages.page_rows(head.path, head.encoding)
        case "xml":
            return (met.row for met in sheets_xml.xml_rows(head.path) if met.sheet == head.sheet)
    return read_csv(head.path, head.encoding, head.delimiter)


def _not_empty(path: Path, heads: Iterable[Head]) -> tuple[Head, ...]:
    found = tuple(head for head in heads if any(head.rows))
    if not found:
        raise EmptyFile(file=shown_name(path))
    return found


def _start(path: Path) -> bytes:
    """Return a file's first bytes; refuse what is no file that can be read to its end."""
    try:
        if not path.exists():
            raise NotFound(what=N_("file"), key=os.fsencode(path).decode("utf-8", "replace"))
        if path.is_dir():
            raise UnreadableFile(file=shown_name(path), why=N_("it is a folder"))
        if not path.is_file():
            raise UnreadableFile(file=shown_name(path), why=N_("it is not a plain file"))
        if path.stat().st_size == 0:
            raise EmptyFile(file=shown_name(path))
        with path.open("rb") as file:
            return file.read(4_096)
    except (OSError, ValueError) as error:
        raise UnreadableFile(file=shown_name(path), why=N_("it may not be read")) from error


def _with_rows(head: Head, rows: Iterable[Row] | None = None) -> Head:
    first: list[tuple[str, ...]] = []
    for row in rows or table_rows(head):
        first += [()] * (min(row.number - 1, HEAD_ROWS) - len(first))
        if len(first) >= HEAD_ROWS:
            break
        first.append(row.cells)
    return replace(head, rows=tuple(first))


@contextmanager
def plainly_named(path: Path, folder: Path | None = None) -> Iterator[str]:
    """Give a file another place for DuckDB, which takes a name such as ``a[1]`` for a pattern."""
    with tempfile.TemporaryDirectory(prefix="springtide-", dir=folder) as place:
        link = Path(place) / "table.parquet"
        link.symlink_to(path.resolve())
        yield str(link)


def _parquet_columns(path: Path) -> tuple[str, ...]:
    with duckdb.connect() as connection, plainly_named(path) as place:
        try:
            return tuple(connection.read_parquet(place).columns)
        except duckdb.Error as error:
            raise UnreadableFile(
                file=shown_name(path), why=N_("it is not a Parquet file")
            ) from error
