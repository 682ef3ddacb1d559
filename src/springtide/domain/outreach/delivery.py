"""Sending: message by message, each person once, whatever crashes in between.

A message is marked ``sending`` and committed before it is handed to the channel, and marked
``sent`` together with its fact afterwards. What a crash leaves in ``sending`` is asked of the
channel: accepted, not accepted, or nobody can tell; the last is left to a person. A channel that
can tell gets letters in small groups, one commit before and one after; any other one by one, so
that a crash leaves one message in doubt and not twenty.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, or_, select, update

from springtide.domain.access.audited import AuditAction, AuditGroup
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
from springtide.kit.errors import N_, FinalError, NeedsPersonError, PassingError
from springtide.kit.ids import outward

DONE = AuditAction("outreach.done", N_("Outreach sent"), AuditGroup.OUTREACH)

ATTEMPTS_MAX = 5
#: Another sender's message that stands in ``sending`` for so long was left by a crash.
LEASE = timedelta(minutes=5)
#: Letters that were taken up go out within this time or not at all: less than a worker may be
#: silent before another takes its work over.
HOLD_SECONDS = 10.0
#: So many letters are marked and written down together, where the channel can be asked about them.
GROUP = 25
#: So many failures one after another that may pass end the batch: the channel is down.
PASSING_IN_A_ROW_MAX = 3


def always(_tx: Connection) -> None:
    """Hold nothing: for who is the only one to send."""


@dataclass(frozen=True, slots=True)
class Sender:
    """What sending needs: state, a channel, and who sends.

    ``line`` names who sends and stays the same when it starts again, so that it knows its own
    unfinished messages at once; ``turn`` names one start of it. ``hold`` raises, in a
    transaction, when the line is another's now: letters are taken up only while it is ours.
    """

    db: Database
    channel: Channel
    secret: str
    public_url: str
    line: str
    turn: str = ""
    hold: Callable[[Connection], object] = always

    @property
    def sender(self) -> str:
        """What stands at a message that this start has in its hands."""
        return f"{self.line}#{self.turn}" if self.turn else self.line


@dataclass
class _Tally:
    """What became of one group of messages."""

    sent: list[Message] = field(default_factory=list)
    passing: list[tuple[Message, str]] = field(default_factory=list)
    failed: list[tuple[Message, str]] = field(default_factory=list)
    uncertain: list[tuple[Message, str]] = field(default_factory=list)
    untouched: list[Message] = field(default_factory=list)
    problem: str | None = None

    @property
    def ends_batch(self) -> bool:
        """Whether going on makes no sense now."""
        return self.problem is not None or bool(self.untouched)


def send_batch(
    post: Sender, *, shop: Shop, outreach_id: UUID, limit: int, now: datetime, real_now: datetime
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
    size = GROUP if _can_tell(post.channel) else 1
    sent = passing = 0
    problem = None
    for start in range(0, len(waiting), size):
        group = waiting[start : start + size]
        letters = _claim(post, shop, found, group, real_now)
        tally = _carry(post.channel, letters)
        _note(post, shop, found, tally, now, real_now)
        sent, passing, problem = sent + len(tally.sent), passing + len(tally.passing), tally.problem
        down = size == 1 and passing >= PASSING_IN_A_ROW_MAX and not sent
        if tally.ends_batch or down:
            break
    left = _finish(post, shop, found, now)
    return BatchResult(sent, left, passing, problem)


def settle_left_behind(
    post: Sender, *, shop: Shop, outreach: Outreach, now: datetime, real_now: datetime
) -> int:
    """Find out what became of messages that a crash left in ``sending``; return how many.

    Raises PassingError where the channel cannot be asked right now.
    """
    with post.db.read() as tx:
        rows = tx.execute(
            select(messages).where(
                messages.c.outreach_id == outreach.id,
                messages.c.state == MessageState.SENDING,
                or_(
                    messages.c.sender == post.line,
                    messages.c.sender.startswith(f"{post.line}#", autoescape=True),
                    messages.c.claimed_at < real_now - LEASE,
                    # Of a clock that was ahead: nobody knows how old it is, so it is asked for.
                    messages.c.claimed_at > real_now + LEASE,
                ),
            )
        ).all()
    cancelled = outreach.status == OutreachStatus.CANCELLED
    unsent = MessageState.CANCELLED if cancelled else MessageState.PENDING
    for row in rows:
        accepted = post.channel.was_accepted(outward("msg", row.id))
        with post.db.write() as tx:
            if accepted:
                message = Message(row.id, outreach.id, row.customer_key, MessageState.SENDING)
                _mark_sent(tx, shop, outreach, [message], now, real_now)
            else:
                state = MessageState.UNCERTAIN if accepted is None else unsent
                _change(tx, row.id, row.sender, state=state)
    return len(rows)


def _begin(post: Sender, shop: Shop, outreach_id: UUID, now: datetime) -> Outreach:
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


def _can_tell(channel: Channel) -> bool:
    """Whether the channel can be asked after a crash; only then several letters go as a group."""
    try:
        return channel.was_accepted("msg_never_sent") is not None
    except PassingError:
        return False


def _claim(
    post: Sender, shop: Shop, outreach: Outreach, group: Sequence[Message], real_now: datetime
) -> list[tuple[Message, Letter]]:
    """Mark pending messages as being sent and return their letters, in one transaction.

    Consent and address are read here: who opted out since the audience was fixed gets nothing.
    """
    letters = []
    channel = post.channel
    until = time.monotonic() + HOLD_SECONDS
    with post.db.write() as tx:
        post.hold(tx)
        keys = [message.customer_key for message in group]
        people = customers_by_keys(tx, shop_id=shop.id, keys=keys)
        for message in group:
            person = people.get(message.customer_key)
            values: dict[str, Any]
            address = None if person is None else channel.contact.of(person)
            if person is None or address is None:
                values = {"state": MessageState.FAILED, "problem": "no address"}
            elif not channel.consent.given(person):
                values = {"state": MessageState.OPTED_OUT}
            else:
                values = {
                    "state": MessageState.SENDING,
                    "sender": post.sender,
                    "address": address,
                    "claimed_at": real_now,
                    "attempts": messages.c.attempts + 1,
                }
            won = _take(tx, outreach, message, values)
            if won and person is not None and address and values["state"] == MessageState.SENDING:
                ready = _letter(post, shop, outreach, message, person.name, address)
                letters.append((message, replace(ready, until=until)))
    return letters


def _take(tx: Connection, outreach: Outreach, message: Message, values: dict[str, Any]) -> bool:
    """Move one message on from pending, while its outreach goes on; False if another was faster."""
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
    return won is not None


def _letter(
    post: Sender, shop: Shop, outreach: Outreach, message: Message, name: str, address: str
) -> Letter:
    return letter(
        reference=outward("msg", message.id),
        to_address=address,
        name=name,
        shop_name=shop.name,
        subject=outreach.subject,
        body=outreach.body,
        link=outreach.link,
        opt_out_link=opt_out_link(post.public_url, post.secret, message.id),
        language=outreach.language,
    )


def _carry(channel: Channel, letters: Sequence[tuple[Message, Letter]]) -> _Tally:
    """Take claimed letters to the channel one after another."""
    tally, in_a_row = _Tally(), 0
    for place, (message, ready) in enumerate(letters):
        if ready.is_late:
            tally.untouched = [waiting for waiting, _ in letters[place:]]
            break
        try:
            channel.send(ready)
        except PassingError as error:
            tally.passing.append((message, str(error)))
            in_a_row += 1
            if in_a_row < PASSING_IN_A_ROW_MAX:
                continue
            tally.untouched = [waiting for waiting, _ in letters[place + 1 :]]
            break
        except FinalError as error:
            tally.failed.append((message, str(error)))
        except MayBeAcceptedError as error:
            # Where the channel can tell, the message stays in ``sending`` and is asked for next.
            if not _can_tell(channel):
                tally.uncertain.append((message, str(error)))
        except NeedsPersonError as error:
            tally.problem = str(error)
            tally.untouched = [waiting for waiting, _ in letters[place:]]
            break
        else:
            tally.sent.append(message)
        in_a_row = 0
    return tally


def _note(
    post: Sender, shop: Shop, outreach: Outreach, tally: _Tally, now: datetime, real_now: datetime
) -> None:
    """Write down what became of a group, in one transaction."""
    with post.db.write() as tx:
        for message, problem in tally.passing:
            _give_back(tx, post, message, problem)
        for message in tally.untouched:
            _give_back(tx, post, message, tally.problem or "", counts=False)
        for state, pairs in (
            (MessageState.FAILED, tally.failed),
            (MessageState.UNCERTAIN, tally.uncertain),
        ):
            for message, problem in pairs:
                _change(tx, message.id, post.sender, state=state, problem=problem[:500])
        _mark_sent(tx, shop, outreach, tally.sent, now, real_now)


def _mark_sent(
    tx: Connection,
    shop: Shop,
    outreach: Outreach,
    gone: Sequence[Message],
    now: datetime,
    real_now: datetime,
) -> None:
    """Mark messages as sent and append their facts; who was marked before gets no second fact."""
    facts = [
        message_fact(shop, outreach, message.id, message.customer_key, now)
        for message in gone
        if _change(tx, message.id, None, state=MessageState.SENT, sent_at=now, problem=None)
    ]
    append(tx, facts, now=real_now)


def _give_back(
    tx: Connection, post: Sender, message: Message, problem: str, *, counts: bool = True
) -> None:
    """Make a message pending again; after too many attempts it has failed."""
    attempts = tx.execute(
        select(messages.c.attempts).where(messages.c.id == message.id)
    ).scalar_one()
    gone = counts and attempts >= ATTEMPTS_MAX
    state = MessageState.FAILED if gone else MessageState.PENDING
    kept = attempts if counts else attempts - 1
    _change(tx, message.id, post.sender, state=state, problem=problem[:500], attempts=kept)


def _change(tx: Connection, message_id: UUID, sender: str | None, **values: Any) -> bool:
    """Move a message on from ``sending``; False if someone else did already."""
    mine = and_(messages.c.id == message_id, messages.c.state == MessageState.SENDING)
    if sender is not None:
        mine = and_(mine, messages.c.sender == sender)
    statement = update(messages).where(mine).values(**values).returning(messages.c.id)
    return tx.execute(statement).first() is not None


def _finish(post: Sender, shop: Shop, outreach: Outreach, now: datetime) -> int:
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
                shop=shop,
                actor=Actor("worker", post.line, post.line),
                action=DONE,
                subject=outward("otr", outreach.id),
                after={str(state): count for state, count in counts.items()},
            )
    return 0
