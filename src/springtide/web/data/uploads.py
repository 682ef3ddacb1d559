"""Files that people upload: kept on disk, handed to the durable worker, watched a moment."""

import re
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar.datastructures import UploadFile

from springtide.bootstrap import House
from springtide.connectors.tabular.mapping import DOCUMENT_MAX, read_mapping
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member
from springtide.domain.imports.mappings import mapping_of
from springtide.domain.imports.model import ImportRecord
from springtide.flows.files import pending
from springtide.flows.files.pending import KeptFile
from springtide.flows.timeline import planning
from springtide.flows.timeline.model import Action, State
from springtide.flows.timeline.worker_slots import is_worker_alive
from springtide.kit.errors import N_, NotFound, Refusal, printable
from springtide.kit.ids import inward

IMPORT_FILE = "import_file"
#: How long the answer waits for a small file, so that its outcome is said at once.
PATIENCE_SECONDS = 2.0
_LOOK_SECONDS = 0.1
_JOBS_SHOWN = 10
#: Files that one form may bring.
FILES_MAX = 20
# Until the year 2100.
_MILLISECONDS = re.compile(r"\d{12,13}")
_OVER = (State.DONE, State.FAILED, State.NEEDS_PERSON, State.CANCELLED)
#: States of a job whose file was not taken in.
NOT_TAKEN = (State.FAILED, State.NEEDS_PERSON)


class TooManyFiles(Refusal):
    """More files at once than one form may bring."""

    code = "too_many_files"
    text = N_("At most {most} files at once, please: these are {count}.")


@dataclass
class Upload:
    """The form: files, optionally their format, and a mapping file or a saved mapping.

    With ``look`` the files are not imported yet: a person wants to see their columns first.
    ``modified`` holds when each file was last changed, in Unix milliseconds, as the browser has
    it.
    """

    #: One file, several, or a text where none was chosen.
    file: Any = None
    modified: str = ""
    mapping: UploadFile | None = None
    format: str = ""
    saved: str = ""
    look: str = ""
    strict: str = ""
    csrf_token: str = ""

    @property
    def files(self) -> list[UploadFile]:
        """The files that were chosen; one comes alone, and a form without any sends a text."""
        sent = self.file if isinstance(self.file, list) else [self.file]
        return [each for each in sent if isinstance(each, UploadFile) and each.filename]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that has no import of its own (yet): waiting, or given up before it began."""

    file_name: str
    job: Action

    @property
    def is_open(self) -> bool:
        """Whether a worker will still take it."""
        return self.job.state not in _OVER

    @property
    def words(self) -> tuple[str, str]:
        """The state that picks the badge's colour, and its text."""
        return ("queued", N_("Waiting")) if self.is_open else ("refused", N_("Refused"))


def hand_over(house: House, member: Member, upload: Upload) -> Action:
    """Keep the file and give the worker the job of importing it; refuses an unreadable mapping."""
    _check_count(upload)
    mapping, mapping_name = _mapping(house, member, upload)
    files = _keep(house, member, upload)
    params = {
        "files": files,
        "file_name": ", ".join(str(each["name"]) for each in files),
        "format": upload.format or None,
        "mapping": mapping,
        "mapping_name": mapping_name,
        "is_strict": bool(upload.strict),
    }
    try:
        return enqueue(house, member, params)
    except BaseException:
        _drop(house, member, files)
        raise


def let_wait(house: House, member: Member, upload: Upload) -> list[str]:
    """Keep files till somebody has said what their columns mean; return their keys."""
    _check_count(upload)
    return [
        pending.keep(
            house.settings.uploads,
            member.shop.id,
            each["upload"],
            each["name"],
            each["modified_ms"],
        )
        for each in _keep(house, member, upload)
    ]


def waiting_key(house: House, member: Member, job: Action) -> str | None:
    """Return the key of the first file of a job that waits for its columns."""
    for each in job.params.get("files", ()):
        try:
            return pending.kept_file(
                house.settings.uploads, member.shop.id, pending.key_in(each)
            ).key
        except NotFound:
            continue
    return None


def enqueue(house: House, member: Member, params: Mapping[str, Any]) -> Action:
    """Give the worker the job of importing files."""
    return house.db.run(
        lambda tx: planning.enqueue(
            Act.of(tx, member.shop, member.actor), kind=IMPORT_FILE, params=dict(params)
        )
    )


def watch(house: House, member: Member, job: Action) -> Action:
    """Wait a moment for a job; return it as it then stands."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with house.db.read() as tx:
            seen = planning.action(tx, shop_id=member.shop.id, action_id=job.id)
            is_awake = is_worker_alive(tx, real_now=house.real_now())
        if seen.state in _OVER or not is_awake or time.monotonic() > deadline:
            return seen
        time.sleep(_LOOK_SECONDS)


def waiting(
    jobs: Sequence[Action], records: Sequence[ImportRecord], unclear: Sequence[KeptFile]
) -> list[Waiting]:
    """Return the jobs that nothing else on the page tells about."""
    known = [record.file_name for record in records if record.state in ("refused", "failed")]
    running = [record.file_name for record in records if record.state == "running"]
    # Files that wait for their columns, and those that a later job has taken up again.
    elsewhere = {each.key for each in unclear}
    found = []
    for job in jobs:
        files = job.params.get("files", ())
        names = tuple(str(each.get("name", "")) for each in files)
        told = known if job.state in NOT_TAKEN else running
        # A sheet of a workbook is called by the workbook's name first.
        is_told = any(name.startswith(names) for name in told)
        keys = {pending.key_in(each) for each in files}
        is_told = is_told or (job.state in NOT_TAKEN and bool(keys & elsewhere))
        elsewhere |= keys
        if job.state not in (State.DONE, State.CANCELLED) and not is_told:
            found.append(Waiting(str(job.params.get("file_name", "")), job))
    return found[:_JOBS_SHOWN]


def _check_count(upload: Upload) -> None:
    if len(upload.files) > FILES_MAX:
        raise TooManyFiles(most=FILES_MAX, count=len(upload.files))


def _keep(house: House, member: Member, upload: Upload) -> list[dict[str, Any]]:
    """Write what was sent, each file into a folder of its own."""
    with house.db.read() as tx:
        jobs = planning.unfinished_jobs(tx, kind=IMPORT_FILE)
    held = {pending.key_in(each) for job in jobs for each in job.params.get("files", ())}
    pending.sweep(house.settings.uploads, house.real_now(), held)
    times = upload.modified.split(",")
    files: list[dict[str, Any]] = []
    try:
        for number, sent in enumerate(upload.files):
            modified = times[number] if number < len(times) else ""
            told = int(modified) if _MILLISECONDS.fullmatch(modified) else None
            files.append({**_keep_one(house, member, sent), "modified_ms": told})
    except BaseException:
        _drop(house, member, files)
        raise
    return files


def _drop(house: House, member: Member, files: Sequence[Mapping[str, Any]]) -> None:
    for each in files:
        pending.drop(house.settings.uploads, member.shop.id, each["upload"])


def _mapping(
    house: House, member: Member, upload: Upload
) -> tuple[Mapping[str, Any] | None, str | None]:
    """Return the mapping that the form names, and what it is called."""
    sent = upload.mapping
    if sent is not None and sent.filename:
        with tempfile.TemporaryDirectory() as place:
            is_json = sent.filename.lower().endswith(".json")
            written = Path(place) / f"mapping.{'json' if is_json else 'toml'}"
            written.write_bytes(sent.file.read(DOCUMENT_MAX + 1))
            return read_mapping(written), None
    if upload.saved:
        with house.db.read() as tx:
            mapping_id = inward("map", upload.saved)
            saved = mapping_of(tx, shop_id=member.shop.id, mapping_id=mapping_id)
        return saved.document, saved.name
    return None, None


def _keep_one(house: House, member: Member, sent: UploadFile) -> dict[str, Any]:
    name = printable(Path(sent.filename.replace("\\", "/")).name[-pending.NAME_MAX :]) or "file"
    path = pending.new_place(house.settings.uploads, member.shop.id, name)
    key = pending.key_of(path)
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(sent.file, file, 1 << 20)
    except BaseException:
        pending.drop(house.settings.uploads, member.shop.id, key)
        raise
    return {"upload": key, "name": name}
