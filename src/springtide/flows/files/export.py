"""Tables out of the house: every table that pages show, as a file.

An export is one class in ``flows/exports/``: its columns, who may have it, and its rows.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

import msgspec

from springtide.connectors.tabular.writers import SUFFIXES, Column, Manner, Row, write
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import READERS, Actor, Data, Permission, Shop
from springtide.domain.access.operations import record_audit
from springtide.flows.timeline.action import Surroundings
from springtide.kit.errors import N_, NotFound, Refusal
from springtide.kit.registry import Registry

WRITTEN = AuditAction("export.write", N_("Table taken out"), AuditGroup.DATA)

#: Rows of one export in a browser; the command line has no bound.
PAGE_ROWS_MAX = 500_000


class BadExport(Refusal):
    """An export asked for in a way that it cannot be given."""

    code = "bad_export"
    text = N_("The export “{name}” cannot be made: {why}")


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """An export that needs to be told nothing."""


@dataclass(frozen=True, slots=True)
class Source:
    """What an export takes its rows from: the house, the shop, and the shop's time."""

    house: Surroundings
    shop: Shop
    now: datetime


class Export(Protocol):
    """A table of a shop: ``params`` is what it needs to be told, a struct of texts and numbers.

    ``data`` is what it is about: whoever may read that on a page may take the table, and no other.
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    data: ClassVar[Data]
    params: ClassVar[type]
    columns: ClassVar[tuple[Column, ...]]

    @staticmethod
    def rows(source: Source, params: Any) -> Iterator[Row]:
        """Yield the rows, each as long as ``columns``."""
        ...


EXPORTS: Registry[Export] = Registry("export", "springtide.flows.exports", Export)  # type: ignore[type-abstract]


def export_named(name: str) -> type[Export]:
    """Return an export (``NotFound``)."""
    if name not in EXPORTS:
        raise NotFound(what=N_("export"), key=name[:60])
    return EXPORTS[name]


def export(
    house: Surroundings,
    shop: Shop,
    actor: Actor,
    *,
    name: str,
    format_: str,
    given: Mapping[str, str],
    path: Path,
    translate: Callable[[str], str],
    most: int | None = None,
) -> int:
    """Write an export to a new file; return its rows. Who takes customers' data is written down.

    ``given`` are its parameters as texts. The caller has seen to the permission.
    """
    kind = export_named(name)
    if format_ not in SUFFIXES:
        raise NotFound(what=N_("file format"), key=format_[:20])
    try:
        params: Any = msgspec.convert(dict(given), kind.params, strict=False)
    except msgspec.ValidationError as error:
        raise BadExport(name=name, why=str(error)[:200]) from error
    source = Source(house, shop, house.now(shop))
    manner = Manner(shop.currency, shop.tz, translate)
    count = write(path, format_, kind.columns, kind.rows(source, params), manner, most=most)
    if READERS[kind.data][0] == Permission.CUSTOMERS_READ:
        house.db.run(
            lambda tx: record_audit(
                tx,
                shop=shop,
                actor=actor,
                action=WRITTEN,
                subject=name,
                after={"format": format_, "rows": count, "params": dict(given)},
            )
        )
    return count
