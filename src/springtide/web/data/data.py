"""The data page: what the shop's numbers rest on, files brought in, rows that were refused."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import File

from springtide.bootstrap import House
from springtide.connectors.files import FORMATS
from springtide.connectors.tabular.rejects import read_rejects
from springtide.demo import simulator
from springtide.domain.access.model import Data, Member, Needs, Permission, reading
from springtide.domain.facts.kinds import said
from springtide.domain.imports.mappings import saved_mappings
from springtide.domain.imports.model import ImportRecord, Problem
from springtide.domain.imports.queries import import_record, imports, summary
from springtide.domain.imports.records import request_cancel
from springtide.flows.files.pending import kept_files
from springtide.flows.timeline import planning
from springtide.flows.timeline.model import Action, State
from springtide.flows.timeline.worker_slots import is_worker_alive
from springtide.kit.errors import N_, NotFound, Refusal
from springtide.kit.i18n import translate
from springtide.kit.ids import inward, outward
from springtide.kit.places import NotInFolder, within
from springtide.web.account.log_in import Missing
from springtide.web.data import uploads
from springtide.web.data.uploads import Upload
from springtide.web.frame import render, words
from springtide.web.frame.forms import AnyRequest, Form
from springtide.web.frame.navigation import NavItem

nav = NavItem(80, N_("Data"), "database-import", "data", Permission.READ)

UPLOAD_BYTES_MAX = 500_000_000
IMPORTS_SHOWN = 30
_CHART_DAYS = 120
_OLDER = N_("{count} rows are older than what is known already and changed nothing.")
REJECTS_SHOWN = 50

STAGES = {
    "waiting": N_("Waiting for another import"),
    "reading": N_("Reading the file"),
    "checking": N_("Checking each row"),
    "people": N_("Customers and products"),
    "comparing": N_("Comparing with what is known"),
    "writing": N_("Writing"),
    "committing": N_("Making it count"),
    "committed": N_("Making it count"),
    "done": N_("Done"),
}
_READ = {"access": Needs(Permission.READ)}
_WRITE = {"access": Needs(Permission.DATA_WRITE)}


@get("/shops/{shop:str}/data", opt=_READ, sync_to_thread=True)
def data_page(request: AnyRequest, house: House, member: Member) -> Response[str]:
    """Show what the shop knows and its imports."""
    return _page(request, house, member, Form())


@get("/shops/{shop:str}/data/imports", opt=_READ, sync_to_thread=True)
def imports_fragment(request: AnyRequest, house: House, member: Member) -> Response[str]:
    """Return the list of imports alone, for the page that watches one run."""
    return render.page(
        request, "data/_imports.html", member=member, is_fragment=True, **_imports(house, member)
    )


@post(
    "/shops/{shop:str}/data",
    opt=_WRITE,
    sync_to_thread=True,
    request_max_body_size=UPLOAD_BYTES_MAX,
)
def upload(
    request: AnyRequest,
    house: House,
    member: Member,
    data: Annotated[Upload, Body(media_type=RequestEncodingType.MULTI_PART)],
) -> Response[Any]:
    """Take a file in; a small one is done when the page comes back, a large one goes on."""
    typed = {"format": data.format, "saved": data.saved, "strict": data.strict, "_": ""}
    if not data.files:
        return _page(request, house, member, Form(typed, {"file": Missing()}), status=422)
    try:
        if data.look:
            return _to_columns(member, uploads.let_wait(house, member, data)[0])
        job = uploads.hand_over(house, member, data)
    except Refusal as refusal:
        form = Form.refused(typed, refusal)
        return _page(request, house, member, form, status=refusal.status)
    job = uploads.watch(house, member, job)
    if job.state in uploads.NOT_TAKEN and (key := uploads.waiting_key(house, member, job)):
        return _to_columns(member, key)
    if job.state in uploads.NOT_TAKEN and job.error:
        return _page(request, house, member, Form(typed, error=job.error), status=422)
    if job.state == State.DONE:
        return _back(member, _outcome(request, member, job), "success")
    text = translate(N_("The file is being imported."), _language(request, member))
    return _back(member, text, "info")


@get("/shops/{shop:str}/data/imports/{key:str}", opt=_READ, sync_to_thread=True)
def import_page(request: AnyRequest, house: House, member: Member, key: str) -> Response[str]:
    """Show one import: its counts and the first rows that were refused."""
    with house.db.read() as tx:
        record = import_record(tx, shop_id=member.shop.id, import_id=inward("imp", key))
    columns, rows = _first_rejects(house, record)
    return render.page(
        request,
        "data/import.html",
        member=member,
        record=record,
        columns=columns,
        rows=rows,
        stages=STAGES,
        format_names={kind: each.label for kind, each in FORMATS.items()},
        report=record.report,
        totals=record.report.get("totals", {}),
        warnings=[Problem(each["text"], each["facts"]) for each in _warnings(record)],
        chart_option=_chart(request, member, record),
    )


@post("/shops/{shop:str}/data/imports/{key:str}/cancel", opt=_WRITE, sync_to_thread=True)
def cancel_import(request: AnyRequest, house: House, member: Member, key: str) -> Response[Any]:
    """Ask a running import to stop; nothing of it is kept."""
    asked = house.db.run(
        lambda tx: request_cancel(
            tx, shop_id=member.shop.id, import_id=inward("imp", key), now=house.real_now()
        )
    )
    text = N_("The import is being stopped.") if asked else N_("The import had ended already.")
    return _back(member, translate(text, _language(request, member)), "info")


@get(
    "/shops/{shop:str}/data/imports/{key:str}/rejects",
    opt={"access": reading(Data.REJECTS)},
    sync_to_thread=True,
)
def rejects(house: House, member: Member, key: str) -> File:
    """Give the file of refused rows: they hold whatever the file held, customers too."""
    with house.db.read() as tx:
        record = import_record(tx, shop_id=member.shop.id, import_id=inward("imp", key))
    path = _rejects_path(house, record)
    if path is None:
        raise NotFound(what=N_("rejects file"), key=key[:60])
    return File(path, filename=f"rejects-{key}.csv", media_type="text/csv; charset=utf-8")


def _warnings(record: ImportRecord) -> list[dict[str, Any]]:
    warnings = list(record.report.get("warnings", ()))
    if older := record.report.get("older"):
        warnings.append({"text": _OLDER, "facts": {"count": older}})
    return warnings


def _chart(request: AnyRequest, member: Member, record: ImportRecord) -> dict[str, Any] | None:
    """Return the chart of ordered and paid money by day; None for fewer than two days."""
    days = record.report.get("days", ())[-_CHART_DAYS:]
    if len(days) < 2:
        return None
    view = render.view_of(request, member)
    series = (
        (N_("Ordered"), "due_minor", "#a9b8c2"),
        (N_("Paid"), "paid_minor", "#0b7a93"),
        (N_("Paid back"), "refunded_minor", "#d6336c"),
    )
    return {
        "units": ["money"],
        "xAxis": {
            "type": "category",
            "data": [words.day_short(view, date.fromisoformat(each["day"])) for each in days],
        },
        "yAxis": {"type": "value"},
        "series": [
            {
                "type": "line",
                "showSymbol": False,
                "name": translate(name, view.language),
                "data": [each[key] for each in days],
                "itemStyle": {"color": color},
            }
            for name, key, color in series
        ],
    }


def _to_columns(member: Member, key: str) -> Response[Any]:
    return render.see_other(f"/shops/{member.shop.slug}/data/uploads/{key}")


def _outcome(request: AnyRequest, member: Member, job: Action) -> str:
    view = render.view_of(request, member)
    text = translate(
        N_(
            "{file}: {read} rows read, {new} new, {changed} changed, "
            "{unchanged} unchanged, {rejected} rejected."
        ),
        view.language,
    )
    if job.receipt["rows"] is None:
        return translate(N_("The import was stopped; nothing of it was kept."), view.language)
    counts = ("read", "new", "changed", "unchanged", "rejected")
    shown = {name: words.number(view, job.receipt["rows"][name]) for name in counts}
    return text.format(file=job.params["file_name"], **shown)


def _language(request: AnyRequest, member: Member) -> str:
    return render.language_of(request, member)


def _back(member: Member, text: str, kind: str) -> Response[Any]:
    return render.see_other(f"/shops/{member.shop.slug}/data", message=text, kind=kind)


def _page(
    request: AnyRequest, house: House, member: Member, form: Form, status: int = 200
) -> Response[str]:
    with house.db.read() as tx:
        saved = saved_mappings(tx, shop_id=member.shop.id)
    return render.page(
        request,
        "data/data.html",
        member=member,
        is_fragment=False,
        status=status,
        form=form,
        summary=summary(house.facts, member.shop.slug),
        kind_names=said("plural"),
        simulated_kinds=simulator.KINDS,
        saved=[(outward("map", each.id), each) for each in saved],
        formats=[(name, each.label) for name, each in FORMATS.items()],
        **_imports(house, member),
    )


def _imports(house: House, member: Member) -> dict[str, Any]:
    with house.db.read() as tx:
        records = imports(tx, shop_id=member.shop.id, limit=IMPORTS_SHOWN)
        jobs = planning.jobs_of(tx, shop_id=member.shop.id, kinds=[uploads.IMPORT_FILE])
        is_awake = is_worker_alive(tx, real_now=house.real_now())
    may_write = member.may(Permission.DATA_WRITE)
    unclear = kept_files(house.settings.uploads, member.shop.id) if may_write else []
    waiting = uploads.waiting(jobs, records, unclear)
    is_open = any(each.is_open for each in waiting)
    return {
        "imports": [(record, outward("imp", record.id)) for record in records],
        "waiting": waiting,
        "is_running": is_open or any(record.state == "running" for record in records),
        "is_stuck": is_open and not is_awake,
        "stages": STAGES,
        "may_write": may_write,
        "unclear": unclear,
    }


def _rejects_path(house: House, record: ImportRecord) -> Path | None:
    if not record.rejects_file:
        return None
    try:
        path = within(house.settings.rejects, record.rejects_file)
    except NotInFolder:
        return None
    return path if path.is_file() else None


def _first_rejects(house: House, record: ImportRecord) -> tuple[list[str], list[list[str]]]:
    path = _rejects_path(house, record)
    if path is None:
        return [], []
    return read_rejects(path, REJECTS_SHOWN)


routes = [data_page, imports_fragment, upload, import_page, cancel_import, rejects]
