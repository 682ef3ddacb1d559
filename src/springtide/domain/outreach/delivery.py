"""Sending: message by message, each person once, whatever crashes in between.

A message is marked ``sending`` and committed before it is handed to the channel, and marked
``sent`` together with its fact afterwards. What a crash leaves in ``sending`` is asked of the
channel: accepted, not accepted, or nobody can tell; the last is left to a person.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, or_, select, update

from springtide.domain.access.model import Actor, Shop
from springtide.domain.access.operations import record_audit
from springtide.domain.customers.queries import customers_by_keys
from springtide.domain.facts.operations import append
from springtide.domain.outreach import queries
from springtide.domain.outreach.letters import letter
from springtide.domain.outreach.model import (
    BatchResult,
    Message,
    MessageState,
    NotFrozen,
    Outreach,
    OutreachStatus,
    message_fact,
)
from springtide.domain.outreach.optout import opt_out_link
from springtide.domain.outreach.ports import Channel, Letter, MayBeAcceptedError
from springtide.domain.outreach.store import messages, outreaches
from springtide.kit.db import Database
from springtide.kit.errors import FinalError, NeedsPersonError, PassingError
from springtide.kit.ids import outward

ATTEMPTS_MAX = 5
#: Another sender's message that stands in ``sending`` for so long was left by a crash.
LEASE = timedelta(minutes=5)
#: So many failures one after another that may pass end the batch: the channel is down.
PASSING_IN_A_ROW_MAX = 3


@dataclass(frozen=True, slots=True)
class Post:
    """What sending needs: state, a channel, and who sends.

    ``sender`` names one worker and stays the same when it starts again, so that it knows its own
    unfinished messages at once.
    """

    db: Database
    channel: Channel
    secret: str
    public_url: str
    sender: str


class _Outcome(Enum):
    SENT = auto()
    SKIPPED = auto()
    PASSING = auto()


def send_batch(
    post: Post, *, shop: Shop, outreach_id: UUID, limit: int, now: datetime, real_now: datetime
) -> BatchResult:
    """Send up to ``limit`` messages of a fixed audience; call again while ``open_count`` is not 0.

    ``now`` is the shop's time (it stands in the facts), ``real_now`` the real one (leases).
    Refuses (NotFrozen) a draft. A cancelled or finished outreach sends nothing.
    """
    found = _begin(post, shop, outreach_id, now)
    settle_left_behind(post, shop=shop, outreach=found, now=now, real_now=real_now)
    if found.status != OutreachStatus.SENDING:
        return BatchResult(0, 0, 0)
    with post.db.read() as tx:
        waiting = queries.messages_in_state(
            tx, outreach_id=outreach_id, state=MessageState.PENDING, limit=limit
        )
    sent = passing = in_a_row = 0
    problem = None
    for message in waiting:
        try:
            outcome = _carry(post, shop, found, message, now, real_now)
        except NeedsPersonError as error:
            problem = str(error)
            break
        sent += outcome is _Outcome.SENT
        passing += outcome is _Outcome.PASSING
        in_a_row = in_a_row + 1 if outcome is _Outcome.PASSING else 0
        if in_a_row >= PASSING_IN_A_ROW_MAX:
            break
    left = _finish(post, shop, found, now, real_now)
    return BatchResult(sent, left, passing, problem)


def settle_left_behind(
    post: Post, *, shop: Shop, outreach: Outreach, now: datetime, real_now: datetime
) -> int:
    """Find out what became of messages that a crash left in ``sending``; return how many.

    Raises PassingError where the channel cannot be asked right now.
    """
    with post.db.read() as tx:
        rows = tx.execute(
            select(messages).where(
                messages.c.outreach_id == outreach.id,
                messages.c.state == MessageState.SENDING,
                or_(messages.c.sender == post.sender, messages.c.claimed_at < real_now - LEASE),
            )
        ).all()
    cancelled = outreach.status == OutreachStatus.CANCELLED
    unsent = MessageState.CANCELLED if cancelled else MessageState.PENDING
    for row in rows:
        accepted = post.channel.was_accepted(outward("msg", row.id))
        if accepted:
            _mark_sent(post, shop, outreach, row.id, row.customer_key, now, real_now)
        else:
            state = MessageState.UNCERTAIN if accepted is None else unsent
            with post.db.write() as tx:
                _change(tx, row.id, row.sender, state=state)
    return len(rows)


def _begin(post: Post, shop: Shop, outreach_id: UUID, now: datetime) -> Outreach:
    with post.db.write() as tx:
        found = queries.outreach(tx, shop_id=shop.id, outreach_id=outreach_id)
        if found.status == OutreachStatus.DRAFT:
            raise NotFrozen(name=found.name)
        if found.status == OutreachStatus.FROZEN:
            tx.execute(
                update(outreaches)
                .where(
                    outreaches.c.id == outreach_id,
                    outreaches.c.status == OutreachStatus.FROZEN,
                )
                .values(status=OutreachStatus.SENDING, started_at=now)
            )
        return queries.outreach(tx, shop_id=shop.id, outreach_id=outreach_id)


def _carry(
    post: Post,
    shop: Shop,
    outreach: Outreach,
    message: Message,
    now: datetime,
    real_now: datetime,
) -> _Outcome:
    """Take one message to the channel. Raises NeedsPersonError when the set-up is wrong."""
    ready = _claim(post, shop, outreach, message, real_now)
    if ready is None:
        return _Outcome.SKIPPED
    try:
        post.channel.send(ready)
    except PassingError as error:
        _give_back(post, message.id, str(error))
        return _Outcome.PASSING
    except FinalError as error:
        _close(post, message.id, MessageState.FAILED, str(error))
        return _Outcome.SKIPPED
    except MayBeAcceptedError as error:
        # The channel may know better than the broken connection did.
        _close(post, message.id, MessageState.UNCERTAIN, str(error), if_unknown=True)
        return _Outcome.SKIPPED
    except NeedsPersonError as error:
        _give_back(post, message.id, str(error), counts=False)
        raise
    _mark_sent(post, shop, outreach, message.id, message.customer_key, now, real_now)
    return _Outcome.SENT


def _claim(
    post: Post, shop: Shop, outreach: Outreach, message: Message, real_now: datetime
) -> Letter | None:
    """Mark one pending message as being sent and return its letter; None if it may not go.

    Consent and address are read here, in the same transaction: who opted out since the audience
    was fixed gets nothing.
    """
    with post.db.write() as tx:
        person = customers_by_keys(tx, shop_id=shop.id, keys=[message.customer_key]).get(
            message.customer_key
        )
        values: dict[str, Any]
        if person is None or not person.email:
            values = {"state": MessageState.FAILED, "problem": "no address"}
        elif not person.is_reachable:
            values = {"state": MessageState.OPTED_OUT}
        else:
            values = {
                "state": MessageState.SENDING,
                "sender": post.sender,
                "address": person.email,
                "claimed_at": real_now,
                "attempts": messages.c.attempts + 1,
            }
        going = select(outreaches.c.id).where(
            outreaches.c.id == outreach.id, outreaches.c.status == OutreachStatus.SENDING
        )
        won = tx.execute(
            update(messages)
            .where(
                messages.c.id == message.id,
                messages.c.state == MessageState.PENDING,
                messages.c.outreach_id.in_(going),
            )
            .values(**values)
            .returning(messages.c.id)
        ).first()
    if won is None or person is None or values["state"] != MessageState.SENDING:
        return None
    return letter(
        reference=outward("msg", message.id),
        to_address=str(person.email),
        name=person.name,
        shop_name=shop.name,
        subject=outreach.subject,
        body=outreach.body,
        link=outreach.link,
        opt_out_link=opt_out_link(post.public_url, post.secret, message.id),
        language=outreach.language,
    )


def _mark_sent(
    post: Post,
    shop: Shop,
    outreach: Outreach,
    message_id: UUID,
    customer_key: str,
    now: datetime,
    real_now: datetime,
) -> None:
    fact = message_fact(shop, outreach, message_id, customer_key, now)
    with post.db.write() as tx:
        if _change(tx, message_id, None, state=MessageState.SENT, sent_at=now, problem=None):
            append(tx, [fact], now=real_now)


def _give_back(post: Post, message_id: UUID, problem: str, *, counts: bool = True) -> None:
    """Make a message pending again; after too many attempts it has failed."""
    with post.db.write() as tx:
        attempts = tx.execute(
            select(messages.c.attempts).where(messages.c.id == message_id)
        ).scalar_one()
        gone = counts and attempts >= ATTEMPTS_MAX
        state = MessageState.FAILED if gone else MessageState.PENDING
        kept = attempts if counts else attempts - 1
        _change(tx, message_id, post.sender, state=state, problem=problem[:500], attempts=kept)


def _close(
    post: Post, message_id: UUID, state: MessageState, problem: str, *, if_unknown: bool = False
) -> None:
    if if_unknown:
        try:
            if post.channel.was_accepted(outward("msg", message_id)) is not None:
                # Left in ``sending``: the next batch asks again and marks it.
                return
        except PassingError:
            return
    with post.db.write() as tx:
        _change(tx, message_id, post.sender, state=state, problem=problem[:500])


def _change(tx: Connection, message_id: UUID, sender: str | None, **values: Any) -> bool:
    """Move a message on from ``sending``; False if someone else did already."""
    mine = and_(messages.c.id == message_id, messages.c.state == MessageState.SENDING)
    if sender is not None:
        mine = and_(mine, messages.c.sender == sender)
    statement = update(messages).where(mine).values(**values).returning(messages.c.id)
    return tx.execute(statement).first() is not None


def _finish(post: Post, shop: Shop, outreach: Outreach, now: datetime, real_now: datetime) -> int:
    """Close the outreach when nothing is open; return how many messages are."""
    with post.db.write() as tx:
        left = queries.progress(tx, outreach_id=outreach.id).open_count
        if left:
            return left
        done = tx.execute(
            update(outreaches)
            .where(outreaches.c.id == outreach.id, outreaches.c.status == OutreachStatus.SENDING)
            .values(status=OutreachStatus.DONE, finished_at=now)
            .returning(outreaches.c.id)
        ).first()
        if done is not None:
            counts = queries.progress(tx, outreach_id=outreach.id).counts
            record_audit(
                tx,
                shop_id=shop.id,
                actor=Actor("worker", post.sender, post.sender),
                action="outreach.done",
                subject=outward("otr", outreach.id),
                before=None,
                after={str(state): count for state, count in counts.items()},
                now=real_now,
            )
    return 0
