"""What outreach needs from the outer world: a channel that carries letters."""

import time
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from springtide.kit.errors import NeedsPersonError
from springtide.kit.registry import Registry
from springtide.settings import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel can carry: lengths in characters."""

    subject_length_max: int
    body_length_max: int


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
    """A way to reach a customer.

    ``send`` raises ``PassingError`` (nothing was accepted, try again; also of a letter that is
    late when its last word could be said), ``FinalError`` (this
    address will never work), ``MayBeAcceptedError`` (unknown, never try again by itself) or
    another ``NeedsPersonError`` (the set-up is wrong, nothing was accepted).
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    limits: ClassVar[Limits]

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
