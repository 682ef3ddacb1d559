"""Pagers: a number of the customer's file, a short text without a subject, a yes before."""

from typing import ClassVar, Self

from springtide.domain.outreach.ports import Consent, Contact, Content, Letter
from springtide.kit.errors import N_
from springtide.settings import Settings


class Pager:
    """Remembers what it sent."""

    kind: ClassVar[str] = "pager"
    label: ClassVar[str] = N_("Pager")
    contact: ClassVar[Contact] = Contact(N_("Pager number"), attribute="pager")
    content: ClassVar[Content] = Content(body_length_max=200)
    consent: ClassVar[Consent] = Consent(attribute="pager_ok")
    sent: ClassVar[list[Letter]] = []

    @classmethod
    def open(cls, settings: Settings) -> Self:
        return cls()

    def send(self, letter: Letter) -> None:
        self.sent.append(letter)

    def was_accepted(self, reference: str) -> bool | None:
        return any(letter.reference == reference for letter in self.sent)

    def close(self) -> None:
        pass
