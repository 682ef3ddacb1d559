"""Writes of outreach: draft it, fix its audience, call it off, settle what nobody could tell."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor, Shop
from springtide.domain.access.operations import record_act
from springtide.domain.customers.model import Customer
from springtide.domain.customers.operations import opt_out as opt_customer_out
from springtide.domain.facts.operations import append
from springtide.domain.outreach import queries
from springtide.domain.outreach.letters import (
    BadLength,
    checked_body,
    checked_link,
    checked_subject,
)
from springtide.domain.outreach.model import (
    Draft,
    EmptyAudience,
    MessageState,
    NotADraft,
    NotUncertain,
    Outreach,
    OutreachStatus,
    Progress,
    checked_control_bps,
    control_group,
    message_fact,
)
from springtide.domain.outreach.ports import channels
from springtide.domain.outreach.store import messages, outreaches
from springtide.kit.errors import N_, Invalid, NotFound, Refusal
from springtide.kit.ids import outward, uuid7

CREATED = AuditAction("outreach.create", N_("Outreach created"), AuditGroup.OUTREACH)
CHANGED = AuditAction("outreach.change", N_("Outreach changed"), AuditGroup.OUTREACH)
FROZEN = AuditAction("outreach.freeze", N_("Outreach fixed for sending"), AuditGroup.OUTREACH)
CANCELLED = AuditAction("outreach.cancel", N_("Outreach cancelled"), AuditGroup.OUTREACH)
SETTLED = AuditAction("message.settle", N_("Uncertain message settled"), AuditGroup.OUTREACH)

_ROWS_AT_ONCE = 5_000
_NAME_LENGTH_MAX = 200


def create_outreach(act: Act, *, draft: Draft) -> Outreach:
    """Keep a new draft; refuses (Invalid) wrong fields, template errors among them."""
    checked = checked_draft(draft)
    outreach_id = uuid7(act.real_now)
    act.tx.execute(
        insert(outreaches).values(
            id=outreach_id,
            shop_id=act.shop.id,
            status=OutreachStatus.DRAFT,
            created_at=act.now,
            **_columns(checked),
        )
    )
    record_act(
        act, action=CREATED, subject=outward("otr", outreach_id), after=_told(_columns(checked))
    )
    return queries.outreach(act.tx, shop_id=act.shop.id, outreach_id=outreach_id)


def change_outreach(act: Act, *, outreach_id: UUID, draft: Draft) -> Outreach:
    """Change a draft; refuses (NotADraft) once the audience is fixed."""
    before = _draft_of(act.tx, act.shop, outreach_id)
    values = _columns(checked_draft(draft))
    _move(act.tx, outreach_id, before.name, (OutreachStatus.DRAFT,), **values)
    old = {name: getattr(before, name) for name in ("name", "subject", "body", "link")}
    record_act(
        act, action=CHANGED, subject=outward("otr", outreach_id), before=old, after=_told(values)
    )
    return queries.outreach(act.tx, shop_id=act.shop.id, outreach_id=outreach_id)


def freeze_audience(act: Act, *, outreach_id: UUID, customer_keys: Sequence[str]) -> Progress:
    """Fix who gets the message and who is held out; one row a person, for good.

    ``customer_keys`` come from ``queries.segment_reach``. The held-out share is exact and drawn
    from the keys alone. Fixing a fixed audience again changes nothing.
    """
    found = queries.outreach(act.tx, shop_id=act.shop.id, outreach_id=outreach_id)
    if found.status in (OutreachStatus.FROZEN, OutreachStatus.SENDING, OutreachStatus.DONE):
        return queries.progress(act.tx, outreach_id=outreach_id)
    if not customer_keys:
        raise EmptyAudience(name=found.name)
    _move(
        act.tx,
        outreach_id,
        found.name,
        (OutreachStatus.DRAFT,),
        status=OutreachStatus.FROZEN,
        frozen_at=act.now,
    )
    held_out = control_group(outreach_id, set(customer_keys), found.control_bps)
    rows = _rows(act.shop.id, outreach_id, customer_keys, held_out, act.real_now)
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        act.tx.execute(insert(messages), batch)
    got = queries.progress(act.tx, outreach_id=outreach_id)
    after = {"people": got.audience_count, "held_out": len(held_out)}
    record_act(act, action=FROZEN, subject=outward("otr", outreach_id), after=after)
    return got


def cancel_outreach(act: Act, *, outreach_id: UUID) -> Progress:
    """Call an outreach off: what is not sent yet stays unsent. Done ones stay as they are."""
    found = queries.outreach(act.tx, shop_id=act.shop.id, outreach_id=outreach_id)
    if found.status in (OutreachStatus.DONE, OutreachStatus.CANCELLED):
        return queries.progress(act.tx, outreach_id=outreach_id)
    act.tx.execute(
        update(outreaches)
        .where(outreaches.c.id == outreach_id)
        .values(status=OutreachStatus.CANCELLED, finished_at=act.now)
    )
    act.tx.execute(
        update(messages)
        .where(messages.c.outreach_id == outreach_id, messages.c.state == MessageState.PENDING)
        .values(state=MessageState.CANCELLED)
    )
    before = {"status": found.status}
    after = {"status": OutreachStatus.CANCELLED}
    record_act(
        act, action=CANCELLED, subject=outward("otr", outreach_id), before=before, after=after
    )
    return queries.progress(act.tx, outreach_id=outreach_id)


def settle_uncertain(act: Act, *, message_id: UUID, was_sent: bool) -> None:
    """Write down what a person found out about a message that may have gone: it did, or not.

    One that did not go is failed, not sent again by itself.
    """
    message, shop_id = queries.message(act.tx, message_id=message_id)
    if shop_id != act.shop.id:
        raise NotFound(what="message", key=str(message_id))
    state = MessageState.SENT if was_sent else MessageState.FAILED
    changed = act.tx.execute(
        update(messages)
        .where(messages.c.id == message_id, messages.c.state == MessageState.UNCERTAIN)
        .values(state=state, sent_at=act.now if was_sent else None)
        .returning(messages.c.id)
    ).first()
    if changed is None:
        raise NotUncertain()
    if was_sent:
        found = queries.outreach(act.tx, shop_id=act.shop.id, outreach_id=message.outreach_id)
        append(
            act.tx,
            [message_fact(act.shop, found, message_id, message.customer_key, act.now)],
            now=act.real_now,
        )
    after = {"customer": message.customer_key, "state": state}
    record_act(act, action=SETTLED, subject=outward("otr", message.outreach_id), after=after)


def opt_out_by_message(
    tx: Connection, *, shop: Shop, message_id: UUID, now: datetime, real_now: datetime
) -> Customer:
    """Take off the person whom a message went to, by the link in it."""
    message, shop_id = queries.message(tx, message_id=message_id)
    if shop_id != shop.id:
        raise NotFound(what="message", key=str(message_id))
    return opt_customer_out(
        Act(tx, shop, Actor("customer", message.customer_key, message.customer_key), now, real_now),
        key=message.customer_key,
        by=f"link in {outward('msg', message_id)}",
    )


def checked_draft(draft: Draft) -> Draft:
    """Return a draft that can be sent; refuse (Invalid) with a reason for each wrong field."""
    if draft.channel not in channels:
        raise Invalid({"channel": NotFound(what="channel", key=draft.channel[:40])})
    content = channels[draft.channel].content
    wrong: dict[str, Refusal] = {}
    checked: dict[str, Any] = {}

    def check(field: str, produce: Any) -> None:
        try:
            checked[field] = produce()
        except Refusal as refusal:
            wrong[field] = refusal

    check("name", lambda: _checked_name(draft.name))
    check("subject", lambda: checked_subject(draft.subject, content))
    check("body", lambda: checked_body(draft.body, content))
    check("link", lambda: checked_link(draft.link))
    check("control_bps", lambda: checked_control_bps(draft.control_bps))
    if "link" not in wrong and not draft.link.strip() and "{link}" in draft.body:
        wrong["link"] = BadLength(max=1000, length=0)
    if wrong:
        raise Invalid(wrong)
    return replace(draft, language="zh" if draft.language == "zh" else "en", **checked)


def _checked_name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not 1 <= len(cleaned) <= _NAME_LENGTH_MAX:
        raise BadLength(max=_NAME_LENGTH_MAX, length=len(cleaned))
    return cleaned


def _draft_of(tx: Connection, shop: Shop, outreach_id: UUID) -> Outreach:
    found = queries.outreach(tx, shop_id=shop.id, outreach_id=outreach_id)
    if found.status != OutreachStatus.DRAFT:
        raise NotADraft(name=found.name)
    return found


def _move(
    tx: Connection,
    outreach_id: UUID,
    name: str,
    statuses: tuple[OutreachStatus, ...],
    **values: Any,
) -> None:
    """Change an outreach while it stands where we think; someone may have been faster."""
    changed = tx.execute(
        update(outreaches)
        .where(outreaches.c.id == outreach_id, outreaches.c.status.in_(statuses))
        .values(**values)
        .returning(outreaches.c.id)
    ).first()
    if changed is None:
        raise NotADraft(name=name)


def _rows(
    shop_id: UUID,
    outreach_id: UUID,
    customer_keys: Sequence[str],
    held_out: set[str],
    real_now: datetime,
) -> Iterator[dict[str, Any]]:
    for key in dict.fromkeys(customer_keys):
        yield {
            "id": uuid7(real_now),
            "shop_id": shop_id,
            "outreach_id": outreach_id,
            "customer_key": key,
            "state": MessageState.HELD_OUT if key in held_out else MessageState.PENDING,
            "attempts": 0,
        }


def _columns(draft: Draft) -> dict[str, Any]:
    return {
        "campaign_id": draft.campaign_id,
        "name": draft.name,
        "channel": draft.channel,
        "segment": draft.segment.to_json(),
        "subject": draft.subject,
        "body": draft.body,
        "link": draft.link,
        "language": draft.language,
        "control_bps": draft.control_bps,
    }


def _told(values: dict[str, Any]) -> dict[str, Any]:
    return {key: str(each) if isinstance(each, UUID) else each for key, each in values.items()}
