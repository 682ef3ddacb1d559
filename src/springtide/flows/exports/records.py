"""What the house wrote down of itself: imports, their days, and who did what."""

import json
from collections.abc import Iterator
from datetime import date
from typing import ClassVar
from uuid import UUID

import msgspec

from springtide.connectors.files import FORMATS
from springtide.connectors.tabular.writers import Column, Row
from springtide.domain.access.model import ACTOR_NAMES, ROLE_NAMES, Data
from springtide.domain.access.queries import keys_of, members_of
from springtide.domain.imports.model import IMPORT_STATES
from springtide.domain.imports.queries import import_record, imports
from springtide.flows.files.export import Nothing, Source
from springtide.flows.people.audit_log import WORDS, AuditFilter, entries
from springtide.kit.errors import N_
from springtide.kit.ids import inward, outward

_PAGE = 1_000
_IMPORTS_MAX = 1_000_000


class Imports:
    """The files that were brought in, the newest first."""

    kind: ClassVar[str] = "imports"
    label: ClassVar[str] = N_("Imports")
    data: ClassVar[Data] = Data.IMPORTS
    params: ClassVar[type] = Nothing
    columns: ClassVar[tuple[Column, ...]] = (
        Column("import", N_("Number of the import")),
        Column("file", N_("File")),
        Column("format", N_("Format"), words={kind: each.label for kind, each in FORMATS.items()}),
        Column("state", N_("State"), words=IMPORT_STATES),
        Column("started_at", N_("Started"), "instant"),
        Column("finished_at", N_("Ended at"), "instant"),
        Column("exported_at", N_("Exported"), "instant"),
        Column("read", N_("Read"), "count"),
        Column("new", N_("New"), "count"),
        Column("changed", N_("Changed"), "count"),
        Column("unchanged", N_("Unchanged"), "count"),
        Column("rejected", N_("Rejected"), "count"),
    )

    @staticmethod
    def rows(source: Source, params: Nothing) -> Iterator[Row]:
        """Yield a row an import."""
        with source.house.db.read() as tx:
            found = imports(tx, shop_id=source.shop.id, limit=_IMPORTS_MAX)
        for each in found:
            rows = each.rows
            yield (
                outward("imp", each.id), each.file_name, each.format, each.state,
                each.started_at, each.finished_at, each.told_at, rows.read, rows.new,
                rows.changed, rows.unchanged, rows.rejected,
            )  # fmt: skip


class OneImport(msgspec.Struct, forbid_unknown_fields=True):
    """An import by its id (``imp_…``)."""

    import_: str = msgspec.field(name="import")


class ImportDays:
    """What a file said of each day, as the report of its import shows it."""

    kind: ClassVar[str] = "import_days"
    label: ClassVar[str] = N_("Days of an import")
    data: ClassVar[Data] = Data.IMPORTS
    params: ClassVar[type] = OneImport
    columns: ClassVar[tuple[Column, ...]] = (
        Column("day", N_("Day"), "day"),
        Column("orders", N_("Orders"), "count"),
        Column("pieces", N_("Pieces"), "count"),
        Column("ordered", N_("Ordered"), "money"),
        Column("paid", N_("Paid"), "money"),
        Column("refunded", N_("Paid back"), "money"),
    )

    @staticmethod
    def rows(source: Source, params: OneImport) -> Iterator[Row]:
        """Yield a row a day."""
        with source.house.db.read() as tx:
            record = import_record(
                tx, shop_id=source.shop.id, import_id=inward("imp", params.import_)
            )
        for each in record.report.get("days", ()):
            yield (
                date.fromisoformat(each["day"]), each["orders"], each["pieces"],
                each["due_minor"], each["paid_minor"], each["refunded_minor"],
            )  # fmt: skip


class AuditEntries(msgspec.Struct, forbid_unknown_fields=True):
    """Entries as the page filters them: a person's id, a group or an action, days of the shop."""

    who: str = ""
    about: str = ""
    since: date | None = None
    until: date | None = None


class Audit:
    """Who did what, the last committed first."""

    kind: ClassVar[str] = "audit"
    label: ClassVar[str] = N_("Audit log")
    data: ClassVar[Data] = Data.AUDIT
    params: ClassVar[type] = AuditEntries
    columns: ClassVar[tuple[Column, ...]] = (
        Column("at", N_("When"), "instant"),
        Column("shop_at", N_("Shop's time, where simulated"), "instant"),
        Column("actor", N_("Who")),
        Column("actor_kind", N_("Person or program"), words=ACTOR_NAMES),
        Column("action", N_("Action"), words=WORDS),
        Column("subject", N_("Done to")),
        Column("before", N_("Before the change")),
        Column("after", N_("After the change")),
    )

    @staticmethod
    def rows(source: Source, params: AuditEntries) -> Iterator[Row]:
        """Yield a row an entry; before and after as JSON."""
        wanted = AuditFilter(params.who, params.about, params.since, params.until)
        before: UUID | None = None
        while True:
            with source.house.db.read() as tx:
                page = entries(tx, source.shop, wanted, limit=_PAGE, before=before)
            for each in page:
                yield (
                    each.at, each.shop_at, each.actor_name, each.actor_kind, each.action,
                    each.subject, _json(each.before), _json(each.after),
                )  # fmt: skip
            if len(page) < _PAGE:
                return
            before = page[-1].id


class People:
    """Who works in the shop, and in which role."""

    kind: ClassVar[str] = "people"
    label: ClassVar[str] = N_("People")
    data: ClassVar[Data] = Data.TEAM
    params: ClassVar[type] = Nothing
    columns: ClassVar[tuple[Column, ...]] = (
        Column("name", N_("Name")),
        Column("email", N_("Email")),
        Column("role", N_("Role"), words=ROLE_NAMES),
    )

    @staticmethod
    def rows(source: Source, params: Nothing) -> Iterator[Row]:
        """Yield a row a person."""
        with source.house.db.read() as tx:
            members = members_of(tx, shop=source.shop)
        for each in members:
            yield each.person.name, each.person.email, each.role.value


class Keys:
    """The keys of the shop's own site and apps; the tokens themselves are not kept."""

    kind: ClassVar[str] = "keys"
    label: ClassVar[str] = N_("API keys")
    data: ClassVar[Data] = Data.KEYS
    params: ClassVar[type] = Nothing
    columns: ClassVar[tuple[Column, ...]] = (
        Column("name", N_("Name")),
        Column("prefix", N_("Begins with")),
        Column("scopes", N_("Scopes")),
        Column("created_at", N_("Created at"), "instant"),
        Column("last_used_at", N_("Last used at"), "instant"),
        Column("expires_at", N_("Ends at"), "instant"),
        Column("revoked_at", N_("Revoked at"), "instant"),
    )

    @staticmethod
    def rows(source: Source, params: Nothing) -> Iterator[Row]:
        """Yield a row a key."""
        with source.house.db.read() as tx:
            found = keys_of(tx, shop_id=source.shop.id)
        for each in found:
            yield (
                each.name, each.prefix, " ".join(sorted(each.scopes)), each.created_at,
                each.last_used_at, each.expires_at, each.revoked_at,
            )  # fmt: skip


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
