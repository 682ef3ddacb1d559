"""Reads of outreach: plans, progress, who is meant, and what came of it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select

from springtide.domain.access.model import Shop
from springtide.domain.catalog.queries import keys_of_departments
from springtide.domain.customers.queries import (
    customer_count,
    customers_with,
    reachable_keys,
    standings,
)
from springtide.domain.facts.reader import FactReader
from springtide.domain.outreach.effect import Effect, compare
from springtide.domain.outreach.model import (
    CHANNEL_DEFAULT,
    Message,
    MessageState,
    Outreach,
    OutreachStatus,
    Progress,
    Segment,
)
from springtide.domain.outreach.ports import (
    channels,
)
from springtide.domain.outreach.store import messages, outreaches
from springtide.kit.errors import NotFound
from springtide.kit.time import Window

# Without a campaign, what is bought so long after the sending counts.
_EFFECT = timedelta(days=14)
_BOUGHT = """
select distinct customer_key from facts
where shop = $shop and kind in ('order', 'payment') and customer_key is not null
  and product_key in (select unnest($products)) and occurred_at >= $since::timestamptz
"""


@dataclass(frozen=True, slots=True)
class Reach:
    """How many customers a segment holds as of a day, and how many of them may be written to."""

    as_of: date
    matching_count: int
    keys: tuple[str, ...]

    @property
    def reachable_count(self) -> int:
        """Customers with an address and without an opt-out."""
        return len(self.keys)


def outreach(tx: Connection, *, shop_id: UUID, outreach_id: UUID) -> Outreach:
    """Return one outreach of a shop; raise NotFound."""
    row = tx.execute(
        select(outreaches).where(outreaches.c.shop_id == shop_id, outreaches.c.id == outreach_id)
    ).one_or_none()
    if row is None:
        raise NotFound(what="outreach", key=str(outreach_id))
    return _outreach(row)


def outreaches_of(
    tx: Connection, *, shop_id: UUID, campaign_id: UUID | None = None, limit: int = 200
) -> list[Outreach]:
    """Return a shop's outreaches (of one campaign, if given), newest first."""
    query = select(outreaches).where(outreaches.c.shop_id == shop_id)
    if campaign_id is not None:
        query = query.where(outreaches.c.campaign_id == campaign_id)
    return [
        _outreach(row) for row in tx.execute(query.order_by(outreaches.c.id.desc()).limit(limit))
    ]


def progress(tx: Connection, *, outreach_id: UUID) -> Progress:
    """Return how many messages stand in each state."""
    rows = tx.execute(
        select(messages.c.state, func.count())
        .where(messages.c.outreach_id == outreach_id)
        .group_by(messages.c.state)
    )
    return Progress({MessageState(state): count for state, count in rows})


def arms(tx: Connection, *, outreach_id: UUID) -> dict[str, bool]:
    """Return for every person of a fixed audience whether they are held out."""
    rows = tx.execute(
        select(messages.c.customer_key, messages.c.state).where(
            messages.c.outreach_id == outreach_id
        )
    )
    return {key: state == MessageState.HELD_OUT for key, state in rows}


def message(tx: Connection, *, message_id: UUID) -> tuple[Message, UUID]:
    """Return a message and its shop's id; raise NotFound."""
    row = tx.execute(select(messages).where(messages.c.id == message_id)).one_or_none()
    if row is None:
        raise NotFound(what="message", key=str(message_id))
    return _message(row), row.shop_id


def messages_in_state(
    tx: Connection, *, outreach_id: UUID, state: MessageState, limit: int = 50
) -> list[Message]:
    """Return messages of one state, oldest first."""
    query = select(messages).where(messages.c.outreach_id == outreach_id, messages.c.state == state)
    return [_message(row) for row in tx.execute(query.order_by(messages.c.id).limit(limit))]


def messages_to(
    tx: Connection, *, shop_id: UUID, customer_key: str, limit: int = 50
) -> list[tuple[Message, str]]:
    """Return a customer's messages with the names of their outreaches, newest first."""
    rows = tx.execute(
        select(messages, outreaches.c.name.label("outreach_name"))
        .join(outreaches, outreaches.c.id == messages.c.outreach_id)
        .where(messages.c.shop_id == shop_id, messages.c.customer_key == customer_key)
        .order_by(messages.c.id.desc())
        .limit(limit)
    )
    return [(_message(row), row.outreach_name) for row in rows]


def segment_reach(
    tx: Connection,
    *,
    reader: FactReader,
    shop: Shop,
    segment: Segment,
    as_of: date,
    channel: str = CHANNEL_DEFAULT,
) -> Reach:
    """Return who belongs to a segment as of the end of a day, and whom of them a channel reaches.

    A segment without any rule takes every customer on file.
    """
    reachable = _reachable(tx, shop, channel)
    if segment == Segment():
        on_file = customer_count(tx, shop_id=shop.id)
        return Reach(as_of, on_file, tuple(sorted(reachable)))
    ranked = standings(reader, shop=shop, as_of=as_of)
    chosen = {
        key
        for key, standing in ranked.by_key.items()
        if segment.takes(
            tier=standing.segment,
            recency_days=standing.recency_days,
            order_count=standing.order_count,
            money_minor=standing.money_minor,
        )
    }
    if segment.departments:
        chosen &= _bought(tx, reader, shop, segment, as_of)
    return Reach(as_of, len(chosen), tuple(sorted(chosen & reachable)))


def _reachable(tx: Connection, shop: Shop, kind: str) -> set[str]:
    channel = channels[kind]
    asked = channel.contact.attribute or channel.consent.attribute
    if not asked:
        return reachable_keys(tx, shop_id=shop.id)
    return {
        customer.key
        for customer in customers_with(tx, shop_id=shop.id, attribute=asked)
        if channel.contact.of(customer) is not None and channel.consent.given(customer)
    }


def outreach_result(
    reader: FactReader, tx: Connection, *, shop: Shop, outreach: Outreach, window: Window
) -> Effect:
    """Return what an outreach caused in a window: both arms, intervals, verdict."""
    persons = arms(tx, outreach_id=outreach.id)
    return compare(reader, shop=shop, outreach=outreach, arms=persons, window=window)


def result_so_far(
    reader: FactReader,
    tx: Connection,
    *,
    shop: Shop,
    outreach: Outreach,
    until: datetime | None,
    now: datetime,
) -> Effect | None:
    """Return what came of an outreach, None before it started.

    Counted to ``until`` (the end of its campaign's day) if that lies after its start, and else
    for two weeks.
    """
    begins = outreach.started_at
    if begins is None or begins >= now:
        return None
    ends = until if until is not None and until > begins else begins + _EFFECT
    window = Window(begins, min(now, ends))
    return outreach_result(reader, tx, shop=shop, outreach=outreach, window=window)


def _bought(
    tx: Connection, reader: FactReader, shop: Shop, segment: Segment, as_of: date
) -> set[str]:
    """Return the customers who bought from the segment's departments lately."""
    products = keys_of_departments(tx, shop_id=shop.id, departments=segment.departments)
    days = segment.department_days
    since = as_of - timedelta(days=days) if days is not None else date(1970, 1, 1)
    rows = reader.rows(
        _BOUGHT, {"shop": shop.slug, "products": list(products), "since": since.isoformat()}
    )
    return {key for (key,) in rows}


def _outreach(row: Row[Any]) -> Outreach:
    return Outreach(
        id=row.id,
        shop_id=row.shop_id,
        campaign_id=row.campaign_id,
        name=row.name,
        channel=row.channel,
        segment=Segment.from_json(row.segment),
        subject=row.subject,
        body=row.body,
        link=row.link,
        language=row.language,
        control_bps=row.control_bps,
        status=OutreachStatus(row.status),
        created_at=row.created_at,
        frozen_at=row.frozen_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _message(row: Row[Any]) -> Message:
    return Message(
        row.id,
        row.outreach_id,
        row.customer_key,
        MessageState(row.state),
        row.address,
        row.sent_at,
        row.problem,
    )
