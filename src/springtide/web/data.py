"""The data page: what the shop's numbers rest on, files brought in, rows that were refused."""

import csv
import shutil
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import File

from springtide.bootstrap import House
from springtide.connectors.files import FORMATS
from springtide.connectors.tabular.mapping import read_mapping
from springtide.domain.access.model import Actor, Member, Needs, NotAllowed, Permission, Shop
from springtide.domain.facts.model import ImportRecord
from springtide.domain.facts.queries import import_record, imports, summary
from springtide.flows.importing import Imported, Target, import_file
from springtide.kit.errors import N_, NotFound, Refusal
from springtide.kit.i18n import translate
from springtide.kit.ids import inward, outward
from springtide.web import render, words
from springtide.web.forms import Form
from springtide.web.log_in import Missing
from springtide.web.navigation import NavItem

nav = NavItem(80, N_("Data"), "database-import", "data", Permission.READ)

UPLOAD_BYTES_MAX = 500_000_000
IMPORTS_SHOWN = 30
REJECTS_SHOWN = 50
#: How long the answer waits for a small file, so that its outcome is said at once.
_PATIENCE_SECONDS = 2.0
_NAME_MAX = 120

STAGES = {
    "reading": N_("Reading the file"),
    "checking": N_("Checking each row"),
    "people": N_("Customers and products"),
    "comparing": N_("Comparing with what is known"),
    "writing": N_("Writing"),
    "committing": N_("Making it count"),
    "committed": N_("Making it count"),
    "done": N_("Done"),
}
#: How far along each stage is, of 100: stages, not rows, so that no progress is invented.
_PROGRESS = {"reading": 15, "checking": 40, "people": 55, "comparing": 70, "writing": 85}
FORMAT_NAMES = {
    "generic": N_("Any table with a header"),
    "completejourney": N_("The Complete Journey"),
}
#: What a kind of fact is called in the summary.
KINDS = {
    "view": N_("Views"),
    "favourite": N_("Favourites"),
    "cart": N_("Carts"),
    "claim": N_("Coupon claims"),
    "redemption": N_("Coupon redemptions"),
    "order": N_("Order lines"),
    "payment": N_("Payments"),
    "refund": N_("Refunds"),
    "message": N_("Messages"),
    "click": N_("Clicks"),
    "opt_out": N_("Opt-outs"),
}

AnyRequest = Request[Any, Any, Any]
_READ = {"access": Needs(Permission.READ)}
_WRITE = {"access": Needs(Permission.DATA_WRITE)}


@dataclass
class Upload:
    """The form: a file, optionally its format and a mapping file, and how strict to be."""

    file: UploadFile | None = None
    mapping: UploadFile | None = None
    format: str = ""
    strict: str = ""
    csrf_token: str = ""


class Importer:
    """The imports of this process: one after the other, beside the pages."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def start(self, house: House, shop: Shop, actor: Actor, job: "Job") -> Future[Imported]:
        """Begin to import; the file is removed afterwards."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="import")
            return self._pool.submit(_run, house, shop, actor, job)


@dataclass(frozen=True, slots=True)
class Job:
    """One file to import, in a folder of its own."""

    path: Path
    name: str
    kind: str | None
    mapping: Mapping[str, Any] | None
    is_strict: bool


_importer = Importer()


@get("/shops/{shop:str}/data", opt=_READ, sync_to_thread=True)
def data_page(request: AnyRequest, house: House, member: Member) -> Response[str]:
    """Show what the shop knows and its imports."""
    return _page(request, house, member, Form())


@get("/shops/{shop:str}/data/imports", opt=_READ, sync_to_thread=True)
def imports_fragment(request: AnyRequest, house: House, member: Member) -> Response[str]:
    """Return the list of imports alone, for the page that watches one run."""
    return render.page(request, "_imports.html", member=member, **_imports(house, member))


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
    typed = {"format": data.format, "strict": data.strict}
    if data.file is None or not data.file.filename:
        return _page(request, house, member, Form(typed, {"file": Missing()}), status=422)
    folder = house.settings.data / "uploads" / uuid4().hex
    try:
        job = _stored(folder, data)
        running = _importer.start(house, member.shop, member.actor, job)
        done = running.result(timeout=_PATIENCE_SECONDS)
    except StillRunning:
        text = translate(N_("The file is being imported."), _language(request, member))
        return _back(member, text, "info")
    except Refusal as refusal:
        shutil.rmtree(folder, ignore_errors=True)
        form = Form.refused(typed | {"_": ""}, refusal)
        return _page(request, house, member, form, status=refusal.status)
    return _back(member, _outcome(request, member, done), "success")


@get("/shops/{shop:str}/data/imports/{key:str}", opt=_READ, sync_to_thread=True)
def import_page(request: AnyRequest, house: House, member: Member, key: str) -> Response[str]:
    """Show one import: its counts and the first rows that were refused."""
    with house.db.read() as tx:
        record = import_record(tx, shop_id=member.shop.id, import_id=inward("imp", key))
    columns, rows = _first_rejects(house, record)
    return render.page(
        request,
        "import.html",
        member=member,
        record=record,
        columns=columns,
        rows=rows,
        stages=STAGES,
        format_names=FORMAT_NAMES,
    )


@get("/shops/{shop:str}/data/imports/{key:str}/rejects", opt=_READ, sync_to_thread=True)
def rejects(house: House, member: Member, key: str) -> File:
    """Give the file of refused rows."""
    # The rows hold whatever the file held: customers too.
    if not member.may(Permission.CUSTOMERS_READ):
        raise NotAllowed(permission=Permission.CUSTOMERS_READ)
    with house.db.read() as tx:
        record = import_record(tx, shop_id=member.shop.id, import_id=inward("imp", key))
    path = _rejects_path(house, record)
    if path is None:
        raise NotFound(what="rejects file", key=key[:60])
    return File(path, filename=f"rejects-{key}.csv", media_type="text/csv; charset=utf-8")


def _run(house: House, shop: Shop, actor: Actor, job: Job) -> Imported:
    target = Target(house.db, house.lake, house.settings.rejects, house.real_now)
    try:
        return import_file(
            target,
            job.path,
            shop=shop,
            actor=actor,
            kind=job.kind,
            mapping=job.mapping,
            is_strict=job.is_strict,
            file_name=job.name,
        )
    finally:
        shutil.rmtree(job.path.parent, ignore_errors=True)


def _stored(folder: Path, data: Upload) -> Job:
    """Write what was sent into a folder; refuse a mapping that cannot be read."""
    folder.mkdir(parents=True)
    assert data.file is not None
    name = Path(data.file.filename.replace("\\", "/")).name[-_NAME_MAX:] or "file"
    path = folder / f"upload{Path(name).suffix[:12]}"
    with path.open("wb") as file:
        shutil.copyfileobj(data.file.file, file, 1 << 20)
    mapping = None
    if data.mapping is not None and data.mapping.filename:
        is_json = data.mapping.filename.lower().endswith(".json")
        written = folder / f"mapping.{'json' if is_json else 'toml'}"
        written.write_bytes(data.mapping.file.read(1_000_000))
        mapping = read_mapping(written)
    return Job(path, name, data.format or None, mapping, bool(data.strict))


def _outcome(request: AnyRequest, member: Member, done: Imported) -> str:
    view = render.view_of(request, member)
    text = translate(
        N_(
            "{file}: {read} rows read, {new} new, {changed} changed, "
            "{unchanged} unchanged, {rejected} rejected."
        ),
        view.language,
    )
    counts = ("read", "new", "changed", "unchanged", "rejected")
    shown = {name: words.number(view, getattr(done.rows, name)) for name in counts}
    return text.format(file=done.file, **shown)


def _language(request: AnyRequest, member: Member) -> str:
    return render.language_of(request, member)


def _back(member: Member, text: str, kind: str) -> Response[Any]:
    return render.see_other(f"/shops/{member.shop.slug}/data", message=text, kind=kind)


def _page(
    request: AnyRequest, house: House, member: Member, form: Form, status: int = 200
) -> Response[str]:
    return render.page(
        request,
        "data.html",
        member=member,
        status=status,
        form=form,
        summary=summary(house.facts, member.shop.slug),
        kind_names=KINDS,
        formats=[(name, FORMAT_NAMES.get(name, name)) for name in FORMATS],
        may_write=member.may(Permission.DATA_WRITE),
        **_imports(house, member),
    )


def _imports(house: House, member: Member) -> dict[str, Any]:
    with house.db.read() as tx:
        records = imports(tx, shop_id=member.shop.id, limit=IMPORTS_SHOWN)
    return {
        "imports": [(record, outward("imp", record.id)) for record in records],
        "is_running": any(record.state == "running" for record in records),
        "stages": STAGES,
        "stage_progress": _PROGRESS,
    }


def _rejects_path(house: House, record: ImportRecord) -> Path | None:
    if not record.rejects_file:
        return None
    path = house.settings.rejects / Path(record.rejects_file).name
    return path if path.is_file() else None


def _first_rejects(house: House, record: ImportRecord) -> tuple[list[str], list[list[str]]]:
    path = _rejects_path(house, record)
    if path is None:
        return [], []
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        return header, [row for row, _ in zip(rows, range(REJECTS_SHOWN), strict=False)]


routes = [data_page, imports_fragment, upload, import_page, rejects]
