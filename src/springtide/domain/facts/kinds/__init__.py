"""Kinds of facts, one file each: to let something new be told is to add one file.

``order`` and ``payment`` are one fact a line of an order, so that money can be followed down to a
product; ``refund`` likewise (its amount is positive).
"""

from typing import Any

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.registry import Registry

EVENT_KINDS: Registry[EventKind] = Registry(
    "event_kind", "springtide.domain.facts.kinds", EventKind
)


def said(attribute: str) -> dict[str, Any]:
    """Return what kinds say of an attribute, such as ``label``, by kind; of those that say it.

    They come in the order in which people choose from them.
    """
    ordered = sorted(EVENT_KINDS.items(), key=lambda member: (member[1].place, member[0]))
    return {kind: value for kind, each in ordered if (value := getattr(each, attribute))}


def kind_words() -> dict[str, str]:
    """Return the kind that is meant by each word of a file: the kinds themselves, and others."""
    words = {word: kind for kind, each in EVENT_KINDS.items() for word in each.words}
    return {kind: kind for kind in EVENT_KINDS} | words
