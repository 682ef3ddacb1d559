"""A form as it was typed: values to show again, and what is wrong beside each field."""

from collections.abc import Mapping
from typing import Annotated, Any, Protocol

from litestar import Request
from litestar.enums import RequestEncodingType
from litestar.params import Body

from springtide.kit import reading
from springtide.kit.errors import N_, Invalid, Refusal

AnyRequest = Request[Any, Any, Any]
#: The fields of a posted form, each once.
Typed = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
#: The same where a name that comes several times keeps a list.
Posted = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
DIGITS_MAX = 12


class BadCount(Refusal):
    """A text that is not a whole number."""

    code = "bad_count"
    text = N_("“{value}” is not a whole number from 0 on.")


def read_count(text: str) -> int:
    """Return a whole number of pieces; refuse (BadCount) any other text."""
    count = reading.count(text)
    if count is None or len(str(count)) > DIGITS_MAX:
        raise BadCount(value=text[:20])
    return count


class Told(Protocol):
    """What a reader is told: an English text with placeholders, and the facts for them."""

    @property
    def text(self) -> str:
        """The text, in English."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What its placeholders stand for."""


class Form:
    """Typed values and refusals by field name; ``error`` is one that no single field caused."""

    def __init__(
        self,
        values: Mapping[str, object] | None = None,
        errors: Mapping[str, Told] | None = None,
        error: Told | None = None,
    ) -> None:
        self.values = dict(values or {})
        self.errors = dict(errors or {})
        self.error = error

    @classmethod
    def refused(cls, values: Mapping[str, object], refusal: Refusal) -> "Form":
        """Return the form to show again after an operation refused it."""
        if isinstance(refusal, Invalid):
            return cls(values, refusal.fields)
        return cls(values, error=refusal)

    def value(self, name: str, default: object = "") -> object:
        """Return what was typed in a field, or its default when the form is new."""
        return self.values.get(name, default) if self.values else default

    @property
    def is_wrong(self) -> bool:
        """Whether anything was refused."""
        return bool(self.errors or self.error)
