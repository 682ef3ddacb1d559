"""Who is meant, what is said, who is held out, and the states of one message."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from springtide.domain.access.model import Shop
from springtide.domain.facts import fact_ids
from springtide.domain.facts.model import Fact
from springtide.kit.errors import N_, Refusal
from springtide.kit.ids import outward
from springtide.kit.money import share_bps

#: The channel where none was chosen.
CHANNEL_DEFAULT = "email"
CONTROL_BPS_DEFAULT = 1000


class MessageState(StrEnum):
    """Where one person's message stands."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    OPTED_OUT = "opted_out"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"
    HELD_OUT = "held_out"


#: One message of an outreach.
MESSAGE_STATES = {
    "sent": N_("Sent"),
    "pending": N_("Waiting"),
    "sending": N_("Under way"),
    "failed": N_("Failed"),
    "opted_out": N_("Opted out before it went"),
    "uncertain": N_("Uncertain"),
    "cancelled": N_("Cancelled"),
    "held_out": N_("Control group"),
}


class OutreachStatus(StrEnum):
    """Where an outreach stands: written, audience fixed, being sent, done, or called off."""

    DRAFT = "draft"
    FROZEN = "frozen"
    SENDING = "sending"
    DONE = "done"
    CANCELLED = "cancelled"


#: An outreach.
OUTREACH_STATES = {
    "draft": N_("Draft"),
    "frozen": N_("Waiting for its time"),
    "sending": N_("Sending"),
    "done": N_("Sent to all"),
    "cancelled": N_("Cancelled"),
}


class BadSegment(Refusal):
    """A segment rule that cannot be read."""

    code = "bad_segment"
    text = N_("This segment cannot be read: {why}")


class NotADraft(Refusal):
    """The outreach can no longer be changed."""

    code = "outreach_not_a_draft"
    status = 409
    text = N_("The audience of “{name}” is fixed already; copy it to change it.")


class NotFrozen(Refusal):
    """The outreach has no fixed audience yet."""

    code = "outreach_not_frozen"
    status = 409
    text = N_("Fix the audience of “{name}” before sending.")


class EmptyAudience(Refusal):
    """Nobody to write to."""

    code = "outreach_empty_audience"
    text = N_("Nobody of the segment of “{name}” can be reached: check addresses and opt-outs.")


class NotUncertain(Refusal):
    """The message's fate is known already."""

    code = "message_not_uncertain"
    status = 409
    text = N_("What became of this message is known already.")


class BadControlShare(Refusal):
    """A control share outside what makes sense."""

    code = "bad_control_share"
    text = N_("The control group must be 0 to 50 % of the audience.")


@dataclass(frozen=True, slots=True)
class Segment:
    """Customers chosen by what they did; every rule that is set must hold."""

    tiers: tuple[str, ...] = ()
    last_order_days_min: int | None = None
    last_order_days_max: int | None = None
    orders_min: int | None = None
    money_min_minor: int | None = None
    departments: tuple[str, ...] = ()
    department_days: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the rules that are set."""
        return {key: value for key, value in asdict(self).items() if value not in (None, ())}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read a stored or posted segment; refuse unknown rules and wrong types."""
        values: dict[str, Any] = {}
        for key, value in document.items():
            if key not in cls.__slots__:
                raise BadSegment(why=str(key)[:60])
            if key in ("tiers", "departments"):
                if not isinstance(value, list | tuple) or not all(
                    isinstance(v, str) for v in value
                ):
                    raise BadSegment(why=key)
                values[key] = tuple(value)
            elif value is not None:
                if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                    raise BadSegment(why=key)
                values[key] = value
        return cls(**values)

    def takes(self, *, tier: str, recency_days: int, order_count: int, money_minor: int) -> bool:
        """Tell whether a customer's standing fits; departments are asked of the facts."""
        return (
            (not self.tiers or tier in self.tiers)
            and recency_days >= (self.last_order_days_min or 0)
            and (self.last_order_days_max is None or recency_days <= self.last_order_days_max)
            and order_count >= (self.orders_min or 0)
            and money_minor >= (self.money_min_minor or 0)
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person writes down of an outreach before its audience is fixed."""

    name: str
    subject: str
    body: str
    segment: Segment = Segment()
    link: str = ""
    channel: str = CHANNEL_DEFAULT
    language: str = "en"
    control_bps: int = CONTROL_BPS_DEFAULT
    campaign_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Outreach:
    """One message to one segment by one channel, with a control group."""

    id: UUID
    shop_id: UUID
    campaign_id: UUID | None
    name: str
    channel: str
    segment: Segment
    subject: str
    body: str
    link: str
    language: str
    control_bps: int
    status: OutreachStatus
    created_at: datetime
    frozen_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One person's place in an outreach."""

    id: UUID
    outreach_id: UUID
    customer_key: str
    state: MessageState
    address: str | None = None
    sent_at: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How many persons of an outreach stand in each state."""

    counts: Mapping[MessageState, int]

    @property
    def treated_count(self) -> int:
        """Everyone who is meant to get the message."""
        return self.audience_count - self.counts.get(MessageState.HELD_OUT, 0)

    @property
    def audience_count(self) -> int:
        """Everyone, the control group too."""
        return sum(self.counts.values())

    @property
    def open_count(self) -> int:
        """Messages that are still to go, or under way."""
        return sum(
            self.counts.get(state, 0) for state in (MessageState.PENDING, MessageState.SENDING)
        )


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What one batch did; ``open_count`` messages are left, ``passing_count`` of this batch failed
    in a way that may pass."""

    sent_count: int
    open_count: int
    passing_count: int
    needs_person: str | None = None


def control_group(outreach_id: UUID, customer_keys: Iterable[str], control_bps: int) -> set[str]:
    """Return the customers held out: an exact share, fixed by the keys alone.

    The keys are ordered by SHA-256 of outreach and key, and the first share of them is held out,
    so the same audience always gives the same arms and no arm depends on the order of a file.
    """
    ordered = sorted(customer_keys, key=lambda key: _draw(outreach_id, key))
    return set(ordered[: share_bps(len(ordered), control_bps)])


def _draw(outreach_id: UUID, customer_key: str) -> bytes:
    return hashlib.sha256(f"{outreach_id}:{customer_key}".encode()).digest()


def checked_control_bps(value: int) -> int:
    """Return a control share of 0 to half of the audience; refuse others."""
    if not 0 <= value <= 5000:
        raise BadControlShare()
    return value


def message_fact(
    shop: Shop, outreach: Outreach, message_id: UUID, customer_key: str, sent_at: datetime
) -> Fact:
    """Return the fact that a message went out; the same message is always the same fact."""
    return Fact(
        shop=shop.slug,
        kind="message",
        occurred_at=sent_at,
        source="springtide",
        external_id=fact_ids.build("message", str(message_id)),
        customer_key=customer_key,
        campaign_key=outward("cmp", outreach.campaign_id) if outreach.campaign_id else None,
        reference=outward("otr", outreach.id),
        props={"channel": outreach.channel},
    )
