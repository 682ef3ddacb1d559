"""Files that people upload: kept on disk, handed to the durable worker, watched a moment."""

import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from litestar.datastructures import UploadFile

from springtide.bootstrap import House
from springtide.connectors.tabular.mapping import read_mapping
from springtide.domain.access.model import Member
from springtide.domain.facts.model import ImportRecord
from springtide.flows import timeline
from springtide.flows.model import Action, State
from springtide.flows.presence import is_worker_alive
from springtide.kit.errors import N_, Refusal

IMPORT_FILE = "import_file"
#: How long the answer waits for a small file, so that its outcome is said at once.
PATIENCE_SECONDS = 2.0
_LOOK_SECONDS = 0.1
_NAME_MAX = 120
_NAME_BYTES = 200
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
    """The form: files, optionally their format and a mapping file, and how strict to be.

    ``modified`` holds when each file was last changed, in Unix milliseconds, as the browser has
    it.
    """

    file: list[UploadFile] | str | None = None
    modified: str = ""
    mapping: UploadFile | None = None
    format: str = ""
    strict: str = ""
    csrf_token: str = ""

    @property
    def files(self) -> list[UploadFile]:
        """The files that were chosen; a form without any sends an empty text."""
        sent = self.file if isinstance(self.file, list) else []
        return [each for each in sent if each.filename]


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
    if len(upload.files) > FILES_MAX:
        raise TooManyFiles(most=FILES_MAX, count=len(upload.files))
    folder = (house.settings.data / "uploads" / uuid4().hex).resolve()
    try:
        params = _kept(folder, upload)
        with house.db.write() as tx:
            return timeline.enqueue(
                tx,
                shop=member.shop,
                kind=IMPORT_FILE,
                params=params,
                actor=member.actor,
                now=house.now(member.shop),
            )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def watch(house: House, member: Member, job: Action) -> Action:
    """Wait a moment for a job; return it as it then stands."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with house.db.read() as tx:
            seen = timeline.action(tx, shop_id=member.shop.id, action_id=job.id)
            is_awake = is_worker_alive(tx, real_now=house.real_now())
        if seen.state in _OVER or not is_awake or time.monotonic() > deadline:
            return seen
        time.sleep(_LOOK_SECONDS)


def waiting(jobs: Sequence[Action], records: Sequence[ImportRecord]) -> list[Waiting]:
    """Return the jobs that no import in the list tells about."""
    known = [record.file_name for record in records if record.state in ("refused", "failed")]
    running = [record.file_name for record in records if record.state == "running"]
    found = []
    for job in jobs:
        names = tuple(str(each.get("name", "")) for each in job.params.get("files", ()))
        told = known if job.state in NOT_TAKEN else running
        # A sheet of a workbook is called by the workbook's name first.
        is_told = any(name.startswith(names) for name in told)
        if job.state not in (State.DONE, State.CANCELLED) and not is_told:
            found.append(Waiting(str(job.params.get("file_name", "")), job))
    return found[:_JOBS_SHOWN]


def _kept(folder: Path, upload: Upload) -> dict[str, Any]:
    """Write what was sent into a folder of its own; return the parameters of the job."""
    folder.mkdir(parents=True)
    times = upload.modified.split(",")
    files = []
    for number, sent in enumerate(upload.files):
        modified = times[number] if number < len(times) else ""
        files.append(
            {
                **_keep_one(folder / str(number), sent),
                "modified_ms": int(modified) if _MILLISECONDS.fullmatch(modified) else None,
            }
        )
    mapping = None
    if upload.mapping is not None and upload.mapping.filename:
        is_json = upload.mapping.filename.lower().endswith(".json")
        written = folder / f".mapping.{'json' if is_json else 'toml'}"
        written.write_bytes(upload.mapping.file.read(1_000_000))
        mapping = read_mapping(written)
    return {
        "files": files,
        "file_name": ", ".join(str(each["name"]) for each in files),
        "format": upload.format or None,
        "mapping": mapping,
        "is_strict": bool(upload.strict),
        "is_upload": True,
    }


def _keep_one(folder: Path, sent: UploadFile) -> dict[str, Any]:
    folder.mkdir()
    name = Path(sent.filename.replace("\\", "/")).name[-_NAME_MAX:] or "file"
    # Under its own name, which refusals say, unless a file cannot be called so.
    is_name = name.isprintable() and name.strip(".") and len(name.encode()) <= _NAME_BYTES
    path = folder / (name if is_name else f"upload{Path(name).suffix[:12]}")
    with path.open("wb") as file:
        shutil.copyfileobj(sent.file, file, 1 << 20)
    return {"path": str(path), "name": name}
