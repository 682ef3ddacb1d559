"""Import files in the background: a job of the data page, on no campaign's timeline."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from springtide.connectors.tabular.mapping import NOT_UNDERSTOOD
from springtide.flows import kept
from springtide.flows.bringing import Cancelled, Target
from springtide.flows.importing import Imported, import_file, import_order
from springtide.flows.protocol import Context
from springtide.kit.errors import N_, FinalError, Refusal
from springtide.kit.ids import outward


class BroughtFile(msgspec.Struct):
    """A file to import: where it lies, what it is called, when it was last changed (Unix ms)."""

    path: str
    name: str = ""
    modified_ms: int | None = None


class ImportFileParams(msgspec.Struct):
    """The files, and how to read them; ``file_name`` is what a person sees of them."""

    files: list[BroughtFile] = []
    file_name: str = ""
    format: str | None = None
    mapping: dict[str, Any] | None = None
    mapping_name: str | None = None
    is_strict: bool = False
    #: Whether each file lies in a folder made for it alone, which goes away with the job.
    is_upload: bool = False


class ImportFile:
    """Imports files; begun again after a crash it brings what is missing, nothing twice."""

    kind: ClassVar[str] = "import_file"
    label: ClassVar[str] = N_("Import a file")
    params: ClassVar[type] = ImportFileParams
    is_long: ClassVar[bool] = True

    def check(self, context: Context, params: ImportFileParams) -> None:
        """Give up on a file that is gone."""
        for each in params.files:
            if not Path(each.path).is_file():
                raise FinalError(each.name or Path(each.path).name)

    def do(self, context: Context, params: ImportFileParams) -> Any:
        """Import them, each as far as it can be; the receipt counts the rows of all."""
        receipt = context.kept("imported")
        if receipt is not None:
            _tidy(params, params.files)
            return receipt
        return self._bring(context, params)

    def undo(self, context: Context, receipt: Any) -> None:
        """Nothing: facts are never taken back, only corrected by newer ones."""

    def _bring(self, context: Context, params: ImportFileParams) -> Any:
        by_path = {Path(each.path): each for each in params.files}
        done: list[Imported] = []
        refused: Refusal | None = None
        waiting: set[Path] = set()
        for path in import_order(list(by_path), context.house.lake.spill):
            try:
                done.append(self._bring_one(context, params, by_path[path]))
            except Cancelled:
                break
            except Refusal as refusal:
                refused = refused or refusal
                if isinstance(refusal, NOT_UNDERSTOOD):
                    waiting.add(path)
        if params.is_upload:
            for path in waiting:
                kept.keep(path, by_path[path].name, by_path[path].modified_ms)
        over = [each for path, each in by_path.items() if path not in waiting]
        if refused:
            _tidy(params, over)
            raise refused
        counts = [msgspec.to_builtins(each.rows) for each in done]
        receipt = {
            "imports": [outward("imp", table.import_id) for each in done for table in each.parts],
            "rows": {name: sum(each[name] for each in counts) for name in counts[0]}
            if counts
            else None,
        }
        receipt = context.step("imported", lambda _tx: receipt)
        _tidy(params, over)
        return receipt

    def _bring_one(self, context: Context, params: ImportFileParams, file: BroughtFile) -> Imported:
        house = context.house

        def progress(stage: str) -> None:
            context.checkpoint()
            context.report(0, 0, stage)

        modified = file.modified_ms
        return import_file(
            Target(house.db, house.lake, house.settings.rejects, house.real_now),
            Path(file.path),
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


def _tidy(params: ImportFileParams, files: Iterable[BroughtFile]) -> None:
    if params.is_upload:
        for each in files:
            kept.drop(Path(each.path))
