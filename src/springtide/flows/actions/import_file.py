"""Import files in the background: a job of the data page, on no campaign's timeline."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any, ClassVar

import msgspec

from springtide.connectors.tabular.mapping import NOT_UNDERSTOOD
from springtide.flows.files import pending
from springtide.flows.files.imports import Imported, import_file, import_order
from springtide.flows.files.table_load import Cancelled, Target
from springtide.flows.timeline.action import Context
from springtide.kit.errors import N_, FinalError, Refusal
from springtide.kit.ids import outward


class BroughtFile(msgspec.Struct):
    """An uploaded file: its key, what it is called, when it was last changed (Unix ms).

    Jobs of older releases have a ``path`` in its place, which counts for its last two names alone.
    """

    upload: str = ""
    name: str = ""
    modified_ms: int | None = None
    path: str = ""


class ImportFileParams(msgspec.Struct):
    """The uploads, and how to read them; ``file_name`` is what a person sees of them."""

    files: list[BroughtFile] = []
    file_name: str = ""
    format: str | None = None
    mapping: dict[str, Any] | None = None
    mapping_name: str | None = None
    is_strict: bool = False


class ImportFile:
    """Imports files; begun again after a crash it brings what is missing, nothing twice."""

    kind: ClassVar[str] = "import_file"
    label: ClassVar[str] = N_("Import a file")
    params: ClassVar[type] = ImportFileParams
    is_long: ClassVar[bool] = True
    is_outward: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = ()
    opens: ClassVar[str] = ""

    def check(self, context: Context, params: ImportFileParams) -> None:
        """Give up on a file that is gone."""
        _places(context, params)

    def do(self, context: Context, params: ImportFileParams) -> Any:
        """Import them, each as far as it can be; the receipt counts the rows of all."""
        receipt = context.kept("imported")
        if receipt is not None:
            _tidy(context, params.files)
            return receipt
        return self._bring(context, params)

    def undo(self, context: Context, receipt: Any) -> None:
        """Nothing: facts are never taken back, only corrected by newer ones."""

    def _bring(self, context: Context, params: ImportFileParams) -> Any:
        by_path = _places(context, params)
        done: list[Imported] = []
        refused: Refusal | None = None
        waiting: set[Path] = set()
        for path in import_order(list(by_path), context.house.lake.spill):
            try:
                done.append(self._bring_one(context, params, path, by_path[path]))
            except Cancelled:
                break
            except Refusal as refusal:
                refused = refused or refusal
                if isinstance(refusal, NOT_UNDERSTOOD):
                    waiting.add(path)
        over = [each for path, each in by_path.items() if path not in waiting]
        for path in waiting:
            each, uploads = by_path[path], context.house.settings.uploads
            pending.keep(
                uploads, context.shop.id, pending.key_of(path), each.name, each.modified_ms
            )
        if refused:
            _tidy(context, over)
            raise refused
        counts = [msgspec.to_builtins(each.rows) for each in done]
        receipt = {
            "imports": [outward("imp", table.import_id) for each in done for table in each.parts],
            "rows": {name: sum(each[name] for each in counts) for name in counts[0]}
            if counts
            else None,
        }
        receipt = context.step("imported", lambda _tx: receipt)
        _tidy(context, over)
        return receipt

    def _bring_one(
        self, context: Context, params: ImportFileParams, path: Path, file: BroughtFile
    ) -> Imported:
        house = context.house
        told = ""

        def progress(stage: str) -> None:
            nonlocal told
            context.checkpoint()
            # Told once: many that wait for their turn leave the database to those at work.
            if stage != told:
                told = stage
                context.report(0, 0, stage)

        modified = file.modified_ms
        return import_file(
            Target(house.db, house.lake, house.settings.rejects, house.real_now),
            path,
            shop=context.shop,
            actor=context.actor,
            kind=params.format,
            mapping=params.mapping,
            mapping_name=params.mapping_name,
            is_strict=params.is_strict,
            file_name=file.name or None,
            modified_at=datetime.fromtimestamp(modified / 1000, UTC) if modified else None,
            progress=progress,
        )


def _places(context: Context, params: ImportFileParams) -> dict[Path, BroughtFile]:
    """Return where the files lie among the shop's uploads; gives up on one that does not."""
    uploads, shop_id = context.house.settings.uploads, context.shop.id
    found = {}
    for each in params.files:
        place = (
            pending.uploaded(uploads, shop_id, each.upload)
            if each.upload
            else pending.uploaded_before(uploads, shop_id, each.path)
        )
        if place is None:
            raise FinalError(each.name or PurePath(each.path).name)
        found[place] = each
    return found


def _tidy(context: Context, files: Iterable[BroughtFile]) -> None:
    for each in files:
        key = pending.key_in({"upload": each.upload, "path": each.path})
        pending.drop(context.house.settings.uploads, context.shop.id, key)
