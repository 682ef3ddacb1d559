"""Kinds of facts, one file each: to let something new be told is to add one file.

``order`` and ``payment`` are one fact a line of an order, so that money can be followed down to a
product; ``refund`` likewise (its amount is positive).
"""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.registry import Registry

EVENT_KINDS: Registry[EventKind] = Registry(
    "event_kind", "springtide.domain.facts.kinds", EventKind
)


def said(attribute: str) -> dict[str, str]:
    """Return what kinds say of an attribute, such as ``label``, by kind; of those that say it."""
    return {kind: text for kind, each in EVENT_KINDS.items() if (text := getattr(each, attribute))}


def kind_words() -> dict[str, str]:
    """Return the kind that is meant by each word of a file: the kinds themselves, and others."""
    words = {word: kind for kind, each in EVENT_KINDS.items() for word in each.words}
    return {kind: kind for kind in EVENT_KINDS} | words
