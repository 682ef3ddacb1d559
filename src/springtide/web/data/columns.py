"""The columns page: what the columns of a file mean that no format knows, said once and kept."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from litestar import Response, get, post

from springtide.bootstrap import House
from springtide.connectors.tabular.mapping import likely_header
from springtide.domain.access.model import Member, Needs, Permission
from springtide.domain.facts.kinds import EVENT_KINDS, said
from springtide.domain.imports.mappings import (
    NAME_LENGTH_MAX,
    SavedMapping,
    mapping_of,
    saved_mappings,
)
from springtide.domain.imports.ports import Head
from springtide.flows.files import column_mapping, pending
from springtide.flows.files.column_mapping import Preview, Trial
from springtide.flows.files.pending import KeptFile
from springtide.flows.files.table_load import Target
from springtide.kit.errors import N_, NotFound, Refusal
from springtide.kit.i18n import translate
from springtide.kit.ids import inward, outward
from springtide.web.data import columns_form, uploads
from springtide.web.frame import render
from springtide.web.frame.forms import AnyRequest, Form, Typed

_WRITE = {"access": Needs(Permission.DATA_WRITE)}
_READ = {"access": Needs(Permission.READ)}
PREVIEW_ROWS = 50
_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class _Table:
    """The table that the page is about, and how its file is written."""

    file: KeptFile
    heads: tuple[Head, ...]
    number: int
    header_row: int
    written: dict[str, Any]

    @property
    def head(self) -> Head:
        return self.heads[self.number]

    @property
    def cells(self) -> list[str]:
        return columns_form.header_cells(self.head.rows[self.header_row])


@get("/shops/{shop:str}/data/uploads/{key:str}", opt=_WRITE, sync_to_thread=True)
def columns_page(request: AnyRequest, house: House, member: Member, key: str) -> Response[str]:
    """Show the first rows of a file that waits, and what its columns are taken for."""
    file = pending.kept_file(house.settings.uploads, member.shop.id, key)
    asked = {name: value for name, value in request.query_params.items() if value}
    saved = _saved(house, member, asked.get("saved", ""))
    if saved:
        asked = {name: str(value) for name, value in saved.document.items()} | asked
    try:
        table = _table(house, file, asked)
    except Refusal as refusal:
        # A wrong encoding or delimiter: the page goes on with what the file itself tells.
        table = _table(house, file, {})
        return _page(request, house, member, table, Form(_guessed(table), error=refusal), 422)
    typed = (
        columns_form.typed_of(table.cells, saved.document) | {"name": saved.name}
        if saved
        else _guessed(table)
    )
    return _page(request, house, member, table, Form(typed))


@post("/shops/{shop:str}/data/uploads/{key:str}/check", opt=_WRITE, sync_to_thread=True)
def check(request: AnyRequest, house: House, member: Member, key: str, data: Typed) -> Any:
    """Read the first rows as the form says, for the page that watches."""
    table = _table(house, pending.kept_file(house.settings.uploads, member.shop.id, key), data)
    look = column_mapping.preview(house.lake, table.head, table.header_row)
    return render.page(
        request,
        "data/_columns_trial.html",
        member=member,
        **_tried(house, member, table, data, look),
    )


@post("/shops/{shop:str}/data/uploads/{key:str}", opt=_WRITE, sync_to_thread=True)
def import_mapped(request: AnyRequest, house: House, member: Member, key: str, data: Typed) -> Any:
    """Keep the mapping under its name and import the file by it."""
    file = pending.kept_file(house.settings.uploads, member.shop.id, key)
    table = _table(house, file, data)
    document = columns_form.document_of(table.cells, data, table.written)
    try:
        # What the first rows show is refused here, where it can be mended.
        column_mapping.try_mapping(house.lake, table.head, document, member.shop)
        saved = column_mapping.keep_mapping(
            _target(house),
            member.shop,
            member.actor,
            name=data.get("name", ""),
            document=document,
            header=[cell for cell in table.cells if cell],
        )
    except Refusal as refusal:
        return _page(request, house, member, table, Form.refused(data, refusal), refusal.status)
    pending.take(house.settings.uploads, member.shop.id, file)
    params = {
        "files": [{"upload": file.key, "name": file.name, "modified_ms": file.modified_ms}],
        "file_name": file.name,
        "mapping": dict(saved.document),
        "mapping_name": saved.name,
        "is_strict": bool(data.get("strict")),
    }
    try:
        job = uploads.enqueue(house, member, params)
    except BaseException:
        pending.keep(house.settings.uploads, member.shop.id, file.key, file.name, file.modified_ms)
        raise
    uploads.watch(house, member, job)
    text = translate(
        N_("“{name}” is kept: files with these columns are understood from now on."),
        render.language_of(request, member),
    )
    return _back(member, text.format(name=saved.name))


@post("/shops/{shop:str}/data/uploads/{key:str}/drop", opt=_WRITE, sync_to_thread=True)
def drop(request: AnyRequest, house: House, member: Member, key: str) -> Response[Any]:
    """Throw a waiting file away."""
    place = house.settings.uploads
    pending.drop(place, member.shop.id, pending.kept_file(place, member.shop.id, key).key)
    return _back(member, translate(N_("The file is gone."), render.language_of(request, member)))


@get("/shops/{shop:str}/data/mappings/{key:str}", opt=_READ, sync_to_thread=True)
def mapping_file(house: House, member: Member, key: str) -> Response[bytes]:
    """Give a saved mapping as a mapping file, for the command line."""
    saved = _mapping(house, member, key)
    text = json.dumps(dict(saved.document), ensure_ascii=False, indent=2)
    return Response(
        text.encode(),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="mapping-{key}.json"'},
    )


@post("/shops/{shop:str}/data/mappings/{key:str}/rename", opt=_WRITE, sync_to_thread=True)
def rename(
    request: AnyRequest, house: House, member: Member, key: str, data: Typed
) -> Response[Any]:
    """Give a saved mapping another name."""
    saved = _mapping(house, member, key)
    name = data.get("name", "")
    try:
        column_mapping.rename_mapping(_target(house), member.shop, member.actor, saved, name)
    except Refusal as refusal:
        view = render.view_of(request, member)
        said = Form.refused({}, refusal)
        problem = next(iter(said.errors.values()), said.error) or refusal
        text = translate(problem.text, view.language).format(**problem.facts)
        return render.see_other(f"/shops/{member.shop.slug}/data", message=text, kind="danger")
    return _back(member, translate(N_("Renamed."), render.language_of(request, member)))


@post("/shops/{shop:str}/data/mappings/{key:str}/delete", opt=_WRITE, sync_to_thread=True)
def delete(request: AnyRequest, house: House, member: Member, key: str) -> Response[Any]:
    """Delete a saved mapping; what it brought in stays."""
    saved = _mapping(house, member, key)
    column_mapping.remove_mapping(_target(house), member.shop, member.actor, saved)
    return _back(member, translate(N_("Deleted."), render.language_of(request, member)))


def _target(house: House) -> Target:
    return Target(house.db, house.lake, house.settings.rejects, house.real_now)


def _back(member: Member, text: str) -> Response[Any]:
    return render.see_other(f"/shops/{member.shop.slug}/data", message=text, kind="success")


def _guessed(table: _Table) -> dict[str, str]:
    stem = Path(table.file.name).stem[:NAME_LENGTH_MAX]
    return columns_form.guessed(table.cells, table.file.name) | {"name": stem}


def _mapping(house: House, member: Member, key: str) -> SavedMapping:
    with house.db.read() as tx:
        return mapping_of(tx, shop_id=member.shop.id, mapping_id=inward("map", key))


def _saved(house: House, member: Member, key: str) -> SavedMapping | None:
    return _mapping(house, member, key) if key else None


def _table(house: House, file: KeptFile, asked: Mapping[str, str]) -> _Table:
    """Return the table that is asked for; refuses one that is not there."""
    encoding, delimiter = asked.get("encoding", ""), asked.get("delimiter", "")
    written: dict[str, Any] = {
        "encoding": encoding if encoding in columns_form.ENCODINGS else None,
        "delimiter": delimiter if delimiter in columns_form.DELIMITERS else None,
    }
    heads = column_mapping.tables(house.lake, file.path, file.name, written)
    told = asked.get("table", "")
    number = int(told) if told.isdecimal() and len(told) < 4 else 0
    if number >= len(heads):
        raise NotFound(what=N_("table"), key=told[:10])
    head = heads[number]
    given = asked.get("header_row", "")
    if given.isdecimal() and len(given) < 4 and 1 <= int(given) <= len(head.rows):
        header_row = int(given) - 1
        # Only a row that would not be found is named: the next file's may stand elsewhere.
        written["header_row"] = header_row + 1 if header_row != likely_header(head) else None
    else:
        header_row = likely_header(head)
    return _Table(file, heads, number, header_row, written)


def _tried(
    house: House, member: Member, table: _Table, typed: Mapping[str, Any], look: Preview
) -> dict[str, Any]:
    """Return what the first rows give as the form says."""
    document = columns_form.document_of(table.cells, typed, table.written)
    trial: Trial | None = None
    problem: Refusal | None = None
    try:
        trial = column_mapping.try_mapping(house.lake, table.head, document, member.shop)
    except Refusal as refusal:
        problem = refusal
    kind_column = document["columns"].get("kind")
    at = table.cells.index(kind_column) if isinstance(kind_column, str) else None
    values = look.values(at) if at is not None else []
    return {
        "trial": trial,
        "span": _span(trial),
        "problem": problem,
        "events": columns_form.events(values, typed),
        "row_kinds": [(kind, EVENT_KINDS[kind].plural) for kind in said("row")],
        "kind_names": said("plural"),
    }


def _span(trial: Trial | None) -> tuple[datetime, datetime] | None:
    totals = trial.report["totals"] if trial else {}
    if not totals.get("first_at"):
        return None
    return datetime.fromisoformat(totals["first_at"]), datetime.fromisoformat(totals["last_at"])


def _page(
    request: AnyRequest, house: House, member: Member, table: _Table, form: Form, status: int = 200
) -> Response[str]:
    look = column_mapping.preview(house.lake, table.head, table.header_row)
    language = render.language_of(request, member)
    typed = {name: str(value) for name, value in form.values.items()}
    with house.db.read() as tx:
        saved = saved_mappings(tx, shop_id=member.shop.id)
    samples = [
        [cell for cell in dict.fromkeys(row[number] for _, row in look.rows) if cell][:_SAMPLES]
        for number in range(len(look.names))
    ]
    return render.page(
        request,
        "data/columns.html",
        member=member,
        status=status,
        form=form,
        table=table,
        look=look,
        shown=look.rows[:PREVIEW_ROWS],
        columns=list(zip(table.cells, look.names, samples, strict=True)),
        meanings=columns_form.MEANINGS,
        dates=columns_form.DATES,
        kind_rows=[(kind, translate(text, language)) for kind, text in said("row").items()],
        encodings=columns_form.ENCODINGS,
        delimiters=columns_form.DELIMITERS,
        saved=[(outward("map", each.id), each.name) for each in saved],
        **_tried(house, member, table, typed, look),
    )


routes = [
    columns_page, check, import_mapped, drop, mapping_file, rename, delete,
]  # fmt: skip
