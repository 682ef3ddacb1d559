"""Files that people upload: kept on disk, handed to the durable worker, watched a moment."""

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
from springtide.kit.errors import N_

IMPORT_FILE = "import_file"
#: How long the answer waits for a small file, so that its outcome is said at once.
PATIENCE_SECONDS = 2.0
_LOOK_SECONDS = 0.1
_NAME_MAX = 120
_NAME_BYTES = 200
_JOBS_SHOWN = 10
_OVER = (State.DONE, State.FAILED, State.NEEDS_PERSON, State.CANCELLED)
#: States of a job whose file was not taken in.
NOT_TAKEN = (State.FAILED, State.NEEDS_PERSON)


@dataclass
class Upload:
    """The form: a file, optionally its format and a mapping file, and how strict to be."""

    file: UploadFile | None = None
    mapping: UploadFile | None = None
    format: str = ""
    strict: str = ""
    csrf_token: str = ""


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
    known = {record.file_name for record in records if record.state in ("refused", "failed")}
    running = {record.file_name for record in records if record.state == "running"}
    found = []
    for job in jobs:
        name = str(job.params.get("file_name", ""))
        is_told = name in (known if job.state in NOT_TAKEN else running)
        if job.state not in (State.DONE, State.CANCELLED) and not is_told:
            found.append(Waiting(name, job))
    return found[:_JOBS_SHOWN]


def _kept(folder: Path, upload: Upload) -> dict[str, Any]:
    """Write what was sent into a folder of its own; return the parameters of the job."""
    folder.mkdir(parents=True)
    assert upload.file is not None
    name = Path(upload.file.filename.replace("\\", "/")).name[-_NAME_MAX:] or "file"
    # Under its own name, which refusals say, unless a file cannot be called so.
    is_name = name.isprintable() and name.strip(".") and len(name.encode()) <= _NAME_BYTES
    path = folder / (name if is_name else f"upload{Path(name).suffix[:12]}")
    with path.open("wb") as file:
        shutil.copyfileobj(upload.file.file, file, 1 << 20)
    mapping = None
    if upload.mapping is not None and upload.mapping.filename:
        is_json = upload.mapping.filename.lower().endswith(".json")
        written = folder / f".mapping.{'json' if is_json else 'toml'}"
        written.write_bytes(upload.mapping.file.read(1_000_000))
        mapping = read_mapping(written)
    return {
        "path": str(path),
        "file_name": name,
        "format": upload.format or None,
        "mapping": mapping,
        "is_strict": bool(upload.strict),
        "is_upload": True,
    }
