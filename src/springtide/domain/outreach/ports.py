"""What outreach needs from the outer world: a channel that carries letters."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from springtide.domain.customers.model import Customer
from springtide.kit.errors import NeedsPersonError
from springtide.kit.registry import Registry
from springtide.settings import Settings

#: The column that keeps an address.
ADDRESS_LENGTH_MAX = 320
_YES = frozenset({"yes", "true", "1"})


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a channel reaches a customer: the e-mail address, or an attribute of their file."""

    #: What such an address is called.
    label: str
    #: The attribute's name; empty for the e-mail address.
    attribute: str = ""

    def of(self, customer: Customer) -> str | None:
        """Return a customer's address, None without one; never more than a line of a message."""
        if not self.attribute:
            return customer.email
        told = customer.attributes.get(self.attribute)
        text = "" if told is None else str(told).strip()
        return text if text.isprintable() and 0 < len(text) <= ADDRESS_LENGTH_MAX else None


@dataclass(frozen=True, slots=True)
class Content:
    """What a channel can carry: lengths in characters; without a subject where there is none."""

    body_length_max: int
    subject_length_max: int | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """Who may be written to: whoever did not opt out, and said yes where that is asked for.

    ``attribute`` names where a customer's file says so (``yes``, ``true`` or ``1``).
    """

    attribute: str = ""

    def given(self, customer: Customer) -> bool:
        """Tell whether the customer may be written to."""
        told = str(customer.attributes.get(self.attribute, "")).strip().lower()
        return customer.opted_out_at is None and (not self.attribute or told in _YES)


class MayBeAcceptedError(NeedsPersonError):
    """The connection broke after the letter went out: nobody can tell whether it was accepted."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one person, ready to go; ``reference`` names it for ever.

    After ``until`` (of ``time.monotonic``) another sender may have it, and it must not go out.
    """

    reference: str
    to_address: str
    to_name: str
    from_name: str
    subject: str
    text: str
    html: str
    opt_out_link: str
    until: float | None = None

    @property
    def is_late(self) -> bool:
        """Whether it must not go out any more."""
        return self.until is not None and time.monotonic() > self.until


class Channel(Protocol):
    """A way to reach a customer: whom (contact), with what (content), by whose word (consent).

    ``send`` raises ``PassingError`` (nothing was accepted, try again; also of a letter that is
    late when its last word could be said), ``FinalError`` (this
    address will never work), ``MayBeAcceptedError`` (unknown, never try again by itself) or
    another ``NeedsPersonError`` (the set-up is wrong, nothing was accepted).
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    contact: ClassVar[Contact]
    content: ClassVar[Content]
    consent: ClassVar[Consent]

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Return a channel as the settings describe it."""
        ...

    def send(self, letter: Letter) -> None:
        """Hand one letter over; return when it was accepted."""
        ...

    def was_accepted(self, reference: str) -> bool | None:
        """Tell whether a letter was accepted before; None where the channel cannot know."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


#: Every channel there is, by kind.
channels: Registry[Channel] = Registry(
    "channel",
    "springtide.connectors.channels",
    Channel,  # type: ignore[type-abstract]
)


class _Labels(Mapping[str, str]):
    def __getitem__(self, kind: str) -> str:
        return channels[kind].label

    def __iter__(self) -> Iterator[str]:
        return iter(channels)

    def __len__(self) -> int:
        return len(channels)


#: What a reader sees for each channel.
LABELS: Mapping[str, str] = _Labels()
