"""A form as it was typed: values to show again, and what is wrong beside each field."""

from collections.abc import Mapping
from typing import Any, Protocol

from springtide.kit.errors import Invalid, Refusal


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
