"""The first look at a file: what it is by its content, and the head of each table in it."""

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb

from springtide.connectors.tabular.cells import (
    EmptyFile,
    Row,
    UnreadableFile,
    is_text,
    read_csv,
    shown_name,
    tell_delimiter,
    tell_encoding,
)
from springtide.connectors.tabular.pages import is_page, page_rows
from springtide.connectors.tabular.places import plainly_named, quoted
from springtide.connectors.tabular.records import first_record, is_json
from springtide.connectors.tabular.workbooks import OLE, ZIP, check_workbook, sheets, workbook_rows
from springtide.domain.facts.ports import Head
from springtide.kit.errors import N_, NotFound

HEAD_ROWS = 20
_KEYS_MAX = 300


def look(
    path: Path, *, encoding: str | None = None, delimiter: str | None = None
) -> tuple[Head, ...]:
    """Return the head of each table of a file; refuse one that is missing, empty or unreadable."""
    start = _start(path)
    if start.startswith(b"PAR1"):
        return (Head(path, "parquet", (_parquet_columns(path),)),)
    if start.startswith((ZIP, OLE)):
        return _workbook(path)
    if path.suffix.lower() == ".parquet":
        raise UnreadableFile(file=shown_name(path), why=N_("it is not a Parquet file"))
    if encoding is None and not is_text(start):
        why = N_("it is not text, or in an encoding that has to be named: save it as UTF-8")
        raise UnreadableFile(file=shown_name(path), why=why)
    if is_json(start):
        name, record = first_record(path)
        keys = tuple(str(key)[:200] for key in record)[:_KEYS_MAX]
        return (Head(path, "json", (keys,), sheet=name, record=record),)
    encoding = encoding or tell_encoding(path)
    try:
        if is_page(start):
            head = Head(path, "page", (), encoding)
            return (_with_rows(head, page_rows(path, encoding)),)
        delimiter = delimiter or tell_delimiter(path, encoding)
        head = Head(path, "csv", (), encoding, delimiter)
        return (_with_rows(head, read_csv(path, encoding, delimiter)),)
    except LookupError as error:
        raise UnreadableFile(file=shown_name(path), why=N_("no such encoding")) from error
    except UnicodeError as error:
        raise UnreadableFile(file=shown_name(path), why=N_("it is not text")) from error


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


def _workbook(path: Path) -> tuple[Head, ...]:
    """Return the heads of the sheets that hold something."""
    check_workbook(path)
    names = sheets(path)
    heads = []
    for name in names:
        try:
            head = Head(path, "workbook", (), sheet=name)
            heads.append(_with_rows(head, workbook_rows(path, name)))
        except EmptyFile:
            if len(names) == 1:
                raise
    if not heads:
        raise EmptyFile(file=shown_name(path))
    return tuple(heads)


def _with_rows(head: Head, rows: Iterator[Row]) -> Head:
    first: list[tuple[str, ...]] = []
    for row in rows:
        while len(first) < row.number - 1:
            first.append(())
        first.append(row.cells)
        if len(first) >= HEAD_ROWS:
            break
    if not any(first):
        raise EmptyFile(file=shown_name(head.path))
    return Head(head.path, head.container, tuple(first), head.encoding, head.delimiter, head.sheet)


def _parquet_columns(path: Path) -> tuple[str, ...]:
    with duckdb.connect() as connection, plainly_named(path) as place:
        try:
            rows = connection.execute(
                f"describe select * from read_parquet({quoted(place)})"
            ).fetchall()
        except duckdb.Error as error:
            raise UnreadableFile(
                file=shown_name(path), why=N_("it is not a Parquet file")
            ) from error
    return tuple(row[0] for row in rows)
