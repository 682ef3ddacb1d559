"""What became of a file: counts of its rows, why it ended badly, its record, the sum of it all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from springtide.kit.errors import N_


@dataclass(frozen=True, slots=True)
class Summary:
    """A shop's facts in ten numbers; money in minor units, ``rejected`` in rows of files."""

    kinds: Mapping[str, int]
    first_at: datetime | None
    last_at: datetime | None
    customers: int
    orders: int
    gross_minor: int
    paid_minor: int
    refunded_minor: int
    net_minor: int
    rejected: int


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What became of a file's rows."""

    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an import ended badly: an English text with placeholders, and the facts for them."""

    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)


#: What a reader sees for how an import ended.
IMPORT_STATES = {
    "running": N_("Running"),
    "done": N_("Done"),
    "refused": N_("Refused"),
    "failed": N_("Failed"),
    "cancelled": N_("Cancelled"),
}


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """One import of a table of a file; ``state`` is running, done, refused, failed or cancelled.

    ``told_at`` is when the file was exported: of what two files say the newer wins. ``progress``
    holds the share done (0 to 1), rows a second and seconds left; ``report`` says what was
    understood (see ``reports``).
    """

    id: UUID
    shop_id: UUID
    shop: str
    file_name: str
    sha256: str
    format: str | None
    state: str
    stage: str
    rows: RowCounts
    rejects_file: str | None
    problem: Problem | None
    started_at: datetime
    finished_at: datetime | None
    told_at: datetime | None = None
    progress: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
