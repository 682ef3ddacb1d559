"""Actions that note each effect, so that a test can count them."""

import time
from functools import partial
from typing import Any, ClassVar

import msgspec
from sqlalchemy import Connection, text

from springtide.flows.timeline.action import Context
from springtide.kit.errors import FinalError, NeedsPersonError, PassingError


def make_notes(tx: Connection) -> None:
    tx.execute(text("create table notes (what varchar(200) not null)"))


def note(tx: Connection, what: str) -> str:
    tx.execute(text("insert into notes values (:what)"), {"what": what})
    return what


def notes(tx: Connection) -> list[str]:
    return [row.what for row in tx.execute(text("select what from notes"))]


class NoteParams(msgspec.Struct):
    """What to note, in how many steps, and how to fail."""

    what: str
    steps: int = 1
    step_ms: int = 0
    fail: str = ""
    fail_times: int = 1


class Note:
    """Notes in steps of one transaction each."""

    kind: ClassVar[str] = "note"
    label: ClassVar[str] = "Note"
    params: ClassVar[type] = NoteParams
    is_long: ClassVar[bool] = False
    is_outward: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = ()
    opens: ClassVar[str] = ""

    def check(self, context: Context, params: NoteParams) -> None:
        """Nothing to refuse."""

    def do(self, context: Context, params: NoteParams) -> Any:
        done = []
        for number in range(params.steps):
            what = f"do {params.what} {number}"
            done.append(context.step(str(number), partial(note, what=what)))
            context.report(number + 1, params.steps)
            if params.step_ms:
                time.sleep(params.step_ms / 1000)
        _fail(context, params)
        return done

    def undo(self, context: Context, receipt: Any) -> None:
        for what in reversed(receipt or []):
            context.step(what, partial(note, what="un" + what))


class LongNote(Note):
    """The same, beside the others."""

    kind: ClassVar[str] = "long_note"
    is_long: ClassVar[bool] = True
    is_outward: ClassVar[bool] = False


def _fail(context: Context, params: NoteParams) -> None:
    kinds = {"passing": PassingError, "final": FinalError, "person": NeedsPersonError}
    if not params.fail:
        return
    with context.house.db.write() as tx:
        note(tx, "try")
        tried = notes(tx).count("try")
    if tried <= params.fail_times:
        raise kinds.get(params.fail, RuntimeError)("the sea was rough")
