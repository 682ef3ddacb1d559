"""Settings, audit log: who did what, and what it was before."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar import Request, Response, get

from springtide.bootstrap import House
from springtide.domain.access import queries
from springtide.domain.access.model import Data, Entry, Member, reading
from springtide.flows import names
from springtide.kit.ids import inward, outward
from springtide.web import render
from springtide.web.settings import sections

AnyRequest = Request[Any, Any, Any]
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
    before: str = "",
) -> Response[str]:
    """Show the newest entries, or those older than ``before``."""
    older_than: UUID | None = inward("aud", before) if before else None
    with house.db.read() as tx:
        people = queries.members_of(tx, shop=member.shop)
        entries = queries.audit_page(
            tx,
            shop_id=member.shop.id,
            limit=PAGE + 1,
            before=older_than,
            actor_id=who or None,
            action=about or None,
            with_people=True,
        )
    shown = entries[:PAGE]
    return render.page(
        request,
        "settings/audit.html",
        member=member,
        sections=sections(member),
        entries=[(entry, changes(entry)) for entry in shown],
        people=people,
        who=who,
        about=about,
        subjects=names.AUDIT_SUBJECTS,
        next_id=outward("aud", shown[-1].id) if len(entries) > PAGE else "",
        is_first=older_than is None,
    )


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
