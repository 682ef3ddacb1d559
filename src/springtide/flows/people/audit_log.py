"""The audit log as a reader has it: the words of its codes, its groups, and its pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from uuid import UUID

from sqlalchemy import Connection

from springtide.domain.access import operations as access
from springtide.domain.access.audit_queries import audit_page
from springtide.domain.access.audited import ACTIONS, GROUP_WORDS, WORDS, AuditAction, AuditGroup
from springtide.domain.access.model import Entry, Shop
from springtide.domain.campaigns import operations as campaigns
from springtide.domain.campaigns import tasks
from springtide.domain.catalog import operations as catalog
from springtide.domain.customers import erasing as customer_erasing
from springtide.domain.customers import operations as customers
from springtide.domain.orders import operations as orders
from springtide.domain.outreach import delivery
from springtide.domain.outreach import operations as outreach
from springtide.domain.pricing import operations as pricing
from springtide.domain.rewards import approvals, codes, deposits, points, refunds
from springtide.domain.rewards import operations as rewards
from springtide.flows.files import column_mapping, export, table_load
from springtide.flows.installation import after_restore
from springtide.flows.people import erasure
from springtide.flows.timeline import planning, runner, waiving
from springtide.kit.time import at_wall_time

__all__ = ["GROUP_WORDS", "ROOMS", "WORDS", "AuditFilter", "by_group", "entries", "word"]

#: The modules that declare actions: all are declared once these are there (a house test sees to
#: it that none is missing).
ROOMS = (
    access, campaigns, tasks, catalog, customers, customer_erasing, orders, outreach, delivery,
    pricing, rewards, approvals, codes, deposits, points, refunds,
    after_restore, table_load, runner, column_mapping, erasure, export, planning, waiving,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries of a shop's log are wanted; what is empty asks for nothing.

    ``who`` is the id of a person, ``about`` a group or the code of one action, the days are whole
    ones of the shop's zone in real time.
    """

    who: str = ""
    about: str = ""
    since: date | None = None
    until: date | None = None


def by_group() -> Mapping[AuditGroup, list[AuditAction]]:
    """Return every action by its group, in the order of the groups."""
    return {
        group: [each for each in ACTIONS.values() if each.group is group] for group in AuditGroup
    }


def word(action: str) -> str:
    """Return what an action is called, in English; a code that nobody declares is itself."""
    return WORDS.get(action, action)


def entries(
    tx: Connection, shop: Shop, wanted: AuditFilter, *, limit: int, before: UUID | None = None
) -> list[Entry]:
    """Return entries of a shop and of its people's accounts, the last committed first.

    ``before`` is an entry: those committed before it. A filter that names nothing finds nothing.
    """
    first, last = wanted.since, wanted.until
    return audit_page(
        tx,
        shop_id=shop.id,
        limit=limit,
        before=before,
        actor_id=wanted.who or None,
        actions=_codes(wanted.about) if wanted.about else None,
        since=at_wall_time(first, time(0), shop.tz) if first else None,
        until=at_wall_time(last + timedelta(days=1), time(0), shop.tz) if last else None,
        with_people=True,
    )


def _codes(about: str) -> list[str]:
    if about in ACTIONS:
        return [about]
    return [code for code, each in ACTIONS.items() if each.group == about]
