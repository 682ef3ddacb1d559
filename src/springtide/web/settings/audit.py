"""Settings, audit log: who did what, and what it was before."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from litestar import Response, get

from springtide.bootstrap import House
from springtide.domain.access import queries
from springtide.domain.access.model import Data, Entry, Member, reading
from springtide.flows.people.audit_log import GROUP_WORDS, AuditFilter, by_group, entries
from springtide.kit.ids import inward, outward
from springtide.kit.reading import BadDay, as_typed, day
from springtide.web.frame import render
from springtide.web.frame.forms import AnyRequest
from springtide.web.settings import sections

PAGE = 50
_SHOWN_MAX = 300


@dataclass(frozen=True, slots=True)
class Change:
    """One field of an entry: what it was and what it became; empty text where there was none."""

    name: str
    before: str
    after: str


@get(
    "/shops/{shop:str}/settings/audit",
    opt={"access": reading(Data.AUDIT)},
    sync_to_thread=True,
)
def audit_page(
    request: AnyRequest,
    house: House,
    member: Member,
    who: str = "",
    about: str = "",
    since: str = "",
    until: str = "",
    before: str = "",
) -> Response[str]:
    """Show the last entries, or those committed before ``before``; days are the shop's."""
    earlier_than: UUID | None = inward("aud", before) if before else None
    wanted = AuditFilter(who, about, _day(since), _day(until))
    with house.db.read() as tx:
        people = queries.members_of(tx, shop=member.shop)
        found = entries(tx, member.shop, wanted, limit=PAGE + 1, before=earlier_than)
    shown = found[:PAGE]
    given = {"who": who, "about": about, "since": since, "until": until}
    return render.page(
        request,
        "settings/audit.html",
        member=member,
        sections=sections(member),
        entries=[(entry, changes(entry)) for entry in shown],
        people=people,
        given={name: text for name, text in given.items() if text},
        groups=[(group, GROUP_WORDS[group], of_it) for group, of_it in by_group().items()],
        next_id=outward("aud", shown[-1].id) if len(found) > PAGE else "",
        is_first=earlier_than is None,
    )


def _day(text: str) -> date | None:
    if not text:
        return None
    found = day(as_typed(text))
    if found is None:
        raise BadDay(value=text[:40])
    return found


def changes(entry: Entry) -> list[Change]:
    """Return the fields that an entry says were different before and after."""
    before = entry.before if isinstance(entry.before, dict) else {"": entry.before}
    after = entry.after if isinstance(entry.after, dict) else {"": entry.after}
    fields = [*before, *(name for name in after if name not in before)]
    return [
        Change(name, _text(before.get(name)), _text(after.get(name)))
        for name in fields
        if before.get(name) != after.get(name)
    ]


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


routes = [audit_page]
