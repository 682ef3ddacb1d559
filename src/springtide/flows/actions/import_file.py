"""Import a file in the background: a job of the data page, on no campaign's timeline."""

import shutil
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from springtide.flows.bringing import Target
from springtide.flows.importing import import_file
from springtide.flows.protocol import Context
from springtide.kit.errors import N_, FinalError, Refusal
from springtide.kit.ids import outward


class ImportFileParams(msgspec.Struct):
    """Where the file lies, what it is called, and how to read it."""

    path: str
    file_name: str = ""
    format: str | None = None
    mapping: dict[str, Any] | None = None
    is_strict: bool = False
    #: Whether the file lies in a folder made for it alone, which goes away with the job.
    is_upload: bool = False


class ImportFile:
    """Imports one file; begun again after a crash it brings what is missing, nothing twice."""

    kind: ClassVar[str] = "import_file"
    label: ClassVar[str] = N_("Import a file")
    params: ClassVar[type] = ImportFileParams
    is_long: ClassVar[bool] = True

    def check(self, context: Context, params: ImportFileParams) -> None:
        """Give up on a file that is gone."""
        if not Path(params.path).is_file():
            raise FinalError(params.file_name or Path(params.path).name)

    def do(self, context: Context, params: ImportFileParams) -> Any:
        """Import it; the receipt counts the rows."""
        receipt = context.kept("imported")
        try:
            if receipt is None:
                receipt = self._bring(context, params)
        except Refusal:
            _tidy(params)  # it cannot get better by itself
            raise
        _tidy(params)
        return receipt

    def undo(self, context: Context, receipt: Any) -> None:
        """Nothing: facts are never taken back, only corrected by newer ones."""

    def _bring(self, context: Context, params: ImportFileParams) -> Any:
        house = context.house

        def progress(stage: str) -> None:
            context.checkpoint()
            context.report(0, 0, stage)

        done = import_file(
            Target(house.db, house.lake, house.settings.rejects, house.real_now),
            Path(params.path),
            shop=context.shop,
            actor=context.actor,
            kind=params.format,
            mapping=params.mapping,
            is_strict=params.is_strict,
            file_name=params.file_name or None,
            progress=progress,
        )
        receipt = {
            "import": outward("imp", done.import_id),
            "format": done.format,
            "rows": msgspec.to_builtins(done.rows),
        }
        return context.step("imported", lambda _tx: receipt)


def _tidy(params: ImportFileParams) -> None:
    if params.is_upload:
        shutil.rmtree(Path(params.path).parent, ignore_errors=True)
