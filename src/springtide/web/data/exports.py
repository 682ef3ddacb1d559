"""Every table that pages show as a file: CSV for spreadsheets, XLSX, Parquet."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from litestar import Request, get
from litestar.background_tasks import BackgroundTask
from litestar.response import File

from springtide.bootstrap import House
from springtide.domain.access.model import Member, Needs, Permission, reading
from springtide.flows.files.export import PAGE_ROWS_MAX, export, export_named
from springtide.kit.errors import N_, Refusal
from springtide.kit.i18n import translate
from springtide.web.frame import render, sessions

_MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
_AT_ONCE = 2
_PATIENCE_SECONDS = 30
_turns = threading.BoundedSemaphore(_AT_ONCE)


class ExportsBusy(Refusal):
    """As many exports under way as the machine should make at once."""

    code = "exports_busy"
    status = 503
    text = N_("Other exports are being made: try again in a minute.")


@get(
    "/shops/{shop:str}/exports/{file:str}",
    opt={"access": Needs(Permission.READ)},
    sync_to_thread=True,
)
def export_file(request: Request[Any, Any, Any], house: House, member: Member, file: str) -> File:
    """Make an export and give it; the file is called by its name and format."""
    name, _, format_ = file.partition(".")
    kind = export_named(name)
    sessions.check_role(member, reading(kind.data).permission)
    language = render.language_of(request, member)
    folder = Path(tempfile.mkdtemp(dir=house.lake.spill, prefix="export-"))
    try:
        with _turn():
            export(
                house,
                member.shop,
                member.actor,
                name=name,
                format_=format_,
                given=dict(request.query_params),
                path=folder / "table",
                translate=lambda text: translate(text, language),
                most=PAGE_ROWS_MAX,
            )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    day = house.now(member.shop).astimezone(member.shop.tz).strftime("%Y%m%d")
    return File(
        folder / "table",
        filename=f"{member.shop.slug}-{name}-{day}.{format_}",
        media_type=_MEDIA_TYPES[format_],
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=_PATIENCE_SECONDS):
        raise ExportsBusy
    try:
        yield
    finally:
        _turns.release()


routes = [export_file]
