"""Errors that carry a stable code, so that a person, a program and a log read the same refusal."""

from collections.abc import Mapping
from typing import ClassVar


def N_(text: str) -> str:  # noqa: N802 - the gettext convention for "translate later"
    """Mark a text for the catalogues; it is translated where it is shown."""
    return text


class Refusal(Exception):
    """What a person may meet: refused with a code that never changes and the facts behind it.

    Subclasses stand beside the function that raises them and set ``code``, ``status`` (HTTP) and
    ``text`` (English, ``str.format`` fields taken from the facts; the catalogues translate it).
    A fact that is a list of texts is told one after the other.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 422
    text: ClassVar[str] = N_("This was refused.")

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(self.code)

    def __str__(self) -> str:
        """Return the English text with its facts filled in."""
        facts = {
            name: "; ".join(map(str, value)) if isinstance(value, list) else value
            for name, value in self.facts.items()
        }
        return self.text.format(**facts)


def printable(text: str) -> str:
    """Return a text whose control characters a terminal does not obey.

    >>> printable("red \\x1b[31m")
    'red ?[31m'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def plain_facts(facts: Mapping[str, object]) -> dict[str, str | list[str]]:
    """Return the facts of a refusal as JSON keeps them: texts and lists of texts."""
    return {
        name: [str(each) for each in value] if isinstance(value, list) else str(value)
        for name, value in facts.items()
    }


class Invalid(Refusal):
    """A form or a body with one or more wrong fields; ``fields`` maps each to its refusal."""

    code = "invalid"
    text = N_("Some fields need another look.")

    def __init__(self, fields: dict[str, Refusal]) -> None:
        self.fields = fields
        super().__init__()


class NotFound(Refusal):
    """The thing asked for does not exist, or not for this asker."""

    code = "not_found"
    status = 404
    text = N_("There is no {what} {key}.")


class Conflict(Refusal):
    """The thing changed, or exists already."""

    code = "conflict"
    status = 409
    text = N_("This does not go with what is stored.")


class OuterCallError(Exception):
    """A call to the outer world failed."""


class PassingError(OuterCallError):
    """It may work later: try again."""


class FinalError(OuterCallError):
    """It will never work for this target: record it and go on."""


class NeedsPersonError(OuterCallError):
    """A person has to look: it becomes a task."""
